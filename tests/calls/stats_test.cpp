// webrtc-pc §8.6: every field that an implementation must have, in a call that makes every object.
#include <map>
#include <set>

#include "media/test_picture.hpp"
#include "media/tone.hpp"
#include "pair.hpp"

namespace peerage::calls {
namespace {

using Names = std::vector<std::string>;

/// The table of §8.6. Members of one kind of media are in the second and third list; what is there only "when it is valid for
/// that object" is in `sometimes`: at least one object of the type has to have it.
struct Mandatory {
  Names always;
  Names audio = {};
  Names video = {};
  Names sometimes = {};
};
const std::map<std::string, Mandatory>& mandatory() {
  static const Names stream{"ssrc", "kind", "transportId", "codecId"};
  const auto with = [](Names names) {
    names.insert(names.end(), stream.begin(), stream.end());
    return names;
  };
  static const std::map<std::string, Mandatory> table{
      {"codec", {.always = {"payloadType", "mimeType", "clockRate"}, .sometimes = {"channels", "sdpFmtpLine"}}},
      {"inbound-rtp",
       {.always = with({"packetsReceived", "packetsLost", "jitter", "trackIdentifier", "remoteId", "nackCount", "bytesReceived",
                        "packetsDiscarded"}),
        .audio = {"totalAudioEnergy", "totalSamplesDuration"},
        .video = {"framesDecoded", "framesDropped", "framesReceived"}}},
      {"outbound-rtp",
       {.always = with({"packetsSent", "bytesSent", "remoteId", "nackCount"}), .video = {"framesEncoded", "framesSent"}}},
      {"remote-inbound-rtp", {.always = with({"packetsReceived", "packetsLost", "jitter", "localId", "roundTripTime"})}},
      {"remote-outbound-rtp", {.always = with({"packetsSent", "bytesSent", "localId", "remoteTimestamp"})}},
      {"media-source",
       {.always = {"trackIdentifier", "kind"},
        .audio = {"totalAudioEnergy", "totalSamplesDuration"},
        .video = {"width", "height", "framesPerSecond"}}},
      {"peer-connection", {.always = {"dataChannelsOpened", "dataChannelsClosed"}}},
      {"data-channel",
       {.always = {"label", "protocol", "dataChannelIdentifier", "state", "messagesSent", "bytesSent", "messagesReceived",
                   "bytesReceived"}}},
      {"transport",
       {.always = {"bytesSent", "bytesReceived", "selectedCandidatePairId", "localCertificateId", "remoteCertificateId"}}},
      {"candidate-pair",
       {.always = {"transportId", "localCandidateId", "remoteCandidateId", "state", "nominated", "bytesSent", "bytesReceived",
                   "totalRoundTripTime", "responsesReceived"},
        .sometimes = {"currentRoundTripTime"}}},
      {"local-candidate", {.always = {"address", "port", "protocol", "candidateType"}, .sometimes = {"url"}}},
      {"remote-candidate", {.always = {"address", "port", "protocol", "candidateType"}}},
      // issuerCertificateId: of a chain; ours are self-signed.
      {"certificate", {.always = {"fingerprint", "fingerprintAlgorithm", "base64Certificate"}}},
  };
  return table;
}

RTCStatsReport statsOf(Pair& pair, RTCPeerConnection& pc) {
  std::optional<RTCStatsReport> report;
  pc.getStats().then([&](const RTCStatsReport& r) { report = r; }).markHandled();
  pair.network.runUntil([&] { return report.has_value(); }, 5s);
  return std::move(*report);
}

TEST(Stats, EveryMandatoryFieldIsThere) {
  Pair pair(21);
  VideoSource camera(pair.alice.loop), screen(pair.bob.loop);
  AudioSource microphone(pair.alice.loop), other(pair.bob.loop);
  pair.alice.pc.addTrack(camera.track());
  pair.alice.pc.addTrack(microphone.track());
  pair.bob.pc.addTrack(screen.track());
  pair.bob.pc.addTrack(other.track());
  auto channel = pair.alice.pc.createDataChannel("chat", {.protocol = "talk"});
  channel->onopen = [&] { channel->send("there"); };
  uint32_t count = 0;
  media::ToneGenerator tone{440};
  const auto feed = [&](EventLoop& loop, VideoSource& video, AudioSource& audio) {
    loop.setInterval([&] {
      auto buffer = I420Buffer::create(160, 120);
      media::drawTestPicture(*buffer, count++, loop.now());
      video.push({.buffer = std::move(buffer), .timestamp = loop.now()});
    }, 66ms);
    loop.setInterval([&] {
      AudioFrame frame{.samples = std::vector<int16_t>(960), .timestamp = loop.now()};
      tone.fill(frame.samples);
      audio.push(frame);
    }, 20ms);
  };
  feed(pair.alice.loop, camera, microphone);
  feed(pair.bob.loop, screen, other);
  pair.network.runFor(20s);

  for (PerfectPeer* peer : {&pair.alice, &pair.bob}) {
    const RTCStatsReport report = statsOf(pair, peer->pc);
    size_t fields = 0;
    for (const auto& [type, names] : mandatory()) {
      const auto objects = report.ofType(type);
      EXPECT_FALSE(objects.empty()) << type;
      std::set<std::string> seen;
      for (const RTCStats* object : objects) {
        EXPECT_GT(object->timestamp, 0);
        EXPECT_EQ(object->type, type);
        EXPECT_EQ(report.get(object->id), object);
        for (const auto& [name, value] : object->members) seen.insert(name);
        const auto require = [&](const Names& wanted) {
          for (const std::string& name : wanted) EXPECT_TRUE(object->members.contains(name)) << type << "." << name << " of " << object->id;
        };
        require(names.always);
        if (object->text("kind") == "audio") require(names.audio);
        if (object->text("kind") == "video") require(names.video);
        // What refers to another object finds it.
        for (const auto& [name, value] : object->members) {
          if (!name.ends_with("Id") || name == "trackIdentifier") continue;
          if (const auto* id = std::get_if<std::string>(&value)) EXPECT_TRUE(report.has(*id)) << type << "." << name << " " << *id;
        }
      }
      for (const std::string& name : names.sometimes) {
        if (name != "url") EXPECT_TRUE(seen.contains(name)) << type << "." << name;
      }
      fields += names.always.size() + names.audio.size() + names.video.size() + names.sometimes.size();
    }
    EXPECT_EQ(fields, 93u) << "of 95: url of remote candidates and issuerCertificateId are never valid here";
  }
}

}  // namespace
}  // namespace peerage::calls
