#include "jsep/candidates.hpp"

#include "jsep/testing/peer.hpp"

namespace peerage::jsep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kHost = "candidate:1 1 udp 2122260223 192.0.2.4 54400 typ host";

struct Pair {
  Peer a{1}, b{2};
  Pair() {
    a.add(MediaKind::audio);
    a.add(MediaKind::video);
    negotiate(a, b);
  }
};

TEST(RemoteCandidate, Rule71_Errors) {
  Peer a(1);
  EXPECT_EQ(addRemoteCandidate(a.session, {.candidate = kHost}).error().kind, ErrorKind::type);
  EXPECT_EQ(checkCandidateInit({.candidate = kHost}).error().kind, ErrorKind::type);
  EXPECT_EQ(addRemoteCandidate(a.session, {.candidate = kHost, .sdpMid = "0"}).error().kind, ErrorKind::invalid_state);
  Pair p;
  Session& s = p.b.session;
  EXPECT_EQ(addRemoteCandidate(s, {.candidate = kHost, .sdpMid = "9"}).error().kind, ErrorKind::operation);
  EXPECT_EQ(addRemoteCandidate(s, {.candidate = kHost, .sdpMLineIndex = 2}).error().kind, ErrorKind::operation);
  EXPECT_EQ(addRemoteCandidate(s, {.candidate = kHost, .sdpMid = "0", .usernameFragment = "nobody"}).error().kind,
            ErrorKind::operation);
  EXPECT_EQ(addRemoteCandidate(s, {.candidate = "candidate:x", .sdpMid = "0"}).error().kind, ErrorKind::operation);
  EXPECT_THAT(p.b.remoteSdp(), Not(HasSubstr("a=candidate")));
}

TEST(RemoteCandidate, Rule71_GoesToItsSectionAndTransport) {
  Pair p;
  const auto added = addRemoteCandidate(p.b.session, {.candidate = kHost, .sdpMid = "0"});
  ASSERT_TRUE(added);
  ASSERT_EQ(added->targets.size(), 1u);
  EXPECT_EQ(added->targets[0].transport, p.b.session.transports[0].id);
  EXPECT_EQ(added->targets[0].ufrag, p.b.session.currentRemote->credentials(0)->ufrag);
  EXPECT_EQ(added->candidate->port, 54400);
  const std::string sdp = p.b.remoteSdp();
  EXPECT_EQ(count(sdp, "a=candidate:1 1 udp 2122260223 192.0.2.4 54400 typ host\r\n"), 1u);
  EXPECT_LT(sdp.find("a=candidate"), sdp.find("m=video"));
  EXPECT_THAT(sdp, HasSubstr("m=audio 9 ")) << "a remote description keeps its default destination";
  EXPECT_TRUE(sdp::parse(sdp));
  EXPECT_EQ(makePlan(p.b.session).transports[0].ice->remoteCandidates.size(), 1u);
}

TEST(RemoteCandidate, Rule71_ByIndex) {
  Pair p;
  ASSERT_TRUE(addRemoteCandidate(p.b.session, {.candidate = kHost, .sdpMLineIndex = 1}));
  EXPECT_GT(p.b.remoteSdp().find("a=candidate"), p.b.remoteSdp().find("m=video"));
}

TEST(RemoteCandidate, Rule71_EndOfCandidates) {
  Pair p;
  const auto added = addRemoteCandidate(p.b.session, {});
  ASSERT_TRUE(added);
  EXPECT_FALSE(added->candidate);
  EXPECT_EQ(added->targets.size(), 1u) << "of the one generation of the bundle, once";
  EXPECT_EQ(count(p.b.remoteSdp(), "a=end-of-candidates\r\n"), 2u);
  ASSERT_TRUE(addRemoteCandidate(p.b.session, {.sdpMid = "0"}));
  EXPECT_EQ(count(p.b.remoteSdp(), "a=end-of-candidates\r\n"), 2u) << "said once";
  EXPECT_TRUE(makePlan(p.b.session).transports[0].ice->remoteEndOfCandidates);
}

TEST(RemoteCandidate, Rule71_StoppedTransceiverResolves) {
  Pair p;
  stop(p.a.session, p.a.t(0).id);
  negotiate(p.a, p.b);
  const auto added = addRemoteCandidate(p.b.session, {.candidate = kHost, .sdpMid = "0", .usernameFragment = "gone"});
  ASSERT_TRUE(added);
  EXPECT_THAT(added->targets, IsEmpty());
}

