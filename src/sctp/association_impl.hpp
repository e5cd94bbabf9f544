// What an association is made of; its parts are in handshake.cpp, receive.cpp, transmit.cpp and reset.cpp.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "sctp/association.hpp"
#include "sctp/cookie.hpp"
#include "sctp/packet/chunks.hpp"
#include "sctp/packet/packet.hpp"
#include "sctp/rx/data_tracker.hpp"
#include "sctp/rx/reassembly.hpp"
#include "sctp/timers.hpp"
#include "sctp/tx/congestion.hpp"
#include "sctp/tx/outstanding.hpp"
#include "sctp/tx/rto.hpp"
#include "sctp/tx/send_queue.hpp"

namespace peerage::sctp {

class Association::Impl {
 public:
  Impl(Options options, RandomSource& random, Log log);

  void connect(Timestamp now);
  Bytes localInit() const;
  Result<> connectWithPeerInit(Timestamp now, ByteView peerInit);
  void shutdown(Timestamp now);
  void abort(Timestamp now, std::string_view reason);
  SendResult send(Timestamp now, StreamId stream, Ppid ppid, Bytes data, const SendOptions& options);
  void resetStreams(Timestamp now, std::span<const StreamId> streams);
  void handleInput(Timestamp now, ByteView packet);
  void handleTimeout(Timestamp now);
  bool pollTransmit(Bytes& out);
  std::optional<Event> pollEvent();
  std::optional<Timeout> nextTimeout() const;
  Stats stats() const;

  Options options_;
  State state_ = State::closed;
  std::deque<Event> events_;
  SendQueue queue_{events_};

 private:
  // Both ends' parameters once they are known: RFC 9260 §13.2's TCB in so far as it does not change.
  struct Peer {
    uint32_t tag = 0;
    uint32_t initialTsn = 0;
    uint32_t window = 0;
    uint16_t outboundStreams = 0;  ///< that we may use
    uint16_t inboundStreams = 0;   ///< that the peer may use
    bool forwardTsn = false;
    bool reconfig = false;
    bool zeroChecksum = false;  ///< takes packets without a checksum from us
  };
  struct Control {  // a chunk that waits for a packet
    Bytes chunk;
    uint32_t tag = 0;
    bool alone = false;  ///< INIT, INIT ACK, SHUTDOWN COMPLETE (§6.10), and answers out of the blue
  };
  // association.cpp
  void setState(State state, std::string_view reason);
  Duration backoff(int expirations) const { return backedOff(rto_.rto(), expirations, backoffLimit_); }
  bool countError(std::string_view what);
  void end(Event last, std::string_view reason);
  void abortWith(Cause cause, std::string_view reason);
  void queueControl(Bytes chunk) { queueControl(std::move(chunk), peer_.tag, false); }
  void queueControl(Bytes chunk, uint32_t tag, bool alone);
  void reportError(Cause cause, ByteView info);
  size_t maxPayload() const { return (options_.mtu - kCommonHeaderSize - kDataHeaderSize) & ~size_t{3}; }
  bool dataAllowed() const;  ///< the state lets DATA out
  uint32_t announcedWindow() const;

  // handshake.cpp
  InitChunk ownInit(uint32_t tag, uint32_t tsn) const;
  void sendInit();
  void becomePeer(const Peer& peer);
  static Peer negotiate(const Options& options, const InitChunk& init);
  void establish(std::string_view reason);
  void handleInit(const CommonHeader& header, const ChunkView& chunk);
  void handleInitAck(const ChunkView& chunk);
  bool handleCookieEcho(const CommonHeader& header, const ChunkView& chunk);
  void restart(const StateCookie& cookie);
  void handleCookieAck();
  void handleT1();
  void progressShutdown();
  void handleShutdown(const ChunkView& chunk);
  void handleShutdownAck(const CommonHeader& header);
  void sendShutdown();
  void sendShutdownAck();
  void handleT2();

