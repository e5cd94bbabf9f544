#include "codecs/opus_codec.hpp"

#include <opus.h>

#include <string>

#include "media/opus.hpp"

namespace peerage::codecs {

namespace {

using media::AudioEncoderConfig;
using media::kAudioFrameSamples;
using media::kAudioSampleRate;

constexpr size_t kMaxPacket = 1275;      // RFC 6716 §3.4 [R2]: a frame's length; 20 ms are one frame
constexpr int kDtxBytes = 2;             // packets this short need not be sent (opus_encode's contract under DTX)
constexpr int kMaxSamples = 5760;        // 120 ms
constexpr int kStep = 120;               // 2.5 ms

struct EncoderDeleter {
  void operator()(OpusEncoder* encoder) const { opus_encoder_destroy(encoder); }
};
struct DecoderDeleter {
  void operator()(OpusDecoder* decoder) const { opus_decoder_destroy(decoder); }
};

Error opusError(const char* what, int code) {
  return Error{std::string("libopus: ") + what + ": " + opus_strerror(code)};
}

Result<> check(const AudioEncoderConfig& c) {
  if (c.channels < 1 || c.channels > 2) {
    return failure(std::to_string(c.channels) + " audio channels, 1 or 2 are encoded");
  }
  if (c.bitrate < 6'000 || c.bitrate > 510'000) {
    return failure("Opus bitrate of " + std::to_string(c.bitrate) + " bit/s, outside 6000 to 510000");
  }
  if (c.expectedLoss < 0 || c.expectedLoss > 100) {
    return failure("expected loss of " + std::to_string(c.expectedLoss) + " percent");
  }
  if (c.maxPlaybackRate < 8'000 || c.maxPlaybackRate > 48'000) {
    return failure("playback rate of " + std::to_string(c.maxPlaybackRate) + " Hz, outside 8000 to 48000");
  }
  return {};
}

/// RFC 6716 §2, table 1: the widest band that a playback rate can use.
opus_int32 bandwidth(int rate) {
  if (rate <= 8'000) return OPUS_BANDWIDTH_NARROWBAND;
  if (rate <= 12'000) return OPUS_BANDWIDTH_MEDIUMBAND;
  if (rate <= 16'000) return OPUS_BANDWIDTH_WIDEBAND;
  if (rate <= 24'000) return OPUS_BANDWIDTH_SUPERWIDEBAND;
  return OPUS_BANDWIDTH_FULLBAND;
}

class LibopusEncoder final : public media::AudioEncoder {
 public:
  Result<> configure(const AudioEncoderConfig& config) override {
    if (auto checked = check(config); !checked) return checked;
    // What an encoder is made with cannot change later.
    if (!encoder_ || config.channels != config_.channels || config.voice != config_.voice) {
      int code = OPUS_OK;
      const int application = config.voice ? OPUS_APPLICATION_VOIP : OPUS_APPLICATION_AUDIO;
      std::unique_ptr<OpusEncoder, EncoderDeleter> made(
          opus_encoder_create(kAudioSampleRate, config.channels, application, &code));
      if (!made) return std::unexpected(opusError("opening an encoder", code));
      encoder_ = std::move(made);
    }
    config_ = config;
    OpusEncoder* e = encoder_.get();
    opus_encoder_ctl(e, OPUS_SET_BITRATE(config.bitrate));
    opus_encoder_ctl(e, OPUS_SET_INBAND_FEC(config.inbandFec ? 1 : 0));
    opus_encoder_ctl(e, OPUS_SET_DTX(config.dtx ? 1 : 0));
    opus_encoder_ctl(e, OPUS_SET_VBR(config.constantBitrate ? 0 : 1));
    opus_encoder_ctl(e, OPUS_SET_PACKET_LOSS_PERC(config.expectedLoss));
    opus_encoder_ctl(e, OPUS_SET_MAX_BANDWIDTH(bandwidth(config.maxPlaybackRate)));
    return {};
  }
  const AudioEncoderConfig& config() const override { return config_; }

  Result<bool> encode(std::span<const int16_t> samples, Bytes& out) override {
    const auto expected = static_cast<size_t>(kAudioFrameSamples * config_.channels);
    if (samples.size() != expected) {
      return failure("audio frame of " + std::to_string(samples.size()) + " samples, " + std::to_string(expected) +
                     " are encoded at a time");
    }
    out.resize(kMaxPacket);
    const int bytes = opus_encode(encoder_.get(), samples.data(), kAudioFrameSamples, out.data(),
                                  static_cast<opus_int32>(kMaxPacket));
    if (bytes < 0) {
      out.clear();
      return std::unexpected(opusError("encoding", bytes));
    }
    out.resize(static_cast<size_t>(bytes));
    return bytes > kDtxBytes || !config_.dtx;
  }

 private:
  AudioEncoderConfig config_;
  std::unique_ptr<OpusEncoder, EncoderDeleter> encoder_;
};

class LibopusDecoder final : public media::AudioDecoder {
 public:
  LibopusDecoder(std::unique_ptr<OpusDecoder, DecoderDeleter> decoder, int channels)
      : decoder_(std::move(decoder)), channels_(channels) {}

  int channels() const override { return channels_; }

  Result<int> packetSamples(ByteView packet) const override {
    const auto samples = media::opusPacketSamples(packet);
    if (!samples) return failure("no Opus packet");
    return *samples;
  }

  bool hasFec(ByteView packet) const override;

  Result<int> decode(ByteView packet, std::vector<int16_t>& out) override {
    const auto samples = packetSamples(packet);
    if (!samples) return samples;
    return run(packet, *samples, false, out);
  }
  Result<int> decodeFec(ByteView packet, int samples, std::vector<int16_t>& out) override {
    if (!media::opusPacketSamples(packet)) return failure("no Opus packet");
    return run(packet, samples, true, out);
  }
  Result<int> conceal(int samples, std::vector<int16_t>& out) override { return run({}, samples, false, out); }

 private:
  Result<int> run(ByteView packet, int samples, bool fec, std::vector<int16_t>& out) {
    if (samples < kStep || samples > kMaxSamples || samples % kStep != 0) {
      return failure(std::to_string(samples) + " samples, a multiple of 120 up to 5760 is decoded at a time");
    }
    const size_t start = out.size();
    out.resize(start + static_cast<size_t>(samples * channels_));
    const int decoded = opus_decode(decoder_.get(), packet.empty() ? nullptr : packet.data(),
                                    static_cast<opus_int32>(packet.size()), out.data() + start, samples, fec ? 1 : 0);
    out.resize(start + static_cast<size_t>(decoded > 0 ? decoded * channels_ : 0));
    if (decoded < 0) return std::unexpected(opusError("decoding", decoded));
    return decoded;
  }

  std::unique_ptr<OpusDecoder, DecoderDeleter> decoder_;
  int channels_;
};

bool LibopusDecoder::hasFec(ByteView packet) const {
  // Only frames with a SILK layer carry the low bit-rate redundancy (RFC 6716 §2.1.7).
  if (packet.empty() || packet[0] >= 0x80) return false;
  const unsigned char* frames[48];
  opus_int16 sizes[48];
  unsigned char toc = 0;
  int offset = 0;
  const auto size = static_cast<opus_int32>(packet.size());
  const int count = opus_packet_parse(packet.data(), size, &toc, frames, sizes, &offset);
  if (count < 1 || sizes[0] < 1) return false;
  // RFC 6716 §4.2.3: a SILK frame begins with one voice activity bit for each 20 ms and then the LBRR bit, for mid
  // first and for side after; as they are even odds and come first, they stand as plain bits in the first byte.
  const int perFrame = opus_packet_get_samples_per_frame(packet.data(), kAudioSampleRate);
  const int silkFrames = perFrame <= kAudioFrameSamples ? 1 : perFrame / kAudioFrameSamples;
  const bool mid = frames[0][0] >> (7 - silkFrames) & 1;
  const bool stereo = toc & 0x04;
  const bool side = stereo && (frames[0][0] >> (6 - 2 * silkFrames) & 1);
  return mid || side;
}

}  // namespace

Result<std::unique_ptr<media::AudioEncoder>> createOpusEncoder(const AudioEncoderConfig& config) {
  auto encoder = std::make_unique<LibopusEncoder>();
  if (auto result = encoder->configure(config); !result) return std::unexpected(result.error());
  return encoder;
}

Result<std::unique_ptr<media::AudioDecoder>> createOpusDecoder(int channels) {
  if (channels < 1 || channels > 2) return failure(std::to_string(channels) + " audio channels, 1 or 2 are decoded");
  int code = OPUS_OK;
  std::unique_ptr<OpusDecoder, DecoderDeleter> decoder(opus_decoder_create(kAudioSampleRate, channels, &code));
  if (!decoder) return std::unexpected(opusError("opening a decoder", code));
  return std::make_unique<LibopusDecoder>(std::move(decoder), channels);
}

}  // namespace peerage::codecs
