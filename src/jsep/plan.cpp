#include "jsep/plan.hpp"

#include <algorithm>
#include <unordered_map>

#include "jsep/codecs.hpp"
#include "jsep/operations.hpp"
#include "jsep/transports.hpp"

namespace peerage::jsep {
namespace {

/// What the remote descriptions say of a generation: credentials from the newest description that answers `local`.
void addRemoteSide(IceGeneration& generation, const Description& remote, const std::vector<size_t>& sections) {
  generation.remoteLite = remote.parsed().lines.has<sdp::IceLite>();
  for (const size_t i : sections) {
    const auto credentials = remote.credentials(i);
    if (!credentials || credentials != generation.remote) continue;
    for (const std::string& text : remote.candidates(i)) {
      auto candidate = sdp::parseCandidate(text);
      if (candidate && !contains(generation.remoteCandidates, *candidate))
        generation.remoteCandidates.push_back(std::move(*candidate));
    }
    generation.remoteEndOfCandidates = generation.remoteEndOfCandidates || remote.endOfCandidates(i);
  }
}

std::vector<CodecPlan> withRtx(const std::vector<Codec>& codecs) {
  std::vector<CodecPlan> plans;
  for (const Codec& codec : codecs)
    if (!isRtx(codec)) plans.push_back({codec, std::nullopt});
  for (const Codec& codec : codecs) {
    if (!isRtx(codec)) continue;
    const auto primary = associatedPayloadType(codec);
    for (CodecPlan& plan : plans)
      if (primary == plan.codec.payloadType) plan.rtxPayloadType = codec.payloadType;
  }
  return plans;
}

/// RFC 9429 §5.10: TIAS, or the same made of AS less 5 % for RTCP and the headers of 50 packets a second.
std::optional<uint64_t> bandwidthOf(const sdp::MediaSection& section) {
  std::optional<uint64_t> as;
  for (const sdp::Bandwidth& b : section.lines.all<sdp::Bandwidth>()) {
    if (b.type == "TIAS") return b.value;
    if (b.type == "AS") as = b.value;
  }
  if (!as) return std::nullopt;
  const uint64_t bits = std::min<uint64_t>(*as, uint64_t{1} << 40) * 950;
  constexpr uint64_t kHeaders = 50 * 40 * 8;
  return bits > kHeaders ? bits - kHeaders : 0;
}

std::vector<MediaPlan::RemoteSsrc> ssrcsOf(const sdp::MediaSection& section) {
  constexpr size_t kMaxSsrcs = 64;
  std::vector<MediaPlan::RemoteSsrc> ssrcs;
  std::vector<uint32_t> retransmissions;
  for (const sdp::SsrcGroup& group : section.lines.all<sdp::SsrcGroup>()) {
    if (group.semantics != "FID" || group.ssrcs.size() != 2 || ssrcs.size() >= kMaxSsrcs) continue;
    if (contains(ssrcs, group.ssrcs[0], &MediaPlan::RemoteSsrc::ssrc)) continue;
    ssrcs.push_back({group.ssrcs[0], group.ssrcs[1], {}});
    retransmissions.push_back(group.ssrcs[1]);
  }
  for (const sdp::Ssrc& line : section.lines.all<sdp::Ssrc>()) {
    auto at = std::ranges::find(ssrcs, line.ssrc, &MediaPlan::RemoteSsrc::ssrc);
    if (at == ssrcs.end()) {
      if (ssrcs.size() >= kMaxSsrcs || contains(retransmissions, line.ssrc)) continue;
      at = ssrcs.insert(ssrcs.end(), {line.ssrc, std::nullopt, {}});
    }
    if (line.attribute == "cname") at->cname = line.value;
  }
  return ssrcs;
}

class Planner {
 public:
  explicit Planner(const Session& session) : s_(session) {}

  Plan run() {
    if (s_.signalingState == SignalingState::closed) return {};
    planTransports();
    planMedia();
    planData();
    plan_.maxTotalSendBitrate = s_.remoteSessionBandwidth;
    return std::move(plan_);
  }

