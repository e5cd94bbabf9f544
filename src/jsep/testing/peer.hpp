// A peer for tests: a session with its random source, each step checked, each description applied from its text.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "jsep/apply_description.hpp"
#include "jsep/candidates.hpp"
#include "jsep/create_description.hpp"
#include "jsep/negotiation_needed.hpp"
#include "jsep/operations.hpp"
#include "jsep/plan.hpp"
#include "source_folder.hpp"

namespace peerage::jsep {

inline const std::string kPrintA =
    "6B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08";
inline const std::string kPrintB =
    "3D:C4:8F:71:1B:91:36:0D:19:A8:9F:0C:3E:35:26:AD:2A:1E:4B:36:0B:B3:66:11:7B:0A:6C:1A:2F:E7:4C:95";

inline Config testConfig() {
  Config config;
  config.codecs = {
      {.kind = MediaKind::audio,
       .name = "opus",
       .clockRate = 48000,
       .channels = 2,
       .fmtp = "minptime=10;useinbandfec=1",
       .feedback = {{"transport-cc", ""}},
       .preferredPayloadType = 111},
      {.kind = MediaKind::audio, .name = "PCMU", .clockRate = 8000, .preferredPayloadType = 0},
      {.kind = MediaKind::video,
       .name = "VP8",
       .feedback = {{"transport-cc", ""}, {"ccm", "fir"}, {"nack", ""}, {"nack", "pli"}},
       .preferredPayloadType = 96},
      {.kind = MediaKind::video,
       .name = "VP9",
       .fmtp = "profile-id=0",
       .feedback = {{"nack", ""}, {"nack", "pli"}},
       .preferredPayloadType = 98},
      {.kind = MediaKind::video, .name = "rtx"},
  };
  for (const MediaKind kind : {MediaKind::audio, MediaKind::video}) {
    config.headerExtensions.push_back({kind, "urn:ietf:params:rtp-hdrext:sdes:mid", 4});
    config.headerExtensions.push_back({kind, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", 2});
    config.headerExtensions.push_back(
        {kind, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", 3});
  }
  config.headerExtensions.push_back({MediaKind::audio, "urn:ietf:params:rtp-hdrext:ssrc-audio-level", 1});
  config.headerExtensions.push_back({MediaKind::video, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", 10});
  config.fingerprints = {{"sha-256", kPrintA}};
  return config;
}

inline std::string corpusFile(const std::string& name) { return tests::sourceFile("fuzz/corpus/sdp/" + name); }

inline size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

/// Replaces every occurrence.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// The parsed m-section of a text.
inline sdp::MediaSection sectionOf(const std::string& text, size_t index) {
  const auto parsed = sdp::parse(text);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  return parsed && index < parsed->media.size() ? parsed->media[index] : sdp::MediaSection{};
}

inline std::vector<std::string> bundleOf(const std::string& text) {
  const auto parsed = sdp::parse(text);
  if (parsed)
    for (const auto& group : parsed->lines.all<sdp::Group>())
      if (group.semantics == "BUNDLE") return group.mids;
  return {};
}

struct Peer {
  explicit Peer(uint64_t seed, Config config = testConfig())
      : random(seed), session(makeSession(std::move(config), random)) {}

  TransceiverId addTrack(MediaKind kind, const std::string& track, const std::vector<std::string>& streams = {}) {
    const auto added = jsep::addTrack(session, kind, track, streams, random);
    EXPECT_TRUE(added);
    return added ? added->transceiver : TransceiverId();
  }
  TransceiverId add(MediaKind kind, Direction direction = Direction::sendrecv) {
    const auto added = addTransceiver(session, {.kind = kind, .direction = direction}, random);
    EXPECT_TRUE(added);
    return added ? *added : TransceiverId();
  }
  std::string offer(OfferOptions options = {}) {
    const auto text = createOffer(session, options, random);
    EXPECT_TRUE(text) << (text ? "" : text.error().message);
    return text.value_or("");
  }
  std::string answer() {
    const auto text = createAnswer(session, random);
    EXPECT_TRUE(text) << (text ? "" : text.error().message);
    return text.value_or("");
  }
  Effects take(Outcome<Applied> applied) {
    EXPECT_TRUE(applied) << (applied ? ""
                                     : std::string(toString(applied.error().kind)) + ": " + applied.error().message);
    if (!applied) return {};
    session = std::move(applied->session);
    return std::move(applied->effects);
  }
  Effects local(SdpType type, const std::string& sdp = "") { return take(setLocal(session, type, sdp, random)); }
  Effects remote(SdpType type, const std::string& sdp) { return take(setRemote(session, type, sdp, random)); }
  std::optional<Failure> remoteFailure(SdpType type, const std::string& sdp) {
    const auto applied = setRemote(session, type, sdp, random);
    return applied ? std::nullopt : std::optional(applied.error());
  }
  std::optional<Failure> localFailure(SdpType type, const std::string& sdp) {
    const auto applied = setLocal(session, type, sdp, random);
    return applied ? std::nullopt : std::optional(applied.error());
  }
  Transceiver& t(size_t index) { return session.transceivers.at(index); }
  bool needed() const { return isNegotiationNeeded(session); }
  std::string localSdp() const { return session.localDescription()->sdp(); }
  std::string remoteSdp() const { return session.remoteDescription()->sdp(); }

  SeededRandom random;
  Session session;
};

/// A whole exchange; both ends end in stable.
inline void negotiate(Peer& offerer, Peer& answerer) {
  offerer.local(SdpType::offer, offerer.offer());
  answerer.remote(SdpType::offer, offerer.localSdp());
  answerer.local(SdpType::answer, answerer.answer());
  offerer.remote(SdpType::answer, answerer.localSdp());
  EXPECT_EQ(offerer.session.signalingState, SignalingState::stable);
  EXPECT_EQ(answerer.session.signalingState, SignalingState::stable);
}

}  // namespace peerage::jsep
