// VP8 in RTP (RFC 7741), and as much of a VP8 frame's header as the transport looks at (RFC 6386 §9.1).
#pragma once

#include <cstdint>
#include <optional>

#include "media/packetizer.hpp"

namespace peerage::media {

/// The uncompressed data chunk in front of a VP8 frame.
struct Vp8FrameHeader {
  bool key = false;
  int width = 0;   ///< of key frames, 14 bits
  int height = 0;
  /// nullopt when `frame` is too short, or a key frame lacks its start code.
  static std::optional<Vp8FrameHeader> parse(ByteView frame);
};

/// Writes a payload descriptor with a 15-bit PictureID, which counts up by one a frame from a random start.
class Vp8Packetizer final : public Packetizer {
 public:
  explicit Vp8Packetizer(RandomSource& random) : pictureId_(static_cast<uint16_t>(random.u32() & 0x7fff)) {}

  Result<size_t> start(const EncodedFrame& frame, size_t maxPayload = kDefaultMaxPayload) override;
  std::optional<Payload> next(Bytes& out) override;
  /// PictureID of the frame that start() takes next.
  uint16_t nextPictureId() const { return pictureId_; }

 private:
  void writeDescriptor(bool first, Bytes& out) const;

  ByteView rest_;
  Vp8FrameInfo info_;
  size_t left_ = 0;  ///< payloads still to come
  bool atStart_ = false;
  uint16_t framePictureId_ = 0;
  uint16_t pictureId_;
};

class Vp8Depacketizer final : public Depacketizer {
 public:
  Result<DepacketizedPayload> parse(ByteView payload) const override;
  void append(const DepacketizedPayload& payload, Bytes& frame) const override;
};

}  // namespace peerage::media
