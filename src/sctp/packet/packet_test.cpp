#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "sctp/cookie.hpp"
#include "sctp/packet/chunks.hpp"
#include "sctp/packet/crc32c.hpp"
#include "sctp/rx/data_tracker.hpp"
#include "sctp/tsn_set.hpp"

#include <set>

namespace peerage::sctp {
namespace {

using ::testing::ElementsAre;

ChunkView only(const Bytes& bytes) {
  ChunkReader reader(bytes);
  const auto chunk = reader.next();
  EXPECT_TRUE(chunk.has_value());
  EXPECT_TRUE(reader.empty());
  return *chunk;
}

TEST(Crc32c, KnownVectors) {
  EXPECT_EQ(crc32c(asBytes("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c(Bytes(32, 0x00)), 0x8A9136AAu);  // RFC 3720 B.4
  EXPECT_EQ(crc32c(Bytes(32, 0xFF)), 0x62A8AB43u);
  Bytes rising(32);
  for (uint8_t i = 0; i < 32; ++i) rising[i] = i;
  EXPECT_EQ(crc32c(rising), 0x46DD794Eu);
}

TEST(Crc32c, InstructionAndTablesAgree) {
  SeededRandom random(1);
  for (size_t size = 0; size < 300; ++size) {
    Bytes data(size);
    random.fill(data);
    EXPECT_EQ(crc32cExtend(123, data), crc32cExtendPortable(123, data)) << size;
  }
}

TEST(Packet, CommonHeader) {
  Bytes out;
  CommonHeader{5000, 5001, 0x01020304}.write(out);
  EXPECT_THAT(out, ElementsAre(0x13, 0x88, 0x13, 0x89, 1, 2, 3, 4, 0, 0, 0, 0));
  const auto header = CommonHeader::parse(out);
  EXPECT_EQ(header->destinationPort, 5001);
  EXPECT_EQ(header->verificationTag, 0x01020304u);
  EXPECT_FALSE(CommonHeader::parse(ByteView(out).first(11)));
}

TEST(Packet, ChecksumGoesOutLeastSignificantByteFirst) {
  Bytes packet;
  CommonHeader{1, 2, 3}.write(packet);
  packet[8] = 0xAA;  // whatever is in the field counts as zero
  Bytes zeroed = packet;
  zeroed[8] = 0;
  EXPECT_EQ(packetChecksum(packet), crc32c(zeroed));
  storeChecksum(&packet[8], 0x11223344);
  EXPECT_EQ(packet[8], 0x44);
  EXPECT_EQ(loadChecksum(&packet[8]), 0x11223344u);
}

TEST(Packet, ChunkFraming) {
  const Bytes two = {11, 0, 0, 4, 10, 0, 0, 5, 9, 0, 0, 0};
  ChunkReader reader(two);
  EXPECT_EQ(reader.next()->type, 11);
  const auto second = reader.next();
  EXPECT_THAT(second->value, ElementsAre(9));
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.malformed());
  for (const Bytes& bad : {Bytes{1}, Bytes{1, 0, 0}, Bytes{1, 0, 0, 3}, Bytes{1, 0, 0, 5}, Bytes{1, 0, 0xFF, 0xFF}}) {
    ChunkReader broken(bad);
    EXPECT_FALSE(broken.next());
    EXPECT_TRUE(broken.malformed());
  }
  ChunkReader unpadded(ByteView(two).first(9));  // the last chunk's padding is missing
  unpadded.next();
  EXPECT_TRUE(unpadded.next());
  EXPECT_TRUE(unpadded.empty());
}

TEST(Chunks, Data) {
  Bytes out;
  const Bytes payload = {0xDE, 0xAD, 0xBE};
  DataChunk{DataChunk::kBegin | DataChunk::kImmediate, 0x01020304, StreamId(5), 6, Ppid(51), payload}.write(out);
  EXPECT_THAT(out, ElementsAre(0, 0x0A, 0, 19, 1, 2, 3, 4, 0, 5, 0, 6, 0, 0, 0, 51, 0xDE, 0xAD, 0xBE, 0));
  const auto data = DataChunk::parse(only(out));
  ASSERT_TRUE(data);
  EXPECT_TRUE(data->begin() && data->immediate());
  EXPECT_FALSE(data->end() || data->unordered());
  EXPECT_EQ(data->tsn, 0x01020304u);
  EXPECT_THAT(data->payload, ElementsAre(0xDE, 0xAD, 0xBE));
  EXPECT_FALSE(DataChunk::parse(only({0, 3, 0, 15, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0})));
}

TEST(Chunks, Init) {
  InitChunk init;
  init.tag = 0x0A0B0C0D;
  init.receiveWindow = 0x00500000;
  init.outboundStreams = 65535;
  init.inboundStreams = 1024;
  init.initialTsn = 7;
  init.forwardTsn = init.reconfig = init.zeroChecksum = true;
  Bytes out;
  init.write(out, ChunkType::init);
  EXPECT_THAT(out, ElementsAre(1, 0, 0, 40, 0x0A, 0x0B, 0x0C, 0x0D, 0, 0x50, 0, 0, 0xFF, 0xFF, 4, 0, 0, 0, 0, 7,
                               0xC0, 0, 0, 4, 0x80, 8, 0, 6, 130, 192, 0, 0, 0x80, 1, 0, 8, 0, 0, 0, 1));
  const auto parsed = InitChunk::parse(only(out));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->tag, init.tag);
  EXPECT_EQ(parsed->inboundStreams, 1024);
  EXPECT_TRUE(parsed->forwardTsn && parsed->reconfig && parsed->zeroChecksum);
}

// What Chromium puts into signalling: a_rwnd 5 MiB, 65535 streams, no zero checksum.
TEST(Chunks, InitOfAnotherStack) {
  const Bytes bytes = {1, 0, 0, 30, 1, 2, 3, 4, 0, 0x50, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF,
                       9, 8, 7, 6, 0xC0, 0, 0, 4, 0x80, 8, 0, 6, 0x82, 0xC0, 0, 0};
  const auto init = InitChunk::parse(only(bytes));
  ASSERT_TRUE(init);
  EXPECT_EQ(init->receiveWindow, 5u << 20);
  EXPECT_TRUE(init->forwardTsn && init->reconfig);
  EXPECT_FALSE(init->zeroChecksum);
}

TEST(Chunks, UnknownInitParametersByTheirHighBits) {  // RFC 9260 §3.2.1
  const auto with = [](uint16_t type) {
    Bytes bytes = {1, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0x10, 0, 0, 1, 0, 1, 0, 0, 0, 1};
    ByteWriter writer(bytes);
    writer.u16(type);
    writer.u16(8);
    writer.u32(0xABCDEF01);
    writer.u16(0xC000);
    writer.u16(4);
    return *InitChunk::parse(only(bytes));
  };
  EXPECT_FALSE(with(0x3F00).forwardTsn);
  EXPECT_TRUE(with(0x3F00).unrecognized.empty());
  EXPECT_FALSE(with(0x7F00).forwardTsn);
  EXPECT_THAT(with(0x7F00).unrecognized, ElementsAre(0x7F, 0, 0, 8, 0xAB, 0xCD, 0xEF, 1));
  EXPECT_TRUE(with(0xBF00).forwardTsn);
  EXPECT_TRUE(with(0xBF00).unrecognized.empty());
  EXPECT_TRUE(with(0xFF00).forwardTsn);
  EXPECT_EQ(with(0xFF00).unrecognized.size(), 8u);
}

TEST(Chunks, InitAckCarriesCookieAndUnrecognized) {
  const Bytes cookie = {1, 2, 3};
  InitChunk ack;
  ack.tag = 1;
  ack.cookie = cookie;
  ack.unrecognized = {0xFF, 0, 0, 5, 9, 0, 0, 0};
  Bytes out;
  ack.write(out, ChunkType::init_ack);
  EXPECT_THAT(ByteView(out).subspan(20), ElementsAre(0, 7, 0, 7, 1, 2, 3, 0, 0, 8, 0, 9, 0xFF, 0, 0, 5, 9, 0, 0, 0));
  EXPECT_THAT(InitChunk::parse(only(out))->cookie, ElementsAre(1, 2, 3));
}

TEST(Chunks, Sack) {
  const Bytes bytes = {3, 0, 0, 28, 0, 0, 0, 9, 0, 0, 1, 0, 0, 2, 0, 1, 0, 2, 0, 3, 0, 5, 0, 5, 0, 0, 0, 8};
  const auto sack = SackChunk::parse(only(bytes));
  ASSERT_TRUE(sack);
  EXPECT_EQ(sack->cumulativeTsn, 9u);
  EXPECT_EQ(sack->receiveWindow, 256u);
  ASSERT_EQ(sack->gapCount(), 2u);
  EXPECT_EQ(sack->gap(1), (SackChunk::GapBlock{5, 5}));
  EXPECT_EQ(sack->duplicate(0), 8u);
  Bytes shortOne = bytes;
  shortOne[13] = 3;  // one gap block more than there is room for
  EXPECT_FALSE(SackChunk::parse(only(shortOne)));
}

TEST(Chunks, ForwardTsn) {
  Bytes out;
  const ForwardTsnChunk::Skipped skipped[] = {{StreamId(1), 2}, {StreamId(3), 4}};
  ForwardTsnChunk::write(out, 0x01020304, skipped);
  EXPECT_THAT(out, ElementsAre(192, 0, 0, 16, 1, 2, 3, 4, 0, 1, 0, 2, 0, 3, 0, 4));
  const auto chunk = ForwardTsnChunk::parse(only(out));
  ASSERT_EQ(chunk->skippedCount(), 2u);
  EXPECT_EQ(chunk->skippedAt(1), skipped[1]);
  EXPECT_FALSE(ForwardTsnChunk::parse(only({192, 0, 0, 10, 1, 2, 3, 4, 0, 1, 0, 0})));
}

TEST(Chunks, Reconfig) {
  Bytes out;
  {
    ChunkWriter chunk(out, ChunkType::reconfig);
    OutgoingResetRequest{1, 2, 3, {StreamId(4)}}.write(out);
  }
  EXPECT_THAT(out, ElementsAre(130, 0, 0, 24, 0, 13, 0, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 4, 0, 0));
  ParameterReader reader(only(out).value);
  const auto request = OutgoingResetRequest::parse(reader.next()->value);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->lastTsn, 3u);
  EXPECT_THAT(request->streams, ElementsAre(StreamId(4)));
  out.clear();
  ReconfigResponse{5, 6}.write(out);
  EXPECT_THAT(out, ElementsAre(0, 16, 0, 12, 0, 0, 0, 5, 0, 0, 0, 6));
}

TEST(Cookie, SipHashVector) {  // the vector of the paper's appendix A
  const std::array<uint64_t, 2> key = {0x0706050403020100, 0x0F0E0D0C0B0A0908};
  Bytes data(15);
  for (uint8_t i = 0; i < 15; ++i) data[i] = i;
  EXPECT_EQ(sipHash24(key, data), 0xA129CA6149BE45E5u);
}

TEST(Cookie, OpensItsOwnAlone) {
  SeededRandom random(1);
  const CookieJar jar(random), other(random);
  const StateCookie cookie{Timestamp(5s), 1, 2, 3, 4, 5, 6, 7, true, false, true, 8, 9};
  Bytes sealed = jar.seal(cookie);
  EXPECT_EQ(sealed.size(), CookieJar::kSize);
  EXPECT_EQ(jar.open(sealed), cookie);
  EXPECT_FALSE(other.open(sealed));
  for (size_t i = 0; i < sealed.size(); ++i) {
    sealed[i] ^= 1;
    EXPECT_FALSE(jar.open(sealed));
    sealed[i] ^= 1;
  }
  EXPECT_FALSE(jar.open(ByteView(sealed).first(10)));
}

TEST(TsnSet, AgreesWithAPlainSet) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SeededRandom random(seed);
    TsnSet set;
    std::set<TsnValue> plain;
    for (int step = 0; step < 200; ++step) {
      const TsnValue first = static_cast<TsnValue>(random.below(120));
      const TsnValue last = first + static_cast<TsnValue>(random.below(10));
      if (random.below(8) == 0) {
        set.eraseThrough(first);
        std::erase_if(plain, [&](TsnValue tsn) { return tsn <= first; });
      } else {
        std::vector<TsnValue> added, expected;
        set.insert(first, last, [&](TsnValue from, TsnValue to) {
          for (; from <= to; ++from) added.push_back(from);
        });
        for (TsnValue tsn = first; tsn <= last; ++tsn) {
          if (plain.insert(tsn).second) expected.push_back(tsn);
        }
        ASSERT_EQ(added, expected) << seed;
      }
      for (TsnValue tsn = 0; tsn < 140; ++tsn) {
        ASSERT_EQ(set.contains(tsn), plain.contains(tsn)) << seed;
        ASSERT_EQ(set.isolated(tsn), !plain.contains(tsn - 1) && !plain.contains(tsn) && !plain.contains(tsn + 1));
      }
      for (size_t i = 1; i < set.runs().size(); ++i) ASSERT_GT(set.runs()[i].first, set.runs()[i - 1].last + 1);
    }
  }
}

