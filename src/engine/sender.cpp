#include "engine/sender.hpp"

#include <algorithm>

namespace peerage::engine {

namespace {

bool hasFeedback(const jsep::Codec& codec, std::string_view type, std::string_view parameter) {
  return std::ranges::any_of(codec.feedback,
                             [&](const jsep::Feedback& f) { return f.type == type && f.parameter == parameter; });
}

}  // namespace

std::unique_ptr<Sender> Sender::make(MediaContext& context, const jsep::MediaPlan& plan) {
  if (plan.kind == jsep::MediaKind::audio) return std::make_unique<AudioSender>(context, plan);
  return std::make_unique<VideoSender>(context, plan);
}

Sender::Sender(MediaContext& context, const jsep::MediaPlan& plan, uint32_t clockRate)
    : context_(context),
      stream_(rtp::Ssrc{plan.encodings.empty() ? context.random.u32() : plan.encodings.front().ssrc}, plan.kind,
              clockRate, context.random),
      transceiver_(plan.transceiver) {}

bool Sender::configure(Timestamp now, const jsep::MediaPlan& plan, std::optional<uint64_t> maxTotalBitrate) {
  if (!plan.encodings.empty() && plan.encodings.front().ssrc != stream_.ssrc().value()) return false;
  stream_.mid = plan.mid;
  stream_.cname = plan.cname;
  send_ = plan.send;
  hasTrack_ = plan.hasTrack;
  if (!plan.encodings.empty()) encoding_ = plan.encodings.front();
  active_ = encoding_.active;
  std::optional<uint64_t> limit = encoding_.maxBitrate;
  for (const std::optional<uint64_t>& other : {plan.maxSendBitrate, maxTotalBitrate}) {
    if (other && (!limit || *other < *limit)) limit = other;
  }
  maxBitrate_ = limit;
  const jsep::CodecPlan* chosen = jsep::codecOf(plan, encoding_);
  const std::optional<jsep::Codec> codec = chosen ? std::optional(chosen->codec) : std::nullopt;
  if (codec != codec_) {
    codec_ = codec;
    codecChanged(now);
  } else {
    limitsChanged();
  }
  telephoneEvent_.reset();
  for (const jsep::CodecPlan& one : plan.sendCodecs) {
    if (!media::sameCodecName(one.codec.name, "telephone-event")) continue;
    if (!telephoneEvent_ || (codec_ && one.codec.clockRate == codec_->clockRate)) telephoneEvent_ = one.codec;
  }
  std::optional<OutgoingStream::Rtx> rtx;
  if (chosen && chosen->rtxPayloadType && encoding_.rtxSsrc != 0)
    rtx = OutgoingStream::Rtx{rtp::Ssrc{encoding_.rtxSsrc}, *chosen->rtxPayloadType};
  stream_.configureRetransmission(codec_ && hasFeedback(*codec_, "nack", ""), rtx);
  stream_.transportFeedback = codec_ && hasFeedback(*codec_, "transport-cc", "") &&
                              stream_.extensions.has(rtp::ExtensionType::transport_sequence_number);
  return true;
}

media::CodecDescription Sender::codecDescription(const jsep::Codec& codec) const {
  const bool video = stream_.kind() == jsep::MediaKind::video;
  media::CodecDescription out;
  out.kind = video ? media::MediaKind::video : media::MediaKind::audio;
  out.mimeType = (video ? "video/" : "audio/") + codec.name;
  out.clockRate = codec.clockRate;
  out.channels = codec.channels;
  out.sdpFmtpLine = codec.fmtp;
  return out;
}

void Sender::commonStats(OutboundStats& out) const {
  out.transceiver = transceiver_;
  out.kind = stream_.kind();
  out.mid = stream_.mid;
  out.rid = encoding_.rid;
  out.ssrc = stream_.ssrc().value();
  if (codec_) {
    out.codec = CodecStats{codec_->payloadType, codecDescription(*codec_).mimeType, codec_->clockRate, codec_->channels,
                           codec_->fmtp};
  }
  out.active = send_ && active_;
  // webrtc-stats: what goes over the RTX stream is accounted for here.
  out.packetsSent = stream_.statistics.packets() + stream_.retransmittedPackets;
  out.bytesSent = stream_.statistics.payloadBytes() + stream_.retransmittedBytes;
  out.headerBytesSent = stream_.statistics.headerBytes();
  out.retransmittedPacketsSent = stream_.retransmittedPackets;
  out.retransmittedBytesSent = stream_.retransmittedBytes;
  out.nackCount = stream_.nackCount;
  out.pliCount = stream_.pliCount;
  out.firCount = stream_.firCount;
  out.totalPacketSendDelay = stream_.sendDelay;
  out.targetBitrate = targetBitrate();
  if (const auto& remote = stream_.statistics.remote()) {
    out.remote = OutboundStats::RemoteInbound{remote->received,
                                              remote->packetsLost,
                                              remote->fractionLost,
                                              remote->jitter,
                                              remote->packetsReceived,
                                              remote->roundTripTime,
                                              remote->totalRoundTripTime,
                                              remote->roundTripTimeMeasurements};
  }
}

}  // namespace peerage::engine
