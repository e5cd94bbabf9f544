// createOffer() (RFC 9429 §5.2, webrtc-pc §4.4.2).
#include <algorithm>
#include <map>
#include <unordered_map>

#include "jsep/codecs.hpp"
#include "jsep/create_description.hpp"
#include "jsep/identifiers.hpp"
#include "jsep/section_writer.hpp"
#include "jsep/transports.hpp"

namespace peerage::jsep {
namespace {

constexpr const char* kRtpProtocol = "UDP/TLS/RTP/SAVPF";  // RFC 5764 §8
constexpr const char* kDataProtocol = "UDP/DTLS/SCTP";     // RFC 8841 §4

/// What one m-section of the offer is for.
struct Slot {
  const Transceiver* transceiver = nullptr;  ///< null with data == false: a rejected section that keeps its place
  bool data = false;
  std::string mid;
  const sdp::MediaSection* previous = nullptr;  ///< the section at this place in the newest local description
  bool recycled = false;
  /// Index into Maker::transports_; set for live slots.
  size_t transport = 0;
  bool sharesTransport = false;  ///< another slot stands for the transport
  bool bundleOnly = false;

  bool live() const { return data || (transceiver && !transceiver->stopping && !transceiver->stopped); }
  std::string media() const { return data ? "application" : std::string(toString(transceiver->kind)); }
};

/// A transport of the offer: an existing one, or one that applying the offer will make.
struct OfferTransport {
  enum class Start : uint8_t { begins, restarts, goes_on };
  std::optional<TransportId> id;
  TransportLines lines;
  Start start = Start::begins;  ///< of its ICE
};

class Maker {
 public:
  Maker(const Session& session, const OfferOptions& options, RandomSource& random)
      : s_(session), options_(options), random_(random), mids_(session), numbers_(session.numbers) {
    base_ = s_.pendingLocal ? &*s_.pendingLocal : s_.currentLocal ? &*s_.currentLocal : nullptr;
    if (s_.currentLocal && s_.currentRemote)
      answer_ = s_.currentLocal->type() == SdpType::answer ? &*s_.currentLocal : &*s_.currentRemote;
    for (const Transceiver& t : s_.transceivers)
      if (t.mid) byMid_.emplace(*t.mid, &t);
  }

  Outcome<CreatedDescription> run() {
    placeExisting();
    placeNew();
    groupSlots();
    assignTransports();
    CreatedDescription created;
    created.type = SdpType::offer;
    created.revision = s_.revision;
    created.parsed = startDescription(s_, s_.originVersion + 1);
    writeSessionLines(created.parsed.lines);
    for (const Slot& slot : slots_) {
      auto section = writeSlot(slot);
      if (!section) return std::unexpected(section.error());
      created.parsed.media.push_back(std::move(*section));
      created.mids.push_back(slot.mid);
      created.transceivers.push_back(slot.transceiver ? std::optional(slot.transceiver->id) : std::nullopt);
      created.transports.push_back(slot.live() ? std::optional(slot.transport) : std::nullopt);
    }
    created.text = sdp::serialize(created.parsed);
    return created;
  }

 private:
  // ---- Which sections there are (RFC 9429 §5.2.1, §5.2.2) -------------------------------------------------------

  void placeExisting() {
    for (size_t i = 0; base_ && i < base_->size(); ++i) {
      Slot slot;
      slot.previous = &base_->section(i);
      slot.mid = base_->mid(i);
      const auto at = byMid_.find(slot.mid);
      if (at != byMid_.end()) slot.transceiver = at->second;
      else slot.data = s_.sctp && s_.sctp->mid == slot.mid && !slot.previous->rejected();
      slots_.push_back(std::move(slot));
    }
  }

  /// An m= section with a zero port in the current local or remote description, that nobody lives in.
  bool recyclable(size_t index) const {
    if (slots_[index].live() || !s_.currentLocal || index >= s_.currentLocal->size()) return false;
    if (s_.currentLocal->section(index).rejected()) return true;
    return s_.currentRemote && index < s_.currentRemote->size() && s_.currentRemote->section(index).rejected();
  }

