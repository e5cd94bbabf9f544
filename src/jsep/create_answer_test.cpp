#include "jsep/testing/peer.hpp"

namespace peerage::jsep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(CreateAnswer, Rule93_ToChromium) {
  Peer b(2);
  b.addTrack(MediaKind::video, "cam", {"s"});
  b.remote(SdpType::offer, corpusFile("chromium_offer.sdp"));
  const std::string answer = b.answer();
  EXPECT_THAT(bundleOf(answer), ElementsAre("0", "1", "2"));
  const auto audio = sectionOf(answer, 0);
  EXPECT_THAT(audio.formats, ElementsAre("111", "0"));
  EXPECT_EQ(audio.lines.first<sdp::DirectionAttribute>()->value, Direction::recvonly);
  EXPECT_FALSE(audio.lines.has<sdp::Msid>());
  const auto video = sectionOf(answer, 1);
  EXPECT_THAT(video.formats, ElementsAre("96", "97", "98", "99"));
  EXPECT_EQ(video.lines.first<sdp::DirectionAttribute>()->value, Direction::sendrecv) << "addTrack() paired";
  EXPECT_EQ(video.lines.first<sdp::Msid>()->id, "s");
  EXPECT_THAT(answer, Not(HasSubstr("goog-remb"))) << "only what both have";
  EXPECT_THAT(answer, Not(HasSubstr("video-orientation")));
  EXPECT_THAT(answer, HasSubstr("a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n")) << "with the ids of the offer";
  EXPECT_EQ(count(answer, "a=setup:active\r\n"), 3u);
  EXPECT_THAT(answer, Not(HasSubstr("a=tls-id"))) << "the offer has none";
  EXPECT_THAT(answer, Not(HasSubstr("bundle-only")));
  EXPECT_THAT(answer, HasSubstr("a=ice-options:trickle\r\n"));
  EXPECT_THAT(answer, HasSubstr("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
  EXPECT_EQ(sectionOf(answer, 0).lines.first<sdp::IceUfrag>()->value,
            sectionOf(answer, 2).lines.first<sdp::IceUfrag>()->value);
  b.local(SdpType::answer, answer);
  EXPECT_EQ(b.session.transports.size(), 1u);
  EXPECT_EQ(b.session.transceivers.size(), 2u);
}

TEST(CreateAnswer, Rule93_ToFirefox) {
  Peer b(2);
  b.addTrack(MediaKind::audio, "mic", {"s"});
  const Effects effects = b.remote(SdpType::offer, corpusFile("firefox_offer.sdp"));
  EXPECT_EQ(effects.trackEvents.size(), 2u);
  const std::string answer = b.answer();
  EXPECT_THAT(sectionOf(answer, 0).formats, ElementsAre("109", "0"));
  EXPECT_THAT(sectionOf(answer, 1).formats, ElementsAre("120", "124", "121", "125"));
  EXPECT_EQ(sectionOf(answer, 1).port, 9) << "bundle-only sections are accepted";
  EXPECT_THAT(bundleOf(answer), ElementsAre("0", "1", "2"));
  b.local(SdpType::answer, answer);
  ASSERT_EQ(b.session.transports.size(), 1u);
  EXPECT_EQ(b.session.transports[0].remoteFingerprints.at(0).value, kPrintB);
  EXPECT_EQ(b.session.transports[0].dtlsRole, DtlsRole::client);
  EXPECT_EQ(b.session.transports[0].iceRole, IceRole::controlled);
}

TEST(CreateAnswer, Rule27_StoppingHasNoEffect) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  stop(b.session, b.t(0).id);
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  const std::string answer = b.answer();
  EXPECT_EQ(sectionOf(answer, 0).port, 9);
  EXPECT_EQ(sectionOf(answer, 0).lines.first<sdp::DirectionAttribute>()->value, Direction::inactive);
}

TEST(CreateAnswer, Rule78_PreferencesOfTheAnswerer) {
  Peer a(1), b(2);
  a.add(MediaKind::video);
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  setCodecPreferences(b.session, b.t(0).id, {{.name = "VP9", .fmtp = "profile-id=0"}, {.name = "VP8"}});
  EXPECT_THAT(sectionOf(b.answer(), 0).formats, ElementsAre("98", "96"));
}

TEST(CreateAnswer, Rule88_AllFallWithTheTag) {
  Config config = testConfig();
  std::erase_if(config.codecs, [](const auto& c) { return c.kind == MediaKind::audio; });
  Peer b(2, config);
  b.remote(SdpType::offer, corpusFile("chromium_offer.sdp"));
  const std::string answer = b.answer();
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(sectionOf(answer, i).port, 0);
  EXPECT_THAT(answer, Not(HasSubstr("BUNDLE")));
  b.local(SdpType::answer, answer);
  EXPECT_THAT(b.session.transceivers, IsEmpty()) << "a rejected section stops its transceiver";
  EXPECT_FALSE(b.session.sctp);
  EXPECT_THAT(b.session.transports, IsEmpty());
}

TEST(CreateAnswer, Rule93_NoCommonCodecRejectsTheSection) {
  Config config = testConfig();
  std::erase_if(config.codecs, [](const auto& c) { return c.kind == MediaKind::video; });
  Peer b(2, config);
  b.remote(SdpType::offer, corpusFile("chromium_offer.sdp"));
  const std::string answer = b.answer();
  EXPECT_EQ(sectionOf(answer, 1).port, 0);
  EXPECT_THAT(bundleOf(answer), ElementsAre("0", "2"));
  const Effects effects = b.local(SdpType::answer, answer);
  EXPECT_EQ(effects.stopped.size(), 1u);
  EXPECT_EQ(effects.removed.size(), 1u);
  EXPECT_FALSE(b.needed());
}

TEST(CreateAnswer, Rule93_UnknownMediaIsRejected) {
  Peer b(2);
  std::string offer = corpusFile("chromium_offer.sdp") +
                      "m=text 9 UDP/TLS/RTP/SAVPF 98\r\nc=IN IP4 0.0.0.0\r\na=mid:9\r\na=rtpmap:98 t140/1000\r\n";
  b.remote(SdpType::offer, offer);
  EXPECT_EQ(b.session.transceivers.size(), 2u);
  const std::string answer = b.answer();
  EXPECT_EQ(sectionOf(answer, 3).port, 0);
  EXPECT_EQ(sectionOf(answer, 3).media, "text");
  EXPECT_EQ(sectionOf(answer, 3).mid(), "9");
}

TEST(CreateAnswer, Rule87_PolicyOfTheAnswerer) {
  Config compat = testConfig();
  compat.bundlePolicy = BundlePolicy::max_compat;
  const auto answerWith = [&](BundlePolicy policy) {
    Peer a(1, compat);
    a.add(MediaKind::audio);
    a.add(MediaKind::audio);
    a.add(MediaKind::video);
    a.local(SdpType::offer, a.offer());
    std::string offer = a.localSdp();
    offer = replaced(offer, "a=group:BUNDLE 0 1 2\r\n", "");
    Config config = testConfig();
    config.bundlePolicy = policy;
    Peer b(2, config);
    b.remote(SdpType::offer, offer);
    const std::string answer = b.answer();
    b.local(SdpType::answer, answer);
    return std::vector<uint16_t>{sectionOf(answer, 0).port, sectionOf(answer, 1).port, sectionOf(answer, 2).port};
  };
  EXPECT_THAT(answerWith(BundlePolicy::balanced), ElementsAre(9, 0, 9));
  EXPECT_THAT(answerWith(BundlePolicy::max_compat), ElementsAre(9, 9, 9));
  EXPECT_THAT(answerWith(BundlePolicy::max_bundle), ElementsAre(9, 0, 0));
}

TEST(CreateAnswer, Rule91_SetupRoles) {
  for (const auto& [offered, answered] : std::vector<std::pair<std::string, std::string>>{
           {"actpass", "active"}, {"active", "passive"}, {"passive", "active"}}) {
    Peer b(2);
    b.remote(SdpType::offer, replaced(corpusFile("chromium_offer.sdp"), "a=setup:actpass", "a=setup:" + offered));
    EXPECT_THAT(b.answer(), HasSubstr("a=setup:" + answered + "\r\n")) << offered;
  }
}

TEST(CreateAnswer, Rule91_RoleIsKeptOnRenegotiation) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  EXPECT_EQ(a.session.transports[0].dtlsRole, DtlsRole::server);
  EXPECT_EQ(b.session.transports[0].dtlsRole, DtlsRole::client);
  b.add(MediaKind::video);
  negotiate(b, a);  // a answers now, and stays the server
  EXPECT_THAT(a.localSdp(), HasSubstr("a=setup:passive\r\n"));
  EXPECT_EQ(a.session.transports[0].dtlsRole, DtlsRole::server);
  EXPECT_EQ(b.session.transports[0].dtlsRole, DtlsRole::client);
  EXPECT_EQ(a.session.transports[0].dtlsGeneration, 0u);
}

