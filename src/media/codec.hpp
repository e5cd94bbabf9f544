// What the engine knows of a codec: descriptions to negotiate, encoders and decoders behind interfaces, and a factory
// that makes them. The libraries behind it stay in src/codecs; a test or a program may bring its own factory.
//
// An encoder or decoder is used by one thread at a time and needs no particular one, so that the owner may run it on
// a worker.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "peerage/frames.hpp"

namespace peerage::media {

enum class MediaKind : uint8_t { audio, video };

/// One a=rtcp-fb value: {"nack", "pli"} or {"transport-cc", ""}.
struct RtcpFeedback {
  std::string type;
  std::string parameter;
  friend bool operator==(const RtcpFeedback&, const RtcpFeedback&) = default;
};

/// A codec as it is negotiated: RTCRtpCodec of the specification, and the feedback to offer for it.
struct CodecDescription {
  MediaKind kind = MediaKind::video;
  std::string mimeType;  ///< "video/VP8", "audio/opus"; compared without case
  uint32_t clockRate = 90000;
  int channels = 0;         ///< audio: what the rtpmap line says (2 for Opus whatever is sent, RFC 7587 §7); video: 0
  std::string sdpFmtpLine;  ///< "minptime=10;useinbandfec=1", or empty
  std::vector<RtcpFeedback> rtcpFeedback;

