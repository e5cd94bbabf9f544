#include "peerage/dom_exception.hpp"

#include <array>
#include <utility>

#include "peerage/media_constraints.hpp"

namespace peerage {

Exception::Exception(std::string_view name, std::string_view message) {
  std::string what(name);
  if (!message.empty()) what.append(": ").append(message);
  text_ = std::make_shared<const Text>(Text{std::string(name), std::string(message), std::move(what)});
}

// Out of line, so that each type has one home and can be caught across shared libraries.
Exception::~Exception() = default;
DOMException::~DOMException() = default;
OverconstrainedError::~OverconstrainedError() = default;
TypeError::~TypeError() = default;
RangeError::~RangeError() = default;

uint16_t DOMException::code() const noexcept {
  // WebIDL §2.8.1, the names table; names added later have no code.
  static constexpr std::array<std::pair<std::string_view, uint16_t>, 22> kCodes{{
      {"IndexSizeError", 1},      {"HierarchyRequestError", 3},   {"WrongDocumentError", 4},
      {"InvalidCharacterError", 5}, {"NoModificationAllowedError", 7}, {"NotFoundError", 8},
      {"NotSupportedError", 9},   {"InUseAttributeError", 10},    {"InvalidStateError", 11},
      {"SyntaxError", 12},        {"InvalidModificationError", 13}, {"NamespaceError", 14},
      {"InvalidAccessError", 15}, {"TypeMismatchError", 17},      {"SecurityError", 18},
      {"NetworkError", 19},       {"AbortError", 20},             {"URLMismatchError", 21},
      {"QuotaExceededError", 22}, {"TimeoutError", 23},           {"InvalidNodeTypeError", 24},
      {"DataCloneError", 25},
  }};
  for (const auto& [known, value] : kCodes) {
    if (known == name()) return value;
  }
  return 0;
}

}  // namespace peerage
