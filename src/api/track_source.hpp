// What stands behind the tracks of one source: the list of tracks that get its frames.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "peerage/media_stream.hpp"

namespace peerage {

class RandomSource;

namespace detail {

/// Shared by its tracks; hands each frame to those that are live. Tracks are held weakly: a track nobody holds any more
/// simply stops getting frames.
class TrackSource : public std::enable_shared_from_this<TrackSource> {
 public:
  static std::shared_ptr<MediaStreamTrack> makeTrack(std::shared_ptr<TrackSource> source, MediaKind kind, std::string id,
                                                     std::string label);
  explicit TrackSource(RandomSource& random) : random_(&random) {}

  void attach(const std::shared_ptr<MediaStreamTrack>& track);
  void detachExpired();
  template <typename Frame>
  void push(const Frame& frame);
  /// The source is gone: every live track ends, with its event (mediacapture-streams §4.3.1).
  void end();
  /// A fresh id for a clone.
  std::string newId();

  static void setMuted(MediaStreamTrack& track, bool muted);
  static void endTrack(MediaStreamTrack& track);

 private:
  std::vector<std::weak_ptr<MediaStreamTrack>> tracks_;
  RandomSource* random_;
};

/// A random UUID (RFC 9562 version 4), the form of track and stream ids.
std::string makeUuid(RandomSource& random);

}  // namespace detail
}  // namespace peerage
