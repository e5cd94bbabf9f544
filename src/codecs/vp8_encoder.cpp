#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "codecs/scale.hpp"
#include "codecs/vp8_codec.hpp"

namespace peerage::codecs {

namespace {

using media::EncodedFrame;
using media::VideoEncoderConfig;

// One-pass constant bitrate for conversation: the buffer model is short, so that a burst is paid back within a second.
constexpr unsigned kBufferMs = 1000;
constexpr unsigned kBufferInitialMs = 500;
constexpr unsigned kBufferOptimalMs = 600;
constexpr unsigned kUndershootPercent = 100;
constexpr unsigned kOvershootPercent = 15;
constexpr unsigned kMinQuantizer = 2;
constexpr unsigned kMaxQuantizer = 56;
constexpr unsigned kDropThreshold = 30;  // percent of the buffer under which pictures are dropped
constexpr int64_t kTicks = 90'000;       // a second
constexpr int kSpeed = -6;               // of -16 (fastest) to 16; negative: fixed, whatever the machine's load
constexpr int kSpeedLarge = -8;
constexpr int64_t kLargePixels = int64_t{1280} * 720;

struct Size {
  int width = 0;
  int height = 0;
  friend bool operator==(Size, Size) = default;
};

std::string text(Size size) { return std::to_string(size.width) + "x" + std::to_string(size.height); }

Size encodedSize(const VideoEncoderConfig& config) {
  const auto scaled = [&](int side) { return std::max(1, static_cast<int>(std::lround(side / config.scaleDownBy))); };
  return {scaled(config.width), scaled(config.height)};
}

Result<> check(const VideoEncoderConfig& c) {
  if (c.width < 1 || c.width > media::kMaxVideoWidth || c.height < 1 || c.height > media::kMaxVideoHeight ||
      int64_t{c.width} * c.height > media::kMaxVideoPixels) {
    return failure("picture of " + text({c.width, c.height}) + ", each side is 1 to " +
                   std::to_string(media::kMaxVideoWidth) + " and their product at most " +
                   std::to_string(media::kMaxVideoPixels));
  }
  if (c.bitrate < 1'000 || c.bitrate > 200'000'000) {
    return failure("video bitrate of " + std::to_string(c.bitrate) + " bit/s, outside 1000 to 200000000");
  }
  if (!(c.framerate > 0) || c.framerate > 240) {
    return failure("frame rate of " + std::to_string(c.framerate) + ", outside 0 to 240");
  }
  if (!(c.scaleDownBy >= 1) || c.scaleDownBy > 64) {
    return failure("scaleDownBy of " + std::to_string(c.scaleDownBy) + ", outside 1 to 64");
  }
  if (c.threads < 1 || c.threads > 16) return failure(std::to_string(c.threads) + " encoder threads, outside 1 to 16");
  return {};
}

class Vp8Encoder final : public media::VideoEncoder {
 public:
  Vp8Encoder() = default;
  Vp8Encoder(const Vp8Encoder&) = delete;
  Vp8Encoder& operator=(const Vp8Encoder&) = delete;
  ~Vp8Encoder() override { close(); }

  Result<> configure(const VideoEncoderConfig& config) override;
  const VideoEncoderConfig& config() const override { return config_; }
  Result<bool> encode(const VideoFrame& frame, bool forceKey, EncodedFrame& out) override;
  std::string_view implementation() const override { return "libvpx"; }

 private:
  Result<> open();
  Result<> applyRates();
  void close();
  void fillRates();
  void setControls();
  void wrap(const I420Buffer& picture);
  Result<const I420Buffer*> prepared(const VideoFrame& frame);
  int64_t nextPts(Duration timestamp);
  Error vpxError(const char* what);

