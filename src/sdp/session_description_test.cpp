#include "sdp/session_description.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "source_folder.hpp"

namespace peerage::sdp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string corpus(const std::string& name) { return tests::sourceFile("fuzz/corpus/sdp/" + name); }

const std::string kHead = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
const std::string kAudio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n";

Result<SessionDescription> parseAudioWith(const std::string& line) { return parse(kHead + kAudio + line + "\r\n"); }

int errorLine(const std::string& text) {
  const auto parsed = parse(text);
  return parsed ? 0 : parsed.error().line;
}

TEST(Parse, ChromiumOffer) {
  const auto sdp = parse(corpus("chromium_offer.sdp"));
  ASSERT_TRUE(sdp) << sdp.error().message;
  EXPECT_EQ(sdp->origin.sessionId, "5511237691691746");
  EXPECT_EQ(sdp->origin.sessionVersion, "2");
  ASSERT_EQ(sdp->media.size(), 3u);
  EXPECT_EQ(sdp->lines.first<Group>()->semantics, "BUNDLE");
  EXPECT_THAT(sdp->lines.first<Group>()->mids, ElementsAre("0", "1", "2"));
  const MediaSection& video = sdp->media[1];
  EXPECT_EQ(video.media, "video");
  EXPECT_EQ(video.port, 9);
  EXPECT_EQ(video.formats.size(), 13u);
  EXPECT_EQ(video.mid(), "1");
  EXPECT_EQ(video.lines.first<Rtpmap>()->encoding, "VP8");
  EXPECT_EQ(video.lines.first<SsrcGroup>()->ssrcs.size(), 2u);
  EXPECT_EQ(video.lines.first<IceUfrag>()->value, "Vk8R");
  EXPECT_EQ(sdp->direction(video), Direction::sendrecv);
  EXPECT_EQ(sdp->media[2].lines.first<SctpPort>()->port, 5000);
  EXPECT_EQ(sdp->media[2].lines.first<MaxMessageSize>()->value, 262144u);
  EXPECT_EQ(sdp->media[0].lines.first<Rtpmap>()->channels, 2);
}

TEST(Parse, FirefoxOfferWithSessionLevelAttributes) {
  const auto sdp = parse(corpus("firefox_offer.sdp"));
  ASSERT_TRUE(sdp) << sdp.error().message;
  ASSERT_EQ(sdp->media.size(), 3u);
  EXPECT_FALSE(sdp->media[1].lines.has<Fingerprint>());
  EXPECT_EQ(sdp->fingerprints(sdp->media[1]).size(), 1u);
  EXPECT_EQ(sdp->media[1].port, 0);
  EXPECT_FALSE(sdp->media[1].rejected()) << "port 0 with a=bundle-only is not a rejection";
  EXPECT_EQ(sdp->media[0].lines.first<Msid>()->id, "{0f1d2c3b-4a59-4687-9796-a5b4c3d2e1f0}");
  int recvonly = 0;
  for (const Extmap& extmap : sdp->media[0].lines.all<Extmap>()) recvonly += extmap.direction == Direction::recvonly;
  EXPECT_EQ(recvonly, 1);
}

TEST(Parse, EveryKnownAttributeBecomesItsType) {
  const auto sdp = parse(corpus("simulcast_send.sdp"));
  ASSERT_TRUE(sdp) << sdp.error().message;
  const MediaSection& video = sdp->media[0];
  const auto* simulcast = video.lines.first<Simulcast>();
  ASSERT_NE(simulcast, nullptr);
  ASSERT_EQ(simulcast->send.size(), 2u);
  EXPECT_EQ(simulcast->send[0][0].rid, "hi");
  EXPECT_FALSE(simulcast->send[0][0].paused);
  EXPECT_TRUE(simulcast->send[1][0].paused);
  EXPECT_EQ(video.lines.first<Rid>()->restrictions, "pt=96;max-width=1280");
  EXPECT_FALSE(video.lines.first<RtcpFb>()->payloadType.has_value());
  EXPECT_EQ(video.lines.first<Bandwidth>()->value, 1500u);
  EXPECT_TRUE(video.lines.has<EndOfCandidates>());
  for (const Line& line : video.lines) EXPECT_FALSE(std::holds_alternative<OtherAttribute>(line));
  const auto server = parse(corpus("ice_lite_server.sdp"));
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_TRUE(server->lines.has<IceLite>());
  EXPECT_EQ(server->lines.first<Fingerprint>()->hash, "sha-256");
  EXPECT_TRUE(server->lines.first<Fingerprint>()->value.starts_with("3D:C4:"));
  EXPECT_EQ(server->media[0].portCount, 2u);
  EXPECT_EQ(server->media[0].lines.first<TlsId>()->value, "abc3de65cddef001be82");
  EXPECT_EQ(server->effective<sdp::Setup>(server->media[0])->role, SetupRole::passive);
}

