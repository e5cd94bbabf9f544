// When RTCP goes out (RFC 3550 §6.2, RFC 4585 §3): regular compounds at a jittered interval, feedback early.
#pragma once

#include <optional>

#include "base/random.hpp"
#include "base/time.hpp"

namespace peerage::rtp {

/// A WebRTC session has two members and ample bandwidth, so that RFC 3550's formula always ends at its minimum
/// interval; that is 5 s, or under AVPF what the application chooses (RFC 4585 §3.4 a: "Tmin = 0", T_rr_interval as
/// wanted).
class RtcpScheduler {
 public:
  struct Config {
    Duration interval = 1s;      ///< between regular compounds: 1 s with video, 5 s with audio alone
    Duration earlyDelay = 0ms;   ///< T_dither_max; 0 for a session of two (RFC 4585 §3.4: "l = 0 … point-to-point")
    Duration earlySpacing = 5ms; ///< least time between two early packets, so that a burst of loss makes one packet
  };
  /// `random` must outlive the scheduler.
  RtcpScheduler(const Config& config, RandomSource& random) : config_(config), random_(&random) {}

  /// Begins; the first report after half an interval (RFC 3550 §6.2).
  void start(Timestamp now);
  /// Interval for the reports after the next.
  void setInterval(Timestamp now, Duration interval);
  /// There is something that should not wait.
  void requestEarly(Timestamp now);
  bool regularDue(Timestamp now) const { return regular_ && now >= *regular_; }
  bool earlyDue(Timestamp now) const { return early_ && now >= *early_; }
  /// A packet went out: a regular compound plans the next, anything answers an early request.
  void sent(Timestamp now, bool regular);
  std::optional<Timeout> nextTimeout() const;

 private:
  Duration jittered();

  Config config_;
  RandomSource* random_;
  std::optional<Timestamp> regular_;
  std::optional<Timestamp> early_;
  std::optional<Timestamp> lastSent_;
};

}  // namespace peerage::rtp
