#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "base/random.hpp"
#include "codecs/opus_codec.hpp"
#include "codecs/scale.hpp"
#include "codecs/vp8_codec.hpp"
#include "media/audio_jitter_buffer.hpp"
#include "media/opus.hpp"
#include "media/test_picture.hpp"
#include "media/tone.hpp"
#include "media/video_jitter_buffer.hpp"
#include "media/vp8.hpp"
#include "peerage/codecs.hpp"

namespace peerage {
namespace {

using namespace media;

using Sizes = std::vector<std::pair<int, int>>;

const CodecDescription& vp8() { return builtinCodecs()->codecs(MediaKind::video).front(); }
const CodecDescription& opus() { return builtinCodecs()->codecs(MediaKind::audio).front(); }

VideoFrame testFrame(int width, int height, uint32_t number, double framerate = 30) {
  VideoFrame frame;
  frame.buffer = I420Buffer::create(width, height);
  frame.timestamp = fromSeconds(number / framerate);
  frame.rtpTimestamp = static_cast<uint32_t>(number * 90000 / framerate);
  drawTestPicture(*frame.buffer, number, frame.timestamp);
  return frame;
}

std::unique_ptr<VideoEncoder> encoder(const VideoEncoderConfig& config) {
  auto made = builtinCodecs()->createVideoEncoder(vp8(), config);
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}
std::unique_ptr<VideoDecoder> decoder() { return std::move(*builtinCodecs()->createVideoDecoder(vp8())); }

TEST(BuiltinCodecs, DescribesWhatItHas) {
  EXPECT_EQ(vp8().mimeType, "video/VP8");
  EXPECT_EQ(vp8().encodingName(), "VP8");
  EXPECT_EQ(vp8().clockRate, 90000u);
  EXPECT_EQ(opus().mimeType, "audio/opus");
  EXPECT_EQ(opus().channels, 2);
  EXPECT_EQ(builtinCodecs(), builtinCodecs());
}

TEST(BuiltinCodecs, NamesACodecThatItLacks) {
  CodecDescription unknown = vp8();
  unknown.mimeType = "video/XYZ";
  const auto made = builtinCodecs()->createVideoEncoder(unknown, {});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("video/XYZ"), std::string::npos);
  EXPECT_FALSE(builtinCodecs()->createVideoDecoder(opus()));
  EXPECT_FALSE(builtinCodecs()->createAudioEncoder(vp8(), {}));
  EXPECT_FALSE(builtinCodecs()->createAudioDecoder(opus(), 3));
}

TEST(Vp8Encoder, RefusesValuesOutOfRangeAndKeepsItsOwn) {
  auto e = encoder({});
  VideoEncoderConfig bad;
  bad.width = 0;
  EXPECT_FALSE(e->configure(bad));
  bad = {.width = 4096, .height = 4096};
  EXPECT_FALSE(e->configure(bad));
  bad = {.bitrate = 10};
  EXPECT_FALSE(e->configure(bad));
  bad = {.framerate = 0};
  EXPECT_FALSE(e->configure(bad));
  bad = {.scaleDownBy = 0.5};
  EXPECT_FALSE(e->configure(bad));
  bad = {.threads = 0};
  EXPECT_FALSE(e->configure(bad));
  EXPECT_EQ(e->config(), VideoEncoderConfig{});
  EncodedFrame out;
  EXPECT_FALSE(e->encode(VideoFrame{}, false, out));
}

TEST(Vp8, PicturesComeThroughWithTheirStamp) {
  auto e = encoder({.width = 320, .height = 240, .bitrate = 800'000});
  auto d = decoder();
  EncodedFrame bits;
  for (uint32_t i = 0; i < 20; ++i) {
    const VideoFrame frame = testFrame(320, 240, i);
    const auto encoded = e->encode(frame, false, bits);
    ASSERT_TRUE(encoded && *encoded);
    EXPECT_EQ(bits.key, i == 0);
    EXPECT_EQ(bits.rtpTimestamp, frame.rtpTimestamp);
    EXPECT_GE(bits.quantizer, 0);
    const auto decoded = d->decode(bits);
    ASSERT_TRUE(decoded && *decoded);
    EXPECT_GT(lumaPsnr(*frame.buffer, *(*decoded)->buffer), 28) << i;
    EXPECT_EQ(readFrameStamp(*(*decoded)->buffer), i);
  }
}

TEST(Vp8, MakesAKeyFrameWhenAsked) {
  auto e = encoder({.width = 160, .height = 120});
  EncodedFrame bits;
  for (uint32_t i = 0; i < 6; ++i) {
    const auto encoded = e->encode(testFrame(160, 120, i), i == 3, bits);
    ASSERT_TRUE(encoded && *encoded);
    EXPECT_EQ(bits.key, i == 0 || i == 3);
  }
}

TEST(Vp8, FollowsAnotherSizeWithAKeyFrame) {
  auto e = encoder({.width = 160, .height = 120});
  auto d = decoder();
  EncodedFrame bits;
  uint32_t number = 0;
  for (const auto& [width, height] : Sizes{{160, 120}, {320, 240}, {321, 179}, {90, 62}, {640, 480}}) {
    for (int i = 0; i < 3; ++i, ++number) {
      const VideoFrame frame = testFrame(width, height, number);
      ASSERT_TRUE(*e->encode(frame, false, bits));
      EXPECT_EQ(bits.key, i == 0);
      EXPECT_EQ(bits.width, width);
      const auto decoded = d->decode(bits);
      ASSERT_TRUE(decoded && *decoded);
      EXPECT_EQ((*decoded)->buffer->width(), width);
      EXPECT_EQ((*decoded)->buffer->height(), height);
      EXPECT_EQ(readFrameStamp(*(*decoded)->buffer), number);
    }
  }
}

TEST(Vp8, TakesTinyOddAndLargePictures) {
  for (const auto& [width, height] :
       Sizes{{1, 1}, {2, 1}, {1, 17}, {15, 15}, {16, 16}, {17, 33}, {4096, 2}, {3, 4096}, {3840, 2160}}) {
    auto e = encoder({.width = width, .height = height});
    auto d = decoder();
    EncodedFrame bits;
    for (uint32_t i = 0; i < 2; ++i) {
      const auto encoded = e->encode(testFrame(width, height, i), false, bits);
      ASSERT_TRUE(encoded) << encoded.error().message;
      if (!*encoded) continue;
      const auto decoded = d->decode(bits);
      ASSERT_TRUE(decoded) << width << "x" << height << ": " << decoded.error().message;
      ASSERT_TRUE(*decoded);
      EXPECT_EQ((*decoded)->buffer->width(), width);
      EXPECT_EQ((*decoded)->buffer->height(), height);
    }
  }
}

TEST(Vp8, ScalesDown) {
  auto e = encoder({.width = 641, .height = 480, .scaleDownBy = 2});
  auto d = decoder();
  EncodedFrame bits;
  const VideoFrame frame = testFrame(641, 480, 77);
  ASSERT_TRUE(*e->encode(frame, false, bits));
  EXPECT_EQ(bits.height, 240);
  const auto decoded = d->decode(bits);
  ASSERT_TRUE(decoded && *decoded);
  EXPECT_EQ((*decoded)->buffer->height(), 240);
  EXPECT_EQ(readFrameStamp(*(*decoded)->buffer), 77u);
}

TEST(Vp8, KeepsItsBitrateAndFollowsAnother) {
  auto e = encoder({.width = 640, .height = 480, .bitrate = 600'000});
  EncodedFrame bits;
  const auto measure = [&](uint32_t from, uint32_t count) {
    size_t bytes = 0;
    for (uint32_t i = from; i < from + count; ++i) {
      VideoFrame frame = testFrame(640, 480, i);
      SeededRandom noise(i);  // costs bits, so that the target is what limits
      Bytes grain(static_cast<size_t>(640 * 480));
      noise.fill(grain);
      uint8_t* luma = frame.buffer->y();
      for (size_t p = 0; p < grain.size(); ++p) luma[p] = static_cast<uint8_t>(luma[p] / 2 + grain[p] / 8);
      if (*e->encode(frame, false, bits)) bytes += bits.data.size();
    }
    return static_cast<double>(bytes) * 8 * 30 / count;
  };
  measure(0, 30);
  EXPECT_NEAR(measure(30, 60), 600'000, 250'000);
  VideoEncoderConfig more = e->config();
  more.bitrate = 2'000'000;
  ASSERT_TRUE(e->configure(more));
  measure(90, 15);
  EXPECT_GT(measure(105, 45), 1'000'000);
}

TEST(Vp8, TimestampsThatStandStillOrJumpDoNoHarm) {
  auto e = encoder({.width = 64, .height = 64});
  EncodedFrame bits;
  VideoFrame frame = testFrame(64, 64, 0);
  for (const int64_t ns : std::vector<int64_t>{0, 0, -5, INT64_MAX / 2, INT64_MAX / 2, -INT64_MAX / 2, 1, 33'000'000}) {
    frame.timestamp = Duration(ns);
    EXPECT_TRUE(e->encode(frame, false, bits));
  }
}

TEST(Vp8Decoder, WantsAKeyFrameFirstAndAfterAnError) {
  auto e = encoder({.width = 160, .height = 120});
  EncodedFrame key, delta;
  ASSERT_TRUE(*e->encode(testFrame(160, 120, 0), false, key));
  ASSERT_TRUE(*e->encode(testFrame(160, 120, 1), false, delta));
  auto d = decoder();
  EXPECT_FALSE(d->decode(delta));
  EXPECT_TRUE(d->decode(key));
  EXPECT_TRUE(d->decode(delta));
  EncodedFrame junk = delta;
  junk.data.resize(3);
  EXPECT_FALSE(d->decode(junk));
  EXPECT_FALSE(d->decode(delta));
  EXPECT_TRUE(d->decode(key));
}

TEST(Vp8Decoder, RefusesSizesBeforeAllocatingForThem) {
  auto d = decoder();
  EncodedFrame frame;
  frame.data = {0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f, 0, 0, 0, 0};  // 16383 x 16383
  auto result = d->decode(frame);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("16383x16383"), std::string::npos);
  frame.data[6] = frame.data[7] = 0;
  EXPECT_FALSE(d->decode(frame));
  frame.data.clear();
  EXPECT_FALSE(d->decode(frame));
}

TEST(Vp8Decoder, SurvivesTruncatedAndDamagedFrames) {
  auto e = encoder({.width = 176, .height = 144, .bitrate = 300'000});
  std::vector<EncodedFrame> frames(6);
  for (uint32_t i = 0; i < frames.size(); ++i) ASSERT_TRUE(*e->encode(testFrame(176, 144, i), i == 3, frames[i]));
  SeededRandom random(7);
  auto d = decoder();
  for (int round = 0; round < 300; ++round) {
    EncodedFrame frame = frames[random.below(frames.size())];
    if (random.below(3) == 0) frame.data.resize(random.below(frame.data.size() + 1));
    for (uint64_t flips = random.below(8); flips > 0 && !frame.data.empty(); --flips) {
      frame.data[random.below(frame.data.size())] ^= static_cast<uint8_t>(1 << random.below(8));
    }
    if (frame.data.size() > 10) std::memcpy(&frame.data[6], &frames[0].data[6], frame.key ? 4 : 0);
    (void)d->decode(frame);
  }
  EXPECT_TRUE(d->decode(frames[0]));
}

// ---- The whole way: encode, packetize, lose and reorder, assemble, decode -----------------------------------------

struct Wire {
  uint16_t sequence;
  uint32_t timestamp;
  bool marker;
  Bytes payload;
};

struct VideoCall {
  std::unique_ptr<VideoEncoder> enc = encoder({.width = 320, .height = 240, .bitrate = 1'500'000});
  std::unique_ptr<VideoDecoder> dec = decoder();
  SeededRandom random{42};
  Vp8Packetizer packetizer{random};
  VideoJitterBuffer buffer{std::make_unique<Vp8Depacketizer>()};
  uint16_t sequence = 65'500;  // wraps on the way
  bool wantKey = false;
  std::vector<uint32_t> shown;
  double worst = 99;
  std::map<uint32_t, VideoFrame> sent;

  std::vector<Wire> packets(uint32_t number) {
    const VideoFrame frame = testFrame(320, 240, number);
    sent[number] = frame;
    EncodedFrame bits;
    std::vector<Wire> wires;
    const auto encoded = enc->encode(frame, std::exchange(wantKey, false), bits);
    EXPECT_TRUE(encoded);
    if (!*encoded) return wires;
    EXPECT_TRUE(packetizer.start(bits, 400));
    Wire wire{sequence, frame.rtpTimestamp, false, {}};
    while (auto part = packetizer.next(wire.payload)) {
      EXPECT_LE(wire.payload.size(), 400u);
      wire.sequence = sequence++;
      wire.marker = part->last;
      wires.push_back(std::exchange(wire, Wire{sequence, frame.rtpTimestamp, false, {}}));
    }
    return wires;
  }
  void receive(Timestamp now, const Wire& wire) {
    buffer.handleInput(now, {wire.sequence, wire.timestamp, wire.marker, wire.payload});
    drain(now);
  }
  void drain(Timestamp now) {
    while (auto event = buffer.pollEvent()) {
      if (std::holds_alternative<KeyFrameNeeded>(*event)) {
        wantKey = true;
        continue;
      }
      auto& assembled = std::get<AssembledFrame>(*event);
      const auto decoded = dec->decode(assembled.frame);
      ASSERT_TRUE(decoded) << decoded.error().message;
      ASSERT_TRUE(*decoded);
      const auto stamp = readFrameStamp(*(*decoded)->buffer);
      ASSERT_TRUE(stamp);
      shown.push_back(*stamp);
      worst = std::min(worst, lumaPsnr(*sent[*stamp].buffer, *(*decoded)->buffer));
      buffer.recycle(std::move(assembled.frame.data));
    }
    (void)now;
  }
};

TEST(VideoPath, ReorderedPacketsLoseNothing) {
  VideoCall call;
  std::multimap<Timestamp, Wire> line;
  for (uint32_t i = 0; i < 60; ++i) {
    for (Wire& wire : call.packets(i)) {
      const Duration jitter = Duration(static_cast<int64_t>(call.random.below(25'000'000)));
      line.emplace(Timestamp{} + fromSeconds(i / 30.0) + jitter, std::move(wire));
    }
  }
  for (const auto& [at, wire] : line) call.receive(at, wire);
  ASSERT_EQ(call.shown.size(), 60u);
  EXPECT_TRUE(std::ranges::is_sorted(call.shown));
  EXPECT_GT(call.worst, 28);
  EXPECT_EQ(call.buffer.stats().keyFrameRequests, 0u);
}

TEST(VideoPath, RetransmissionsHealLoss) {
  VideoCall call;
  std::multimap<Timestamp, Wire> line;
  for (uint32_t i = 0; i < 90; ++i) {
    for (Wire& wire : call.packets(i)) {
      const bool lost = call.random.below(100) < 10;
      line.emplace(Timestamp{} + fromSeconds(i / 30.0) + (lost ? 100ms : 0ms), std::move(wire));  // sent again
    }
  }
  for (const auto& [at, wire] : line) call.receive(at, wire);
  EXPECT_EQ(call.shown.size(), 90u);
  EXPECT_GT(call.worst, 28);
}

TEST(VideoPath, LossWithoutRepairIsHealedByAKeyFrame) {
  VideoCall call;
  for (uint32_t i = 0; i < 200; ++i) {
    const Timestamp now = Timestamp{} + fromSeconds(i / 30.0);
    for (const Wire& wire : call.packets(i)) {
      if (i == 50 || (i > 100 && i < 110 && call.random.below(2) == 0)) continue;
      call.receive(now, wire);
    }
    if (const auto timeout = call.buffer.nextTimeout(); timeout && timeout->at <= now) {
      call.buffer.handleTimeout(now);
      call.drain(now);
    }
  }
  EXPECT_GT(call.buffer.stats().keyFrameRequests, 0u);
  EXPECT_GT(call.shown.size(), 120u);
  EXPECT_EQ(call.shown.back(), 199u);
  EXPECT_GT(call.worst, 28);  // nothing was shown on top of what is missing
}

// ---- Opus ---------------------------------------------------------------------------------------------------------

std::unique_ptr<AudioEncoder> audioEncoder(const AudioEncoderConfig& config = {}) {
  auto made = builtinCodecs()->createAudioEncoder(opus(), config);
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}
std::unique_ptr<AudioDecoder> audioDecoder(int channels = 1) {
  return std::move(*builtinCodecs()->createAudioDecoder(opus(), channels));
}

TEST(Opus, ATonePassesWithItsFrequency) {
  for (const int channels : {1, 2}) {
    for (const double hertz : {440.0, 1000.0, 2500.0}) {
      auto e = audioEncoder({.channels = channels, .bitrate = 64'000});
      auto d = audioDecoder(channels);
      ToneGenerator tone(hertz, channels);
      std::vector<int16_t> in(static_cast<size_t>(kAudioFrameSamples * channels)), out;
      Bytes packet;
      for (int i = 0; i < 50; ++i) {
        tone.fill(in);
        ASSERT_TRUE(*e->encode(in, packet));
        EXPECT_EQ(*d->packetSamples(packet), kAudioFrameSamples);
        EXPECT_EQ(*d->decode(packet, out), kAudioFrameSamples);
      }
      const auto tail = std::span(out).last(out.size() / 2);
      EXPECT_NEAR(strongestTone(tail, channels), hertz, 3);
      EXPECT_GT(toneShare(tail, channels, hertz), 0.9);
      EXPECT_LT(toneShare(tail, channels, hertz * 1.5), 0.05);
    }
  }
}

TEST(Opus, RefusesFramesAndValuesOutOfRange) {
  auto e = audioEncoder();
  Bytes out;
  EXPECT_FALSE(e->encode(std::vector<int16_t>(100), out));
  EXPECT_FALSE(e->configure({.channels = 3}));
  EXPECT_FALSE(e->configure({.bitrate = 1}));
  EXPECT_FALSE(e->configure({.expectedLoss = 101}));
  EXPECT_FALSE(e->configure({.maxPlaybackRate = 96'000}));
  EXPECT_EQ(e->config(), AudioEncoderConfig{});
  auto d = audioDecoder();
  std::vector<int16_t> pcm;
  EXPECT_FALSE(d->decode({}, pcm));
  EXPECT_FALSE(d->conceal(100, pcm));
  EXPECT_FALSE(d->conceal(5880, pcm));
  EXPECT_TRUE(pcm.empty());
}

/// Something like speech: a pulse train through two resonances, loud and soft by turns.
void babble(std::span<int16_t> out, int64_t from) {
  for (size_t i = 0; i < out.size(); ++i) {
    const double t = static_cast<double>(from + static_cast<int64_t>(i)) / 48000;
    double value = 0;
    for (int harmonic = 1; harmonic < 20; ++harmonic) value += std::sin(2 * 3.14159265 * 140 * harmonic * t) / harmonic;
    out[i] = static_cast<int16_t>(5000 * value * (0.6 + 0.4 * std::sin(2 * 3.14159265 * 4 * t)));
  }
}

TEST(Opus, InBandFecCarriesTheFrameBefore) {
  auto e = audioEncoder({.channels = 1, .bitrate = 24'000, .inbandFec = true, .expectedLoss = 30});
  auto plain = audioEncoder({.channels = 1, .bitrate = 24'000, .inbandFec = false, .expectedLoss = 0});
  auto d = audioDecoder();
  std::vector<int16_t> in(kAudioFrameSamples), pcm;
  Bytes packet, other;
  int withFec = 0;
  for (int i = 0; i < 100; ++i) {
    babble(in, i * 960);
    ASSERT_TRUE(*e->encode(in, packet));
    ASSERT_TRUE(*plain->encode(in, other));
    EXPECT_FALSE(d->hasFec(other));
    if (!d->hasFec(packet)) continue;
    ++withFec;
    pcm.clear();
    EXPECT_EQ(*d->decodeFec(packet, 960, pcm), 960);
  }
  EXPECT_GT(withFec, 50);
  EXPECT_FALSE(d->hasFec({}));
}

TEST(Opus, SilenceUnderDtxNeedsFewPackets) {
  auto e = audioEncoder({.channels = 1, .dtx = true});
  std::vector<int16_t> in(kAudioFrameSamples);
  Bytes packet;
  int sent = 0;
  for (int i = 0; i < 100; ++i) sent += *e->encode(in, packet) ? 1 : 0;
  EXPECT_LT(sent, 30);
}

TEST(OpusDecoder, SurvivesJunk) {
  SeededRandom random(3);
  auto d = audioDecoder(2);
  std::vector<int16_t> pcm;
  for (int i = 0; i < 2000; ++i) {
    Bytes junk(random.below(200));
    random.fill(junk);
    pcm.clear();
    (void)d->hasFec(junk);
    (void)d->decode(junk, pcm);
    (void)d->decodeFec(junk, 960, pcm);
    EXPECT_LE(pcm.size(), (5760u + 960u) * 2);
  }
}

/// Sends a tone for `packets` packets of 20 ms through `arrival` (nullopt: lost) and returns what is heard.
template <typename Arrival>
std::vector<int16_t> hear(AudioJitterBuffer& buffer, int packets, double hertz, Arrival arrival) {
  auto e = audioEncoder({.channels = 1, .bitrate = 48'000});
  ToneGenerator tone(hertz);
  std::vector<int16_t> in(kAudioFrameSamples), heard, piece(480);
  std::multimap<Duration, std::pair<int, Bytes>> line;
  for (int i = 0; i < packets; ++i) {
    Bytes packet;
    tone.fill(in);
    EXPECT_TRUE(*e->encode(in, packet));
    if (const std::optional<Duration> late = arrival(i)) line.emplace(i * 20ms + *late, std::pair{i, packet});
  }
  for (Duration t = 0ms; t < packets * 20ms; t += 10ms) {
    while (!line.empty() && line.begin()->first <= t) {
      const auto& [i, packet] = line.begin()->second;
      const auto sequence = static_cast<uint16_t>(65'530 + i);  // wraps, as the timestamp does
      const uint32_t timestamp = 4'294'900'000u + 960u * static_cast<uint32_t>(i);
      buffer.handleInput(Timestamp{} + t, {sequence, timestamp, packet});
      line.erase(line.begin());
    }
    buffer.pull(Timestamp{} + t, piece);
    heard.insert(heard.end(), piece.begin(), piece.end());
  }
  return heard;
}

TEST(AudioPath, ASteadyNetworkIsHeardWithoutConcealment) {
  AudioJitterBuffer buffer(audioDecoder());
  const auto heard = hear(buffer, 500, 440, [](int) { return std::optional<Duration>(0ms); });
  EXPECT_EQ(buffer.stats().concealedSamples, 0u);
  EXPECT_LE(buffer.targetDelay(), 40ms);
  EXPECT_LE(buffer.heldDelay(), 80ms);
  EXPECT_NEAR(strongestTone(std::span(heard).last(48'000), 1), 440, 3);
  EXPECT_GT(toneShare(std::span(heard).last(48'000), 1, 440), 0.9);
}

TEST(AudioPath, JitterRaisesTheDelayAndIsAbsorbed) {
  AudioJitterBuffer buffer(audioDecoder());
  SeededRandom random(5);
  const auto heard = hear(buffer, 1000, 440, [&](int) { return std::optional<Duration>(random.below(80) * 1ms); });
  EXPECT_GE(buffer.targetDelay(), 80ms);
  EXPECT_LE(buffer.targetDelay(), 130ms);
  const auto& stats = buffer.stats();
  EXPECT_LT(static_cast<double>(stats.concealedSamples), 0.03 * static_cast<double>(stats.totalSamples));
  EXPECT_GT(toneShare(std::span(heard).last(48'000), 1, 440), 0.8);
}

TEST(AudioPath, LostPacketsAreConcealed) {
  AudioJitterBuffer buffer(audioDecoder());
  const auto heard =
      hear(buffer, 500, 440, [](int i) { return i % 10 == 5 ? std::nullopt : std::optional<Duration>(0ms); });
  const auto& stats = buffer.stats();
  EXPECT_NEAR(static_cast<double>(stats.concealmentEvents + stats.fecPackets), 50, 6);
  EXPECT_LE(stats.concealedSamples, 50u * 1440u);
  EXPECT_NEAR(strongestTone(std::span(heard).last(48'000), 1), 440, 3);
  EXPECT_GT(toneShare(std::span(heard).last(48'000), 1, 440), 0.6);
}

TEST(AudioPath, AStallIsCaughtUpWith) {
  AudioJitterBuffer buffer(audioDecoder());
  const auto heard = hear(buffer, 1500, 440, [](int i) {
    return std::optional<Duration>(i >= 200 && i < 250 ? (250 - i) * 20ms : 0ms);  // one second comes at once
  });
  EXPECT_LE(buffer.heldDelay(), 250ms);
  EXPECT_GT(toneShare(std::span(heard).last(24'000), 1, 440), 0.9);
}

TEST(ScaleI420, KeepsTheStamp) {
  auto picture = I420Buffer::create(640, 480);
  drawTestPicture(*picture, 123'456, 5s);
  for (const auto& [width, height] : Sizes{{320, 240}, {1280, 720}, {333, 251}, {160, 120}}) {
    const auto scaled = codecs::scaleI420(*picture, width, height);
    ASSERT_TRUE(scaled);
    EXPECT_EQ(readFrameStamp(**scaled), 123'456u) << width;
  }
  EXPECT_FALSE(codecs::scaleI420(*picture, 0, 5));
  EXPECT_FALSE(codecs::scaleI420(*picture, 5, 20'000));
}

}  // namespace
}  // namespace peerage
