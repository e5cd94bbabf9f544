#include "jsep/plan.hpp"

#include "jsep/testing/peer.hpp"

namespace peerage::jsep {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Plan, Rule95_EarlyMediaAfterALocalOffer) {
  Peer a(1);
  a.addTrack(MediaKind::video, "cam");
  EXPECT_TRUE(makePlan(a.session).transports.empty());
  a.local(SdpType::offer, a.offer());
  const Plan plan = makePlan(a.session);
  ASSERT_EQ(plan.transports.size(), 1u);
  ASSERT_TRUE(plan.transports[0].ice);
  EXPECT_EQ(plan.transports[0].ice->local, *a.session.pendingLocal->credentials(0));
  EXPECT_FALSE(plan.transports[0].ice->remote);
  EXPECT_FALSE(plan.transports[0].dtlsRole);
  EXPECT_THAT(plan.transports[0].remoteFingerprints, IsEmpty());
  EXPECT_THAT(plan.transports[0].mids, ElementsAre("0"));
  ASSERT_EQ(plan.media.size(), 1u);
  EXPECT_TRUE(plan.media[0].receive);
  EXPECT_TRUE(plan.media[0].earlyMedia);
  EXPECT_FALSE(plan.media[0].send);
  EXPECT_EQ(plan.media[0].receiveCodecs.size(), 2u);
  EXPECT_EQ(plan.media[0].receiveCodecs[0].rtxPayloadType, 97);
  EXPECT_EQ(plan.media[0].headerExtensions.size(), 4u);
}

TEST(Plan, BothEndsAgreeAfterAnExchange) {
  Peer a(1), b(2);
  a.addTrack(MediaKind::audio, "mic");
  a.addTrack(MediaKind::video, "cam");
  b.addTrack(MediaKind::video, "cam-b");
  createDataChannel(a.session);
  negotiate(a, b);
  const Plan left = makePlan(a.session);
  const Plan right = makePlan(b.session);
  ASSERT_EQ(left.transports.size(), 1u);
  ASSERT_EQ(right.transports.size(), 1u);
  EXPECT_EQ(left.transports[0].ice->local, right.transports[0].ice->remote);
  EXPECT_EQ(left.transports[0].ice->remote, right.transports[0].ice->local);
  EXPECT_EQ(left.transports[0].dtlsRole, DtlsRole::server);
  EXPECT_EQ(right.transports[0].dtlsRole, DtlsRole::client);
  EXPECT_THAT(left.transports[0].mids, ElementsAre("0", "1", "2"));
  EXPECT_EQ(left.transports[0].remoteFingerprints, b.session.config.fingerprints);
  ASSERT_EQ(left.media.size(), 2u);
  EXPECT_TRUE(left.media[0].send);
  EXPECT_FALSE(left.media[0].receive);
  EXPECT_EQ(left.media[0].sendCodec->codec.payloadType, 111);
  EXPECT_TRUE(left.media[1].send && left.media[1].receive && right.media[1].send && right.media[1].receive);
  EXPECT_EQ(left.media[1].sendCodec->codec.name, "VP8");
  EXPECT_EQ(left.media[1].sendCodec->rtxPayloadType, 97);
  EXPECT_EQ(left.media[1].sendCodec->codec.feedback.size(), 4u);
  EXPECT_EQ(left.media[1].headerExtensions, right.media[1].headerExtensions);
  ASSERT_EQ(right.media[1].remoteSsrcs.size(), 1u);
  EXPECT_EQ(right.media[1].remoteSsrcs[0].ssrc, left.media[1].encodings[0].ssrc);
  EXPECT_EQ(right.media[1].remoteSsrcs[0].rtxSsrc, left.media[1].encodings[0].rtxSsrc);
  EXPECT_EQ(right.media[1].remoteSsrcs[0].cname, left.media[1].cname);
  EXPECT_TRUE(left.media[1].reducedSizeRtcp);
  ASSERT_TRUE(left.data && right.data);
  EXPECT_EQ(left.data->remotePort, 5000);
}

TEST(Plan, PayloadTypesOfDifferentEnds) {
  Config other = testConfig();
  for (auto& codec : other.codecs)
    if (codec.name == "VP8") codec.preferredPayloadType = 120;
  Peer a(1), b(2, other);
  a.addTrack(MediaKind::video, "cam");
  negotiate(a, b);
  EXPECT_EQ(makePlan(b.session).media[0].receiveCodecs[0].codec.payloadType, 96) << "the offer's numbers";
  b.addTrack(MediaKind::video, "cam-b");
  negotiate(b, a);
  EXPECT_EQ(makePlan(b.session).media[0].sendCodec->codec.payloadType, 96);
}

