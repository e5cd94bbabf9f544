#include "codecs/opus_codec.hpp"
#include "codecs/vp8_codec.hpp"
#include "media/codec.hpp"
#include "peerage/codecs.hpp"

namespace peerage {

namespace {

using namespace media;

class BuiltinCodecs final : public CodecFactory {
 public:
  const std::vector<CodecDescription>& codecs(MediaKind kind) const override {
    return kind == MediaKind::audio ? audio_ : video_;
  }
  Result<std::unique_ptr<VideoEncoder>> createVideoEncoder(const CodecDescription& codec,
                                                           const VideoEncoderConfig& config) const override {
    if (!isVp8(codec)) return unknown("encoder", codec);
    return codecs::createVp8Encoder(config);
  }
  Result<std::unique_ptr<VideoDecoder>> createVideoDecoder(const CodecDescription& codec) const override {
    if (!isVp8(codec)) return unknown("decoder", codec);
    return codecs::createVp8Decoder();
  }
  Result<std::unique_ptr<AudioEncoder>> createAudioEncoder(const CodecDescription& codec,
                                                           const AudioEncoderConfig& config) const override {
    if (!isOpus(codec)) return unknown("encoder", codec);
    return codecs::createOpusEncoder(config);
  }
  Result<std::unique_ptr<AudioDecoder>> createAudioDecoder(const CodecDescription& codec, int channels) const override {
    if (!isOpus(codec)) return unknown("decoder", codec);
    return codecs::createOpusDecoder(channels);
  }

 private:
  static bool isVp8(const CodecDescription& codec) { return sameCodecName(codec.mimeType, "video/VP8"); }
  static bool isOpus(const CodecDescription& codec) { return sameCodecName(codec.mimeType, "audio/opus"); }
  static std::unexpected<Error> unknown(const char* what, const CodecDescription& codec) {
    return failure(std::string("no ") + what + " for \"" + codec.mimeType + "\"");
  }

  const std::vector<CodecDescription> video_ = {{
      .kind = MediaKind::video,
      .mimeType = "video/VP8",
      .clockRate = 90000,
      .rtcpFeedback = {{"goog-remb", ""}, {"transport-cc", ""}, {"ccm", "fir"}, {"nack", ""}, {"nack", "pli"}},
  }};
  const std::vector<CodecDescription> audio_ = {{
      .kind = MediaKind::audio,
      .mimeType = "audio/opus",
      .clockRate = 48000,
      .channels = 2,
      .sdpFmtpLine = "minptime=10;useinbandfec=1",
      .rtcpFeedback = {{"transport-cc", ""}},
  }};
};

}  // namespace

std::shared_ptr<const CodecFactory> builtinCodecs() {
  static const auto factory = std::make_shared<const BuiltinCodecs>();
  return factory;
}

}  // namespace peerage
