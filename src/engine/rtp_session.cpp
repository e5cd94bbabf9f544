#include "engine/rtp_session.hpp"

#include <algorithm>

namespace peerage::engine {

namespace {

constexpr Duration kVideoReports = 1s;
constexpr Duration kAudioReports = 5s;

bool wantsTransportFeedback(const jsep::MediaPlan& plan) {
  return std::ranges::any_of(plan.receiveCodecs, [](const jsep::CodecPlan& c) {
    return std::ranges::any_of(c.codec.feedback, [](const jsep::Feedback& f) { return f.type == "transport-cc"; });
  });
}

}  // namespace

RtpSession::RtpSession(MediaContext& context, transport::Transport& transport)
    : context_(context),
      transport_(transport),
      scheduler_(rtp::RtcpScheduler::Config{.interval = kAudioReports}, context.random),
      fallbackSsrc_(context.random.u32()) {}

rtp::ExtensionMap RtpSession::extensionMap(std::span<const Section> sections) {
  rtp::ExtensionMap map;
  for (const Section& s : sections) {
    for (const jsep::HeaderExtension& extension : s.plan->headerExtensions) {
      const auto type = rtp::extensionType(extension.uri);
      if (type && extension.id <= 255) map.set(*type, static_cast<uint8_t>(extension.id));
    }
  }
  return map;
}

void RtpSession::configure(Timestamp now, std::span<const Section> sections) {
  sections_.assign(sections.begin(), sections.end());
  extensions_ = extensionMap(sections_);
  byKey_.clear();
  bool video = false;
  reducedSize_ = !sections_.empty();
  transportFeedback_ = false;
  std::vector<rtp::Demuxer::Section> table;
  for (size_t i = 0; i < sections_.size(); ++i) {
    const jsep::MediaPlan& plan = *sections_[i].plan;
    rtp::Demuxer::Section entry;
    entry.key = plan.transceiver.value();
    entry.mid = plan.mid;
    for (const jsep::CodecPlan& codec : plan.receiveCodecs) {
      entry.payloadTypes.push_back(codec.codec.payloadType);
      if (codec.rtxPayloadType) entry.payloadTypes.push_back(*codec.rtxPayloadType);
    }
    for (const auto& remote : plan.remoteSsrcs) {
      entry.remoteSsrcs.push_back(rtp::Ssrc{remote.ssrc});
      if (remote.rtxSsrc) entry.remoteSsrcs.push_back(rtp::Ssrc{*remote.rtxSsrc});
    }
    if (sections_[i].sender) entry.localSsrcs.push_back(sections_[i].sender->stream().ssrc());
    byKey_[entry.key] = i;
    table.push_back(std::move(entry));
    video = video || plan.kind == jsep::MediaKind::video;
    reducedSize_ = reducedSize_ && plan.reducedSizeRtcp;
    transportFeedback_ = transportFeedback_ || wantsTransportFeedback(plan);
    if (sections_[i].sender) {
      sections_[i].sender->setSink(this);
      sections_[i].sender->setTransportReady(started_);
      afterSender(*sections_[i].sender);
    }
  }
  transportFeedback_ = transportFeedback_ && extensions_.has(rtp::ExtensionType::transport_sequence_number);
  demuxer_.configure(table);
  scheduler_.setInterval(now, video ? kVideoReports : kAudioReports);
  receiversWake_ = Timeout{now, "receivers"};
}

void RtpSession::start(Timestamp now) {
  if (started_) return;
  started_ = true;
  scheduler_.start(now);
  for (const Section& s : sections_) {
    if (s.sender) s.sender->setTransportReady(true);
  }
}

const RtpSession::Section* RtpSession::section(std::optional<rtp::SectionKey> key) const {
  if (!key) return nullptr;
  const auto at = byKey_.find(*key);
  return at == byKey_.end() ? nullptr : &sections_[at->second];
}

Sender* RtpSession::senderOf(rtp::Ssrc ssrc) {
  const Section* s = section(demuxer_.localSection(ssrc));
  return s ? s->sender : nullptr;
}

Receiver* RtpSession::receiverOf(rtp::Ssrc ssrc) {
  const Section* s = section(demuxer_.remoteSection(ssrc));
  return s ? s->receiver : nullptr;
}

// ---- Packets in -----------------------------------------------------------------------------------------------------

void RtpSession::onRtp(Timestamp now, ByteView bytes) {
  const auto packet = rtp::PacketView::parse(bytes);
  if (!packet) {
    ++context_.dropped.malformedRtp;
    return;
  }
  const rtp::Extensions values = packet->extensions(extensions_);
  if (transportFeedback_ && values.transportSequenceNumber) {
    arrivals_.onPacket(now, *values.transportSequenceNumber);
    lastMedia_ = packet->ssrc;
  }
  const auto route = demuxer_.route(*packet, values);
  const Section* s = route ? section(route->section) : nullptr;
  if (!s || !s->receiver) {
    ++context_.dropped.unroutedRtp;
    return;
  }
  s->receiver->onPacket(now, *packet, values);
  afterReceiver(now, *s->receiver);
}

void RtpSession::afterReceiver(Timestamp now, Receiver& receiver) {
  if (receiver.wantsFeedback()) scheduler_.requestEarly(now);
  receiversWake_ = soonest(receiversWake_, receiver.nextTimeout());
}

void RtpSession::onRtcp(Timestamp now, ByteView bytes) {
  rtp::RtcpReader reader(bytes);
  while (const auto packet = reader.next()) {
    std::visit([&](const auto& p) { handle(now, p); }, *packet);
  }
  context_.dropped.malformedRtcp += reader.malformed();
  context_.dropped.unknownRtcp += reader.unknown();
}

void RtpSession::handle(Timestamp now, const rtp::SenderReport& report) {
  if (Receiver* receiver = receiverOf(report.sender)) receiver->onSenderReport(now, report.sender, report.info);
  reportBlocks(now, report.blocks);
}

void RtpSession::handle(Timestamp now, const rtp::ReceiverReport& report) { reportBlocks(now, report.blocks); }

void RtpSession::reportBlocks(Timestamp now, const rtp::ReportBlocks& blocks) {
  for (size_t i = 0; i < blocks.size(); ++i) {
    const rtp::ReportBlock block = blocks[i];
    Sender* sender = senderOf(block.ssrc);
    if (!sender) continue;
    sender->stream().onReportBlock(now, block);
    const auto& remote = sender->stream().statistics.remote();
    if (!remote->roundTripTime) continue;
    roundTrip_ = remote->roundTripTime;
    for (const Section& s : sections_) {
      if (s.receiver) s.receiver->setRoundTripTime(*roundTrip_);
    }
  }
}

void RtpSession::handle(Timestamp, const rtp::SourceDescription& description) {
  if (!description.mid.empty()) demuxer_.learn(description.source, description.mid);
}

void RtpSession::handle(Timestamp now, const rtp::Bye& bye) {
  for (size_t i = 0; i < bye.size(); ++i) {
    if (Receiver* receiver = receiverOf(bye[i])) receiver->onBye(now, bye[i]);
    demuxer_.forget(bye[i]);
  }
}

void RtpSession::handle(Timestamp now, const rtp::Nack& nack) {
  Sender* sender = senderOf(nack.media);
  if (!sender) return;
  OutgoingStream& stream = sender->stream();
  ++stream.nackCount;
  nack.forEach([&](uint16_t sequence) {
    Bytes packet = buffer();
    if (const auto sending = stream.beginResend(now, sequence, packet)) {
      pacer_.push(now, &stream, std::move(packet), *sending);
    } else {
      transport_.recycle(std::move(packet));
    }
  });
  flush(now);
}

void RtpSession::handle(Timestamp, const rtp::TransportFeedbackPacket& packet) {
  if (!rtp::parseTransportFeedback(packet.body, feedback_)) {
    ++context_.dropped.malformedRtcp;
    return;
  }
  history_.onFeedback(feedback_, results_);
}

void RtpSession::handle(Timestamp, const rtp::PictureLossIndication& request) {
  Sender* sender = senderOf(request.media);
  if (!sender) return;
  ++sender->stream().pliCount;
  sender->requestKeyFrame();
}

void RtpSession::handle(Timestamp, const rtp::FullIntraRequest& request) {
  Sender* sender = senderOf(request.media);
  if (!sender) return;
  OutgoingStream& stream = sender->stream();
  if (stream.lastFir == request.commandNumber) return;  // RFC 5104 §4.3.1.2: a repetition of the same command
  stream.lastFir = request.commandNumber;
  ++stream.firCount;
  sender->requestKeyFrame();
}

// An estimate of the peer's; nothing here offers goog-remb, so that none is to be expected.
void RtpSession::handle(Timestamp, const rtp::Remb&) { ++context_.dropped.unknownRtcp; }

// ---- Packets out ----------------------------------------------------------------------------------------------------

void RtpSession::send(Timestamp now, OutgoingStream& stream, Bytes packet) {
  if (stream.kind() == jsep::MediaKind::audio) {
    release(now, stream, std::move(packet), Sending::first);
  } else {
    pacer_.push(now, &stream, std::move(packet), Sending::first);
  }
}

void RtpSession::release(Timestamp now, OutgoingStream& stream, Bytes packet, Sending sending) {
  if (sending == Sending::repetition) {  // with the transport-wide number that it had: it cannot be changed any more
    stream.onRepetition(packet);
    transport_.repeatRtp(now, std::move(packet));
    return;
  }
  std::optional<uint16_t> sequence;
  if (stream.transportFeedback) sequence = history_.onSent(now, packet.size());
  if (sending == Sending::retransmission) {
    stream.onRetransmission(now, packet, sequence);
  } else {
    stream.onSend(now, packet, sequence);
  }
  const size_t clearSize = packet.size();
  const bool keep = sending == Sending::first && stream.keepsProtected();
  if (transport_.sendRtp(now, std::move(packet), keep ? &protected_ : nullptr) && keep)
    stream.keepProtected(now, protected_, protected_.size() - clearSize);
}

void RtpSession::flush(Timestamp now) {
  if (!started_) return;
  double bitrate = 0;
  for (const Section& s : sections_) {
    if (s.sender && s.sender->stream().kind() == jsep::MediaKind::video) bitrate += s.sender->targetBitrate();
  }
  pacer_.setBitrate(std::max(bitrate, 300'000.0));
  while (auto item = pacer_.pop(now)) {
    item->stream->sendDelay += now - item->queued;
    release(now, *item->stream, std::move(item->packet), item->sending);
  }
}

// ---- Time -----------------------------------------------------------------------------------------------------------

void RtpSession::handleTimeout(Timestamp now) {
  if (receiversWake_ && receiversWake_->at <= now) {
    receiversWake_.reset();
    for (const Section& s : sections_) {
      if (!s.receiver) continue;
      s.receiver->handleTimeout(now);
      afterReceiver(now, *s.receiver);
    }
  }
  if (sendersWake_ && sendersWake_->at <= now) {
    sendersWake_.reset();
    for (const Section& s : sections_) {
      if (!s.sender) continue;
      s.sender->handleTimeout(now);
      afterSender(*s.sender);
    }
  }
  if (!started_) return;
  flush(now);
  if (sections_.empty()) return;  // data alone: there is nothing to report on
  if (scheduler_.regularDue(now)) {
    sendReports(now);
  } else if (scheduler_.earlyDue(now)) {
    sendFeedback(now);
  }
  const auto due = arrivals_.nextTimeout();
  if (due && *due <= now) sendTransportFeedback(now);
}

std::optional<Timeout> RtpSession::nextTimeout() const {
  std::optional<Timeout> next = soonest(receiversWake_, sendersWake_);
  if (!started_) return next;
  if (sections_.empty()) return next;
  next = soonest(next, pacer_.nextTimeout());
  next = soonest(next, scheduler_.nextTimeout());
  if (const auto due = arrivals_.nextTimeout()) next = soonest(next, Timeout{*due, "transport feedback"});
  return next;
}

}  // namespace peerage::engine
