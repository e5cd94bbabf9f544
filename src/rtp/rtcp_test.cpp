#include "rtp/rtcp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace peerage::rtp {
namespace {

using ::testing::ElementsAre;

std::vector<RtcpPacket> readAll(ByteView compound) {
  std::vector<RtcpPacket> out;
  RtcpReader reader(compound);
  while (auto packet = reader.next()) out.push_back(*packet);
  return out;
}

std::vector<uint16_t> sequences(const Nack& nack) {
  std::vector<uint16_t> out;
  nack.forEach([&](uint16_t s) { out.push_back(s); });
  return out;
}

TEST(Rtcp, compoundSurvivesWritingAndReading) {
  Bytes out;
  RtcpWriter writer(out);
  const ReportBlock block{Ssrc{2}, 25, -3, 0x10005, 77, 0x12345678, 65536};
  const SenderInfo info{0x0102030405060708, 1000, 20, 3000};
  writer.senderReport(Ssrc{1}, info, std::span(&block, 1));
  writer.cname(Ssrc{1}, "someone");
  writer.nack(Ssrc{1}, Ssrc{2}, std::vector<uint16_t>{65534, 65535, 0, 14, 15, 100});
  writer.pictureLoss(Ssrc{1}, Ssrc{2});
  writer.fullIntraRequest(Ssrc{1}, Ssrc{2}, 9);
  writer.transportFeedback(Ssrc{1}, Ssrc{0}, Bytes{1, 2, 3, 4, 5, 6, 7, 8});
  writer.remb(Ssrc{1}, 5'000'000'000, std::vector{Ssrc{2}, Ssrc{3}});
  writer.bye(std::vector{Ssrc{1}}, "gone");
  ASSERT_EQ(out.size() % 4, 0u);
  const auto packets = readAll(out);
  ASSERT_EQ(packets.size(), 8u);
  const auto& sr = std::get<SenderReport>(packets[0]);
  EXPECT_EQ(sr.sender, Ssrc{1});
  EXPECT_EQ(sr.info, info);
  ASSERT_EQ(sr.blocks.size(), 1u);
  EXPECT_EQ(sr.blocks[0], block);
  EXPECT_EQ(std::get<SourceDescription>(packets[1]).cname, "someone");
  const auto& nack = std::get<Nack>(packets[2]);
  EXPECT_EQ(nack.entries.size(), 12u);
  EXPECT_THAT(sequences(nack), ElementsAre(65534, 65535, 0, 14, 15, 100));
  EXPECT_EQ(std::get<PictureLossIndication>(packets[3]).media, Ssrc{2});
  EXPECT_EQ(std::get<FullIntraRequest>(packets[4]).commandNumber, 9);
  EXPECT_EQ(std::get<FullIntraRequest>(packets[4]).media, Ssrc{2});
  EXPECT_EQ(std::get<TransportFeedbackPacket>(packets[5]).body.size(), 8u);
  const auto& remb = std::get<Remb>(packets[6]);
  EXPECT_NEAR(static_cast<double>(remb.bitrate), 5e9, 5e9 / (1 << 17));
  EXPECT_EQ(remb.sources.size(), 8u);
  const auto& bye = std::get<Bye>(packets[7]);
  ASSERT_EQ(bye.size(), 1u);
  EXPECT_EQ(bye[0], Ssrc{1});
  EXPECT_EQ(bye.reason, "gone");
}

TEST(Rtcp, manyBlocksGoIntoMoreReports) {
  std::vector<ReportBlock> blocks(70);
  for (uint32_t i = 0; i < blocks.size(); ++i) blocks[i].ssrc = Ssrc{i};
  Bytes out;
  RtcpWriter(out).senderReport(Ssrc{1}, {}, blocks);
  const auto packets = readAll(out);
  ASSERT_EQ(packets.size(), 3u);
  EXPECT_EQ(std::get<SenderReport>(packets[0]).blocks.size(), 31u);
  EXPECT_EQ(std::get<ReceiverReport>(packets[1]).blocks.size(), 31u);
  EXPECT_EQ(std::get<ReceiverReport>(packets[2]).blocks.size(), 8u);
  EXPECT_EQ(std::get<ReceiverReport>(packets[2]).blocks[7].ssrc, Ssrc{69});
}

TEST(Rtcp, readsSeveralSdesChunksAndMid) {
  // Two chunks: NAME and MID, then CNAME (RFC 3550 §6.5, RFC 9143 §15.1).
  const Bytes packet = {0x82, 202, 0, 6, 0, 0, 0, 1, 2,   1,   'x', 15, 2, 'v', '0', 0,
                        0,    0,   0, 2, 1, 3, 'a', 'b', 'c', 0, 0,  0};
  const auto packets = readAll(packet);
  ASSERT_EQ(packets.size(), 2u);
  EXPECT_EQ(std::get<SourceDescription>(packets[0]).mid, "v0");
  EXPECT_EQ(std::get<SourceDescription>(packets[1]).source, Ssrc{2});
  EXPECT_EQ(std::get<SourceDescription>(packets[1]).cname, "abc");
}

TEST(Rtcp, skipsUnknownAndMalformedAndGoesOn) {
  Bytes out;
  out.insert(out.end(), {0x80, 204, 0, 1, 1, 2, 3, 4});       // APP
  out.insert(out.end(), {0x80, 207, 0, 0});                   // XR, empty
  out.insert(out.end(), {0x82, 201, 0, 1, 0, 0, 0, 1});       // RR that says two blocks and has none
  out.insert(out.end(), {0x81, 205, 0, 0});                   // RTPFB without SSRCs
  RtcpWriter(out).pictureLoss(Ssrc{1}, Ssrc{2});
  RtcpReader reader(out);
  const auto packet = reader.next();
  ASSERT_TRUE(packet);
  EXPECT_TRUE(std::holds_alternative<PictureLossIndication>(*packet));
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.unknown(), 2u);
  EXPECT_EQ(reader.malformed(), 2u);
}

TEST(Rtcp, wrongLengthEndsTheWalk) {
  Bytes out;
  RtcpWriter(out).pictureLoss(Ssrc{1}, Ssrc{2});
  out.insert(out.end(), {0x80, 201, 0, 9, 0, 0, 0, 1});
  RtcpReader reader(out);
  EXPECT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.malformed(), 1u);
}

TEST(Rtcp, takesPaddingOffTheLastPacket) {
  const Bytes packet = {0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4};
  const auto packets = readAll(packet);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(std::get<ReceiverReport>(packets[0]).sender, Ssrc{1});
}

TEST(Rtcp, nackEntriesAreBounded) {
  std::vector<uint16_t> wide;
  for (uint32_t i = 0; i < 1000; ++i) wide.push_back(static_cast<uint16_t>(i * 20));
  Bytes out;
  RtcpWriter(out).nack(Ssrc{1}, Ssrc{2}, wide);
  EXPECT_EQ(out.size(), 12 + 4 * RtcpWriter::kMaxNackEntries);
  out.clear();
  RtcpWriter(out).nack(Ssrc{1}, Ssrc{2}, {});
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace peerage::rtp
