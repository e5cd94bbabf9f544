#include "jsep/operations.hpp"

#include <algorithm>
#include <set>

#include "jsep/codecs.hpp"
#include "jsep/identifiers.hpp"
#include "jsep/transceivers.hpp"
#include "sdp/text.hpp"

namespace peerage::jsep {
namespace {

std::unexpected<Failure> closedFailure() { return fail(ErrorKind::invalid_state, "the connection is closed"); }
std::unexpected<Failure> unknownTransceiver() {
  return fail(ErrorKind::invalid_access, "the sender or transceiver is not of this connection");
}
bool closed(const Session& session) { return session.signalingState == SignalingState::closed; }

std::vector<std::string> withoutRepetitions(const std::vector<std::string>& ids) {
  std::vector<std::string> unique;
  for (const std::string& id : ids)
    if (!contains(unique, id)) unique.push_back(id);
  return unique;
}

/// An existing sender that addTrack() may use: no track, same kind, not stopping, never used to send.
Transceiver* reusable(Session& session, MediaKind kind) {
  for (Transceiver& t : session.transceivers)
    if (!t.senderTrackId && t.kind == kind && !t.stopping && !t.everSent) return &t;
  return nullptr;
}

/// rid-id of RFC 8851 §10, as RFC 8852 §3.3 narrows it; at most the 16 bytes of a one-byte header extension (RFC 8285 §4.2).
bool isRid(std::string_view rid) { return !rid.empty() && rid.size() <= 16 && std::ranges::all_of(rid, sdp::isAlnum); }

Outcome<> validateEncodings(const Config& config, MediaKind kind, const std::vector<SendEncoding>& encodings) {
  std::set<std::string_view> rids;
  size_t with = 0;
  for (const SendEncoding& e : encodings) {
    if (e.rid.empty()) continue;
    ++with;
    if (!isRid(e.rid)) return fail(ErrorKind::type, "'" + e.rid + "' is not a rid");
    if (!rids.insert(e.rid).second) return fail(ErrorKind::type, "rid '" + e.rid + "' is used twice");
  }
  if (with != 0 && with != encodings.size())
    return fail(ErrorKind::type, "some encodings have a rid and some have none");
  for (const SendEncoding& e : encodings) {
    if (e.codec && std::ranges::none_of(config.codecs, [&](const CodecCapability& c) {
          return c.kind == kind && c.send && codecMatches(*e.codec, {c.name, c.clockRate, c.channels, c.fmtp});
        }))
      return fail(ErrorKind::operation,
                  "the codec " + e.codec->name + " of an encoding is not implemented for sending");
  }
  if (kind == MediaKind::audio) return {};
  for (const SendEncoding& e : encodings) {
    if (e.scaleResolutionDownBy && !(*e.scaleResolutionDownBy >= 1.0))
      return fail(ErrorKind::range, "scaleResolutionDownBy is below 1");
    if (e.maxFramerate && !(*e.maxFramerate > 0.0)) return fail(ErrorKind::range, "maxFramerate is not above 0");
  }
  return {};
}

/// The rest of addTransceiver()'s treatment of sendEncodings, in the order of the text.
std::vector<SendEncoding> normalizeEncodings(const Config& config, MediaKind kind,
                                             std::vector<SendEncoding> encodings) {
  if (kind == MediaKind::audio)
    for (SendEncoding& e : encodings) e.scaleResolutionDownBy.reset(), e.maxFramerate.reset();
  const bool scaled = std::ranges::any_of(encodings, [](const auto& e) { return e.scaleResolutionDownBy.has_value(); });
  if (scaled)
    for (SendEncoding& e : encodings)
      if (!e.scaleResolutionDownBy) e.scaleResolutionDownBy = 1.0;
  if (encodings.size() > maxEncodings(config, kind)) encodings.resize(maxEncodings(config, kind));
  if (kind == MediaKind::video && !scaled)
    for (size_t i = 0; i < encodings.size(); ++i)
      encodings[i].scaleResolutionDownBy = defaultScale(i, encodings.size());
  if (encodings.size() == 1) encodings.front().rid.clear();
  // RFC 9429 §5.2.1: several encodings without rids get made-up ones.
  if (encodings.size() > 1 && encodings.front().rid.empty())
    for (size_t i = 0; i < encodings.size(); ++i) encodings[i].rid = std::to_string(i);
  return encodings;
}

}  // namespace

Outcome<AddedTrack> addTrack(Session& session, MediaKind kind, const std::string& trackId,
                             const std::vector<std::string>& streamIds, RandomSource& random) {
  if (closed(session)) return closedFailure();
  for (const Transceiver& t : session.transceivers)
    if (!t.stopped && t.senderTrackId == trackId)
      return fail(ErrorKind::invalid_access, "the track '" + trackId + "' is being sent already");
  Transceiver* found = reusable(session, kind);
  const bool created = !found;
  if (found) {
    if (found->direction == Direction::recvonly) found->direction = Direction::sendrecv;
    if (found->direction == Direction::inactive) found->direction = Direction::sendonly;
  } else {
    found = &createTransceiver(session, kind, Direction::sendrecv, random);
    found->createdByAddTrack = true;
    found->senderId = trackId;
  }
  found->trackAttachedByAddTrack = true;
  found->senderTrackId = trackId;
  found->associatedStreamIds = withoutRepetitions(streamIds);
  session.touch();
  return AddedTrack{found->id, created};
}

Outcome<bool> removeTrack(Session& session, TransceiverId transceiver) {
  if (closed(session)) return closedFailure();
  Transceiver* t = session.find(transceiver);
  if (!t) {  // of this connection, and removed by a rollback or an answer: not in CollectSenders
    if (transceiver.value() > 0 && transceiver.value() < session.nextTransceiver) return false;
    return unknownTransceiver();
  }
  if (t->stopping || t->stopped || !t->senderTrackId) return false;
  t->senderTrackId.reset();
  t->direction = sdp::makeDirection(false, receives(t->direction));
  session.touch();
  return true;
}

Outcome<TransceiverId> addTransceiver(Session& session, const TransceiverInit& init, RandomSource& random) {
  if (closed(session)) return closedFailure();
  if (auto valid = validateEncodings(session.config, init.kind, init.sendEncodings); !valid)
    return std::unexpected(valid.error());
  Transceiver& t = createTransceiver(session, init.kind, init.direction, random);
  t.senderTrackId = init.trackId;
  if (init.trackId) t.senderId = *init.trackId;
  t.associatedStreamIds = withoutRepetitions(init.streamIds);
  if (!init.sendEncodings.empty()) {
    auto encodings = normalizeEncodings(session.config, init.kind, init.sendEncodings);
    for (SendEncoding& e : encodings) e.ssrc = e.rtxSsrc = 0;
    t.sendEncodings.clear();
    assignSsrcs(session, encodings, random);
    t.sendEncodings = std::move(encodings);
  }
  session.touch();
  return t.id;
}

Outcome<bool> setDirection(Session& session, TransceiverId transceiver, Direction direction) {
  Transceiver* t = session.find(transceiver);
  if (!t || t->stopping) return fail(ErrorKind::invalid_state, "the transceiver is stopped");
  if (t->direction == direction) return false;
  t->direction = direction;
  session.touch();
  return true;
}

Outcome<bool> stop(Session& session, TransceiverId transceiver) {
  if (closed(session)) return closedFailure();
  Transceiver* t = session.find(transceiver);
  if (!t || t->stopping) return false;
  stopSendingAndReceiving(*t);
  session.touch();
  return true;
}

Outcome<> setStreams(Session& session, TransceiverId transceiver, const std::vector<std::string>& streamIds) {
  if (closed(session)) return closedFailure();
  Transceiver* t = session.find(transceiver);
  if (!t) return {};  // no longer in the set: nothing that could be negotiated
  t->associatedStreamIds = withoutRepetitions(streamIds);
  session.touch();
  return {};
}

Outcome<> replaceTrack(Session& session, TransceiverId transceiver, std::optional<std::string> trackId) {
  Transceiver* t = session.find(transceiver);
  if (!t) return fail(ErrorKind::invalid_state, "the transceiver is stopped");
  t->senderTrackId = std::move(trackId);
  return {};
}

Outcome<> setCodecPreferences(Session& session, TransceiverId transceiver, const std::vector<CodecPreference>& codecs) {
  Transceiver* t = session.find(transceiver);
  if (!t) return {};
  std::vector<CodecPreference> unique;
  for (const CodecPreference& codec : codecs)
    if (std::ranges::none_of(unique, [&](const auto& other) { return codecMatches(other, codec); }))
      unique.push_back(codec);
  for (const CodecPreference& codec : unique)
    if (std::ranges::none_of(session.config.codecs, [&](const CodecCapability& c) {
          return c.kind == t->kind && codecMatches(codec, {c.name, c.clockRate, c.channels, c.fmtp});
        }))
      return fail(ErrorKind::invalid_modification, "the codec " + codec.name + " is not implemented");
  if (!codecs.empty() && std::ranges::all_of(unique, [](const auto& c) { return isResilienceCodec(c.name); }))
    return fail(ErrorKind::invalid_modification, "no codec would be left to carry media");
  t->preferredCodecs = std::move(unique);
  session.touch();
  return {};
}

Outcome<> setSendEncodings(Session& session, TransceiverId transceiver, const std::vector<SendEncoding>& encodings) {
  Transceiver* t = session.find(transceiver);
  if (!t || t->stopping) return fail(ErrorKind::invalid_state, "the transceiver is stopped");
  if (encodings.size() != t->sendEncodings.size())
    return fail(ErrorKind::invalid_modification, "the number of encodings is another");
  for (size_t i = 0; i < encodings.size(); ++i)
    if (encodings[i].rid != t->sendEncodings[i].rid)
      return fail(ErrorKind::invalid_modification, "encoding " + std::to_string(i) + " has another rid");
  for (size_t i = 0; i < encodings.size(); ++i) {
    SendEncoding& own = t->sendEncodings[i];
    const uint32_t ssrc = own.ssrc;
    const uint32_t rtxSsrc = own.rtxSsrc;
    own = encodings[i];
    own.ssrc = ssrc;
    own.rtxSsrc = rtxSsrc;
  }
  return {};
}

Outcome<bool> createDataChannel(Session& session) {
  if (closed(session)) return closedFailure();
  const bool first = !session.dataChannelRequested;
  session.dataChannelRequested = true;
  if (first) session.touch();
  // webrtc-pc §6.1: the first channel; with alwaysNegotiateDataChannels only when there is no SCTP transport.
  return session.config.alwaysNegotiateDataChannels ? first && !session.sctp : first;
}

void restartIce(Session& session) {
  auto& replace = session.localIceCredentialsToReplace;
  replace.clear();
  for (const auto* description : {&session.currentLocal, &session.pendingLocal}) {
    if (!*description) continue;
    for (size_t i = 0; i < (*description)->size(); ++i)
      if (!(*description)->section(i).rejected())
        if (auto credentials = (*description)->credentials(i)) replace.insert(std::move(*credentials));
  }
  session.touch();
}

void close(Session& session) {
  session.signalingState = SignalingState::closed;
  for (Transceiver& t : session.transceivers) stopTransceiver(t);
  session.earlyCandidates.clear();
  session.touch();
}

bool codecMatches(const CodecPreference& a, const CodecPreference& b, bool ignoreAsymmetricalParameters) {
  if (!sdp::sameIgnoringCase(a.name, b.name) || a.clockRate != b.clockRate || a.channels != b.channels) return false;
  if (a.fmtp.empty() != b.fmtp.empty()) return false;
  if (a.fmtp.empty()) return true;
  const auto left = parseFmtp(a.fmtp);
  const auto right = parseFmtp(b.fmtp);
  if (!left || !right) return a.fmtp == b.fmtp;
  return sameFormat(a, b) && (ignoreAsymmetricalParameters || *left == *right);
}

}  // namespace peerage::jsep
