// webrtc-pc §4.4: RTCPeerConnection and its events.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "peerage/dictionaries.hpp"
#include "peerage/event_loop.hpp"
#include "peerage/event_target.hpp"
#include "peerage/media_stream.hpp"
#include "peerage/promise.hpp"
#include "peerage/rtc_certificate.hpp"
#include "peerage/rtc_data_channel.hpp"
#include "peerage/rtc_error.hpp"
#include "peerage/rtc_rtp.hpp"
#include "peerage/rtc_transports.hpp"
#include "peerage/stats.hpp"

namespace peerage {

/// webrtc-pc §4.8.2. A null candidate: gathering is complete.
struct RTCPeerConnectionIceEvent : Event {
  explicit RTCPeerConnectionIceEvent(std::shared_ptr<RTCIceCandidate> candidate_)
      : candidate(std::move(candidate_)), url(candidate ? candidate->url() : std::nullopt) {}
  std::shared_ptr<RTCIceCandidate> candidate;
  std::optional<std::string> url;  ///< of the STUN or TURN server that it was gathered from
};

/// webrtc-pc §4.8.3: a STUN server did not answer, or answered with an error.
struct RTCPeerConnectionIceErrorEvent : Event {
  std::optional<std::string> address;  ///< of the local socket
  std::optional<uint16_t> port;
  std::string url;
  uint16_t errorCode = 701;  ///< a STUN error code, or 701: the server could not be reached
  std::string errorText;
};

/// webrtc-pc §5.7.
struct RTCTrackEvent : Event {
  std::shared_ptr<RTCRtpReceiver> receiver;
  std::shared_ptr<MediaStreamTrack> track;
  std::vector<std::shared_ptr<MediaStream>> streams;
  std::shared_ptr<RTCRtpTransceiver> transceiver;
};

/// webrtc-pc §6.3.
struct RTCDataChannelEvent : Event {
  explicit RTCDataChannelEvent(std::shared_ptr<RTCDataChannel> channel_)
      : channel(std::move(channel_)) {}
  std::shared_ptr<RTCDataChannel> channel;
};

/// webrtc-pc §4.4: one end of a connection. Lives on one EventLoop, which must outlive it. Destroying it closes it; that is
/// safe at any time, from inside its own callbacks too.
class RTCPeerConnection : public TypedEventTarget<RTCPeerConnection> {
 public:
  /// Throws InvalidAccessError for an expired certificate or a TURN server without credentials, SyntaxError for a URL that
  /// is none of a STUN or TURN server.
  explicit RTCPeerConnection(EventLoop& loop, RTCConfiguration configuration = {});
  RTCPeerConnection(const RTCPeerConnection&) = delete;
  RTCPeerConnection& operator=(const RTCPeerConnection&) = delete;
  ~RTCPeerConnection() override;

  Promise<RTCSessionDescriptionInit> createOffer(RTCOfferOptions options = {});
  Promise<RTCSessionDescriptionInit> createAnswer(RTCAnswerOptions options = {});
  Promise<> setLocalDescription(RTCLocalSessionDescriptionInit description = {});
  Promise<> setRemoteDescription(RTCSessionDescriptionInit description);
  /// An empty candidate text, or no argument, says that there are no more.
  Promise<> addIceCandidate(RTCIceCandidateInit candidate);
  Promise<> addIceCandidate() { return addIceCandidate(RTCIceCandidateInit()); }
  void restartIce();

  std::optional<RTCSessionDescription> localDescription() const;
  std::optional<RTCSessionDescription> currentLocalDescription() const;
  std::optional<RTCSessionDescription> pendingLocalDescription() const;
  std::optional<RTCSessionDescription> remoteDescription() const;
  std::optional<RTCSessionDescription> currentRemoteDescription() const;
  std::optional<RTCSessionDescription> pendingRemoteDescription() const;
  RTCSignalingState signalingState() const;
  RTCIceGatheringState iceGatheringState() const;
  RTCIceConnectionState iceConnectionState() const;
  RTCPeerConnectionState connectionState() const;
  /// nullopt before a remote description was set.
  std::optional<bool> canTrickleIceCandidates() const;
  std::shared_ptr<RTCSctpTransport> sctp() const;

