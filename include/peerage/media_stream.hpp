// mediacapture-streams §4: tracks and streams, and what a native program needs beside them: sources that it feeds and sinks
// that it reads.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "peerage/enums.hpp"
#include "peerage/event_target.hpp"
#include "peerage/frames.hpp"
#include "peerage/media_constraints.hpp"
#include "peerage/promise.hpp"

namespace peerage {

class EventLoop;
namespace detail {
class LoopBody;
class PeerConnection;
class TrackSource;
}  // namespace detail

/// Keeps a sink attached; destroying or resetting it detaches the sink. Safe to outlive the track.
class SinkHandle {
 public:
  SinkHandle() = default;
  explicit SinkHandle(std::shared_ptr<void> registration) : registration_(std::move(registration)) {}
  void reset() { registration_.reset(); }
  explicit operator bool() const { return registration_ != nullptr; }

 private:
  std::shared_ptr<void> registration_;
};

using VideoSink = std::function<void(const VideoFrame&)>;
using AudioSink = std::function<void(const AudioFrame&)>;

/// mediacapture-streams §4.3.
class MediaStreamTrack : public TypedEventTarget<MediaStreamTrack>,
                         public std::enable_shared_from_this<MediaStreamTrack> {
 public:
  ~MediaStreamTrack() override;

  MediaKind kind() const { return kind_; }
  const std::string& id() const { return id_; }
  const std::string& label() const { return label_; }
  /// While false, sinks get black pictures or silence.
  bool enabled() const { return enabled_; }
  void setEnabled(bool enabled) { enabled_ = enabled; }
  bool muted() const { return muted_; }
  MediaStreamTrackState readyState() const { return readyState_; }
  /// A new live (or ended) track with its own id on the same source.
  std::shared_ptr<MediaStreamTrack> clone() const;
  /// Ends this track, without an event (the program knows).
  void stop();

  MediaTrackCapabilities getCapabilities() const;
  /// As applyConstraints() has accepted them.
  const MediaTrackConstraints& getConstraints() const { return constraints_; }
  MediaTrackSettings getSettings() const;
  /// A source gives what its program pushes, so that constraints choose nothing here: rejects with OverconstrainedError for a
  /// required one that the settings do not meet, and keeps them else, wishes included. What is not known yet meets any.
  Promise<> applyConstraints(MediaTrackConstraints constraints = {});
  /// mst-content-hint §3: "", and "speech", "speech-recognition" or "music" for sound, "motion", "detail" or "text" for
  /// pictures; any other text changes nothing. Kept and read back; encoders do not look at it in this version.
  const std::string& contentHint() const { return contentHint_; }
  void setContentHint(std::string_view hint);

  /// Calls `sink` on the loop for each frame while the handle lives and the track is live. Throws TypeError for the wrong
  /// kind of track.
  [[nodiscard]] SinkHandle addVideoSink(VideoSink sink);
  [[nodiscard]] SinkHandle addAudioSink(AudioSink sink);

  EventHandler<Event> onmute;
  EventHandler<Event> onunmute;
  EventHandler<Event> onended;
  using Events = EventMap<EventOf<"mute", &MediaStreamTrack::onmute>, EventOf<"unmute", &MediaStreamTrack::onunmute>,
                          EventOf<"ended", &MediaStreamTrack::onended>>;

 private:
  friend class detail::PeerConnection;
  friend class detail::TrackSource;
  friend class RTCRtpReceiver;
  MediaStreamTrack(MediaKind kind, std::string id, std::string label, std::shared_ptr<detail::TrackSource> source);
  void deliver(const VideoFrame& frame);
  void deliver(const AudioFrame& frame);
  void copyStateTo(MediaStreamTrack& copy) const;

  MediaKind kind_;
  std::string id_;
  std::string label_;
  bool enabled_ = true;
  bool muted_ = false;
  MediaStreamTrackState readyState_ = MediaStreamTrackState::live;
  std::shared_ptr<detail::TrackSource> source_;
  MediaTrackConstraints constraints_;
  std::string contentHint_;
  MediaTrackSettings settings_;                  // all but frameRate
  std::deque<std::chrono::nanoseconds> recent_;  // timestamps of the last second's pictures
  std::vector<std::weak_ptr<VideoSink>> videoSinks_;
  std::vector<std::weak_ptr<AudioSink>> audioSinks_;
};

/// mediacapture-streams §4.3, MediaStreamTrackEvent.
struct MediaStreamTrackEvent : Event {
  explicit MediaStreamTrackEvent(std::shared_ptr<MediaStreamTrack> track_) : track(std::move(track_)) {}
  std::shared_ptr<MediaStreamTrack> track;
};

/// mediacapture-streams §4.2: a set of tracks that belong together.
class MediaStream : public TypedEventTarget<MediaStream> {
 public:
  /// A stream with a random UUID as its id.
  static std::shared_ptr<MediaStream> create(EventLoop& loop, std::vector<std::shared_ptr<MediaStreamTrack>> tracks = {});
  /// A new stream with the tracks of another.
  static std::shared_ptr<MediaStream> create(EventLoop& loop, const MediaStream& stream);
  /// A stream with a given id (a remote one keeps the sender's).
  MediaStream(EventLoop& loop, std::string id);
  MediaStream(std::shared_ptr<detail::LoopBody> body, std::string id);  ///< for the library's own layers
  ~MediaStream() override;

