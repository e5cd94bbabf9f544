#include "media/audio_jitter_buffer.hpp"

#include <algorithm>
#include <utility>

#include "media/time_stretch.hpp"

namespace peerage::media {

namespace {

constexpr Duration kBucket = 10ms;
constexpr double kQuantile = 0.97;    // of packets shall come in time
constexpr double kForget = 0.998;     // a packet: about 10 s of 20 ms packets
constexpr Duration kWindow = 5s;      // over which the fastest packet is the measure
constexpr Duration kStrange = 10s;    // a lateness that no network makes: the sender's clock has jumped
constexpr int64_t kSecond = kAudioSampleRate;
constexpr int64_t kLongestGap = kSecond;       // of RTP time, before it counts as a jump and not as a loss
constexpr int64_t kLongestExpand = kSecond;    // without packets, before playing stops
constexpr int64_t kExcess = kSecond / 2;       // over the target, from which packets are thrown away
constexpr int kPiece = 480;                    // samples concealed at a time while nothing is there
constexpr int kStep = 120;                     // Opus conceals in multiples of 2.5 ms
constexpr int kStretchEvery = 5;               // packets between two cuts or repetitions
constexpr double kSmoothing = 0.1;
constexpr int16_t kSilence = 8;
constexpr size_t kSpare = 32;

int64_t toSamples(Duration d) { return d.count() * 3 / 62'500; }  // 48 kHz
Duration toDuration(int64_t samples) { return Duration(samples * 62'500 / 3); }

}  // namespace

AudioJitterBuffer::AudioJitterBuffer(std::unique_ptr<AudioDecoder> decoder, const AudioJitterConfig& config)
    : decoder_(std::move(decoder)), config_(config) {
  config_.maxDelay = std::clamp<Duration>(config_.maxDelay, 40ms, 2s);
  config_.minDelay = std::clamp<Duration>(config_.minDelay, Duration{0}, config_.maxDelay);
  config_.startDelay = std::clamp<Duration>(config_.startDelay, config_.minDelay, config_.maxDelay);
  config_.maxPackets = std::clamp<size_t>(config_.maxPackets, 4, 1000);
  target_ = config_.startDelay;
  const auto bucket = std::max<int64_t>(0, (config_.startDelay - 20ms) / kBucket - 1);
  histogram_[std::min(static_cast<size_t>(bucket), kBuckets - 1)] = 1;
}

void AudioJitterBuffer::handleInput(Timestamp now, const AudioPacket& packet) {
  if (packet.payload.empty()) return;
  const auto samples = decoder_->packetSamples(packet.payload);
  if (!samples || *samples <= 0) {
    ++stats_.malformedPackets;
    return;
  }
  ++stats_.packets;
  Held held{.timestamp = timestamps_.unwrap(packet.timestamp),
            .sequence = sequences_.unwrap(packet.sequenceNumber),
            .samples = *samples,
            .arrival = now};
  observe(now, held.timestamp, held.samples);
  if (lastSequence_ && held.sequence <= *lastSequence_) {
    ++stats_.discardedPackets;
    return;
  }
  if (nextTimestamp_ && held.timestamp < *nextTimestamp_) {
    if (*nextTimestamp_ - held.timestamp <= kLongestGap) {
      ++stats_.discardedPackets;
      return;
    }
    flush();  // newer by its sequence number, much older by its timestamp: the sender has started over
  }
  if (packets_.size() >= config_.maxPackets) flush();
  if (!spare_.empty()) {
    held.payload = std::move(spare_.back());
    spare_.pop_back();
  }
  held.payload.assign(packet.payload.begin(), packet.payload.end());
  insert(std::move(held));
}

void AudioJitterBuffer::insert(Held&& held) {
  auto place = packets_.end();
  while (place != packets_.begin() && std::prev(place)->timestamp > held.timestamp) --place;
  if (place != packets_.begin() && std::prev(place)->timestamp == held.timestamp) {
    ++stats_.discardedPackets;
    return;
  }
  if (state_ == State::buffering && !bufferingSince_) bufferingSince_ = held.arrival;
  heldSamples_ += held.samples;
  packets_.insert(place, std::move(held));
}

void AudioJitterBuffer::popFront() {
  heldSamples_ -= packets_.front().samples;
  if (spare_.size() < kSpare) spare_.push_back(std::move(packets_.front().payload));
  packets_.pop_front();
}

void AudioJitterBuffer::flush() {
  stats_.discardedPackets += packets_.size();
  ++stats_.flushes;
  while (!packets_.empty()) popFront();
  setState(State::buffering);
}

void AudioJitterBuffer::setState(State state) {
  state_ = state;
  expanded_ = 0;
  if (state == State::playing) {
    bufferingSince_.reset();
    return;
  }
  nextTimestamp_.reset();
  bufferingSince_.reset();
  if (!packets_.empty()) bufferingSince_ = packets_.front().arrival;
}

// ---- How much delay -----------------------------------------------------------------------------------------------

void AudioJitterBuffer::observe(Timestamp now, int64_t timestamp, int samples) {
  const int64_t transit = now.time_since_epoch().count() - toDuration(timestamp).count();
  if (!windowStart_) {
    windowStart_ = now;
    fastest_ = fastestBefore_ = transit;
  } else if (now - *windowStart_ >= kWindow) {
    windowStart_ = now;
    fastestBefore_ = std::exchange(fastest_, transit);
  }
  const int64_t measure = std::min(fastest_, fastestBefore_);
  if (transit - measure > kStrange.count() || measure - transit > kStrange.count()) {
    windowStart_ = now;
    fastest_ = fastestBefore_ = transit;
  }
  fastest_ = std::min(fastest_, transit);
  const int64_t late = transit - std::min(fastest_, fastestBefore_);
  const auto bucket = std::min(static_cast<size_t>(late / kBucket.count()), kBuckets - 1);
  // The first packets weigh more: the mean of all, until that forgets more slowly than kForget does.
  ++observations_;
  const double keep = std::min(kForget, 1.0 - 1.0 / static_cast<double>(observations_ + 1));
  for (double& share : histogram_) share *= keep;
  histogram_[bucket] += 1 - keep;
  updateTarget(samples);
}

void AudioJitterBuffer::updateTarget(int packetSamples) {
  double sum = 0;
  size_t bucket = 0;
  for (; bucket + 1 < kBuckets; ++bucket) {
    sum += histogram_[bucket];
    if (sum >= kQuantile) break;
  }
  const Duration wanted = toDuration(packetSamples) + static_cast<int64_t>(bucket + 1) * kBucket;
  floor_ = std::max(minimum_, floor_ - toDuration(packetSamples) / 10);
  target_ = std::max(std::clamp(wanted, config_.minDelay, config_.maxDelay), floor_);
}

void AudioJitterBuffer::setMinimum(Duration minimum) {
  minimum_ = std::clamp(minimum, Duration{0}, Duration{4s});
  floor_ = std::max(floor_, minimum_);
  target_ = std::max(target_, floor_);
  // Packets of 10 ms, and what may be held over the target.
  config_.maxPackets = std::max(config_.maxPackets, static_cast<size_t>((floor_ + 1s) / 10ms));
}

Duration AudioJitterBuffer::heldDelay() const { return toDuration(heldSamples_ + queuedSamples()); }

int64_t AudioJitterBuffer::queuedSamples() const {
  return static_cast<int64_t>(pcm_.size()) / decoder_->channels();
}

std::optional<uint32_t> AudioJitterBuffer::playoutTimestamp() const {
  if (!nextTimestamp_) return std::nullopt;
  return static_cast<uint32_t>(*nextTimestamp_ + expanded_ - queuedSamples());
}

// ---- Playing ------------------------------------------------------------------------------------------------------

void AudioJitterBuffer::pull(Timestamp now, std::span<int16_t> out) {
  const auto channels = static_cast<size_t>(decoder_->channels());
  const size_t samples = out.size() / channels;
  if (stats_.packets > 0) stats_.totalSamples += samples;
  if (state_ == State::buffering) startWhenDue(now);
  while (state_ == State::playing && static_cast<size_t>(queuedSamples()) < samples) refill(now);
  const auto queued = static_cast<size_t>(queuedSamples());
  if (queued < samples && stats_.emittedSamples > 0) {  // silence in the place of what never came
    stats_.concealedSamples += samples - queued;
    stats_.silentConcealedSamples += samples - queued;
  }
  consume(out);
}

void AudioJitterBuffer::consume(std::span<int16_t> out) {
  const auto count = static_cast<std::ptrdiff_t>(std::min(out.size(), pcm_.size()));
  std::copy_n(pcm_.begin(), count, out.begin());
  std::fill(out.begin() + count, out.end(), int16_t{0});
  pcm_.erase(pcm_.begin(), pcm_.begin() + count);  // what remains is less than a packet
}

void AudioJitterBuffer::startWhenDue(Timestamp now) {
  if (packets_.empty() || !bufferingSince_) return;
  const bool waited = now - *bufferingSince_ >= target_ - toDuration(packets_.front().samples);
  if (!waited && heldSamples_ < toSamples(target_)) return;
  setState(State::playing);
  nextTimestamp_ = packets_.front().timestamp;
  level_ = static_cast<double>(heldSamples_);
  sinceStretch_ = 0;
}

/// Adds to pcm_, or drops a packet, or moves nextTimestamp_ on, or stops playing: each call brings pull() nearer its
/// end.
void AudioJitterBuffer::refill(Timestamp now) {
  dropExcess();
  if (packets_.empty()) {
    conceal(kPiece, true);
    expanded_ += kPiece;
    if (expanded_ >= kLongestExpand) setState(State::buffering);
    return;
  }
  const Held& front = packets_.front();
  if (front.timestamp < *nextTimestamp_) {
    ++stats_.discardedPackets;
    popFront();
  } else if (front.timestamp == *nextTimestamp_) {
    playPacket(now);
  } else {
    playGap(front);
  }
}

void AudioJitterBuffer::playPacket(Timestamp now) {
  const Held& front = packets_.front();
  level_ += kSmoothing * (static_cast<double>(heldSamples_ + queuedSamples()) - level_);
  const size_t chunkStart = pcm_.size();
  const auto decoded = decoder_->decode(front.payload, pcm_);
  if (decoded) {
    concealing_ = false;
  } else {
    ++stats_.malformedPackets;
    pcm_.resize(chunkStart);
    conceal(front.samples, true);
  }
  stats_.emittedSamples += static_cast<uint64_t>(front.samples);
  stats_.delaySeconds += seconds(now - front.arrival) * front.samples;
  stats_.targetDelaySeconds += seconds(target_) * front.samples;
  nextTimestamp_ = front.timestamp + front.samples;
  lastSequence_ = front.sequence;
  lastSamples_ = front.samples;
  expanded_ = 0;
  popFront();
  if (decoded && config_.timeStretch) regulate(chunkStart);
}

/// `next` is later than what is due: its predecessors were lost (or never sent, under DTX).
void AudioJitterBuffer::playGap(const Held& next) {
  const int64_t gap = next.timestamp - *nextTimestamp_;
  const int64_t remaining = gap - expanded_;
  if (remaining <= 0 || gap > kLongestGap) {
    nextTimestamp_ = next.timestamp;
    expanded_ = 0;
    return;
  }
  const bool lost = !lastSequence_ || next.sequence != *lastSequence_ + 1;
  if (lost && remaining <= next.samples && remaining % kStep == 0 && decoder_->hasFec(next.payload)) {
    const size_t chunkStart = pcm_.size();
    if (decoder_->decodeFec(next.payload, static_cast<int>(remaining), pcm_)) {
      ++stats_.fecPackets;
      concealing_ = false;
      nextTimestamp_ = next.timestamp;
      expanded_ = 0;
      return;
    }
    pcm_.resize(chunkStart);
  }
  const auto piece = static_cast<int>(std::min<int64_t>(remaining, lastSamples_));
  const int rounded = std::max(kStep, piece / kStep * kStep);
  conceal(rounded, lost);
  expanded_ += rounded;
}

void AudioJitterBuffer::conceal(int samples, bool counted) {
  const size_t chunkStart = pcm_.size();
  if (!decoder_->conceal(samples, pcm_)) {
    pcm_.resize(chunkStart);
    pcm_.resize(chunkStart + static_cast<size_t>(samples * decoder_->channels()), 0);
  }
  if (counted) noteConcealed(samples, chunkStart);
}

void AudioJitterBuffer::noteConcealed(int samples, size_t chunkStart) {
  stats_.concealedSamples += static_cast<uint64_t>(samples);
  const bool silent = std::all_of(pcm_.begin() + static_cast<std::ptrdiff_t>(chunkStart), pcm_.end(),
                                  [](int16_t s) { return s >= -kSilence && s <= kSilence; });
  if (silent) stats_.silentConcealedSamples += static_cast<uint64_t>(samples);
  if (!concealing_) ++stats_.concealmentEvents;
  concealing_ = true;
}

/// Brings what is held towards the target, one pitch period at a time.
void AudioJitterBuffer::regulate(size_t chunkStart) {
  ++sinceStretch_;
  const auto target = static_cast<double>(toSamples(target_));
  const double low = target * 0.75;
  const double high = std::max(target, low + kAudioFrameSamples);
  const bool hurry = level_ > 2 * high;
  if (sinceStretch_ < kStretchEvery && !hurry) return;
  if (level_ > high) {
    const int removed = cutPeriod(pcm_, chunkStart, decoder_->channels(), hurry);
    stats_.removedSamples += static_cast<uint64_t>(removed);
    level_ -= removed;
    if (removed > 0) sinceStretch_ = 0;
  } else if (level_ < low) {
    const int added = repeatPeriod(pcm_, chunkStart, decoder_->channels());
    stats_.insertedSamples += static_cast<uint64_t>(added);
    level_ += added;
    if (added > 0) sinceStretch_ = 0;
  }
}

/// After a stall of the network, or of whoever pulls: too much to catch up with by cutting periods.
void AudioJitterBuffer::dropExcess() {
  const int64_t target = toSamples(target_);
  if (heldSamples_ <= target + kExcess) return;
  ++stats_.flushes;
  while (packets_.size() > 1 && heldSamples_ > target) {
    ++stats_.discardedPackets;
    popFront();
  }
  nextTimestamp_ = packets_.front().timestamp;
  expanded_ = 0;
  level_ = static_cast<double>(heldSamples_);
}

}  // namespace peerage::media
