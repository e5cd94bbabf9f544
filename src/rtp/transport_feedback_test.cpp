#include "rtp/transport_feedback.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace peerage::rtp {
namespace {

TEST(TransportFeedback, readsEveryChunkKind) {
  // Run of 2 small deltas, one-bit vector (14), two-bit vector of 2.
  const Bytes body = {0x00, 0x05, 0x00, 0x12, 0xff, 0xff, 0xff, 0x03,  // base 5, 18 statuses, reference -1
                      0x20, 0x02,                                      // run: small × 2
                      0xa0, 0x01,                                      // bits: third and last received
                      0xd8, 0x00,                                      // 01 10 ...
                      4, 4, 4, 4, 4, 0xff, 0xfc};
  TransportFeedback feedback;
  ASSERT_TRUE(parseTransportFeedback(body, feedback));
  EXPECT_EQ(feedback.baseSequence, 5);
  EXPECT_EQ(feedback.count, 3);
  EXPECT_EQ(feedback.referenceTime, -1);
  ASSERT_EQ(feedback.arrivals.size(), 18u);
  EXPECT_EQ(feedback.arrivals[0].time, -63ms);
  EXPECT_EQ(feedback.arrivals[1].time, -62ms);
  EXPECT_TRUE(feedback.arrivals[2].received);
  EXPECT_FALSE(feedback.arrivals[3].received);
  EXPECT_TRUE(feedback.arrivals[15].received);
  EXPECT_EQ(feedback.arrivals[16].time, -59ms);
  EXPECT_EQ(feedback.arrivals[17].time, -60ms);
}

TEST(TransportFeedback, refusesWhatIsCutOrReserved) {
  TransportFeedback feedback;
  const Bytes noDeltas = {0, 0, 0, 2, 0, 0, 0, 0, 0x20, 0x02, 1};
  EXPECT_FALSE(parseTransportFeedback(noDeltas, feedback));
  const Bytes reservedRun = {0, 0, 0, 2, 0, 0, 0, 0, 0x60, 0x02, 1, 1};
  EXPECT_FALSE(parseTransportFeedback(reservedRun, feedback));
  const Bytes reservedVector = {0, 0, 0, 2, 0, 0, 0, 0, 0xf0, 0x00, 1, 1};
  EXPECT_FALSE(parseTransportFeedback(reservedVector, feedback));
  const Bytes emptyRun = {0, 0, 0, 2, 0, 0, 0, 0, 0x20, 0x00, 1, 1};
  EXPECT_FALSE(parseTransportFeedback(emptyRun, feedback));
  const Bytes tooMany = {0, 0, 0xff, 0xff, 0, 0, 0, 0, 0x1f, 0xff, 0, 0};
  EXPECT_FALSE(parseTransportFeedback(tooMany, feedback));
}

// Whatever arrivals: what is read is what was written, in bounds.
TEST(TransportFeedback, seedSweepRoundTrip) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SeededRandom random(seed);
    std::vector<PacketArrival> arrivals;
    int64_t sequence = static_cast<int64_t>(random.below(70000));
    const int64_t base = sequence - static_cast<int64_t>(random.below(30));
    Timestamp time{Duration(static_cast<int64_t>(random.below(1'000'000'000'000)))};
    const size_t count = 1 + random.below(400);
    const uint64_t loss = random.below(40);
    for (size_t i = 0; i < count; ++i) {
      arrivals.push_back({sequence, time});
      ++sequence;
      if (random.below(100) < loss) sequence += static_cast<int64_t>(random.below(random.below(10) == 0 ? 500 : 8));
      time += Duration(static_cast<int64_t>(random.below(random.below(20) == 0 ? 300'000'000 : 2'000'000)));
      if (random.below(10) == 0) time -= 3ms;
    }
    Bytes body;
    const size_t maxSize = 100 + random.below(1000);
    const size_t covered = buildTransportFeedback(arrivals, base, 7, maxSize, body);
    ASSERT_GT(covered, 0u);
    ASSERT_LE(body.size(), maxSize) << seed;
    ASSERT_EQ(body.size() % 4, 0u);
    TransportFeedback feedback;
    ASSERT_TRUE(parseTransportFeedback(body, feedback)) << seed;
    ASSERT_EQ(feedback.baseSequence, static_cast<uint16_t>(base));
    size_t next = 0;
    for (size_t i = 0; i < feedback.arrivals.size(); ++i) {
      const bool expected = next < covered && arrivals[next].sequence == base + static_cast<int64_t>(i);
      ASSERT_EQ(feedback.arrivals[i].received, expected) << seed << " " << i;
      if (!expected) continue;
      // The reference time is 24 bits of 64 ms: over 12 days, more than the test's clock.
      const Duration off = arrivals[next].time.time_since_epoch() - feedback.arrivals[i].time;
      ASSERT_GE(off, 0us);
      ASSERT_LT(off, 250us);
      ++next;
    }
    ASSERT_EQ(next, covered);
  }
}

