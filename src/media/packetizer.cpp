#include "media/packetizer.hpp"

#include <string>

#include "media/opus.hpp"
#include "media/vp8.hpp"

namespace peerage::media {

Result<std::unique_ptr<Packetizer>> createPacketizer(std::string_view encodingName, RandomSource& random) {
  if (sameCodecName(encodingName, "VP8")) return std::make_unique<Vp8Packetizer>(random);
  if (sameCodecName(encodingName, "opus")) return std::make_unique<OpusPacketizer>();
  return failure("no RTP payload format for codec \"" + std::string(encodingName) + "\"");
}

Result<std::unique_ptr<Depacketizer>> createDepacketizer(std::string_view encodingName) {
  if (sameCodecName(encodingName, "VP8")) return std::make_unique<Vp8Depacketizer>();
  if (sameCodecName(encodingName, "opus")) return std::make_unique<OpusDepacketizer>();
  return failure("no RTP payload format for codec \"" + std::string(encodingName) + "\"");
}

}  // namespace peerage::media
