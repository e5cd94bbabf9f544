#include "ice/agent.hpp"

#include <algorithm>

#include "ice/agent_impl.hpp"

namespace peerage::ice {
namespace {

/// Paths that are known to lead to the peer; the one validated longest ago goes first.
constexpr size_t kMaxValidated = 256;
/// Datagrams that an owner who does not drain has left; more are dropped.
constexpr size_t kMaxQueued = 4096;
/// RFC 8445 §5.3: at least 24 random bits in the ufrag and 128 in the password; each character has six.
constexpr size_t kUfragLength = 8;
constexpr size_t kPasswordLength = 24;

}  // namespace

std::string_view toString(Role role) { return role == Role::controlling ? "controlling" : "controlled"; }

std::string_view toString(State state) {
  switch (state) {
    case State::new_: return "new";
    case State::checking: return "checking";
    case State::connected: return "connected";
    case State::completed: return "completed";
    case State::disconnected: return "disconnected";
    case State::failed: return "failed";
    case State::closed: return "closed";
  }
  return "";
}

std::string_view toString(GatheringState state) {
  switch (state) {
    case GatheringState::new_: return "new";
    case GatheringState::gathering: return "gathering";
    case GatheringState::complete: return "complete";
  }
  return "";
}

std::string_view toString(PairState state) {
  switch (state) {
    case PairState::frozen: return "frozen";
    case PairState::waiting: return "waiting";
    case PairState::in_progress: return "in-progress";
    case PairState::succeeded: return "succeeded";
    case PairState::failed: return "failed";
  }
  return "";
}

// --- Sessions ------------------------------------------------------------------------------------------------------

Agent::Impl::Impl(AgentOptions options, RandomSource& random, Log log)
    : role_(options.role), options_(std::move(options)), random_(random), log_(std::move(log)) {
  tiebreaker_ = options_.tiebreaker ? *options_.tiebreaker : random_.u64();
  begin(options_.local);
}

void Agent::Impl::begin(Parameters local) {
  if (local.ufrag.empty()) local.ufrag = random_.iceChars(kUfragLength);
  if (local.pwd.empty()) local.pwd = random_.iceChars(kPasswordLength);
  current_ = std::make_unique<Session>();
  current_->generation = generations_++;
  current_->local = std::move(local);
}

void Agent::Impl::restart(Timestamp now, Parameters local) {
  if (state_ == State::closed) return;
  if (nextPolicy_) options_.policy = *nextPolicy_;
  auto old = std::move(current_);
  begin(std::move(local));
  current_->restarted = state_ != State::new_;
  current_->forgetsPrevious = state_ == State::disconnected || state_ == State::failed;
  retire(now, std::move(old));
  settle(now);
}

/// RFC 8445 §9: until the new session has selected a pair, data goes on over the old one.
void Agent::Impl::retire(Timestamp now, std::unique_ptr<Session> old) {
  if (old->active(now)) {
    // Its checklist is over: no ordinary checks. What the peer asks for is still answered.
    std::vector<PairId> waiting;
    for (const auto& each : old->pairs) {
      if (each->state == PairState::frozen || each->state == PairState::waiting) waiting.push_back(each->id);
    }
    for (const PairId id : waiting) dropPair(*old, id);
    previous_ = std::move(old);
  }
  std::erase_if(transactions_, [&](const Transaction& each) {
    const Session* session = sessionOf(each.generation);
    return !session || (session == previous_.get() && each.kind == Kind::gather);
  });
}

void Agent::Impl::dropPrevious(Timestamp now) {
  if (!previous_ || (!current_->selected && !current_->failed && previous_->active(now))) return;
  std::erase_if(transactions_, [&](const Transaction& each) { return each.generation == previous_->generation; });
  previous_.reset();
}

Session* Agent::Impl::sessionOf(uint32_t generation) const {
  if (current_->generation == generation) return current_.get();
  return previous_ && previous_->generation == generation ? previous_.get() : nullptr;
}

void Agent::Impl::setRole(Role role) {
  if (role == role_ || (current_->remote && !current_->pairs.empty()) || previous_) return;
  role_ = role;
}

/// RFC 8445 §7.3.1.1: pair priorities depend on the role, and are computed anew.
void Agent::Impl::switchRole(Role role, const char* reason) {
  role_ = role;
  eachSession([this](Session& session) {
    session.nominating.reset();
    for (const auto& pair : session.pairs) {
      pair->nominateNext = pair->nominateOnSuccess = false;
      updatePair(session, *pair);
    }
    session.sortPairs();
  });
  emit(RoleChanged{role});
  if (log_) log_.info(std::string("role ") + std::string(toString(role)) + ": " + reason);
}

void Agent::Impl::close(Timestamp now) {
  if (state_ == State::closed) return;
  transactions_.clear();
  previous_.reset();
  const Parameters local = current_->local;
  begin(local);
  out_.clear();
  validated_.clear();
  refreshSendPath(now);
  setState(State::closed, "closed by its owner");
  timeout_.reset();
}

// --- The five verbs ------------------------------------------------------------------------------------------------

InputResult Agent::Impl::handleInput(Timestamp now, const SocketAddress& local, const SocketAddress& remote,
                                     ByteView data) {
  if (!stun::looksLikeStun(data)) return InputResult::not_stun;
  if (state_ == State::closed) return InputResult::unknown;
  const auto message = stun::Message::parse(data);
  if (!message) {
    ++counters_.malformed;
    return InputResult::rejected;
  }
  if (message->isIndication()) return InputResult::unknown;  // keeps a NAT's binding alive, or is TURN's
  const Path path{local, remote};
  const InputResult result =
      message->isRequest() ? handleRequest(now, path, *message) : handleResponse(now, path, *message);
  if (result == InputResult::handled) settle(now);  // nothing else changes what there is to do
  return result;
}

void Agent::Impl::handleTimeout(Timestamp now) {
  if (state_ == State::closed) return;
  runTransactions(now);
  settle(now);
}

std::optional<Datagram> Agent::Impl::pollTransmit() {
  if (out_.empty()) return std::nullopt;
  Datagram datagram = std::move(out_.front());
  out_.pop_front();
  return datagram;
}

std::optional<Event> Agent::Impl::pollEvent() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void Agent::Impl::transmit(const Path& path, Bytes data) {
  if (out_.size() < kMaxQueued) out_.push_back({path.local, path.remote, std::move(data)});
}

void Agent::Impl::markValidated(const Path& path) {
  if (validated_.size() >= kMaxValidated && !validated_.contains(path)) {
    auto oldest = validated_.end();
    for (auto each = validated_.begin(); each != validated_.end(); ++each) {
      if (each->first != sendPath_ && (oldest == validated_.end() || each->second < oldest->second)) oldest = each;
    }
    validated_.erase(oldest);
  }
  validated_[path] = ++validations_;
}

void Agent::Impl::eraseChecksOf(PairId pair) {
  std::erase_if(transactions_, [&](const Transaction& each) { return each.kind != Kind::gather && each.pair == pair; });
}

void Agent::Impl::runTransactions(Timestamp now) {
  std::vector<Transaction> over;
  for (Transaction& each : transactions_) {
    switch (each.clock.advance(now)) {
      case stun::ClientTransaction::Step::wait:
        break;
      case stun::ClientTransaction::Step::retransmit:
        transmit(each.path, each.message);
        if (Session* session = sessionOf(each.generation); session && each.kind == Kind::check) {
          if (Pair* pair = session->pair(each.pair)) ++pair->stats.retransmissionsSent;
        }
        break;
      case stun::ClientTransaction::Step::timed_out:
        over.push_back(each);
        break;
    }
  }
  if (over.empty()) return;
  std::erase_if(transactions_, [&](const Transaction& each) {
    return std::ranges::any_of(over, [&](const Transaction& ended) { return ended.id == each.id; });
  });
  for (const Transaction& each : over) onTransactionTimeout(now, each);
}

void Agent::Impl::onTransactionTimeout(Timestamp now, const Transaction& transaction) {
  Session* session = sessionOf(transaction.generation);
  if (!session) return;
  if (transaction.kind == Kind::gather) {
    onGatherTimeout(*session, transaction);
  } else if (Pair* pair = session->pair(transaction.pair)) {
    onCheckFailure(now, *session, *pair, transaction);
  }
}

// --- What follows from an input ------------------------------------------------------------------------------------

void Agent::Impl::settle(Timestamp now) {
  if (state_ == State::closed) return;
  runConsent(now, *current_);
  if (previous_) runConsent(now, *previous_);
  keepServersAlive(now, *current_);
  decideNomination(now);
  current_->thaw();
  runPacer(now);
  const State state = deriveState(now);
  dropPrevious(now);
  refreshSendPath(now);
  setState(state, "");
  timeout_ = computeTimeout(now);
}

void Agent::Impl::refreshSendPath(Timestamp now) {
  const Pair* pair = current_->selectedPair();
  if (!pair || !pair->usable(now)) pair = previous_ ? previous_->active(now) : nullptr;
  if (!pair) pair = current_->active(now);
  // By the pair, not by its path alone: that of a new generation has other candidates, often over the same path.
  const std::optional<PairId> inUse = pair ? std::optional(pair->id) : std::nullopt;
  if (inUse == inUse_) return;
  inUse_ = inUse;
  sendPath_ = pair ? std::optional(pair->path) : std::nullopt;
  if (pair) ++selectedPairChanges_;
  emit(SendPathChanged{pairInUse()});
}

void Agent::Impl::setState(State state, const char* reason) {
  if (state == state_) return;
  if (log_) {
    log_.info(std::string(toString(state_)) + " -> " + std::string(toString(state)) + (*reason ? ": " : "") + reason);
  }
  state_ = state;
  emit(StateChanged{state});
}

/// RTCIceTransportState (webrtc-pc §5.6.3) as a function of what is known.
State Agent::Impl::deriveState(Timestamp now) {
  Session& session = *current_;
  if (const Pair* pair = session.active(now)) {
    if (isDisconnected(*pair, now)) return State::disconnected;
    const bool done = session.selected && session.remoteEnded && session.gathering == GatheringState::complete;
    return done ? State::completed : State::connected;
  }
  // Its note on restarts: begun in completed they lead to connected, begun in disconnected to checking.
  if (const Pair* pair = previous_ ? previous_->active(now) : nullptr) {
    if (!pair->unansweredSince) session.forgetsPrevious = false;  // it has come back
    if (!session.forgetsPrevious) {
      return isDisconnected(*pair, now) ? State::disconnected : State::connected;
    }
  }
  if (hasFailed(session, now)) {
    session.failed = true;
    return State::failed;
  }
  const bool candidates = session.remote && !session.remotes.empty();
  return candidates || session.restarted || session.firstValid ? State::checking : State::new_;
}

/// webrtc-pc §5.6.3, failed: gathering has finished, the peer has no more candidates, all pairs have been checked and
/// none is left, and either no local candidate was gathered or the PAC timer (RFC 8863) has expired. A peer that never
/// says that it has no more is taken to have said so by then.
bool Agent::Impl::hasFailed(const Session& session, Timestamp now) const {
  if (session.failed) return true;
  if (!session.remote || session.gathering != GatheringState::complete || session.hasPending()) return false;
  const bool patienceOver = session.patienceEnds && now >= *session.patienceEnds;
  const bool noneGathered = std::ranges::none_of(session.locals, &LocalEntry::gathered);
  if (session.remoteEnded) return patienceOver || noneGathered;
  return patienceOver && !session.remotes.empty();
}

std::optional<Timeout> Agent::Impl::computeTimeout(Timestamp now) const {
  std::optional<Timeout> next;
  const auto consider = [&next](Timestamp at, const char* reason) { next = soonest(next, Timeout{at, reason}); };
  for (const Transaction& each : transactions_) consider(each.clock.nextTimeout(), "ice: retransmission");
  if (hasPacedWork()) consider(nextPace_ ? std::max(*nextPace_, now) : now, "ice: pacing");
  const Session& session = *current_;
  const bool keepsAlive = session.nextKeepalive && !session.selected && !session.failed;
  if (keepsAlive) consider(*session.nextKeepalive, "ice: server keepalive");
  eachSession([&](const Session& each) {
    const Pair* pair = each.active(now);
    if (!pair) return;
    consider(pair->nextConsentCheck, "ice: consent check");
    consider(*pair->consentUntil, "ice: consent expiry");
    if (!pair->unansweredSince) return;
    if (!pair->probing) consider(*pair->unansweredSince + rtoOf(each, *pair), "ice: consent unanswered");
    if (!isDisconnected(*pair, now)) consider(*pair->unansweredSince + options_.disconnectedAfter, "ice: disconnected");
  });
  const Pair* best = session.active(now);
  if (role_ == Role::controlling && best && !session.selected && !session.nominating) {
    consider(nominationTime(session, *best).value_or(now), "ice: nomination");
  }
  if (!best && session.patienceEnds && now < *session.patienceEnds) consider(*session.patienceEnds, "ice: patience");
  return next;
}

// --- Questions -----------------------------------------------------------------------------------------------------

std::optional<SelectedPair> Agent::Impl::selectedPair() const {
  for (const Session* session : {current_.get(), previous_.get()}) {
    const Pair* pair = session ? session->selectedPair() : nullptr;
    if (pair) return SelectedPair{pair->id, session->localOf(*pair), session->remoteOf(*pair), pair->path};
  }
  return std::nullopt;
}

std::optional<SelectedPair> Agent::Impl::pairInUse() const {
  if (!inUse_) return std::nullopt;
  for (const Session* session : {current_.get(), previous_.get()}) {
    const Pair* pair = session ? session->pair(*inUse_) : nullptr;
    if (pair) return SelectedPair{pair->id, session->localOf(*pair), session->remoteOf(*pair), pair->path};
  }
  return std::nullopt;
}

std::optional<Duration> Agent::Impl::roundTripTime() const {
  if (!sendPath_) return std::nullopt;
  for (const Session* session : {current_.get(), previous_.get()}) {
    const Pair* pair = session ? session->pair(*sendPath_) : nullptr;
    if (pair && pair->smoothedRtt) return pair->smoothedRtt;
  }
  return std::nullopt;
}

std::vector<PairStats> Agent::Impl::pairStats() const {
  std::vector<PairStats> all;
  const std::optional<SelectedPair> inUse = pairInUse();
  eachSession([&](const Session& session) {
    for (const auto& pair : session.pairs) {
      PairStats& stats = all.emplace_back(pair->stats);
      stats.id = pair->id;
      stats.localCandidateId = session.localOf(*pair).id;
      stats.remoteCandidateId = session.remoteOf(*pair).id;
      stats.generation = session.generation;
      stats.path = pair->path;
      stats.state = pair->state;
      stats.priority = pair->priority;
      stats.nominated = pair->nominated;
      stats.selected = inUse && inUse->id == pair->id;
    }
  });
  return all;
}

// --- The public face -----------------------------------------------------------------------------------------------

Agent::Agent(AgentOptions options, RandomSource& random, Log log)
    : impl_(std::make_unique<Impl>(std::move(options), random, std::move(log))) {}
Agent::~Agent() = default;
Agent::Agent(Agent&&) noexcept = default;
Agent& Agent::operator=(Agent&&) noexcept = default;

void Agent::addLocalHost(Timestamp now, const SocketAddress& base, const HostInfo& info) {
  impl_->addLocalHost(now, base, info);
}
void Agent::addStunServer(Timestamp now, const SocketAddress& server, const std::string& url) {
  impl_->addStunServer(now, server, url);
}
void Agent::addRelay(Timestamp now, const SocketAddress& relayed, const SocketAddress& mapped,
                     const SocketAddress& server, const std::string& url, RelayProtocol protocol,
                     const HostInfo& info) {
  impl_->addRelay(now, relayed, mapped, server, url, protocol, info);
}
void Agent::addCandidateError(Timestamp now, const SocketAddress& local, const std::string& url, int code,
                              const std::string& text) {
  impl_->addCandidateError(now, {local, url, code, text});
}
void Agent::endOfHosts(Timestamp now) { impl_->endOfHosts(now); }
void Agent::setRemoteParameters(Timestamp now, const Parameters& remote) { impl_->setRemoteParameters(now, remote); }
bool Agent::addRemoteCandidate(Timestamp now, const Candidate& candidate) {
  return impl_->addRemoteCandidate(now, candidate);
}
void Agent::endOfRemoteCandidates(Timestamp now) { impl_->endOfRemoteCandidates(now); }
void Agent::restart(Timestamp now, Parameters local) { impl_->restart(now, std::move(local)); }
void Agent::setPolicy(TransportPolicy policy) { impl_->setPolicy(policy); }
void Agent::setRole(Role role) { impl_->setRole(role); }
void Agent::close(Timestamp now) { impl_->close(now); }
InputResult Agent::handleInput(Timestamp now, const SocketAddress& local, const SocketAddress& remote, ByteView data) {
  return impl_->handleInput(now, local, remote, data);
}
void Agent::handleTimeout(Timestamp now) { impl_->handleTimeout(now); }
std::optional<Datagram> Agent::pollTransmit() { return impl_->pollTransmit(); }
std::optional<Event> Agent::pollEvent() { return impl_->pollEvent(); }
std::optional<Timeout> Agent::nextTimeout() const { return impl_->timeout_; }
State Agent::state() const { return impl_->state_; }
GatheringState Agent::gatheringState() const { return impl_->current_->gathering; }
Role Agent::role() const { return impl_->role_; }
const Parameters& Agent::localParameters() const { return impl_->current_->local; }
const std::optional<Parameters>& Agent::remoteParameters() const { return impl_->current_->remote; }
const std::optional<Path>& Agent::sendPath() const { return impl_->sendPath_; }
std::optional<SelectedPair> Agent::selectedPair() const { return impl_->selectedPair(); }
std::optional<SelectedPair> Agent::pairInUse() const { return impl_->pairInUse(); }
bool Agent::validated(const SocketAddress& local, const SocketAddress& remote) const {
  return impl_->validated_.contains(Path{local, remote});
}
std::optional<Duration> Agent::roundTripTime() const { return impl_->roundTripTime(); }
std::vector<PairStats> Agent::pairStats() const { return impl_->pairStats(); }
const AgentCounters& Agent::counters() const { return impl_->counters_; }
uint64_t Agent::selectedPairChanges() const { return impl_->selectedPairChanges_; }

std::vector<LocalCandidate> Agent::localCandidates() const {
  std::vector<LocalCandidate> all;
  for (const auto& each : impl_->current_->locals) {
    if (each.gathered) all.push_back(each.candidate);
  }
  return all;
}

std::vector<RemoteCandidate> Agent::remoteCandidates() const {
  std::vector<RemoteCandidate> all;
  for (const auto& each : impl_->current_->remotes) {
    if (each.told) all.push_back(each.candidate);
  }
  return all;
}

std::vector<LocalCandidate> Agent::allLocalCandidates() const {
  std::vector<LocalCandidate> all;
  impl_->eachSession([&all](const Session& session) {
    for (const auto& each : session.locals) all.push_back(each.candidate);
  });
  return all;
}

std::vector<RemoteCandidate> Agent::allRemoteCandidates() const {
  std::vector<RemoteCandidate> all;
  impl_->eachSession([&all](const Session& session) {
    for (const auto& each : session.remotes) all.push_back(each.candidate);
  });
  return all;
}

}  // namespace peerage::ice
