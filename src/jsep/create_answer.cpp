// createAnswer() (RFC 9429 §5.3, webrtc-pc §4.4.2).
#include <algorithm>
#include <unordered_map>

#include "jsep/answer_rules.hpp"
#include "jsep/codecs.hpp"
#include "jsep/create_description.hpp"
#include "jsep/identifiers.hpp"
#include "jsep/section_writer.hpp"
#include "jsep/transports.hpp"

namespace peerage::jsep {

std::optional<MediaKind> mediaKindOf(const sdp::MediaSection& section) {
  if (section.protocol.find("RTP/") == std::string::npos) return std::nullopt;
  if (section.media == "audio") return MediaKind::audio;
  if (section.media == "video") return MediaKind::video;
  return std::nullopt;
}

bool isDataSection(const sdp::MediaSection& section) {
  return section.media == "application" && section.protocol.ends_with("DTLS/SCTP") && !section.formats.empty() &&
         section.formats.front() == "webrtc-datachannel";
}

std::vector<std::string> requestedRids(const sdp::MediaSection& remote) {
  std::vector<std::string> rids;
  if (const auto* simulcast = remote.lines.first<sdp::Simulcast>())
    for (const auto& alternatives : simulcast->receive)
      if (!contains(rids, alternatives.front().rid)) rids.push_back(alternatives.front().rid);
  return rids;
}

bool continuesDtls(const Transport& transport, const sdp::SessionDescription& remote,
                   const sdp::MediaSection& section) {
  if (transport.remoteFingerprints.empty()) return true;
  const auto prints = remote.fingerprints(section);
  const auto* tlsId = remote.effective<sdp::TlsId>(section);
  const bool samePrints = std::ranges::is_permutation(prints, transport.remoteFingerprints);
  return samePrints && (!tlsId || transport.remoteTlsId.empty() || tlsId->value == transport.remoteTlsId);
}

namespace {

class Maker {
 public:
  Maker(const Session& session, RandomSource& random) : s_(session), random_(random), offer_(*session.pendingRemote) {
    for (const Transceiver& t : s_.transceivers)
      if (t.mid) byMid_.emplace(*t.mid, &t);
  }

  CreatedDescription run() {
    decideRejections();
    makeTransports();
    CreatedDescription created;
    created.type = SdpType::answer;
    created.revision = s_.revision;
    created.parsed = startDescription(s_, s_.originVersion + 1);
    writeSessionLines(created.parsed.lines);
    for (size_t i = 0; i < offer_.size(); ++i) {
      created.parsed.media.push_back(sections_[i].rejected ? writeRejectedSection(offer_.section(i), midLine(i))
                                                           : writeSection(i));
      created.mids.push_back(offer_.mid(i));
      const Transceiver* t = transceiver(i);
      created.transceivers.push_back(t ? std::optional(t->id) : std::nullopt);
    }
    created.text = sdp::serialize(created.parsed);
    return created;
  }

 private:
  struct Section {
    bool rejected = false;
    std::vector<Codec> codecs;
  };

  const Transceiver* transceiver(size_t i) const {
    const auto at = byMid_.find(offer_.mid(i));
    return at == byMid_.end() ? nullptr : at->second;
  }

  /// The answer has an a=mid line if the offer has one.
  std::optional<std::string> midLine(size_t i) const {
    return offer_.section(i).mid().empty() ? std::nullopt : std::optional(offer_.mid(i));
  }

  // ---- RFC 9429 §5.3.1: which sections are rejected -------------------------------------------------------------

  bool rejectsAlone(size_t i, Section& section) {
    const sdp::MediaSection& offered = offer_.section(i);
    if (offered.rejected()) return true;
    if (isDataSection(offered)) {
      const bool second = hasData_;
      hasData_ = true;
      return second || !s_.sctp || s_.sctp->mid != offer_.mid(i);
    }
    const auto kind = mediaKindOf(offered);
    const Transceiver* t = transceiver(i);
    if (!kind || !t || t->stopped || t->kind != *kind) return true;
    section.codecs = answeredCodecs(s_.config, *t, offered);
    return section.codecs.empty();
  }