  void placeNew() {
    const bool hasData = std::ranges::any_of(slots_, &Slot::data);
    const bool wantsData = !hasData && (s_.dataChannelRequested || s_.config.alwaysNegotiateDataChannels || s_.sctp);
    size_t search = 0;
    const auto place = [&](Slot slot) {
      slot.mid = mids_.next();
      while (search < slots_.size() && (slots_[search].recycled || !recyclable(search))) ++search;
      if (search == slots_.size()) {
        slots_.push_back(std::move(slot));
        ++search;  // what was appended is no place to recycle
      } else {
        slot.recycled = true;
        slots_[search] = std::move(slot);
      }
    };
    const bool dataFirst = wantsData && s_.config.alwaysNegotiateDataChannels && slots_.empty();
    if (dataFirst) place(Slot{.data = true});
    for (const Transceiver& t : s_.transceivers)
      if (!t.mid && !t.stopping && !t.stopped) place(Slot{.transceiver = &t});
    if (wantsData && !dataFirst) place(Slot{.data = true});
  }

  // ---- BUNDLE (RFC 9143 §7.2, RFC 9429 §5.2.2) ------------------------------------------------------------------

  /// The slot's section in the most recent answer, when it lives there.
  const sdp::MediaSection* answered(const Slot& slot) const {
    if (!answer_ || !slot.previous) return nullptr;
    const sdp::MediaSection* section = answer_->find(slot.mid);
    return section && !section->rejected() ? section : nullptr;
  }

  void groupSlots() {
    std::map<const sdp::Group*, size_t> negotiated;
    std::vector<size_t> fresh;
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (!slots_[i].live()) continue;
      if (!answered(slots_[i])) {
        fresh.push_back(i);
        continue;
      }
      const sdp::Group* group = answer_->bundleOf(slots_[i].mid);
      if (!group) continue;  // unbundled in the answer, and so it stays
      const auto [at, isNew] = negotiated.try_emplace(group, groups_.size());
      if (isNew) groups_.emplace_back();
      groups_[at->second].push_back(i);
    }
    joinsNegotiated_ = !groups_.empty();
    if (groups_.empty() && !fresh.empty()) groups_.emplace_back();
    if (!groups_.empty()) groups_.front().insert(groups_.front().end(), fresh.begin(), fresh.end());
    std::unordered_map<const Transceiver*, size_t> order;
    for (size_t i = 0; i < s_.transceivers.size(); ++i) order.emplace(&s_.transceivers[i], i);
    for (auto& group : groups_) {
      std::ranges::sort(group);
      // webrtc-pc §4.4.2: the first non-stopped transceiver's section is the offerer-tagged one.
      const auto rank = [&](size_t i) {
        return slots_[i].transceiver ? order.at(slots_[i].transceiver) : order.size();
      };
      const auto tag = std::ranges::min_element(group, {}, rank);
      std::rotate(group.begin(), tag, tag + 1);
    }
  }

  // ---- Transports -----------------------------------------------------------------------------------------------

  void assignTransports() {
    const auto newest = newestTransports(s_.currentLocal, s_.pendingLocal, s_);
    const auto current = currentTransports(s_.currentLocal, s_);
    std::map<TransportId, size_t> made;
    const auto use = [&](std::optional<TransportId> id) {
      if (id)
        if (const auto at = made.find(*id); at != made.end()) return at->second;
      OfferTransport transport{id, {}};
      fillTransport(transport, newest, current);
      if (id) made.emplace(*id, transports_.size());
      transports_.push_back(std::move(transport));
      return transports_.size() - 1;
    };
    std::vector<bool> done(slots_.size());
    for (const auto& group : groups_) {
      if (joinsNegotiated_) {
        std::optional<TransportId> shared;
        for (const size_t i : group)
          if (answered(slots_[i]) && !shared) shared = s_.transportOf(slots_[i].mid);
        const size_t transport = use(shared);
        for (const size_t i : group) {
          slots_[i].transport = transport;
          slots_[i].sharesTransport = i != group.front();
          done[i] = true;
        }
      } else {
        assignByPolicy(group, use);
        for (const size_t i : group) done[i] = true;
      }
    }
    for (size_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].live() && !done[i]) slots_[i].transport = use(s_.transportOf(slots_[i].mid));
    giveCredentials();
  }

