#include "jsep/candidates.hpp"

#include "jsep/transports.hpp"

namespace peerage::jsep {
namespace {

/// The value of a=candidate that stands for a "candidate:…" text.
std::string attributeValue(std::string_view text) {
  if (text.starts_with("a=")) text.remove_prefix(2);
  if (text.starts_with("candidate:")) text.remove_prefix(10);
  return std::string(text);
}

/// Adds to one remote description, if it has the section and the generation.
void addTo(std::optional<Description>& description, const std::string& mid, const std::string& ufrag,
           const std::string& candidate) {
  const auto index = description ? description->indexOf(mid) : std::nullopt;
  if (!index) return;
  const auto credentials = description->credentials(*index);
  if (!credentials || credentials->ufrag != ufrag) return;
  if (candidate.empty()) description->endCandidates(*index);
  else description->addCandidate(*index, candidate);
}

std::optional<std::string> ufragOf(const std::optional<Description>& description, const std::string& mid) {
  const auto index = description ? description->indexOf(mid) : std::nullopt;
  const auto credentials = index ? description->credentials(*index) : std::nullopt;
  return credentials ? std::optional(credentials->ufrag) : std::nullopt;
}

}  // namespace

Outcome<> checkCandidateInit(const CandidateInit& init) {
  if (!init.candidate.empty() && !init.sdpMid && !init.sdpMLineIndex)
    return fail(ErrorKind::type, "a candidate needs an sdpMid or an sdpMLineIndex");
  return {};
}

Outcome<AddedRemoteCandidate> addRemoteCandidate(Session& session, const CandidateInit& init) {
  if (auto valid = checkCandidateInit(init); !valid) return std::unexpected(valid.error());
  // 4.1.
  const Description* remote = session.remoteDescription();
  if (!remote) return fail(ErrorKind::invalid_state, "there is no remote description");
  // 4.2, 4.3.
  std::vector<size_t> sections;
  if (init.sdpMid) {
    const auto index = remote->indexOf(*init.sdpMid);
    if (!index) return fail(ErrorKind::operation, "no m-section has the sdpMid '" + *init.sdpMid + "'");
    sections.push_back(*index);
  } else if (init.sdpMLineIndex) {
    if (*init.sdpMLineIndex >= remote->size())
      return fail(ErrorKind::operation, "no m-section has the sdpMLineIndex " + std::to_string(*init.sdpMLineIndex));
    sections.push_back(*init.sdpMLineIndex);
  } else {
    for (size_t i = 0; i < remote->size(); ++i) sections.push_back(i);
  }
  AddedRemoteCandidate added;
  std::string value;
  if (!init.candidate.empty()) {
    value = attributeValue(init.candidate);
    auto candidate = sdp::parseCandidate(value);
    if (!candidate) return fail(ErrorKind::operation, candidate.error().message);
    added.candidate = std::move(*candidate);
  }
  struct Place {
    std::string mid;
    std::string ufrag;
  };
  std::vector<Place> places;
  bool ufragKnown = !init.usernameFragment.has_value();
  for (const size_t i : sections) {
    const std::string& mid = remote->mid(i);
    // 4.4: a stopped transceiver's section takes no candidate.
    const Transceiver* t = session.findByMid(mid);
    if (remote->section(i).rejected() || (t && t->stopped)) {
      ufragKnown = ufragKnown || init.sdpMid || init.sdpMLineIndex;
      continue;
    }
    const auto newest = ufragOf(session.pendingRemote, mid);
    const auto current = ufragOf(session.currentRemote, mid);
    // 4.5.
    std::optional<std::string> ufrag = newest ? newest : current;
    if (init.usernameFragment) {
      if (newest != init.usernameFragment && current != init.usernameFragment) continue;
      ufrag = init.usernameFragment;
    }
    ufragKnown = true;
    if (ufrag) places.push_back({mid, *ufrag});
  }
  if (!ufragKnown)
    return fail(ErrorKind::operation,
                "the usernameFragment '" + *init.usernameFragment + "' is of no generation known");
  for (const Place& place : places) {
    addTo(session.pendingRemote, place.mid, place.ufrag, value);
    addTo(session.currentRemote, place.mid, place.ufrag, value);
    const auto transport = session.transportOf(place.mid);
    if (!transport) continue;
    bool known = false;
    for (const RemoteCandidateTarget& target : added.targets)
      known = known || (target.transport == *transport && target.ufrag == place.ufrag);
    if (!known) added.targets.push_back({*transport, place.ufrag});
  }
  return added;
}

std::optional<SurfacedCandidate> addLocalCandidate(Session& session, const LocalCandidate& candidate) {
  std::optional<SurfacedCandidate> surfaced;
  const auto surface = [&](std::optional<Description>& description,
                           const std::map<TransportId, DescribedTransport>& described) {
    const auto at = described.find(candidate.transport);
    if (at == described.end() || at->second.credentials.ufrag != candidate.ufrag) return;
    const size_t index = at->second.section;
    if (candidate.candidate.empty()) description->endCandidates(index);
    else description->addCandidate(index, attributeValue(candidate.candidate));
    if (!surfaced)
      surfaced = SurfacedCandidate{candidate.candidate, description->mid(index), static_cast<uint16_t>(index),
                                   candidate.ufrag};
  };
  if (session.pendingLocal)
    surface(session.pendingLocal, describedTransports(*session.pendingLocal, session.midTransports));
  if (session.currentLocal) surface(session.currentLocal, currentTransports(session.currentLocal, session));
  constexpr size_t kMaxEarly = 1024;
  if (!surfaced && session.find(candidate.transport) && session.earlyCandidates.size() < kMaxEarly)
    session.earlyCandidates.push_back(candidate);
  return surfaced;
}

}  // namespace peerage::jsep
