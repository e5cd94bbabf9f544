#include "stun/transaction.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace peerage::stun {
namespace {

const Timestamp kStart{100s};

std::vector<double> sendTimes(ClientTransaction& transaction, double& end) {
  std::vector<double> times{0};
  while (true) {
    const Timestamp at = transaction.nextTimeout();
    EXPECT_EQ(transaction.advance(at - 1ns), ClientTransaction::Step::wait);
    if (transaction.advance(at) == ClientTransaction::Step::timed_out) {
      end = seconds(at - kStart);
      return times;
    }
    times.push_back(seconds(at - kStart));
  }
}

TEST(ClientTransaction, TheScheduleOfRfc8489) {
  // §6.2.1 gives these times as its example, with the default values.
  ClientTransaction transaction(kStart, {});
  double end = 0;
  EXPECT_EQ(sendTimes(transaction, end), (std::vector<double>{0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5}));
  EXPECT_EQ(end, 39.5);
  EXPECT_EQ(transaction.transmissions(), 7);
}

TEST(ClientTransaction, ALimitEndsItEarlier) {
  ClientTransaction transaction(kStart, {.limit = 10s});
  double end = 0;
  EXPECT_EQ(sendTimes(transaction, end), (std::vector<double>{0, 0.5, 1.5, 3.5, 7.5}));
  EXPECT_EQ(end, 10.0);
}

TEST(ClientTransaction, OneTransmission) {
  ClientTransaction transaction(kStart, {.rto = 1s, .maxTransmissions = 1, .lastWaitFactor = 3});
  double end = 0;
  EXPECT_EQ(sendTimes(transaction, end), (std::vector<double>{0}));
  EXPECT_EQ(end, 3.0);
}

TEST(ClientTransaction, CancelledItWaitsAsLongButSendsNoMore) {
  ClientTransaction transaction(kStart, {});
  EXPECT_EQ(transaction.advance(kStart + 500ms), ClientTransaction::Step::retransmit);
  transaction.stopRetransmitting(kStart + 600ms);
  EXPECT_EQ(transaction.advance(kStart + 39s), ClientTransaction::Step::wait);
  EXPECT_EQ(transaction.nextTimeout(), kStart + 600ms + 39s);
  EXPECT_EQ(transaction.advance(kStart + 39600ms), ClientTransaction::Step::timed_out);
  EXPECT_EQ(transaction.transmissions(), 2);
}

}  // namespace
}  // namespace peerage::stun
