// An ICE agent (RFC 8445), sans-IO: one component over UDP, full, against full and lite peers, with trickle (RFC 8838),
// consent (RFC 7675) and restarts.
//
// The owner binds sockets, resolves host names, and moves datagrams; after each call it drains pollTransmit() and
// pollEvent() until they are empty, and arms one timer for nextTimeout(). No call runs anything of the owner's.
//
//   agent.addLocalHost(now, socketAddress, {...});     // each socket, best interface first
//   agent.addStunServer(now, resolved, "stun:…");      // each server's address
//   agent.endOfHosts(now);                             // nothing more of this kind will come
//   agent.setRemoteParameters(now, {ufrag, pwd});      // and addRemoteCandidate() in any order
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "ice/candidate.hpp"

namespace peerage::ice {

enum class Role : uint8_t { controlling, controlled };
/// RTCIceTransportState (webrtc-pc §5.6.3).
enum class State : uint8_t { new_, checking, connected, completed, disconnected, failed, closed };
/// RTCIceGathererState (webrtc-pc §5.6.2).
enum class GatheringState : uint8_t { new_, gathering, complete };
/// RTCIceTransportPolicy (webrtc-pc §4.2.3); under `relay` host and reflexive candidates are neither told nor checked.
enum class TransportPolicy : uint8_t { all, relay };
/// RFC 8445 §6.1.2.6.
enum class PairState : uint8_t { frozen, waiting, in_progress, succeeded, failed };
/// How a relayed candidate's client talks to its TURN server.
enum class RelayProtocol : uint8_t { udp, tcp, tls };

std::string_view toString(Role role);
std::string_view toString(State state);
std::string_view toString(GatheringState state);
std::string_view toString(PairState state);

/// What the two ends tell each other about a session (RFC 8839 §5.3, §5.4).
struct Parameters {
  std::string ufrag;
  std::string pwd;
  bool lite = false;  ///< a=ice-lite; meaningful for the remote side alone
  friend bool operator==(const Parameters&, const Parameters&) = default;
};

/// The two ends of what a datagram travels between, as seen here: a socket of ours and the peer's address as it
/// reaches us. For a relayed candidate `local` is the relayed address.
struct Path {
  SocketAddress local;
  SocketAddress remote;
  friend auto operator<=>(const Path&, const Path&) = default;
};

struct AgentOptions {
  Role role = Role::controlling;
  Parameters local;  ///< ufrag of 4..256 and pwd of 22..256 ice-chars; made from the random source where empty
  std::optional<uint64_t> tiebreaker;  ///< RFC 8445 §7.1.3; from the random source when absent
  TransportPolicy policy = TransportPolicy::all;

  /// RFC 8445 §14.2: a new transaction every Ta, 50 ms by default and never less than 5.
  Duration ta = 50ms;
  /// Ta of the first `fastTransactions` of each generation: most sessions have fewer pairs than that, and then setting
  /// up costs round trips and no pacing delay. Never taken as less than 5 ms.
  Duration fastTa = 10ms;
  int fastTransactions = 24;
  /// RFC 8445 §14.3: the first RTO of a check to where no round trip has been measured; afterwards twice the estimate
  /// of the pair, no less than `minRto`.
  Duration rto = 500ms;
  Duration minRto = 100ms;
  /// A server that has not answered by then is reported (RTCPeerConnectionIceErrorEvent 701).
  Duration gatherLimit = 10s;
  /// While no pair is selected, bindings at STUN servers are kept alive this often (RFC 8445 §5.1.1.4).
  Duration serverKeepalive = 15s;

  /// Regular nomination (RFC 8445 §8.1.1): a valid pair is nominated at once when no better one is being checked and
  /// none can be expected; otherwise it waits so long, from the first success on: a pair without a relay, and one
  /// with.
  Duration nominateDirectAfter = 100ms;
  Duration nominateRelayAfter = 1s;
  /// RFC 8863 §4: the PAC timer, a transaction's whole time with default values: not failed before.
  Duration patience = 39500ms;

  /// RFC 7675 §5.1: a check every 5 s, times 0.8..1.2 at random; consent expires after 30 s.
  Duration consentInterval = 5s;
  Duration consentExpiry = 30s;
  /// A consent check that is so long without a response (fresh ones follow it meanwhile) makes us `disconnected`.
  Duration disconnectedAfter = 5s;

