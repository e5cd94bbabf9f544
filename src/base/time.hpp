// Time as a value. The type has no now(): a core is told the time as an argument of every input.
#pragma once

#include <chrono>
#include <optional>

namespace peerage {

using namespace std::chrono_literals;

/// Nanoseconds, signed.
using Duration = std::chrono::nanoseconds;

/// Tag of the loop's monotonic time line; only a runtime or a simulator knows where "now" is on it.
struct LoopTime {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<LoopTime>;
  static constexpr bool is_steady = true;
};

/// A point on the loop's monotonic time line.
using Timestamp = LoopTime::time_point;

inline constexpr double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
inline constexpr double milliseconds(Duration d) { return std::chrono::duration<double, std::milli>(d).count(); }
inline constexpr Duration fromSeconds(double s) { return Duration(static_cast<int64_t>(s * 1e9)); }

/// When a core next wants handleTimeout(), and why: a spin or an idle wake-up becomes readable in a log.
struct Timeout {
  Timestamp at;
  const char* reason;  ///< a string literal
};

/// The earlier of two optional timeouts, with its reason.
inline std::optional<Timeout> soonest(std::optional<Timeout> a, std::optional<Timeout> b) {
  if (!a) return b;
  if (!b) return a;
  return b->at < a->at ? b : a;
}

}  // namespace peerage
