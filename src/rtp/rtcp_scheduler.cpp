#include "rtp/rtcp_scheduler.hpp"

#include <algorithm>

namespace peerage::rtp {

// RFC 3550 §6.3.1: "uniformly distributed between 0.5 and 1.5 times". The division by e - 3/2 compensates for timer
// reconsideration, which a session of two has no use for.
Duration RtcpScheduler::jittered() {
  return Duration(static_cast<int64_t>(static_cast<double>(config_.interval.count()) * (0.5 + random_->unit())));
}

void RtcpScheduler::start(Timestamp now) { regular_ = now + jittered() / 2; }

void RtcpScheduler::setInterval(Timestamp now, Duration interval) {
  if (interval == config_.interval) return;
  config_.interval = interval;
  if (regular_) regular_ = std::min(*regular_, now + jittered());
}

void RtcpScheduler::requestEarly(Timestamp now) {
  if (early_) return;
  early_ = now + config_.earlyDelay;
  if (lastSent_) early_ = std::max(*early_, *lastSent_ + config_.earlySpacing);
}

void RtcpScheduler::sent(Timestamp now, bool regular) {
  lastSent_ = now;
  early_.reset();
  if (regular) regular_ = now + jittered();
}

std::optional<Timeout> RtcpScheduler::nextTimeout() const {
  std::optional<Timeout> next;
  if (regular_) next = Timeout{*regular_, "rtcp report"};
  if (early_) next = soonest(next, Timeout{*early_, "rtcp feedback"});
  return next;
}

}  // namespace peerage::rtp
