// Codecs for tests: pictures are numbers that must come in order, sound is one value. Their bytes are what the real
// payload formats look at, VP8's frame header and Opus's first byte, and nothing else.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "media/codec.hpp"
#include "media/opus.hpp"

namespace peerage::engine::testing {

/// The picture's number is in the first bytes of its Y plane.
inline VideoFrame numberedPicture(uint32_t number, int width = 320, int height = 240) {
  VideoFrame frame;
  frame.buffer = I420Buffer::create(width, height);
  for (int i = 0; i < 4; ++i) frame.buffer->y()[i] = static_cast<uint8_t>(number >> (8 * (3 - i)));
  return frame;
}
inline uint32_t pictureNumber(const VideoFrame& frame) { return loadU32(frame.buffer->y()); }

class FakeVideoEncoder final : public media::VideoEncoder {
 public:
  explicit FakeVideoEncoder(const media::VideoEncoderConfig& config) : config_(config) {}
  Result<> configure(const media::VideoEncoderConfig& config) override {
    needKey_ = needKey_ || config.width != config_.width || config.height != config_.height;
    config_ = config;
    return {};
  }
  const media::VideoEncoderConfig& config() const override { return config_; }
  Result<bool> encode(const VideoFrame& frame, bool forceKey, media::EncodedFrame& out) override {
    out.key = forceKey || needKey_;
    needKey_ = false;
    out.width = frame.buffer->width();
    out.height = frame.buffer->height();
    out.rtpTimestamp = frame.rtpTimestamp;
    out.quantizer = 10;
    out.info = media::Vp8FrameInfo{};
    size_t size = static_cast<size_t>(config_.bitrate / 8 / 30);
    if (out.key) size *= 5;
    out.data.assign(std::max<size_t>(size, 40), 0x5a);
    uint8_t* p = out.data.data();
    p[0] = out.key ? 0x10 : 0x11;  // RFC 6386 §9.1: show_frame, and 0 for a key frame
    p[1] = p[2] = 0;
    size_t at = 3;
    if (out.key) {
      const uint8_t start[] = {0x9d, 0x01, 0x2a, uint8_t(out.width), uint8_t(out.width >> 8), uint8_t(out.height),
                               uint8_t(out.height >> 8)};
      std::copy(std::begin(start), std::end(start), p + 3);
      at = 10;
    }
    storeU32(p + at, previous_);
    storeU32(p + at + 4, ++previous_);
    storeU32(p + at + 8, loadU32(frame.buffer->y()));
    return true;
  }
  std::string_view implementation() const override { return "fake"; }

 private:
  media::VideoEncoderConfig config_;
  bool needKey_ = true;
  uint32_t previous_ = 0;
};

class FakeVideoDecoder final : public media::VideoDecoder {
 public:
  Result<std::optional<VideoFrame>> decode(const media::EncodedFrame& frame) override {
    const size_t at = frame.key ? 10 : 3;
    if (frame.data.size() < at + 12) return failure("too short");
    const uint8_t* p = frame.data.data() + at;
    if (!frame.key && (!last_ || *last_ != loadU32(p))) return failure("refers to a picture never seen");
    for (size_t i = at + 12; i < frame.data.size(); ++i) {
      if (frame.data[i] != 0x5a) return failure("damaged");
    }
    last_ = loadU32(p + 4);
    VideoFrame out = numberedPicture(loadU32(p + 8));
    out.rtpTimestamp = frame.rtpTimestamp;
    out.timestamp = frame.captureTime;
    return out;
  }
  std::string_view implementation() const override { return "fake"; }

 private:
  std::optional<uint32_t> last_;
};

class FakeAudioEncoder final : public media::AudioEncoder {
 public:
  explicit FakeAudioEncoder(const media::AudioEncoderConfig& config) : config_(config) {}
  Result<> configure(const media::AudioEncoderConfig& config) override {
    config_ = config;
    return {};
  }
  const media::AudioEncoderConfig& config() const override { return config_; }
  Result<bool> encode(std::span<const int16_t> samples, Bytes& out) override {
    out.assign(60, 0);
    out[0] = 0xf8;  // RFC 6716 §3.1: configuration 31, 20 ms, mono, one frame
    storeU16(out.data() + 1, static_cast<uint16_t>(samples[0]));
    return true;
  }

 private:
  media::AudioEncoderConfig config_;
};

class FakeAudioDecoder final : public media::AudioDecoder {
 public:
  int channels() const override { return 1; }
  Result<int> packetSamples(ByteView packet) const override {
    const auto samples = media::opusPacketSamples(packet);
    if (!samples) return failure("no Opus packet");
    return *samples;
  }
  bool hasFec(ByteView) const override { return false; }
  Result<int> decode(ByteView packet, std::vector<int16_t>& out) override {
    if (packet.size() < 3) return failure("too short");
    out.insert(out.end(), media::kAudioFrameSamples, static_cast<int16_t>(loadU16(packet.data() + 1)));
    return media::kAudioFrameSamples;
  }
  Result<int> decodeFec(ByteView, int, std::vector<int16_t>&) override { return failure("no FEC"); }
  Result<int> conceal(int samples, std::vector<int16_t>& out) override {
    out.insert(out.end(), static_cast<size_t>(samples), int16_t{0});
    return samples;
  }
};

class FakeCodecs final : public media::CodecFactory {
 public:
  const std::vector<media::CodecDescription>& codecs(media::MediaKind) const override { return none_; }
  Result<std::unique_ptr<media::VideoEncoder>> createVideoEncoder(
      const media::CodecDescription&, const media::VideoEncoderConfig& config) const override {
    return std::make_unique<FakeVideoEncoder>(config);
  }
  Result<std::unique_ptr<media::VideoDecoder>> createVideoDecoder(const media::CodecDescription&) const override {
    return std::make_unique<FakeVideoDecoder>();
  }
  Result<std::unique_ptr<media::AudioEncoder>> createAudioEncoder(
      const media::CodecDescription&, const media::AudioEncoderConfig& config) const override {
    return std::make_unique<FakeAudioEncoder>(config);
  }
  Result<std::unique_ptr<media::AudioDecoder>> createAudioDecoder(const media::CodecDescription&, int) const override {
    return std::make_unique<FakeAudioDecoder>();
  }

 private:
  std::vector<media::CodecDescription> none_;
};

}  // namespace peerage::engine::testing
