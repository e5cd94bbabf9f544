// Wrapping counters are unwrapped to int64 where they enter, so that nothing inside compares modulo 2^n.
#pragma once

#include <cstdint>
#include <type_traits>

namespace peerage {

/// Turns a wrapping unsigned counter (RTP sequence number, RTP timestamp, TSN) into a monotone 64-bit number: each value
/// is taken as the one nearest to the highest seen so far (RFC 1982).
template <typename T>
class Unwrapper {
  static_assert(std::is_unsigned_v<T>);

 public:
  /// The unwrapped value; remembers it when it is the newest.
  int64_t unwrap(T value) {
    const int64_t result = peek(value);
    if (!started_ || result > newest_) newest_ = result;
    started_ = true;
    return result;
  }
  /// The unwrapped value, remembering nothing.
  int64_t peek(T value) const {
    if (!started_) return value;
    const T distance = static_cast<T>(value - static_cast<T>(newest_));
    return newest_ + static_cast<std::make_signed_t<T>>(distance);
  }

 private:
  int64_t newest_ = 0;
  bool started_ = false;
};

}  // namespace peerage
