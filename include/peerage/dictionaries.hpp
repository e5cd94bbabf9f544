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
  std::vector<std::string> urls = {};  ///< "stun:host[:port]" (RFC 7064)
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

/// webrtc-pc §6.2.1.
struct RTCDataChannelInit {
  bool ordered = true;
  std::optional<uint16_t> maxPacketLifeTime = std::nullopt;  ///< milliseconds
  std::optional<uint16_t> maxRetransmits = std::nullopt;
  std::string protocol = {};
  bool negotiated = false;
  std::optional<uint16_t> id = std::nullopt;
};

/// webrtc-pc §5.2.9.
struct RTCRtpCodec {
  std::string mimeType = {};  ///< "video/VP8"
  uint32_t clockRate = 0;
  std::optional<uint16_t> channels = std::nullopt;
  std::optional<std::string> sdpFmtpLine = std::nullopt;
};

/// webrtc-pc §5.2.5, §5.2.6.
struct RTCRtpEncodingParameters {
  std::optional<std::string> rid = std::nullopt;
  bool active = true;
  std::optional<uint32_t> maxBitrate = std::nullopt;  ///< bit/s
  std::optional<double> maxFramerate = std::nullopt;  ///< frames/s
  std::optional<double> scaleResolutionDownBy = std::nullopt;
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

/// webrtc-pc §5.5.2.
struct RTCDtlsFingerprint {
  std::string algorithm = {};
  std::string value = {};
};

}  // namespace peerage
