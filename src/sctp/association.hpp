// One SCTP association over DTLS (RFC 9260, 8261) with partial reliability (RFC 3758) and stream reset (RFC 6525), as
// a sans-IO core: packets and a time go in, packets, events and the next deadline come out.
//
// Drain rule: after any call that takes a time, poll pollTransmit() and pollEvent() until both are empty, then ask
// nextTimeout(). pollTransmit() stamps what it makes with the time of the latest call that took one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "sctp/types.hpp"

namespace peerage::sctp {

/// Everything about an association that its owner may choose. The defaults are those of a WebRTC data transport.
struct Options {
  uint16_t localPort = 5000;   ///< `a=sctp-port` of the local description
  uint16_t remotePort = 5000;  ///< `a=sctp-port` of the remote description

  /// Largest SCTP packet in bytes, common header included. 1191 = 1280 (IPv6 minimum) - 40 (IPv6) - 8 (UDP)
  /// - 37 (DTLS 1.2 record with AES-GCM is 13 + 8 + 16) - 4 (TURN channel header): no path fragments it.
  size_t mtu = 1191;
  /// Bytes of undelivered data that we hold, told to the peer as a_rwnd. Throughput is at most window / RTT, so
  /// 5 MiB allow 2 Gbit/s at 20 ms.
  uint32_t receiveWindow = 5 * 1024 * 1024;
  /// First congestion window in MTUs (RFC 6928 §2's 10 segments; RFC 9260 §7.2.1 would start at 4 KB).
  size_t initialCwndMtus = 10;
  /// Congestion window in slow start grows by at most this many MTUs for each SACK (RFC 9260 §7.2.1's L; RFC 3465
  /// §2.2 has 2, which with a SACK for every second packet doubles the window in a round trip).
  size_t slowStartMtusPerSack = 2;
  /// Packets of DATA that one input may set free (RFC 9260 §6.1 D has 4, to spare routers a burst after a stretch
  /// of lost SACKs; 32 packets are 38 KB, well within a socket's default send buffer).
  size_t maxBurst = 32;

  /// RTO before the first measurement. RFC 9260 §16 has 1 s; a path that ICE has just checked rarely needs more
  /// than half of that, and the handshake's loss is paid in full by the user.
  Duration rtoInitial = 500ms;
  /// Least RTO. A peer may hold a SACK for 200 ms (RFC 9260 §6.2), and the RTO must not fire before that SACK is due;
  /// the estimator adds that allowance to the measured RTT, and this floor covers a scheduler's jitter.
  Duration rtoMin = 250ms;
  Duration rtoMax = 60s;  ///< RFC 9260 §16
  /// Longest wait of any timer that backs off. ICE's consent (RFC 7675) finds a dead path within 30 s, so what comes
  /// back after a break of the path is worth finding soon: 3 s between tries costs one packet each.
  Duration maxBackoff = 3s;
  /// A SACK that is not due at once waits for half a round trip, within these bounds (RFC 9260 §6.2: at most 500 ms,
  /// 200 recommended).
  Duration sackDelayMin = 20ms;
  Duration sackDelayMax = 200ms;
  /// Idle time before a HEARTBEAT (RFC 9260 §16: 30 s); zero sends none.
  Duration heartbeatInterval = 30s;

  /// Tries without an answer before the association is given up; nullopt never gives up and leaves that to ICE.
  std::optional<int> maxRetransmits = 10;     ///< Association.Max.Retrans (RFC 9260 §16)
  std::optional<int> maxInitRetransmits = 8;  ///< Max.Init.Retransmits

  /// Largest message taken from the peer (`a=max-message-size` of the local description), 0 for no limit. A larger one
  /// is discarded as it comes and reported as MessageTooLarge.
  size_t maxReceiveMessageSize = 262144;
  /// Largest message the peer takes (`a=max-message-size` of the remote description), 0 for no limit.
  size_t maxSendMessageSize = 65536;
  /// Bytes that may wait in all streams together before send() says buffer_full; one message alone may exceed it.
  size_t sendBufferLimit = 16 * 1024 * 1024;

