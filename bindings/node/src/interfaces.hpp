// Which C++ class is which interface, and which enumerations and dictionaries JavaScript may hand in. A new one of any kind is
// a line here.
#pragma once

#include <tuple>

#include "environment.hpp"

namespace peerage::node {

class Sources;

template <> inline constexpr const char* kInterface<RTCPeerConnection> = "RTCPeerConnection";
template <> inline constexpr const char* kInterface<RTCIceCandidate> = "RTCIceCandidate";
template <> inline constexpr const char* kInterface<RTCCertificate> = "RTCCertificate";
template <> inline constexpr const char* kInterface<RTCRtpSender> = "RTCRtpSender";
template <> inline constexpr const char* kInterface<RTCRtpReceiver> = "RTCRtpReceiver";
template <> inline constexpr const char* kInterface<RTCRtpTransceiver> = "RTCRtpTransceiver";
template <> inline constexpr const char* kInterface<RTCDtlsTransport> = "RTCDtlsTransport";
template <> inline constexpr const char* kInterface<RTCIceTransport> = "RTCIceTransport";
template <> inline constexpr const char* kInterface<RTCIceCandidatePair> = "RTCIceCandidatePair";
template <> inline constexpr const char* kInterface<RTCSctpTransport> = "RTCSctpTransport";
template <> inline constexpr const char* kInterface<RTCDTMFSender> = "RTCDTMFSender";
template <> inline constexpr const char* kInterface<RTCDataChannel> = "RTCDataChannel";
template <> inline constexpr const char* kInterface<MediaStream> = "MediaStream";
template <> inline constexpr const char* kInterface<MediaStreamTrack> = "MediaStreamTrack";

/// How many enumerators there are, all with a text, from 0 on.
template <typename E>
inline constexpr int kEnumerators = 0;
template <> inline constexpr int kEnumerators<RTCSdpType> = 4;
template <> inline constexpr int kEnumerators<RTCIceTransportPolicy> = 2;
template <> inline constexpr int kEnumerators<RTCBundlePolicy> = 3;
template <> inline constexpr int kEnumerators<RTCRtcpMuxPolicy> = 1;
template <> inline constexpr int kEnumerators<RTCRtpTransceiverDirection> = 5;
template <> inline constexpr int kEnumerators<RTCIceServerTransportProtocol> = 3;
template <> inline constexpr int kEnumerators<RTCPriorityType> = 4;
template <> inline constexpr int kEnumerators<MediaKind> = 2;
template <> inline constexpr int kEnumerators<BinaryType> = 2;

template <typename Member>
struct Field {
  const char* name;
  Member member;
};
template <typename Member>
constexpr Field<Member> field(const char* name, Member member) {
  return {name, member};
}

/// A dictionary: its name and its members.
template <typename T>
struct Dictionary;

#define PEERAGE_DICTIONARY(Type, ...)                                   \
  template <>                                                           \
  struct Dictionary<Type> {                                             \
    static constexpr const char* name = #Type;                          \
    using D = Type;                                                     \
    static constexpr auto fields = std::make_tuple(__VA_ARGS__);        \
  };

PEERAGE_DICTIONARY(RTCIceServer, field("urls", &D::urls), field("username", &D::username),
                   field("credential", &D::credential))
PEERAGE_DICTIONARY(RTCConfiguration, field("iceServers", &D::iceServers),
                   field("iceTransportPolicy", &D::iceTransportPolicy), field("bundlePolicy", &D::bundlePolicy),
                   field("rtcpMuxPolicy", &D::rtcpMuxPolicy), field("certificates", &D::certificates),
                   field("iceCandidatePoolSize", &D::iceCandidatePoolSize))
PEERAGE_DICTIONARY(RTCOfferOptions, field("iceRestart", &D::iceRestart))
template <>
struct Dictionary<RTCAnswerOptions> {
  static constexpr const char* name = "RTCAnswerOptions";
  static constexpr std::tuple<> fields{};
};
PEERAGE_DICTIONARY(RTCSessionDescriptionInit, field("type", &D::type), field("sdp", &D::sdp))
PEERAGE_DICTIONARY(RTCLocalSessionDescriptionInit, field("type", &D::type), field("sdp", &D::sdp))
PEERAGE_DICTIONARY(RTCIceCandidateInit, field("candidate", &D::candidate), field("sdpMid", &D::sdpMid),
                   field("sdpMLineIndex", &D::sdpMLineIndex), field("usernameFragment", &D::usernameFragment))
PEERAGE_DICTIONARY(RTCDataChannelInit, field("ordered", &D::ordered), field("maxPacketLifeTime", &D::maxPacketLifeTime),
                   field("maxRetransmits", &D::maxRetransmits), field("protocol", &D::protocol),
                   field("negotiated", &D::negotiated), field("id", &D::id))
PEERAGE_DICTIONARY(RTCRtpCodec, field("mimeType", &D::mimeType), field("clockRate", &D::clockRate),
                   field("channels", &D::channels), field("sdpFmtpLine", &D::sdpFmtpLine))
PEERAGE_DICTIONARY(RTCRtpCodecParameters, field("payloadType", &D::payloadType), field("mimeType", &D::mimeType),
                   field("clockRate", &D::clockRate), field("channels", &D::channels),
                   field("sdpFmtpLine", &D::sdpFmtpLine))
PEERAGE_DICTIONARY(RTCRtpEncodingParameters, field("rid", &D::rid), field("active", &D::active), field("codec", &D::codec),
                   field("maxBitrate", &D::maxBitrate), field("maxFramerate", &D::maxFramerate),
                   field("scaleResolutionDownBy", &D::scaleResolutionDownBy), field("priority", &D::priority),
                   field("networkPriority", &D::networkPriority))
PEERAGE_DICTIONARY(RTCRtcpParameters, field("cname", &D::cname), field("reducedSize", &D::reducedSize))
PEERAGE_DICTIONARY(RTCRtpHeaderExtensionParameters, field("uri", &D::uri), field("id", &D::id),
                   field("encrypted", &D::encrypted))
PEERAGE_DICTIONARY(RTCRtpSendParameters, field("headerExtensions", &D::headerExtensions), field("rtcp", &D::rtcp),
                   field("codecs", &D::codecs), field("transactionId", &D::transactionId),
                   field("encodings", &D::encodings))
PEERAGE_DICTIONARY(RTCRtpReceiveParameters, field("headerExtensions", &D::headerExtensions), field("rtcp", &D::rtcp),
                   field("codecs", &D::codecs))
PEERAGE_DICTIONARY(RTCRtpContributingSource, field("timestamp", &D::timestamp), field("source", &D::source),
                   field("audioLevel", &D::audioLevel), field("rtpTimestamp", &D::rtpTimestamp))
PEERAGE_DICTIONARY(RTCRtpSynchronizationSource, field("timestamp", &D::timestamp), field("source", &D::source),
                   field("audioLevel", &D::audioLevel), field("rtpTimestamp", &D::rtpTimestamp))
template <>
struct Dictionary<RTCSetParameterOptions> {
  static constexpr const char* name = "RTCSetParameterOptions";
  static constexpr std::tuple<> fields{};
};
PEERAGE_DICTIONARY(RTCRtpHeaderExtensionCapability, field("uri", &D::uri))
PEERAGE_DICTIONARY(RTCRtpCapabilities, field("codecs", &D::codecs), field("headerExtensions", &D::headerExtensions))
PEERAGE_DICTIONARY(RTCRtpTransceiverInit, field("direction", &D::direction), field("streams", &D::streams),
                   field("sendEncodings", &D::sendEncodings))
PEERAGE_DICTIONARY(RTCIceParameters, field("usernameFragment", &D::usernameFragment), field("password", &D::password))
PEERAGE_DICTIONARY(RTCCertificateExpiration, field("name", &D::name), field("namedCurve", &D::namedCurve),
                   field("modulusLength", &D::modulusLength), field("publicExponent", &D::publicExponent),
                   field("hash", &D::hash), field("expires", &D::expires))
PEERAGE_DICTIONARY(RTCDtlsFingerprint, field("algorithm", &D::algorithm), field("value", &D::value))

}  // namespace peerage::node
