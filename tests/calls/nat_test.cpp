// Calls between hosts behind address translators: what the candidates of a STUN server are for.
#include <gmock/gmock.h>

#include "pair.hpp"

namespace peerage::calls {
namespace {

constexpr const char* kStunServer = "192.0.2.1:3478";

/// alice and bob, each behind a translator of its own; the STUN server is on the open network.
class NatPair {
 public:
  NatPair(uint64_t seed, const sim::NatOptions& alices, const sim::NatOptions& bobs)
      : network(seed),
        alice(host("alice", "10.0.0.2", network.addNat("203.0.113.1", alices)), false, configuration()),
        bob(host("bob", "10.0.0.2", network.addNat("203.0.113.2", bobs)), true, configuration()) {
    network.addStunServer(kStunServer);
    alice.send = [this](Message m) { carry(bob, std::move(m)); };
    bob.send = [this](Message m) { carry(alice, std::move(m)); };
    for (PerfectPeer* peer : {&alice, &bob}) {
      peer->pc.addEventListener("icecandidate", [this](RTCPeerConnectionIceEvent& e) {
        if (e.candidate && e.candidate->type()) candidates.push_back(e.candidate);
      });
    }
  }

  /// Does a message come through a data channel?
  bool speaks() {
    std::string heard;
    bob.pc.ondatachannel = [&](RTCDataChannelEvent& e) {
      channel_ = e.channel;
      channel_->onmessage = [&](MessageEvent& m) { heard = m.text(); };
    };
    const auto channel = alice.pc.createDataChannel("chat");
    channel->onopen = [&] { channel->send("hello"); };
    const bool came = network.runUntil([&] { return heard == "hello"; }, 30s);
    channel->onopen = nullptr;
    if (channel_) channel_->onmessage = nullptr;
    bob.pc.ondatachannel = nullptr;
    return came;
  }
  static RTCIceCandidateType pairType(const PerfectPeer& peer, bool local) {
    const auto pair = peer.pc.sctp()->transport()->iceTransport()->getSelectedCandidatePair();
    if (!pair) throw std::runtime_error("no pair is in use");
    return *(local ? pair->local() : pair->remote())->type();
  }

  sim::Network network;
  PerfectPeer alice;
  PerfectPeer bob;
  std::vector<std::shared_ptr<RTCIceCandidate>> candidates;

 private:
  static RTCConfiguration configuration() { return {.iceServers = {{.urls = {std::string("stun:") + kStunServer}}}}; }
  EventLoop& host(std::string name, std::string address, const sim::Nat& nat) {
    return network.addHost(std::move(name), std::move(address), &nat).loop();
  }
  void carry(PerfectPeer& to, Message message) {
    to.loop.setTimeout([&to, message = std::move(message)]() mutable { to.receive(std::move(message)); }, 20ms);
  }
  std::shared_ptr<RTCDataChannel> channel_;
};

using sim::NatBehavior;

TEST(CallThroughNats, ServerReflexiveCandidatesMeet) {
  NatPair pair(1, {}, {});
  EXPECT_TRUE(pair.speaks());
  std::vector<std::string> reflexive;
  for (const auto& candidate : pair.candidates) {
    if (candidate->type() != RTCIceCandidateType::srflx) continue;
    EXPECT_EQ(candidate->relatedAddress(), "10.0.0.2");
    EXPECT_EQ(candidate->url(), std::string("stun:") + kStunServer);
    reflexive.push_back(*candidate->address());
  }
  EXPECT_THAT(reflexive, testing::UnorderedElementsAre("203.0.113.1", "203.0.113.2"));
  EXPECT_EQ(NatPair::pairType(pair.alice, false), RTCIceCandidateType::srflx);
  EXPECT_EQ(NatPair::pairType(pair.bob, false), RTCIceCandidateType::srflx);
}

// The symmetric side is seen under a port that no candidate names: peer-reflexive for the other.
TEST(CallThroughNats, ASymmetricTranslatorMeetsAnOpenFilter) {
  NatPair pair(2, {.mapping = NatBehavior::address_and_port_dependent},
               {.filtering = NatBehavior::endpoint_independent});
  EXPECT_TRUE(pair.speaks());
  EXPECT_EQ(NatPair::pairType(pair.bob, false), RTCIceCandidateType::prflx);
}

// RFC 4787: two symmetric translators leave no pair that works; without a relay the call fails, and says so.
TEST(CallThroughNats, TwoSymmetricTranslatorsEndInFailed) {
  const sim::NatOptions symmetric{.mapping = NatBehavior::address_and_port_dependent};
  NatPair pair(3, symmetric, symmetric);
  EXPECT_FALSE(pair.speaks());
  EXPECT_TRUE(pair.network.runUntil(
      [&] { return pair.alice.pc.iceConnectionState() == RTCIceConnectionState::failed; }, 60s));
  EXPECT_EQ(pair.alice.pc.connectionState(), RTCPeerConnectionState::failed);
}

TEST(CallThroughNats, AServerThatIsNotThereIsAnEventAndHindersNothing) {
  sim::Network network(4);
  PerfectPeer alice(network.addHost("alice", "10.0.0.1").loop(), false, {.iceServers = {{.urls = {"stun:192.0.2.9"}}}});
  PerfectPeer bob(network.addHost("bob", "10.0.0.2").loop(), true);
  alice.send = [&](Message m) { bob.receive(std::move(m)); };
  bob.send = [&](Message m) { alice.receive(std::move(m)); };
  std::vector<RTCPeerConnectionIceErrorEvent> errors;
  alice.pc.onicecandidateerror = [&](RTCPeerConnectionIceErrorEvent& e) { errors.push_back(e); };
  const auto channel = alice.pc.createDataChannel("chat");
  EXPECT_TRUE(network.runUntil([&] { return channel->readyState() == RTCDataChannelState::open; }, 30s));
  EXPECT_TRUE(network.runUntil([&] { return !errors.empty(); }, 60s));
  EXPECT_EQ(errors.front().errorCode, 701);
  EXPECT_EQ(errors.front().url, "stun:192.0.2.9");
  EXPECT_TRUE(network.runUntil([&] { return alice.pc.iceGatheringState() == RTCIceGatheringState::complete; }, 60s));
}

}  // namespace
}  // namespace peerage::calls
