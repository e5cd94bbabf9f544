// The RTCP that a session sends.
#include <algorithm>

#include "engine/rtp_session.hpp"

namespace peerage::engine {

namespace {

/// A compound is closed once it is this long; what may be added then still fits a path of 1280 bytes.
constexpr size_t kCompoundTarget = 900;
/// Report blocks in one packet: 20 of them are 480 bytes.
constexpr size_t kBlocksPerPacket = 20;

}  // namespace

rtp::Ssrc RtpSession::localSsrc() const {
  for (const Section& s : sections_) {
    if (s.sender) return s.sender->stream().ssrc();
  }
  return fallbackSsrc_;
}

std::string_view RtpSession::cname() const {
  for (const Section& s : sections_) {
    if (!s.plan->cname.empty()) return s.plan->cname;
  }
  return {};
}

void RtpSession::sendRtcp(Timestamp now, Bytes packet) { transport_.sendRtcp(now, std::move(packet)); }

Bytes RtpSession::beginFeedback() {
  Bytes out = buffer();
  out.clear();
  if (reducedSize_) return out;
  rtp::RtcpWriter writer(out);
  writer.receiverReport(localSsrc(), {});
  writer.cname(localSsrc(), cname());
  return out;
}

// RFC 3550 §6.1: every compound begins with a report, and has a CNAME; one per stream of ours that has sent.
void RtpSession::sendReports(Timestamp now) {
  blocks_.clear();
  for (const Section& s : sections_) {
    if (s.receiver) s.receiver->reportBlocks(now, blocks_);
  }
  if (!roundTrip_) {
    // Without streams of ours no report measures it; ICE has.
    if (const auto rtt = transport_.ice().roundTripTime()) {
      for (const Section& s : sections_) {
        if (s.receiver) s.receiver->setRoundTripTime(*rtt);
      }
    }
  }
  std::span<const rtp::ReportBlock> left = blocks_;
  const auto take = [&] {
    const auto here = left.first(std::min(left.size(), kBlocksPerPacket));
    left = left.subspan(here.size());
    return here;
  };
  Bytes out = buffer();
  out.clear();
  bool any = false;
  const auto closeWhenFull = [&] {
    if (out.size() < kCompoundTarget) return;
    sendRtcp(now, std::move(out));
    out = buffer();
    out.clear();
  };
  for (const Section& s : sections_) {
    if (!s.sender || !s.sender->stream().started()) continue;
    OutgoingStream& stream = s.sender->stream();
    rtp::RtcpWriter writer(out);
    writer.senderReport(stream.ssrc(), stream.statistics.senderInfo(now, stream.reportTimestamp(now)), take());
    writer.cname(stream.ssrc(), stream.cname);
    any = true;
    closeWhenFull();
  }
  while (!left.empty() || !any) {
    rtp::RtcpWriter writer(out);
    writer.receiverReport(localSsrc(), take());
    writer.cname(localSsrc(), cname());
    any = true;
    closeWhenFull();
  }
  collectFeedback(now);
  if (!pendingFeedback_.empty() && out.empty()) out = beginFeedback();
  rtp::RtcpWriter writer(out);
  writeFeedback(writer);
  if (!out.empty()) sendRtcp(now, std::move(out));
  scheduler_.sent(now, true);
}

void RtpSession::collectFeedback(Timestamp now) {
  pendingFeedback_.clear();
  for (const Section& s : sections_) {
    if (!s.receiver || !s.receiver->wantsFeedback()) continue;
    s.receiver->takeFeedback(now, pendingFeedback_);
    receiversWake_ = soonest(receiversWake_, s.receiver->nextTimeout());
  }
}

void RtpSession::writeFeedback(rtp::RtcpWriter& writer) {
  for (const MediaFeedback& feedback : pendingFeedback_) {
    writer.nack(localSsrc(), feedback.media, feedback.nack);
    if (!feedback.keyFrame) continue;
    if (feedback.byFullIntraRequest) {
      writer.fullIntraRequest(localSsrc(), feedback.media, feedback.commandNumber);
    } else {
      writer.pictureLoss(localSsrc(), feedback.media);
    }
  }
}

void RtpSession::sendFeedback(Timestamp now) {
  collectFeedback(now);
  if (!pendingFeedback_.empty()) {
    Bytes out = beginFeedback();
    rtp::RtcpWriter writer(out);
    writeFeedback(writer);
    if (!out.empty()) sendRtcp(now, std::move(out));
  }
  scheduler_.sent(now, false);
}

void RtpSession::sendTransportFeedback(Timestamp now) {
  while (arrivals_.build(now, body_)) {
    Bytes out = beginFeedback();
    rtp::RtcpWriter(out).transportFeedback(localSsrc(), lastMedia_, body_);
    sendRtcp(now, std::move(out));
  }
}

void RtpSession::detach(Sender& sender) {
  pacer_.remove(&sender.stream());
  sender.stream().forgetProtected();
  sender.setSink(nullptr);
}

void RtpSession::bye(Timestamp now, Sender& sender) {
  detach(sender);
  if (!started_ || !sender.stream().started()) return;
  const OutgoingStream& stream = sender.stream();
  const rtp::Ssrc ssrc = stream.ssrc();
  Bytes out = buffer();
  out.clear();
  rtp::RtcpWriter writer(out);
  writer.senderReport(ssrc, stream.statistics.senderInfo(now, stream.reportTimestamp(now)), {});
  writer.cname(ssrc, stream.cname);
  writer.bye(std::span(&ssrc, 1));
  sendRtcp(now, std::move(out));
}

void RtpSession::byeAll(Timestamp now) {
  for (const Section& s : sections_) {
    if (s.sender) bye(now, *s.sender);
  }
}

}  // namespace peerage::engine
