// Strong integers: an SSRC cannot be passed for a TSN.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace peerage {

template <typename Tag, typename T>
class Strong {
 public:
  using Value = T;
  constexpr Strong() = default;
  constexpr explicit Strong(T value) : value_(value) {}
  constexpr T value() const { return value_; }
  friend constexpr auto operator<=>(Strong, Strong) = default;

 private:
  T value_{};
};

}  // namespace peerage

template <typename Tag, typename T>
struct std::hash<peerage::Strong<Tag, T>> {
  size_t operator()(peerage::Strong<Tag, T> v) const noexcept { return std::hash<T>{}(v.value()); }
};
