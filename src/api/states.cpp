// The states of the transports and of the connection, and their events (webrtc-pc §4.3, §5.5, §5.6, §6.1).
#include <algorithm>
#include <utility>

#include "api/convert.hpp"
#include "api/peer_connection.hpp"

namespace peerage::detail {

RTCSignalingState PeerConnection::signalingState() const {
  return closed_ ? RTCSignalingState::closed : fromJsep(session_.signalingState);
}

/// The transports that count: those of the session (a stopped transceiver's transport has left it).
std::vector<RTCDtlsTransport*> PeerConnection::usedTransports() const {
  std::vector<RTCDtlsTransport*> used;
  for (const jsep::Transport& transport : session_.transports) {
    const auto it = transports_.find(transport.id.value());
    if (it != transports_.end()) used.push_back(it->second.dtls.get());
  }
  return used;
}

/// Sets [[IceConnectionState]] (§4.3.4: the first line that applies) and says whether that changed it.
bool PeerConnection::deriveIceConnectionState() {
  const auto used = usedTransports();
  using S = RTCIceTransportState;
  const auto any = [&](S state) {
    return std::ranges::any_of(used, [&](auto* t) { return t->iceTransport_->state_ == state; });
  };
  const auto all = [&](std::initializer_list<S> states) {
    return std::ranges::all_of(used, [&](auto* t) { return std::ranges::find(states, t->iceTransport_->state_) != states.end(); });
  };
  RTCIceConnectionState next = RTCIceConnectionState::connected;
  if (any(S::failed)) {
    next = RTCIceConnectionState::failed;
  } else if (any(S::disconnected)) {
    next = RTCIceConnectionState::disconnected;
  } else if (all({S::new_, S::closed})) {
    next = RTCIceConnectionState::new_;
  } else if (any(S::new_) || any(S::checking)) {
    next = RTCIceConnectionState::checking;
  } else if (all({S::completed, S::closed})) {
    next = RTCIceConnectionState::completed;
  }
  return std::exchange(iceConnectionState_, next) != next;
}

/// Sets [[ConnectionState]] (§4.3.3: the first line that applies) and says whether that changed it.
bool PeerConnection::deriveConnectionState() {
  const auto used = usedTransports();
  using I = RTCIceTransportState;
  using D = RTCDtlsTransportState;
  const auto anyIce = [&](I state) {
    return std::ranges::any_of(used, [&](auto* t) { return t->iceTransport_->state_ == state; });
  };
  const auto anyDtls = [&](D state) { return std::ranges::any_of(used, [&](auto* t) { return t->state_ == state; }); };
  const bool allNew = std::ranges::all_of(used, [](auto* t) {
    return (t->iceTransport_->state_ == I::new_ || t->iceTransport_->state_ == I::closed) &&
           (t->state_ == D::new_ || t->state_ == D::closed);
  });
  RTCPeerConnectionState next = RTCPeerConnectionState::connected;
  if (anyIce(I::failed) || anyDtls(D::failed)) {
    next = RTCPeerConnectionState::failed;
  } else if (anyIce(I::disconnected)) {
    next = RTCPeerConnectionState::disconnected;
  } else if (allNew) {
    next = RTCPeerConnectionState::new_;
  } else if (anyIce(I::new_) || anyIce(I::checking) || anyDtls(D::new_) || anyDtls(D::connecting)) {
    next = RTCPeerConnectionState::connecting;
  }
  return std::exchange(connectionState_, next) != next;
}

/// §4.4.1.3 "update the connection state", the task that a change of a DTLS transport queues.
void PeerConnection::updateConnectionState() {
  if (deriveConnectionState()) fire<"connectionstatechange">();
}

/// §5.6 "change the selected candidate pair and state": all that changes has changed before the first event fires.
void PeerConnection::onIceChange(const engine::SelectedPairChanged* pair, const engine::IceStateChanged* changed) {
  const jsep::TransportId id = pair ? pair->transport : changed->transport;
  const auto it = transports_.find(id.value());
  if (it == transports_.end()) return;
  const auto ice = it->second.dtls->iceTransport_;
  if (pair) ice->selectedPair_ = makePair(*pair);
  const bool stateChanged = changed && ice->state_ != fromIce(changed->state);
  bool iceConnectionStateChanged = false;
  bool connectionStateChanged = false;
  if (stateChanged) {
    ice->state_ = fromIce(changed->state);
    iceConnectionStateChanged = deriveIceConnectionState();
    connectionStateChanged = deriveConnectionState();
  }
  if (pair) ice->dispatchEvent<"selectedcandidatepairchange">();
  if (closed_) return;
  if (stateChanged) ice->dispatchEvent<"statechange">();
  if (closed_) return;
  if (iceConnectionStateChanged) fire<"iceconnectionstatechange">();
  if (closed_) return;
  if (connectionStateChanged) fire<"connectionstatechange">();
}

/// The pair with the candidates as objects; their mid is that of the transport's first section.
std::shared_ptr<RTCIceCandidatePair> PeerConnection::makePair(const engine::SelectedPairChanged& event) const {
  const auto section = std::ranges::find(session_.midTransports, event.transport,
                                         [](const auto& entry) { return entry.second; });
  const std::string mid = section == session_.midTransports.end() ? "" : section->first;
  const auto object = [&](const ice::Candidate& candidate) {
    return std::make_shared<RTCIceCandidate>(RTCIceCandidateInit{
        candidate.toString(), mid, std::nullopt,
        candidate.ufrag.empty() ? std::nullopt : std::optional<std::string>(candidate.ufrag)});
  };
  return std::make_shared<RTCIceCandidatePair>(object(event.pair.local.candidate), object(event.pair.remote.candidate));
}

bool PeerConnection::updateIceGatheringState() {
  const auto used = usedTransports();
  using S = RTCIceGathererState;
  const auto all = [&](S state) {
    return std::ranges::all_of(used, [&](auto* t) { return t->iceTransport_->gatheringState_ == state; });
  };
  RTCIceGatheringState next = RTCIceGatheringState::gathering;  // §4.3.2
  if (used.empty() || all(S::new_)) {
    next = RTCIceGatheringState::new_;
  } else if (all(S::complete)) {
    next = RTCIceGatheringState::complete;
  } else if (std::ranges::none_of(used, [&](auto* t) { return t->iceTransport_->gatheringState_ == S::gathering; })) {
    next = RTCIceGatheringState::new_;
  }
  if (next == iceGatheringState_) return false;
  iceGatheringState_ = next;
  return true;
}

/// §5.6.1: gathering has begun, or is done: then first the end of candidates, and in a second task the states and the null
/// candidate, unless another generation has begun to gather meanwhile.
void PeerConnection::onIceGathering(const engine::IceGatheringChanged& event) {
  const auto it = transports_.find(event.transport.value());
  if (it == transports_.end()) return;
  const auto ice = it->second.dtls->iceTransport_;
  const RTCIceGathererState state = fromIce(event.state);
  if (state != RTCIceGathererState::complete) {
    if (ice->gatheringState_ == state) return;
    ice->gatheringState_ = state;
    ice->dispatchEvent<"gatheringstatechange">();
    if (!closed_ && updateIceGatheringState()) fire<"icegatheringstatechange">();
    return;
  }
  surfaceEnd(event.transport, event.ufrag);
  if (closed_) return;
  queueTask([ice, id = event.transport](PeerConnection& self) {
    if (self.engine_->gatheringState(id) != ice::GatheringState::complete) return;
    if (ice->gatheringState_ == RTCIceGathererState::complete) return;
    ice->gatheringState_ = RTCIceGathererState::complete;
    const bool changed = self.updateIceGatheringState();
    ice->dispatchEvent<"gatheringstatechange">();
    if (!changed || self.closed_) return;
    self.fire<"icegatheringstatechange">();
    if (!self.closed_ && self.iceGatheringState_ == RTCIceGatheringState::complete) {
      self.fire<"icecandidate">(RTCPeerConnectionIceEvent(nullptr));
    }
  });
}

void PeerConnection::onCandidateError(const engine::CandidateError& event) {
  RTCPeerConnectionIceErrorEvent error;
  if (!event.error.local.ip.isUnspecified()) {
    error.address = event.error.local.ip.toString();
    error.port = event.error.local.port;
  }
  error.url = event.error.url;
  error.errorCode = static_cast<uint16_t>(event.error.code);
  error.errorText = event.error.text;
  fire<"icecandidateerror">(std::move(error));
}

void PeerConnection::onDtlsState(const engine::DtlsStateChanged& event) {
  const auto it = transports_.find(event.transport.value());
  if (it == transports_.end()) return;
  const auto dtls = it->second.dtls;
  const RTCDtlsTransportState state = fromDtls(event.state);
  if (dtls->state_ == state) return;
  dtls->state_ = state;
  if (state == RTCDtlsTransportState::connected) dtls->remoteCertificates_ = engine_->remoteCertificates(event.transport);
  if (event.error) {  // §5.5: the error comes before the state's event
    const auto detail = *event.error == engine::DtlsError::fingerprint_failure ? RTCErrorDetailType::fingerprint_failure
                                                                               : RTCErrorDetailType::dtls_failure;
    RTCError error(detail, event.reason);
    error.withSentAlert(event.sentAlert).withReceivedAlert(event.receivedAlert);
    dtls->dispatchEvent<"error">(RTCErrorEvent(std::move(error)));
    if (closed_) return;
  }
  dtls->dispatchEvent<"statechange">();
  queueTask([](PeerConnection& self) { self.updateConnectionState(); });
}

void PeerConnection::onSctpState(const engine::SctpStateChanged& event) {
  if (!sctp_) return;
  const auto sctp = sctp_;
  const RTCSctpTransportState state = event.state == engine::SctpState::connecting ? RTCSctpTransportState::connecting
                                      : event.state == engine::SctpState::connected ? RTCSctpTransportState::connected
                                                                                    : RTCSctpTransportState::closed;
  if (event.maxChannels) sctp->maxChannels_ = event.maxChannels;
  if (sctp->state_ == state) return;
  sctp->state_ = state;
  sctp->dispatchEvent<"statechange">();
}

}  // namespace peerage::detail
