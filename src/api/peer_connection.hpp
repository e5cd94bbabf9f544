// The inside of RTCPeerConnection: the slots of webrtc-pc §4.4, the jsep session that holds those of negotiation, and the
// engine that holds those of the wire. Everything that a program can see happens in a task of the loop.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/ice_server_url.hpp"
#include "api/loop_body.hpp"
#include "api/operations_chain.hpp"
#include "dtls/connection.hpp"
#include "engine/connection.hpp"
#include "jsep/apply_description.hpp"
#include "jsep/session.hpp"
#include "peerage/rtc_peer_connection.hpp"

namespace peerage::detail {

/// What an RTCCertificate is made of.
struct CertificateData {
  dtls::CertificatePtr certificate;
  int64_t expires = 0;  ///< milliseconds since the Unix epoch
};

/// Throws the exception that a negotiation failure stands for.
[[noreturn]] void throwFailure(const jsep::Failure& failure);
std::exception_ptr toException(const jsep::Failure& failure);

/// Lives as long as its RTCPeerConnection; senders, channels and tasks hold it weakly.
class PeerConnection : public std::enable_shared_from_this<PeerConnection> {
 public:
  static std::shared_ptr<PeerConnection> create(RTCPeerConnection& owner, EventLoop& loop, RTCConfiguration configuration);
  PeerConnection(RTCPeerConnection& owner, EventLoop& loop, RTCConfiguration configuration);
  ~PeerConnection();

  // --- peer_connection.cpp: the object itself
  void disown();  ///< the RTCPeerConnection is being destroyed
  void close();
  bool isClosed() const { return closed_; }
  const RTCConfiguration& configuration() const { return configuration_; }
  void setConfiguration(RTCConfiguration configuration);
  static Promise<std::shared_ptr<RTCCertificate>> generateCertificate(EventLoop& loop, AlgorithmIdentifier algorithm);

  // --- negotiation.cpp: descriptions
  Promise<RTCSessionDescriptionInit> createOffer(RTCOfferOptions options);
  Promise<RTCSessionDescriptionInit> createAnswer();
  Promise<> setLocalDescription(RTCLocalSessionDescriptionInit description);
  Promise<> setRemoteDescription(RTCSessionDescriptionInit description);
  Promise<> addIceCandidate(RTCIceCandidateInit candidate);
  void restartIce();
  const jsep::Session& session() const { return session_; }

  // --- transceivers.cpp: tracks
  std::shared_ptr<RTCRtpSender> addTrack(std::shared_ptr<MediaStreamTrack> track,
                                         const std::vector<std::shared_ptr<MediaStream>>& streams);
  void removeTrack(const std::shared_ptr<RTCRtpSender>& sender);
  std::shared_ptr<RTCRtpTransceiver> addTransceiver(MediaKind kind, std::shared_ptr<MediaStreamTrack> track,
                                                    const RTCRtpTransceiverInit& init);
  std::vector<std::shared_ptr<RTCRtpTransceiver>> transceivers() const;
  void setDirection(RTCRtpTransceiver& transceiver, RTCRtpTransceiverDirection direction);
  void stop(RTCRtpTransceiver& transceiver);
  Promise<> replaceTrack(RTCRtpSender& sender, std::shared_ptr<MediaStreamTrack> track);
  void setStreams(RTCRtpSender& sender, const std::vector<std::shared_ptr<MediaStream>>& streams);

  // --- parameters.cpp
  RTCRtpSendParameters getParameters(RTCRtpSender& sender);
  Promise<> setParameters(RTCRtpSender& sender, RTCRtpSendParameters parameters);
  RTCRtpReceiveParameters receiveParameters(const RTCRtpReceiver& receiver) const;
  std::vector<engine::Connection::Source> sources(uint64_t transceiver) const;
  double epochMilliseconds(Timestamp at) const;
  void setJitterBufferTarget(uint64_t transceiver, std::optional<double> milliseconds);
  void setCodecPreferences(RTCRtpTransceiver& transceiver, const std::vector<RTCRtpCodec>& codecs);

