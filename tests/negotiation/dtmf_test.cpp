// webrtc-pc §7: DTMF, between two connections that are connected.
#include "fixture.hpp"

namespace peerage::negotiation {
namespace {

class Dtmf : public Negotiation {
 protected:
  /// a sends sound to b, both connected.
  Promise<> connect() {
    trickle();
    sender = a.addTrack(microphone.track());
    dtmf = sender->dtmf();
    co_await negotiate(a, b);
    co_await settle();
    CO_ASSERT(dtmf->canInsertDTMF());
    dtmf->ontonechange = [this](RTCDTMFToneChangeEvent& e) {
      tones.push_back(e.tone + " " + dtmf->toneBuffer());
      times.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(loop.now() - start).count());
    };
    start = loop.now();
  }

  std::shared_ptr<RTCRtpSender> sender;
  std::shared_ptr<RTCDTMFSender> dtmf;
  std::chrono::nanoseconds start{};
  std::vector<std::string> tones;
  std::vector<int64_t> times;
  using Tones = std::vector<std::string>;
  using Times = std::vector<int64_t>;
};

TEST_F(Dtmf, OnlyAnAudioSenderHasOne) {
  EXPECT_TRUE(a.addTransceiver(MediaKind::audio)->sender()->dtmf());
  EXPECT_FALSE(a.addTransceiver(MediaKind::video)->sender()->dtmf());
}

TEST_F(Dtmf, TonesFollowEachOtherInTime) {
  run([&]() -> Promise<> {
    co_await connect();
    dtmf->insertDTMF("12c");
    EXPECT_EQ(dtmf->toneBuffer(), "12C");
    EXPECT_TRUE(tones.empty());
    co_await loop.delay(2s);
    EXPECT_EQ(tones, (Tones{"1 2C", "2 C", "C ", " "}));
    EXPECT_EQ(times, (Times{0, 170, 340, 510}));
    const auto before = (co_await b.getStats()).ofType("inbound-rtp");
    EXPECT_TRUE(before.empty()) << "tones alone are no stream of sound";
    const auto sent = co_await a.getStats();
    CO_ASSERT(sent.ofType("outbound-rtp").size() == 1);
    EXPECT_EQ(sent.ofType("outbound-rtp")[0]->number("packetsSent"), 3 * 7);
  });
}

TEST_F(Dtmf, DurationAndGapAreBroughtIntoTheirRange) {
  run([&]() -> Promise<> {
    co_await connect();
    dtmf->insertDTMF("A", 10, 10);
    co_await loop.delay(1s);
    dtmf->insertDTMF("B", 100000, 100000);
    co_await loop.delay(20s);
    CO_ASSERT(times.size() == 4);
    EXPECT_EQ(times[1] - times[0], 70);
    EXPECT_EQ(times[3] - times[2], 12000);
  });
}

TEST_F(Dtmf, ACommaWaitsTwoSeconds) {
  run([&]() -> Promise<> {
    co_await connect();
    dtmf->insertDTMF("A,B", 100, 70);
    co_await loop.delay(4s);
    EXPECT_EQ(tones, (Tones{"A ,B", ", B", "B ", " "}));
    EXPECT_EQ(times, (Times{0, 170, 2170, 2340}));
  });
}

TEST_F(Dtmf, WhatIsInsertedReplacesWhatWaits) {
  run([&]() -> Promise<> {
    co_await connect();
    dtmf->addEventListener("tonechange", [&](RTCDTMFToneChangeEvent& e) {
      if (e.tone != "B") return;
      dtmf->insertDTMF("12", 100, 70);
      dtmf->insertDTMF("34", 100, 70);
    });
    dtmf->insertDTMF("ABC", 100, 70);
    co_await loop.delay(2s);
    EXPECT_EQ(tones, (Tones{"A BC", "B C", "3 4", "4 ", " "}));
    EXPECT_EQ(times, (Times{0, 170, 340, 510, 680}));
    tones.clear();
    dtmf->insertDTMF("");
    co_await loop.delay(1s);
    EXPECT_TRUE(tones.empty()) << "nothing was scheduled";
    dtmf->insertDTMF("9");
    co_await loop.delay(50ms);
    dtmf->insertDTMF("");
    co_await loop.delay(1s);
    EXPECT_EQ(tones, (Tones{"9 ", " "}));
  });
}

TEST_F(Dtmf, WhatIsNoToneIsRefused) {
  run([&]() -> Promise<> {
    co_await connect();
    for (const char* tones : {"123FFABC", "E", "# *", "1\n"}) {
      EXPECT_EQ(thrown([&] { dtmf->insertDTMF(tones); }), "InvalidCharacterError") << tones;
    }
    EXPECT_EQ(dtmf->toneBuffer(), "");
    dtmf->insertDTMF("0123456789ABCDabcd#*,");
    EXPECT_EQ(dtmf->toneBuffer(), "0123456789ABCDABCD#*,");
  });
}

TEST_F(Dtmf, NotBeforeTheConnectionAndNotAfterIt) {
  run([&]() -> Promise<> {
    auto early = a.addTransceiver(MediaKind::audio);
    EXPECT_FALSE(early->sender()->dtmf()->canInsertDTMF());
    EXPECT_EQ(thrown([&] { early->sender()->dtmf()->insertDTMF(""); }), "InvalidStateError");
    early->stop();
    co_await connect();
    dtmf->insertDTMF("ABC");
    co_await loop.delay(200ms);
    a.getTransceivers().back()->stop();
    EXPECT_EQ(thrown([&] { dtmf->insertDTMF("1"); }), "InvalidStateError");
    co_await loop.delay(1s);
    EXPECT_EQ(tones, (Tones{"A BC", "B C"})) << "stopped in the middle";
    a.close();
    EXPECT_EQ(thrown([&] { dtmf->insertDTMF("1"); }), "InvalidStateError");
  });
}

TEST_F(Dtmf, AnInactiveEncodingAndALostTrackCannotSend) {
  run([&]() -> Promise<> {
    co_await connect();
    auto parameters = sender->getParameters();
    parameters.encodings[0].active = false;
    co_await sender->setParameters(parameters);
    EXPECT_FALSE(dtmf->canInsertDTMF());
    parameters = sender->getParameters();
    parameters.encodings[0].active = true;
    co_await sender->setParameters(parameters);
    EXPECT_TRUE(dtmf->canInsertDTMF());
    co_await sender->replaceTrack(nullptr);
    EXPECT_FALSE(dtmf->canInsertDTMF());
  });
}

TEST_F(Dtmf, WithoutTelephoneEventItCannotSend) {
  run([&]() -> Promise<> {
    trickle();
    sender = a.addTrack(microphone.track());
    auto codecs = RTCRtpSender::getCapabilities(loop, MediaKind::audio).codecs;
    EXPECT_EQ(std::ranges::count(codecs, "audio/telephone-event", &RTCRtpCodec::mimeType), 2);
    std::erase_if(codecs, [](const auto& codec) { return codec.mimeType != "audio/opus"; });
    a.getTransceivers()[0]->setCodecPreferences(codecs);
    co_await negotiate(a, b);
    co_await settle();
    EXPECT_EQ(a.connectionState(), RTCPeerConnectionState::connected);
    EXPECT_FALSE(sender->dtmf()->canInsertDTMF());
  });
}

TEST_F(Dtmf, TheConnectionGoesInTheMiddle) {
  std::shared_ptr<RTCDTMFSender> left;
  run([&]() -> Promise<> {
    auto c = std::make_unique<RTCPeerConnection>(loop);
    c->onicecandidate = [&](RTCPeerConnectionIceEvent& e) {
      if (e.candidate) b.addIceCandidate(e.candidate->toJSON()).markHandled();
    };
    b.onicecandidate = [&](RTCPeerConnectionIceEvent& e) {
      if (c && e.candidate) c->addIceCandidate(e.candidate->toJSON()).markHandled();
    };
    left = c->addTrack(microphone.track())->dtmf();
    co_await negotiate(*c, b);
    co_await settle();
    left->insertDTMF("1234");
    co_await loop.delay(200ms);
    left->ontonechange = [&](RTCDTMFToneChangeEvent&) { ADD_FAILURE() << "a tone of a connection that is gone"; };
    c.reset();
    co_await loop.delay(1s);
    EXPECT_FALSE(left->canInsertDTMF());
    EXPECT_EQ(thrown([&] { left->insertDTMF("1"); }), "InvalidStateError");
  });
}

}  // namespace
}  // namespace peerage::negotiation