TEST(Plan, Rule95_OldAndNewCodecsUntilTheAnswer) {
  Peer a(1), b(2);
  const auto id = a.add(MediaKind::video, Direction::recvonly);
  b.addTrack(MediaKind::video, "cam");
  negotiate(a, b);
  setCodecPreferences(a.session, id, {{.name = "VP9", .fmtp = "profile-id=0"}});
  a.local(SdpType::offer, a.offer());
  EXPECT_EQ(a.t(0).receiveCodecs.size(), 1u);
  EXPECT_EQ(makePlan(a.session).media[0].receiveCodecs.size(), 2u);
  b.remote(SdpType::offer, a.localSdp());
  b.local(SdpType::answer, b.answer());
  a.remote(SdpType::answer, b.localSdp());
  EXPECT_EQ(makePlan(a.session).media[0].receiveCodecs.size(), 1u);
  EXPECT_EQ(makePlan(b.session).media[0].sendCodec->codec.name, "VP9");
}

TEST(Plan, RestartKeepsTheOldGenerationUntilTheAnswer) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  const auto before = makePlan(a.session).transports[0];
  a.local(SdpType::offer, a.offer({.iceRestart = true}));
  auto plan = makePlan(a.session).transports[0];
  ASSERT_TRUE(plan.ice && plan.previousIce);
  EXPECT_NE(plan.ice->local, before.ice->local);
  EXPECT_FALSE(plan.ice->remote);
  EXPECT_EQ(plan.previousIce, before.ice);
  b.remote(SdpType::offer, a.localSdp());
  EXPECT_EQ(makePlan(b.session).transports[0].ice->remote, before.ice->local) << "until we answer";
  b.local(SdpType::answer, b.answer());
  a.remote(SdpType::answer, b.localSdp());
  plan = makePlan(a.session).transports[0];
  EXPECT_FALSE(plan.previousIce);
  EXPECT_EQ(plan.ice->remote, makePlan(b.session).transports[0].ice->local);
}

TEST(Plan, ARemoteOfferAloneGathersNothing) {
  Peer b(2);
  b.remote(SdpType::offer, corpusFile("chromium_offer.sdp"));
  const Plan plan = makePlan(b.session);
  ASSERT_EQ(plan.transports.size(), 1u);
  EXPECT_FALSE(plan.transports[0].ice);
  EXPECT_THAT(plan.transports[0].mids, ElementsAre("0", "1", "2"));
  EXPECT_EQ(plan.media.size(), 2u);
  EXPECT_FALSE(plan.media[0].receive);
}

TEST(Plan, StoppingNeitherSendsNorReceives) {
  Peer a(1), b(2);
  a.addTrack(MediaKind::audio, "mic");
  b.addTrack(MediaKind::audio, "mic-b");
  negotiate(a, b);
  stop(a.session, a.t(0).id);
  const Plan plan = makePlan(a.session);
  EXPECT_FALSE(plan.media[0].send);
  EXPECT_FALSE(plan.media[0].receive);
}

TEST(Plan, Rule94_Bandwidth) {
  Peer a(1), b(2);
  a.addTrack(MediaKind::video, "cam");
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  b.local(SdpType::answer, b.answer());
  std::string answer = b.localSdp();
  answer.insert(answer.find("a=setup"), "b=AS:500\r\n");
  a.remote(SdpType::answer, replaced(answer, "t=0 0", "b=CT:900\r\nt=0 0"));
  const Plan plan = makePlan(a.session);
  EXPECT_EQ(plan.media[0].maxSendBitrate, 500u * 950 - 16000);
  EXPECT_EQ(plan.maxTotalSendBitrate, 900000u);
}

TEST(Plan, AnEncodingChoosesAmongTheNegotiatedCodecs) {
  MediaPlan plan{.kind = MediaKind::video};
  EXPECT_EQ(codecOf(plan, {}), nullptr);
  plan.sendCodecs = {{Codec{96, "VP8", 90000, 0, "", {}}, 97}, {Codec{98, "VP9", 90000, 0, "profile-id=0", {}}, 99}};
  plan.sendCodec = plan.sendCodecs[0];
  EXPECT_EQ(codecOf(plan, {})->codec.payloadType, 96);
  EXPECT_EQ(codecOf(plan, {.codec = CodecPreference{.name = "vp9", .fmtp = "profile-id=0"}})->codec.payloadType, 98);
  EXPECT_EQ(codecOf(plan, {.codec = CodecPreference{.name = "H264"}})->codec.payloadType, 96) << "not negotiated";
}

TEST(Plan, PranswerStartsTheTransport) {
  Peer a(1), b(2);
  a.addTrack(MediaKind::audio, "mic");
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  b.local(SdpType::pranswer, b.answer());
  a.remote(SdpType::pranswer, b.localSdp());
  const Plan left = makePlan(a.session);
  const Plan right = makePlan(b.session);
  EXPECT_EQ(left.transports[0].ice->remote, right.transports[0].ice->local);
  EXPECT_EQ(right.transports[0].ice->remote, left.transports[0].ice->local);
  EXPECT_EQ(right.transports[0].dtlsRole, DtlsRole::client);
  EXPECT_TRUE(left.media[0].send);
  EXPECT_TRUE(right.media[0].receive);
}

}  // namespace
}  // namespace peerage::jsep
