// What an agent does with packets that nobody honest, or no agent of this kind, sends; and peers of other kinds: lite
// ones, and browsers' way of nominating.
#include <gtest/gtest.h>

#include "ice/agent.hpp"
#include "ice/testing/network.hpp"

namespace peerage::ice {
namespace {

using stun::AttributeType;
using stun::Builder;
using stun::Class;
using stun::Method;
using testing::at;

const SocketAddress kLocal = at("192.0.2.1:5000");
const SocketAddress kRemote = at("198.51.100.1:6000");
const SocketAddress kOther = at("198.51.100.1:6001");

/// One agent, and the test's own hand as its peer.
struct Bench {
  explicit Bench(Role role = Role::controlled, AgentOptions options = {}) {
    options.role = role;
    options.local = {"local", "localpasswordlocalpassword"};
    options.tiebreaker = 1000;
    agent.emplace(std::move(options), random);
    agent->addLocalHost(now, kLocal);
    agent->endOfHosts(now);
  }
  void setRemote(bool lite = false) { agent->setRemoteParameters(now, {"remote", kPassword, lite}); }
  void addRemote(const SocketAddress& address, uint32_t priority = 2130706431) {
    Candidate candidate;
    candidate.foundation = "1";
    candidate.priority = priority;
    candidate.address = address.ip.toString();
    candidate.port = address.port;
    agent->addRemoteCandidate(now, candidate);
  }

  struct Check {
    std::string username = "local:remote";
    std::string_view key = "localpasswordlocalpassword";
    bool useCandidate = false;
    std::optional<uint64_t> controlling = 5;
    std::optional<uint64_t> controlled;
    uint16_t extra = 0;
  };
  Bytes check(const Check& what) {
    Bytes data;
    Builder builder(data, Class::request, Method::binding, stun::TransactionId::random(random));
    builder.username(what.username).priority(1862270975);
    if (what.controlling) builder.iceControlling(*what.controlling);
    if (what.controlled) builder.iceControlled(*what.controlled);
    if (what.useCandidate) builder.useCandidate();
    if (what.extra) builder.number32(static_cast<AttributeType>(what.extra), 1);
    if (!what.key.empty()) builder.integrity(what.key);
    builder.fingerprint();
    return data;
  }
  InputResult receive(const SocketAddress& from, const Bytes& data) {
    return agent->handleInput(now, kLocal, from, data);
  }
  /// The next datagram of that class, others before it thrown away.
  std::optional<Datagram> next(Class wanted) {
    while (auto datagram = agent->pollTransmit()) {
      if (stun::Message::parse(datagram->data)->messageClass() == wanted) return datagram;
    }
    return std::nullopt;
  }
  int errorOf(const std::optional<Datagram>& datagram) {
    if (!datagram) return 0;
    const auto code = stun::Message::parse(datagram->data)->errorCode();
    return code ? code->code : 0;
  }
  /// Answers requests as a peer that hears everything, for so long; a lite one does nothing else.
  void answerFor(Duration duration, const std::function<bool(const SocketAddress&)>& reachable = nullptr) {
    const Timestamp end = now + duration;
    while (true) {
      while (auto datagram = agent->pollTransmit()) {
        const auto message = stun::Message::parse(datagram->data);
        ASSERT_TRUE(message);
        if (!message->isRequest() || (reachable && !reachable(datagram->remote))) continue;
        EXPECT_EQ(message->username(), "remote:local");
        EXPECT_EQ(message->integrity(kPassword), stun::Check::valid);
        EXPECT_EQ(message->fingerprint(), stun::Check::valid);
        nominations += message->useCandidate();
        Bytes response;
        Builder(response, Class::success, Method::binding, message->transactionId())
            .xorAddress(AttributeType::xor_mapped_address, datagram->local)
            .integrity(kPassword)
            .fingerprint();
        agent->handleInput(now, datagram->local, datagram->remote, response);
      }
      const auto timeout = agent->nextTimeout();
      if (!timeout || timeout->at > end) break;
      now = std::max(now, timeout->at);
      agent->handleTimeout(now);
    }
    now = end;
  }

