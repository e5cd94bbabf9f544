// links: jsep
// Arbitrary SDP applied as a remote offer and as a remote answer to sessions in every state; what is accepted must be
// answerable, and must plan.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "jsep/apply_description.hpp"
#include "jsep/candidates.hpp"
#include "jsep/create_description.hpp"
#include "jsep/negotiation_needed.hpp"
#include "jsep/operations.hpp"
#include "jsep/plan.hpp"

namespace {

using namespace peerage;
using namespace peerage::jsep;

Config config() {
  Config config;
  config.codecs = {
      {.kind = MediaKind::audio, .name = "opus", .clockRate = 48000, .channels = 2, .preferredPayloadType = 111},
      {.kind = MediaKind::video,
       .name = "VP8",
       .feedback = {{"nack", ""}, {"nack", "pli"}},
       .preferredPayloadType = 96},
      {.kind = MediaKind::video, .name = "rtx"}};
  config.headerExtensions = {{MediaKind::audio, "urn:ietf:params:rtp-hdrext:sdes:mid", 4},
                             {MediaKind::video, "urn:ietf:params:rtp-hdrext:sdes:mid", 4}};
  config.fingerprints = {
      {"sha-256", "6B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08"}};
  config.maxVideoEncodings = 3;
  return config;
}

void require(bool holds) {
  if (!holds) std::abort();
}

/// Goes on from an accepted description until both ways of ending it have been tried.
void follow(Session session, RandomSource& random, std::string_view text) {
  makePlan(session);
  (void)isNegotiationNeeded(session);
  (void)session.remoteDescription()->sdp();
  (void)addRemoteCandidate(session, {.candidate = "candidate:1 1 udp 1 192.0.2.1 1 typ host", .sdpMLineIndex = 0});
  (void)addRemoteCandidate(session, {});
  if (session.signalingState == SignalingState::have_remote_offer) {
    auto undone = setLocal(session, SdpType::rollback, "", random);
    require(undone.has_value());
    makePlan(undone->session);
    auto answer = createAnswer(session, random);
    require(answer.has_value());
    require(sdp::parse(*answer).has_value());
    auto applied = setLocal(session, SdpType::answer, *answer, random);
    if (!applied) return;  // roles that cannot be changed and the like are refused
    session = std::move(applied->session);
  }
  if (session.signalingState != SignalingState::stable) return;
  makePlan(session);
  (void)isNegotiationNeeded(session);
  (void)addTrack(session, MediaKind::video, "fuzz", {}, random);
  createDataChannel(session).value();
  auto offer = createOffer(session, {}, random);
  if (!offer) return;
  require(sdp::parse(*offer).has_value());
  auto offered = setLocal(session, SdpType::offer, *offer, random);
  require(offered.has_value());
  makePlan(offered->session);
  (void)setRemote(offered->session, SdpType::answer, text, random);
  (void)setRemote(session, SdpType::offer, text, random);
}

struct States {
  SeededRandom random{1};
  std::vector<Session> sessions;

  States() {
    Session fresh = makeSession(config(), random);
    sessions.push_back(fresh);
    (void)addTrack(fresh, MediaKind::audio, "mic", {"s"}, random);
    (void)addTransceiver(fresh, {.kind = MediaKind::video, .sendEncodings = {{.rid = "a"}, {.rid = "b"}}}, random);
    (void)createDataChannel(fresh);
    sessions.push_back(fresh);
    auto offered = setLocal(fresh, SdpType::offer, "", random);
    sessions.push_back(offered->session);
    Session other = makeSession(config(), random);
    auto received = setRemote(other, SdpType::offer, offered->session.pendingLocal->sdp(), random);
    sessions.push_back(received->session);
    auto answered = setLocal(received->session, SdpType::answer, "", random);
    sessions.push_back(answered->session);
    auto done = setRemote(offered->session, SdpType::answer, answered->session.currentLocal->sdp(), random);
    sessions.push_back(done->session);
    sessions.push_back(setLocal(done->session, SdpType::offer, "", random)->session);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const States states;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  SeededRandom random(size);
  for (const Session& session : states.sessions)
    for (const SdpType type : {SdpType::offer, SdpType::pranswer, SdpType::answer}) {
      const auto applied = setRemote(session, type, text, random);
      if (applied) follow(applied->session, random, text);
      else require(!applied.error().message.empty());
    }
  return 0;
}