  void decideRejections() {
    sections_.resize(offer_.size());
    for (size_t i = 0; i < offer_.size(); ++i) sections_[i].rejected = rejectsAlone(i, sections_[i]);
    // The bundle policy: a section needs a transport of its own, and the policy does not grant it one.
    std::unordered_map<std::string, size_t> firstOfMedia;
    const auto grouped = [&](size_t i, size_t with) {
      const sdp::Group* group = offer_.bundleOf(offer_.mid(i));
      return i == with || (group && group == offer_.bundleOf(offer_.mid(with)));
    };
    std::optional<size_t> firstOfAll;
    for (size_t i = 0; i < offer_.size(); ++i) {
      if (offer_.section(i).rejected()) continue;
      if (!firstOfAll) firstOfAll = i;
      const size_t first = firstOfMedia.try_emplace(offer_.section(i).media, i).first->second;
      if (s_.config.bundlePolicy == BundlePolicy::max_bundle && !grouped(i, *firstOfAll)) sections_[i].rejected = true;
      if (s_.config.bundlePolicy == BundlePolicy::balanced && !grouped(i, first)) sections_[i].rejected = true;
    }
    // The offerer-tagged section falls and takes its group with it (RFC 9143 §7.3).
    std::vector<bool> fallen(offer_.size());
    for (size_t i = 0; i < offer_.size(); ++i) {
      if (offer_.section(i).rejected()) continue;
      const auto tag = offer_.indexOf(offer_.tagOf(offer_.mid(i)));
      fallen[i] = tag && sections_[*tag].rejected;
    }
    for (size_t i = 0; i < offer_.size(); ++i) sections_[i].rejected = sections_[i].rejected || fallen[i];
  }

  // ---- Transports -----------------------------------------------------------------------------------------------

  /// The section that stands for the transport of section i.
  size_t tagOf(size_t i) const { return offer_.indexOf(offer_.tagOf(offer_.mid(i))).value_or(i); }

  void makeTransports() {
    const auto local = newestTransports(s_.currentLocal, s_.pendingLocal, s_);
    const auto remoteBefore = currentTransports(s_.currentRemote, s_);
    for (size_t i = 0; i < offer_.size(); ++i) {
      const size_t tag = tagOf(i);
      if (sections_[i].rejected || transports_.contains(tag)) continue;
      const sdp::MediaSection& offered = offer_.section(tag);
      const auto id = s_.transportOf(offer_.mid(tag));
      const Transport* transport = id ? s_.find(*id) : nullptr;
      const bool goesOn = !transport || continuesDtls(*transport, offer_.parsed(), offered);
      TransportLines& lines = transports_[tag];
      lines.setup = answerSetup(offer_.parsed().effective<sdp::Setup>(offered), goesOn ? transport : nullptr);
      if (offer_.parsed().effective<sdp::TlsId>(offered))
        lines.tlsId =
            goesOn && transport && !transport->localTlsId.empty() ? transport->localTlsId : randomTlsId(random_);
      const auto known = id ? local.find(*id) : local.end();
      const auto before = id ? remoteBefore.find(*id) : remoteBefore.end();
      const bool restart = known != local.end() && !known->second.pending && before != remoteBefore.end() &&
                           before->second.credentials != offer_.credentials(tag);
      if (known == local.end() || restart) {
        lines.ice = randomCredentials(random_);
        continue;
      }
      const NewestTransport& newest = known->second;
      lines.ice = newest.described.credentials;
      lines.candidates = newest.description->candidates(newest.described.section);
      lines.endOfCandidates = newest.description->endOfCandidates(newest.described.section);
    }
  }

  /// RFC 9429 §5.3.1: active preferred; §5.3.2: the role of an association that goes on.
  static sdp::SetupRole answerSetup(const sdp::Setup* offered, const Transport* continued) {
    if (offered && offered->role == sdp::SetupRole::active) return sdp::SetupRole::passive;
    if (offered && offered->role == sdp::SetupRole::passive) return sdp::SetupRole::active;
    if (continued && continued->dtlsRole == DtlsRole::server) return sdp::SetupRole::passive;
    return sdp::SetupRole::active;
  }

  // ---- Writing --------------------------------------------------------------------------------------------------

