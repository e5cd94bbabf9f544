// Clients against the server's hub, joined by memory: every message that leaves one arrives at the other in the next step,
// sockets break when the test says so, and time is a number.
#include "signaling/client/client_core.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "base/random.hpp"
#include "signaling/client/url.hpp"
#include "signaling/protocol/hub.hpp"

namespace peerage::signaling {
namespace {

using testing::ElementsAre;

class World {
 public:
  struct Seat {
    std::unique_ptr<ClientCore> core;
    Protocol protocol;
    std::optional<ConnectionId> connection;
    bool reachable = true;
    std::vector<ClientEvent> events;
    std::deque<std::string> toServer;
    std::deque<std::string> toClient;
  };

  explicit World(Limits limits = {}) : hub_(limits, random_) {}

  Seat& add(ClientOptions options) {
    auto seat = std::make_unique<Seat>();
    seat->protocol = options.protocol;
    seat->core = std::make_unique<ClientCore>(std::move(options));
    seats_.push_back(std::move(seat));
    seats_.back()->core->start(now_);
    return *seats_.back();
  }
  Seat& come(const std::string& name, Protocol protocol) { 
    Seat& seat = add({.url = "", .name = name, .protocol = protocol});
    settle();
    return seat;
  }
  /// The socket breaks; what was on its way is lost.
  void breakSocket(Seat& seat) {
    if (!seat.connection) return;
    hub_.handleClose(now_, *seat.connection);
    disconnected(seat, "the network broke");
  }
  /// One step: a message each way for each seat.
  bool step() {
    bool busy = false;
    for (auto& seat : seats_) busy |= stepSeat(*seat);
    return busy | drainHub();
  }
  void settle() {
    while (step()) {
    }
  }
  void pass(Duration time) {
    const Timestamp end = now_ + time;
    while (now_ < end) {
      now_ += 50ms;
      hub_.handleTimeout(now_);
      for (auto& seat : seats_) seat->core->handleTimeout(now_);
      settle();
    }
  }
  Timestamp now() const { return now_; }
  Hub& hub() { return hub_; }

 private:
  void disconnected(Seat& seat, std::string_view why) {
    seat.connection.reset();
    seat.toServer.clear();
    seat.toClient.clear();
    seat.core->handleLost(now_, why);
  }
  bool stepSeat(Seat& seat) {
    bool busy = false;
    while (auto output = seat.core->pollTransmit()) {
      busy = true;
      if (auto* send = std::get_if<ClientSend>(&*output)) {
        if (seat.connection) seat.toServer.push_back(send->text);
      } else if (std::holds_alternative<ClientConnect>(*output)) {
        if (!seat.reachable) {
          seat.core->handleLost(now_, "nobody there");
          continue;
        }
        seat.connection = ConnectionId(++next_);
        hub_.handleConnect(now_, *seat.connection, seat.protocol);
        seat.core->handleOpen(now_);
      } else if (seat.connection) {
        // What was sent before still arrives.
        for (const std::string& text : std::exchange(seat.toServer, {})) hub_.handleInput(now_, *seat.connection, text);
        if (seat.connection) hub_.handleClose(now_, *seat.connection);
        seat.connection.reset();
      }
    }
    if (seat.connection && !seat.toServer.empty()) {
      busy = true;
      const std::string text = std::move(seat.toServer.front());
      seat.toServer.pop_front();
      hub_.handleInput(now_, *seat.connection, text);
    }
    if (!seat.toClient.empty()) {
      busy = true;
      const std::string text = std::move(seat.toClient.front());
      seat.toClient.pop_front();
      seat.core->handleInput(now_, text);
    }
    while (auto event = seat.core->pollEvent()) seat.events.push_back(std::move(*event));
    return busy;
  }
  bool drainHub() {
    bool busy = false;
    while (auto output = hub_.pollTransmit()) {
      busy = true;
      const ConnectionId to = std::visit([](const auto& o) { return o.to; }, *output);
      for (auto& seat : seats_) {
        if (seat->connection != to) continue;
        if (auto* send = std::get_if<SendOutput>(&*output)) {
          seat->toClient.push_back(send->text);
        } else if (std::holds_alternative<PingOutput>(*output)) {
          hub_.handlePong(now_, to);
        } else {
          for (const std::string& text : std::exchange(seat->toClient, {})) seat->core->handleInput(now_, text);
          hub_.handleClose(now_, to);
          disconnected(*seat, "the server closed the connection");
        }
        break;
      }
    }
    return busy;
  }

