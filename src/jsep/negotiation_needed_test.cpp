#include "jsep/negotiation_needed.hpp"

#include "jsep/testing/peer.hpp"

namespace peerage::jsep {
namespace {

TEST(NegotiationNeeded, Rule05_CredentialsToReplace) {
  Peer a(1), b(2);
  a.addTrack(MediaKind::audio, "mic");
  negotiate(a, b);
  EXPECT_FALSE(a.needed());
  restartIce(a.session);
  EXPECT_TRUE(a.needed());
}

TEST(NegotiationNeeded, Rule06_DataChannelWithoutSection) {
  Peer a(1), b(2);
  EXPECT_TRUE(*createDataChannel(a.session));
  EXPECT_TRUE(a.needed());
  negotiate(a, b);
  EXPECT_FALSE(a.needed());
  EXPECT_FALSE(*createDataChannel(a.session)) << "the second channel changes nothing";
  EXPECT_FALSE(a.needed());
  EXPECT_FALSE(b.needed());
}

TEST(NegotiationNeeded, Rule07_StoppingTransceiver) {
  Peer a(1), b(2);
  const auto id = a.add(MediaKind::audio);
  negotiate(a, b);
  EXPECT_TRUE(*stop(a.session, id));
  EXPECT_TRUE(a.needed());
  negotiate(a, b);
  EXPECT_FALSE(a.needed());
  EXPECT_TRUE(a.session.transceivers.empty());
}

TEST(NegotiationNeeded, Rule07_StoppingTransceiverThatWasNeverNegotiated) {
  Peer a(1), b(2);
  const auto id = a.add(MediaKind::audio);
  stop(a.session, id);
  EXPECT_TRUE(a.needed());
  negotiate(a, b);
  EXPECT_FALSE(a.needed()) << "an exchange settles it, or it would need negotiation for ever";
}

TEST(NegotiationNeeded, Rule08_UnassociatedTransceiver) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  EXPECT_TRUE(a.needed());
  negotiate(a, b);
  EXPECT_FALSE(a.needed());
  a.add(MediaKind::video, Direction::inactive);
  EXPECT_TRUE(a.needed()) << "an inactive one too";
}

TEST(NegotiationNeeded, Rule08_AnswererWithMoreTransceivers) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  b.add(MediaKind::audio);  // made by addTransceiver(): does not pair
  negotiate(a, b);
  EXPECT_FALSE(a.needed());
  EXPECT_TRUE(b.needed());
}

TEST(NegotiationNeeded, Rule09_StreamsDiffer) {
  Peer a(1), b(2);
  const auto id = a.addTrack(MediaKind::audio, "mic", {"one", "two"});
  negotiate(a, b);
  EXPECT_FALSE(a.needed());
  ASSERT_TRUE(setStreams(a.session, id, {"two", "one"}));
  EXPECT_FALSE(a.needed()) << "order does not matter";
  ASSERT_TRUE(setStreams(a.session, id, {"one"}));
  EXPECT_TRUE(a.needed()) << "another number";
  ASSERT_TRUE(setStreams(a.session, id, {"one", "three"}));
  EXPECT_TRUE(a.needed()) << "another value";
  negotiate(a, b);
  EXPECT_FALSE(a.needed());
  ASSERT_TRUE(setStreams(a.session, id, {}));
  EXPECT_TRUE(a.needed());
  negotiate(a, b);
  EXPECT_FALSE(a.needed()) << "a=msid:- says none";
}

TEST(NegotiationNeeded, Rule09_OnlyWhenSending) {
  Peer a(1), b(2);
  const auto id = a.add(MediaKind::audio, Direction::recvonly);
  negotiate(a, b);
  ASSERT_TRUE(setStreams(a.session, id, {"one"}));
  EXPECT_FALSE(a.needed());
}

TEST(NegotiationNeeded, Rule10_OfferDirection) {
  Peer a(1), b(2);
  const auto id = a.add(MediaKind::audio);
  negotiate(a, b);  // b answers recvonly: its transceiver came from the offer
  EXPECT_EQ(a.t(0).currentDirection, Direction::sendonly);
  EXPECT_FALSE(a.needed()) << "the local direction still is the transceiver's";
  setDirection(a.session, id, Direction::sendonly);
  EXPECT_FALSE(a.needed()) << "the reversed remote direction is the transceiver's";
  setDirection(a.session, id, Direction::recvonly);
  EXPECT_TRUE(a.needed());
}

