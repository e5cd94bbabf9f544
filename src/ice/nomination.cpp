// Nomination (RFC 8445 §8) and consent (RFC 7675).
#include <algorithm>

#include "ice/agent_impl.hpp"

namespace peerage::ice {
namespace {

/// How long the USE-CANDIDATE of the pair selected last protects it from one on a pair of lower priority.
constexpr Duration kNominationHold = 1s;
/// A consent check is sent once; its response is looked for so long.
constexpr Duration kConsentWait = 10s;

}  // namespace

/// Controlling: regular nomination of the best valid pair, at the time that nominationTime() gives.
void Agent::Impl::decideNomination(Timestamp now) {
  Session& session = *current_;
  if (role_ != Role::controlling || session.nominating || session.failed) return;
  Pair* best = session.selected ? replacementOf(now, session) : session.active(now);
  if (!best) return;
  if (!session.selected) {
    const auto at = nominationTime(session, *best);
    if (at && now < *at) return;
  }
  session.nominating = best->id;
  best->nominateNext = true;
  if (!best->queued) {
    best->queued = true;
    session.triggered.push_front(best->id);
  }
}

/// RFC 8445 §8.1.1 nominates once. But when the selected pair has gone silent and another works, which is what the
/// rebinding of a NAT looks like from here, the alternative is to lose the session: then that other one is nominated.
Pair* Agent::Impl::replacementOf(Timestamp now, const Session& session) const {
  const Pair* selected = session.selectedPair();
  if (!isDisconnected(*selected, now)) return nullptr;
  for (const auto& each : session.pairs) {
    const bool newer = each->consentUntil && (!selected->consentUntil || *each->consentUntil > *selected->consentUntil);
    if (each.get() != selected && each->usable(now) && newer) return each.get();
  }
  return nullptr;
}

/// nullopt: at once. RFC 8445 §8.1.1 leaves the criteria to the agent: nothing better is being checked, and nothing
/// better can come, which is true of two host candidates.
std::optional<Timestamp> Agent::Impl::nominationTime(const Session& session, const Pair& best) const {
  const CandidateType ours = session.localOf(best).candidate.type;
  const CandidateType theirs = session.remoteOf(best).candidate.type;
  const bool direct = ours == CandidateType::host && theirs == CandidateType::host;
  const bool moreMayCome = !direct && (!session.remoteEnded || session.gathering != GatheringState::complete);
  const bool betterPending = std::ranges::any_of(session.pairs, [&](const auto& each) {
    return each->priority > best.priority && session.isPending(*each);
  });
  if (!moreMayCome && !betterPending) return std::nullopt;
  const bool relayed = ours == CandidateType::relay || theirs == CandidateType::relay;
  return *session.firstValid + (relayed ? options_.nominateRelayAfter : options_.nominateDirectAfter);
}

/// Controlled: which of several nominated pairs to take. RFC 8445 §8.1.1 knows one only; browsers nominate early and
/// move on, marking the pair that they use with USE-CANDIDATE in every check, and RFC 5245's aggressive nomination
/// marks every check and means the highest priority. So a better pair is taken at once, and a lesser one as soon as
/// the selected one's checks are no longer marked, or no longer come.
void Agent::Impl::followNomination(Timestamp now, Session& session, Pair& pair) {
  const Pair* selected = session.selectedPair();
  const bool held = selected && selected != &pair && selected->usable(now) && selected->lastRequestUsedCandidate &&
                    selected->lastUseCandidate && now - *selected->lastUseCandidate <= kNominationHold;
  if (!held || pair.priority > selected->priority) select(now, session, pair);
}

void Agent::Impl::select(Timestamp now, Session& session, Pair& pair) {
  session.nominating.reset();
  if (session.selected == pair.id) return;
  if (Pair* old = session.selectedPair()) old->nominated = false;
  pair.nominated = true;
  session.selected = pair.id;
  if (&session == current_.get() || !current_->selected) {
    emit(SelectedPairChanged{{pair.id, session.localOf(pair), session.remoteOf(pair), pair.path}});
    if (log_) log_.info("selected " + pair.path.local.toString() + " -> " + pair.path.remote.toString());
  }
  concludeChecks(now, session);
}

/// RFC 8445 §8.1.2: pairs that wait are removed, and checks under way are not retransmitted any more. The controlled
/// side goes on with pairs of higher priority, for the peer may still move to one (see followNomination).
void Agent::Impl::concludeChecks(Timestamp now, Session& session) {
  const Pair* selected = session.selectedPair();
  std::vector<PairId> gone;
  for (const auto& each : session.pairs) {
    if (each.get() == selected || (role_ == Role::controlled && each->priority > selected->priority)) continue;
    if (each->state == PairState::frozen || each->state == PairState::waiting) gone.push_back(each->id);
    if (each->state != PairState::in_progress) continue;
    for (Transaction& transaction : transactions_) {
      if (transaction.kind == Kind::check && transaction.pair == each->id) transaction.clock.stopRetransmitting(now);
    }
  }
  for (const PairId id : gone) dropPair(session, id);
}

// --- Consent -------------------------------------------------------------------------------------------------------

/// RFC 7675 §5.1: a response is consent for 30 s from now; the next check comes after 5 s times 0.8..1.2.
void Agent::Impl::grantConsent(Timestamp now, Pair& pair) {
  pair.consentUntil = now + options_.consentExpiry;
  pair.unansweredSince.reset();
  pair.probing = false;
  pair.nextConsentCheck = now + fromSeconds(seconds(options_.consentInterval) * (0.8 + 0.4 * random_.unit()));
}

bool Agent::Impl::isDisconnected(const Pair& pair, Timestamp now) const {
  return pair.unansweredSince && now >= *pair.unansweredSince + options_.disconnectedAfter;
}

/// For the pair in use: consent checks, each sent once (RFC 7675 §5.1). When one is not answered in the time a round
/// trip should take, an ordinary, retransmitted check follows, so that one lost packet does not look like a lost peer.
/// The controlling side marks both with USE-CANDIDATE once the pair is selected: a peer that sees them come from a new
/// address (a NAT has rebound) knows where to follow.
void Agent::Impl::runConsent(Timestamp now, Session& session) {
  for (const auto& each : session.pairs) {
    if (!each->consentUntil || now < *each->consentUntil) continue;
    each->consentUntil.reset();
    each->unansweredSince.reset();
    each->nominated = each->nominateNext = false;
    each->state = PairState::failed;
    eraseChecksOf(each->id);
    if (each->queued) std::erase(session.triggered, each->id);
    each->queued = false;
    if (session.nominating == each->id) session.nominating.reset();
    if (session.selected != each->id) continue;
    session.selected.reset();
    if (log_) log_.warning("consent expired: " + each->path.local.toString() + " -> " + each->path.remote.toString());
  }
  Pair* pair = session.active(now);
  if (!pair) return;
  const bool mark = role_ == Role::controlling && session.selected == pair->id;
  if (now >= pair->nextConsentCheck) {
    pair->nextConsentCheck = now + fromSeconds(seconds(options_.consentInterval) * (0.8 + 0.4 * random_.unit()));
    if (!pair->unansweredSince) pair->unansweredSince = now;
    sendRequest(now, session, *pair, Kind::consent, mark,
                {.rto = kConsentWait, .maxTransmissions = 1, .lastWaitFactor = 1});
  }
  if (pair->unansweredSince && !pair->probing && now >= *pair->unansweredSince + rtoOf(session, *pair)) {
    pair->probing = true;
    sendRequest(now, session, *pair, Kind::check, mark, {.rto = rtoOf(session, *pair)});
  }
}

}  // namespace peerage::ice
