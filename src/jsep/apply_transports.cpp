#include "jsep/apply_transports.hpp"

#include <algorithm>
#include <set>

#include "jsep/answer_rules.hpp"
#include "jsep/transports.hpp"

namespace peerage::jsep {
namespace {

TransportId newTransport(Session& next, Effects& effects) {
  Transport transport;
  transport.id = TransportId(next.nextTransport++);
  next.transports.push_back(transport);
  effects.transportsCreated.push_back(transport.id);
  return transport.id;
}

/// The sections that will share one transport.
struct Sharing {
  std::vector<size_t> sections;
};

/// Gives each set of sections the transport that one of them had, an established one before one of the pending offer.
void assign(Session& next, const Description& offer, const std::vector<Sharing>& sets, IceRole role, Effects& effects) {
  const bool stable = next.signalingState == SignalingState::stable;
  const MidTransports pending = stable ? MidTransports() : next.midTransports;
  const MidTransports& established = next.lastStable.midTransports;
  std::set<TransportId> taken;
  MidTransports mapped = established;
  for (const Sharing& set : sets) {
    std::optional<TransportId> transport;
    for (const MidTransports* known : {&established, &pending})
      for (const size_t i : set.sections) {
        if (transport) break;
        const auto at = known->find(offer.mid(i));
        if (at != known->end() && !taken.contains(at->second)) transport = at->second;
      }
    if (!transport) transport = newTransport(next, effects);
    taken.insert(*transport);
    // RFC 8445 §6.1.1: the role is chosen once.
    if (Transport* t = next.find(*transport); t && t->iceRole == IceRole::unknown) t->iceRole = role;
    for (const size_t i : set.sections) mapped[offer.mid(i)] = *transport;
  }
  next.midTransports = std::move(mapped);
  next.offerMidTransports = next.midTransports;
}

}  // namespace

void transportsOfLocalOffer(Session& next, const Description& offer, const std::vector<std::optional<size_t>>& shared,
                            Effects& effects) {
  std::map<size_t, size_t> known;
  std::vector<Sharing> sets;
  for (size_t i = 0; i < offer.size(); ++i) {
    if (offer.section(i).rejected() || !shared[i]) continue;
    const auto [at, isNew] = known.try_emplace(*shared[i], sets.size());
    if (isNew) sets.emplace_back();
    sets[at->second].sections.push_back(i);
  }
  assign(next, offer, sets, IceRole::controlling, effects);
  for (size_t i = 0; i < offer.size(); ++i) {
    const auto id = next.transportOf(offer.mid(i));
    const auto* tlsId = offer.section(i).lines.first<sdp::TlsId>();
    if (offer.section(i).rejected() || !id || !tlsId) continue;
    if (Transport* transport = next.find(*id); transport && transport->localTlsId.empty())
      transport->localTlsId = tlsId->value;
  }
}

void transportsOfRemoteOffer(Session& next, const Description& offer, Effects& effects) {
  std::map<const sdp::Group*, size_t> byGroup;
  std::vector<Sharing> sets;
  for (size_t i = 0; i < offer.size(); ++i) {
    const sdp::MediaSection& section = offer.section(i);
    if (section.rejected() || (!mediaKindOf(section) && !isDataSection(section))) continue;
    const sdp::Group* group = offer.bundleOf(offer.mid(i));
    const auto at = group ? byGroup.find(group) : byGroup.end();
    if (at != byGroup.end()) {
      sets[at->second].sections.push_back(i);
      continue;
    }
    if (group) byGroup.emplace(group, sets.size());
    sets.push_back({{i}});
  }
  // RFC 8445 §6.1.1: the offerer controls, unless it is lite and we are not.
  const bool lite = offer.parsed().lines.has<sdp::IceLite>();
  assign(next, offer, sets, lite ? IceRole::controlling : IceRole::controlled, effects);
}

namespace {

/// What an answer settles for the transport of section `tag`.
Outcome<> settle(Transport& transport, const Description& offer, const Description& answer, bool remoteAnswer,
                 size_t tag) {
  const Description& remote = remoteAnswer ? answer : offer;
  const Description& local = remoteAnswer ? offer : answer;
  const size_t remoteTag = remote.indexOf(remote.tagOf(remote.mid(tag))).value_or(tag);
  const sdp::MediaSection& remoteSection = remote.section(remoteTag);
  const bool goesOn = continuesDtls(transport, remote.parsed(), remoteSection);
  // RFC 4145 §4: an answer without a=setup is active.
  const auto* setup = answer.parsed().effective<sdp::Setup>(answer.section(tag));
  const bool answererActive = !setup || setup->role == sdp::SetupRole::active;
  DtlsRole role = answererActive == remoteAnswer ? DtlsRole::server : DtlsRole::client;
  if (goesOn && transport.dtlsRole && *transport.dtlsRole != role && !transport.remoteFingerprints.empty()) {
    // Firefox answers each ICE restart as active, and goes on with the association it has, whatever its role there: with the
    // same certificate a remote answer's role changes nothing (RFC 8842 §5.5 has no new association for a restart alone).
    if (!remoteAnswer) {
      return fail(ErrorKind::invalid_access, "the answer changes the DTLS role of an association that goes on");
    }
    role = *transport.dtlsRole;
  }
  if (!goesOn) ++transport.dtlsGeneration;
  transport.dtlsRole = role;
  transport.remoteFingerprints = remote.parsed().fingerprints(remoteSection);
  const auto* remoteTlsId = remote.parsed().effective<sdp::TlsId>(remoteSection);
  transport.remoteTlsId = remoteTlsId ? remoteTlsId->value : std::string();
  if (const auto* tlsId = local.section(tag).lines.first<sdp::TlsId>()) transport.localTlsId = tlsId->value;
  return {};
}

}  // namespace

Outcome<> transportsOfAnswer(Session& next, const Description& offer, const Description& answer, bool remoteAnswer,
                             Effects&) {
  MidTransports mapped;
  std::map<TransportId, std::string_view> tags;
  for (size_t i = 0; i < answer.size(); ++i) {
    if (answer.section(i).rejected()) continue;
    const std::string_view tag = answer.tagOf(answer.mid(i));
    const auto at = next.offerMidTransports.find(tag);
    if (at == next.offerMidTransports.end())
      return fail(ErrorKind::invalid_access, "mid '" + std::string(tag) + "' has no transport in the offer");
    const auto [known, isNew] = tags.try_emplace(at->second, tag);
    if (known->second != tag)
      return fail(ErrorKind::invalid_access, "mid '" + answer.mid(i) + "' leaves the transport that it shares");
    mapped.emplace(answer.mid(i), at->second);
    if (!isNew) continue;
    Transport* transport = next.find(at->second);
    const auto tagIndex = answer.indexOf(tag);
    if (!transport || !tagIndex)
      return fail(ErrorKind::operation, "transport of mid '" + std::string(tag) + "' is gone");
    if (auto settled = settle(*transport, offer, answer, remoteAnswer, *tagIndex); !settled) return settled;
  }
  next.midTransports = std::move(mapped);
  return {};
}

void closeUnusedTransports(Session& next, Effects& effects) {
  std::set<TransportId> used;
  for (const auto& [mid, id] : next.midTransports) used.insert(id);
  if (next.signalingState != SignalingState::stable) {
    for (const auto& [mid, id] : next.lastStable.midTransports) used.insert(id);
    for (const auto& [mid, id] : next.offerMidTransports) used.insert(id);
  }
  std::erase_if(next.transports, [&](const Transport& transport) {
    if (used.contains(transport.id)) return false;
    // One that was made and dropped in the same step never existed for anybody.
    if (std::erase(effects.transportsCreated, transport.id) == 0) effects.transportsClosed.push_back(transport.id);
    return true;
  });
  std::erase_if(next.earlyCandidates, [&](const LocalCandidate& c) { return !used.contains(c.transport); });
}

void noteGathering(const Session& before, const Session& next, Effects& effects) {
  const auto old = newestTransports(before.currentLocal, before.pendingLocal, before);
  for (const auto& [id, newest] : newestTransports(next.currentLocal, next.pendingLocal, next)) {
    const auto at = old.find(id);
    if (at != old.end() && at->second.described.credentials == newest.described.credentials) continue;
    if (!next.find(id)) continue;
    effects.gather.push_back(id);
    if (at != old.end()) effects.iceRestarts.push_back(id);
  }
}

}  // namespace peerage::jsep
