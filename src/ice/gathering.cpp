// Local candidates: hosts, server-reflexive ones from STUN bindings, relays (RFC 8445 §5.1).
#include <algorithm>

#include "ice/agent_impl.hpp"

namespace peerage::ice {
namespace {

/// webrtc-pc §4.8.2: the errorCode of a server that cannot be reached.
constexpr int kServerUnreachable = 701;
/// RFC 8839 §5.1: a related address that must not be shown is "0.0.0.0" or "::", its port 9.
constexpr uint16_t kHiddenPort = 9;
constexpr size_t kMaxServers = 16;
/// Of a relayed candidate, by how its server is reached: UDP before TCP before TLS.
constexpr uint8_t relayPreference(RelayProtocol protocol) {
  return static_cast<uint8_t>(2 - static_cast<int>(protocol));
}

/// Address families take turns, IPv6 first, as RFC 8421 §4 wants of a dual-stack agent, and within one the owner's
/// order counts. Cost weighs more than both.
uint16_t localPreference(int indexInFamily, bool v4, uint16_t cost) {
  const int value = 65535 - std::min<int>(cost, 999) * 64 - (2 * indexInFamily + (v4 ? 1 : 0));
  return static_cast<uint16_t>(std::max(value, 0));
}

void relate(Candidate& candidate, const SocketAddress& related, bool hide) {
  candidate.relatedAddress = hide ? (related.ip.isV4() ? "0.0.0.0" : "::") : related.ip.toString();
  candidate.relatedPort = hide ? kHiddenPort : related.port;
}

}  // namespace

/// RFC 8445 §5.1.1.3: the same for candidates of the same type, base address, protocol and server address.
std::string Agent::Impl::foundationOf(CandidateType type, const IpAddress& base,
                                      const std::optional<IpAddress>& server) {
  std::string key(toString(type));
  (key += ' ') += base.toString();
  if (server) (key += ' ') += server->toString();
  auto found = std::ranges::find(foundations_, key);
  if (found == foundations_.end()) found = foundations_.insert(found, std::move(key));
  return std::to_string(found - foundations_.begin() + 1);
}

void Agent::Impl::setGathering(Session& session, GatheringState state) {
  if (session.gathering == state) return;
  session.gathering = state;
  if (&session == current_.get()) emit(GatheringStateChanged{state, session.local.ufrag});
}

size_t Agent::Impl::addLocal(Session& session, LocalEntry entry) {
  entry.candidate.id = nextId_++;
  entry.candidate.candidate.ufrag = session.local.ufrag;
  if (entry.info.networkId != 0) {
    auto& extensions = entry.candidate.candidate.extensions;
    extensions.emplace_back("network-id", std::to_string(entry.info.networkId));
    if (entry.info.networkCost != 0) extensions.emplace_back("network-cost", std::to_string(entry.info.networkCost));
  }
  entry.candidate.networkId = entry.info.networkId;
  const bool gathered = entry.gathered;
  session.locals.push_back(std::move(entry));
  if (gathered && &session == current_.get()) emit(CandidateGathered{session.locals.back().candidate});
  return session.locals.size() - 1;
}

void Agent::Impl::addLocalHost(Timestamp now, const SocketAddress& base, const HostInfo& info) {
  Session& session = *current_;
  if (state_ == State::closed || session.hostsEnded) return;
  setGathering(session, GatheringState::gathering);
  // Under the relay policy a socket carries TURN alone, which is the owner's.
  if (options_.policy == TransportPolicy::relay || base.ip.isUnspecified() || session.baseAt(base)) return;
  if (static_cast<size_t>(session.hostsV4 + session.hostsV6) >= options_.maxLocalHosts) {
    ++counters_.limited;
    return;
  }
  LocalEntry entry;
  entry.info = info;
  entry.sends = entry.gathered = true;
  entry.localPreference =
      localPreference(base.ip.isV4() ? session.hostsV4++ : session.hostsV6++, base.ip.isV4(), info.networkCost);
  entry.candidate.address = entry.candidate.base = base;
  Candidate& candidate = entry.candidate.candidate;
  candidate.type = CandidateType::host;
  candidate.foundation = foundationOf(CandidateType::host, base.ip, std::nullopt);
  candidate.priority = candidatePriority(typePreference(CandidateType::host), entry.localPreference, 1);
  candidate.address = info.hostName.empty() ? base.ip.toString() : info.hostName;
  candidate.port = base.port;
  const size_t host = addLocal(session, std::move(entry));
  askServers(session, host, 0, session.servers.size());
  formPairs(session);
  replayEarlyChecks(now, session);
  settle(now);
}

void Agent::Impl::addStunServer(Timestamp now, const SocketAddress& server, const std::string& url) {
  Session& session = *current_;
  if (state_ == State::closed || session.hostsEnded) return;
  setGathering(session, GatheringState::gathering);
  const bool known = std::ranges::any_of(session.servers, [&](const auto& each) { return each.address == server; });
  if (options_.policy == TransportPolicy::relay || known) return;
  if (session.servers.size() >= kMaxServers) {
    ++counters_.limited;
    return;
  }
  session.servers.push_back({server, url});
  for (size_t host = 0; host < session.locals.size(); ++host) {
    askServers(session, host, session.servers.size() - 1, session.servers.size());
  }
  settle(now);
}

void Agent::Impl::askServers(Session& session, size_t host, size_t firstServer, size_t lastServer) {
  const LocalEntry& local = session.locals[host];
  if (local.candidate.candidate.type != CandidateType::host) return;
  for (size_t server = firstServer; server < lastServer; ++server) {
    if (session.servers[server].address.ip.family() != local.candidate.base.ip.family()) continue;
    session.jobs.push_back({host, server});
    ++session.openJobs;
  }
}

void Agent::Impl::addRelay(Timestamp now, const SocketAddress& relayed, const SocketAddress& mapped,
                           const SocketAddress& server, const std::string& url, RelayProtocol protocol,
                           const HostInfo& info) {
  Session& session = *current_;
  if (state_ == State::closed || session.hostsEnded || session.baseAt(relayed)) return;
  setGathering(session, GatheringState::gathering);
  LocalEntry entry;
  entry.info = info;
  entry.sends = entry.gathered = true;
  int sameFamily = 0;
  for (const auto& each : session.locals) {
    const bool relay = each.candidate.candidate.type == CandidateType::relay;
    sameFamily += relay && each.candidate.address.ip.family() == relayed.ip.family();
  }
  if (static_cast<size_t>(sameFamily) >= options_.maxLocalHosts) {
    ++counters_.limited;
    return;
  }
  entry.localPreference = localPreference(sameFamily, relayed.ip.isV4(), info.networkCost);
  entry.candidate.address = entry.candidate.base = relayed;
  entry.candidate.url = url;
  entry.candidate.relayProtocol = protocol;
  Candidate& candidate = entry.candidate.candidate;
  candidate.type = CandidateType::relay;
  candidate.foundation = foundationOf(CandidateType::relay, relayed.ip, server.ip);
  candidate.priority = candidatePriority(relayPreference(protocol), entry.localPreference, 1);
  candidate.address = relayed.ip.toString();
  candidate.port = relayed.port;
  relate(candidate, mapped, options_.policy == TransportPolicy::relay || !info.hostName.empty());
  addLocal(session, std::move(entry));
  formPairs(session);
  replayEarlyChecks(now, session);
  settle(now);
}

void Agent::Impl::addCandidateError(Timestamp now, CandidateError error) {
  if (state_ == State::closed) return;
  emit(std::move(error));
  settle(now);
}

void Agent::Impl::endOfHosts(Timestamp now) {
  Session& session = *current_;
  if (state_ == State::closed || session.hostsEnded) return;
  setGathering(session, GatheringState::gathering);
  session.hostsEnded = true;
  if (session.openJobs == 0) setGathering(session, GatheringState::complete);
  settle(now);
}

void Agent::Impl::finishJob(Session& session) {
  if (session.openJobs > 0) --session.openJobs;
  if (session.openJobs == 0 && session.hostsEnded) setGathering(session, GatheringState::complete);
}

void Agent::Impl::startGatherJob(Timestamp now, Session& session, GatherJob job) {
  stun::RetransmissionPolicy policy;
  // RFC 8445 §14.3: while gathering, RTO = MAX (500 ms, Ta * (the number of server candidates being gathered)).
  policy.rto = std::max<Duration>(options_.rto, pace() * static_cast<int>(session.openJobs));
  policy.limit = options_.gatherLimit;
  Transaction transaction{.id = stun::TransactionId::random(random_),
                          .kind = Kind::gather,
                          .generation = session.generation,
                          .job = job,
                          .role = role_,
                          .path = {session.locals[job.host].candidate.base, session.servers[job.server].address},
                          .clock = stun::ClientTransaction(now, policy)};
  stun::Builder(transaction.message, stun::Class::request, stun::Method::binding, transaction.id).fingerprint();
  transmit(transaction.path, transaction.message);
  transactions_.push_back(std::move(transaction));
}

void Agent::Impl::onGatherResponse(Timestamp now, Session& session, const Transaction& transaction,
                                   const stun::Message& message) {
  const StunServer server = session.servers[transaction.job.server];
  const LocalEntry host = session.locals[transaction.job.host];
  const auto mapped = message.reflexiveAddress();
  if (message.messageClass() == stun::Class::error || !mapped || !message.unknownRequired().empty()) {
    const auto code = message.errorCode();
    const int number = code ? code->code : stun::error::kBadRequest;
    emit(CandidateError{host.candidate.base, server.url, number,
                        code ? std::string(code->reason) : "STUN response without a usable mapped address"});
    finishJob(session);
    return;
  }
  session.keptAlive.push_back(transaction.path);
  if (!session.nextKeepalive) session.nextKeepalive = now + options_.serverKeepalive;
  // RFC 8445 §5.1.3: redundant when another candidate has the same address and base; the host itself above all.
  const bool redundant = std::ranges::any_of(session.locals, [&](const LocalEntry& each) {
    return each.gathered && each.candidate.address == *mapped && each.candidate.base == host.candidate.base;
  });
  if (!redundant && mapped->ip.family() == host.candidate.base.ip.family()) {
    LocalEntry entry;
    entry.info = host.info;
    entry.gathered = true;
    entry.localPreference = host.localPreference;
    entry.candidate.address = *mapped;
    entry.candidate.base = host.candidate.base;
    entry.candidate.url = server.url;
    Candidate& candidate = entry.candidate.candidate;
    candidate.type = CandidateType::srflx;
    candidate.foundation = foundationOf(CandidateType::srflx, host.candidate.base.ip, server.address.ip);
    candidate.priority = candidatePriority(typePreference(CandidateType::srflx), host.localPreference, 1);
    candidate.address = mapped->ip.toString();
    candidate.port = mapped->port;
    relate(candidate, host.candidate.base, !host.info.hostName.empty());
    addLocal(session, std::move(entry));
  }
  finishJob(session);
}

void Agent::Impl::onGatherTimeout(Session& session, const Transaction& transaction) {
  emit(CandidateError{session.locals[transaction.job.host].candidate.base,
                      session.servers[transaction.job.server].url, kServerUnreachable,
                      "STUN binding request timed out."});
  finishJob(session);
}

/// RFC 8445 §5.1.1.4: candidates are kept alive until checks have concluded; §11's form, an indication, does it.
void Agent::Impl::keepServersAlive(Timestamp now, Session& session) {
  if (!session.nextKeepalive) return;
  if (session.selected || session.failed) {
    session.nextKeepalive.reset();
    return;
  }
  if (now < *session.nextKeepalive) return;
  session.nextKeepalive = now + options_.serverKeepalive;
  for (const Path& path : session.keptAlive) {
    Bytes data;
    stun::Builder(data, stun::Class::indication, stun::Method::binding, stun::TransactionId::random(random_))
        .fingerprint();
    transmit(path, std::move(data));
  }
}

}  // namespace peerage::ice
