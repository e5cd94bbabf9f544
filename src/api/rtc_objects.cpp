// The public classes: each call goes to the connection that the object belongs to, or says that there is none any more.
#include <algorithm>
#include <cmath>

#include "api/capabilities.hpp"
#include "api/convert.hpp"
#include "api/peer_connection.hpp"
#include "api/track_source.hpp"
#include "ice/candidate.hpp"
#include "peerage/peerage.hpp"

namespace peerage {

namespace {

DOMException closedError(const char* what) {
  return DOMException(std::string(what) + ": the connection is closed", DOMException::kInvalidStateError);
}

/// The connection of an object, or the InvalidStateError of one that is gone.
std::shared_ptr<detail::PeerConnection> require(const std::weak_ptr<detail::PeerConnection>& connection, const char* what) {
  auto locked = connection.lock();
  if (!locked) throw closedError(what);
  return locked;
}

std::optional<RTCSessionDescription> describe(const std::optional<jsep::Description>& description) {
  if (!description) return std::nullopt;
  return RTCSessionDescription({detail::fromJsep(description->type()), description->sdp()});
}
std::optional<RTCSessionDescription> describe(const jsep::Description* description) {
  if (!description) return std::nullopt;
  return RTCSessionDescription({detail::fromJsep(description->type()), description->sdp()});
}

}  // namespace

// --- RTCIceCandidate -----------------------------------------------------------------------------------------------------

RTCIceCandidate::RTCIceCandidate(RTCIceCandidateInit init, std::optional<std::string> url)
    : init_(std::move(init)), url_(std::move(url)) {
  if (!init_.sdpMid && !init_.sdpMLineIndex) throw TypeError("RTCIceCandidate: needs sdpMid or sdpMLineIndex");
  const auto parsed = ice::Candidate::parse(init_.candidate);
  if (!parsed) return;
  foundation_ = parsed->foundation;
  component_ = parsed->component == 2 ? RTCIceComponent::rtcp : RTCIceComponent::rtp;
  priority_ = parsed->priority;
  address_ = parsed->address;
  port_ = parsed->port;
  if (parsed->protocol == ice::Protocol::udp) protocol_ = RTCIceProtocol::udp;
  if (parsed->protocol == ice::Protocol::tcp) protocol_ = RTCIceProtocol::tcp;
  switch (parsed->type) {
    case ice::CandidateType::host: type_ = RTCIceCandidateType::host; break;
    case ice::CandidateType::srflx: type_ = RTCIceCandidateType::srflx; break;
    case ice::CandidateType::prflx: type_ = RTCIceCandidateType::prflx; break;
    case ice::CandidateType::relay: type_ = RTCIceCandidateType::relay; break;
    case ice::CandidateType::unknown: break;
  }
  if (parsed->tcpType) {
    tcpType_ = *parsed->tcpType == ice::TcpType::active    ? RTCIceTcpCandidateType::active
               : *parsed->tcpType == ice::TcpType::passive ? RTCIceTcpCandidateType::passive
                                                           : RTCIceTcpCandidateType::so;
  }
  if (!parsed->relatedAddress.empty()) relatedAddress_ = parsed->relatedAddress;
  relatedPort_ = parsed->relatedPort;
  if (!init_.usernameFragment && !parsed->ufrag.empty()) init_.usernameFragment = parsed->ufrag;
}

RTCIceCandidate::RTCIceCandidate(RTCLocalIceCandidateInit init)
    : RTCIceCandidate(static_cast<const RTCIceCandidateInit&>(init), init.url) {
  relayProtocol_ = init.relayProtocol;
}

// --- RTCCertificate ------------------------------------------------------------------------------------------------------

int64_t RTCCertificate::expires() const { return data_->expires; }

std::vector<RTCDtlsFingerprint> RTCCertificate::getFingerprints() const {
  std::vector<RTCDtlsFingerprint> all;
  const dtls::Fingerprint fingerprint = data_->certificate->fingerprint();
  std::string value = fingerprint.value;  // §4.9.3: lower-case hex
  std::ranges::transform(value, value.begin(), [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'F' ? c + 32 : c); });
  all.push_back({fingerprint.algorithm, std::move(value)});
  return all;
}

