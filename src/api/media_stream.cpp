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
  copyStateTo(*copy);
  return copy;
}

void MediaStreamTrack::copyStateTo(MediaStreamTrack& copy) const {
  copy.enabled_ = enabled_;
  copy.muted_ = muted_;
  copy.readyState_ = readyState_;
  copy.constraints_ = constraints_;
  copy.contentHint_ = contentHint_;
  copy.settings_ = settings_;
  copy.recent_ = recent_;
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
  settings_.width = static_cast<uint32_t>(frame.buffer->width());
  settings_.height = static_cast<uint32_t>(frame.buffer->height());
  settings_.aspectRatio = static_cast<double>(frame.buffer->width()) / frame.buffer->height();
  using namespace std::chrono_literals;
  // What lies behind, or ahead, belongs to another second, or to another clock.
  std::erase_if(recent_, [&](auto at) { return at >= frame.timestamp || at <= frame.timestamp - 1s; });
  recent_.push_back(frame.timestamp);
  detail::deliverTo(videoSinks_, enabled_ ? frame : detail::blackened(frame));
}

void MediaStreamTrack::deliver(const AudioFrame& frame) {
  settings_.sampleRate = static_cast<uint32_t>(frame.sampleRate);
  settings_.sampleSize = 16;
  settings_.channelCount = static_cast<uint32_t>(frame.channels);
  detail::deliverTo(audioSinks_, enabled_ ? frame : detail::silenced(frame));
}

MediaTrackSettings MediaStreamTrack::getSettings() const {
  MediaTrackSettings settings = settings_;
  if (!recent_.empty()) settings.frameRate = static_cast<double>(recent_.size());
  return settings;
}

MediaTrackCapabilities MediaStreamTrack::getCapabilities() const {
  const MediaTrackSettings settings = getSettings();
  const auto whole = [](const std::optional<uint32_t>& value) {
    return value ? std::optional(ULongRange{*value, *value}) : std::nullopt;
  };
  const auto real = [](const std::optional<double>& value) {
    return value ? std::optional(DoubleRange{*value, *value}) : std::nullopt;
  };
  return {.width = whole(settings.width),
          .height = whole(settings.height),
          .aspectRatio = real(settings.aspectRatio),
          .frameRate = real(settings.frameRate),
          .sampleRate = whole(settings.sampleRate),
          .sampleSize = whole(settings.sampleSize),
          .channelCount = whole(settings.channelCount)};
}

namespace {

/// Whether a setting meets what a constraint requires of it; a bare number is a wish.
template <typename T, typename Constrain, typename Range>
bool meets(const std::optional<T>& setting, const std::optional<Constrain>& constraint) {
  if (!setting || !constraint) return true;
  const Range* range = std::get_if<Range>(&*constraint);
  if (!range) return true;
  return (!range->min || *setting >= *range->min) && (!range->max || *setting <= *range->max) &&
         (!range->exact || *setting == *range->exact);
}

/// The name of the first constraint of the set that is required and not met; "" when all are.
const char* unmet(const MediaTrackSettings& settings, const MediaTrackConstraintSet& set) {
  const auto whole = meets<uint32_t, ConstrainULong, ConstrainULongRange>;
  const auto real = meets<double, ConstrainDouble, ConstrainDoubleRange>;
  if (!whole(settings.width, set.width)) return "width";
  if (!whole(settings.height, set.height)) return "height";
  if (!real(settings.aspectRatio, set.aspectRatio)) return "aspectRatio";
  if (!real(settings.frameRate, set.frameRate)) return "frameRate";
  if (!whole(settings.sampleRate, set.sampleRate)) return "sampleRate";
  if (!whole(settings.sampleSize, set.sampleSize)) return "sampleSize";
  if (!whole(settings.channelCount, set.channelCount)) return "channelCount";
  return "";
}

}  // namespace

Promise<> MediaStreamTrack::applyConstraints(MediaTrackConstraints constraints) {
  const Deferred<> deferred;
  const std::string name = unmet(getSettings(), constraints);
  if (name.empty()) {  // advanced sets that cannot be met are passed over
    constraints_ = std::move(constraints);
    deferred.resolve();
  } else {
    deferred.reject(std::make_exception_ptr(OverconstrainedError(name, "applyConstraints: the source does not give that " + name)));
  }
  return deferred.promise();
}

void MediaStreamTrack::setContentHint(std::string_view hint) {
  const auto isOne = [&](std::initializer_list<std::string_view> hints) { return std::ranges::find(hints, hint) != hints.end(); };
  const bool known = hint.empty() || (kind_ == MediaKind::audio ? isOne({"speech", "speech-recognition", "music"})
                                                                : isOne({"motion", "detail", "text"}));
  if (known) contentHint_ = hint;
}

std::shared_ptr<MediaStream> MediaStream::create(EventLoop& loop,
                                                 std::vector<std::shared_ptr<MediaStreamTrack>> tracks) {
  auto stream = std::make_shared<MediaStream>(loop, detail::makeUuid(loop.body()->random()));
  for (auto& track : tracks) stream->addTrack(std::move(track));
  return stream;
}

std::shared_ptr<MediaStream> MediaStream::create(EventLoop& loop, const MediaStream& stream) {
  return create(loop, stream.tracks_);
}

MediaStream::MediaStream(EventLoop& loop, std::string id) : MediaStream(loop.body(), std::move(id)) {}
MediaStream::MediaStream(std::shared_ptr<detail::LoopBody> body, std::string id) : body_(std::move(body)), id_(std::move(id)) {}
MediaStream::~MediaStream() = default;

std::shared_ptr<MediaStream> MediaStream::clone() const {
  auto copy = std::make_shared<MediaStream>(body_, detail::makeUuid(body_->random()));
  for (const auto& track : tracks_) copy->tracks_.push_back(track->clone());
  return copy;
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
