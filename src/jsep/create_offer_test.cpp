#include "jsep/testing/peer.hpp"

namespace peerage::jsep {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(CreateOffer, Rule24_StateIsChecked) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  a.local(SdpType::offer, a.offer());
  EXPECT_TRUE(createOffer(a.session, {}, a.random)) << "have-local-offer";
  b.remote(SdpType::offer, a.localSdp());
  EXPECT_EQ(createOffer(b.session, {}, b.random).error().kind, ErrorKind::invalid_state);
  EXPECT_EQ(createAnswer(a.session, a.random).error().kind, ErrorKind::invalid_state);
}

TEST(CreateOffer, Rule25_ChangesNoMidAndNoTransport) {
  Peer a(1);
  a.add(MediaKind::audio);
  a.offer();
  EXPECT_FALSE(a.t(0).mid);
  EXPECT_TRUE(a.session.transports.empty());
  EXPECT_FALSE(a.session.pendingLocal);
  EXPECT_EQ(sectionOf(a.offer(), 0).mid(), "0") << "proposed again";
}

TEST(CreateOffer, Rule27_StoppingCountsAsStopped) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  a.add(MediaKind::video);
  negotiate(a, b);
  stop(a.session, a.t(0).id);
  const std::string offer = a.offer();
  EXPECT_EQ(sectionOf(offer, 0).port, 0);
  EXPECT_FALSE(sectionOf(offer, 0).lines.has<sdp::Msid>());
  EXPECT_EQ(sectionOf(offer, 1).port, 9);
  EXPECT_THAT(bundleOf(offer), ElementsAre("1"));
}

TEST(CreateOffer, Rule28_TagIsTheFirstNonStoppedTransceiver) {
  Config config = testConfig();
  config.alwaysNegotiateDataChannels = true;
  Peer a(1, config);
  a.add(MediaKind::video);
  const std::string offer = a.offer();
  EXPECT_EQ(sectionOf(offer, 0).media, "application") << "data first with alwaysNegotiateDataChannels";
  EXPECT_THAT(bundleOf(offer), ElementsAre("1", "0"));
}

TEST(CreateOffer, Rule29_CredentialsStayUntilRestart) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  const std::string ufrag = sectionOf(a.localSdp(), 0).lines.first<sdp::IceUfrag>()->value;
  EXPECT_EQ(sectionOf(a.offer(), 0).lines.first<sdp::IceUfrag>()->value, ufrag);
  EXPECT_NE(sectionOf(a.offer({.iceRestart = true}), 0).lines.first<sdp::IceUfrag>()->value, ufrag);
  restartIce(a.session);
  const std::string restarted = a.offer();
  EXPECT_NE(sectionOf(restarted, 0).lines.first<sdp::IceUfrag>()->value, ufrag);
  a.local(SdpType::offer, restarted);
  EXPECT_EQ(sectionOf(a.offer(), 0).lines.first<sdp::IceUfrag>()->value,
            sectionOf(restarted, 0).lines.first<sdp::IceUfrag>()->value)
      << "the pending offer restarts already";
  restartIce(a.session);
  EXPECT_NE(sectionOf(a.offer(), 0).lines.first<sdp::IceUfrag>()->value,
            sectionOf(restarted, 0).lines.first<sdp::IceUfrag>()->value);
}

TEST(CreateOffer, Rule30_OriginVersionGrowsOverRollback) {
  Peer a(1);
  a.add(MediaKind::audio);
  const auto first = sdp::parse(a.offer());
  a.local(SdpType::offer, a.offer());
  const auto second = sdp::parse(a.localSdp());
  a.local(SdpType::rollback);
  const auto third = sdp::parse(a.offer());
  EXPECT_EQ(first->origin.sessionId, second->origin.sessionId);
  EXPECT_EQ(second->origin.sessionId, third->origin.sessionId);
  EXPECT_EQ(std::stoull(second->origin.sessionVersion), std::stoull(first->origin.sessionVersion) + 1);
  EXPECT_EQ(std::stoull(third->origin.sessionVersion), std::stoull(first->origin.sessionVersion) + 2);
  EXPECT_LT(std::stoull(first->origin.sessionId), (uint64_t{1} << 63) - 1);
}

