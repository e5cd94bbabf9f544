#include "ice/candidate.hpp"

#include <algorithm>
#include <charconv>

namespace peerage::ice {
namespace {

/// RFC 8839 §5.1: "foundation = 1*32ice-char".
constexpr size_t kMaxFoundation = 32;
/// "extension-att-name" and value have no limit in the grammar; a candidate has at most this many.
constexpr size_t kMaxExtensions = 32;

bool isIceChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/// RFC 8866 token characters: visible ASCII but for separators that SDP gives a meaning.
bool isTokenChar(char c) {
  return c > 0x20 && c < 0x7F && std::string_view("\"(),/:;<=>?@[\\]").find(c) == std::string_view::npos;
}

bool isIceText(std::string_view text, size_t least, size_t most) {
  return text.size() >= least && text.size() <= most && std::ranges::all_of(text, isIceChar);
}

bool isToken(std::string_view text) { return !text.empty() && std::ranges::all_of(text, isTokenChar); }

/// byte-string of RFC 8866: anything but NUL, CR and LF; words have no space either.
bool isByteString(std::string_view text) {
  return text.find_first_of(std::string_view("\0\r\n", 3)) == std::string_view::npos;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equalsIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// Takes words apart; any run of spaces separates.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}
  std::optional<std::string_view> next() {
    const size_t begin = rest_.find_first_not_of(' ');
    if (begin == std::string_view::npos) return std::nullopt;
    const size_t end = std::min(rest_.find(' ', begin), rest_.size());
    const std::string_view word = rest_.substr(begin, end - begin);
    rest_.remove_prefix(end);
    return word;
  }

 private:
  std::string_view rest_;
};

std::optional<uint64_t> number(std::string_view text, uint64_t least, uint64_t most) {
  uint64_t value = 0;
  if (text.empty() || text.size() > 10) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) return std::nullopt;
  return value;
}

/// Quotes what was wrong, cut to a length that no error text regrets.
std::unexpected<Error> bad(std::string_view what, std::optional<std::string_view> value) {
  std::string text("candidate: ");
  text += what;
  text += value ? " \"" + std::string(value->substr(0, 64)) + "\"" : " is missing";
  return failure(std::move(text));
}

CandidateType typeFrom(std::string_view word) {
  for (const auto type : {CandidateType::host, CandidateType::srflx, CandidateType::prflx, CandidateType::relay}) {
    if (equalsIgnoringCase(word, toString(type))) return type;
  }
  return CandidateType::unknown;
}

std::optional<TcpType> tcpTypeFrom(std::string_view word) {
  for (const auto type : {TcpType::active, TcpType::passive, TcpType::so}) {
    if (equalsIgnoringCase(word, toString(type))) return type;
  }
  return std::nullopt;
}

/// foundation SP component-id SP transport SP priority SP connection-address SP port SP "typ" SP candidate-types
Result<> parseFixed(Words& words, Candidate& out) {
  auto word = words.next();
  if (!word || !isIceText(*word, 1, kMaxFoundation)) return bad("foundation", word);
  out.foundation = *word;
  word = words.next();
  const auto component = number(word.value_or(""), 1, 256);
  if (!component) return bad("component", word);
  out.component = static_cast<uint16_t>(*component);
  word = words.next();
  if (!word || !isToken(*word)) return bad("transport", word);
  out.protocol = equalsIgnoringCase(*word, "udp")   ? Protocol::udp
                 : equalsIgnoringCase(*word, "tcp") ? Protocol::tcp
                                                    : Protocol::unknown;
  if (out.protocol == Protocol::unknown) out.protocolText = *word;
  word = words.next();
  // RFC 8445 §5.1.2: 1..2^31-1; larger ones are seen in the field and harmless.
  const auto priority = number(word.value_or(""), 0, UINT32_MAX);
  if (!priority) return bad("priority", word);
  out.priority = static_cast<uint32_t>(*priority);
  word = words.next();
  if (!word || word->size() > 255 || !isByteString(*word)) return bad("address", word);
  out.address = *word;
  word = words.next();
  const auto port = number(word.value_or(""), 0, UINT16_MAX);
  if (!port) return bad("port", word);
  out.port = static_cast<uint16_t>(*port);
  word = words.next();
  if (!word || !equalsIgnoringCase(*word, "typ")) return bad("\"typ\"", word);
  word = words.next();
  if (!word || !isToken(*word)) return bad("type", word);
  out.type = typeFrom(*word);
  if (out.type == CandidateType::unknown) out.typeText = *word;
  return {};
}

/// Pairs of a name and a value: raddr, rport, tcptype, ufrag, and any other.
Result<> parseExtensions(Words& words, Candidate& out) {
  while (const auto name = words.next()) {
    const auto value = words.next();
    if (!value) break;
    if (*name == "raddr") {
      out.relatedAddress = *value;
    } else if (*name == "rport") {
      const auto port = number(*value, 0, UINT16_MAX);
      if (!port) return bad("rport", value);
      out.relatedPort = static_cast<uint16_t>(*port);
    } else if (*name == "tcptype") {
      out.tcpType = tcpTypeFrom(*value);
      if (!out.tcpType) return bad("tcptype", value);
    } else if (*name == "ufrag") {
      if (!isIceText(*value, 1, 256)) return bad("ufrag", value);
      out.ufrag = *value;
    } else {
      if (out.extensions.size() == kMaxExtensions) return failure("candidate: more than 32 extensions");
      out.extensions.emplace_back(*name, *value);
    }
  }
  return {};
}

}  // namespace

