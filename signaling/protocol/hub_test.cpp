// The server's state machine with both subprotocols, without a socket: time is an argument, so nothing here waits.
#include "signaling/protocol/hub.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace peerage::signaling {
namespace {

using testing::ElementsAre;

class HubTest : public testing::Test {
 protected:
  explicit HubTest(Limits limits = {}) : hub_(limits, random_) {}

  ConnectionId connect(Protocol protocol) {
    const ConnectionId id(next_++);
    hub_.handleConnect(now_, id, protocol);
    drain();
    return id;
  }
  void close(ConnectionId id) {
    hub_.handleClose(now_, id);
    drain();
  }
  void say(ConnectionId id, std::string_view text) {
    hub_.handleInput(now_, id, text);
    drain();
  }
  /// Goes on in steps of a second, as a timer would.
  void pass(Duration time) {
    const Timestamp end = now_ + time;
    while (now_ < end) {
      now_ = std::min(end, now_ + 1s);
      hub_.handleTimeout(now_);
      drain();
    }
  }
  void drain() {
    while (auto output = hub_.pollTransmit()) {
      if (auto* send = std::get_if<SendOutput>(&*output)) {
        received_[send->to].push_back(send->text);
      } else if (auto* ping = std::get_if<PingOutput>(&*output)) {
        ++pings_[ping->to];
      } else if (auto* closing = std::get_if<CloseOutput>(&*output)) {
        closed_.emplace(closing->to, *closing);
      }
    }
  }
  /// What has come since it was asked last.
  std::vector<std::string> heard(ConnectionId id) { return std::exchange(received_[id], {}); }
  std::vector<Json> heardJson(ConnectionId id) {
    std::vector<Json> out;
    for (const std::string& text : heard(id)) out.push_back(Json::parse(text));
    return out;
  }
  std::string errorCode(ConnectionId id) {
    for (const Json& message : heardJson(id)) {
      if (message.at("type") == "error") return message.at("code");
    }
    return "";
  }

