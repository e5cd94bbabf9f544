// The agent's inside, shared by the files that implement it: agent.cpp (verbs, state, questions), gathering.cpp,
// checklist.cpp (remote candidates, pairs, pacing), checks.cpp (requests and responses), nomination.cpp (nomination,
// consent).
#pragma once

#include <deque>
#include <unordered_map>

#include "ice/agent.hpp"
#include "ice/session.hpp"
#include "stun/message.hpp"
#include "stun/transaction.hpp"

namespace peerage::ice {

class Agent::Impl {
 public:
  Impl(AgentOptions options, RandomSource& random, Log log);

  // gathering.cpp
  void addLocalHost(Timestamp now, const SocketAddress& base, const HostInfo& info);
  void addStunServer(Timestamp now, const SocketAddress& server, const std::string& url);
  void addRelay(Timestamp now, const SocketAddress& relayed, const SocketAddress& mapped, const SocketAddress& server,
                const std::string& url, RelayProtocol protocol, const HostInfo& info);
  void addCandidateError(Timestamp now, CandidateError error);
  void endOfHosts(Timestamp now);

  // checklist.cpp
  void setRemoteParameters(Timestamp now, const Parameters& remote);
  bool addRemoteCandidate(Timestamp now, const Candidate& candidate);
  void endOfRemoteCandidates(Timestamp now);

  // agent.cpp
  void restart(Timestamp now, Parameters local);
  void setPolicy(TransportPolicy policy) { nextPolicy_ = policy; }
  void setRole(Role role);
  void close(Timestamp now);
  InputResult handleInput(Timestamp now, const SocketAddress& local, const SocketAddress& remote, ByteView data);
  void handleTimeout(Timestamp now);
  std::optional<Datagram> pollTransmit();
  std::optional<Event> pollEvent();
  std::optional<SelectedPair> selectedPair() const;
  std::optional<SelectedPair> pairInUse() const;
  std::optional<Duration> roundTripTime() const;
  std::vector<PairStats> pairStats() const;
  /// Calls f with the current session and the one before it, if that is still in use.
  template <typename F>
  void eachSession(F f) const {
    f(*current_);
    if (previous_) f(*previous_);
  }

  State state_ = State::new_;
  Role role_;
  AgentCounters counters_;
  std::optional<PairId> inUse_;   ///< the pair that packets are sent on
  std::optional<Path> sendPath_;  ///< its path
  std::optional<Timeout> timeout_;
  std::unordered_map<Path, uint64_t> validated_;  ///< -> when, as a running number
  uint64_t selectedPairChanges_ = 0;
  std::unique_ptr<Session> current_;
  std::unique_ptr<Session> previous_;  ///< until current_ has selected a pair

 private:
  enum class Kind : uint8_t { check, consent, gather };

  /// A request of ours that waits for its response.
  struct Transaction {
    stun::TransactionId id;
    Kind kind;
    uint32_t generation;
    PairId pair = 0;       ///< of check and consent
    GatherJob job;         ///< of gather
    Role role;             ///< that the request claimed
    bool useCandidate = false;
    uint32_t priority = 0;  ///< that the request told
    Path path;
    Bytes message;         ///< for retransmission
    stun::ClientTransaction clock;
  };

  // agent.cpp
  /// After every input: paces, nominates, derives path and state, and the next timeout.
  void settle(Timestamp now);
  void begin(Parameters local);  ///< a fresh current_
  void setState(State state, const char* reason);
  State deriveState(Timestamp now);
  bool hasFailed(const Session& session, Timestamp now) const;
  void refreshSendPath(Timestamp now);
  void retire(Timestamp now, std::unique_ptr<Session> old);  ///< keeps it as previous_ while it has a usable pair
  void dropPrevious(Timestamp now);
  std::optional<Timeout> computeTimeout(Timestamp now) const;
  void runTransactions(Timestamp now);
  void onTransactionTimeout(Timestamp now, const Transaction& transaction);
  void transmit(const Path& path, Bytes data);
  void emit(Event event) { events_.push_back(std::move(event)); }
  void markValidated(const Path& path);
  Session* sessionOf(uint32_t generation) const;
  void switchRole(Role role, const char* reason);

