#include "transport/transport.hpp"

#include <utility>

#include "transport/transport_impl.hpp"

namespace peerage::transport {
namespace {

/// SCTP packets kept until startSctp(): the peer's INIT may overtake the answer that brings the sctp-port here.
constexpr size_t kMaxEarlySctp = 16;
constexpr size_t kMaxSpareBuffers = 256;

/// RFC 7983 §7: who a datagram is for, by its first byte.
enum class Kind : uint8_t { stun, dtls, media, other };
Kind kindOf(uint8_t firstByte) {
  if (firstByte <= 3) return Kind::stun;
  if (firstByte >= 20 && firstByte <= 63) return Kind::dtls;
  if (firstByte >= 128 && firstByte <= 191) return Kind::media;
  return Kind::other;
}

/// RFC 5761 §4: with the marker bit, RTCP's packet types 192..223 are payload types 64..95, which RTP leaves unused.
bool isRtcp(ByteView packet) { return packet.size() >= 2 && packet[1] >= 192 && packet[1] <= 223; }

}  // namespace

Transport::Impl::Impl(Options options, std::unique_ptr<dtls::Connection> dtls, RandomSource& random, Log log)
    : options_(std::move(options)),
      log_(std::move(log)),
      random_(random),
      agent_(options_.ice, random, log_.in("ice")),
      dtls_(std::move(dtls)) {}

void Transport::Impl::emit(Event event) { events_.push_back(std::move(event)); }

// --- Input -----------------------------------------------------------------------------------------------------------

InputResult Transport::Impl::handleInput(Timestamp now, const ice::Path& path, ByteView data) {
  now_ = now;
  ++counters_.packetsReceived;
  counters_.bytesReceived += data.size();
  if (closed_) {
    ++counters_.afterClose;
    return InputResult::handled;
  }
  const Kind kind = data.empty() ? Kind::other : kindOf(data[0]);
  if (kind == Kind::stun) {
    const ice::InputResult result = agent_.handleInput(now, path.local, path.remote, data);
    settle(now);
    return result == ice::InputResult::unknown ? InputResult::unknown_stun : InputResult::handled;
  }
  if (kind == Kind::other) {
    ++counters_.unknownKind;
  } else if (!agent_.validated(path.local, path.remote)) {
    ++counters_.unvalidatedPath;
  } else if (kind == Kind::dtls) {
    receiveDtls(now, data);
  } else {
    receiveMedia(now, data);
  }
  return InputResult::handled;
}

void Transport::Impl::receiveDtls(Timestamp now, ByteView data) {
  dtls_->handleInput(now, data);
  settle(now);
}

void Transport::Impl::receiveMedia(Timestamp now, ByteView data) {
  if (!receiver_) {
    ++counters_.srtpNotReady;
    return;
  }
  Bytes packet = buffer();
  packet.assign(data.begin(), data.end());
  const bool rtcp = isRtcp(packet);
  const auto result = rtcp ? receiver_->unprotectRtcp(packet) : receiver_->unprotect(packet);
  if (!result) {
    countRefused(result.error());
    recycle(std::move(packet));
  } else if (rtcp) {
    ++counters_.rtcpReceived;
    emit(RtcpPacket{std::move(packet), now});
  } else {
    ++counters_.rtpReceived;
    emit(RtpPacket{std::move(packet), now});
  }
}

void Transport::Impl::countRefused(srtp::Error error) {
  switch (error) {
    case srtp::Error::malformed: ++counters_.srtpMalformed; break;
    case srtp::Error::bad_tag: ++counters_.srtpBadTag; break;
    case srtp::Error::replay: ++counters_.srtpReplayed; break;
    case srtp::Error::too_many_sources: ++counters_.srtpTooManySources; break;
    case srtp::Error::key_used_up: ++counters_.srtpBadTag; break;  // no honest sender gets there
  }
}

void Transport::Impl::handleTimeout(Timestamp now) {
  now_ = now;
  agent_.handleTimeout(now);
  settle(now);
  if (closed_ || !agent_.sendPath()) return;
  dtls_->handleTimeout(now);
  settle(now);
  if (sctp_) {
    sctp_->handleTimeout(now);
    settle(now);
  }
}

void Transport::Impl::setDtlsRole(Timestamp now, dtls::Role role) {
  now_ = now;
  if (!role_) role_ = role;
  settle(now);
}

void Transport::Impl::setRemoteFingerprints(Timestamp now, std::vector<dtls::Fingerprint> fingerprints) {
  now_ = now;
  dtls_->setRemoteFingerprints(now, std::move(fingerprints));
  settle(now);
}

void Transport::Impl::startSctp(Timestamp now, sctp::Options options) {
  now_ = now;
  if (sctp_ || closed_) return;
  sctp_.emplace(std::move(options), random_, log_.in("sctp"));
  // Both ends connect, as RFC 8841 §9.3 wants: their INITs meet (RFC 9260 §5.2.1).
  if (dtls_->state() == dtls::State::connected) sctp_->connect(now);
  for (const Bytes& packet : std::exchange(earlySctp_, {})) sctp_->handleInput(now, packet);
  settle(now);
}

void Transport::Impl::stopSctp(Timestamp now) {
  now_ = now;
  if (!sctp_) return;
  sctp_->abort(now, "the m-section is gone");
  Datagram last;
  while (pollDtls(last)) out_.push_back(std::exchange(last, {}));
  sctp_.reset();
  settle(now);
}

bool Transport::Impl::sendRtp(Timestamp now, Bytes packet, Bytes* keep) {
  now_ = now;
  if (!mediaMayLeave()) return drop(std::move(packet));
  if (!sender_->protect(packet)) {
    ++counters_.sendRefused;
    return drop(std::move(packet));
  }
  if (keep) keep->assign(packet.begin(), packet.end());
  return queueMedia(std::move(packet), counters_.rtpSent);
}

bool Transport::Impl::repeatRtp(Timestamp now, Bytes packet) {
  now_ = now;
  if (!mediaMayLeave()) return drop(std::move(packet));
  return queueMedia(std::move(packet), counters_.rtpSent);
}

bool Transport::Impl::sendRtcp(Timestamp now, Bytes packet) {
  now_ = now;
  if (!mediaMayLeave()) return drop(std::move(packet));
  if (!sender_->protectRtcp(packet)) {
    ++counters_.sendRefused;
    return drop(std::move(packet));
  }
  return queueMedia(std::move(packet), counters_.rtcpSent);
}

/// There are keys, and a path; what is missing is counted.
bool Transport::Impl::mediaMayLeave() {
  if (sender_ && agent_.sendPath()) return true;
  ++(sender_ ? counters_.noPath : counters_.sendNotReady);
  return false;
}

bool Transport::Impl::queueMedia(Bytes packet, uint64_t& counter) {
  const auto& path = agent_.sendPath();
  ++counter;
  out_.push_back({path->local, path->remote, std::move(packet)});
  return true;
}

bool Transport::Impl::drop(Bytes packet) {
  recycle(std::move(packet));
  return false;
}

void Transport::Impl::close(Timestamp now) {
  now_ = now;
  if (closed_) return;
  Datagram last;
  if (sctp_) {
    sctp_->abort(now, "closed");
    settle(now);
    while (pollDtls(last)) out_.push_back(std::exchange(last, {}));
  }
  dtls_->close(now);
  while (pollDtls(last)) out_.push_back(std::exchange(last, {}));
  agent_.close(now);
  settle(now);
  closed_ = true;
}

// --- What the parts have to say --------------------------------------------------------------------------------------

void Transport::Impl::settle(Timestamp now) {
  bool again = true;
  while (again) {
    again = settleIce(now);
    again |= settleDtls(now);
    again |= settleSctp();
  }
}

bool Transport::Impl::settleIce(Timestamp now) {
  bool any = false;
  while (auto event = agent_.pollEvent()) {
    any = true;
    emit(IceEvent{std::move(*event)});
  }
  if (const auto rtt = any ? agent_.roundTripTime() : std::nullopt) dtls_->setRoundTripTime(*rtt);
  startDtlsIfReady(now);
  return any;
}

void Transport::Impl::startDtlsIfReady(Timestamp now) {
  if (!role_ || dtls_->state() != dtls::State::new_) return;
  // A server may listen at once; a client begins when its ClientHello has somewhere to go.
  if (*role_ == dtls::Role::server || agent_.sendPath()) dtls_->start(now, *role_);
}

bool Transport::Impl::settleDtls(Timestamp now) {
  bool any = false;
  while (auto event = dtls_->pollEvent()) {
    any = true;
    if (auto* data = std::get_if<dtls::ApplicationData>(&*event)) {
      receiveSctp(now, std::move(data->data));
    } else if (auto* alert = std::get_if<dtls::Alert>(&*event)) {
      emit(DtlsAlert{*alert});
    } else if (auto* connected = std::get_if<dtls::Connected>(&*event)) {
      dtlsConnected(now, std::move(*connected));
    } else if (auto* changed = std::get_if<dtls::StateChanged>(&*event)) {
      settleSctp();  // what arrived before the end is told before it
      emit(DtlsStateChanged{changed->state, std::move(changed->reason)});
      if (changed->state == dtls::State::closed || changed->state == dtls::State::failed) dtlsEnded(now);
    }
  }
  return any;
}

void Transport::Impl::dtlsConnected(Timestamp now, dtls::Connected info) {
  emit(DtlsConnected{std::move(info)});
  if (const auto keys = dtls_->srtpKeys()) {
    const auto profile = static_cast<srtp::Profile>(keys->profile);  // both are the IANA number
    const bool client = dtls_->role() == dtls::Role::client;
    sender_.emplace(profile, srtp::Direction::protect, client ? keys->clientKey : keys->serverKey,
                    client ? keys->clientSalt : keys->serverSalt);
    receiver_.emplace(profile, srtp::Direction::unprotect, client ? keys->serverKey : keys->clientKey,
                      client ? keys->serverSalt : keys->clientSalt);
    emit(SrtpReady{keys->profile});
  }
  if (sctp_) sctp_->connect(now);
}

void Transport::Impl::dtlsEnded(Timestamp now) {
  sender_.reset();
  receiver_.reset();
  earlySctp_.clear();
  if (sctp_) sctp_->abort(now, "DTLS has ended");
}

void Transport::Impl::receiveSctp(Timestamp now, Bytes packet) {
  if (sctp_) {
    sctp_->handleInput(now, packet);
    dtls_->recycle(std::move(packet));
  } else if (earlySctp_.size() < kMaxEarlySctp) {
    earlySctp_.push_back(std::move(packet));
  } else {
    ++counters_.sctpNotReady;
  }
}

bool Transport::Impl::settleSctp() {
  bool any = false;
  while (auto event = sctp_ ? sctp_->pollEvent() : std::nullopt) {
    any = true;
    emit(SctpEvent{std::move(*event)});
  }
  return any;
}

// --- Output ----------------------------------------------------------------------------------------------------------

bool Transport::Impl::pollTransmit(Datagram& out) {
  bool found = true;
  if (auto stun = agent_.pollTransmit()) {
    recycle(std::move(out.data));
    out = std::move(*stun);
  } else if (!out_.empty()) {
    recycle(std::move(out.data));
    out = std::move(out_.front());
    out_.pop_front();
  } else {
    found = pollDtls(out);
  }
  if (!found) return false;
  ++counters_.packetsSent;
  counters_.bytesSent += out.data.size();
  return true;
}

/// The next DTLS datagram, SCTP's inside. Without a path they stay where they are, and their timers wait.
bool Transport::Impl::pollDtls(Datagram& out) {
  const auto& path = agent_.sendPath();
  if (!path) return false;
  if (!dtls_->pollTransmit(out.data) && !(pollSctp() && dtls_->pollTransmit(out.data))) return false;
  out.local = path->local;
  out.remote = path->remote;
  return true;
}

bool Transport::Impl::pollSctp() {
  return sctp_ && dtls_->state() == dtls::State::connected && sctp_->pollTransmit(sctpPacket_) &&
         dtls_->send(now_, sctpPacket_);
}

std::optional<Event> Transport::Impl::pollEvent() {
  if (events_.empty()) settle(now_);
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<Timeout> Transport::Impl::nextTimeout() const {
  std::optional<Timeout> next = agent_.nextTimeout();
  if (closed_ || !agent_.sendPath()) return next;
  next = soonest(next, dtls_->nextTimeout());
  if (sctp_) next = soonest(next, sctp_->nextTimeout());
  return next;
}

Bytes Transport::Impl::buffer() {
  if (spare_.empty()) return {};
  Bytes buffer = std::move(spare_.back());
  spare_.pop_back();
  buffer.clear();
  return buffer;
}

void Transport::Impl::recycle(Bytes buffer) {
  if (buffer.capacity() > 0 && spare_.size() < kMaxSpareBuffers) spare_.push_back(std::move(buffer));
}

// --- The class outside -----------------------------------------------------------------------------------------------

Result<std::unique_ptr<Transport>> Transport::make(Options options, dtls::Factory& factory, RandomSource& random,
                                                   Log log) {
  auto dtls = factory.makeConnection(options.dtls, random, log.in("dtls"));
  if (!dtls) return std::unexpected(dtls.error());
  auto impl = std::make_unique<Impl>(std::move(options), std::move(*dtls), random, std::move(log));
  return std::unique_ptr<Transport>(new Transport(std::move(impl)));
}

Transport::Transport(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Transport::~Transport() = default;

void Transport::addLocalHost(Timestamp now, const SocketAddress& base, const ice::HostInfo& info) {
  impl_->agent().addLocalHost(now, base, info);
  impl_->settle(now);
}
void Transport::addStunServer(Timestamp now, const SocketAddress& server, const std::string& url) {
  impl_->agent().addStunServer(now, server, url);
  impl_->settle(now);
}
void Transport::addRelay(Timestamp now, const SocketAddress& relayed, const SocketAddress& mapped,
                         const SocketAddress& server, const std::string& url, ice::RelayProtocol protocol,
                         const ice::HostInfo& info) {
  impl_->agent().addRelay(now, relayed, mapped, server, url, protocol, info);
  impl_->settle(now);
}
void Transport::addCandidateError(Timestamp now, const SocketAddress& local, const std::string& url, int code,
                                  const std::string& text) {
  impl_->agent().addCandidateError(now, local, url, code, text);
  impl_->settle(now);
}
void Transport::endOfHosts(Timestamp now) {
  impl_->agent().endOfHosts(now);
  impl_->settle(now);
}
void Transport::setIceRole(ice::Role role) { impl_->agent().setRole(role); }
void Transport::setRemoteIceParameters(Timestamp now, const ice::Parameters& remote) {
  impl_->agent().setRemoteParameters(now, remote);
  impl_->settle(now);
}
bool Transport::addRemoteCandidate(Timestamp now, const ice::Candidate& candidate) {
  const bool used = impl_->agent().addRemoteCandidate(now, candidate);
  impl_->settle(now);
  return used;
}
void Transport::endOfRemoteCandidates(Timestamp now) {
  impl_->agent().endOfRemoteCandidates(now);
  impl_->settle(now);
}
void Transport::setIcePolicy(ice::TransportPolicy policy) { impl_->agent().setPolicy(policy); }
void Transport::restartIce(Timestamp now, ice::Parameters local) {
  impl_->agent().restart(now, std::move(local));
  impl_->settle(now);
}
const ice::Agent& Transport::ice() const { return impl_->agent(); }

void Transport::setDtlsRole(Timestamp now, dtls::Role role) { impl_->setDtlsRole(now, role); }
void Transport::setRemoteFingerprints(Timestamp now, std::vector<dtls::Fingerprint> fingerprints) {
  impl_->setRemoteFingerprints(now, std::move(fingerprints));
}
const dtls::Connection& Transport::dtls() const { return impl_->dtls(); }

void Transport::startSctp(Timestamp now, sctp::Options options) { impl_->startSctp(now, std::move(options)); }
void Transport::stopSctp(Timestamp now) { impl_->stopSctp(now); }
sctp::Association* Transport::sctp() { return impl_->sctp(); }
const sctp::Association* Transport::sctp() const { return std::as_const(*impl_).sctp(); }

bool Transport::srtpReady() const { return impl_->srtpReady(); }
bool Transport::sendRtp(Timestamp now, Bytes packet, Bytes* keep) { return impl_->sendRtp(now, std::move(packet), keep); }
bool Transport::repeatRtp(Timestamp now, Bytes packet) { return impl_->repeatRtp(now, std::move(packet)); }
bool Transport::sendRtcp(Timestamp now, Bytes packet) { return impl_->sendRtcp(now, std::move(packet)); }
Bytes Transport::buffer() { return impl_->buffer(); }
void Transport::recycle(Bytes buffer) { impl_->recycle(std::move(buffer)); }
void Transport::close(Timestamp now) { impl_->close(now); }

InputResult Transport::handleInput(Timestamp now, const SocketAddress& local, const SocketAddress& remote,
                                   ByteView data) {
  return impl_->handleInput(now, {local, remote}, data);
}
void Transport::handleTimeout(Timestamp now) { impl_->handleTimeout(now); }
bool Transport::pollTransmit(Datagram& out) { return impl_->pollTransmit(out); }
std::optional<Datagram> Transport::pollTransmit() {
  Datagram out;
  return impl_->pollTransmit(out) ? std::optional(std::move(out)) : std::nullopt;
}
std::optional<Event> Transport::pollEvent() { return impl_->pollEvent(); }
std::optional<Timeout> Transport::nextTimeout() const { return impl_->nextTimeout(); }
const Counters& Transport::counters() const { return impl_->counters(); }

}  // namespace peerage::transport
