// The candidate-attribute (RFC 8839 §5.1, RFC 6544 §4.5 for TCP).
#include "sdp/session_description.hpp"
#include "sdp/text.hpp"

namespace peerage::sdp {
namespace {

constexpr size_t kMaxFoundation = 32;  // foundation = 1*32ice-char
constexpr size_t kMaxExtensions = 64;

Result<Candidate> wrong(const char* what, std::string_view value) {
  return failure("candidate: " + std::string(what) + " '" + std::string(value.substr(0, 80)) + "'");
}

}  // namespace

const std::string* Candidate::extension(std::string_view name) const {
  for (const auto& [key, value] : extensions)
    if (key == name) return &value;
  return nullptr;
}

Result<Candidate> parseCandidate(std::string_view text) {
  if (text.starts_with("a=")) text.remove_prefix(2);
  if (text.starts_with("candidate:")) text.remove_prefix(10);
  Candidate c;
  c.foundation = takeWord(text);
  if (c.foundation.empty() || c.foundation.size() > kMaxFoundation) return wrong("foundation", c.foundation);
  for (const char ch : c.foundation)
    if (!isIceChar(ch)) return wrong("foundation", c.foundation);

  std::string_view word = takeWord(text);
  const auto component = parseNumber<uint32_t>(word, 256);  // component-id = 1*3DIGIT, 1 to 256 (RFC 8445 §5.1.1.1)
  if (!component || *component == 0) return wrong("component", word);
  c.component = *component;

  c.transport = takeWord(text);
  if (!isToken(c.transport)) return wrong("transport", c.transport);

  word = takeWord(text);
  const auto priority = parseNumber<uint32_t>(word, UINT32_MAX);
  if (!priority) return wrong("priority", word);
  c.priority = *priority;

  c.address = takeWord(text);
  if (c.address.empty() || c.address.size() > 255) return wrong("address", c.address);

  word = takeWord(text);
  const auto port = parseNumber<uint16_t>(word, UINT16_MAX);
  if (!port) return wrong("port", word);
  c.port = *port;

  word = takeWord(text);
  if (word != "typ") return wrong("'typ' expected instead of", word);
  c.type = takeWord(text);
  if (!isToken(c.type)) return wrong("type", c.type);

  for (word = takeWord(text); !word.empty(); word = takeWord(text)) {
    const std::string_view value = takeWord(text);
    if (value.empty()) return wrong("no value for extension", word);
    if (word == "raddr" && c.extensions.empty() && !c.relatedAddress) {
      c.relatedAddress = value;
    } else if (word == "rport" && c.extensions.empty() && !c.relatedPort) {
      const auto related = parseNumber<uint16_t>(value, UINT16_MAX);
      if (!related) return wrong("rport", value);
      c.relatedPort = *related;
    } else {
      if (c.extensions.size() == kMaxExtensions) return failure("candidate: more than 64 extensions");
      c.extensions.emplace_back(word, value);
    }
  }
  return c;
}

std::string serialize(const Candidate& c) {
  std::string out = "candidate:" + c.foundation + ' ' + std::to_string(c.component) + ' ' + c.transport + ' ' +
                    std::to_string(c.priority) + ' ' + c.address + ' ' + std::to_string(c.port) + " typ " + c.type;
  if (c.relatedAddress) out += " raddr " + *c.relatedAddress;
  if (c.relatedPort) out += " rport " + std::to_string(*c.relatedPort);
  for (const auto& [key, value] : c.extensions) out += ' ' + key + ' ' + value;
  return out;
}

}  // namespace peerage::sdp
