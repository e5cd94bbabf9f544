// "Set the session description" (webrtc-pc §4.4.1.5): the steps of a description that was applied successfully, in the
// order of the text. Transports and checks have files of their own.
#include "jsep/apply_description.hpp"

#include <algorithm>
#include <unordered_map>

#include "jsep/answer_rules.hpp"
#include "jsep/apply_transports.hpp"
#include "jsep/codecs.hpp"
#include "jsep/create_description.hpp"
#include "jsep/identifiers.hpp"
#include "jsep/remote_tracks.hpp"
#include "jsep/transceivers.hpp"
#include "jsep/transports.hpp"
#include "jsep/validate_description.hpp"
#include "sdp/text.hpp"

namespace peerage::jsep {
namespace {

class Applier {
 public:
  Applier(const Session& before, SdpType type, bool remote, RandomSource& random)
      : before_(before), type_(type), remote_(remote), random_(random), applied_{before, {}} {}

  Outcome<Applied> local(std::string_view sdp);
  Outcome<Applied> remote(std::string_view sdp);
  Outcome<Applied> rollback();

 private:
  Session& s() { return applied_.session; }
  Effects& fx() { return applied_.effects; }
  bool isAnswer() const { return type_ == SdpType::answer || type_ == SdpType::pranswer; }

  Outcome<Applied> apply(const Description& description);
  void saveLastStable();
  Outcome<> moveTransports(const Description& description);
  void setDescriptions(const Description& description);
  void carryCandidates(Description& description);
  void replaceCredentials(const Description& newLocal);
  void updateSctp(const Description& description);
  void negotiateDataChannels(const Description& description);

  void associateLocalOffer(const Description& description);
  void localSection(const Description& description, size_t i, Transceiver& t);
  void localAnswerSection(const sdp::MediaSection& section, Direction direction, const std::vector<Codec>& ours,
                          Transceiver& t);

  void remoteSection(const Description& description, size_t i);
  Transceiver* findOrCreate(const Description& description, size_t i, MediaKind kind);
  void proposeEncodings(Transceiver& t, const std::vector<std::string>& rids);
  void remoteAnswerSection(const Description& description, size_t i, Direction direction,
                           const std::vector<Codec>& theirs, Transceiver& t);
  void keepEncodings(Transceiver& t, const std::vector<std::string>& rids);

  void finishAnswer();
  void stopNow(Transceiver& t);
  void rollbackTransceiver(Transceiver& t, bool fromRemoteOffer);
  void indexMids();
  Transceiver* byMid(const std::string& mid);

