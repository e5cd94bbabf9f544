// SDP as grammar: text to typed lines and back, with no opinion about what they mean together (RFC 8866 and the
// attributes that WebRTC uses). A section keeps its lines in the order in which they came, the unknown ones among them,
// so that a description which is parsed and serialized again loses nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace peerage::sdp {

// Bounds of what parse() takes. A description of 500 m-sections with 100 lines each stays well inside.
inline constexpr size_t kMaxBytes = size_t{8} << 20;
inline constexpr size_t kMaxLines = 200'000;
inline constexpr size_t kMaxLineBytes = 65'536;
inline constexpr size_t kMaxMediaSections = 4'096;

// ---- Values of attributes ---------------------------------------------------------------------------------------

/// RFC 8866 §6.7. Also the direction of a transceiver.
enum class Direction : uint8_t { sendrecv, sendonly, recvonly, inactive };
std::string_view toString(Direction direction);
constexpr bool sends(Direction d) { return d == Direction::sendrecv || d == Direction::sendonly; }
constexpr bool receives(Direction d) { return d == Direction::sendrecv || d == Direction::recvonly; }
constexpr Direction makeDirection(bool send, bool receive) {
  return send ? (receive ? Direction::sendrecv : Direction::sendonly)
              : (receive ? Direction::recvonly : Direction::inactive);
}
/// The same direction seen from the other end.
constexpr Direction reversed(Direction d) { return makeDirection(receives(d), sends(d)); }
/// What both allow, seen from one end (RFC 9429 §5.3.1).
constexpr Direction intersect(Direction a, Direction b) {
  return makeDirection(sends(a) && sends(b), receives(a) && receives(b));
}

/// RFC 4145 §4.
enum class SetupRole : uint8_t { active, passive, actpass, holdconn };
std::string_view toString(SetupRole role);

// ---- Lines ------------------------------------------------------------------------------------------------------

