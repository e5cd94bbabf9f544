// Raw media as plain data: what a program feeds to a source and reads from a sink.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace peerage {

/// An 8-bit 4:2:0 picture in three planes, rows packed at their stride. Shared between frames, so treat a buffer that you
/// did not just make as read-only.
class I420Buffer {
 public:
  /// Dimensions in pixels, 1 to 16384; planes are left black (Y 16, U and V 128).
  static std::shared_ptr<I420Buffer> create(int width, int height);

  int width() const { return width_; }
  int height() const { return height_; }
  int chromaWidth() const { return (width_ + 1) / 2; }
  int chromaHeight() const { return (height_ + 1) / 2; }
  int strideY() const { return width_; }
  int strideUV() const { return chromaWidth(); }
  uint8_t* y() { return data_.data(); }
  uint8_t* u() { return y() + size_t(strideY()) * size_t(height_); }
  uint8_t* v() { return u() + size_t(strideUV()) * size_t(chromaHeight()); }
  const uint8_t* y() const { return data_.data(); }
  const uint8_t* u() const { return y() + size_t(strideY()) * size_t(height_); }
  const uint8_t* v() const { return u() + size_t(strideUV()) * size_t(chromaHeight()); }

 private:
  I420Buffer(int width, int height);
  int width_;
  int height_;
  std::vector<uint8_t> data_;
};

/// One picture of a video track.
struct VideoFrame {
  std::shared_ptr<I420Buffer> buffer;
  std::chrono::nanoseconds timestamp{0};  ///< capture time on the loop's monotonic clock; for received frames, of the sender's RTP clock
  int rotation = 0;                       ///< degrees clockwise that a viewer turns it: 0, 90, 180, 270
  uint32_t rtpTimestamp = 0;              ///< received frames only (90 kHz)
};

/// A piece of an audio track: interleaved signed 16-bit samples.
struct AudioFrame {
  std::vector<int16_t> samples;           ///< samplesPerChannel() * channels values
  int sampleRate = 48000;                 ///< Hz; sources take 48000
  int channels = 1;                       ///< 1 or 2
  std::chrono::nanoseconds timestamp{0};  ///< time of the first sample, as in VideoFrame
  size_t samplesPerChannel() const { return channels > 0 ? samples.size() / size_t(channels) : 0; }
};

}  // namespace peerage