  const Session& before_;
  SdpType type_;
  bool remote_;
  RandomSource& random_;
  Applied applied_;
  /// The other half of an answer: what was offered.
  std::optional<Description> offer_;
  std::shared_ptr<const CreatedDescription> created_;
  std::unordered_map<std::string, size_t> mids_;
};

// ---- Entry points -----------------------------------------------------------------------------------------------

Outcome<Applied> Applier::local(std::string_view sdp) {
  const bool offer = type_ == SdpType::offer;
  if (sdp.empty() && nextState(before_.signalingState, Side::local, type_)) {
    if (!(offer ? reusableOffer(s()) : reusableAnswer(s()))) {
      auto text = offer ? createOffer(s(), {}, random_) : createAnswer(s(), random_);
      if (!text) return std::unexpected(text.error());
    }
    created_ = offer ? s().lastCreatedOffer : s().lastCreatedAnswer;
  } else {
    created_ = offer ? before_.lastCreatedOffer : before_.lastCreatedAnswer;
    if (!created_ || created_->text != sdp)
      return fail(ErrorKind::invalid_modification,
                  "the sdp is not that of the last " + std::string(offer ? "createOffer()" : "createAnswer()"));
  }
  if (auto next = nextState(before_.signalingState, Side::local, type_); !next) return std::unexpected(next.error());
  const Description description(type_, true, created_->text, created_->parsed, created_->mids);
  if (offer) {
    if (auto fits = verifyLocalOffer(before_, *created_); !fits) return std::unexpected(fits.error());
  } else {
    offer_ = before_.pendingRemote;
    if (auto fits = verifyAnswer(*offer_, description); !fits)
      return fail(ErrorKind::invalid_modification, "the answer no longer fits the offer: " + fits.error().message);
  }
  return apply(description);
}

Outcome<Applied> Applier::remote(std::string_view sdp) {
  if (auto next = nextState(before_.signalingState, Side::remote, type_); !next) return std::unexpected(next.error());
  auto parsed = sdp::parse(sdp);
  if (!parsed) return fail(ErrorKind::sdp_syntax, parsed.error().message, parsed.error().line);
  auto mids = resolveMids(before_, type_, *parsed);
  if (!mids) return std::unexpected(mids.error());
  const Description description(type_, false, std::string(sdp), std::move(*parsed), std::move(*mids));
  if (auto valid = verifyRemote(description); !valid) return std::unexpected(valid.error());
  if (type_ == SdpType::offer) {
    if (auto valid = verifyRemoteOffer(before_, description); !valid) return std::unexpected(valid.error());
  } else {
    offer_ = before_.pendingLocal;
    if (auto valid = verifyAnswer(*offer_, description); !valid) return std::unexpected(valid.error());
    if (auto valid = verifyAnswerIce(before_, description); !valid) return std::unexpected(valid.error());
  }
  return apply(description);
}

Outcome<Applied> Applier::apply(const Description& description) {
  const SignalingState oldState = before_.signalingState;
  if (type_ == SdpType::offer && oldState == SignalingState::stable) saveLastStable();
  if (auto moved = moveTransports(description); !moved) return std::unexpected(moved.error());
  registerNumbers(s().numbers, description.parsed());
  setDescriptions(description);
  updateSctp(description);
  if (isAnswer()) negotiateDataChannels(description);
  if (!remote_ && type_ == SdpType::offer) associateLocalOffer(description);
  indexMids();
  for (size_t i = 0; i < description.size(); ++i) {
    if (remote_) remoteSection(description, i);
    else if (Transceiver* t = byMid(description.mid(i))) localSection(description, i, *t);
  }
  if (!remote_) noteGathering(before_, s(), fx());
  if (type_ == SdpType::answer) finishAnswer();
  else if (type_ == SdpType::offer) closeUnusedTransports(s(), fx());
  std::ranges::sort(fx().parametersChanged);
  const auto repeated = std::ranges::unique(fx().parametersChanged);
  fx().parametersChanged.erase(repeated.begin(), repeated.end());
  if (s().signalingState == SignalingState::stable) fx().updateNegotiationNeeded = true;
  fx().signalingStateChanged = s().signalingState != oldState;
  s().touch();
  return std::move(applied_);
}

// ---- Before the m-sections --------------------------------------------------------------------------------------

/// An offer in stable: [[LastStableState…]] of the connection and of every transceiver.
void Applier::saveLastStable() {
  s().lastStable = {s().sctp, s().transports, s().midTransports};
  for (Transceiver& t : s().transceivers) {
    t.lastStable.mid = t.mid;
    t.lastStable.transport = t.transport;
    t.lastStable.ridlessSendEncodings.reset();
    if (t.sendEncodings.size() == 1 && t.sendEncodings.front().rid.empty())
      t.lastStable.ridlessSendEncodings = t.sendEncodings;
    t.lastStable.remoteStreamIds = t.remoteStreamIds;
    t.lastStable.receiveCodecs = t.receiveCodecs;
    t.lastStable.headerExtensions = t.headerExtensions;
  }
}

Outcome<> Applier::moveTransports(const Description& description) {
  if (isAnswer()) return transportsOfAnswer(s(), *offer_, description, remote_, fx());
  if (remote_) transportsOfRemoteOffer(s(), description, fx());
  else transportsOfLocalOffer(s(), description, created_->transports, fx());
  return {};
}

/// The five variables that change at one point in time.
void Applier::setDescriptions(const Description& description) {
  Session& next = s();
  next.signalingState = *nextState(before_.signalingState, remote_ ? Side::remote : Side::local, type_);
  (remote_ ? next.pendingRemote : next.pendingLocal) = description;
  if (!remote_) carryCandidates(*next.pendingLocal);
  if (type_ == SdpType::answer) {
    next.currentLocal = std::move(next.pendingLocal);
    next.currentRemote = std::move(next.pendingRemote);
    next.pendingLocal.reset();
    next.pendingRemote.reset();
    next.lastCreatedOffer.reset();
    next.lastCreatedAnswer.reset();
    replaceCredentials(*next.currentLocal);
    fx().poolDiscarded = true;
  }
  if (!remote_) {  // "release early candidates"
    fx().releasedCandidates = std::move(next.earlyCandidates);
    next.earlyCandidates.clear();
  } else {
    const auto trickles = [](const sdp::Lines& lines) {
      return std::ranges::any_of(lines.all<sdp::IceOptions>(),
                                 [](const auto& o) { return contains(o.options, "trickle"); });
    };
    next.canTrickleIceCandidates =
        trickles(description.parsed().lines) ||
        std::ranges::any_of(description.parsed().media, [&](const auto& section) { return trickles(section.lines); });
    next.remoteSessionBandwidth.reset();
    for (const sdp::Bandwidth& b : description.parsed().lines.all<sdp::Bandwidth>())
      if (b.type == "CT") next.remoteSessionBandwidth = std::min<uint64_t>(b.value, UINT64_MAX / 1000) * 1000;
  }
}

/// Candidates that were gathered after the description had been created, for generations that it goes on with.
void Applier::carryCandidates(Description& description) {
  const auto known = newestTransports(before_.currentLocal, before_.pendingLocal, before_);
  for (const auto& [id, described] : describedTransports(description, s().midTransports)) {
    const auto at = known.find(id);
    if (at == known.end() || at->second.described.credentials != described.credentials) continue;
    const Description& from = *at->second.description;
    const auto have = description.candidates(described.section);
    for (std::string& candidate : from.candidates(at->second.described.section))
      if (!contains(have, candidate)) description.addCandidate(described.section, std::move(candidate));
    if (from.endOfCandidates(at->second.described.section)) description.endCandidates(described.section);
  }
}

/// Empties [[LocalIceCredentialsToReplace]] when the new local description has none of it.
void Applier::replaceCredentials(const Description& newLocal) {
  auto& replace = s().localIceCredentialsToReplace;
  if (replace.empty()) return;
  for (size_t i = 0; i < newLocal.size(); ++i)
    if (const auto credentials = newLocal.credentials(i); credentials && replace.contains(*credentials)) return;
  replace.clear();
}

// ---- SCTP -------------------------------------------------------------------------------------------------------

/// [[SctpTransport]]: made by an offer that describes an association, null again when an answer refuses it.
void Applier::updateSctp(const Description& description) {
  Session& next = s();
  std::optional<size_t> data;
  for (size_t i = 0; i < description.size() && !data; ++i)
    if (isDataSection(description.section(i)) && !description.section(i).rejected()) data = i;
  if (type_ == SdpType::offer && data) {
    const auto transport = next.transportOf(description.mid(*data));
    if (!transport) return;
    if (!next.sctp) {
      next.sctp = Sctp{};
      fx().sctpCreated = true;
    }
    next.sctp->mid = description.mid(*data);
    next.sctp->transport = *transport;
  } else if (isAnswer() && next.sctp) {
    if (data) {
      next.sctp->transport = next.transportOf(description.mid(*data)).value_or(next.sctp->transport);
    } else if (type_ == SdpType::answer) {  // RFC 8841 §10.3, §10.4: refused, or closed
      next.sctp.reset();
      next.dataChannelRequested = false;
      fx().sctpRemoved = true;
    }
  }
}

void Applier::negotiateDataChannels(const Description& description) {
  Session& next = s();
  if (!next.sctp) return;
  const Description& remote = remote_ ? description : *offer_;
  const sdp::MediaSection* section = remote.find(next.sctp->mid);
  const sdp::MediaSection* answered = description.find(next.sctp->mid);
  if (!section || !answered || answered->rejected()) return;
  const auto* port = section->lines.first<sdp::SctpPort>();
  const auto* size = section->lines.first<sdp::MaxMessageSize>();
  next.sctp->remotePort = port ? port->port : 5000;
  next.sctp->remoteMaxMessageSize = size ? size->value : 65536;  // RFC 8841 §6.1
  fx().updateMaxMessageSize = true;
  if (const Transport* transport = next.find(next.sctp->transport)) fx().assignDataChannelIds = transport->dtlsRole;
}

// ---- Local descriptions -----------------------------------------------------------------------------------------

void Applier::indexMids() {
  mids_.clear();
  for (size_t i = 0; i < s().transceivers.size(); ++i)
    if (s().transceivers[i].mid) mids_.emplace(*s().transceivers[i].mid, i);
}

Transceiver* Applier::byMid(const std::string& mid) {
  const auto at = mids_.find(mid);
  return at == mids_.end() ? nullptr : &s().transceivers[at->second];
}

/// RFC 9429 §5.9: the mapping that was made with the offer gives each transceiver its mid.
void Applier::associateLocalOffer(const Description& description) {
  for (size_t i = 0; i < description.size(); ++i) {
    if (!created_->transceivers[i]) continue;
    Transceiver* t = s().find(*created_->transceivers[i]);
    if (t && !t->mid && !t->stopped) t->mid = description.mid(i);
  }
}

void Applier::localSection(const Description& description, size_t i, Transceiver& t) {
  const sdp::MediaSection& section = description.section(i);
  if (t.stopped) return;
  if (const auto transport = s().transportOf(description.mid(i))) t.transport = transport;
  const Direction direction = section.rejected() ? Direction::inactive : description.parsed().direction(section);
  t.receptive = receives(direction) && !t.stopping;
  const std::vector<Codec> ours = section.rejected() ? std::vector<Codec>() : codecsOf(section);
  if (type_ == SdpType::offer) {
    t.receiveCodecs = receives(direction) ? ours : std::vector<Codec>();
    if (!t.currentDirection) t.headerExtensions = extensionsOf(section);
    return;
  }
  localAnswerSection(section, direction, ours, t);
  if (section.rejected() && type_ == SdpType::answer) stopNow(t);
}

void Applier::localAnswerSection(const sdp::MediaSection& section, Direction direction, const std::vector<Codec>& ours,
                                 Transceiver& t) {
  const sdp::MediaSection* offered = offer_->find(*t.mid);
  const std::vector<Codec> theirs = offered ? codecsOf(*offered) : std::vector<Codec>();
  t.receiveCodecs = receives(direction) ? negotiatedReceiveCodecs(ours, theirs) : std::vector<Codec>();
  if (t.sendEncodings.size() > 1) {
    std::vector<std::string> rids;
    for (const sdp::Rid& rid : section.lines.all<sdp::Rid>())
      if (rid.send) rids.push_back(rid.id);
    keepEncodings(t, rids);
  }
  t.sendCodecs = sends(direction) ? negotiatedSendCodecs(s().config, t.kind, theirs, ours) : std::vector<Codec>();
  fx().parametersChanged.push_back(t.id);
  t.headerExtensions = extensionsOf(section);
  t.reducedSizeRtcp = section.lines.has<sdp::RtcpRsize>();
  if (!receives(direction) && t.firedDirection && receives(*t.firedDirection)) {
    setAssociatedRemoteStreams(t, {}, fx());
    fx().muteTracks.push_back(t.id);
  }
  setCurrentDirection(t, direction);
  t.firedDirection = direction;
}

/// An answer that lacks all layers leaves the first; one that lacks some leaves the others.
void Applier::keepEncodings(Transceiver& t, const std::vector<std::string>& rids) {
  const auto missing = [&](const SendEncoding& e) { return !contains(rids, e.rid); };
  if (std::ranges::all_of(t.sendEncodings, missing)) t.sendEncodings.resize(1);
  else std::erase_if(t.sendEncodings, missing);
}

// ---- Remote descriptions ----------------------------------------------------------------------------------------

/// RFC 9429 §5.10: the associated transceiver; for an offer else one that addTrack() made, else a new one.
Transceiver* Applier::findOrCreate(const Description& description, size_t i, MediaKind kind) {
  const std::string& mid = description.mid(i);
  if (Transceiver* t = byMid(mid)) return t;
  const sdp::MediaSection& section = description.section(i);
  if (type_ != SdpType::offer || section.rejected()) return nullptr;
  Transceiver* found = nullptr;
  if (receives(description.parsed().direction(section)))
    for (Transceiver& t : s().transceivers)
      if (!found && t.kind == kind && t.createdByAddTrack && !t.mid && !t.stopping) found = &t;
  if (!found) {
    found = &createTransceiver(s(), kind, Direction::recvonly, random_);
    found->createdByPendingOffer = true;
    fx().created.push_back(found->id);
  }
  found->mid = mid;
  mids_.emplace(mid, static_cast<size_t>(found - s().transceivers.data()));
  return found;
}

/// The encodings that an offer to receive simulcast proposes, for a sender that has only the rid-less default.
void Applier::proposeEncodings(Transceiver& t, const std::vector<std::string>& rids) {
  if (rids.empty() || t.sendEncodings.size() != 1 || !t.sendEncodings.front().rid.empty()) return;
  const size_t count = std::min(rids.size(), maxEncodings(s().config, t.kind));
  const SendEncoding first = t.sendEncodings.front();
  t.sendEncodings.assign(count, SendEncoding{});
  for (size_t i = 0; i < count; ++i) {
    t.sendEncodings[i].rid = rids[i];
    t.sendEncodings[i].scaleResolutionDownBy = defaultScale(i, count);
  }
  t.sendEncodings.front().ssrc = first.ssrc;
  t.sendEncodings.front().rtxSsrc = first.rtxSsrc;
  assignSsrcs(s(), t.sendEncodings, random_);
  fx().parametersChanged.push_back(t.id);
}

void Applier::remoteSection(const Description& description, size_t i) {
  const sdp::MediaSection& section = description.section(i);
  const auto kind = mediaKindOf(section);
  if (!kind) {
    if (Transceiver* t = byMid(description.mid(i)); t && section.rejected() && !t->stopped) stopNow(*t);
    return;
  }
  Transceiver* found = findOrCreate(description, i, *kind);
  if (!found) return;
  Transceiver& t = *found;
  if (type_ == SdpType::offer && !section.rejected()) proposeEncodings(t, requestedRids(section));
  const std::vector<Codec> theirs = section.rejected() ? std::vector<Codec>() : codecsOf(section);
  if (isAnswer() && t.sendEncodings.size() > 1) {
    keepEncodings(t, requestedRids(section));
    fx().parametersChanged.push_back(t.id);
  }
  const Direction direction =
      section.rejected() ? Direction::inactive : sdp::reversed(description.parsed().direction(section));
  std::vector<std::string> msids;
  if (receives(direction)) msids = remoteStreamIds(section, s().defaultStreamId);
  if (!t.stopped) processRemoteTracks(t, direction, msids, fx());
  if (isAnswer() && !t.stopped) remoteAnswerSection(description, i, direction, theirs, t);
  if (section.rejected() && !t.stopped) stopNow(t);
}

void Applier::remoteAnswerSection(const Description& description, size_t i, Direction direction,
                                  const std::vector<Codec>& theirs, Transceiver& t) {
  const sdp::MediaSection& section = description.section(i);
  const sdp::MediaSection& offered = offer_->section(i);
  const std::vector<Codec> ours = codecsOf(offered);
  t.receiveCodecs = receives(direction) ? negotiatedReceiveCodecs(ours, theirs) : std::vector<Codec>();
  t.sendCodecs = sends(direction) ? negotiatedSendCodecs(s().config, t.kind, theirs, ours) : std::vector<Codec>();
  t.headerExtensions = commonExtensions(extensionsOf(section), extensionsOf(offered));
  t.reducedSizeRtcp = description.has<sdp::RtcpRsize>(i) && offer_->has<sdp::RtcpRsize>(i);
  t.receptive = receives(direction) && !t.stopping;
  setCurrentDirection(t, direction);
  if (const auto transport = s().transportOf(description.mid(i))) t.transport = transport;
}

// ---- After the m-sections ---------------------------------------------------------------------------------------

void Applier::stopNow(Transceiver& t) {
  fx().stopped.push_back(t.id);
  stopTransceiver(t);
}

/// A final answer: stopped transceivers of rejected sections leave the set, transports without users close.
void Applier::finishAnswer() {
  Session& next = s();
  const auto rejected = [&](const std::string& mid) {
    for (const auto* current : {&next.currentLocal, &next.currentRemote})
      if (const sdp::MediaSection* section = (*current)->find(mid); section && section->rejected()) return true;
    return false;
  };
  for (Transceiver& t : next.transceivers) {
    // webrtc-pc issue 2576: one that is stopping and was never negotiated has nothing to wait for. Left stopping it
    // would need negotiation for ever.
    if (t.stopping && !t.stopped && !t.mid) stopNow(t);
    t.createdByPendingOffer = false;
    if (t.sendCodecs.empty()) continue;
    for (SendEncoding& encoding : t.sendEncodings)
      if (encoding.codec &&
          std::ranges::none_of(t.sendCodecs, [&](const Codec& c) { return sameFormat(c, *encoding.codec); })) {
        encoding.codec.reset();
        fx().parametersChanged.push_back(t.id);
      }
  }
  std::erase_if(next.transceivers, [&](Transceiver& t) {
    if (!t.stopped || (t.mid && !rejected(*t.mid))) return false;
    fx().removed.push_back(std::move(t));
    return true;
  });
  for (size_t i = 0; i < next.currentLocal->size(); ++i) {
    // A mid that was negotiated is not made up again, even when its section is gone.
    const auto number = sdp::parseNumber<uint32_t>(next.currentLocal->mid(i), 9'998);
    if (number) next.nextMid = std::max(next.nextMid, *number + 1);
  }
  closeUnusedTransports(next, fx());
  next.offerMidTransports.clear();
  next.lastStable = {};
}

// ---- Rollback ---------------------------------------------------------------------------------------------------

void Applier::rollbackTransceiver(Transceiver& t, bool fromRemoteOffer) {
  // Not associated before the pending description: disassociated again. One whose old association still holds keeps it.
  if (!t.lastStable.mid) t.mid.reset();
  t.transport = t.lastStable.transport;
  const auto hasRid = [](const SendEncoding& e) { return !e.rid.empty(); };
  if (t.lastStable.ridlessSendEncodings && std::ranges::any_of(t.sendEncodings, hasRid)) {
    t.sendEncodings = *t.lastStable.ridlessSendEncodings;
    fx().parametersChanged.push_back(t.id);
  }
  t.receiveCodecs = t.lastStable.receiveCodecs;
  t.headerExtensions = t.lastStable.headerExtensions;
  t.receptive = !t.stopping && t.currentDirection && receives(*t.currentDirection);
  if (fromRemoteOffer && !t.stopped) processRemoteTracks(t, t.currentDirection, t.lastStable.remoteStreamIds, fx());
}

Outcome<Applied> Applier::rollback() {
  auto next = nextState(before_.signalingState, Side::local, SdpType::rollback);
  if (!next) return std::unexpected(next.error());
  const bool fromRemoteOffer = before_.signalingState == SignalingState::have_remote_offer;
  fx().sctpCreated = !before_.sctp && before_.lastStable.sctp;
  fx().sctpRemoved = before_.sctp && !before_.lastStable.sctp;
  s().sctp = before_.lastStable.sctp;
  for (Transceiver& t : s().transceivers) rollbackTransceiver(t, fromRemoteOffer);
  std::erase_if(s().transceivers, [&](Transceiver& t) {
    if (!t.createdByPendingOffer || t.trackAttachedByAddTrack) {
      t.createdByPendingOffer = false;
      return false;
    }
    if (!t.stopped) stopNow(t);
    fx().removed.push_back(std::move(t));
    return true;
  });
  s().midTransports = before_.lastStable.midTransports;
  s().pendingLocal.reset();
  s().pendingRemote.reset();
  s().signalingState = *next;
  closeUnusedTransports(s(), fx());
  s().offerMidTransports.clear();
  s().lastStable = {};
  fx().updateNegotiationNeeded = true;
  fx().signalingStateChanged = true;
  s().touch();
  return std::move(applied_);
}

}  // namespace

Outcome<Applied> setLocal(const Session& session, SdpType type, std::string_view sdp, RandomSource& random) {
  Applier applier(session, type, false, random);
  return type == SdpType::rollback ? applier.rollback() : applier.local(sdp);
}

Outcome<Applied> setRemote(const Session& session, SdpType type, std::string_view sdp, RandomSource& random) {
  Applier applier(session, type, true, random);
  return type == SdpType::rollback ? applier.rollback() : applier.remote(sdp);
}

}  // namespace peerage::jsep