  size_t maxPairs = 100;            ///< RFC 8445 §6.1.2.5 recommends 100
  size_t maxLocalHosts = 64;        ///< per generation
  size_t maxRemoteCandidates = 128; ///< per generation, peer-reflexive ones included
  size_t maxEarlyChecks = 32;       ///< kept from before the remote parameters or our socket are known
};

/// What the owner knows about a socket's interface; it has passed the sockets best interface first.
struct HostInfo {
  uint16_t networkId = 0;    ///< 0: unknown
  uint16_t networkCost = 0;  ///< 0 (best) .. 999; lowers the local preference
  /// A name such as "<uuid>.local" to tell instead of the address (RFC 8828's mode 2 and 3; mDNS): then no candidate
  /// that we tell shows the address, related addresses included.
  std::string hostName;
};

struct LocalCandidate {
  uint64_t id = 0;         ///< unique in the agent's life
  Candidate candidate;     ///< as told: `ufrag` is that of its generation
  SocketAddress address;   ///< the real transport address, also where the candidate shows a host name
  SocketAddress base;      ///< the socket it is sent from (the relayed address itself for a relay)
  std::string url;         ///< STUN or TURN server's URL; empty for others
  uint16_t networkId = 0;
  std::optional<RelayProtocol> relayProtocol;
};

struct RemoteCandidate {
  uint64_t id = 0;
  Candidate candidate;
  SocketAddress address;
};

/// The RTCIceCandidatePair that data goes over. Its `local` is what the peer sees of us (RFC 8445 §7.2.5.3.2), its path
/// what to send on.
struct SelectedPair {
  uint64_t id = 0;
  LocalCandidate local;
  RemoteCandidate remote;
  Path path;
};

/// RTCIceCandidatePairStats' share of this layer.
struct PairStats {
  uint64_t id = 0;
  uint64_t localCandidateId = 0;
  uint64_t remoteCandidateId = 0;
  uint32_t generation = 0;
  Path path;
  PairState state = PairState::frozen;
  uint64_t priority = 0;
  bool nominated = false;
  bool selected = false;
  uint64_t requestsSent = 0;             ///< checks, first transmissions; consent checks not included
  uint64_t retransmissionsSent = 0;
  uint64_t consentRequestsSent = 0;
  uint64_t requestsReceived = 0;         ///< authenticated ones
  uint64_t responsesSent = 0;
  uint64_t responsesReceived = 0;        ///< to checks and consent checks
  std::optional<Duration> currentRoundTripTime;  ///< of the last response
  Duration totalRoundTripTime{0};        ///< over all responsesReceived
};

/// Datagrams that were not believed, and what was refused for lack of room.
struct AgentCounters {
  uint64_t malformed = 0;             ///< had STUN's cookie but did not parse, or a wrong FINGERPRINT
  uint64_t unauthenticated = 0;       ///< requests without or with wrong USERNAME or MESSAGE-INTEGRITY
  uint64_t badResponses = 0;          ///< responses that failed MESSAGE-INTEGRITY or came from elsewhere
  uint64_t unknownTransactions = 0;   ///< responses to nothing that we have asked
  uint64_t unknownAttributes = 0;     ///< requests refused with 420
  uint64_t roleConflicts = 0;         ///< 487 sent or received
  uint64_t limited = 0;               ///< candidates, pairs, early checks or error responses dropped at a limit
  uint64_t ignoredCandidates = 0;     ///< remote candidates that cannot be used here (TCP, host name, other component)
};

// --- Events --------------------------------------------------------------------------------------------------------

/// A local candidate to tell the peer (trickle).
struct CandidateGathered {
  LocalCandidate candidate;
};
/// RTCPeerConnectionIceErrorEvent (webrtc-pc §4.8.2).
struct CandidateError {
  SocketAddress local;  ///< the socket that was used
  std::string url;
  int code = 0;         ///< STUN's, or 701 when the server did not answer
  std::string text;
};
struct GatheringStateChanged {
  GatheringState state;
  std::string ufrag;  ///< of the generation
};
struct StateChanged {
  State state;
};
/// A pair has been nominated where none or another was (RFC 8445 §8.1.1 "selected").
struct SelectedPairChanged {
  SelectedPair pair;
};
/// The pair that packets are sent on has changed, nominated or not yet (webrtc-pc §5.6: the "selected candidate pair"); after a
/// restart its path may be the same as before. Nothing may be sent when it is nullopt (no pair yet, or consent is gone).
struct SendPathChanged {
  std::optional<SelectedPair> pair;
};
/// A role conflict was resolved (RFC 8445 §7.3.1.1), or a lite peer made us controlling.
struct RoleChanged {
  Role role;
};

using Event = std::variant<CandidateGathered, CandidateError, GatheringStateChanged, StateChanged, SelectedPairChanged,
                           SendPathChanged, RoleChanged>;

/// What became of a datagram.
enum class InputResult : uint8_t {
  not_stun,  ///< not for this layer: DTLS, SRTP, …
  handled,   ///< a STUN message that was ours, and believed
  unknown,   ///< a STUN message that answers nothing we asked, or an indication: a TURN client may know it
  rejected,  ///< a STUN message that was malformed or not authenticated; counted
};

// --- The agent -----------------------------------------------------------------------------------------------------

class Agent {
 public:
  /// `random` must outlive the agent.
  Agent(AgentOptions options, RandomSource& random, Log log = {});
  ~Agent();
  Agent(Agent&&) noexcept;
  Agent& operator=(Agent&&) noexcept;