  /// One set of credentials for all transports of an offer that begin or restart, as browsers do it: when the answer bundles
  /// their sections, none of them changes its credentials, which Firefox would take for a restart (RFC 8839 §5.4 allows it).
  void giveCredentials() {
    const auto goesOn = [](const OfferTransport& t) { return t.start == OfferTransport::Start::goes_on; };
    const auto known = std::ranges::find_if(transports_, goesOn);
    const IceCredentials fresh = randomCredentials(random_);
    for (OfferTransport& transport : transports_) {
      if (goesOn(transport)) continue;
      const bool joins = transport.start == OfferTransport::Start::begins && known != transports_.end();
      transport.lines.ice = joins ? known->lines.ice : fresh;
    }
  }

  /// A group that has never been negotiated: the bundle policy says which sections get a transport of their own.
  template <typename Use>
  void assignByPolicy(const std::vector<size_t>& group, const Use& use) {
    std::vector<std::string> kinds;
    std::optional<size_t> tagged;
    for (const size_t i : group) {
      Slot& slot = slots_[i];
      const bool firstOfKind = !contains(kinds, slot.media());
      if (firstOfKind) kinds.push_back(slot.media());
      const bool owns = !tagged || s_.config.bundlePolicy == BundlePolicy::max_compat ||
                        (s_.config.bundlePolicy == BundlePolicy::balanced && firstOfKind);
      if (owns) {
        slot.transport = use(ownTransport(slot));
        if (!tagged) tagged = slot.transport;
      } else {
        slot.transport = *tagged;
        slot.sharesTransport = true;
        slot.bundleOnly = !s_.currentLocal;  // RFC 9429 §5.2.2: not in later offers
      }
    }
  }

  /// The transport that a section of the pending offer has for itself.
  std::optional<TransportId> ownTransport(const Slot& slot) const {
    if (!slot.previous || slot.recycled || !s_.pendingLocal) return std::nullopt;
    if (slot.previous->rejected() || slot.previous->lines.has<sdp::BundleOnly>()) return std::nullopt;
    return s_.transportOf(slot.mid);
  }

  void fillTransport(OfferTransport& transport, const std::map<TransportId, NewestTransport>& newest,
                     const std::map<TransportId, DescribedTransport>& current) {
    TransportLines& lines = transport.lines;
    const Transport* existing = transport.id ? s_.find(*transport.id) : nullptr;
    lines.tlsId = existing && !existing->localTlsId.empty() ? existing->localTlsId : randomTlsId(random_);
    const auto known = transport.id ? newest.find(*transport.id) : newest.end();
    if (known == newest.end()) return;
    const NewestTransport& before = known->second;
    const bool restart = options_.iceRestart || mustReplace(*transport.id, before, current);
    transport.start = restart ? OfferTransport::Start::restarts : OfferTransport::Start::goes_on;
    if (restart) return;
    lines.ice = before.described.credentials;
    lines.candidates = before.description->candidates(before.described.section);
    lines.endOfCandidates = before.description->endOfCandidates(before.described.section);
  }

  /// [[LocalIceCredentialsToReplace]] is not empty: credentials unlike the current ones. Those of a pending offer that
  /// restarts already, and came after restartIce(), may stay.
  bool mustReplace(TransportId id, const NewestTransport& before,
                   const std::map<TransportId, DescribedTransport>& current) const {
    const auto& replace = s_.localIceCredentialsToReplace;
    if (replace.empty()) return false;
    if (!before.pending || replace.contains(before.described.credentials)) return true;
    const auto now = current.find(id);
    return now != current.end() && now->second.credentials == before.described.credentials;
  }

  // ---- Writing --------------------------------------------------------------------------------------------------