  SeededRandom random_{1};
  Hub hub_;
  Timestamp now_{};
  uint64_t next_ = 1;
  std::map<ConnectionId, std::vector<std::string>> received_;
  std::map<ConnectionId, int> pings_;
  std::map<ConnectionId, CloseOutput> closed_;
};

// ---- json --------------------------------------------------------------------------------------------------------------

class JsonHubTest : public HubTest {
 protected:
  using HubTest::HubTest;
  struct User {
    ConnectionId connection;
    uint64_t id;
  };
  User connectJson() {
    const ConnectionId connection = connect(Protocol::json);
    const auto messages = heardJson(connection);
    return {connection, messages.at(0).at("id")};
  }
  User come(const std::string& name) {
    const User user = connectJson();
    say(user.connection, R"({"name":")" + name + R"(","date":1,"id":)" + std::to_string(user.id) + R"(,"type":"username"})");
    return user;
  }
  void forgetAll() { received_.clear(); }
};

TEST_F(JsonHubTest, GivesAnIdAndSendsTheListToAllOnEachChange) {
  const ConnectionId ada = connect(Protocol::json);
  EXPECT_THAT(heard(ada), ElementsAre(R"({"type":"id","id":1})"));
  say(ada, R"({"name":"ada","date":1,"id":1,"type":"username"})");
  EXPECT_THAT(heard(ada), ElementsAre(R"({"type":"userlist","users":["ada"]})"));
  const User bob = come("bob");
  EXPECT_THAT(heard(ada), ElementsAre(R"({"type":"userlist","users":["ada","bob"]})"));
  EXPECT_THAT(heard(bob.connection), ElementsAre(R"({"type":"userlist","users":["ada","bob"]})"));
  close(ada);
  EXPECT_THAT(heard(bob.connection), ElementsAre(R"({"type":"userlist","users":["bob"]})"));
}

TEST_F(JsonHubTest, ATakenNameIsAnsweredWithAFreeOne) {
  come("ada");
  come("ada1");
  const User third = come("ada");
  EXPECT_THAT(heard(third.connection), ElementsAre(R"({"type":"rejectusername","id":3,"name":"ada2"})",
                                                   R"({"type":"userlist","users":["ada","ada1","ada2"]})"));
}

TEST_F(JsonHubTest, AUserCanChangeHisNameAndFreesTheOldOne) {
  const User ada = come("ada");
  say(ada.connection, R"({"type":"username","name":"ada","id":1})");
  EXPECT_THAT(heard(ada.connection), testing::Contains(R"({"type":"userlist","users":["ada"]})")) << "his own name is not taken";
  say(ada.connection, R"({"type":"username","name":"grace","id":1})");
  EXPECT_THAT(heard(ada.connection), ElementsAre(R"({"type":"userlist","users":["grace"]})"));
  const User bob = come("ada");
  EXPECT_THAT(heard(bob.connection), ElementsAre(R"({"type":"userlist","users":["grace","ada"]})"));
}

TEST_F(JsonHubTest, AMessageGoesToAllWithTheNameAddedAndTagsRemoved) {
  const User ada = come("ada"), bob = come("bob");
  forgetAll();
  say(ada.connection, R"({"text":"<b>hi</b> all","type":"message","id":1,"date":77})");
  const std::string expected = R"({"text":"hi all","type":"message","id":1,"date":77,"name":"ada"})";
  EXPECT_THAT(heard(ada.connection), ElementsAre(expected));
  EXPECT_THAT(heard(bob.connection), ElementsAre(expected));
}

TEST_F(JsonHubTest, AMessageWithATargetGoesToThatUserAloneUnchanged) {
  const User ada = come("ada"), bob = come("bob"), eve = come("eve");
  forgetAll();
  for (const std::string text : {
           R"({"name":"ada","target":"bob","type":"video-offer","sdp":{"type":"offer","sdp":"v=0\r\n"}})",
           R"({"name":"ada","target":"bob","type":"video-answer","sdp":{"type":"answer","sdp":""}})",
           R"({"type":"new-ice-candidate","target":"bob","candidate":{"candidate":"","sdpMid":"0"}})",
           R"({"name":"ada","target":"bob","type":"hang-up"})",
           R"({"type":"something-else","target":"bob","n":[1,2.5,null]})",
       }) {
    say(ada.connection, text);
    EXPECT_THAT(heard(bob.connection), ElementsAre(text));
  }
  EXPECT_THAT(heard(ada.connection), ElementsAre());
  EXPECT_THAT(heard(eve.connection), ElementsAre());
}

TEST_F(JsonHubTest, ANullTargetIsNoTarget) {
  // MDN's page clears its target before it hangs up.
  const User ada = come("ada"), bob = come("bob");
  forgetAll();
  const std::string text = R"({"name":"ada","target":null,"type":"hang-up"})";
  say(ada.connection, text);
  EXPECT_THAT(heard(bob.connection), ElementsAre(text));
}

TEST_F(JsonHubTest, NobodySpeaksInAnothersName) {
  const User ada = come("ada"), bob = come("bob");
  forgetAll();
  say(ada.connection, R"({"type":"video-offer","name":"bob","target":"bob","sdp":{}})");
  EXPECT_EQ(errorCode(ada.connection), "wrong-name");
  say(ada.connection, R"({"type":"video-offer","name":"ada","name":"bob","target":"bob","sdp":{}})");
  EXPECT_EQ(errorCode(ada.connection), "wrong-name");
  say(ada.connection, R"({"type":"video-offer","name":7,"target":"bob","sdp":{}})");
  EXPECT_EQ(errorCode(ada.connection), "wrong-name");
  say(ada.connection, R"({"type":"message","text":"x","id":2})");
  EXPECT_EQ(errorCode(ada.connection), "wrong-id");
  say(ada.connection, R"({"type":"username","name":"x","id":"2"})");
  EXPECT_EQ(errorCode(ada.connection), "wrong-id");
  for (const char* type : {"id", "userlist", "rejectusername", "error"}) {
    say(ada.connection, std::string(R"({"target":"bob","type":")") + type + "\"}");
    EXPECT_EQ(errorCode(ada.connection), "reserved-type");
  }
  EXPECT_THAT(heard(bob.connection), ElementsAre());
  say(ada.connection, R"({"type":"message","text":"x","name":"bob"})");
  EXPECT_EQ(heardJson(bob.connection).at(0).at("name"), "ada") << "of a message the server itself says who sent it";
}

TEST_F(JsonHubTest, ErrorsHaveACodeAndASentence) {
  const User ada = connectJson();
  say(ada.connection, R"({"type":"message","text":"x"})");
  EXPECT_EQ(errorCode(ada.connection), "no-name");
  say(ada.connection, R"({"type":"username","name":"<script>"})");
  EXPECT_THAT(heard(ada.connection),
              ElementsAre(R"({"type":"error","code":"bad-name","message":"the name contains the character <"})"));
  say(ada.connection, R"({"type":"username"})");
  EXPECT_EQ(errorCode(ada.connection), "bad-message");
  say(ada.connection, "nonsense");
  EXPECT_EQ(errorCode(ada.connection), "bad-message");
  say(ada.connection, "{}");
  EXPECT_EQ(errorCode(ada.connection), "bad-message");
  say(ada.connection, R"({"type":"username","name":"ada"})");
  forgetAll();
  say(ada.connection, R"({"type":"message"})");
  EXPECT_EQ(errorCode(ada.connection), "bad-message");
  say(ada.connection, R"({"type":"x","target":5})");
  EXPECT_EQ(errorCode(ada.connection), "bad-message");
  say(ada.connection, R"({"type":"x","target":"nobody"})");
  EXPECT_THAT(heard(ada.connection),
              ElementsAre(R"({"type":"error","code":"no-such-user","message":"there is no user nobody"})"));
  EXPECT_TRUE(closed_.empty());
}

TEST_F(JsonHubTest, AFreeNameKeepsToTheLimitOfLength) {
  const std::string longest(32, 'x');
  come(longest);
  const User second = come(longest);
  EXPECT_EQ(heardJson(second.connection).at(0).at("name"), std::string(31, 'x') + "1");
}

// ---- limits ------------------------------------------------------------------------------------------------------------

Limits smallLimits() {
  Limits limits;
  limits.messageBytes = 200;
  limits.users = 3;
  limits.messagesPerSecond = 1;
  limits.messageBurst = 5;
  limits.refusedInARow = 10;
  limits.roomsPerUser = 2;
  limits.usersPerRoom = 2;
  limits.unacknowledgedMessages = 4;
  return limits;
}

class LimitedHubTest : public JsonHubTest {
 protected:
  LimitedHubTest() : JsonHubTest(smallLimits()) {}
};

TEST_F(LimitedHubTest, TooLongAMessageClosesTheConnection) {
  const User ada = come("ada");
  forgetAll();
  say(ada.connection, R"({"type":"message","text":")" + std::string(200, 'x') + "\"}");
  EXPECT_THAT(heard(ada.connection),
              ElementsAre(R"({"type":"error","code":"too-big","message":"a message may have 200 bytes"})"));
  EXPECT_EQ(closed_.at(ada.connection).code, CloseCode::too_big);
  say(ada.connection, R"({"type":"message","text":"x"})");
  EXPECT_THAT(heard(ada.connection), ElementsAre()) << "nothing is heard from a connection that is being closed";
}