  void writeSessionLines(sdp::Lines& lines) const {
    for (const sdp::Group& group : offer_.parsed().lines.all<sdp::Group>()) {
      if (group.semantics == "BUNDLE") {
        sdp::Group answer{"BUNDLE", {}};
        for (const std::string& mid : group.mids) {
          const auto i = offer_.indexOf(mid);
          if (i && !sections_[*i].rejected && offer_.bundleOf(mid) == &group) answer.mids.push_back(mid);
        }
        if (!answer.mids.empty()) lines.push_back(std::move(answer));
      } else if (group.semantics == "LS") {
        writeLipSync(group, lines);
      }
    }
    lines.push_back(sdp::OtherAttribute{"msid-semantic", "WMS *", true});
    sdp::IceOptions options;
    for (const char* option : {"trickle", "ice2"})
      if (offered(option)) options.options.emplace_back(option);
    if (!options.options.empty()) lines.push_back(std::move(options));
  }

  bool offered(std::string_view iceOption) const {
    const auto in = [&](const sdp::Lines& lines) {
      return std::ranges::any_of(lines.all<sdp::IceOptions>(),
                                 [&](const auto& o) { return contains(o.options, iceOption); });
    };
    return in(offer_.parsed().lines) ||
           std::ranges::any_of(offer_.parsed().media, [&](const auto& section) { return in(section.lines); });
  }

  /// Of the group's transceivers, those that share a stream of ours or have none to share.
  void writeLipSync(const sdp::Group& group, sdp::Lines& lines) const {
    sdp::Group answer{"LS", {}};
    std::optional<std::string> stream;
    for (const std::string& mid : group.mids) {
      const auto i = offer_.indexOf(mid);
      const Transceiver* t = i && !sections_[*i].rejected ? transceiver(*i) : nullptr;
      if (!t || contains(answer.mids, mid)) continue;
      if (!t->associatedStreamIds.empty()) {
        if (!stream) stream = t->associatedStreamIds.front();
        if (!contains(t->associatedStreamIds, *stream)) continue;
      }
      answer.mids.push_back(mid);
    }
    if (answer.mids.size() > 1) lines.push_back(std::move(answer));
  }

  sdp::MediaSection writeSection(size_t i) const {
    const sdp::MediaSection& offered = offer_.section(i);
    SectionStart start{.media = offered.media, .protocol = offered.protocol, .mid = midLine(i)};
    const size_t tag = tagOf(i);
    start.transport = transports_.at(tag);
    if (tag != i) {
      start.transport->candidates.clear();
      start.transport->endOfCandidates = false;
    }
    if (isDataSection(offered)) return writeDataSection(s_, start);
    const Transceiver& t = *transceiver(i);
    RtpSection in{
        .start = std::move(start),
        .direction = Direction::inactive,
        .codecs = sections_[i].codecs,
        .extensions = answeredExtensions(s_.config, t.kind, offered),
        .reducedSizeRtcp = offer_.has<sdp::RtcpRsize>(i),
        .sendRids = {},
        .transceiver = &t};
    in.direction = sdp::intersect(sdp::reversed(offer_.parsed().direction(offered)), t.direction);
    for (const std::string& rid : requestedRids(offered))
      if (contains(t.sendEncodings, rid, &SendEncoding::rid)) in.sendRids.push_back(rid);
    return writeRtpSection(s_, in);
  }

  const Session& s_;
  RandomSource& random_;
  const Description& offer_;
  std::unordered_map<std::string_view, const Transceiver*> byMid_;
  std::vector<Section> sections_;
  bool hasData_ = false;
  std::unordered_map<size_t, TransportLines> transports_;  ///< by the section that stands for them
};

}  // namespace

Outcome<std::string> createAnswer(Session& session, RandomSource& random) {
  if (session.signalingState != SignalingState::have_remote_offer &&
      session.signalingState != SignalingState::have_local_pranswer)
    return fail(ErrorKind::invalid_state,
                "no answer can be created in state " + std::string(toString(session.signalingState)));
  auto created = Maker(session, random).run();
  ++session.originVersion;
  std::string text = created.text;
  session.lastCreatedAnswer = std::make_shared<const CreatedDescription>(std::move(created));
  return text;
}

}  // namespace peerage::jsep
