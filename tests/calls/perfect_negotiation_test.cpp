// NEGOTIATION rules 98-100: properties of perfect negotiation (webrtc-pc §10.7), with signalling that the test holds back and
// lets go where it matters.
#include <deque>
#include <utility>

#include "pair.hpp"

namespace peerage::calls {
namespace {

using S = RTCSignalingState;

/// Everything about a connection that an offer or a candidate could change.
std::vector<std::string> everythingOf(const RTCPeerConnection& pc) {
  std::vector<std::string> all = {std::string(toString(pc.signalingState())), std::string(toString(pc.iceConnectionState())),
                                  std::string(toString(pc.iceGatheringState())), std::string(toString(pc.connectionState()))};
  for (const auto& description : {pc.currentLocalDescription(), pc.currentRemoteDescription(), pc.pendingLocalDescription(),
                                  pc.pendingRemoteDescription()}) {
    all.push_back(description ? std::string(toString(description->type())) + description->sdp() : "null");
  }
  for (const auto& t : pc.getTransceivers()) {
    all.push_back(t->mid().value_or("null") + " " + std::string(toString(t->direction())) + " " +
                  (t->currentDirection() ? std::string(toString(*t->currentDirection())) : "null"));
  }
  if (const auto sctp = pc.sctp()) {
    const auto pair = sctp->transport()->iceTransport()->getSelectedCandidatePair();
    all.push_back(pair ? pair->local()->candidate() + " to " + pair->remote()->candidate() : "no pair");
  }
  return all;
}

/// A pair whose messages wait until they are let go.
struct HeldPair : Pair {
  explicit HeldPair(uint64_t seed) : Pair(seed) {
    alice.pc.addEventListener("negotiationneeded", [this] { ++neededByAlice; });
    bob.pc.addEventListener("negotiationneeded", [this] { ++neededByBob; });
  }

  /// From now on what the peers send waits in toAlice and toBob.
  void hold() {
    sendAlice_ = std::exchange(alice.send, [this](Message m) { toBob.push_back(std::move(m)); });
    sendBob_ = std::exchange(bob.send, [this](Message m) { toAlice.push_back(std::move(m)); });
  }
  /// In one task, so that nothing of theirs is done before the last has come.
  static void deliver(PerfectPeer& to, std::deque<Message>& messages) {
    to.loop.queueTask([&to, all = std::exchange(messages, {})] {
      for (const Message& message : all) to.receive(message);
    });
  }
  /// All that waits goes its way, and what is sent from now on, too.
  void release() {
    alice.send = sendAlice_;
    bob.send = sendBob_;
    for (Message& message : std::exchange(toBob, {})) alice.send(std::move(message));
    for (Message& message : std::exchange(toAlice, {})) bob.send(std::move(message));
  }
  /// Both are stable and ask for nothing for a second. False after half a minute of other things.
  bool settled() {
    for (int quiet = 0, rounds = 0; rounds < 300; ++rounds) {
      const int before = neededByAlice + neededByBob;
      network.runFor(100ms);
      const bool stable = alice.pc.signalingState() == S::stable && bob.pc.signalingState() == S::stable;
      quiet = stable && before == neededByAlice + neededByBob ? quiet + 1 : 0;
      if (quiet == 10) return true;
    }
    return false;
  }
  std::vector<std::string> failures() const {
    std::vector<std::string> all = alice.failures;
    all.insert(all.end(), bob.failures.begin(), bob.failures.end());
    return all;
  }

  std::deque<Message> toAlice, toBob;
  int neededByAlice = 0, neededByBob = 0;