/// A line kept as text: i= u= e= p= t= r= z= k=.
struct OtherLine {
  char type = 'i';
  std::string value;
  friend bool operator==(const OtherLine&, const OtherLine&) = default;
};
/// c= (RFC 8866 §5.7). `address` holds a TTL or count suffix too.
struct Connection {
  std::string netType = "IN";
  std::string addressType = "IP4";
  std::string address = "0.0.0.0";
  friend bool operator==(const Connection&, const Connection&) = default;
};
/// b= (RFC 8866 §5.8): "AS" and "CT" in kbit/s, "TIAS" in bit/s (RFC 3890).
struct Bandwidth {
  std::string type;
  uint64_t value = 0;
  friend bool operator==(const Bandwidth&, const Bandwidth&) = default;
};
/// An attribute that has no type of its own here; it survives as it came.
struct OtherAttribute {
  std::string name;
  std::string value;
  bool hasValue = false;  ///< a=name:value rather than a=name
  friend bool operator==(const OtherAttribute&, const OtherAttribute&) = default;
};
/// a=group (RFC 5888 §5): "BUNDLE" (RFC 9143), "LS".
struct Group {
  std::string semantics;
  std::vector<std::string> mids;
  friend bool operator==(const Group&, const Group&) = default;
};
struct Mid {  ///< a=mid (RFC 5888 §4)
  std::string value;
  friend bool operator==(const Mid&, const Mid&) = default;
};
struct DirectionAttribute {  ///< a=sendrecv and its like (RFC 8866 §6.7)
  Direction value = Direction::sendrecv;
  friend bool operator==(const DirectionAttribute&, const DirectionAttribute&) = default;
};
/// a=rtpmap (RFC 8866 §6.6).
struct Rtpmap {
  uint8_t payloadType = 0;
  std::string encoding;
  uint32_t clockRate = 0;
  int channels = 0;  ///< 0 when the line names none
  friend bool operator==(const Rtpmap&, const Rtpmap&) = default;
};
/// a=fmtp (RFC 8866 §6.15).
struct Fmtp {
  std::string format;
  std::string parameters;
  friend bool operator==(const Fmtp&, const Fmtp&) = default;
};
/// a=rtcp-fb (RFC 4585 §4.2).
struct RtcpFb {
  std::optional<uint8_t> payloadType;  ///< nullopt: "*", all of the section
  std::string type;                    ///< "nack"
  std::string parameter;               ///< "pli", or empty
  friend bool operator==(const RtcpFb&, const RtcpFb&) = default;
};
/// a=extmap (RFC 8285 §8).
struct Extmap {
  uint16_t id = 0;  ///< 1 to 4095 ("valid range" and the range for more than could be mapped)
  std::optional<Direction> direction;
  std::string uri;
  std::string attributes;
  friend bool operator==(const Extmap&, const Extmap&) = default;
};
struct IceUfrag {  ///< a=ice-ufrag, 4 to 256 ice-char (RFC 8839 §5.4)
  std::string value;
  friend bool operator==(const IceUfrag&, const IceUfrag&) = default;
};
struct IcePwd {  ///< a=ice-pwd, 22 to 256 ice-char (RFC 8839 §5.4)
  std::string value;
  friend bool operator==(const IcePwd&, const IcePwd&) = default;
};
struct IceOptions {  ///< a=ice-options (RFC 8839 §5.6)
  std::vector<std::string> options;
  friend bool operator==(const IceOptions&, const IceOptions&) = default;
};
struct IceLite {  ///< a=ice-lite (RFC 8839 §5.3)
  friend bool operator==(const IceLite&, const IceLite&) = default;
};
/// a=candidate: the text after "candidate:", its grammar checked; parseCandidate() takes it apart.
struct CandidateAttribute {
  std::string value;
  friend bool operator==(const CandidateAttribute&, const CandidateAttribute&) = default;
};
struct EndOfCandidates {  ///< a=end-of-candidates (RFC 8840 §8.2)
  friend bool operator==(const EndOfCandidates&, const EndOfCandidates&) = default;
};
/// a=fingerprint (RFC 8122 §5).
struct Fingerprint {
  std::string hash;   ///< lower case: "sha-256"
  std::string value;  ///< upper-case hex pairs joined by ":"
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};
struct Setup {  ///< a=setup (RFC 4145 §4, RFC 8842)
  SetupRole role = SetupRole::actpass;
  friend bool operator==(const Setup&, const Setup&) = default;
};
struct TlsId {  ///< a=tls-id (RFC 8842 §4)
  std::string value;
  friend bool operator==(const TlsId&, const TlsId&) = default;
};
struct RtcpMux {  ///< a=rtcp-mux (RFC 5761 §5.1.1)
  friend bool operator==(const RtcpMux&, const RtcpMux&) = default;
};
struct RtcpMuxOnly {  ///< a=rtcp-mux-only (RFC 8858)
  friend bool operator==(const RtcpMuxOnly&, const RtcpMuxOnly&) = default;
};
struct RtcpRsize {  ///< a=rtcp-rsize (RFC 5506 §5)
  friend bool operator==(const RtcpRsize&, const RtcpRsize&) = default;
};
struct BundleOnly {  ///< a=bundle-only (RFC 9143 §6)
  friend bool operator==(const BundleOnly&, const BundleOnly&) = default;
};
/// a=rtcp (RFC 3605).
struct Rtcp {
  uint16_t port = 9;
  std::optional<Connection> connection;
  friend bool operator==(const Rtcp&, const Rtcp&) = default;
};
/// a=msid (RFC 8830 §2). The id "-" stands for no MediaStream.
struct Msid {
  std::string id;
  std::string appdata;  ///< empty when absent
  friend bool operator==(const Msid&, const Msid&) = default;
};
/// a=ssrc (RFC 5576 §4.1).
struct Ssrc {
  uint32_t ssrc = 0;
  std::string attribute;  ///< "cname"
  std::string value;      ///< empty when the attribute has none
  friend bool operator==(const Ssrc&, const Ssrc&) = default;
};
/// a=ssrc-group (RFC 5576 §4.2).
struct SsrcGroup {
  std::string semantics;  ///< "FID"
  std::vector<uint32_t> ssrcs;
  friend bool operator==(const SsrcGroup&, const SsrcGroup&) = default;
};
/// a=rid (RFC 8851 §4).
struct Rid {
  std::string id;
  bool send = true;          ///< false: recv
  std::string restrictions;  ///< "pt=96;max-width=1280", or empty
  friend bool operator==(const Rid&, const Rid&) = default;
};
/// a=simulcast (RFC 8853 §5.1): for each stream its alternatives in order of preference, "~" of a paused one set apart.
struct Simulcast {
  struct Alternative {
    std::string rid;
    bool paused = false;
    friend bool operator==(const Alternative&, const Alternative&) = default;
  };
  using Streams = std::vector<std::vector<Alternative>>;
  Streams send;
  Streams receive;
  bool receiveFirst = false;  ///< "recv" was written before "send"
  friend bool operator==(const Simulcast&, const Simulcast&) = default;
};
struct SctpPort {  ///< a=sctp-port (RFC 8841 §5)
  uint16_t port = 5000;
  friend bool operator==(const SctpPort&, const SctpPort&) = default;
};
struct MaxMessageSize {  ///< a=max-message-size, bytes, 0 for any (RFC 8841 §6)
  uint64_t value = 0;
  friend bool operator==(const MaxMessageSize&, const MaxMessageSize&) = default;
};

