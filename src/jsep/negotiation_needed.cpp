#include "jsep/negotiation_needed.hpp"

#include <algorithm>

namespace peerage::jsep {
namespace {

bool rejectedIn(const std::optional<Description>& description, std::string_view mid) {
  const sdp::MediaSection* section = description ? description->find(mid) : nullptr;
  return section && section->rejected();
}

/// A section for data that the other end has not refused.
bool dataNegotiated(const Session& s) {
  const auto index = s.currentLocal ? s.currentLocal->dataSection() : std::nullopt;
  return index && !rejectedIn(s.currentRemote, s.currentLocal->mid(*index));
}

/// Step 5.3.1: no a=msid line, or other MSIDs than [[AssociatedMediaStreamIds]]. "-" is a line that names no stream.
bool msidsDiffer(const sdp::MediaSection& section, const Transceiver& t) {
  if (!section.lines.has<sdp::Msid>()) return true;
  std::vector<std::string_view> described;
  for (const sdp::Msid& msid : section.lines.all<sdp::Msid>())
    if (msid.id != "-") described.push_back(msid.id);
  if (described.size() != t.associatedStreamIds.size()) return true;
  return !std::ranges::is_permutation(described, t.associatedStreamIds);
}

/// Step 5: the checks of one transceiver.
bool transceiverNeedsNegotiation(const Session& s, const Transceiver& t) {
  // Step 5.1.
  if (t.stopping && !t.stopped) return true;
  const sdp::MediaSection* local = t.mid && s.currentLocal ? s.currentLocal->find(*t.mid) : nullptr;
  if (!t.stopped) {
    // Step 5.2: not stopped and not yet associated with an m= section in description.
    if (!local) return true;
    // Step 5.3: not stopped and associated.
    // Step 5.3.1.
    if (sends(t.direction) && msidsDiffer(*local, t)) return true;
    const sdp::MediaSection* remote = s.currentRemote ? s.currentRemote->find(*t.mid) : nullptr;
    const Direction described = s.currentLocal->parsed().direction(*local);
    const Direction remoteView =
        remote ? sdp::reversed(s.currentRemote->parsed().direction(*remote)) : Direction::inactive;
    // Step 5.3.2: description is an offer, and neither side's direction is the transceiver's.
    if (s.currentLocal->type() == SdpType::offer && described != t.direction && (!remote || remoteView != t.direction))
      return true;
    // Step 5.3.3: description is an answer, and its direction is not what the offer leaves of the transceiver's.
    if (s.currentLocal->type() == SdpType::answer && described != sdp::intersect(t.direction, remoteView)) return true;
    return false;
  }
  // Step 5.4: stopped, associated, and not yet rejected on either side.
  const bool associated = t.mid && (local || (s.currentRemote && s.currentRemote->find(*t.mid)));
  return associated && !rejectedIn(s.currentLocal, *t.mid) && !rejectedIn(s.currentRemote, *t.mid);
}

}  // namespace

bool isNegotiationNeeded(const Session& session) {
  // Step 1: implementation-specific negotiation: none.
  // Step 2.
  if (!session.localIceCredentialsToReplace.empty()) return true;
  // Step 3: description is [[CurrentLocalDescription]].
  // Step 4: a data channel was created and no m= section has been negotiated for data.
  if (session.dataChannelRequested && !dataNegotiated(session)) return true;
  // Step 5.
  for (const Transceiver& t : session.transceivers)
    if (transceiverNeedsNegotiation(session, t)) return true;
  // Step 6.
  return false;
}

}  // namespace peerage::jsep
