// JSON and names as they come from strangers: bounded before they are parsed, never thrown about.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace peerage::signaling {

/// Keeps the order of members: a message that is passed on looks as it came.
using Json = nlohmann::ordered_json;

/// One JSON object. Fails for anything else, for text that is not JSON or not UTF-8, and for nesting over `maxDepth`.
Result<Json> parseObject(std::string_view text, int maxDepth);
/// Compact text.
std::string dump(const Json& json);

/// The member when it is a string; null when it is absent or something else.
const std::string* stringMember(const Json& object, std::string_view key);
/// The member when it is an integer of 0 or more.
std::optional<uint64_t> numberMember(const Json& object, std::string_view key);
/// The member when it is an object.
const Json* objectMember(const Json& object, std::string_view key);

/// Why `name` cannot be a user's or a room's name, as the end of a sentence; nullopt when it can. A name has 1 to
/// `maxCharacters` characters, no control characters, none of < > & " ' ` (pages put names into markup), and no white
/// space at its ends.
std::optional<std::string> nameProblem(std::string_view name, size_t maxCharacters);

/// Number of code points of valid UTF-8.
size_t characters(std::string_view utf8);
/// The first `count` code points.
std::string_view firstCharacters(std::string_view utf8, size_t count);

/// Takes out everything that a browser could read as a tag: "<…>" as MDN's server does, and the "<" of a tag that is not
/// closed, which a page that appends markup would otherwise close.
std::string withoutTags(std::string_view text);

}  // namespace peerage::signaling