  const std::string& id() const { return id_; }
  /// Whether any track is live.
  bool active() const;
  std::vector<std::shared_ptr<MediaStreamTrack>> getTracks() const { return tracks_; }
  std::vector<std::shared_ptr<MediaStreamTrack>> getAudioTracks() const;
  std::vector<std::shared_ptr<MediaStreamTrack>> getVideoTracks() const;
  std::shared_ptr<MediaStreamTrack> getTrackById(const std::string& id) const;
  /// No event fires: the program itself changes the set. Adding a member again changes nothing.
  void addTrack(std::shared_ptr<MediaStreamTrack> track);
  void removeTrack(const std::shared_ptr<MediaStreamTrack>& track);
  /// A new stream with an id of its own, and a clone of each track.
  std::shared_ptr<MediaStream> clone() const;

  EventHandler<MediaStreamTrackEvent> onaddtrack;
  EventHandler<MediaStreamTrackEvent> onremovetrack;
  using Events = EventMap<EventOf<"addtrack", &MediaStream::onaddtrack>,
                          EventOf<"removetrack", &MediaStream::onremovetrack>>;

 private:
  std::shared_ptr<detail::LoopBody> body_;
  std::string id_;
  std::vector<std::shared_ptr<MediaStreamTrack>> tracks_;
};

/// A source that a program feeds with pictures. Its tracks are what addTrack() takes.
class VideoSource {
 public:
  explicit VideoSource(EventLoop& loop, std::string label = "video");
  VideoSource(const VideoSource&) = delete;
  VideoSource& operator=(const VideoSource&) = delete;
  ~VideoSource();

  /// The first track of this source, in stream().
  std::shared_ptr<MediaStreamTrack> track() const { return track_; }
  std::shared_ptr<MediaStream> stream() const { return stream_; }
  /// Hands one picture to every live track. Throws TypeError for a frame without a buffer.
  void push(const VideoFrame& frame);

 private:
  std::shared_ptr<detail::TrackSource> source_;
  std::shared_ptr<MediaStreamTrack> track_;
  std::shared_ptr<MediaStream> stream_;
};

/// A source that a program feeds with sound: 48 kHz, one or two channels, pieces of any length.
class AudioSource {
 public:
  explicit AudioSource(EventLoop& loop, std::string label = "audio");
  AudioSource(const AudioSource&) = delete;
  AudioSource& operator=(const AudioSource&) = delete;
  ~AudioSource();

  std::shared_ptr<MediaStreamTrack> track() const { return track_; }
  std::shared_ptr<MediaStream> stream() const { return stream_; }
  /// Throws TypeError for another rate than 48000 Hz, other channel counts than 1 and 2, or a count of samples that is no
  /// multiple of the channels.
  void push(const AudioFrame& frame);

 private:
  std::shared_ptr<detail::TrackSource> source_;
  std::shared_ptr<MediaStreamTrack> track_;
  std::shared_ptr<MediaStream> stream_;
};

}  // namespace peerage
