// Whole calls between two RTCPeerConnections in virtual time.
#include <random>

#include "media/test_picture.hpp"
#include "media/tone.hpp"
#include "pair.hpp"

namespace peerage::calls {
namespace {

TEST(SimulatedCall, ConnectsAndSpeaksOverADataChannel) {
  Pair pair(1);
  std::string heard;
  pair.bob.pc.ondatachannel = [&](RTCDataChannelEvent& e) {
    e.channel->onmessage = [&, channel = e.channel.get()](MessageEvent& m) {
      heard = m.text();
      channel->send("back");
    };
  };
  auto channel = pair.alice.pc.createDataChannel("chat");
  std::string answer;
  channel->onopen = [&] { channel->send("there"); };
  channel->onmessage = [&](MessageEvent& m) { answer = m.text(); };
  EXPECT_TRUE(pair.network.runUntil([&] { return !answer.empty(); }, 30s));
  EXPECT_EQ(heard, "there");
  EXPECT_EQ(answer, "back");
  EXPECT_TRUE(pair.connected());
}

// A peer may name hosts that do not exist; each is looked up, and then makes room for the next.
TEST(SimulatedCall, NamesThatDoNotResolveTakeNoPlaceForEver) {
  Pair pair(7);
  pair.network.addName("alice.example", {"10.0.0.1"});
  // bob learns alice's address by name alone, after many that lead nowhere; alice learns nothing of bob.
  pair.bob.send = [&, carry = pair.bob.send](Message m) {
    if (m.description) carry(std::move(m));
  };
  pair.alice.send = [&, carry = pair.alice.send](Message m) {
    if (m.description) return carry(std::move(m));
    std::string& text = m.candidate->candidate;
    const size_t at = text.find("10.0.0.1");
    if (at == std::string::npos) return;
    // One a lookup's time: never many under way at once.
    for (int i = 0; i < 100; ++i) {
      Message nowhere = m;
      nowhere.candidate->candidate.replace(at, 8, "nowhere-" + std::to_string(i) + ".example");
      pair.alice.loop.setTimeout([carry, nowhere] { carry(nowhere); }, std::chrono::milliseconds(20 * i));
    }
    text.replace(at, 8, "alice.example");
    pair.alice.loop.setTimeout([carry, m] { carry(m); }, 2100ms);
  };
  const auto channel = pair.alice.pc.createDataChannel("chat");
  EXPECT_TRUE(pair.network.runUntil([&] { return channel->readyState() == RTCDataChannelState::open; }, 30s));
}

/// Feeds a test picture at 15 frames a second and a tone for as long as it lives.
class Feed {
 public:
  explicit Feed(EventLoop& loop) : video(loop), audio(loop), loop_(loop) {
    videoTimer_ = loop.setInterval([this] { picture(); }, 66ms);
    audioTimer_ = loop.setInterval([this] { tone(); }, 20ms);
  }
  ~Feed() {
    loop_.clearInterval(videoTimer_);
    loop_.clearInterval(audioTimer_);
  }
  VideoSource video;
  AudioSource audio;

 private:
  void picture() {
    auto buffer = I420Buffer::create(320, 240);
    media::drawTestPicture(*buffer, frame_++, loop_.now());
    video.push({.buffer = std::move(buffer), .timestamp = loop_.now()});
  }
  void tone() {
    AudioFrame frame{.samples = std::vector<int16_t>(960), .timestamp = loop_.now()};
    tone_.fill(frame.samples);
    audio.push(frame);
  }

  EventLoop& loop_;
  uint32_t frame_ = 0;
  media::ToneGenerator tone_{440};
  EventLoop::TimerId videoTimer_ = 0;
  EventLoop::TimerId audioTimer_ = 0;
};

struct Seen {
  int frames = 0;
  size_t samples = 0;
  SinkHandle video, audio;

