// Remote candidates, the checklist that they and ours make, and the pacing of its checks (RFC 8445 §6.1, RFC 8838).
#include <algorithm>
#include <iterator>

#include "ice/agent_impl.hpp"

namespace peerage::ice {
namespace {

/// RFC 8445 §14.2: the least Ta.
constexpr Duration kLeastTa = 5ms;

/// RFC 8445 §6.1.2.2: the same family, and link-local IPv6 addresses only among each other.
bool mayPair(const IpAddress& local, const IpAddress& remote) {
  if (local.family() != remote.family()) return false;
  return local.isV4() || local.isLinkLocal() == remote.isLinkLocal();
}

}  // namespace

void Agent::Impl::setRemoteParameters(Timestamp now, const Parameters& remote) {
  if (state_ == State::closed || current_->remote == remote) return;
  if (current_->remote && current_->remote->ufrag == remote.ufrag && current_->remote->pwd == remote.pwd) {
    current_->remote->lite = remote.lite;
  } else if (current_->remote) {
    beginRemoteRestart(now, remote);
  }
  Session& session = *current_;
  if (!session.remote) keepRemotesOf(session, remote.ufrag);
  session.remote = remote;
  if (!session.patienceEnds) session.patienceEnds = now + options_.patience;
  // RFC 8445 §6.1.1: against a lite agent the full one is controlling.
  if (remote.lite && role_ == Role::controlled) switchRole(Role::controlling, "the peer is lite");
  formPairs(session);
  replayEarlyChecks(now, session);
  settle(now);
}

/// The peer has restarted and we have not: our candidates and what is still being gathered go on, in a new checklist
/// (RFC 8445 §9).
void Agent::Impl::beginRemoteRestart(Timestamp now, const Parameters& remote) {
  auto old = std::move(current_);
  begin(old->local);
  Session& session = *current_;
  session.locals = old->locals;
  session.hostsV4 = old->hostsV4;
  session.hostsV6 = old->hostsV6;
  session.hostsEnded = old->hostsEnded;
  session.gathering = old->gathering;
  session.servers = std::move(old->servers);
  session.jobs = std::move(old->jobs);
  session.openJobs = old->openJobs;
  session.keptAlive = std::move(old->keptAlive);
  session.nextKeepalive = now + options_.serverKeepalive;
  session.restarted = true;
  session.forgetsPrevious = state_ == State::disconnected || state_ == State::failed;
  std::ranges::copy_if(old->early, std::back_inserter(session.early),
                       [&](const EarlyCheck& check) { return check.remoteUfrag == remote.ufrag; });
  for (Transaction& each : transactions_) {
    if (each.kind == Kind::gather && each.generation == old->generation) each.generation = session.generation;
  }
  retire(now, std::move(old));
}

/// Candidates trickled ahead of the parameters stay when they are of these parameters' session.
void Agent::Impl::keepRemotesOf(Session& session, std::string_view ufrag) {
  std::erase_if(session.remotes, [&](const RemoteEntry& each) {
    const std::string& its = each.candidate.candidate.ufrag;
    return !its.empty() && its != ufrag;
  });
  session.remoteByAddress.clear();
  for (size_t i = 0; i < session.remotes.size(); ++i) session.remoteByAddress[session.remotes[i].candidate.address] = i;
}

bool Agent::Impl::addRemoteCandidate(Timestamp now, const Candidate& candidate) {
  if (state_ == State::closed) return false;
  Session* session = current_.get();
  if (!candidate.ufrag.empty()) {
    const auto belongs = [&](const Session& s) { return s.remote && s.remote->ufrag == candidate.ufrag; };
    if (!belongs(*session) && previous_ && belongs(*previous_)) session = previous_.get();
    if (session->remote && session->remote->ufrag != candidate.ufrag) {
      ++counters_.ignoredCandidates;
      return false;
    }
  }
  const auto address = candidate.endpoint();
  if (candidate.protocol != Protocol::udp || candidate.component != 1 || candidate.type == CandidateType::unknown ||
      !address || address->port == 0 || address->ip.isUnspecified()) {
    ++counters_.ignoredCandidates;
    return false;
  }
  if (session->failed) return true;  // terminal: a restart is what helps (webrtc-pc §5.6.3)
  const auto known = session->remoteByAddress.find(*address);
  if (known != session->remoteByAddress.end()) {
    RemoteEntry& entry = session->remotes[known->second];
    // A peer-reflexive candidate whose signalled form has come: that one's type and priority hold from now on.
    if (!entry.told) {
      entry.told = true;
      entry.candidate.candidate = candidate;
      for (const auto& pair : session->pairs) {
        if (pair->remote == known->second) updatePair(*session, *pair);
      }
      session->sortPairs();
    }
  } else if (session == current_.get()) {
    const auto slot = roomForRemote(now, *session, true);
    if (!slot) return false;
    addRemote(*session, *slot, {{nextId_++, candidate, *address}, true});
    formPairs(*session);
  }
  settle(now);
  return true;
}

void Agent::Impl::endOfRemoteCandidates(Timestamp now) {
  if (state_ == State::closed) return;
  current_->remoteEnded = true;
  settle(now);
}

/// The number of remotes is bounded; a peer-reflexive one that leads nowhere gives way, for an address that moves over
/// and over (a NAT that rebinds) must not run out of room.
std::optional<size_t> Agent::Impl::roomForRemote(Timestamp now, Session& session, bool told) {
  if (session.remotes.size() < options_.maxRemoteCandidates) return session.remotes.size();
  ++counters_.limited;
  if (told) return std::nullopt;
  const Pair* active = session.active(now);
  for (size_t i = 0; i < session.remotes.size(); ++i) {
    if (session.remotes[i].told) continue;
    const bool used = std::ranges::any_of(session.pairs, [&](const auto& pair) {
      return pair->remote == i && (pair.get() == active || session.selected == pair->id ||
                                   session.nominating == pair->id || session.isPending(*pair));
    });
    if (used) continue;
    std::vector<PairId> gone;
    for (const auto& pair : session.pairs) {
      if (pair->remote == i) gone.push_back(pair->id);
    }
    for (const PairId id : gone) dropPair(session, id);
    session.remoteByAddress.erase(session.remotes[i].candidate.address);
    return i;
  }
  return std::nullopt;
}

/// `slot` is what roomForRemote() gave.
void Agent::Impl::addRemote(Session& session, size_t slot, RemoteEntry entry) {
  session.remoteByAddress[entry.candidate.address] = slot;
  if (slot == session.remotes.size()) {
    session.remotes.push_back(std::move(entry));
  } else {
    session.remotes[slot] = std::move(entry);
  }
}

uint64_t Agent::Impl::priorityOf(const Session& session, size_t local, size_t remote) const {
  const uint32_t ours = session.locals[local].candidate.candidate.priority;
  const uint32_t theirs = session.remotes[remote].candidate.candidate.priority;
  return role_ == Role::controlling ? pairPriority(ours, theirs) : pairPriority(theirs, ours);
}

void Agent::Impl::updatePair(Session& session, Pair& pair) {
  pair.priority = priorityOf(session, pair.local, pair.remote);
  pair.foundation = session.locals[pair.local].candidate.candidate.foundation + ' ' +
                    session.remotes[pair.remote].candidate.candidate.foundation;
}

void Agent::Impl::dropPair(Session& session, PairId id) {
  std::erase_if(transactions_, [&](const Transaction& each) { return each.kind != Kind::gather && each.pair == id; });
  session.removePair(id);
}

/// RFC 8445 §6.1.2.5: beyond the limit the pairs of lowest priority go. Those that work, or are being tried, stay.
bool Agent::Impl::roomForPair(Session& session, uint64_t priority, bool mustFit) {
  if (session.pairs.size() < options_.maxPairs) return true;
  ++counters_.limited;
  for (auto each = session.pairs.rbegin(); each != session.pairs.rend(); ++each) {
    const Pair& pair = **each;
    if (session.selected == pair.id || session.nominating == pair.id || pair.queued ||
        pair.state == PairState::in_progress || pair.state == PairState::succeeded) {
      continue;
    }
    if (!mustFit && pair.state == PairState::failed) continue;  // forgotten, it would be tried again
    if (!mustFit && pair.priority >= priority) return false;
    dropPair(session, pair.id);
    return true;
  }
  return false;
}

Pair* Agent::Impl::addPair(Session& session, size_t local, size_t remote) {
  auto pair = std::make_unique<Pair>();
  pair->id = nextId_++;
  pair->local = local;
  pair->remote = remote;
  pair->path = {session.locals[local].candidate.base, session.remotes[remote].candidate.address};
  updatePair(session, *pair);
  Pair* raw = pair.get();
  session.pairByPath[pair->path] = raw;
  const auto place = std::ranges::upper_bound(session.pairs, raw->priority, std::ranges::greater{},
                                              [](const auto& each) { return each->priority; });
  session.pairs.insert(place, std::move(pair));
  return raw;
}

/// Adds the pairs that are missing. Server-reflexive candidates are replaced by their bases and then pruned as
/// redundant (RFC 8445 §6.1.2.4), so bases alone are paired.
void Agent::Impl::formPairs(Session& session) {
  if (!session.remote || session.failed) return;
  // RFC 8445 §8.1.1: once a pair is selected the checklist is complete, and the controlling agent starts no new checks.
  if (session.selected && role_ == Role::controlling) return;
  for (size_t local = 0; local < session.locals.size(); ++local) {
    if (!session.locals[local].sends) continue;
    const SocketAddress& base = session.locals[local].candidate.base;
    for (size_t remote = 0; remote < session.remotes.size(); ++remote) {
      const SocketAddress& address = session.remotes[remote].candidate.address;
      if (!mayPair(base.ip, address.ip) || session.pairByPath.contains({base, address})) continue;
      if (roomForPair(session, priorityOf(session, local, remote), false)) addPair(session, local, remote);
    }
  }
  session.thaw();
}

void Agent::Impl::replayEarlyChecks(Timestamp now, Session& session) {
  if (!session.remote || session.early.empty()) return;
  std::vector<EarlyCheck> early = std::move(session.early);
  session.early.clear();
  for (EarlyCheck& check : early) {
    if (check.remoteUfrag != session.remote->ufrag) continue;
    if (session.baseAt(check.path.local)) {
      onCheck(now, session, check);
    } else {
      session.early.push_back(std::move(check));
    }
  }
}

// --- Pacing (RFC 8445 §6.1.4.2, §14.2) -----------------------------------------------------------------------------

Duration Agent::Impl::pace() const {
  const bool fast = current_->transactions < options_.fastTransactions;
  return std::max<Duration>(kLeastTa, fast ? std::min(options_.fastTa, options_.ta) : options_.ta);
}

bool Agent::Impl::hasPacedWork() const {
  if (!current_->jobs.empty() || !current_->triggered.empty()) return true;
  if (previous_ && !previous_->triggered.empty()) return true;
  return std::ranges::any_of(current_->pairs, [](const auto& each) { return each->state == PairState::waiting; });
}

void Agent::Impl::runPacer(Timestamp now) {
  if (nextPace_ && now < *nextPace_) return;
  if (startPacedWork(now)) {
    nextPace_ = now + pace();
    ++current_->transactions;
  }
}

/// One new transaction: a triggered check, else an ordinary check, else a server to ask; checks and servers take turns
/// so that neither starves the other.
bool Agent::Impl::startPacedWork(Timestamp now) {
  for (Session* session : {current_.get(), previous_.get()}) {
    while (session && !session->triggered.empty()) {
      Pair* pair = session->pair(session->triggered.front());
      session->triggered.pop_front();
      if (!pair) continue;
      pair->queued = false;
      sendCheck(now, *session, *pair);
      return true;
    }
  }
  Session& session = *current_;
  session.thaw();
  const auto waiting = std::ranges::find_if(
      session.pairs, [](const auto& each) { return each->state == PairState::waiting; });
  const bool serverTurn = !session.jobs.empty() && (waiting == session.pairs.end() || session.transactions % 2 == 0);
  if (serverTurn) {
    const GatherJob job = session.jobs.front();
    session.jobs.pop_front();
    startGatherJob(now, session, job);
    return true;
  }
  if (waiting == session.pairs.end()) return false;
  sendCheck(now, session, **waiting);
  return true;
}

}  // namespace peerage::ice
