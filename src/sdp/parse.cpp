// Text to SessionDescription: one pass over the lines, one function an attribute.
#include <algorithm>
#include <array>

#include "sdp/session_description.hpp"
#include "sdp/text.hpp"

namespace peerage::sdp {
namespace {

using std::string_view;
/// A parsed line, or nullopt when its text is not of the grammar.
using Parsed = std::optional<Line>;

std::optional<Connection> parseConnection(string_view value) {
  const auto words = splitWords(value);
  if (words.size() != 3 || !isToken(words[0]) || !isToken(words[1])) return std::nullopt;
  return Connection{std::string(words[0]), std::string(words[1]), std::string(words[2])};
}

std::optional<Bandwidth> parseBandwidth(string_view value) {
  const string_view type = takeUntil(value, ':');
  const auto number = parseNumber<uint64_t>(value, UINT64_MAX);
  if (!isToken(type) || !number) return std::nullopt;
  return Bandwidth{std::string(type), *number};
}

std::optional<Origin> parseOrigin(string_view value) {
  const auto words = splitWords(value);
  if (words.size() != 6) return std::nullopt;
  for (const string_view number : {words[1], words[2]})
    if (number.size() > 32 || !std::ranges::all_of(number, isDigit)) return std::nullopt;
  if (!isToken(words[3]) || !isToken(words[4])) return std::nullopt;
  return Origin{std::string(words[0]), std::string(words[1]), std::string(words[2]),
                Connection{std::string(words[3]), std::string(words[4]), std::string(words[5])}};
}

// ---- Attributes -------------------------------------------------------------------------------------------------

Parsed parseGroup(string_view value) {
  const auto words = splitWords(value);
  if (words.empty() || !isToken(words[0])) return std::nullopt;
  Group group{std::string(words[0]), {}};
  for (size_t i = 1; i < words.size(); ++i) {
    if (!isToken(words[i])) return std::nullopt;
    group.mids.emplace_back(words[i]);
  }
  return group;
}

Parsed parseMid(string_view value) {
  if (!isToken(value)) return std::nullopt;
  return Mid{std::string(value)};
}

Parsed parseRtpmap(string_view value) {
  const auto type = parseNumber<uint8_t>(takeWord(value), 127);
  string_view mapping = takeWord(value);
  const string_view encoding = takeUntil(mapping, '/');
  const auto clock = parseNumber<uint32_t>(takeUntil(mapping, '/'), UINT32_MAX);
  if (!type || !isToken(encoding) || !clock || *clock == 0 || !takeWord(value).empty()) return std::nullopt;
  int channels = 0;
  if (!mapping.empty()) {
    const auto number = parseNumber<int>(mapping, 255);
    if (!number) return std::nullopt;
    channels = *number;
  }
  return Rtpmap{*type, std::string(encoding), *clock, channels};
}

Parsed parseFmtp(string_view value) {
  const string_view format = takeWord(value);
  if (!isToken(format)) return std::nullopt;
  return Fmtp{std::string(format), std::string(value)};
}

Parsed parseRtcpFb(string_view value) {
  const string_view type = takeWord(value);
  RtcpFb feedback;
  if (type != "*") {
    feedback.payloadType = parseNumber<uint8_t>(type, 127);
    if (!feedback.payloadType) return std::nullopt;
  }
  feedback.type = takeWord(value);
  if (!isToken(feedback.type)) return std::nullopt;
  feedback.parameter = value;
  return feedback;
}

Parsed parseExtmap(string_view value) {
  string_view first = takeWord(value);
  const auto id = parseNumber<uint16_t>(takeUntil(first, '/'), UINT16_MAX);
  if (!id || *id == 0) return std::nullopt;
  Extmap extmap{*id, std::nullopt, {}, {}};
  if (first == "sendrecv") extmap.direction = Direction::sendrecv;
  else if (first == "sendonly") extmap.direction = Direction::sendonly;
  else if (first == "recvonly") extmap.direction = Direction::recvonly;
  else if (first == "inactive") extmap.direction = Direction::inactive;
  else if (!first.empty()) return std::nullopt;
  extmap.uri = takeWord(value);
  if (extmap.uri.empty()) return std::nullopt;
  extmap.attributes = value;
  return extmap;
}

bool isIceString(string_view value, size_t least) {
  return value.size() >= least && value.size() <= 256 && std::ranges::all_of(value, isIceChar);
}

Parsed parseIceUfrag(string_view value) {
  if (!isIceString(value, 4)) return std::nullopt;
  return IceUfrag{std::string(value)};
}

Parsed parseIcePwd(string_view value) {
  if (!isIceString(value, 22)) return std::nullopt;
  return IcePwd{std::string(value)};
}

Parsed parseIceOptions(string_view value) {
  IceOptions options;
  for (const string_view word : splitWords(value)) {
    if (!isToken(word)) return std::nullopt;
    options.options.emplace_back(word);
  }
  return options;
}

Parsed parseCandidateAttribute(string_view value) {
  if (!parseCandidate(value)) return std::nullopt;
  return CandidateAttribute{std::string(value)};
}

Parsed parseFingerprint(string_view value) {
  constexpr std::array<std::pair<string_view, size_t>, 7> kLengths{
      {{"md2", 16}, {"md5", 16}, {"sha-1", 20}, {"sha-224", 28}, {"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}}};
  Fingerprint print{std::string(takeWord(value)), std::string(takeWord(value))};
  if (!isToken(print.hash) || print.value.size() % 3 != 2 || !takeWord(value).empty()) return std::nullopt;
  for (char& c : print.hash)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  for (size_t i = 0; i < print.value.size(); ++i) {
    char& c = print.value[i];
    if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 32);
    if (i % 3 == 2 ? c != ':' : !(isDigit(c) || (c >= 'A' && c <= 'F'))) return std::nullopt;
  }
  for (const auto& [name, bytes] : kLengths)
    if (print.hash == name && print.value.size() != bytes * 3 - 1) return std::nullopt;
  return print;
}

Parsed parseSetup(string_view value) {
  for (const SetupRole role : {SetupRole::active, SetupRole::passive, SetupRole::actpass, SetupRole::holdconn})
    if (value == toString(role)) return Setup{role};
  return std::nullopt;
}

Parsed parseTlsId(string_view value) {
  const auto isTlsIdChar = [](char c) { return isAlnum(c) || c == '+' || c == '/' || c == '-' || c == '_'; };
  if (value.size() < 20 || value.size() > 255 || !std::ranges::all_of(value, isTlsIdChar)) return std::nullopt;
  return TlsId{std::string(value)};
}

Parsed parseRtcp(string_view value) {
  const auto port = parseNumber<uint16_t>(takeWord(value), UINT16_MAX);
  if (!port) return std::nullopt;
  Rtcp rtcp{*port, std::nullopt};
  if (!value.empty()) {
    rtcp.connection = parseConnection(value);
    if (!rtcp.connection) return std::nullopt;
  }
  return rtcp;
}

Parsed parseMsid(string_view value) {
  Msid msid{std::string(takeWord(value)), std::string(takeWord(value))};
  if (msid.id.empty() || !takeWord(value).empty()) return std::nullopt;
  return msid;
}

Parsed parseSsrc(string_view value) {
  const auto ssrc = parseNumber<uint32_t>(takeWord(value), UINT32_MAX);
  const string_view attribute = takeUntil(value, ':');
  if (!ssrc || !isToken(attribute)) return std::nullopt;
  return Ssrc{*ssrc, std::string(attribute), std::string(value)};
}

Parsed parseSsrcGroup(string_view value) {
  const auto words = splitWords(value);
  if (words.empty() || !isToken(words[0])) return std::nullopt;
  SsrcGroup group{std::string(words[0]), {}};
  for (size_t i = 1; i < words.size(); ++i) {
    const auto ssrc = parseNumber<uint32_t>(words[i], UINT32_MAX);
    if (!ssrc) return std::nullopt;
    group.ssrcs.push_back(*ssrc);
  }
  return group;
}

/// rid-id of RFC 8851 §10, with "-" and "_", which its first edition allowed.
bool isRid(string_view value) {
  return !value.empty() && value.size() <= 255 &&
         std::ranges::all_of(value, [](char c) { return isAlnum(c) || c == '-' || c == '_'; });
}

Parsed parseRid(string_view value) {
  const string_view id = takeWord(value);
  const string_view direction = takeWord(value);
  if (!isRid(id) || (direction != "send" && direction != "recv")) return std::nullopt;
  return Rid{std::string(id), direction == "send", std::string(value)};
}

std::optional<Simulcast::Streams> parseStreams(string_view list) {
  Simulcast::Streams streams;
  while (!list.empty()) {
    string_view stream = takeUntil(list, ';');
    auto& alternatives = streams.emplace_back();
    while (!stream.empty()) {
      string_view rid = takeUntil(stream, ',');
      const bool paused = rid.starts_with('~');
      if (paused) rid.remove_prefix(1);
      if (!isRid(rid)) return std::nullopt;
      alternatives.push_back({std::string(rid), paused});
    }
    if (alternatives.empty()) return std::nullopt;
  }
  if (streams.empty()) return std::nullopt;
  return streams;
}

Parsed parseSimulcast(string_view value) {
  const auto words = splitWords(value);
  if (words.size() != 2 && words.size() != 4) return std::nullopt;
  Simulcast simulcast;
  simulcast.receiveFirst = words[0] == "recv";
  for (size_t i = 0; i < words.size(); i += 2) {
    auto streams = parseStreams(words[i + 1]);
    if (!streams) return std::nullopt;
    Simulcast::Streams& side = words[i] == "send" ? simulcast.send : simulcast.receive;
    if ((words[i] != "send" && words[i] != "recv") || !side.empty()) return std::nullopt;
    side = std::move(*streams);
  }
  return simulcast;
}

Parsed parseSctpPort(string_view value) {
  const auto port = parseNumber<uint16_t>(value, UINT16_MAX);
  if (!port) return std::nullopt;
  return SctpPort{*port};
}

Parsed parseMaxMessageSize(string_view value) {
  const auto size = parseNumber<uint64_t>(value, UINT64_MAX);
  if (!size) return std::nullopt;
  return MaxMessageSize{*size};
}

struct ValueAttribute {
  string_view name;
  Parsed (*parse)(string_view value);
};
constexpr std::array kValueAttributes{
    // sorted by name
    ValueAttribute{"candidate", parseCandidateAttribute},
    ValueAttribute{"extmap", parseExtmap},
    ValueAttribute{"fingerprint", parseFingerprint},
    ValueAttribute{"fmtp", parseFmtp},
    ValueAttribute{"group", parseGroup},
    ValueAttribute{"ice-options", parseIceOptions},
    ValueAttribute{"ice-pwd", parseIcePwd},
    ValueAttribute{"ice-ufrag", parseIceUfrag},
    ValueAttribute{"max-message-size", parseMaxMessageSize},
    ValueAttribute{"mid", parseMid},
    ValueAttribute{"msid", parseMsid},
    ValueAttribute{"rid", parseRid},
    ValueAttribute{"rtcp", parseRtcp},
    ValueAttribute{"rtcp-fb", parseRtcpFb},
    ValueAttribute{"rtpmap", parseRtpmap},
    ValueAttribute{"sctp-port", parseSctpPort},
    ValueAttribute{"setup", parseSetup},
    ValueAttribute{"simulcast", parseSimulcast},
    ValueAttribute{"ssrc", parseSsrc},
    ValueAttribute{"ssrc-group", parseSsrcGroup},
    ValueAttribute{"tls-id", parseTlsId},
};
static_assert(std::ranges::is_sorted(kValueAttributes, {}, &ValueAttribute::name));

std::optional<Line> parseProperty(string_view name) {
  if (name == "sendrecv") return DirectionAttribute{Direction::sendrecv};
  if (name == "sendonly") return DirectionAttribute{Direction::sendonly};
  if (name == "recvonly") return DirectionAttribute{Direction::recvonly};
  if (name == "inactive") return DirectionAttribute{Direction::inactive};
  if (name == "rtcp-mux") return RtcpMux{};
  if (name == "rtcp-mux-only") return RtcpMuxOnly{};
  if (name == "rtcp-rsize") return RtcpRsize{};
  if (name == "bundle-only") return BundleOnly{};
  if (name == "end-of-candidates") return EndOfCandidates{};
  if (name == "ice-lite") return IceLite{};
  return std::nullopt;
}

Parsed parseAttribute(string_view text) {
  string_view value = text;
  const string_view name = takeUntil(value, ':');
  if (!isToken(name)) return std::nullopt;
  if (name.size() == text.size()) {
    if (auto property = parseProperty(name)) return property;
    return OtherAttribute{std::string(name), {}, false};
  }
  const auto found = std::ranges::lower_bound(kValueAttributes, name, {}, &ValueAttribute::name);
  if (found != kValueAttributes.end() && found->name == name) return found->parse(value);
  return OtherAttribute{std::string(name), std::string(value), true};
}

// ---- Lines ------------------------------------------------------------------------------------------------------

std::optional<MediaSection> parseMediaLine(string_view value) {
  MediaSection section;
  section.media = takeWord(value);
  string_view ports = takeWord(value);
  const auto port = parseNumber<uint16_t>(takeUntil(ports, '/'), UINT16_MAX);
  section.protocol = takeWord(value);
  if (!isToken(section.media) || !port || section.protocol.empty()) return std::nullopt;
  section.port = *port;
  if (!ports.empty()) {
    section.portCount = parseNumber<uint32_t>(ports, UINT16_MAX);
    if (!section.portCount) return std::nullopt;
  }
  for (const char c : section.protocol)
    if (!isTokenChar(c) && c != '/') return std::nullopt;
  const bool isRtp = section.protocol.find("RTP/") != std::string::npos;
  for (const string_view format : splitWords(value)) {
    if (isRtp ? !parseNumber<uint8_t>(format, 127) : !isToken(format)) return std::nullopt;
    section.formats.emplace_back(format);
  }
  if (section.formats.empty()) return std::nullopt;
  return section;
}

/// The order of line types in the session part (RFC 8866 §9); -1 for a type that does not belong there.
int sessionRank(char type) {
  constexpr string_view kOrder = "iuepcbtrzka";
  const size_t rank = kOrder.find(type);
  if (rank == string_view::npos) return -1;
  return type == 'r' ? static_cast<int>(kOrder.find('t')) : static_cast<int>(rank);  // each t= may have its r= lines
}

class Parser {
 public:
  explicit Parser(string_view text) : rest_(text) {}

  Result<SessionDescription> run() {
    if (rest_.size() > kMaxBytes) return failure("sdp: longer than 8 MiB", 1);
    if (!next() || type_ != 'v' || value_ != "0") return error("'v=0' expected");
    if (!next() || type_ != 'o') return error("'o=' expected");
    auto origin = parseOrigin(value_);
    if (!origin) return error("malformed origin");
    sdp_.origin = std::move(*origin);
    if (!next() || type_ != 's') return error("'s=' expected");
    sdp_.sessionName = value_;
    int rank = 0;
    bool timed = false;
    while (next()) {
      if (type_ == 'm') {
        if (!timed) return error("'t=' expected before the first 'm='");
        auto section = sdp_.media.size() < kMaxMediaSections ? parseMediaLine(value_) : std::nullopt;
        if (!section) return error("malformed media line, or too many of them");
        sdp_.media.push_back(std::move(*section));
        continue;
      }
      if (sdp_.media.empty()) {
        const int own = sessionRank(type_);
        if (own < rank) return error("line out of order");
        rank = own;
        timed = timed || type_ == 't';
      } else if (string_view("icbka").find(type_) == string_view::npos) {
        return error("line does not belong into a media section");
      }
      auto line = parseLine();
      if (!line) return error("malformed line");
      (sdp_.media.empty() ? sdp_.lines : sdp_.media.back().lines).push_back(std::move(*line));
    }
    if (broken_) return error("not a line of the form x=value");
    if (!timed) return error("'t=' expected");
    return std::move(sdp_);
  }

 private:
  /// Moves on to the next line; false at the end, or when what follows is no line (then broken_ is set).
  bool next() {
    if (rest_.empty() || broken_) {
      ++line_;
      return false;
    }
    ++line_;
    string_view text = takeUntil(rest_, '\n');
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.empty() && rest_.find_first_not_of("\r\n") == string_view::npos) {  // blank lines at the very end
      rest_ = {};
      return false;
    }
    using namespace std::string_view_literals;
    if (text.size() < 2 || text[1] != '=' || text.size() > kMaxLineBytes || line_ > static_cast<int>(kMaxLines) ||
        text.find_first_of("\0\r"sv) != string_view::npos) {
      broken_ = true;
      text_ = text;
      return false;
    }
    text_ = text;
    type_ = text[0];
    value_ = text.substr(2);
    return true;
  }

  Parsed parseLine() const {
    switch (type_) {
      case 'a': return parseAttribute(value_);
      case 'c':
        if (auto c = parseConnection(value_)) return *c;
        return std::nullopt;
      case 'b':
        if (auto b = parseBandwidth(value_)) return *b;
        return std::nullopt;
      case 't': {
        const auto words = splitWords(value_);
        if (words.size() != 2 || !parseNumber<uint64_t>(words[0], UINT64_MAX) ||
            !parseNumber<uint64_t>(words[1], UINT64_MAX))
          return std::nullopt;
        return OtherLine{type_, std::string(value_)};
      }
      default: return OtherLine{type_, std::string(value_)};
    }
  }

  std::unexpected<Error> error(const char* what) const {
    return failure("sdp line " + std::to_string(line_) + ": " + what + ": '" + std::string(text_.substr(0, 80)) + "'",
                   line_);
  }

  string_view rest_;
  string_view text_;
  string_view value_;
  char type_ = 0;
  int line_ = 0;
  bool broken_ = false;
  SessionDescription sdp_;
};

}  // namespace

Result<SessionDescription> parse(std::string_view text) { return Parser(text).run(); }

}  // namespace peerage::sdp
