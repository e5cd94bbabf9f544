// SessionDescription to text, and the small accessors of its parts.
#include <algorithm>
#include <charconv>

#include "sdp/session_description.hpp"

namespace peerage::sdp {

std::string_view toString(Direction direction) {
  switch (direction) {
    case Direction::sendrecv: return "sendrecv";
    case Direction::sendonly: return "sendonly";
    case Direction::recvonly: return "recvonly";
    case Direction::inactive: return "inactive";
  }
  return "";
}

std::string_view toString(SetupRole role) {
  switch (role) {
    case SetupRole::active: return "active";
    case SetupRole::passive: return "passive";
    case SetupRole::actpass: return "actpass";
    case SetupRole::holdconn: return "holdconn";
  }
  return "";
}

std::string_view MediaSection::mid() const {
  const Mid* mid = lines.first<Mid>();
  return mid ? std::string_view(mid->value) : std::string_view();
}

Direction SessionDescription::direction(const MediaSection& section) const {
  const auto* attribute = effective<DirectionAttribute>(section);
  return attribute ? attribute->value : Direction::sendrecv;
}

std::vector<Fingerprint> SessionDescription::fingerprints(const MediaSection& section) const {
  std::vector<Fingerprint> prints;
  for (const Fingerprint& print : section.lines.all<Fingerprint>()) prints.push_back(print);
  if (prints.empty())
    for (const Fingerprint& print : lines.all<Fingerprint>()) prints.push_back(print);
  return prints;
}

namespace {

/// Appends what it is called with, text or number, one after the other.
class Out {
 public:
  explicit Out(std::string& out) : out_(out) {}
  template <typename... T>
  void operator()(const T&... parts) {
    (add(parts), ...);
  }

 private:
  void add(std::string_view text) { out_ += text; }
  void add(char c) { out_ += c; }
  template <typename T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, char>)
  void add(T number) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out_.append(digits, end);
  }
  std::string& out_;
};

struct LineWriter {
  Out& out;

  void optional(std::string_view text) const {
    if (!text.empty()) out(' ', text);
  }
  void connection(const Connection& c) const { out(c.netType, ' ', c.addressType, ' ', c.address); }
  void streams(std::string_view side, const Simulcast::Streams& streams) const {
    out(side, ' ');
    for (size_t i = 0; i < streams.size(); ++i) {
      if (i > 0) out(';');
      for (size_t j = 0; j < streams[i].size(); ++j)
        out(j > 0 ? "," : "", streams[i][j].paused ? "~" : "", streams[i][j].rid);
    }
  }