 private:
  bool stable() const { return s_.signalingState == SignalingState::stable; }
  const MidTransports& currentMids() const { return stable() ? s_.midTransports : s_.lastStable.midTransports; }

  using Sections = std::unordered_map<TransportId, std::vector<size_t>>;
  static Sections sectionsOf(const Description& description, const MidTransports& mids) {
    Sections sections;
    for (size_t i = 0; i < description.size(); ++i) {
      if (description.section(i).rejected()) continue;
      if (const auto at = mids.find(description.mid(i)); at != mids.end()) sections[at->second].push_back(i);
    }
    return sections;
  }

  void planTransports() {
    const auto localNow = s_.pendingLocal ? describedTransports(*s_.pendingLocal, s_.midTransports)
                                          : std::map<TransportId, DescribedTransport>();
    const auto remoteNow = s_.pendingRemote ? describedTransports(*s_.pendingRemote, s_.midTransports)
                                            : std::map<TransportId, DescribedTransport>();
    const auto localBefore = currentTransports(s_.currentLocal, s_);
    const auto remoteBefore = currentTransports(s_.currentRemote, s_);
    const Sections pendingSections = s_.pendingRemote ? sectionsOf(*s_.pendingRemote, s_.midTransports) : Sections();
    const Sections currentSections = s_.currentRemote ? sectionsOf(*s_.currentRemote, currentMids()) : Sections();
    const auto find = [](const auto& map, TransportId id) {
      const auto at = map.find(id);
      return at == map.end() ? nullptr : &at->second;
    };
    const std::vector<size_t> none;
    for (const Transport& transport : s_.transports) {
      TransportPlan plan{.id = transport.id,
                         .iceRole = transport.iceRole,
                         .dtlsRole = transport.dtlsRole,
                         .dtlsGeneration = transport.dtlsGeneration,
                         .remoteFingerprints = transport.remoteFingerprints};
      const auto* now = find(localNow, transport.id);
      const auto* before = find(localBefore, transport.id);
      const auto* remote = find(remoteNow, transport.id);
      const auto* remoteOld = find(remoteBefore, transport.id);
      const auto* pending = find(pendingSections, transport.id);
      const auto* current = find(currentSections, transport.id);
      const auto generation = [&](const DescribedTransport& local, const DescribedTransport* other) {
        IceGeneration made{.local = local.credentials};
        if (!other) return made;
        made.remote = other->credentials;
        if (s_.currentRemote) addRemoteSide(made, *s_.currentRemote, current ? *current : none);
        if (s_.pendingRemote) addRemoteSide(made, *s_.pendingRemote, pending ? *pending : none);
        return made;
      };
      // A pending remote offer counts from our answer on; until then the current generation goes on.
      const bool answered = s_.pendingLocal && s_.pendingRemote;
      if (now && before && now->credentials != before->credentials) {
        plan.previousIce = generation(*before, remoteOld);
        plan.ice = generation(*now, answered ? remote : nullptr);
      } else if (now) {
        plan.ice = generation(*now, answered && remote ? remote : remoteOld);
      } else if (before) {
        plan.ice = generation(*before, remoteOld);
      }
      plan_.transports.push_back(std::move(plan));
    }
    addMids();
  }

  /// The mids of each transport in m-line order, the one that stands for it first.
  void addMids() {
    const Description* order = s_.localDescription() ? s_.localDescription() : s_.remoteDescription();
    if (s_.signalingState == SignalingState::have_remote_offer) order = &*s_.pendingRemote;
    if (!order) return;
    std::unordered_map<TransportId, TransportPlan*> plans;
    for (TransportPlan& plan : plan_.transports) plans.emplace(plan.id, &plan);
    const auto described = describedTransports(*order, s_.midTransports);
    for (const auto& [id, transport] : described)
      if (const auto at = plans.find(id); at != plans.end()) at->second->mids.push_back(order->mid(transport.section));
    for (size_t i = 0; i < order->size(); ++i) {
      const auto id = order->section(i).rejected() ? std::nullopt : s_.transportOf(order->mid(i));
      const auto at = id ? plans.find(*id) : plans.end();
      if (at == plans.end()) continue;
      auto& mids = at->second->mids;
      if (mids.empty() || mids.front() != order->mid(i)) mids.push_back(order->mid(i));
    }
  }

