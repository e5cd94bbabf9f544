// NEGOTIATION rules 67-76: ICE in the API, and transceivers (webrtc-pc §4.4.2, §5.1, §5.4).
#include "fixture.hpp"

namespace peerage::negotiation {
namespace {

using D = RTCRtpTransceiverDirection;

TEST_F(Negotiation, Rule67_RestartTakesTheCredentialsOfPendingDescriptionsToo) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await a.setLocalDescription();
    const auto pending = linesOf(a.localDescription()->sdp(), "a=ice-ufrag:");
    a.restartIce();
    EXPECT_NE(linesOf((co_await a.createOffer()).sdp, "a=ice-ufrag:"), pending);
  });
}

TEST_F(Negotiation, Rule68_ARestartLostToGlareIsOfferedAgain) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await settle();
    co_await negotiate(a, b);
    co_await settle();
    const int before = needed(a);
    a.restartIce();
    co_await settle();
    EXPECT_EQ(needed(a), before + 1);
    co_await a.setLocalDescription();
    // b's offer without a restart wins
    b.addTransceiver(MediaKind::audio);
    co_await b.setLocalDescription();
    co_await a.setRemoteDescription(*b.localDescription());
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    co_await settle();
    EXPECT_EQ(needed(a), before + 2);
    co_await negotiate(a, b);
    co_await settle();
    EXPECT_EQ(needed(a), before + 2);
  });
}

TEST_F(Negotiation, Rule70_TheCandidateIsInTheDescriptionWhenItsEventFires) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    int seen = 0;
    a.onicecandidate = [&](RTCPeerConnectionIceEvent& e) {
      if (!e.candidate || e.candidate->candidate().empty()) return;
      ++seen;
      EXPECT_TRUE(hasLine(a.localDescription()->sdp(), "a=" + e.candidate->candidate()));
      EXPECT_EQ(e.candidate->sdpMid(), "0");
      EXPECT_EQ(e.candidate->sdpMLineIndex(), 0);
      EXPECT_TRUE(hasLine(a.localDescription()->sdp(), "a=ice-ufrag:" + e.candidate->usernameFragment().value_or("")));
    };
    co_await a.setLocalDescription();
    co_await settle();
    EXPECT_GT(seen, 0);
  });
}

TEST_F(Negotiation, Rule71_AddIceCandidateAnswersBadInput) {
  run([&]() -> Promise<> {
    const std::string text = "candidate:1 1 udp 2122260223 10.0.0.9 5000 typ host";
    const RTCIceCandidateInit nowhere{.candidate = text};
    const RTCIceCandidateInit good{.candidate = text, .sdpMid = "0"};
    const RTCIceCandidateInit unknownMid{.candidate = text, .sdpMid = "9"};
    const RTCIceCandidateInit unknownIndex{.candidate = text, .sdpMLineIndex = 9};
    const RTCIceCandidateInit unknownUfrag{.candidate = text, .sdpMid = "0", .usernameFragment = "none"};
    const RTCIceCandidateInit broken{.candidate = "candidate:broken", .sdpMid = "0"};
    EXPECT_EQ(co_await rejection(a.addIceCandidate(nowhere)), "TypeError");
    EXPECT_EQ(co_await rejection(a.addIceCandidate(good)), "InvalidStateError");
    a.createDataChannel("x");
    co_await negotiate(a, b);
    EXPECT_EQ(co_await rejection(b.addIceCandidate(unknownMid)), "OperationError");
    EXPECT_EQ(co_await rejection(b.addIceCandidate(unknownIndex)), "OperationError");
    EXPECT_EQ(co_await rejection(b.addIceCandidate(unknownUfrag)), "OperationError");
    EXPECT_EQ(co_await rejection(b.addIceCandidate(broken)), "OperationError");
    EXPECT_EQ(co_await rejection(b.addIceCandidate(good)), "");
    EXPECT_EQ(co_await rejection(b.addIceCandidate()), "");
    EXPECT_TRUE(hasLine(b.remoteDescription()->sdp(), "a=end-of-candidates"));
  });
}

TEST_F(Negotiation, Rule72_NewCredentialsInAnUnaskedAnswerAreRefused) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await negotiate(a, b);
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    co_await b.setLocalDescription();
    auto answer = b.localDescription()->toJSON();
    const std::string ufrag = linesOf(answer.sdp, "a=ice-ufrag:").at(0);
    answer.sdp = replaced(answer.sdp, ufrag, "a=ice-ufrag:Zm9v");
    EXPECT_NE(co_await rejection(a.setRemoteDescription(answer)), "");
    EXPECT_EQ(a.signalingState(), RTCSignalingState::have_local_offer);
  });
}

