// RFC 4733: the tones that an audio sender tells, and what they leave of the sound.
#include <gtest/gtest.h>

#include "engine/sender.hpp"
#include "engine/testing_pair.hpp"
#include "rtp/packet.hpp"

namespace peerage::engine {
namespace {

struct Sent {
  Timestamp at;
  Bytes packet;
  rtp::PacketView view() const { return *rtp::PacketView::parse(packet); }
  uint32_t lasted() const { return loadU16(view().payload.data() + 2); }
  bool end() const { return view().payload[1] & 0x80; }
};

class Collector final : public PacketSink {
 public:
  Bytes buffer() override { return {}; }
  void send(Timestamp now, OutgoingStream&, Bytes packet) override { sent.push_back({now, std::move(packet)}); }
  Duration backlog() const override { return Duration{0}; }
  std::vector<Sent> sent;
};

jsep::MediaPlan planWith(uint32_t eventClock) {
  jsep::MediaPlan plan{.mid = "0", .transceiver = jsep::TransceiverId{1}, .kind = jsep::MediaKind::audio};
  plan.send = plan.hasTrack = true;
  plan.sendCodec = jsep::CodecPlan{{.payloadType = 111, .name = "opus", .clockRate = 48000, .channels = 2}, {}};
  plan.sendCodecs = {*plan.sendCodec, {{.payloadType = 101, .name = "telephone-event", .clockRate = eventClock}, {}}};
  plan.encodings.push_back({.ssrc = 7});
  return plan;
}

/// One audio sender, by itself.
struct Tones : ::testing::Test {
  void make(uint32_t eventClock = 48000) {
    sender = Sender::make(context, planWith(eventClock));
    sender->configure(now, planWith(eventClock), {});
    sender->setSink(&sink);
    sender->setTransportReady(true);
  }
  void run(Duration span) {
    for (const Timestamp until = now + span; now < until; now += 5ms) {
      sender->handleTimeout(now);
      AudioFrame sound;
      sound.samples.assign(240, 5000);
      sender->sendAudio(now, sound);
    }
  }
  std::vector<Sent> events() const {
    std::vector<Sent> found;
    for (const Sent& one : sink.sent) {
      if (one.view().payloadType == 101) found.push_back(one);
    }
    return found;
  }

