#include "jsep/apply_description.hpp"

#include "jsep/testing/peer.hpp"

namespace peerage::jsep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(SetLocal, Rule32_OnlyTheLastCreatedTextIsTaken) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  const std::string first = a.offer();
  a.add(MediaKind::video);
  const std::string second = a.offer();
  EXPECT_EQ(a.localFailure(SdpType::offer, first)->kind, ErrorKind::invalid_modification);
  EXPECT_EQ(a.localFailure(SdpType::offer, second + "a=x\r\n")->kind, ErrorKind::invalid_modification);
  EXPECT_EQ(a.localFailure(SdpType::answer, second)->kind, ErrorKind::invalid_modification)
      << "before the state is looked at";
  a.local(SdpType::offer, second);
  b.remote(SdpType::offer, second);
  const std::string answer = b.answer();
  EXPECT_EQ(b.localFailure(SdpType::pranswer, "v=0\r\n")->kind, ErrorKind::invalid_modification);
  b.local(SdpType::pranswer, answer);
  b.local(SdpType::answer, answer);
}

TEST(SetLocal, Rule33_EmptySdpCreatesWhatIsNeeded) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  a.offer();
  a.add(MediaKind::video);
  a.local(SdpType::offer);
  EXPECT_EQ(a.session.pendingLocal->size(), 2u) << "the offer made before is out of date";
  b.remote(SdpType::offer, a.localSdp());
  b.local(SdpType::pranswer);
  EXPECT_EQ(b.session.signalingState, SignalingState::have_local_pranswer);
  b.local(SdpType::answer);
  a.remote(SdpType::answer, b.localSdp());
  EXPECT_EQ(a.session.signalingState, SignalingState::stable);
}

TEST(SetLocal, Rule34_AnswersForgetWhatWasCreated) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  EXPECT_EQ(a.session.lastCreatedOffer, nullptr);
  EXPECT_EQ(b.session.lastCreatedAnswer, nullptr);
}

TEST(SetDescription, Rule39_WrongStateBeforeSyntax) {
  Peer a(1);
  EXPECT_EQ(a.remoteFailure(SdpType::answer, "nonsense")->kind, ErrorKind::invalid_state);
  EXPECT_EQ(a.remoteFailure(SdpType::rollback, "")->kind, ErrorKind::invalid_state) << "Rule38: nothing to roll back";
  EXPECT_EQ(a.localFailure(SdpType::rollback, "")->kind, ErrorKind::invalid_state);
}

TEST(SetDescription, Rule39_SyntaxErrorsHaveALine) {
  Peer a(1);
  EXPECT_EQ(a.remoteFailure(SdpType::offer, "Invalid SDP")->kind, ErrorKind::sdp_syntax);
  EXPECT_EQ(a.remoteFailure(SdpType::offer, "Invalid SDP")->sdpLineNumber, 1);
  const auto failure =
      a.remoteFailure(SdpType::offer, replaced(corpusFile("chromium_offer.sdp"), "a=mid:0\r\n", "a=mid:\r\n"));
  EXPECT_EQ(failure->kind, ErrorKind::sdp_syntax);
  EXPECT_EQ(failure->sdpLineNumber, 16);
}

TEST(SetDescription, Rule39_InvalidContent) {
  const std::string good = corpusFile("chromium_offer.sdp");
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"a=rtcp-mux\r\n", ""},
                                                        {"a=fingerprint:sha-256 " + kPrintA + "\r\n", ""},
                                                        {"a=ice-ufrag:Vk8R\r\n", ""},
                                                        {"a=ice-pwd:sZ9jP0ym8yJbT1t8dZ5Pq0mX\r\n", ""},
                                                        {"a=mid:1\r\n", "a=mid:0\r\n"},
                                                        {"BUNDLE 0 1 2", "BUNDLE 0 1 3"},
                                                        {"BUNDLE 0 1 2", "BUNDLE 0 1 1"},
                                                        {"a=setup:actpass", "a=setup:holdconn"},
                                                        {"a=mid:1\r\n", "a=mid:1\r\na=simulcast:send x\r\n"}}) {
    Peer a(1);
    const std::string text = replaced(good, from, to);
    ASSERT_NE(text, good);
    const auto failure = a.remoteFailure(SdpType::offer, text);
    ASSERT_TRUE(failure) << from << " -> " << to;
    EXPECT_EQ(failure->kind, ErrorKind::invalid_access) << failure->message;
  }
}