  void writeSessionLines(sdp::Lines& lines) const {
    for (const auto& group : groups_) {
      sdp::Group bundle{"BUNDLE", {}};
      for (const size_t i : group) bundle.mids.push_back(slots_[i].mid);
      lines.push_back(std::move(bundle));
    }
    // RFC 9429 §5.2.1: one LS group for each MediaStream that several transceivers send.
    std::vector<std::string> streams;
    std::unordered_map<std::string, std::vector<std::string>> members;
    for (const Slot& slot : slots_) {
      if (!slot.live() || slot.data) continue;
      for (const std::string& stream : slot.transceiver->associatedStreamIds) {
        auto& mids = members[stream];
        if (mids.empty()) streams.push_back(stream);
        mids.push_back(slot.mid);
      }
    }
    for (const std::string& stream : streams)
      if (members[stream].size() > 1) lines.push_back(sdp::Group{"LS", members[stream]});
    lines.push_back(sdp::OtherAttribute{"msid-semantic", "WMS *", true});
    lines.push_back(sdp::IceOptions{{"trickle", "ice2"}});
  }

  Outcome<sdp::MediaSection> writeSlot(const Slot& slot) {
    if (!slot.live()) return writeRejectedSection(*slot.previous, slot.mid);
    const sdp::MediaSection* inAnswer = answered(slot);
    SectionStart start{.media = slot.media(),
                       .protocol = slot.data ? kDataProtocol : kRtpProtocol,
                       .mid = slot.mid,
                       .bundleOnly = slot.bundleOnly,
                       .initial = !inAnswer && !slot.sharesTransport};
    if (inAnswer) start.protocol = slot.previous->protocol;
    if (!slot.bundleOnly) {
      start.transport = transports_[slot.transport].lines;
      if (slot.sharesTransport) {
        start.transport->candidates.clear();
        start.transport->endOfCandidates = false;
      }
    }
    if (slot.data) return writeDataSection(s_, start);
    const Transceiver& t = *slot.transceiver;
    const sdp::MediaSection* local = slot.recycled ? nullptr : slot.previous;
    auto codecs = offeredCodecs(s_.config, numbers_, t, inAnswer, local);
    if (!codecs) return std::unexpected(codecs.error());
    if (codecs->empty())
      return fail(ErrorKind::operation, "no codec is implemented for " + std::string(toString(t.kind)));
    RtpSection in{.start = std::move(start),
                  .direction = t.direction,
                  .codecs = std::move(*codecs),
                  .extensions = offeredExtensions(s_.config, numbers_, t.kind, local),
                  .reducedSizeRtcp = !inAnswer || answer_->has<sdp::RtcpRsize>(*answer_->indexOf(slot.mid)),
                  .sendRids = {},
                  .transceiver = &t};
    if (t.sendEncodings.size() > 1)
      for (const SendEncoding& encoding : t.sendEncodings) in.sendRids.push_back(encoding.rid);
    return writeRtpSection(s_, in);
  }

  const Session& s_;
  const OfferOptions& options_;
  RandomSource& random_;
  MidAllocator mids_;
  NumberRegistry numbers_;  ///< of the session and of the sections written so far
  const Description* base_ = nullptr;
  const Description* answer_ = nullptr;  ///< the most recent answer
  std::unordered_map<std::string_view, const Transceiver*> byMid_;
  std::vector<Slot> slots_;
  std::vector<std::vector<size_t>> groups_;  ///< the tag first
  bool joinsNegotiated_ = false;
  std::vector<OfferTransport> transports_;
};

}  // namespace

Outcome<std::string> createOffer(Session& session, const OfferOptions& options, RandomSource& random) {
  if (session.signalingState != SignalingState::stable && session.signalingState != SignalingState::have_local_offer)
    return fail(ErrorKind::invalid_state,
                "no offer can be created in state " + std::string(toString(session.signalingState)));
  auto created = Maker(session, options, random).run();
  if (!created) return std::unexpected(created.error());
  ++session.originVersion;
  std::string text = created->text;
  session.lastCreatedOffer = std::make_shared<const CreatedDescription>(std::move(*created));
  return text;
}

const std::string* reusableOffer(const Session& session) {
  const auto& last = session.lastCreatedOffer;
  return last && last->revision == session.revision ? &last->text : nullptr;
}

const std::string* reusableAnswer(const Session& session) {
  const auto& last = session.lastCreatedAnswer;
  return last && last->revision == session.revision ? &last->text : nullptr;
}

}  // namespace peerage::jsep