TEST(CreateOffer, Rule85_ShapeOfAnInitialOffer) {
  Peer a(1);
  a.addTrack(MediaKind::audio, "mic", {"stream"});
  a.addTrack(MediaKind::video, "cam", {"stream"});
  createDataChannel(a.session);
  const std::string offer = a.offer();
  EXPECT_THAT(offer, StartsWith("v=0\r\no=- "));
  EXPECT_THAT(offer, HasSubstr(" 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\na=group:LS 0 1\r\n"));
  EXPECT_THAT(offer, HasSubstr("a=ice-options:trickle ice2\r\n"));
  EXPECT_THAT(offer, HasSubstr("m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"));
  EXPECT_THAT(offer, HasSubstr("m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\n"));
  EXPECT_THAT(offer, HasSubstr("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
  EXPECT_THAT(
      offer,
      HasSubstr(
          "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"));
  EXPECT_THAT(offer, HasSubstr("a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"));
  EXPECT_THAT(offer, HasSubstr("a=rtcp-fb:96 nack pli\r\n"));
  EXPECT_THAT(offer, HasSubstr("a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"));
  EXPECT_THAT(offer, HasSubstr("a=msid:stream mic\r\n"));
  EXPECT_THAT(offer, HasSubstr("a=sctp-port:5000\r\na=max-message-size:262144\r\n"));
  EXPECT_EQ(count(offer, "a=setup:actpass\r\n"), 3u);
  EXPECT_EQ(count(offer, "a=fingerprint:sha-256 " + kPrintA + "\r\n"), 3u);
  EXPECT_EQ(count(offer, "a=ice-ufrag:"), 3u);
  EXPECT_EQ(count(offer, "a=tls-id:"), 3u);
  EXPECT_EQ(count(offer, "a=rtcp-mux\r\n"), 2u);
  EXPECT_EQ(count(offer, "a=rtcp-rsize\r\n"), 2u);
  EXPECT_EQ(count(offer, "a=rtcp-mux-only\r\n"), 2u);
  EXPECT_EQ(count(offer, "a=ssrc-group:FID "), 1u);
  EXPECT_THAT(offer, Not(HasSubstr("a=ptime")));
  EXPECT_EQ(sdp::serialize(*sdp::parse(offer)), offer);
}

TEST(CreateOffer, Rule85_NoStreamIsADash) {
  Peer a(1);
  a.addTrack(MediaKind::audio, "mic");
  EXPECT_THAT(a.offer(), HasSubstr("a=msid:- mic\r\n"));
  EXPECT_THAT(a.offer(), Not(HasSubstr("group:LS")));
}

TEST(CreateOffer, Rule86And87_BundlePolicies) {
  const auto offered = [](BundlePolicy policy) {
    Config config = testConfig();
    config.bundlePolicy = policy;
    Peer a(1, config);
    a.add(MediaKind::audio);
    a.add(MediaKind::audio);
    a.add(MediaKind::video);
    createDataChannel(a.session);
    a.local(SdpType::offer, a.offer());
    return std::pair(a.localSdp(), a.session.transports.size());
  };
  const auto [balanced, balancedTransports] = offered(BundlePolicy::balanced);
  EXPECT_EQ(count(balanced, "a=bundle-only"), 1u);
  EXPECT_TRUE(sectionOf(balanced, 1).lines.has<sdp::BundleOnly>());
  EXPECT_EQ(sectionOf(balanced, 1).port, 0);
  EXPECT_FALSE(sectionOf(balanced, 1).lines.has<sdp::IceUfrag>());
  EXPECT_FALSE(sectionOf(balanced, 1).lines.has<sdp::Fingerprint>());
  EXPECT_TRUE(sectionOf(balanced, 1).lines.has<sdp::RtcpMux>()) << "browsers want it in each bundled section";
  EXPECT_EQ(balancedTransports, 3u);
  const auto [compat, compatTransports] = offered(BundlePolicy::max_compat);
  EXPECT_EQ(count(compat, "a=bundle-only"), 0u);
  EXPECT_EQ(compatTransports, 4u);
  const auto [bundle, bundleTransports] = offered(BundlePolicy::max_bundle);
  EXPECT_EQ(count(bundle, "a=bundle-only"), 3u);
  EXPECT_EQ(count(bundle, "a=ice-ufrag"), 1u);
  EXPECT_EQ(bundleTransports, 1u);
}

// Firefox holds each section's credentials against those that the section had before: what is bundled must not change them.
TEST(CreateOffer, Rule29_OneSetOfCredentialsForAllTransportsOfAnOffer) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  a.add(MediaKind::video);
  createDataChannel(a.session);
  const auto ufrags = [](const std::string& text) {
    std::vector<std::string> found;
    const auto parsed = sdp::parse(text);  // in the loop's head it would be gone before the first round
    if (!parsed) return found;
    for (const auto& section : parsed->media)
      if (const auto* ufrag = section.lines.first<sdp::IceUfrag>()) found.push_back(ufrag->value);
    return found;
  };
  const std::string offer = a.offer();
  ASSERT_EQ(ufrags(offer).size(), 3u);
  EXPECT_THAT(ufrags(offer), Each(ufrags(offer).front()));
  a.local(SdpType::offer, offer);
  EXPECT_EQ(a.session.transports.size(), 3u) << "the same credentials, and yet a transport each";
  b.remote(SdpType::offer, offer);
  b.local(SdpType::answer, b.answer());
  a.remote(SdpType::answer, b.localSdp());
  ASSERT_EQ(a.session.transports.size(), 1u);
  b.add(MediaKind::audio);
  negotiate(b, a);
  const auto answered = ufrags(a.localSdp());
  ASSERT_EQ(answered.size(), 4u);
  EXPECT_THAT(answered, Each(ufrags(offer).front()));
  const auto restarted = ufrags(a.offer({.iceRestart = true}));
  EXPECT_THAT(restarted, Each(restarted.front()));
  EXPECT_NE(restarted.front(), answered.front());
}

TEST(CreateOffer, Rule86_NoBundleOnlyInLaterOffers) {
  Config config = testConfig();
  config.bundlePolicy = BundlePolicy::max_bundle;
  Peer a(1, config), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  a.add(MediaKind::video);
  const std::string offer = a.offer();
  EXPECT_THAT(offer, Not(HasSubstr("bundle-only")));
  EXPECT_EQ(sectionOf(offer, 1).port, 9);
  EXPECT_EQ(*sectionOf(offer, 1).lines.first<sdp::IceUfrag>(), *sectionOf(offer, 0).lines.first<sdp::IceUfrag>())
      << "a new section joins the bundle that was negotiated";
  EXPECT_THAT(offer, Not(HasSubstr("a=rtcp-mux-only")));
  EXPECT_THAT(offer, Not(HasSubstr("a=rtcp:9")));
}

TEST(CreateOffer, Rule89_Recycling) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  a.add(MediaKind::video);
  negotiate(a, b);
  stop(a.session, a.t(0).id);
  negotiate(a, b);
  EXPECT_EQ(a.session.transceivers.size(), 1u);
  EXPECT_EQ(b.session.transceivers.size(), 1u);
  EXPECT_EQ(sectionOf(a.offer(), 0).port, 0) << "the number of sections never shrinks";
  a.add(MediaKind::video);
  const std::string offer = a.offer();
  EXPECT_EQ(sdp::parse(offer)->media.size(), 2u);
  EXPECT_EQ(sectionOf(offer, 0).media, "video");
  EXPECT_EQ(sectionOf(offer, 0).mid(), "2") << "a new mid";
  EXPECT_THAT(bundleOf(offer), ElementsAre("1", "2")) << "the tag is the first transceiver of the set";
  negotiate(a, b);
  EXPECT_EQ(a.session.transports.size(), 1u);
  EXPECT_EQ(b.session.transceivers.size(), 2u);
  EXPECT_EQ(*b.t(1).mid, "2");
}