TEST(SetDescription, Rule39_AnswersThatDoNotFit) {
  Peer a(1), b(2);
  a.add(MediaKind::audio, Direction::sendonly);
  createDataChannel(a.session);
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  b.local(SdpType::answer, b.answer());
  const std::string good = b.localSdp();
  const std::string lastSection = good.substr(good.find("m=application"));
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{{"a=recvonly", "a=sendrecv"},
                                                                                 {"m=audio", "m=video"},
                                                                                 {lastSection, ""},
                                                                                 {"a=mid:0", "a=mid:7"},
                                                                                 {"a=setup:active", "a=setup:actpass"},
                                                                                 {"BUNDLE 0 1", "BUNDLE 0"}}) {
    std::string text = replaced(good, from, to);
    if (from == "a=mid:0") text = replaced(text, "BUNDLE 0 1", "BUNDLE 7 1");
    if (from == lastSection) text = replaced(text, "BUNDLE 0 1", "BUNDLE 0");
    ASSERT_NE(text, good);
    const auto failure = a.remoteFailure(SdpType::answer, text);
    if (from == "BUNDLE 0 1") {
      EXPECT_FALSE(failure) << "in a balanced offer the sections have transports of their own";
      continue;
    }
    ASSERT_TRUE(failure) << from;
    EXPECT_EQ(failure->kind, ErrorKind::invalid_access) << failure->message;
  }
  a.remote(SdpType::answer, good);
}

TEST(SetDescription, Rule39_AFailureChangesNothing) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  const std::string before = b.remoteSdp();
  EXPECT_TRUE(b.remoteFailure(SdpType::offer, corpusFile("chromium_offer.sdp") + "a=mid:\r\n"));
  EXPECT_EQ(b.remoteSdp(), before);
  EXPECT_EQ(b.session.signalingState, SignalingState::stable);
  negotiate(a, b);
}

TEST(SetDescription, Rule41And42_PairsMoveAtOnce) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  Effects effects = a.local(SdpType::offer, a.offer());
  EXPECT_TRUE(effects.signalingStateChanged);
  EXPECT_TRUE(a.session.pendingLocal);
  EXPECT_FALSE(a.session.currentLocal);
  EXPECT_FALSE(a.local(SdpType::offer, a.offer()).signalingStateChanged) << "a self-loop is no change";
  b.remote(SdpType::offer, a.localSdp());
  b.local(SdpType::pranswer, b.answer());
  EXPECT_TRUE(b.session.pendingLocal && b.session.pendingRemote && !b.session.currentLocal);
  effects = a.remote(SdpType::pranswer, b.localSdp());
  EXPECT_EQ(a.session.signalingState, SignalingState::have_remote_pranswer);
  EXPECT_FALSE(effects.updateNegotiationNeeded);
  EXPECT_EQ(a.t(0).currentDirection, Direction::sendonly) << "Rule46: set by a pranswer";
  EXPECT_EQ(a.localFailure(SdpType::rollback, "")->kind, ErrorKind::invalid_state) << "Rule38";
  b.local(SdpType::answer, b.answer());
  effects = a.remote(SdpType::answer, b.localSdp());
  EXPECT_TRUE(effects.updateNegotiationNeeded) << "Rule15";
  EXPECT_TRUE(a.session.currentLocal && a.session.currentRemote && !a.session.pendingLocal && !a.session.pendingRemote);
}

TEST(SetDescription, Rule43_Sctp) {
  Peer a(1), b(2);
  createDataChannel(a.session);
  EXPECT_TRUE(a.local(SdpType::offer, a.offer()).sctpCreated);
  EXPECT_FALSE(a.session.sctp->remotePort);
  EXPECT_TRUE(b.remote(SdpType::offer, a.localSdp()).sctpCreated);
  Effects effects = b.local(SdpType::answer, b.answer());
  EXPECT_EQ(effects.assignDataChannelIds, DtlsRole::client);
  EXPECT_TRUE(effects.updateMaxMessageSize);
  EXPECT_EQ(b.session.sctp->remoteMaxMessageSize, 262144u);
  effects = a.remote(SdpType::answer, replaced(b.localSdp(), "a=max-message-size:262144\r\n", ""));
  EXPECT_EQ(effects.assignDataChannelIds, DtlsRole::server);
  EXPECT_EQ(a.session.sctp->remoteMaxMessageSize, 65536u) << "absent";
  EXPECT_EQ(a.session.sctp->remotePort, 5000);
  const Plan plan = makePlan(a.session);
  ASSERT_TRUE(plan.data);
  EXPECT_EQ(plan.data->dtlsRole, DtlsRole::server);
}

