#include "datachannel/manager.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "datachannel/dcep.hpp"
#include "sctp/pair_rig.hpp"

namespace peerage::datachannel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Bytes text(std::string_view s) { return Bytes(s.begin(), s.end()); }

// Two managers over two associations; each event as a line of text.
class Channels : public ::testing::Test {
 protected:
  struct End {
    Manager manager;
    std::vector<std::string> log;
    std::vector<ChannelHandle> incoming;
    std::vector<Received> received;
    std::vector<Closed> closed;
    int low = 0;
  };

  explicit Channels(sctp::testing::PathOptions path = {}, uint64_t seed = 1) : Channels(path, seed, {}, {}) {}
  Channels(sctp::testing::PathOptions path, uint64_t seed, sctp::Options optionsA, sctp::Options optionsB)
      : rig(seed, path, optionsA, optionsB) {
    rig.a.onEvent = [this](sctp::Event event) { pass(a, std::move(event)); };
    rig.b.onEvent = [this](sctp::Event event) { pass(b, std::move(event)); };
  }
  void pass(End& end, sctp::Event event) {
    end.manager.handleEvent(rig.now, std::move(event));
    collect(end);
  }
  void collect(End& end) {
    while (auto event = end.manager.pollEvent()) {
      std::visit([&](auto& e) { note(end, e); }, *event);
    }
  }
  static std::string number(ChannelHandle handle) { return std::to_string(handle.value()); }
  void note(End& end, Incoming& e) {
    end.incoming.push_back(e.channel);
    end.log.push_back("incoming " + e.params.label);
  }
  void note(End& end, Opened& e) { end.log.push_back("open " + std::to_string(e.id)); }
  void note(End& end, Received& e) {
    end.log.push_back("message");
    end.received.push_back(std::move(e));
  }
  void note(End& end, BufferedAmountLow&) { ++end.low; }
  void note(End& end, Closing&) { end.log.push_back("closing"); }
  void note(End& end, Closed& e) {
    end.log.push_back("closed");
    end.closed.push_back(std::move(e));
  }
  void connect() {
    a.manager.attach(rig.now, &rig.a.association);
    b.manager.attach(rig.now, &rig.b.association);
    a.manager.setRole(rig.now, DtlsRole::client);
    b.manager.setRole(rig.now, DtlsRole::server);
    rig.a.association.connect(rig.now);
    rig.b.association.connect(rig.now);
    run(1s);
  }
  void run(Duration time) {
    collect(a);
    collect(b);
    rig.run(time);
    collect(a);
    collect(b);
  }
  ChannelHandle create(End& end, ChannelParams params) {
    const auto made = end.manager.create(rig.now, std::move(params));
    EXPECT_TRUE(made) << made.error().message;
    return made.value_or(ChannelHandle{0});
  }
  SendResult send(End& end, ChannelHandle channel, Bytes data, bool binary = false) {
    return end.manager.send(rig.now, channel, std::move(data), binary);
  }
  // A DCEP or other message as a peer might send it, past its manager.
  void rawFromB(uint16_t stream, sctp::Ppid ppid, Bytes data) {
    EXPECT_EQ(rig.b.association.send(rig.now, sctp::StreamId(stream), ppid, std::move(data)), sctp::SendResult::ok);
    run(1s);
  }

  sctp::testing::Pair rig;
  End a, b;
};

TEST(Dcep, OpenIsTheBytesOfTheRfc) {
  const OpenMessage open{false, 5, {}, 512, "ab", "c"};
  const Bytes bytes = {3, 0x81, 2, 0, 0, 0, 0, 5, 0, 2, 0, 1, 'a', 'b', 'c'};
  EXPECT_EQ(open.serialize(), bytes);
  EXPECT_EQ(std::get<OpenMessage>(*parseControl(bytes)), open);
  EXPECT_EQ(AckMessage::serialize(), Bytes{2});
  EXPECT_TRUE(std::holds_alternative<AckMessage>(*parseControl(Bytes{2})));
}

