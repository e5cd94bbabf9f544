#include "peerage/enums.hpp"

#include <array>

namespace peerage {

namespace {

/// The texts of an enumeration in the order of its enumerators.
template <typename E, size_t N>
std::string_view textOf(E value, const std::array<std::string_view, N>& texts) {
  return texts[static_cast<size_t>(value)];
}

template <typename E, size_t N>
std::optional<E> valueOf(std::string_view text, const std::array<std::string_view, N>& texts) {
  for (size_t i = 0; i < N; ++i) {
    if (texts[i] == text) return static_cast<E>(i);
  }
  return std::nullopt;
}

constexpr std::array<std::string_view, 4> kSdpTypes{"offer", "pranswer", "answer", "rollback"};
constexpr std::array<std::string_view, 5> kDirections{"sendrecv", "sendonly", "recvonly", "inactive", "stopped"};
using Texts2 = std::array<std::string_view, 2>;
using Texts3 = std::array<std::string_view, 3>;
using Texts4 = std::array<std::string_view, 4>;
using Texts5 = std::array<std::string_view, 5>;
using Texts6 = std::array<std::string_view, 6>;
using Texts7 = std::array<std::string_view, 7>;

}  // namespace

std::string_view toString(RTCSignalingState v) {
  return textOf(v, Texts6{"stable", "have-local-offer", "have-remote-offer", "have-local-pranswer",
                          "have-remote-pranswer", "closed"});
}
std::string_view toString(RTCIceGatheringState v) { return textOf(v, Texts3{"new", "gathering", "complete"}); }
std::string_view toString(RTCPeerConnectionState v) {
  return textOf(v, Texts6{"closed", "failed", "disconnected", "new", "connecting", "connected"});
}
std::string_view toString(RTCIceConnectionState v) {
  return textOf(v, Texts7{"closed", "failed", "disconnected", "new", "checking", "completed", "connected"});
}
std::string_view toString(RTCSdpType v) { return textOf(v, kSdpTypes); }
std::string_view toString(RTCIceTransportPolicy v) { return textOf(v, Texts2{"relay", "all"}); }
std::string_view toString(RTCBundlePolicy v) { return textOf(v, Texts3{"balanced", "max-compat", "max-bundle"}); }
std::string_view toString(RTCRtcpMuxPolicy) { return "require"; }
std::string_view toString(RTCIceProtocol v) { return textOf(v, Texts2{"udp", "tcp"}); }
std::string_view toString(RTCIceTcpCandidateType v) { return textOf(v, Texts3{"active", "passive", "so"}); }
std::string_view toString(RTCIceCandidateType v) { return textOf(v, Texts4{"host", "srflx", "prflx", "relay"}); }
std::string_view toString(RTCIceServerTransportProtocol v) { return textOf(v, Texts3{"udp", "tcp", "tls"}); }
std::string_view toString(RTCRtpTransceiverDirection v) { return textOf(v, kDirections); }
std::string_view toString(RTCDtlsTransportState v) {
  return textOf(v, Texts5{"new", "connecting", "connected", "closed", "failed"});
}
std::string_view toString(RTCIceGathererState v) { return textOf(v, Texts3{"new", "gathering", "complete"}); }
std::string_view toString(RTCIceTransportState v) {
  return textOf(v, Texts7{"closed", "failed", "disconnected", "new", "checking", "completed", "connected"});
}
std::string_view toString(RTCIceRole v) { return textOf(v, Texts3{"unknown", "controlling", "controlled"}); }
std::string_view toString(RTCIceComponent v) { return textOf(v, Texts2{"rtp", "rtcp"}); }
std::string_view toString(RTCSctpTransportState v) { return textOf(v, Texts3{"connecting", "connected", "closed"}); }
std::string_view toString(RTCDataChannelState v) { return textOf(v, Texts4{"connecting", "open", "closing", "closed"}); }
std::string_view toString(RTCErrorDetailType v) {
  return textOf(v, Texts7{"data-channel-failure", "dtls-failure", "fingerprint-failure", "sctp-failure",
                          "sdp-syntax-error", "hardware-encoder-not-available", "hardware-encoder-error"});
}
std::string_view toString(RTCPriorityType v) { return textOf(v, Texts4{"very-low", "low", "medium", "high"}); }
std::string_view toString(MediaStreamTrackState v) { return textOf(v, Texts2{"live", "ended"}); }
std::string_view toString(MediaKind v) { return textOf(v, Texts2{"audio", "video"}); }
std::string_view toString(BinaryType v) { return textOf(v, Texts2{"blob", "arraybuffer"}); }

template <>
std::optional<RTCSdpType> fromString(std::string_view text) {
  return valueOf<RTCSdpType>(text, kSdpTypes);
}
template <>
std::optional<RTCRtpTransceiverDirection> fromString(std::string_view text) {
  return valueOf<RTCRtpTransceiverDirection>(text, kDirections);
}

}  // namespace peerage