// --- RTCDataChannel ------------------------------------------------------------------------------------------------------

RTCDataChannel::RTCDataChannel(std::weak_ptr<detail::PeerConnection> connection, std::string label, RTCDataChannelInit init)
    : connection_(std::move(connection)), label_(std::move(label)), init_(std::move(init)), id_(init_.id) {}

uint64_t RTCDataChannel::bufferedAmount() const {
  const auto connection = connection_.lock();
  if (!connection || readyState_ == RTCDataChannelState::closed) return bufferedAmount_;
  return connection->bufferedAmount(*this);
}

void RTCDataChannel::setBufferedAmountLowThreshold(uint64_t bytes) {
  bufferedAmountLowThreshold_ = bytes;
  if (const auto connection = connection_.lock()) connection->setLowThreshold(*this, bytes);
}

void RTCDataChannel::send(std::string_view text) {
  sendBytes({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, true);
}
void RTCDataChannel::send(std::span<const uint8_t> bytes) { sendBytes(bytes, false); }
void RTCDataChannel::sendBytes(std::span<const uint8_t> bytes, bool text) {
  require(connection_, "send")->send(*this, bytes, text);
}

void RTCDataChannel::close() {
  if (const auto connection = connection_.lock()) {
    connection->closeChannel(*this);
  } else {
    readyState_ = RTCDataChannelState::closed;
  }
}

// --- RTCRtpSender, RTCRtpReceiver, RTCRtpTransceiver --------------------------------------------------------------------

Promise<> RTCRtpSender::replaceTrack(std::shared_ptr<MediaStreamTrack> withTrack) {
  const auto connection = connection_.lock();
  if (!connection) return Promise<>::reject(closedError("replaceTrack"));
  return connection->replaceTrack(*this, std::move(withTrack));
}

RTCRtpCapabilities RTCRtpSender::getCapabilities(EventLoop& loop, MediaKind kind) {
  return detail::capabilities(loop.body()->codecs().get(), detail::toJsep(kind), true);
}

RTCRtpSendParameters RTCRtpSender::getParameters() {
  const auto connection = connection_.lock();
  return connection ? connection->getParameters(*this) : kept_;
}

Promise<> RTCRtpSender::setParameters(RTCRtpSendParameters parameters, RTCSetParameterOptions) {
  const auto connection = connection_.lock();
  if (!connection) return Promise<>::reject(closedError("setParameters"));
  return connection->setParameters(*this, std::move(parameters));
}

void RTCRtpSender::setStreams(std::vector<std::shared_ptr<MediaStream>> streams) {
  require(connection_, "setStreams")->setStreams(*this, streams);
}

Promise<RTCStatsReport> RTCRtpSender::getStats() {
  const auto connection = connection_.lock();
  if (!connection) return Promise<RTCStatsReport>::resolve(RTCStatsReport());
  return connection->getStats(transceiver_, true);
}

RTCRtpCapabilities RTCRtpReceiver::getCapabilities(EventLoop& loop, MediaKind kind) {
  return detail::capabilities(loop.body()->codecs().get(), detail::toJsep(kind), false);
}

RTCRtpReceiveParameters RTCRtpReceiver::getParameters() const {
  const auto connection = connection_.lock();
  return connection ? connection->receiveParameters(*this) : kept_;
}

std::vector<RTCRtpContributingSource> RTCRtpReceiver::getContributingSources() const {
  std::vector<RTCRtpContributingSource> found;
  const auto connection = connection_.lock();
  if (!connection) return found;
  for (const auto& source : connection->sources(transceiver_)) {
    if (source.contributing)
      found.push_back({connection->epochMilliseconds(source.arrival), source.source, source.audioLevel, source.rtpTimestamp});
  }
  return found;
}

std::vector<RTCRtpSynchronizationSource> RTCRtpReceiver::getSynchronizationSources() const {
  std::vector<RTCRtpSynchronizationSource> found;
  const auto connection = connection_.lock();
  if (!connection) return found;
  for (const auto& source : connection->sources(transceiver_)) {
    if (!source.contributing)
      found.push_back({{connection->epochMilliseconds(source.arrival), source.source, source.audioLevel, source.rtpTimestamp}});
  }
  return found;
}

void RTCRtpReceiver::setJitterBufferTarget(std::optional<double> milliseconds) {
  if (milliseconds && !std::isfinite(*milliseconds)) throw TypeError("jitterBufferTarget is not finite");
  if (milliseconds && !(*milliseconds >= 0 && *milliseconds <= 4000)) {
    throw RangeError("jitterBufferTarget is " + std::to_string(*milliseconds) + ", must be 0 to 4000 ms");
  }
  jitterBufferTarget_ = milliseconds;
  if (const auto connection = connection_.lock()) connection->setJitterBufferTarget(transceiver_, milliseconds);
}

Promise<RTCStatsReport> RTCRtpReceiver::getStats() {
  const auto connection = connection_.lock();
  if (!connection) return Promise<RTCStatsReport>::resolve(RTCStatsReport());
  return connection->getStats(transceiver_, false);
}

const std::optional<std::string>& RTCRtpTransceiver::mid() const { return mid_; }
RTCRtpTransceiverDirection RTCRtpTransceiver::direction() const { return direction_; }
void RTCRtpTransceiver::setDirection(RTCRtpTransceiverDirection direction) {
  require(connection_, "direction")->setDirection(*this, direction);
}
std::optional<RTCRtpTransceiverDirection> RTCRtpTransceiver::currentDirection() const { return currentDirection_; }
void RTCRtpTransceiver::stop() { require(connection_, "stop")->stop(*this); }
void RTCRtpTransceiver::setCodecPreferences(std::vector<RTCRtpCodec> codecs) {
  require(connection_, "setCodecPreferences")->setCodecPreferences(*this, codecs);
}

// --- RTCPeerConnection ---------------------------------------------------------------------------------------------------

RTCPeerConnection::RTCPeerConnection(EventLoop& loop, RTCConfiguration configuration)
    : impl_(detail::PeerConnection::create(*this, loop, std::move(configuration))) {}

RTCPeerConnection::~RTCPeerConnection() { impl_->disown(); }

Promise<RTCSessionDescriptionInit> RTCPeerConnection::createOffer(RTCOfferOptions options) {
  return impl_->createOffer(options);
}
Promise<RTCSessionDescriptionInit> RTCPeerConnection::createAnswer(RTCAnswerOptions) { return impl_->createAnswer(); }
Promise<> RTCPeerConnection::setLocalDescription(RTCLocalSessionDescriptionInit description) {
  return impl_->setLocalDescription(std::move(description));
}
Promise<> RTCPeerConnection::setRemoteDescription(RTCSessionDescriptionInit description) {
  return impl_->setRemoteDescription(std::move(description));
}
Promise<> RTCPeerConnection::addIceCandidate(RTCIceCandidateInit candidate) {
  return impl_->addIceCandidate(std::move(candidate));
}
void RTCPeerConnection::restartIce() { impl_->restartIce(); }

std::optional<RTCSessionDescription> RTCPeerConnection::localDescription() const {
  return describe(impl_->session().localDescription());
}
std::optional<RTCSessionDescription> RTCPeerConnection::currentLocalDescription() const {
  return describe(impl_->session().currentLocal);
}
std::optional<RTCSessionDescription> RTCPeerConnection::pendingLocalDescription() const {
  return describe(impl_->session().pendingLocal);
}
std::optional<RTCSessionDescription> RTCPeerConnection::remoteDescription() const {
  return describe(impl_->session().remoteDescription());
}
std::optional<RTCSessionDescription> RTCPeerConnection::currentRemoteDescription() const {
  return describe(impl_->session().currentRemote);
}
std::optional<RTCSessionDescription> RTCPeerConnection::pendingRemoteDescription() const {
  return describe(impl_->session().pendingRemote);
}

RTCSignalingState RTCPeerConnection::signalingState() const { return impl_->signalingState(); }
RTCIceGatheringState RTCPeerConnection::iceGatheringState() const { return impl_->iceGatheringState(); }
RTCIceConnectionState RTCPeerConnection::iceConnectionState() const { return impl_->iceConnectionState(); }
RTCPeerConnectionState RTCPeerConnection::connectionState() const { return impl_->connectionState(); }
std::optional<bool> RTCPeerConnection::canTrickleIceCandidates() const { return impl_->session().canTrickleIceCandidates; }
std::shared_ptr<RTCSctpTransport> RTCPeerConnection::sctp() const { return impl_->sctp(); }
RTCConfiguration RTCPeerConnection::getConfiguration() const { return impl_->configuration(); }
void RTCPeerConnection::setConfiguration(RTCConfiguration configuration) {
  impl_->setConfiguration(std::move(configuration));
}
void RTCPeerConnection::close() { impl_->close(); }

std::vector<std::shared_ptr<RTCRtpSender>> RTCPeerConnection::getSenders() const {
  std::vector<std::shared_ptr<RTCRtpSender>> all;
  for (const auto& transceiver : impl_->transceivers()) all.push_back(transceiver->sender());
  return all;
}
std::vector<std::shared_ptr<RTCRtpReceiver>> RTCPeerConnection::getReceivers() const {
  std::vector<std::shared_ptr<RTCRtpReceiver>> all;
  for (const auto& transceiver : impl_->transceivers()) all.push_back(transceiver->receiver());
  return all;
}
std::vector<std::shared_ptr<RTCRtpTransceiver>> RTCPeerConnection::getTransceivers() const { return impl_->transceivers(); }

std::shared_ptr<RTCRtpSender> RTCPeerConnection::addTrack(std::shared_ptr<MediaStreamTrack> track,
                                                          std::vector<std::shared_ptr<MediaStream>> streams) {
  return impl_->addTrack(std::move(track), streams);
}
void RTCPeerConnection::removeTrack(const std::shared_ptr<RTCRtpSender>& sender) { impl_->removeTrack(sender); }
std::shared_ptr<RTCRtpTransceiver> RTCPeerConnection::addTransceiver(std::shared_ptr<MediaStreamTrack> track,
                                                                     RTCRtpTransceiverInit init) {
  if (!track) throw TypeError("addTransceiver: the track is null");
  const MediaKind kind = track->kind();
  return impl_->addTransceiver(kind, std::move(track), init);
}
std::shared_ptr<RTCRtpTransceiver> RTCPeerConnection::addTransceiver(MediaKind kind, RTCRtpTransceiverInit init) {
  return impl_->addTransceiver(kind, nullptr, init);
}
std::shared_ptr<RTCDataChannel> RTCPeerConnection::createDataChannel(std::string label, RTCDataChannelInit init) {
  return impl_->createDataChannel(std::move(label), std::move(init));
}
Promise<RTCStatsReport> RTCPeerConnection::getStats(std::shared_ptr<MediaStreamTrack> selector) {
  return impl_->getStats(std::move(selector));
}
Promise<std::shared_ptr<RTCCertificate>> RTCPeerConnection::generateCertificate(EventLoop& loop, AlgorithmIdentifier algorithm) {
  return detail::PeerConnection::generateCertificate(loop, std::move(algorithm));
}
Promise<std::shared_ptr<RTCCertificate>> RTCPeerConnection::generateCertificate(EventLoop& loop) {
  return generateCertificate(loop, AlgorithmIdentifier{.namedCurve = "P-256"});
}

}  // namespace peerage