TEST(Dcep, EveryChannelType) {
  for (const bool ordered : {true, false}) {
    for (const OpenMessage& open : {OpenMessage{ordered, {}, {}, 256, "", ""},
                                    OpenMessage{ordered, 65535, {}, 128, "l", ""},
                                    OpenMessage{ordered, {}, 0, 1024, "", std::string(65535, 'p')}}) {
      EXPECT_EQ(std::get<OpenMessage>(*parseControl(open.serialize())), open);
    }
  }
  Bytes big = OpenMessage{true, 1, {}, 256, "", ""}.serialize();
  big[4] = 1;  // 2^24 + 1 retransmissions
  EXPECT_EQ(std::get<OpenMessage>(*parseControl(big)).maxRetransmits, 65535);
}

TEST(Dcep, WrongMessages) {
  const Bytes good = OpenMessage{true, {}, {}, 256, "ab", ""}.serialize();
  for (size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(parseControl(ByteView(good).first(size))) << size;
  Bytes bad = good;
  bad.push_back(0);
  EXPECT_FALSE(parseControl(bad));
  bad = good;
  bad[1] = 3;
  EXPECT_FALSE(parseControl(bad));
  bad = good;
  bad[12] = 0xFF;
  EXPECT_FALSE(parseControl(bad));
  EXPECT_FALSE(parseControl(Bytes{4}));
}

TEST(Dcep, Utf8) {
  for (const char* good : {"", "a", "é", "€", "𝄞", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(isUtf8(asBytes(good))) << good;
  }
  for (const char* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\xC3", "a\xFF"}) {
    EXPECT_FALSE(isUtf8(asBytes(bad))) << bad;
  }
}

TEST(Dcep, WrongTextIsDecodedWithReplacements) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(decodeUtf8(text("a\xFFz")), text("a" + mark + "z"));
  EXPECT_EQ(decodeUtf8(text("\xE2\x82z\xF0\x9D\x84")), text(mark + "z" + mark));
  EXPECT_EQ(decodeUtf8(text("\xE0\x80\x80")), text(mark + mark + mark));
  EXPECT_EQ(decodeUtf8(text("fine €")), text("fine €"));
}

TEST_F(Channels, OpensAndCarriesMessagesBothWays) {
  const auto channel = create(a, {.label = "chat", .protocol = "p"});
  EXPECT_EQ(a.manager.state(channel), ChannelState::connecting);
  EXPECT_EQ(a.manager.id(channel), std::nullopt);
  EXPECT_EQ(send(a, channel, text("x")), SendResult::not_open);
  connect();
  EXPECT_EQ(a.manager.state(channel), ChannelState::open);
  EXPECT_EQ(a.manager.id(channel), 0);
  ASSERT_EQ(b.incoming.size(), 1u);
  EXPECT_EQ(*b.manager.params(b.incoming[0]), (ChannelParams{.label = "chat", .protocol = "p", .id = 0}));
  EXPECT_EQ(send(a, channel, text("hello")), SendResult::ok);
  EXPECT_EQ(send(b, b.incoming[0], {0xFF, 0}, true), SendResult::ok);
  run(1s);
  EXPECT_THAT(b.log, ElementsAre("incoming chat", "open 0", "message"));
  EXPECT_THAT(a.log, ElementsAre("open 0", "message"));
  EXPECT_EQ(b.received[0].data, text("hello"));
  EXPECT_FALSE(b.received[0].binary);
  EXPECT_TRUE(a.received[0].binary);
  EXPECT_EQ(a.manager.bytesSent(channel), 5u);
  EXPECT_EQ(a.manager.bytesReceived(channel), 2u);
  EXPECT_EQ(b.manager.messagesReceived(b.incoming[0]), 1u);
}

TEST_F(Channels, IdsComeWithTheRoleInTheOrderOfCreation) {
  std::vector<ChannelHandle> mine, theirs;
  for (int i = 0; i < 3; ++i) {
    mine.push_back(create(a, {.label = "a" + std::to_string(i)}));
    theirs.push_back(create(b, {.label = "b" + std::to_string(i)}));
  }
  create(a, {.negotiated = true, .id = 2});
  connect();
  EXPECT_EQ(a.manager.id(mine[0]), 0);
  EXPECT_EQ(a.manager.id(mine[1]), 4);  // 2 was taken
  EXPECT_EQ(a.manager.id(mine[2]), 6);
  for (uint16_t i = 0; i < 3; ++i) EXPECT_EQ(b.manager.id(theirs[i]), 2 * i + 1);
}

TEST_F(Channels, ParametersArriveAndApply) {
  connect();
  create(a, {.label = "", .ordered = false, .maxRetransmits = 3, .priority = 128});
  create(a, {.label = "ünï", .maxPacketLifeTime = 500, .priority = 1024});
  run(1s);
  ASSERT_EQ(b.incoming.size(), 2u);
  EXPECT_EQ(*b.manager.params(b.incoming[0]),
            (ChannelParams{.ordered = false, .maxRetransmits = 3, .id = 0, .priority = 128}));
  EXPECT_EQ(*b.manager.params(b.incoming[1]),
            (ChannelParams{.label = "ünï", .maxPacketLifeTime = 500, .id = 2, .priority = 1024}));
}

TEST_F(Channels, WrongParametersAreRefused) {
  EXPECT_FALSE(a.manager.create(rig.now, {.maxRetransmits = 1, .maxPacketLifeTime = 1}));
  EXPECT_FALSE(a.manager.create(rig.now, {.label = std::string(65536, 'x')}));
  EXPECT_FALSE(a.manager.create(rig.now, {.protocol = std::string(65536, 'x')}));
  EXPECT_FALSE(a.manager.create(rig.now, {.negotiated = true}));
  EXPECT_FALSE(a.manager.create(rig.now, {.negotiated = true, .id = 65535}));
  create(a, {.negotiated = true, .id = 5});
  const auto again = a.manager.create(rig.now, {.negotiated = true, .id = 5});
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("5"));
}

