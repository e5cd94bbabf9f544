// What senders and receivers of media are given of the connection they belong to.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <span>

#include "base/log.hpp"
#include "base/random.hpp"
#include "engine/connection.hpp"
#include "engine/stats.hpp"

namespace peerage::engine {

/// Lives in the connection; outlives every sender and receiver.
struct MediaContext {
  const Options& options;
  RandomSource& random;
  std::deque<Event>& events;
  DropCounters& dropped;
  Log log;
};

/// Counts per second over a sliding window of one second: framesPerSecond of webrtc-stats.
class RateCounter {
 public:
  void add(Timestamp now) {
    expire(now);
    times_.push_back(now);
    if (times_.size() > 1000) times_.pop_front();
  }
  double perSecond(Timestamp now) const {
    size_t count = 0;
    for (auto it = times_.rbegin(); it != times_.rend() && now - *it < 1s; ++it) ++count;
    return static_cast<double>(count);
  }

 private:
  void expire(Timestamp now) {
    while (!times_.empty() && now - times_.front() >= 1s) times_.pop_front();
  }
  std::deque<Timestamp> times_;
};

/// webrtc-stats audioLevel and totalAudioEnergy of interleaved samples.
class AudioMeter {
 public:
  void add(std::span<const int16_t> samples, size_t samplesPerChannel) {
    if (samplesPerChannel == 0) return;
    int peak = 0;
    for (const int16_t sample : samples) peak = std::max(peak, std::abs(int{sample}));
    level_ = peak / 32768.0;
    const double length = static_cast<double>(samplesPerChannel) / media::kAudioSampleRate;
    energy_ += level_ * level_ * length;
    duration_ += length;
  }
  double level() const { return level_; }
  double energy() const { return energy_; }
  double duration() const { return duration_; }

 private:
  double level_ = 0;
  double energy_ = 0;
  double duration_ = 0;
};

}  // namespace peerage::engine