  void watch(RTCPeerConnection& pc) {
    pc.addEventListener("track", [this](RTCTrackEvent& e) {
      if (e.track->kind() == MediaKind::video) {
        video = e.track->addVideoSink([this](const VideoFrame&) { ++frames; });
      } else {
        audio = e.track->addAudioSink([this](const AudioFrame& f) { samples += f.samplesPerChannel(); });
      }
    });
  }
};

TEST(SimulatedCall, VideoAndAudioFlowBothWays) {
  Pair pair(2);
  Feed fromAlice(pair.alice.loop), fromBob(pair.bob.loop);
  Seen byAlice, byBob;
  byAlice.watch(pair.alice.pc);
  byBob.watch(pair.bob.pc);
  pair.alice.pc.addTrack(fromAlice.video.track(), fromAlice.video.stream());
  pair.alice.pc.addTrack(fromAlice.audio.track(), fromAlice.video.stream());
  pair.bob.pc.addTrack(fromBob.video.track(), fromBob.video.stream());
  pair.bob.pc.addTrack(fromBob.audio.track(), fromBob.video.stream());
  EXPECT_TRUE(pair.network.runUntil(
      [&] {
        return byAlice.frames > 20 && byBob.frames > 20 && byAlice.samples > 48000 && byBob.samples > 48000;
      },
      30s));
  EXPECT_TRUE(pair.alice.failures.empty());
  EXPECT_TRUE(pair.bob.failures.empty());
}

uint64_t traceOf(uint64_t seed) {
  Pair pair(seed, {.latency = 30ms, .jitter = 5ms, .loss = 0.03, .reorder = 0.02});
  Feed feed(pair.alice.loop);
  Seen seen;
  seen.watch(pair.bob.pc);
  pair.alice.pc.addTrack(feed.video.track(), feed.video.stream());
  pair.alice.pc.addTrack(feed.audio.track(), feed.video.stream());
  auto channel = pair.alice.pc.createDataChannel("x");
  channel->onopen = [&] { channel->send(std::string(50000, 'x')); };
  pair.network.runFor(5s);
  EXPECT_GT(seen.frames, 10);
  return pair.network.traceHash();
}

TEST(SimulatedCall, TheSameSeedGivesTheSameTrace) {
  const uint64_t first = traceOf(77);
  EXPECT_EQ(traceOf(77), first);
  EXPECT_NE(traceOf(78), first);
}

/// One lossy call: 200 messages of up to 20 kB each way arrive whole and in order.
void lossyCall(uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto chance = [&](double most) { return std::uniform_real_distribution<>(0, most)(random); };
  sim::LinkOptions link;
  link.latency = std::chrono::milliseconds(random() % 80);
  link.jitter = std::chrono::milliseconds(random() % 20);
  link.loss = chance(0.10);
  link.duplicate = chance(0.05);
  link.reorder = chance(0.10);
  Pair pair(seed, link, false);
  constexpr int kMessages = 40;
  const auto message = [&](int i) {
    return std::string(static_cast<size_t>(1 + (i * 7919 + static_cast<int>(seed % 1000)) % 5000), static_cast<char>('a' + i % 26));
  };
  int received[2] = {0, 0};
  std::string wrong;
  const auto expect = [&](int side) {
    return [&, side](MessageEvent& m) {
      if (m.text() != message(received[side])) wrong = "side " + std::to_string(side);
      ++received[side];
    };
  };
  const auto sendAll = [&](RTCDataChannel& channel) {
    for (int i = 0; i < kMessages; ++i) channel.send(message(i));
  };
  pair.bob.pc.ondatachannel = [&](RTCDataChannelEvent& e) {
    e.channel->onmessage = expect(1);
    e.channel->onopen = [&, channel = e.channel.get()] { sendAll(*channel); };
  };
  auto channel = pair.alice.pc.createDataChannel("data");
  channel->onopen = [&] { sendAll(*channel); };
  channel->onmessage = expect(0);
  ASSERT_TRUE(pair.network.runUntil([&] { return received[0] == kMessages && received[1] == kMessages; }, 120s))
      << "seed " << seed << ": " << received[0] << " and " << received[1] << " of " << kMessages << ", loss " << link.loss;
  ASSERT_EQ(wrong, "") << "seed " << seed;
}

TEST(SimulatedCall, AThousandLossySeedsDeliverEverythingInOrder) {
  for (uint64_t seed = 1; seed <= 1000 && !::testing::Test::HasFailure(); ++seed) lossyCall(seed);
}

/// One random program of both peers' changes under perfect negotiation, then convergence.
void interleaving(uint64_t seed) {
  std::mt19937_64 random(seed);
  Pair pair(seed, {.latency = 1ms}, true);
  std::vector<std::unique_ptr<VideoSource>> videos;
  std::vector<std::unique_ptr<AudioSource>> audios;
  const auto change = [&](PerfectPeer& peer) {
    RTCPeerConnection& pc = peer.pc;
    const auto transceivers = pc.getTransceivers();
    const auto any = [&]() { return transceivers[random() % transceivers.size()]; };
    switch (random() % 9) {
      case 0:
        videos.push_back(std::make_unique<VideoSource>(peer.loop));
        pc.addTrack(videos.back()->track(), videos.back()->stream());
        break;
      case 1:
        audios.push_back(std::make_unique<AudioSource>(peer.loop));
        pc.addTrack(audios.back()->track(), audios.back()->stream());
        break;
      case 2: pc.addTransceiver(random() % 2 ? MediaKind::audio : MediaKind::video); break;
      case 3: pc.createDataChannel("x"); break;
      case 4:
        if (!transceivers.empty()) pc.removeTrack(any()->sender());
        break;
      case 5:
        if (!transceivers.empty()) {
          if (auto t = any(); t->direction() != RTCRtpTransceiverDirection::stopped) {
            t->setDirection(static_cast<RTCRtpTransceiverDirection>(random() % 4));
          }
        }
        break;
      case 6:
        if (!transceivers.empty()) any()->stop();
        break;
      case 7: pc.restartIce(); break;
      case 8:
        if (!transceivers.empty() && !videos.empty()) {
          if (auto t = any(); t->direction() != RTCRtpTransceiverDirection::stopped) t->sender()->setStreams({videos.back()->stream()});
        }
        break;
    }
  };
  const int changes = 2 + static_cast<int>(random() % 8);
  for (int i = 0; i < changes; ++i) {
    PerfectPeer& peer = random() % 2 ? pair.alice : pair.bob;
    pair.signalingDelay = std::chrono::microseconds(random() % 30000);
    peer.loop.setTimeout([&change, &peer] { change(peer); }, std::chrono::microseconds(random() % 60000));
  }
  pair.network.runFor(70ms);
  pair.signalingDelay = 5ms;
  int stableFor = 0;
  int needed = 0;
  pair.alice.pc.addEventListener("negotiationneeded", [&] { ++needed; });
  pair.bob.pc.addEventListener("negotiationneeded", [&] { ++needed; });
  for (int i = 0; i < 100 && stableFor < 5; ++i) {
    const int before = needed;
    pair.network.runFor(50ms);
    const bool stable = pair.alice.pc.signalingState() == RTCSignalingState::stable &&
                        pair.bob.pc.signalingState() == RTCSignalingState::stable && before == needed;
    stableFor = stable ? stableFor + 1 : 0;
  }
  ASSERT_GE(stableFor, 5) << "seed " << seed << " did not converge";
  ASSERT_TRUE(pair.alice.failures.empty()) << "seed " << seed << ": " << pair.alice.failures.front();
  ASSERT_TRUE(pair.bob.failures.empty()) << "seed " << seed << ": " << pair.bob.failures.front();
  // Both ends agree on every section and its direction.
  const auto ours = pair.alice.pc.getTransceivers();
  const auto theirs = pair.bob.pc.getTransceivers();
  ASSERT_EQ(ours.size(), theirs.size()) << "seed " << seed;
  for (const auto& t : ours) {
    const auto other = std::find_if(theirs.begin(), theirs.end(), [&](const auto& o) { return o->mid() == t->mid(); });
    ASSERT_NE(other, theirs.end()) << "seed " << seed << ": mid " << t->mid().value_or("null");
    const auto mirrored = [](RTCRtpTransceiverDirection d) {
      return d == RTCRtpTransceiverDirection::sendonly   ? RTCRtpTransceiverDirection::recvonly
             : d == RTCRtpTransceiverDirection::recvonly ? RTCRtpTransceiverDirection::sendonly
                                                         : d;
    };
    ASSERT_TRUE(t->currentDirection() && (*other)->currentDirection()) << "seed " << seed;
    ASSERT_EQ(mirrored(*t->currentDirection()), *(*other)->currentDirection()) << "seed " << seed;
  }
}

TEST(PerfectNegotiation, Rule97_TenThousandInterleavingsConverge) {
  for (uint64_t seed = 1; seed <= 10000 && !::testing::Test::HasFailure(); ++seed) interleaving(seed);
}

}  // namespace
}  // namespace peerage::calls