  /// "VP8" of "video/VP8".
  std::string_view encodingName() const;
  friend bool operator==(const CodecDescription&, const CodecDescription&) = default;
};

/// ASCII comparison without case, as mime types and encoding names are compared (RFC 4855 §3).
bool sameCodecName(std::string_view a, std::string_view b);

/// The `key=value` pairs of an fmtp line, keys in lower case, blanks around them removed; a key without "=" has an
/// empty value. At most 64 pairs are read.
std::vector<std::pair<std::string, std::string>> parseFmtp(std::string_view line);
/// The value of one key of an fmtp line as a number in [low, high]; nullopt when it is absent, no number, or outside.
std::optional<int64_t> fmtpNumber(std::string_view line, std::string_view key, int64_t low, int64_t high);

// ---- Encoded pictures ----------------------------------------------------------------------------------------------

/// What a VP8 encoder tells the payload descriptor (RFC 7741 §4.2). The packetizer counts PictureID itself.
struct Vp8FrameInfo {
  bool nonReference = false;            ///< N: no later picture refers to this one
  std::optional<uint8_t> temporalId;    ///< TID, 0 to 3; absent without temporal layers
  bool layerSync = false;               ///< Y: depends on temporal layer 0 alone
  std::optional<uint8_t> tl0PicIdx;     ///< TL0PICIDX
};

/// Codec specific facts beside the bits of a picture; later codecs add their alternative.
using CodecFrameInfo = std::variant<std::monostate, Vp8FrameInfo>;

/// One picture as an encoder makes it or as the jitter buffer puts it together again.
struct EncodedFrame {
  Bytes data;
  bool key = false;           ///< decodable without any picture before it
  uint32_t rtpTimestamp = 0;  ///< 90 kHz; set by the sender for sending, from the packets when received
  int width = 0;              ///< pixels; when received: of key frames, else 0
  int height = 0;
  Duration captureTime{0};    ///< VideoFrame::timestamp of the picture that was encoded
  int quantizer = -1;         ///< encoder's quantizer index of the picture, -1 when not known (getStats qpSum)
  CodecFrameInfo info;
};

// ---- Video --------------------------------------------------------------------------------------------------------

/// All of it may change at run time.
struct VideoEncoderConfig {
  int width = 640;           ///< of the pictures to come, before scaling; pixels, 1 to kMaxVideoWidth. A change, as
                             ///< one of scaleDownBy, makes the next picture a key frame
  int height = 480;          ///< pixels, 1 to kMaxVideoHeight
  int bitrate = 1'000'000;   ///< target, bit/s, 1'000 to 200'000'000
  double framerate = 30;     ///< expected pictures a second, (0, 240]
  double scaleDownBy = 1;    ///< both sides are divided by it before encoding, 1 to 64 (RTCRtpEncodingParameters)
  int threads = 1;           ///< 1 to 16
  bool screenContent = false;  ///< text and still pictures rather than camera
  friend bool operator==(const VideoEncoderConfig&, const VideoEncoderConfig&) = default;
};

inline constexpr int kMaxVideoWidth = 4096;
inline constexpr int kMaxVideoHeight = 4096;
/// Largest product of width and height that is encoded or decoded: 4096 x 2304, which is 4K and a little.
inline constexpr int64_t kMaxVideoPixels = int64_t{4096} * 2304;

class VideoEncoder {
 public:
  virtual ~VideoEncoder() = default;
  /// Applies a new configuration from the next picture on. Fails, changing nothing, for values out of range.
  virtual Result<> configure(const VideoEncoderConfig& config) = 0;
  virtual const VideoEncoderConfig& config() const = 0;
  /// Encodes one picture. A picture of another size than configured makes the encoder follow it (and a key frame).
  /// Writes `out` (its buffer is reused; `width` and `height` are those encoded) and returns true; false when rate
  /// control dropped the picture. `rtpTimestamp` of `out` is the one of `frame`. Pictures come in order of their
  /// timestamps.
  virtual Result<bool> encode(const VideoFrame& frame, bool forceKey, EncodedFrame& out) = 0;
  /// getStats encoderImplementation: "libvpx".
  virtual std::string_view implementation() const = 0;
};

class VideoDecoder {
 public:
  virtual ~VideoDecoder() = default;
  /// Decodes one picture. nullopt when the bits are right and show nothing. An error means that the bits are wrong or
  /// refer to pictures never seen: ask for a key frame and go on with it.
  virtual Result<std::optional<VideoFrame>> decode(const EncodedFrame& frame) = 0;
  virtual std::string_view implementation() const = 0;
};

// ---- Audio --------------------------------------------------------------------------------------------------------

inline constexpr int kAudioSampleRate = 48000;
inline constexpr int kAudioFrameSamples = 960;  ///< samples per channel in 20 ms, what encoders take

/// How an audio encoder is set, mostly from the fmtp line of the remote description (RFC 7587 §6.1, §7.1).
struct AudioEncoderConfig {
  int channels = 1;          ///< 1 or 2, what encode() is given
  int bitrate = 32'000;      ///< bit/s, 6'000 to 510'000
  bool inbandFec = true;     ///< useinbandfec
  bool dtx = false;          ///< usedtx
  bool constantBitrate = false;   ///< cbr
  int expectedLoss = 10;     ///< percent, 0 to 100; steers how much FEC is spent
  int maxPlaybackRate = 48000;    ///< maxplaybackrate, Hz, 8000 to 48000
  bool voice = true;         ///< speech rather than music
  friend bool operator==(const AudioEncoderConfig&, const AudioEncoderConfig&) = default;
};

/// The configuration that an Opus fmtp line asks an encoder for (RFC 7587 §6.1): values out of range are ignored, and
/// channels = 2 only with stereo=1.
AudioEncoderConfig opusConfigFromFmtp(std::string_view fmtpLine);

class AudioEncoder {
 public:
  virtual ~AudioEncoder() = default;
  /// Applies a new configuration from the next frame on; fails, changing nothing, for values out of range.
  virtual Result<> configure(const AudioEncoderConfig& config) = 0;
  virtual const AudioEncoderConfig& config() const = 0;
  /// Encodes kAudioFrameSamples samples per channel, interleaved at 48 kHz, into `out` (replaced, buffer reused).
  /// False: DTX, nothing needs to be sent.
  virtual Result<bool> encode(std::span<const int16_t> samples, Bytes& out) = 0;
};

class AudioDecoder {
 public:
  virtual ~AudioDecoder() = default;
  /// Channels of what decode() and the others write: 1 or 2, fixed.
  virtual int channels() const = 0;
  /// Samples per channel (at 48 kHz) that a packet holds, without decoding it; an error for what is no packet.
  virtual Result<int> packetSamples(ByteView packet) const = 0;
  /// Whether the packet carries a copy of the one before it (in-band FEC).
  virtual bool hasFec(ByteView packet) const = 0;
  /// Appends the decoded samples, interleaved at 48 kHz, to `out`; returns the samples per channel. At most 120 ms.
  virtual Result<int> decode(ByteView packet, std::vector<int16_t>& out) = 0;
  /// Appends `samples` per channel for the lost packet before `packet`, from the copy in `packet`.
  virtual Result<int> decodeFec(ByteView packet, int samples, std::vector<int16_t>& out) = 0;
  /// Appends `samples` per channel (a multiple of 120, to 5760) in the place of a lost packet.
  virtual Result<int> conceal(int samples, std::vector<int16_t>& out) = 0;
};

// ---- Factory ------------------------------------------------------------------------------------------------------

/// Immutable and shared by connections, of several threads too.
class CodecFactory {
 public:
  virtual ~CodecFactory() = default;
  /// What can be sent and received, in order of preference, without payload types and without RTX, RED or FEC.
  virtual const std::vector<CodecDescription>& codecs(MediaKind kind) const = 0;
  /// Each fails with a message that names the codec when the factory does not have it.
  virtual Result<std::unique_ptr<VideoEncoder>> createVideoEncoder(const CodecDescription& codec,
                                                                   const VideoEncoderConfig& config) const = 0;
  virtual Result<std::unique_ptr<VideoDecoder>> createVideoDecoder(const CodecDescription& codec) const = 0;
  virtual Result<std::unique_ptr<AudioEncoder>> createAudioEncoder(const CodecDescription& codec,
                                                                   const AudioEncoderConfig& config) const = 0;
  /// `channels`: what decode() shall write, 1 or 2, whatever was sent.
  virtual Result<std::unique_ptr<AudioDecoder>> createAudioDecoder(const CodecDescription& codec,
                                                                   int channels) const = 0;
};

}  // namespace peerage::media