TEST_F(Channels, EmptyMessages) {
  const auto channel = create(a, {});
  connect();
  EXPECT_EQ(send(a, channel, {}), SendResult::ok);
  EXPECT_EQ(a.manager.bufferedAmount(channel), 0u);
  EXPECT_EQ(send(a, channel, {}, true), SendResult::ok);
  run(1s);
  ASSERT_EQ(b.received.size(), 2u);
  EXPECT_TRUE(b.received[0].data.empty() && b.received[1].data.empty());
  EXPECT_FALSE(b.received[0].binary);
  EXPECT_TRUE(b.received[1].binary);
}

TEST_F(Channels, NegotiatedNeedsNoMessagesOfItsOwn) {
  const auto mine = create(a, {.negotiated = true, .id = 7});
  const auto theirs = create(b, {.negotiated = true, .id = 7});
  connect();
  EXPECT_EQ(send(a, mine, text("1")), SendResult::ok);
  EXPECT_EQ(send(b, theirs, text("2")), SendResult::ok);
  run(1s);
  EXPECT_THAT(a.log, ElementsAre("open 7", "message"));
  EXPECT_THAT(b.log, ElementsAre("open 7", "message"));
  a.manager.close(rig.now, mine);
  run(1s);
  EXPECT_THAT(b.log, ElementsAre("open 7", "message", "closing", "closed"));
}

TEST_F(Channels, BufferedAmountIsExact) {
  const auto channel = create(a, {.label = "with a label"});
  connect();
  rig.a.filter = [](Bytes&) { return false; };
  EXPECT_EQ(send(a, channel, Bytes(60000), true), SendResult::ok);
  EXPECT_EQ(a.manager.bufferedAmount(channel), 60000u);
  a.manager.setBufferedAmountLowThreshold(channel, 1000);
  rig.drain();
  EXPECT_EQ(a.manager.bufferedAmount(channel), 60000u - 10 * 1160);
  rig.a.filter = nullptr;
  run(5s);
  EXPECT_EQ(a.manager.bufferedAmount(channel), 0u);
  EXPECT_EQ(a.low, 1);
}