TEST_F(Negotiation, Rule73_CanTrickleFollowsTheRemoteOptions) {
  run([&]() -> Promise<> {
    EXPECT_EQ(b.canTrickleIceCandidates(), std::nullopt);
    a.createDataChannel("x");
    auto offer = co_await a.createOffer();
    co_await b.setRemoteDescription(offer);
    EXPECT_EQ(b.canTrickleIceCandidates(), true);
    for (const auto& line : linesOf(offer.sdp, "a=ice-options")) offer.sdp = replaced(offer.sdp, line + "\r\n", "");
    co_await b.setRemoteDescription(offer);
    EXPECT_EQ(b.canTrickleIceCandidates(), false);
  });
}

TEST_F(Negotiation, Rule74_SetConfigurationRefusesWhatIsFixed) {
  run([&]() -> Promise<> {
    auto configuration = a.getConfiguration();
    configuration.bundlePolicy = RTCBundlePolicy::max_bundle;
    EXPECT_EQ(thrown([&] { a.setConfiguration(configuration); }), "InvalidModificationError");
    configuration = a.getConfiguration();
    auto certificate = co_await RTCPeerConnection::generateCertificate(loop);
    configuration.certificates.push_back(certificate);
    EXPECT_EQ(thrown([&] { a.setConfiguration(configuration); }), "InvalidModificationError");
    configuration = a.getConfiguration();
    configuration.iceTransportPolicy = RTCIceTransportPolicy::relay;
    EXPECT_EQ(thrown([&] { a.setConfiguration(configuration); }), "");
    EXPECT_EQ(a.getConfiguration().iceTransportPolicy, RTCIceTransportPolicy::relay);
    a.createDataChannel("x");
    co_await a.setLocalDescription();
    configuration = a.getConfiguration();
    configuration.iceCandidatePoolSize = 4;
    EXPECT_EQ(thrown([&] { a.setConfiguration(configuration); }), "InvalidModificationError");
  });
}

TEST_F(Negotiation, Rule75_AddTrackReusesASenderThatNeverSent) {
  run([&]() -> Promise<> {
    auto t = a.addTransceiver(MediaKind::video, {.direction = D::recvonly});
    auto sender = a.addTrack(camera.track(), camera.stream());
    EXPECT_EQ(sender, t->sender());
    EXPECT_EQ(t->direction(), D::sendrecv);
    auto inactive = a.addTransceiver(MediaKind::audio, {.direction = D::inactive});
    EXPECT_EQ(a.addTrack(microphone.track()), inactive->sender());
    EXPECT_EQ(inactive->direction(), D::sendonly);
    EXPECT_EQ(a.getTransceivers().size(), 2u);
    co_return;
  });
}

TEST_F(Negotiation, Rule75_ASenderThatHasSentIsNotReused) {
  run([&]() -> Promise<> {
    auto sender = a.addTrack(camera.track(), camera.stream());
    co_await negotiate(a, b);
    a.removeTrack(sender);
    EXPECT_NE(a.addTrack(screen.track(), screen.stream()), sender);
  });
}

TEST_F(Negotiation, Rule75_TheSameTrackTwiceIsRefused) {
  run([&]() -> Promise<> {
    a.addTrack(camera.track());
    EXPECT_EQ(thrown([&] { a.addTrack(camera.track()); }), "InvalidAccessError");
    co_return;
  });
}

TEST_F(Negotiation, Rule76_TheDirectionSetterChecks) {
  run([&]() -> Promise<> {
    auto t = a.addTransceiver(MediaKind::audio);
    EXPECT_EQ(thrown([&] { t->setDirection(D::stopped); }), "TypeError");
    co_await settle();
    const int before = needed(a);
    t->setDirection(D::sendrecv);  // the same value
    co_await settle();
    EXPECT_EQ(needed(a), before);
    t->stop();
    EXPECT_EQ(thrown([&] { t->setDirection(D::sendonly); }), "InvalidStateError");
  });
}

TEST_F(Negotiation, Rule76_StopShowsInDirectionAtOnceInCurrentDirectionLater) {
  run([&]() -> Promise<> {
    auto t = a.addTransceiver(MediaKind::audio);
    co_await negotiate(a, b);
    t->stop();
    EXPECT_EQ(t->direction(), D::stopped);
    EXPECT_NE(t->currentDirection(), D::stopped);
    EXPECT_EQ(t->receiver()->track()->readyState(), MediaStreamTrackState::ended);
    co_await negotiate(a, b);
    EXPECT_EQ(t->currentDirection(), D::stopped);
  });
}

}  // namespace
}  // namespace peerage::negotiation
