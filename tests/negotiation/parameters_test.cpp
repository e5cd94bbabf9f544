// NEGOTIATION rules 40, 78, 80-84: parameters, capabilities and codec preferences (webrtc-pc §5.1, §5.2, §5.3, §5.4).
#include <limits>

#include "fixture.hpp"

namespace peerage::negotiation {
namespace {

TEST_F(Negotiation, Rule84_ParametersBeforeNegotiation) {
  run([&]() -> Promise<> {
    auto sender = a.addTransceiver(MediaKind::video)->sender();
    const auto parameters = sender->getParameters();
    EXPECT_FALSE(parameters.transactionId.empty());
    CO_ASSERT(parameters.encodings.size() == 1);
    EXPECT_TRUE(parameters.encodings[0].active);
    EXPECT_FALSE(parameters.encodings[0].rid);
    EXPECT_EQ(parameters.encodings[0].scaleResolutionDownBy, 1.0);
    EXPECT_TRUE(parameters.codecs.empty());
    EXPECT_TRUE(parameters.headerExtensions.empty());
    EXPECT_TRUE(parameters.rtcp.cname);
    EXPECT_EQ(parameters.rtcp.reducedSize, false);
    EXPECT_FALSE(a.addTransceiver(MediaKind::audio)->sender()->getParameters().encodings[0].scaleResolutionDownBy);
    co_return;
  });
}

TEST_F(Negotiation, Rule84_ParametersAfterNegotiation) {
  run([&]() -> Promise<> {
    auto sender = a.addTrack(camera.track());
    co_await negotiate(a, b);
    const auto parameters = sender->getParameters();
    CO_ASSERT(parameters.codecs.size() == 2);
    EXPECT_EQ(parameters.codecs[0].mimeType, "video/VP8");
    EXPECT_EQ(parameters.codecs[0].clockRate, 90000u);
    EXPECT_FALSE(parameters.codecs[0].channels);
    EXPECT_EQ(parameters.codecs[1].mimeType, "video/rtx");
    EXPECT_EQ(parameters.codecs[1].sdpFmtpLine, "apt=" + std::to_string(parameters.codecs[0].payloadType));
    EXPECT_FALSE(parameters.headerExtensions.empty());
    EXPECT_EQ(parameters.rtcp.reducedSize, true);
    const auto received = b.getReceivers()[0]->getParameters();
    EXPECT_EQ(received.codecs, parameters.codecs);
    EXPECT_FALSE(received.headerExtensions.empty());
    EXPECT_FALSE(received.rtcp.cname);
    EXPECT_EQ(received.rtcp.reducedSize, true);
  });
}

TEST_F(Negotiation, Rule84_OneTransactionPerTask) {
  run([&]() -> Promise<> {
    auto sender = a.addTransceiver(MediaKind::audio)->sender();
    auto first = sender->getParameters();
    EXPECT_EQ(sender->getParameters().transactionId, first.transactionId) << "in the same task";
    co_await settle();
    EXPECT_EQ(co_await rejection(sender->setParameters(first)), "InvalidStateError") << "another task";
    auto second = sender->getParameters();
    EXPECT_NE(second.transactionId, first.transactionId);
    EXPECT_EQ(co_await rejection(sender->setParameters(first)), "InvalidModificationError") << "an older one";
    co_await settle();
    auto third = sender->getParameters();
    EXPECT_EQ(co_await rejection(sender->setParameters(third)), "");
    EXPECT_EQ(co_await rejection(sender->setParameters(third)), "InvalidStateError") << "used up";
  });
}

TEST_F(Negotiation, Rule84_OnlyWhatIsNotReadOnlyMayChange) {
  run([&]() -> Promise<> {
    auto sender = a.addTrack(camera.track());
    co_await negotiate(a, b);
    const auto with = [&](auto change) {
      auto parameters = sender->getParameters();
      change(parameters);
      return rejection(sender->setParameters(parameters));
    };
    const std::string wrong = "InvalidModificationError";
    EXPECT_EQ(co_await with([](auto& p) { p.encodings.push_back({}); }), wrong);
    EXPECT_EQ(co_await with([](auto& p) { p.encodings.clear(); }), wrong);
    EXPECT_EQ(co_await with([](auto& p) { p.encodings[0].rid = "x"; }), wrong);
    EXPECT_EQ(co_await with([](auto& p) { p.transactionId += "x"; }), wrong);
    EXPECT_EQ(co_await with([](auto& p) { ++p.codecs[0].payloadType; }), wrong);
    EXPECT_EQ(co_await with([](auto& p) { p.codecs[0].channels = 6; }), wrong);
    EXPECT_EQ(co_await with([](auto& p) { p.codecs[0].sdpFmtpLine = "a=b"; }), wrong);
    EXPECT_EQ(co_await with([](auto& p) { p.codecs.pop_back(); }), wrong);
    EXPECT_EQ(co_await with([](auto& p) { p.headerExtensions.clear(); }), wrong);
    EXPECT_EQ(co_await with([](auto& p) { p.rtcp.cname = "x"; }), wrong);
    EXPECT_EQ(co_await with([](auto& p) { p.rtcp.reducedSize = false; }), wrong);
    EXPECT_EQ(co_await with([](auto& p) { p.encodings[0].codec = RTCRtpCodec{"video/H264", 90000}; }), wrong);
    EXPECT_EQ(co_await with([](auto& p) { p.encodings[0].codec = RTCRtpCodec{"audio/VP8", 90000}; }), wrong);
    EXPECT_EQ(co_await with([](auto& p) { p.encodings[0].codec = p.codecs[0]; }), "");
    EXPECT_EQ(co_await with([](auto& p) { EXPECT_EQ(p.encodings[0].codec->mimeType, "video/VP8"); }), "");
  });
}

TEST_F(Negotiation, Rule84_NumbersOutOfRange) {
  run([&]() -> Promise<> {
    auto video = a.addTransceiver(MediaKind::video)->sender();
    auto audio = a.addTransceiver(MediaKind::audio)->sender();
    const auto with = [](auto& sender, auto change) {
      auto parameters = sender->getParameters();
      change(parameters.encodings[0]);
      return rejection(sender->setParameters(parameters));
    };
    EXPECT_EQ(co_await with(video, [](auto& e) { e.scaleResolutionDownBy = 0.5; }), "RangeError");
    EXPECT_EQ(co_await with(video, [](auto& e) { e.maxFramerate = -1; }), "RangeError");
    EXPECT_EQ(co_await with(video, [](auto& e) { e.scaleResolutionDownBy = std::numeric_limits<double>::quiet_NaN(); }),
              "TypeError");
    EXPECT_EQ(co_await with(video, [](auto& e) { e.maxFramerate = 0; }), "") << "freezes the picture";
    EXPECT_EQ(co_await with(video, [](auto& e) { e.scaleResolutionDownBy.reset(); }), "");
    EXPECT_EQ(video->getParameters().encodings[0].scaleResolutionDownBy, 1.0);
    EXPECT_EQ(co_await with(audio, [](auto& e) { e.scaleResolutionDownBy = 0.5, e.maxFramerate = -1; }), "");
    EXPECT_FALSE(audio->getParameters().encodings[0].scaleResolutionDownBy) << "not for audio";
    EXPECT_FALSE(audio->getParameters().encodings[0].maxFramerate);
  });
}

TEST_F(Negotiation, Rule84_EncodingsAreKeptAndNothingIsNegotiated) {
  run([&]() -> Promise<> {
    auto sender = a.addTrack(camera.track());
    co_await negotiate(a, b);
    co_await settle();
    const int before = needed(a);
    auto parameters = sender->getParameters();
    parameters.encodings[0].active = false;
    parameters.encodings[0].maxBitrate = 100000;
    parameters.encodings[0].maxFramerate = 5;
    parameters.encodings[0].scaleResolutionDownBy = 2;
    parameters.encodings[0].priority = RTCPriorityType::high;
    parameters.encodings[0].networkPriority = RTCPriorityType::very_low;
    auto set = sender->setParameters(parameters);
    EXPECT_TRUE(sender->getParameters().encodings[0].active) << "from a task on";
    co_await set;
    const auto now = sender->getParameters().encodings[0];
    EXPECT_FALSE(now.active);
    EXPECT_EQ(now.maxBitrate, 100000u);
    EXPECT_EQ(now.maxFramerate, 5);
    EXPECT_EQ(now.scaleResolutionDownBy, 2);
    EXPECT_EQ(now.priority, RTCPriorityType::high);
    EXPECT_EQ(now.networkPriority, RTCPriorityType::very_low);
    co_await settle();
    EXPECT_EQ(needed(a), before);
  });
}

TEST_F(Negotiation, Rule84_StoppedAndClosed) {
  run([&]() -> Promise<> {
    auto transceiver = a.addTransceiver(MediaKind::video);
    auto other = a.addTransceiver(MediaKind::audio);
    auto parameters = transceiver->sender()->getParameters();
    transceiver->stop();
    EXPECT_EQ(co_await rejection(transceiver->sender()->setParameters(parameters)), "InvalidStateError");
    co_await negotiate(a, b);
    EXPECT_EQ(transceiver->sender()->getParameters().encodings.size(), 1u) << "gone from the connection";
    auto last = other->sender()->getParameters();
    a.close();
    EXPECT_EQ(co_await rejection(other->sender()->setParameters(last)), "InvalidStateError");
    EXPECT_EQ(other->sender()->getParameters().encodings.size(), 1u);
  });
}

TEST_F(Negotiation, Rule40_ADescriptionWaitsForParameters) {
  run([&]() -> Promise<> {
    auto sender = a.addTrack(camera.track());
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    co_await b.setLocalDescription();
    std::vector<std::string> order;
    auto described = a.setRemoteDescription(*b.localDescription()).then([&] { order.push_back("described"); });
    auto set = sender->setParameters(sender->getParameters()).then([&] { order.push_back("parameters"); });
    co_await described;
    co_await set;
    EXPECT_EQ(order, (std::vector<std::string>{"parameters", "described"}));
  });
}

TEST_F(Negotiation, Rule80_SendEncodingsOfAddTransceiver) {
  const auto add = [&](MediaKind kind, std::vector<RTCRtpEncodingParameters> encodings) {
    return thrown([&] { a.addTransceiver(kind, {.sendEncodings = std::move(encodings)}); });
  };
  EXPECT_EQ(add(MediaKind::video, {{.rid = ""}}), "TypeError");
  EXPECT_EQ(add(MediaKind::video, {{.rid = "@Invalid!"}}), "TypeError");
  EXPECT_EQ(add(MediaKind::video, {{.rid = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}), "TypeError");
  EXPECT_EQ(add(MediaKind::video, {{.rid = "a"}, {}}), "TypeError");
  EXPECT_EQ(add(MediaKind::video, {{.rid = "a"}, {.rid = "a"}}), "TypeError");
  EXPECT_EQ(add(MediaKind::video, {{.codec = RTCRtpCodec{"video/H264", 90000}}}), "OperationError");
  EXPECT_EQ(add(MediaKind::video, {{.codec = RTCRtpCodec{"audio/opus", 48000, 2, "minptime=10;useinbandfec=1"}}}),
            "OperationError");
  EXPECT_EQ(add(MediaKind::video, {{.scaleResolutionDownBy = 0.9}}), "RangeError");
  EXPECT_EQ(add(MediaKind::video, {{.maxFramerate = 0}}), "RangeError");
  EXPECT_EQ(add(MediaKind::video, {{.maxFramerate = std::numeric_limits<double>::infinity()}}), "TypeError");
  EXPECT_TRUE(a.getTransceivers().empty());
  EXPECT_EQ(add(MediaKind::video, {{.rid = "only", .active = false, .codec = RTCRtpCodec{"video/vp8", 90000}, .maxBitrate = 8}}), "");
  const auto encoding = a.getSenders()[0]->getParameters().encodings[0];
  EXPECT_FALSE(encoding.rid) << "removed from a lone encoding";
  EXPECT_FALSE(encoding.active);
  EXPECT_EQ(encoding.maxBitrate, 8u);
  ASSERT_TRUE(encoding.codec);
  EXPECT_EQ(encoding.codec->clockRate, 90000u);
}

TEST_F(Negotiation, Rule78_CapabilitiesAreWhatCanBePreferred) {
  for (const MediaKind kind : {MediaKind::audio, MediaKind::video}) {
    const auto sent = RTCRtpSender::getCapabilities(loop, kind);
    const auto received = RTCRtpReceiver::getCapabilities(loop, kind);
    ASSERT_FALSE(sent.codecs.empty());
    EXPECT_FALSE(sent.headerExtensions.empty());
    auto transceiver = a.addTransceiver(kind);
    transceiver->setCodecPreferences(sent.codecs);
    transceiver->setCodecPreferences(received.codecs);
    auto both = sent.codecs;
    both.insert(both.end(), received.codecs.begin(), received.codecs.end());
    transceiver->setCodecPreferences(both);
    transceiver->setCodecPreferences({});
  }
  const auto video = RTCRtpSender::getCapabilities(loop, MediaKind::video).codecs;
  EXPECT_EQ(std::ranges::count(video, "video/rtx", &RTCRtpCodec::mimeType), 1);
  EXPECT_EQ(RTCRtpSender::getCapabilities(loop, MediaKind::audio).codecs[0],
            (RTCRtpCodec{"audio/opus", 48000, 2, "minptime=10;useinbandfec=1"}));
}

TEST_F(Negotiation, Rule78_PreferencesThatAreNoCapabilities) {
  auto transceiver = a.addTransceiver(MediaKind::audio);
  const auto opus = RTCRtpSender::getCapabilities(loop, MediaKind::audio).codecs[0];
  const auto prefer = [&](auto change) {
    std::vector<RTCRtpCodec> codecs = RTCRtpSender::getCapabilities(loop, MediaKind::audio).codecs;
    change(codecs);
    return thrown([&] { transceiver->setCodecPreferences(codecs); });
  };
  const std::string wrong = "InvalidModificationError";
  EXPECT_EQ(prefer([](auto& c) { c.push_back({"audio/piedpiper", 2000, 2, "0-15"}); }), wrong);
  EXPECT_EQ(prefer([](auto& c) { c = {{"data", 2000, 2, "0-15"}}; }), wrong);
  EXPECT_EQ(prefer([](auto& c) { c = {{"video/VP8", 90000}}; }), wrong);
  EXPECT_EQ(prefer([](auto& c) { c[0].clockRate /= 2; }), wrong);
  EXPECT_EQ(prefer([](auto& c) { c[0].channels = 13; }), wrong);
  EXPECT_EQ(prefer([](auto& c) { c[0].channels.reset(); }), wrong);
  EXPECT_EQ(prefer([](auto& c) { c[0].sdpFmtpLine = "modifiedparameter=1"; }), wrong);
  EXPECT_EQ(prefer([](auto& c) { c[0].sdpFmtpLine.reset(); }), wrong);
  EXPECT_EQ(prefer([&](auto& c) { c = {opus, opus}; }), "");
}

TEST_F(Negotiation, Rule78_PreferencesShapeTheOffer) {
  run([&]() -> Promise<> {
    auto transceiver = a.addTransceiver(MediaKind::video);
    auto codecs = RTCRtpSender::getCapabilities(loop, MediaKind::video).codecs;
    std::erase_if(codecs, [](const auto& codec) { return codec.mimeType == "video/rtx"; });
    transceiver->setCodecPreferences(codecs);
    co_await settle();
    const int before = needed(a);
    EXPECT_EQ(countLines((co_await a.createOffer()).sdp, "a=rtpmap:"), codecs.size()) << "without rtx";
    transceiver->setCodecPreferences({});
    EXPECT_GT(countLines((co_await a.createOffer()).sdp, "a=rtpmap:"), codecs.size());
    co_await settle();
    EXPECT_EQ(needed(a), before);
  });
}

}  // namespace
}  // namespace peerage::negotiation
