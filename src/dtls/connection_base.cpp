#include "dtls/connection_base.hpp"

#include <algorithm>
#include <utility>

#include "dtls/fingerprint.hpp"

namespace peerage::dtls {
namespace {

/// Of the handshake's first flight; a ClientHello with a post-quantum key share comes in two datagrams, and more
/// retransmissions than a few add nothing.
constexpr size_t kMaxEarlyDatagrams = 16;
constexpr size_t kMaxSpareBuffers = 64;
/// RFC 6347 §4.3.1 via RFC 5246 §6.2.1: "The length MUST NOT exceed 2^14."
constexpr size_t kMaxRecord = 16384;

}  // namespace

RetransmitTimer::RetransmitTimer(const Options& options)
    : initial_(options.initialRetransmit), min_(options.minRetransmit), max_(options.maxRetransmit), wait_(initial_) {}

void RetransmitTimer::setRoundTripTime(Duration rtt) {
  // A flight is answered after a round trip and the peer's work on signatures; twice the first leaves room for both.
  initial_ = std::clamp(Duration(2 * rtt + 50ms), min_, std::max(min_, max_));
}

void RetransmitTimer::start(Timestamp now) {
  wait_ = initial_;
  deadline_ = now + wait_;
}

void RetransmitTimer::backOff(Timestamp now) {
  wait_ = std::min(wait_ * 2, std::max(max_, initial_));
  deadline_ = now + wait_;
}

ConnectionBase::ConnectionBase(Options options, Log log)
    : options_(std::move(options)), log_(std::move(log)), timer_(options_) {}

void ConnectionBase::setState(State state, std::string reason) {
  if (state == state_ || ended()) return;
  if (log_) {
    log_.info(std::string(toString(state_)) + " -> " + std::string(toString(state)) + ": " + reason);
  }
  const State before = std::exchange(state_, state);
  if (ended()) {
    if (before != State::connected) chain_.clear();  // never verified
    timer_.stop();
    keys_.reset();
    held_.clear();
    early_.clear();
  }
  emit(StateChanged{state, std::move(reason)});
}

void ConnectionBase::emit(Event event) { events_.push_back(std::move(event)); }

void ConnectionBase::fail(std::string reason) { setState(State::failed, std::move(reason)); }

void ConnectionBase::start(Timestamp now, Role role) {
  if (state_ != State::new_) return;
  role_ = role;
  setState(State::connecting, role == Role::client ? "started as client" : "started as server");
  onStart(now);
  for (const Bytes& datagram : std::exchange(early_, {})) {
    if (!ended()) onInput(now, datagram);
  }
}

void ConnectionBase::setRemoteFingerprints(Timestamp now, std::vector<Fingerprint> fingerprints) {
  if (ended()) return;
  fingerprints_ = std::move(fingerprints);
  if (handshakeDone_) acceptOrHold(now);
}

bool ConnectionBase::peerCertificate(std::vector<Bytes> chain) {
  chain_ = std::move(chain);
  if (chain_.empty()) return false;
  return !fingerprints_ || fingerprintsMatch(*fingerprints_, chain_.front());
}

void ConnectionBase::handshakeFinished(Timestamp now) {
  if (ended() || handshakeDone_) return;
  handshakeDone_ = true;
  timer_.stop();
  acceptOrHold(now);
}

/// The gate: nothing of a handshake is believed before the fingerprint has matched (RFC 8827 §6.5).
void ConnectionBase::acceptOrHold(Timestamp) {
  if (!fingerprints_) {
    log_.info("handshake held until the remote fingerprints are known");
    return;
  }
  if (chain_.empty() || !fingerprintsMatch(*fingerprints_, chain_.front())) {
    onEnd(true);
    fail("the peer's certificate does not match the remote description's fingerprint");
    return;
  }
  if (state_ != State::connecting) return;  // connected already; the new fingerprints match as well
  std::optional<SrtpKeys> keys;
  std::optional<Connected> connected = onAccept(keys);
  if (!connected) {
    onEnd(false);
    fail("keying material could not be exported");
    return;
  }
  keys_ = std::move(keys);
  setState(State::connected, "handshake complete, fingerprint matched");
  emit(std::move(*connected));
  for (Bytes& data : std::exchange(held_, {})) emit(ApplicationData{std::move(data)});
}

void ConnectionBase::applicationData(ByteView data) {
  if (ended()) return;
  if (state_ != State::connected && held_.size() >= options_.maxHeldDatagrams) {
    ++counters_.dropped;
    return;
  }
  Bytes copy = buffer();
  copy.assign(data.begin(), data.end());
  if (state_ == State::connected) {
    emit(ApplicationData{std::move(copy)});
  } else {
    held_.push_back(std::move(copy));
  }
}

void ConnectionBase::closedByPeer() {
  if (ended()) return;
  onEnd(false);  // RFC 5246 §7.2.1: "respond with a close_notify alert of its own"
  setState(State::closed, "close_notify from the peer");
}

bool ConnectionBase::send(Timestamp now, ByteView data) {
  if (state_ != State::connected || data.size() > kMaxRecord) {
    ++counters_.dropped;
    return false;
  }
  return onSend(now, data);
}

void ConnectionBase::close(Timestamp) {
  if (ended()) return;
  if (state_ != State::new_) onEnd(false);
  setState(State::closed, "closed here");
}

void ConnectionBase::handleInput(Timestamp now, ByteView datagram) {
  ++counters_.datagramsReceived;
  if (ended()) {
    ++counters_.dropped;
  } else if (state_ != State::new_) {
    onInput(now, datagram);
  } else if (early_.size() < kMaxEarlyDatagrams) {
    early_.emplace_back(datagram.begin(), datagram.end());
  } else {
    ++counters_.dropped;
  }
}

void ConnectionBase::handleTimeout(Timestamp now) {
  if (!ended() && timer_.due(now)) onTimeout(now);
}

std::optional<Timeout> ConnectionBase::nextTimeout() const {
  if (!timer_.deadline()) return std::nullopt;
  return Timeout{*timer_.deadline(), "DTLS retransmission"};
}

Bytes ConnectionBase::buffer() {
  if (spare_.empty()) return {};
  Bytes buffer = std::move(spare_.back());
  spare_.pop_back();
  buffer.clear();
  return buffer;
}

void ConnectionBase::recycle(Bytes buffer) {
  if (buffer.capacity() > 0 && spare_.size() < kMaxSpareBuffers) spare_.push_back(std::move(buffer));
}

void ConnectionBase::transmit(Bytes datagram) {
  ++counters_.datagramsSent;
  out_.push_back(std::move(datagram));
}

std::optional<Bytes> ConnectionBase::pollTransmit() {
  if (out_.empty()) return std::nullopt;
  Bytes datagram = std::move(out_.front());
  out_.pop_front();
  return datagram;
}

bool ConnectionBase::pollTransmit(Bytes& out) {
  out.clear();
  if (out_.empty()) return false;
  out.swap(out_.front());
  recycle(std::move(out_.front()));
  out_.pop_front();
  return true;
}

std::optional<Event> ConnectionBase::pollEvent() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::vector<Bytes> ConnectionBase::remoteCertificates() const {
  return state_ == State::new_ || state_ == State::connecting ? std::vector<Bytes>() : chain_;
}

}  // namespace peerage::dtls
