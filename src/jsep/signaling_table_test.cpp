#include "jsep/signaling_table.hpp"

#include <gtest/gtest.h>

namespace peerage::jsep {
namespace {

using enum SignalingState;
constexpr SignalingState kStates[] = {
    stable, have_local_offer, have_remote_offer, have_local_pranswer, have_remote_pranswer, closed};
constexpr std::nullopt_t kNone = std::nullopt;

struct Row {
  Side side;
  SdpType type;
  std::optional<SignalingState> next[6];  // by kStates
};

// Every cell of webrtc-pc §4.3.1's diagram: arrows, self-loops, and the places without an arrow.
const Row kTable[] = {
    {Side::local, SdpType::offer, {have_local_offer, have_local_offer, kNone, kNone, kNone, kNone}},
    {Side::local, SdpType::pranswer, {kNone, kNone, have_local_pranswer, have_local_pranswer, kNone, kNone}},
    {Side::local, SdpType::answer, {kNone, kNone, stable, stable, kNone, kNone}},
    {Side::local, SdpType::rollback, {kNone, stable, stable, kNone, kNone, kNone}},
    {Side::remote, SdpType::offer, {have_remote_offer, kNone, have_remote_offer, kNone, kNone, kNone}},
    {Side::remote, SdpType::pranswer, {kNone, have_remote_pranswer, kNone, kNone, have_remote_pranswer, kNone}},
    {Side::remote, SdpType::answer, {kNone, stable, kNone, kNone, stable, kNone}},
    {Side::remote, SdpType::rollback, {kNone, stable, stable, kNone, kNone, kNone}},
};

TEST(SignalingTable, Rule38And39_EveryCell) {
  for (const Row& row : kTable)
    for (size_t i = 0; i < 6; ++i) {
      const auto next = nextState(kStates[i], row.side, row.type);
      const std::string cell = std::string(toString(kStates[i])) + " " + std::string(toString(row.type));
      ASSERT_EQ(next.has_value(), row.next[i].has_value()) << cell;
      if (next) {
        EXPECT_EQ(*next, *row.next[i]) << cell;
      } else {
        EXPECT_EQ(next.error().kind, ErrorKind::invalid_state) << cell;
      }
    }
}

TEST(SignalingTable, Rule35And36_ImplicitRollback) {
  EXPECT_TRUE(needsImplicitRollback(have_local_offer, SdpType::offer));
  EXPECT_TRUE(needsImplicitRollback(have_local_pranswer, SdpType::offer));
  EXPECT_TRUE(needsImplicitRollback(have_remote_pranswer, SdpType::offer));
  EXPECT_FALSE(needsImplicitRollback(stable, SdpType::offer));
  EXPECT_FALSE(needsImplicitRollback(have_remote_offer, SdpType::offer));
  EXPECT_FALSE(needsImplicitRollback(have_local_offer, SdpType::answer));
  EXPECT_FALSE(needsImplicitRollback(closed, SdpType::offer));
  EXPECT_FALSE(nextState(have_remote_pranswer, Side::local, SdpType::rollback));
}

TEST(SignalingTable, Rule31_ImplicitType) {
  EXPECT_EQ(implicitLocalType(stable), SdpType::offer);
  EXPECT_EQ(implicitLocalType(have_local_offer), SdpType::offer);
  EXPECT_EQ(implicitLocalType(have_remote_pranswer), SdpType::offer);
  EXPECT_EQ(implicitLocalType(have_remote_offer), SdpType::answer);
  EXPECT_EQ(implicitLocalType(have_local_pranswer), SdpType::answer);
}

}  // namespace
}  // namespace peerage::jsep