TEST(SetDescription, Rule44_BundledSectionsShareOneTransport) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  a.add(MediaKind::video);
  createDataChannel(a.session);
  a.local(SdpType::offer, a.offer());
  EXPECT_EQ(*a.t(0).mid, "0");
  EXPECT_NE(a.t(0).transport, a.t(1).transport) << "not bundled yet";
  const auto first = a.t(0).transport;
  b.remote(SdpType::offer, a.localSdp());
  EXPECT_FALSE(b.t(0).transport) << "a remote offer alone sets no transport";
  b.local(SdpType::answer, b.answer());
  EXPECT_TRUE(b.t(0).transport);
  EXPECT_EQ(b.t(0).transport, b.t(1).transport);
  const Effects effects = a.remote(SdpType::answer, b.localSdp());
  EXPECT_EQ(a.t(0).transport, first);
  EXPECT_EQ(a.t(1).transport, first);
  EXPECT_EQ(a.session.sctp->transport, *first);
  EXPECT_EQ(effects.transportsClosed.size(), 2u);
}

TEST(SetDescription, Rule45_PairingWithAddTrack) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  addTransceiver(b.session, {.kind = MediaKind::audio, .trackId = "other"}, b.random);  // addTransceiver(): never pairs
  const auto track = b.addTrack(MediaKind::audio, "mic");
  b.addTrack(MediaKind::video, "cam");  // another kind
  a.local(SdpType::offer, a.offer());
  EXPECT_THAT(b.remote(SdpType::offer, a.localSdp()).created, IsEmpty());
  EXPECT_EQ(*b.session.find(track)->mid, "0");
  EXPECT_FALSE(b.t(0).mid);
}

TEST(SetDescription, Rule45_OnlySectionsThatReceivePair) {
  Peer a(1), b(2);
  a.add(MediaKind::audio, Direction::sendonly);
  b.addTrack(MediaKind::audio, "mic");
  a.local(SdpType::offer, a.offer());
  const Effects effects = b.remote(SdpType::offer, a.localSdp());
  ASSERT_EQ(effects.created.size(), 1u);
  EXPECT_EQ(b.session.find(effects.created[0])->direction, Direction::recvonly);
  EXPECT_FALSE(b.t(0).mid);
}

TEST(SetDescription, Rule46And47_RejectedSectionStopsAndRemoves) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  a.add(MediaKind::video);
  negotiate(a, b);
  EXPECT_EQ(a.t(0).currentDirection, Direction::sendonly);
  EXPECT_EQ(b.t(0).currentDirection, Direction::recvonly);
  stop(a.session, a.t(0).id);
  EXPECT_EQ(a.t(0).visibleDirection(), std::nullopt);
  EXPECT_TRUE(a.t(0).currentDirection) << "Rule76: until negotiated";
  a.local(SdpType::offer, a.offer());
  Effects effects = b.remote(SdpType::offer, a.localSdp());
  EXPECT_EQ(effects.stopped.size(), 1u);
  EXPECT_EQ(effects.muteTracks.size(), 1u);
  effects = b.local(SdpType::answer, b.answer());
  ASSERT_EQ(effects.removed.size(), 1u);
  EXPECT_TRUE(effects.removed[0].stopped);
  effects = a.remote(SdpType::answer, b.localSdp());
  EXPECT_EQ(effects.removed.size(), 1u);
  EXPECT_EQ(effects.stopped.size(), 1u);
  EXPECT_EQ(a.session.transceivers.size(), 1u);
  EXPECT_THAT(effects.transportsClosed, IsEmpty()) << "the video goes on over it";
}

TEST(SetDescription, Rule47_TheLastSectionClosesItsTransport) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  stop(a.session, a.t(0).id);
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  EXPECT_EQ(b.local(SdpType::answer, b.answer()).transportsClosed.size(), 1u);
  EXPECT_EQ(a.remote(SdpType::answer, b.localSdp()).transportsClosed.size(), 1u);
}