TEST_F(Channels, ClosingSendsWhatWasQueuedFirst) {
  const auto channel = create(a, {});
  connect();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(send(a, channel, Bytes(30000), true), SendResult::ok);
  a.manager.close(rig.now, channel);
  a.manager.close(rig.now, channel);
  EXPECT_EQ(a.manager.state(channel), ChannelState::closing);
  EXPECT_EQ(send(a, channel, text("x")), SendResult::not_open);
  run(5s);
  EXPECT_EQ(b.received.size(), 10u);
  EXPECT_THAT(a.log, ElementsAre("open 0", "closed"));
  EXPECT_EQ(b.log.back(), "closed");
  EXPECT_FALSE(a.closed[0].error || b.closed[0].error);
  EXPECT_EQ(a.manager.state(channel), ChannelState::closed);
}

TEST_F(Channels, BothCloseAtOnce) {
  const auto channel = create(a, {});
  connect();
  a.manager.close(rig.now, channel);
  b.manager.close(rig.now, b.incoming[0]);
  run(2s);
  EXPECT_THAT(a.log, ElementsAre("open 0", "closed"));
  EXPECT_THAT(b.log, ElementsAre("incoming ", "open 0", "closed"));
}

TEST_F(Channels, AnIdIsUsedAgain) {
  connect();
  for (int round = 0; round < 20; ++round) {
    const auto channel = create(a, {.label = std::to_string(round)});
    EXPECT_EQ(a.manager.id(channel), 0);
    EXPECT_EQ(send(a, channel, text("x")), SendResult::ok);
    run(1s);
    EXPECT_EQ(send(b, b.incoming.back(), text("y")), SendResult::ok);
    (round % 2 ? a : b).manager.close(rig.now, round % 2 ? channel : b.incoming.back());
    run(1s);
    ASSERT_EQ(a.closed.size(), round + 1u);
    ASSERT_EQ(b.closed.size(), round + 1u);
    ASSERT_EQ(b.received.size(), round + 1u);
    ASSERT_EQ(a.received.size(), round + 1u);
  }
}

class LossyChannels : public Channels {
 protected:
  LossyChannels() : Channels({.jitter = 15ms, .loss = 0.15}, 9, patient(), patient()) {}
  static sctp::Options patient() {
    sctp::Options options;
    options.maxRetransmits.reset();
    options.maxInitRetransmits.reset();
    return options;
  }
};

TEST_F(LossyChannels, ManyChannelsComeAndGoWithEverythingDelivered) {
  connect();
  run(20s);
  size_t sent = 0;
  SeededRandom random(3);
  for (int round = 0; round < 40; ++round) {
    End& end = random.below(2) ? a : b;
    const auto channel = create(end, {.label = "x", .ordered = random.below(2) == 0});
    for (uint64_t i = random.below(20); i > 0; --i, ++sent) {
      EXPECT_EQ(send(end, channel, Bytes(1 + random.below(5000), 1), true), SendResult::ok);
    }
    if (random.below(2)) run(Duration(1ms) * random.below(100));
    end.manager.close(rig.now, channel);
  }
  run(120s);
  EXPECT_EQ(a.received.size() + b.received.size(), sent);
  EXPECT_EQ(a.closed.size(), 40u);
  EXPECT_EQ(b.closed.size(), 40u);
  for (const End* end : {&a, &b}) {
    for (const Closed& closed : end->closed) EXPECT_FALSE(closed.error) << closed.reason;
  }
}

TEST_F(LossyChannels, UnorderedMessagesNeverOvertakeTheOpen) {
  connect();
  run(20s);
  for (int i = 0; i < 30; ++i) {
    const auto channel = create(a, {.ordered = false});
    for (int m = 0; m < 5; ++m) EXPECT_EQ(send(a, channel, text("m")), SendResult::ok);
  }
  run(60s);
  EXPECT_EQ(b.received.size(), 150u);
  EXPECT_EQ(b.manager.counters().strayMessages, 0u);
}

