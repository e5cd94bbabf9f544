#include "media/opus.hpp"

#include <string>

namespace peerage::media {

namespace {

constexpr int kMaxPacketSamples = 5760;  // RFC 6716 §3.2.5 [R5]: a packet MUST NOT hold more than 120 ms

/// Samples at 48 kHz in one frame, by the configuration number in the first five bits (RFC 6716 §3.1, table 2).
int frameSamples(uint8_t toc) {
  const int config = toc >> 3;
  if (config < 12) {  // SILK: 10, 20, 40, 60 ms
    constexpr int kSilk[] = {480, 960, 1920, 2880};
    return kSilk[config & 3];
  }
  if (config < 16) return config & 1 ? 960 : 480;  // hybrid: 10, 20 ms
  return 120 << (config & 3);                      // CELT: 2.5, 5, 10, 20 ms
}

}  // namespace

std::optional<int> opusPacketSamples(ByteView packet) {
  if (packet.empty()) return std::nullopt;
  int frames = 0;
  switch (packet[0] & 3) {  // RFC 6716 §3.2: the frame count code
    case 0:
      frames = 1;
      break;
    case 1:
    case 2:
      frames = 2;
      break;
    default:
      if (packet.size() < 2) return std::nullopt;
      frames = packet[1] & 0x3f;
  }
  const int samples = frames * frameSamples(packet[0]);
  if (samples == 0 || samples > kMaxPacketSamples) return std::nullopt;
  return samples;
}

Result<size_t> OpusPacketizer::start(const EncodedFrame& frame, size_t maxPayload) {
  packet_ = {};
  if (!opusPacketSamples(frame.data)) return failure("no Opus packet");
  if (frame.data.size() > maxPayload) {
    return failure("Opus packet of " + std::to_string(frame.data.size()) + " bytes, over " +
                   std::to_string(maxPayload));
  }
  packet_ = frame.data;
  return 1;
}

std::optional<Packetizer::Payload> OpusPacketizer::next(Bytes& out) {
  if (packet_.empty()) return std::nullopt;
  out.insert(out.end(), packet_.begin(), packet_.end());
  packet_ = {};
  return Payload{.first = true, .last = true};
}

Result<DepacketizedPayload> OpusDepacketizer::parse(ByteView payload) const {
  if (!opusPacketSamples(payload)) return failure("no Opus packet");
  DepacketizedPayload result;
  result.data = payload;
  result.begin = true;
  result.key = true;
  return result;
}

void OpusDepacketizer::append(const DepacketizedPayload& payload, Bytes& frame) const {
  frame.insert(frame.end(), payload.data.begin(), payload.data.end());
}

}  // namespace peerage::media
