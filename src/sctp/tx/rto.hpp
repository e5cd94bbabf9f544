// The retransmission timeout from measured round trips (RFC 9260 §6.3.1).
#pragma once

#include <algorithm>
#include <optional>

#include "base/time.hpp"

namespace peerage::sctp {

class RtoEstimator {
 public:
  RtoEstimator(Duration initial, Duration min, Duration max) : min_(min), max_(max), rto_(initial) {}

  void measure(Duration rtt) {
    rtt = std::max(rtt, Duration(1));
    minimum_ = minimum_ ? std::min(*minimum_, rtt) : rtt;
    if (!smoothed_) {
      smoothed_ = rtt;
      variation_ = rtt / 2;
    } else {
      const Duration error = *smoothed_ > rtt ? *smoothed_ - rtt : rtt - *smoothed_;
      variation_ = (variation_ * 3 + error) / 4;
      smoothed_ = (*smoothed_ * 7 + rtt) / 8;
    }
    // A receiver may keep the SACK for the last packet of a burst for 200 ms (§6.2), which the steady state never
    // shows: without this allowance each burst would end in a needless timeout.
    rto_ = std::clamp(*smoothed_ + std::max(4 * variation_, kDelayedSackAllowance), min_, max_);
  }

  Duration rto() const { return rto_; }
  std::optional<Duration> smoothed() const { return smoothed_; }
  std::optional<Duration> minimum() const { return minimum_; }

 private:
  static constexpr Duration kDelayedSackAllowance = 220ms;
  Duration min_;
  Duration max_;
  Duration rto_;
  std::optional<Duration> smoothed_;
  std::optional<Duration> minimum_;
  Duration variation_{};
};

}  // namespace peerage::sctp
