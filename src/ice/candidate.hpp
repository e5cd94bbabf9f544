// ICE candidates and the candidate-attribute (RFC 8839 §5.1, RFC 6544 §4.5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"

namespace peerage::ice {

enum class CandidateType : uint8_t { host, srflx, prflx, relay, unknown };
enum class Protocol : uint8_t { udp, tcp, unknown };
enum class TcpType : uint8_t { active, passive, so };

std::string_view toString(CandidateType type);
std::string_view toString(Protocol protocol);
std::string_view toString(TcpType type);

/// Longest candidate-attribute that is read; RFC 8839 has no limit, real ones have at most some 300 characters.
inline constexpr size_t kMaxCandidateLength = 2048;

/// One candidate. What the grammar allows and ICE does not know (transports, types, extensions) survives a
/// parse and a toString(), and is for the agent to ignore.
struct Candidate {
  std::string foundation;   ///< 1..32 ice-chars
  uint16_t component = 1;   ///< 1 (RTP, and all else with rtcp-mux) .. 256
  Protocol protocol = Protocol::udp;
  std::string protocolText;  ///< set when protocol is unknown
  uint32_t priority = 0;
  std::string address;      ///< IP address text, or a host name (an FQDN, or "<uuid>.local" of mDNS)
  uint16_t port = 0;
  CandidateType type = CandidateType::host;
  std::string typeText;     ///< set when type is unknown
  std::string relatedAddress;            ///< empty when there is none
  std::optional<uint16_t> relatedPort;
  std::optional<TcpType> tcpType;
  std::string ufrag;        ///< the "ufrag" extension; empty when there is none
  /// All others ("generation", "network-id", …), in order.
  std::vector<std::pair<std::string, std::string>> extensions;

  /// Reads a candidate-attribute with or without "a=" and "candidate:" before it. Extensions need not be known; a last
  /// name without a value is left out.
  static Result<Candidate> parse(std::string_view text);
  /// "candidate:842163049 1 udp 1677729535 …", which is what RTCIceCandidate.candidate has.
  std::string toString() const;

  /// The address when it is numeric; nullopt for a host name, which the owner resolves before the agent sees it.
  std::optional<IpAddress> ip() const { return IpAddress::parse(address); }
  std::optional<SocketAddress> endpoint() const;
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

/// Type preferences that RFC 8445 §5.1.2.2 recommends: 126 host, 110 peer-reflexive, 100 server-reflexive, 0 relayed.
uint8_t typePreference(CandidateType type);

/// RFC 8445 §5.1.2.1: 2^24 · type preference + 2^8 · local preference + (256 − component).
constexpr uint32_t candidatePriority(uint8_t typePreference, uint16_t localPreference, uint16_t component) {
  return uint32_t{typePreference} << 24 | uint32_t{localPreference} << 8 | uint32_t(256 - component);
}

/// RFC 8445 §6.1.2.3: 2^32 · min(G, D) + 2 · max(G, D) + (G > D ? 1 : 0), G being the controlling agent's candidate.
constexpr uint64_t pairPriority(uint32_t controlling, uint32_t controlled) {
  const uint64_t low = controlling < controlled ? controlling : controlled;
  const uint64_t high = controlling < controlled ? controlled : controlling;
  return (low << 32) + 2 * high + (controlling > controlled ? 1 : 0);
}

/// RFC 8839 §5.4: ice-ufrag is 4..256 ice-chars, ice-pwd 22..256.
bool isUfrag(std::string_view text);
bool isPassword(std::string_view text);

}  // namespace peerage::ice