TEST(TransportFeedback, feedbackOnWhatWasNeverSentIsNothing) {
  TransportFeedbackHistory history;
  TransportFeedback feedback;
  feedback.baseSequence = 64000;  // "behind" by less than the history is long
  feedback.arrivals.assign(3000, {.received = true});
  std::vector<TransportFeedbackHistory::Result> results;
  history.onFeedback(feedback, results);
  EXPECT_TRUE(results.empty());
  history.onSent(Timestamp{1s}, 100);
  history.onFeedback(feedback, results);
  ASSERT_EQ(results.size(), 1u) << "of the one packet that was sent";
  EXPECT_EQ(results[0].sequence, 0);
}

TEST(TransportFeedback, receiverAndHistoryAgree) {
  TransportFeedbackReceiver receiver;
  TransportFeedbackHistory history;
  SeededRandom random(4);
  Timestamp now{1s};
  std::vector<bool> lost;
  std::vector<TransportFeedbackHistory::Result> results;
  TransportFeedback feedback;
  Bytes body;
  int64_t next = 0;
  size_t received = 0;
  for (int i = 0; i < 70000; ++i) {
    const uint16_t sequence = history.onSent(now, 1000);
    lost.push_back(random.below(10) == 0);
    if (!lost.back()) receiver.onPacket(now + 20ms, sequence);
    now += 1ms;
    while (receiver.build(now, body)) {
      ASSERT_TRUE(parseTransportFeedback(body, feedback));
      history.onFeedback(feedback, results);
      for (const auto& result : results) {
        ASSERT_EQ(result.sequence, next++);
        ASSERT_EQ(result.arrival.has_value(), !lost[static_cast<size_t>(result.sequence)]);
        if (!result.arrival) continue;
        ++received;
        const Duration transit = *result.arrival - result.sent.time_since_epoch();
        ASSERT_GE(transit, 19750us);
        ASSERT_LE(transit, 20ms);
      }
    }
  }
  EXPECT_GT(received, 60000u);
  EXPECT_LT(history.bytesInFlight(), 60'000u);
}

TEST(TransportFeedback, ignoresFeedbackForWhatWasNeverSent) {
  TransportFeedbackHistory history;
  history.onSent(Timestamp{}, 100);
  TransportFeedback feedback;
  feedback.baseSequence = 500;
  feedback.arrivals.resize(3, {true, 1ms});
  std::vector<TransportFeedbackHistory::Result> results;
  history.onFeedback(feedback, results);
  EXPECT_TRUE(results.empty());
  feedback.baseSequence = 0;
  history.onFeedback(feedback, results);
  EXPECT_EQ(results.size(), 1u);
  history.onFeedback(feedback, results);
  EXPECT_TRUE(results.empty());
}

TEST(TransportFeedback, receiverIsBounded) {
  TransportFeedbackReceiver receiver;
  for (uint32_t i = 0; i < 10000; ++i) receiver.onPacket(Timestamp{1s}, static_cast<uint16_t>(i * 7));
  Bytes body;
  int packets = 0;
  while (receiver.build(Timestamp{2s}, body)) ++packets;
  EXPECT_LT(packets, 100);
  EXPECT_FALSE(receiver.nextTimeout());
}

}  // namespace
}  // namespace peerage::rtp
