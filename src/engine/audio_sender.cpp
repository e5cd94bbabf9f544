#include <algorithm>
#include <cmath>

#include "engine/sender.hpp"

namespace peerage::engine {

namespace {

/// A source that pauses for longer goes on at the time it really is; shorter gaps are scheduling.
constexpr Duration kGap = 100ms;
/// Samples per channel that may wait: one call may bring a lot, but not without end.
constexpr size_t kMaxWaiting = media::kAudioSampleRate * 2;
/// After the peer has reported on the stream, the MID goes with one packet a second.
constexpr uint32_t kMidEvery = 50;
constexpr size_t kMaxOpusBytes = 1275;
/// Between two packets of a tone, as between two of sound.
constexpr Duration kTonePacing = 20ms;
constexpr uint8_t kToneVolume = 10;  ///< -10 dBm0 (RFC 4733 §2.3.3)
constexpr uint32_t kMaxToneDuration = 0xffff;

uint8_t levelOf(std::span<const int16_t> samples) {
  double power = 0;
  for (const int16_t s : samples) power += double{1} * s * s;
  if (samples.empty() || power <= 0) return 127;
  // RFC 6464 §3: -dBov of the root mean square.
  const double rms = std::sqrt(power / static_cast<double>(samples.size())) / 32768.0;
  return static_cast<uint8_t>(std::clamp(-20.0 * std::log10(rms), 0.0, 127.0));
}

}  // namespace

media::AudioEncoderConfig AudioSender::encoderConfig() const {
  media::AudioEncoderConfig config = media::opusConfigFromFmtp(codec_->fmtp);
  config.channels = channels_;
  if (channels_ == 2) config.bitrate = std::max(config.bitrate, 64'000);
  if (maxBitrate()) config.bitrate = static_cast<int>(std::clamp<uint64_t>(*maxBitrate(), 6'000, 510'000));
  return config;
}

void AudioSender::codecChanged(Timestamp) {
  encoder_.reset();
  encoderFailed_ = false;
  samples_.clear();
  consumed_ = 0;
}

void AudioSender::limitsChanged() {
  if (encoder_ && encoder_->config() != encoderConfig()) encoder_->configure(encoderConfig());
}

bool AudioSender::prepareEncoder() {
  if (encoder_) return true;
  if (encoderFailed_ || !context_.options.codecs) return false;
  auto made = context_.options.codecs->createAudioEncoder(codecDescription(*codec_), encoderConfig());
  if (!made) {
    context_.log.error("audio encoder: " + made.error().message);
    encoderFailed_ = true;
    return false;
  }
  encoder_ = std::move(*made);
  return true;
}

void AudioSender::append(const AudioFrame& frame) {
  // What the remote end does not ask for in stereo is sent in mono (RFC 7587 §6.1 "stereo").
  const int wanted = frame.channels == 2 && media::opusConfigFromFmtp(codec_->fmtp).channels == 2 ? 2 : 1;
  if (wanted != channels_) {
    channels_ = wanted;
    encoder_.reset();
    encoderFailed_ = false;
    samples_.clear();
    consumed_ = 0;
  }
  if (consumed_ > 0) {
    samples_.erase(samples_.begin(), samples_.begin() + static_cast<ptrdiff_t>(consumed_));
    consumed_ = 0;
  }
  const size_t room = kMaxWaiting - std::min(kMaxWaiting, samples_.size() / static_cast<size_t>(channels_));
  const size_t count = std::min(frame.samplesPerChannel(), room);
  if (frame.channels == wanted) {
    samples_.insert(samples_.end(), frame.samples.begin(),
                    frame.samples.begin() + static_cast<ptrdiff_t>(count * static_cast<size_t>(wanted)));
    return;
  }
  for (size_t i = 0; i < count; ++i)
    samples_.push_back(static_cast<int16_t>((frame.samples[2 * i] + frame.samples[2 * i + 1]) / 2));
}

void AudioSender::sendAudio(Timestamp now, const AudioFrame& frame) {
  meter_.add(frame.samples, frame.samplesPerChannel());
  const bool usable = frame.sampleRate == media::kAudioSampleRate && (frame.channels == 1 || frame.channels == 2);
  if (!sending() || !usable || frame.samples.empty() || tone_) {
    expected_.reset();
    return;
  }
  if (!expected_ || now - *expected_ > kGap) {
    // A new stretch: its timestamps are those of the clock, and never go back.
    samples_.clear();
    consumed_ = 0;
    const uint32_t clock = stream_.timestampAt(now);
    if (!nextTimestamp_ || static_cast<int32_t>(clock - *nextTimestamp_) > 0) nextTimestamp_ = clock;
    silentBefore_ = true;
    expected_ = now;
  }
  const Duration length = fromSeconds(static_cast<double>(frame.samplesPerChannel()) / media::kAudioSampleRate);
  expected_ = std::max(*expected_ + length, now);
  append(frame);
  if (!prepareEncoder()) return;
  const size_t chunk = static_cast<size_t>(media::kAudioFrameSamples * channels_);
  while (samples_.size() - consumed_ >= chunk) {
    encodeChunk(now, std::span(samples_).subspan(consumed_, chunk));
    consumed_ += chunk;
  }
}

void AudioSender::encodeChunk(Timestamp now, std::span<const int16_t> chunk) {
  const uint32_t timestamp = *nextTimestamp_;
  *nextTimestamp_ += media::kAudioFrameSamples;
  const Result<bool> encoded = encoder_->encode(chunk, encoded_);
  if (!encoded) {
    context_.log.warning("audio encoder: " + encoded.error().message);
    return;
  }
  if (!*encoded || encoded_.empty() || encoded_.size() > kMaxOpusBytes) {
    silentBefore_ = true;
    return;
  }
  Bytes packet = sink_->buffer();
  const uint8_t level = levelOf(chunk);
  const bool mid = packetsSinceMid_++ % kMidEvery == 0;
  stream_.beginPacket(codec_->payloadType, silentBefore_, timestamp, mid, rtp::AudioLevel{level < 60, level}, packet);
  silentBefore_ = false;
  packet.insert(packet.end(), encoded_.begin(), encoded_.end());
  stream_.noteTimestamp(now, timestamp);
  sink_->send(now, stream_, std::move(packet));
}

// ---- Tones ----------------------------------------------------------------------------------------------------------

void AudioSender::startTone(Timestamp now, uint8_t event, Duration duration) {
  if (!sending() || !telephoneEvent_) return;
  tone_ = Tone{.event = event, .begin = now, .duration = duration, .segmentBegin = now, .next = now + kTonePacing};
  const uint32_t clock = stream_.timestampAt(now);
  if (!nextTimestamp_ || static_cast<int32_t>(clock - *nextTimestamp_) > 0) nextTimestamp_ = clock;
  tone_->timestamp = *nextTimestamp_;
}

void AudioSender::handleTimeout(Timestamp now) {
  while (tone_ && tone_->next <= now) tellTone(now);
}

std::optional<Timeout> AudioSender::nextTimeout() const {
  return tone_ ? std::optional(Timeout{tone_->next, "tone"}) : std::nullopt;
}

// RFC 4733 §2.5.1: all packets of an event have the timestamp of its beginning, and tell how long it has lasted; its end is
// told three times.
void AudioSender::tellTone(Timestamp now) {
  if (!sending() || !telephoneEvent_) {
    tone_.reset();
    return;
  }
  Tone& tone = *tone_;
  const double clock = telephoneEvent_->clockRate;
  const Timestamp at = std::min(tone.next, tone.begin + tone.duration);
  auto lasted = static_cast<uint32_t>(seconds(at - tone.segmentBegin) * clock + 0.5);
  if (lasted > kMaxToneDuration) {
    sendTonePacket(now, kMaxToneDuration, false);
    const Duration segment = fromSeconds(kMaxToneDuration / clock);
    tone.segmentBegin += segment;
    tone.timestamp += static_cast<uint32_t>(seconds(segment) * stream_.clockRate() + 0.5);
    lasted = static_cast<uint32_t>(seconds(at - tone.segmentBegin) * clock + 0.5);
  }
  const bool end = at == tone.begin + tone.duration;
  sendTonePacket(now, std::max(lasted, 1u), end);
  stream_.noteTimestamp(now, tone.timestamp + static_cast<uint32_t>(seconds(at - tone.segmentBegin) * stream_.clockRate()));
  if (!end) {
    tone.next = std::min(tone.next + kTonePacing, tone.begin + tone.duration);
    return;
  }
  tone.next += kTonePacing;
  if (--tone.lastPackets > 0) return;
  *nextTimestamp_ = std::max(stream_.timestampAt(now), tone.timestamp + 1);
  tone_.reset();
  expected_.reset();  // sound goes on as a new stretch
}

void AudioSender::sendTonePacket(Timestamp now, uint32_t lasted, bool end) {
  Bytes packet = sink_->buffer();
  stream_.beginPacket(telephoneEvent_->payloadType, !std::exchange(tone_->marked, true), tone_->timestamp, false, std::nullopt,
                      packet);
  ByteWriter writer(packet);
  writer.u8(tone_->event);
  writer.u8(static_cast<uint8_t>((end ? 0x80 : 0) | kToneVolume));
  writer.u16(static_cast<uint16_t>(lasted));
  sink_->send(now, stream_, std::move(packet));
}

void AudioSender::fillStats(Timestamp, OutboundStats& out) const {
  commonStats(out);
  out.source.audioLevel = meter_.level();
  out.source.totalAudioEnergy = meter_.energy();
  out.source.totalSamplesDuration = meter_.duration();
}

}  // namespace peerage::engine