TEST(NegotiationNeeded, Rule11_AnswerDirection) {
  Peer a(1), b(2);
  a.add(MediaKind::audio, Direction::recvonly);
  b.addTrack(MediaKind::audio, "mic");
  negotiate(a, b);
  EXPECT_EQ(b.t(0).currentDirection, Direction::sendonly);
  EXPECT_FALSE(b.needed()) << "the offer did not send: the answer is what sendrecv leaves of it";
  setDirection(b.session, b.t(0).id, Direction::sendonly);
  EXPECT_FALSE(b.needed());
  setDirection(b.session, b.t(0).id, Direction::recvonly);
  EXPECT_TRUE(b.needed());
}

TEST(NegotiationNeeded, Rule11_WantingMoreThanWasOffered) {
  Peer a(1), b(2);
  a.add(MediaKind::audio, Direction::sendonly);
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  setDirection(b.session, b.t(0).id, Direction::sendrecv);
  b.local(SdpType::answer, b.answer());
  EXPECT_TRUE(sectionOf(b.localSdp(), 0).lines.has<sdp::Msid>()) << "by the transceiver's direction";
  EXPECT_FALSE(b.needed());
}

TEST(NegotiationNeeded, Rule09_ComesBeforeRule11) {
  Peer a(1), b(2);
  a.add(MediaKind::audio, Direction::sendonly);
  negotiate(a, b);
  EXPECT_FALSE(b.needed());
  setDirection(b.session, b.t(0).id, Direction::sendrecv);
  EXPECT_TRUE(b.needed()) << "a sender whose section has no a=msid yet";
}

TEST(NegotiationNeeded, Rule12_StoppedButNotRejected) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  stop(a.session, a.t(0).id);
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  ASSERT_EQ(b.session.transceivers.size(), 1u);
  EXPECT_TRUE(b.t(0).stopped) << "a remote offer that rejects the section stops at once";
  b.local(SdpType::rollback);
  EXPECT_TRUE(b.t(0).stopped);
  EXPECT_TRUE(b.needed()) << "stopped, associated, rejected nowhere";
  a.local(SdpType::rollback);
  negotiate(b, a);
  EXPECT_FALSE(b.needed());
  EXPECT_TRUE(b.session.transceivers.empty());
}

TEST(NegotiationNeeded, Rule13_NothingToDo) {
  Peer a(1);
  EXPECT_FALSE(a.needed()) << "no description, no transceiver";
  a.local(SdpType::offer, a.offer());
  Peer b(2);
  b.remote(SdpType::offer, a.localSdp());
  b.local(SdpType::answer, b.answer());
  a.remote(SdpType::answer, b.localSdp());
  EXPECT_FALSE(a.needed());
  EXPECT_FALSE(b.needed());
}

TEST(NegotiationNeeded, Rule14_WhatDoesNotTrigger) {
  Peer a(1), b(2);
  const auto id = a.addTrack(MediaKind::video, "cam");
  negotiate(a, b);
  ASSERT_TRUE(replaceTrack(a.session, id, "other"));
  EXPECT_FALSE(a.needed());
  ASSERT_TRUE(setCodecPreferences(a.session, id, {{.name = "VP9", .fmtp = "profile-id=0"}}));
  EXPECT_FALSE(a.needed());
  auto encodings = a.t(0).sendEncodings;
  encodings[0].maxBitrate = 100000;
  ASSERT_TRUE(setSendEncodings(a.session, id, encodings));
  EXPECT_FALSE(a.needed());
}

TEST(NegotiationNeeded, Rule06_RefusedDataSectionDoesNotAskForEver) {
  Peer a(1), b(2);
  createDataChannel(a.session);
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  std::string answer = b.answer();
  answer = replaced(answer, "m=application 9", "m=application 0");
  answer = replaced(answer, "a=group:BUNDLE 0\r\n", "");
  const Effects effects = a.remote(SdpType::answer, answer);
  EXPECT_TRUE(effects.sctpRemoved);
  EXPECT_FALSE(a.session.sctp);
  EXPECT_FALSE(a.needed());
  EXPECT_TRUE(*createDataChannel(a.session)) << "a new channel asks again";
  EXPECT_TRUE(a.needed());
  EXPECT_EQ(sectionOf(a.offer(), 0).port, 9) << "and recycles the place";
}

}  // namespace
}  // namespace peerage::jsep