TEST(RemoteCandidate, Rule71_GenerationsByUfrag) {
  Pair p;
  const std::string oldUfrag = p.b.session.currentRemote->credentials(0)->ufrag;
  p.a.local(SdpType::offer, p.a.offer({.iceRestart = true}));
  p.b.remote(SdpType::offer, p.a.localSdp());
  const std::string newUfrag = p.b.session.pendingRemote->credentials(0)->ufrag;
  ASSERT_TRUE(addRemoteCandidate(p.b.session, {.candidate = kHost, .sdpMid = "0", .usernameFragment = oldUfrag}));
  EXPECT_THAT(p.b.session.currentRemote->sdp(), HasSubstr("a=candidate"));
  EXPECT_THAT(p.b.session.pendingRemote->sdp(), Not(HasSubstr("a=candidate")));
  const auto added = addRemoteCandidate(p.b.session, {.candidate = kHost, .sdpMid = "0"});
  EXPECT_EQ(added->targets[0].ufrag, newUfrag) << "without one: the most recent generation";
  EXPECT_THAT(p.b.session.pendingRemote->sdp(), HasSubstr("a=candidate"));
  p.b.local(SdpType::answer, p.b.answer());
  EXPECT_EQ(makePlan(p.b.session).transports[0].ice->remoteCandidates.size(), 1u);
  EXPECT_EQ(
      addRemoteCandidate(p.b.session, {.candidate = kHost, .sdpMid = "0", .usernameFragment = oldUfrag}).error().kind,
      ErrorKind::operation);
}

TEST(LocalCandidate, Rule70_IsInTheDescriptionWhenTheEventFires) {
  Peer a(1);
  a.add(MediaKind::audio);
  a.add(MediaKind::video);
  a.local(SdpType::offer, a.offer());
  const auto second = *a.t(1).transport;
  const std::string ufrag = a.session.pendingLocal->credentials(1)->ufrag;
  const auto surfaced = addLocalCandidate(a.session, {second, ufrag, kHost});
  ASSERT_TRUE(surfaced);
  EXPECT_EQ(surfaced->sdpMid, "1");
  EXPECT_EQ(surfaced->sdpMLineIndex, 1);
  EXPECT_EQ(surfaced->usernameFragment, ufrag);
  EXPECT_EQ(surfaced->candidate, kHost);
  const std::string sdp = a.localSdp();
  EXPECT_GT(sdp.find("a=candidate:1 1 udp"), sdp.find("m=video 54400 UDP/TLS/RTP/SAVPF"));
  EXPECT_THAT(sdp, HasSubstr("m=audio 9 "));
  EXPECT_THAT(sdp.substr(sdp.find("m=video")), HasSubstr("c=IN IP4 192.0.2.4\r\n"));
}

TEST(LocalCandidate, Rule53_EndOfAGeneration) {
  Peer a(1);
  a.add(MediaKind::audio);
  a.local(SdpType::offer, a.offer());
  const auto surfaced =
      addLocalCandidate(a.session, {*a.t(0).transport, a.session.pendingLocal->credentials(0)->ufrag, ""});
  ASSERT_TRUE(surfaced);
  EXPECT_EQ(surfaced->candidate, "");
  EXPECT_THAT(a.localSdp(), HasSubstr("a=end-of-candidates\r\n"));
}

TEST(LocalCandidate, Rule69_EarlyOnesWait) {
  Pair p;
  const std::string offer = p.a.offer({.iceRestart = true});
  const std::string ufrag = sectionOf(offer, 0).lines.first<sdp::IceUfrag>()->value;
  const LocalCandidate candidate{p.a.session.transports[0].id, ufrag, kHost};
  EXPECT_FALSE(addLocalCandidate(p.a.session, candidate));
  const Effects effects = p.a.local(SdpType::offer, offer);
  ASSERT_THAT(effects.releasedCandidates, ElementsAre(candidate));
  EXPECT_TRUE(addLocalCandidate(p.a.session, effects.releasedCandidates[0]));
  EXPECT_THAT(p.a.session.pendingLocal->sdp(), HasSubstr("a=candidate"));
  EXPECT_THAT(p.a.session.currentLocal->sdp(), Not(HasSubstr("a=candidate")));
}

TEST(LocalCandidate, StandsInTheSectionOfTheTag) {
  Pair p;
  const auto surfaced = addLocalCandidate(
      p.b.session, {p.b.session.transports[0].id, p.b.session.currentLocal->credentials(0)->ufrag, kHost});
  ASSERT_TRUE(surfaced);
  EXPECT_EQ(surfaced->sdpMid, "0");
  EXPECT_EQ(count(p.b.localSdp(), "a=candidate"), 1u);
  EXPECT_FALSE(addLocalCandidate(p.b.session, {TransportId(99), "xxxx", kHost})) << "of no transport: forgotten";
  EXPECT_THAT(p.b.session.earlyCandidates, IsEmpty());
}

TEST(DefaultDestination, RelayedBeforeReflexiveBeforeHost) {
  const std::string host = "1 1 udp 1 192.0.2.1 1 typ host";
  const std::string host6 = "1 1 udp 1 2001:db8::1 6 typ host";
  const std::string srflx = "2 1 udp 1 198.51.100.1 2 typ srflx raddr 192.0.2.1 rport 1";
  const std::string relay = "3 1 udp 1 203.0.113.1 3 typ relay raddr 0.0.0.0 rport 0";
  EXPECT_EQ(defaultDestination({host6, host})->port, 1);
  EXPECT_EQ(defaultDestination({host, srflx})->port, 2);
  EXPECT_EQ(defaultDestination({relay, srflx})->port, 3);
  EXPECT_EQ(defaultDestination({host6})->connection.addressType, "IP6");
  EXPECT_FALSE(defaultDestination({"1 1 udp 1 a.local 1 typ host", "1 1 tcp 1 192.0.2.1 9 typ host tcptype active"}));
}

}  // namespace
}  // namespace peerage::jsep
