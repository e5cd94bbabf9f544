// The dictionaries of webrtc-pc as aggregates: write them with designated initializers. A member that the IDL gives no
// default is a std::optional.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "peerage/enums.hpp"

namespace peerage {

class RTCCertificate;
class MediaStream;

/// webrtc-pc §4.2.2.
struct RTCIceServer {
  /// "stun:host[:port]" (RFC 7064), "turn:host[:port][?transport=udp]" (RFC 7065, with username and credential). This version
  /// asks "stun:" alone; the others are accepted, and gathering says of each in an icecandidateerror event that it is not.
  std::vector<std::string> urls = {};
  std::optional<std::string> username = std::nullopt;
  std::optional<std::string> credential = std::nullopt;
};

/// webrtc-pc §4.2.1.
struct RTCConfiguration {
  std::vector<RTCIceServer> iceServers = {};
  RTCIceTransportPolicy iceTransportPolicy = RTCIceTransportPolicy::all;
  RTCBundlePolicy bundlePolicy = RTCBundlePolicy::balanced;
  RTCRtcpMuxPolicy rtcpMuxPolicy = RTCRtcpMuxPolicy::require;
  std::vector<std::shared_ptr<RTCCertificate>> certificates = {};
  uint8_t iceCandidatePoolSize = 0;
};

/// webrtc-pc §4.2.7.
struct RTCOfferOptions {
  bool iceRestart = false;
  /// Legacy (§4.4.3.2): true adds a recvonly transceiver when none receives that kind yet, false takes receiving out of the
  /// directions of that kind. Write transceivers instead.
  std::optional<bool> offerToReceiveAudio = std::nullopt;
  std::optional<bool> offerToReceiveVideo = std::nullopt;
};
/// webrtc-pc §4.2.8.
struct RTCAnswerOptions {};

/// webrtc-pc §4.6.2, what createOffer() and createAnswer() give and setRemoteDescription() takes.
struct RTCSessionDescriptionInit {
  RTCSdpType type = RTCSdpType::offer;
  std::string sdp;

  // Constructors, because GCC 12 destroys an aggregate twice that is written in braces inside a co_await expression.
  RTCSessionDescriptionInit() = default;
  RTCSessionDescriptionInit(RTCSdpType type_, std::string sdp_ = {}) : type(type_), sdp(std::move(sdp_)) {}
};

/// webrtc-pc §4.6.2, what setLocalDescription() takes: without a type it makes the description that is due.
struct RTCLocalSessionDescriptionInit {
  std::optional<RTCSdpType> type = std::nullopt;
  std::string sdp = {};