TEST(CreateOffer, Rule89_StoppedUnassociatedTransceiverGetsNoSection) {
  Peer a(1);
  stop(a.session, a.add(MediaKind::audio));
  EXPECT_TRUE(sdp::parse(a.offer())->media.empty());
}

TEST(CreateOffer, Rule89_StopBeforeTheAnswerKeepsThePlace) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  a.add(MediaKind::video);
  a.local(SdpType::offer, a.offer());
  stop(a.session, a.t(0).id);
  const std::string offer = a.offer();
  EXPECT_EQ(sectionOf(offer, 0).port, 0);
  EXPECT_THAT(bundleOf(offer), ElementsAre("1"));
  a.local(SdpType::offer, offer);
  b.remote(SdpType::offer, offer);
  b.local(SdpType::answer, b.answer());
  a.remote(SdpType::answer, b.localSdp());
  EXPECT_EQ(a.session.transceivers.size(), 1u);
  EXPECT_EQ(a.session.transports.size(), 1u);
  EXPECT_FALSE(a.needed());
}

TEST(CreateOffer, Rule79_PayloadTypesAreStable) {
  Peer a(1), b(2);
  const auto id = a.add(MediaKind::video);
  negotiate(a, b);
  setCodecPreferences(a.session, id, {{.name = "VP9", .fmtp = "profile-id=0"}});
  EXPECT_THAT(a.offer(), HasSubstr("m=video 9 UDP/TLS/RTP/SAVPF 98\r\n"));
  negotiate(a, b);
  a.session.config.codecs.push_back({.kind = MediaKind::video, .name = "AV1", .preferredPayloadType = 96});
  a.session.touch();
  setCodecPreferences(a.session, id, {});
  const auto section = sectionOf(a.offer(), 0);
  EXPECT_THAT(section.formats, ElementsAre("98", "99", "96", "97", "100", "101"))
      << "the answer's order, then the rest; 96 is VP8's for ever";
}

