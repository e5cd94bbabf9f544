// Connectivity checks: requests that come in, requests of ours and their responses (RFC 8445 §7).
#include <algorithm>

#include "ice/agent_impl.hpp"

namespace peerage::ice {
namespace {

/// Error responses that strangers may cause: a burst, and then so many a second. Refusing must stay cheap.
constexpr double kErrorBurst = 10;
constexpr double kErrorsPerSecond = 10;
/// No retransmission waits longer than this for its first turn, whatever round trip was measured.
constexpr Duration kMaxRto = 3s;
/// Checks of one pair that may still be answered; the oldest goes when there are more.
constexpr int kMaxChecksPerPair = 4;
constexpr size_t kMaxLocals = 256;

}  // namespace

// --- Requests that come in -----------------------------------------------------------------------------------------

/// USERNAME is "<our ufrag>:<the peer's>" (RFC 8445 §7.2.2). The current session's comes first; two sessions with the
/// same ufrag of ours (the peer alone restarted) are told apart by the peer's.
Session* Agent::Impl::sessionFor(std::string_view username, std::string_view& remoteUfrag) const {
  const size_t colon = username.find(':');
  if (colon == std::string_view::npos) return nullptr;
  const std::string_view ours = username.substr(0, colon);
  remoteUfrag = username.substr(colon + 1);
  const bool current = current_->local.ufrag == ours;
  const bool previous = previous_ && previous_->local.ufrag == ours;
  if (current && previous && previous_->remote && previous_->remote->ufrag == remoteUfrag &&
      !(current_->remote && current_->remote->ufrag == remoteUfrag)) {
    return previous_.get();
  }
  return current ? current_.get() : previous ? previous_.get() : nullptr;
}

InputResult Agent::Impl::handleRequest(Timestamp now, const Path& path, const stun::Message& message) {
  if (message.method() != stun::Method::binding) return InputResult::unknown;
  // Under the relay policy an answer from any other address would tell what the policy hides.
  const bool ours = current_->baseAt(path.local) || (previous_ && previous_->baseAt(path.local));
  if (options_.policy == TransportPolicy::relay && !ours) return InputResult::unknown;
  // Cheapest refusal first: a text comparison, a CRC, and only then an HMAC (RFC 8489 §9.1.3).
  const auto username = message.username();
  std::string_view remoteUfrag;
  Session* session = username ? sessionFor(*username, remoteUfrag) : nullptr;
  if (!session || !message.has(stun::AttributeType::message_integrity)) {
    ++counters_.unauthenticated;
    const bool complete = username && message.has(stun::AttributeType::message_integrity);
    if (complete) {
      answerError(now, path, message, stun::error::kUnauthenticated, "Unauthenticated", {});
    } else {
      answerError(now, path, message, stun::error::kBadRequest, "Bad Request", {});
    }
    return InputResult::rejected;
  }
  if (message.fingerprint() == stun::Check::invalid) {
    ++counters_.malformed;
    return InputResult::rejected;
  }
  if (message.integrity(session->local.pwd) != stun::Check::valid) {
    ++counters_.unauthenticated;
    answerError(now, path, message, stun::error::kUnauthenticated, "Unauthenticated", {});
    return InputResult::rejected;
  }
  if (!message.unknownRequired().empty()) {
    ++counters_.unknownAttributes;
    answerError(now, path, message, stun::error::kUnknownAttribute, "Unknown Attribute", session->local.pwd);
    return InputResult::rejected;
  }
  if (!resolveRoleConflict(message)) {
    answerError(now, path, message, stun::error::kRoleConflict, "Role Conflict", session->local.pwd);
    return InputResult::handled;
  }
  Bytes response;
  response.reserve(80);
  stun::Builder(response, stun::Class::success, stun::Method::binding, message.transactionId())
      .xorAddress(stun::AttributeType::xor_mapped_address, path.remote)
      .integrity(session->local.pwd)
      .fingerprint();
  transmit(path, std::move(response));
  markValidated(path);
  EarlyCheck check{path, std::string(remoteUfrag), message.priority().value_or(0), message.useCandidate()};
  const bool known = session->remote && session->remote->ufrag == check.remoteUfrag;
  if (known && session->baseAt(path.local)) {
    onCheck(now, *session, check);
  } else {
    rememberEarly(*session, std::move(check));
  }
  return InputResult::handled;
}

/// RFC 8445 §7.3.1.1. The larger tiebreaker controls.
bool Agent::Impl::resolveRoleConflict(const stun::Message& message) {
  const auto conflicting = role_ == Role::controlling ? message.iceControlling() : message.iceControlled();
  if (!conflicting) return true;
  ++counters_.roleConflicts;
  const bool weControl = tiebreaker_ >= *conflicting;
  if (weControl == (role_ == Role::controlling)) return false;
  switchRole(weControl ? Role::controlling : Role::controlled, "a check claimed the same role");
  return true;
}

void Agent::Impl::answerError(Timestamp now, const Path& path, const stun::Message& request, int code,
                              std::string_view reason, std::string_view key) {
  if (key.empty()) {
    const double earned = errorTokensAt_ ? kErrorsPerSecond * seconds(now - *errorTokensAt_) : kErrorBurst;
    errorTokens_ = std::min(kErrorBurst, errorTokens_ + earned);
    errorTokensAt_ = now;
    if (errorTokens_ < 1) {
      ++counters_.limited;
      return;
    }
    errorTokens_ -= 1;
  }
  Bytes response;
  stun::Builder builder(response, stun::Class::error, stun::Method::binding, request.transactionId());
  builder.errorCode(code, reason);
  if (code == stun::error::kUnknownAttribute) builder.unknownAttributes(request.unknownRequired());
  if (!key.empty()) builder.integrity(key);
  builder.fingerprint();
  transmit(path, std::move(response));
}

void Agent::Impl::rememberEarly(Session& session, EarlyCheck check) {
  if (session.failed) return;
  const auto same = std::ranges::find_if(session.early, [&](const EarlyCheck& each) {
    return each.path == check.path && each.remoteUfrag == check.remoteUfrag;
  });
  if (same != session.early.end()) {
    check.useCandidate = check.useCandidate || same->useCandidate;
    *same = std::move(check);
  } else if (session.early.size() < options_.maxEarlyChecks) {
    session.early.push_back(std::move(check));
  } else {
    ++counters_.limited;
  }
}

/// What an authenticated check tells: RFC 8445 §7.3.1.3 (peer-reflexive candidate), §7.3.1.4 (triggered check),
/// §7.3.1.5 (nomination).
void Agent::Impl::onCheck(Timestamp now, Session& session, const EarlyCheck& check) {
  if (session.failed) return;
  Pair* pair = session.pair(check.path);
  if (!pair && isConcluded(session)) return;
  const auto base = session.baseAt(check.path.local);
  auto known = session.remoteByAddress.find(check.path.remote);
  if (known == session.remoteByAddress.end()) {
    const auto slot = roomForRemote(now, session, false);
    if (!slot) return;
    RemoteCandidate remote{.id = nextId_++, .candidate = {}, .address = check.path.remote};
    remote.candidate.foundation = "prflx" + std::to_string(remote.id);  // §7.3.1.3: arbitrary, and like no other
    remote.candidate.priority = check.priority;
    remote.candidate.address = check.path.remote.ip.toString();
    remote.candidate.port = check.path.remote.port;
    remote.candidate.type = CandidateType::prflx;
    remote.candidate.ufrag = check.remoteUfrag;
    addRemote(session, *slot, {std::move(remote), false});
    known = session.remoteByAddress.find(check.path.remote);
  }
  if (!pair) {
    if (!roomForPair(session, 0, true)) return;
    pair = addPair(session, *base, known->second);
  }
  ++pair->stats.requestsReceived;
  ++pair->stats.responsesSent;
  pair->lastRequestUsedCandidate = check.useCandidate;
  if (check.useCandidate) pair->lastUseCandidate = now;
  trigger(now, session, *pair);
  if (check.useCandidate && role_ == Role::controlled) {
    if (pair->state == PairState::succeeded && pair->usable(now)) {
      followNomination(now, session, *pair);
    } else {
      pair->nominateOnSuccess = true;
    }
  }
}

/// Once a pair has been nominated, or after a restart, the controlling side looks for no more; unless the pair is
/// silent (see replacementOf).
bool Agent::Impl::isConcluded(const Session& session) const {
  if (role_ == Role::controlled) return false;
  const Pair* selected = session.selectedPair();
  return &session != current_.get() || (selected && !selected->unansweredSince);
}

void Agent::Impl::trigger(Timestamp now, Session& session, Pair& pair) {
  if (pair.queued || (pair.state == PairState::succeeded && pair.usable(now))) return;
  if (isConcluded(session)) return;
  if (pair.state == PairState::in_progress) {
    // §7.3.1.4: the transaction under way is cancelled: not retransmitted, not a failure when unanswered.
    for (Transaction& each : transactions_) {
      if (each.kind == Kind::check && each.pair == pair.id) each.clock.stopRetransmitting(now);
    }
  }
  pair.state = PairState::waiting;
  pair.queued = true;
  session.triggered.push_back(pair.id);
}

// --- Requests of ours ----------------------------------------------------------------------------------------------

/// RFC 8445 §14.3: RTO = MAX (500 ms, Ta * N * (Num-Waiting + Num-In-Progress)) until the path has been measured.
Duration Agent::Impl::rtoOf(const Session& session, const Pair& pair) const {
  if (pair.smoothedRtt) return std::clamp<Duration>(*pair.smoothedRtt * 2, options_.minRto, kMaxRto);
  const auto open = std::ranges::count_if(session.pairs, [](const auto& each) {
    return each->state == PairState::waiting || each->state == PairState::in_progress;
  });
  return std::clamp<Duration>(pace() * open, options_.rto, std::max(options_.rto, kMaxRto));
}

void Agent::Impl::sendCheck(Timestamp now, Session& session, Pair& pair) {
  const bool nominate = std::exchange(pair.nominateNext, false) && role_ == Role::controlling;
  if (pair.state != PairState::succeeded || !pair.usable(now)) pair.state = PairState::in_progress;
  const auto ofPair = [&](const Transaction& each) { return each.kind == Kind::check && each.pair == pair.id; };
  if (std::ranges::count_if(transactions_, ofPair) >= kMaxChecksPerPair) {
    transactions_.erase(std::ranges::find_if(transactions_, ofPair));
  }
  sendRequest(now, session, pair, Kind::check, nominate, {.rto = rtoOf(session, pair)});
}

void Agent::Impl::sendRequest(Timestamp now, Session& session, Pair& pair, Kind kind, bool useCandidate,
                              const stun::RetransmissionPolicy& policy) {
  Transaction transaction{.id = stun::TransactionId::random(random_),
                          .kind = kind,
                          .generation = session.generation,
                          .pair = pair.id,
                          .role = role_,
                          .useCandidate = useCandidate,
                          .path = pair.path,
                          .clock = stun::ClientTransaction(now, policy)};
  // RFC 8445 §7.1.1: the priority that a peer-reflexive candidate learned from this check would have.
  transaction.priority = candidatePriority(typePreference(CandidateType::prflx),
                                           session.locals[pair.local].localPreference, 1);
  transaction.message.reserve(128);
  stun::Builder builder(transaction.message, stun::Class::request, stun::Method::binding, transaction.id);
  builder.username(session.remote->ufrag + ':' + session.local.ufrag).priority(transaction.priority);
  if (role_ == Role::controlling) {
    builder.iceControlling(tiebreaker_);
  } else {
    builder.iceControlled(tiebreaker_);
  }
  if (useCandidate) builder.useCandidate();
  builder.integrity(session.remote->pwd).fingerprint();
  ++(kind == Kind::consent ? pair.stats.consentRequestsSent : pair.stats.requestsSent);
  transmit(pair.path, transaction.message);
  transactions_.push_back(std::move(transaction));
}

// --- Their responses -----------------------------------------------------------------------------------------------

InputResult Agent::Impl::handleResponse(Timestamp now, const Path& path, const stun::Message& message) {
  const auto found = std::ranges::find(transactions_, message.transactionId(), &Transaction::id);
  if (found == transactions_.end()) {
    ++counters_.unknownTransactions;
    return InputResult::unknown;
  }
  Session* session = sessionOf(found->generation);
  const bool malformed = message.fingerprint() == stun::Check::invalid;
  // A server's responses are not authenticated: then the address is what there is to go by.
  const bool forged = found->kind == Kind::gather
                          ? found->path != path
                          : message.integrity(session->remote->pwd) != stun::Check::valid;
  if (malformed || forged) {
    ++(malformed ? counters_.malformed : counters_.badResponses);
    return InputResult::rejected;  // as if never received (RFC 8489 §9.1.4): retransmission goes on
  }
  const Transaction transaction = std::move(*found);
  transactions_.erase(found);
  if (transaction.kind == Kind::gather) {
    onGatherResponse(now, *session, transaction, message);
    return InputResult::handled;
  }
  Pair* pair = session->pair(transaction.pair);
  if (!pair) return InputResult::handled;
  ++pair->stats.responsesReceived;
  measure(now, *pair, transaction);
  if (message.messageClass() == stun::Class::error) {
    const auto code = message.errorCode();
    if (code && code->code == stun::error::kRoleConflict) {
      onRoleConflictResponse(now, *session, *pair, transaction);
    } else {
      onCheckFailure(now, *session, *pair, transaction);
    }
    return InputResult::handled;
  }
  const auto mapped = message.xorMappedAddress();
  // §7.2.5.2.1: the response must come back the way that the request went.
  if (!mapped || transaction.path != path || !message.unknownRequired().empty()) {
    ++counters_.badResponses;
    onCheckFailure(now, *session, *pair, transaction);
    return InputResult::handled;
  }
  onCheckSuccess(now, *session, *pair, transaction, *mapped);
  return InputResult::handled;
}

void Agent::Impl::measure(Timestamp now, Pair& pair, const Transaction& transaction) {
  const Duration sample = now - transaction.clock.lastSent();
  pair.stats.currentRoundTripTime = sample;
  pair.stats.totalRoundTripTime += sample;
  // Which of several transmissions was answered is not known (Karn; RFC 8489 §6.2.1): such a sample is for display.
  if (transaction.clock.transmissions() > 1) return;
  pair.smoothedRtt = pair.smoothedRtt ? (*pair.smoothedRtt * 7 + sample) / 8 : sample;
}

/// RFC 8445 §7.2.5.1; §16.1: after a 487 the tiebreaker must change.
void Agent::Impl::onRoleConflictResponse(Timestamp now, Session& session, Pair& pair, const Transaction& transaction) {
  ++counters_.roleConflicts;
  if (transaction.role == role_) {
    switchRole(role_ == Role::controlling ? Role::controlled : Role::controlling, "487 Role Conflict");
    tiebreaker_ = random_.u64();
  }
  if (pair.state == PairState::in_progress) pair.state = PairState::waiting;
  trigger(now, session, pair);
}

/// RFC 8445 §7.2.5.3.1: an address that is no candidate of ours yet is peer-reflexive.
size_t Agent::Impl::mappedLocal(Session& session, const Pair& pair, const SocketAddress& mapped, uint32_t priority) {
  const SocketAddress base = session.locals[pair.local].candidate.base;
  if (mapped == base) return pair.local;
  for (size_t i = 0; i < session.locals.size(); ++i) {
    if (session.locals[i].candidate.address == mapped && session.locals[i].candidate.base == base) return i;
  }
  if (session.locals.size() >= kMaxLocals) {
    ++counters_.limited;
    return pair.local;
  }
  LocalEntry entry;
  entry.info = session.locals[pair.local].info;
  entry.localPreference = session.locals[pair.local].localPreference;
  entry.candidate.address = mapped;
  entry.candidate.base = base;
  Candidate& candidate = entry.candidate.candidate;
  candidate.type = CandidateType::prflx;
  candidate.foundation = foundationOf(CandidateType::prflx, base.ip, std::nullopt);
  candidate.priority = priority;
  candidate.address = mapped.ip.toString();
  candidate.port = mapped.port;
  return addLocal(session, std::move(entry));
}

/// RFC 8445 §7.2.5.3.
void Agent::Impl::onCheckSuccess(Timestamp now, Session& session, Pair& pair, const Transaction& transaction,
                                 const SocketAddress& mapped) {
  markValidated(pair.path);
  pair.mappedLocal = mappedLocal(session, pair, mapped, transaction.priority);
  pair.state = PairState::succeeded;
  if (pair.queued) {
    pair.queued = false;
    std::erase(session.triggered, pair.id);
  }
  grantConsent(now, pair);
  // Other checks of the pair have nothing left to find out, but for the one that is to nominate it.
  const bool nominates = session.nominating == pair.id && !transaction.useCandidate;
  std::erase_if(transactions_, [&](const Transaction& each) {
    return each.kind == Kind::check && each.pair == pair.id && !(nominates && each.useCandidate);
  });
  if (!session.firstValid) session.firstValid = now;
  if (transaction.useCandidate && transaction.role == Role::controlling && role_ == Role::controlling) {
    select(now, session, pair);
  } else if (role_ == Role::controlled && std::exchange(pair.nominateOnSuccess, false)) {
    followNomination(now, session, pair);
  } else if (session.nominating == pair.id && !pair.queued && role_ == Role::controlling) {
    // The nomination itself was in the queue when an older check of the pair was answered.
    const bool underWay = std::ranges::any_of(transactions_, [&](const Transaction& each) {
      return each.pair == pair.id && each.useCandidate;
    });
    if (!underWay) session.nominating.reset();
  }
}

/// An error response, a response from elsewhere, or none: RFC 8445 §7.2.5.2.
void Agent::Impl::onCheckFailure(Timestamp now, Session& session, Pair& pair, const Transaction& transaction) {
  if (transaction.kind == Kind::consent) return;  // RFC 7675 §5.1: only time ends consent
  const bool others = std::ranges::any_of(transactions_, [&](const Transaction& each) {
    return each.kind == Kind::check && each.pair == pair.id;
  });
  if (transaction.useCandidate && session.nominating == pair.id) {
    session.nominating.reset();
    // With no other pair to nominate it is tried again, for as long as there is consent.
    const bool another = std::ranges::any_of(session.pairs, [&](const auto& each) {
      return each.get() != &pair && each->usable(now);
    });
    if (another || !pair.usable(now)) {
      pair.consentUntil.reset();
      pair.state = PairState::failed;
    }
  } else if (pair.state == PairState::in_progress && !others) {
    pair.state = PairState::failed;
    pair.nominateOnSuccess = false;
  }
  if (!others) pair.probing = false;
}

}  // namespace peerage::ice
