#include "datachannel/dcep.hpp"

#include <algorithm>

namespace peerage::datachannel {
namespace {

constexpr uint8_t kAck = 0x02, kOpen = 0x03;
// Channel types (RFC 8832 §5.1): the highest bit means unordered.
constexpr uint8_t kReliable = 0x00, kRexmit = 0x01, kTimed = 0x02, kUnordered = 0x80;

}  // namespace

Bytes OpenMessage::serialize() const {
  Bytes out;
  out.reserve(12 + label.size() + protocol.size());
  ByteWriter writer(out);
  const uint8_t type = maxRetransmits ? kRexmit : maxPacketLifeTime ? kTimed : kReliable;
  writer.u8(kOpen);
  writer.u8(static_cast<uint8_t>(type | (ordered ? 0 : kUnordered)));
  writer.u16(priority);
  writer.u32(maxRetransmits ? *maxRetransmits : maxPacketLifeTime.value_or(0));
  writer.u16(static_cast<uint16_t>(label.size()));
  writer.u16(static_cast<uint16_t>(protocol.size()));
  writer.bytes(asBytes(label));
  writer.bytes(asBytes(protocol));
  return out;
}

Bytes AckMessage::serialize() { return {kAck}; }

Result<ControlMessage> parseControl(ByteView data) {
  ByteReader reader(data);
  const auto message = reader.u8();
  if (!message) return failure("empty control message");
  if (*message == kAck) return AckMessage{};
  if (*message != kOpen) return failure("control message of unknown type " + std::to_string(*message));
  if (data.size() < 12) return failure("DATA_CHANNEL_OPEN of " + std::to_string(data.size()) + " bytes, at least 12");
  OpenMessage open;
  const uint8_t type = *reader.u8();
  open.priority = *reader.u16();
  const uint32_t parameter = *reader.u32();
  const size_t labelSize = *reader.u16();
  const size_t protocolSize = *reader.u16();
  if (reader.remaining() != labelSize + protocolSize) {
    return failure("label and protocol of " + std::to_string(labelSize) + " and " + std::to_string(protocolSize) +
                   " bytes in " + std::to_string(reader.remaining()));
  }
  const ByteView label = *reader.bytes(labelSize);
  const ByteView protocol = *reader.bytes(protocolSize);
  if (!isUtf8(label) || !isUtf8(protocol)) return failure("label or protocol is not UTF-8");
  open.label = asText(label);
  open.protocol = asText(protocol);
  open.ordered = !(type & kUnordered);
  const auto limit = static_cast<uint16_t>(std::min<uint32_t>(parameter, UINT16_MAX));
  switch (type & ~kUnordered) {
    case kReliable:  // the parameter is ignored
      break;
    case kRexmit:
      open.maxRetransmits = limit;
      break;
    case kTimed:
      open.maxPacketLifeTime = limit;
      break;
    default:
      return failure("unknown channel type " + std::to_string(type));
  }
  return open;
}

namespace {

// The sequence that begins at text[at]: how long it is, or, of a wrong one, how far it was right (at least 1).
struct Utf8Sequence {
  size_t length = 1;
  bool valid = false;
};
Utf8Sequence utf8At(ByteView text, size_t at) {
  const uint8_t lead = text[at];
  if (lead < 0x80) return {1, true};
  if (lead < 0xC2 || lead > 0xF4) return {};
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  // The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF (RFC 3629 §4).
  uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (size_t i = 1; i < length; ++i) {
    if (at + i == text.size() || text[at + i] < low || text[at + i] > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

}  // namespace

bool isUtf8(ByteView text) {
  for (size_t at = 0; at < text.size();) {
    const Utf8Sequence sequence = utf8At(text, at);
    if (!sequence.valid) return false;
    at += sequence.length;
  }
  return true;
}

Bytes decodeUtf8(Bytes text) {
  if (isUtf8(text)) return text;
  Bytes out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Sequence sequence = utf8At(text, at);
    if (sequence.valid) {
      out.insert(out.end(), text.begin() + static_cast<ptrdiff_t>(at),
                 text.begin() + static_cast<ptrdiff_t>(at + sequence.length));
    } else {
      out.insert(out.end(), {0xEF, 0xBF, 0xBD});
    }
    at += sequence.length;
  }
  return out;
}

}  // namespace peerage::datachannel