  SeededRandom random_{3};
  Hub hub_;
  Timestamp now_{};
  uint64_t next_ = 0;
  std::vector<std::unique_ptr<Seat>> seats_;
};

template <typename E>
std::vector<E> take(World::Seat& seat) {
  std::vector<E> out;
  for (ClientEvent& event : std::exchange(seat.events, {})) {
    if (auto* wanted = std::get_if<E>(&event)) out.push_back(std::move(*wanted));
  }
  return out;
}

class BothProtocols : public testing::TestWithParam<Protocol> {};
INSTANTIATE_TEST_SUITE_P(ClientCore, BothProtocols, testing::Values(Protocol::json, Protocol::peerage_1),
                         [](const auto& tested) { return tested.param == Protocol::json ? "json" : "peerage_1"; });

TEST_P(BothProtocols, TwoUsersSeeEachOtherAndOneIsPolite) {
  World world;
  auto& ada = world.come("ada", GetParam());
  EXPECT_EQ(take<ReadyEvent>(ada).at(0).name, "ada");
  auto& bob = world.come("bob", GetParam());
  const std::vector<Peer> adasPeers = ada.core->peers(), bobsPeers = bob.core->peers();
  ASSERT_EQ(adasPeers.size(), 1u);
  ASSERT_EQ(bobsPeers.size(), 1u);
  EXPECT_EQ(adasPeers[0].name, "bob");
  EXPECT_EQ(bobsPeers[0].name, "ada");
  EXPECT_NE(adasPeers[0].polite, bobsPeers[0].polite);
}

TEST_P(BothProtocols, DescriptionsCandidatesAndHangUpArrive) {
  World world;
  auto& ada = world.come("ada", GetParam());
  auto& bob = world.come("bob", GetParam());
  ada.core->sendDescription("bob", {RTCSdpType::offer, "v=0\r\n"});
  ada.core->sendCandidate("bob", {.candidate = "candidate:1", .sdpMid = "0", .sdpMLineIndex = 2, .usernameFragment = "uf"});
  ada.core->sendCandidate("bob", {});
  ada.core->sendHangUp("bob");
  world.settle();
  std::vector<ClientEvent> events;
  for (ClientEvent& event : bob.events) {
    if (!std::holds_alternative<ReadyEvent>(event) && !std::holds_alternative<PeersEvent>(event)) events.push_back(event);
  }
  ASSERT_EQ(events.size(), 4u);
  const auto& offer = std::get<DescriptionEvent>(events[0]);
  EXPECT_EQ(offer.from.name, "ada");
  EXPECT_EQ(offer.from.polite, bob.core->peers().at(0).polite);
  EXPECT_EQ(offer.description.type, RTCSdpType::offer);
  EXPECT_EQ(offer.description.sdp, "v=0\r\n");
  const auto& candidate = std::get<CandidateEvent>(events[1]);
  EXPECT_EQ(candidate.from, "ada");
  EXPECT_EQ(candidate.candidate.candidate, "candidate:1");
  EXPECT_EQ(candidate.candidate.sdpMid, "0");
  EXPECT_EQ(candidate.candidate.sdpMLineIndex, 2);
  EXPECT_EQ(candidate.candidate.usernameFragment, "uf");
  EXPECT_EQ(std::get<CandidateEvent>(events[2]).candidate.candidate, "");
  EXPECT_EQ(std::get<HangUpEvent>(events[3]).from, "ada");
  bob.core->sendDescription("ada", {RTCSdpType::answer, "v=0\r\n"});
  world.settle();
  EXPECT_EQ(take<DescriptionEvent>(ada).at(0).description.type, RTCSdpType::answer);
}

TEST_P(BothProtocols, LeavingIsSeen) {
  World world;
  auto& ada = world.come("ada", GetParam());
  auto& bob = world.come("bob", GetParam());
  bob.core->close();
  world.settle();
  EXPECT_TRUE(ada.core->peers().empty());
  EXPECT_TRUE(take<ClosedEvent>(bob).empty()) << "who closes by himself is not told";
}

TEST_P(BothProtocols, AnUnreachableServerIsSaid) {
  World world;
  auto& ada = world.add({.url = "", .name = "ada", .protocol = GetParam()});
  ada.reachable = false;
  world.settle();
  const auto closed = take<ClosedEvent>(ada);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].why, ClosedEvent::Why::unreachable);
}