  // gathering.cpp
  std::string foundationOf(CandidateType type, const IpAddress& base, const std::optional<IpAddress>& server);
  void setGathering(Session& session, GatheringState state);
  void finishJob(Session& session);
  size_t addLocal(Session& session, LocalEntry entry);
  void askServers(Session& session, size_t host, size_t firstServer, size_t lastServer);
  void startGatherJob(Timestamp now, Session& session, GatherJob job);
  void onGatherResponse(Timestamp now, Session& session, const Transaction& transaction, const stun::Message& message);
  void onGatherTimeout(Session& session, const Transaction& transaction);
  void keepServersAlive(Timestamp now, Session& session);

  // checklist.cpp
  void beginRemoteRestart(Timestamp now, const Parameters& remote);
  void keepRemotesOf(Session& session, std::string_view ufrag);
  void addRemote(Session& session, size_t slot, RemoteEntry entry);
  std::optional<size_t> roomForRemote(Timestamp now, Session& session, bool told);
  void formPairs(Session& session);
  Pair* addPair(Session& session, size_t local, size_t remote);
  bool roomForPair(Session& session, uint64_t priority, bool mustFit);
  void dropPair(Session& session, PairId id);
  uint64_t priorityOf(const Session& session, size_t local, size_t remote) const;
  void updatePair(Session& session, Pair& pair);
  void replayEarlyChecks(Timestamp now, Session& session);
  bool hasPacedWork() const;
  void runPacer(Timestamp now);
  bool startPacedWork(Timestamp now);
  Duration pace() const;

  // checks.cpp
  InputResult handleRequest(Timestamp now, const Path& path, const stun::Message& message);
  InputResult handleResponse(Timestamp now, const Path& path, const stun::Message& message);
  Session* sessionFor(std::string_view username, std::string_view& remoteUfrag) const;
  bool resolveRoleConflict(const stun::Message& message);  ///< false: answer 487
  void onCheck(Timestamp now, Session& session, const EarlyCheck& check);
  bool isConcluded(const Session& session) const;
  void trigger(Timestamp now, Session& session, Pair& pair);
  void rememberEarly(Session& session, EarlyCheck check);
  void sendCheck(Timestamp now, Session& session, Pair& pair);
  void sendRequest(Timestamp now, Session& session, Pair& pair, Kind kind, bool useCandidate,
                   const stun::RetransmissionPolicy& policy);
  Duration rtoOf(const Session& session, const Pair& pair) const;
  void onCheckSuccess(Timestamp now, Session& session, Pair& pair, const Transaction& transaction,
                      const SocketAddress& mapped);
  void onCheckFailure(Timestamp now, Session& session, Pair& pair, const Transaction& transaction);
  void onRoleConflictResponse(Timestamp now, Session& session, Pair& pair, const Transaction& transaction);
  size_t mappedLocal(Session& session, const Pair& pair, const SocketAddress& mapped, uint32_t priority);
  void measure(Timestamp now, Pair& pair, const Transaction& transaction);
  void answerError(Timestamp now, const Path& path, const stun::Message& request, int code, std::string_view reason,
                   std::string_view key);
  void eraseChecksOf(PairId pair);

  // nomination.cpp
  void decideNomination(Timestamp now);
  Pair* replacementOf(Timestamp now, const Session& session) const;
  std::optional<Timestamp> nominationTime(const Session& session, const Pair& best) const;
  void followNomination(Timestamp now, Session& session, Pair& pair);
  void select(Timestamp now, Session& session, Pair& pair);
  void concludeChecks(Timestamp now, Session& session);
  void grantConsent(Timestamp now, Pair& pair);
  void runConsent(Timestamp now, Session& session);
  bool isDisconnected(const Pair& pair, Timestamp now) const;

  AgentOptions options_;
  std::optional<TransportPolicy> nextPolicy_;  ///< of the generation to come
  RandomSource& random_;
  Log log_;
  uint64_t tiebreaker_ = 0;
  uint64_t nextId_ = 1;
  uint64_t validations_ = 0;
  uint32_t generations_ = 0;
  std::vector<std::string> foundations_;  ///< what each number stands for, for the agent's life
  std::vector<Transaction> transactions_;
  std::optional<Timestamp> nextPace_;
  double errorTokens_ = 0;  ///< error responses that may still be sent
  std::optional<Timestamp> errorTokensAt_;
  std::deque<Datagram> out_;
  std::deque<Event> events_;
};

}  // namespace peerage::ice
