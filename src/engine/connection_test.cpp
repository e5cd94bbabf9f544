#include "engine/connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/testing_pair.hpp"

namespace peerage::engine::testing {
namespace {

using jsep::TransportId;

Bytes text(std::string_view s) { return Bytes(s.begin(), s.end()); }

bool connected(const Peer& peer) {
  return peer.connection.dtlsState(TransportId{1}) == dtls::State::connected;
}

TEST(Connection, connectsAndCarriesDataChannels) {
  Pair pair;
  pair.makePlans(false, false, true);
  const auto channel = pair.a.connection.createDataChannel(pair.now, {.label = "chat"});
  ASSERT_TRUE(channel);
  pair.apply();
  pair.run(2s);
  EXPECT_TRUE(connected(pair.a) && connected(pair.b));
  EXPECT_EQ(pair.a.connection.sctpState(), SctpState::connected);
  const auto states = pair.b.all<SctpStateChanged>();
  ASSERT_EQ(states.size(), 1u);
  EXPECT_GT(states[0].maxChannels.value_or(0), 1000);
  const auto incoming = pair.b.channelEvents<datachannel::Incoming>();
  ASSERT_EQ(incoming.size(), 1u);
  EXPECT_EQ(incoming[0].params.label, "chat");
  EXPECT_EQ(pair.a.channelEvents<datachannel::Opened>().size(), 1u);
  EXPECT_EQ(pair.a.connection.sendData(pair.now, *channel, text("hello"), false), datachannel::SendResult::ok);
  EXPECT_EQ(pair.b.connection.sendData(pair.now, incoming[0].channel, Bytes(100'000, 7), true),
            datachannel::SendResult::ok);
  pair.settle();
  pair.run(2s);
  const auto atB = pair.b.channelEvents<datachannel::Received>();
  ASSERT_EQ(atB.size(), 1u);
  EXPECT_EQ(asText(atB[0].data), "hello");
  const auto atA = pair.a.channelEvents<datachannel::Received>();
  ASSERT_EQ(atA.size(), 1u);
  EXPECT_EQ(atA[0].data.size(), 100'000u);
  const Stats stats = pair.a.connection.stats(pair.now);
  ASSERT_EQ(stats.dataChannels.size(), 1u);
  EXPECT_EQ(stats.dataChannels[0].messagesSent, 1u);
  EXPECT_EQ(stats.dataChannels[0].bytesReceived, 100'000u);
  EXPECT_EQ(stats.dataChannelsOpened, 1u);
  ASSERT_TRUE(stats.sctp);
  ASSERT_EQ(stats.transports.size(), 1u);
  EXPECT_EQ(stats.transports[0].iceRole, ice::Role::controlling);
  EXPECT_TRUE(stats.transports[0].selectedPairId);
  EXPECT_FALSE(stats.transports[0].dtlsCipher.empty());
  // Without m-sections of media there is no RTCP.
  pair.timeouts.clear();
  pair.run(20s);
  EXPECT_FALSE(pair.timeouts.contains("rtcp report"));
}

TEST(Connection, carriesSoundAndPictures) {
  Pair pair;
  pair.makePlans(true, true, false);
  pair.apply();
  pair.run(1s);
  EXPECT_TRUE(pair.a.connection.sending(kVideo));
  pair.call(10s);
  pair.run(200ms);
  for (const Peer* peer : {&pair.a, &pair.b}) {
    ASSERT_GE(peer->pictures.size(), 249u);
    EXPECT_EQ(peer->pictures.back(), pair.picturesSent());
    EXPECT_TRUE(std::ranges::is_sorted(peer->pictures));
    EXPECT_NEAR(static_cast<double>(peer->soundFrames), 1000, 30);
    EXPECT_GT(peer->loudFrames, 970u);
    EXPECT_EQ(peer->count<FirstPacket>(), 2u);
    const Stats stats = peer->connection.stats(pair.now);
    ASSERT_EQ(stats.inbound.size(), 2u);
    ASSERT_EQ(stats.outbound.size(), 2u);
    const InboundStats& video = stats.inbound[1];
    EXPECT_EQ(video.kind, jsep::MediaKind::video);
    EXPECT_EQ(video.packetsLost, 0);
    EXPECT_EQ(video.keyFramesDecoded, 1u);
    EXPECT_EQ(video.nackCount + video.pliCount, 0u);
    EXPECT_EQ(video.framesDecoded, peer->pictures.size());
    EXPECT_EQ(video.codec->mimeType, "video/VP8");
    EXPECT_NEAR(video.framesPerSecond, 25, 6);
    ASSERT_TRUE(video.remote);
    EXPECT_GT(video.remote->packetsSent, 200u);
    const OutboundStats& sent = stats.outbound[1];
    EXPECT_EQ(sent.framesSent, sent.framesEncoded);
    EXPECT_EQ(sent.keyFramesEncoded, 1u);
    EXPECT_EQ(sent.retransmittedPacketsSent, 0u);
    ASSERT_TRUE(sent.remote);
    ASSERT_TRUE(sent.remote->roundTripTime);
    EXPECT_NEAR(milliseconds(*sent.remote->roundTripTime), 40, 5);
    EXPECT_EQ(sent.remote->packetsLost, 0);
    EXPECT_GT(stats.outbound[0].source.totalSamplesDuration, 9.9);
    EXPECT_GT(stats.inbound[0].audioLevel + stats.inbound[0].totalAudioEnergy, 0.01);
    EXPECT_EQ(stats.dropped.unroutedRtp + stats.dropped.malformedRtp + stats.dropped.malformedRtcp, 0u);
    const auto sources = peer->connection.sources(pair.now, kAudio);
    ASSERT_EQ(sources.size(), 1u);
    EXPECT_NEAR(sources[0].audioLevel.value_or(0), 5000.0 / 32768, 0.02);
  }
}

TEST(Connection, nackFillsLoss) {
  Pair pair;
  pair.makePlans(true, true, false);
  pair.apply();
  pair.run(1s);
  pair.network.loss = 0.05;
  pair.call(10s);
  pair.network.loss = 0;
  pair.call(1s);
  const Stats stats = pair.b.connection.stats(pair.now);
  EXPECT_GT(stats.inbound[1].nackCount, 10u);
  EXPECT_GT(stats.inbound[1].retransmittedPacketsReceived, 10u);
  EXPECT_LE(stats.inbound[1].pliCount, 3u);
  EXPECT_GE(pair.b.pictures.size(), pair.picturesSent() * 97 / 100);
  EXPECT_EQ(pair.b.pictures.back(), pair.picturesSent());
  EXPECT_GT(stats.inbound[0].packetsLost, 10);
  EXPECT_GT(stats.inbound[0].concealedSamples, 5000u);
  EXPECT_NEAR(static_cast<double>(pair.b.soundFrames), 1100, 30);
  const Stats sender = pair.a.connection.stats(pair.now);
  EXPECT_GT(sender.outbound[1].retransmittedPacketsSent, 10u);
  EXPECT_GT(sender.outbound[1].nackCount, 10u);
}

// Without RTX the very packet comes again, byte for byte as SRTP made it the first time.
TEST(Connection, nackFillsLossWithoutRtx) {
  Pair pair;
  pair.makePlans(false, true, false, {{"nack", ""}, {"nack", "pli"}, {"transport-cc", ""}}, false);
  pair.apply();
  pair.run(1s);
  std::map<Bytes, int> seen;  // protected RTP packets of a
  pair.drop = [&, count = 0](const Datagram& datagram) mutable {
    if (datagram.data[0] < 128 || (datagram.data[1] >= 192 && datagram.data[1] <= 223)) return false;
    ++seen[datagram.data];
    return ++count % 20 == 0;
  };
  pair.call(10s, false, true);
  pair.drop = nullptr;
  pair.call(1s, false, true);
  const Stats stats = pair.b.connection.stats(pair.now);
  EXPECT_GT(stats.inbound[0].nackCount, 10u);
  EXPECT_LE(stats.inbound[0].pliCount, 3u);
  EXPECT_GE(pair.b.pictures.size(), pair.picturesSent() * 97 / 100);
  EXPECT_EQ(pair.b.pictures.back(), pair.picturesSent());
  const auto outbound = pair.a.connection.stats(pair.now).outbound[0];
  EXPECT_GT(outbound.retransmittedPacketsSent, 10u);
  EXPECT_GT(outbound.retransmittedBytesSent, 10u * 100);
  EXPECT_GT(std::ranges::count_if(seen, [](const auto& packet) { return packet.second > 1; }), 10);
}

TEST(Connection, pictureLossAsksForKeyFramesWithoutNack) {
  Pair pair;
  pair.makePlans(false, true, false, {{"nack", "pli"}});
  pair.apply();
  pair.run(1s);
  pair.network.loss = 0.01;
  pair.call(20s, false, true);
  pair.network.loss = 0;
  pair.call(3s, false, true);
  const Stats stats = pair.b.connection.stats(pair.now);
  EXPECT_EQ(stats.inbound[0].nackCount, 0u);
  EXPECT_GT(stats.inbound[0].pliCount, 2u);
  EXPECT_GT(stats.inbound[0].keyFramesDecoded, 2u);
  EXPECT_EQ(pair.b.pictures.back(), pair.picturesSent());
  EXPECT_GT(pair.a.connection.stats(pair.now).outbound[0].pliCount, 2u);
}

TEST(Connection, fullIntraRequestWhereThatIsWhatWasAgreed) {
  Pair pair;
  pair.makePlans(false, true, false, {{"ccm", "fir"}});
  pair.apply();
  pair.run(1s);
  int index = 0;
  // The first key frame is lost on its way.
  pair.drop = [&](const Datagram& d) { return d.data.size() > 700 && index++ < 4; };
  pair.call(3s, false, true);
  EXPECT_GT(pair.b.connection.stats(pair.now).inbound[0].firCount, 0u);
  EXPECT_GT(pair.a.connection.stats(pair.now).outbound[0].firCount, 0u);
  EXPECT_EQ(pair.b.pictures.back(), pair.picturesSent());
}

TEST(Connection, samePlanChangesNothing) {
  Pair pair;
  pair.makePlans(true, true, true);
  pair.apply();
  pair.call(2s);
  const uint64_t before = pair.datagrams;
  const size_t events = pair.a.events.size();
  for (int i = 0; i < 5; ++i) pair.apply();
  EXPECT_EQ(pair.datagrams, before);
  EXPECT_EQ(pair.a.events.size(), events);
}

TEST(Connection, removedSectionSaysBye) {
  Pair pair;
  pair.makePlans(true, true, false);
  pair.apply();
  pair.call(2s);
  pair.a.plan.media.pop_back();
  pair.apply();
  pair.run(500ms);
  const auto bye = pair.b.all<PeerBye>();
  ASSERT_EQ(bye.size(), 1u);
  EXPECT_EQ(bye[0].transceiver, kVideo);
  EXPECT_EQ(pair.a.connection.stats(pair.now).outbound.size(), 1u);
  // It goes on with sound alone.
  const size_t loud = pair.b.loudFrames;
  pair.call(1s, true, false);
  EXPECT_GT(pair.b.loudFrames, loud + 80);
}

TEST(Connection, receptivityTurnsOffAndOn) {
  Pair pair;
  pair.makePlans(false, true, false);
  pair.apply();
  pair.call(2s, false, true);
  pair.b.plan.media[0].receive = false;
  pair.apply();
  const size_t seen = pair.b.pictures.size();
  EXPECT_EQ(pair.b.count<FirstPacket>(), 1u);
  pair.call(2s, false, true);
  EXPECT_EQ(pair.b.pictures.size(), seen);
  pair.b.plan.media[0].receive = true;
  pair.apply();
  pair.call(2s, false, true);
  EXPECT_EQ(pair.b.count<FirstPacket>(), 2u);
  EXPECT_GT(pair.b.pictures.size(), seen + 40);  // a key frame was asked for
}

TEST(Connection, senderWithoutTrackOrInactiveIsSilent) {
  Pair pair;
  pair.makePlans(true, true, false);
  pair.apply();
  pair.call(1s);
  pair.a.connection.setSenderTrack(pair.now, kVideo, false);
  EXPECT_FALSE(pair.a.connection.sending(kVideo));
  pair.a.plan.media[1].hasTrack = false;
  pair.a.plan.media[0].encodings[0].active = false;
  pair.apply();
  pair.run(200ms);
  const size_t pictures = pair.b.pictures.size();
  const uint64_t packets = pair.a.connection.stats(pair.now).outbound[0].packetsSent;
  pair.call(1s);
  EXPECT_EQ(pair.b.pictures.size(), pictures);
  EXPECT_EQ(pair.a.connection.stats(pair.now).outbound[0].packetsSent, packets);
  pair.a.connection.setSenderTrack(pair.now, kVideo, true);
  pair.call(1s);
  EXPECT_GT(pair.b.pictures.size(), pictures + 15);
}

TEST(Connection, bundlingMovesSectionsAndClosesTheirTransports) {
  Pair pair;
  pair.makePlans(true, true, false);
  // The offerer has a transport for each section until the answer bundles them.
  pair.a.plan.transports.push_back(pair.transportPlan(pair.a, 2, 0));
  pair.a.plan.transports[1].ice->remote.reset();
  pair.a.plan.transports[1].dtlsRole.reset();
  pair.a.plan.transports[1].remoteFingerprints.clear();
  pair.a.plan.media[1].transport = TransportId{2};
  pair.apply();
  EXPECT_EQ(pair.a.count<GatheringNeeded>(), 2u);
  EXPECT_EQ(pair.a.connection.stats(pair.now).transports.size(), 2u);
  pair.run(500ms);
  pair.a.plan.transports.pop_back();
  pair.a.plan.media[1].transport = TransportId{1};
  pair.apply();
  EXPECT_EQ(pair.a.connection.stats(pair.now).transports.size(), 1u);
  pair.run(500ms);
  pair.call(2s);
  EXPECT_GT(pair.b.pictures.size(), 45u);
  EXPECT_GT(pair.a.pictures.size(), 45u);
}

TEST(Connection, answererMaySpeakFirst) {
  Pair pair;
  pair.makePlans(true, true, true);
  const jsep::Plan full = pair.a.plan;
  // The offer is out: nothing of the peer is known, but what it sends is wanted (early media).
  pair.a.plan.transports[0].ice->remote.reset();
  pair.a.plan.transports[0].dtlsRole.reset();
  pair.a.plan.transports[0].remoteFingerprints.clear();
  pair.a.plan.data->remotePort.reset();
  for (auto& media : pair.a.plan.media) media.send = false, media.earlyMedia = true;
  pair.apply();
  pair.run(300ms);
  EXPECT_EQ(pair.a.count<DtlsStateChanged>(), 0u);
  auto candidates = pair.a.plan.transports[0].ice->remoteCandidates;
  pair.a.plan = full;
  pair.a.plan.transports[0].ice->remoteCandidates = candidates;
  pair.apply();
  pair.run(2s);
  EXPECT_TRUE(connected(pair.a) && connected(pair.b));
  pair.call(1s);
  EXPECT_GT(pair.a.pictures.size(), 20u);
  EXPECT_EQ(pair.b.connection.sctpState(), SctpState::connected);
}

TEST(Connection, iceRestartKeepsTheCallUp) {
  Pair pair;
  pair.makePlans(true, true, true);
  pair.apply();
  pair.call(2s);
  const auto socketsBefore = pair.a.nextPort;
  for (Peer* peer : {&pair.a, &pair.b}) {
    const auto fingerprints = peer->plan.transports[0].remoteFingerprints;
    peer->plan.transports[0] = pair.transportPlan(*peer, 1, 1);
  }
  const size_t before = pair.b.pictures.size();
  const uint32_t sentBefore = pair.picturesSent();
  pair.apply();
  EXPECT_EQ(pair.a.nextPort, socketsBefore + 1);
  const auto gathering = pair.a.all<GatheringNeeded>();
  ASSERT_EQ(gathering.size(), 2u);
  EXPECT_TRUE(gathering[1].restart);
  pair.call(3s);
  EXPECT_GE(pair.b.pictures.size() - before, (pair.picturesSent() - sentBefore) * 95 / 100);
  EXPECT_TRUE(connected(pair.a));
  EXPECT_EQ(pair.a.count<DtlsStateChanged>(), 2u);  // connecting, connected: one association
  const auto selected = pair.a.connection.selectedPair(TransportId{1});
  ASSERT_TRUE(selected);
  EXPECT_EQ(selected->local.candidate.ufrag, "p1t1g1");
}

TEST(Connection, newDtlsGenerationBeginsAnew) {
  Pair pair;
  pair.makePlans(false, true, true);
  pair.apply();
  pair.call(2s, false, true);
  for (Peer* peer : {&pair.a, &pair.b}) {
    peer->plan.transports[0] = pair.transportPlan(*peer, 1, 1);
    peer->plan.transports[0].dtlsGeneration = 1;
  }
  pair.apply();
  pair.run(1s);
  const size_t before = pair.b.pictures.size();
  pair.call(2s, false, true);
  EXPECT_GT(pair.b.pictures.size(), before + 40);
  EXPECT_EQ(pair.b.connection.sctpState(), SctpState::connected);
}

TEST(Connection, wrongFingerprintFails) {
  Pair pair;
  pair.makePlans(true, false, true);
  const dtls::Fingerprint own = pair.a.certificate->fingerprint();
  pair.a.plan.transports[0].remoteFingerprints = {{own.algorithm, own.value}};
  pair.apply();
  pair.call(3s, true, false);
  const auto states = pair.a.all<DtlsStateChanged>();
  ASSERT_FALSE(states.empty());
  EXPECT_EQ(states.back().state, dtls::State::failed);
  EXPECT_EQ(states.back().error, DtlsError::fingerprint_failure);
  EXPECT_EQ(pair.a.soundFrames, 0u);
  EXPECT_EQ(pair.a.connection.sctpState(), SctpState::closed);
}

TEST(Connection, closeEndsBothSides) {
  Pair pair;
  pair.makePlans(true, true, true);
  const auto channel = pair.a.connection.createDataChannel(pair.now, {.label = "x"});
  ASSERT_TRUE(channel);
  pair.apply();
  pair.call(2s);
  pair.a.connection.close(pair.now);
  EXPECT_TRUE(pair.a.connection.closed());
  pair.settle();
  EXPECT_FALSE(pair.a.connection.pollEvent());
  EXPECT_FALSE(pair.a.connection.nextTimeout());
  pair.run(1s);
  EXPECT_EQ(pair.b.count<PeerBye>(), 2u);
  const auto states = pair.b.all<DtlsStateChanged>();
  EXPECT_EQ(states.back().state, dtls::State::closed);
  EXPECT_EQ(pair.b.connection.sctpState(), SctpState::closed);
  EXPECT_EQ(pair.b.channelEvents<datachannel::Closed>().size(), 1u);
  // Whatever comes after changes nothing.
  pair.a.connection.apply(pair.now, pair.a.plan);
  pair.a.connection.sendVideo(pair.now, kVideo, numberedPicture(1));
  EXPECT_FALSE(pair.a.connection.createDataChannel(pair.now, {}));
  EXPECT_FALSE(pair.a.connection.pollTransmit());
}

TEST(Connection, hostNamesAreTheOwnersToResolve) {
  Pair pair;
  pair.makePlans(false, false, true);
  pair.a.hideHost = pair.b.hideHost = true;
  pair.apply();
  pair.run(2s);
  EXPECT_TRUE(connected(pair.a));
  EXPECT_EQ(pair.a.count<CandidateToResolve>(), 1u);
}

TEST(Connection, dataChannelsSurviveWithoutASection) {
  Pair pair;
  pair.makePlans(true, false, false);
  const auto channel = pair.a.connection.createDataChannel(pair.now, {.label = "waits"});
  pair.apply();
  pair.run(1s);
  EXPECT_FALSE(pair.a.connection.sctpState());
  const auto transports = std::pair(pair.a.plan.transports, pair.b.plan.transports);
  pair.makePlans(true, false, true);
  pair.a.plan.transports = transports.first;
  pair.b.plan.transports = transports.second;
  pair.apply();
  pair.run(1s);
  EXPECT_EQ(pair.a.connection.dataChannels().state(*channel), datachannel::ChannelState::open);
  pair.a.connection.closeDataChannel(pair.now, *channel);
  pair.settle();
  pair.run(1s);
  EXPECT_EQ(pair.b.channelEvents<datachannel::Closed>().size(), 1u);
  EXPECT_TRUE(pair.b.connection.stats(pair.now).dataChannels.empty());
}

// The section is gone on both ends, and comes back on the transport that the first association had.
TEST(Connection, dataBeginsAnewAfterItsSectionWasGone) {
  Pair pair;
  pair.makePlans(true, false, true);
  const auto first = pair.a.connection.createDataChannel(pair.now, {.label = "first"});
  pair.apply();
  pair.run(2s);
  EXPECT_EQ(pair.a.connection.dataChannels().state(*first), datachannel::ChannelState::open);
  const auto data = std::pair(*pair.a.plan.data, *pair.b.plan.data);
  pair.a.plan.data.reset();
  pair.b.plan.data.reset();
  pair.apply();
  pair.run(2s);
  EXPECT_FALSE(pair.a.connection.sctpState());
  pair.a.plan.data = data.first;
  pair.b.plan.data = data.second;
  const auto second = pair.a.connection.createDataChannel(pair.now, {.label = "second"});
  pair.apply();
  pair.run(2s);
  EXPECT_EQ(pair.a.connection.sctpState(), SctpState::connected);
  EXPECT_EQ(pair.a.connection.dataChannels().state(*second), datachannel::ChannelState::open);
  EXPECT_EQ(pair.b.channelEvents<datachannel::Incoming>().back().params.label, "second");
}

TEST(Connection, theSameSeedGivesTheSameBytes) {
  const auto once = [](uint64_t seed) {
    Pair pair(seed);
    pair.network = {.latency = 15ms, .loss = 0.03, .duplication = 0.02, .jitter = 10ms};
    pair.makePlans(true, true, true);
    pair.apply();
    pair.call(3s);
    return std::pair(pair.hash, pair.datagrams);
  };
  EXPECT_EQ(once(7), once(7));
  EXPECT_NE(once(7), once(8));
}

TEST(Connection, seedSweepOverBadNetworks) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Pair pair(seed);
    pair.network = {.latency = 10ms * (1 + static_cast<int>(seed % 8)),
                    .loss = 0.02 * static_cast<double>(seed % 5),
                    .duplication = 0.05,
                    .jitter = 8ms * static_cast<int>(seed % 4)};
    pair.makePlans(true, true, true);
    pair.apply();
    pair.run(5s);
    ASSERT_TRUE(connected(pair.a) && connected(pair.b)) << seed;
    pair.call(5s);
    pair.network.loss = 0;
    pair.call(2s);
    EXPECT_GE(pair.b.pictures.size(), pair.picturesSent() * 85 / 100) << seed;
    EXPECT_GE(pair.b.pictures.back() + 5, pair.picturesSent()) << seed;
    EXPECT_NEAR(static_cast<double>(pair.b.soundFrames), 700, 40) << seed;
    EXPECT_TRUE(std::ranges::is_sorted(pair.b.pictures)) << seed;
  }
}

// Timers are for something: an idle connection wakes up for consent and reports alone.
TEST(Connection, idleConnectionsSleep) {
  Pair pair;
  pair.makePlans(true, true, true);
  pair.apply();
  pair.call(2s);
  pair.run(5s);
  pair.timeouts.clear();
  pair.run(60s);
  size_t total = 0;
  for (const auto& [reason, count] : pair.timeouts) {
    total += count;
    EXPECT_LT(count, 300u) << reason;
  }
  EXPECT_LT(total, 500u);
}

}  // namespace
}  // namespace peerage::engine::testing
