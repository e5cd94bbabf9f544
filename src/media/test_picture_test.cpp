#include "media/test_picture.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "media/tone.hpp"

namespace peerage::media {
namespace {

using Sizes = std::vector<std::pair<int, int>>;

TEST(FrameStamp, ReadsBackWhatWasWritten) {
  SeededRandom random(1);
  for (const auto& [width, height] : Sizes{{80, 60}, {81, 61}, {176, 144}, {640, 480}, {1920, 1080}}) {
    auto picture = I420Buffer::create(width, height);
    for (const uint32_t value : {0u, 1u, 0xffffffffu, 0x55555555u, random.u32(), random.u32()}) {
      drawTestPicture(*picture, value, 1234ms);
      EXPECT_EQ(readFrameStamp(*picture), value) << width << "x" << height;
    }
  }
}

TEST(FrameStamp, IsNotSeenWhereThereIsNone) {
  auto picture = I420Buffer::create(640, 480);
  EXPECT_EQ(readFrameStamp(*picture), std::nullopt);
  fillRect(*picture, 0, 0, 640, 480, kWhite);
  EXPECT_EQ(readFrameStamp(*picture), std::nullopt);
  SeededRandom random(2);
  random.fill({picture->y(), 640 * 480});
  EXPECT_EQ(readFrameStamp(*picture), std::nullopt);
  auto tiny = I420Buffer::create(79, 60);
  EXPECT_FALSE(writeFrameStamp(*tiny, 1));
  EXPECT_EQ(readFrameStamp(*tiny), std::nullopt);
}

TEST(FrameStamp, DamageIsNoticed) {
  auto picture = I420Buffer::create(640, 480);
  ASSERT_TRUE(writeFrameStamp(*picture, 1000));
  fillRect(*picture, 16, 432, 40, 16, kWhite);  // over two blocks of the second row
  EXPECT_EQ(readFrameStamp(*picture), std::nullopt);
}

TEST(TestPicture, IsAPureFunctionAndMoves) {
  auto a = I420Buffer::create(320, 240), b = I420Buffer::create(320, 240);
  drawTestPicture(*a, 5, 100ms);
  drawTestPicture(*b, 5, 100ms);
  EXPECT_EQ(lumaPsnr(*a, *b), 99);
  drawTestPicture(*b, 6, 133ms);
  EXPECT_LT(lumaPsnr(*a, *b), 45);
}

TEST(TestPicture, FitsAnySize) {
  for (const auto& [width, height] : Sizes{{1, 1}, {2, 3}, {7, 500}, {500, 7}, {79, 59}}) {
    auto picture = I420Buffer::create(width, height);
    drawTestPicture(*picture, 0xffffffffu, 100h);
    drawTestPicture(*picture, 0, -5s);
  }
}

TEST(DrawText, CutsOffWhatLiesOutside) {
  auto picture = I420Buffer::create(40, 20);
  for (const int x : {-1000, -3, 0, 35, 39, 40, 2'000'000'000}) {
    for (const int y : {-1000, -3, 0, 15, 2'000'000'000}) drawText(*picture, x, y, "Round trip: 12 ms | ~\xff", 2);
  }
  auto clear = I420Buffer::create(40, 20);
  drawText(*clear, 0, 0, "I", 1);
  EXPECT_EQ(clear->y()[3 * clear->strideY() + 2], 235);  // the stem
  EXPECT_EQ(clear->y()[3 * clear->strideY() + 0], 16);
}

TEST(Tone, GoesOnFromCallToCall) {
  ToneGenerator whole(997.5), parts(997.5);
  std::vector<int16_t> a(9600), b(9600);
  whole.fill(a);
  for (size_t i = 0; i < b.size(); i += 480) parts.fill(std::span(b).subspan(i, 480));
  EXPECT_EQ(a, b);
  EXPECT_EQ(parts.position(), 9600);
  ToneGenerator later(997.5);
  later.seek(4800);
  std::vector<int16_t> c(4800);
  later.fill(c);
  EXPECT_TRUE(std::equal(c.begin(), c.end(), a.begin() + 4800));
}

TEST(Tone, IsRecognised) {
  for (const double hertz : {100.0, 440.0, 1234.0, 3500.0}) {
    std::vector<int16_t> samples(9600 * 2);
    ToneGenerator(hertz, 2).fill(samples);
    EXPECT_NEAR(strongestTone(samples, 2), hertz, 1);
    EXPECT_GT(toneShare(samples, 2, hertz), 0.99);
    EXPECT_LT(toneShare(samples, 2, hertz + 100), 0.01);
  }
  EXPECT_EQ(toneShare(std::vector<int16_t>(960), 1, 440), 0);
  EXPECT_EQ(strongestTone(std::vector<int16_t>(960), 1), 0);
  EXPECT_EQ(strongestTone({}, 1), 0);
}

}  // namespace
}  // namespace peerage::media