 private:
  std::function<void(Message)> sendAlice_, sendBob_;
};

TEST(PerfectNegotiation, Rule98_TheOfferItIgnoresLeavesTheImpolitePeerAsItWas) {
  HeldPair pair(98);
  RTCPeerConnection& a = pair.alice.pc;
  RTCPeerConnection& b = pair.bob.pc;
  std::shared_ptr<RTCDataChannel> remote;
  int heard = 0;
  b.ondatachannel = [&](RTCDataChannelEvent& e) {
    remote = e.channel;
    remote->onmessage = [&] { ++heard; };
  };
  a.addTransceiver(MediaKind::audio);  // the candidates will be of this section, which exists already
  auto channel = a.createDataChannel("x");
  ASSERT_TRUE(pair.settled());
  ASSERT_TRUE(pair.connected());

  // Both offer at once, the polite one with new ICE credentials, whose candidates follow.
  pair.hold();
  a.addTransceiver(MediaKind::audio);
  b.restartIce();
  b.addTransceiver(MediaKind::video);
  pair.network.runFor(200ms);
  ASSERT_EQ(a.signalingState(), S::have_local_offer);
  ASSERT_GE(pair.toAlice.size(), 3u) << "the offer, a candidate and the end of them";
  const auto before = everythingOf(a);
  std::vector<std::string> fired;
  const auto note = [&](const char* what) { return [&fired, what] { fired.emplace_back(what); }; };
  a.onsignalingstatechange = note("signalingstatechange");
  a.ontrack = note("track");
  a.onicegatheringstatechange = note("icegatheringstatechange");
  a.oniceconnectionstatechange = note("iceconnectionstatechange");
  a.onconnectionstatechange = note("connectionstatechange");
  HeldPair::deliver(pair.alice, pair.toAlice);
  channel->send("meanwhile");
  pair.network.runFor(1s);
  EXPECT_EQ(pair.alice.ignoredOffers, 1);
  EXPECT_GE(pair.alice.suppressed.size(), 2u);
  EXPECT_EQ(pair.alice.suppressed, std::vector<std::string>(pair.alice.suppressed.size(), "OperationError"));
  EXPECT_EQ(everythingOf(a), before);
  EXPECT_EQ(fired, std::vector<std::string>{});
  EXPECT_EQ(heard, 1);

  // The polite one gives way, and what it wanted comes afterwards.
  const auto ufrag = a.sctp()->transport()->iceTransport()->getSelectedCandidatePair()->remote()->usernameFragment();
  pair.release();
  ASSERT_TRUE(pair.settled());
  EXPECT_EQ(a.getTransceivers().size(), 3u);
  EXPECT_EQ(b.getTransceivers().size(), 3u);
  EXPECT_NE(a.sctp()->transport()->iceTransport()->getSelectedCandidatePair()->remote()->usernameFragment(), ufrag);
  EXPECT_EQ(pair.failures(), std::vector<std::string>{});
}

TEST(PerfectNegotiation, Rule98_CandidatesOfIgnoredOffersMayBeDropped) {
  for (const bool drops : {false, true}) {
    HeldPair pair(99);
    pair.alice.dropsIgnoredCandidates = drops;
    pair.alice.pc.createDataChannel("x");
    pair.bob.pc.createDataChannel("y");
    EXPECT_TRUE(pair.network.runUntil([&] { return pair.connected(); }, 30s)) << drops;
    EXPECT_TRUE(pair.settled()) << drops;
    EXPECT_EQ(pair.alice.ignoredOffers, 1) << drops;
    // There is no remote description yet that a candidate could belong to.
    EXPECT_EQ(pair.alice.suppressed, std::vector<std::string>(drops ? 0 : 2, "InvalidStateError")) << drops;
    EXPECT_EQ(pair.failures(), std::vector<std::string>{}) << drops;
  }
}

/// A peer offers, and the other, which answers, has an offer of its own right behind its answer. Returns the states that the
/// first one went through from the answer on.
std::vector<std::string> offerBehindAnswer(HeldPair& pair, PerfectPeer& first, std::deque<Message>& toFirst, PerfectPeer& second,
                                           std::deque<Message>& toSecond, bool moreOfItsOwn) {
  pair.hold();
  first.pc.createDataChannel("x");
  pair.network.runFor(100ms);
  HeldPair::deliver(second, toSecond);
  pair.network.runFor(100ms);
  second.pc.addTransceiver(MediaKind::audio);
  pair.network.runFor(100ms);
  if (moreOfItsOwn) first.pc.addTransceiver(MediaKind::video);
  std::vector<std::string> states;
  first.pc.onsignalingstatechange = [&] { states.emplace_back(toString(first.pc.signalingState())); };
  bool pending = false;
  first.loop.queueTask([&] {
    for (const Message& message : std::exchange(toFirst, {})) {
      if (message.description && message.description->type == RTCSdpType::offer) {
        pending = first.settingAnswer() && first.pc.signalingState() == S::have_local_offer;
      }
      first.receive(message);
    }
  });
  pair.network.runFor(100ms);
  EXPECT_TRUE(pending) << "the offer came while the answer was being set";
  pair.release();
  EXPECT_TRUE(pair.settled());
  first.pc.onsignalingstatechange = nullptr;
  return states;
}

TEST(PerfectNegotiation, Rule99_AnOfferBehindAnAnswerThatIsBeingSetIsNoCollision) {
  for (const bool moreOfItsOwn : {false, true}) {
    for (const bool polite : {false, true}) {
      HeldPair pair(100);
      const auto states = polite ? offerBehindAnswer(pair, pair.bob, pair.toBob, pair.alice, pair.toAlice, moreOfItsOwn)
                                 : offerBehindAnswer(pair, pair.alice, pair.toAlice, pair.bob, pair.toBob, moreOfItsOwn);
      // Neither ignored nor rolled back for: one exchange ends, the next begins; what this side still wants comes third.
      std::vector<std::string> expected = {"stable", "have-remote-offer", "stable"};
      if (moreOfItsOwn) expected.insert(expected.end(), {"have-local-offer", "stable"});
      EXPECT_EQ(states, expected) << polite << moreOfItsOwn;
      EXPECT_EQ(pair.alice.ignoredOffers, 0) << polite << moreOfItsOwn;
      EXPECT_EQ(pair.alice.pc.getTransceivers().size(), moreOfItsOwn ? 2u : 1u) << polite << moreOfItsOwn;
      EXPECT_EQ(pair.bob.pc.getTransceivers().size(), moreOfItsOwn ? 2u : 1u) << polite << moreOfItsOwn;
      EXPECT_EQ(pair.failures(), std::vector<std::string>{}) << polite << moreOfItsOwn;
    }
  }
}

/// Each thing that makes a negotiation due (§4.7.3), for one peer. They build on each other.
class Changes {
 public:
  explicit Changes(PerfectPeer& peer) : peer_(peer), camera_(peer.loop), screen_(peer.loop), microphone_(peer.loop) {}

