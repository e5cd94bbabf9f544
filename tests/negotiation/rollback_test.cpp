// NEGOTIATION rules 61-66: rollback (webrtc-pc §4.4.1.5, RFC 9429 §4.1.10.2).
#include "fixture.hpp"

namespace peerage::negotiation {
namespace {

using D = RTCRtpTransceiverDirection;

TEST_F(Negotiation, Rule61_RollbackThroughEitherCall) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await a.setLocalDescription();
    co_await a.setRemoteDescription({RTCSdpType::rollback, "ignored"});
    EXPECT_EQ(a.signalingState(), RTCSignalingState::stable);
    EXPECT_EQ(a.pendingLocalDescription(), std::nullopt);
    co_await a.setLocalDescription();
    co_await a.setLocalDescription({RTCSdpType::rollback, "ignored"});
    EXPECT_EQ(a.signalingState(), RTCSignalingState::stable);
    EXPECT_EQ(a.localDescription(), std::nullopt);
  });
}

TEST_F(Negotiation, Rule62_ATransceiverNotAssociatedBeforeLosesItsMid) {
  run([&]() -> Promise<> {
    auto t = a.addTransceiver(MediaKind::audio);
    co_await a.setLocalDescription();
    EXPECT_EQ(t->mid(), "0");
    co_await a.setLocalDescription({RTCSdpType::rollback});
    EXPECT_EQ(t->mid(), std::nullopt);
    EXPECT_EQ(a.getTransceivers().size(), 1u);
  });
}

TEST_F(Negotiation, Rule63_ATransceiverOfTheRemoteOfferGoes) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::audio);
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    auto t = b.getTransceivers().at(0);
    co_await b.setRemoteDescription({RTCSdpType::rollback, ""});
    EXPECT_TRUE(b.getTransceivers().empty());
    EXPECT_EQ(t->direction(), D::stopped);
    EXPECT_EQ(t->mid(), std::nullopt);
  });
}

TEST_F(Negotiation, Rule63_GivenATrackItStays) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::video);
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    b.addTrack(camera.track(), camera.stream());
    EXPECT_EQ(b.getTransceivers().size(), 1u);
    co_await b.setRemoteDescription({RTCSdpType::rollback, ""});
    EXPECT_EQ(b.getTransceivers().size(), 1u);
    EXPECT_EQ(b.getTransceivers()[0]->mid(), std::nullopt);
    EXPECT_EQ(countLines((co_await b.createOffer()).sdp, "m=video"), 1u);
  });
}

TEST_F(Negotiation, Rule64_RemoteTracksGoBackToWhatStableHad) {
  run([&]() -> Promise<> {
    std::shared_ptr<MediaStream> stream;
    int tracks = 0;
    b.ontrack = [&](RTCTrackEvent& e) { stream = e.streams.at(0), ++tracks; };
    auto sender = a.addTrack(camera.track(), camera.stream());
    co_await negotiate(a, b);
    EXPECT_EQ(tracks, 1);
    a.removeTrack(sender);
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    EXPECT_EQ(stream->getTracks().size(), 0u);
    co_await b.setRemoteDescription({RTCSdpType::rollback, ""});
    EXPECT_EQ(stream->getTracks().size(), 1u);
    EXPECT_EQ(tracks, 2);
  });
}

TEST_F(Negotiation, Rule64_TracksThatTheOfferAddedAreRemovedAgain) {
  run([&]() -> Promise<> {
    std::shared_ptr<MediaStream> stream;
    b.ontrack = [&](RTCTrackEvent& e) { stream = e.streams.at(0); };
    a.addTrack(camera.track(), camera.stream());
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    EXPECT_EQ(stream->getTracks().size(), 1u);
    bool removed = false;
    stream->onremovetrack = [&] { removed = true; };
    co_await b.setRemoteDescription({RTCSdpType::rollback, ""});
    EXPECT_TRUE(removed);
    EXPECT_EQ(stream->getTracks().size(), 0u);
  });
}

TEST_F(Negotiation, Rule65_ChangesThatRemainFireAgain) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::audio);
    co_await settle();
    EXPECT_EQ(needed(a), 1);
    co_await a.setLocalDescription();
    co_await a.setLocalDescription({RTCSdpType::rollback});
    co_await settle();
    EXPECT_EQ(needed(a), 2);
  });
}

TEST_F(Negotiation, Rule66_ARestartSurvivesARollback) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await negotiate(a, b);
    const auto before = linesOf(a.localDescription()->sdp(), "a=ice-ufrag:");
    a.restartIce();
    co_await a.setLocalDescription();
    co_await a.setLocalDescription({RTCSdpType::rollback});
    EXPECT_NE(linesOf((co_await a.createOffer()).sdp, "a=ice-ufrag:"), before);
  });
}

}  // namespace
}  // namespace peerage::negotiation
