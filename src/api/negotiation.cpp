// Descriptions and the negotiation-needed flag (webrtc-pc §4.4.1.5, §4.4.2, §4.7.3): when each step of jsep's pure functions
// happens, and in which order the program learns of it.
#include "api/convert.hpp"
#include "api/peer_connection.hpp"
#include "api/track_source.hpp"
#include "jsep/candidates.hpp"
#include "jsep/create_description.hpp"
#include "jsep/negotiation_needed.hpp"
#include "jsep/operations.hpp"
#include "jsep/plan.hpp"

namespace peerage::detail {

namespace {

std::exception_ptr invalidState(const std::string& message) {
  return std::make_exception_ptr(DOMException(message, DOMException::kInvalidStateError));
}

}  // namespace

std::exception_ptr toException(const jsep::Failure& failure) {
  using Kind = jsep::ErrorKind;
  switch (failure.kind) {
    case Kind::invalid_state: return invalidState(failure.message);
    case Kind::invalid_modification:
      return std::make_exception_ptr(DOMException(failure.message, DOMException::kInvalidModificationError));
    case Kind::invalid_access:
      return std::make_exception_ptr(DOMException(failure.message, DOMException::kInvalidAccessError));
    case Kind::operation: return std::make_exception_ptr(DOMException(failure.message, DOMException::kOperationError));
    case Kind::type: return std::make_exception_ptr(TypeError(failure.message));
    case Kind::range: return std::make_exception_ptr(RangeError(failure.message));
    case Kind::sdp_syntax:
      return std::make_exception_ptr(
          RTCError(RTCErrorDetailType::sdp_syntax_error, failure.message, failure.sdpLineNumber));
  }
  return nullptr;
}

void throwFailure(const jsep::Failure& failure) { std::rethrow_exception(toException(failure)); }

/// §4.4.1.2: `operation(deferred, done)` runs when its turn comes; it calls done(settle) once.
template <typename T, typename Operation>
Promise<T> PeerConnection::chained(Operation operation) {
  if (closed_) return rejected<T>(invalidState("the connection is closed"));
  const Deferred<T> deferred = defer<T>();
  chain_.chain([this, deferred, operation = std::move(operation)](OperationsChain::Done done) mutable {
    operation(deferred, std::make_shared<OperationsChain::Done>(std::move(done)));
  });
  return deferred.promise();
}

using SharedDone = std::shared_ptr<OperationsChain::Done>;

namespace {

template <typename T>
void rejectWith(const SharedDone& done, const Deferred<T>& deferred, std::exception_ptr reason) {
  (*done)([deferred, reason] { deferred.reject(reason); });
}

}  // namespace

/// §4.4.3.2, the steps for one kind.
void PeerConnection::offerToReceive(jsep::MediaKind kind, bool receive) {
  using jsep::Direction;
  bool receives = false;
  for (const jsep::Transceiver& transceiver : session_.transceivers) {
    if (transceiver.kind != kind || transceiver.stopping || !sdp::receives(transceiver.direction)) continue;
    receives = true;
    if (!receive)
      jsep::setDirection(session_, transceiver.id, sdp::makeDirection(sdp::sends(transceiver.direction), false)).value();
  }
  if (receive && !receives) {
    const auto added = jsep::addTransceiver(session_, {.kind = kind, .direction = Direction::recvonly}, body_->random());
    if (added) makeTransceiver(*session_.find(*added));
  }
  syncTransceivers();
}

Promise<RTCSessionDescriptionInit> PeerConnection::createOffer(RTCOfferOptions options) {
  if (!closed_ && options.offerToReceiveAudio) offerToReceive(jsep::MediaKind::audio, *options.offerToReceiveAudio);
  if (!closed_ && options.offerToReceiveVideo) offerToReceive(jsep::MediaKind::video, *options.offerToReceiveVideo);
  return chained<RTCSessionDescriptionInit>([this, options](Deferred<RTCSessionDescriptionInit> deferred, SharedDone done) {
    const auto state = session_.signalingState;
    if (state != jsep::SignalingState::stable && state != jsep::SignalingState::have_local_offer) {
      return rejectWith(done, deferred,
                        invalidState("createOffer: signalingState is " + std::string(jsep::toString(state))));
    }
    // The system's state is inspected when the task runs: what changed meanwhile is in the offer.
    queueTask([deferred, done, options](PeerConnection& self) {
      auto offer = jsep::createOffer(self.session_, {.iceRestart = options.iceRestart}, self.body_->random());
      if (!offer) return rejectWith(done, deferred, toException(offer.error()));
      (*done)([deferred, sdp = std::move(*offer)] { deferred.resolve({RTCSdpType::offer, sdp}); });
    });
  });
}

Promise<RTCSessionDescriptionInit> PeerConnection::createAnswer() {
  return chained<RTCSessionDescriptionInit>([this](Deferred<RTCSessionDescriptionInit> deferred, SharedDone done) {
    const auto state = session_.signalingState;
    if (state != jsep::SignalingState::have_remote_offer && state != jsep::SignalingState::have_local_pranswer) {
      return rejectWith(done, deferred,
                        invalidState("createAnswer: signalingState is " + std::string(jsep::toString(state))));
    }
    queueTask([deferred, done](PeerConnection& self) {
      auto answer = jsep::createAnswer(self.session_, self.body_->random());
      if (!answer) return rejectWith(done, deferred, toException(answer.error()));
      (*done)([deferred, sdp = std::move(*answer)] { deferred.resolve({RTCSdpType::answer, sdp}); });
    });
  });
}

Promise<> PeerConnection::setLocalDescription(RTCLocalSessionDescriptionInit description) {
  localDescriptionCalled_ = true;
  return chained<void>([this, description = std::move(description)](Deferred<> deferred, SharedDone done) {
    const jsep::SdpType type =
        description.type ? toJsep(*description.type) : jsep::implicitLocalType(session_.signalingState);
    queueTask([type, sdp = description.sdp, deferred, done](PeerConnection& self) {
      self.applyLocal(type, sdp, [deferred, done](std::exception_ptr error) {
        if (error) return rejectWith(done, deferred, error);
        (*done)([deferred] { deferred.resolve(); });
      });
    });
  });
}

/// The text to set when the program gave none (§4.4.2 setLocalDescription, steps 4.4 to 4.6): the last one made while it
/// still fits, else a new one.
namespace {
jsep::Outcome<std::string> implicitText(jsep::Session& session, jsep::SdpType type, RandomSource& random) {
  if (type == jsep::SdpType::rollback) return std::string();
  if (type == jsep::SdpType::offer) {
    if (const std::string* last = jsep::reusableOffer(session)) return *last;
    return jsep::createOffer(session, {}, random);
  }
  if (const std::string* last = jsep::reusableAnswer(session)) return *last;
  return jsep::createAnswer(session, random);
}
}  // namespace

void PeerConnection::applyLocal(jsep::SdpType type, std::string sdp, Settled settled) {
  if (unsettledParameters_ > 0) {  // §4.4.1.5: start the process over when they are settled
    return queueTask([type, sdp = std::move(sdp), settled = std::move(settled)](PeerConnection& self) {
      self.applyLocal(type, sdp, settled);
    });
  }
  RandomSource& random = body_->random();
  // The wrong state is told before anything else that could be wrong.
  if (auto state = jsep::nextState(session_.signalingState, jsep::Side::local, type); !state) {
    return settled(toException(state.error()));
  }
  if (sdp.empty()) {
    auto made = implicitText(session_, type, random);
    if (!made) return settled(toException(made.error()));
    sdp = std::move(*made);
  }
  auto outcome = jsep::setLocal(session_, type, sdp, random);
  if (!outcome) return settled(toException(outcome.error()));
  const std::weak_ptr<PeerConnection> weak = weak_from_this();
  applied(std::move(*outcome));
  if (auto self = weak.lock(); self && !self->closed_) settled(nullptr);
}

Promise<> PeerConnection::setRemoteDescription(RTCSessionDescriptionInit description) {
  return chained<void>([this, description = std::move(description)](Deferred<> deferred, SharedDone done) {
    const jsep::SdpType type = toJsep(description.type);
    auto finish = [deferred, done](std::exception_ptr error) {
      if (error) return rejectWith(done, deferred, error);
      (*done)([deferred] { deferred.resolve(); });
    };
    if (!jsep::needsImplicitRollback(session_.signalingState, type)) {
      return queueTask([type, sdp = description.sdp, finish](PeerConnection& self) { self.applyRemote(type, sdp, finish); });
    }
    // A collision: first the own offer is rolled back, with events of its own, then the remote one is set.
    queueTask([sdp = description.sdp, finish](PeerConnection& self) {
      self.applyLocal(jsep::SdpType::rollback, "", [&self, sdp, finish](std::exception_ptr error) {
        if (error) return finish(error);
        self.queueTask([sdp, finish](PeerConnection& again) { again.applyRemote(jsep::SdpType::offer, sdp, finish); });
      });
    });
  });
}

void PeerConnection::applyRemote(jsep::SdpType type, std::string sdp, Settled settled) {
  if (unsettledParameters_ > 0) {
    return queueTask([type, sdp = std::move(sdp), settled = std::move(settled)](PeerConnection& self) {
      self.applyRemote(type, sdp, settled);
    });
  }
  auto outcome = jsep::setRemote(session_, type, sdp, body_->random());
  if (!outcome) return settled(toException(outcome.error()));
  const std::weak_ptr<PeerConnection> weak = weak_from_this();
  applied(std::move(*outcome));
  if (auto self = weak.lock(); self && !self->closed_) settled(nullptr);
}

/// The task at the end of "set the session description": every slot first, then the events in their order.
void PeerConnection::applied(jsep::Applied applied) {
  const jsep::Effects& effects = applied.effects;
  session_ = std::move(applied.session);
  applyObjects(effects);
  sessionChanged();
  for (const jsep::TransportId id : effects.transportsClosed) closeTransport(id);
  if (effects.updateMaxMessageSize) updateMaxMessageSize();
  syncChannelIds();
  for (const jsep::LocalCandidate& candidate : effects.releasedCandidates) {
    queueTask([candidate](PeerConnection& self) { self.surface(candidate, ""); });
  }
  if (effects.updateNegotiationNeeded) {
    negotiationNeeded_ = false;
    updateNegotiationNeeded();
  }
  fireEffects(effects);
}

void PeerConnection::applyObjects(const jsep::Effects& effects) {
  for (const jsep::TransportId id : effects.transportsCreated) ensureTransport(id);
  for (const jsep::TransceiverId id : effects.created) makeTransceiver(*session_.find(id));
  for (const jsep::TransceiverId id : effects.stopped) {
    if (auto transceiver = find(id)) endReceiver(*transceiver);
  }
  for (const jsep::Transceiver& gone : effects.removed) {
    const auto it = transceivers_.find(gone.id.value());
    if (it == transceivers_.end()) continue;
    RTCRtpTransceiver& transceiver = *it->second;
    transceiver.mid_ = gone.mid;
    transceiver.direction_ = RTCRtpTransceiverDirection::stopped;
    keepParameters(transceiver, gone);
    if (gone.stopped) transceiver.currentDirection_ = RTCRtpTransceiverDirection::stopped;
    endReceiver(transceiver);
    removedTracks_[gone.id.value()] = transceiver.receiver_->track_;  // still named by the events to come
    transceiver.sender_->sink_.reset();
    transceiver.sender_->transport_ = nullptr;
    transceiver.receiver_->transport_ = nullptr;
    transceivers_.erase(it);
  }
  if (effects.sctpRemoved) sctp_ = nullptr;
  if (effects.sctpCreated && session_.sctp) {
    ensureTransport(session_.sctp->transport);
    sctp_ = std::make_shared<RTCSctpTransport>(transports_.at(session_.sctp->transport.value()).dtls);
    updateMaxMessageSize();
  } else if (sctp_ && session_.sctp) {
    const auto it = transports_.find(session_.sctp->transport.value());
    if (it != transports_.end()) sctp_->transport_ = it->second.dtls;  // bundled with another transport now
  }
  for (const jsep::Transport& transport : session_.transports) {  // [[IceRole]], and what the descriptions say of ICE
    ensureTransport(transport.id);
    transports_.at(transport.id.value()).dtls->iceTransport_->role_ = fromJsep(transport.iceRole);
  }
  syncTransceivers();
}

void PeerConnection::fireEffects(const jsep::Effects& effects) {
  const std::weak_ptr<PeerConnection> weak = weak_from_this();
  const auto gone = [&] { return weak.expired() || closed_; };
  if (effects.signalingStateChanged) fire<"signalingstatechange">();
  if (gone()) return;
  const auto trackOf = [&](jsep::TransceiverId id) {
    auto transceiver = find(id);
    if (transceiver) return transceiver->receiver_->track_;
    const auto it = removedTracks_.find(id.value());
    return it == removedTracks_.end() ? std::shared_ptr<MediaStreamTrack>() : it->second;
  };
  for (const jsep::TransceiverId id : effects.muteTracks) {
    if (auto track = trackOf(id)) TrackSource::setMuted(*track, true);
    if (gone()) return;
  }
  for (const jsep::StreamTrack& removal : effects.removeList) {
    auto track = trackOf(removal.transceiver);
    const auto stream = remoteStreams_.find(removal.streamId);
    if (!track || stream == remoteStreams_.end()) continue;
    const auto keep = stream->second.stream.lock();
    if (!keep) continue;
    if (!keep->getTrackById(track->id())) continue;
    keep->removeTrack(track);
    keep->dispatchEvent<"removetrack">(MediaStreamTrackEvent(track));
    if (gone()) return;
  }
  for (const jsep::StreamTrack& addition : effects.addList) {
    auto track = trackOf(addition.transceiver);
    if (!track) continue;
    const auto stream = remoteStream(addition.streamId);
    if (stream->getTrackById(track->id())) continue;
    stream->addTrack(track);
    stream->dispatchEvent<"addtrack">(MediaStreamTrackEvent(track));
    if (gone()) return;
  }
  for (const jsep::TrackEvent& init : effects.trackEvents) {
    auto transceiver = find(init.transceiver);
    if (!transceiver) continue;
    RTCTrackEvent event;
    event.receiver = transceiver->receiver_;
    event.track = transceiver->receiver_->track_;
    event.transceiver = transceiver;
    for (const std::string& id : init.streamIds) event.streams.push_back(remoteStream(id));
    fire<"track">(std::move(event));
    if (gone()) return;
  }
  removedTracks_.clear();
  forgetUnusedStreams();
}

void PeerConnection::sessionChanged() {
  const jsep::Plan plan = jsep::makePlan(session_);
  follow(plan);
  engine_->apply(body_->now(), plan);
  touched();
}

// --- The negotiation-needed flag (§4.7.3) -------------------------------------------------------------------------------

void PeerConnection::updateNegotiationNeeded() {
  // Step 1: not while operations are pending; their end comes back here.
  if (!chain_.empty()) {
    updateOnEmptyChain_ = true;
    return;
  }
  queueTask([](PeerConnection& self) {  // step 2; 2.1, closed, is queueTask's
    if (!self.chain_.empty()) {  // 2.2
      self.updateOnEmptyChain_ = true;
      return;
    }
    if (self.session_.signalingState != jsep::SignalingState::stable) return;  // 2.3
    if (!jsep::isNegotiationNeeded(self.session_)) {                           // 2.4
      self.negotiationNeeded_ = false;
      return;
    }
    if (self.negotiationNeeded_) return;  // 2.5
    self.negotiationNeeded_ = true;       // 2.6
    self.fire<"negotiationneeded">();     // 2.7
  });
}

void PeerConnection::chainEmptied() {
  if (closed_ || !updateOnEmptyChain_) return;
  updateOnEmptyChain_ = false;
  updateNegotiationNeeded();
}

void PeerConnection::restartIce() {
  if (closed_) return;
  jsep::restartIce(session_);
  updateNegotiationNeeded();
}

// --- Candidates ---------------------------------------------------------------------------------------------------------

Promise<> PeerConnection::addIceCandidate(RTCIceCandidateInit candidate) {
  jsep::CandidateInit init{candidate.candidate, candidate.sdpMid, candidate.sdpMLineIndex, candidate.usernameFragment};
  if (auto checked = jsep::checkCandidateInit(init); !checked) return rejected<void>(toException(checked.error()));
  return chained<void>([this, init = std::move(init)](Deferred<> deferred, SharedDone done) {
    if (session_.remoteDescription() == nullptr) {
      return rejectWith(done, deferred, invalidState("addIceCandidate: there is no remote description"));
    }
    queueTask([init, deferred, done](PeerConnection& self) {
      auto added = jsep::addRemoteCandidate(self.session_, init);
      if (!added) return rejectWith(done, deferred, toException(added.error()));
      if (!added->targets.empty()) self.sessionChanged();
      (*done)([deferred] { deferred.resolve(); });
    });
  });
}

// --- replaceTrack (§5.2.2) is chained like them -------------------------------------------------------------------------

Promise<> PeerConnection::replaceTrack(RTCRtpSender& sender, std::shared_ptr<MediaStreamTrack> track) {
  if (track && track->kind() != sender.kind_) {
    return rejected<void>(std::make_exception_ptr(TypeError(
        "replaceTrack: the track's kind is " + std::string(toString(track->kind())) + ", the sender's is " +
        std::string(toString(sender.kind_)))));
  }
  const jsep::TransceiverId id(static_cast<uint32_t>(sender.transceiver_));
  return chained<void>([this, id, track = std::move(track)](Deferred<> deferred, SharedDone done) {
    const jsep::Transceiver* state = session_.find(id);
    if (!state || state->stopping || state->stopped) {
      return rejectWith(done, deferred, invalidState("replaceTrack: the transceiver is stopped"));
    }
    // What stop() does from here on changes nothing any more: the text looks at [[Stopping]] once.
    queueTask([id, track, deferred, done](PeerConnection& self) {
      auto replaced = jsep::replaceTrack(self.session_, id, track ? std::optional(track->id()) : std::nullopt);
      if (!replaced) return rejectWith(done, deferred, toException(replaced.error()));
      if (auto transceiver = self.find(id)) self.attachTrack(*transceiver->sender(), track);
      self.engine_->setSenderTrack(self.body_->now(), id, track != nullptr);
      self.touched();
      // The slot changes in one task, the promise is resolved in the next.
      self.queueTask([deferred, done](PeerConnection&) { (*done)([deferred] { deferred.resolve(); }); });
    });
  });
}

}  // namespace peerage::detail
