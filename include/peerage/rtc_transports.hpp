// webrtc-pc §4.6.2, §4.8.1, §5.5, §5.6, §6.1: descriptions, candidates and the transport objects.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peerage/dictionaries.hpp"
#include "peerage/event_target.hpp"
#include "peerage/rtc_error.hpp"

namespace peerage {

namespace detail {
class PeerConnection;
}  // namespace detail

/// webrtc-pc §4.6.2: an offer or an answer, immutable.
class RTCSessionDescription {
 public:
  explicit RTCSessionDescription(RTCSessionDescriptionInit init) : init_(std::move(init)) {}
  RTCSdpType type() const { return init_.type; }
  const std::string& sdp() const { return init_.sdp; }
  RTCSessionDescriptionInit toJSON() const { return init_; }
  operator RTCSessionDescriptionInit() const { return init_; }

 private:
  RTCSessionDescriptionInit init_;
};

/// webrtc-pc §4.8.1: one ICE candidate. Members that the candidate text does not have are nullopt.
class RTCIceCandidate {
 public:
  /// Throws TypeError when both sdpMid and sdpMLineIndex are missing. A candidate text that does not parse leaves the parsed
  /// members nullopt, as specified.
  explicit RTCIceCandidate(RTCIceCandidateInit init, std::optional<std::string> url = std::nullopt);
  explicit RTCIceCandidate(RTCLocalIceCandidateInit init);

  const std::string& candidate() const { return init_.candidate; }
  const std::optional<std::string>& sdpMid() const { return init_.sdpMid; }
  const std::optional<uint16_t>& sdpMLineIndex() const { return init_.sdpMLineIndex; }
  const std::optional<std::string>& foundation() const { return foundation_; }
  std::optional<RTCIceComponent> component() const { return component_; }
  std::optional<uint32_t> priority() const { return priority_; }
  const std::optional<std::string>& address() const { return address_; }
  std::optional<RTCIceProtocol> protocol() const { return protocol_; }
  std::optional<uint16_t> port() const { return port_; }
  std::optional<RTCIceCandidateType> type() const { return type_; }
  std::optional<RTCIceTcpCandidateType> tcpType() const { return tcpType_; }
  const std::optional<std::string>& relatedAddress() const { return relatedAddress_; }
  std::optional<uint16_t> relatedPort() const { return relatedPort_; }
  const std::optional<std::string>& usernameFragment() const { return init_.usernameFragment; }
  /// How the TURN server was reached (local relay candidates only).
  std::optional<RTCIceServerTransportProtocol> relayProtocol() const { return relayProtocol_; }
  /// The STUN or TURN server that it was gathered from (local candidates only).
  const std::optional<std::string>& url() const { return url_; }
  RTCIceCandidateInit toJSON() const { return init_; }
  operator RTCIceCandidateInit() const { return init_; }

 private:
  RTCIceCandidateInit init_;
  std::optional<std::string> url_;
  std::optional<RTCIceServerTransportProtocol> relayProtocol_;
  std::optional<std::string> foundation_, address_, relatedAddress_;
  std::optional<RTCIceComponent> component_;
  std::optional<uint32_t> priority_;
  std::optional<RTCIceProtocol> protocol_;
  std::optional<uint16_t> port_, relatedPort_;
  std::optional<RTCIceCandidateType> type_;
  std::optional<RTCIceTcpCandidateType> tcpType_;
};

/// webrtc-pc §5.6.8.
class RTCIceCandidatePair {
 public:
  RTCIceCandidatePair(std::shared_ptr<RTCIceCandidate> local, std::shared_ptr<RTCIceCandidate> remote)
      : local_(std::move(local)), remote_(std::move(remote)) {}
  const std::shared_ptr<RTCIceCandidate>& local() const { return local_; }
  const std::shared_ptr<RTCIceCandidate>& remote() const { return remote_; }

