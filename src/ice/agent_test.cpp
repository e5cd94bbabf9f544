// Two agents against each other in virtual time.
#include "ice/agent.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ice/testing/network.hpp"

namespace peerage::ice {
namespace {

using ::testing::ElementsAre;
using testing::at;
using testing::Call;
using testing::Nat;
using testing::Peer;

constexpr const char* kA = "192.0.2.1:5000";
constexpr const char* kB = "198.51.100.1:6000";
constexpr const char* kServer = "203.0.113.9:3478";

TEST(IceAgent, HostsConnectAndComplete) {
  Call call;
  call.gather(*call.a, {kA});
  call.gather(*call.b, {kB});
  EXPECT_EQ(call.a->agent.state(), State::new_);
  call.exchangeParameters();
  ASSERT_TRUE(call.net.run(2s, [&] { return call.completed(); }));
  EXPECT_THAT(call.a->states, ElementsAre(State::checking, State::connected, State::completed));
  EXPECT_EQ(call.a->states, call.b->states);
  EXPECT_EQ(call.a->agent.sendPath(), (Path{at(kA), at(kB)}));
  EXPECT_EQ(call.b->agent.sendPath(), (Path{at(kB), at(kA)}));
  EXPECT_TRUE(call.a->agent.validated(at(kA), at(kB)));
  EXPECT_FALSE(call.a->agent.validated(at(kA), at("198.51.100.1:6001")));
  EXPECT_EQ(call.a->agent.roundTripTime(), Duration(40ms));
  EXPECT_EQ(call.a->agent.selectedPair()->local.candidate.type, CandidateType::host);
  EXPECT_EQ(call.a->selections, 1);
  EXPECT_EQ(call.b->selections, 1);
  EXPECT_EQ(call.a->agent.selectedPairChanges(), 1u);
  const auto pairs = call.a->agent.pairStats();
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_TRUE(pairs[0].nominated && pairs[0].selected);
  EXPECT_EQ(pairs[0].state, PairState::succeeded);
  EXPECT_EQ(pairs[0].requestsSent, 3u);  // the check, the triggered one that crossed its response, the nomination
  EXPECT_EQ(pairs[0].responsesReceived, 2u);
  EXPECT_EQ(pairs[0].totalRoundTripTime, Duration(80ms));
  EXPECT_EQ(pairs[0].currentRoundTripTime, Duration(40ms));
}

TEST(IceAgent, ConnectsWithinThreeRoundTripsOfTheParameters) {
  Call call;
  call.gather(*call.a, {kA});
  call.gather(*call.b, {kB});
  const Timestamp start = call.net.now;
  call.exchangeParameters();
  ASSERT_TRUE(call.net.run(2s, [&] { return call.agree(); }));
  // Signalling 30 ms, a check 40 ms, its nomination 40 ms, and no wait for pacing in between but one tick.
  EXPECT_LE(call.net.now - start, 130ms);
}

TEST(IceAgent, GatheringTellsTypesFoundationsAndPriorities) {
  Call call;
  call.net.addStunServer(at(kServer));
  auto& nat = call.net.addNat(at("203.0.113.1:0").ip);
  call.net.putBehind(at("10.0.0.1:0").ip, nat);
  call.gather(*call.a, {"10.0.0.1:5000", "[2001:db8::1]:5000"}, {kServer});
  EXPECT_EQ(call.a->agent.gatheringState(), GatheringState::gathering);
  call.net.run(1s);
  EXPECT_EQ(call.a->agent.gatheringState(), GatheringState::complete);
  ASSERT_EQ(call.a->gathered.size(), 3u);
  const auto& v4 = call.a->gathered[0];
  const auto& v6 = call.a->gathered[1];
  const auto& srflx = call.a->gathered[2];
  EXPECT_EQ(v4.type, CandidateType::host);
  EXPECT_GT(v6.priority, v4.priority);  // RFC 8421
  EXPECT_NE(v6.foundation, v4.foundation);
  EXPECT_EQ(srflx.type, CandidateType::srflx);
  EXPECT_EQ(srflx.address, "203.0.113.1");
  EXPECT_EQ(srflx.relatedAddress, "10.0.0.1");
  EXPECT_EQ(srflx.relatedPort, 5000);
  EXPECT_LT(srflx.priority, v4.priority);
  EXPECT_EQ(srflx.ufrag, call.a->agent.localParameters().ufrag);
  EXPECT_EQ(call.a->agent.localCandidates()[2].url, std::string("stun:") + kServer);
}

TEST(IceAgent, AServerReflexiveCandidateThatIsTheHostIsRedundant) {
  Call call;
  call.net.addStunServer(at(kServer));
  call.gather(*call.a, {kA}, {kServer});
  call.net.run(1s);
  EXPECT_EQ(call.a->gathered.size(), 1u);
  EXPECT_EQ(call.a->agent.gatheringState(), GatheringState::complete);
}

TEST(IceAgent, AServerThatDoesNotAnswerIsReported) {
  Call call;
  call.gather(*call.a, {kA}, {kServer});
  call.net.run(9s);
  EXPECT_EQ(call.a->agent.gatheringState(), GatheringState::gathering);
  call.net.run(2s);
  EXPECT_EQ(call.a->agent.gatheringState(), GatheringState::complete);
  ASSERT_EQ(call.a->errors.size(), 1u);
  EXPECT_EQ(call.a->errors[0].code, 701);
  EXPECT_EQ(call.a->errors[0].local, at(kA));
  EXPECT_EQ(call.a->errors[0].url, std::string("stun:") + kServer);
}

TEST(IceAgent, AServersErrorIsReported) {
  SeededRandom random(1);
  Agent agent({}, random);
  agent.addLocalHost(Timestamp{1s}, at(kA));
  agent.addStunServer(Timestamp{1s}, at(kServer), "stun:x");
  agent.endOfHosts(Timestamp{1s});
  const auto request = agent.pollTransmit();
  ASSERT_TRUE(request);
  Bytes response;
  const auto id = stun::Message::parse(request->data)->transactionId();
  stun::Builder(response, stun::Class::error, stun::Method::binding, id)
      .errorCode(500, "Server Error");
  EXPECT_EQ(agent.handleInput(Timestamp{2s}, at(kA), at("203.0.113.10:3478"), response), InputResult::rejected);
  EXPECT_EQ(agent.handleInput(Timestamp{2s}, at(kA), at(kServer), response), InputResult::handled);
  EXPECT_EQ(agent.handleInput(Timestamp{2s}, at(kA), at(kServer), response), InputResult::unknown);
  EXPECT_EQ(agent.gatheringState(), GatheringState::complete);
  std::optional<CandidateError> error;
  while (const auto event = agent.pollEvent()) {
    if (const auto* each = std::get_if<CandidateError>(&*event)) error = *each;
  }
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, 500);
  EXPECT_EQ(error->text, "Server Error");
}

TEST(IceAgent, AHostNameHidesTheAddressEverywhere) {
  Call call;
  call.net.addStunServer(at(kServer));
  auto& nat = call.net.addNat(at("203.0.113.1:0").ip);
  call.net.putBehind(at("10.0.0.1:0").ip, nat);
  call.a->sockets.push_back(at("10.0.0.1:5000"));
  call.a->agent.addLocalHost(call.net.now, at("10.0.0.1:5000"), {.hostName = "abc.local"});
  call.a->agent.addStunServer(call.net.now, at(kServer), "stun:x");
  call.a->agent.endOfHosts(call.net.now);
  call.net.run(1s);
  ASSERT_EQ(call.a->gathered.size(), 2u);
  EXPECT_EQ(call.a->gathered[0].address, "abc.local");
  EXPECT_EQ(call.a->gathered[1].relatedAddress, "0.0.0.0");
  EXPECT_EQ(call.a->gathered[1].relatedPort, 9);
}

TEST(IceAgent, ThroughTwoFilteringNats) {
  Call call;
  call.net.addStunServer(at(kServer));
  auto& natA = call.net.addNat(at("203.0.113.1:0").ip);
  auto& natB = call.net.addNat(at("203.0.113.2:0").ip);
  call.net.putBehind(at("10.0.0.1:0").ip, natA);
  call.net.putBehind(at("10.1.0.1:0").ip, natB);
  call.gather(*call.a, {"10.0.0.1:5000"}, {kServer});
  call.gather(*call.b, {"10.1.0.1:5000"}, {kServer});
  call.exchangeParameters();
  ASSERT_TRUE(call.net.run(5s, [&] { return call.completed(); }));
  const auto pair = call.a->agent.selectedPair();
  EXPECT_EQ(pair->local.candidate.type, CandidateType::srflx);
  EXPECT_EQ(pair->remote.candidate.type, CandidateType::srflx);
  EXPECT_EQ(pair->path.local, at("10.0.0.1:5000"));
}

TEST(IceAgent, ASymmetricNatIsLearntPeerReflexively) {
  Call call;
  call.net.addStunServer(at(kServer));
  auto& nat = call.net.addNat(at("203.0.113.1:0").ip);
  nat.symmetric = true;
  call.net.putBehind(at("10.0.0.1:0").ip, nat);
  call.gather(*call.a, {"10.0.0.1:5000"}, {kServer});
  call.gather(*call.b, {kB}, {kServer});
  call.exchangeParameters();
  ASSERT_TRUE(call.net.run(5s, [&] { return call.completed(); }));
  EXPECT_EQ(call.a->agent.selectedPair()->local.candidate.type, CandidateType::prflx);
  EXPECT_EQ(call.b->agent.selectedPair()->remote.candidate.type, CandidateType::prflx);
  EXPECT_EQ(call.b->agent.remoteCandidates().size(), 2u);  // what was told: host and srflx
  EXPECT_EQ(call.b->agent.allRemoteCandidates().size(), 3u);
}

TEST(IceAgent, APeerReflexiveCandidateBecomesTheSignalledOne) {
  Call call;
  call.a->signalDelay = 3s;  // the check arrives long before the candidate
  call.gather(*call.a, {kA});
  call.gather(*call.b, {kB});
  call.exchangeParameters();
  ASSERT_TRUE(call.net.run(2s, [&] { return call.agree(); }));
  EXPECT_EQ(call.b->agent.selectedPair()->remote.candidate.type, CandidateType::prflx);
  ASSERT_TRUE(call.net.run(3s, [&] { return call.completed(); }));
  EXPECT_EQ(call.b->agent.selectedPair()->remote.candidate.type, CandidateType::host);
  EXPECT_EQ(call.b->agent.allRemoteCandidates().size(), 1u);
}

TEST(IceAgent, ChecksBeforeTheRemoteParametersAreAnsweredAndRemembered) {
  Call call;
  call.gather(*call.a, {kA});
  call.gather(*call.b, {kB});
  call.a->agent.setRemoteParameters(call.net.now, call.b->agent.localParameters());
  call.net.run(1s);
  // a has a response from b, which knows nothing of a's credentials yet.
  EXPECT_EQ(call.a->agent.state(), State::completed);
  EXPECT_TRUE(call.b->agent.validated(at(kB), at(kA)));
  EXPECT_FALSE(call.b->agent.sendPath());
  EXPECT_EQ(call.b->agent.state(), State::new_);
  call.b->agent.setRemoteParameters(call.net.now, call.a->agent.localParameters());
  ASSERT_TRUE(call.net.run(1s, [&] { return call.agree(); }));
}

TEST(IceAgent, AnyOrderOfTrickleConnects) {
  // Parameters and each of the candidates at random times, over both directions.
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Call call(seed);
    SeededRandom random(seed * 77);
    call.net.addStunServer(at(kServer));
    auto& nat = call.net.addNat(at("203.0.113.1:0").ip);
    call.net.putBehind(at("10.0.0.1:0").ip, nat);
    const auto soon = [&] { return Duration(static_cast<int64_t>(random.below(500'000'000))); };
    for (Peer* peer : {call.a.get(), call.b.get()}) {
      Peer* other = peer == call.a.get() ? call.b.get() : call.a.get();
      peer->signalDelay = soon();
      call.net.after(soon(), [&call, peer, other] {
        peer->agent.setRemoteParameters(call.net.now, other->agent.localParameters());
      });
      call.net.after(soon(), [&call, peer] {
        const bool first = peer == call.a.get();
        call.gather(*peer, {first ? "10.0.0.1:5000" : kB, first ? "[2001:db8::a]:1" : "[2001:db8::b]:1"}, {kServer});
      });
    }
    ASSERT_TRUE(call.net.run(5s, [&] { return call.completed(); })) << "seed " << seed;
    ASSERT_FALSE(call.net.spinning);
  }
}