TEST(CreateAnswer, Rule72_RestartIsAnsweredWithNewCredentials) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  const auto before = *b.session.currentLocal->credentials(0);
  a.local(SdpType::offer, a.offer({.iceRestart = true}));
  b.remote(SdpType::offer, a.localSdp());
  const Effects effects = b.local(SdpType::answer, b.answer());
  EXPECT_NE(*b.session.currentLocal->credentials(0), before);
  EXPECT_EQ(effects.gather.size(), 1u);
  EXPECT_EQ(effects.iceRestarts.size(), 1u);
  a.remote(SdpType::answer, b.localSdp());
  const auto after = *b.session.currentLocal->credentials(0);
  negotiate(a, b);
  EXPECT_EQ(*b.session.currentLocal->credentials(0), after);
}

TEST(CreateAnswer, Rule82_SimulcastOfferIsAnsweredWithOurRids) {
  Config config = testConfig();
  config.maxVideoEncodings = 2;
  const std::string offer =
      replaced(replaced(replaced(replaced(corpusFile("simulcast_send.sdp"), "a=simulcast:send hi;~lo",
                                          "a=simulcast:recv hi,lo;lo;hi"),
                                 "a=rid:hi send", "a=rid:hi recv"),
                        "a=rid:lo send", "a=rid:lo recv"),
               "a=sendonly", "a=recvonly");
  Peer b(2, config);
  b.addTrack(MediaKind::video, "cam");
  b.remote(SdpType::offer, offer);
  ASSERT_EQ(b.t(0).sendEncodings.size(), 2u);
  EXPECT_EQ(b.t(0).sendEncodings[0].rid, "hi");
  EXPECT_EQ(b.t(0).sendEncodings[0].scaleResolutionDownBy, 2.0);
  EXPECT_EQ(b.t(0).sendEncodings[1].rid, "lo");
  EXPECT_NE(b.t(0).sendEncodings[1].ssrc, b.t(0).sendEncodings[0].ssrc);
  EXPECT_THAT(b.answer(), HasSubstr("a=rid:hi send\r\na=rid:lo send\r\na=simulcast:send hi;lo\r\n"));
  b.local(SdpType::rollback);
  ASSERT_EQ(b.t(0).sendEncodings.size(), 1u) << "undone by rollback";
  EXPECT_TRUE(b.t(0).sendEncodings[0].rid.empty());
}

