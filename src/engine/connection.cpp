#include "engine/connection.hpp"

#include <algorithm>

#include "engine/connection_impl.hpp"

namespace peerage::engine {

namespace {

/// RFC 5246 §7.2: what dtls:: sends when the certificate matches no fingerprint.
constexpr uint8_t kBadCertificate = 42;

}  // namespace

Connection::Impl::Impl(Options options)
    : options_(std::move(options)),
      context_{options_, *options_.random, events_, dropped_, options_.log.in("media")},
      channels_(options_.log.in("datachannel")) {}

Connection::Impl::TransportEntry* Connection::Impl::find(jsep::TransportId id) {
  const auto at = std::ranges::find(transports_, id, [](const auto& entry) { return entry->id; });
  return at == transports_.end() ? nullptr : at->get();
}
const Connection::Impl::TransportEntry* Connection::Impl::find(jsep::TransportId id) const {
  return const_cast<Impl*>(this)->find(id);
}
Connection::Impl::MediaEntry* Connection::Impl::find(jsep::TransceiverId id) {
  const auto at = byTransceiver_.find(id);
  return at == byTransceiver_.end() ? nullptr : at->second;
}
const Connection::Impl::MediaEntry* Connection::Impl::find(jsep::TransceiverId id) const {
  return const_cast<Impl*>(this)->find(id);
}

// ---- What a transport says ------------------------------------------------------------------------------------------

void Connection::Impl::drain(Timestamp now, TransportEntry& entry) {
  while (auto event = entry.transport->pollEvent()) {
    std::visit([&](auto& e) { handle(now, entry, std::move(e)); }, *event);
  }
  drainChannels();
}

void Connection::Impl::drainChannels() {
  while (auto event = channels_.pollEvent()) {
    if (const auto* incoming = std::get_if<datachannel::Incoming>(&*event)) channelHandles_.insert(incoming->channel);
    if (const auto* closed = std::get_if<datachannel::Closed>(&*event)) channelHandles_.erase(closed->channel);
    events_.push_back(DataChannelEvent{std::move(*event)});
  }
}

void Connection::Impl::drainData(Timestamp now) {
  TransportEntry* entry = data_ && data_->started ? find(data_->plan.transport) : nullptr;
  if (entry) {
    drain(now, *entry);
  } else {
    drainChannels();
  }
}

void Connection::Impl::handle(Timestamp, TransportEntry& entry, transport::IceEvent event) {
  struct Map {
    TransportEntry& entry;
    std::deque<Event>& out;
    void operator()(ice::CandidateGathered& e) { out.push_back(CandidateGathered{entry.id, std::move(e.candidate)}); }
    void operator()(ice::CandidateError& e) { out.push_back(CandidateError{entry.id, std::move(e)}); }
    void operator()(ice::GatheringStateChanged& e) {
      out.push_back(IceGatheringChanged{entry.id, e.state, std::move(e.ufrag)});
    }
    void operator()(ice::StateChanged& e) { out.push_back(IceStateChanged{entry.id, e.state}); }
    void operator()(ice::SelectedPairChanged&) {}  // the pair in use is what webrtc-pc calls selected
    void operator()(ice::SendPathChanged& e) {
      if (e.pair) out.push_back(SelectedPairChanged{entry.id, std::move(*e.pair)});
    }
    void operator()(ice::RoleChanged& e) { out.push_back(IceRoleChanged{entry.id, e.role}); }
  };
  std::visit(Map{entry, events_}, event.event);
}

void Connection::Impl::handle(Timestamp, TransportEntry& entry, const transport::DtlsStateChanged& event) {
  DtlsStateChanged out{entry.id, event.state, {}, {}, {}, event.reason};
  if (event.state == dtls::State::failed) {
    out.error = entry.sentAlert == kBadCertificate ? DtlsError::fingerprint_failure : DtlsError::dtls_failure;
    out.sentAlert = entry.sentAlert;
    out.receivedAlert = entry.receivedAlert;
  }
  events_.push_back(std::move(out));
  const bool over = event.state == dtls::State::failed || event.state == dtls::State::closed;
  if (!over || !data_ || data_->plan.transport != entry.id || data_->state == SctpState::closed) return;
  // webrtc-pc §6.1.1: without DTLS the association is over, and its channels with it (§6.2.4).
  setSctpState(SctpState::closed);
  channels_.closeAll(event.state == dtls::State::failed ? std::optional(datachannel::ChannelError::data_channel_failure)
                                                        : std::nullopt,
                     event.reason);
}

void Connection::Impl::handle(Timestamp, TransportEntry& entry, const transport::DtlsConnected& event) {
  entry.handshake = event.info;
}

void Connection::Impl::handle(Timestamp, TransportEntry& entry, const transport::DtlsAlert& event) {
  (event.alert.sent ? entry.sentAlert : entry.receivedAlert) = event.alert.description;
}

void Connection::Impl::handle(Timestamp now, TransportEntry& entry, const transport::SrtpReady&) {
  entry.rtp->start(now);
}

void Connection::Impl::handle(Timestamp, TransportEntry& entry, transport::RtpPacket event) {
  entry.rtp->onRtp(event.arrival, event.data);
  entry.transport->recycle(std::move(event.data));
}

void Connection::Impl::handle(Timestamp, TransportEntry& entry, transport::RtcpPacket event) {
  entry.rtp->onRtcp(event.arrival, event.data);
  entry.transport->recycle(std::move(event.data));
}

void Connection::Impl::handle(Timestamp now, TransportEntry& entry, transport::SctpEvent event) {
  if (!data_ || data_->plan.transport != entry.id) return;
  if (const auto* connected = std::get_if<sctp::Connected>(&event.event)) {
    setSctpState(SctpState::connected, std::min(connected->inboundStreams, connected->outboundStreams));
  } else if (std::holds_alternative<sctp::Closed>(event.event) || std::holds_alternative<sctp::Aborted>(event.event)) {
    setSctpState(SctpState::closed);
  }
  channels_.handleEvent(now, std::move(event.event));
  // In their place among the association's events.
  drainChannels();
}

void Connection::Impl::setSctpState(SctpState state, std::optional<uint16_t> maxChannels) {
  if (!data_ || data_->state == state) return;
  data_->state = state;
  events_.push_back(SctpStateChanged{state, maxChannels});
}

// ---- The verbs ------------------------------------------------------------------------------------------------------

void Connection::Impl::handleInput(Timestamp now, const SocketAddress& local, const SocketAddress& remote,
                                   ByteView datagram) {
  if (closed_) return;
  const auto at = sockets_.find(local);
  if (at == sockets_.end()) {
    ++dropped_.strayDatagrams;
    return;
  }
  at->second->transport->handleInput(now, local, remote, datagram);
  drain(now, *at->second);
}

void Connection::Impl::handleTimeout(Timestamp now) {
  if (closed_) return;
  for (const auto& entry : transports_) {
    if (const auto due = entry->transport->nextTimeout(); due && due->at <= now) entry->transport->handleTimeout(now);
    if (const auto due = entry->rtp->nextTimeout(); due && due->at <= now) entry->rtp->handleTimeout(now);
    drain(now, *entry);
  }
}

bool Connection::Impl::pollTransmit(Datagram& out) {
  if (!lastWords_.empty()) {
    out = std::move(lastWords_.front());
    lastWords_.pop_front();
    return true;
  }
  for (const auto& entry : transports_) {
    if (entry->transport->pollTransmit(out)) return true;
  }
  return false;
}

std::optional<Timeout> Connection::Impl::nextTimeout() const {
  std::optional<Timeout> next;
  if (closed_) return next;
  for (const auto& entry : transports_) {
    next = soonest(next, entry->transport->nextTimeout());
    next = soonest(next, entry->rtp->nextTimeout());
  }
  return next;
}

void Connection::Impl::close(Timestamp now) {
  if (closed_) return;
  for (const auto& entry : transports_) {
    entry->rtp->byeAll(now);
    entry->transport->close(now);
  }
  channels_.closeAll(std::nullopt);
  while (channels_.pollEvent()) {
  }
  events_.clear();
  closed_ = true;
}

void Connection::Impl::addLocalHost(Timestamp now, TransportEntry& entry, const SocketAddress& base,
                                    const ice::HostInfo& info) {
  sockets_[base] = &entry;
  entry.transport->addLocalHost(now, base, info);
}

// ---- The public face ------------------------------------------------------------------------------------------------

Connection::Connection(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

void Connection::apply(Timestamp now, const jsep::Plan& plan) {
  if (!impl_->closed_) impl_->apply(now, plan);
}

void Connection::setIcePolicy(ice::TransportPolicy policy) {
  impl_->options_.icePolicy = policy;
  for (const auto& entry : impl_->transports_) {
    if (entry->transport) entry->transport->setIcePolicy(policy);
  }
}

void Connection::addLocalHost(Timestamp now, jsep::TransportId transport, const SocketAddress& base,
                              const ice::HostInfo& info) {
  Impl::TransportEntry* entry = impl_->find(transport);
  if (!entry || impl_->closed_) return;
  impl_->addLocalHost(now, *entry, base, info);
  impl_->drain(now, *entry);
}

void Connection::addStunServer(Timestamp now, jsep::TransportId transport, const SocketAddress& server,
                               const std::string& url) {
  Impl::TransportEntry* entry = impl_->find(transport);
  if (!entry || impl_->closed_) return;
  entry->transport->addStunServer(now, server, url);
  impl_->drain(now, *entry);
}

void Connection::addCandidateError(Timestamp now, jsep::TransportId transport, const SocketAddress& local,
                                   const std::string& url, int code, const std::string& text) {
  Impl::TransportEntry* entry = impl_->find(transport);
  if (!entry || impl_->closed_) return;
  entry->transport->addCandidateError(now, local, url, code, text);
  impl_->drain(now, *entry);
}

void Connection::endOfHosts(Timestamp now, jsep::TransportId transport) {
  Impl::TransportEntry* entry = impl_->find(transport);
  if (!entry || impl_->closed_) return;
  entry->transport->endOfHosts(now);
  impl_->drain(now, *entry);
}

void Connection::addRemoteCandidate(Timestamp now, jsep::TransportId transport, const ice::Candidate& candidate) {
  Impl::TransportEntry* entry = impl_->find(transport);
  if (!entry || impl_->closed_) return;
  entry->transport->addRemoteCandidate(now, candidate);
  impl_->drain(now, *entry);
}

Result<datachannel::ChannelHandle> Connection::createDataChannel(Timestamp now, datachannel::ChannelParams params) {
  if (impl_->closed_) return failure("the connection is closed");
  auto made = impl_->channels_.create(now, std::move(params));
  if (made) impl_->channelHandles_.insert(*made);
  impl_->drainData(now);
  return made;
}

datachannel::SendResult Connection::sendData(Timestamp now, datachannel::ChannelHandle channel, Bytes data,
                                             bool binary) {
  if (impl_->closed_) return datachannel::SendResult::not_open;
  const auto result = impl_->channels_.send(now, channel, std::move(data), binary);
  impl_->drainData(now);
  return result;
}

void Connection::closeDataChannel(Timestamp now, datachannel::ChannelHandle channel) {
  if (impl_->closed_) return;
  impl_->channels_.close(now, channel);
  impl_->drainData(now);
}

const datachannel::Manager& Connection::dataChannels() const { return impl_->channels_; }

void Connection::setBufferedAmountLowThreshold(datachannel::ChannelHandle channel, size_t bytes) {
  impl_->channels_.setBufferedAmountLowThreshold(channel, bytes);
}

uint64_t Connection::maxSendMessageSize() const {
  return impl_->data_ ? impl_->data_->plan.remoteMaxMessageSize : 65536;
}

void Connection::setSenderTrack(Timestamp, jsep::TransceiverId transceiver, bool hasTrack) {
  if (Impl::MediaEntry* entry = impl_->find(transceiver); entry && entry->sender) {
    entry->plan.hasTrack = hasTrack;
    entry->sender->setTrack(hasTrack);
  }
}

void Connection::sendVideo(Timestamp now, jsep::TransceiverId transceiver, const VideoFrame& frame) {
  Impl::MediaEntry* entry = impl_->find(transceiver);
  if (!entry || !entry->sender || impl_->closed_) return;
  entry->sender->sendVideo(now, frame);
  if (entry->transport) entry->transport->rtp->flush(now);
}

void Connection::sendAudio(Timestamp now, jsep::TransceiverId transceiver, const AudioFrame& frame) {
  Impl::MediaEntry* entry = impl_->find(transceiver);
  if (entry && entry->sender && !impl_->closed_) entry->sender->sendAudio(now, frame);
}

void Connection::sendTone(Timestamp now, jsep::TransceiverId transceiver, uint8_t event, Duration duration) {
  Impl::MediaEntry* entry = impl_->find(transceiver);
  if (!entry || !entry->sender || !entry->transport || impl_->closed_) return;
  entry->sender->startTone(now, event, duration);
  entry->transport->rtp->afterSender(*entry->sender);
}

bool Connection::sending(jsep::TransceiverId transceiver) const {
  const Impl::MediaEntry* entry = impl_->find(transceiver);
  return entry && entry->sender && !impl_->closed_ && entry->sender->sending();
}

void Connection::requestKeyFrame(jsep::TransceiverId transceiver) {
  if (Impl::MediaEntry* entry = impl_->find(transceiver); entry && entry->sender) entry->sender->requestKeyFrame();
}

ice::State Connection::iceState(jsep::TransportId transport) const {
  const Impl::TransportEntry* entry = impl_->find(transport);
  return entry ? entry->transport->ice().state() : ice::State::new_;
}
ice::GatheringState Connection::gatheringState(jsep::TransportId transport) const {
  const Impl::TransportEntry* entry = impl_->find(transport);
  return entry ? entry->transport->ice().gatheringState() : ice::GatheringState::new_;
}
ice::Role Connection::iceRole(jsep::TransportId transport) const {
  const Impl::TransportEntry* entry = impl_->find(transport);
  return entry ? entry->transport->ice().role() : ice::Role::controlling;
}
dtls::State Connection::dtlsState(jsep::TransportId transport) const {
  const Impl::TransportEntry* entry = impl_->find(transport);
  return entry ? entry->transport->dtls().state() : dtls::State::new_;
}
std::vector<Bytes> Connection::remoteCertificates(jsep::TransportId transport) const {
  const Impl::TransportEntry* entry = impl_->find(transport);
  return entry ? entry->transport->dtls().remoteCertificates() : std::vector<Bytes>{};
}
std::vector<ice::LocalCandidate> Connection::localCandidates(jsep::TransportId transport) const {
  const Impl::TransportEntry* entry = impl_->find(transport);
  return entry ? entry->transport->ice().localCandidates() : std::vector<ice::LocalCandidate>{};
}
std::vector<ice::RemoteCandidate> Connection::remoteCandidates(jsep::TransportId transport) const {
  const Impl::TransportEntry* entry = impl_->find(transport);
  return entry ? entry->transport->ice().remoteCandidates() : std::vector<ice::RemoteCandidate>{};
}
std::optional<ice::SelectedPair> Connection::selectedPair(jsep::TransportId transport) const {
  const Impl::TransportEntry* entry = impl_->find(transport);
  return entry ? entry->transport->ice().pairInUse() : std::nullopt;
}
std::optional<SctpState> Connection::sctpState() const {
  return impl_->data_ ? std::optional(impl_->data_->state) : std::nullopt;
}
std::vector<Connection::Source> Connection::sources(Timestamp now, jsep::TransceiverId transceiver) const {
  const Impl::MediaEntry* entry = impl_->find(transceiver);
  return entry && entry->receiver ? entry->receiver->sources(now) : std::vector<Source>{};
}
Stats Connection::stats(Timestamp now) const { return impl_->stats(now); }

void Connection::handleInput(Timestamp now, const SocketAddress& local, const SocketAddress& remote,
                             ByteView datagram) {
  impl_->handleInput(now, local, remote, datagram);
}
void Connection::handleTimeout(Timestamp now) { impl_->handleTimeout(now); }
bool Connection::pollTransmit(Datagram& out) { return impl_->pollTransmit(out); }
std::optional<Datagram> Connection::pollTransmit() {
  Datagram out;
  if (!impl_->pollTransmit(out)) return std::nullopt;
  return out;
}
std::optional<Event> Connection::pollEvent() {
  if (impl_->events_.empty()) return std::nullopt;
  std::optional<Event> event = std::move(impl_->events_.front());
  impl_->events_.pop_front();
  return event;
}
std::optional<Timeout> Connection::nextTimeout() const { return impl_->nextTimeout(); }
void Connection::close(Timestamp now) { impl_->close(now); }
bool Connection::closed() const { return impl_->closed_; }

}  // namespace peerage::engine