  void planMedia() {
    const Description* order =
        s_.signalingState == SignalingState::have_remote_offer ? &*s_.pendingRemote : s_.localDescription();
    if (!order) return;
    std::unordered_map<std::string_view, const Transceiver*> byMid;
    for (const Transceiver& t : s_.transceivers)
      if (t.mid && !t.stopped) byMid.emplace(*t.mid, &t);
    for (size_t i = 0; i < order->size(); ++i) {
      const auto at = byMid.find(order->mid(i));
      const auto transport = s_.transportOf(order->mid(i));
      if (at != byMid.end() && transport) plan_.media.push_back(planTransceiver(*at->second, *transport));
    }
  }

  MediaPlan planTransceiver(const Transceiver& t, TransportId transport) const {
    MediaPlan plan{.mid = *t.mid, .transceiver = t.id, .kind = t.kind, .transport = transport};
    plan.send = t.currentDirection && sends(*t.currentDirection) && !t.stopping;
    plan.hasTrack = t.senderTrackId.has_value();
    plan.sendCodecs = withRtx(t.sendCodecs);
    for (const CodecPlan& codec : plan.sendCodecs)
      if (!plan.sendCodec && !isResilienceCodec(codec.codec.name)) plan.sendCodec = codec;
    plan.encodings = t.sendEncodings;
    if (plan.encodings.size() == 1) plan.encodings.front().rid.clear();
    plan.cname = s_.cname;
    plan.receive = t.receptive && !t.stopping;
    plan.earlyMedia = plan.receive && !(t.currentDirection && receives(*t.currentDirection));
    plan.receiveCodecs = withRtx(t.receiveCodecs);
    if (!stable())  // RFC 9429 §4.1.10: both the old and the new until the final answer
      for (CodecPlan& old : withRtx(t.lastStable.receiveCodecs))
        if (std::ranges::none_of(plan.receiveCodecs,
                                 [&](const CodecPlan& c) { return c.codec.payloadType == old.codec.payloadType; }))
          plan.receiveCodecs.push_back(std::move(old));
    plan.headerExtensions = t.headerExtensions;
    plan.reducedSizeRtcp = t.reducedSizeRtcp;
    plan.jitterBufferTarget = t.jitterBufferTarget;
    const sdp::MediaSection* remote = remoteSection(*t.mid);
    if (!remote) return plan;
    plan.maxSendBitrate = bandwidthOf(*remote);
    plan.remoteSsrcs = ssrcsOf(*remote);
    return plan;
  }

  const sdp::MediaSection* remoteSection(std::string_view mid) const {
    for (const auto* description : {&s_.pendingRemote, &s_.currentRemote})
      if (*description)
        if (const sdp::MediaSection* found = (*description)->find(mid)) return found;
    return nullptr;
  }

  void planData() {
    if (!s_.sctp) return;
    const Transport* transport = s_.find(s_.sctp->transport);
    plan_.data = DataPlan{.mid = s_.sctp->mid,
                          .transport = s_.sctp->transport,
                          .localPort = s_.config.localSctpPort,
                          .remotePort = s_.sctp->remotePort,
                          .remoteMaxMessageSize = s_.sctp->remoteMaxMessageSize,
                          .dtlsRole = transport ? transport->dtlsRole : std::nullopt};
  }

  const Session& s_;
  Plan plan_;
};

}  // namespace

Plan makePlan(const Session& session) { return Planner(session).run(); }

const CodecPlan* codecOf(const MediaPlan& plan, const SendEncoding& encoding) {
  if (encoding.codec) {
    for (const CodecPlan& one : plan.sendCodecs) {
      const Codec& c = one.codec;
      if (codecMatches(*encoding.codec, {c.name, c.clockRate, plan.kind == MediaKind::audio ? std::max(c.channels, 1) : 0, c.fmtp},
                       true))
        return &one;
    }
  }
  return plan.sendCodec ? &*plan.sendCodec : nullptr;
}

}  // namespace peerage::jsep
