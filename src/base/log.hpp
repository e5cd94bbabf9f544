// A log is a function that the owner injects; without one nothing is formatted.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace peerage {

enum class LogLevel { debug, info, warning, error };

/// Copyable; calls the sink it was made with, or nothing.
class Log {
 public:
  using Sink = std::function<void(LogLevel, std::string_view area, std::string_view text)>;
  Log() = default;
  Log(Sink sink, std::string area) : sink_(std::move(sink)), area_(std::move(area)) {}

  /// The same sink under another area name ("ice", "dtls", …).
  Log in(std::string area) const { return Log(sink_, std::move(area)); }
  explicit operator bool() const { return static_cast<bool>(sink_); }
  void debug(std::string_view text) const { write(LogLevel::debug, text); }
  void info(std::string_view text) const { write(LogLevel::info, text); }
  void warning(std::string_view text) const { write(LogLevel::warning, text); }
  void error(std::string_view text) const { write(LogLevel::error, text); }

 private:
  void write(LogLevel level, std::string_view text) const {
    if (sink_) sink_(level, area_, text);
  }
  Sink sink_;
  std::string area_;
};

}  // namespace peerage