TEST(CreateOffer, Rule78_PreferencesOrderAndFilter) {
  Peer a(1);
  const auto id = a.add(MediaKind::video);
  setCodecPreferences(a.session, id, {{.name = "VP9", .fmtp = "profile-id=0"}, {.name = "rtx"}, {.name = "VP8"}});
  EXPECT_THAT(sectionOf(a.offer(), 0).formats, ElementsAre("98", "99", "96", "97"));
  setCodecPreferences(a.session, id, {{.name = "VP8"}});
  EXPECT_THAT(sectionOf(a.offer(), 0).formats, ElementsAre("96")) << "no rtx without its entry";
  a.session.config.codecs[2].receive = false;
  setDirection(a.session, id, Direction::recvonly);
  EXPECT_THAT(sectionOf(a.offer(), 0).formats, ElementsAre("98", "99")) << "nothing left after filtering: the defaults";
}

TEST(CreateOffer, Rule81_Simulcast) {
  Config config = testConfig();
  config.maxVideoEncodings = 3;
  Peer a(1, config);
  ASSERT_TRUE(addTransceiver(
      a.session, {.kind = MediaKind::video, .sendEncodings = {{.rid = "q"}, {.rid = "h"}, {.rid = "f"}}}, a.random));
  const std::string offer = a.offer();
  EXPECT_THAT(offer, HasSubstr("a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n"));
  EXPECT_THAT(offer, Not(HasSubstr("a=ssrc:")));
}

