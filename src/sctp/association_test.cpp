#include "sctp/association.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <string>

#include "sctp/packet/chunks.hpp"
#include "sctp/packet/crc32c.hpp"
#include "sctp/pair_rig.hpp"

namespace peerage::sctp {
namespace {

using testing::PathOptions;
using Rig = testing::Pair;

constexpr Ppid kPpid{51};

Bytes pattern(size_t size, uint64_t seed) {
  Bytes data(size);
  SeededRandom(seed).fill(data);
  return data;
}

bool has(ByteView packet, ChunkType type) {
  ChunkReader reader(packet.subspan(kCommonHeaderSize));
  while (const auto chunk = reader.next()) {
    if (chunk->type == static_cast<uint8_t>(type)) return true;
  }
  return false;
}

SendResult send(Rig& rig, Rig::Side& side, uint16_t stream, Bytes data, SendOptions options = {}) {
  return side.association.send(rig.now, StreamId(stream), kPpid, std::move(data), options);
}

// A peer made of bytes: it completes the handshake with an association and then says what a test wants.
class RawPeer {
 public:
  explicit RawPeer(Options options = {}, uint32_t initialTsn = 1000)
      : random_(7), association(std::move(options), random_), nextTsn(initialTsn) {}

  void establish() {
    association.connect(now);
    Bytes packet = *association.pollTransmit();
    const auto theirs = *InitChunk::parse(*ChunkReader(ByteView(packet).subspan(kCommonHeaderSize)).next());
    theirTag = theirs.tag;
    theirTsn = theirs.initialTsn;
    InitChunk mine;
    mine.tag = kTag;
    mine.receiveWindow = window;
    mine.outboundStreams = mine.inboundStreams = 100;
    mine.initialTsn = nextTsn;
    mine.forwardTsn = mine.reconfig = true;
    const Bytes cookie = {1, 2, 3, 4};
    mine.cookie = cookie;
    Bytes chunk;
    mine.write(chunk, ChunkType::init_ack);
    input(chunk);
    drain();
    chunk.clear();
    writeEmptyChunk(chunk, ChunkType::cookie_ack);
    input(chunk);
    drain();
    ASSERT_TRUE(association.established());
    sent.clear();
  }
  void input(ByteView chunks) { inputWithTag(chunks, theirTag); }
  void inputWithTag(ByteView chunks, uint32_t tag) {
    Bytes packet;
    CommonHeader{5000, 5000, tag}.write(packet);
    packet.insert(packet.end(), chunks.begin(), chunks.end());
    storeChecksum(&packet[8], packetChecksum(packet));
    association.handleInput(now, packet);
  }
  void data(uint16_t stream, uint16_t ssn, std::string_view text, uint8_t flags = DataChunk::kBegin | DataChunk::kEnd) {
    dataAt(nextTsn++, stream, ssn, text, flags);
  }
  void dataAt(uint32_t tsn, uint16_t stream, uint16_t ssn, std::string_view text,
              uint8_t flags = DataChunk::kBegin | DataChunk::kEnd) {
    Bytes chunk;
    DataChunk{flags, tsn, StreamId(stream), ssn, kPpid, asBytes(text)}.write(chunk);
    input(chunk);
    drain();
  }
  void sack(uint32_t cumulative, uint32_t a_rwnd, std::vector<SackChunk::GapBlock> gaps = {}) {
    Bytes chunk;
    {
      ChunkWriter writer(chunk, ChunkType::sack);
      ByteWriter out(chunk);
      out.u32(cumulative);
      out.u32(a_rwnd);
      out.u16(static_cast<uint16_t>(gaps.size()));
      out.u16(0);
      for (const auto& gap : gaps) {
        out.u16(gap.start);
        out.u16(gap.end);
      }
    }
    input(chunk);
    drain();
  }
  void drain() {
    while (auto packet = association.pollTransmit()) sent.push_back(std::move(*packet));
    while (auto event = association.pollEvent()) {
      if (Message* message = std::get_if<Message>(&*event)) {
        texts.emplace_back(asText(message->data));
      } else {
        events.push_back(std::move(*event));
      }
    }
  }
  /// TSNs of the DATA sent since the last call, and with `sent` emptied.
  std::vector<uint32_t> takeTsns() {
    std::vector<uint32_t> tsns;
    for (const Bytes& packet : sent) {
      ChunkReader reader(ByteView(packet).subspan(kCommonHeaderSize));
      while (const auto chunk = reader.next()) {
        if (chunk->type == static_cast<uint8_t>(ChunkType::data)) tsns.push_back(DataChunk::parse(*chunk)->tsn);
      }
    }
    sent.clear();
    return tsns;
  }
  std::optional<Bytes> find(ChunkType type) const {
    for (const Bytes& packet : sent) {
      ChunkReader reader(ByteView(packet).subspan(kCommonHeaderSize));
      while (const auto chunk = reader.next()) {
        if (chunk->type == static_cast<uint8_t>(type)) return Bytes(chunk->whole.begin(), chunk->whole.end());
      }
    }
    return std::nullopt;
  }
  std::optional<SackChunk> lastSack() {
    for (size_t i = sent.size(); i-- > 0;) {
      ChunkReader reader(ByteView(sent[i]).subspan(kCommonHeaderSize));
      while (const auto chunk = reader.next()) {
        if (chunk->type == static_cast<uint8_t>(ChunkType::sack)) return SackChunk::parse(*chunk);
      }
    }
    return std::nullopt;
  }
  bool sendFragments(size_t count) {
    const size_t payload = (association.options().mtu - 28) & ~size_t{3};
    const bool ok = association.send(now, StreamId(0), kPpid, pattern(count * payload, 3)) == SendResult::ok;
    drain();
    return ok;
  }