using Line = std::variant<OtherLine, Connection, Bandwidth, OtherAttribute, Group, Mid, DirectionAttribute, Rtpmap,
                          Fmtp, RtcpFb, Extmap, IceUfrag, IcePwd, IceOptions, IceLite, CandidateAttribute,
                          EndOfCandidates, Fingerprint, Setup, TlsId, RtcpMux, RtcpMuxOnly, RtcpRsize, BundleOnly, Rtcp,
                          Msid, Ssrc, SsrcGroup, Rid, Simulcast, SctpPort, MaxMessageSize>;

/// The lines of the session part or of one m-section, in their order.
class Lines : public std::vector<Line> {
 public:
  using std::vector<Line>::vector;

  /// The first line of a type; nullptr when there is none.
  template <typename T>
  const T* first() const {
    for (const Line& line : *this)
      if (const T* found = std::get_if<T>(&line)) return found;
    return nullptr;
  }
  template <typename T>
  bool has() const {
    return first<T>() != nullptr;
  }
  /// All lines of a type, in their order, as a view of references.
  template <typename T>
  auto all() const {
    return *this | std::views::filter([](const Line& line) { return std::holds_alternative<T>(line); }) |
           std::views::transform([](const Line& line) -> const T& { return *std::get_if<T>(&line); });
  }
};

/// o= (RFC 8866 §5.2). The two numbers stay digits: the grammar bounds neither.
struct Origin {
  std::string username = "-";
  std::string sessionId = "0";
  std::string sessionVersion = "0";
  Connection address;
  friend bool operator==(const Origin&, const Origin&) = default;
};

/// One m= line and the lines below it.
struct MediaSection {
  std::string media;  ///< "audio", "video", "application", "text", …
  uint16_t port = 9;
  std::optional<uint32_t> portCount;  ///< "9/2"
  std::string protocol;               ///< "UDP/TLS/RTP/SAVPF"
  std::vector<std::string> formats;   ///< payload types of an RTP section
  Lines lines;

  /// a=mid, empty when the section has none. The view is good as long as `lines` is not changed.
  std::string_view mid() const;
  /// Port 0 and not bundle-only: the section is refused or has been stopped (RFC 3264 §6, RFC 9143 §6).
  bool rejected() const { return port == 0 && !lines.has<BundleOnly>(); }
  friend bool operator==(const MediaSection&, const MediaSection&) = default;
};

struct SessionDescription {
  Origin origin;
  std::string sessionName = "-";
  Lines lines;  ///< everything between s= and the first m=, t= among it
  std::vector<MediaSection> media;

  /// The first line of a type in the section, else in the session part, whose attributes hold for every section.
  template <typename T>
  const T* effective(const MediaSection& section) const {
    const T* own = section.lines.first<T>();
    return own ? own : lines.first<T>();
  }
  /// The section's direction, sendrecv when nothing says another (RFC 8866 §6.7).
  Direction direction(const MediaSection& section) const;
  /// The section's fingerprints, else those of the session part.
  std::vector<Fingerprint> fingerprints(const MediaSection& section) const;
  friend bool operator==(const SessionDescription&, const SessionDescription&) = default;
};

/// Parses a description. Lines end in CRLF or LF. Errors carry the 1-based number of the line at fault. Takes linear
/// time; refuses what is over the bounds above.
Result<SessionDescription> parse(std::string_view text);

/// The text of a description, every line ended by CRLF. parse(serialize(x)) gives x for whatever parse() gave.
std::string serialize(const SessionDescription& description);
/// The text of one line with its CRLF.
void serialize(const Line& line, std::string& out);

// ---- Candidates -------------------------------------------------------------------------------------------------

/// The candidate-attribute of RFC 8839 §5.1.
struct Candidate {
  std::string foundation;
  uint32_t component = 1;
  std::string transport;  ///< as written: "udp", "UDP", "tcp"
  uint32_t priority = 0;
  std::string address;  ///< IPv4, IPv6, or a name (mDNS)
  uint16_t port = 0;
  std::string type;  ///< "host", "srflx", "prflx", "relay", or a type yet unknown
  std::optional<std::string> relatedAddress;
  std::optional<uint16_t> relatedPort;
  std::vector<std::pair<std::string, std::string>> extensions;  ///< "tcptype", "generation", "ufrag", …
  friend bool operator==(const Candidate&, const Candidate&) = default;

  /// The value of an extension; nullptr when there is none of that name.
  const std::string* extension(std::string_view name) const;
};

/// Parses "candidate:1 1 udp 2122 192.0.2.1 54400 typ host"; "a=" before and "candidate:" may be left out.
Result<Candidate> parseCandidate(std::string_view text);
/// "candidate:…", as an RTCIceCandidate carries it.
std::string serialize(const Candidate& candidate);

}  // namespace peerage::sdp
