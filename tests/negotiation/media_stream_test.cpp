// mediacapture-streams §4, as far as a native program has it: streams, settings, constraints; content hints.
#include "fixture.hpp"

namespace peerage::negotiation {
namespace {

TEST_F(Negotiation, StreamsAreMadeOfTracksAndOfStreams) {
  auto both = MediaStream::create(loop, {camera.track(), microphone.track(), camera.track()});
  EXPECT_EQ(both->getTracks().size(), 2u);
  EXPECT_EQ(both->getVideoTracks()[0], camera.track());
  EXPECT_EQ(both->getTrackById(microphone.track()->id()), microphone.track());
  EXPECT_FALSE(both->getTrackById("nothing"));
  auto same = MediaStream::create(loop, *both);
  EXPECT_NE(same->id(), both->id());
  EXPECT_EQ(same->getTracks(), both->getTracks());
  camera.track()->setContentHint("motion");
  auto copy = both->clone();
  EXPECT_NE(copy->id(), both->id());
  ASSERT_EQ(copy->getTracks().size(), 2u);
  EXPECT_NE(copy->getVideoTracks()[0], camera.track());
  EXPECT_NE(copy->getVideoTracks()[0]->id(), camera.track()->id());
  EXPECT_EQ(copy->getVideoTracks()[0]->contentHint(), "motion");
  for (const auto& track : both->getTracks()) track->stop();
  EXPECT_FALSE(both->active());
  EXPECT_TRUE(copy->active());
  MediaStream named(loop, "given");
  EXPECT_EQ(named.id(), "given");
  EXPECT_EQ(named.clone()->id().size(), 36u);
}

TEST_F(Negotiation, SettingsAreThoseOfTheFrames) {
  auto video = camera.track();
  auto audio = microphone.track();
  EXPECT_FALSE(video->getSettings().width);
  EXPECT_FALSE(audio->getCapabilities().sampleRate);
  for (int i = 0; i < 50; ++i) camera.push({.buffer = I420Buffer::create(640, 480), .timestamp = 40ms * i});
  const auto settings = video->getSettings();
  EXPECT_EQ(settings.width, 640u);
  EXPECT_EQ(settings.height, 480u);
  EXPECT_NEAR(*settings.aspectRatio, 4.0 / 3, 1e-9);
  EXPECT_EQ(settings.frameRate, 25);
  EXPECT_FALSE(settings.sampleRate);
  EXPECT_EQ(video->getCapabilities().width->max, 640u);
  EXPECT_EQ(video->getCapabilities().width->min, 640u);
  microphone.push({.samples = std::vector<int16_t>(960), .channels = 2});
  EXPECT_EQ(audio->getSettings().sampleRate, 48000u);
  EXPECT_EQ(audio->getSettings().channelCount, 2u);
  EXPECT_EQ(audio->getSettings().sampleSize, 16u);
  EXPECT_EQ(video->clone()->getSettings().height, 480u);
}

TEST_F(Negotiation, ConstraintsAreMetOrRefused) {
  run([&]() -> Promise<> {
    auto track = camera.track();
    camera.push({.buffer = I420Buffer::create(640, 480)});
    MediaTrackConstraints wish;
    wish.width = 1280u;
    wish.height = ConstrainULongRange{{.max = 480, .min = 1}, 480};
    wish.sampleRate = ConstrainULongRange{{}, 8000};
    wish.advanced = {{.width = ConstrainULongRange{{}, 1920}}};
    EXPECT_EQ(co_await rejection(track->applyConstraints(wish)), "");
    EXPECT_EQ(std::get<uint32_t>(*track->getConstraints().width), 1280u);
    MediaTrackConstraints must;
    must.height = ConstrainULongRange{{.max = 240}};
    std::string constraint;
    try {
      co_await track->applyConstraints(must);
    } catch (const OverconstrainedError& error) {
      constraint = error.constraint();
      EXPECT_EQ(error.name(), "OverconstrainedError");
    }
    EXPECT_EQ(constraint, "height");
    EXPECT_TRUE(track->getConstraints().width) << "what was refused changed nothing";
    MediaTrackConstraints nothing;
    co_await track->applyConstraints(nothing);
    EXPECT_FALSE(track->getConstraints().width);
  });
}

TEST_F(Negotiation, ContentHints) {
  EXPECT_EQ(camera.track()->contentHint(), "");
  camera.track()->setContentHint("detail");
  camera.track()->setContentHint("speech");
  EXPECT_EQ(camera.track()->contentHint(), "detail") << "of the other kind: ignored";
  camera.track()->setContentHint("");
  EXPECT_EQ(camera.track()->contentHint(), "");
  microphone.track()->setContentHint("music");
  EXPECT_EQ(microphone.track()->contentHint(), "music");
}

}  // namespace
}  // namespace peerage::negotiation
