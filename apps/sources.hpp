// What the native peer sends: a test picture with a running clock and a tone, or the pictures of an IVF file.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/codec.hpp"
#include "media/files/ivf.hpp"
#include "media/tone.hpp"
#include "peerage/event_loop.hpp"
#include "peerage/media_stream.hpp"

namespace peerage::app {

inline constexpr double kToneHertz = 440;

/// A camera and a microphone that need no devices. Feeds its tracks for as long as it lives.
class MediaSource {
 public:
  /// `source` is "test" or the path of an IVF file with VP8, played over and over at its own pace. Throws
  /// Failure{kFileUnreadable} for a file that is neither there nor IVF.
  MediaSource(EventLoop& loop, const std::string& source, double toneHertz = kToneHertz);
  ~MediaSource();
  MediaSource(const MediaSource&) = delete;
  MediaSource& operator=(const MediaSource&) = delete;

  std::shared_ptr<MediaStreamTrack> videoTrack() const { return video_.track(); }
  std::shared_ptr<MediaStreamTrack> audioTrack() const { return audio_.track(); }
  /// Both tracks.
  std::shared_ptr<MediaStream> stream() const { return video_.stream(); }

 private:
  void loadFile(const std::string& path);
  void pushPicture();
  void pushFileFrames();
  void pushFileFrame();
  std::chrono::nanoseconds gapAfter(size_t frame) const;
  void pushTone();

  EventLoop& loop_;
  VideoSource video_;
  AudioSource audio_;
  media::ToneGenerator tone_;
  uint32_t frame_ = 0;
  std::vector<media::IvfFrame> file_;
  double tick_ = 0;  ///< seconds of the file's time base
  size_t nextFrame_ = 0;
  std::chrono::nanoseconds frameDue_{0};
  std::unique_ptr<media::VideoDecoder> decoder_;
  std::chrono::nanoseconds audioDue_{0};
  EventLoop::TimerId videoTimer_ = 0;
  EventLoop::TimerId audioTimer_ = 0;
};

}  // namespace peerage::app
