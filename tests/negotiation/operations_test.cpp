// NEGOTIATION rules 17-23: the operations chain (webrtc-pc §4.4.1.2).
#include "fixture.hpp"

namespace peerage::negotiation {
namespace {

TEST_F(Negotiation, Rule17_AClosedConnectionRejectsEveryOperation) {
  run([&]() -> Promise<> {
    auto sender = a.addTrack(camera.track());
    a.close();
    EXPECT_EQ(co_await rejection(a.createOffer()), "InvalidStateError");
    EXPECT_EQ(co_await rejection(a.createAnswer()), "InvalidStateError");
    EXPECT_EQ(co_await rejection(a.setLocalDescription()), "InvalidStateError");
    EXPECT_EQ(co_await rejection(a.setRemoteDescription({RTCSdpType::offer, ""})), "InvalidStateError");
    EXPECT_EQ(co_await rejection(a.addIceCandidate()), "InvalidStateError");
    EXPECT_EQ(co_await rejection(sender->replaceTrack(nullptr)), "InvalidStateError");
  });
}

TEST_F(Negotiation, Rule18_OperationsRunOneAfterTheOther) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await settle();
    std::vector<std::string> order;
    auto first = a.createOffer().then([&] { order.push_back("offer"); });
    auto second = a.setLocalDescription().then([&] { order.push_back("local"); });
    auto third = b.setRemoteDescription({RTCSdpType::offer, ""}).catch_([&](std::exception_ptr) {});
    co_await first;
    co_await second;
    co_await third;
    EXPECT_EQ(order, (std::vector<std::string>{"offer", "local"}));
    EXPECT_EQ(a.signalingState(), RTCSignalingState::have_local_offer);
  });
}

TEST_F(Negotiation, Rule19_ReplaceTrackWaitsInTheChainGetStatsDoesNot) {
  run([&]() -> Promise<> {
    auto sender = a.addTrack(camera.track());
    std::vector<std::string> order;
    auto offer = a.createOffer().then([&] { order.push_back("offer"); });
    auto replaced = sender->replaceTrack(screen.track()).then([&] { order.push_back("replaceTrack"); });
    auto stats = a.getStats().then([&] { order.push_back("getStats"); });
    EXPECT_EQ(sender->track(), camera.track());
    co_await offer;
    co_await replaced;
    co_await stats;
    EXPECT_LT(std::ranges::find(order, "offer"), std::ranges::find(order, "replaceTrack"));
    EXPECT_EQ(sender->track(), screen.track());
  });
}

TEST_F(Negotiation, Rule20_TheNextOperationStartsBeforeTheCallersReaction) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await settle();
    // The second operation looks at the state when it starts: before the reaction of the first it is have-local-offer, and
    // the close() in that reaction comes too late to keep it from running.
    bool rolledBack = false;
    auto first = a.setLocalDescription().then([&] { a.createDataChannel("in the reaction"); });
    auto second = a.createOffer().then([&](const RTCSessionDescriptionInit& offer) {
      rolledBack = countLines(offer.sdp, "m=") == 1;
    });
    co_await first;
    co_await second;
    EXPECT_TRUE(rolledBack);
  });
}

TEST_F(Negotiation, Rule21_ARejectedOperationDoesNotStopTheChain) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    auto bad = rejection(a.createAnswer());
    auto good = a.createOffer();
    EXPECT_EQ(co_await bad, "InvalidStateError");
    EXPECT_FALSE((co_await good).sdp.empty());
  });
}

TEST_F(Negotiation, Rule22_CloseLeavesPendingPromisesUnsettled) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    bool settled = false;
    auto first = a.createOffer();
    auto second = a.setLocalDescription();
    first.then([&] { settled = true; }, [&](std::exception_ptr) { settled = true; }).markHandled();
    second.then([&] { settled = true; }, [&](std::exception_ptr) { settled = true; }).markHandled();
    a.close();
    co_await settle();
    EXPECT_FALSE(settled);
    EXPECT_EQ(a.signalingState(), RTCSignalingState::closed);
  });
}

TEST_F(Negotiation, Rule23_ACandidateRightAfterAnUnawaitedDescriptionWaitsForIt) {
  run([&]() -> Promise<> {
    a.createDataChannel("x");
    co_await a.setLocalDescription();
    auto described = b.setRemoteDescription(*a.localDescription());
    auto added = b.addIceCandidate({.candidate = "candidate:1 1 udp 2122260223 10.0.0.9 5000 typ host", .sdpMid = "0"});
    EXPECT_EQ(co_await rejection(added), "");
    co_await described;
    EXPECT_EQ(countLines(b.remoteDescription()->sdp(), "a=candidate:"), 1u);
  });
}

}  // namespace
}  // namespace peerage::negotiation