 private:
  std::shared_ptr<RTCIceCandidate> local_, remote_;
};

/// webrtc-pc §5.6: one ICE transport. The connection makes it; a program reads it and listens.
class RTCIceTransport : public TypedEventTarget<RTCIceTransport> {
 public:
  RTCIceRole role() const { return role_; }
  RTCIceComponent component() const { return RTCIceComponent::rtp; }
  RTCIceTransportState state() const { return state_; }
  RTCIceGathererState gatheringState() const { return gatheringState_; }
  /// Those of the present ICE generation that were told in icecandidate events, and those that the other side has told.
  std::vector<std::shared_ptr<RTCIceCandidate>> getLocalCandidates() const { return localCandidates_; }
  std::vector<std::shared_ptr<RTCIceCandidate>> getRemoteCandidates() const { return remoteCandidates_; }
  /// Null before a pair was selected.
  std::shared_ptr<RTCIceCandidatePair> getSelectedCandidatePair() const { return selectedPair_; }
  /// nullopt before a description of that side has told them.
  std::optional<RTCIceParameters> getLocalParameters() const { return localParameters_; }
  std::optional<RTCIceParameters> getRemoteParameters() const { return remoteParameters_; }

  EventHandler<Event> onstatechange;
  EventHandler<Event> ongatheringstatechange;
  EventHandler<Event> onselectedcandidatepairchange;
  using Events = EventMap<EventOf<"statechange", &RTCIceTransport::onstatechange>,
                          EventOf<"gatheringstatechange", &RTCIceTransport::ongatheringstatechange>,
                          EventOf<"selectedcandidatepairchange", &RTCIceTransport::onselectedcandidatepairchange>>;

 private:
  friend class detail::PeerConnection;
  RTCIceRole role_ = RTCIceRole::unknown;
  RTCIceTransportState state_ = RTCIceTransportState::new_;
  RTCIceGathererState gatheringState_ = RTCIceGathererState::new_;
  std::vector<std::shared_ptr<RTCIceCandidate>> localCandidates_, remoteCandidates_;
  std::shared_ptr<RTCIceCandidatePair> selectedPair_;
  std::optional<RTCIceParameters> localParameters_, remoteParameters_;
};

/// webrtc-pc §5.5.
class RTCDtlsTransport : public TypedEventTarget<RTCDtlsTransport> {
 public:
  explicit RTCDtlsTransport(std::shared_ptr<RTCIceTransport> iceTransport) : iceTransport_(std::move(iceTransport)) {}
  const std::shared_ptr<RTCIceTransport>& iceTransport() const { return iceTransport_; }
  RTCDtlsTransportState state() const { return state_; }
  /// The chain that the remote side presented, each certificate as DER; empty before the handshake.
  std::vector<std::vector<uint8_t>> getRemoteCertificates() const { return remoteCertificates_; }

  EventHandler<Event> onstatechange;
  EventHandler<RTCErrorEvent> onerror;
  using Events = EventMap<EventOf<"statechange", &RTCDtlsTransport::onstatechange>,
                          EventOf<"error", &RTCDtlsTransport::onerror>>;

 private:
  friend class detail::PeerConnection;
  std::shared_ptr<RTCIceTransport> iceTransport_;
  RTCDtlsTransportState state_ = RTCDtlsTransportState::new_;
  std::vector<std::vector<uint8_t>> remoteCertificates_;
};

/// webrtc-pc §6.1.
class RTCSctpTransport : public TypedEventTarget<RTCSctpTransport> {
 public:
  explicit RTCSctpTransport(std::shared_ptr<RTCDtlsTransport> transport) : transport_(std::move(transport)) {}
  const std::shared_ptr<RTCDtlsTransport>& transport() const { return transport_; }
  RTCSctpTransportState state() const { return state_; }
  /// Bytes of the largest message that send() takes; infinity when neither side has a limit.
  double maxMessageSize() const { return maxMessageSize_; }
  /// Known once the association is up.
  std::optional<uint16_t> maxChannels() const { return maxChannels_; }

  EventHandler<Event> onstatechange;
  using Events = EventMap<EventOf<"statechange", &RTCSctpTransport::onstatechange>>;

 private:
  friend class detail::PeerConnection;
  std::shared_ptr<RTCDtlsTransport> transport_;
  RTCSctpTransportState state_ = RTCSctpTransportState::connecting;
  double maxMessageSize_ = 65536;
  std::optional<uint16_t> maxChannels_;
};

}  // namespace peerage
