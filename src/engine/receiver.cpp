#include "engine/receiver.hpp"

#include <algorithm>
#include <cmath>

namespace peerage::engine {

namespace {

/// A stream that was silent for so long gives way to another SSRC's packets.
constexpr Duration kSilence = 500ms;
/// Between two key frame requests of one stream, for whatever reasons.
constexpr Duration kKeyFrameSpacing = 300ms;
/// webrtc-pc §5.3 getContributingSources(): "in the last 10 seconds".
constexpr Duration kSourceAge = 10s;

bool hasFeedback(const jsep::Codec& codec, std::string_view type, std::string_view parameter) {
  return std::ranges::any_of(codec.feedback,
                             [&](const jsep::Feedback& f) { return f.type == type && f.parameter == parameter; });
}

bool isSignal(const jsep::Codec& codec) { return media::sameCodecName(codec.name, "telephone-event"); }

}  // namespace

void Receiver::configure(Timestamp now, const jsep::MediaPlan& plan) {
  mid_ = plan.mid;
  remoteSsrcs_ = plan.remoteSsrcs;
  const Duration target = fromSeconds(plan.jitterBufferTarget.value_or(0) / 1000);
  if (std::exchange(target_, target) != target) {
    for (const auto& stream : streams_) targetChanged(now, *stream);
  }
  if (codecs_ != plan.receiveCodecs) {
    codecs_ = plan.receiveCodecs;
    for (const auto& stream : streams_) {
      if (!stream->codec) continue;
      const jsep::Codec* codec = codecOf(stream->codec->payloadType);
      if (!codec) {
        stopDecoding(*stream);
        stream->codec.reset();
      } else if (*codec != *stream->codec) {
        setCodec(now, *stream, *codec);
      }
    }
  }
  if (plan.receive == receptive_) return;
  receptive_ = plan.receive;
  announced_ = false;
  if (receptive_) return;
  for (const auto& stream : streams_) {
    stopDecoding(*stream);
    stream->codec.reset();
    stream->nack.reset();
    stream->keyFrameWanted = false;
  }
  active_ = nullptr;
  sources_.clear();
}

const jsep::Codec* Receiver::codecOf(uint8_t payloadType) const {
  for (const jsep::CodecPlan& plan : codecs_) {
    if (plan.codec.payloadType == payloadType) return &plan.codec;
  }
  return nullptr;
}

const jsep::Codec* Receiver::repairedCodec(uint8_t payloadType) const {
  for (const jsep::CodecPlan& plan : codecs_) {
    if (plan.rtxPayloadType == payloadType) return &plan.codec;
  }
  return nullptr;
}

media::CodecDescription Receiver::codecDescription(const jsep::Codec& codec) const {
  media::CodecDescription out;
  out.kind = kind_ == jsep::MediaKind::video ? media::MediaKind::video : media::MediaKind::audio;
  out.mimeType = (kind_ == jsep::MediaKind::video ? "video/" : "audio/") + codec.name;
  out.clockRate = codec.clockRate;
  out.channels = codec.channels;
  out.sdpFmtpLine = codec.fmtp;
  return out;
}

Receiver::Stream* Receiver::findStream(rtp::Ssrc ssrc) {
  for (const auto& stream : streams_) {
    if (stream->ssrc == ssrc) return stream.get();
  }
  return nullptr;
}

Receiver::Stream* Receiver::streamFor(Timestamp now, rtp::Ssrc ssrc, const jsep::Codec& codec) {
  if (Stream* found = findStream(ssrc)) return found;
  if (streams_.size() >= kMaxStreams) {
    const auto oldest = std::ranges::min_element(streams_, {}, [this](const std::unique_ptr<Stream>& s) {
      return s.get() == active_ ? Timestamp::max() : s->lastPacket.value_or(Timestamp::min());
    });
    if (now - (*oldest)->lastPacket.value_or(Timestamp{}) < kSilence) return nullptr;
    streams_.erase(oldest);
  }
  Stream& made = *streams_.emplace_back(makeStream(ssrc, codec.clockRate));
  made.nack.setRoundTripTime(roundTrip_);
  return &made;
}

void Receiver::setCodec(Timestamp now, Stream& stream, const jsep::Codec& codec) {
  stream.codec = codec;
  stream.useNack = hasFeedback(codec, "nack", "");
  if (!stream.useNack) stream.nack.reset();
  codecChanged(now, stream);
}

// A new SSRC is decoded at once: the peer has begun anew, or sends another source. One that was left comes back only
// when the other is silent, so that two that send at a time do not alternate.
bool Receiver::chooseActive(Timestamp now, Stream& stream, bool isNew) {
  if (active_ == &stream) return true;
  const bool silent = !active_ || !active_->lastPacket || now - *active_->lastPacket >= kSilence;
  if (!isNew && !silent) return false;
  if (active_) {
    stopDecoding(*active_);
    active_->codec.reset();
    active_->nack.reset();
  }
  active_ = &stream;
  stream.codec.reset();
  return true;
}

void Receiver::onPacket(Timestamp now, const rtp::PacketView& packet, const rtp::Extensions& values) {
  if (!receptive_) return;
  const jsep::Codec* codec = codecOf(packet.payloadType);
  if (codec && isSignal(*codec)) return onSignal(now, packet);
  if (!codec) {
    if (const jsep::Codec* repaired = repairedCodec(packet.payloadType)) {
      onRetransmission(now, packet, *repaired);
      return;
    }
    ++context_.dropped.unknownPayloadTypes;
    return;
  }
  Stream* stream = streamFor(now, packet.ssrc, *codec);
  if (!stream) {
    ++context_.dropped.streamLimit;
    return;
  }
  using Order = rtp::ReceiveStatistics::Order;
  const auto place = stream->statistics.onPacket(now, packet);
  if (place.order == Order::suspect) {
    ++context_.dropped.suspectRtp;
    return;
  }
  if (!announced_) {
    announced_ = true;
    context_.events.push_back(FirstPacket{transceiver_});
  }
  const bool active = chooseActive(now, *stream, !stream->lastPacket);
  stream->lastPacket = now;
  stream->reported = false;
  noteSources(now, packet, values);
  if (!active) {
    ++stream->discarded;
    return;
  }
  if (!stream->codec || stream->codec->payloadType != packet.payloadType) setCodec(now, *stream, *codec);
  if (place.order == Order::restarted) {
    stream->nack.reset();
    codecChanged(now, *stream);
  }
  if (stream->useNack) stream->nack.onPacket(now, place.sequence);
  decode(now, *stream, packet);
  updateWanted(now, *stream);
}

// RFC 4733: tones that are told, not heard. They take sequence numbers of the sound's stream, and leave its decoder alone;
// that their timestamps stand still says nothing of the network.
void Receiver::onSignal(Timestamp now, const rtp::PacketView& packet) {
  Stream* stream = findStream(packet.ssrc);
  if (!stream) return;
  const auto place = stream->statistics.onPacket(now, packet, true);
  if (place.order == rtp::ReceiveStatistics::Order::suspect) return;
  stream->lastPacket = now;
  stream->reported = false;
  if (stream->useNack) stream->nack.onPacket(now, place.sequence);
}

// RFC 4588 §4: the payload begins with the original sequence number. Which stream it repairs is said by
// a=ssrc-group:FID; without that it is the one that packets were asked of. Reports on the original stream do not count
// it as received.
void Receiver::onRetransmission(Timestamp now, const rtp::PacketView& packet, const jsep::Codec& codec) {
  const auto at = std::ranges::find(remoteSsrcs_, std::optional(packet.ssrc.value()),
                                    &jsep::MediaPlan::RemoteSsrc::rtxSsrc);
  Stream* stream = at == remoteSsrcs_.end() ? active_ : findStream(rtp::Ssrc{at->ssrc});
  // A packet of padding alone probes the path.
  if (!stream || stream != active_ || packet.payload.size() < 2) return;
  if (!stream->codec || stream->codec->payloadType != codec.payloadType) return;
  rtp::PacketView original = packet;
  original.ssrc = stream->ssrc;
  original.payloadType = codec.payloadType;
  original.sequenceNumber = loadU16(packet.payload.data());
  original.payload = packet.payload.subspan(2);
  const int64_t sequence = stream->statistics.unwrapped(original.sequenceNumber);
  if (sequence > stream->statistics.highestSequence().value_or(0)) return;
  ++stream->retransmitted;
  stream->retransmittedBytes += original.payload.size();
  stream->lastPacket = now;
  stream->nack.onPacket(now, sequence);
  decode(now, *stream, original);
  updateWanted(now, *stream);
}

void Receiver::updateWanted(Timestamp now, Stream& stream) {
  if (stream.nack.takeGivenUp()) askForKeyFrame(now, stream);
  const auto nack = stream.useNack ? stream.nack.nextTimeout() : std::nullopt;
  if (stream.keyFrameWanted || (nack && nack->at <= now)) feedbackWanted_ = true;
}

void Receiver::askForKeyFrame(Timestamp now, Stream& stream) {
  if (kind_ != jsep::MediaKind::video || !stream.codec) return;
  if (stream.keyFrameAsked && now - *stream.keyFrameAsked < kKeyFrameSpacing) return;
  if (!hasFeedback(*stream.codec, "nack", "pli") && !hasFeedback(*stream.codec, "ccm", "fir")) return;
  stream.keyFrameAsked = now;
  stream.keyFrameWanted = true;
  feedbackWanted_ = true;
}

void Receiver::noteSources(Timestamp now, const rtp::PacketView& packet, const rtp::Extensions& values) {
  std::optional<double> level;
  if (values.audioLevel) {
    // webrtc-pc §5.3: 127 is silence, and reads 0.
    const uint8_t l = values.audioLevel->level;
    level = l == 127 ? 0.0 : std::pow(10.0, -double{1} * l / 20.0);
  }
  const auto note = [&](uint32_t source, bool contributing) {
    const auto at = std::ranges::find_if(
        sources_, [&](const Connection::Source& s) { return s.source == source && s.contributing == contributing; });
    Connection::Source entry{source, contributing, now, packet.timestamp, contributing ? std::nullopt : level};
    if (at != sources_.end()) {
      *at = entry;
    } else if (sources_.size() < kMaxSources) {
      sources_.push_back(entry);
    } else {
      *std::ranges::min_element(sources_, {}, &Connection::Source::arrival) = entry;
    }
  };
  note(packet.ssrc.value(), false);
  for (size_t at = 0; at < packet.csrcs.size(); at += 4) note(loadU32(packet.csrcs.data() + at), true);
}

void Receiver::onSenderReport(Timestamp now, rtp::Ssrc ssrc, const rtp::SenderInfo& info) {
  Stream* stream = findStream(ssrc);
  if (!stream) return;
  stream->statistics.onSenderReport(now, info.ntp);
  const uint64_t before = stream->remote ? stream->remote->reportsSent : 0;
  stream->remote = InboundStats::RemoteOutbound{now, info.ntp, info.packetCount, info.octetCount, before + 1};
}

void Receiver::onBye(Timestamp, rtp::Ssrc ssrc) {
  Stream* stream = findStream(ssrc);
  if (!stream) return;
  if (stream == active_) active_ = nullptr;
  std::erase_if(streams_, [&](const std::unique_ptr<Stream>& s) { return s.get() == stream; });
  if (!streams_.empty() || !announced_) return;
  announced_ = false;
  context_.events.push_back(PeerBye{transceiver_});
}

void Receiver::handleTimeout(Timestamp now) {
  if (!active_) return;
  streamTimeout(now, *active_);
  if (active_) updateWanted(now, *active_);
}

std::optional<Timeout> Receiver::nextTimeout() const {
  if (!active_) return std::nullopt;
  std::optional<Timeout> next = streamNextTimeout(*active_);
  // Once feedback is wanted, RTCP's timing says when.
  if (active_->useNack && !feedbackWanted_) next = soonest(next, active_->nack.nextTimeout());
  return next;
}

void Receiver::reportBlocks(Timestamp now, std::vector<rtp::ReportBlock>& out) {
  for (const auto& stream : streams_) {
    if (stream->reported) continue;  // RFC 3550 §6.4: only sources heard from since the last report
    stream->reported = true;
    out.push_back(stream->statistics.report(now, stream->ssrc));
  }
}

void Receiver::takeFeedback(Timestamp now, std::vector<MediaFeedback>& out) {
  feedbackWanted_ = false;
  if (!active_ || !active_->codec) return;
  Stream& stream = *active_;
  MediaFeedback feedback;
  feedback.media = stream.ssrc;
  if (stream.useNack) {
    stream.nack.due(now, nackScratch_);
    if (stream.nack.takeGivenUp()) askForKeyFrame(now, stream);
    feedbackWanted_ = false;
    if (!nackScratch_.empty()) {
      feedback.nack = nackScratch_;
      ++stream.nackCount;
    }
  }
  if (stream.keyFrameWanted) {
    stream.keyFrameWanted = false;
    feedback.keyFrame = true;
    feedback.byFullIntraRequest = !hasFeedback(*stream.codec, "nack", "pli");
    if (feedback.byFullIntraRequest) {
      feedback.commandNumber = stream.firCommand++;
      ++stream.firCount;
    } else {
      ++stream.pliCount;
    }
  }
  if (feedback.keyFrame || !feedback.nack.empty()) out.push_back(std::move(feedback));
}

void Receiver::setRoundTripTime(Duration rtt) {
  roundTrip_ = rtt;
  if (active_) active_->nack.setRoundTripTime(rtt);
}

std::vector<Connection::Source> Receiver::sources(Timestamp now) const {
  std::vector<Connection::Source> out;
  for (const Connection::Source& source : sources_) {
    if (now - source.arrival <= kSourceAge) out.push_back(source);
  }
  std::ranges::sort(out, std::greater{}, &Connection::Source::arrival);
  return out;
}

void Receiver::fillStats(Timestamp now, std::vector<InboundStats>& out) const {
  for (const auto& stream : streams_) {
    InboundStats stats;
    stats.transceiver = transceiver_;
    stats.kind = kind_;
    stats.mid = mid_;
    stats.ssrc = stream->ssrc.value();
    if (const auto& codec = stream->codec) {
      stats.codec = CodecStats{codec->payloadType, codecDescription(*codec).mimeType, codec->clockRate, codec->channels,
                               codec->fmtp};
    }
    stats.packetsReceived = stream->statistics.packets() + stream->retransmitted;
    stats.packetsLost = stream->statistics.packetsLost();
    stats.jitter = stream->statistics.jitter();
    stats.bytesReceived = stream->statistics.payloadBytes() + stream->retransmittedBytes;
    stats.headerBytesReceived = stream->statistics.headerBytes();
    stats.lastPacketReceived = stream->lastPacket;
    stats.packetsDiscarded = stream->discarded;
    stats.nackCount = stream->nackCount;
    stats.pliCount = stream->pliCount;
    stats.firCount = stream->firCount;
    stats.retransmittedPacketsReceived = stream->retransmitted;
    stats.remote = stream->remote;
    streamStats(now, *stream, stats);
    out.push_back(std::move(stats));
  }
}

}  // namespace peerage::engine
