// The numbers and clocks that RTP and RTCP share.
#pragma once

#include <cstdint>

#include "base/strong.hpp"
#include "base/time.hpp"

namespace peerage::rtp {

/// Synchronization source (RFC 3550 §5.1). Zero never names a stream here.
using Ssrc = Strong<struct SsrcTag, uint32_t>;

/// Why a packet was refused. An enumeration rather than words: refusing a packet must cost little.
enum class ParseError : uint8_t { too_short, bad_version, bad_length, bad_padding, bad_type };

/// 64-bit NTP timestamp: seconds since some epoch in 32.32 bits. RFC 3550 §4 lets a system use its uptime as the
/// reference clock when it knows no wall clock, and a core knows none: this is the loop's monotonic time.
inline constexpr uint64_t ntpTime(Timestamp now) {
  const int64_t nanos = now.time_since_epoch().count();
  const uint64_t whole = static_cast<uint64_t>(nanos / 1'000'000'000);
  const uint64_t part = static_cast<uint64_t>(nanos % 1'000'000'000);
  return whole << 32 | ((part << 32) / 1'000'000'000);
}
/// The middle 32 bits of it, in units of 1/65536 s: what LSR and DLSR count in (RFC 3550 §6.4.1).
inline constexpr uint32_t compactNtp(uint64_t ntp) { return static_cast<uint32_t>(ntp >> 16); }
inline constexpr uint32_t compactNtp(Timestamp now) { return compactNtp(ntpTime(now)); }
/// A span in units of 1/65536 s as a duration.
inline constexpr Duration fromCompactNtp(uint32_t units) {
  return Duration(static_cast<int64_t>((uint64_t{units} * 1'000'000'000) >> 16));
}
/// A duration in units of 1/65536 s, at most 2^32 - 1 of them; negative ones are zero.
inline constexpr uint32_t toCompactNtp(Duration d) {
  if (d <= Duration{0}) return 0;
  if (d >= std::chrono::hours(18)) return 0xffffffff;
  return static_cast<uint32_t>((static_cast<uint64_t>(d.count()) << 16) / 1'000'000'000);
}

}  // namespace peerage::rtp
