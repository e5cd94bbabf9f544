#include "peerage/media_stream.hpp"

#include <algorithm>

#include "api/loop_body.hpp"
#include "api/track_source.hpp"
#include "base/random.hpp"
#include "peerage/dom_exception.hpp"
#include "peerage/event_loop.hpp"

namespace peerage {

namespace detail {

std::string makeUuid(RandomSource& random) {
  uint8_t bytes[16];
  random.fill(bytes);
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15];
  }
  return text;
}

std::shared_ptr<MediaStreamTrack> TrackSource::makeTrack(std::shared_ptr<TrackSource> source, MediaKind kind,
                                                         std::string id, std::string label) {
  TrackSource* self = source.get();
  std::shared_ptr<MediaStreamTrack> track(
      new MediaStreamTrack(kind, std::move(id), std::move(label), std::move(source)));
  self->attach(track);
  return track;
}

void TrackSource::attach(const std::shared_ptr<MediaStreamTrack>& track) {
  detachExpired();
  tracks_.push_back(track);
}

void TrackSource::detachExpired() {
  std::erase_if(tracks_, [](const auto& weak) { return weak.expired(); });
}

template <typename Frame>
void TrackSource::push(const Frame& frame) {
  // A sink may add or drop tracks: walk a copy that keeps them alive.
  std::vector<std::shared_ptr<MediaStreamTrack>> live;
  live.reserve(tracks_.size());
  for (const auto& weak : tracks_) {
    if (auto track = weak.lock(); track && track->readyState() == MediaStreamTrackState::live) live.push_back(track);
  }
  for (const auto& track : live) track->deliver(frame);
}
template void TrackSource::push(const VideoFrame&);
template void TrackSource::push(const AudioFrame&);

void TrackSource::end() {
  const auto tracks = tracks_;
  for (const auto& weak : tracks) {
    if (auto track = weak.lock()) endTrack(*track);
  }
}

std::string TrackSource::newId() { return makeUuid(*random_); }

void TrackSource::setMuted(MediaStreamTrack& track, bool muted) {
  if (track.muted_ == muted) return;
  track.muted_ = muted;
  if (muted) {
    track.dispatchEvent<"mute">();
  } else {
    track.dispatchEvent<"unmute">();
  }
}

void TrackSource::endTrack(MediaStreamTrack& track) {
  if (track.readyState_ == MediaStreamTrackState::ended) return;
  track.readyState_ = MediaStreamTrackState::ended;
  track.dispatchEvent<"ended">();
}

namespace {

/// The picture of a disabled track: as large as the real one, black.
VideoFrame blackened(const VideoFrame& frame) {
  VideoFrame black = frame;
  black.buffer = I420Buffer::create(frame.buffer->width(), frame.buffer->height());
  return black;
}

AudioFrame silenced(const AudioFrame& frame) {
  AudioFrame silent = frame;
  std::ranges::fill(silent.samples, int16_t{0});
  return silent;
}

template <typename Sink, typename Frame>
void deliverTo(std::vector<std::weak_ptr<Sink>>& sinks, const Frame& frame) {
  std::erase_if(sinks, [](const auto& weak) { return weak.expired(); });
  const auto copy = sinks;  // a sink may detach itself or others
  for (const auto& weak : copy) {
    if (auto sink = weak.lock()) (*sink)(frame);
  }
}

template <typename Sink>
SinkHandle attachSink(std::vector<std::weak_ptr<Sink>>& sinks, Sink sink) {
  auto registration = std::make_shared<Sink>(std::move(sink));
  sinks.push_back(registration);
  return SinkHandle(registration);
}

}  // namespace
}  // namespace detail

MediaStreamTrack::MediaStreamTrack(MediaKind kind, std::string id, std::string label,
                                   std::shared_ptr<detail::TrackSource> source)
    : kind_(kind), id_(std::move(id)), label_(std::move(label)), source_(std::move(source)) {}

MediaStreamTrack::~MediaStreamTrack() = default;

std::shared_ptr<MediaStreamTrack> MediaStreamTrack::clone() const {
  auto copy = detail::TrackSource::makeTrack(source_, kind_, source_->newId(), label_);
  copy->enabled_ = enabled_;
  copy->muted_ = muted_;
  copy->readyState_ = readyState_;
  return copy;
}

void MediaStreamTrack::stop() { readyState_ = MediaStreamTrackState::ended; }

