// NEGOTIATION rules 24-29, 31-48: making and setting descriptions (webrtc-pc §4.4.1.5, §4.4.2; RFC 9429).
#include "fixture.hpp"

namespace peerage::negotiation {
namespace {

using D = RTCRtpTransceiverDirection;

TEST_F(Negotiation, Rule24_OffersAndAnswersNeedTheirStates) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    EXPECT_EQ(co_await rejection(a.createAnswer()), "InvalidStateError");
    co_await a.setLocalDescription();
    EXPECT_EQ(co_await rejection(a.createOffer()), "");  // have-local-offer
    co_await b.setRemoteDescription(*a.localDescription());
    EXPECT_EQ(co_await rejection(b.createOffer()), "InvalidStateError");
    EXPECT_EQ(co_await rejection(b.createAnswer()), "");
  });
}

TEST_F(Negotiation, Rule25_MakingAnOfferChangesNothing) {
  run([&]() -> Promise<> {
    auto t = a.addTransceiver(MediaKind::audio);
    a.createDataChannel("x");
    co_await a.createOffer();
    EXPECT_EQ(t->mid(), std::nullopt);
    EXPECT_EQ(t->sender()->transport(), nullptr);
    EXPECT_EQ(a.iceGatheringState(), RTCIceGatheringState::new_);
    EXPECT_EQ(a.signalingState(), RTCSignalingState::stable);
    EXPECT_EQ(a.localDescription(), std::nullopt);
  });
}

TEST_F(Negotiation, Rule26_ATransceiverAddedMeanwhileIsInTheOffer) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::audio);
    auto promise = a.createOffer();
    a.addTransceiver(MediaKind::video);
    const auto offer = co_await promise;
    EXPECT_EQ(countLines(offer.sdp, "m=video"), 1u);
  });
}

TEST_F(Negotiation, Rule27_StoppingCountsAsStoppedInAnOffer) {
  run([&]() -> Promise<> {
    auto t = a.addTransceiver(MediaKind::audio);
    a.createDataChannel("x");
    co_await negotiate(a, b);
    t->stop();
    const auto offer = co_await a.createOffer();
    EXPECT_EQ(countLines(offer.sdp, "m=audio 0 "), 1u);
  });
}

TEST_F(Negotiation, Rule27_StoppingHasNoEffectInAnAnswer) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::audio);
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    b.getTransceivers().at(0)->stop();
    const auto answer = co_await b.createAnswer();
    EXPECT_EQ(countLines(answer.sdp, "m=audio 0 "), 0u);
  });
}

TEST_F(Negotiation, Rule28_TheFirstSectionThatIsNotStoppedTagsTheBundle) {
  run([&]() -> Promise<> {
    auto first = a.addTransceiver(MediaKind::audio);
    a.addTransceiver(MediaKind::video);
    co_await negotiate(a, b);
    const std::string tag = linesOf(a.localDescription()->sdp(), "a=group:BUNDLE").at(0);
    EXPECT_EQ(tag, "a=group:BUNDLE " + *first->mid() + " " + *a.getTransceivers().at(1)->mid());
  });
}

TEST_F(Negotiation, Rule29_AnOfferKeepsItsCredentialsUnlessARestartIsDue) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await negotiate(a, b);
    const auto before = linesOf(a.localDescription()->sdp(), "a=ice-ufrag:");
    EXPECT_EQ(linesOf((co_await a.createOffer()).sdp, "a=ice-ufrag:"), before);
    EXPECT_NE(linesOf((co_await a.createOffer(RTCOfferOptions{true})).sdp, "a=ice-ufrag:"), before);
    EXPECT_EQ(linesOf((co_await a.createOffer()).sdp, "a=ice-ufrag:"), before);
    a.restartIce();
    EXPECT_NE(linesOf((co_await a.createOffer()).sdp, "a=ice-ufrag:"), before);
  });
}