  // receive.cpp
  bool checksumHolds(ByteView packet) const;
  bool tagHolds(const CommonHeader& header, const ChunkView& first) const;
  void answerOutOfTheBlue(const CommonHeader& header, const ChunkView& first);
  void handleHeartbeat(const ChunkView& chunk);
  bool handleChunk(const CommonHeader& header, const ChunkView& chunk);
  bool handleUnknown(const ChunkView& chunk);
  void handleData(const ChunkView& chunk);
  bool hasRoomFor(TsnValue tsn, const DataChunk& data);
  bool receivesData();
  void handleSack(const ChunkView& chunk);
  void applySack(const SackChunk& sack);
  void handleForwardTsn(const ChunkView& chunk);
  void handleHeartbeatAck(const ChunkView& chunk);
  void handleAbort(const ChunkView& chunk);
  void handleError(const ChunkView& chunk);
  void finishPacket();

  // transmit.cpp
  bool writePacket(Bytes& out);
  bool writeAlone(Bytes& out);
  void writeControl(Bytes& out);
  void writeData(Bytes& out, bool probe);
  bool wantsData();
  bool mayResend() const;
  bool mayProbe() const;
  bool maySendNew() const;
  void collectAbandoned();
  void finishPacketOut(Bytes& out, bool checksumNeeded);
  void handleT3();
  void handleHeartbeatTimer();
  void scheduleForwardTsn(bool again);
  void armT3(bool restart);

  // reset.cpp
  void progressReset();
  void writeReconfig(Bytes& out);
  void handleReconfig(const ChunkView& chunk);
  void handleResetRequest(const OutgoingResetRequest& request);
  void answerRequest(uint32_t sequence, ReconfigResult result);
  void handleResetResponse(const ReconfigResponse& response);
  void progressDeferredReset();
  void performIncomingReset(const OutgoingResetRequest& request);
  void finishOutgoingReset(bool performed);
  void handleReconfigTimer();

  RandomSource* random_;
  Log log_;
  Timestamp now_{};  ///< of the latest input
  Stats stats_;
  CookieJar cookies_;
  Duration backoffLimit_;
  Timers timers_;

  uint32_t localTag_ = 0;
  uint32_t localInitialTsn_ = 0;
  Peer peer_;
  std::deque<Control> control_;
  Bytes cookieEcho_;            ///< the chunk, while in cookie_echoed
  bool cookieEchoDue_ = false;
  int initAttempts_ = 0;        ///< T1 expirations
  int errorCount_ = 0;          ///< §8.1
  int t2Expirations_ = 0;

  // Receiving; there from the moment that the peer's first TSN is known.
  std::optional<DataTracker> tracker_;
  std::optional<Reassembly> reassembly_;
  bool packetHadData_ = false;  ///< the one at hand
  bool sackAtOnce_ = false;

  // Sending.
  Outstanding outstanding_;
  CongestionWindow congestion_;
  RtoEstimator rto_;
  size_t peerWindow_ = 0;         ///< of the latest SACK, less what was sent since
  bool inRecovery_ = false;
  TsnValue recoveryPoint_ = 0;    ///< recovery ends when this is acknowledged
  bool resendNow_ = false;        ///< one packet of a new recovery goes regardless of the window (§7.2.4 rule 3)
  size_t burstLeft_ = 0;          ///< packets of new data until the next input
  int t3Expirations_ = 0;
  Timestamp lastDataSent_{};
  bool forwardTsnDue_ = false;
  TsnValue forwardTsnSent_ = 0;   ///< how far the latest FORWARD TSN went
  Timestamp forwardTsnAt_{};      ///< and when

  // Heartbeat (§8.3).
  Timestamp lastReceived_{};
  bool heartbeatPending_ = false;
  uint64_t heartbeatNonce_ = 0;
  Timestamp heartbeatSent_{};

  // Stream reset.
  std::vector<StreamId> resetWanted_;
  std::optional<OutgoingResetRequest> resetRequest_;
  bool reconfigDue_ = false;
  int reconfigExpirations_ = 0;
  uint32_t nextRequestSequence_ = 0;
  uint32_t expectedRequestSequence_ = 0;  ///< of the peer's next new request
  ReconfigResult lastResult_ = ReconfigResult::nothing_to_do;
  std::optional<OutgoingResetRequest> deferredReset_;
};

}  // namespace peerage::sctp
