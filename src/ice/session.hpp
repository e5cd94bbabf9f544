// What an agent knows between two restarts: one checklist with its candidates, pairs and credentials. Data and lookups;
// what is done with them is the agent's.
#pragma once

#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "ice/agent.hpp"

namespace peerage::ice {

using PairId = uint64_t;

/// A base (a host or relayed candidate of ours) and a remote candidate. The valid pair that a success makes of it
/// (RFC 8445 §7.2.5.3.2) is the same object: data always leaves from the base, so what differs is `mappedLocal` alone.
struct Pair {
  PairId id = 0;
  size_t local = 0;   ///< index into Session::locals, of the base
  size_t remote = 0;  ///< index into Session::remotes
  Path path;
  std::string foundation;  ///< both candidates' (RFC 8445 §6.1.2.6)
  uint64_t priority = 0;
  PairState state = PairState::frozen;
  bool queued = false;             ///< in the triggered-check queue
  bool nominated = false;
  bool nominateNext = false;       ///< controlling: the next check carries USE-CANDIDATE
  bool nominateOnSuccess = false;  ///< controlled: USE-CANDIDATE came before our own check succeeded (§7.3.1.5)
  std::optional<size_t> mappedLocal;  ///< index into Session::locals: how the peer sees us; set when ever valid

  // Consent (RFC 7675): held until `consentUntil`; without it the pair is not usable.
  std::optional<Timestamp> consentUntil;
  Timestamp nextConsentCheck{};
  std::optional<Timestamp> unansweredSince;  ///< the first consent check since the last response
  bool probing = false;                      ///< a retransmitted check follows an unanswered consent check

  // What the controlling side's requests said last (see Agent::Impl::followNomination).
  std::optional<Timestamp> lastUseCandidate;
  bool lastRequestUsedCandidate = false;

  std::optional<Duration> smoothedRtt;
  PairStats stats;

  bool usable(Timestamp now) const { return consentUntil && now < *consentUntil; }
};

/// A check that was answered before we could act on it: no remote parameters yet, or a socket not told yet.
struct EarlyCheck {
  Path path;
  std::string remoteUfrag;
  uint32_t priority = 0;
  bool useCandidate = false;
};

struct StunServer {
  SocketAddress address;
  std::string url;
};

struct GatherJob {
  size_t host = 0;    ///< index into Session::locals
  size_t server = 0;  ///< index into Session::servers
};

struct RemoteEntry {
  RemoteCandidate candidate;
  bool told = false;  ///< by signalling; otherwise peer-reflexive
};

struct LocalEntry {
  LocalCandidate candidate;
  uint16_t localPreference = 0;
  bool sends = false;     ///< a base: host or relay
  bool gathered = false;  ///< told to the peer; otherwise peer-reflexive
  HostInfo info;
};

struct Session {
  uint32_t generation = 0;
  Parameters local;
  std::optional<Parameters> remote;
  bool restarted = false;      ///< begun by a restart
  bool forgetsPrevious = false;  ///< the old pair had lost contact: its state no longer counts (webrtc-pc §5.6.3)
  bool failed = false;         ///< terminal

  std::vector<LocalEntry> locals;
  std::vector<RemoteEntry> remotes;
  std::unordered_map<SocketAddress, size_t> remoteByAddress;
  std::vector<std::unique_ptr<Pair>> pairs;  ///< highest priority first
  std::unordered_map<Path, Pair*> pairByPath;
  std::deque<PairId> triggered;
  std::vector<EarlyCheck> early;

  GatheringState gathering = GatheringState::new_;
  bool hostsEnded = false;
  bool remoteEnded = false;
  std::vector<StunServer> servers;
  std::deque<GatherJob> jobs;
  size_t openJobs = 0;            ///< queued or asked
  std::vector<Path> keptAlive;    ///< from hosts to servers that answered
  std::optional<Timestamp> nextKeepalive;
  int hostsV4 = 0, hostsV6 = 0;

  std::optional<PairId> selected;
  std::optional<PairId> nominating;
  std::optional<Timestamp> firstValid;
  std::optional<Timestamp> patienceEnds;
  int transactions = 0;  ///< started so far: the first ones are paced faster

  Pair* pair(PairId id) const;
  Pair* pair(const Path& path) const;
  Pair* selectedPair() const { return selected ? pair(*selected) : nullptr; }
  /// The pair to send data on: the selected one, else the best that is usable.
  Pair* active(Timestamp now) const;
  /// The base with this address.
  std::optional<size_t> baseAt(const SocketAddress& address) const;
  bool isPending(const Pair& pair) const;  ///< a check of it is to come or under way
  bool hasPending() const;
  const LocalCandidate& localOf(const Pair& pair) const;  ///< as the peer sees it
  const RemoteCandidate& remoteOf(const Pair& pair) const { return remotes[pair.remote].candidate; }

  void sortPairs();
  /// RFC 8445 §6.1.2.6, §6.1.4.2 and RFC 8838 §12 in one rule: a frozen pair waits for its turn when a pair of its
  /// foundation has succeeded, or when none of its foundation is waiting or in progress.
  void thaw();
  void removePair(PairId id);
};

}  // namespace peerage::ice
