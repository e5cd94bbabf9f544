#include "jsep/validate_description.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "jsep/answer_rules.hpp"
#include "jsep/codecs.hpp"
#include "jsep/identifiers.hpp"
#include "jsep/transports.hpp"

namespace peerage::jsep {
namespace {

std::unexpected<Failure> invalid(std::string message) { return fail(ErrorKind::invalid_access, std::move(message)); }

std::string named(const Description& description, size_t index) {
  return "m-section " + std::to_string(index) + " (mid '" + description.mid(index) + "')";
}

/// BUNDLE groups name sections that exist, each in one group at most (RFC 9143 §7).
Outcome<> verifyGroups(const Description& description) {
  std::set<std::string_view> seen;
  for (const sdp::Group& group : description.parsed().lines.all<sdp::Group>()) {
    if (group.semantics != "BUNDLE") continue;
    for (const std::string& mid : group.mids) {
      if (!description.find(mid)) return invalid("BUNDLE group names mid '" + mid + "', which no m-section has");
      if (!seen.insert(mid).second) return invalid("mid '" + mid + "' is in BUNDLE groups twice");
    }
  }
  return {};
}

/// What a section that stands for a transport needs (RFC 9429 §5.8.3).
Outcome<> verifyTransport(const Description& remote, size_t i) {
  const sdp::SessionDescription& all = remote.parsed();
  const sdp::MediaSection& section = remote.section(i);
  if (!all.effective<sdp::IceUfrag>(section) || !all.effective<sdp::IcePwd>(section))
    return invalid(named(remote, i) + " has no ICE credentials");
  if (all.fingerprints(section).empty()) return invalid(named(remote, i) + " has no fingerprint");
  const auto* setup = all.effective<sdp::Setup>(section);
  if (setup && setup->role == sdp::SetupRole::holdconn) return invalid(named(remote, i) + " says a=setup:holdconn");
  if (setup && setup->role == sdp::SetupRole::actpass && remote.type() != SdpType::offer)
    return invalid(named(remote, i) + " answers with a=setup:actpass");
  return {};
}

Outcome<> verifySimulcast(const Description& remote, size_t i) {
  const sdp::MediaSection& section = remote.section(i);
  const auto* simulcast = section.lines.first<sdp::Simulcast>();
  if (!simulcast) return {};
  std::set<std::string_view> send;
  std::set<std::string_view> receive;
  for (const sdp::Rid& rid : section.lines.all<sdp::Rid>()) (rid.send ? send : receive).insert(rid.id);
  for (const auto* side : {&simulcast->send, &simulcast->receive})
    for (const auto& alternatives : *side)
      for (const auto& alternative : alternatives)
        if (!(side == &simulcast->send ? send : receive).contains(alternative.rid))
          return invalid(named(remote, i) + ": a=simulcast names rid '" + alternative.rid +
                         "', which no a=rid line describes");
  return {};
}

}  // namespace

Outcome<std::vector<std::string>> resolveMids(const Session& session, SdpType type,
                                              const sdp::SessionDescription& remote) {
  const Description* model = type == SdpType::offer ? session.remoteDescription() : session.localDescription();
  MidAllocator allocator(session);
  std::set<std::string_view> seen;
  for (const sdp::MediaSection& section : remote.media) {
    if (section.mid().empty()) continue;
    allocator.reserve(section.mid());
    if (!seen.insert(section.mid()).second) return invalid("mid '" + std::string(section.mid()) + "' is used twice");
  }
  std::vector<std::string> mids;
  for (size_t i = 0; i < remote.media.size(); ++i) {
    const sdp::MediaSection& section = remote.media[i];
    std::string mid(section.mid());
    if (mid.empty() && model && i < model->size() && !seen.contains(model->mid(i)) &&
        (type != SdpType::offer || model->section(i).mid().empty()))
      mid = model->mid(i);
    if (mid.empty()) mid = allocator.next();
    mids.push_back(std::move(mid));
  }
  return mids;
}

Outcome<> verifyRemote(const Description& remote) {
  if (auto groups = verifyGroups(remote); !groups) return groups;
  for (size_t i = 0; i < remote.size(); ++i) {
    const sdp::MediaSection& section = remote.section(i);
    if (section.rejected()) continue;
    const bool rtp = mediaKindOf(section).has_value();
    if (!rtp && !isDataSection(section)) continue;  // an offer's will be rejected, an answer's do not occur
    const auto tag = remote.indexOf(remote.tagOf(remote.mid(i))).value_or(i);
    if (tag == i)
      if (auto transport = verifyTransport(remote, i); !transport) return transport;
    if (section.lines.has<sdp::BundleOnly>() && !remote.bundleOf(remote.mid(i)))
      return invalid(named(remote, i) + " is bundle-only and in no BUNDLE group");
    if (!rtp) continue;
    // The RTP/RTCP multiplexing policy is always "require".
    if (!remote.has<sdp::RtcpMux>(i)) return invalid(named(remote, i) + " does not use a=rtcp-mux");
    if (auto simulcast = verifySimulcast(remote, i); !simulcast) return simulcast;
  }
  return {};
}

Outcome<> verifyRemoteOffer(const Session& session, const Description& offer) {
  const Description* before = session.pendingRemote   ? &*session.pendingRemote
                              : session.currentRemote ? &*session.currentRemote
                                                      : nullptr;
  if (!before) return {};
  if (offer.size() < before->size())
    return invalid("the offer has " + std::to_string(offer.size()) + " m-sections, fewer than the " +
                   std::to_string(before->size()) + " there are");
  const auto free = [&](size_t i) {
    if (before->section(i).rejected()) return true;
    for (const auto* current : {&session.currentLocal, &session.currentRemote})
      if (*current && i < (*current)->size() && (*current)->mid(i) == before->mid(i) &&
          (*current)->section(i).rejected())
        return true;
    return false;
  };
  for (size_t i = 0; i < before->size(); ++i) {
    if (free(i)) continue;
    if (offer.mid(i) != before->mid(i))
      return invalid(named(offer, i) + " takes the place of mid '" + before->mid(i) + "', which is in use");
    if (offer.section(i).media != before->section(i).media)
      return invalid(named(offer, i) + " was '" + before->section(i).media + "' and is now '" + offer.section(i).media +
                     "'");
  }
  // RFC 9143 §7.5: a section that was bundled stays bundled or is given up.
  const Description* answer = nullptr;
  if (session.currentLocal && session.currentRemote)
    answer = session.currentLocal->type() == SdpType::answer ? &*session.currentLocal : &*session.currentRemote;
  for (size_t i = 0; answer && i < answer->size() && i < offer.size(); ++i) {
    const sdp::Group* group = answer->bundleOf(answer->mid(i));
    if (!group || group->mids.size() < 2 || answer->section(i).rejected() || offer.section(i).rejected()) continue;
    if (offer.mid(i) == answer->mid(i) && !offer.bundleOf(offer.mid(i)))
      return invalid(named(offer, i) + " leaves its BUNDLE group");
  }
  // RFC 8842 §5: another association needs another ICE generation.
  const auto known = currentTransports(session.currentRemote, session);
  for (size_t i = 0; i < offer.size(); ++i) {
    if (offer.section(i).rejected() || offer.tagOf(offer.mid(i)) != offer.mid(i)) continue;
    const auto id = session.transportOf(offer.mid(i));
    const Transport* transport = id ? session.find(*id) : nullptr;
    const auto at = id ? known.find(*id) : known.end();
    if (!transport || at == known.end() || continuesDtls(*transport, offer.parsed(), offer.section(i))) continue;
    if (offer.credentials(i) == at->second.credentials)
      return invalid(named(offer, i) + " has another fingerprint or tls-id without an ICE restart");
  }
  return {};
}

namespace {

Outcome<> verifyAnswerSection(const Description& offer, const Description& answer, size_t i) {
  const sdp::MediaSection& offered = offer.section(i);
  const sdp::MediaSection& answered = answer.section(i);
  if (answered.media != offered.media)
    return invalid(named(answer, i) + " answers '" + offered.media + "' with '" + answered.media + "'");
  if (!answered.mid().empty() && answer.mid(i) != offer.mid(i))
    return invalid(named(answer, i) + " answers mid '" + offer.mid(i) + "'");
  if (answered.rejected()) return {};
  if (offered.rejected()) return invalid(named(answer, i) + " accepts what was offered with port 0");
  if (answered.lines.has<sdp::BundleOnly>()) return invalid(named(answer, i) + " answers with a=bundle-only");
  // RFC 9429 §5.1.2 lets profiles of one family differ.
  if (mediaKindOf(answered) != mediaKindOf(offered) || isDataSection(answered) != isDataSection(offered))
    return invalid(named(answer, i) + " answers protocol " + offered.protocol + " with " + answered.protocol);
  const sdp::Group* offeredGroup = offer.bundleOf(offer.mid(i));
  const sdp::Group* group = answer.bundleOf(answer.mid(i));
  if (group && !offeredGroup) return invalid(named(answer, i) + " is bundled and was not offered so");
  if (!group && offered.lines.has<sdp::BundleOnly>())
    return invalid(named(answer, i) + " was offered bundle-only and is not bundled");
  if (offered.lines.has<sdp::BundleOnly>()) {  // RFC 9429 §5.3.1: without its tag nothing of a group can be accepted
    const auto tag = offer.indexOf(offer.tagOf(offer.mid(i)));
    if (!tag || answer.section(*tag).rejected())
      return invalid(named(answer, i) + " accepts a bundle-only section and rejects the section that it needs");
  }
  if (group)
    for (const std::string& mid : group->mids)
      if (offer.bundleOf(mid) != offeredGroup) return invalid("the answer bundles mids of different groups");
  if (!mediaKindOf(offered)) return {};
  const Direction allowed = sdp::reversed(offer.parsed().direction(offered));
  const Direction direction = answer.parsed().direction(answered);
  if (sdp::intersect(direction, allowed) != direction)
    return invalid(named(answer, i) + " answers " + std::string(toString(offer.parsed().direction(offered))) +
                   " with " + std::string(toString(direction)));
  return {};
}

}  // namespace

Outcome<> verifyAnswer(const Description& offer, const Description& answer) {
  if (answer.size() != offer.size())
    return invalid("the answer has " + std::to_string(answer.size()) + " m-sections, the offer has " +
                   std::to_string(offer.size()));
  for (size_t i = 0; i < answer.size(); ++i)
    if (auto section = verifyAnswerSection(offer, answer, i); !section) return section;
  return {};
}

Outcome<> verifyAnswerIce(const Session& session, const Description& answer) {
  const auto localNow = describedTransports(*session.pendingLocal, session.offerMidTransports);
  const auto localBefore = currentTransports(session.currentLocal, session);
  const auto remoteBefore = currentTransports(session.currentRemote, session);
  for (size_t i = 0; i < answer.size(); ++i) {
    const std::string& mid = answer.mid(i);
    if (answer.section(i).rejected() || answer.tagOf(mid) != mid) continue;
    const auto at = session.offerMidTransports.find(mid);
    if (at == session.offerMidTransports.end()) return invalid(named(answer, i) + " has no transport");
    const auto now = localNow.find(at->second);
    const auto before = localBefore.find(at->second);
    const auto remote = remoteBefore.find(at->second);
    if (now == localNow.end() || before == localBefore.end() || remote == remoteBefore.end()) continue;
    const bool restarted = now->second.credentials != before->second.credentials;
    const bool changed = answer.credentials(i) != remote->second.credentials;
    if (changed && !restarted)
      return invalid(named(answer, i) + " has new ICE credentials, but no restart was offered");
    if (restarted && !changed) return invalid(named(answer, i) + " answers an ICE restart with the old credentials");
    const Transport* transport = session.find(at->second);
    if (!restarted && transport && !continuesDtls(*transport, answer.parsed(), answer.section(i)))
      return invalid(named(answer, i) + " has another fingerprint or tls-id without an ICE restart");
  }
  return {};
}

Outcome<> verifyLocalOffer(const Session& session, const CreatedDescription& offer) {
  const auto stale = [](const std::string& why) {
    return fail(ErrorKind::invalid_modification, "the offer no longer fits the connection: " + why);
  };
  const Description* current = session.currentLocal ? &*session.currentLocal : nullptr;
  if (current && offer.mids.size() < current->size()) return stale("m-sections have been added since");
  for (size_t i = 0; i < offer.mids.size(); ++i) {
    const bool rejected = offer.parsed.media[i].rejected();
    if (offer.transceivers[i]) {
      const Transceiver* t = session.find(*offer.transceivers[i]);
      if (t && t->mid && *t->mid != offer.mids[i]) return stale("a transceiver has another mid now");
      if (!rejected && (!t || t->stopped)) return stale("a transceiver has been stopped since");
    }
    if (current && i < current->size() && current->mid(i) != offer.mids[i]) {
      const bool free = current->section(i).rejected() || (session.currentRemote && i < session.currentRemote->size() &&
                                                           session.currentRemote->section(i).rejected());
      if (!free) return stale("m-sections have changed since");
    }
  }
  return {};
}

}  // namespace peerage::jsep