  // --- dtmf.cpp
  bool canInsertDtmf(const RTCDTMFSender& dtmf) const;
  void scheduleDtmf(RTCDTMFSender& dtmf, Duration delay);
  void playDtmf(RTCDTMFSender& dtmf);

  // --- data_channels.cpp
  std::shared_ptr<RTCDataChannel> createDataChannel(std::string label, RTCDataChannelInit init);
  void send(RTCDataChannel& channel, std::span<const uint8_t> bytes, bool text);
  void closeChannel(RTCDataChannel& channel);
  void setLowThreshold(RTCDataChannel& channel, uint64_t bytes);
  uint64_t bufferedAmount(const RTCDataChannel& channel) const;
  std::shared_ptr<RTCSctpTransport> sctp() const { return sctp_; }

  // --- states.cpp
  RTCSignalingState signalingState() const;
  RTCIceGatheringState iceGatheringState() const { return iceGatheringState_; }
  RTCIceConnectionState iceConnectionState() const { return iceConnectionState_; }
  RTCPeerConnectionState connectionState() const { return connectionState_; }

  // --- get_stats.cpp
  Promise<RTCStatsReport> getStats(std::shared_ptr<MediaStreamTrack> selector);
  Promise<RTCStatsReport> getStats(uint64_t transceiver, bool ofSender);

 private:
  struct Transport {
    std::shared_ptr<RTCDtlsTransport> dtls;
    std::vector<std::unique_ptr<UdpSocket>> sockets;
    std::vector<std::unique_ptr<ResolveRequest>> lookups;
    int pendingLookups = 0;
    uint64_t gatherRound = 0;  ///< lookups of an earlier round say nothing any more
  };

  template <FixedString Name, typename E = Event>
  void fire(E event = {}) {
    if (owner_) owner_->dispatchEvent<Name>(std::move(event));
  }
  /// Runs `task(*this)` as a task of its own, unless the connection is closed or gone by then.
  template <typename F>
  void queueTask(F task) {
    body_->queueTask([weak = weak_from_this(), task = std::move(task)]() mutable {
      if (auto self = weak.lock(); self && !self->closed_) task(*self);
    });
  }
  template <typename T = void>
  Deferred<T> defer() {
    return Deferred<T>(body_->core(), weak_from_this());
  }
  template <typename T>
  Promise<T> rejected(std::exception_ptr reason) {
    const Deferred<T> deferred = defer<T>();
    deferred.reject(std::move(reason));
    return deferred.promise();
  }
  template <typename T, typename Operation>
  Promise<T> chained(Operation operation);
  void requireOpen(const char* what) const;

  // --- negotiation.cpp
  void updateNegotiationNeeded();
  void chainEmptied();
  using Settled = std::function<void(std::exception_ptr)>;
  void applyLocal(jsep::SdpType type, std::string sdp, Settled settled);
  void applyRemote(jsep::SdpType type, std::string sdp, Settled settled);
  void applied(jsep::Applied applied);
  void applyObjects(const jsep::Effects& effects);
  void fireEffects(const jsep::Effects& effects);
  void offerToReceive(jsep::MediaKind kind, bool receive);
  void sessionChanged();  ///< the engine follows the session

  // --- transceivers.cpp
  std::shared_ptr<RTCRtpTransceiver> makeTransceiver(const jsep::Transceiver& state);
  void syncTransceivers();
  void attachTrack(RTCRtpSender& sender, std::shared_ptr<MediaStreamTrack> track);
  std::shared_ptr<RTCRtpTransceiver> find(jsep::TransceiverId id) const;
  void endReceiver(RTCRtpTransceiver& transceiver);
  std::shared_ptr<MediaStream> remoteStream(const std::string& id);
  void forgetUnusedStreams();

  // --- parameters.cpp
  RTCRtpSendParameters sendParameters(const jsep::Transceiver& state) const;
  RTCRtpReceiveParameters receiveParameters(const jsep::Transceiver& state) const;
  void keepParameters(RTCRtpTransceiver& transceiver, const jsep::Transceiver& state) const;