TEST(CreateAnswer, SimulcastTowardsUsIsAnsweredUnicast) {
  Peer b(2);
  b.remote(SdpType::offer, corpusFile("simulcast_send.sdp"));
  const std::string answer = b.answer();
  EXPECT_THAT(answer, Not(HasSubstr("simulcast")));
  EXPECT_THAT(answer, Not(HasSubstr("a=rid")));
  EXPECT_EQ(sectionOf(answer, 0).port, 9);
  b.local(SdpType::answer, answer);
  const Plan plan = makePlan(b.session);
  ASSERT_EQ(plan.media.size(), 1u);
  EXPECT_EQ(plan.media[0].maxSendBitrate, 1200000u) << "TIAS before AS";
  ASSERT_TRUE(plan.transports[0].ice);
  EXPECT_EQ(plan.transports[0].ice->remoteCandidates.size(), 3u);
  EXPECT_TRUE(plan.transports[0].ice->remoteEndOfCandidates);
}

TEST(CreateAnswer, Rule96_ForeignSdp) {
  Peer b(2);
  b.remote(SdpType::offer, corpusFile("ice_lite_server.sdp"));  // no mid, session-level attributes, passive, lite
  EXPECT_EQ(b.session.transceivers.size(), 1u);
  const std::string answer = b.answer();
  EXPECT_THAT(answer, Not(HasSubstr("a=mid"))) << "a=mid only if the offer has it";
  EXPECT_THAT(answer, HasSubstr("a=setup:active"));
  EXPECT_THAT(answer, Not(HasSubstr("a=ice-options")));
  EXPECT_THAT(sectionOf(answer, 0).formats, ElementsAre("0"));
  b.local(SdpType::answer, answer);
  EXPECT_EQ(b.session.transports[0].iceRole, IceRole::controlling) << "Rule48: the other end is lite";
  EXPECT_EQ(b.session.canTrickleIceCandidates, false);
  EXPECT_EQ(b.session.remoteSessionBandwidth, 4000000u);
  b.remote(SdpType::offer, corpusFile("ice_lite_server.sdp"));
  EXPECT_EQ(b.session.transceivers.size(), 1u) << "the section without a mid is still the same";
}

TEST(CreateAnswer, LipSyncGroups) {
  Peer a(1), b(2);
  a.addTrack(MediaKind::audio, "mic", {"s"});
  a.addTrack(MediaKind::video, "cam", {"s"});
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  EXPECT_THAT(b.answer(), HasSubstr("a=group:LS 0 1\r\n")) << "nothing of ours contradicts";
  Peer c(3);
  c.addTrack(MediaKind::audio, "mic", {"x"});
  c.addTrack(MediaKind::video, "cam", {"y"});
  c.remote(SdpType::offer, a.localSdp());
  EXPECT_THAT(c.answer(), Not(HasSubstr("group:LS"))) << "ours are of different streams";
}

}  // namespace
}  // namespace peerage::jsep