TEST(IceAgent, RoleConflictsAreResolvedBothWays) {
  for (const Role role : {Role::controlling, Role::controlled}) {
    for (const bool firstWins : {true, false}) {
      Call call(5);
      call.a = std::make_unique<Peer>(AgentOptions{.role = role, .tiebreaker = firstWins ? 9u : 4u}, 1);
      call.b = std::make_unique<Peer>(AgentOptions{.role = role, .tiebreaker = 7}, 2);
      Call fresh(6);
      fresh.net = testing::Network(7);
      fresh.a = std::move(call.a);
      fresh.b = std::move(call.b);
      fresh.wire();
      fresh.gather(*fresh.a, {kA});
      fresh.gather(*fresh.b, {kB});
      fresh.exchangeParameters();
      ASSERT_TRUE(fresh.net.run(5s, [&] { return fresh.completed(); }));
      EXPECT_NE(fresh.a->agent.role(), fresh.b->agent.role());
      EXPECT_EQ(fresh.a->agent.role() == Role::controlling, firstWins);
      EXPECT_EQ(fresh.a->count<RoleChanged>() + fresh.b->count<RoleChanged>(), 1);
    }
  }
}

TEST(IceAgent, EqualTiebreakersAreSettledToo) {
  for (uint64_t seed = 1; seed < 20; ++seed) {
    Call call(seed, {.tiebreaker = 5});
    call.a->agent.setRole(Role::controlled);  // as b is
    call.gather(*call.a, {kA});
    call.gather(*call.b, {kB});
    call.exchangeParameters();
    // When both have switched at the same time the next consent check finds it.
    ASSERT_TRUE(call.net.run(15s, [&] { return call.completed(); })) << seed;
    EXPECT_NE(call.a->agent.role(), call.b->agent.role());
  }
}

