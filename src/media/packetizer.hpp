// Encoded frames to RTP payloads and back, one class pair a codec: VP8 (RFC 7741) and Opus (RFC 7587).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "media/codec.hpp"

namespace peerage::media {

/// RTP payload bytes that fit an ordinary path: 1200 bytes of UDP payload less RTP header, extensions, SRTP tag and
/// an RTX header.
inline constexpr size_t kDefaultMaxPayload = 1120;
/// The least and the most that start() takes as maximum.
inline constexpr size_t kMinMaxPayload = 64;
inline constexpr size_t kMaxMaxPayload = 65000;
/// A frame over this many bytes is refused by packetizers and dropped by the jitter buffer.
inline constexpr size_t kMaxFrameBytes = size_t{4} << 20;

/// Splits frames into payloads: start() a frame, then next() until it returns nullopt.
class Packetizer {
 public:
  struct Payload {
    bool first = false;  ///< of its frame
    bool last = false;   ///< of its frame: the marker bit of video
  };
  virtual ~Packetizer() = default;
  /// Takes a frame, whose data must stay in place until the last next(). The payloads are of nearly equal size, none
  /// over `maxPayload` bytes. Returns how many there will be; fails for an empty or too large frame.
  virtual Result<size_t> start(const EncodedFrame& frame, size_t maxPayload = kDefaultMaxPayload) = 0;
  /// Appends the next payload (behind an RTP header that the caller may have written) to `out`.
  virtual std::optional<Payload> next(Bytes& out) = 0;
};

/// What one RTP payload says of itself.
struct DepacketizedPayload {
  ByteView data;         ///< the codec's bytes, inside the payload that was parsed
  bool begin = false;    ///< the first payload of its frame
  bool key = false;      ///< begin only: of a key frame
  int width = 0;         ///< begin of a key frame only: pixels
  int height = 0;
  bool nonReference = false;           ///< no later picture refers to this one
  std::optional<uint16_t> pictureId;   ///< as on the wire
  bool longPictureId = false;          ///< 15 bits rather than 7
  std::optional<uint8_t> tl0PicIdx;
  std::optional<uint8_t> temporalId;
  bool layerSync = false;
  std::optional<uint8_t> keyIdx;
};

/// Reads payloads. Without state of its own between calls.
class Depacketizer {
 public:
  virtual ~Depacketizer() = default;
  virtual Result<DepacketizedPayload> parse(ByteView payload) const = 0;
  /// Appends what the payload contributes to its frame; payloads of a frame come in order.
  virtual void append(const DepacketizedPayload& payload, Bytes& frame) const = 0;
};

/// `encodingName` is "VP8" or "opus" (without case). `random` gives a packetizer its first PictureID (RFC 7741 §4.2).
/// Fails, naming the codec, for any other.
Result<std::unique_ptr<Packetizer>> createPacketizer(std::string_view encodingName, RandomSource& random);
Result<std::unique_ptr<Depacketizer>> createDepacketizer(std::string_view encodingName);

}  // namespace peerage::media
