// One bundled transport: ICE below; DTLS on the path that ICE has validated; SRTP with the keys of DTLS; SCTP inside
// DTLS; told apart by the first byte (RFC 7983). Sans-IO.
//
// The gates, each with a test: nothing from a path that STUN has not validated reaches DTLS or SRTP; no key, no media
// and no data before the DTLS fingerprint has been matched; media that does not authenticate is counted and dropped.
//
// Drain rule: after each call that takes a time, poll pollTransmit() and pollEvent() until both are empty, then arm one
// timer for nextTimeout(). What is done to sctp() directly is drained here as well. No call runs anything of the
// owner's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "dtls/connection.hpp"
#include "ice/agent.hpp"
#include "sctp/association.hpp"

namespace peerage::transport {

/// A buffer of an RTP or RTCP packet for sendRtp() and sendRtcp() is best given this much spare capacity: a tag of 16,
/// and for SRTCP the 4 bytes of its index.
inline constexpr size_t kSrtpOverhead = 20;

struct Options {
  ice::AgentOptions ice;
  dtls::Options dtls;  ///< with the certificate
};

// --- Events ----------------------------------------------------------------------------------------------------------

/// Anything the ICE agent says: candidates, states, the selected pair.
struct IceEvent {
  ice::Event event;
};
/// RTCDtlsTransport's state has changed.
struct DtlsStateChanged {
  dtls::State state{};
  std::string reason;  ///< for people
};
/// What the handshake agreed; right after DtlsStateChanged{connected}.
struct DtlsConnected {
  dtls::Connected info;
};
/// RTCError.sentAlert or receivedAlert; comes before the change of state that it causes.
struct DtlsAlert {
  dtls::Alert alert;
};
/// Media can flow from now on; right after DtlsConnected when an SRTP profile was agreed.
struct SrtpReady {
  dtls::SrtpProfile profile{};
};
/// A decrypted RTP packet; `data` may be given back with recycle().
struct RtpPacket {
  Bytes data;
  Timestamp arrival;
};
/// A decrypted compound RTCP packet.
struct RtcpPacket {
  Bytes data;
  Timestamp arrival;
};
/// Anything the SCTP association says; give it to datachannel::Manager.
struct SctpEvent {
  sctp::Event event;
};

using Event =
    std::variant<IceEvent, DtlsStateChanged, DtlsConnected, DtlsAlert, SrtpReady, RtpPacket, RtcpPacket, SctpEvent>;

/// RTCTransportStats' share, and drops by reason. Bytes are UDP payload.
struct Counters {
  uint64_t packetsSent = 0;
  uint64_t packetsReceived = 0;
  uint64_t bytesSent = 0;
  uint64_t bytesReceived = 0;

  uint64_t rtpSent = 0, rtcpSent = 0;
  uint64_t rtpReceived = 0, rtcpReceived = 0;  ///< authenticated ones

  // Dropped as they came in.
  uint64_t unvalidatedPath = 0;   ///< neither STUN nor from a path that STUN has validated
  uint64_t unknownKind = 0;       ///< a first byte that RFC 7983 gives to nobody here, or an empty datagram
  uint64_t srtpNotReady = 0;      ///< media before the keys
  uint64_t srtpBadTag = 0;        ///< not authentic: damaged, forged, or in the clear
  uint64_t srtpReplayed = 0;      ///< seen before, or older than the replay window
  uint64_t srtpMalformed = 0;     ///< too short, or its header reaches past the end
  uint64_t srtpTooManySources = 0;
  uint64_t sctpNotReady = 0;      ///< SCTP packets before startSctp(), beyond the few that are kept
  uint64_t afterClose = 0;
  // Dropped on their way out.
  uint64_t noPath = 0;            ///< nowhere to send to: no pair yet, or consent is gone
  uint64_t sendNotReady = 0;      ///< media before SrtpReady, or after the end
  uint64_t sendRefused = 0;       ///< not an RTP or RTCP packet, too large, or the key is used up (RFC 3711 §9.2)
};

/// What became of a datagram.
enum class InputResult : uint8_t {
  handled,       ///< taken, or counted and dropped
  unknown_stun,  ///< a STUN message that answers nothing the ICE agent asked: a TURN client may know it
};

class Transport {
 public:
  /// `factory` is used here alone; `random` must outlive the transport. Error: the certificate is missing or of another
  /// factory.
  static Result<std::unique_ptr<Transport>> make(Options options, dtls::Factory& factory, RandomSource& random,
                                                 Log log = {});
  ~Transport();

