#include "signaling/protocol/text.hpp"

#include <algorithm>

namespace peerage::signaling {
namespace {

// The parser keeps its own stack, but serializing recurses: depth is counted before anything is built.
bool deeperThan(std::string_view text, int maxDepth) {
  int depth = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inString) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        inString = false;
      }
    } else if (c == '"') {
      inString = true;
    } else if (c == '{' || c == '[') {
      if (++depth > maxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

bool isContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

bool isTagStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '!' || c == '?';
}

}  // namespace

Result<Json> parseObject(std::string_view text, int maxDepth) {
  if (deeperThan(text, maxDepth)) {
    return failure("the message is nested deeper than " + std::to_string(maxDepth) + " levels");
  }
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return failure("the message is not JSON in UTF-8");
  if (!json.is_object()) return failure("the message is not a JSON object");
  return json;
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

const std::string* stringMember(const Json& object, std::string_view key) {
  const auto found = object.find(std::string(key));
  return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

std::optional<uint64_t> numberMember(const Json& object, std::string_view key) {
  const auto found = object.find(std::string(key));
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  if (found->is_number_unsigned()) return *found->get_ptr<const uint64_t*>();
  const int64_t value = *found->get_ptr<const int64_t*>();
  return value < 0 ? std::nullopt : std::optional(static_cast<uint64_t>(value));
}

const Json* objectMember(const Json& object, std::string_view key) {
  const auto found = object.find(std::string(key));
  return found == object.end() || !found->is_object() ? nullptr : &*found;
}

size_t characters(std::string_view utf8) {
  return static_cast<size_t>(std::ranges::count_if(utf8, [](char c) { return !isContinuation(c); }));
}

std::string_view firstCharacters(std::string_view utf8, size_t count) {
  for (size_t i = 0; i < utf8.size(); ++i) {
    if (isContinuation(utf8[i])) continue;
    if (count == 0) return utf8.substr(0, i);
    --count;
  }
  return utf8;
}

std::optional<std::string> nameProblem(std::string_view name, size_t maxCharacters) {
  if (name.empty()) return "is empty";
  if (characters(name) > maxCharacters) return "has more than " + std::to_string(maxCharacters) + " characters";
  if (name.front() == ' ' || name.back() == ' ') return "begins or ends with a blank";
  for (size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    // C0 and DEL; C1 controls are C2 80 to C2 9F.
    const bool control = c < 0x20 || c == 0x7f ||
                         (c == 0xc2 && i + 1 < name.size() && static_cast<unsigned char>(name[i + 1]) < 0xa0);
    if (control) return "contains a control character";
    if (std::string_view("<>&\"'`").find(name[i]) != std::string_view::npos) {
      return std::string("contains the character ") + name[i];
    }
  }
  // U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069: they would turn the text of a list around.
  for (std::string_view mark : {"\u200e", "\u200f", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067",
                                "\u2068", "\u2069"}) {
    if (name.find(mark) != std::string_view::npos) return "contains a mark that turns the direction of text";
  }
  return std::nullopt;
}

std::string withoutTags(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  size_t i = 0;
  while (i < text.size()) {
    const size_t open = text.find('<', i);
    if (open == std::string_view::npos) break;
    out.append(text.substr(i, open - i));
    const size_t close = text.find('>', open);
    if (close == std::string_view::npos) {
      // No tag ends any more: of what is left, only the "<" that could begin one goes.
      for (size_t k = open; k < text.size(); ++k) {
        if (text[k] == '<' && k + 1 < text.size() && isTagStart(text[k + 1])) continue;
        out.push_back(text[k]);
      }
      return out;
    }
    if (close == open + 1) out.append("<>");  // MDN's pattern wants something in between
    i = close + 1;
  }
  out.append(text.substr(std::min(i, text.size())));
  return out;
}

}  // namespace peerage::signaling
