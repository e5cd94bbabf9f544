// webrtc-pc §4.4.3.2 (offerToReceiveAudio and offerToReceiveVideo), §5.6 (what an ICE transport tells), §9.2.
#include "fixture.hpp"

namespace peerage::negotiation {
namespace {

using D = RTCRtpTransceiverDirection;

RTCOfferOptions toReceive(MediaKind kind, bool receive) {
  RTCOfferOptions options;
  (kind == MediaKind::audio ? options.offerToReceiveAudio : options.offerToReceiveVideo) = receive;
  return options;
}

TEST_F(Negotiation, OfferToReceiveMakesOneRecvonlyTransceiver) {
  run([&]() -> Promise<> {
    const auto audio = toReceive(MediaKind::audio, true), video = toReceive(MediaKind::video, true);
    EXPECT_EQ(countLines((co_await a.createOffer(audio)).sdp, "m=audio"), 1u);
    CO_ASSERT(a.getTransceivers().size() == 1);
    EXPECT_EQ(a.getTransceivers()[0]->direction(), D::recvonly);
    co_await a.createOffer(audio);
    EXPECT_EQ(a.getTransceivers().size(), 1u) << "one that receives is there";
    EXPECT_EQ(countLines((co_await a.createOffer(video)).sdp, "m="), 2u);
    co_await settle();
    EXPECT_EQ(needed(a), 0) << "it does not update the flag";
    b.addTrack(microphone.track());
    co_await b.createOffer(audio);
    EXPECT_EQ(b.getTransceivers().size(), 1u);
    EXPECT_EQ(b.getTransceivers()[0]->direction(), D::sendrecv);
  });
}

TEST_F(Negotiation, OfferNotToReceiveChangesDirections) {
  run([&]() -> Promise<> {
    const auto none = toReceive(MediaKind::video, false);
    a.createDataChannel("x");
    co_await a.createOffer(none);
    EXPECT_TRUE(a.getTransceivers().empty());
    a.addTrack(camera.track());
    a.addTransceiver(MediaKind::video, {.direction = D::recvonly});
    auto other = a.addTransceiver(MediaKind::audio);
    const auto offer = co_await a.createOffer(none);
    EXPECT_EQ(a.getTransceivers()[0]->direction(), D::sendonly);
    EXPECT_EQ(a.getTransceivers()[1]->direction(), D::inactive);
    EXPECT_EQ(other->direction(), D::sendrecv);
    EXPECT_EQ(countLines(offer.sdp, "a=sendonly"), 1u);
    a.close();
    EXPECT_EQ(co_await rejection(a.createOffer(none)), "InvalidStateError");
  });
}

TEST_F(Negotiation, AnIceTransportTellsParametersAndCandidates) {
  run([&]() -> Promise<> {
    trickle();
    auto sender = a.addTrack(camera.track());
    co_await a.setLocalDescription();
    auto ice = sender->transport()->iceTransport();
    CO_ASSERT(ice->getLocalParameters());
    EXPECT_TRUE(hasLine(a.localDescription()->sdp(), "a=ice-ufrag:" + ice->getLocalParameters()->usernameFragment));
    EXPECT_TRUE(hasLine(a.localDescription()->sdp(), "a=ice-pwd:" + ice->getLocalParameters()->password));
    EXPECT_FALSE(ice->getRemoteParameters());
    co_await b.setRemoteDescription(*a.localDescription());
    co_await b.setLocalDescription();
    co_await a.setRemoteDescription(*b.localDescription());
    co_await settle();
    auto other = b.getTransceivers()[0]->receiver()->transport()->iceTransport();
    CO_ASSERT(ice->getRemoteParameters());
    EXPECT_EQ(ice->getRemoteParameters()->usernameFragment, other->getLocalParameters()->usernameFragment);
    EXPECT_EQ(ice->getRemoteParameters()->password, other->getLocalParameters()->password);
    CO_ASSERT(!other->getLocalCandidates().empty());
    CO_ASSERT(ice->getRemoteCandidates().size() == other->getLocalCandidates().size());
    EXPECT_EQ(ice->getRemoteCandidates()[0]->port(), other->getLocalCandidates()[0]->port());
    EXPECT_EQ(ice->getRemoteCandidates()[0]->sdpMid(), "0");
    const auto before = ice->getLocalParameters()->usernameFragment;
    a.restartIce();
    co_await negotiate(a, b);
    co_await settle();
    EXPECT_NE(ice->getLocalParameters()->usernameFragment, before);
    EXPECT_EQ(ice->getRemoteCandidates().size(), 1u) << "those of the new generation";
    EXPECT_EQ(ice->getLocalCandidates().size(), 1u);
  });
}

TEST(RtcError, AllMembers) {
  const RTCError error({.errorDetail = RTCErrorDetailType::dtls_failure,
                        .sdpLineNumber = 1,
                        .sctpCauseCode = 2,
                        .receivedAlert = 3,
                        .sentAlert = 4},
                       "why");
  EXPECT_EQ(error.name(), "OperationError");
  EXPECT_EQ(error.message(), "why");
  EXPECT_EQ(error.errorDetail(), RTCErrorDetailType::dtls_failure);
  EXPECT_EQ(error.sdpLineNumber(), 1);
  EXPECT_EQ(error.sctpCauseCode(), 2);
  EXPECT_EQ(error.receivedAlert(), 3u);
  EXPECT_EQ(error.sentAlert(), 4u);
  EXPECT_FALSE(RTCError(RTCErrorInit{}).sentAlert());
}

TEST(IceCandidate, LocalInit) {
  RTCLocalIceCandidateInit init;
  init.candidate = "candidate:1 1 udp 41885439 192.0.2.1 3478 typ relay";
  init.sdpMid = "0";
  init.relayProtocol = RTCIceServerTransportProtocol::tls;
  init.url = "turns:turn.example.org";
  const RTCIceCandidate candidate(init);
  EXPECT_EQ(candidate.relayProtocol(), RTCIceServerTransportProtocol::tls);
  EXPECT_EQ(candidate.url(), "turns:turn.example.org");
  EXPECT_EQ(candidate.type(), RTCIceCandidateType::relay);
}

}  // namespace
}  // namespace peerage::negotiation