  // --- ICE; each as in ice::Agent ---

  void addLocalHost(Timestamp now, const SocketAddress& base, const ice::HostInfo& info = {});
  void addStunServer(Timestamp now, const SocketAddress& server, const std::string& url);
  void addRelay(Timestamp now, const SocketAddress& relayed, const SocketAddress& mapped, const SocketAddress& server,
                const std::string& url, ice::RelayProtocol protocol, const ice::HostInfo& info = {});
  void addCandidateError(Timestamp now, const SocketAddress& local, const std::string& url, int code,
                         const std::string& text);
  void endOfHosts(Timestamp now);
  void setIceRole(ice::Role role);
  void setRemoteIceParameters(Timestamp now, const ice::Parameters& remote);
  bool addRemoteCandidate(Timestamp now, const ice::Candidate& candidate);
  void endOfRemoteCandidates(Timestamp now);
  void restartIce(Timestamp now, ice::Parameters local = {});
  void setIcePolicy(ice::TransportPolicy policy);
  const ice::Agent& ice() const;

  // --- DTLS ---

  /// What a=setup came to. As client DTLS begins once ICE has a path; as server it waits for a ClientHello. One that
  /// comes before this call is kept, and so is all that follows it. Once; later calls do nothing.
  void setDtlsRole(Timestamp now, dtls::Role role);
  /// a=fingerprint of the remote description. Before or after the role: a handshake that is through is held for it.
  void setRemoteFingerprints(Timestamp now, std::vector<dtls::Fingerprint> fingerprints);
  const dtls::Connection& dtls() const;

  // --- Data ---

  /// Makes the association; it connects as soon as DTLS is connected. Once; later calls do nothing.
  void startSctp(Timestamp now, sctp::Options options);
  /// Ends the association with an ABORT and without events: its m-section is gone. startSctp() may begin another one.
  void stopSctp(Timestamp now);
  /// nullptr before startSctp() and after stopSctp(). May be used directly; drain the transport afterwards.
  sctp::Association* sctp();
  const sctp::Association* sctp() const;

  // --- Media ---

  bool srtpReady() const;
  /// Protects one RTP packet in place and queues it. False: dropped, and counted under its reason. `keep`, where given, gets
  /// the protected packet, for repeatRtp().
  bool sendRtp(Timestamp now, Bytes packet, Bytes* keep = nullptr);
  /// Queues a packet that sendRtp() has protected before, byte for byte: the only way to send a packet index twice, since a
  /// second protection of it would use its nonce again (RFC 3711 §9.1, RFC 7714 §8.1). False: dropped, and counted.
  bool repeatRtp(Timestamp now, Bytes packet);
  /// The same for a compound RTCP packet.
  bool sendRtcp(Timestamp now, Bytes packet);
  /// An empty buffer, with the capacity of an earlier packet if there is one.
  Bytes buffer();
  /// Gives back a buffer (of RtpPacket, of pollTransmit()) for buffer(). A kindness, never needed.
  void recycle(Bytes buffer);

  /// Abruptly, as RTCPeerConnection.close() does: the association is aborted, close_notify sent, ICE closed. What
  /// pollTransmit() still has may go out. Final.
  void close(Timestamp now);

  // --- The five verbs ---

  /// One datagram that came in on `local` from `remote`.
  InputResult handleInput(Timestamp now, const SocketAddress& local, const SocketAddress& remote, ByteView data);
  void handleTimeout(Timestamp now);
  /// The next datagram into `out`, whose `data` keeps its capacity for reuse here; false when there is none. One whose
  /// `local` is a relayed address is the owner's to wrap (see ice::Agent::addRelay).
  bool pollTransmit(Datagram& out);
  std::optional<Datagram> pollTransmit();
  std::optional<Event> pollEvent();
  std::optional<Timeout> nextTimeout() const;

  const Counters& counters() const;

 private:
  class Impl;
  explicit Transport(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace peerage::transport
