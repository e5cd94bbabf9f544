// The enumerations of webrtc-pc, their values spelled as in the IDL with '-' as '_' (a trailing '_' where C++ reserves
// the word). toString() gives the IDL's own string.
#pragma once

#include <optional>
#include <string_view>

namespace peerage {

/// webrtc-pc §4.3.1: where this end is in the offer/answer exchange.
enum class RTCSignalingState { stable, have_local_offer, have_remote_offer, have_local_pranswer, have_remote_pranswer, closed };
/// webrtc-pc §4.3.2.
enum class RTCIceGatheringState { new_, gathering, complete };
/// webrtc-pc §4.3.3: the aggregate of all ICE, DTLS and SCTP transports.
enum class RTCPeerConnectionState { closed, failed, disconnected, new_, connecting, connected };
/// webrtc-pc §4.3.4.
enum class RTCIceConnectionState { closed, failed, disconnected, new_, checking, completed, connected };
/// webrtc-pc §4.6.1.
enum class RTCSdpType { offer, pranswer, answer, rollback };
/// webrtc-pc §4.2.3.
enum class RTCIceTransportPolicy { relay, all };
/// webrtc-pc §4.2.4.
enum class RTCBundlePolicy { balanced, max_compat, max_bundle };
/// webrtc-pc §4.2.5.
enum class RTCRtcpMuxPolicy { require };
/// webrtc-pc §4.8.1.3.
enum class RTCIceProtocol { udp, tcp };
/// webrtc-pc §4.8.1.4.
enum class RTCIceTcpCandidateType { active, passive, so };
/// webrtc-pc §4.8.1.5.
enum class RTCIceCandidateType { host, srflx, prflx, relay };
/// webrtc-pc §4.8.1.6.
enum class RTCIceServerTransportProtocol { udp, tcp, tls };
/// webrtc-pc §5.4.1.
enum class RTCRtpTransceiverDirection { sendrecv, sendonly, recvonly, inactive, stopped };
/// webrtc-pc §5.5.1.
enum class RTCDtlsTransportState { new_, connecting, connected, closed, failed };
/// webrtc-pc §5.6.4.
enum class RTCIceGathererState { new_, gathering, complete };
/// webrtc-pc §5.6.5.
enum class RTCIceTransportState { closed, failed, disconnected, new_, checking, completed, connected };
/// webrtc-pc §5.6.6.
enum class RTCIceRole { unknown, controlling, controlled };
/// webrtc-pc §5.6.7.
enum class RTCIceComponent { rtp, rtcp };
/// webrtc-pc §6.1.2.
enum class RTCSctpTransportState { connecting, connected, closed };
/// webrtc-pc §6.2.3.
enum class RTCDataChannelState { connecting, open, closing, closed };
/// webrtc-pc §9.1.
enum class RTCErrorDetailType {
  data_channel_failure,
  dtls_failure,
  fingerprint_failure,
  sctp_failure,
  sdp_syntax_error,
  hardware_encoder_not_available,
  hardware_encoder_error,
};
/// webrtc-priority §3.
enum class RTCPriorityType { very_low, low, medium, high };
/// mediacapture-streams §4.3.1.
enum class MediaStreamTrackState { live, ended };
/// The two kinds of a MediaStreamTrack ("audio", "video").
enum class MediaKind { audio, video };
/// How a data channel hands binary messages over. A native program has neither Blob nor ArrayBuffer: both give bytes.
enum class BinaryType { blob, arraybuffer };

std::string_view toString(RTCSignalingState);
std::string_view toString(RTCIceGatheringState);
std::string_view toString(RTCPeerConnectionState);
std::string_view toString(RTCIceConnectionState);
std::string_view toString(RTCSdpType);
std::string_view toString(RTCIceTransportPolicy);
std::string_view toString(RTCBundlePolicy);
std::string_view toString(RTCRtcpMuxPolicy);
std::string_view toString(RTCIceProtocol);
std::string_view toString(RTCIceTcpCandidateType);
std::string_view toString(RTCIceCandidateType);
std::string_view toString(RTCIceServerTransportProtocol);
std::string_view toString(RTCRtpTransceiverDirection);
std::string_view toString(RTCDtlsTransportState);
std::string_view toString(RTCIceGathererState);
std::string_view toString(RTCIceTransportState);
std::string_view toString(RTCIceRole);
std::string_view toString(RTCIceComponent);
std::string_view toString(RTCSctpTransportState);
std::string_view toString(RTCDataChannelState);
std::string_view toString(RTCErrorDetailType);
std::string_view toString(RTCPriorityType);
std::string_view toString(MediaStreamTrackState);
std::string_view toString(MediaKind);
std::string_view toString(BinaryType);

/// The value that the IDL spells `text`; nullopt for any other text.
template <typename E>
std::optional<E> fromString(std::string_view text);
template <>
std::optional<RTCSdpType> fromString(std::string_view text);
template <>
std::optional<RTCRtpTransceiverDirection> fromString(std::string_view text);

}  // namespace peerage