TEST_F(LimitedHubTest, ABinaryMessageClosesTheConnection) {
  const User ada = come("ada");
  hub_.handleBinary(ada.connection);
  drain();
  EXPECT_EQ(closed_.at(ada.connection).code, CloseCode::policy);
}

TEST_F(LimitedHubTest, AFullServerSaysSo) {
  come("a");
  come("b");
  const User c = come("c");
  const ConnectionId fourth = connect(Protocol::json);
  EXPECT_THAT(heard(fourth),
              ElementsAre(R"({"type":"error","code":"server-full","message":"the server is full: it takes 3 users"})"));
  EXPECT_EQ(closed_.at(fourth).code, CloseCode::try_again_later);
  close(fourth);
  close(c.connection);
  const ConnectionId fifth = connect(Protocol::json);
  EXPECT_THAT(heard(fifth), ElementsAre(R"({"type":"id","id":4})"));
}

TEST_F(LimitedHubTest, TooManyMessagesAreDroppedWithOneErrorAndThenTheConnectionIsClosed) {
  const User ada = come("ada");  // one of five
  forgetAll();
  for (int i = 0; i < 9; ++i) say(ada.connection, R"({"type":"message","text":"x"})");
  const auto messages = heardJson(ada.connection);
  ASSERT_EQ(messages.size(), 5u) << "four messages and one error";
  EXPECT_EQ(messages.back().at("code"), "rate-limited");
  pass(2s);
  say(ada.connection, R"({"type":"message","text":"x"})");
  EXPECT_EQ(heard(ada.connection).size(), 1u) << "after a pause it is heard again";
  for (int i = 0; i < 12; ++i) say(ada.connection, R"({"type":"message","text":"x"})");
  EXPECT_EQ(closed_.at(ada.connection).code, CloseCode::policy);
}

