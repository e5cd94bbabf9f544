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

void OutgoingStream::onSend(Timestamp now, Bytes& packet, std::optional<uint16_t> transportSequence) {
  if (const uint8_t id = extensions.id(ExtensionType::absolute_send_time)) {
    const uint32_t time = rtp::absoluteSendTime(now);
    const std::array<uint8_t, 3> value = {uint8_t(time >> 16), uint8_t(time >> 8), uint8_t(time)};
    rtp::patchExtension(packet, id, value);
  }
  if (transportSequence) {
    const std::array<uint8_t, 2> value = {uint8_t(*transportSequence >> 8), uint8_t(*transportSequence)};
    rtp::patchExtension(packet, extensions.id(ExtensionType::transport_sequence_number), value);
  }
  const auto view = rtp::PacketView::parse(packet);
  if (!view) return;
  statistics.onPacket(view->payload.size(), view->headerSize + view->paddingSize);
  if (retransmits) retransmissions.store(now, view->sequenceNumber, packet);
}

// The very same bytes go out again: under AES-GCM a packet index protects one plaintext and one header only (RFC 7714 §8.1).
void OutgoingStream::onResend(const Bytes& packet) {
  const auto view = rtp::PacketView::parse(packet);
  if (!view) return;
  statistics.onPacket(view->payload.size(), view->headerSize + view->paddingSize);
  ++retransmittedPackets;
  retransmittedBytes += view->payload.size();
}

void OutgoingStream::onReportBlock(Timestamp now, const rtp::ReportBlock& block) {
  statistics.onReportBlock(now, block, clockRate_);
  if (statistics.remote() && statistics.remote()->roundTripTime)
    retransmissions.setRoundTripTime(*statistics.remote()->roundTripTime);
}

}  // namespace peerage::engine
