// Small pieces of the SDP grammar, shared by the parser and the candidate grammar.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace peerage::sdp {

inline bool isDigit(char c) { return c >= '0' && c <= '9'; }
inline bool isAlnum(char c) { return isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// token-char of RFC 8866 §9: visible ASCII without separators.
inline bool isTokenChar(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`{|}~";
  return isAlnum(c) || kOthers.find(c) != std::string_view::npos;
}
inline bool isToken(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text)
    if (!isTokenChar(c)) return false;
  return true;
}

/// ice-char of RFC 8839 §5.4, and the four characters that deployed endpoints use beside it and browsers take.
inline bool isIceChar(char c) {
  return isAlnum(c) || c == '+' || c == '/' || c == '-' || c == '=' || c == '#' || c == '_';
}

/// All digits, at most `max`; nullopt otherwise.
template <typename T>
std::optional<T> parseNumber(std::string_view text, uint64_t max) {
  if (text.empty() || !isDigit(text.front())) return std::nullopt;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max) return std::nullopt;
  return static_cast<T>(value);
}

/// Takes what stands before the next `separator` off the front of `rest`; the separator goes too.
inline std::string_view takeUntil(std::string_view& rest, char separator) {
  const size_t at = rest.find(separator);
  const std::string_view head = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return head;
}

/// Takes the next word off the front; blanks in a row count as one. Empty at the end.
inline std::string_view takeWord(std::string_view& rest) {
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  return takeUntil(rest, ' ');
}

inline std::vector<std::string_view> splitWords(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::string_view word = takeWord(text); !word.empty(); word = takeWord(text)) words.push_back(word);
  return words;
}

/// ASCII comparison without case.
inline bool sameIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

}  // namespace peerage::sdp
