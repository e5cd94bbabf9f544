// NEGOTIATION rules 1-16: the negotiation-needed flag and its event (webrtc-pc §4.7.3).
#include "fixture.hpp"

namespace peerage::negotiation {
namespace {

TEST_F(Negotiation, Rule01_AChangeDuringAnOperationWaitsForTheChain) {
  run([&]() -> Promise<> {
    auto offer = a.createOffer();  // the chain is not empty
    a.createDataChannel("x");
    EXPECT_EQ(needed(a), 0);
    co_await offer;
    EXPECT_EQ(needed(a), 0);
    co_await settle();
    EXPECT_EQ(needed(a), 1);
  });
}

TEST_F(Negotiation, Rule02_ManyChangesInOneTaskGiveOneEventAfterIt) {
  run([&]() -> Promise<> {
    a.addTrack(camera.track(), camera.stream());
    a.addTransceiver(MediaKind::audio);
    a.createDataChannel("x");
    EXPECT_EQ(needed(a), 0);
    co_await Promise<>::resolve();
    EXPECT_EQ(needed(a), 0);  // a later task, not a microtask
    co_await settle();
    EXPECT_EQ(needed(a), 1);
  });
}

TEST_F(Negotiation, Rule03_NothingFiresAfterClose) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::audio);
    a.close();
    co_await settle();
    EXPECT_EQ(needed(a), 0);
  });
}

TEST_F(Negotiation, Rule03_OutsideStableItWaitsForStable) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await a.setLocalDescription();
    co_await settle();
    const int before = needed(a);
    a.addTransceiver(MediaKind::audio);
    co_await settle();
    EXPECT_EQ(needed(a), before);  // have-local-offer
    co_await b.setRemoteDescription(*a.localDescription());
    co_await b.setLocalDescription();
    co_await a.setRemoteDescription(*b.localDescription());
    co_await settle();
    EXPECT_EQ(needed(a), before + 1);
  });
}

TEST_F(Negotiation, Rule04_ASecondChangeWithTheFlagSetFiresNothing) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::audio);
    co_await settle();
    EXPECT_EQ(needed(a), 1);
    a.addTransceiver(MediaKind::video);
    co_await settle();
    EXPECT_EQ(needed(a), 1);
  });
}

TEST_F(Negotiation, Rule04_AChangeTakenBackInTheSameTaskFiresNothing) {
  run([&]() -> Promise<> {
    auto t = a.addTransceiver(MediaKind::audio);
    co_await settle();
    co_await negotiate(a, b);
    co_await settle();
    const int before = needed(a);
    t->setDirection(RTCRtpTransceiverDirection::inactive);
    t->setDirection(RTCRtpTransceiverDirection::sendrecv);
    co_await settle();
    EXPECT_EQ(needed(a), before);
  });
}

TEST_F(Negotiation, Rule05_RestartIceAloneFires) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await settle();
    co_await negotiate(a, b);
    co_await settle();
    const int before = needed(a);
    a.restartIce();
    co_await settle();
    EXPECT_EQ(needed(a), before + 1);
  });
}

TEST_F(Negotiation, Rule06_OnlyTheFirstDataChannelFires) {
  run([&]() -> Promise<> {
    a.createDataChannel("first");
    co_await settle();
    EXPECT_EQ(needed(a), 1);
    co_await negotiate(a, b);
    co_await settle();
    a.createDataChannel("second");
    co_await settle();
    EXPECT_EQ(needed(a), 1);
  });
}

TEST_F(Negotiation, Rule07_StopFires) {
  run([&]() -> Promise<> {
    auto t = a.addTransceiver(MediaKind::audio);
    co_await settle();
    co_await negotiate(a, b);
    co_await settle();
    const int before = needed(a);
    t->stop();
    co_await settle();
    EXPECT_EQ(needed(a), before + 1);
  });
}

TEST_F(Negotiation, Rule08_ATransceiverWithoutSectionFires) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::audio, {.direction = RTCRtpTransceiverDirection::inactive});
    co_await settle();
    EXPECT_EQ(needed(a), 1);
  });
}

TEST_F(Negotiation, Rule09_SetStreamsFiresWhenTheMsidsDiffer) {
  run([&]() -> Promise<> {
    auto sender = a.addTrack(camera.track(), camera.stream());
    co_await settle();
    co_await negotiate(a, b);
    co_await settle();
    EXPECT_EQ(needed(a), 1);
    sender->setStreams({camera.stream()});
    co_await settle();
    EXPECT_EQ(needed(a), 1);  // the same set
    sender->setStreams({screen.stream()});
    co_await settle();
    EXPECT_EQ(needed(a), 2);
  });
}

