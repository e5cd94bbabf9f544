// Result<T>: a value, or an Error that says in words what was wrong. Parsers and cores return it; they never throw.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace peerage {

struct Error {
  std::string message;  ///< names the value and the limit that it broke
  int line = 0;         ///< for line-based formats: 1-based line number, 0 when it has none
  friend bool operator==(const Error&, const Error&) = default;
};

template <typename T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> failure(std::string message, int line = 0) {
  return std::unexpected(Error{std::move(message), line});
}

}  // namespace peerage