TEST_F(Channels, UnorderedOnceTheAckHasCome) {
  const auto channel = create(a, {.ordered = false});
  connect();
  bool drop = true;
  rig.a.filter = [&](Bytes&) { return !std::exchange(drop, false); };
  EXPECT_EQ(send(a, channel, Bytes(1000, '1')), SendResult::ok);
  rig.drain();
  EXPECT_EQ(send(a, channel, Bytes(1000, '2')), SendResult::ok);
  run(15ms);
  ASSERT_EQ(b.received.size(), 1u);
  EXPECT_EQ(b.received[0].data[0], '2');
}

TEST_F(Channels, TooLargeAMessageIsRefused) {
  const auto channel = create(a, {});
  connect();
  EXPECT_EQ(send(a, channel, Bytes(65537), true), SendResult::too_large);
  EXPECT_EQ(a.manager.state(channel), ChannelState::open);
  rig.a.association.setMaxSendMessageSize(0);
  EXPECT_EQ(send(a, channel, Bytes(65537), true), SendResult::ok);
  EXPECT_EQ(send(a, channel, Bytes(17 << 20), true), SendResult::buffer_full);
}

TEST_F(Channels, AMessageBeyondOurLimitClosesItsChannelAlone) {
  const auto channel = create(a, {});
  const auto other = create(a, {});
  connect();
  rig.a.association.setMaxSendMessageSize(0);
  EXPECT_EQ(send(a, channel, Bytes(300000), true), SendResult::ok);
  run(2s);
  ASSERT_EQ(b.closed.size(), 1u);
  EXPECT_EQ(b.closed[0].error, ChannelError::data_channel_failure);
  EXPECT_EQ(a.manager.state(other), ChannelState::open);
}

TEST_F(Channels, MisplacedOpens) {
  const auto channel = create(a, {});
  connect();
  const Bytes open = OpenMessage{}.serialize();
  rawFromB(2, kPpidControl, open);  // ours to give out
  EXPECT_EQ(a.manager.counters().misplacedOpens, 1u);
  EXPECT_TRUE(a.incoming.empty());
  rawFromB(3, kPpidControl, open);
  EXPECT_EQ(a.incoming.size(), 1u);
  rawFromB(3, kPpidControl, open);  // a second time
  EXPECT_EQ(a.manager.counters().misplacedOpens, 2u);
  ASSERT_EQ(a.closed.size(), 1u);
  EXPECT_EQ(a.closed[0].channel, a.incoming[0]);
  EXPECT_EQ(a.closed[0].error, ChannelError::data_channel_failure);
  rawFromB(0, kPpidControl, open);  // on a channel of ours
  EXPECT_NE(a.manager.state(channel), ChannelState::open);
  rawFromB(65534, kPpidControl, open);  // of our parity too
  EXPECT_EQ(a.manager.counters().misplacedOpens, 4u);
}

TEST_F(Channels, MalformedControlMessages) {
  const auto channel = create(a, {});
  connect();
  rawFromB(5, kPpidControl, {3, 0});
  rawFromB(5, kPpidControl, {9});
  EXPECT_EQ(a.manager.counters().malformedControl, 2u);
  EXPECT_EQ(a.manager.state(channel), ChannelState::open);
  rawFromB(1, kPpidControl, {2});  // an ACK of nothing
  EXPECT_EQ(a.manager.counters().unexpectedAcks, 1u);
}