TEST_F(LimitedHubTest, ASilentConnectionIsPingedAndThenClosed) {
  const User ada = come("ada");
  pass(19s);
  EXPECT_EQ(pings_[ada.connection], 0);
  pass(1s);
  EXPECT_EQ(pings_[ada.connection], 1);
  hub_.handlePong(now_, ada.connection);
  pass(59s);
  EXPECT_EQ(pings_[ada.connection], 2);
  EXPECT_TRUE(closed_.empty());
  pass(1s);
  EXPECT_EQ(closed_.at(ada.connection).code, CloseCode::idle);
  EXPECT_EQ(closed_.at(ada.connection).reason, "nothing was heard from you for 60 seconds");
  close(ada.connection);
  pass(1s);
  EXPECT_FALSE(hub_.nextTimeout()) << "an empty server has nothing to wait for";
}

TEST_F(LimitedHubTest, WhoGivesNoNameIsClosed) {
  const ConnectionId silent = connect(Protocol::json);
  const ConnectionId other = connect(Protocol::peerage_1);
  pass(30s);
  EXPECT_EQ(closed_.at(silent).code, CloseCode::policy);
  EXPECT_EQ(closed_.at(other).code, CloseCode::policy);
  EXPECT_EQ(errorCode(other), "no-name");
}

// ---- peerage.1 ---------------------------------------------------------------------------------------------------------

class RoomHubTest : public HubTest {
 protected:
  explicit RoomHubTest(Limits limits = {}) : HubTest(limits) {}
  struct User {
    ConnectionId connection;
    uint64_t id = 0;
    std::string token;
    uint64_t seq = 0;
  };
  User come(const std::string& name) {
    User user{connect(Protocol::peerage_1)};
    say(user.connection, R"({"type":"hello","name":")" + name + "\"}");
    const auto messages = heardJson(user.connection);
    EXPECT_EQ(messages.size(), 1u);
    user.id = messages.at(0).at("id");
    user.token = messages.at(0).at("token");
    return user;
  }
  /// Sends a message with the next sequence number.
  void request(User& user, Json message) {
    message["seq"] = ++user.seq;
    say(user.connection, dump(message));
  }
  void join(User& user, const std::string& room) { request(user, {{"type", "join"}, {"room", room}}); }
  /// Sequenced messages heard, acknowledgements of the server left out.
  std::vector<Json> events(const User& user) {
    auto messages = heardJson(user.connection);
    std::erase_if(messages, [](const Json& m) { return m.at("type") == "ack"; });
    return messages;
  }
  void resume(User& user, uint64_t ack) {
    user.connection = connect(Protocol::peerage_1);
    say(user.connection, dump({{"type", "hello"}, {"resume", {{"token", user.token}, {"ack", ack}}}}));
  }
};