SinkHandle MediaStreamTrack::addVideoSink(VideoSink sink) {
  if (kind_ != MediaKind::video) throw TypeError("addVideoSink: the track's kind is audio");
  return detail::attachSink(videoSinks_, std::move(sink));
}

SinkHandle MediaStreamTrack::addAudioSink(AudioSink sink) {
  if (kind_ != MediaKind::audio) throw TypeError("addAudioSink: the track's kind is video");
  return detail::attachSink(audioSinks_, std::move(sink));
}

void MediaStreamTrack::deliver(const VideoFrame& frame) {
  detail::deliverTo(videoSinks_, enabled_ ? frame : detail::blackened(frame));
}

void MediaStreamTrack::deliver(const AudioFrame& frame) {
  detail::deliverTo(audioSinks_, enabled_ ? frame : detail::silenced(frame));
}

std::shared_ptr<MediaStream> MediaStream::create(EventLoop& loop,
                                                 std::vector<std::shared_ptr<MediaStreamTrack>> tracks) {
  auto stream = std::make_shared<MediaStream>(detail::makeUuid(loop.body()->random()));
  for (auto& track : tracks) stream->addTrack(std::move(track));
  return stream;
}

bool MediaStream::active() const {
  return std::ranges::any_of(tracks_, [](const auto& t) { return t->readyState() == MediaStreamTrackState::live; });
}

namespace {
std::vector<std::shared_ptr<MediaStreamTrack>> ofKind(const std::vector<std::shared_ptr<MediaStreamTrack>>& tracks,
                                                      MediaKind kind) {
  std::vector<std::shared_ptr<MediaStreamTrack>> found;
  std::ranges::copy_if(tracks, std::back_inserter(found), [&](const auto& t) { return t->kind() == kind; });
  return found;
}
}  // namespace

std::vector<std::shared_ptr<MediaStreamTrack>> MediaStream::getAudioTracks() const {
  return ofKind(tracks_, MediaKind::audio);
}
std::vector<std::shared_ptr<MediaStreamTrack>> MediaStream::getVideoTracks() const {
  return ofKind(tracks_, MediaKind::video);
}

std::shared_ptr<MediaStreamTrack> MediaStream::getTrackById(const std::string& id) const {
  const auto it = std::ranges::find_if(tracks_, [&](const auto& t) { return t->id() == id; });
  return it == tracks_.end() ? nullptr : *it;
}

void MediaStream::addTrack(std::shared_ptr<MediaStreamTrack> track) {
  if (!track) throw TypeError("MediaStream.addTrack: no track");
  if (std::ranges::find(tracks_, track) == tracks_.end()) tracks_.push_back(std::move(track));
}

void MediaStream::removeTrack(const std::shared_ptr<MediaStreamTrack>& track) { std::erase(tracks_, track); }

VideoSource::VideoSource(EventLoop& loop, std::string label)
    : source_(std::make_shared<detail::TrackSource>(loop.body()->random())),
      track_(detail::TrackSource::makeTrack(source_, MediaKind::video, source_->newId(), std::move(label))),
      stream_(MediaStream::create(loop, {track_})) {}

VideoSource::~VideoSource() { source_->end(); }

void VideoSource::push(const VideoFrame& frame) {
  if (!frame.buffer) throw TypeError("VideoSource.push: the frame has no buffer");
  source_->push(frame);
}

AudioSource::AudioSource(EventLoop& loop, std::string label)
    : source_(std::make_shared<detail::TrackSource>(loop.body()->random())),
      track_(detail::TrackSource::makeTrack(source_, MediaKind::audio, source_->newId(), std::move(label))),
      stream_(MediaStream::create(loop, {track_})) {}

AudioSource::~AudioSource() { source_->end(); }

void AudioSource::push(const AudioFrame& frame) {
  if (frame.sampleRate != 48000) {
    throw TypeError("AudioSource.push: sampleRate is " + std::to_string(frame.sampleRate) + ", must be 48000");
  }
  if (frame.channels < 1 || frame.channels > 2) {
    throw TypeError("AudioSource.push: channels is " + std::to_string(frame.channels) + ", must be 1 or 2");
  }
  if (frame.samples.size() % static_cast<size_t>(frame.channels) != 0) {
    throw TypeError("AudioSource.push: " + std::to_string(frame.samples.size()) + " samples are no multiple of " +
                    std::to_string(frame.channels) + " channels");
  }
  source_->push(frame);
}

}  // namespace peerage