TEST(IceAgent, Ipv6IsPreferredAndLinkLocalStaysAmongItsKind) {
  Call call;
  call.gather(*call.a, {kA, "[2001:db8::a]:5000", "[fe80::a]:5000"});
  call.gather(*call.b, {kB, "[2001:db8::b]:5000", "[fe80::b]:5000"});
  call.exchangeParameters();
  ASSERT_TRUE(call.net.run(5s, [&] { return call.completed(); }));
  EXPECT_EQ(call.a->agent.sendPath(), (Path{at("[2001:db8::a]:5000"), at("[2001:db8::b]:5000")}));
  for (const auto& pair : call.a->agent.pairStats()) {
    EXPECT_EQ(pair.path.local.ip.isLinkLocal(), pair.path.remote.ip.isLinkLocal());
  }
}

TEST(IceAgent, NothingWorksAndOnlyPatienceFails) {
  Call call;
  call.net.blocked = [](const auto&, const auto&) { return true; };
  call.gather(*call.a, {kA});
  call.gather(*call.b, {kB});
  call.exchangeParameters();
  call.net.run(39s);
  EXPECT_TRUE(call.both(State::checking));
  call.net.run(2s);
  EXPECT_TRUE(call.both(State::failed));
  EXPECT_FALSE(call.a->agent.sendPath());
  EXPECT_THAT(call.a->states, ElementsAre(State::checking, State::failed));
  // Terminal: nothing is sent any more, and nothing is left to wake up for.
  const uint64_t sent = call.a->sent;
  call.net.blocked = nullptr;
  call.net.run(60s);
  EXPECT_EQ(call.a->sent, sent);
  EXPECT_TRUE(call.both(State::failed));
  EXPECT_FALSE(call.a->agent.nextTimeout());
}