TEST(SetDescription, Rule48_IceRoles) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  EXPECT_EQ(a.session.transports[0].iceRole, IceRole::controlling);
  EXPECT_EQ(b.session.transports[0].iceRole, IceRole::controlled);
  negotiate(b, a);
  EXPECT_EQ(a.session.transports[0].iceRole, IceRole::controlling) << "set once";
}

TEST(SetDescription, Rule49_CodecOfAnEncodingThatIsGone) {
  Peer a(1), b(2);
  const auto id = a.addTrack(MediaKind::video, "cam");
  auto encodings = a.t(0).sendEncodings;
  encodings[0].codec = CodecPreference{.name = "VP9", .fmtp = "profile-id=0"};
  ASSERT_TRUE(setSendEncodings(a.session, id, encodings));
  negotiate(a, b);
  EXPECT_TRUE(a.t(0).sendEncodings[0].codec) << "still there";
  setCodecPreferences(a.session, id, {{.name = "VP8"}});
  negotiate(a, b);
  EXPECT_FALSE(a.t(0).sendEncodings[0].codec);
}

TEST(SetDescription, Rule56_TrackFiresAtTheOffer) {
  Peer a(1), b(2);
  a.addTrack(MediaKind::audio, "mic", {"one", "two"});
  a.local(SdpType::offer, a.offer());
  Effects effects = b.remote(SdpType::offer, a.localSdp());
  ASSERT_EQ(effects.trackEvents.size(), 1u);
  EXPECT_THAT(effects.trackEvents[0].streamIds, ElementsAre("one", "two"));
  EXPECT_THAT(effects.addList, ElementsAre(StreamTrack{"one", b.t(0).id}, StreamTrack{"two", b.t(0).id}));
  effects = b.local(SdpType::answer, b.answer());
  EXPECT_THAT(effects.trackEvents, IsEmpty());
  a.remote(SdpType::answer, b.localSdp());
  setStreams(a.session, a.t(0).id, {"two", "three"});
  a.local(SdpType::offer, a.offer());
  effects = b.remote(SdpType::offer, a.localSdp());
  EXPECT_EQ(effects.trackEvents.size(), 1u) << "a new msid";
  EXPECT_THAT(effects.removeList, ElementsAre(StreamTrack{"one", b.t(0).id}));
  EXPECT_THAT(effects.addList, ElementsAre(StreamTrack{"three", b.t(0).id}));
}

TEST(SetDescription, Rule58_LosingReceive) {
  Peer a(1), b(2);
  const auto id = a.addTrack(MediaKind::audio, "mic", {"one"});
  negotiate(a, b);
  EXPECT_TRUE(*removeTrack(a.session, id));
  a.local(SdpType::offer, a.offer());
  Effects effects = b.remote(SdpType::offer, a.localSdp());
  EXPECT_THAT(effects.removeList, ElementsAre(StreamTrack{"one", b.t(0).id}));
  EXPECT_THAT(effects.muteTracks, ElementsAre(b.t(0).id));
  EXPECT_THAT(effects.stopped, IsEmpty());
  b.local(SdpType::answer, b.answer());
  a.remote(SdpType::answer, b.localSdp());
  setDirection(a.session, id, Direction::sendrecv);
  a.local(SdpType::offer, a.offer());
  effects = b.remote(SdpType::offer, a.localSdp());
  EXPECT_EQ(effects.trackEvents.size(), 1u) << "Rule57: the same transceiver again";
  EXPECT_EQ(effects.trackEvents[0].transceiver, b.t(0).id);
}

TEST(SetDescription, Rule59_LocalAnswerTurnsReceivingOff) {
  Peer a(1), b(2);
  a.addTrack(MediaKind::audio, "mic", {"one"});
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  setDirection(b.session, b.t(0).id, Direction::inactive);
  const Effects effects = b.local(SdpType::answer, b.answer());
  EXPECT_THAT(effects.muteTracks, ElementsAre(b.t(0).id));
  EXPECT_THAT(effects.removeList, ElementsAre(StreamTrack{"one", b.t(0).id}));
  EXPECT_EQ(b.t(0).currentDirection, Direction::inactive);
}

