// Writes what arrives: each video track as IVF (VP8), each audio track as Ogg Opus.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "peerage/media_stream.hpp"

namespace peerage::app {

/// Records tracks into files <folder>/<peer>-<n>.ivf and .ogg; the files are complete once it is destroyed.
class Recorder {
 public:
  /// Throws Failure{kFileUnreadable} when the folder cannot be made.
  explicit Recorder(std::string folder);
  ~Recorder();
  /// Begins a file for the track. Throws Failure{kFileUnreadable} when it cannot be written.
  void add(const std::string& peer, MediaStreamTrack& track);

 private:
  class VideoFile;
  class AudioFile;
  std::string folder_;
  int count_ = 0;
  std::vector<std::shared_ptr<VideoFile>> videos_;
  std::vector<std::shared_ptr<AudioFile>> audios_;
};

}  // namespace peerage::app