class FullRoomHubTest : public RoomHubTest {
 protected:
  FullRoomHubTest()
      : RoomHubTest([] {
          Limits out;
          out.users = 2;
          return out;
        }()) {}
};

TEST_F(FullRoomHubTest, AKeptSessionIsResumedAndKeepsItsPlaceFromOthers) {
  User ada = come("ada"), bob = come("bob");
  close(ada.connection);
  close(bob.connection);
  const ConnectionId eve = connect(Protocol::peerage_1);
  EXPECT_FALSE(closed_.contains(eve)) << "hello tells who it is";
  say(eve, R"({"type":"hello","name":"eve"})");
  EXPECT_THAT(heard(eve),
              ElementsAre(R"({"type":"error","code":"server-full","message":"the server is full: it takes 2 users"})"));
  EXPECT_EQ(closed_.at(eve).code, CloseCode::try_again_later);
  EXPECT_EQ(errorCode(connect(Protocol::json)), "server-full");
  for (User* user : {&ada, &bob}) {
    resume(*user, 0);
    const auto messages = heardJson(user->connection);
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].at("type"), "welcome");
    EXPECT_EQ(messages[0].at("resumed"), true);
  }
}

TEST_F(FullRoomHubTest, ASessionWhoseSocketIsDeadUnnoticedIsResumedToo) {
  User ada = come("ada"), bob = come("bob");
  for (User* user : {&ada, &bob}) {
    const ConnectionId dead = user->connection;
    resume(*user, 0);
    EXPECT_EQ(heardJson(user->connection).at(0).at("type"), "welcome");
    EXPECT_EQ(closed_.at(dead).code, CloseCode::replaced);
  }
}

TEST_F(FullRoomHubTest, AFailedResumeIsNoWayIn) {
  come("ada");
  come("bob");
  User eve{ConnectionId{}, 0, "guessed"};
  resume(eve, 0);
  EXPECT_EQ(errorCode(eve.connection), "no-session");
  say(eve.connection, R"({"type":"hello","name":"eve"})");
  EXPECT_EQ(errorCode(eve.connection), "server-full");
}

TEST_F(FullRoomHubTest, WhoLeavesMakesRoomAndThoseWhoSayNoHelloTakeNone) {
  User ada = come("ada");
  const ConnectionId silent = connect(Protocol::peerage_1);
  User bob = come("bob");
  const ConnectionId another = connect(Protocol::peerage_1), tooMany = connect(Protocol::peerage_1);
  EXPECT_FALSE(closed_.contains(silent));
  EXPECT_FALSE(closed_.contains(another));
  EXPECT_EQ(errorCode(tooMany), "server-full") << "silent sockets have a limit too";
  say(ada.connection, R"({"type":"bye"})");
  close(ada.connection);
  say(another, R"({"type":"hello","name":"eve"})");
  EXPECT_EQ(heardJson(another).at(0).at("type"), "welcome");
}

TEST_F(RoomHubTest, HelloIsWelcomed) {
  const ConnectionId id = connect(Protocol::peerage_1);
  EXPECT_THAT(heard(id), ElementsAre()) << "the client speaks first";
  say(id, R"({"type":"hello","name":"ada"})");
  const Json welcome = heardJson(id).at(0);
  EXPECT_EQ(welcome.at("type"), "welcome");
  EXPECT_EQ(welcome.at("name"), "ada");
  EXPECT_EQ(welcome.at("resumed"), false);
  EXPECT_EQ(welcome.at("resumeSeconds"), 30);
  EXPECT_EQ(welcome.at("token").get<std::string>().size(), 32u);
}

