// The retransmission clock of a STUN client transaction over UDP (RFC 8489 §6.2.1): a value, without bytes or sockets.
#pragma once

#include "base/time.hpp"

namespace peerage::stun {

struct RetransmissionPolicy {
  /// §6.2.1: an estimate of the round-trip time, and at least 500 ms to begin with.
  Duration rto = 500ms;
  /// §6.2.1: Rc, 7 by default: requests sent in all.
  int maxTransmissions = 7;
  /// §6.2.1: Rm, default 16: after the last request wait Rm times the first RTO for the response.
  int lastWaitFactor = 16;
  /// Gives up after this long whatever the schedule says; the default never comes before it (39.5 s with RTO 500 ms).
  Duration limit = Duration::max();
};

/// The times of one request: sent at once, again after RTO, 2 RTO, 4 RTO, …
class ClientTransaction {
 public:
  enum class Step { wait, retransmit, timed_out };

  ClientTransaction(Timestamp now, const RetransmissionPolicy& policy);

  /// When advance() next has something to say.
  Timestamp nextTimeout() const { return next_; }
  /// Tells what is due at `now`; `retransmit` means: send the same bytes again. After `timed_out` it stays so.
  Step advance(Timestamp now);
  /// No retransmission any more, but a late response still counts until the transaction's time is up (RFC 8445
  /// §7.3.1.4).
  void stopRetransmitting(Timestamp now);

  Timestamp firstSent() const { return firstSent_; }
  Timestamp lastSent() const { return lastSent_; }
  int transmissions() const { return transmissions_; }

 private:
  Timestamp limitAt(Timestamp at) const;

  RetransmissionPolicy policy_;
  Duration interval_;
  Timestamp firstSent_;
  Timestamp lastSent_;
  Timestamp next_;
  int transmissions_ = 1;
};

}  // namespace peerage::stun
