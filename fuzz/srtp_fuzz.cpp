// links: srtp
// Packets of any kind into SRTP and SRTCP of each profile; and what was protected comes back as it was.
#include <algorithm>
#include <cstdlib>

#include "srtp/session.hpp"

using namespace peerage;

namespace {

struct Ends {
  explicit Ends(srtp::Profile profile)
      : sender(profile, srtp::Direction::protect, Bytes(srtp::keySize(profile), 1), Bytes(srtp::saltSize(profile), 2)),
        receiver(profile, srtp::Direction::unprotect, Bytes(srtp::keySize(profile), 1),
                 Bytes(srtp::saltSize(profile), 2)) {}
  srtp::Session sender, receiver;
};

void roundTrip(Ends& ends, ByteView data, bool rtcp) {
  Bytes packet(data.begin(), data.end());
  const bool sealed = (rtcp ? ends.sender.protectRtcp(packet) : ends.sender.protect(packet)).has_value();
  if (!sealed) return;
  const bool opened = (rtcp ? ends.receiver.unprotectRtcp(packet) : ends.receiver.unprotect(packet)).has_value();
  if (opened && !std::equal(packet.begin(), packet.end(), data.begin(), data.end())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // The input is a row of packets, each with its length in front.
  for (auto profile : {srtp::Profile::aes128_cm_sha1_80, srtp::Profile::aead_aes_128_gcm,
                       srtp::Profile::aead_aes_256_gcm}) {
    Ends ends(profile);
    ByteReader reader({data, size});
    while (const auto length = reader.u8()) {
      const auto view = reader.bytes(std::min<size_t>(*length, reader.remaining()));
      for (bool rtcp : {false, true}) {
        Bytes hostile(view->begin(), view->end());
        if ((rtcp ? ends.receiver.unprotectRtcp(hostile) : ends.receiver.unprotect(hostile)).has_value()) std::abort();
        roundTrip(ends, *view, rtcp);
      }
    }
  }
  return 0;
}