TEST_F(RoomHubTest, HelloIsRefusedWithACode) {
  come("ada");
  const ConnectionId id = connect(Protocol::peerage_1);
  say(id, R"({"type":"join","room":"r","seq":1})");
  EXPECT_EQ(errorCode(id), "no-session");
  say(id, R"({"type":"hello"})");
  EXPECT_EQ(errorCode(id), "bad-message");
  say(id, R"({"type":"hello","name":""})");
  EXPECT_EQ(errorCode(id), "bad-name");
  say(id, R"({"type":"hello","name":"ada"})");
  EXPECT_EQ(errorCode(id), "name-taken");
  say(id, R"({"type":"hello","resume":{"token":"guess","ack":0}})");
  EXPECT_EQ(errorCode(id), "no-session");
  say(id, R"({"type":"hello","resume":{}})");
  EXPECT_EQ(errorCode(id), "bad-message");
  say(id, R"({"type":"hello","name":"bob"})");
  EXPECT_EQ(heardJson(id).at(0).at("type"), "welcome") << "the same connection may try again";
  say(id, R"({"type":"hello","name":"bob"})");
  EXPECT_EQ(errorCode(id), "bad-message");
}

TEST_F(RoomHubTest, JoiningTellsBothSidesAndExactlyOneIsPolite) {
  User ada = come("ada"), bob = come("bob");
  join(ada, "tea");
  EXPECT_EQ(events(ada).at(0).at("peers").size(), 0u);
  join(bob, "tea");
  const Json joined = events(bob).at(0);
  EXPECT_EQ(joined.at("type"), "joined");
  EXPECT_EQ(joined.at("peers").at(0), (Json{{"id", ada.id}, {"name", "ada"}, {"polite", true}}));
  const Json peerJoined = events(ada).at(0);
  EXPECT_EQ(peerJoined.at("type"), "peer-joined");
  EXPECT_EQ(peerJoined.at("peer"), (Json{{"id", bob.id}, {"name", "bob"}, {"polite", false}}));

  request(bob, {{"type", "leave"}, {"room", "tea"}});
  EXPECT_EQ(events(ada).at(0), (Json{{"type", "peer-left"}, {"room", "tea"}, {"id", bob.id}, {"seq", 3}}));
  EXPECT_EQ(events(bob).at(0).at("type"), "left");
}

TEST_F(RoomHubTest, DescriptionsAndCandidatesGoToOneOfTheRoom) {
  User ada = come("ada"), bob = come("bob"), eve = come("eve");
  for (User* user : {&ada, &bob, &eve}) join(*user, "tea");
  for (const User* user : {&ada, &bob, &eve}) events(*user);
  request(ada, {{"type", "description"}, {"room", "tea"}, {"to", bob.id}, {"from", eve.id}, {"description", {{"type", "offer"}, {"sdp", "v=0"}}}});
  request(ada, {{"type", "candidate"}, {"room", "tea"}, {"to", bob.id}, {"candidate", nullptr}});
  request(ada, {{"type", "hang-up"}, {"room", "tea"}, {"to", bob.id}});
  const auto messages = events(bob);
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[0], (Json{{"type", "description"}, {"room", "tea"}, {"from", ada.id}, {"description", {{"type", "offer"}, {"sdp", "v=0"}}}, {"seq", 3}}))
      << "from is the server's word, whatever the sender wrote";
  EXPECT_EQ(messages[1].at("candidate"), nullptr);
  EXPECT_EQ(messages[2].at("type"), "hang-up");
  EXPECT_TRUE(events(eve).empty());
}

