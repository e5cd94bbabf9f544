// mediacapture-streams §4: tracks and streams, and what a native program needs beside them: sources that it feeds and sinks
// that it reads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "peerage/enums.hpp"
#include "peerage/event_target.hpp"
#include "peerage/frames.hpp"

namespace peerage {

class EventLoop;
namespace detail {
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

  MediaKind kind_;
  std::string id_;
  std::string label_;
  bool enabled_ = true;
  bool muted_ = false;
  MediaStreamTrackState readyState_ = MediaStreamTrackState::live;
  std::shared_ptr<detail::TrackSource> source_;
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
  /// A stream with a given id (a remote one keeps the sender's).
  explicit MediaStream(std::string id) : id_(std::move(id)) {}

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

  EventHandler<MediaStreamTrackEvent> onaddtrack;
  EventHandler<MediaStreamTrackEvent> onremovetrack;
  using Events = EventMap<EventOf<"addtrack", &MediaStream::onaddtrack>,
                          EventOf<"removetrack", &MediaStream::onremovetrack>>;

 private:
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