  Timestamp now{100s};
  SeededRandom random{1};
  std::deque<Event> engineEvents;
  DropCounters dropped;
  Options options{.codecs = std::make_shared<testing::FakeCodecs>()};
  MediaContext context{options, random, engineEvents, dropped, {}};
  Collector sink;
  std::unique_ptr<Sender> sender;
};

TEST_F(Tones, OneEventGrowsAndEndsThreeTimes) {
  make();
  run(100ms);
  const size_t before = sink.sent.size();
  sender->startTone(now, 5, 100ms);
  run(300ms);
  const auto told = events();
  ASSERT_EQ(told.size(), 7u);  // at 20, 40, 60, 80, 100 ms, and the end twice more
  for (size_t i = 0; i < told.size(); ++i) {
    EXPECT_EQ(told[i].view().payload.size(), 4u);
    EXPECT_EQ(told[i].view().payload[0], 5);
    EXPECT_EQ(told[i].view().marker, i == 0);
    EXPECT_EQ(told[i].view().timestamp, told[0].view().timestamp);
    EXPECT_EQ(told[i].lasted(), std::min<size_t>(i + 1, 5) * 960);
    EXPECT_EQ(told[i].end(), i >= 4);
  }
  // No sound beside it, and sound again afterwards, with numbers and times that go on.
  ASSERT_GT(sink.sent.size(), before + told.size());
  for (size_t i = 1; i < sink.sent.size(); ++i) {
    const auto previous = sink.sent[i - 1].view();
    const auto view = sink.sent[i].view();
    EXPECT_EQ(static_cast<uint16_t>(previous.sequenceNumber + 1), view.sequenceNumber);
    EXPECT_GE(static_cast<int32_t>(view.timestamp - previous.timestamp), 0);
  }
  EXPECT_EQ(sink.sent[before + 3].view().payloadType, 101);
  EXPECT_EQ(sink.sent[before + 7].view().payloadType, 111);
  EXPECT_GE(sink.sent[before + 7].view().timestamp - told[0].view().timestamp, 4800u);
}

TEST_F(Tones, ALongEventIsToldInSegments) {
  make();
  sender->startTone(now, 15, 6000ms);
  run(6200ms);
  const auto told = events();
  ASSERT_FALSE(told.empty());
  uint32_t segments = 0, total = 0;
  for (size_t i = 0; i < told.size(); ++i) {
    if (i > 0 && told[i].view().timestamp != told[i - 1].view().timestamp) {
      EXPECT_EQ(told[i].view().timestamp - told[i - 1].view().timestamp, 0xffffu);
      EXPECT_EQ(told[i - 1].lasted(), 0xffffu);
      EXPECT_FALSE(told[i - 1].end());
      ++segments;
    }
  }
  total = segments * 0xffff + told.back().lasted();
  EXPECT_EQ(segments, 4u);
  EXPECT_NEAR(total, 6.0 * 48000, 4);
  EXPECT_EQ(std::ranges::count_if(told, &Sent::end), 3);
}

TEST_F(Tones, TheClockOfTheTelephone) {
  make(8000);
  sender->startTone(now, 0, 40ms);
  run(200ms);
  ASSERT_EQ(events().size(), 4u);
  EXPECT_EQ(events()[0].lasted(), 160u);
  EXPECT_EQ(events()[1].lasted(), 320u);
}

TEST_F(Tones, NothingWithoutTelephoneEvent) {
  make();
  auto plan = planWith(48000);
  plan.sendCodecs.pop_back();
  sender->configure(now, plan, {});
  sender->startTone(now, 0, 40ms);
  EXPECT_FALSE(sender->nextTimeout());
}

TEST(Connection, tonesLeaveTheSoundOfTheOtherEndAlone) {
  testing::Pair pair;
  pair.makePlans(true, false, false);
  for (testing::Peer* peer : {&pair.a, &pair.b}) {
    const jsep::CodecPlan event{{.payloadType = 110, .name = "telephone-event", .clockRate = 48000}, {}};
    peer->plan.media[0].sendCodecs.push_back(event);
    peer->plan.media[0].receiveCodecs.push_back(event);
  }
  pair.apply();
  pair.call(2s, true, false);
  pair.a.connection.sendTone(pair.now, testing::kAudio, 1, 100ms);
  pair.settle();
  const size_t loud = pair.b.loudFrames;
  pair.call(2s, true, false);
  const auto stats = pair.b.connection.stats(pair.now).inbound;
  ASSERT_EQ(stats.size(), 1u);
  EXPECT_EQ(stats[0].codec->mimeType, "audio/opus");
  EXPECT_EQ(stats[0].packetsLost, 0);
  EXPECT_EQ(stats[0].packetsDiscarded, 0u);
  EXPECT_EQ(pair.b.connection.stats(pair.now).dropped.unknownPayloadTypes, 0u);
  EXPECT_GT(pair.b.loudFrames, loud + 170);  // of 200: what the tone took is missing
}

TEST(Connection, theJitterBufferHoldsWhatIsAskedFor) {
  testing::Pair pair;
  pair.makePlans(true, true, false);
  pair.apply();
  pair.call(2s);
  const auto delay = [&](size_t stream, auto before) {
    const auto stats = pair.b.connection.stats(pair.now).inbound[stream];
    return (stats.jitterBufferDelay - before.jitterBufferDelay) /
           static_cast<double>(stats.jitterBufferEmittedCount - before.jitterBufferEmittedCount);
  };
  for (jsep::MediaPlan& media : pair.b.plan.media) media.jitterBufferTarget = 400;
  pair.apply();
  pair.call(10s);  // sound is stretched little by little
  auto before = pair.b.connection.stats(pair.now).inbound;
  pair.call(2s);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_GT(delay(i, before[i]), 0.25) << i;
    EXPECT_LT(delay(i, before[i]), 0.55) << i;
  }
  const auto pictures = pair.b.pictures;
  EXPECT_TRUE(std::ranges::is_sorted(pictures));
  for (jsep::MediaPlan& media : pair.b.plan.media) media.jitterBufferTarget.reset();
  pair.apply();
  pair.call(20s);
  before = pair.b.connection.stats(pair.now).inbound;
  EXPECT_EQ(before[0].packetsDiscarded, 0u) << "sound is sped up, not thrown away";
  pair.call(2s);
  for (size_t i = 0; i < 2; ++i) EXPECT_LT(delay(i, before[i]), 0.2) << i;
}

}  // namespace
}  // namespace peerage::engine
