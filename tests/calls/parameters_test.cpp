// What a program sets while a call runs, and what arrives of it: encodings, sources, the jitter buffer's target.
#include "media/test_picture.hpp"
#include "media/tone.hpp"
#include "pair.hpp"

namespace peerage::calls {
namespace {

/// A call with a picture and a tone from alice to bob, 15 pictures a second.
class SendingCall : public ::testing::Test {
 protected:
  SendingCall() {
    pair.bob.pc.addEventListener("track", [this](RTCTrackEvent& e) {
      if (e.track->kind() == MediaKind::video) {
        sinks.push_back(e.track->addVideoSink([this](const VideoFrame& f) {
          ++pictures;
          width = f.buffer->width();
        }));
      }
    });
    video = pair.alice.pc.addTrack(camera.track(), camera.stream());
    audio = pair.alice.pc.addTrack(microphone.track(), camera.stream());
    pictureTimer = pair.alice.loop.setInterval([this] {
      auto buffer = I420Buffer::create(320, 240);
      media::drawTestPicture(*buffer, count++, pair.alice.loop.now());
      camera.push({.buffer = std::move(buffer), .timestamp = pair.alice.loop.now()});
    }, 66ms);
    toneTimer = pair.alice.loop.setInterval([this] {
      AudioFrame frame{.samples = std::vector<int16_t>(960), .timestamp = pair.alice.loop.now()};
      tone.fill(frame.samples);
      microphone.push(frame);
    }, 20ms);
    EXPECT_TRUE(pair.network.runUntil([this] { return pictures > 5; }, 30s));
  }
  ~SendingCall() override {
    pair.alice.loop.clearInterval(pictureTimer);
    pair.alice.loop.clearInterval(toneTimer);
  }
  void set(RTCRtpSender& sender, const std::function<void(RTCRtpEncodingParameters&)>& change) {
    auto parameters = sender.getParameters();
    change(parameters.encodings[0]);
    sender.setParameters(parameters).markHandled();
    pair.network.runFor(300ms);
  }
  int picturesIn(std::chrono::nanoseconds span) {
    const int before = pictures;
    pair.network.runFor(span);
    return pictures - before;
  }

  Pair pair{11};
  VideoSource camera{pair.alice.loop};
  AudioSource microphone{pair.alice.loop};
  media::ToneGenerator tone{440};
  std::shared_ptr<RTCRtpSender> video, audio;
  std::vector<SinkHandle> sinks;
  EventLoop::TimerId pictureTimer = 0, toneTimer = 0;
  uint32_t count = 0;
  int pictures = 0;
  int width = 0;
};

TEST_F(SendingCall, Rule84_EncodingsTakeEffectAtOnce) {
  EXPECT_EQ(width, 320);
  set(*video, [](auto& e) { e.scaleResolutionDownBy = 2; });
  EXPECT_GT(picturesIn(1s), 10);
  EXPECT_EQ(width, 160);
  set(*video, [](auto& e) { e.maxFramerate = 5; });
  const int slow = picturesIn(2s);
  EXPECT_GT(slow, 6);
  EXPECT_LT(slow, 13);
  set(*video, [](auto& e) { e.maxFramerate = 0; });
  EXPECT_LE(picturesIn(1s), 1);
  set(*video, [](auto& e) { e.maxFramerate.reset(), e.active = false; });
  EXPECT_EQ(picturesIn(1s), 0);
  set(*video, [](auto& e) { e.active = true, e.scaleResolutionDownBy.reset(); });
  EXPECT_GT(picturesIn(1s), 10);
  EXPECT_EQ(width, 320);
}

TEST_F(SendingCall, SourcesOfTheLastTenSeconds) {
  for (const auto& receiver : pair.bob.pc.getReceivers()) {
    const auto sources = receiver->getSynchronizationSources();
    ASSERT_EQ(sources.size(), 1u);
    EXPECT_NE(sources[0].source, 0u);
    EXPECT_EQ(sources[0].audioLevel.has_value(), receiver->track()->kind() == MediaKind::audio);
    EXPECT_TRUE(receiver->getContributingSources().empty());
    const uint32_t before = sources[0].rtpTimestamp;
    const double at = sources[0].timestamp;
    pair.network.runFor(1s);
    const auto after = receiver->getSynchronizationSources()[0];
    const double clock = receiver->track()->kind() == MediaKind::audio ? 48000 : 90000;
    EXPECT_NEAR(after.timestamp - at, 1000, 80);
    EXPECT_NEAR((after.rtpTimestamp - before) / clock, 1, 0.08);
  }
  pair.alice.loop.clearInterval(toneTimer);
  pair.network.runFor(11s);
  for (const auto& receiver : pair.bob.pc.getReceivers()) {
    EXPECT_EQ(receiver->getSynchronizationSources().empty(), receiver->track()->kind() == MediaKind::audio);
  }
}

TEST_F(SendingCall, TheJitterBuffersTarget) {
  const auto receivers = pair.bob.pc.getReceivers();
  for (const auto& receiver : receivers) {
    EXPECT_FALSE(receiver->jitterBufferTarget());
    EXPECT_THROW(receiver->setJitterBufferTarget(-1), RangeError);
    EXPECT_THROW(receiver->setJitterBufferTarget(4001), RangeError);
    EXPECT_FALSE(receiver->jitterBufferTarget());
    receiver->setJitterBufferTarget(4000);
    EXPECT_EQ(receiver->jitterBufferTarget(), 4000);
    receiver->setJitterBufferTarget(300);
  }
  EXPECT_LT(picturesIn(1s), 15) << "pictures wait longer from here on";
  EXPECT_GT(picturesIn(1s), 10);
  for (const auto& receiver : receivers) receiver->setJitterBufferTarget(std::nullopt);
  EXPECT_GT(picturesIn(1s), 14) << "what was held comes as well";
}

}  // namespace
}  // namespace peerage::calls