TEST(Serialize, IsTheInputWhenTheInputIsCanonical) {
  for (const char* name : {"chromium_offer.sdp", "firefox_offer.sdp", "simulcast_send.sdp"}) {
    const std::string text = corpus(name);
    const auto sdp = parse(text);
    ASSERT_TRUE(sdp) << name << sdp.error().message;
    EXPECT_EQ(serialize(*sdp), text) << name;
  }
}

TEST(Serialize, UnknownLinesSurviveInPlace) {
  const std::string text =
      kHead + "a=x-one\r\na=x-two:\r\n" + kAudio + "i=title\r\na=x-three:v:w\r\na=mid:a\r\na=x-four\r\n";
  const auto sdp = parse(text);
  ASSERT_TRUE(sdp);
  EXPECT_EQ(serialize(*sdp), text);
}

TEST(Serialize, LfBecomesCrlf) {
  const auto sdp = parse("v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\nm=audio 9 RTP/AVP 0");
  ASSERT_TRUE(sdp) << sdp.error().message;
  EXPECT_EQ(serialize(*sdp), kHead + "m=audio 9 RTP/AVP 0\r\n");
}

TEST(Parse, SimulcastBothWaysRoundTrips) {
  for (const char* value : {"send a,~b;c recv d", "recv d;e send a", "recv x"}) {
    const auto sdp = parseAudioWith(std::string("a=simulcast:") + value);
    ASSERT_TRUE(sdp) << value;
    EXPECT_THAT(serialize(*sdp), HasSubstr(std::string("a=simulcast:") + value + "\r\n"));
  }
}

TEST(Parse, BlankLinesAtTheVeryEndAreTaken) { EXPECT_TRUE(parse(kHead + kAudio + "\r\n\r\n")); }

TEST(Parse, ErrorsCarryTheLineNumber) {
  EXPECT_EQ(errorLine(""), 1);
  EXPECT_EQ(errorLine("Invalid SDP"), 1);
  EXPECT_EQ(errorLine("v=1\r\n"), 1);
  EXPECT_EQ(errorLine("v=0\r\ns=-\r\n"), 2);
  EXPECT_EQ(errorLine("v=0\r\no=- 1 1 IN IP4\r\n"), 2);
  EXPECT_EQ(errorLine("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\nt=0 0\r\n"), 3);
  EXPECT_EQ(errorLine("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\n"), 4) << "t= is mandatory";
  EXPECT_EQ(errorLine(kHead + "b=AS:1\r\n"), 5) << "session lines have an order";
  EXPECT_EQ(errorLine(kHead + kAudio + "\r\na=mid:0\r\n"), 6) << "no blank line inside";
  EXPECT_EQ(errorLine(kHead + kAudio + "t=0 0\r\n"), 6);
  EXPECT_EQ(errorLine(kHead + kAudio + "a=mid:0\r\nx=1\r\n"), 7);
  EXPECT_EQ(errorLine(kHead + "m=audio 9 UDP/TLS/RTP/SAVPF\r\n"), 5);
  EXPECT_EQ(errorLine(kHead + "m=audio 65536 UDP/TLS/RTP/SAVPF 0\r\n"), 5);
  EXPECT_EQ(errorLine(kHead + "m=audio 9 UDP/TLS/RTP/SAVPF opus\r\n"), 5);
  EXPECT_EQ(errorLine(kHead + std::string("a=x:\0y\r\n", 8)), 5);
}