  uint16_t inboundStreams = 65535;   ///< MIS; state is made only for a stream in use
  uint16_t outboundStreams = 65535;  ///< OS
  /// RFC 9653 with DTLS as the other check: accept packets without CRC32c, and send such packets to a peer that does.
  bool zeroChecksum = true;
};

/// How far an association has got.
enum class State : uint8_t {
  closed,            ///< not yet connected; answers an INIT
  cookie_wait,       ///< INIT sent
  cookie_echoed,     ///< COOKIE ECHO sent
  established,       ///<
  shutdown_pending,  ///< shutdown() with data still to be acknowledged
  shutdown_sent,
  shutdown_received,
  shutdown_ack_sent,
  ended,  ///< shut down, aborted or given up: final
};
std::string_view toString(State state);

struct SendOptions {
  bool unordered = false;                  ///< deliver as soon as complete
  std::optional<uint16_t> maxRetransmits;  ///< give the message up after so many retransmissions (RFC 7496 §3.1)
  std::optional<Duration> lifetime;        ///< give the message up this long after send() (RFC 3758 §4.1)
  bool counted = true;                     ///< false keeps it out of bufferedAmount() (DCEP, empty messages)
};

enum class SendResult : uint8_t {
  ok,
  empty,              ///< a DATA chunk cannot be empty (RFC 9260 §6.9)
  too_large,          ///< larger than Options::maxSendMessageSize
  invalid_stream,     ///< at or above the number of streams negotiated
  stream_resetting,   ///< resetStreams() was called and has not finished
  buffer_full,        ///< Options::sendBufferLimit
  shutting_down,      ///< shut down, aborted or ended
};
std::string_view toString(SendResult result);

// What pollEvent() yields.

/// The association is up (once).
struct Connected {
  uint16_t inboundStreams = 0;   ///< streams the peer may use towards us
  uint16_t outboundStreams = 0;  ///< streams we may use
  bool partialReliability = false;  ///< the peer takes FORWARD-TSN; without it limits on messages are ignored
  bool streamReset = false;         ///< the peer takes RE-CONFIG
  bool zeroChecksum = false;        ///< we may leave the checksum out
};
/// A whole message, in the order of its stream unless it was sent unordered.
struct Message {
  StreamId stream;
  Ppid ppid;
  Bytes data;
  bool unordered = false;
};
/// A message beyond Options::maxReceiveMessageSize was discarded; its stream goes on.
struct MessageTooLarge {
  StreamId stream;
};
/// The peer has reset these of its outgoing streams; empty means all (RFC 6525 §4.1). All their messages came before.
struct IncomingStreamsReset {
  std::vector<StreamId> streams;
};
/// Answer to resetStreams(): these of our streams start anew, or the peer refused (and they go on as they were).
struct OutgoingStreamsReset {
  std::vector<StreamId> streams;
  bool performed = true;
};
/// bufferedAmount(stream) has fallen to its low threshold, from above.
struct BufferedAmountLow {
  StreamId stream;
};
/// A message was given up because a limit of its SendOptions was reached; part of it may have arrived.
struct SendFailed {
  StreamId stream;
  Ppid ppid;
  size_t size = 0;
};
/// The peer began the association anew (RFC 9260 §5.2.4 A): streams start at zero, what was in flight is lost.
struct Restarted {};
/// The association has been shut down in order.
struct Closed {};
/// The association is over at once.
struct Aborted {
  bool byPeer = false;
  uint16_t cause = 0;  ///< cause code (RFC 9260 §3.3.10), 0 for none
  std::string reason;  ///< for people
};

using Event = std::variant<Connected, Message, MessageTooLarge, IncomingStreamsReset, OutgoingStreamsReset,
                           BufferedAmountLow, SendFailed, Restarted, Closed, Aborted>;

/// What getStats and tests read.
struct Stats {
  uint64_t packetsSent = 0;
  uint64_t packetsReceived = 0;
  uint64_t bytesSent = 0;  ///< of packets
  uint64_t bytesReceived = 0;
  uint64_t messagesSent = 0;  ///< taken by send()
  uint64_t messagesReceived = 0;
  uint64_t chunksRetransmitted = 0;
  uint64_t fastRecoveries = 0;
  uint64_t retransmissionTimeouts = 0;
  uint64_t messagesAbandoned = 0;