  RTCLocalSessionDescriptionInit() = default;
  RTCLocalSessionDescriptionInit(RTCSdpType type_, std::string sdp_ = {}) : type(type_), sdp(std::move(sdp_)) {}
  RTCLocalSessionDescriptionInit(const RTCSessionDescriptionInit& init) : type(init.type), sdp(init.sdp) {}
};

/// webrtc-pc §4.8.1.
struct RTCIceCandidateInit {
  std::string candidate = {};  ///< the candidate-attribute; empty: end of candidates
  std::optional<std::string> sdpMid = std::nullopt;
  std::optional<uint16_t> sdpMLineIndex = std::nullopt;
  std::optional<std::string> usernameFragment = std::nullopt;
};

/// webrtc-pc §4.8.1: what a local candidate has more.
struct RTCLocalIceCandidateInit : RTCIceCandidateInit {
  std::optional<RTCIceServerTransportProtocol> relayProtocol = std::nullopt;
  std::optional<std::string> url = std::nullopt;
};

/// webrtc-pc §6.2.1.
struct RTCDataChannelInit {
  bool ordered = true;
  std::optional<uint16_t> maxPacketLifeTime = std::nullopt;  ///< milliseconds
  std::optional<uint16_t> maxRetransmits = std::nullopt;
  std::string protocol = {};
  bool negotiated = false;
  std::optional<uint16_t> id = std::nullopt;
};

/// webrtc-pc §5.2.9. Two are the same codec when the "codec dictionary match" of §5.4 says so: mimeType without case,
/// everything else as written.
struct RTCRtpCodec {
  std::string mimeType = {};  ///< "video/VP8"
  uint32_t clockRate = 0;     ///< Hz
  std::optional<uint16_t> channels = std::nullopt;  ///< audio only: 1 mono, 2 stereo
  std::optional<std::string> sdpFmtpLine = std::nullopt;
  friend bool operator==(const RTCRtpCodec&, const RTCRtpCodec&) = default;
};

/// webrtc-pc §5.2.10: a negotiated codec.
struct RTCRtpCodecParameters : RTCRtpCodec {
  uint8_t payloadType = 0;
  friend bool operator==(const RTCRtpCodecParameters&, const RTCRtpCodecParameters&) = default;
};

/// webrtc-pc §5.2.5 (RTCRtpCodingParameters, flattened), §5.2.6; webrtc-priority §4.
struct RTCRtpEncodingParameters {
  std::optional<std::string> rid = std::nullopt;  ///< read-only but in addTransceiver()
  bool active = true;
  /// What to send with; absent: the codec that the remote end prefers. One that is negotiated, or (before that) implemented.
  std::optional<RTCRtpCodec> codec = std::nullopt;
  std::optional<uint32_t> maxBitrate = std::nullopt;  ///< bit/s, as TIAS of RFC 3890 §6.2.2
  std::optional<double> maxFramerate = std::nullopt;  ///< frames/s, video only; 0 freezes the picture
  std::optional<double> scaleResolutionDownBy = std::nullopt;  ///< at least 1, video only: both sides are divided by it
  /// Kept and read back; every encoding gets the same treatment in this version.
  RTCPriorityType priority = RTCPriorityType::low;
  std::optional<RTCPriorityType> networkPriority = std::nullopt;
};

/// webrtc-pc §5.2.7.
struct RTCRtcpParameters {
  std::optional<std::string> cname = std::nullopt;
  std::optional<bool> reducedSize = std::nullopt;
  friend bool operator==(const RTCRtcpParameters&, const RTCRtcpParameters&) = default;
};

/// webrtc-pc §5.2.8.
struct RTCRtpHeaderExtensionParameters {
  std::string uri = {};
  uint16_t id = 0;
  bool encrypted = false;
  friend bool operator==(const RTCRtpHeaderExtensionParameters&, const RTCRtpHeaderExtensionParameters&) = default;
};

/// webrtc-pc §5.2.2. All of it is read-only.
struct RTCRtpParameters {
  std::vector<RTCRtpHeaderExtensionParameters> headerExtensions = {};
  RTCRtcpParameters rtcp = {};
  std::vector<RTCRtpCodecParameters> codecs = {};  ///< negotiated, the remote end's favourite first; RTX among them
};

/// webrtc-pc §5.2.3: what RTCRtpSender::getParameters() gives and setParameters() takes back with other encodings.
struct RTCRtpSendParameters : RTCRtpParameters {
  std::string transactionId = {};  ///< read-only
  std::vector<RTCRtpEncodingParameters> encodings = {};
};

/// webrtc-pc §5.2.4.
struct RTCRtpReceiveParameters : RTCRtpParameters {};

/// webrtc-pc §5.2.13: empty, for the members that may come.
struct RTCSetParameterOptions {};

/// webrtc-pc §5.2.12.
struct RTCRtpHeaderExtensionCapability {
  std::string uri = {};
  friend bool operator==(const RTCRtpHeaderExtensionCapability&, const RTCRtpHeaderExtensionCapability&) = default;
};

/// webrtc-pc §5.2.11: the codecs in their default order, one entry for RTX with them.
struct RTCRtpCapabilities {
  std::vector<RTCRtpCodec> codecs = {};
  std::vector<RTCRtpHeaderExtensionCapability> headerExtensions = {};
};

/// webrtc-pc §5.4.
struct RTCRtpTransceiverInit {
  RTCRtpTransceiverDirection direction = RTCRtpTransceiverDirection::sendrecv;
  std::vector<std::shared_ptr<MediaStream>> streams = {};
  std::vector<RTCRtpEncodingParameters> sendEncodings = {};
};

/// webrtc-pc §5.6.9.
struct RTCIceParameters {
  std::string usernameFragment = {};
  std::string password = {};
};

/// webrtc-pc §4.9.1, RTCCertificateExpiration with WebCrypto's AlgorithmIdentifier, of which it is a part: what
/// generateCertificate() makes.
struct RTCCertificateExpiration {
  std::string name = "ECDSA";  ///< "ECDSA" or "RSASSA-PKCS1-v1_5", without case
  std::optional<std::string> namedCurve = std::nullopt;        ///< ECDSA: "P-256"
  std::optional<uint32_t> modulusLength = std::nullopt;        ///< RSA: 2048
  std::optional<std::vector<uint8_t>> publicExponent = std::nullopt;  ///< RSA: {1, 0, 1}
  std::optional<std::string> hash = std::nullopt;              ///< RSA: "SHA-256"
  std::optional<uint64_t> expires = std::nullopt;  ///< milliseconds from now, up to 365 days; 30 days by default
};
using AlgorithmIdentifier = RTCCertificateExpiration;

/// webrtc-pc §5.5.2.
struct RTCDtlsFingerprint {
  std::string algorithm = {};
  std::string value = {};
};

}  // namespace peerage
