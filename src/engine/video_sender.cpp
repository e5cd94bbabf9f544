#include <algorithm>
#include <cmath>

#include "engine/downscale.hpp"
#include "engine/sender.hpp"

namespace peerage::engine {

namespace {

/// A peer that asks for key frames in a storm gets one in so long.
constexpr Duration kKeyFrameSpacing = 300ms;
/// While packets need longer than this to leave, new pictures are not encoded.
constexpr Duration kMaxBacklog = 300ms;
/// A capture time further from now than this is on another clock.
constexpr Duration kCaptureWindow = 10s;

}  // namespace

int defaultVideoBitrate(int width, int height) {
  // About 1.2 Mbit/s for 720p and growing slower than the number of pixels, as quality for the eye does.
  const double pixels = static_cast<double>(width) * height;
  const double rate = 1'200'000 * std::pow(pixels / (1280.0 * 720.0), 0.75);
  return static_cast<int>(std::clamp(rate, 100'000.0, 6'000'000.0));
}

media::VideoEncoderConfig VideoSender::encoderConfig(int width, int height) const {
  media::VideoEncoderConfig config;
  config.width = width;
  config.height = height;
  config.bitrate = defaultVideoBitrate(width, height);
  if (maxBitrate()) config.bitrate = static_cast<int>(std::min<uint64_t>(*maxBitrate(), uint64_t(config.bitrate)));
  config.bitrate = std::max(config.bitrate, 30'000);
  if (encoding_.maxFramerate && *encoding_.maxFramerate > 0)
    config.framerate = std::clamp(*encoding_.maxFramerate, 1.0, 30.0);
  config.threads = std::clamp(context_.options.videoThreads, 1, 16);
  return config;
}

void VideoSender::codecChanged(Timestamp) {
  encoder_.reset();
  packetizer_.reset();
  encoderFailed_ = false;
}

void VideoSender::limitsChanged() {
  if (!encoder_) return;
  const media::VideoEncoderConfig wanted = encoderConfig(encoder_->config().width, encoder_->config().height);
  if (encoder_->config() != wanted) encoder_->configure(wanted);
}

bool VideoSender::prepareEncoder(int width, int height) {
  if (encoder_) {
    const auto& current = encoder_->config();
    if (current.width == width && current.height == height) return true;
    return encoder_->configure(encoderConfig(width, height)).has_value();
  }
  if (encoderFailed_ || !context_.options.codecs) return false;
  auto encoder = context_.options.codecs->createVideoEncoder(codecDescription(*codec_), encoderConfig(width, height));
  auto packetizer = media::createPacketizer(codec_->name, context_.random);
  if (!encoder || !packetizer) {
    context_.log.error("video encoder: " + (encoder ? packetizer.error().message : encoder.error().message));
    encoderFailed_ = true;
    return false;
  }
  encoder_ = std::move(*encoder);
  packetizer_ = std::move(*packetizer);
  return true;
}

/// Frames beyond maxFramerate, and those that find the queue full, are dropped before they are encoded.
bool VideoSender::admit(Timestamp now) {
  if (sink_->backlog() > kMaxBacklog) return false;
  if (encoding_.maxFramerate) {
    if (*encoding_.maxFramerate <= 0) return false;
    // An eighth of a frame early is on time: sources jitter.
    const Duration spacing = fromSeconds(0.875 / *encoding_.maxFramerate);
    if (lastAdmitted_ && now - *lastAdmitted_ < spacing) return false;
  }
  lastAdmitted_ = now;
  return true;
}

Timestamp VideoSender::captureTime(Timestamp now, const VideoFrame& frame) {
  Timestamp captured{frame.timestamp};
  if (captured > now + kCaptureWindow || captured < now - kCaptureWindow) captured = now;
  // RTP timestamps of pictures differ, by a millisecond at the least.
  if (lastCapture_ && captured < *lastCapture_ + 1ms) captured = *lastCapture_ + 1ms;
  lastCapture_ = captured;
  return captured;
}

void VideoSender::sendVideo(Timestamp now, const VideoFrame& frame) {
  if (!frame.buffer) return;
  ++sourceFrames_;
  sourceRate_.add(now);
  sourceWidth_ = frame.buffer->width();
  sourceHeight_ = frame.buffer->height();
  if (!sending() || !admit(now)) return;
  VideoFrame input = frame;
  if (encoding_.scaleResolutionDownBy && *encoding_.scaleResolutionDownBy > 1)
    input.buffer = downscale(*frame.buffer, *encoding_.scaleResolutionDownBy);
  const Timestamp captured = captureTime(now, frame);
  input.timestamp = captured.time_since_epoch();
  input.rtpTimestamp = stream_.timestampAt(captured);
  if (!prepareEncoder(input.buffer->width(), input.buffer->height())) return;
  const bool forceKey = keyRequested_ && (!lastKey_ || now - *lastKey_ >= kKeyFrameSpacing);
  const Result<bool> encoded = encoder_->encode(input, forceKey, encoded_);
  if (!encoded) {
    context_.log.warning("video encoder: " + encoded.error().message);
    return;
  }
  if (!*encoded) return;
  ++framesEncoded_;
  encodedRate_.add(now);
  if (encoded_.key) {
    ++keyFrames_;
    lastKey_ = now;
    keyRequested_ = false;
  }
  if (encoded_.quantizer >= 0) qpSum_ += static_cast<uint64_t>(encoded_.quantizer);
  // webrtc-stats hugeFramesSent: "at least 2.5 times the average size".
  if (framesEncoded_ > 1 && static_cast<double>(encoded_.data.size()) >
                                2.5 * static_cast<double>(encodedBytes_) / static_cast<double>(framesEncoded_ - 1))
    ++hugeFrames_;
  encodedBytes_ += encoded_.data.size();
  targetBytes_ += encoder_->config().bitrate / 8.0 / encoder_->config().framerate;
  encoded_.rtpTimestamp = input.rtpTimestamp;
  stream_.noteTimestamp(captured, input.rtpTimestamp);
  packetize(now);
}

void VideoSender::packetize(Timestamp now) {
  const Result<size_t> count = packetizer_->start(encoded_);
  if (!count) {
    context_.log.warning("video packetizer: " + count.error().message);
    return;
  }
  for (size_t i = 0; i < *count; ++i) {
    Bytes packet = sink_->buffer();
    const bool last = i + 1 == *count;
    stream_.beginPacket(codec_->payloadType, last, encoded_.rtpTimestamp, i == 0 && encoded_.key, std::nullopt, packet);
    if (!packetizer_->next(packet)) return;
    sink_->send(now, stream_, std::move(packet));
  }
  ++framesSent_;
}

void VideoSender::fillStats(Timestamp now, OutboundStats& out) const {
  commonStats(out);
  out.framesSent = framesSent_;
  out.framesEncoded = framesEncoded_;
  out.keyFramesEncoded = keyFrames_;
  out.hugeFramesSent = hugeFrames_;
  out.qpSum = qpSum_;
  out.totalEncodedBytesTarget = static_cast<uint64_t>(targetBytes_);
  if (encoder_) {
    out.frameWidth = encoder_->config().width;
    out.frameHeight = encoder_->config().height;
    out.encoderImplementation = std::string(encoder_->implementation());
  }
  out.framesPerSecond = encodedRate_.perSecond(now);
  out.source.frames = sourceFrames_;
  out.source.width = sourceWidth_;
  out.source.height = sourceHeight_;
  out.source.framesPerSecond = sourceRate_.perSecond(now);
}

}  // namespace peerage::engine
