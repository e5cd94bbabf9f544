#include "media/video_jitter_buffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "media/vp8.hpp"

namespace peerage::media {
namespace {

/// A frame of `count` packets, which all carry its number.
struct Spec {
  uint16_t sequence;
  uint32_t number;
  int count = 1;
  bool key = false;
  std::optional<uint8_t> layer{};
  std::optional<uint8_t> tl0{};
  bool sync = false;
  bool marker = true;
};

struct Rig {
  VideoJitterBuffer buffer;
  Timestamp now{};
  explicit Rig(const VideoJitterConfig& config = {}) : buffer(std::make_unique<Vp8Depacketizer>(), config) {}

  void packet(const Spec& s, int index) {
    Bytes payload = {static_cast<uint8_t>(0x80 | (index == 0 ? 0x10 : 0)),
                     static_cast<uint8_t>(0x80 | (s.tl0 ? 0x40 : 0) | (s.layer ? 0x20 : 0)),
                     static_cast<uint8_t>(0x80 | (s.number >> 8 & 0x7f)), static_cast<uint8_t>(s.number)};
    if (s.tl0) payload.push_back(*s.tl0);
    if (s.layer) payload.push_back(static_cast<uint8_t>(*s.layer << 6 | (s.sync ? 0x20 : 0)));
    payload.push_back(s.key ? 0x10 : 0x11);
    payload.push_back(static_cast<uint8_t>(index));
    const bool marker = s.marker && index == s.count - 1;
    buffer.handleInput(now, {static_cast<uint16_t>(s.sequence + index), s.number * 3000, marker, payload});
  }
  void frame(const Spec& s) {
    for (int i = 0; i < s.count; ++i) packet(s, i);
  }
  void padding(uint16_t sequence) { buffer.handleInput(now, {sequence, 1, false, {}}); }

