#include "engine/media_receivers.hpp"

#include <algorithm>

namespace peerage::engine {

namespace {

/// After so long without a packet nothing is played any more; the next packet begins anew. (DTX sends every 400 ms.)
constexpr Duration kPlayoutEnd = 3s;
/// A timer that fires this much too late skips what it missed.
constexpr Duration kPlayoutLate = 200ms;

}  // namespace

std::unique_ptr<Receiver> Receiver::make(MediaContext& context, const jsep::MediaPlan& plan) {
  if (plan.kind == jsep::MediaKind::audio) return std::make_unique<AudioReceiver>(context, plan);
  return std::make_unique<VideoReceiver>(context, plan);
}

// ---- Video ----------------------------------------------------------------------------------------------------------

void VideoReceiver::stopDecoding(Stream& base) {
  VideoStream& stream = as(base);
  if (stream.jitter) {
    const media::VideoJitterStats& s = stream.jitter->stats();
    stream.before.frames += s.frames;
    stream.before.latePackets += s.latePackets;
    stream.before.duplicatePackets += s.duplicatePackets;
    stream.before.malformedPackets += s.malformedPackets;
    stream.before.droppedFrames += s.droppedFrames;
    stream.before.delay += s.delay;
  }
  stream.jitter.reset();
  stream.decoder.reset();
  stream.held.clear();
}

void VideoReceiver::codecChanged(Timestamp, Stream& base) {
  VideoStream& stream = as(base);
  stopDecoding(stream);
  if (!context_.options.codecs) return;
  auto decoder = context_.options.codecs->createVideoDecoder(codecDescription(*stream.codec));
  auto depacketizer = media::createDepacketizer(stream.codec->name);
  if (!decoder || !depacketizer) {
    context_.log.error("video decoder: " + (decoder ? depacketizer.error().message : decoder.error().message));
    return;
  }
  stream.decoder = std::move(*decoder);
  stream.jitter = std::make_unique<media::VideoJitterBuffer>(std::move(*depacketizer));
}

void VideoReceiver::decode(Timestamp now, Stream& base, const rtp::PacketView& packet) {
  VideoStream& stream = as(base);
  if (!stream.jitter) return;
  stream.jitter->handleInput(now, {packet.sequenceNumber, packet.timestamp, packet.marker, packet.payload});
  drain(now, stream);
}

void VideoReceiver::streamTimeout(Timestamp now, Stream& base) {
  VideoStream& stream = as(base);
  if (!stream.jitter) return;
  decodeHeld(now, stream);
  const auto due = stream.jitter->nextTimeout();
  if (!due || due->at > now) return;
  stream.jitter->handleTimeout(now);
  drain(now, stream);
}

std::optional<Timeout> VideoReceiver::streamNextTimeout(const Stream& stream) const {
  const VideoStream& video = as(stream);
  if (!video.jitter) return std::nullopt;
  auto next = video.jitter->nextTimeout();
  if (!video.held.empty()) next = soonest(next, Timeout{video.held.front().due, "held picture"});
  return next;
}

void VideoReceiver::drain(Timestamp now, VideoStream& stream) {
  while (auto event = stream.jitter->pollEvent()) {
    if (auto* assembled = std::get_if<media::AssembledFrame>(&*event)) {
      if (target() > Duration{0} || !stream.held.empty()) {
        const Timestamp due = std::max(now, assembled->firstArrival + target());
        stream.held.push_back({std::move(*assembled), now, due});
      } else {
        decodeFrame(now, stream, std::move(*assembled));
      }
    } else {
      askForKeyFrame(now, stream);
    }
  }
  decodeHeld(now, stream);
}

void VideoReceiver::decodeHeld(Timestamp now, VideoStream& stream) {
  while (!stream.held.empty() && stream.held.front().due <= now) {
    VideoStream::Held held = std::move(stream.held.front());
    stream.held.pop_front();
    stream.before.delay += now - held.since;
    decodeFrame(now, stream, std::move(held.frame));
  }
}

void VideoReceiver::targetChanged(Timestamp now, Stream& base) {
  VideoStream& stream = as(base);
  // A shorter target lets go sooner what is held; the order stays.
  for (auto& held : stream.held) held.due = std::min(held.due, std::max(now, held.frame.firstArrival + target()));
}

void VideoReceiver::decodeFrame(Timestamp now, VideoStream& stream, media::AssembledFrame assembled) {
  if (assembled.packets > 1) ++stream.multiplePackets;
  Result<std::optional<VideoFrame>> decoded = stream.decoder->decode(assembled.frame);
  const bool key = assembled.frame.key;
  stream.jitter->recycle(std::move(assembled.frame.data));
  if (!decoded) {
    ++stream.framesFailed;
    context_.log.debug("video decoder: " + decoded.error().message);
    stream.jitter->decoderFailed(now);
    return;
  }
  ++stream.framesDecoded;
  if (key) ++stream.keyFramesDecoded;
  stream.rate.add(now);
  if (stream.lastFrame) {
    const Duration step = now - *stream.lastFrame;
    stream.interFrame += step;
    stream.squaredInterFrame += seconds(step) * seconds(step);
  }
  stream.lastFrame = now;
  if (!*decoded || !(*decoded)->buffer) return;
  stream.width = (*decoded)->buffer->width();
  stream.height = (*decoded)->buffer->height();
  context_.events.push_back(VideoReceived{transceiver_, std::move(**decoded)});
}

void VideoReceiver::streamStats(Timestamp now, const Stream& base, InboundStats& out) const {
  const VideoStream& stream = as(base);
  media::VideoJitterStats s = stream.before;
  if (stream.jitter) {
    const media::VideoJitterStats& current = stream.jitter->stats();
    s.frames += current.frames;
    s.latePackets += current.latePackets;
    s.duplicatePackets += current.duplicatePackets;
    s.malformedPackets += current.malformedPackets;
    s.droppedFrames += current.droppedFrames;
    s.delay += current.delay;
  }
  out.framesReceived = s.frames + s.droppedFrames;
  out.framesDecoded = stream.framesDecoded;
  out.keyFramesDecoded = stream.keyFramesDecoded;
  out.framesDropped = s.droppedFrames + stream.framesFailed;
  out.framesAssembledFromMultiplePackets = stream.multiplePackets;
  out.packetsDiscarded += s.latePackets + s.duplicatePackets + s.malformedPackets;
  out.frameWidth = stream.width;
  out.frameHeight = stream.height;
  out.framesPerSecond = stream.rate.perSecond(now);
  out.totalInterFrameDelay = stream.interFrame;
  out.totalSquaredInterFrameDelay = stream.squaredInterFrame;
  if (stream.decoder) out.decoderImplementation = std::string(stream.decoder->implementation());
  out.jitterBufferDelay = seconds(s.delay);
  out.jitterBufferEmittedCount = s.frames;
}

// ---- Audio ----------------------------------------------------------------------------------------------------------

namespace {

void accumulate(media::AudioJitterStats& sum, const media::AudioJitterStats& s) {
  sum.discardedPackets += s.discardedPackets;
  sum.malformedPackets += s.malformedPackets;
  sum.totalSamples += s.totalSamples;
  sum.concealedSamples += s.concealedSamples;
  sum.silentConcealedSamples += s.silentConcealedSamples;
  sum.concealmentEvents += s.concealmentEvents;
  sum.insertedSamples += s.insertedSamples;
  sum.removedSamples += s.removedSamples;
  sum.delaySeconds += s.delaySeconds;
  sum.targetDelaySeconds += s.targetDelaySeconds;
  sum.emittedSamples += s.emittedSamples;
}

}  // namespace

void AudioReceiver::stopDecoding(Stream& base) {
  AudioStream& stream = as(base);
  if (stream.jitter) accumulate(stream.before, stream.jitter->stats());
  stream.jitter.reset();
  stream.nextPlayout.reset();
}

// Our own fmtp line says whether stereo is wanted (RFC 7587 §6.1).
void AudioReceiver::codecChanged(Timestamp, Stream& base) {
  AudioStream& stream = as(base);
  stopDecoding(stream);
  if (!context_.options.codecs) return;
  auto decoder = context_.options.codecs->createAudioDecoder(
      codecDescription(*stream.codec), media::opusConfigFromFmtp(stream.codec->fmtp).channels);
  if (!decoder) {
    context_.log.error("audio decoder: " + decoder.error().message);
    return;
  }
  stream.jitter = std::make_unique<media::AudioJitterBuffer>(std::move(*decoder));
  stream.jitter->setMinimum(target());
}

void AudioReceiver::targetChanged(Timestamp, Stream& base) {
  if (as(base).jitter) as(base).jitter->setMinimum(target());
}

void AudioReceiver::decode(Timestamp now, Stream& base, const rtp::PacketView& packet) {
  AudioStream& stream = as(base);
  if (!stream.jitter) return;
  stream.jitter->handleInput(now, {packet.sequenceNumber, packet.timestamp, packet.payload});
  if (!stream.nextPlayout) stream.nextPlayout = now + context_.options.audioPlayout;
}

void AudioReceiver::streamTimeout(Timestamp now, Stream& base) {
  AudioStream& stream = as(base);
  if (!stream.jitter || !stream.nextPlayout) return;
  if (stream.lastPacket && now - *stream.lastPacket > kPlayoutEnd && stream.jitter->heldPackets() == 0) {
    stream.nextPlayout.reset();
    return;
  }
  const Duration step = context_.options.audioPlayout;
  if (now - *stream.nextPlayout > kPlayoutLate) stream.nextPlayout = now;
  while (*stream.nextPlayout <= now) {
    AudioFrame frame;
    frame.channels = stream.jitter->channels();
    const auto perChannel = static_cast<size_t>(step.count() * media::kAudioSampleRate / 1'000'000'000);
    frame.samples.resize(perChannel * static_cast<size_t>(frame.channels));
    frame.timestamp = stream.nextPlayout->time_since_epoch();
    stream.jitter->pull(*stream.nextPlayout, frame.samples);
    stream.meter.add(frame.samples, perChannel);
    context_.events.push_back(AudioReceived{transceiver_, std::move(frame)});
    *stream.nextPlayout += step;
  }
}

std::optional<Timeout> AudioReceiver::streamNextTimeout(const Stream& base) const {
  const AudioStream& stream = as(base);
  if (!stream.jitter || !stream.nextPlayout) return std::nullopt;
  return Timeout{*stream.nextPlayout, "audio playout"};
}

void AudioReceiver::streamStats(Timestamp, const Stream& base, InboundStats& out) const {
  const AudioStream& stream = as(base);
  media::AudioJitterStats s = stream.before;
  if (stream.jitter) accumulate(s, stream.jitter->stats());
  out.packetsDiscarded += s.discardedPackets + s.malformedPackets;
  out.totalSamplesReceived = s.totalSamples;
  out.concealedSamples = s.concealedSamples;
  out.silentConcealedSamples = s.silentConcealedSamples;
  out.concealmentEvents = s.concealmentEvents;
  out.insertedSamplesForDeceleration = s.insertedSamples;
  out.removedSamplesForAcceleration = s.removedSamples;
  out.jitterBufferDelay = s.delaySeconds;
  out.jitterBufferTargetDelay = s.targetDelaySeconds;
  out.jitterBufferEmittedCount = s.emittedSamples;
  out.audioLevel = stream.meter.level();
  out.totalAudioEnergy = stream.meter.energy();
  out.totalSamplesDuration = stream.meter.duration();
}

}  // namespace peerage::engine