  // Wrong packets and chunks, dropped.
  uint64_t badPackets = 0;       ///< too short, wrong ports, malformed chunk
  uint64_t badChecksums = 0;
  uint64_t badTags = 0;          ///< verification tag (RFC 9260 §8.5)
  uint64_t outOfTheBlue = 0;     ///< no association for it (§8.4)
  uint64_t invalidChunks = 0;    ///< well formed but impossible here: SACK of what was never sent, ...
  uint64_t unknownChunks = 0;
  uint64_t duplicateTsns = 0;
  uint64_t windowOverruns = 0;   ///< DATA beyond what we can hold

  // Now.
  size_t congestionWindow = 0;  ///< bytes
  size_t slowStartThreshold = 0;
  size_t bytesInFlight = 0;
  size_t unackedChunks = 0;
  size_t peerWindow = 0;     ///< what the peer can still take
  size_t receiveWindow = 0;  ///< what we would announce
  size_t mtu = 0;
  std::optional<Duration> smoothedRtt;
  Duration rto{};
};

class Association {
 public:
  /// `random` gives tags, first TSNs and the cookie's key; it must outlive the association.
  Association(Options options, RandomSource& random, Log log = {});
  ~Association();
  Association(Association&&) noexcept;
  Association& operator=(Association&&) noexcept;

  /// Sends INIT. Both ends may do so at once (RFC 9260 §5.2.1). Does nothing unless closed.
  void connect(Timestamp now);
  /// Our INIT chunk from its type byte on, as signalling may carry it ahead of the transport (draft-hancke-tsvwg-snap).
  /// Making it changes nothing.
  Bytes localInit() const;
  /// Establishes at once from the peer's INIT chunk, which must come with localInit() having gone the other way.
  /// Error: malformed, or not closed.
  Result<> connectWithPeerInit(Timestamp now, ByteView peerInit);
  /// Ends in order once everything queued is acknowledged (RFC 9260 §9.2).
  void shutdown(Timestamp now);
  /// Ends now and tells the peer (§9.1); Aborted{byPeer = false} follows.
  void abort(Timestamp now, std::string_view reason);

  /// Queues a message; before the association is up it waits (a message may ride with COOKIE ECHO).
  SendResult send(Timestamp now, StreamId stream, Ppid ppid, Bytes data, const SendOptions& options = {});
  /// Resets our side of the streams once all that was queued on them is acknowledged (RFC 6525 §5.1.2); until the
  /// answer, OutgoingStreamsReset, they take no messages.
  void resetStreams(Timestamp now, std::span<const StreamId> streams);

  /// Counted bytes of messages given to send() and not yet put into a packet.
  size_t bufferedAmount(StreamId stream) const;
  size_t totalBufferedAmount() const;
  /// Default 0. BufferedAmountLow comes when the amount falls from above it to it or below.
  void setBufferedAmountLowThreshold(StreamId stream, size_t bytes);
  /// Weight of a stream against the others: 128, 256 (default), 512 or 1024 in RFC 8831 §6.4's words; never 0.
  void setPriority(StreamId stream, uint16_t priority);
  /// Takes effect for messages sent from now on; 0 for no limit.
  void setMaxSendMessageSize(size_t bytes);

  State state() const;
  bool established() const { return state() == State::established; }
  const Options& options() const;
  Stats stats() const;

  /// One packet as it came out of DTLS. Never fails: a wrong packet is counted and dropped.
  void handleInput(Timestamp now, ByteView packet);
  void handleTimeout(Timestamp now);
  /// The next packet into `out`, whose capacity is reused; false (and `out` empty) when there is none.
  bool pollTransmit(Bytes& out);
  std::optional<Bytes> pollTransmit();
  std::optional<Event> pollEvent();
  std::optional<Timeout> nextTimeout() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace peerage::sctp