std::string_view toString(CandidateType type) {
  switch (type) {
    case CandidateType::host: return "host";
    case CandidateType::srflx: return "srflx";
    case CandidateType::prflx: return "prflx";
    case CandidateType::relay: return "relay";
    case CandidateType::unknown: return "unknown";
  }
  return "";
}

std::string_view toString(Protocol protocol) {
  switch (protocol) {
    case Protocol::udp: return "udp";
    case Protocol::tcp: return "tcp";
    case Protocol::unknown: return "unknown";
  }
  return "";
}

std::string_view toString(TcpType type) {
  switch (type) {
    case TcpType::active: return "active";
    case TcpType::passive: return "passive";
    case TcpType::so: return "so";
  }
  return "";
}

uint8_t typePreference(CandidateType type) {
  switch (type) {
    case CandidateType::host: return 126;
    case CandidateType::prflx: return 110;
    case CandidateType::srflx: return 100;
    case CandidateType::relay:
    case CandidateType::unknown: return 0;
  }
  return 0;
}

bool isUfrag(std::string_view text) { return isIceText(text, 4, 256); }
bool isPassword(std::string_view text) { return isIceText(text, 22, 256); }

Result<Candidate> Candidate::parse(std::string_view text) {
  if (text.size() > kMaxCandidateLength) return failure("candidate: longer than 2048 characters");
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  if (!isByteString(text)) return failure("candidate: a line end or NUL inside");
  if (text.starts_with("a=")) text.remove_prefix(2);
  if (constexpr std::string_view kName = "candidate:"; equalsIgnoringCase(text.substr(0, kName.size()), kName)) {
    text.remove_prefix(kName.size());
  }
  Candidate candidate;
  Words words(text);
  if (auto result = parseFixed(words, candidate); !result) return std::unexpected(std::move(result.error()));
  if (auto result = parseExtensions(words, candidate); !result) return std::unexpected(std::move(result.error()));
  return candidate;
}

std::string Candidate::toString() const {
  std::string text;
  text.reserve(128);
  const auto add = [&text](std::string_view word) { (text += ' ') += word; };
  text += "candidate:";
  text += foundation;
  add(std::to_string(component));
  add(protocol == Protocol::unknown ? std::string_view(protocolText) : ice::toString(protocol));
  add(std::to_string(priority));
  add(address);
  add(std::to_string(port));
  add("typ");
  add(type == CandidateType::unknown ? std::string_view(typeText) : ice::toString(type));
  if (!relatedAddress.empty()) {
    add("raddr");
    add(relatedAddress);
  }
  if (relatedPort) {
    add("rport");
    add(std::to_string(*relatedPort));
  }
  if (tcpType) {
    add("tcptype");
    add(ice::toString(*tcpType));
  }
  for (const auto& [name, value] : extensions) {
    add(name);
    add(value);
  }
  if (!ufrag.empty()) {
    add("ufrag");
    add(ufrag);
  }
  return text;
}

std::optional<SocketAddress> Candidate::endpoint() const {
  const auto numeric = ip();
  if (!numeric) return std::nullopt;
  return SocketAddress{*numeric, port};
}

}  // namespace peerage::ice
