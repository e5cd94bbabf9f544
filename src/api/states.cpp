// The states of the transports and of the connection, and their events (webrtc-pc §4.3, §5.5, §5.6, §6.1).
#include <algorithm>

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

/// §4.3.4: the first line that applies.
void PeerConnection::updateIceConnectionState() {
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
  if (next == iceConnectionState_) return;
  iceConnectionState_ = next;
  fire<"iceconnectionstatechange">();
}

/// §4.3.3: the first line that applies.
void PeerConnection::updateConnectionState() {
  if (closed_) return;
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
  if (next == connectionState_) return;
  connectionState_ = next;
  fire<"connectionstatechange">();
}

void PeerConnection::onSelectedPair(const engine::SelectedPairChanged& event) {
  const auto it = transports_.find(event.transport.value());
  if (it == transports_.end()) return;
  const auto ice = it->second.dtls->iceTransport_;
  const auto mid = [&]() -> std::string {
    for (const auto& [name, transport] : session_.midTransports) {
      if (transport == event.transport) return name;
    }
    return "";
  }();
  const auto object = [&](const ice::Candidate& candidate) {
    return std::make_shared<RTCIceCandidate>(RTCIceCandidateInit{
        candidate.toString(), mid, std::nullopt,
        candidate.ufrag.empty() ? std::nullopt : std::optional<std::string>(candidate.ufrag)});
  };
  ice->selectedPair_ = std::make_shared<RTCIceCandidatePair>(object(event.pair.local.candidate),
                                                             object(event.pair.remote.candidate));
  ice->dispatchEvent<"selectedcandidatepairchange">();
}

void PeerConnection::onIceState(const engine::IceStateChanged& event) {
  const auto it = transports_.find(event.transport.value());
  if (it == transports_.end()) return;
  const auto ice = it->second.dtls->iceTransport_;
  const RTCIceTransportState state = fromIce(event.state);
  if (ice->state_ == state) return;
  ice->state_ = state;
  ice->dispatchEvent<"statechange">();
  if (closed_) return;
  updateIceConnectionState();
  if (closed_) return;
  updateConnectionState();
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