TEST_F(Channels, StrayAndUnknownMessages) {
  const auto channel = create(a, {});
  connect();
  rawFromB(9, kPpidString, text("nobody"));
  EXPECT_EQ(a.manager.counters().strayMessages, 1u);
  rawFromB(0, sctp::Ppid(46), text("?"));
  EXPECT_EQ(a.manager.counters().unknownPpids, 1u);
  rawFromB(0, kPpidStringPartial, text("deprecated "));
  rawFromB(0, kPpidString, text("parts"));
  ASSERT_EQ(a.received.size(), 1u);
  EXPECT_EQ(a.received[0].data, text("deprecated parts"));
  EXPECT_EQ(a.manager.state(channel), ChannelState::open);
  rawFromB(0, kPpidString, {0xFF});
  EXPECT_EQ(a.manager.state(channel), ChannelState::open);
  ASSERT_EQ(a.received.size(), 2u);
  EXPECT_EQ(a.received[1].data, text("\xEF\xBF\xBD"));
}

TEST_F(Channels, AbortClosesEverythingWithItsCause) {
  create(a, {});
  create(a, {.negotiated = true, .id = 9});
  connect();
  rig.b.association.abort(rig.now, "over");
  run(1s);
  ASSERT_EQ(a.closed.size(), 2u);
  EXPECT_EQ(a.closed[0].error, ChannelError::sctp_failure);
  EXPECT_EQ(a.closed[0].sctpCauseCode, 12);
  EXPECT_THAT(a.closed[0].reason, HasSubstr("over"));
  EXPECT_EQ(b.closed.size(), 1u);  // it never had the negotiated one
}

TEST_F(Channels, ShutdownClosesWithoutAnError) {
  create(a, {});
  connect();
  rig.b.association.shutdown(rig.now);
  run(1s);
  ASSERT_EQ(a.closed.size(), 1u);
  EXPECT_FALSE(a.closed[0].error);
}

TEST_F(Channels, CloseBeforeThereIsATransport) {
  const auto channel = create(a, {});
  a.manager.close(rig.now, channel);
  collect(a);
  EXPECT_THAT(a.log, ElementsAre("closed"));
  connect();
  EXPECT_TRUE(b.incoming.empty());
}

TEST_F(Channels, AChannelThatThePeerDoesNotHaveClosesAllTheSame) {
  const auto channel = create(a, {.negotiated = true, .id = 4});
  connect();
  a.manager.close(rig.now, channel);
  run(2s);
  EXPECT_EQ(a.closed.size(), 1u);
  EXPECT_LT(rig.a.packets + rig.b.packets, 40u);  // and the two do not go on resetting
}

class FewStreams : public Channels {
 protected:
  FewStreams() : Channels({}, 1, few(), few()) {}
  static sctp::Options few() {
    sctp::Options options;
    options.inboundStreams = options.outboundStreams = 6;
    return options;
  }
};

TEST_F(FewStreams, NoIdLeft) {
  std::vector<ChannelHandle> channels;
  for (int i = 0; i < 5; ++i) channels.push_back(create(a, {}));
  create(a, {.negotiated = true, .id = 6});
  connect();
  EXPECT_EQ(a.closed.size(), 3u);  // 0, 2 and 4 exist; 6, 8 and the negotiated 6 do not
  for (const Closed& closed : a.closed) EXPECT_EQ(closed.error, ChannelError::data_channel_failure);
  EXPECT_EQ(a.manager.state(channels[2]), ChannelState::open);
  EXPECT_FALSE(a.manager.create(rig.now, {}));
  EXPECT_FALSE(a.manager.create(rig.now, {.negotiated = true, .id = 7}));
  a.manager.close(rig.now, channels[1]);
  run(1s);
  EXPECT_EQ(a.manager.id(create(a, {})), 2);
}

TEST(ManagerAlone, AllIdsOfAParityAndOneMore) {
  Manager manager;
  const Timestamp now{1s};
  manager.setRole(now, DtlsRole::server);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(manager.id(*manager.create(now, {})), 2 * i + 1);
  Manager later;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(later.create(now, {.negotiated = true, .id = static_cast<uint16_t>(2 * i)}));
  const auto handle = *later.create(now, {});
  later.setRole(now, DtlsRole::client);
  EXPECT_EQ(later.id(handle), 6);
}

}  // namespace
}  // namespace peerage::datachannel
