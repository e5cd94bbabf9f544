// The exceptions of the specifications: DOMException, TypeError, RangeError. RTCError is one more DOMException.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

namespace peerage {

/// What DOMException, TypeError and RangeError share: a name and a message. what() is "name: message".
class Exception : public std::exception {
 public:
  Exception(std::string_view name, std::string_view message);
  ~Exception() override;
  const char* what() const noexcept override { return text_->what.c_str(); }
  const std::string& name() const noexcept { return text_->name; }
  const std::string& message() const noexcept { return text_->message; }

 private:
  struct Text {
    std::string name;
    std::string message;
    std::string what;
  };
  std::shared_ptr<const Text> text_;  // shared, so that copying an exception cannot throw
};

/// WebIDL §2.8.1. Written as in JavaScript: `throw DOMException("the connection is closed", DOMException::kInvalidStateError)`.
class DOMException : public Exception {
 public:
  explicit DOMException(std::string_view message = "", std::string_view name = "Error") : Exception(name, message) {}
  ~DOMException() override;

  /// The legacy code of the name (WebIDL §2.8.1, the table of names), 0 for a name without one.
  uint16_t code() const noexcept;

  // The names that WebRTC and the specifications it leans on use.
  static constexpr std::string_view kHierarchyRequestError = "HierarchyRequestError";
  static constexpr std::string_view kInvalidCharacterError = "InvalidCharacterError";
  static constexpr std::string_view kNotFoundError = "NotFoundError";
  static constexpr std::string_view kNotSupportedError = "NotSupportedError";
  static constexpr std::string_view kInvalidStateError = "InvalidStateError";
  static constexpr std::string_view kSyntaxError = "SyntaxError";
  static constexpr std::string_view kInvalidModificationError = "InvalidModificationError";
  static constexpr std::string_view kInvalidAccessError = "InvalidAccessError";
  static constexpr std::string_view kSecurityError = "SecurityError";
  static constexpr std::string_view kNetworkError = "NetworkError";
  static constexpr std::string_view kAbortError = "AbortError";
  static constexpr std::string_view kQuotaExceededError = "QuotaExceededError";
  static constexpr std::string_view kTimeoutError = "TimeoutError";
  static constexpr std::string_view kDataCloneError = "DataCloneError";
  static constexpr std::string_view kEncodingError = "EncodingError";
  static constexpr std::string_view kNotReadableError = "NotReadableError";
  static constexpr std::string_view kUnknownError = "UnknownError";
  static constexpr std::string_view kConstraintError = "ConstraintError";
  static constexpr std::string_view kDataError = "DataError";
  static constexpr std::string_view kOperationError = "OperationError";
  static constexpr std::string_view kNotAllowedError = "NotAllowedError";
};

/// ECMAScript's TypeError: a value of the wrong kind or form.
class TypeError : public Exception {
 public:
  explicit TypeError(std::string_view message = "") : Exception("TypeError", message) {}
  ~TypeError() override;
};

/// ECMAScript's RangeError: a number out of its range.
class RangeError : public Exception {
 public:
  explicit RangeError(std::string_view message = "") : Exception("RangeError", message) {}
  ~RangeError() override;
};

}  // namespace peerage