TEST_F(Negotiation, Rule30_TheVersionGrowsWithEachDifferentOffer) {
  run([&]() -> Promise<> {
    auto version = [](const std::string& sdp) {
      const std::string origin = linesOf(sdp, "o=").at(0);  // o=- <id> <version> IN IP4 …
      const size_t id = origin.find(' ');
      const size_t at = origin.find(' ', id + 1);
      return std::pair(origin.substr(id + 1, at - id - 1), std::stoull(origin.substr(at + 1)));
    };
    a.createDataChannel("x");
    co_await a.setLocalDescription();
    const auto first = version(a.localDescription()->sdp());
    co_await a.setLocalDescription({RTCSdpType::rollback});
    a.addTransceiver(MediaKind::audio);
    co_await a.setLocalDescription();
    const auto second = version(a.localDescription()->sdp());
    EXPECT_EQ(first.first, second.first);
    EXPECT_GT(second.second, first.second);
  });
}

TEST_F(Negotiation, Rule31_WithoutATypeTheStateDecides) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await a.setLocalDescription();
    EXPECT_EQ(a.pendingLocalDescription()->type(), RTCSdpType::offer);
    co_await a.setLocalDescription();
    EXPECT_EQ(a.pendingLocalDescription()->type(), RTCSdpType::offer);
    co_await b.setRemoteDescription(*a.localDescription());
    co_await b.setLocalDescription();
    EXPECT_EQ(b.currentLocalDescription()->type(), RTCSdpType::answer);
  });
}

TEST_F(Negotiation, Rule32_AChangedDescriptionIsRefused) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    auto offer = co_await a.createOffer();
    offer.sdp = replaced(offer.sdp, "s=-", "s=changed");
    EXPECT_EQ(co_await rejection(a.setLocalDescription(offer)), "InvalidModificationError");
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    auto answer = co_await b.createAnswer();
    answer.sdp += "a=x\r\n";
    EXPECT_EQ(co_await rejection(b.setLocalDescription(answer)), "InvalidModificationError");
    EXPECT_EQ(b.signalingState(), RTCSignalingState::have_remote_offer);
  });
}

TEST_F(Negotiation, Rule33_AnEmptyTextReusesTheLastOfferWhileItFits) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    const auto offer = co_await a.createOffer();
    co_await a.setLocalDescription({RTCSdpType::offer});
    EXPECT_EQ(a.localDescription()->sdp(), offer.sdp);
  });
}

TEST_F(Negotiation, Rule33_AnEmptyTextMakesAnOfferWhenTheLastIsStale) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await a.createOffer();
    a.addTransceiver(MediaKind::audio);
    co_await a.setLocalDescription();
    EXPECT_EQ(countLines(a.localDescription()->sdp(), "m=audio"), 1u);
  });
}

TEST_F(Negotiation, Rule33_APranswerAloneIsMade) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    co_await b.setLocalDescription({RTCSdpType::pranswer});
    EXPECT_EQ(b.signalingState(), RTCSignalingState::have_local_pranswer);
    EXPECT_EQ(b.pendingLocalDescription()->type(), RTCSdpType::pranswer);
  });
}

TEST_F(Negotiation, Rule34_AnAnswerForgetsTheLastMadeDescriptions) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    const auto offer = co_await a.createOffer();
    co_await a.setLocalDescription(offer);
    co_await b.setRemoteDescription(offer);
    const auto answer = co_await b.createAnswer();
    co_await b.setLocalDescription(answer);
    co_await a.setRemoteDescription(answer);
    EXPECT_EQ(co_await rejection(a.setLocalDescription(offer)), "InvalidModificationError");
  });
}

TEST_F(Negotiation, Rule35_AnOfferThatCollidesRollsBackFirst) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    b.createDataChannel("y");
    co_await settle();
    co_await a.setLocalDescription();
    co_await b.setLocalDescription();
    log.clear();
    co_await b.setRemoteDescription(*a.localDescription());
    EXPECT_EQ(log, (std::vector<std::string>{"b signalingstatechange stable", "b signalingstatechange have-remote-offer"}));
    EXPECT_EQ(b.pendingLocalDescription(), std::nullopt);
  });
}

