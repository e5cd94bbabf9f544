// Opus in RTP (RFC 7587: one Opus packet a payload), and what an Opus packet's first byte says (RFC 6716 §3).
#pragma once

#include <optional>

#include "media/packetizer.hpp"

namespace peerage::media {

/// Samples per channel at 48 kHz in an Opus packet: 120 to 5760. nullopt for an empty packet, a frame count that is
/// missing or 0, or over 120 ms (RFC 6716 §3.4).
std::optional<int> opusPacketSamples(ByteView packet);

/// One payload a frame, unchanged; `last` is set, but an audio marker bit means something else (RFC 3551 §4.1).
class OpusPacketizer final : public Packetizer {
 public:
  Result<size_t> start(const EncodedFrame& frame, size_t maxPayload = kDefaultMaxPayload) override;
  std::optional<Payload> next(Bytes& out) override;

 private:
  ByteView packet_;
};

class OpusDepacketizer final : public Depacketizer {
 public:
  Result<DepacketizedPayload> parse(ByteView payload) const override;
  void append(const DepacketizedPayload& payload, Bytes& frame) const override;
};

}  // namespace peerage::media
