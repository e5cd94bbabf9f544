// Which packets of a stream to ask for again (RFC 4585 §6.2.1).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/time.hpp"

namespace peerage::rtp {

class NackGenerator {
 public:
  struct Config {
    int reorderTolerance = 2;      ///< a gap counts as loss when so many newer packets have come
    Duration reorderDelay = 10ms;  ///< or after so long
    int maxRetries = 10;           ///< requests for one packet
    Duration maxAge = 1500ms;      ///< after which a packet is given up
    size_t maxMissing = 1000;      ///< packets asked for at once; more give all up
    Duration minRetry = 20ms;      ///< between two requests for the same packet, or a round trip when that is longer
  };
  NackGenerator() : NackGenerator(Config{}) {}
  explicit NackGenerator(const Config& config) : config_(config) {}

  /// A packet arrived, by its unwrapped number. True when it was one that had been asked for.
  bool onPacket(Timestamp now, int64_t sequence);
  /// Everything before `sequence` (a key frame's first packet) is wanted no more.
  void forgetBefore(int64_t sequence);
  void reset();
  /// Round trip, from RTCP: how long to wait for an answer.
  void setRoundTripTime(Duration rtt) { roundTrip_ = rtt; }

  /// What to ask for now, ascending, into `out` (replaced); an empty one: nothing. Counts as asked.
  void due(Timestamp now, std::vector<uint16_t>& out);
  std::optional<Timeout> nextTimeout() const;
  /// True once after packets were given up: time for a key frame.
  bool takeGivenUp();

  size_t missing() const { return missing_.size(); }

 private:
  struct Missing {
    int64_t sequence = 0;
    Timestamp since{};
    Timestamp next{};  ///< when to ask (again)
    int retries = 0;
  };
  Duration retryInterval() const;
  void giveUp(size_t count);

  Config config_;
  std::deque<Missing> missing_;  ///< ascending by sequence
  std::optional<int64_t> highest_;
  Duration roundTrip_ = 100ms;
  bool givenUp_ = false;
};

}  // namespace peerage::rtp
