#include "media/audio_jitter_buffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.hpp"
#include "media/time_stretch.hpp"
#include "media/tone.hpp"

namespace peerage::media {
namespace {

/// A packet of four bytes: its number and, in the last, 1 when it can repair its predecessor. Decodes to samples of
/// its number; concealment is -1, FEC is the number before.
class NumberDecoder final : public AudioDecoder {
 public:
  int channels() const override { return 1; }
  Result<int> packetSamples(ByteView packet) const override {
    if (packet.size() != 4) return failure("no packet");
    return kAudioFrameSamples;
  }
  bool hasFec(ByteView packet) const override { return packet[3] == 1; }
  Result<int> decode(ByteView packet, std::vector<int16_t>& out) override {
    if (packet[3] == 0xff) return failure("broken packet");
    out.insert(out.end(), kAudioFrameSamples, number(packet));
    return kAudioFrameSamples;
  }
  Result<int> decodeFec(ByteView packet, int samples, std::vector<int16_t>& out) override {
    out.insert(out.end(), static_cast<size_t>(samples), static_cast<int16_t>(number(packet) - 1));
    return samples;
  }
  Result<int> conceal(int samples, std::vector<int16_t>& out) override {
    out.insert(out.end(), static_cast<size_t>(samples), int16_t{-100});
    return samples;
  }

 private:
  static int16_t number(ByteView packet) { return static_cast<int16_t>(packet[0] << 8 | packet[1]); }
};

struct Rig {
  AudioJitterBuffer buffer;
  Timestamp now{};
  explicit Rig(AudioJitterConfig config = {.timeStretch = false}) : buffer(std::make_unique<NumberDecoder>(), config) {}