  void operator()(const OtherLine& l) const { out(l.type, '=', l.value); }
  void operator()(const Connection& l) const {
    out("c=");
    connection(l);
  }
  void operator()(const Bandwidth& l) const { out("b=", l.type, ':', l.value); }
  void operator()(const OtherAttribute& l) const {
    out("a=", l.name);
    if (l.hasValue) out(':', l.value);
  }
  void operator()(const Group& l) const {
    out("a=group:", l.semantics);
    for (const std::string& mid : l.mids) out(' ', mid);
  }
  void operator()(const Mid& l) const { out("a=mid:", l.value); }
  void operator()(const DirectionAttribute& l) const { out("a=", toString(l.value)); }
  void operator()(const Rtpmap& l) const {
    out("a=rtpmap:", l.payloadType, ' ', l.encoding, '/', l.clockRate);
    if (l.channels != 0) out('/', l.channels);
  }
  void operator()(const Fmtp& l) const {
    out("a=fmtp:", l.format);
    optional(l.parameters);
  }
  void operator()(const RtcpFb& l) const {
    out("a=rtcp-fb:");
    if (l.payloadType) out(*l.payloadType);
    else out('*');
    out(' ', l.type);
    optional(l.parameter);
  }
  void operator()(const Extmap& l) const {
    out("a=extmap:", l.id);
    if (l.direction) out('/', toString(*l.direction));
    out(' ', l.uri);
    optional(l.attributes);
  }
  void operator()(const IceUfrag& l) const { out("a=ice-ufrag:", l.value); }
  void operator()(const IcePwd& l) const { out("a=ice-pwd:", l.value); }
  void operator()(const IceOptions& l) const {
    out("a=ice-options:");
    for (size_t i = 0; i < l.options.size(); ++i) out(i > 0 ? " " : "", l.options[i]);
  }
  void operator()(const IceLite&) const { out("a=ice-lite"); }
  void operator()(const CandidateAttribute& l) const { out("a=candidate:", l.value); }
  void operator()(const EndOfCandidates&) const { out("a=end-of-candidates"); }
  void operator()(const Fingerprint& l) const { out("a=fingerprint:", l.hash, ' ', l.value); }
  void operator()(const Setup& l) const { out("a=setup:", toString(l.role)); }
  void operator()(const TlsId& l) const { out("a=tls-id:", l.value); }
  void operator()(const RtcpMux&) const { out("a=rtcp-mux"); }
  void operator()(const RtcpMuxOnly&) const { out("a=rtcp-mux-only"); }
  void operator()(const RtcpRsize&) const { out("a=rtcp-rsize"); }
  void operator()(const BundleOnly&) const { out("a=bundle-only"); }
  void operator()(const Rtcp& l) const {
    out("a=rtcp:", l.port);
    if (!l.connection) return;
    out(' ');
    connection(*l.connection);
  }
  void operator()(const Msid& l) const {
    out("a=msid:", l.id);
    optional(l.appdata);
  }
  void operator()(const Ssrc& l) const {
    out("a=ssrc:", l.ssrc, ' ', l.attribute);
    if (!l.value.empty()) out(':', l.value);
  }
  void operator()(const SsrcGroup& l) const {
    out("a=ssrc-group:", l.semantics);
    for (const uint32_t ssrc : l.ssrcs) out(' ', ssrc);
  }
  void operator()(const Rid& l) const {
    out("a=rid:", l.id, l.send ? " send" : " recv");
    optional(l.restrictions);
  }
  void operator()(const Simulcast& l) const {
    out("a=simulcast:");
    if (l.receiveFirst) streams("recv", l.receive);
    if (!l.send.empty()) {
      if (l.receiveFirst) out(' ');
      streams("send", l.send);
    }
    if (l.receiveFirst || l.receive.empty()) return;
    if (!l.send.empty()) out(' ');
    streams("recv", l.receive);
  }
  void operator()(const SctpPort& l) const { out("a=sctp-port:", l.port); }
  void operator()(const MaxMessageSize& l) const { out("a=max-message-size:", l.value); }
};

}  // namespace

void serialize(const Line& line, std::string& text) {
  Out out(text);
  std::visit(LineWriter{out}, line);
  text += "\r\n";
}

std::string serialize(const SessionDescription& sdp) {
  std::string text;
  size_t lines = sdp.lines.size();
  for (const MediaSection& section : sdp.media) lines += section.lines.size() + 1;
  text.reserve(128 + lines * 40);
  Out out(text);
  const LineWriter writer{out};
  out("v=0\r\no=", sdp.origin.username, ' ', sdp.origin.sessionId, ' ', sdp.origin.sessionVersion, ' ');
  writer.connection(sdp.origin.address);
  out("\r\ns=", sdp.sessionName, "\r\n");
  for (const Line& line : sdp.lines) serialize(line, text);
  for (const MediaSection& section : sdp.media) {
    out("m=", section.media, ' ', section.port);
    if (section.portCount) out('/', *section.portCount);
    out(' ', section.protocol);
    for (const std::string& format : section.formats) out(' ', format);
    out("\r\n");
    for (const Line& line : section.lines) serialize(line, text);
  }
  return text;
}

}  // namespace peerage::sdp