TEST(IceAgent, NoLocalCandidateFailsAtOnceWhenThePeerHasNoMore) {
  Call call(1, {.policy = TransportPolicy::relay});
  call.gather(*call.a, {kA});
  EXPECT_TRUE(call.a->gathered.empty());
  call.exchangeParameters();
  call.a->agent.addRemoteCandidate(call.net.now, Candidate::parse("1 1 udp 1 198.51.100.1 6000 typ host").value());
  EXPECT_EQ(call.a->agent.state(), State::checking);
  call.a->agent.endOfRemoteCandidates(call.net.now);
  EXPECT_EQ(call.a->agent.state(), State::failed);
}

TEST(IceAgent, ConsentIsLostAndComesBack) {
  Call call;
  call.gather(*call.a, {kA});
  call.gather(*call.b, {kB});
  call.exchangeParameters();
  ASSERT_TRUE(call.net.run(2s, [&] { return call.completed(); }));
  call.net.run(60s);
  EXPECT_TRUE(call.both(State::completed));
  call.net.blocked = [](const auto&, const auto&) { return true; };
  ASSERT_TRUE(call.net.run(12s, [&] { return call.both(State::disconnected); }));
  EXPECT_TRUE(call.a->agent.sendPath());  // consent lasts
  call.net.run(5s);
  call.net.blocked = nullptr;
  ASSERT_TRUE(call.net.run(7s, [&] { return call.both(State::completed); }));
}