TEST_F(Negotiation, Rule10_ADirectionOtherThanOfferedFires) {
  run([&]() -> Promise<> {
    auto t = a.addTransceiver(MediaKind::audio);
    co_await settle();
    co_await negotiate(a, b);  // b answers recvonly: it has nothing to send
    co_await settle();
    EXPECT_EQ(needed(a), 1);   // sendrecv was offered, that the answer narrowed it makes nothing due
    t->setDirection(RTCRtpTransceiverDirection::recvonly);
    co_await settle();
    EXPECT_EQ(needed(a), 2);
  });
}

TEST_F(Negotiation, Rule11_TheAnswererFiresOnlyForWhatTheOfferAllowed) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::audio, {.direction = RTCRtpTransceiverDirection::sendonly});
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    auto t = b.getTransceivers().at(0);
    t->setDirection(RTCRtpTransceiverDirection::sendrecv);  // the offer is recvonly for b: nothing to gain
    co_await b.setLocalDescription();
    co_await a.setRemoteDescription(*b.localDescription());
    co_await settle();
    EXPECT_EQ(t->currentDirection(), RTCRtpTransceiverDirection::recvonly);
    EXPECT_EQ(needed(b), 0);
    t->setDirection(RTCRtpTransceiverDirection::inactive);
    co_await settle();
    EXPECT_EQ(needed(b), 1);
  });
}

TEST_F(Negotiation, Rule12_AStoppedTransceiverIsDueUntilItsSectionIsRejected) {
  run([&]() -> Promise<> {
    auto t = a.addTransceiver(MediaKind::audio);
    a.createDataChannel("keeps the transport");
    co_await settle();
    co_await negotiate(a, b);
    co_await settle();
    t->stop();
    co_await settle();
    EXPECT_EQ(needed(a), 2);
    co_await negotiate(a, b);
    co_await settle();
    EXPECT_EQ(needed(a), 2);
    EXPECT_TRUE(a.getTransceivers().empty());
  });
}

TEST_F(Negotiation, Rule13_NothingToNegotiateFiresNothing) {
  run([&]() -> Promise<> {
    a.restartIce();  // without a description there is nothing to restart
    co_await settle();
    EXPECT_EQ(needed(a), 0);
  });
}

TEST_F(Negotiation, Rule14_ReplaceTrackNeverFires) {
  run([&]() -> Promise<> {
    auto sender = a.addTrack(camera.track(), camera.stream());
    co_await settle();
    co_await negotiate(a, b);
    co_await settle();
    const int before = needed(a);
    co_await sender->replaceTrack(screen.track());
    co_await sender->replaceTrack(nullptr);
    co_await settle();
    EXPECT_EQ(needed(a), before);
  });
}

TEST_F(Negotiation, Rule14_RemoveTrackFiresOnceAndItsNoOpNever) {
  run([&]() -> Promise<> {
    auto sender = a.addTrack(camera.track(), camera.stream());
    co_await settle();
    co_await negotiate(a, b);
    co_await settle();
    a.removeTrack(sender);
    co_await settle();
    EXPECT_EQ(needed(a), 2);
    co_await negotiate(a, b);
    co_await settle();
    a.removeTrack(sender);
    co_await settle();
    EXPECT_EQ(needed(a), 2);
  });
}

TEST_F(Negotiation, Rule15_WhatIsStillOpenAfterAnAnswerFiresAgain) {
  run([&]() -> Promise<> {
    b.createDataChannel("wanted by b");
    co_await settle();
    EXPECT_EQ(needed(b), 1);
    a.addTransceiver(MediaKind::audio);
    co_await settle();
    co_await negotiate(a, b);  // has no data section
    co_await settle();
    EXPECT_EQ(needed(b), 2);
  });
}

TEST_F(Negotiation, Rule15_WhatTheAnswerSettledDoesNotFire) {
  run([&]() -> Promise<> {
    b.createDataChannel("wanted by b");
    co_await settle();
    a.createDataChannel("offered by a");
    co_await settle();
    co_await negotiate(a, b);
    co_await settle();
    EXPECT_EQ(needed(b), 1);
    EXPECT_EQ(needed(a), 1);
  });
}

TEST_F(Negotiation, Rule16_TheEventComesAfterTheReactionsOfThePromise) {
  run([&]() -> Promise<> {
    a.addTransceiver(MediaKind::audio);
    b.addTransceiver(MediaKind::video);
    co_await settle();
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    log.clear();
    b.addEventListener("negotiationneeded", [&] { log.push_back("negotiationneeded"); });
    co_await b.setLocalDescription().then([&] { log.push_back("promise"); });
    co_await settle();
    EXPECT_EQ(log, (std::vector<std::string>{"b signalingstatechange stable", "promise", "negotiationneeded"}));
  });
}

}  // namespace
}  // namespace peerage::negotiation