TEST_F(Negotiation, Rule36_AfterAProvisionalAnswerThereIsNoImplicitRollback) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    co_await b.setLocalDescription({RTCSdpType::pranswer});
    EXPECT_EQ(co_await rejection(b.setRemoteDescription(*a.localDescription())), "InvalidStateError");
  });
}

TEST_F(Negotiation, Rule37_ASecondRemoteOfferReplacesTheFirst) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::audio);
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    a.addTransceiver(MediaKind::video);
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    EXPECT_EQ(b.signalingState(), RTCSignalingState::have_remote_offer);
    EXPECT_EQ(b.getTransceivers().size(), 2u);
  });
}

TEST_F(Negotiation, Rule38_RollbackNeedsSomethingToRollBack) {
  run([&]() -> Promise<> {
    EXPECT_EQ(co_await rejection(a.setLocalDescription({RTCSdpType::rollback})), "InvalidStateError");
    EXPECT_EQ(co_await rejection(a.setRemoteDescription({RTCSdpType::rollback, ""})), "InvalidStateError");
    a.createDataChannel("x");
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    co_await b.setLocalDescription({RTCSdpType::pranswer});
    EXPECT_EQ(co_await rejection(b.setLocalDescription({RTCSdpType::rollback})), "InvalidStateError");
  });
}

TEST_F(Negotiation, Rule39_ASyntaxErrorNamesItsLine) {
  run([&]() -> Promise<> {
    bool seen = false;
    try {
      co_await a.setRemoteDescription({RTCSdpType::offer, "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nbroken\r\n"});
    } catch (const RTCError& e) {
      seen = true;
      EXPECT_EQ(e.errorDetail(), RTCErrorDetailType::sdp_syntax_error);
      EXPECT_EQ(e.sdpLineNumber(), 5);
      EXPECT_EQ(e.name(), "OperationError");
    }
    EXPECT_TRUE(seen);
    EXPECT_EQ(a.signalingState(), RTCSignalingState::stable);
  });
}

TEST_F(Negotiation, Rule39_AnAnswerInStableIsTheWrongState) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    const auto offer = co_await a.createOffer();
    EXPECT_EQ(co_await rejection(a.setRemoteDescription({RTCSdpType::answer, offer.sdp})), "InvalidStateError");
    EXPECT_EQ(co_await rejection(a.setLocalDescription({RTCSdpType::answer, offer.sdp})), "InvalidStateError");
  });
}

TEST_F(Negotiation, Rule39_AnOfferWithoutRtcpMuxIsRefused) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::audio);
    auto offer = co_await a.createOffer();
    offer.sdp = replaced(offer.sdp, "a=rtcp-mux\r\n", "");
    EXPECT_EQ(co_await rejection(b.setRemoteDescription(offer)), "InvalidAccessError");
    EXPECT_EQ(b.signalingState(), RTCSignalingState::stable);
    EXPECT_TRUE(b.getTransceivers().empty());
  });
}

TEST_F(Negotiation, Rule40_ATrackAddedWhileTheOfferIsAppliedTakesItsSection) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::video);
    const auto offer = co_await a.createOffer();
    auto promise = b.setRemoteDescription(offer);
    b.addTrack(camera.track(), camera.stream());
    co_await promise;
    EXPECT_EQ(b.getTransceivers().size(), 1u);
    EXPECT_EQ(b.getTransceivers()[0]->mid(), "0");
    EXPECT_EQ(b.getTransceivers()[0]->sender()->track(), camera.track());
  });
}

TEST_F(Negotiation, Rule41_RollbackRestoresWhatStableHad) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::audio);
    a.createDataChannel("x");
    EXPECT_EQ(a.sctp(), nullptr);
    co_await a.setLocalDescription();
    EXPECT_NE(a.sctp(), nullptr);
    EXPECT_NE(a.getTransceivers()[0]->sender()->transport(), nullptr);
    co_await a.setLocalDescription({RTCSdpType::rollback});
    EXPECT_EQ(a.sctp(), nullptr);
    EXPECT_EQ(a.getTransceivers()[0]->sender()->transport(), nullptr);
  });
}

