// links: media base
// A file in pieces of a length that its first byte gives. The checksum of each page that is found is set right first,
// so that what lies behind it is reached; with an odd first byte it is left as it is. What was read is written and
// must read the same.
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "media/files/ogg_opus.hpp"

using namespace peerage;
using namespace peerage::media;

namespace {

void setChecksums(Bytes& file) {
  for (size_t at = 0; at + 27 <= file.size() && std::memcmp(&file[at], "OggS", 4) == 0;) {
    const size_t segments = file[at + 26];
    if (at + 27 + segments > file.size()) return;
    const auto lacing = ByteView(file).subspan(at + 27, segments);
    const size_t total = 27 + segments + std::accumulate(lacing.begin(), lacing.end(), size_t{0});
    if (at + total > file.size()) return;
    std::memset(&file[at + 22], 0, 4);
    const uint32_t crc = oggChecksum(ByteView(file).subspan(at, total));
    for (size_t i = 0; i < 4; ++i) file[at + 22 + i] = static_cast<uint8_t>(crc >> (8 * i));
    at += total;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t step = data[0] + size_t{1};
  Bytes file(data + 1, data + size);
  if (!(data[0] & 1)) setChecksums(file);
  OggOpusReader reader;
  std::vector<OggOpusPacket> packets;
  for (size_t at = 0; at < file.size(); at += step) {
    reader.push(ByteView(file).subspan(at, std::min(step, file.size() - at)));
    for (;;) {
      auto packet = reader.next();
      if (!packet) {
        if (packet.error().message.empty() || reader.next()) std::abort();
        return 0;
      }
      if (!*packet) break;
      packets.push_back(std::move(**packet));
    }
  }
  (void)reader.finish();
  if (!reader.head()) return 0;
  Bytes again;
  OggOpusWriter writer(*reader.head(), 7, 3);
  if (!writer.begin(again)) std::abort();
  for (const auto& packet : packets) {
    if (!writer.packet(packet.data, again)) std::abort();
  }
  writer.finish(again);
  OggOpusReader second;
  second.push(again);
  for (const auto& expected : packets) {
    const auto packet = second.next();
    if (!packet || !*packet || (*packet)->data != expected.data) std::abort();
    if ((*packet)->position != expected.position) std::abort();
  }
  if (!second.next() || !second.finish() || *second.head() != *reader.head()) std::abort();
  return 0;
}
