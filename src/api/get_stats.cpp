// getStats() (webrtc-pc §8): the engine's figures as the objects of webrtc-stats.
#include <algorithm>
#include <set>

#include "api/convert.hpp"
#include "api/peer_connection.hpp"
#include "crypto/base64.hpp"

namespace peerage::detail {

namespace {

using Map = RTCStatsReport::Map;

/// Writes one report: the objects and the ids by which they refer to each other.
class ReportWriter {
 public:
  ReportWriter(Map& map, double timestamp) : map_(map), timestamp_(timestamp) {}

  RTCStats& add(std::string type, std::string id) {
    RTCStats& stats = map_[id];
    stats.timestamp = timestamp_;
    stats.type = std::move(type);
    stats.id = std::move(id);
    return stats;
  }
  bool has(const std::string& id) const { return map_.contains(id); }

 private:
  Map& map_;
  double timestamp_;
};

std::string transportId(jsep::TransportId id) { return "T" + std::to_string(id.value()); }
std::string candidateId(jsep::TransportId transport, bool local, uint64_t id) {
  return (local ? "IL" : "IR") + std::to_string(transport.value()) + "-" + std::to_string(id);
}
std::string pairId(jsep::TransportId transport, uint64_t id) {
  return "CP" + std::to_string(transport.value()) + "-" + std::to_string(id);
}
std::string codecId(jsep::TransportId transport, const engine::CodecStats& codec, bool inbound) {
  return (inbound ? "CI" : "CO") + std::to_string(transport.value()) + "-" + std::to_string(codec.payloadType);
}

const char* toText(ice::PairState state) {
  switch (state) {
    case ice::PairState::frozen: return "frozen";
    case ice::PairState::waiting: return "waiting";
    case ice::PairState::in_progress: return "in-progress";
    case ice::PairState::succeeded: return "succeeded";
    case ice::PairState::failed: return "failed";
  }
  return "";
}

void writeCandidate(ReportWriter& out, jsep::TransportId transport, bool local, uint64_t id,
                    const ice::Candidate& candidate, const std::string& url) {
  RTCStats& stats = out.add(local ? "local-candidate" : "remote-candidate", candidateId(transport, local, id));
  auto& m = stats.members;
  m["transportId"] = transportId(transport);
  m["address"] = candidate.address;
  m["port"] = int64_t{candidate.port};
  m["protocol"] = std::string(ice::toString(candidate.protocol));
  m["candidateType"] = std::string(ice::toString(candidate.type));
  m["priority"] = int64_t{candidate.priority};
  m["foundation"] = candidate.foundation;
  if (!candidate.ufrag.empty()) m["usernameFragment"] = candidate.ufrag;
  if (!candidate.relatedAddress.empty()) m["relatedAddress"] = candidate.relatedAddress;
  if (candidate.relatedPort) m["relatedPort"] = int64_t{*candidate.relatedPort};
  if (!url.empty()) m["url"] = url;
}

std::string writeCertificate(ReportWriter& out, ByteView der, const std::string& fingerprint,
                             const std::string& algorithm) {
  const std::string id = "CF" + fingerprint;
  RTCStats& stats = out.add("certificate", id);
  stats.members["fingerprint"] = fingerprint;
  stats.members["fingerprintAlgorithm"] = algorithm;
  stats.members["base64Certificate"] = crypto::base64Encode(der);
  return id;
}

void writePair(ReportWriter& out, const engine::TransportStats& transport, const ice::PairStats& pair) {
  auto& m = out.add("candidate-pair", pairId(transport.id, pair.id)).members;
  m["transportId"] = transportId(transport.id);
  m["localCandidateId"] = candidateId(transport.id, true, pair.localCandidateId);
  m["remoteCandidateId"] = candidateId(transport.id, false, pair.remoteCandidateId);
  m["state"] = std::string(toText(pair.state));
  m["nominated"] = pair.nominated;
  m["requestsSent"] = pair.requestsSent;
  m["requestsReceived"] = pair.requestsReceived;
  m["responsesSent"] = pair.responsesSent;
  m["responsesReceived"] = pair.responsesReceived;
  m["consentRequestsSent"] = pair.consentRequestsSent;
  m["totalRoundTripTime"] = seconds(pair.totalRoundTripTime);
  if (pair.currentRoundTripTime) m["currentRoundTripTime"] = seconds(*pair.currentRoundTripTime);
  // Every byte of the transport goes over the selected pair.
  m["bytesSent"] = pair.selected ? transport.bytesSent : 0;
  m["bytesReceived"] = pair.selected ? transport.bytesReceived : 0;
  m["packetsSent"] = pair.selected ? transport.packetsSent : 0;
  m["packetsReceived"] = pair.selected ? transport.packetsReceived : 0;
}

void writeTransport(ReportWriter& out, const engine::TransportStats& transport, const dtls::Certificate& certificate) {
  for (const auto& c : transport.localCandidates) writeCandidate(out, transport.id, true, c.id, c.candidate, c.url);
  for (const auto& c : transport.remoteCandidates) writeCandidate(out, transport.id, false, c.id, c.candidate, "");
  for (const auto& pair : transport.pairs) writePair(out, transport, pair);
  const dtls::Fingerprint own = certificate.fingerprint();
  const std::string localCertificate = writeCertificate(out, certificate.der(), own.value, own.algorithm);
  std::string remoteCertificate;
  if (!transport.remoteCertificates.empty()) {
    const Bytes& der = transport.remoteCertificates.front();
    remoteCertificate =
        writeCertificate(out, der, crypto::fingerprint(crypto::HashAlgorithm::sha256, der), "sha-256");
  }
  auto& m = out.add("transport", transportId(transport.id)).members;
  m["packetsSent"] = transport.packetsSent;
  m["packetsReceived"] = transport.packetsReceived;
  m["bytesSent"] = transport.bytesSent;
  m["bytesReceived"] = transport.bytesReceived;
  m["iceRole"] = std::string(ice::toString(transport.iceRole));
  m["iceState"] = std::string(toString(fromIce(transport.iceState)));
  m["iceLocalUsernameFragment"] = transport.iceLocalUsernameFragment;
  m["dtlsState"] = std::string(toString(fromDtls(transport.dtlsState)));
  m["dtlsRole"] = transport.dtlsRole ? std::string(dtls::toString(*transport.dtlsRole)) : std::string("unknown");
  m["selectedCandidatePairChanges"] = transport.selectedCandidatePairChanges;
  m["localCertificateId"] = localCertificate;
  if (!remoteCertificate.empty()) m["remoteCertificateId"] = remoteCertificate;
  if (transport.selectedPairId) m["selectedCandidatePairId"] = pairId(transport.id, *transport.selectedPairId);
  if (!transport.tlsVersion.empty()) m["tlsVersion"] = transport.tlsVersion;
  if (!transport.dtlsCipher.empty()) m["dtlsCipher"] = transport.dtlsCipher;
  if (!transport.srtpCipher.empty()) m["srtpCipher"] = transport.srtpCipher;
}

/// Writes the codec once, and gives its id.
std::string writeCodec(ReportWriter& out, jsep::TransportId transport, const engine::CodecStats& codec, bool inbound) {
  const std::string id = codecId(transport, codec, inbound);
  auto& m = out.add("codec", id).members;
  m["payloadType"] = int64_t{codec.payloadType};
  m["mimeType"] = codec.mimeType;
  m["clockRate"] = int64_t{codec.clockRate};
  m["transportId"] = transportId(transport);
  if (codec.channels > 0) m["channels"] = int64_t{codec.channels};
  if (!codec.sdpFmtpLine.empty()) m["sdpFmtpLine"] = codec.sdpFmtpLine;
  return id;
}

template <typename Stream>
void writeStreamCommon(ReportWriter& out, std::map<std::string, RTCStatsValue, std::less<>>& m, const Stream& stream,
                       bool inbound) {
  m["ssrc"] = int64_t{stream.ssrc};
  m["kind"] = std::string(jsep::toString(stream.kind));
  m["transportId"] = transportId(stream.transport);
  m["mid"] = stream.mid;
  if (stream.codec) m["codecId"] = writeCodec(out, stream.transport, *stream.codec, inbound);
}

void writeInboundVideo(std::map<std::string, RTCStatsValue, std::less<>>& m, const engine::InboundStats& in) {
  m["framesReceived"] = in.framesReceived;
  m["framesDecoded"] = in.framesDecoded;
  m["keyFramesDecoded"] = in.keyFramesDecoded;
  m["framesDropped"] = in.framesDropped;
  m["framesAssembledFromMultiplePackets"] = in.framesAssembledFromMultiplePackets;
  m["frameWidth"] = int64_t{in.frameWidth};
  m["frameHeight"] = int64_t{in.frameHeight};
  m["framesPerSecond"] = in.framesPerSecond;
  m["totalInterFrameDelay"] = seconds(in.totalInterFrameDelay);
  m["totalSquaredInterFrameDelay"] = in.totalSquaredInterFrameDelay;
  m["pliCount"] = in.pliCount;
  m["firCount"] = in.firCount;
  if (!in.decoderImplementation.empty()) m["decoderImplementation"] = in.decoderImplementation;
}

void writeInboundAudio(std::map<std::string, RTCStatsValue, std::less<>>& m, const engine::InboundStats& in) {
  m["totalSamplesReceived"] = in.totalSamplesReceived;
  m["concealedSamples"] = in.concealedSamples;
  m["silentConcealedSamples"] = in.silentConcealedSamples;
  m["concealmentEvents"] = in.concealmentEvents;
  m["insertedSamplesForDeceleration"] = in.insertedSamplesForDeceleration;
  m["removedSamplesForAcceleration"] = in.removedSamplesForAcceleration;
  m["audioLevel"] = in.audioLevel;
  m["totalAudioEnergy"] = in.totalAudioEnergy;
  m["totalSamplesDuration"] = in.totalSamplesDuration;
}

/// NTP time (RFC 3550 §4) as milliseconds since the Unix epoch.
double ntpToUnixMilliseconds(uint64_t ntp) {
  return (static_cast<double>(ntp) / 4294967296.0 - 2208988800.0) * 1000.0;
}

void writeInbound(ReportWriter& out, const engine::InboundStats& in, const std::string& trackId) {
  const std::string id = "IT" + std::to_string(in.ssrc);
  const std::string remoteId = "RO" + std::to_string(in.ssrc);
  auto& m = out.add("inbound-rtp", id).members;
  writeStreamCommon(out, m, in, true);
  m["trackIdentifier"] = trackId;
  m["packetsReceived"] = in.packetsReceived;
  m["packetsLost"] = in.packetsLost;
  m["jitter"] = seconds(in.jitter);
  m["bytesReceived"] = in.bytesReceived;
  m["headerBytesReceived"] = in.headerBytesReceived;
  m["packetsDiscarded"] = in.packetsDiscarded;
  m["nackCount"] = in.nackCount;
  m["retransmittedPacketsReceived"] = in.retransmittedPacketsReceived;
  m["jitterBufferDelay"] = in.jitterBufferDelay;
  m["jitterBufferEmittedCount"] = in.jitterBufferEmittedCount;
  in.kind == jsep::MediaKind::video ? writeInboundVideo(m, in) : writeInboundAudio(m, in);
  if (!in.remote) return;
  m["remoteId"] = remoteId;
  auto& r = out.add("remote-outbound-rtp", remoteId).members;
  writeStreamCommon(out, r, in, true);
  r["localId"] = id;
  r["packetsSent"] = in.remote->packetsSent;
  r["bytesSent"] = in.remote->bytesSent;
  r["reportsSent"] = in.remote->reportsSent;
  r["remoteTimestamp"] = ntpToUnixMilliseconds(in.remote->ntp);
}

void writeSource(ReportWriter& out, const engine::OutboundStats& stream, const std::string& id, const std::string& trackId) {
  auto& m = out.add("media-source", id).members;
  m["trackIdentifier"] = trackId;
  m["kind"] = std::string(jsep::toString(stream.kind));
  if (stream.kind == jsep::MediaKind::video) {
    m["width"] = int64_t{stream.source.width};
    m["height"] = int64_t{stream.source.height};
    m["frames"] = stream.source.frames;
    m["framesPerSecond"] = stream.source.framesPerSecond;
  } else {
    m["audioLevel"] = stream.source.audioLevel;
    m["totalAudioEnergy"] = stream.source.totalAudioEnergy;
    m["totalSamplesDuration"] = stream.source.totalSamplesDuration;
  }
}

void writeOutbound(ReportWriter& out, const engine::OutboundStats& stream, const std::string& trackId) {
  const std::string id = "OT" + std::to_string(stream.ssrc);
  const std::string remoteId = "RI" + std::to_string(stream.ssrc);
  auto& m = out.add("outbound-rtp", id).members;
  writeStreamCommon(out, m, stream, false);
  if (!trackId.empty()) {
    const std::string source = "S" + std::to_string(stream.transceiver.value());
    writeSource(out, stream, source, trackId);
    m["mediaSourceId"] = source;
  }
  if (!stream.rid.empty()) m["rid"] = stream.rid;
  m["active"] = stream.active;
  m["packetsSent"] = stream.packetsSent;
  m["bytesSent"] = stream.bytesSent;
  m["headerBytesSent"] = stream.headerBytesSent;
  m["retransmittedPacketsSent"] = stream.retransmittedPacketsSent;
  m["retransmittedBytesSent"] = stream.retransmittedBytesSent;
  m["nackCount"] = stream.nackCount;
  m["targetBitrate"] = stream.targetBitrate;
  m["totalPacketSendDelay"] = seconds(stream.totalPacketSendDelay);
  if (stream.kind == jsep::MediaKind::video) {
    m["pliCount"] = stream.pliCount;
    m["firCount"] = stream.firCount;
    m["framesSent"] = stream.framesSent;
    m["framesEncoded"] = stream.framesEncoded;
    m["keyFramesEncoded"] = stream.keyFramesEncoded;
    m["hugeFramesSent"] = stream.hugeFramesSent;
    m["qpSum"] = stream.qpSum;
    m["frameWidth"] = int64_t{stream.frameWidth};
    m["frameHeight"] = int64_t{stream.frameHeight};
    m["framesPerSecond"] = stream.framesPerSecond;
    if (!stream.encoderImplementation.empty()) m["encoderImplementation"] = stream.encoderImplementation;
  }
  if (!stream.remote) return;
  m["remoteId"] = remoteId;
  auto& r = out.add("remote-inbound-rtp", remoteId).members;
  writeStreamCommon(out, r, stream, false);
  r["localId"] = id;
  r["packetsReceived"] = stream.remote->packetsReceived;
  r["packetsLost"] = stream.remote->packetsLost;
  r["fractionLost"] = stream.remote->fractionLost;
  r["jitter"] = seconds(stream.remote->jitter);
  r["totalRoundTripTime"] = seconds(stream.remote->totalRoundTripTime);
  r["roundTripTimeMeasurements"] = stream.remote->roundTripTimeMeasurements;
  if (stream.remote->roundTripTime) r["roundTripTime"] = seconds(*stream.remote->roundTripTime);
}

}  // namespace

RTCStatsReport PeerConnection::makeReport(std::function<bool(const jsep::TransceiverId&, bool)> wanted, bool everything) {
  Map map;
  const engine::Stats stats = engine_->stats(body_->now());
  const double wall = std::chrono::duration<double, std::milli>(body_->wallClock().time_since_epoch()).count();
  ReportWriter out(map, wall);
  std::set<uint32_t> transports;
  for (const auto& in : stats.inbound) {
    if (!wanted(in.transceiver, false)) continue;
    const auto transceiver = find(in.transceiver);
    writeInbound(out, in, transceiver ? transceiver->receiver_->track_->id() : "");
    transports.insert(in.transport.value());
  }
  for (const auto& stream : stats.outbound) {
    if (!wanted(stream.transceiver, true)) continue;
    const auto transceiver = find(stream.transceiver);
    const auto track = transceiver ? transceiver->sender_->track_ : nullptr;
    writeOutbound(out, stream, track ? track->id() : "");
    transports.insert(stream.transport.value());
  }
  for (const auto& transport : stats.transports) {
    if (everything || transports.contains(transport.id.value())) writeTransport(out, transport, *certificate_);
  }
  if (!everything) return RTCStatsReport(std::move(map));
  for (const auto& channel : stats.dataChannels) {
    auto& m = out.add("data-channel", "D" + std::to_string(channel.channel.value())).members;
    m["label"] = channel.params.label;
    m["protocol"] = channel.params.protocol;
    if (channel.params.id) m["dataChannelIdentifier"] = int64_t{*channel.params.id};
    m["state"] = std::string(datachannel::toString(channel.state));
    m["messagesSent"] = channel.messagesSent;
    m["bytesSent"] = channel.bytesSent;
    m["messagesReceived"] = channel.messagesReceived;
    m["bytesReceived"] = channel.bytesReceived;
  }
  auto& m = out.add("peer-connection", "P").members;
  m["dataChannelsOpened"] = stats.dataChannelsOpened;
  m["dataChannelsClosed"] = stats.dataChannelsClosed;
  return RTCStatsReport(std::move(map));
}

/// §4.4.2 getStats(): with a selector, that must name exactly one sender or receiver.
Promise<RTCStatsReport> PeerConnection::getStats(std::shared_ptr<MediaStreamTrack> selector) {
  const Deferred<RTCStatsReport> deferred = defer<RTCStatsReport>();
  if (!selector) {
    body_->queueTask([weak = weak_from_this(), deferred] {
      if (auto self = weak.lock()) deferred.resolve(self->makeReport([](auto&, bool) { return true; }, true));
    });
    return deferred.promise();
  }
  std::vector<std::pair<uint64_t, bool>> matches;
  for (const auto& transceiver : transceivers()) {
    if (transceiver->sender_->track_ == selector) matches.emplace_back(transceiver->id_, true);
    if (transceiver->receiver_->track_ == selector) matches.emplace_back(transceiver->id_, false);
  }
  if (matches.size() != 1) {
    deferred.reject(DOMException("getStats: " + std::to_string(matches.size()) +
                                     " senders and receivers have the track, must be 1",
                                 DOMException::kInvalidAccessError));
    return deferred.promise();
  }
  return getStats(matches.front().first, matches.front().second);
}

Promise<RTCStatsReport> PeerConnection::getStats(uint64_t transceiver, bool ofSender) {
  const Deferred<RTCStatsReport> deferred = defer<RTCStatsReport>();
  const jsep::TransceiverId id(static_cast<uint32_t>(transceiver));
  body_->queueTask([weak = weak_from_this(), deferred, id, ofSender] {
    auto self = weak.lock();
    if (!self) return;
    deferred.resolve(self->makeReport(
        [=](const jsep::TransceiverId& of, bool sender) { return of == id && sender == ofSender; }, false));
  });
  return deferred.promise();
}

}  // namespace peerage::detail