  static constexpr const char* kPassword = "remotepasswordremotepassword";
  SeededRandom random{99};
  Timestamp now{1s};
  std::optional<Agent> agent;
  int nominations = 0;
};

TEST(IceRequests, AGoodOneIsAnsweredToTheAddressItCameFrom) {
  Bench bench;
  const Bytes request = bench.check({});
  EXPECT_EQ(bench.receive(kRemote, request), InputResult::handled);
  const auto response = bench.next(Class::success);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->remote, kRemote);
  EXPECT_EQ(response->local, kLocal);
  const auto message = stun::Message::parse(response->data);
  EXPECT_EQ(message->transactionId(), stun::Message::parse(request)->transactionId());
  EXPECT_EQ(message->xorMappedAddress(), kRemote);
  EXPECT_EQ(message->integrity("localpasswordlocalpassword"), stun::Check::valid);
  EXPECT_EQ(message->fingerprint(), stun::Check::valid);
  EXPECT_TRUE(bench.agent->validated(kLocal, kRemote));
}

TEST(IceRequests, WrongCredentialsAreRefusedAndValidateNothing) {
  Bench bench;
  EXPECT_EQ(bench.receive(kRemote, bench.check({.key = ""})), InputResult::rejected);
  EXPECT_EQ(bench.errorOf(bench.next(Class::error)), 400);
  EXPECT_EQ(bench.receive(kRemote, bench.check({.key = "wrong"})), InputResult::rejected);
  EXPECT_EQ(bench.errorOf(bench.next(Class::error)), 401);
  EXPECT_EQ(bench.receive(kRemote, bench.check({.username = "nobody:remote"})), InputResult::rejected);
  EXPECT_EQ(bench.errorOf(bench.next(Class::error)), 401);
  EXPECT_EQ(bench.receive(kRemote, bench.check({.username = "local"})), InputResult::rejected);
  EXPECT_EQ(bench.agent->counters().unauthenticated, 4u);
  EXPECT_FALSE(bench.agent->validated(kLocal, kRemote));
}

TEST(IceRequests, UnknownRequiredAttributesGet420AndOptionalOnesNothing) {
  Bench bench;
  EXPECT_EQ(bench.receive(kRemote, bench.check({.extra = 0x7001})), InputResult::rejected);
  const auto response = bench.next(Class::error);
  EXPECT_EQ(bench.errorOf(response), 420);
  EXPECT_EQ(stun::Message::parse(response->data)->unknownAttributes(), std::vector<uint16_t>{0x7001});
  for (const uint16_t type : {0xC001, 0xC057, 0xC058, 0xC059, 0xC05C, 0xC070}) {
    EXPECT_EQ(bench.receive(kRemote, bench.check({.extra = type})), InputResult::handled);
    EXPECT_TRUE(bench.next(Class::success));
  }
}

TEST(IceRequests, AFloodOfStrangersIsAnsweredSparinglyAndLeavesNoState) {
  Bench bench;
  for (int i = 0; i < 20000; ++i) {
    SocketAddress from = kRemote;
    from.port = static_cast<uint16_t>(i + 1);
    bench.now += 10us;
    bench.receive(from, bench.check({.username = i % 2 ? "local:remote" : "x:y", .key = "guess"}));
  }
  int answers = 0;
  while (bench.agent->pollTransmit()) ++answers;
  EXPECT_LE(answers, 13);
  EXPECT_EQ(bench.agent->counters().unauthenticated, 20000u);
  EXPECT_TRUE(bench.agent->pairStats().empty());
  EXPECT_TRUE(bench.agent->allRemoteCandidates().empty());
}

TEST(IceRequests, AnAuthenticatedPeerFromManyPortsIsBounded) {
  Bench bench;
  bench.setRemote();
  for (int i = 0; i < 5000; ++i) {
    SocketAddress from = kRemote;
    from.port = static_cast<uint16_t>(i + 1);
    bench.now += 1ms;
    bench.receive(from, bench.check({}));
    while (bench.agent->pollTransmit()) continue;
    bench.agent->handleTimeout(bench.now);
  }
  EXPECT_LE(bench.agent->pairStats().size(), 100u);
  EXPECT_LE(bench.agent->allRemoteCandidates().size(), 128u);
  EXPECT_GT(bench.agent->counters().limited, 0u);
}

TEST(IceRequests, EarlyOnesAreBounded) {
  Bench bench;
  for (int i = 0; i < 1000; ++i) {
    SocketAddress from = kRemote;
    from.port = static_cast<uint16_t>(i + 1);
    EXPECT_EQ(bench.receive(from, bench.check({})), InputResult::handled);
  }
  bench.setRemote();
  EXPECT_EQ(bench.agent->allRemoteCandidates().size(), 32u);
  EXPECT_EQ(bench.agent->state(), State::checking);
}

TEST(IceRequests, UnderTheRelayPolicyHostsDoNotAnswer) {
  Bench bench(Role::controlled, {.policy = TransportPolicy::relay});
  EXPECT_EQ(bench.receive(kRemote, bench.check({})), InputResult::unknown);
  EXPECT_FALSE(bench.agent->pollTransmit());
  EXPECT_FALSE(bench.agent->validated(kLocal, kRemote));
}

TEST(IceRequests, RoleConflicts) {
  Bench loses(Role::controlled);  // its tiebreaker is 1000
  EXPECT_EQ(loses.receive(kRemote, loses.check({.controlling = {}, .controlled = 2000})), InputResult::handled);
  EXPECT_EQ(loses.errorOf(loses.next(Class::error)), 487);
  EXPECT_EQ(loses.agent->role(), Role::controlled);
  EXPECT_FALSE(loses.agent->validated(kLocal, kRemote));
  EXPECT_EQ(loses.receive(kRemote, loses.check({.controlling = {}, .controlled = 1000})), InputResult::handled);
  EXPECT_TRUE(loses.next(Class::success));
  EXPECT_EQ(loses.agent->role(), Role::controlling);
  EXPECT_EQ(loses.receive(kRemote, loses.check({.controlling = 1000})), InputResult::handled);
  EXPECT_EQ(loses.errorOf(loses.next(Class::error)), 487);
  EXPECT_EQ(loses.receive(kRemote, loses.check({.controlling = 1001})), InputResult::handled);
  EXPECT_EQ(loses.agent->role(), Role::controlled);
}

TEST(IceResponses, ForgedOnesChangeNothing) {
  Bench bench(Role::controlling);
  bench.setRemote();
  bench.addRemote(kRemote);
  const auto request = bench.next(Class::request);
  ASSERT_TRUE(request);
  const auto id = stun::Message::parse(request->data)->transactionId();
  const auto respond = [&](const SocketAddress& from, std::string_view key, Class kind) {
    Bytes data;
    Builder builder(data, kind, Method::binding, id);
    if (kind == Class::error) builder.errorCode(400, "");
    builder.xorAddress(AttributeType::xor_mapped_address, kLocal);
    if (!key.empty()) builder.integrity(key);
    return bench.receive(from, data);
  };
  EXPECT_EQ(respond(kRemote, "", Class::success), InputResult::rejected);
  EXPECT_EQ(respond(kRemote, "guess", Class::success), InputResult::rejected);
  EXPECT_EQ(respond(kRemote, "", Class::error), InputResult::rejected);
  EXPECT_EQ(bench.agent->pairStats()[0].state, PairState::in_progress);
  // From elsewhere, though authentic: not a symmetric path (RFC 8445 §7.2.5.2.1).
  EXPECT_EQ(respond(kOther, Bench::kPassword, Class::success), InputResult::handled);
  EXPECT_EQ(bench.agent->pairStats()[0].state, PairState::failed);
  EXPECT_FALSE(bench.agent->validated(kLocal, kOther));
  EXPECT_FALSE(bench.agent->sendPath());
}

TEST(IceInput, WhatIsNotStunIsLeftAlone) {
  Bench bench;
  EXPECT_EQ(bench.receive(kRemote, {}), InputResult::not_stun);
  EXPECT_EQ(bench.receive(kRemote, Bytes(40, 22)), InputResult::not_stun);    // DTLS
  EXPECT_EQ(bench.receive(kRemote, Bytes(40, 128)), InputResult::not_stun);   // RTP
  Bytes broken = bench.check({});
  broken.resize(broken.size() - 4);
  EXPECT_EQ(bench.receive(kRemote, broken), InputResult::rejected);
  broken = bench.check({});
  broken.back() ^= 1;
  EXPECT_EQ(bench.receive(kRemote, broken), InputResult::rejected);
  EXPECT_EQ(bench.agent->counters().malformed, 2u);
  Bytes indication;
  Builder(indication, Class::indication, Method::binding, {}).fingerprint();
  EXPECT_EQ(bench.receive(kRemote, indication), InputResult::unknown);
}

TEST(IceRemoteCandidates, WhatCannotBeUsedIsIgnored) {
  Bench bench;
  bench.setRemote();
  const auto add = [&](const char* text) {
    return bench.agent->addRemoteCandidate(bench.now, Candidate::parse(text).value());
  };
  EXPECT_FALSE(add("1 1 tcp 1 198.51.100.1 9 typ host tcptype active"));
  EXPECT_FALSE(add("1 2 udp 1 198.51.100.1 6000 typ host"));
  EXPECT_FALSE(add("1 1 udp 1 something.local 6000 typ host"));
  EXPECT_FALSE(add("1 1 udp 1 198.51.100.1 0 typ host"));
  EXPECT_FALSE(add("1 1 udp 1 0.0.0.0 6000 typ host"));
  EXPECT_FALSE(add("1 1 udp 1 198.51.100.1 6000 typ teleport"));
  EXPECT_FALSE(add("1 1 udp 1 198.51.100.1 6000 typ host ufrag other"));
  EXPECT_EQ(bench.agent->counters().ignoredCandidates, 7u);
  EXPECT_TRUE(add("1 1 udp 1 198.51.100.1 6000 typ host ufrag remote generation 0"));
  EXPECT_TRUE(add("1 1 udp 1 198.51.100.1 6000 typ host"));
  EXPECT_EQ(bench.agent->remoteCandidates().size(), 1u);
}

TEST(IceChecklist, AtMostOneHundredPairsTheBestOnes) {
  Bench bench(Role::controlling);
  bench.setRemote();
  for (uint16_t i = 0; i < 128; ++i) {
    SocketAddress address = kRemote;
    address.port = static_cast<uint16_t>(1000 + i);
    bench.addRemote(address, 1000u + i);
  }
  const auto pairs = bench.agent->pairStats();
  EXPECT_EQ(pairs.size(), 100u);
  EXPECT_EQ(pairs.front().path.remote.port, 1127);
  SocketAddress tooMany = kRemote;
  tooMany.port = 9999;
  bench.addRemote(tooMany);
  EXPECT_EQ(bench.agent->remoteCandidates().size(), 128u);
}

TEST(IceChecklist, PacingIsTa) {
  Bench bench(Role::controlling, {.fastTransactions = 0});
  bench.setRemote();
  for (uint16_t i = 0; i < 5; ++i) {
    SocketAddress address = kRemote;
    address.ip = IpAddress::v4(198, 51, 100, static_cast<uint8_t>(i + 1));
    Candidate candidate;
    candidate.foundation = std::to_string(i);
    candidate.priority = 100;
    candidate.address = address.ip.toString();
    candidate.port = 1;
    bench.agent->addRemoteCandidate(bench.now, candidate);
  }
  for (int i = 0; i < 5; ++i) {
    int sent = 0;
    while (bench.agent->pollTransmit()) ++sent;
    EXPECT_EQ(sent, 1) << i;
    bench.now += 49ms;
    bench.agent->handleTimeout(bench.now);
    EXPECT_FALSE(bench.agent->pollTransmit());
    bench.now += 1ms;
    bench.agent->handleTimeout(bench.now);
  }
}

TEST(IceChecklist, PairsOfOneFoundationWaitForEachOther) {
  Bench bench(Role::controlling);
  bench.setRemote();
  bench.addRemote(kRemote, 200);
  bench.addRemote(kOther, 100);  // the same foundation
  bench.now += 100ms;
  bench.agent->handleTimeout(bench.now);
  auto pairs = bench.agent->pairStats();
  EXPECT_EQ(pairs[0].state, PairState::in_progress);
  EXPECT_EQ(pairs[1].state, PairState::frozen);
}

TEST(IceLitePeer, WeControlAndNominate) {
  Bench bench(Role::controlled);
  bench.setRemote(true);
  EXPECT_EQ(bench.agent->role(), Role::controlling);
  bench.addRemote(kRemote);
  bench.agent->endOfRemoteCandidates(bench.now);
  bench.answerFor(2s);
  EXPECT_EQ(bench.agent->state(), State::completed);
  EXPECT_EQ(bench.nominations, 1);
  EXPECT_EQ(bench.agent->sendPath(), (Path{kLocal, kRemote}));
  bench.answerFor(120s);  // it never asks, and consent holds
  EXPECT_EQ(bench.agent->state(), State::completed);
}

TEST(IceLitePeer, AnUnreachableFirstCandidateDoesNotHoldUp) {
  Bench bench(Role::controlling);
  bench.setRemote(true);
  bench.addRemote(kRemote, 2130706431);
  Candidate second = Candidate::parse("2 1 udp 1000 198.51.100.1 6001 typ host").value();
  bench.agent->addRemoteCandidate(bench.now, second);
  bench.answerFor(400ms, [](const SocketAddress& to) { return to == kOther; });
  EXPECT_EQ(bench.agent->sendPath(), (Path{kLocal, kOther}));
  EXPECT_TRUE(bench.agent->selectedPair());
}

/// A controlling browser: it nominates what works first, and moves its mark to what is better.
TEST(IceNomination, TheControlledSideFollowsTheMark) {
  Bench bench(Role::controlled);
  bench.setRemote();
  bench.addRemote(kRemote, 1000);
  bench.receive(kRemote, bench.check({.useCandidate = true}));
  bench.answerFor(100ms);
  ASSERT_TRUE(bench.agent->selectedPair());
  EXPECT_EQ(bench.agent->sendPath()->remote, kRemote);
  // A better one (peer-reflexive, by its PRIORITY) is taken as soon as it works.
  bench.receive(kOther, bench.check({.useCandidate = true}));
  bench.answerFor(100ms);
  EXPECT_EQ(bench.agent->sendPath()->remote, kOther);
  // Back to the lesser one: not while the better one is still marked …
  bench.receive(kOther, bench.check({.useCandidate = true}));
  bench.receive(kRemote, bench.check({.useCandidate = true}));
  EXPECT_EQ(bench.agent->sendPath()->remote, kOther);
  // … but when its checks are not, or do not come any more.
  bench.receive(kOther, bench.check({}));
  bench.receive(kRemote, bench.check({.useCandidate = true}));
  EXPECT_EQ(bench.agent->sendPath()->remote, kRemote);
  bench.receive(kOther, bench.check({.useCandidate = true}));
  EXPECT_EQ(bench.agent->sendPath()->remote, kOther);
  bench.answerFor(1500ms);
  bench.receive(kRemote, bench.check({.useCandidate = true}));
  EXPECT_EQ(bench.agent->sendPath()->remote, kRemote);
  EXPECT_EQ(bench.agent->selectedPairChanges(), 5u);
}

TEST(IceNomination, UseCandidateBeforeOurOwnCheckSucceeds) {
  Bench bench(Role::controlled);
  bench.setRemote();
  bench.receive(kRemote, bench.check({.useCandidate = true}));
  EXPECT_FALSE(bench.agent->selectedPair());
  bench.answerFor(100ms);
  ASSERT_TRUE(bench.agent->selectedPair());
  EXPECT_EQ(bench.agent->selectedPair()->remote.candidate.type, CandidateType::prflx);
}

TEST(IceNomination, AControllingAgentIsNotNominatedAt) {
  Bench bench(Role::controlling);
  bench.setRemote();
  bench.addRemote(kRemote, 1000);
  bench.receive(kOther, bench.check({.useCandidate = true, .controlling = {}, .controlled = 5}));
  EXPECT_FALSE(bench.agent->selectedPair());
}

TEST(IceCredentials, AreMadeWhenNotGiven) {
  SeededRandom random(4);
  Agent agent({}, random);
  EXPECT_TRUE(isUfrag(agent.localParameters().ufrag));
  EXPECT_TRUE(isPassword(agent.localParameters().pwd));
}

TEST(IceServers, BindingsAreKeptAliveUntilAPairIsSelected) {
  Bench bench(Role::controlling);
  SeededRandom random(4);
  Agent agent({}, random);
  Timestamp now{1s};
  agent.addLocalHost(now, kLocal);
  agent.addStunServer(now, kOther, "stun:x");
  agent.endOfHosts(now);
  const auto request = agent.pollTransmit();
  Bytes response;
  Builder(response, Class::success, Method::binding, stun::Message::parse(request->data)->transactionId())
      .xorAddress(AttributeType::xor_mapped_address, at("203.0.113.1:1"));
  agent.handleInput(now, kLocal, kOther, response);
  int indications = 0;
  for (int i = 0; i < 60; ++i) {
    now += 1s;
    agent.handleTimeout(now);
    while (const auto datagram = agent.pollTransmit()) {
      indications += stun::Message::parse(datagram->data)->isIndication() && datagram->remote == kOther;
    }
  }
  EXPECT_EQ(indications, 4);
}

}  // namespace
}  // namespace peerage::ice
