// NACK generation, the retransmission buffer, and when RTCP goes out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rtp/nack_generator.hpp"
#include "rtp/retransmission_buffer.hpp"
#include "rtp/rtcp_scheduler.hpp"

namespace peerage::rtp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NackGenerator, waitsForReorderingThenAsksAndRetries) {
  NackGenerator nack;
  nack.setRoundTripTime(50ms);
  std::vector<uint16_t> out;
  Timestamp now{1s};
  nack.onPacket(now, 10);
  nack.onPacket(now, 12);
  nack.due(now, out);
  EXPECT_THAT(out, IsEmpty());  // one newer packet: may be reordered
  ASSERT_TRUE(nack.nextTimeout());
  EXPECT_EQ(nack.nextTimeout()->at, now + 10ms);
  nack.onPacket(now, 13);
  nack.due(now, out);
  EXPECT_THAT(out, ElementsAre(11));
  nack.due(now + 54ms, out);
  EXPECT_THAT(out, IsEmpty());
  nack.due(now + 55ms, out);
  EXPECT_THAT(out, ElementsAre(11));
  EXPECT_TRUE(nack.onPacket(now + 60ms, 11));
  EXPECT_FALSE(nack.onPacket(now + 60ms, 11));
  EXPECT_EQ(nack.missing(), 0u);
  EXPECT_FALSE(nack.nextTimeout());
  EXPECT_FALSE(nack.takeGivenUp());
}

TEST(NackGenerator, asksAfterADelayWithoutNewerPackets) {
  NackGenerator nack;
  std::vector<uint16_t> out;
  nack.onPacket(Timestamp{}, 65535);
  nack.onPacket(Timestamp{}, 65537);
  nack.due(Timestamp{10ms}, out);
  EXPECT_THAT(out, ElementsAre(0));  // 65536 on the wire
}

TEST(NackGenerator, givesUpAfterRetriesAndTime) {
  NackGenerator nack({.maxRetries = 3, .maxAge = 10s});
  std::vector<uint16_t> out;
  Timestamp now{};
  nack.onPacket(now, 0);
  nack.onPacket(now, 2);
  int asked = 0;
  while (nack.nextTimeout()) {
    now = nack.nextTimeout()->at;
    nack.due(now, out);
    asked += static_cast<int>(out.size());
  }
  EXPECT_EQ(asked, 3);
  EXPECT_TRUE(nack.takeGivenUp());
  EXPECT_FALSE(nack.takeGivenUp());
  NackGenerator old({.maxAge = 100ms});
  old.onPacket(now, 0);
  old.onPacket(now, 2);
  old.due(now + 100ms, out);
  EXPECT_THAT(out, IsEmpty());
  EXPECT_TRUE(old.takeGivenUp());
}

TEST(NackGenerator, aHugeGapIsGivenUpAtOnce) {
  NackGenerator nack;
  nack.onPacket(Timestamp{}, 0);
  nack.onPacket(Timestamp{}, 5'000'000);
  EXPECT_EQ(nack.missing(), 0u);
  EXPECT_TRUE(nack.takeGivenUp());
  nack.onPacket(Timestamp{}, 5'000'003);
  EXPECT_EQ(nack.missing(), 2u);
  nack.forgetBefore(5'000'002);
  EXPECT_EQ(nack.missing(), 1u);
}

TEST(RetransmissionBuffer, keepsForAWhileAndSpacesRepeats) {
  RetransmissionBuffer buffer({.packets = 4, .maxAge = 1s});
  const Bytes packet = {1, 2, 3};
  for (uint16_t i = 0; i < 6; ++i) buffer.store(Timestamp{}, i, packet);
  EXPECT_EQ(buffer.take(Timestamp{1ms}, 0), nullptr);
  EXPECT_EQ(buffer.take(Timestamp{1ms}, 77), nullptr);
  ASSERT_NE(buffer.take(Timestamp{1ms}, 5), nullptr);
  EXPECT_EQ(*buffer.take(Timestamp{1ms}, 4), packet);
  EXPECT_EQ(buffer.take(Timestamp{2ms}, 5), nullptr);
  EXPECT_NE(buffer.take(Timestamp{21ms}, 5), nullptr);
  buffer.setRoundTripTime(200ms);
  EXPECT_EQ(buffer.take(Timestamp{100ms}, 5), nullptr);
  EXPECT_EQ(buffer.take(Timestamp{1001ms}, 5), nullptr);
  buffer.store(Timestamp{}, 9, Bytes(1600));
  EXPECT_EQ(buffer.take(Timestamp{1ms}, 9), nullptr);
}

TEST(RtcpScheduler, jittersRegularReportsAndSpacesEarlyOnes) {
  SeededRandom random(1);
  RtcpScheduler scheduler({.interval = 1s}, random);
  EXPECT_FALSE(scheduler.nextTimeout());
  Timestamp now{5s};
  scheduler.start(now);
  Duration least = 10s, most = 0s, sum{0};
  for (int i = 0; i < 1000; ++i) {
    const Timestamp at = scheduler.nextTimeout()->at;
    if (i > 0) {
      least = std::min(least, at - now);
      most = std::max(most, at - now);
      sum += at - now;
    } else {
      EXPECT_LE(at - now, 750ms);
    }
    now = at;
    EXPECT_TRUE(scheduler.regularDue(now));
    scheduler.sent(now, true);
  }
  EXPECT_GE(least, 500ms);
  EXPECT_LE(most, 1500ms);
  EXPECT_NEAR(seconds(sum) / 999, 1.0, 0.05);
  now += 1ms;
  scheduler.requestEarly(now);
  EXPECT_FALSE(scheduler.earlyDue(now));
  now = scheduler.nextTimeout()->at;
  EXPECT_TRUE(scheduler.earlyDue(now));
  scheduler.sent(now, false);
  EXPECT_FALSE(scheduler.earlyDue(now + 1s));
  now += 100ms;
  scheduler.requestEarly(now);
  EXPECT_TRUE(scheduler.earlyDue(now));
}

}  // namespace
}  // namespace peerage::rtp