TEST_P(BothProtocols, ABadNameIsSaid) {
  World world;
  auto& ada = world.come("<ada>", GetParam());
  const auto closed = take<ClosedEvent>(ada);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].why, ClosedEvent::Why::name_refused);
  EXPECT_EQ(closed[0].message, "the name contains the character <");
}

TEST_P(BothProtocols, AFullServerIsSaid) {
  Limits limits;
  limits.users = 1;
  World world(limits);
  world.come("ada", GetParam());
  auto& bob = world.come("bob", GetParam());
  const auto closed = take<ClosedEvent>(bob);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].why, ClosedEvent::Why::closed_by_server);
  EXPECT_EQ(closed[0].message, "the server is full: it takes 1 users");
}

TEST_P(BothProtocols, ServersThatTalkNonsenseAreBorne) {
  ClientCore core({.url = "", .name = "ada", .protocol = GetParam()});
  core.start(Timestamp{});
  core.handleOpen(Timestamp{});
  for (const char* text : {"", "7", "{}", R"({"type":7})", R"({"type":"userlist"})", R"({"type":"userlist","users":[7]})",
                           R"({"type":"video-offer"})", R"({"type":"video-offer","name":"x","sdp":7})",
                           R"({"type":"video-offer","name":"x","sdp":{"type":"dance"}})", R"({"type":"new-ice-candidate"})",
                           R"({"type":"new-ice-candidate","candidate":{"sdpMLineIndex":70000}})", R"({"type":"welcome"})",
                           R"({"type":"joined","seq":1,"room":"lobby","peers":[7,{},{"id":1}]})",
                           R"({"type":"peer-joined","seq":2,"room":"lobby"})", R"({"type":"description","seq":3,"room":"lobby","from":1})",
                           R"({"type":"ack","ack":99999999})", R"({"type":"error"})"}) {
    core.handleInput(Timestamp{}, text);
  }
  while (core.pollEvent()) {
  }
}

TEST(JsonClient, TakesTheNameThatTheServerGivesOrGoes) {
  World world;
  world.come("ada", Protocol::json);
  auto& second = world.come("ada", Protocol::json);
  const auto ready = take<ReadyEvent>(second);
  EXPECT_EQ(ready.at(0).name, "ada1");
  EXPECT_TRUE(ready.at(0).renamed);
  auto& third = world.add({.url = "", .name = "ada", .protocol = Protocol::json, .acceptOtherName = false});
  world.settle();
  const auto closed = take<ClosedEvent>(third);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].why, ClosedEvent::Why::name_refused);
  EXPECT_EQ(closed[0].message, "the name ada is taken");
}

TEST(JsonClient, AnOldErrorIsNotTheReasonOfAClose) {
  for (const std::string code : {"no-such-user", "rate-limited"}) {
    for (const bool more : {false, true}) {
      World world;
      auto& ada = world.come("ada", Protocol::json);
      ada.core->handleInput(world.now(), R"({"type":"error","code":")" + code + R"(","message":"too bad"})");
      if (more) {
        world.come("bob", Protocol::json);  // a list of users comes
      } else if (code == "rate-limited") {
        world.pass(11s);
      }
      world.breakSocket(ada);
      world.settle();
      const auto closed = take<ClosedEvent>(ada);
      ASSERT_EQ(closed.size(), 1u);
      EXPECT_EQ(closed[0].why, ClosedEvent::Why::lost) << code;
      EXPECT_EQ(closed[0].message, "the connection was lost: the network broke") << code;
    }
  }
}

