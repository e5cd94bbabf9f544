// NEGOTIATION rules 67-77: ICE in the API, and transceivers (webrtc-pc §4.4.2, §5.1, §5.2, §5.4).
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

/// What a viewer of a track sees: grey pictures, told apart by their brightness.
class Viewer {
 public:
  explicit Viewer(MediaStreamTrack& track) {
    sink_ = track.addVideoSink([this](const VideoFrame& frame) {
      const I420Buffer& picture = *frame.buffer;
      greys.push_back(picture.y()[picture.strideY() * (picture.height() / 2) + picture.width() / 2]);
    });
  }
  bool sees(int grey) const { return !greys.empty() && isGrey(greys.back(), grey); }
  static bool isGrey(int seen, int grey) { return std::abs(seen - grey) < 20; }
  std::vector<int> greys;

 private:
  SinkHandle sink_;
};

void push(VideoSource& source, EventLoop& loop, int grey) {
  auto picture = I420Buffer::create(160, 120);
  std::fill_n(picture->y(), picture->strideY() * picture->height(), static_cast<uint8_t>(grey));
  source.push({.buffer = std::move(picture), .timestamp = loop.now()});
}

TEST_F(Negotiation, Rule77_ReplaceTrackSwapsTheTrackWithoutNegotiation) {
  trickle();
  run([&]() -> Promise<> {
    constexpr int kDark = 60, kBright = 180;
    const auto bothShow = [&](int rounds) -> Promise<> {
      for (int i = 0; i < rounds; ++i) {
        push(camera, loop, kDark);
        push(screen, loop, kBright);
        co_await loop.delay(33ms);
      }
    };
    auto sender = a.addTrack(camera.track(), camera.stream());
    co_await settle();
    co_await negotiate(a, b);
    auto track = b.getReceivers().at(0)->track();
    Viewer viewer(*track);
    co_await bothShow(15);
    EXPECT_TRUE(viewer.sees(kDark));

    // Nothing but the pictures changes from here on.
    log.clear();
    const auto note = [&](const char* what) { return [this, what] { log.emplace_back(what); }; };
    for (RTCPeerConnection* pc : {&a, &b}) {
      pc->onnegotiationneeded = note("negotiationneeded");
      pc->onconnectionstatechange = note("connectionstatechange");
      pc->onicecandidate = note("icecandidate");
    }
    track->onmute = note("mute");
    track->onunmute = note("unmute");
    track->onended = note("ended");
    const auto descriptions = [&] {
      return std::vector{a.localDescription()->sdp(), a.remoteDescription()->sdp(), b.localDescription()->sdp(),
                         b.remoteDescription()->sdp()};
    };
    const auto before = descriptions();
    viewer.greys.clear();
    co_await sender->replaceTrack(screen.track());
    EXPECT_EQ(sender->track(), screen.track());
    co_await bothShow(15);
    EXPECT_TRUE(viewer.sees(kBright));
    EXPECT_GE(viewer.greys.size(), 10u);
    const auto isBright = [](int grey) { return Viewer::isGrey(grey, kBright); };
    const auto first = std::ranges::find_if(viewer.greys, isBright);
    EXPECT_TRUE(std::all_of(first, viewer.greys.end(), isBright)) << "the old track is not sent any more";
    co_await sender->replaceTrack(nullptr);
    co_await settle();
    viewer.greys.clear();
    co_await bothShow(15);
    EXPECT_EQ(viewer.greys, std::vector<int>{}) << "no track, no pictures";
    co_await sender->replaceTrack(camera.track());
    co_await bothShow(15);
    EXPECT_TRUE(viewer.sees(kDark));
    EXPECT_EQ(log, std::vector<std::string>{});
    EXPECT_EQ(descriptions(), before);
  });
}

TEST_F(Negotiation, Rule77_ASenderThatBeganWithoutATrackSendsWhatItIsGiven) {
  trickle();
  run([&]() -> Promise<> {
    auto transceiver = a.addTransceiver(MediaKind::video, {.streams = {camera.stream()}});
    co_await negotiate(a, b);
    Viewer viewer(*b.getReceivers().at(0)->track());
    co_await settle();
    co_await transceiver->sender()->replaceTrack(camera.track());
    for (int i = 0; i < 15; ++i) {
      push(camera, loop, 60);
      co_await loop.delay(33ms);
    }
    EXPECT_TRUE(viewer.sees(60));
  });
}

TEST_F(Negotiation, Rule77_TheTrackChangesInOneTaskThePromiseInTheNext) {
  run([&]() -> Promise<> {
    auto sender = a.addTrack(camera.track());
    auto promise = sender->replaceTrack(screen.track());
    EXPECT_EQ(sender->track(), camera.track());
    bool between = false;
    loop.queueTask([&, promise] { between = sender->track() == screen.track() && promise.status() == PromiseStatus::pending; });
    co_await promise;
    EXPECT_TRUE(between);
  });
}

TEST_F(Negotiation, Rule77_TheWrongKindIsATypeErrorAtOnce) {
  run([&]() -> Promise<> {
    auto sender = a.addTrack(camera.track());
    auto offer = a.createOffer();  // the chain is not empty, and this error does not wait for it
    auto wrong = sender->replaceTrack(microphone.track());
    EXPECT_EQ(wrong.status(), PromiseStatus::rejected);
    EXPECT_EQ(co_await rejection(wrong), "TypeError");
    EXPECT_EQ(sender->track(), camera.track());
    a.close();
    EXPECT_EQ(co_await rejection(sender->replaceTrack(microphone.track())), "TypeError");
  });
}

TEST_F(Negotiation, Rule77_AStoppingTransceiverIsInvalidStateWhenItsTurnComes) {
  run([&]() -> Promise<> {
    auto sender = a.addTrack(camera.track());
    auto offer = a.createOffer();
    auto waits = sender->replaceTrack(screen.track());
    a.getTransceivers()[0]->stop();
    EXPECT_EQ(co_await rejection(waits), "InvalidStateError");
    EXPECT_EQ(co_await rejection(sender->replaceTrack(nullptr)), "InvalidStateError");
    EXPECT_EQ(sender->track(), camera.track());
  });
}

TEST_F(Negotiation, Rule77_StoppingAfterItHasBegunIsTooLateToRejectIt) {
  run([&]() -> Promise<> {
    auto sender = a.addTrack(camera.track());
    auto begun = sender->replaceTrack(screen.track());
    a.getTransceivers()[0]->stop();
    EXPECT_EQ(co_await rejection(begun), "");
    EXPECT_EQ(sender->track(), screen.track());
  });
}

}  // namespace
}  // namespace peerage::negotiation
