#include "jsep/identifiers.hpp"

namespace peerage::jsep {

std::string randomUuid(RandomSource& random) {
  uint8_t bytes[16];
  random.fill(bytes);
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);  // RFC 9562 §5.4: version 4, variant 10
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < sizeof bytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15];
  }
  return text;
}

IceCredentials randomCredentials(RandomSource& random) {
  std::string ufrag = random.iceChars(8);
  return {std::move(ufrag), random.iceChars(24)};
}

std::string randomTlsId(RandomSource& random) { return random.iceChars(24); }

uint32_t randomSsrc(const Session& session, RandomSource& random) {
  while (true) {
    const uint32_t ssrc = random.u32();
    bool taken = ssrc == 0;
    for (const Transceiver& t : session.transceivers)
      for (const SendEncoding& e : t.sendEncodings) taken = taken || e.ssrc == ssrc || e.rtxSsrc == ssrc;
    if (!taken) return ssrc;
  }
}

void assignSsrcs(const Session& session, std::vector<SendEncoding>& encodings, RandomSource& random) {
  for (SendEncoding& encoding : encodings) {
    if (encoding.ssrc == 0) encoding.ssrc = randomSsrc(session, random);
    while (encoding.rtxSsrc == 0 || encoding.rtxSsrc == encoding.ssrc) encoding.rtxSsrc = randomSsrc(session, random);
  }
}

MidAllocator::MidAllocator(const Session& session) : next_(session.nextMid) {
  for (const auto* description :
       {&session.currentLocal, &session.currentRemote, &session.pendingLocal, &session.pendingRemote})
    if (*description)
      for (size_t i = 0; i < (*description)->size(); ++i) used_.insert((*description)->mid(i));
  for (const Transceiver& t : session.transceivers)
    if (t.mid) used_.insert(*t.mid);
}

std::string MidAllocator::next() {
  while (true) {
    std::string mid = std::to_string(next_++);
    if (used_.insert(mid).second) return mid;
  }
}

}  // namespace peerage::jsep