  static constexpr const char* kNames[] = {"createDataChannel", "addTrack",    "addTransceiver", "addTrack without a stream",
                                           "setStreams",        "direction",   "removeTrack",    "addTrack once more",
                                           "inactive",          "stop",        "restartIce"};
  void make(size_t which) {
    RTCPeerConnection& pc = peer_.pc;
    switch (which) {
      case 0: pc.createDataChannel("x"); break;
      case 1: sender_ = pc.addTrack(camera_.track(), camera_.stream()); break;
      case 2: transceiver_ = pc.addTransceiver(MediaKind::video); break;
      case 3: pc.addTrack(microphone_.track()); break;
      case 4: sender_->setStreams({screen_.stream(), microphone_.stream()}); break;
      case 5: transceiver_->setDirection(RTCRtpTransceiverDirection::recvonly); break;
      case 6: pc.removeTrack(sender_); break;
      case 7: pc.addTrack(screen_.track(), screen_.stream()); break;
      case 8: transceiver_->setDirection(RTCRtpTransceiverDirection::inactive); break;
      case 9: transceiver_->stop(); break;
      case 10: pc.restartIce(); break;
    }
  }

 private:
  PerfectPeer& peer_;
  VideoSource camera_, screen_;
  AudioSource microphone_;
  std::shared_ptr<RTCRtpSender> sender_;
  std::shared_ptr<RTCRtpTransceiver> transceiver_;
};

TEST(PerfectNegotiation, Rule100_EachChangeIsAskedForOnceAndThenItIsQuiet) {
  HeldPair pair(101);
  Changes byAlice(pair.alice), byBob(pair.bob);
  for (size_t which = 0; which < std::size(Changes::kNames); ++which) {
    const int alice = pair.neededByAlice, bob = pair.neededByBob;
    byAlice.make(which);
    ASSERT_TRUE(pair.settled()) << Changes::kNames[which];
    EXPECT_EQ(pair.neededByAlice, alice + 1) << Changes::kNames[which];
    EXPECT_EQ(pair.neededByBob, bob) << Changes::kNames[which];
    byBob.make(which);
    ASSERT_TRUE(pair.settled()) << Changes::kNames[which];
    EXPECT_EQ(pair.neededByAlice, alice + 1) << Changes::kNames[which];
    EXPECT_EQ(pair.neededByBob, bob + (which == 0 ? 0 : 1)) << Changes::kNames[which];  // a second channel needs nothing
  }
  EXPECT_TRUE(pair.connected());
  EXPECT_EQ(pair.failures(), std::vector<std::string>{});
}

TEST(PerfectNegotiation, Rule100_CrossedChangesBecomeQuiet) {
  HeldPair pair(102);
  Changes byAlice(pair.alice), byBob(pair.bob);
  for (size_t which = 0; which < std::size(Changes::kNames); ++which) {
    byAlice.make(which);
    byBob.make(which);
    ASSERT_TRUE(pair.settled()) << Changes::kNames[which];
    const int needed = pair.neededByAlice + pair.neededByBob;
    const auto alice = everythingOf(pair.alice.pc), bob = everythingOf(pair.bob.pc);
    pair.network.runFor(10s);
    EXPECT_EQ(pair.neededByAlice + pair.neededByBob, needed) << Changes::kNames[which];
    EXPECT_EQ(everythingOf(pair.alice.pc), alice) << Changes::kNames[which];
    EXPECT_EQ(everythingOf(pair.bob.pc), bob) << Changes::kNames[which];
  }
  EXPECT_GT(pair.alice.ignoredOffers, 5);
  EXPECT_TRUE(pair.connected());
  EXPECT_EQ(pair.failures(), std::vector<std::string>{});
}

}  // namespace
}  // namespace peerage::calls