TEST(IceAgent, ConsentExpiresAfterThirtySeconds) {
  Call call;
  call.gather(*call.a, {kA});
  call.gather(*call.b, {kB});
  call.exchangeParameters();
  ASSERT_TRUE(call.net.run(2s, [&] { return call.completed(); }));
  call.net.run(30s);
  call.net.blocked = [](const auto&, const auto&) { return true; };
  call.net.run(23s);
  EXPECT_TRUE(call.both(State::disconnected));
  call.net.run(20s);
  EXPECT_TRUE(call.both(State::failed));
  EXPECT_FALSE(call.a->agent.sendPath());
  EXPECT_THAT(call.a->states, ElementsAre(State::checking, State::connected, State::completed, State::disconnected,
                                          State::failed));
  // RFC 7675 §5.1: no data, and no resurrection without a restart.
  call.net.blocked = nullptr;
  call.net.run(30s);
  EXPECT_TRUE(call.both(State::failed));
}

TEST(IceAgent, ConsentChecksAreFourToSixSecondsApartAndSentOnce) {
  Call call;
  call.gather(*call.a, {kA});
  call.gather(*call.b, {kB});
  call.exchangeParameters();
  ASSERT_TRUE(call.net.run(2s, [&] { return call.completed(); }));
  std::vector<Timestamp> times;
  call.net.observe = [&](const SocketAddress& from, const SocketAddress&, ByteView data) {
    if (from == at(kA) && stun::Message::parse(data)->isRequest()) times.push_back(call.net.now);
  };
  call.net.run(300s);
  ASSERT_GT(times.size(), 40u);
  for (size_t i = 1; i < times.size(); ++i) {
    EXPECT_GE(times[i] - times[i - 1], 4s);
    EXPECT_LE(times[i] - times[i - 1], 6100ms);
  }
}