  void packet(int number, uint8_t kind = 0) { packetAt(number, static_cast<uint32_t>(number) * 960, kind); }
  void packetAt(int number, uint32_t timestamp, uint8_t kind = 0) {
    const Bytes payload = {static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number), 0, kind};
    buffer.handleInput(now, {static_cast<uint16_t>(number), timestamp, payload});
  }
  /// 20 ms; the value of most of its samples.
  int pull() {
    std::vector<int16_t> out(960);
    buffer.pull(now, out);
    now += 20ms;
    return out[480];
  }
  /// Plays packets 1 to `last` as they come, one each 20 ms, until the first is heard.
  void run(int last) {
    for (int i = 1; i <= last; ++i) {
      packet(i);
      pull();
    }
  }
};

TEST(AudioJitterBuffer, IsSilentUntilTheStartDelayHasPassed) {
  Rig rig;
  EXPECT_EQ(rig.pull(), 0);
  EXPECT_EQ(rig.buffer.stats().totalSamples, 0u);
  std::vector<int> heard;
  for (int i = 1; i <= 8; ++i) {
    rig.packet(i);
    heard.push_back(rig.pull());
  }
  EXPECT_EQ(heard.front(), 0);
  const auto first = std::ranges::find(heard, 1);
  ASSERT_NE(first, heard.end());
  for (auto it = first; it + 1 != heard.end(); ++it) EXPECT_EQ(*(it + 1), *it + 1);
  EXPECT_EQ(rig.buffer.stats().concealedSamples, 0u);
  EXPECT_TRUE(rig.buffer.playoutTimestamp());
}

TEST(AudioJitterBuffer, OrdersPacketsAndDropsDoubles) {
  Rig rig;
  for (const int i : {3, 1, 2, 2, 4}) rig.packet(i);
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(rig.pull(), i);
  EXPECT_EQ(rig.buffer.stats().discardedPackets, 1u);
}

TEST(AudioJitterBuffer, ConcealsALostPacketOnce) {
  Rig rig;
  for (const int i : {1, 2, 4, 5, 6}) rig.packet(i);
  EXPECT_EQ(rig.pull(), 1);
  EXPECT_EQ(rig.pull(), 2);
  EXPECT_EQ(rig.pull(), -100);
  EXPECT_EQ(rig.pull(), 4);
  EXPECT_EQ(rig.buffer.stats().concealedSamples, 960u);
  EXPECT_EQ(rig.buffer.stats().concealmentEvents, 1u);
}

TEST(AudioJitterBuffer, PlaysTheCopyInTheNextPacket) {
  Rig rig;
  for (const int i : {1, 2, 5, 6}) rig.packet(i, 1);
  EXPECT_EQ(rig.pull(), 1);
  EXPECT_EQ(rig.pull(), 2);
  EXPECT_EQ(rig.pull(), -100);  // 3: the copy in 5 is of 4
  EXPECT_EQ(rig.pull(), 4);
  EXPECT_EQ(rig.pull(), 5);
  EXPECT_EQ(rig.buffer.stats().fecPackets, 1u);
  EXPECT_EQ(rig.buffer.stats().concealedSamples, 960u);
}

TEST(AudioJitterBuffer, AnUnderrunDelaysWhatComesLater) {
  Rig rig;
  for (const int i : {1, 2, 3, 4}) rig.packet(i);
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(rig.pull(), i);
  EXPECT_EQ(rig.pull(), -100);
  rig.packet(5);
  EXPECT_EQ(rig.pull(), 5);  // nothing of it is thrown away
  EXPECT_EQ(rig.buffer.stats().concealmentEvents, 1u);
}

TEST(AudioJitterBuffer, ConcealmentDuringAnUnderrunCountsForWhatWasLost) {
  Rig rig;
  for (const int i : {1, 2, 3, 4}) rig.packet(i);
  for (int i = 1; i <= 4; ++i) rig.pull();
  EXPECT_EQ(rig.pull(), -100);
  rig.packet(6);  // 5 was lost, and has been concealed already
  EXPECT_EQ(rig.pull(), 6);
}

TEST(AudioJitterBuffer, FallsSilentAfterASecondAndStartsAgain) {
  Rig rig;
  rig.run(10);
  for (int i = 0; i < 60; ++i) rig.pull();
  EXPECT_EQ(rig.pull(), 0);
  EXPECT_FALSE(rig.buffer.playoutTimestamp());
  for (int i = 11; i < 25; ++i) {
    rig.packetAt(i, static_cast<uint32_t>(i + 60) * 960);  // DTX: timestamps went on, sequence numbers did not
    rig.pull();
  }
  EXPECT_GT(rig.pull(), 11);
}

TEST(AudioJitterBuffer, LatePacketsAreDiscarded) {
  Rig rig;
  rig.run(10);
  const auto before = rig.buffer.stats().discardedPackets;
  rig.packet(1);
  EXPECT_EQ(rig.buffer.stats().discardedPackets, before + 1);
}

TEST(AudioJitterBuffer, ABrokenPacketIsConcealed) {
  Rig rig;
  rig.packet(1);
  rig.packet(2, 0xff);
  rig.packet(3);
  rig.packet(4);
  EXPECT_EQ(rig.pull(), 1);
  EXPECT_EQ(rig.pull(), -100);
  EXPECT_EQ(rig.pull(), 3);
  EXPECT_EQ(rig.buffer.stats().malformedPackets, 1u);
}

TEST(AudioJitterBuffer, PayloadsThatAreNoPacketsAreCounted) {
  Rig rig;
  rig.buffer.handleInput(rig.now, {1, 0, Bytes(3)});
  rig.buffer.handleInput(rig.now, {1, 0, {}});
  EXPECT_EQ(rig.buffer.stats().malformedPackets, 1u);
  EXPECT_EQ(rig.buffer.heldPackets(), 0u);
}

TEST(AudioJitterBuffer, TimestampsThatStartOverAreFollowed) {
  Rig rig;
  for (int i = 1; i <= 10; ++i) {
    rig.packetAt(i, 3'000'000u + static_cast<uint32_t>(i) * 960);
    rig.pull();
  }
  int heard = 0;
  for (int i = 11; i <= 40; ++i) {
    rig.packetAt(i, static_cast<uint32_t>(i) * 960);
    heard = rig.pull();
  }
  EXPECT_GT(heard, 30);
}

TEST(AudioJitterBuffer, TimestampsThatLeapAheadAreFollowed) {
  Rig rig;
  rig.run(10);
  int heard = 0;
  for (int i = 11; i <= 40; ++i) {
    rig.packetAt(i, 2'000'000'000u + static_cast<uint32_t>(i) * 960);
    heard = rig.pull();
  }
  EXPECT_GT(heard, 30);
}

TEST(AudioJitterBuffer, HoldsABoundedNumberOfPackets) {
  Rig rig({.maxPackets = 50});
  for (int i = 1; i <= 500; ++i) {
    rig.packet(i);
    ASSERT_LE(rig.buffer.heldPackets(), 50u);
  }
}

TEST(AudioJitterBuffer, ThrowsAwayWhatAStallHasPiledUp) {
  Rig rig;
  rig.run(20);
  for (int i = 21; i <= 90; ++i) rig.packet(i);
  rig.pull();
  EXPECT_LE(rig.buffer.heldDelay(), 150ms);
  EXPECT_EQ(rig.buffer.stats().flushes, 1u);
}

TEST(AudioJitterBuffer, TheTargetFollowsJitterUpAndDown) {
  Rig rig;
  SeededRandom random(4);
  EXPECT_EQ(rig.buffer.targetDelay(), 80ms);
  for (int i = 1; i <= 300; ++i) {
    rig.now = Timestamp{} + i * 20ms;
    rig.packet(i);
    rig.pull();
  }
  EXPECT_LE(rig.buffer.targetDelay(), 40ms);
  for (int i = 301; i <= 900; ++i) {
    rig.now = Timestamp{} + i * 20ms + Duration(random.below(150'000'000));
    rig.packet(i);
    rig.pull();
  }
  EXPECT_GE(rig.buffer.targetDelay(), 130ms);
  EXPECT_LE(rig.buffer.targetDelay(), 190ms);
  for (int i = 901; i <= 4000; ++i) {
    rig.now = Timestamp{} + i * 20ms;
    rig.packet(i);
    rig.pull();
  }
  EXPECT_LE(rig.buffer.targetDelay(), 50ms);
}

TEST(AudioJitterBuffer, CountsTheDelayOfWhatItPlayed) {
  Rig rig;
  rig.run(100);
  const auto& stats = rig.buffer.stats();
  const double mean = stats.delaySeconds / static_cast<double>(stats.emittedSamples);
  EXPECT_GT(mean, 0.02);
  EXPECT_LT(mean, 0.1);
}

std::vector<int16_t> tone(double hertz, int samples, int channels = 1) {
  std::vector<int16_t> out(static_cast<size_t>(samples * channels));
  ToneGenerator(hertz, channels).fill(out);
  return out;
}

TEST(TimeStretch, CutsAndRepeatsWholePeriodsOfATone) {
  for (const int channels : {1, 2}) {
    for (const double hertz : {150.0, 440.0, 1000.0}) {
      auto pcm = tone(hertz, 960 * 4, channels);
      const size_t start = static_cast<size_t>(960 * channels);
      const size_t size = pcm.size();
      const int removed = cutPeriod(pcm, start, channels, false);
      EXPECT_GE(removed, 120);
      EXPECT_EQ(pcm.size(), size - static_cast<size_t>(removed * channels));
      const double period = 48000 / hertz;
      EXPECT_NEAR(std::remainder(removed, period), 0, 1.5) << hertz;
      const int added = repeatPeriod(pcm, start, channels);
      EXPECT_GE(added, 120);
      EXPECT_EQ(pcm.size(), size + static_cast<size_t>((added - removed) * channels));
      EXPECT_GT(toneShare(pcm, channels, hertz), 0.97);
    }
  }
}

TEST(TimeStretch, LeavesNoiseAndShortPiecesAlone) {
  SeededRandom random(9);
  std::vector<int16_t> noise(960);
  for (auto& s : noise) s = static_cast<int16_t>(random.below(20'000)) - 10'000;
  EXPECT_EQ(cutPeriod(noise, 0, 1, false), 0);
  EXPECT_GT(cutPeriod(noise, 0, 1, true), 0);
  auto brief = tone(440, 300);
  EXPECT_EQ(cutPeriod(brief, 0, 1, true), 0);
  EXPECT_EQ(repeatPeriod(brief, 0, 1), 0);
  std::vector<int16_t> silent(960);
  EXPECT_EQ(cutPeriod(silent, 0, 1, false), 480);
}

}  // namespace
}  // namespace peerage::media