  // --- ice.cpp
  void follow(const jsep::Plan& plan);
  void ensureTransport(jsep::TransportId id);
  void closeTransport(jsep::TransportId id);
  void gather(jsep::TransportId id);
  void bindSockets(jsep::TransportId id, Transport& transport);
  void askServers(jsep::TransportId id, Transport& transport);
  void finishHosts(jsep::TransportId id);
  void received(jsep::TransportId id, std::span<const DatagramView> datagrams);
  void resolveCandidate(const engine::CandidateToResolve& event);
  void surface(const jsep::LocalCandidate& candidate, const std::string& url);
  void surfaceEnd(jsep::TransportId id, const std::string& ufrag);

  // --- drive.cpp: between the loop and the engine
  void touched();  ///< the engine was given something: drain it in a task of its own
  void drain();
  void transmit();
  void sendRun(std::span<const Datagram> run);
  void collectEvents();
  void armTimer();
  void handle(engine::Event& event);

  // --- states.cpp
  /// Either or both, of the same transport.
  void onIceChange(const engine::SelectedPairChanged* pair, const engine::IceStateChanged* changed);
  std::shared_ptr<RTCIceCandidatePair> makePair(const engine::SelectedPairChanged& event) const;
  void onIceGathering(const engine::IceGatheringChanged& event);
  void onDtlsState(const engine::DtlsStateChanged& event);
  void onSctpState(const engine::SctpStateChanged& event);
  void onCandidateError(const engine::CandidateError& event);
  bool deriveIceConnectionState();
  bool deriveConnectionState();
  void updateConnectionState();
  bool updateIceGatheringState();
  std::vector<RTCDtlsTransport*> usedTransports() const;

  // --- data_channels.cpp
  void onChannelEvent(datachannel::Event& event);
  void syncChannelIds();
  std::shared_ptr<RTCDataChannel> findChannel(datachannel::ChannelHandle handle) const;
  void updateMaxMessageSize();

  // --- get_stats.cpp
  RTCStatsReport makeReport(std::function<bool(const jsep::TransceiverId&, bool)> wanted, bool everything);

  RTCPeerConnection* owner_;
  std::shared_ptr<LoopBody> body_;
  RTCConfiguration configuration_;
  std::vector<IceServerUrl> servers_;
  bool localDescriptionCalled_ = false;  ///< setLocalDescription() has been called
  dtls::CertificatePtr certificate_;
  bool closed_ = false;

  OperationsChain chain_;
  bool negotiationNeeded_ = false;
  bool updateOnEmptyChain_ = false;
  int unsettledParameters_ = 0;  ///< promises of setParameters() that are not settled yet

  jsep::Session session_;
  std::unique_ptr<engine::Connection> engine_;
  std::unique_ptr<LoopTimer> timer_;
  bool drainQueued_ = false;

  std::map<uint32_t, std::shared_ptr<RTCRtpTransceiver>> transceivers_;  // by jsep id; removed ones leave
  std::map<uint32_t, std::shared_ptr<MediaStreamTrack>> removedTracks_;  // of transceivers that the present task removed
  /// The stream of each remote msid: one for as long as anybody, we or the program, has it.
  struct RemoteStream {
    std::weak_ptr<MediaStream> stream;
    std::shared_ptr<MediaStream> kept;  ///< while a receiver is in it
  };
  std::map<std::string, RemoteStream> remoteStreams_;
  std::map<uint32_t, Transport> transports_;  // by jsep id
  std::unordered_map<SocketAddress, UdpSocket*> socketByAddress_;
  std::shared_ptr<RTCSctpTransport> sctp_;
  std::map<uint32_t, std::shared_ptr<RTCDataChannel>> channels_;  // by handle

  RTCIceGatheringState iceGatheringState_ = RTCIceGatheringState::new_;
  RTCIceConnectionState iceConnectionState_ = RTCIceConnectionState::new_;
  RTCPeerConnectionState connectionState_ = RTCPeerConnectionState::new_;
  std::map<uint64_t, std::unique_ptr<ResolveRequest>> candidateLookups_;
  uint64_t nextLookup_ = 0;
  std::vector<Datagram> outgoing_;    // buffers that are used again
  std::vector<DatagramView> views_;
};

}  // namespace peerage::detail
