#include "jsep/operations.hpp"

#include <limits>

#include "jsep/testing/peer.hpp"

namespace peerage::jsep {
namespace {

using testing::ElementsAre;

TEST(AddTrack, Rule75_ReusesAnUnusedSender) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  b.add(MediaKind::audio, Direction::inactive);
  const auto first = addTrack(b.session, MediaKind::audio, "mic", {"s", "s", "t"}, b.random);
  EXPECT_FALSE(first->created);
  EXPECT_EQ(first->transceiver, b.t(0).id);
  EXPECT_EQ(b.t(0).direction, Direction::sendrecv) << "recvonly becomes sendrecv";
  EXPECT_THAT(b.t(0).associatedStreamIds, ElementsAre("s", "t"));
  EXPECT_FALSE(b.t(0).createdByAddTrack);
  EXPECT_TRUE(b.t(0).trackAttachedByAddTrack);
  const auto second = addTrack(b.session, MediaKind::audio, "mic2", {}, b.random);
  EXPECT_EQ(second->transceiver, b.t(1).id);
  EXPECT_EQ(b.t(1).direction, Direction::sendonly) << "inactive becomes sendonly";
  EXPECT_TRUE(addTrack(b.session, MediaKind::video, "cam", {}, b.random)->created) << "another kind";
  EXPECT_EQ(addTrack(b.session, MediaKind::video, "cam", {}, b.random).error().kind, ErrorKind::invalid_access);
}

TEST(AddTrack, Rule75_NotASenderThatWasUsed) {
  Peer a(1), b(2);
  const auto id = a.addTrack(MediaKind::audio, "mic");
  negotiate(a, b);
  ASSERT_TRUE(*removeTrack(a.session, id));
  EXPECT_FALSE(*removeTrack(a.session, id));
  EXPECT_EQ(a.t(0).direction, Direction::recvonly);
  negotiate(a, b);
  EXPECT_TRUE(addTrack(a.session, MediaKind::audio, "mic", {}, a.random)->created);
  stop(a.session, a.add(MediaKind::video));
  EXPECT_TRUE(addTrack(a.session, MediaKind::video, "cam", {}, a.random)->created) << "nor a stopping one";
}

TEST(RemoveTrack, NoOpExits) {
  Peer a(1);
  const auto id = a.addTrack(MediaKind::audio, "mic");
  stop(a.session, id);
  EXPECT_FALSE(*removeTrack(a.session, id));
  EXPECT_EQ(removeTrack(a.session, TransceiverId(77)).error().kind, ErrorKind::invalid_access);
}

TEST(Direction, Rule76_Setter) {
  Peer a(1);
  const auto id = a.add(MediaKind::audio);
  EXPECT_FALSE(*setDirection(a.session, id, Direction::sendrecv));
  EXPECT_TRUE(*setDirection(a.session, id, Direction::sendonly));
  EXPECT_TRUE(*stop(a.session, id));
  EXPECT_FALSE(*stop(a.session, id));
  EXPECT_EQ(setDirection(a.session, id, Direction::sendonly).error().kind, ErrorKind::invalid_state);
}

TEST(ReplaceTrack, Rule77_StoppingIsItsCallersToLookAt) {
  Peer a(1);
  const auto id = a.addTrack(MediaKind::audio, "x");
  EXPECT_TRUE(*stop(a.session, id));
  EXPECT_TRUE(replaceTrack(a.session, id, "y"));
  EXPECT_EQ(a.t(0).senderTrackId, "y");
  EXPECT_EQ(replaceTrack(a.session, TransceiverId(99), "y").error().kind, ErrorKind::invalid_state);
}

TEST(AddTransceiver, Rule80_SendEncodings) {
  Config config = testConfig();
  config.maxVideoEncodings = 3;
  Peer a(1, config);
  const auto add = [&](MediaKind kind, std::vector<SendEncoding> encodings) {
    return addTransceiver(a.session, {.kind = kind, .sendEncodings = std::move(encodings)}, a.random);
  };
  EXPECT_EQ(add(MediaKind::video, {{.rid = "a/b"}, {.rid = "c"}}).error().kind, ErrorKind::type);
  EXPECT_EQ(add(MediaKind::video, {{.rid = "a"}, {}}).error().kind, ErrorKind::type);
  EXPECT_EQ(add(MediaKind::video, {{.rid = "a"}, {.rid = "a"}}).error().kind, ErrorKind::type);
  EXPECT_EQ(add(MediaKind::video, {{.scaleResolutionDownBy = 0.5}}).error().kind, ErrorKind::range);
  EXPECT_EQ(add(MediaKind::video, {{.scaleResolutionDownBy = std::numeric_limits<double>::quiet_NaN()}}).error().kind,
            ErrorKind::range);
  EXPECT_EQ(add(MediaKind::video, {{.maxFramerate = 0.0}}).error().kind, ErrorKind::range);
  EXPECT_EQ(add(MediaKind::video, {{.codec = CodecPreference{.name = "nothing"}}}).error().kind, ErrorKind::operation);
  EXPECT_EQ(add(MediaKind::video, {{.scaleResolutionDownBy = 0.5}, {.codec = CodecPreference{.name = "nothing"}}}).error().kind,
            ErrorKind::operation)
      << "codecs of all encodings are looked at before any number is";
  EXPECT_TRUE(a.session.transceivers.empty());

  ASSERT_TRUE(add(MediaKind::audio, {{.maxFramerate = 0.0, .scaleResolutionDownBy = 0.5}})) << "removed from audio";
  EXPECT_FALSE(a.t(0).sendEncodings[0].maxFramerate);
  ASSERT_TRUE(add(MediaKind::video, {{.rid = "a"}, {.rid = "b"}, {.rid = "c"}, {.rid = "d"}}));
  const auto& three = a.t(1).sendEncodings;
  ASSERT_EQ(three.size(), 3u);
  EXPECT_EQ(three[0].scaleResolutionDownBy, 4.0);
  EXPECT_EQ(three[1].scaleResolutionDownBy, 2.0);
  EXPECT_EQ(three[2].scaleResolutionDownBy, 1.0);
  ASSERT_TRUE(add(MediaKind::video, {{.rid = "only"}}));
  EXPECT_TRUE(a.t(2).sendEncodings[0].rid.empty()) << "a lone encoding loses its rid";
  ASSERT_TRUE(add(MediaKind::video, {{.rid = "a"}, {.rid = "b", .scaleResolutionDownBy = 3.0}}));
  EXPECT_EQ(a.t(3).sendEncodings[0].scaleResolutionDownBy, 1.0);
  ASSERT_TRUE(add(MediaKind::video, {{}, {}}));
  EXPECT_EQ(a.t(4).sendEncodings[1].rid, "1") << "made up";
}

TEST(CodecPreferences, Rule78_Validation) {
  Peer a(1);
  const auto id = a.add(MediaKind::video);
  EXPECT_EQ(setCodecPreferences(a.session, id, {{.name = "H264"}}).error().kind, ErrorKind::invalid_modification);
  EXPECT_EQ(
      setCodecPreferences(a.session, id,
                          {{.name = "opus", .clockRate = 48000, .channels = 2, .fmtp = "minptime=10;useinbandfec=1"}})
          .error()
          .kind,
      ErrorKind::invalid_modification)
      << "of the other kind";
  EXPECT_EQ(setCodecPreferences(a.session, id, {{.name = "rtx"}}).error().kind, ErrorKind::invalid_modification);
  EXPECT_TRUE(setCodecPreferences(a.session, id, {{.name = "vp8"}, {.name = "VP8"}}));
  EXPECT_EQ(a.t(0).preferredCodecs.size(), 1u);
  EXPECT_TRUE(setCodecPreferences(a.session, id, {}));
  EXPECT_TRUE(a.t(0).preferredCodecs.empty());
}

TEST(CodecMatch, DictionaryMatch) {
  const CodecPreference vp9{.name = "VP9", .fmtp = "profile-id=0"};
  EXPECT_TRUE(codecMatches(vp9, {.name = "vp9", .fmtp = "profile-id=0"}));
  EXPECT_FALSE(codecMatches(vp9, {.name = "VP9"})) << "one has an fmtp, the other none";
  EXPECT_FALSE(codecMatches(vp9, {.name = "VP9", .fmtp = "profile-id=2"}));
  const CodecPreference h264{.name = "H264", .fmtp = "profile-level-id=42e01f;packetization-mode=1"};
  const CodecPreference other{.name = "H264", .fmtp = "profile-level-id=42e034;packetization-mode=1"};
  EXPECT_FALSE(codecMatches(h264, other));
  EXPECT_TRUE(codecMatches(h264, other, true)) << "the level is not symmetrical";
  EXPECT_FALSE(codecMatches({.name = "opus", .clockRate = 48000, .channels = 2}, {.name = "opus", .clockRate = 48000}));
}

TEST(SetSendEncodings, KeepsWhatIsNotTheirs) {
  Peer a(1);
  const auto id = a.add(MediaKind::video);
  auto encodings = a.t(0).sendEncodings;
  const auto ssrc = encodings[0].ssrc;
  EXPECT_NE(ssrc, 0u);
  encodings[0].ssrc = 1;
  encodings[0].active = false;
  ASSERT_TRUE(setSendEncodings(a.session, id, encodings));
  EXPECT_EQ(a.t(0).sendEncodings[0].ssrc, ssrc);
  EXPECT_FALSE(a.t(0).sendEncodings[0].active);
  encodings[0].rid = "x";
  EXPECT_EQ(setSendEncodings(a.session, id, encodings).error().kind, ErrorKind::invalid_modification);
  EXPECT_EQ(setSendEncodings(a.session, id, {}).error().kind, ErrorKind::invalid_modification);
}

TEST(Close, Rule55_NothingWorksAfterwards) {
  Peer a(1);
  const auto id = a.add(MediaKind::audio);
  close(a.session);
  EXPECT_EQ(a.session.signalingState, SignalingState::closed);
  EXPECT_TRUE(a.t(0).stopped);
  EXPECT_EQ(addTrack(a.session, MediaKind::audio, "x", {}, a.random).error().kind, ErrorKind::invalid_state);
  EXPECT_EQ(addTransceiver(a.session, {}, a.random).error().kind, ErrorKind::invalid_state);
  EXPECT_EQ(stop(a.session, id).error().kind, ErrorKind::invalid_state);
  EXPECT_EQ(createDataChannel(a.session).error().kind, ErrorKind::invalid_state);
  EXPECT_EQ(createOffer(a.session, {}, a.random).error().kind, ErrorKind::invalid_state);
  EXPECT_EQ(a.remoteFailure(SdpType::offer, "x")->kind, ErrorKind::invalid_state);
  EXPECT_TRUE(makePlan(a.session).transports.empty());
}

TEST(CreateDataChannel, Rule14_AlwaysNegotiate) {
  Config config = testConfig();
  config.alwaysNegotiateDataChannels = true;
  Peer a(1, config), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  EXPECT_TRUE(a.session.sctp);
  EXPECT_FALSE(*createDataChannel(a.session)) << "there is an SCTP transport already";
  EXPECT_FALSE(a.needed());
}

}  // namespace
}  // namespace peerage::jsep