TEST_F(RoomHubTest, WhatCannotBeDoneIsAnsweredWithACodeAndTheNumberOfTheMessage) {
  User ada = come("ada"), bob = come("bob");
  join(ada, "tea");
  events(ada);
  const Json offer{{"type", "offer"}, {"sdp", ""}};
  const std::vector<std::pair<Json, std::string>> cases{
      {{{"type", "join"}, {"room", "tea"}}, "in-room"},
      {{{"type", "join"}}, "bad-message"},
      {{{"type", "join"}, {"room", "<>"}}, "bad-name"},
      {{{"type", "leave"}, {"room", "x"}}, "not-in-room"},
      {{{"type", "description"}, {"room", "x"}, {"to", bob.id}, {"description", offer}}, "not-in-room"},
      {{{"type", "description"}, {"room", "tea"}, {"to", bob.id}, {"description", offer}}, "no-such-user"},
      {{{"type", "description"}, {"room", "tea"}, {"to", ada.id}, {"description", offer}}, "no-such-user"},
      {{{"type", "description"}, {"room", "tea"}, {"description", offer}}, "no-such-user"},
      {{{"type", "dance"}}, "bad-message"},
  };
  for (const auto& [message, code] : cases) {
    request(ada, message);
    const Json error = events(ada).at(0);
    EXPECT_EQ(error.at("code"), code) << dump(message);
    EXPECT_EQ(error.at("about"), ada.seq);
  }
  join(bob, "tea");
  request(ada, {{"type", "description"}, {"room", "tea"}, {"to", bob.id}, {"description", {{"type", "dance"}}}});
  request(ada, {{"type", "candidate"}, {"room", "tea"}, {"to", bob.id}, {"candidate", "text"}});
  const auto errors = events(ada);
  EXPECT_EQ(errors.at(1).at("code"), "bad-message");
  EXPECT_EQ(errors.at(2).at("code"), "bad-message");
}

TEST_F(RoomHubTest, SequenceNumbersHaveNoGapAndRepetitionsAreIgnored) {
  User ada = come("ada");
  join(ada, "tea");
  EXPECT_EQ(heardJson(ada.connection).back(), (Json{{"type", "ack"}, {"ack", 1}}));
  say(ada.connection, R"({"type":"join","room":"tea","seq":1})");
  EXPECT_THAT(heard(ada.connection), ElementsAre());
  say(ada.connection, R"({"type":"join","room":"b","seq":3})");
  EXPECT_EQ(errorCode(ada.connection), "bad-sequence");
  say(ada.connection, R"({"type":"join","room":"b"})");
  EXPECT_EQ(errorCode(ada.connection), "bad-sequence");
  join(ada, "b");
  EXPECT_EQ(events(ada).at(0).at("type"), "joined");
}

TEST_F(RoomHubTest, ALostSocketIsResumedAndNothingIsLostOrRepeated) {
  User ada = come("ada"), bob = come("bob");
  join(ada, "tea");
  join(bob, "tea");
  events(ada);
  EXPECT_EQ(events(bob).at(0).at("seq"), 1);
  close(bob.connection);
  EXPECT_TRUE(events(ada).empty()) << "the others do not notice";
  for (int i = 0; i < 3; ++i) {
    request(ada, {{"type", "candidate"}, {"room", "tea"}, {"to", bob.id}, {"candidate", {{"candidate", std::to_string(i)}}}});
  }
  pass(29s);
  resume(bob, 1);
  const auto messages = events(bob);
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[0].at("type"), "welcome");
  EXPECT_EQ(messages[0].at("resumed"), true);
  EXPECT_EQ(messages[0].at("id"), bob.id);
  EXPECT_EQ(messages[0].at("ack"), 1);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(messages[i + 1].at("seq"), i + 2);
    EXPECT_EQ(messages[i + 1].at("candidate").at("candidate"), std::to_string(i));
  }
  say(bob.connection, R"({"type":"ack","ack":3})");
  close(bob.connection);
  resume(bob, 3);
  EXPECT_EQ(events(bob).size(), 2u) << "welcome and what was not acknowledged";
}

