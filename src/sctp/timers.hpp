// The timers of an association (RFC 9260 §16's names), one deadline each.
#pragma once

#include <algorithm>
#include <array>
#include <optional>

#include "base/time.hpp"

namespace peerage::sctp {

enum class TimerId : uint8_t { t1, t2_shutdown, t3_rtx, heartbeat, reconfig, shutdown_guard };
inline constexpr size_t kTimerCount = 6;

class Timers {
 public:
  void start(TimerId id, Timestamp at) { deadlines_[index(id)] = at; }
  void stop(TimerId id) { deadlines_[index(id)].reset(); }
  void stopAll() { deadlines_ = {}; }
  bool running(TimerId id) const { return deadlines_[index(id)].has_value(); }
  /// True once when the deadline has passed; the timer has then stopped.
  bool expire(TimerId id, Timestamp now) {
    auto& deadline = deadlines_[index(id)];
    if (!deadline || now < *deadline) return false;
    deadline.reset();
    return true;
  }
  std::optional<Timeout> next() const {
    static constexpr const char* kReasons[kTimerCount] = {"sctp t1", "sctp t2-shutdown", "sctp t3-rtx",
                                                          "sctp heartbeat", "sctp reconfig", "sctp t5-shutdown-guard"};
    std::optional<Timeout> result;
    for (size_t i = 0; i < kTimerCount; ++i) {
      if (deadlines_[i]) result = soonest(result, Timeout{*deadlines_[i], kReasons[i]});
    }
    return result;
  }

 private:
  static size_t index(TimerId id) { return static_cast<size_t>(id); }
  std::array<std::optional<Timestamp>, kTimerCount> deadlines_;
};

/// `base` doubled for each of `expirations`, at most `limit`.
inline Duration backedOff(Duration base, int expirations, Duration limit) {
  Duration wait = base;
  for (; expirations > 0 && wait < limit; --expirations) wait *= 2;
  return std::min(wait, limit);
}

}  // namespace peerage::sctp
