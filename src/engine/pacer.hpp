// Spreads bursts of packets over time: a leaky bucket whose rate is such that what waits is gone within tens of
// milliseconds.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace peerage::engine {

class OutgoingStream;
enum class Sending : uint8_t;

class Pacer {
 public:
  struct Config {
    /// The rate is this many times the bitrate that the encoders aim at, ...
    double factor = 2.5;
    /// ... and no less than empties the queue in so long: a key frame of 60 KB leaves at 12 Mbit/s.
    Duration drain = 40ms;
    Duration quantum = 5ms;  ///< between two wake-ups; what may leave at once after a pause
    size_t maxBytes = 8 << 20;  ///< waiting; packets beyond are refused
  };
  struct Item {
    OutgoingStream* stream = nullptr;
    Bytes packet;
    Sending sending{};
    Timestamp queued{};
  };

  Pacer() : Pacer(Config{}) {}
  explicit Pacer(const Config& config) : config_(config) {}

  void setBitrate(double bitsPerSecond) { bitrate_ = bitsPerSecond; }
  /// What is sent again overtakes what waits. False: no room.
  bool push(Timestamp now, OutgoingStream* stream, Bytes packet, Sending sending);
  /// The next packet whose time has come.
  std::optional<Item> pop(Timestamp now);
  std::optional<Timeout> nextTimeout() const;
  /// Drops what waits for a stream that ends.
  void remove(const OutgoingStream* stream);
  size_t queuedBytes() const { return bytes_; }
  /// How long what waits will take.
  Duration backlog() const;

 private:
  double rate() const;  ///< bytes/s

  Config config_;
  double bitrate_ = 300'000;
  double burstRate_ = 0;  ///< bytes/s that the largest burst since the queue was empty asked for
  std::deque<Item> urgent_;
  std::deque<Item> queue_;
  size_t bytes_ = 0;
  Timestamp free_{};       ///< the bucket is empty from here on
  Timestamp released_{};   ///< when packets last left
};

}  // namespace peerage::engine