  RTCConfiguration getConfiguration() const;
  /// Servers and iceTransportPolicy hold from the next gathering on. Throws InvalidStateError when closed,
  /// InvalidModificationError for other certificates, bundlePolicy or rtcpMuxPolicy, or another iceCandidatePoolSize once
  /// setLocalDescription() has been called; what the constructor throws for servers.
  void setConfiguration(RTCConfiguration configuration);
  /// After it nothing fires any more and every transport is down.
  void close();

  std::vector<std::shared_ptr<RTCRtpSender>> getSenders() const;
  std::vector<std::shared_ptr<RTCRtpReceiver>> getReceivers() const;
  std::vector<std::shared_ptr<RTCRtpTransceiver>> getTransceivers() const;
  std::shared_ptr<RTCRtpSender> addTrack(std::shared_ptr<MediaStreamTrack> track,
                                         std::vector<std::shared_ptr<MediaStream>> streams = {});
  std::shared_ptr<RTCRtpSender> addTrack(std::shared_ptr<MediaStreamTrack> track, std::shared_ptr<MediaStream> stream) {
    return addTrack(std::move(track), std::vector{std::move(stream)});
  }
  void removeTrack(const std::shared_ptr<RTCRtpSender>& sender);
  std::shared_ptr<RTCRtpTransceiver> addTransceiver(std::shared_ptr<MediaStreamTrack> track,
                                                    RTCRtpTransceiverInit init = {});
  std::shared_ptr<RTCRtpTransceiver> addTransceiver(MediaKind kind, RTCRtpTransceiverInit init = {});
  std::shared_ptr<RTCDataChannel> createDataChannel(std::string label, RTCDataChannelInit init = {});
  /// All stats, or those about a track that is sent or received here (InvalidAccessError unless exactly one is).
  Promise<RTCStatsReport> getStats(std::shared_ptr<MediaStreamTrack> selector = nullptr);
  /// A certificate for RTCConfiguration::certificates, to be shared by several connections. Rejects with NotSupportedError
  /// for any other algorithm than ECDSA with P-256 and RSASSA-PKCS1-v1_5 with 2048 bits, 65537 and SHA-256, TypeError where
  /// a member that the algorithm needs is missing.
  static Promise<std::shared_ptr<RTCCertificate>> generateCertificate(EventLoop& loop, AlgorithmIdentifier keygenAlgorithm);
  /// An ECDSA certificate with P-256, good for 30 days.
  static Promise<std::shared_ptr<RTCCertificate>> generateCertificate(EventLoop& loop);

  EventHandler<Event> onnegotiationneeded;
  EventHandler<RTCPeerConnectionIceEvent> onicecandidate;
  EventHandler<RTCPeerConnectionIceErrorEvent> onicecandidateerror;
  EventHandler<Event> onsignalingstatechange;
  EventHandler<Event> oniceconnectionstatechange;
  EventHandler<Event> onicegatheringstatechange;
  EventHandler<Event> onconnectionstatechange;
  EventHandler<RTCTrackEvent> ontrack;
  EventHandler<RTCDataChannelEvent> ondatachannel;
  using Events = EventMap<
      EventOf<"negotiationneeded", &RTCPeerConnection::onnegotiationneeded>,
      EventOf<"icecandidate", &RTCPeerConnection::onicecandidate>,
      EventOf<"icecandidateerror", &RTCPeerConnection::onicecandidateerror>,
      EventOf<"signalingstatechange", &RTCPeerConnection::onsignalingstatechange>,
      EventOf<"iceconnectionstatechange", &RTCPeerConnection::oniceconnectionstatechange>,
      EventOf<"icegatheringstatechange", &RTCPeerConnection::onicegatheringstatechange>,
      EventOf<"connectionstatechange", &RTCPeerConnection::onconnectionstatechange>,
      EventOf<"track", &RTCPeerConnection::ontrack>, EventOf<"datachannel", &RTCPeerConnection::ondatachannel>>;

 private:
  std::shared_ptr<detail::PeerConnection> impl_;
};

}  // namespace peerage
