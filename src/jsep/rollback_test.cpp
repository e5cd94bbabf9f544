#include "jsep/testing/peer.hpp"

namespace peerage::jsep {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Rollback, Rule61And62_OfALocalOffer) {
  for (const bool viaRemote : {false, true}) {
    Peer a(1);
    a.add(MediaKind::audio);
    createDataChannel(a.session);
    a.local(SdpType::offer, a.offer());
    EXPECT_EQ(*a.t(0).mid, "0");
    const Effects effects = viaRemote ? a.remote(SdpType::rollback, "ignored") : a.local(SdpType::rollback, "ignored");
    EXPECT_TRUE(effects.signalingStateChanged);
    EXPECT_TRUE(effects.updateNegotiationNeeded) << "Rule65";
    EXPECT_TRUE(effects.sctpRemoved);
    EXPECT_EQ(effects.transportsClosed.size(), 2u);
    EXPECT_EQ(a.session.signalingState, SignalingState::stable);
    EXPECT_FALSE(a.session.pendingLocal);
    EXPECT_FALSE(a.session.sctp);
    ASSERT_EQ(a.session.transceivers.size(), 1u);
    EXPECT_FALSE(a.t(0).mid);
    EXPECT_FALSE(a.t(0).transport);
    EXPECT_FALSE(a.t(0).receptive);
    EXPECT_THAT(a.t(0).receiveCodecs, IsEmpty());
    EXPECT_TRUE(a.needed());
    Peer b(2);
    negotiate(a, b);
    EXPECT_FALSE(a.needed());
  }
}

TEST(Rollback, Rule61_KeepsWhatWasNegotiated) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  const auto before = a.t(0);
  const auto transports = a.session.transports;
  a.add(MediaKind::video);
  a.local(SdpType::offer, a.offer({.iceRestart = true}));
  a.local(SdpType::rollback);
  EXPECT_EQ(*a.t(0).mid, "0");
  EXPECT_EQ(a.t(0).transport, before.transport);
  EXPECT_EQ(a.t(0).receiveCodecs, before.receiveCodecs);
  EXPECT_EQ(a.t(0).receptive, before.receptive);
  EXPECT_EQ(a.session.transports, transports);
  EXPECT_FALSE(a.t(1).mid);
  const Plan plan = makePlan(a.session);
  EXPECT_FALSE(plan.transports[0].previousIce) << "back to the old generation";
  EXPECT_EQ(plan.transports[0].ice->local, *a.session.currentLocal->credentials(0));
}

TEST(Rollback, Rule63_TransceiversOfTheRolledBackOffer) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  a.add(MediaKind::video);
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  ASSERT_EQ(b.session.transceivers.size(), 2u);
  b.addTrack(MediaKind::audio, "mic");  // takes the one that the offer made
  ASSERT_EQ(b.session.transceivers.size(), 2u);
  ASSERT_TRUE(replaceTrack(b.session, b.t(1).id, "cam"));  // does not count
  const Effects effects = b.local(SdpType::rollback);
  ASSERT_EQ(b.session.transceivers.size(), 1u);
  EXPECT_EQ(b.t(0).kind, MediaKind::audio);
  EXPECT_FALSE(b.t(0).mid);
  ASSERT_EQ(effects.removed.size(), 1u);
  EXPECT_TRUE(effects.removed[0].stopped);
  EXPECT_EQ(effects.stopped.size(), 1u);
  EXPECT_EQ(sdp::parse(b.offer())->media.size(), 1u) << "and is in the next offer";
}

TEST(Rollback, Rule64_RemoteTracksGoBack) {
  Peer a(1), b(2);
  const auto id = a.addTrack(MediaKind::audio, "mic", {"one"});
  negotiate(a, b);
  // The pending offer takes the stream away; rolling back brings it back with a track event.
  removeTrack(a.session, id);
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  Effects effects = b.local(SdpType::rollback);
  EXPECT_THAT(effects.addList, ElementsAre(StreamTrack{"one", b.t(0).id}));
  EXPECT_EQ(effects.trackEvents.size(), 1u);
  EXPECT_TRUE(b.t(0).receptive);
  // The pending offer adds a track; rolling back takes it away.
  Peer c(3), d(4);
  c.addTrack(MediaKind::audio, "mic", {"one"});
  c.local(SdpType::offer, c.offer());
  d.remote(SdpType::offer, c.localSdp());
  const auto added = d.t(0).id;
  effects = d.local(SdpType::rollback);
  EXPECT_THAT(effects.removeList, ElementsAre(StreamTrack{"one", added}));
  EXPECT_THAT(effects.trackEvents, IsEmpty());
  EXPECT_THAT(d.session.transceivers, IsEmpty());
  EXPECT_THAT(d.session.transports, IsEmpty());
}

TEST(Rollback, Rule66_TheSetOfCredentialsSurvives) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  restartIce(a.session);
  a.local(SdpType::offer, a.offer());
  a.local(SdpType::rollback);
  EXPECT_EQ(a.session.localIceCredentialsToReplace.size(), 1u);
  EXPECT_TRUE(a.needed());
}

TEST(Rollback, Rule35_GlareThroughRollback) {
  Peer a(1), b(2);
  a.addTrack(MediaKind::audio, "mic-a");
  b.addTrack(MediaKind::audio, "mic-b");
  b.addTrack(MediaKind::video, "cam-b");
  a.local(SdpType::offer, a.offer());
  b.local(SdpType::offer, b.offer());
  EXPECT_EQ(b.remoteFailure(SdpType::offer, a.localSdp())->kind, ErrorKind::invalid_state)
      << "the caller rolls back first";
  ASSERT_TRUE(needsImplicitRollback(b.session.signalingState, SdpType::offer));
  b.local(SdpType::rollback);
  b.remote(SdpType::offer, a.localSdp());
  b.local(SdpType::answer, b.answer());
  a.remote(SdpType::answer, b.localSdp());
  EXPECT_EQ(a.t(0).currentDirection, Direction::sendrecv);
  EXPECT_EQ(*b.t(0).mid, "0");
  EXPECT_TRUE(b.needed()) << "the video still waits";
  negotiate(b, a);
  EXPECT_FALSE(a.needed());
  EXPECT_FALSE(b.needed());
}

TEST(Rollback, DirectionAndStopOfTheMeantimeStay) {
  Peer a(1), b(2);
  const auto id = a.add(MediaKind::audio);
  negotiate(a, b);
  a.local(SdpType::offer, a.offer());
  setDirection(a.session, id, Direction::inactive);
  a.local(SdpType::rollback);
  EXPECT_EQ(a.t(0).direction, Direction::inactive);
  a.local(SdpType::offer, a.offer());
  stop(a.session, id);
  a.local(SdpType::rollback);
  EXPECT_TRUE(a.t(0).stopping);
  negotiate(a, b);
  EXPECT_THAT(a.session.transceivers, IsEmpty());
}

}  // namespace
}  // namespace peerage::jsep