TEST(IceAgent, ARestartKeepsDataFlowing) {
  Call call;
  call.gather(*call.a, {kA});
  call.gather(*call.b, {kB});
  call.exchangeParameters();
  ASSERT_TRUE(call.net.run(2s, [&] { return call.completed(); }));
  const Parameters before = call.a->agent.localParameters();
  const uint64_t oldPair = call.a->agent.selectedPair()->id;
  bool gap = false;
  call.a->agent.restart(call.net.now);
  EXPECT_NE(call.a->agent.localParameters().ufrag, before.ufrag);
  EXPECT_EQ(call.a->agent.gatheringState(), GatheringState::new_);
  EXPECT_EQ(call.a->agent.state(), State::connected);
  call.gather(*call.a, {kA});
  // 20 seconds of signalling: consent and data go on over the old pair.
  call.net.run(20s, [&] { return gap = gap || !call.a->agent.sendPath() || !call.b->agent.sendPath(); });
  EXPECT_FALSE(gap);
  EXPECT_EQ(call.a->agent.selectedPair()->id, oldPair);
  EXPECT_EQ(call.a->agent.pairInUse()->id, oldPair);
  EXPECT_EQ(call.a->agent.counters().unauthenticated, 0u);
  const int pathChanges = call.a->count<SendPathChanged>();
  call.b->agent.restart(call.net.now);
  call.gather(*call.b, {kB});
  call.exchangeParameters();
  // What was trickled before the new parameters reached the old generation; signalling tells it again.
  for (const auto& each : call.a->agent.localCandidates()) {
    call.b->agent.addRemoteCandidate(call.net.now, each.candidate);
  }
  ASSERT_TRUE(call.net.run(2s, [&] {
    gap = gap || !call.a->agent.sendPath() || !call.b->agent.sendPath();
    return call.a->agent.selectedPair()->id != oldPair && call.agree();
  }));
  EXPECT_FALSE(gap);
  // Over the same addresses, but it is another pair.
  EXPECT_EQ(call.a->count<SendPathChanged>(), pathChanges + 1);
  EXPECT_EQ(call.a->agent.pairInUse()->id, call.a->agent.selectedPair()->id);
  EXPECT_EQ(call.a->agent.pairInUse()->remote.candidate.ufrag, call.b->agent.localParameters().ufrag);
  EXPECT_EQ(call.a->agent.role(), Role::controlling);
  EXPECT_EQ(call.a->agent.pairStats().front().generation, 1u);
}

TEST(IceAgent, ARestartRevivesAFailedSession) {
  Call call;
  bool cut = true;
  call.net.blocked = [&](const auto&, const auto&) { return cut; };
  call.gather(*call.a, {kA});
  call.gather(*call.b, {kB});
  call.exchangeParameters();
  call.net.run(45s);
  ASSERT_TRUE(call.both(State::failed));
  cut = false;
  call.a->agent.restart(call.net.now);
  call.b->agent.restart(call.net.now);
  EXPECT_TRUE(call.both(State::checking));
  call.exchangeParameters();
  call.gather(*call.a, {kA});
  call.gather(*call.b, {kB});
  ASSERT_TRUE(call.net.run(2s, [&] { return call.completed(); }));
}

TEST(IceAgent, ARestartFromDisconnectedIsChecking) {
  Call call;
  bool cut = false;
  call.net.blocked = [&](const auto&, const auto&) { return cut; };
  call.gather(*call.a, {kA});
  call.gather(*call.b, {kB});
  call.exchangeParameters();
  ASSERT_TRUE(call.net.run(2s, [&] { return call.completed(); }));
  cut = true;
  ASSERT_TRUE(call.net.run(12s, [&] { return call.both(State::disconnected); }));
  call.a->agent.restart(call.net.now);
  EXPECT_EQ(call.a->agent.state(), State::checking);
}

