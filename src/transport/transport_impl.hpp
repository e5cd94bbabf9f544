// The inside of Transport.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "srtp/session.hpp"
#include "transport/transport.hpp"

namespace peerage::transport {

class Transport::Impl {
 public:
  Impl(Options options, std::unique_ptr<dtls::Connection> dtls, RandomSource& random, Log log);

  // Input.
  InputResult handleInput(Timestamp now, const ice::Path& path, ByteView data);
  void handleTimeout(Timestamp now);
  void setDtlsRole(Timestamp now, dtls::Role role);
  void setRemoteFingerprints(Timestamp now, std::vector<dtls::Fingerprint> fingerprints);
  void startSctp(Timestamp now, sctp::Options options);
  void stopSctp(Timestamp now);
  bool sendRtp(Timestamp now, Bytes packet, Bytes* keep);
  bool repeatRtp(Timestamp now, Bytes packet);
  bool sendRtcp(Timestamp now, Bytes packet);
  void close(Timestamp now);
  /// Passes on what the parts below have to say, until they are silent. After everything that may have made them speak.
  void settle(Timestamp now);

  // Output.
  bool pollTransmit(Datagram& out);
  std::optional<Event> pollEvent();
  std::optional<Timeout> nextTimeout() const;

  Bytes buffer();
  void recycle(Bytes buffer);

  ice::Agent& agent() { return agent_; }
  const ice::Agent& agent() const { return agent_; }
  const dtls::Connection& dtls() const { return *dtls_; }
  sctp::Association* sctp() { return sctp_ ? &*sctp_ : nullptr; }
  const sctp::Association* sctp() const { return sctp_ ? &*sctp_ : nullptr; }
  bool srtpReady() const { return sender_.has_value(); }
  const Counters& counters() const { return counters_; }

 private:
  void receiveDtls(Timestamp now, ByteView data);
  void receiveMedia(Timestamp now, ByteView data);
  void countRefused(srtp::Error error);
  bool mediaMayLeave();
  bool queueMedia(Bytes packet, uint64_t& counter);
  bool drop(Bytes packet);

  bool settleIce(Timestamp now);
  bool settleDtls(Timestamp now);
  bool settleSctp();
  void startDtlsIfReady(Timestamp now);
  void dtlsConnected(Timestamp now, dtls::Connected info);
  void dtlsEnded(Timestamp now);
  void receiveSctp(Timestamp now, Bytes packet);

  bool pollDtls(Datagram& out);
  bool pollSctp();
  void emit(Event event);

  Options options_;
  Log log_;
  RandomSource& random_;
  ice::Agent agent_;
  std::unique_ptr<dtls::Connection> dtls_;
  std::optional<dtls::Role> role_;
  std::optional<srtp::Session> sender_, receiver_;
  std::optional<sctp::Association> sctp_;
  std::vector<Bytes> earlySctp_;   ///< from before startSctp()
  Bytes sctpPacket_;               ///< reused
  Timestamp now_{};                ///< of the latest call that took a time
  bool closed_ = false;
  std::deque<Datagram> out_;       ///< media, and what close() left
  std::deque<Event> events_;
  std::vector<Bytes> spare_;
  Counters counters_;
};

}  // namespace peerage::transport