  // --- Gathering, of the current generation. A restart begins with no hosts and no servers: tell both again. ---

  /// A bound UDP socket. Its address is never a wildcard. Emits the host candidate (policy permitting).
  void addLocalHost(Timestamp now, const SocketAddress& base, const HostInfo& info = {});
  /// A STUN server's resolved address; asked from every host of the same family.
  void addStunServer(Timestamp now, const SocketAddress& server, const std::string& url);
  /// An allocation at a TURN server: `relayed` is the relayed address, `mapped` our address as the server saw it.
  /// Datagrams from pollTransmit() with `local == relayed` are the owner's to wrap, and what the server relays comes to
  /// handleInput() unwrapped, with the same `local`.
  void addRelay(Timestamp now, const SocketAddress& relayed, const SocketAddress& mapped, const SocketAddress& server,
                const std::string& url, RelayProtocol protocol, const HostInfo& info = {});
  /// Reports a failure the owner met with (a name that does not resolve, a TURN allocation refused) in its place among
  /// the events.
  void addCandidateError(Timestamp now, const SocketAddress& local, const std::string& url, int code,
                         const std::string& text);
  /// No more hosts, servers or relays will come for this generation: gathering is complete when the servers asked have
  /// answered or failed.
  void endOfHosts(Timestamp now);

  // --- The peer ---

  /// The peer's ufrag and pwd. The same again changes nothing. Other ones than before, without a restart() of ours, are
  /// a restart by the peer: checks begin anew with the candidates we have.
  void setRemoteParameters(Timestamp now, const Parameters& remote);
  /// A candidate of the peer, before or after setRemoteParameters(). One whose `ufrag` is that of the previous
  /// generation goes there. Host names have been resolved by the owner: put the resolved address into `address`. What
  /// cannot be used (TCP, another component, a host name, port 0) is counted and ignored: `false`.
  bool addRemoteCandidate(Timestamp now, const Candidate& candidate);
  void endOfRemoteCandidates(Timestamp now);

  /// Begins a new generation with new credentials (made from the random source where empty). Data goes on over the old
  /// pair, and checks of the old generation are answered, until a pair of the new one is selected. The role stays.
  void restart(Timestamp now, Parameters local = {});
  /// The policy from the next restart() on.
  void setPolicy(TransportPolicy policy);
  /// JSEP fixes the role with the first description; later calls have no effect once checks have begun.
  void setRole(Role role);
  /// Terminal: nothing is sent any more, nothing is answered.
  void close(Timestamp now);

  // --- The five verbs ---

  /// One datagram that came in on `local` from `remote`.
  InputResult handleInput(Timestamp now, const SocketAddress& local, const SocketAddress& remote, ByteView data);
  void handleTimeout(Timestamp now);
  std::optional<Datagram> pollTransmit();
  std::optional<Event> pollEvent();
  std::optional<Timeout> nextTimeout() const;

  // --- Questions ---

  State state() const;
  GatheringState gatheringState() const;
  Role role() const;
  const Parameters& localParameters() const;
  const std::optional<Parameters>& remoteParameters() const;
  /// Where to send data now: the selected pair, else the best valid one (RFC 8445 §12.1); nullopt: do not send.
  const std::optional<Path>& sendPath() const;
  /// The nominated pair of the current generation, or while that has none, of the one before it.
  std::optional<SelectedPair> selectedPair() const;
  /// The pair of sendPath().
  std::optional<SelectedPair> pairInUse() const;
  /// True once an authenticated request from there was answered or a check of ours succeeded there: what other bytes
  /// from this path may be looked at. One hash lookup.
  bool validated(const SocketAddress& local, const SocketAddress& remote) const;
  /// Smoothed round trip of the path in use.
  std::optional<Duration> roundTripTime() const;

  std::vector<LocalCandidate> localCandidates() const;    ///< of the current generation; RTCIceTransport's list
  std::vector<RemoteCandidate> remoteCandidates() const;  ///< told by the peer; peer-reflexive ones are in stats alone
  /// Everything that pair stats refer to, peer-reflexive candidates and the generation still in use included.
  std::vector<LocalCandidate> allLocalCandidates() const;
  std::vector<RemoteCandidate> allRemoteCandidates() const;
  std::vector<PairStats> pairStats() const;
  const AgentCounters& counters() const;
  /// RTCTransportStats.selectedCandidatePairChanges.
  uint64_t selectedPairChanges() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace peerage::ice

template <>
struct std::hash<peerage::ice::Path> {
  size_t operator()(const peerage::ice::Path& path) const noexcept {
    const std::hash<peerage::SocketAddress> end;
    return end(path.local) * 1000003 + end(path.remote);
  }
};