TEST(CreateOffer, Rule33_ReusableWhileNothingChanged) {
  Peer a(1);
  EXPECT_EQ(reusableOffer(a.session), nullptr);
  a.add(MediaKind::audio);
  const std::string offer = a.offer();
  ASSERT_NE(reusableOffer(a.session), nullptr);
  EXPECT_EQ(*reusableOffer(a.session), offer);
  a.add(MediaKind::video);
  EXPECT_EQ(reusableOffer(a.session), nullptr);
}

TEST(CreateOffer, CandidatesOfTheGenerationAreInLaterOffers) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  const auto ufrag = a.session.currentLocal->credentials(0)->ufrag;
  const auto transport = a.session.transports[0].id;
  addLocalCandidate(a.session, {transport, ufrag, "candidate:1 1 udp 2122260223 192.0.2.4 54400 typ host"});
  addLocalCandidate(a.session, {transport, ufrag, ""});
  const std::string offer = a.offer();
  EXPECT_THAT(offer, HasSubstr("m=audio 54400 UDP/TLS/RTP/SAVPF"));
  EXPECT_THAT(offer, HasSubstr("c=IN IP4 192.0.2.4\r\n"));
  EXPECT_THAT(offer, HasSubstr("a=candidate:1 1 udp 2122260223 192.0.2.4 54400 typ host\r\na=end-of-candidates\r\n"));
  EXPECT_THAT(a.offer({.iceRestart = true}), Not(HasSubstr("a=candidate")));
}

/// The description without some lines of one of its sections.
std::string without(const std::string& text, size_t index, const std::string& line) {
  size_t at = text.find("\r\nm=");
  for (size_t i = 0; i < index; ++i) at = text.find("\r\nm=", at + 1);
  const size_t end = std::min(text.find("\r\nm=", at + 1), text.size() - 2);
  return text.substr(0, at) + replaced(text.substr(at, end - at), "\r\n" + line + "\r\n", "\r\n") + text.substr(end);
}

TEST(CreateOffer, Rule90_MuxOnlyInTheFirstOfferOfASectionWithATransport) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  a.add(MediaKind::video);
  EXPECT_EQ(count(a.offer(), "a=rtcp-mux-only\r\n"), 2u);
  a.local(SdpType::offer, a.offer());
  EXPECT_EQ(count(a.offer(), "a=rtcp-mux-only\r\n"), 2u) << "nobody has answered yet";
  b.remote(SdpType::offer, a.localSdp());
  b.local(SdpType::answer, b.answer());
  EXPECT_THAT(b.localSdp(), Not(HasSubstr("a=rtcp-mux-only"))) << "never in an answer";
  a.remote(SdpType::answer, b.localSdp());
  EXPECT_THAT(a.offer(), Not(HasSubstr("a=rtcp-mux-only")));
  a.add(MediaKind::video);
  EXPECT_THAT(a.offer(), Not(HasSubstr("a=rtcp-mux-only"))) << "the new section has no transport of its own";
  EXPECT_EQ(count(a.offer(), "a=rtcp-mux\r\n"), 3u);
  EXPECT_THAT(b.offer(), Not(HasSubstr("a=rtcp-mux-only"))) << "the other side's offers are later ones, too";
}

TEST(CreateOffer, Rule90_MuxOnlyForANewSectionWhereNothingIsBundled) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, replaced(a.localSdp(), "a=group:BUNDLE 0\r\n", ""));
  b.local(SdpType::answer, b.answer());
  a.remote(SdpType::answer, b.localSdp());
  a.add(MediaKind::video);
  const std::string offer = a.offer();
  EXPECT_FALSE(sectionOf(offer, 0).lines.has<sdp::RtcpMuxOnly>());
  EXPECT_FALSE(sectionOf(offer, 0).lines.has<sdp::Rtcp>());
  EXPECT_TRUE(sectionOf(offer, 1).lines.has<sdp::RtcpMuxOnly>());
  EXPECT_TRUE(sectionOf(offer, 1).lines.has<sdp::Rtcp>());
}

