#include "stun/transaction.hpp"

#include <algorithm>

namespace peerage::stun {

ClientTransaction::ClientTransaction(Timestamp now, const RetransmissionPolicy& policy)
    : policy_(policy), interval_(policy.rto), firstSent_(now), lastSent_(now), next_(now) {
  next_ = limitAt(now + (policy_.maxTransmissions > 1 ? interval_ : policy_.rto * policy_.lastWaitFactor));
}

Timestamp ClientTransaction::limitAt(Timestamp at) const {
  return policy_.limit == Duration::max() ? at : std::min(at, firstSent_ + policy_.limit);
}

ClientTransaction::Step ClientTransaction::advance(Timestamp now) {
  if (now < next_) return Step::wait;
  const bool limited = policy_.limit != Duration::max() && now >= firstSent_ + policy_.limit;
  if (limited || transmissions_ >= policy_.maxTransmissions) return Step::timed_out;
  ++transmissions_;
  lastSent_ = now;
  interval_ *= 2;
  next_ = limitAt(now + (transmissions_ < policy_.maxTransmissions ? interval_ : policy_.rto * policy_.lastWaitFactor));
  return Step::retransmit;
}

void ClientTransaction::stopRetransmitting(Timestamp now) {
  if (transmissions_ >= policy_.maxTransmissions) return;
  // The time that the remaining transmissions would have taken is what a late response is given.
  Duration rest{0};
  Duration interval = interval_;
  for (int i = transmissions_; i < policy_.maxTransmissions; ++i, interval *= 2) rest += interval;
  policy_.maxTransmissions = transmissions_;
  next_ = limitAt(std::max(now, lastSent_) + rest + policy_.rto * policy_.lastWaitFactor);
}

}  // namespace peerage::stun