TEST(Parse, MalformedAttributesAreErrors) {
  for (const char* line : {"a=",
                           "a=:x",
                           "a=mid:",
                           "a=mid:a b",
                           "a=rtpmap:128 x/1",
                           "a=rtpmap:96 x",
                           "a=rtpmap:96 x/0",
                           "a=fmtp:",
                           "a=rtcp-fb:96",
                           "a=rtcp-fb:x nack",
                           "a=extmap:0 uri",
                           "a=extmap:1",
                           "a=extmap:1/both uri",
                           "a=ice-ufrag:abc",
                           "a=ice-pwd:tooshort",
                           "a=ice-ufrag:ab cd",
                           "a=candidate:1 1 udp",
                           "a=candidate:1 0 udp 1 192.0.2.1 1 typ host",
                           "a=fingerprint:sha-256 00:11",
                           "a=fingerprint:sha-1 0g",
                           "a=setup:maybe",
                           "a=tls-id:short",
                           "a=rtcp:x",
                           "a=msid:",
                           "a=msid:a b c",
                           "a=ssrc:x cname:y",
                           "a=ssrc:1",
                           "a=ssrc-group:",
                           "a=ssrc-group:FID x",
                           "a=rid:1 both",
                           "a=rid:a/b send",
                           "a=simulcast:",
                           "a=simulcast:send",
                           "a=simulcast:send a recv b send c",
                           "a=simulcast:send ;",
                           "a=sctp-port:70000",
                           "a=max-message-size:-1",
                           "a=max-message-size:99999999999999999999",
                           "c=IN IP4",
                           "b=AS",
                           "b=AS:x",
                           "a=group:"}) {
    const auto sdp = parseAudioWith(line);
    EXPECT_FALSE(sdp) << line;
    if (!sdp) {
      EXPECT_EQ(sdp.error().line, 6) << line;
    }
  }
}

TEST(Parse, BoundsAreKept) {
  EXPECT_FALSE(parse(kHead + "a=x:" + std::string(kMaxLineBytes, 'x') + "\r\n"));
  EXPECT_FALSE(parse(std::string(kMaxBytes + 1, 'v')));
  std::string text = kHead;
  for (size_t i = 0; i <= kMaxMediaSections; ++i) text += kAudio;
  EXPECT_FALSE(parse(text));
  text = kHead;
  for (size_t i = 0; i <= kMaxLines; ++i) text += "a=x\n";
  EXPECT_FALSE(parse(text));
}

TEST(Parse, FiveHundredSectionsRoundTrip) {
  const auto one = parse(corpus("chromium_offer.sdp"));
  ASSERT_TRUE(one);
  SessionDescription many = *one;
  while (many.media.size() < 500) many.media.push_back(one->media[many.media.size() % 2]);
  const std::string text = serialize(many);
  const auto again = parse(text);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, many);
}

TEST(Candidate, PartsAndExtensions) {
  const auto c = parseCandidate("candidate:3 1 tcp 1518280447 192.0.2.4 9 typ host tcptype active generation 0");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->foundation, "3");
  EXPECT_EQ(c->priority, 1518280447u);
  EXPECT_EQ(*c->extension("tcptype"), "active");
  EXPECT_EQ(c->extension("ufrag"), nullptr);
  EXPECT_EQ(serialize(*c), "candidate:3 1 tcp 1518280447 192.0.2.4 9 typ host tcptype active generation 0");
  const auto srflx = parseCandidate("a=candidate:a+/ 1 udp 1 2001:db8::1 65535 typ srflx raddr 10.0.0.1 rport 7");
  ASSERT_TRUE(srflx);
  EXPECT_EQ(srflx->relatedAddress, "10.0.0.1");
  EXPECT_EQ(srflx->relatedPort, 7);
  EXPECT_TRUE(parseCandidate("1 1 udp 2122260223 aa0b9ec8-1c8b-4f0e.local 5000 typ host"));
}

TEST(Candidate, MalformedOnesAreErrors) {
  for (const char* text :
       {"", "candidate:", "candidate:1", "candidate:1 1 udp x 1.2.3.4 1 typ host",
        "candidate:1 257 udp 1 1.2.3.4 1 typ host", "candidate:1 1 udp 1 1.2.3.4 65536 typ host",
        "candidate:1 1 udp 1 1.2.3.4 1 type host", "candidate:1 1 udp 1 1.2.3.4 1 typ",
        "candidate:1 1 udp 1 1.2.3.4 1 typ host raddr", "candidate:1 1 udp 1 1.2.3.4 1 typ srflx rport x",
        "candidate:* 1 udp 1 1.2.3.4 1 typ host", "candidate:1 1 udp 4294967296 1.2.3.4 1 typ host"})
    EXPECT_FALSE(parseCandidate(text)) << text;
}

TEST(Direction, Arithmetic) {
  EXPECT_EQ(reversed(Direction::sendonly), Direction::recvonly);
  EXPECT_EQ(reversed(Direction::sendrecv), Direction::sendrecv);
  EXPECT_EQ(intersect(Direction::sendrecv, Direction::recvonly), Direction::recvonly);
  EXPECT_EQ(intersect(Direction::sendonly, Direction::recvonly), Direction::inactive);
}

}  // namespace
}  // namespace peerage::sdp
