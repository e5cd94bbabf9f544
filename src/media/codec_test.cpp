#include "media/codec.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace peerage::media {
namespace {

TEST(CodecDescription, NamesItsEncodingAndComparesWithoutCase) {
  CodecDescription codec;
  codec.mimeType = "video/VP8";
  EXPECT_EQ(codec.encodingName(), "VP8");
  EXPECT_TRUE(sameCodecName("video/vp8", codec.mimeType));
  EXPECT_FALSE(sameCodecName("video/VP9", codec.mimeType));
  EXPECT_FALSE(sameCodecName("video/VP", codec.mimeType));
}

TEST(ParseFmtp, ReadsPairsWithBlanksAndBareKeys) {
  const auto pairs = parseFmtp(" minptime=10; UseInbandFEC = 1 ;;stereo;x=a=b;");
  ASSERT_EQ(pairs.size(), 4u);
  EXPECT_EQ(pairs[0], std::pair(std::string("minptime"), std::string("10")));
  EXPECT_EQ(pairs[1], std::pair(std::string("useinbandfec"), std::string("1")));
  EXPECT_EQ(pairs[2], std::pair(std::string("stereo"), std::string()));
  EXPECT_EQ(pairs[3], std::pair(std::string("x"), std::string("a=b")));
  EXPECT_TRUE(parseFmtp("").empty());
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "a=1;";
  EXPECT_EQ(parseFmtp(many).size(), 64u);
}

TEST(FmtpNumber, TakesNumbersInRangeOnly) {
  EXPECT_EQ(fmtpNumber("a=5", "a", 0, 10), 5);
  EXPECT_EQ(fmtpNumber("a=11", "a", 0, 10), std::nullopt);
  EXPECT_EQ(fmtpNumber("a=5x", "a", 0, 10), std::nullopt);
  EXPECT_EQ(fmtpNumber("a=", "a", 0, 10), std::nullopt);
  EXPECT_EQ(fmtpNumber("a=99999999999999999999", "a", 0, INT64_MAX), std::nullopt);
  EXPECT_EQ(fmtpNumber("b=5", "a", 0, 10), std::nullopt);
}

TEST(OpusConfigFromFmtp, FollowsRfc7587Section61) {
  const auto plain = opusConfigFromFmtp("");
  EXPECT_EQ(plain.channels, 1);
  EXPECT_FALSE(plain.inbandFec);
  EXPECT_FALSE(plain.dtx);
  EXPECT_EQ(plain.maxPlaybackRate, 48000);
  const auto full =
      opusConfigFromFmtp("maxplaybackrate=16000;stereo=1;useinbandfec=1;usedtx=1;cbr=1;maxaveragebitrate=20000");
  EXPECT_EQ(full.channels, 2);
  EXPECT_TRUE(full.inbandFec);
  EXPECT_TRUE(full.dtx);
  EXPECT_TRUE(full.constantBitrate);
  EXPECT_EQ(full.maxPlaybackRate, 16000);
  EXPECT_EQ(full.bitrate, 20000);
  EXPECT_EQ(opusConfigFromFmtp("maxaveragebitrate=5;stereo=2"), plain);
}

TEST(I420Buffer, StartsBlackAndBoundsItsSize) {
  const auto buffer = I420Buffer::create(3, 5);
  EXPECT_EQ(buffer->chromaWidth(), 2);
  EXPECT_EQ(buffer->chromaHeight(), 3);
  EXPECT_EQ(buffer->y()[14], 16);
  EXPECT_EQ(buffer->u()[0], 128);
  EXPECT_EQ(buffer->v()[5], 128);
  EXPECT_THROW(I420Buffer::create(0, 5), std::invalid_argument);
  EXPECT_THROW(I420Buffer::create(5, 16385), std::invalid_argument);
}

}  // namespace
}  // namespace peerage::media