TEST_F(Negotiation, Rule42_AnAnswerMakesThePendingPairCurrentBeforeAnyEvent) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    EXPECT_EQ(b.currentRemoteDescription(), std::nullopt);
    EXPECT_NE(b.pendingRemoteDescription(), std::nullopt);
    bool whole = false;
    b.onsignalingstatechange = [&] {
      whole = b.currentRemoteDescription() && b.currentLocalDescription() && !b.pendingRemoteDescription() &&
              !b.pendingLocalDescription() && b.signalingState() == RTCSignalingState::stable;
    };
    co_await b.setLocalDescription();
    EXPECT_TRUE(whole);
  });
}

TEST_F(Negotiation, Rule42_AProvisionalAnswerStaysPending) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    co_await b.setLocalDescription({RTCSdpType::pranswer});
    co_await a.setRemoteDescription(*b.localDescription());
    EXPECT_EQ(a.signalingState(), RTCSignalingState::have_remote_pranswer);
    EXPECT_EQ(a.currentLocalDescription(), std::nullopt);
    EXPECT_EQ(a.pendingRemoteDescription()->type(), RTCSdpType::pranswer);
    co_await b.setLocalDescription();
    co_await a.setRemoteDescription(*b.localDescription());
    EXPECT_EQ(a.signalingState(), RTCSignalingState::stable);
  });
}

TEST_F(Negotiation, Rule43_TheSctpTransportFollowsTheDescriptions) {
  run([&]() -> Promise<> {
    auto channel = a.createDataChannel("x");
    EXPECT_EQ(channel->id(), std::nullopt);
    co_await a.setLocalDescription();
    EXPECT_EQ(a.sctp()->state(), RTCSctpTransportState::connecting);
    co_await b.setRemoteDescription(*a.localDescription());
    co_await b.setLocalDescription();
    auto answer = b.localDescription()->toJSON();
    answer.sdp = replaced(answer.sdp, "a=max-message-size:262144\r\n", "");
    co_await a.setRemoteDescription(answer);
    EXPECT_EQ(a.sctp()->maxMessageSize(), 65536);
    EXPECT_EQ(channel->id(), 1);  // the answerer is the DTLS client, and has the even ids
  });
}

TEST_F(Negotiation, Rule43_ARejectedDataSectionLeavesNoSctpTransport) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::audio);
    a.createDataChannel("x");
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    co_await b.setLocalDescription();
    auto answer = b.localDescription()->toJSON();
    answer.sdp = replaced(answer.sdp, "m=application 9", "m=application 0");
    answer.sdp = replaced(answer.sdp, "a=group:BUNDLE 0 1", "a=group:BUNDLE 0");
    co_await a.setRemoteDescription(answer);
    EXPECT_EQ(a.sctp(), nullptr);
  });
}

TEST_F(Negotiation, Rule44_BundledSectionsShareOneTransport) {
  run([&]() -> Promise<> {
    auto audio = a.addTransceiver(MediaKind::audio);
    auto video = a.addTransceiver(MediaKind::video);
    a.createDataChannel("x");
    co_await negotiate(a, b);
    EXPECT_EQ(audio->mid(), "0");
    EXPECT_EQ(video->mid(), "1");
    EXPECT_EQ(audio->sender()->transport(), video->sender()->transport());
    EXPECT_EQ(audio->sender()->transport(), audio->receiver()->transport());
    EXPECT_EQ(a.sctp()->transport(), audio->sender()->transport());
  });
}

