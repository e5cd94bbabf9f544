#include "jsep/remote_tracks.hpp"

#include "jsep/codecs.hpp"

namespace peerage::jsep {

namespace {
constexpr size_t kMaxStreamsPerTrack = 256;
}

std::vector<std::string> remoteStreamIds(const sdp::MediaSection& section, const std::string& defaultStreamId) {
  if (!section.lines.has<sdp::Msid>()) return {defaultStreamId};
  std::vector<std::string> ids;
  for (const sdp::Msid& msid : section.lines.all<sdp::Msid>())
    if (msid.id != "-" && ids.size() < kMaxStreamsPerTrack && !contains(ids, msid.id)) ids.push_back(msid.id);
  return ids;
}

void setAssociatedRemoteStreams(Transceiver& t, const std::vector<std::string>& msids, Effects& effects) {
  for (const std::string& id : t.remoteStreamIds)
    if (!contains(msids, id)) effects.removeList.push_back({id, t.id});
  for (const std::string& id : msids)
    if (!contains(t.remoteStreamIds, id)) effects.addList.push_back({id, t.id});
  t.remoteStreamIds = msids;
}

void processRemoteTracks(Transceiver& t, std::optional<Direction> direction, const std::vector<std::string>& msids,
                         Effects& effects) {
  const bool fired = t.firedDirection && receives(*t.firedDirection);
  const size_t before = effects.addList.size();
  // Step 1.
  setAssociatedRemoteStreams(t, msids, effects);
  // Step 2: "process the addition of a remote track".
  if ((direction && receives(*direction) && !fired) || effects.addList.size() > before)
    effects.trackEvents.push_back({t.id, t.remoteStreamIds});
  if (direction && !receives(*direction)) {
    // Step 3.
    t.receptive = false;
    // Step 4: "process the removal of a remote track".
    if (fired) effects.muteTracks.push_back(t.id);
  }
  // Step 5.
  t.firedDirection = direction;
}

}  // namespace peerage::jsep