  /// What left since the last call: frame numbers, and -1 for a key frame request.
  std::vector<int> out() {
    std::vector<int> result;
    while (auto event = buffer.pollEvent()) {
      if (auto* assembled = std::get_if<AssembledFrame>(&*event)) {
        result.push_back(static_cast<int>(assembled->frame.rtpTimestamp / 3000));
      } else {
        result.push_back(-1);
      }
    }
    return result;
  }
  std::vector<int> after(Duration time) {
    now += time;
    buffer.handleTimeout(now);
    return out();
  }
};
using Out = std::vector<int>;

TEST(VideoJitterBuffer, LetsFramesOutAsTheyComplete) {
  Rig rig;
  rig.packet({.sequence = 10, .number = 1, .count = 3, .key = true}, 0);
  rig.packet({.sequence = 10, .number = 1, .count = 3, .key = true}, 1);
  EXPECT_EQ(rig.out(), Out{});
  rig.packet({.sequence = 10, .number = 1, .count = 3, .key = true}, 2);
  EXPECT_EQ(rig.out(), Out{1});
  rig.frame({.sequence = 13, .number = 2, .count = 2});
  EXPECT_EQ(rig.out(), Out{2});
  EXPECT_EQ(rig.buffer.heldPackets(), 0u);
  EXPECT_EQ(rig.buffer.heldBytes(), 0u);
  EXPECT_FALSE(rig.buffer.nextTimeout());
}

TEST(VideoJitterBuffer, PutsTheBytesInOrder) {
  Rig rig;
  for (const int i : {2, 0, 3, 1}) rig.packet({.sequence = 65'534, .number = 1, .count = 4, .key = true}, i);
  const auto event = rig.buffer.pollEvent();
  ASSERT_TRUE(event);
  const auto& assembled = std::get<AssembledFrame>(*event);
  EXPECT_EQ(assembled.frame.data, (Bytes{0x10, 0, 0x10, 1, 0x10, 2, 0x10, 3}));
  EXPECT_TRUE(assembled.frame.key);
  EXPECT_EQ(assembled.packets, 4u);
}

TEST(VideoJitterBuffer, WaitsForAMissingPacket) {
  Rig rig;
  rig.frame({.sequence = 10, .number = 1, .key = true});
  rig.packet({.sequence = 11, .number = 2, .count = 2}, 0);
  rig.frame({.sequence = 13, .number = 3});
  rig.frame({.sequence = 14, .number = 4});
  EXPECT_EQ(rig.out(), Out{1});
  EXPECT_EQ(rig.after(200ms), Out{});
  rig.packet({.sequence = 11, .number = 2, .count = 2}, 1);
  EXPECT_EQ(rig.out(), (Out{2, 3, 4}));
}

TEST(VideoJitterBuffer, AsksForAKeyFrameWhenWaitingIsInVain) {
  Rig rig;
  rig.frame({.sequence = 10, .number = 1, .key = true});
  rig.frame({.sequence = 12, .number = 3});
  EXPECT_EQ(rig.out(), Out{1});
  ASSERT_TRUE(rig.buffer.nextTimeout());
  EXPECT_EQ(rig.after(399ms), Out{});
  EXPECT_EQ(rig.after(1ms), Out{-1});
  EXPECT_EQ(rig.after(100ms), Out{});
  EXPECT_EQ(rig.after(400ms), Out{-1});
  rig.frame({.sequence = 20, .number = 11, .key = true});
  EXPECT_EQ(rig.out(), Out{11});
  rig.frame({.sequence = 21, .number = 12});
  EXPECT_EQ(rig.out(), Out{12});
  EXPECT_FALSE(rig.buffer.nextTimeout());
  EXPECT_EQ(rig.buffer.stats().droppedFrames, 1u);
}

TEST(VideoJitterBuffer, StopsAskingWhenNothingArrives) {
  Rig rig;
  rig.frame({.sequence = 10, .number = 1, .key = true});
  rig.frame({.sequence = 12, .number = 3});
  rig.out();
  size_t requests = 0;
  int wakes = 0;
  for (; rig.buffer.nextTimeout() && wakes < 100; ++wakes) {
    ASSERT_GE(rig.buffer.nextTimeout()->at, rig.now);
    requests += rig.after(rig.buffer.nextTimeout()->at - rig.now).size();
  }
  EXPECT_EQ(requests, 5u);
  EXPECT_LT(wakes, 10);
}

TEST(VideoJitterBuffer, AKeyFrameOvertakesAGapAfterAMoment) {
  Rig rig;
  rig.frame({.sequence = 10, .number = 1, .key = true});
  rig.frame({.sequence = 12, .number = 3});
  rig.frame({.sequence = 13, .number = 4, .key = true});
  rig.frame({.sequence = 14, .number = 5});
  EXPECT_EQ(rig.out(), Out{1});
  ASSERT_TRUE(rig.buffer.nextTimeout());
  EXPECT_EQ(rig.buffer.nextTimeout()->at, rig.now + 30ms);
  EXPECT_EQ(rig.after(30ms), (Out{4, 5}));
  rig.frame({.sequence = 11, .number = 2});
  EXPECT_EQ(rig.out(), Out{});
  EXPECT_EQ(rig.buffer.stats().latePackets, 1u);
}

TEST(VideoJitterBuffer, AsksAtOnceWhenTheStartIsNoKeyFrame) {
  Rig rig;
  rig.frame({.sequence = 10, .number = 1});
  EXPECT_EQ(rig.out(), Out{-1});
  rig.frame({.sequence = 11, .number = 2});
  EXPECT_EQ(rig.out(), Out{});
  rig.frame({.sequence = 12, .number = 3, .key = true});
  EXPECT_EQ(rig.out(), Out{3});
}

TEST(VideoJitterBuffer, WaitsForTheRestOfAFirstKeyFrame) {
  Rig rig;
  rig.packet({.sequence = 10, .number = 1, .count = 3, .key = true}, 0);
  rig.packet({.sequence = 10, .number = 1, .count = 3, .key = true}, 2);
  rig.frame({.sequence = 13, .number = 2});
  EXPECT_EQ(rig.out(), Out{});
  rig.now += 100ms;
  rig.packet({.sequence = 10, .number = 1, .count = 3, .key = true}, 1);
  EXPECT_EQ(rig.out(), (Out{1, 2}));
}

TEST(VideoJitterBuffer, AFirstKeyFrameThatNeverCompletesIsAskedForAgain) {
  Rig rig;
  rig.packet({.sequence = 10, .number = 1, .count = 3, .key = true}, 0);
  EXPECT_EQ(rig.out(), Out{});
  EXPECT_EQ(rig.after(400ms), Out{-1});
}

TEST(VideoJitterBuffer, PaddingIsNoGap) {
  Rig rig;
  rig.frame({.sequence = 10, .number = 1, .key = true});
  rig.padding(11);
  rig.padding(12);
  rig.frame({.sequence = 13, .number = 2});
  EXPECT_EQ(rig.out(), (Out{1, 2}));
  EXPECT_EQ(rig.buffer.heldPackets(), 0u);
}

TEST(VideoJitterBuffer, LostPaddingIsSeenThroughByThePictureId) {
  Rig rig;
  rig.frame({.sequence = 10, .number = 1, .key = true});
  rig.frame({.sequence = 14, .number = 2});
  EXPECT_EQ(rig.out(), (Out{1, 2}));
}

TEST(VideoJitterBuffer, PictureIdWraps) {
  Rig rig;
  rig.frame({.sequence = 10, .number = 0x7fff, .key = true});
  rig.frame({.sequence = 14, .number = 0x8000});
  EXPECT_EQ(rig.out(), (Out{0x7fff, 0x8000}));
}

TEST(VideoJitterBuffer, DoublesAreDroppedAndCounted) {
  Rig rig;
  rig.packet({.sequence = 10, .number = 1, .count = 2, .key = true}, 0);
  rig.packet({.sequence = 10, .number = 1, .count = 2, .key = true}, 0);
  rig.packet({.sequence = 10, .number = 1, .count = 2, .key = true}, 1);
  rig.packet({.sequence = 10, .number = 1, .count = 2, .key = true}, 1);
  EXPECT_EQ(rig.out(), Out{1});
  EXPECT_EQ(rig.buffer.stats().duplicatePackets, 1u);
  EXPECT_EQ(rig.buffer.stats().latePackets, 1u);
}

TEST(VideoJitterBuffer, AFrameWithoutMarkerEndsWhereTheNextBegins) {
  Rig rig;
  rig.frame({.sequence = 10, .number = 1, .count = 2, .key = true, .marker = false});
  EXPECT_EQ(rig.out(), Out{});
  rig.frame({.sequence = 12, .number = 2});
  EXPECT_EQ(rig.out(), (Out{1, 2}));
  rig.frame({.sequence = 15, .number = 4});  // the other way round
  rig.frame({.sequence = 13, .number = 3, .count = 2, .marker = false});
  EXPECT_EQ(rig.out(), (Out{3, 4}));
}

TEST(VideoJitterBuffer, MalformedPayloadsAreCounted) {
  Rig rig;
  const Bytes bad = {0x80};
  rig.buffer.handleInput(rig.now, {10, 0, true, bad});
  EXPECT_EQ(rig.buffer.stats().malformedPackets, 1u);
  EXPECT_EQ(rig.out(), Out{});
}

TEST(VideoJitterBuffer, ADecoderThatFailedGetsNothingButAKeyFrame) {
  Rig rig;
  rig.frame({.sequence = 10, .number = 1, .key = true});
  rig.out();
  rig.buffer.decoderFailed(rig.now);
  EXPECT_EQ(rig.out(), Out{-1});
  rig.frame({.sequence = 11, .number = 2});
  EXPECT_EQ(rig.out(), Out{});
  rig.frame({.sequence = 12, .number = 3, .key = true});
  EXPECT_EQ(rig.out(), Out{3});
}

TEST(VideoJitterBuffer, UpperTemporalLayersMayBeLost) {
  Rig rig;
  rig.frame({.sequence = 10, .number = 1, .key = true, .layer = 0, .tl0 = 5});
  rig.frame({.sequence = 12, .number = 3, .layer = 0, .tl0 = 6});  // 2, of layer 1, is lost
  EXPECT_EQ(rig.out(), Out{1});
  EXPECT_EQ(rig.after(30ms), Out{3});
  rig.frame({.sequence = 13, .number = 4, .layer = 1, .tl0 = 6});  // refers to what was lost, for all we know
  rig.frame({.sequence = 14, .number = 5, .layer = 0, .tl0 = 7});
  rig.frame({.sequence = 15, .number = 6, .layer = 1, .tl0 = 7, .sync = true});
  rig.frame({.sequence = 16, .number = 7, .layer = 0, .tl0 = 8});
  rig.frame({.sequence = 17, .number = 8, .layer = 1, .tl0 = 8});
  EXPECT_EQ(rig.out(), (Out{5, 6, 7, 8}));
}

TEST(VideoJitterBuffer, ALostBaseLayerFrameBlocks) {
  Rig rig;
  rig.frame({.sequence = 10, .number = 1, .key = true, .layer = 0, .tl0 = 5});
  rig.frame({.sequence = 12, .number = 3, .layer = 0, .tl0 = 7});
  EXPECT_EQ(rig.out(), Out{1});
  EXPECT_EQ(rig.after(300ms), Out{});
  EXPECT_EQ(rig.after(100ms), Out{-1});
}

TEST(VideoJitterBuffer, HoldsABoundedNumberOfPackets) {
  Rig rig({.maxPackets = 256});
  rig.frame({.sequence = 0, .number = 1, .key = true});
  for (uint32_t i = 2; i < 2000; ++i) {  // 1 is missing for ever
    rig.frame({.sequence = static_cast<uint16_t>(i), .number = i + 1});
    ASSERT_LE(rig.buffer.heldPackets(), 256u);
  }
  const auto out = rig.out();
  EXPECT_NE(std::ranges::find(out, -1), out.end());
  rig.frame({.sequence = 2000, .number = 2001, .key = true});
  EXPECT_EQ(rig.out(), Out{2001});
}

TEST(VideoJitterBuffer, HoldsABoundedNumberOfBytes) {
  Rig rig({.maxBytes = 100'000});
  Bytes payload(1200, 0);
  payload[0] = 0x10;
  for (uint16_t i = 0; i < 1000; ++i) {
    rig.buffer.handleInput(rig.now, {i, 0, false, payload});
    payload[0] = 0;
    ASSERT_LE(rig.buffer.heldBytes(), 100'000u);
  }
}

TEST(VideoJitterBuffer, AJumpOfSequenceNumbersStartsAnew) {
  Rig rig;
  rig.frame({.sequence = 10, .number = 1, .key = true});
  rig.frame({.sequence = 30'000, .number = 50});
  EXPECT_EQ(rig.out(), (Out{1, -1}));
  rig.frame({.sequence = 30'001, .number = 51, .key = true});
  EXPECT_EQ(rig.out(), Out{51});
}

TEST(VideoJitterBuffer, FramesOfManyPacketsInReverseOrder) {
  Rig rig;
  const Spec spec{.sequence = 60'000, .number = 1, .count = 1500, .key = true};
  rig.packet(spec, 0);
  for (int i = spec.count - 1; i > 0; --i) rig.packet(spec, i);
  EXPECT_EQ(rig.out(), Out{1});
  EXPECT_EQ(rig.buffer.stats().keyFrameRequests, 0u);
}

}  // namespace
}  // namespace peerage::media
