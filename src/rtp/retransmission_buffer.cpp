#include "rtp/retransmission_buffer.hpp"

#include <algorithm>
#include <bit>

namespace peerage::rtp {

RetransmissionBuffer::RetransmissionBuffer(const Config& config)
    : config_(config), capacity_(std::bit_ceil(std::clamp<size_t>(config.packets, 1, 32768))) {}

void RetransmissionBuffer::store(Timestamp now, uint16_t sequence, ByteView packet) {
  if (packet.size() > config_.maxPacketSize) return;
  // Room is made as packets come: a stream that sends little keeps little.
  const size_t index = sequence & (capacity_ - 1);
  if (slots_.size() <= index) slots_.resize(std::min(capacity_, std::max(index + 1, slots_.size() * 2)));
  Slot& slot = slots_[index];
  slot.sequence = sequence;
  slot.used = true;
  slot.stored = now;
  slot.sent = now;
  slot.packet.assign(packet.begin(), packet.end());
}

const Bytes* RetransmissionBuffer::take(Timestamp now, uint16_t sequence) {
  const size_t index = sequence & (capacity_ - 1);
  if (index >= slots_.size()) return nullptr;
  Slot& slot = slots_[index];
  if (!slot.used || slot.sequence != sequence || now - slot.stored > config_.maxAge) return nullptr;
  // The first request may come at any time; a second one within a round trip asks for what is under way.
  const bool resent = slot.sent != slot.stored;
  if (resent && now - slot.sent < std::max(config_.minSpacing, roundTrip_)) return nullptr;
  slot.sent = now;
  return &slot.packet;
}

void RetransmissionBuffer::clear() { slots_.clear(); }

}  // namespace peerage::rtp
