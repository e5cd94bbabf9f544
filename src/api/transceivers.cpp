// Tracks, senders, receivers and transceivers (webrtc-pc §5.1 to §5.4): objects around the slots that jsep keeps.
#include <algorithm>
#include <utility>

#include "api/capabilities.hpp"
#include "api/convert.hpp"
#include "api/peer_connection.hpp"
#include "api/track_source.hpp"
#include "jsep/operations.hpp"
#include "jsep/plan.hpp"

namespace peerage::detail {

namespace {

std::vector<std::string> idsOf(const std::vector<std::shared_ptr<MediaStream>>& streams) {
  std::vector<std::string> ids;
  for (const auto& stream : streams) {
    if (!stream) throw TypeError("a stream of the list is null");
    if (std::ranges::find(ids, stream->id()) == ids.end()) ids.push_back(stream->id());
  }
  return ids;
}

jsep::TransceiverId idOf(uint64_t transceiver) { return jsep::TransceiverId(static_cast<uint32_t>(transceiver)); }

}  // namespace

std::shared_ptr<RTCRtpTransceiver> PeerConnection::find(jsep::TransceiverId id) const {
  const auto it = transceivers_.find(id.value());
  return it == transceivers_.end() ? nullptr : it->second;
}

std::vector<std::shared_ptr<RTCRtpTransceiver>> PeerConnection::transceivers() const {
  std::vector<std::shared_ptr<RTCRtpTransceiver>> all;
  all.reserve(session_.transceivers.size());
  for (const jsep::Transceiver& state : session_.transceivers) {
    if (auto transceiver = find(state.id)) all.push_back(std::move(transceiver));
  }
  return all;
}

std::shared_ptr<RTCRtpTransceiver> PeerConnection::makeTransceiver(const jsep::Transceiver& state) {
  const MediaKind kind = fromJsep(state.kind);
  const uint64_t id = state.id.value();
  // The receiver's track is muted until media comes (§5.3 "create an RTCRtpReceiver").
  auto source = std::make_shared<TrackSource>(body_->random());
  auto track = TrackSource::makeTrack(source, kind, source->newId(), "remote " + std::string(toString(kind)));
  track->muted_ = true;
  std::shared_ptr<RTCRtpSender> sender(new RTCRtpSender(weak_from_this(), id, kind));
  if (kind == MediaKind::audio) sender->dtmf_.reset(new RTCDTMFSender(weak_from_this(), id));
  std::shared_ptr<RTCRtpReceiver> receiver(new RTCRtpReceiver(weak_from_this(), id, std::move(track)));
  std::shared_ptr<RTCRtpTransceiver> transceiver(
      new RTCRtpTransceiver(weak_from_this(), id, std::move(sender), std::move(receiver)));
  transceivers_[state.id.value()] = transceiver;
  return transceiver;
}

/// What the attributes read, from the session.
void PeerConnection::syncTransceivers() {
  for (const jsep::Transceiver& state : session_.transceivers) {
    const auto transceiver = find(state.id);
    if (!transceiver) continue;
    transceiver->mid_ = state.mid;
    transceiver->direction_ =
        state.stopping ? RTCRtpTransceiverDirection::stopped : fromJsep(state.direction);
    if (state.stopped) {
      transceiver->currentDirection_ = RTCRtpTransceiverDirection::stopped;
    } else if (state.currentDirection) {
      transceiver->currentDirection_ = fromJsep(*state.currentDirection);
    } else {
      transceiver->currentDirection_ = std::nullopt;
    }
    std::shared_ptr<RTCDtlsTransport> transport;
    if (state.transport) {
      ensureTransport(*state.transport);
      transport = transports_.at(state.transport->value()).dtls;
    }
    transceiver->sender_->transport_ = transport;
    transceiver->receiver_->transport_ = std::move(transport);
  }
}

/// Makes `track` what the sender sends: its frames go to the engine from now on.
void PeerConnection::attachTrack(RTCRtpSender& sender, std::shared_ptr<MediaStreamTrack> track) {
  sender.sink_.reset();
  sender.track_ = std::move(track);
  if (!sender.track_) return;
  const jsep::TransceiverId id = idOf(sender.transceiver_);
  const std::weak_ptr<PeerConnection> weak = weak_from_this();
  if (sender.kind_ == MediaKind::video) {
    // A loop that cannot keep up encodes the newest picture only: what came before it in the same turn is left out.
    struct Newest {
      VideoFrame frame;
      bool queued = false;
    };
    sender.sink_ = sender.track_->addVideoSink([weak, id, newest = std::make_shared<Newest>()](const VideoFrame& frame) {
      const auto self = weak.lock();
      if (!self || self->closed_ || !self->engine_->sending(id)) return;
      newest->frame = frame;
      if (std::exchange(newest->queued, true)) return;
      self->queueTask([newest, id](PeerConnection& connection) {
        newest->queued = false;
        const VideoFrame picture = std::move(newest->frame);
        connection.engine_->sendVideo(connection.body_->now(), id, picture);
        connection.touched();
      });
    });
  } else {
    sender.sink_ = sender.track_->addAudioSink([weak, id](const AudioFrame& frame) {
      const auto self = weak.lock();
      if (!self || self->closed_ || !self->engine_->sending(id)) return;
      self->engine_->sendAudio(self->body_->now(), id, frame);
      self->touched();
    });
  }
}

void PeerConnection::endReceiver(RTCRtpTransceiver& transceiver) {
  const auto& track = transceiver.receiver_->track_;
  if (track->readyState() == MediaStreamTrackState::ended) return;
  track->readyState_ = MediaStreamTrackState::ended;
  queueTask([track](PeerConnection&) { track->dispatchEvent<"ended">(); });
}

std::shared_ptr<MediaStream> PeerConnection::remoteStream(const std::string& id) {
  RemoteStream& remote = remoteStreams_[id];
  remote.kept = remote.stream.lock();
  if (!remote.kept) remote.kept = std::make_shared<MediaStream>(body_, id);
  remote.stream = remote.kept;
  return remote.kept;
}

/// A peer names new streams as often as it likes: those that no receiver is in are kept by the program alone.
void PeerConnection::forgetUnusedStreams() {
  std::set<std::string_view> used;
  const bool stable = session_.signalingState == jsep::SignalingState::stable;  // else a rollback may bring the old ones back
  for (const jsep::Transceiver& transceiver : session_.transceivers) {
    used.insert(transceiver.remoteStreamIds.begin(), transceiver.remoteStreamIds.end());
    const auto& before = transceiver.lastStable.remoteStreamIds;
    if (!stable) used.insert(before.begin(), before.end());
  }
  for (auto& [id, remote] : remoteStreams_) {
    if (!used.contains(id)) remote.kept = nullptr;
  }
  std::erase_if(remoteStreams_, [](const auto& entry) { return entry.second.stream.expired(); });
}

std::shared_ptr<RTCRtpSender> PeerConnection::addTrack(std::shared_ptr<MediaStreamTrack> track,
                                                       const std::vector<std::shared_ptr<MediaStream>>& streams) {
  if (!track) throw TypeError("addTrack: the track is null");
  requireOpen("addTrack");
  const auto added =
      jsep::addTrack(session_, toJsep(track->kind()), track->id(), idsOf(streams), body_->random());
  if (!added) throwFailure(added.error());
  const auto transceiver = added->created ? makeTransceiver(*session_.find(added->transceiver)) : find(added->transceiver);
  attachTrack(*transceiver->sender_, std::move(track));
  syncTransceivers();
  sessionChanged();
  updateNegotiationNeeded();
  return transceiver->sender_;
}

void PeerConnection::removeTrack(const std::shared_ptr<RTCRtpSender>& sender) {
  if (!sender) throw TypeError("removeTrack: the sender is null");
  requireOpen("removeTrack");
  if (sender->connection_.lock().get() != this) {
    throw DOMException("removeTrack: the sender belongs to another connection", DOMException::kInvalidAccessError);
  }
  if (!find(idOf(sender->transceiver_))) return;  // its transceiver is stopped and gone
  const auto changed = jsep::removeTrack(session_, idOf(sender->transceiver_));
  if (!changed) throwFailure(changed.error());
  if (!*changed) return;
  attachTrack(*sender, nullptr);
  syncTransceivers();
  sessionChanged();
  updateNegotiationNeeded();
}

std::shared_ptr<RTCRtpTransceiver> PeerConnection::addTransceiver(MediaKind kind, std::shared_ptr<MediaStreamTrack> track,
                                                                  const RTCRtpTransceiverInit& init) {
  if (init.direction == RTCRtpTransceiverDirection::stopped) throw TypeError("addTransceiver: direction is stopped");
  requireOpen("addTransceiver");
  jsep::TransceiverInit parameters;
  parameters.kind = toJsep(kind);
  if (track) parameters.trackId = track->id();
  parameters.direction = toJsep(init.direction);
  parameters.streamIds = idsOf(init.streams);
  for (const RTCRtpEncodingParameters& encoding : init.sendEncodings) {
    requireFinite(encoding);
    if (encoding.rid && encoding.rid->empty()) throw TypeError("addTransceiver: '' is not a rid");
    parameters.sendEncodings.push_back(toSendEncoding(encoding, parameters.kind));
  }
  const auto id = jsep::addTransceiver(session_, parameters, body_->random());
  if (!id) throwFailure(id.error());
  const auto transceiver = makeTransceiver(*session_.find(*id));
  attachTrack(*transceiver->sender_, std::move(track));
  syncTransceivers();
  updateNegotiationNeeded();
  return transceiver;
}

void PeerConnection::setDirection(RTCRtpTransceiver& transceiver, RTCRtpTransceiverDirection direction) {
  if (direction == RTCRtpTransceiverDirection::stopped) throw TypeError("direction: cannot be set to stopped; call stop()");
  requireOpen("direction");
  if (!find(idOf(transceiver.id_))) {
    throw DOMException("direction: the transceiver is stopped", DOMException::kInvalidStateError);
  }
  const auto changed = jsep::setDirection(session_, idOf(transceiver.id_), toJsep(direction));
  if (!changed) throwFailure(changed.error());
  if (!*changed) return;
  syncTransceivers();
  updateNegotiationNeeded();
}

void PeerConnection::stop(RTCRtpTransceiver& transceiver) {
  requireOpen("stop");
  if (!find(idOf(transceiver.id_))) return;  // stopped long ago
  const auto stopping = jsep::stop(session_, idOf(transceiver.id_));
  if (!stopping) throwFailure(stopping.error());
  if (!*stopping) return;
  endReceiver(transceiver);
  syncTransceivers();
  sessionChanged();
  updateNegotiationNeeded();
}

void PeerConnection::setStreams(RTCRtpSender& sender, const std::vector<std::shared_ptr<MediaStream>>& streams) {
  requireOpen("setStreams");
  if (!find(idOf(sender.transceiver_))) return;
  const auto set = jsep::setStreams(session_, idOf(sender.transceiver_), idsOf(streams));
  if (!set) throwFailure(set.error());
  updateNegotiationNeeded();
}

}  // namespace peerage::detail