TEST(CreateOffer, Rule90_ReducedSizeAsTheLastAnswerHasIt) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  a.add(MediaKind::video);
  const auto exchange = [&](Peer& from, Peer& to, const auto& change) {
    from.local(SdpType::offer, from.offer());
    to.remote(SdpType::offer, from.localSdp());
    to.local(SdpType::answer, to.answer());
    from.remote(SdpType::answer, change(to.localSdp()));
  };
  exchange(a, b, [](const std::string& answer) { return answer; });
  EXPECT_EQ(count(a.offer(), "a=rtcp-rsize\r\n"), 2u);
  EXPECT_TRUE(a.t(0).reducedSizeRtcp && a.t(1).reducedSizeRtcp);
  // The tag's line stands for its bundle, as in answers of JSEP's letter (RFC 9143 §7.1.3); so does a=rtcp-mux.
  exchange(a, b, [](const std::string& answer) { return without(without(answer, 1, "a=rtcp-rsize"), 1, "a=rtcp-mux"); });
  EXPECT_TRUE(a.t(0).reducedSizeRtcp && a.t(1).reducedSizeRtcp);
  EXPECT_EQ(count(a.offer(), "a=rtcp-rsize\r\n"), 2u);
  EXPECT_EQ(count(a.offer(), "a=rtcp-mux\r\n"), 2u);
  // A section may have it for itself.
  exchange(a, b, [](const std::string& answer) { return without(answer, 0, "a=rtcp-rsize"); });
  EXPECT_FALSE(a.t(0).reducedSizeRtcp);
  EXPECT_TRUE(a.t(1).reducedSizeRtcp);
  EXPECT_FALSE(sectionOf(a.offer(), 0).lines.has<sdp::RtcpRsize>());
  EXPECT_TRUE(sectionOf(a.offer(), 1).lines.has<sdp::RtcpRsize>());
  // What an answer has refused is not offered again, and not answered where it was not offered.
  exchange(a, b, [](const std::string& answer) { return without(answer, 1, "a=rtcp-rsize"); });
  EXPECT_THAT(a.offer(), Not(HasSubstr("a=rtcp-rsize")));
  exchange(a, b, [](const std::string& answer) { return answer; });
  EXPECT_THAT(b.localSdp(), Not(HasSubstr("a=rtcp-rsize")));
  EXPECT_EQ(count(b.localSdp(), "a=rtcp-mux\r\n"), 2u);
  EXPECT_FALSE(a.t(0).reducedSizeRtcp || a.t(1).reducedSizeRtcp || b.t(0).reducedSizeRtcp || b.t(1).reducedSizeRtcp);
  EXPECT_THAT(b.offer(), Not(HasSubstr("a=rtcp-rsize"))) << "of the most recent answer, whoever made it";
}

TEST(CreateOffer, Rule90_ReducedSizeThatWasNotOfferedIsNotAgreed) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, replaced(a.localSdp(), "a=rtcp-rsize\r\n", ""));
  b.local(SdpType::answer, b.answer());
  a.remote(SdpType::answer, b.localSdp());
  ASSERT_THAT(a.offer(), Not(HasSubstr("a=rtcp-rsize")));
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  b.local(SdpType::answer, b.answer());
  a.remote(SdpType::answer, replaced(b.localSdp(), "a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-rsize\r\n"));
  EXPECT_FALSE(a.t(0).reducedSizeRtcp);
}

TEST(CreateOffer, FiveHundredTransceivers) {
  Peer a(1), b(2);
  for (int i = 0; i < 500; ++i) a.addTrack(i % 2 ? MediaKind::audio : MediaKind::video, "t" + std::to_string(i), {"s"});
  negotiate(a, b);
  EXPECT_EQ(b.session.transceivers.size(), 500u);
  EXPECT_EQ(a.session.transports.size(), 1u);
  EXPECT_FALSE(a.needed());
  EXPECT_EQ(makePlan(a.session).media.size(), 500u);
}

}  // namespace
}  // namespace peerage::jsep