  static constexpr uint32_t kTag = 0xCAFE;
  uint32_t window = 1 << 20;
  SeededRandom random_;
  Association association;
  Timestamp now{1s};
  uint32_t theirTag = 0, theirTsn = 0, nextTsn;
  std::vector<Bytes> sent;
  std::vector<std::string> texts;
  std::vector<Event> events;
};

// --- Setting up ---------------------------------------------------------------------------------------------------

TEST(AssociationSetup, OneSideConnects) {
  Rig rig;
  rig.a.association.connect(rig.now);
  rig.run(1s);
  EXPECT_EQ(rig.a.association.state(), State::established);
  EXPECT_EQ(rig.b.association.state(), State::established);
  ASSERT_EQ(Rig::count<Connected>(rig.a), 1u);
  const Connected& connected = *Rig::last<Connected>(rig.a);
  EXPECT_EQ(connected.inboundStreams, 65535);
  EXPECT_EQ(connected.outboundStreams, 65535);
  EXPECT_TRUE(connected.partialReliability && connected.streamReset && connected.zeroChecksum);
}

TEST(AssociationSetup, BothConnectAtOnce) {  // RFC 9260 §5.2.1: what WebRTC always does
  Rig rig;
  rig.connect();
  for (Rig::Side* side : {&rig.a, &rig.b}) {
    EXPECT_EQ(side->association.state(), State::established);
    EXPECT_EQ(Rig::count<Connected>(*side), 1u);
  }
}

TEST(AssociationSetup, SurvivesLossOfAnyPacketOfTheHandshake) {
  for (int lost = 0; lost < 12; ++lost) {
    for (const bool both : {false, true}) {
      Rig rig;
      int seen = 0;
      rig.a.filter = rig.b.filter = [&](Bytes&) { return seen++ != lost; };
      EXPECT_EQ(send(rig, rig.a, 1, {1, 2, 3}), SendResult::ok);
      rig.a.association.connect(rig.now);
      if (both) rig.b.association.connect(rig.now);
      rig.run(5s);
      EXPECT_TRUE(rig.a.association.established() && rig.b.association.established()) << lost << both;
      ASSERT_EQ(rig.b.messages.size(), 1u) << lost << both;
      EXPECT_EQ(Rig::count<Connected>(rig.a), 1u);
      EXPECT_EQ(Rig::count<Connected>(rig.b), 1u);
    }
  }
}

TEST(AssociationSetup, DataQueuedBeforeItRidesWithCookieEcho) {
  Rig rig;
  EXPECT_EQ(send(rig, rig.a, 0, {9}), SendResult::ok);
  rig.a.association.connect(rig.now);
  ASSERT_TRUE(rig.runUntil([&] { return !rig.b.messages.empty(); }, 1s));
  EXPECT_EQ(rig.now - Timestamp(1s), 30ms);  // INIT, INIT ACK, COOKIE ECHO with DATA: one and a half round trips
}

TEST(AssociationSetup, MuchDataQueuedBeforeItArrivesOnce) {
  for (int lost = 0; lost < 8; ++lost) {
    Rig rig;
    int seen = 0;
    rig.a.filter = [&](Bytes&) { return seen++ != lost; };
    for (int i = 0; i < 50; ++i) EXPECT_EQ(send(rig, rig.a, 3, pattern(1000, i)), SendResult::ok);
    rig.connect();
    rig.run(10s);
    ASSERT_EQ(rig.b.messages.size(), 50u);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(rig.b.messages[i].data, pattern(1000, i));
  }
}

TEST(AssociationSetup, CookieAckLostIsMadeUpForByData) {
  Rig rig;
  rig.b.filter = [&](Bytes& packet) {
    ChunkReader reader(ByteView(packet).subspan(kCommonHeaderSize));
    return reader.next()->type != static_cast<uint8_t>(ChunkType::cookie_ack);
  };
  rig.a.association.connect(rig.now);
  rig.run(35ms);
  ASSERT_EQ(rig.a.association.state(), State::cookie_echoed);
  EXPECT_EQ(send(rig, rig.b, 0, {1}), SendResult::ok);
  rig.run(15ms);
  EXPECT_EQ(rig.a.association.state(), State::established);
  EXPECT_EQ(rig.a.messages.size(), 1u);
}

TEST(AssociationSetup, InitFromSignallingNeedsNoPackets) {
  Rig rig;
  const Bytes initA = rig.a.association.localInit();
  const Bytes initB = rig.b.association.localInit();
  EXPECT_EQ(initA, rig.a.association.localInit());
  ASSERT_TRUE(rig.a.association.connectWithPeerInit(rig.now, initB));
  ASSERT_TRUE(rig.b.association.connectWithPeerInit(rig.now, initA));
  EXPECT_FALSE(rig.b.association.connectWithPeerInit(rig.now, initA));
  EXPECT_EQ(send(rig, rig.a, 0, {1}), SendResult::ok);
  ASSERT_TRUE(rig.runUntil([&] { return !rig.b.messages.empty(); }, 1s));
  EXPECT_EQ(rig.now - Timestamp(1s), 10ms);
  EXPECT_FALSE(Rig().a.association.connectWithPeerInit(rig.now, Bytes{1, 0, 0, 4}));
}

TEST(AssociationSetup, GivesUpAfterMaxInitRetransmits) {
  Rig rig;
  rig.a.filter = [](Bytes&) { return false; };
  rig.a.association.connect(rig.now);
  rig.run(60s);
  EXPECT_EQ(rig.a.packets, 9u);
  ASSERT_EQ(Rig::count<Aborted>(rig.a), 1u);
  EXPECT_FALSE(Rig::last<Aborted>(rig.a)->byPeer);
  EXPECT_EQ(rig.a.association.nextTimeout(), std::nullopt);
}

TEST(AssociationSetup, StreamsAreTheLesserOfBoth) {
  Options few;
  few.inboundStreams = 10;
  few.outboundStreams = 20;
  Rig rig(1, {}, few, Options{});
  rig.connect();
  EXPECT_EQ(Rig::last<Connected>(rig.a)->outboundStreams, 20);
  EXPECT_EQ(Rig::last<Connected>(rig.b)->outboundStreams, 10);
  EXPECT_EQ(send(rig, rig.b, 10, {1}), SendResult::invalid_stream);
  EXPECT_EQ(send(rig, rig.b, 9, {1}), SendResult::ok);
}

TEST(AssociationSetup, ForgedCookieIsRefused) {
  Rig rig;
  rig.a.filter = [](Bytes& packet) {
    if (has(packet, ChunkType::cookie_echo)) {
      packet[20] ^= 1;
      storeChecksum(&packet[8], packetChecksum(packet));
    }
    return true;
  };
  rig.a.association.connect(rig.now);
  rig.run(1s);
  EXPECT_EQ(rig.b.association.state(), State::closed);
  EXPECT_GT(rig.b.association.stats().invalidChunks, 0u);
}

TEST(AssociationSetup, PeerRestart) {  // RFC 9260 §5.2.4 A
  Rig rig;
  rig.connect();
  EXPECT_EQ(send(rig, rig.a, 0, {1}), SendResult::ok);
  rig.run(1s);
  SeededRandom random(99);
  rig.a.association = Association(Options{}, random);
  rig.a.association.connect(rig.now);
  rig.run(1s);
  EXPECT_TRUE(rig.a.association.established() && rig.b.association.established());
  EXPECT_EQ(Rig::count<Restarted>(rig.b), 1u);
  EXPECT_EQ(send(rig, rig.b, 5, {2}), SendResult::ok);
  EXPECT_EQ(send(rig, rig.a, 0, {3}), SendResult::ok);
  rig.run(1s);
  EXPECT_EQ(rig.a.messages.size(), 1u);
  EXPECT_EQ(rig.b.messages.size(), 2u);
}

// --- Transfer -----------------------------------------------------------------------------------------------------

TEST(AssociationTransfer, MessagesOfManySizesArriveIntact) {
  Rig rig;
  rig.connect();
  std::vector<size_t> sizes = {1, 2, 3, 4, 1159, 1160, 1161, 2320, 2321, 10000, 65536};
  for (const size_t size : sizes) EXPECT_EQ(send(rig, rig.a, 7, pattern(size, size)), SendResult::ok);
  rig.run(10s);
  ASSERT_EQ(rig.b.messages.size(), sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(rig.b.messages[i].data, pattern(sizes[i], sizes[i]));
    EXPECT_EQ(rig.b.messages[i].stream, StreamId(7));
    EXPECT_EQ(rig.b.messages[i].ppid, kPpid);
  }
  EXPECT_EQ(rig.a.association.stats().chunksRetransmitted, 0u);
}

TEST(AssociationTransfer, NoPacketExceedsTheMtu) {
  for (const size_t mtu : {256u, 500u, 1191u, 4000u}) {
    Options options;
    options.mtu = mtu;
    Rig rig(3, {.loss = 0.1}, options);
    size_t largest = 0;
    rig.a.filter = rig.b.filter = [&](Bytes& packet) {
      largest = std::max(largest, packet.size());
      return true;
    };
    rig.connect();
    EXPECT_EQ(send(rig, rig.a, 0, pattern(60000, 1)), SendResult::ok);
    EXPECT_EQ(send(rig, rig.b, 0, pattern(60000, 2)), SendResult::ok);
    rig.run(60s);
    ASSERT_EQ(rig.b.messages.size(), 1u);
    EXPECT_EQ(rig.b.messages[0].data, pattern(60000, 1));
    EXPECT_LE(largest, mtu);
    EXPECT_GT(largest, mtu - 8);
  }
}

TEST(AssociationTransfer, SmallMessagesShareAPacket) {
  Rig rig;
  rig.connect();
  const uint64_t before = rig.a.packets;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(send(rig, rig.a, 0, {uint8_t(i)}), SendResult::ok);
  rig.drain();
  EXPECT_EQ(rig.a.packets - before, 1u);
}

TEST(AssociationTransfer, RefusalsOfSend) {
  Options options;
  options.maxSendMessageSize = 1000;
  options.sendBufferLimit = 5000;
  Rig rig(1, {}, options);
  EXPECT_EQ(send(rig, rig.a, 0, {}), SendResult::empty);
  EXPECT_EQ(send(rig, rig.a, 0, Bytes(1001)), SendResult::too_large);
  EXPECT_EQ(send(rig, rig.a, 65535, Bytes(1)), SendResult::invalid_stream);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(send(rig, rig.a, 0, Bytes(1000)), SendResult::ok);
  EXPECT_EQ(send(rig, rig.a, 0, Bytes(1)), SendResult::buffer_full);
  rig.a.association.setMaxSendMessageSize(0);  // no limit; and one message may exceed the buffer alone
  rig.connect();
  rig.run(1s);
  EXPECT_EQ(send(rig, rig.a, 0, Bytes(6000)), SendResult::ok);
  rig.a.association.abort(rig.now, "enough");
  EXPECT_EQ(send(rig, rig.a, 0, Bytes(1)), SendResult::shutting_down);
}

TEST(AssociationTransfer, BufferedAmountIsExactAndItsEventComes) {
  Rig rig;
  rig.connect();
  rig.a.association.setBufferedAmountLowThreshold(StreamId(4), 20000);
  EXPECT_EQ(send(rig, rig.a, 4, Bytes(50000)), SendResult::ok);
  EXPECT_EQ(send(rig, rig.a, 4, Bytes(7), {.counted = false}), SendResult::ok);
  EXPECT_EQ(rig.a.association.bufferedAmount(StreamId(4)), 50000u);
  EXPECT_EQ(rig.a.association.totalBufferedAmount(), 50000u);
  rig.drain();  // ten packets of the initial window
  EXPECT_EQ(rig.a.association.bufferedAmount(StreamId(4)), 50000u - 10 * 1160);
  EXPECT_EQ(Rig::count<BufferedAmountLow>(rig.a), 0u);
  ASSERT_TRUE(rig.runUntil([&] { return Rig::count<BufferedAmountLow>(rig.a) > 0; }, 10s));
  EXPECT_LE(rig.a.association.bufferedAmount(StreamId(4)), 20000u);
  rig.run(5s);
  EXPECT_EQ(rig.a.association.bufferedAmount(StreamId(4)), 0u);
  EXPECT_EQ(Rig::count<BufferedAmountLow>(rig.a), 1u);
  EXPECT_EQ(rig.b.messages.size(), 2u);
}

TEST(AssociationTransfer, ALostMessageHoldsUpItsOwnStreamAlone) {
  Rig rig;
  rig.connect();
  bool drop = true;
  rig.a.filter = [&](Bytes&) { return !std::exchange(drop, false); };
  EXPECT_EQ(send(rig, rig.a, 1, Bytes(1000, 1)), SendResult::ok);
  EXPECT_EQ(send(rig, rig.a, 2, Bytes(1000, 2)), SendResult::ok);
  EXPECT_EQ(send(rig, rig.a, 1, Bytes(1000, 3)), SendResult::ok);
  EXPECT_EQ(send(rig, rig.a, 1, Bytes(1000, 4), {.unordered = true}), SendResult::ok);
  rig.run(15ms);
  ASSERT_EQ(rig.b.messages.size(), 2u);
  EXPECT_EQ(rig.b.messages[0].data[0], 2);
  EXPECT_EQ(rig.b.messages[1].data[0], 4);
  EXPECT_TRUE(rig.b.messages[1].unordered);
  rig.run(5s);
  ASSERT_EQ(rig.b.messages.size(), 4u);
  EXPECT_EQ(rig.b.messages[2].data[0], 1);
  EXPECT_EQ(rig.b.messages[3].data[0], 3);
}

TEST(AssociationTransfer, AShortMessageDoesNotWaitForEveryLongOne) {
  Rig rig;
  rig.connect();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(send(rig, rig.a, 1, Bytes(60000, 1)), SendResult::ok);
  EXPECT_EQ(send(rig, rig.a, 2, Bytes(10, 2)), SendResult::ok);
  ASSERT_TRUE(rig.runUntil([&] { return !rig.b.messages.empty() && rig.b.messages.back().stream == StreamId(2); }));
  EXPECT_LE(rig.b.messages.size(), 2u);
}

TEST(AssociationTransfer, WeightsShareTheRate) {
  Rig rig;
  rig.connect();
  rig.a.association.setPriority(StreamId(1), 128);
  rig.a.association.setPriority(StreamId(2), 1024);
  for (int i = 0; i < 400; ++i) {
    EXPECT_EQ(send(rig, rig.a, 1, Bytes(1000)), SendResult::ok);
    EXPECT_EQ(send(rig, rig.a, 2, Bytes(1000)), SendResult::ok);
  }
  ASSERT_TRUE(rig.runUntil([&] { return rig.b.messages.size() >= 270; }));
  const auto heavy = std::count_if(rig.b.messages.begin(), rig.b.messages.begin() + 270,
                                   [](const Message& m) { return m.stream == StreamId(2); });
  EXPECT_NEAR(static_cast<double>(heavy), 240, 12);
}

class AssociationSweep : public ::testing::TestWithParam<int> {};

// 25 seeds a case, sixteen cases: loss, reordering, duplication, a slow link, small MTUs and windows.
TEST_P(AssociationSweep, EverythingArrivesOnceAndInOrder) {
  for (int i = 0; i < 25; ++i) {
    const uint64_t seed = static_cast<uint64_t>(GetParam() * 25 + i);
    SeededRandom random(seed + 1000);
    PathOptions path;
    path.delay = Duration(1ms) * (1 + random.below(80));
    path.jitter = random.below(2) ? path.delay / 2 : Duration(0);
    path.loss = static_cast<double>(random.below(21)) / 100;
    path.duplicate = static_cast<double>(random.below(10)) / 100;
    if (random.below(3) == 0) path.bytesPerSecond = 200000;
    Options options;
    options.mtu = 300 + random.below(1000);
    options.receiveWindow = random.below(2) ? 20000 : 5 << 20;
    options.maxRetransmits.reset();
    options.maxInitRetransmits.reset();
    Rig rig(seed, path, options);
    std::vector<std::vector<Bytes>> expected(6);
    size_t unorderedCount = 0;
    for (Rig::Side* side : {&rig.a, &rig.b}) side->association.connect(rig.now);
    std::multiset<Bytes> unordered;
    for (int message = 0; message < 60; ++message) {
      const uint16_t stream = static_cast<uint16_t>(random.below(6));
      Bytes data = pattern(1 + random.below(random.below(4) == 0 ? 15000 : 1500), seed * 1000 + message);
      const bool free = random.below(4) == 0;
      if (free) {
        unordered.insert(data);
        ++unorderedCount;
      } else {
        expected[stream].push_back(data);
      }
      ASSERT_EQ(send(rig, rig.a, stream, data, {.unordered = free}), SendResult::ok);
      if (random.below(8) == 0) rig.run(Duration(1ms) * random.below(300));
    }
    ASSERT_TRUE(rig.runUntil([&] { return rig.b.messages.size() == 60; }, 900s))
        << "seed " << seed << ": " << rig.b.messages.size() << " loss " << path.loss;
    rig.run(20s);
    ASSERT_EQ(rig.b.messages.size(), 60u) << "seed " << seed;
    std::vector<std::vector<Bytes>> got(6);
    for (const Message& message : rig.b.messages) {
      if (message.unordered) {
        const auto found = unordered.find(message.data);
        ASSERT_NE(found, unordered.end()) << "seed " << seed;
        unordered.erase(found);
      } else {
        got[message.stream.value()].push_back(message.data);
      }
    }
    ASSERT_TRUE(unordered.empty()) << "seed " << seed;
    ASSERT_EQ(got, expected) << "seed " << seed;
    ASSERT_EQ(rig.a.association.stats().bytesInFlight, 0u) << "seed " << seed;
    ASSERT_EQ(rig.a.association.stats().unackedChunks, 0u) << "seed " << seed;
    ASSERT_EQ(rig.b.association.stats().receiveWindow, options.receiveWindow) << "seed " << seed;
    ASSERT_EQ(rig.b.association.stats().invalidChunks + rig.a.association.stats().invalidChunks, 0u);
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, AssociationSweep, ::testing::Range(0, 16));

TEST(AssociationTransfer, CorruptedPacketsAreDroppedWhereTheChecksumIsOurs) {
  Options options;
  options.zeroChecksum = false;
  Rig rig(1, {}, options);
  SeededRandom random(5);
  rig.a.filter = rig.b.filter = [&](Bytes& packet) {
    if (random.below(10) == 0) packet[random.below(packet.size())] ^= static_cast<uint8_t>(1 + random.below(255));
    return true;
  };
  rig.connect();
  EXPECT_EQ(send(rig, rig.a, 0, pattern(60000, 1)), SendResult::ok);
  ASSERT_TRUE(rig.runUntil([&] { return rig.b.messages.size() == 1; }));
  EXPECT_EQ(rig.b.messages[0].data, pattern(60000, 1));
  EXPECT_GT(rig.b.association.stats().badChecksums + rig.b.association.stats().badPackets, 0u);
}

TEST(AssociationTransfer, TheSameSeedGivesTheSameRun) {
  const auto run = [] {
    Rig rig(42, {.jitter = 5ms, .loss = 0.1});
    rig.connect();
    for (int i = 0; i < 20; ++i) EXPECT_EQ(send(rig, rig.a, 0, pattern(5000, i)), SendResult::ok);
    rig.run(30s);
    const Stats stats = rig.a.association.stats();
    return std::tuple(stats.packetsSent, stats.bytesSent, stats.chunksRetransmitted, stats.fastRecoveries);
  };
  EXPECT_EQ(run(), run());
}

TEST(AssociationTransfer, AnIdleAssociationWakesOnlyForHeartbeats) {
  Rig rig;
  rig.connect();
  EXPECT_EQ(send(rig, rig.a, 0, {1}), SendResult::ok);
  rig.run(1s);
  const uint64_t before = rig.a.wakeups;
  rig.run(300s);
  EXPECT_TRUE(rig.a.association.established());
  EXPECT_LE(rig.a.wakeups - before, 22u);
}

TEST(AssociationTransfer, ADeadPathIsFoundByHeartbeats) {
  Rig rig;
  rig.connect();
  rig.a.filter = [](Bytes&) { return false; };
  rig.run(120s);
  EXPECT_EQ(Rig::count<Aborted>(rig.a), 1u);
}

TEST(AssociationTransfer, NeverGivesUpWhenToldSo) {
  Options options;
  options.maxRetransmits.reset();
  Rig rig(1, {}, options);
  rig.connect();
  rig.path.loss = 1;
  EXPECT_EQ(send(rig, rig.a, 0, pattern(5000, 1)), SendResult::ok);
  rig.run(600s);
  rig.path.loss = 0;
  ASSERT_TRUE(rig.runUntil([&] { return rig.b.messages.size() == 1; }, 4s));  // the back-off is bounded
}

// --- Window and congestion ----------------------------------------------------------------------------------------

TEST(AssociationCongestion, SlowStartDoublesTheWindowInARoundTrip) {
  Options options;
  options.maxSendMessageSize = 0;
  Rig rig(1, {.delay = 50ms}, options);
  rig.connect();
  EXPECT_EQ(send(rig, rig.a, 0, Bytes(8 << 20)), SendResult::ok);
  rig.run(90ms);
  EXPECT_EQ(rig.a.association.stats().congestionWindow, 11600u);
  rig.run(100ms);
  EXPECT_NEAR(static_cast<double>(rig.a.association.stats().congestionWindow), 2 * 11600, 2400);
  rig.run(300ms);
  EXPECT_GE(rig.a.association.stats().congestionWindow, 12u * 11600);
  EXPECT_GT(rig.a.association.stats().slowStartThreshold, size_t{1} << 40);
}

TEST(AssociationCongestion, TheAnswererStartsInSlowStartToo) {  // not with a threshold of 0
  for (const bool both : {false, true}) {
    Rig rig;
    rig.a.association.connect(rig.now);
    if (both) rig.b.association.connect(rig.now);
    rig.run(1s);
    EXPECT_GT(rig.b.association.stats().slowStartThreshold, size_t{1} << 40);
    EXPECT_EQ(rig.b.association.stats().congestionWindow, 11600u);
  }
}

TEST(AssociationCongestion, FastRetransmitAfterThreeMisses) {
  RawPeer peer;
  peer.establish();
  ASSERT_TRUE(peer.sendFragments(8));
  const uint32_t first = peer.theirTsn;
  ASSERT_EQ(peer.takeTsns().size(), 8u);
  peer.now += 20ms;
  peer.sack(first - 1, 1 << 20, {{2, 2}});
  peer.sack(first - 1, 1 << 20, {{2, 3}});
  EXPECT_TRUE(peer.takeTsns().empty());
  peer.sack(first - 1, 1 << 20, {{2, 4}});
  EXPECT_EQ(peer.takeTsns(), std::vector<uint32_t>{first});
  EXPECT_EQ(peer.association.stats().fastRecoveries, 1u);
  peer.sack(first - 1, 1 << 20, {{2, 5}});  // once is enough
  EXPECT_TRUE(peer.takeTsns().empty());
}

TEST(AssociationCongestion, AChunkAcknowledgedMeanwhileIsNotSentAgain) {
  RawPeer peer;
  peer.establish();
  ASSERT_TRUE(peer.sendFragments(8));
  const uint32_t first = peer.theirTsn;
  peer.takeTsns();
  peer.now += 20ms;
  // Four SACKs in one go: by the time that a packet may leave, the chunk thought lost has been acknowledged.
  for (uint16_t last : {2, 3, 4}) {
    Bytes chunk;
    {
      ChunkWriter writer(chunk, ChunkType::sack);
      ByteWriter out(chunk);
      out.u32(first - 1);
      out.u32(1 << 20);
      out.u16(1);
      out.u16(0);
      out.u16(2);
      out.u16(last);
    }
    peer.input(chunk);
  }
  peer.sack(first + 4, 1 << 20);
  EXPECT_TRUE(peer.takeTsns().empty());
}

TEST(AssociationCongestion, ALostRetransmissionIsFoundWithoutTheTimer) {
  Rig rig;
  rig.connect();
  // Prime the window, then drop one chunk twice.
  EXPECT_EQ(send(rig, rig.a, 0, pattern(65000, 1)), SendResult::ok);
  rig.run(2s);
  std::optional<uint32_t> victim;
  int drops = 0;
  rig.a.filter = [&](Bytes& packet) {
    ChunkReader reader(ByteView(packet).subspan(kCommonHeaderSize));
    while (const auto chunk = reader.next()) {
      if (chunk->type != static_cast<uint8_t>(ChunkType::data)) continue;
      const uint32_t tsn = DataChunk::parse(*chunk)->tsn;
      if (!victim) victim = tsn + 5;
      if (tsn == *victim && drops < 2) return ++drops, false;
    }
    return true;
  };
  for (int i = 0; i < 10; ++i) EXPECT_EQ(send(rig, rig.a, 0, pattern(65000, i)), SendResult::ok);
  rig.run(5s);
  EXPECT_EQ(drops, 2);
  EXPECT_EQ(rig.b.messages.size(), 11u);
  EXPECT_EQ(rig.a.association.stats().retransmissionTimeouts, 0u);
}

TEST(AssociationCongestion, TimeoutStartsAnewWithOnePacket) {
  RawPeer peer;
  peer.establish();
  ASSERT_TRUE(peer.sendFragments(8));
  const uint32_t first = peer.theirTsn;
  peer.takeTsns();
  peer.now = peer.association.nextTimeout()->at;
  EXPECT_STREQ(peer.association.nextTimeout()->reason, "sctp t3-rtx");
  peer.association.handleTimeout(peer.now);
  peer.drain();
  EXPECT_EQ(peer.takeTsns(), std::vector<uint32_t>{first});
  EXPECT_EQ(peer.association.stats().congestionWindow, 1160u);
  EXPECT_EQ(peer.association.stats().slowStartThreshold, 5u * 1160);
  peer.now += 20ms;
  peer.sack(first, 1 << 20);
  EXPECT_EQ(peer.takeTsns(), (std::vector<uint32_t>{first + 1, first + 2}));
}

TEST(AssociationCongestion, PeersWindowIsRespectedAndProbed) {
  RawPeer peer;
  peer.window = 3000;
  peer.establish();
  ASSERT_TRUE(peer.sendFragments(20));
  const uint32_t first = peer.theirTsn;
  EXPECT_EQ(peer.takeTsns().size(), 2u);
  peer.now += 20ms;
  peer.sack(first + 1, 0);
  EXPECT_EQ(peer.takeTsns(), std::vector<uint32_t>{first + 2});  // one chunk, to hear of the window
  EXPECT_EQ(peer.association.stats().peerWindow, 0u);             // and no wrap below zero
  for (int i = 0; i < 30; ++i) {  // a peer that stays closed is alive
    peer.now = peer.association.nextTimeout()->at;
    peer.association.handleTimeout(peer.now);
    peer.drain();
    const auto tsns = peer.takeTsns();
    ASSERT_LE(tsns.size(), 1u);
    for (const uint32_t tsn : tsns) EXPECT_EQ(tsn, first + 2);
    peer.sack(first + 1, 0);
    EXPECT_EQ(peer.association.stats().peerWindow, 0u);
  }
  EXPECT_TRUE(peer.association.established());
  peer.sack(first + 2, 1 << 20);
  EXPECT_FALSE(peer.takeTsns().empty());
}

TEST(AssociationCongestion, SackOfWhatWasNeverSentIsIgnored) {
  RawPeer peer;
  peer.establish();
  ASSERT_TRUE(peer.sendFragments(3));
  const uint32_t first = peer.theirTsn;
  peer.takeTsns();
  peer.sack(first + 3, 1 << 20);
  peer.sack(first + 1000000, 1 << 20);
  peer.sack(first - 1, 1 << 20, {{2, 4}});
  peer.sack(first - 1, 1 << 20, {{0, 1}});
  peer.sack(first - 1, 1 << 20, {{3, 2}});
  EXPECT_EQ(peer.association.stats().invalidChunks, 5u);
  EXPECT_EQ(peer.association.stats().bytesInFlight, 3u * 1160);
  EXPECT_TRUE(peer.association.established());
  peer.sack(first + 2, 1 << 20);
  EXPECT_EQ(peer.association.stats().bytesInFlight, 0u);
  peer.sack(first, 1 << 20);  // an old one
  EXPECT_EQ(peer.association.stats().invalidChunks, 5u);
}

TEST(AssociationCongestion, AReneger) {  // §6.2.1: gap blocks may be taken back
  RawPeer peer;
  peer.establish();
  ASSERT_TRUE(peer.sendFragments(5));
  const uint32_t first = peer.theirTsn;
  peer.takeTsns();
  peer.now += 20ms;
  peer.sack(first - 1, 1 << 20, {{2, 5}});
  EXPECT_EQ(peer.association.stats().bytesInFlight, 1160u);
  peer.sack(first, 1 << 20);  // the rest has been dropped
  EXPECT_EQ(peer.takeTsns(), (std::vector<uint32_t>{first + 1, first + 2, first + 3, first + 4}));
  peer.sack(first + 4, 1 << 20);
  EXPECT_EQ(peer.association.stats().unackedChunks, 0u);
}

// --- Receiving ----------------------------------------------------------------------------------------------------

TEST(AssociationReceive, SacksEverySecondPacketOrAfterTheDelay) {
  RawPeer peer;
  peer.establish();
  peer.data(0, 0, "a");
  EXPECT_FALSE(peer.lastSack());
  ASSERT_TRUE(peer.association.nextTimeout());
  EXPECT_STREQ(peer.association.nextTimeout()->reason, "sctp sack");
  EXPECT_EQ(peer.association.nextTimeout()->at, peer.now + 20ms);
  peer.data(0, 1, "b");
  ASSERT_TRUE(peer.lastSack());
  EXPECT_EQ(peer.lastSack()->cumulativeTsn, peer.nextTsn - 1);
  peer.sent.clear();
  peer.data(0, 2, "c", DataChunk::kBegin | DataChunk::kEnd | DataChunk::kImmediate);
  EXPECT_TRUE(peer.lastSack());
  peer.sent.clear();
  peer.data(0, 3, "d");
  peer.now += 20ms;
  peer.association.handleTimeout(peer.now);
  peer.drain();
  EXPECT_TRUE(peer.lastSack());
}

TEST(AssociationReceive, ReportsGapsAndDuplicates) {
  RawPeer peer;
  peer.establish();
  peer.dataAt(1000, 0, 0, "a");
  peer.dataAt(1002, 0, 2, "c");
  peer.dataAt(1003, 0, 3, "d");
  peer.dataAt(1006, 0, 6, "g");
  peer.dataAt(1002, 0, 2, "c");
  const auto sack = peer.lastSack();
  ASSERT_TRUE(sack);
  EXPECT_EQ(sack->cumulativeTsn, 1000u);
  ASSERT_EQ(sack->gapCount(), 2u);
  EXPECT_EQ(sack->gap(0), (SackChunk::GapBlock{2, 3}));
  EXPECT_EQ(sack->gap(1), (SackChunk::GapBlock{6, 6}));
  ASSERT_EQ(sack->duplicateCount(), 1u);
  EXPECT_EQ(sack->duplicate(0), 1002u);
  EXPECT_EQ(peer.texts, std::vector<std::string>{"a"});
  for (const uint32_t tsn : {1001u, 1004u, 1005u}) peer.dataAt(tsn, 0, static_cast<uint16_t>(tsn - 1000), "x");
  EXPECT_EQ(peer.texts, (std::vector<std::string>{"a", "x", "c", "d", "x", "x", "g"}));
}

TEST(AssociationReceive, TsnsAndSsnsWrap) {
  RawPeer peer({}, 0xFFFFFFFD);
  peer.establish();
  for (int i = 0; i < 8; ++i) peer.data(0, static_cast<uint16_t>(i), std::to_string(i));
  EXPECT_EQ(peer.texts.size(), 8u);
  EXPECT_EQ(peer.lastSack()->cumulativeTsn, 4u);
  for (int i = 8; i < 66000; ++i) peer.data(0, static_cast<uint16_t>(i), "y");
  EXPECT_EQ(peer.texts.size(), 66000u);
}

TEST(AssociationReceive, FragmentsInEveryOrder) {
  std::vector<uint32_t> order = {0, 1, 2, 3, 4};
  do {
    RawPeer peer;
    peer.establish();
    for (const uint32_t i : order) {
      const uint8_t flags = static_cast<uint8_t>((i == 0 ? DataChunk::kBegin : 0) | (i == 4 ? DataChunk::kEnd : 0));
      peer.dataAt(1000 + i, 3, 0, std::string(1, static_cast<char>('a' + i)), flags);
    }
    ASSERT_EQ(peer.texts, std::vector<std::string>{"abcde"});
    ASSERT_EQ(peer.association.stats().receiveWindow, peer.association.options().receiveWindow);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(AssociationReceive, FragmentsThatContradictEachOtherAbort) {
  RawPeer peer;
  peer.establish();
  peer.data(1, 0, "a", DataChunk::kBegin);
  peer.data(2, 0, "b", DataChunk::kEnd);
  ASSERT_EQ(peer.events.size(), 2u);
  EXPECT_EQ(std::get<Aborted>(peer.events[1]).cause, static_cast<uint16_t>(Cause::protocol_violation));
  EXPECT_TRUE(peer.find(ChunkType::abort));
}

TEST(AssociationReceive, TheWindowIsKept) {
  Options options;
  options.receiveWindow = 4000;
  RawPeer peer(options);
  peer.establish();
  for (uint32_t i = 1; i < 10; ++i) peer.dataAt(1000 + i, 0, static_cast<uint16_t>(i), std::string(1000, 'x'));
  EXPECT_EQ(peer.association.stats().windowOverruns, 5u);
  EXPECT_EQ(peer.lastSack()->gapCount(), 1u);
  EXPECT_EQ(peer.lastSack()->gap(0), (SackChunk::GapBlock{2, 5}));
  EXPECT_EQ(peer.lastSack()->receiveWindow, 0u);
  peer.dataAt(1000, 0, 0, "first");  // what fills the hole is always taken
  EXPECT_EQ(peer.texts.size(), 5u);
  EXPECT_EQ(peer.lastSack()->receiveWindow, 4000u);
}

TEST(AssociationReceive, TinyMessagesBeyondAHoleAreBoundedToo) {
  RawPeer peer;
  peer.establish();
  for (uint32_t i = 1; i < 100000; ++i) peer.dataAt(1000 + 2 * i, 0, static_cast<uint16_t>(i), "x");
  EXPECT_GT(peer.association.stats().windowOverruns, 90000u);
  EXPECT_TRUE(peer.association.established());
}

TEST(AssociationReceive, LeftOutSsnsEndTheAssociation) {
  Options options;
  options.receiveWindow = 100000;
  RawPeer peer(options);
  peer.establish();
  for (int i = 1; i < 1000; ++i) peer.data(0, static_cast<uint16_t>(i), std::string(1000, 'x'));
  EXPECT_EQ(peer.association.state(), State::ended);
  EXPECT_EQ(std::get<Aborted>(peer.events.back()).cause, static_cast<uint16_t>(Cause::out_of_resource));
}

TEST(AssociationReceive, AMessageLargerThanTheWindowArrives) {
  Options options;
  options.receiveWindow = 20000;
  options.maxSendMessageSize = 0;
  options.maxReceiveMessageSize = 0;
  Rig rig(5, {.jitter = 5ms, .loss = 0.02}, options);
  rig.connect();
  EXPECT_EQ(send(rig, rig.a, 0, pattern(500000, 1)), SendResult::ok);
  ASSERT_TRUE(rig.runUntil([&] { return rig.b.messages.size() == 1; }));
  EXPECT_EQ(rig.b.messages[0].data, pattern(500000, 1));
}

TEST(AssociationReceive, TooLargeAMessageIsDiscardedAndItsStreamGoesOn) {
  Options small;
  small.maxReceiveMessageSize = 5000;
  Rig rig(5, {.jitter = 5ms, .loss = 0.1}, Options{}, small);
  rig.connect();
  EXPECT_EQ(send(rig, rig.a, 0, pattern(5000, 1)), SendResult::ok);
  EXPECT_EQ(send(rig, rig.a, 0, pattern(5001, 2)), SendResult::ok);
  EXPECT_EQ(send(rig, rig.a, 0, pattern(10, 3)), SendResult::ok);
  rig.run(10s);
  ASSERT_EQ(rig.b.messages.size(), 2u);
  EXPECT_EQ(rig.b.messages[1].data, pattern(10, 3));
  ASSERT_EQ(Rig::count<MessageTooLarge>(rig.b), 1u);
}

TEST(AssociationReceive, InvalidStreamIsReportedAndAcknowledged) {
  Options options;
  options.inboundStreams = 5;
  RawPeer peer(options);
  peer.establish();
  peer.data(5, 0, "x");
  peer.data(4, 0, "y");
  EXPECT_TRUE(peer.find(ChunkType::error));
  EXPECT_EQ(peer.texts, std::vector<std::string>{"y"});
  EXPECT_EQ(peer.lastSack()->cumulativeTsn, 1001u);
}

TEST(AssociationReceive, EmptyDataAborts) {  // §6.2
  RawPeer peer;
  peer.establish();
  peer.data(0, 0, "");
  EXPECT_EQ(std::get<Aborted>(peer.events.back()).cause, static_cast<uint16_t>(Cause::no_user_data));
}

TEST(AssociationReceive, UnknownChunksByTheirHighBits) {  // §3.2
  const auto chunk = [](uint8_t type) { return Bytes{type, 0, 0, 8, 1, 2, 3, 4}; };
  for (const uint8_t type : {0x3F, 0x7F, 0xBF, 0xFF}) {
    RawPeer peer;
    peer.establish();
    Bytes chunks = chunk(type);
    DataChunk{3, 1000, StreamId(0), 0, kPpid, asBytes("x")}.write(chunks);
    peer.input(chunks);
    peer.drain();
    EXPECT_EQ(peer.find(ChunkType::error).has_value(), (type & 0x40) != 0) << int(type);
    EXPECT_EQ(peer.texts.size(), (type & 0x80) ? 1u : 0u) << int(type);
  }
}

TEST(AssociationReceive, AnOversizedUnknownChunkIsQuotedInPart) {
  RawPeer peer;
  peer.establish();
  Bytes chunk(8000, 0xAA);
  chunk[0] = 0xFF;
  storeU16(&chunk[2], 8000);
  peer.input(chunk);
  peer.drain();
  ASSERT_EQ(peer.sent.size(), 1u);
  EXPECT_LE(peer.sent[0].size(), 300u);
  Bytes heartbeat(8000, 0xAA);
  heartbeat[0] = static_cast<uint8_t>(ChunkType::heartbeat);
  storeU16(&heartbeat[2], 8000);
  peer.sent.clear();
  peer.input(heartbeat);
  peer.drain();
  EXPECT_TRUE(peer.sent.empty());
}

TEST(AssociationReceive, HeartbeatIsEchoed) {
  RawPeer peer;
  peer.establish();
  peer.input(Bytes{4, 0, 0, 10, 0, 1, 0, 6, 0xAB, 0xCD, 0, 0});
  peer.drain();
  EXPECT_EQ(peer.find(ChunkType::heartbeat_ack), (Bytes{5, 0, 0, 10, 0, 1, 0, 6, 0xAB, 0xCD}));
}

TEST(AssociationReceive, NothingWithAWrongTagDoesAnything) {
  RawPeer peer;
  peer.establish();
  std::vector<Bytes> chunks;
  for (const ChunkType type : {ChunkType::abort, ChunkType::shutdown_complete, ChunkType::shutdown_ack,
                               ChunkType::error, ChunkType::cookie_ack}) {
    for (const uint8_t flags : {0, 1}) writeEmptyChunk(chunks.emplace_back(), type, flags);
  }
  chunks.push_back({6, 0, 0, 4});
  DataChunk{3, 1000, StreamId(0), 0, kPpid, {}}.write(chunks.emplace_back());
  ForwardTsnChunk::write(chunks.emplace_back(), 2000, {});
  chunks.push_back({10, 0, 0, 8, 1, 2, 3, 4});
  uint32_t tag = 1;
  for (const Bytes& chunk : chunks) {
    for (const uint32_t wrong : {tag, uint32_t{0}, peer.theirTag ^ 1}) {
      peer.inputWithTag(chunk, wrong);
      peer.drain();
    }
  }
  EXPECT_TRUE(peer.association.established());
  EXPECT_TRUE(peer.sent.empty());
  EXPECT_TRUE(peer.texts.empty());
  EXPECT_GT(peer.association.stats().badTags, 30u);
  Bytes abort;
  writeEmptyChunk(abort, ChunkType::abort, 1);
  peer.inputWithTag(abort, RawPeer::kTag);  // with the T bit it bears the tag that we send to
  EXPECT_EQ(peer.association.state(), State::ended);
}

TEST(AssociationReceive, InitInAnEstablishedAssociationChangesNothingByItself) {
  RawPeer peer;
  peer.establish();
  InitChunk init;
  init.tag = 5;
  init.outboundStreams = init.inboundStreams = 1;
  Bytes chunk;
  init.write(chunk, ChunkType::init);
  peer.inputWithTag(chunk, 0);
  peer.drain();
  ASSERT_TRUE(peer.find(ChunkType::init_ack));
  const auto ack = *InitChunk::parse(*ChunkReader(*peer.find(ChunkType::init_ack)).next());
  EXPECT_NE(ack.tag, peer.theirTag);  // §5.2.2
  peer.data(0, 0, "x");
  EXPECT_EQ(peer.texts.size(), 1u);
  init.tag = 0;
  chunk.clear();
  init.write(chunk, ChunkType::init);
  peer.sent.clear();
  peer.inputWithTag(chunk, 0);
  peer.drain();
  EXPECT_TRUE(peer.sent.empty());
}

// --- Partial reliability ------------------------------------------------------------------------------------------

TEST(AssociationPartial, NoRetransmissionMeansNone) {
  Rig rig(3, {.loss = 0.2});
  rig.connect();
  ASSERT_TRUE(rig.a.association.established() && rig.b.association.established());
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(send(rig, rig.a, 1, pattern(500, i), {.maxRetransmits = 0}), SendResult::ok);
    rig.run(5ms);
  }
  EXPECT_EQ(send(rig, rig.a, 1, {7}), SendResult::ok);  // a reliable one comes through behind them
  rig.run(20s);
  EXPECT_LT(rig.b.messages.size(), 480u);
  EXPECT_GT(rig.b.messages.size(), 300u);
  EXPECT_EQ(rig.b.messages.back().data, Bytes{7});
  EXPECT_EQ(rig.a.association.stats().unackedChunks, 0u);
  EXPECT_EQ(Rig::count<SendFailed>(rig.a), rig.a.association.stats().messagesAbandoned);
  EXPECT_LE(501 - rig.b.messages.size(), Rig::count<SendFailed>(rig.a));
  int last = -1;
  for (size_t i = 0; i + 1 < rig.b.messages.size(); ++i) {  // in order, with holes
    int found = last + 1;
    while (found < 500 && pattern(500, found) != rig.b.messages[i].data) ++found;
    ASSERT_LT(found, 500);
    last = found;
  }
}

TEST(AssociationPartial, SweepWithLimitsNeverStalls) {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    SeededRandom random(seed + 77);
    Options options;
    options.maxRetransmits.reset();
    Rig rig(seed, {.delay = Duration(1ms) * (1 + random.below(50)), .jitter = random.below(2) ? 8ms : 0ms,
                   .loss = static_cast<double>(random.below(21)) / 100}, options);
    rig.connect();
    rig.run(10s);
    for (int i = 0; i < 80; ++i) {
      SendOptions limits{.unordered = random.below(2) == 0};
      if (random.below(2)) limits.maxRetransmits = static_cast<uint16_t>(random.below(2));
      if (random.below(2)) limits.lifetime = Duration(1ms) * random.below(200);
      EXPECT_EQ(send(rig, rig.a, static_cast<uint16_t>(random.below(4)), pattern(1 + random.below(9000), i), limits),
                SendResult::ok);
      if (random.below(3) == 0) rig.run(Duration(1ms) * random.below(40));
    }
    for (uint16_t stream = 0; stream < 4; ++stream) EXPECT_EQ(send(rig, rig.a, stream, {42}), SendResult::ok);
    const auto ends = [&] {
      return std::count_if(rig.b.messages.begin(), rig.b.messages.end(),
                           [](const Message& m) { return m.data == Bytes{42}; });
    };
    ASSERT_TRUE(rig.runUntil([&] { return ends() == 4; }, 600s)) << "seed " << seed << " ends " << ends();
    rig.run(60s);
    ASSERT_EQ(rig.a.association.stats().unackedChunks, 0u) << "seed " << seed;
    ASSERT_EQ(rig.b.association.stats().receiveWindow, options.receiveWindow) << "seed " << seed;
    ASSERT_EQ(rig.b.association.stats().invalidChunks, 0u) << "seed " << seed;
    ASSERT_EQ(rig.a.association.bufferedAmount(StreamId(0)), 0u);
  }
}

TEST(AssociationPartial, LifetimeDropsWhatNeverLeft) {
  Rig rig(1, {.delay = 100ms});
  rig.connect();
  for (int i = 0; i < 40; ++i) EXPECT_EQ(send(rig, rig.a, 1, Bytes(5000), {.lifetime = 50ms}), SendResult::ok);
  rig.run(5s);
  EXPECT_LT(rig.b.messages.size(), 5u);
  EXPECT_GE(rig.b.messages.size(), 2u);
  EXPECT_EQ(rig.a.association.totalBufferedAmount(), 0u);
  EXPECT_EQ(Rig::count<SendFailed>(rig.a) + rig.b.messages.size(), 40u);
}

TEST(AssociationPartial, ALifetimeOfZeroStillAllowsOneTry) {
  Rig rig;
  rig.connect();
  EXPECT_EQ(send(rig, rig.a, 1, {1}, {.lifetime = 0ms}), SendResult::ok);
  rig.run(1s);
  EXPECT_EQ(rig.b.messages.size(), 1u);
}

TEST(AssociationPartial, ForwardTsnSkipsAndDelivers) {
  RawPeer peer;
  peer.establish();
  peer.dataAt(1002, 1, 1, "b");
  peer.dataAt(1003, 1, 2, "half", DataChunk::kBegin);
  peer.dataAt(1005, 1, 3, "d");
  EXPECT_TRUE(peer.texts.empty());
  Bytes chunk;
  const ForwardTsnChunk::Skipped skipped[] = {{StreamId(1), 2}};
  ForwardTsnChunk::write(chunk, 1004, skipped);
  peer.input(chunk);
  peer.drain();
  EXPECT_EQ(peer.texts, (std::vector<std::string>{"b", "d"}));
  EXPECT_EQ(peer.lastSack()->cumulativeTsn, 1005u);
  EXPECT_EQ(peer.lastSack()->gapCount(), 0u);
}

TEST(AssociationPartial, AnImpossibleForwardTsnIsIgnored) {
  RawPeer peer;
  peer.establish();
  peer.data(0, 0, "a");
  for (const uint32_t tsn : {1000u + 0x40000000u, 1000u + 0x7FFFFFFFu, 500u, 1000u + 0x80000001u}) {
    Bytes chunk;
    ForwardTsnChunk::write(chunk, tsn, {});
    peer.input(chunk);
    peer.drain();
    EXPECT_EQ(peer.lastSack()->cumulativeTsn, 1000u);
  }
  Bytes chunk;
  const ForwardTsnChunk::Skipped skipped[] = {{StreamId(65535), 2}};
  ForwardTsnChunk::write(chunk, 1005, skipped);
  peer.input(chunk);
  peer.data(0, 1, "b");
  EXPECT_EQ(peer.texts.size(), 2u);
}

// --- Stream reset -------------------------------------------------------------------------------------------------

TEST(AssociationReset, NothingSentBeforeIsLost) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Options options;
    options.maxRetransmits.reset();
    Rig rig(seed, {.jitter = 10ms, .loss = 0.15}, options);
    std::vector<std::string> log;
    rig.b.onEvent = [&](Event event) {
      if (std::holds_alternative<Message>(event)) log.push_back("message");
      if (std::holds_alternative<IncomingStreamsReset>(event)) log.push_back("reset");
    };
    rig.connect();
    rig.run(30s);
    for (int round = 0; round < 3; ++round) {  // the same stream again and again
      log.clear();
      for (int i = 0; i < 20; ++i) ASSERT_EQ(send(rig, rig.a, 6, pattern(3000, i)), SendResult::ok);
      const StreamId streams[] = {StreamId(6)};
      rig.a.association.resetStreams(rig.now, streams);
      rig.a.association.resetStreams(rig.now, streams);
      EXPECT_EQ(send(rig, rig.a, 6, {1}), SendResult::stream_resetting);
      EXPECT_EQ(send(rig, rig.a, 8, {1}), SendResult::ok);
      const size_t before = Rig::count<OutgoingStreamsReset>(rig.a);
      ASSERT_TRUE(rig.runUntil([&] { return Rig::count<OutgoingStreamsReset>(rig.a) > before; })) << seed;
      EXPECT_TRUE(Rig::last<OutgoingStreamsReset>(rig.a)->performed);
      rig.run(5s);
      ASSERT_EQ(std::count(log.begin(), log.end(), "message"), 21) << seed;
      ASSERT_EQ(std::count(log.begin(), log.end(), "reset"), 1) << seed;
    }
  }
}

TEST(AssociationReset, ARequestAheadOfItsDataIsInProgressAndThenPerformed) {
  RawPeer peer;
  peer.establish();
  peer.data(2, 0, "a");
  Bytes request;
  {
    ChunkWriter writer(request, ChunkType::reconfig);
    OutgoingResetRequest{1000, 0, 1001, {StreamId(2)}}.write(request);
  }
  const auto lastResult = [&] {
    std::optional<uint32_t> result;
    for (const Bytes& packet : peer.sent) {
      ChunkReader reader(ByteView(packet).subspan(kCommonHeaderSize));
      while (const auto chunk = reader.next()) {
        if (chunk->type != static_cast<uint8_t>(ChunkType::reconfig)) continue;
        const auto response = ReconfigResponse::parse(ParameterReader(chunk->value).next()->value);
        EXPECT_EQ(response->sequence, 1000u);
        result = response->result;
      }
    }
    peer.sent.clear();
    return result;
  };
  peer.input(request);
  peer.drain();
  EXPECT_EQ(lastResult(), static_cast<uint32_t>(ReconfigResult::in_progress));
  peer.input(request);  // the same number again
  peer.drain();
  EXPECT_EQ(lastResult(), static_cast<uint32_t>(ReconfigResult::in_progress));
  peer.data(2, 1, "b");
  EXPECT_EQ(lastResult(), static_cast<uint32_t>(ReconfigResult::performed));  // without being asked again
  peer.input(request);
  peer.drain();
  EXPECT_EQ(lastResult(), static_cast<uint32_t>(ReconfigResult::performed));
  peer.data(2, 0, "c");  // the stream starts at SSN 0
  EXPECT_EQ(peer.texts, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(std::count_if(peer.events.begin(), peer.events.end(),
                          [](const Event& e) { return std::holds_alternative<IncomingStreamsReset>(e); }), 1);
}

TEST(AssociationReset, InProgressIsAskedAgainWithTheSameNumber) {
  RawPeer peer;
  peer.establish();
  const StreamId streams[] = {StreamId(1), StreamId(3)};
  peer.association.resetStreams(peer.now, streams);
  peer.drain();
  const auto first = peer.find(ChunkType::reconfig);
  ASSERT_TRUE(first);
  const auto request = OutgoingResetRequest::parse(ParameterReader(ByteView(*first).subspan(4)).next()->value);
  EXPECT_EQ(request->requestSequence, peer.theirTsn);
  EXPECT_EQ(request->streams.size(), 2u);
  for (int i = 0; i < 20; ++i) {
    Bytes answer;
    {
      ChunkWriter writer(answer, ChunkType::reconfig);
      ReconfigResponse{request->requestSequence, static_cast<uint32_t>(ReconfigResult::in_progress)}.write(answer);
    }
    peer.input(answer);
    peer.sent.clear();
    peer.now = peer.association.nextTimeout()->at;
    peer.association.handleTimeout(peer.now);
    peer.drain();
    ASSERT_EQ(peer.find(ChunkType::reconfig), first);
  }
  Bytes answer;
  {
    ChunkWriter writer(answer, ChunkType::reconfig);
    ReconfigResponse{request->requestSequence, static_cast<uint32_t>(ReconfigResult::denied)}.write(answer);
  }
  peer.input(answer);
  peer.drain();
  ASSERT_TRUE(std::holds_alternative<OutgoingStreamsReset>(peer.events.back()));
  EXPECT_FALSE(std::get<OutgoingStreamsReset>(peer.events.back()).performed);
  EXPECT_EQ(peer.association.send(peer.now, StreamId(1), kPpid, {1}), SendResult::ok);
}

TEST(AssociationReset, OtherRequestsAreDenied) {
  RawPeer peer;
  peer.establish();
  uint32_t sequence = 1000;
  for (const uint8_t type : {14, 15, 17, 18}) {
    Bytes chunk = {130, 0, 0, 16, 0, type, 0, 12, 0, 0, 0, 0, 0, 1, 0, 0};
    storeU32(&chunk[8], sequence++);
    peer.sent.clear();
    peer.input(chunk);
    peer.drain();
    const auto answer = peer.find(ChunkType::reconfig);
    ASSERT_TRUE(answer);
    EXPECT_EQ(loadU32(&(*answer)[12]), static_cast<uint32_t>(ReconfigResult::denied));
  }
  Bytes request;
  {
    ChunkWriter writer(request, ChunkType::reconfig);
    OutgoingResetRequest{77, 0, 1001, {StreamId(2)}}.write(request);
  }
  peer.sent.clear();
  peer.input(request);
  peer.drain();
  EXPECT_EQ(loadU32(&(*peer.find(ChunkType::reconfig))[12]),
            static_cast<uint32_t>(ReconfigResult::bad_sequence_number));
}

TEST(AssociationReset, ThousandsAtOnce) {
  Rig rig(2, {.loss = 0.05});
  rig.connect();
  std::vector<StreamId> streams;
  for (uint16_t i = 0; i < 3000; ++i) {
    EXPECT_EQ(send(rig, rig.a, i, {1}), SendResult::ok);
    streams.emplace_back(i);
  }
  rig.a.association.resetStreams(rig.now, streams);
  rig.run(30s);
  size_t reset = 0;
  for (const Event& event : rig.b.events) {
    if (const auto* e = std::get_if<IncomingStreamsReset>(&event)) reset += e->streams.size();
  }
  EXPECT_EQ(reset, 3000u);
  EXPECT_EQ(rig.b.messages.size(), 3000u);
}

// --- Ending -------------------------------------------------------------------------------------------------------

TEST(AssociationEnd, ShutdownDeliversEverythingFirst) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Options options;
    options.maxRetransmits = 30;
    Rig rig(seed, {.loss = 0.1}, options);
    rig.connect();
    rig.run(10s);
    EXPECT_EQ(send(rig, rig.a, 0, pattern(50000, 1)), SendResult::ok);
    EXPECT_EQ(send(rig, rig.b, 0, pattern(30000, 2)), SendResult::ok);
    rig.a.association.shutdown(rig.now);
    EXPECT_EQ(send(rig, rig.a, 0, {1}), SendResult::shutting_down);
    rig.run(60s);
    ASSERT_EQ(rig.b.messages.size(), 1u) << seed;
    EXPECT_EQ(rig.a.messages.size(), 1u) << seed;
    EXPECT_EQ(rig.a.association.state(), State::ended);
    EXPECT_EQ(rig.b.association.state(), State::ended);
    EXPECT_EQ(Rig::count<Closed>(rig.a), 1u) << seed;
    EXPECT_EQ(Rig::count<Closed>(rig.b) + Rig::count<Aborted>(rig.b), 1u) << seed;
    EXPECT_EQ(rig.a.association.nextTimeout(), std::nullopt);
  }
}

TEST(AssociationEnd, BothShutDownAtOnce) {
  Rig rig;
  rig.connect();
  rig.a.association.shutdown(rig.now);
  rig.b.association.shutdown(rig.now);
  rig.run(5s);
  EXPECT_EQ(Rig::count<Closed>(rig.a), 1u);
  EXPECT_EQ(Rig::count<Closed>(rig.b), 1u);
}

TEST(AssociationEnd, AbortTellsThePeerWhy) {
  Rig rig;
  rig.connect();
  rig.a.association.abort(rig.now, "bye");
  rig.run(1s);
  ASSERT_EQ(Rig::count<Aborted>(rig.b), 1u);
  EXPECT_TRUE(Rig::last<Aborted>(rig.b)->byPeer);
  EXPECT_EQ(Rig::last<Aborted>(rig.b)->cause, 12);
  EXPECT_THAT(Rig::last<Aborted>(rig.b)->reason, ::testing::HasSubstr("bye"));
  EXPECT_FALSE(Rig::last<Aborted>(rig.a)->byPeer);
}

}  // namespace
}  // namespace peerage::sctp
