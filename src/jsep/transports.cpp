#include "jsep/transports.hpp"

namespace peerage::jsep {

std::map<TransportId, DescribedTransport> describedTransports(const Description& description,
                                                              const MidTransports& mids) {
  std::map<TransportId, DescribedTransport> found;
  for (size_t i = 0; i < description.size(); ++i) {
    const sdp::MediaSection& section = description.section(i);
    if (section.rejected() || section.lines.has<sdp::BundleOnly>()) continue;
    const std::string& mid = description.mid(i);
    const auto transport = mids.find(mid);
    if (transport == mids.end()) continue;
    // The tag of a group stands for its transport, wherever it is; without a group the first section does.
    const auto known = found.find(transport->second);
    const bool tag = description.bundleOf(mid) && description.tagOf(mid) == mid;
    if (known != found.end() && !tag) continue;
    if (auto credentials = description.credentials(i)) found[transport->second] = {std::move(*credentials), i};
  }
  return found;
}

std::map<TransportId, DescribedTransport> currentTransports(const std::optional<Description>& current,
                                                            const Session& session) {
  if (!current) return {};
  const bool stable = session.signalingState == SignalingState::stable;
  return describedTransports(*current, stable ? session.midTransports : session.lastStable.midTransports);
}

std::map<TransportId, NewestTransport> newestTransports(const std::optional<Description>& current,
                                                        const std::optional<Description>& pending,
                                                        const Session& session) {
  std::map<TransportId, NewestTransport> newest;
  if (pending)
    for (auto& [id, described] : describedTransports(*pending, session.midTransports))
      newest[id] = {std::move(described), &*pending, true};
  for (auto& [id, described] : currentTransports(current, session))
    newest.try_emplace(id, std::move(described), &*current, false);
  return newest;
}

}  // namespace peerage::jsep