  VideoEncoderConfig config_;
  vpx_codec_ctx_t codec_{};
  vpx_codec_enc_cfg_t settings_{};
  vpx_image_t image_{};
  bool open_ = false;
  Size size_;  ///< what the open codec encodes
  std::shared_ptr<I420Buffer> scaled_;
  std::optional<Duration> lastTimestamp_;
  int64_t pts_ = 0;
  int64_t ticks_ = 1;  ///< between the last picture and the one before
};

Error Vp8Encoder::vpxError(const char* what) {
  const char* detail = vpx_codec_error_detail(&codec_);
  return Error{std::string("libvpx: ") + what + ": " + vpx_codec_error(&codec_) + (detail ? ", " : "") +
               (detail ? detail : "")};
}

Result<> Vp8Encoder::configure(const VideoEncoderConfig& config) {
  if (auto checked = check(config); !checked) return checked;
  const bool reopen = open_ && (encodedSize(config) != size_ || config.threads != config_.threads ||
                                config.screenContent != config_.screenContent);
  const bool rates = config.bitrate != config_.bitrate || config.framerate != config_.framerate;
  config_ = config;
  if (reopen) close();
  if (open_ && rates) return applyRates();
  return {};
}

void Vp8Encoder::close() {
  if (open_) vpx_codec_destroy(&codec_);
  open_ = false;
}

void Vp8Encoder::fillRates() {
  settings_.rc_target_bitrate = static_cast<unsigned>(std::max(1, config_.bitrate / 1000));
}

Result<> Vp8Encoder::applyRates() {
  fillRates();
  if (vpx_codec_enc_config_set(&codec_, &settings_) != VPX_CODEC_OK) {
    return std::unexpected(vpxError("changing the bitrate"));
  }
  setControls();
  return {};
}

Result<> Vp8Encoder::open() {
  if (vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &settings_, 0) != VPX_CODEC_OK) {
    return failure("libvpx was built without a VP8 encoder");
  }
  size_ = encodedSize(config_);
  settings_.g_w = static_cast<unsigned>(size_.width);
  settings_.g_h = static_cast<unsigned>(size_.height);
  settings_.g_threads = static_cast<unsigned>(config_.threads);
  settings_.g_timebase = {1, static_cast<int>(kTicks)};
  settings_.g_lag_in_frames = 0;
  settings_.g_pass = VPX_RC_ONE_PASS;
  // Whatever is lost is sent again or answered by a key frame, so that pictures may lean on one another fully.
  settings_.g_error_resilient = 0;
  settings_.rc_end_usage = VPX_CBR;
  settings_.rc_resize_allowed = 0;
  settings_.rc_dropframe_thresh = config_.screenContent ? 0 : kDropThreshold;
  settings_.rc_min_quantizer = kMinQuantizer;
  settings_.rc_max_quantizer = kMaxQuantizer;
  settings_.rc_undershoot_pct = kUndershootPercent;
  settings_.rc_overshoot_pct = kOvershootPercent;
  settings_.rc_buf_initial_sz = kBufferInitialMs;
  settings_.rc_buf_optimal_sz = kBufferOptimalMs;
  settings_.rc_buf_sz = kBufferMs;
  settings_.kf_mode = VPX_KF_DISABLED;  // only when asked for
  fillRates();
  if (vpx_codec_enc_init(&codec_, vpx_codec_vp8_cx(), &settings_, 0) != VPX_CODEC_OK) {
    return std::unexpected(vpxError("opening a VP8 encoder"));
  }
  open_ = true;
  setControls();
  return {};
}

void Vp8Encoder::setControls() {
  const bool large = int64_t{size_.width} * size_.height >= kLargePixels;
  vpx_codec_control(&codec_, VP8E_SET_CPUUSED, large ? kSpeedLarge : kSpeed);
  vpx_codec_control(&codec_, VP8E_SET_STATIC_THRESHOLD, config_.screenContent ? 100u : 1u);
  vpx_codec_control(&codec_, VP8E_SET_SCREEN_CONTENT_MODE, config_.screenContent ? 1u : 0u);
  vpx_codec_control(&codec_, VP8E_SET_NOISE_SENSITIVITY, 0u);
  const int partitions = config_.threads >= 8 ? 3 : config_.threads >= 4 ? 2 : config_.threads >= 2 ? 1 : 0;  // log2
  vpx_codec_control(&codec_, VP8E_SET_TOKEN_PARTITIONS, partitions);
  // A key frame may take half of the optimal buffer, in percent of an ordinary frame's share.
  const auto percent = static_cast<unsigned>(kBufferOptimalMs * 0.5 * config_.framerate / 10);
  vpx_codec_control(&codec_, VP8E_SET_MAX_INTRA_BITRATE_PCT, std::max(300u, percent));
}

void Vp8Encoder::wrap(const I420Buffer& picture) {
  // The encoder only reads; its interface has no const.
  auto* data = const_cast<uint8_t*>(picture.y());
  vpx_img_wrap(&image_, VPX_IMG_FMT_I420, static_cast<unsigned>(picture.width()),
               static_cast<unsigned>(picture.height()), 1, data);
  // vpx_img_wrap assumes even strides; ours are exact.
  image_.planes[VPX_PLANE_Y] = data;
  image_.planes[VPX_PLANE_U] = const_cast<uint8_t*>(picture.u());
  image_.planes[VPX_PLANE_V] = const_cast<uint8_t*>(picture.v());
  image_.stride[VPX_PLANE_Y] = picture.strideY();
  image_.stride[VPX_PLANE_U] = image_.stride[VPX_PLANE_V] = picture.strideUV();
}

/// The picture at the size to encode; follows a picture of another size than before.
Result<const I420Buffer*> Vp8Encoder::prepared(const VideoFrame& frame) {
  if (!frame.buffer) return failure("video frame without a picture");
  const I420Buffer& picture = *frame.buffer;
  if (picture.width() != config_.width || picture.height() != config_.height) {
    VideoEncoderConfig changed = config_;
    changed.width = picture.width();
    changed.height = picture.height();
    if (auto result = configure(changed); !result) return std::unexpected(result.error());
  }
  const Size wanted = encodedSize(config_);
  if (wanted == Size{picture.width(), picture.height()}) return &picture;
  if (!scaled_ || scaled_->width() != wanted.width || scaled_->height() != wanted.height) {
    scaled_ = I420Buffer::create(wanted.width, wanted.height);
  }
  if (auto result = scaleI420Into(picture, *scaled_); !result) return std::unexpected(result.error());
  return scaled_.get();
}

/// libvpx wants times that grow; rate control measures the frame rate by them.
int64_t Vp8Encoder::nextPts(Duration timestamp) {
  const auto usual = static_cast<int64_t>(kTicks / config_.framerate);
  ticks_ = std::max<int64_t>(1, usual);
  if (lastTimestamp_) {
    // Clamped before it is multiplied: a program's timestamps may be anything.
    const Duration ahead = timestamp > *lastTimestamp_ ? timestamp - *lastTimestamp_ : Duration{0};
    const Duration step = std::clamp<Duration>(ahead, 0s, 1s);
    if (step > Duration{0}) ticks_ = std::max<int64_t>(1, step.count() * 9 / 100'000);
    pts_ += ticks_;
  }
  lastTimestamp_ = timestamp;
  return pts_;
}

Result<bool> Vp8Encoder::encode(const VideoFrame& frame, bool forceKey, EncodedFrame& out) {
  const auto picture = prepared(frame);
  if (!picture) return std::unexpected(picture.error());
  if (!open_) {
    if (auto opened = open(); !opened) return std::unexpected(opened.error());
  }
  wrap(**picture);
  const int64_t pts = nextPts(frame.timestamp);
  const vpx_enc_frame_flags_t flags = forceKey ? VPX_EFLAG_FORCE_KF : 0;
  const auto duration = static_cast<unsigned long>(ticks_);
  if (vpx_codec_encode(&codec_, &image_, pts, duration, flags, VPX_DL_REALTIME) != VPX_CODEC_OK) {
    return std::unexpected(vpxError("encoding"));
  }
  out.data.clear();
  out.key = false;
  vpx_codec_iter_t iterator = nullptr;
  while (const vpx_codec_cx_pkt_t* packet = vpx_codec_get_cx_data(&codec_, &iterator)) {
    if (packet->kind != VPX_CODEC_CX_FRAME_PKT) continue;
    const auto* bytes = static_cast<const uint8_t*>(packet->data.frame.buf);
    out.data.insert(out.data.end(), bytes, bytes + packet->data.frame.sz);
    out.key = out.key || (packet->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
  }
  if (out.data.empty()) return false;
  int quantizer = -1;
  vpx_codec_control(&codec_, VP8E_GET_LAST_QUANTIZER, &quantizer);
  out.quantizer = quantizer;
  out.rtpTimestamp = frame.rtpTimestamp;
  out.captureTime = frame.timestamp;
  out.width = size_.width;
  out.height = size_.height;
  out.info = media::Vp8FrameInfo{};
  return true;
}

}  // namespace

Result<std::unique_ptr<media::VideoEncoder>> createVp8Encoder(const VideoEncoderConfig& config) {
  auto encoder = std::make_unique<Vp8Encoder>();
  if (auto result = encoder->configure(config); !result) return std::unexpected(result.error());
  return encoder;
}

}  // namespace peerage::codecs
