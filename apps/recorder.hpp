// Writes what arrives: each video track as IVF (VP8), each audio track as Ogg Opus.
#pragma once

#include <memory>
#include <string>

#include "peerage/media_stream.hpp"

namespace peerage::app {

/// One track on its way into a file, which is complete and closed once this is destroyed.
class Recording {
 public:
  virtual ~Recording() = default;
};

/// Names files <folder>/<peer>-<n>.ivf and .ogg, by the next number that neither of them has: no file is overwritten.
class Recorder {
 public:
  /// Throws Failure{kFileUnreadable} when the folder cannot be made.
  explicit Recorder(std::string folder);
  /// Begins a file for the track. Throws Failure{kFileUnreadable} when it cannot be written.
  std::unique_ptr<Recording> record(const std::string& peer, MediaStreamTrack& track);

 private:
  std::string folder_;
  int count_ = 0;
};

}  // namespace peerage::app
