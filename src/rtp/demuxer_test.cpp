#include "rtp/demuxer.hpp"

#include <gtest/gtest.h>

namespace peerage::rtp {
namespace {

PacketView packet(uint32_t ssrc, uint8_t payloadType, uint16_t sequence = 0) {
  PacketView view;
  view.ssrc = Ssrc{ssrc};
  view.payloadType = payloadType;
  view.sequenceNumber = sequence;
  return view;
}
Extensions mid(std::string_view text, std::string_view rid = {}) {
  Extensions values;
  values.mid = text;
  values.rid = rid;
  return values;
}
std::optional<SectionKey> key(const std::optional<Demuxer::Route>& route) {
  return route ? std::optional(route->section) : std::nullopt;
}

std::vector<Demuxer::Section> sections() {
  return {{.key = 1, .mid = "a", .payloadTypes = {111, 0}, .localSsrcs = {Ssrc{901}}},
          {.key = 2, .mid = "v", .payloadTypes = {96, 97}, .remoteSsrcs = {Ssrc{50}}, .rids = {"hi", "lo"}},
          {.key = 3, .mid = "w", .payloadTypes = {96, 98}}};
}

// RFC 9143 §9.2, rule by rule.
TEST(Demuxer, midFirst) {
  Demuxer demuxer;
  demuxer.configure(sections());
  const auto route = demuxer.route(packet(7, 96), mid("w"));
  EXPECT_EQ(key(route), 3u);
  EXPECT_TRUE(route->newSsrc);
  EXPECT_EQ(key(demuxer.route(packet(7, 96, 1), {})), 3u);  // the SSRC was learned
  EXPECT_FALSE(demuxer.route(packet(7, 96, 2), {})->newSsrc);
  EXPECT_FALSE(demuxer.route(packet(8, 96), mid("nobody")));
  EXPECT_EQ(demuxer.counters().unknownMid, 1u);
}

TEST(Demuxer, newerMidMovesTheStreamOlderDoesNot) {
  Demuxer demuxer;
  demuxer.configure(sections());
  EXPECT_EQ(key(demuxer.route(packet(7, 96, 100), mid("w"))), 3u);
  EXPECT_EQ(key(demuxer.route(packet(7, 96, 101), mid("v"))), 2u);
  EXPECT_EQ(key(demuxer.route(packet(7, 96, 99), mid("w"))), 2u);
  EXPECT_EQ(key(demuxer.route(packet(7, 96, 102), {})), 2u);
}

TEST(Demuxer, signalledSsrcThenPayloadType) {
  Demuxer demuxer;
  demuxer.configure(sections());
  EXPECT_EQ(key(demuxer.route(packet(50, 96), {})), 2u);   // a=ssrc
  EXPECT_EQ(key(demuxer.route(packet(60, 98), {})), 3u);   // unique payload type
  EXPECT_EQ(key(demuxer.route(packet(61, 111), {})), 1u);
  EXPECT_FALSE(demuxer.route(packet(62, 96), {}));         // not unique
  EXPECT_EQ(demuxer.counters().unknown, 1u);
  EXPECT_FALSE(demuxer.route(packet(60, 97), {}));         // not of the section that the SSRC belongs to
  EXPECT_FALSE(demuxer.route(packet(63, 111), mid("v")));
  EXPECT_EQ(demuxer.counters().wrongPayloadType, 2u);
}

TEST(Demuxer, ridsAreLearned) {
  Demuxer demuxer;
  demuxer.configure(sections());
  EXPECT_EQ(demuxer.route(packet(70, 96), mid("v", "lo"))->rid, "lo");
  EXPECT_EQ(demuxer.route(packet(70, 96, 1), {})->rid, "lo");
  EXPECT_FALSE(demuxer.route(packet(71, 96), mid("v", "other")));
  EXPECT_EQ(demuxer.counters().unknownRid, 1u);
  EXPECT_EQ(demuxer.route(packet(72, 111), mid("a", "any"))->rid, "");  // no rids negotiated: ignored
}

TEST(Demuxer, rtcpGoesByTables) {
  Demuxer demuxer;
  demuxer.configure(sections());
  EXPECT_EQ(demuxer.localSection(Ssrc{901}), 1u);
  EXPECT_FALSE(demuxer.localSection(Ssrc{50}));
  EXPECT_EQ(demuxer.remoteSection(Ssrc{50}), 2u);
  demuxer.learn(Ssrc{80}, "w");
  EXPECT_EQ(demuxer.remoteSection(Ssrc{80}), 3u);
  EXPECT_EQ(key(demuxer.route(packet(80, 96), {})), 3u);
  demuxer.forget(Ssrc{80});
  EXPECT_FALSE(demuxer.remoteSection(Ssrc{80}));
}

TEST(Demuxer, learnedSurvivesReconfiguration) {
  Demuxer demuxer;
  auto all = sections();
  demuxer.configure(all);
  EXPECT_EQ(key(demuxer.route(packet(7, 96), mid("w"))), 3u);
  EXPECT_EQ(demuxer.route(packet(70, 96), mid("v", "lo"))->rid, "lo");
  EXPECT_EQ(key(demuxer.route(packet(61, 111), {})), 1u);
  all.erase(all.begin());
  all[0].rids = {"lo"};
  demuxer.configure(all);
  EXPECT_EQ(key(demuxer.route(packet(7, 96), {})), 3u);
  EXPECT_EQ(demuxer.route(packet(70, 96), {})->rid, "lo");
  EXPECT_FALSE(demuxer.route(packet(61, 111), {}));
}

TEST(Demuxer, tableIsBounded) {
  Demuxer demuxer;
  demuxer.configure(sections());
  for (uint32_t i = 0; i < 2000; ++i) demuxer.route(packet(1000 + i, 111), {});
  EXPECT_GT(demuxer.counters().tableFull, 1000u);
  EXPECT_EQ(key(demuxer.route(packet(1000, 111), {})), 1u);
}

}  // namespace
}  // namespace peerage::rtp