TEST(IceAgent, ThePeerAloneRestarts) {
  Call call;
  call.gather(*call.a, {kA});
  call.gather(*call.b, {kB});
  call.exchangeParameters();
  ASSERT_TRUE(call.net.run(2s, [&] { return call.completed(); }));
  call.b->agent.restart(call.net.now);
  call.b->agent.setRemoteParameters(call.net.now, call.a->agent.localParameters());
  for (const auto& each : call.a->agent.localCandidates()) {
    call.b->agent.addRemoteCandidate(call.net.now, each.candidate);
  }
  call.gather(*call.b, {kB});
  call.net.run(2s);  // b's checks come before a knows of the restart: answered, remembered
  call.a->agent.setRemoteParameters(call.net.now, call.b->agent.localParameters());
  EXPECT_TRUE(call.a->agent.sendPath());
  ASSERT_TRUE(call.net.run(3s, [&] {
    const auto pairs = call.a->agent.pairStats();
    return call.agree() && pairs.size() == 1 && pairs[0].generation == 1 && pairs[0].selected;
  }));
}

TEST(IceAgent, ANatThatRebindsIsFollowed) {
  for (const bool controllingMoves : {true, false}) {
    Call call;
    auto& nat = call.net.addNat(at("203.0.113.1:0").ip);
    call.net.putBehind(at("10.0.0.1:0").ip, nat);
    Peer& moving = controllingMoves ? *call.a : *call.b;
    Peer& staying = controllingMoves ? *call.b : *call.a;
    call.gather(moving, {"10.0.0.1:5000"});
    call.gather(staying, {kB});
    call.exchangeParameters();
    ASSERT_TRUE(call.net.run(2s, [&] { return call.completed(); }));
    for (int i = 0; i < 150; ++i) {  // more often than candidates have room: old ones give way
      nat.rebind();
      const Path moved{at(kB), {nat.address, static_cast<uint16_t>(nat.nextPort)}};
      ASSERT_TRUE(call.net.run(25s, [&] { return staying.agent.sendPath() == moved && call.completed(); })) << i;
      ASSERT_TRUE(staying.agent.validated(moved.local, moved.remote));
    }
  }
}

TEST(IceAgent, RelayedCandidatesLeaveFromTheRelayedAddress) {
  Call call(1, {.policy = TransportPolicy::relay});
  const auto relayA = at("203.0.113.50:1000");
  call.a->sockets = {relayA};
  call.a->agent.addRelay(call.net.now, relayA, at("203.0.113.1:4444"), at(kServer), "turn:x", RelayProtocol::udp);
  call.a->agent.endOfHosts(call.net.now);
  call.b->sockets = {at("203.0.113.51:1000")};
  call.b->agent.addRelay(call.net.now, at("203.0.113.51:1000"), at("203.0.113.2:4444"), at(kServer), "turn:x",
                         RelayProtocol::tls);
  call.b->agent.endOfHosts(call.net.now);
  call.exchangeParameters();
  ASSERT_TRUE(call.net.run(3s, [&] { return call.completed(); }));
  EXPECT_EQ(call.a->agent.sendPath()->local, relayA);
  EXPECT_EQ(call.a->gathered[0].type, CandidateType::relay);
  EXPECT_EQ(call.a->gathered[0].relatedAddress, "0.0.0.0");  // the relay policy hides it
  EXPECT_GT(call.a->gathered[0].priority, call.b->gathered[0].priority);
}

TEST(IceAgent, ADirectPairWinsOverAnEarlierRelay) {
  Call call;
  call.net.latency = 60ms;
  const auto relay = at("203.0.113.50:1000");
  call.a->sockets = {relay};
  call.a->agent.addRelay(call.net.now, relay, at("203.0.113.1:4444"), at(kServer), "turn:x", RelayProtocol::udp);
  call.gather(*call.b, {kB});
  call.exchangeParameters();
  call.net.run(500ms);
  EXPECT_TRUE(call.a->agent.sendPath());  // usable, and used, but not nominated yet
  EXPECT_FALSE(call.a->agent.selectedPair());
  call.gather(*call.a, {kA});
  ASSERT_TRUE(call.net.run(3s, [&] { return call.completed(); }));
  EXPECT_EQ(call.a->agent.selectedPair()->path.local, at(kA));
}