TEST(SetDescription, NoMsidMeansTheDefaultStream) {
  Peer b(2);
  std::string offer = corpusFile("chromium_offer.sdp");
  offer = replaced(offer, "a=msid:b0b51b4e-2b0f-4d0a-9b0a-5d6ae2b2d9f5 5f2e4bd8-9df4-4b9f-8f7a-3b7f59e8a1d2\r\n", "");
  offer = replaced(offer, "a=msid:b0b51b4e-2b0f-4d0a-9b0a-5d6ae2b2d9f5 c34b4b61-5ab0-4c86-9e0c-0f3c9e1f4e36\r\n",
                   "a=msid:- x\r\n");
  const Effects effects = b.remote(SdpType::offer, offer);
  ASSERT_EQ(effects.trackEvents.size(), 2u);
  EXPECT_THAT(effects.trackEvents[0].streamIds, ElementsAre(b.session.defaultStreamId));
  EXPECT_THAT(effects.trackEvents[1].streamIds, IsEmpty());
}

TEST(SetDescription, Rule68_TheSetEmptiesWhenItIsReplaced) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  restartIce(a.session);
  EXPECT_EQ(a.session.localIceCredentialsToReplace.size(), 1u);
  // Glare: the other end's plain offer goes first. Its answer has the old credentials, so the restart still waits.
  b.add(MediaKind::video);
  negotiate(b, a);
  EXPECT_FALSE(a.session.localIceCredentialsToReplace.empty());
  EXPECT_TRUE(a.needed());
  negotiate(a, b);
  EXPECT_TRUE(a.session.localIceCredentialsToReplace.empty());
  EXPECT_FALSE(a.needed());
}

TEST(SetDescription, Rule67_RestartIceWithoutLocalDescription) {
  Peer a(1);
  a.add(MediaKind::audio);
  restartIce(a.session);
  EXPECT_THAT(a.session.localIceCredentialsToReplace, IsEmpty());
}

TEST(SetDescription, Rule72_AnswerCredentials) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  const auto old = *b.session.currentLocal->credentials(0);
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  b.local(SdpType::answer, b.answer());
  auto failure = a.remoteFailure(SdpType::answer, replaced(b.localSdp(), old.ufrag, "another1"));
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind, ErrorKind::invalid_access);
  a.remote(SdpType::answer, b.localSdp());
  a.local(SdpType::offer, a.offer({.iceRestart = true}));
  b.remote(SdpType::offer, a.localSdp());
  b.local(SdpType::answer, b.answer());
  const auto fresh = *b.session.currentLocal->credentials(0);
  failure =
      a.remoteFailure(SdpType::answer, replaced(replaced(b.localSdp(), fresh.ufrag, old.ufrag), fresh.pwd, old.pwd));
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind, ErrorKind::invalid_access);
  a.remote(SdpType::answer, b.localSdp());
}

TEST(SetDescription, Rule73_CanTrickle) {
  Peer b(2);
  EXPECT_FALSE(b.session.canTrickleIceCandidates.has_value());
  b.remote(SdpType::offer, corpusFile("chromium_offer.sdp"));
  EXPECT_EQ(b.session.canTrickleIceCandidates, true);
}

TEST(SetDescription, Rule83_LayersOnlyGo) {
  Config config = testConfig();
  config.maxVideoEncodings = 3;
  const auto answered = [&](const std::string& line) {
    Peer a(1, config), b(2);
    addTransceiver(
        a.session,
        {.kind = MediaKind::video, .trackId = "cam", .sendEncodings = {{.rid = "q"}, {.rid = "h"}, {.rid = "f"}}},
        a.random);
    a.local(SdpType::offer, a.offer());
    b.remote(SdpType::offer, a.localSdp());
    b.local(SdpType::answer, b.answer());
    a.remote(SdpType::answer, b.localSdp() + line);
    std::vector<std::string> rids;
    for (const auto& e : a.t(0).sendEncodings) rids.push_back(e.rid);
    return rids;
  };
  const std::string described = "a=rid:q recv\r\na=rid:h recv\r\na=rid:f recv\r\n";
  EXPECT_THAT(answered(""), ElementsAre("q")) << "simulcast is not supported";
  EXPECT_THAT(answered(described + "a=simulcast:recv q;f\r\n"), ElementsAre("q", "f"));
  EXPECT_THAT(answered(described + "a=simulcast:recv q;h;f\r\n"), ElementsAre("q", "h", "f"));
}

