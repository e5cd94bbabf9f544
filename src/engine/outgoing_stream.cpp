#include "engine/outgoing_stream.hpp"

namespace peerage::engine {

using rtp::ExtensionType;

void OutgoingStream::beginPacket(uint8_t payloadType, bool marker, uint32_t timestamp, bool important,
                                 std::optional<rtp::AudioLevel> level, Bytes& out) {
  rtp::Extensions values;
  if (important || !acknowledged()) values.mid = mid;
  values.audioLevel = level;
  // Both are overwritten when the packet leaves.
  values.absoluteSendTime = 0;
  if (transportFeedback) values.transportSequenceNumber = 0;
  rtp::writeHeader({.marker = marker,
                    .payloadType = payloadType,
                    .sequenceNumber = sequence_++,
                    .timestamp = timestamp,
                    .ssrc = ssrc_},
                   extensions, values, out);
}

void OutgoingStream::stamp(Timestamp now, Bytes& packet, std::optional<uint16_t> transportSequence) const {
  if (const uint8_t id = extensions.id(ExtensionType::absolute_send_time)) {
    const uint32_t time = rtp::absoluteSendTime(now);
    const std::array<uint8_t, 3> value = {uint8_t(time >> 16), uint8_t(time >> 8), uint8_t(time)};
    rtp::patchExtension(packet, id, value);
  }
  if (transportSequence) {
    const std::array<uint8_t, 2> value = {uint8_t(*transportSequence >> 8), uint8_t(*transportSequence)};
    rtp::patchExtension(packet, extensions.id(ExtensionType::transport_sequence_number), value);
  }
}

void OutgoingStream::configureRetransmission(bool nack, std::optional<Rtx> rtx) {
  if (nack_ == nack && rtx_ == rtx) return;
  retransmissions.clear();  // kept in the clear for RTX, protected without: never one for the other
  nack_ = nack;
  rtx_ = nack ? rtx : std::nullopt;
}

void OutgoingStream::onSend(Timestamp now, Bytes& packet, std::optional<uint16_t> transportSequence) {
  stamp(now, packet, transportSequence);
  const auto view = rtp::PacketView::parse(packet);
  if (!view) return;
  statistics.onPacket(view->payload.size(), view->headerSize + view->paddingSize);
  if (rtx_) retransmissions.store(now, view->sequenceNumber, packet);
}

void OutgoingStream::keepProtected(Timestamp now, ByteView packet, size_t overhead) {
  const auto view = rtp::PacketView::parse(packet);
  if (!view) return;
  protectionOverhead_ = overhead;
  retransmissions.store(now, view->sequenceNumber, packet);
}

void OutgoingStream::forgetProtected() {
  if (keepsProtected()) retransmissions.clear();
}

std::optional<Sending> OutgoingStream::beginResend(Timestamp now, uint16_t sequence, Bytes& out) {
  if (!nack_) return std::nullopt;
  const Bytes* kept = retransmissions.take(now, sequence);
  if (!kept) return std::nullopt;
  if (!rtx_) {
    out.assign(kept->begin(), kept->end());
    return Sending::repetition;
  }
  const auto original = rtp::PacketView::parse(*kept);
  if (!original) return std::nullopt;
  beginRetransmission(*original, out);
  return Sending::retransmission;
}

// RFC 4588 §4: the original sequence number, then the original payload.
void OutgoingStream::beginRetransmission(const rtp::PacketView& original, Bytes& out) {
  rtp::Extensions values;
  values.mid = mid;
  values.absoluteSendTime = 0;
  if (transportFeedback) values.transportSequenceNumber = 0;
  rtp::writeHeader({.marker = original.marker,
                    .payloadType = rtx_->payloadType,
                    .sequenceNumber = rtxSequence_++,
                    .timestamp = original.timestamp,
                    .ssrc = rtx_->ssrc},
                   extensions, values, out);
  ByteWriter writer(out);
  writer.u16(original.sequenceNumber);
  writer.bytes(original.payload);
}

void OutgoingStream::onRetransmission(Timestamp now, Bytes& packet, std::optional<uint16_t> transportSequence) {
  stamp(now, packet, transportSequence);
  const auto view = rtp::PacketView::parse(packet);
  if (!view) return;
  ++retransmittedPackets;
  retransmittedBytes += view->payload.size();
}

void OutgoingStream::onRepetition(ByteView packet) {
  ++retransmittedPackets;
  // The padding, if any, cannot be told from the outside: it counts as payload.
  const auto view = rtp::PacketView::parse(packet.first(packet.size() - std::min(packet.size(), protectionOverhead_)));
  if (view) retransmittedBytes += view->payload.size();
}

void OutgoingStream::onReportBlock(Timestamp now, const rtp::ReportBlock& block) {
  statistics.onReportBlock(now, block, clockRate_);
  if (statistics.remote() && statistics.remote()->roundTripTime)
    retransmissions.setRoundTripTime(*statistics.remote()->roundTripTime);
}

}  // namespace peerage::engine