TEST(IceAgent, ClosedSendsAndAnswersNothing) {
  Call call;
  call.gather(*call.a, {kA});
  call.gather(*call.b, {kB});
  call.exchangeParameters();
  ASSERT_TRUE(call.net.run(2s, [&] { return call.completed(); }));
  call.a->agent.close(call.net.now);
  call.net.drain();
  const uint64_t sent = call.a->sent;
  EXPECT_EQ(call.a->agent.state(), State::closed);
  EXPECT_FALSE(call.a->agent.sendPath());
  EXPECT_FALSE(call.a->agent.nextTimeout());
  call.net.run(60s);
  EXPECT_EQ(call.a->sent, sent);
  EXPECT_EQ(call.b->agent.state(), State::failed);
}

TEST(IceAgent, TheSameSeedSendsTheSamePackets) {
  const auto trace = [](uint64_t seed) {
    Call call(seed);
    call.net.loss = 0.2;
    call.net.jitter = 30ms;
    Bytes all;
    call.net.observe = [&](const SocketAddress&, const SocketAddress&, ByteView data) {
      all.insert(all.end(), data.begin(), data.end());
    };
    call.net.addStunServer(at(kServer));
    call.gather(*call.a, {kA, "[2001:db8::a]:1"}, {kServer});
    call.gather(*call.b, {kB, "[2001:db8::b]:1"}, {kServer});
    call.exchangeParameters();
    call.net.run(20s);
    return all;
  };
  EXPECT_EQ(trace(3), trace(3));
  EXPECT_NE(trace(3), trace(4));
}

// Loss, reordering, duplication, NATs of both kinds, several interfaces: everything at once, over many seeds.
TEST(IceAgent, SeedSweepWithLoss) {
  int restarts = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    Call call(seed);
    call.net.loss = seed % 2 ? 0.1 : 0.2;
    call.net.jitter = 40ms;
    call.net.duplication = 0.05;
    call.net.addStunServer(at(kServer));
    auto& natA = call.net.addNat(at("203.0.113.1:0").ip);
    auto& natB = call.net.addNat(at("203.0.113.2:0").ip);
    natA.symmetric = seed % 4 == 1;
    natB.filters = seed % 3 != 0 && !natA.symmetric;
    call.net.putBehind(at("10.0.0.1:0").ip, natA);
    call.net.putBehind(at("10.1.0.1:0").ip, natB);
    call.gather(*call.a, {"10.0.0.1:5000", "10.0.0.1:5001"}, {kServer});
    call.gather(*call.b, {"10.1.0.1:6000"}, {kServer});
    call.exchangeParameters();
    ASSERT_TRUE(call.net.run(60s, [&] { return call.agree(); })) << "seed " << seed;
    ASSERT_TRUE(call.net.run(60s, [&] { return call.completed(); })) << "seed " << seed;
    call.net.run(30s);
    ASSERT_TRUE(call.a->agent.sendPath() && call.b->agent.sendPath()) << "seed " << seed;
    ASSERT_FALSE(call.net.spinning);
    if (seed % 5 != 0) continue;
    ++restarts;
    call.a->agent.restart(call.net.now);
    call.b->agent.restart(call.net.now);
    call.exchangeParameters();
    call.gather(*call.a, {"10.0.0.1:5000", "10.0.0.1:5001"}, {kServer});
    call.gather(*call.b, {"10.1.0.1:6000"}, {kServer});
    ASSERT_TRUE(call.net.run(60s, [&] { return call.completed(); })) << "seed " << seed;
  }
  EXPECT_EQ(restarts, 80);
}

}  // namespace
}  // namespace peerage::ice