TEST_F(RoomHubTest, ASessionThatDoesNotComeBackEnds) {
  User ada = come("ada"), bob = come("bob");
  join(ada, "tea");
  join(bob, "tea");
  events(ada);
  close(bob.connection);
  pass(15s);
  say(ada.connection, R"({"type":"ack","ack":2})");
  pass(16s);
  EXPECT_EQ(events(ada).at(0).at("type"), "peer-left");
  resume(bob, 0);
  EXPECT_EQ(errorCode(bob.connection), "no-session");
  const User again = come("bob");
  EXPECT_NE(again.id, bob.id);
}

TEST_F(RoomHubTest, ResumingWhileTheOldSocketSeemsAliveClosesIt) {
  User ada = come("ada");
  const ConnectionId old = ada.connection;
  resume(ada, 0);
  EXPECT_EQ(closed_.at(old).code, CloseCode::replaced);
  EXPECT_EQ(heardJson(ada.connection).at(0).at("resumed"), true);
  close(old);
  join(ada, "tea");
  EXPECT_EQ(events(ada).at(0).at("type"), "joined") << "the end of the old socket does not touch the session";
}

TEST_F(RoomHubTest, ByeEndsTheSessionAtOnce) {
  User ada = come("ada"), bob = come("bob");
  join(ada, "tea");
  join(bob, "tea");
  events(ada);
  say(bob.connection, R"({"type":"bye"})");
  EXPECT_EQ(closed_.at(bob.connection).code, CloseCode::normal);
  EXPECT_EQ(events(ada).at(0).at("type"), "peer-left");
  come("bob");
}

TEST_F(RoomHubTest, NamesOfTheTwoSubprotocolsDoNotMeet) {
  come("ada");
  const ConnectionId json = connect(Protocol::json);
  say(json, R"({"type":"username","name":"ada"})");
  EXPECT_THAT(heard(json), ElementsAre(testing::_, R"({"type":"userlist","users":["ada"]})"));
}

class LimitedRoomHubTest : public RoomHubTest {
 protected:
  static Limits limits() {
    Limits out = smallLimits();
    out.messageBurst = 100;
    out.users = 10;
    return out;
  }
  LimitedRoomHubTest() : RoomHubTest(limits()) {}
};

TEST_F(LimitedRoomHubTest, RoomsAndTheirUsersAreCounted) {
  User ada = come("ada"), bob = come("bob"), eve = come("eve");
  join(ada, "a");
  join(ada, "b");
  join(ada, "c");
  EXPECT_EQ(errorCode(ada.connection), "too-many-rooms");
  join(bob, "a");
  join(eve, "a");
  EXPECT_EQ(errorCode(eve.connection), "room-full");
}

TEST_F(LimitedRoomHubTest, WhoDoesNotAcknowledgeIsEnded) {
  User ada = come("ada"), bob = come("bob");
  join(ada, "tea");
  join(bob, "tea");
  for (int i = 0; i < 4; ++i) {
    request(ada, {{"type", "hang-up"}, {"room", "tea"}, {"to", bob.id}});
    say(ada.connection, R"({"type":"ack","ack":100})");
  }
  EXPECT_EQ(closed_.at(bob.connection).code, CloseCode::policy);
  EXPECT_EQ(errorCode(bob.connection), "not-acknowledged");
  EXPECT_EQ(events(ada).back().at("type"), "peer-left");
}

TEST_F(LimitedRoomHubTest, TwoWhoseQueuesOverflowTogetherBothEnd) {
  User ada = come("ada"), bob = come("bob");
  join(ada, "tea");
  join(bob, "tea");
  for (int i = 0; i < 3; ++i) request(ada, {{"type", "dance"}});
  EXPECT_TRUE(closed_.contains(ada.connection));
  EXPECT_FALSE(closed_.contains(bob.connection));
  close(ada.connection);
  close(bob.connection);
  pass(40s);
  EXPECT_FALSE(hub_.nextTimeout());
}

}  // namespace
}  // namespace peerage::signaling
