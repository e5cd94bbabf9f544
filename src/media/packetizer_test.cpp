#include "media/packetizer.hpp"

#include <gtest/gtest.h>

#include "media/opus.hpp"
#include "media/vp8.hpp"

namespace peerage::media {
namespace {

Bytes keyFrame(size_t size, int width = 320, int height = 240) {
  Bytes frame(size, 0x55);
  const uint8_t header[] = {0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a,
                            static_cast<uint8_t>(width), static_cast<uint8_t>(width >> 8),
                            static_cast<uint8_t>(height), static_cast<uint8_t>(height >> 8)};
  std::copy_n(header, std::min(size, sizeof header), frame.begin());
  return frame;
}

DepacketizedPayload parsed(const Bytes& payload) {
  auto result = Vp8Depacketizer().parse(payload);
  EXPECT_TRUE(result) << result.error().message;
  return result.value_or(DepacketizedPayload{});
}

// After the examples of RFC 7741 §4.6: descriptors of key frames and interframes, with and without PictureID.
TEST(Vp8Depacketizer, KeyFrameInOnePayload) {
  Bytes payload = {0x10};  // S, PID 0
  const Bytes frame = keyFrame(50);
  payload.insert(payload.end(), frame.begin(), frame.end());
  const auto result = parsed(payload);
  EXPECT_TRUE(result.begin);
  EXPECT_TRUE(result.key);
  EXPECT_EQ(result.width, 320);
  EXPECT_EQ(result.height, 240);
  EXPECT_FALSE(result.pictureId);
  EXPECT_EQ(result.data.size(), 50u);
}

TEST(Vp8Depacketizer, NonDiscardableInterframeWithPictureId) {
  const auto result = parsed({0x90, 0x80, 0x11, 0x01, 0x00, 0x00});  // X S; I; 7 bits: 17
  EXPECT_TRUE(result.begin);
  EXPECT_FALSE(result.key);
  EXPECT_EQ(result.pictureId, 17);
  EXPECT_FALSE(result.longPictureId);
  EXPECT_FALSE(result.nonReference);
}

TEST(Vp8Depacketizer, LongPictureIdAndLayers) {
  // X N S; I L T K; M 0x1234; TL0PICIDX ab; TID 1 Y KEYIDX 5
  const auto result = parsed({0xb0, 0xf0, 0x92, 0x34, 0xab, 0x65, 0x01});
  EXPECT_TRUE(result.nonReference);
  EXPECT_EQ(result.pictureId, 0x1234);
  EXPECT_TRUE(result.longPictureId);
  EXPECT_EQ(result.tl0PicIdx, 0xab);
  EXPECT_EQ(result.temporalId, 1);
  EXPECT_TRUE(result.layerSync);
  EXPECT_EQ(result.keyIdx, 5);
  EXPECT_EQ(result.data.size(), 1u);
}

TEST(Vp8Depacketizer, OnlyTheFirstPartitionBeginsAFrame) {
  EXPECT_TRUE(parsed({0x10, 0x01}).begin);
  EXPECT_FALSE(parsed({0x11, 0x01}).begin);  // S of partition 1
  EXPECT_FALSE(parsed({0x00, 0x01}).begin);
}

TEST(Vp8Depacketizer, RefusesWhatIsCutOffAtEveryLength) {
  const Bytes whole = {0xb0, 0xf0, 0x92, 0x34, 0xab, 0x65, 0x01};
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(Vp8Depacketizer().parse(ByteView(whole).first(size))) << size;
  }
}

TEST(Vp8Packetizer, SplitsEvenlyUnderItsLimit) {
  SeededRandom random(1);
  Vp8Packetizer packetizer(random);
  const Vp8Depacketizer depacketizer;
  const uint16_t firstId = packetizer.nextPictureId();
  for (const size_t size : std::vector<size_t>{1, 10, 1000, 1116, 1117, 5000, 123'457}) {
    EncodedFrame frame;
    frame.data = keyFrame(size);
    const uint16_t id = packetizer.nextPictureId();
    const auto count = packetizer.start(frame);
    ASSERT_TRUE(count);
    Bytes payload, together;
    size_t seen = 0, least = SIZE_MAX, most = 0;
    while (auto part = packetizer.next(payload)) {
      EXPECT_LE(payload.size(), kDefaultMaxPayload);
      EXPECT_EQ(part->first, seen == 0);
      EXPECT_EQ(part->last, seen + 1 == *count);
      const auto back = parsed(payload);
      EXPECT_EQ(back.begin, seen == 0);
      EXPECT_EQ(back.pictureId, id);
      depacketizer.append(back, together);
      least = std::min(least, payload.size());
      most = std::max(most, payload.size());
      payload.clear();
      ++seen;
    }
    EXPECT_EQ(seen, *count);
    EXPECT_LE(most - least, 1u);
    EXPECT_EQ(together, frame.data);
  }
  EXPECT_EQ(packetizer.nextPictureId(), (firstId + 7) & 0x7fff);
}

TEST(Vp8Packetizer, WritesWhatTheEncoderSaysOfLayers) {
  SeededRandom random(1);
  Vp8Packetizer packetizer(random);
  EncodedFrame frame;
  frame.data = {0x01, 0x02, 0x03};
  frame.info = Vp8FrameInfo{.nonReference = true, .temporalId = 2, .layerSync = true, .tl0PicIdx = 9};
  ASSERT_TRUE(packetizer.start(frame));
  Bytes payload;
  packetizer.next(payload);
  const auto back = parsed(payload);
  EXPECT_TRUE(back.nonReference);
  EXPECT_EQ(back.temporalId, 2);
  EXPECT_TRUE(back.layerSync);
  EXPECT_EQ(back.tl0PicIdx, 9);
}

TEST(Vp8Packetizer, AppendsBehindAHeader) {
  SeededRandom random(1);
  Vp8Packetizer packetizer(random);
  EncodedFrame frame;
  frame.data = {0x01, 0x02, 0x03};
  ASSERT_TRUE(packetizer.start(frame));
  Bytes packet(12, 0xee);
  packetizer.next(packet);
  EXPECT_EQ(packet.size(), 12u + 4u + 3u);
  EXPECT_EQ(packet[11], 0xee);
}

TEST(Vp8Packetizer, RefusesEmptyAndHugeFramesAndOddLimits) {
  SeededRandom random(1);
  Vp8Packetizer packetizer(random);
  EncodedFrame frame;
  EXPECT_FALSE(packetizer.start(frame));
  frame.data.resize(10);
  EXPECT_FALSE(packetizer.start(frame, 10));
  EXPECT_FALSE(packetizer.start(frame, 70'000));
  frame.data.resize(kMaxFrameBytes + 1);
  EXPECT_FALSE(packetizer.start(frame));
  Bytes out;
  EXPECT_FALSE(packetizer.next(out));
}

TEST(Vp8Packetizer, PictureIdWrapsAtFifteenBits) {
  SeededRandom random(1);
  Vp8Packetizer packetizer(random);
  EncodedFrame frame;
  frame.data = {1, 2, 3};
  Bytes out;
  for (int i = 0; i < 40'000; ++i) {
    const uint16_t id = packetizer.nextPictureId();
    ASSERT_LE(id, 0x7fff);
    ASSERT_TRUE(packetizer.start(frame));
    out.clear();
    packetizer.next(out);
    ASSERT_EQ((out[2] & 0x7f) << 8 | out[3], id);
  }
}

TEST(OpusPacketSamples, FollowsTheTocByte) {
  const auto samples = [](std::initializer_list<uint8_t> bytes) { return opusPacketSamples(Bytes(bytes)); };
  EXPECT_EQ(samples({}), std::nullopt);
  EXPECT_EQ(samples({0 << 3}), 480);            // SILK 10 ms
  EXPECT_EQ(samples({3 << 3}), 2880);           // SILK 60 ms
  EXPECT_EQ(samples({12 << 3}), 480);           // hybrid 10 ms
  EXPECT_EQ(samples({15 << 3}), 960);           // hybrid 20 ms
  EXPECT_EQ(samples({16 << 3}), 120);           // CELT 2.5 ms
  EXPECT_EQ(samples({31 << 3}), 960);           // CELT 20 ms
  EXPECT_EQ(samples({31 << 3 | 1, 0}), 1920);   // two frames
  EXPECT_EQ(samples({31 << 3 | 3}), std::nullopt);        // no frame count
  EXPECT_EQ(samples({31 << 3 | 3, 0}), std::nullopt);     // no frame
  EXPECT_EQ(samples({31 << 3 | 3, 6}), 5760);             // 120 ms
  EXPECT_EQ(samples({31 << 3 | 3, 7}), std::nullopt);     // over 120 ms
}

TEST(OpusPacketizer, PassesAPacketUnchanged) {
  OpusPacketizer packetizer;
  EncodedFrame frame;
  frame.data = {0xf8, 1, 2, 3};
  EXPECT_EQ(packetizer.start(frame), size_t{1});
  Bytes out;
  const auto part = packetizer.next(out);
  ASSERT_TRUE(part && part->first && part->last);
  EXPECT_EQ(out, frame.data);
  EXPECT_FALSE(packetizer.next(out));
  EXPECT_FALSE(packetizer.start(frame, 3));
  frame.data.clear();
  EXPECT_FALSE(packetizer.start(frame));
  const auto back = OpusDepacketizer().parse(out);
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->begin);
}

TEST(CreatePacketizer, KnowsItsCodecsByNameWithoutCase) {
  SeededRandom random(1);
  EXPECT_TRUE(createPacketizer("vp8", random));
  EXPECT_TRUE(createPacketizer("OPUS", random));
  EXPECT_TRUE(createDepacketizer("VP8"));
  EXPECT_TRUE(createDepacketizer("opus"));
  const auto unknown = createPacketizer("H999", random);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("H999"), std::string::npos);
  EXPECT_FALSE(createDepacketizer("H999"));
}

}  // namespace
}  // namespace peerage::media