TEST_F(Negotiation, Rule45_ARemoteSectionTakesOnlyATransceiverOfAddTrack) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::video);
    b.addTransceiver(camera.track());                // not this one
    b.addTrack(screen.track(), screen.stream());     // this one
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    EXPECT_EQ(b.getTransceivers().size(), 2u);
    EXPECT_EQ(b.getTransceivers()[0]->mid(), std::nullopt);
    EXPECT_EQ(b.getTransceivers()[1]->mid(), "0");
  });
}

TEST_F(Negotiation, Rule45_ASendonlySectionMakesItsOwnTransceiver) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::video, {.direction = D::sendonly});
    b.addTrack(screen.track(), screen.stream());
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    EXPECT_EQ(b.getTransceivers().size(), 2u);
    EXPECT_EQ(b.getTransceivers()[1]->direction(), D::recvonly);
    EXPECT_EQ(b.getTransceivers()[1]->mid(), "0");
  });
}

TEST_F(Negotiation, Rule46_CurrentDirectionChangesAtTheAnswer) {
  run([&]() -> Promise<> {
    auto t = a.addTransceiver(MediaKind::audio, {.direction = D::sendonly});
    co_await a.setLocalDescription();
    EXPECT_EQ(t->currentDirection(), std::nullopt);
    co_await b.setRemoteDescription(*a.localDescription());
    EXPECT_EQ(b.getTransceivers()[0]->currentDirection(), std::nullopt);
    co_await b.setLocalDescription();
    EXPECT_EQ(b.getTransceivers()[0]->currentDirection(), D::recvonly);
    co_await a.setRemoteDescription(*b.localDescription());
    EXPECT_EQ(t->currentDirection(), D::sendonly);
    EXPECT_EQ(t->direction(), D::sendonly);
  });
}

TEST_F(Negotiation, Rule46_ARejectedSectionStopsTheTransceiver) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::audio);
    auto video = a.addTransceiver(MediaKind::video);
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    co_await b.setLocalDescription();
    auto answer = b.localDescription()->toJSON();
    answer.sdp = replaced(answer.sdp, "m=video 9", "m=video 0");
    answer.sdp = replaced(answer.sdp, "a=group:BUNDLE 0 1", "a=group:BUNDLE 0");
    co_await a.setRemoteDescription(answer);
    EXPECT_EQ(video->direction(), D::stopped);
    EXPECT_EQ(video->currentDirection(), D::stopped);
  });
}

TEST_F(Negotiation, Rule47_StoppedTransceiversLeaveTheListAfterTheAnswer) {
  run([&]() -> Promise<> {
    auto audio = a.addTransceiver(MediaKind::audio);
    a.addTransceiver(MediaKind::video);
    co_await negotiate(a, b);
    audio->stop();
    EXPECT_EQ(a.getTransceivers().size(), 2u);
    co_await negotiate(a, b);
    EXPECT_EQ(a.getTransceivers().size(), 1u);
    EXPECT_EQ(b.getTransceivers().size(), 1u);
    EXPECT_EQ(audio->currentDirection(), D::stopped);
  });
}

TEST_F(Negotiation, Rule47_ATransportThatNobodyUsesAnyMoreCloses) {
  run([&]() -> Promise<> {
    auto audio = a.addTransceiver(MediaKind::audio);
    co_await negotiate(a, b);
    auto transport = audio->sender()->transport();
    audio->stop();
    co_await negotiate(a, b);
    co_await settle();
    EXPECT_EQ(transport->state(), RTCDtlsTransportState::closed);
    EXPECT_EQ(transport->iceTransport()->state(), RTCIceTransportState::closed);
  });
}

TEST_F(Negotiation, Rule48_TheOffererControls) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await negotiate(a, b);
    EXPECT_EQ(a.sctp()->transport()->iceTransport()->role(), RTCIceRole::controlling);
    EXPECT_EQ(b.sctp()->transport()->iceTransport()->role(), RTCIceRole::controlled);
    co_await negotiate(b, a);  // roles stay
    EXPECT_EQ(a.sctp()->transport()->iceTransport()->role(), RTCIceRole::controlling);
  });
}

}  // namespace
}  // namespace peerage::negotiation
