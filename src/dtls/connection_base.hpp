// What both implementations share: the state and its one setter, queues of datagrams and events, the fingerprint gate,
// and the schedule of retransmissions.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "dtls/connection.hpp"

namespace peerage::dtls {

/// When a flight is sent again: doubling waits in the owner's time (RFC 6347 §4.2.4.1).
class RetransmitTimer {
 public:
  explicit RetransmitTimer(const Options& options);
  void setRoundTripTime(Duration rtt);
  /// A new flight: the first wait.
  void start(Timestamp now);
  /// The same flight once more: twice the wait, up to the cap.
  void backOff(Timestamp now);
  void stop() { deadline_.reset(); }
  /// Replaces the deadline and leaves the wait alone.
  void postpone(Timestamp at) { deadline_ = at; }
  bool due(Timestamp now) const { return deadline_ && *deadline_ <= now; }
  std::optional<Timestamp> deadline() const { return deadline_; }
  Duration wait() const { return wait_; }
  Duration firstWait() const { return initial_; }

 private:
  Duration initial_, min_, max_;
  Duration wait_;
  std::optional<Timestamp> deadline_;
};

class ConnectionBase : public Connection {
 public:
  ConnectionBase(Options options, Log log);

  void start(Timestamp now, Role role) final;
  void setRemoteFingerprints(Timestamp now, std::vector<Fingerprint> fingerprints) final;
  void setRoundTripTime(Duration rtt) final { timer_.setRoundTripTime(rtt); }
  bool send(Timestamp now, ByteView data) final;
  void close(Timestamp now) final;
  void handleInput(Timestamp now, ByteView datagram) final;
  void handleTimeout(Timestamp now) final;
  std::optional<Bytes> pollTransmit() final;
  bool pollTransmit(Bytes& out) final;
  std::optional<Event> pollEvent() final;
  std::optional<Timeout> nextTimeout() const final;
  void recycle(Bytes buffer) final;

  State state() const final { return state_; }
  std::optional<Role> role() const final { return role_; }
  std::optional<SrtpKeys> srtpKeys() const final { return keys_; }
  std::vector<Bytes> remoteCertificates() const final;
  const Counters& counters() const final { return counters_; }

 protected:
  // What an implementation does.
  virtual void onStart(Timestamp now) = 0;
  virtual void onInput(Timestamp now, ByteView datagram) = 0;
  virtual void onTimeout(Timestamp now) = 0;
  virtual bool onSend(Timestamp now, ByteView data) = 0;
  /// Tells the peer that it is over, as far as the protocol can say so now. `badCertificate`: because of the
  /// fingerprint.
  virtual void onEnd(bool badCertificate) = 0;
  /// Keys and names of the finished handshake; called only after the fingerprint has matched. nullopt: could not.
  virtual std::optional<Connected> onAccept(std::optional<SrtpKeys>& keys) = 0;

  // What it reports.
  void setState(State state, std::string reason);
  void fail(std::string reason);
  /// The peer's chain has come. False: it is already known to be the wrong one; the handshake must end with
  /// bad_certificate.
  bool peerCertificate(std::vector<Bytes> chain);
  void handshakeFinished(Timestamp now);
  void applicationData(ByteView data);
  void closedByPeer();
  void emit(Event event);
  /// An empty buffer to fill, with capacity from an earlier packet if there is one.
  Bytes buffer();
  void transmit(Bytes datagram);

  bool ended() const { return state_ == State::closed || state_ == State::failed; }
  bool handshakeDone() const { return handshakeDone_; }
  const Options& options() const { return options_; }
  const Log& log() const { return log_; }
  RetransmitTimer& timer() { return timer_; }
  Counters& mutableCounters() { return counters_; }

 private:
  void acceptOrHold(Timestamp now);

  Options options_;
  Log log_;
  State state_ = State::new_;
  std::optional<Role> role_;
  std::optional<std::vector<Fingerprint>> fingerprints_;
  std::vector<Bytes> chain_;     ///< the peer's, own certificate first
  bool handshakeDone_ = false;   ///< in state connecting: held for want of fingerprints
  std::optional<SrtpKeys> keys_;
  RetransmitTimer timer_;
  std::deque<Bytes> out_;
  std::deque<Event> events_;
  std::vector<Bytes> early_;     ///< datagrams from before start()
  std::deque<Bytes> held_;       ///< application data from before the fingerprints
  std::vector<Bytes> spare_;
  Counters counters_;
};

}  // namespace peerage::dtls
