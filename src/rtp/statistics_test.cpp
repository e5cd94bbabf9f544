#include "rtp/statistics.hpp"

#include <gtest/gtest.h>

namespace peerage::rtp {
namespace {

PacketView packet(uint16_t sequence, uint32_t timestamp = 0) {
  static const Bytes payload(100);
  PacketView view;
  view.sequenceNumber = sequence;
  view.timestamp = timestamp;
  view.payload = payload;
  view.headerSize = 12;
  return view;
}

using Order = ReceiveStatistics::Order;

TEST(ReceiveStatistics, countsLossOverAWrap) {
  ReceiveStatistics stats(90000);
  Timestamp now{};
  EXPECT_EQ(stats.onPacket(now, packet(65534)).order, Order::first);
  EXPECT_EQ(stats.onPacket(now, packet(65535)).order, Order::next);
  EXPECT_EQ(stats.onPacket(now, packet(2)).order, Order::next);
  EXPECT_EQ(stats.packetsLost(), 2);
  ReportBlock block = stats.report(now, Ssrc{5});
  EXPECT_EQ(block.extendedHighestSequence, 0x10002u);
  EXPECT_EQ(block.cumulativeLost, 2);
  EXPECT_EQ(block.fractionLost, 2 * 256 / 5);
  EXPECT_EQ(block.lastSenderReport, 0u);
  EXPECT_EQ(stats.onPacket(now, packet(0)).order, Order::old);
  EXPECT_EQ(stats.onPacket(now, packet(1)).order, Order::old);
  EXPECT_EQ(stats.onPacket(now, packet(1)).order, Order::old);
  EXPECT_EQ(stats.packetsLost(), -1);  // RFC 3550 A.3: duplicates make it negative
  block = stats.report(now, Ssrc{5});
  EXPECT_EQ(block.fractionLost, 0);
  EXPECT_EQ(block.cumulativeLost, -1);
}

TEST(ReceiveStatistics, jitterAsInA8) {
  ReceiveStatistics stats(8000);
  Timestamp now{};
  // 20 ms packets, every other one 5 ms late: |D| is 40 units, always.
  for (uint16_t i = 0; i < 500; ++i) stats.onPacket(Timestamp{20ms * i + (i % 2 ? 5ms : 0ms)}, packet(i, i * 160u));
  EXPECT_NEAR(seconds(stats.jitter()), 0.005, 0.0001);
  EXPECT_EQ(stats.report(now, Ssrc{1}).jitter, 39u);
}

TEST(ReceiveStatistics, believesANewNumberOnlyTwice) {
  ReceiveStatistics stats(90000);
  Timestamp now{};
  for (uint16_t i = 0; i < 10; ++i) stats.onPacket(now, packet(i));
  EXPECT_EQ(stats.onPacket(now, packet(30000)).order, Order::suspect);
  EXPECT_EQ(stats.onPacket(now, packet(10)).order, Order::next);
  EXPECT_EQ(stats.onPacket(now, packet(40000)).order, Order::suspect);
  EXPECT_EQ(stats.onPacket(now, packet(40001)).order, Order::restarted);
  EXPECT_EQ(stats.onPacket(now, packet(40002)).order, Order::next);
  EXPECT_EQ(stats.packetsLost(), 0);
}

TEST(ReceiveStatistics, roundTripThroughReports) {
  SendStatistics sender;
  ReceiveStatistics receiver(48000);
  receiver.onPacket(Timestamp{1s}, packet(1));
  sender.onPacket(100, 12);
  const SenderInfo info = sender.senderInfo(Timestamp{2s}, 0);
  EXPECT_EQ(info.packetCount, 1u);
  EXPECT_EQ(info.octetCount, 100u);
  receiver.onSenderReport(Timestamp{2030ms}, info.ntp);
  const ReportBlock block = receiver.report(Timestamp{2530ms}, Ssrc{1});
  sender.onReportBlock(Timestamp{2570ms}, block, 48000);
  ASSERT_TRUE(sender.remote());
  ASSERT_TRUE(sender.remote()->roundTripTime);
  EXPECT_NEAR(milliseconds(*sender.remote()->roundTripTime), 70, 0.1);
  EXPECT_EQ(sender.remote()->roundTripTimeMeasurements, 1u);
  EXPECT_EQ(sender.remote()->packetsReceived, 1u);
}

TEST(RoundTripTime, refusesNonsense) {
  ReportBlock block;
  EXPECT_FALSE(roundTripTime(Timestamp{5s}, block));
  block.lastSenderReport = compactNtp(Timestamp{5s});
  EXPECT_EQ(roundTripTime(Timestamp{5s}, block), Duration{0});
  block.delaySinceLastReport = 5;
  EXPECT_EQ(roundTripTime(Timestamp{5s}, block), Duration{0});  // a tick too early is zero
  block.delaySinceLastReport = 0x20000;
  EXPECT_FALSE(roundTripTime(Timestamp{5s}, block));
}

}  // namespace
}  // namespace peerage::rtp