TEST(DataTracker, UnwrapsAcrossTheWrap) {
  DataTracker tracker(0xFFFFFFFF);
  EXPECT_EQ(wireTsn(tracker.cumulative()), 0xFFFFFFFEu);
  tracker.add(tracker.unwrap(0xFFFFFFFF));
  tracker.add(tracker.unwrap(0));
  EXPECT_EQ(wireTsn(tracker.cumulative()), 0u);
  EXPECT_EQ(tracker.judge(tracker.unwrap(0xFFFFFFFF)), DataTracker::Verdict::duplicate);
  EXPECT_EQ(tracker.judge(tracker.unwrap(1 + 65535)), DataTracker::Verdict::too_far);
  EXPECT_EQ(tracker.judge(tracker.unwrap(65535)), DataTracker::Verdict::fresh);
}

TEST(DataTracker, SackFitsItsRoom) {
  DataTracker tracker(1);
  for (TsnValue tsn = 3; tsn < 2000; tsn += 2) tracker.add(tsn);
  Bytes out;
  tracker.writeSack(out, 100, 1179);
  EXPECT_LE(out.size(), 1179u);
  EXPECT_GT(out.size(), 1170u);
  EXPECT_TRUE(SackChunk::parse(only(out)));
}

}  // namespace
}  // namespace peerage::sctp