TEST(SetDescription, Rule88And89_OffersAfterNegotiation) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  a.add(MediaKind::video);
  negotiate(a, b);
  a.local(SdpType::offer, a.offer());
  const std::string good = a.localSdp();
  const auto failure = [&](const std::string& text) { return b.remoteFailure(SdpType::offer, text); };
  ASSERT_TRUE(failure(replaced(good, "BUNDLE 0 1", "BUNDLE 0")));
  EXPECT_EQ(failure(replaced(good, "BUNDLE 0 1", "BUNDLE 0"))->kind, ErrorKind::invalid_access) << "unbundling";
  ASSERT_TRUE(failure(replaced(good.substr(0, good.find("m=video")), "BUNDLE 0 1", "BUNDLE 0")));
  ASSERT_TRUE(failure(replaced(replaced(good, "a=mid:1", "a=mid:5"), "BUNDLE 0 1", "BUNDLE 0 5")))
      << "a mid in use goes";
  ASSERT_TRUE(failure(replaced(good, "m=video", "m=audio")));
  EXPECT_FALSE(failure(good));
}

TEST(SetDescription, Rule92_FingerprintChange) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  a.session.config.fingerprints[0].value = kPrintB;
  a.local(SdpType::offer, a.offer());
  const auto failure = b.remoteFailure(SdpType::offer, a.localSdp());
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind, ErrorKind::invalid_access);
  a.local(SdpType::offer, a.offer({.iceRestart = true}));
  b.remote(SdpType::offer, a.localSdp());
  b.local(SdpType::answer, b.answer());
  EXPECT_EQ(b.session.transports[0].dtlsGeneration, 1u) << "with a restart: a new association";
  EXPECT_EQ(b.session.transports[0].remoteFingerprints[0].value, kPrintB);
}

TEST(SetDescription, Rule37_BackToBackOffers) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  a.local(SdpType::offer, a.offer());
  b.remote(SdpType::offer, a.localSdp());
  a.add(MediaKind::video);
  a.local(SdpType::offer, a.offer());
  const Effects effects = b.remote(SdpType::offer, a.localSdp());
  EXPECT_FALSE(effects.signalingStateChanged);
  EXPECT_EQ(effects.created.size(), 1u);
  EXPECT_EQ(b.session.transceivers.size(), 2u);
  Peer c(3);
  c.add(MediaKind::video);
  c.local(SdpType::offer, c.offer());
  EXPECT_EQ(b.remoteFailure(SdpType::offer, c.localSdp())->kind, ErrorKind::invalid_access)
      << "as if it had been answered";
  b.local(SdpType::answer, b.answer());
  a.remote(SdpType::answer, b.localSdp());
}

TEST(SetDescription, Rule51And69_EarlyCandidatesAreReleased) {
  Peer a(1);
  a.add(MediaKind::audio);
  a.local(SdpType::offer, a.offer());
  const auto transport = a.session.transports[0].id;
  const LocalCandidate candidate{transport, "unknownufrag", "candidate:1 1 udp 1 192.0.2.1 1000 typ host"};
  EXPECT_FALSE(addLocalCandidate(a.session, candidate));
  EXPECT_THAT(a.session.earlyCandidates, ElementsAre(candidate));
  const Effects effects = a.local(SdpType::offer, a.offer());
  EXPECT_THAT(effects.releasedCandidates, ElementsAre(candidate));
  EXPECT_THAT(a.session.earlyCandidates, IsEmpty());
}

TEST(SetDescription, Rule50_GatheringIsAskedOncePerGeneration) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  EXPECT_EQ(a.local(SdpType::offer, a.offer()).gather.size(), 1u);
  EXPECT_THAT(a.local(SdpType::offer, a.offer()).gather, IsEmpty());
  b.remote(SdpType::offer, a.localSdp());
  const Effects effects = b.local(SdpType::answer, b.answer());
  EXPECT_EQ(effects.gather.size(), 1u);
  EXPECT_THAT(effects.iceRestarts, IsEmpty());
}

TEST(SetDescription, CandidatesGatheredBetweenCreateAndSetAreKept) {
  Peer a(1), b(2);
  a.add(MediaKind::audio);
  negotiate(a, b);
  const std::string offer = a.offer();
  const auto ufrag = a.session.currentLocal->credentials(0)->ufrag;
  addLocalCandidate(a.session, {a.session.transports[0].id, ufrag, "candidate:1 1 udp 1 192.0.2.1 1000 typ host"});
  a.local(SdpType::offer, offer);
  EXPECT_THAT(a.localSdp(), HasSubstr("a=candidate:1 1 udp 1 192.0.2.1 1000 typ host\r\n"));
}

}  // namespace
}  // namespace peerage::jsep