TEST(JsonClient, AnErrorRightBeforeTheCloseIsItsReason) {
  World world;
  auto& eve = world.come("eve", Protocol::json);
  world.hub().handleTooBig(*eve.connection);
  world.settle();
  const auto closed = take<ClosedEvent>(eve);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].why, ClosedEvent::Why::closed_by_server);
  EXPECT_EQ(closed[0].message, "a message may have 262144 bytes");
}

TEST(JsonClient, TextGoesToAllAndAHangUpWithoutTargetNamesItsSender) {
  World world;
  auto& ada = world.come("ada", Protocol::json);
  auto& bob = world.come("bob", Protocol::json);
  ada.core->sendText(world.now(), "hello <b>all</b>");
  world.settle();
  const auto texts = take<TextEvent>(bob);
  EXPECT_EQ(texts.at(0).from, "ada");
  EXPECT_EQ(texts.at(0).text, "hello all");
}

TEST(RoomClient, ATakenNameIsSaid) {
  World world;
  world.come("ada", Protocol::peerage_1);
  auto& second = world.come("ada", Protocol::peerage_1);
  const auto closed = take<ClosedEvent>(second);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].why, ClosedEvent::Why::name_refused);
}

TEST(RoomClient, ALostSocketIsResumedWithNothingLostOrTwice) {
  SeededRandom random(7);
  for (int round = 0; round < 200; ++round) {
    World world;
    auto& ada = world.come("ada", Protocol::peerage_1);
    auto& bob = world.come("bob", Protocol::peerage_1);
    ada.events.clear();
    bob.events.clear();
    constexpr int kMessages = 30;
    for (int i = 0; i < kMessages; ++i) {
      ada.core->sendCandidate("bob", {.candidate = "a" + std::to_string(i)});
      bob.core->sendCandidate("ada", {.candidate = "b" + std::to_string(i)});
      for (uint64_t steps = random.below(4); steps > 0; --steps) world.step();
      if (random.below(8) == 0) world.breakSocket(random.below(2) == 0 ? ada : bob);
      if (random.below(4) == 0) world.pass(300ms);
    }
    world.pass(20s);
    for (auto [seat, letter] : {std::pair{&ada, "b"}, {&bob, "a"}}) {
      const auto candidates = take<CandidateEvent>(*seat);
      ASSERT_EQ(candidates.size(), size_t{kMessages}) << "round " << round;
      for (int i = 0; i < kMessages; ++i) ASSERT_EQ(candidates[static_cast<size_t>(i)].candidate.candidate, letter + std::to_string(i));
    }
  }
}

TEST(RoomClient, AServerThatStaysAwayEndsTheSession) {
  World world;
  auto& ada = world.come("ada", Protocol::peerage_1);
  ada.reachable = false;
  world.breakSocket(ada);
  world.pass(29s);
  EXPECT_TRUE(take<ClosedEvent>(ada).empty());
  world.pass(3s);
  const auto closed = take<ClosedEvent>(ada);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].why, ClosedEvent::Why::lost);
}

TEST(WebSocketUrl, IsTakenApart) {
  const auto plain = parseWebSocketUrl("ws://localhost:8080");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "localhost");
  EXPECT_EQ(plain->port, 8080);
  EXPECT_EQ(plain->path, "/");
  EXPECT_EQ(plain->hostHeader(), "localhost:8080");
  const auto secure = parseWebSocketUrl("wss://[::1]/a?b");
  ASSERT_TRUE(secure);
  EXPECT_TRUE(secure->secure);
  EXPECT_EQ(secure->host, "::1");
  EXPECT_EQ(secure->port, 443);
  EXPECT_EQ(secure->path, "/a?b");
  EXPECT_EQ(secure->hostHeader(), "[::1]");
  for (const char* wrong : {"", "localhost:8080", "ftp://h", "http://h", "https://h", "ws://", "ws://:80", "ws://h:0", "ws://h:70000", "ws://h:x",
                            "ws://[::1", "ws://[::1]x", "ws://u@h", "ws://h/#f", "ws://h h"}) {
    EXPECT_FALSE(parseWebSocketUrl(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace peerage::signaling
