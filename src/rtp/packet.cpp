#include "rtp/packet.hpp"

#include <algorithm>

namespace peerage::rtp {

namespace {

// RFC 8285 §4.2, §4.3.
constexpr uint16_t kOneByteProfile = 0xbede;
constexpr uint16_t kTwoByteProfile = 0x1000;  // the low four bits are appbits
constexpr uint16_t kTwoByteMask = 0xfff0;

constexpr std::array<std::string_view, kExtensionTypes> kUris = {
    "urn:ietf:params:rtp-hdrext:sdes:mid",
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
};

/// Walks the elements of an extension block and calls f(id, offset in block, length) until it returns false.
template <typename F>
void forEachElement(uint16_t profile, ByteView block, F&& f) {
  const bool oneByte = profile == kOneByteProfile;
  if (!oneByte && (profile & kTwoByteMask) != kTwoByteProfile) return;
  size_t at = 0;
  while (at < block.size()) {
    if (block[at] == 0) {  // padding (§4.2, §4.3)
      ++at;
      continue;
    }
    uint8_t id;
    size_t length;
    if (oneByte) {
      id = block[at] >> 4;
      length = size_t{block[at] & 0xfu} + 1;
      // §4.2: id 15 ends the processing of the whole block; id 0 with a length is padding with a wrong length.
      if (id == 15) return;
      at += 1;
    } else {
      if (at + 2 > block.size()) return;
      id = block[at];
      length = block[at + 1];
      at += 2;
    }
    if (at + length > block.size()) return;
    if (id != 0 && !f(id, at, length)) return;
    at += length;
  }
}

/// The bytes of an extension value, for writing.
struct Value {
  uint8_t id = 0;
  uint8_t size = 0;
  std::array<uint8_t, 3> small{};
  const uint8_t* text = nullptr;
  const uint8_t* data() const { return text ? text : small.data(); }
};

struct Values {
  std::array<Value, kExtensionTypes> list;
  size_t count = 0;

  void addText(uint8_t id, std::string_view text) {
    if (id == 0 || text.empty() || text.size() > 255) return;
    list[count++] = {id, static_cast<uint8_t>(text.size()), {}, reinterpret_cast<const uint8_t*>(text.data())};
  }
  void addNumber(uint8_t id, uint8_t size, uint32_t value) {
    if (id == 0) return;
    Value& v = list[count++];
    v.id = id;
    v.size = size;
    for (size_t i = 0; i < size; ++i) v.small[i] = static_cast<uint8_t>(value >> (8 * (size - 1 - i)));
  }
};

Values collect(const ExtensionMap& map, const Extensions& values) {
  Values out;
  out.addText(map.id(ExtensionType::mid), values.mid);
  out.addText(map.id(ExtensionType::rid), values.rid);
  out.addText(map.id(ExtensionType::repaired_rid), values.repairedRid);
  if (values.absoluteSendTime) out.addNumber(map.id(ExtensionType::absolute_send_time), 3, *values.absoluteSendTime);
  if (values.transportSequenceNumber)
    out.addNumber(map.id(ExtensionType::transport_sequence_number), 2, *values.transportSequenceNumber);
  if (values.audioLevel) {
    const uint32_t level = (values.audioLevel->voice ? 0x80u : 0u) | std::min<uint8_t>(values.audioLevel->level, 127);
    out.addNumber(map.id(ExtensionType::audio_level), 1, level);
  }
  return out;
}

void writeExtensions(const Values& values, Bytes& out) {
  const auto all = std::span(values.list).first(values.count);
  const bool oneByte = std::ranges::all_of(all, [](const Value& v) { return v.id <= 14 && v.size <= 16; });
  ByteWriter writer(out);
  writer.u16(oneByte ? kOneByteProfile : kTwoByteProfile);
  const size_t lengthAt = out.size();
  writer.u16(0);
  for (const Value& v : all) {
    if (oneByte) {
      writer.u8(static_cast<uint8_t>(v.id << 4 | (v.size - 1)));
    } else {
      writer.u8(v.id);
      writer.u8(v.size);
    }
    writer.bytes({v.data(), v.size});
  }
  const size_t size = out.size() - lengthAt - 2;
  writer.zeros((4 - size % 4) % 4);
  writer.patchU16(lengthAt, static_cast<uint16_t>((size + 3) / 4));
}

}  // namespace

std::string_view uri(ExtensionType type) { return kUris[static_cast<size_t>(type)]; }

std::optional<ExtensionType> extensionType(std::string_view text) {
  const auto found = std::ranges::find(kUris, text);
  if (found == kUris.end()) return std::nullopt;
  return static_cast<ExtensionType>(found - kUris.begin());
}

bool ExtensionMap::set(ExtensionType type, uint8_t id) {
  if (id == 0 || id == 15 || types_[id] != 0) return false;
  const auto index = static_cast<size_t>(type);
  if (ids_[index] != 0) types_[ids_[index]] = 0;
  ids_[index] = id;
  types_[id] = static_cast<uint8_t>(index + 1);
  return true;
}

std::expected<PacketView, ParseError> PacketView::parse(ByteView packet) {
  if (packet.size() < kFixedHeaderSize) return std::unexpected(ParseError::too_short);
  const uint8_t* p = packet.data();
  if (p[0] >> 6 != 2) return std::unexpected(ParseError::bad_version);
  PacketView view;
  view.marker = (p[1] & 0x80) != 0;
  view.payloadType = p[1] & 0x7f;
  view.sequenceNumber = loadU16(p + 2);
  view.timestamp = loadU32(p + 4);
  view.ssrc = Ssrc{loadU32(p + 8)};
  size_t at = kFixedHeaderSize;
  const size_t csrcBytes = size_t{p[0] & 0xfu} * 4;
  if (packet.size() - at < csrcBytes) return std::unexpected(ParseError::bad_length);
  view.csrcs = packet.subspan(at, csrcBytes);
  at += csrcBytes;
  if (p[0] & 0x10) {
    if (packet.size() - at < 4) return std::unexpected(ParseError::bad_length);
    view.extensionProfile = loadU16(p + at);
    const size_t length = size_t{loadU16(p + at + 2)} * 4;
    at += 4;
    if (packet.size() - at < length) return std::unexpected(ParseError::bad_length);
    view.extension = packet.subspan(at, length);
    at += length;
  }
  if (p[0] & 0x20) {
    // RFC 3550 §5.1: the last octet counts the padding, itself included.
    const size_t padding = packet.size() > at ? packet.back() : 0;
    if (padding == 0 || padding > packet.size() - at) return std::unexpected(ParseError::bad_padding);
    view.paddingSize = padding;
  }
  view.headerSize = at;
  view.payload = packet.subspan(at, packet.size() - at - view.paddingSize);
  return view;
}

Extensions PacketView::extensions(const ExtensionMap& map) const {
  Extensions out;
  forEachElement(extensionProfile, extension, [&](uint8_t id, size_t at, size_t length) {
    const std::optional<ExtensionType> type = map.type(id);
    if (!type) return true;
    const uint8_t* p = extension.data() + at;
    const std::string_view text = asText(extension.subspan(at, length));
    switch (*type) {
      case ExtensionType::mid: out.mid = text; break;
      case ExtensionType::rid: out.rid = text; break;
      case ExtensionType::repaired_rid: out.repairedRid = text; break;
      case ExtensionType::absolute_send_time:
        if (length == 3) out.absoluteSendTime = loadU24(p);
        break;
      case ExtensionType::transport_sequence_number:
        if (length >= 2) out.transportSequenceNumber = loadU16(p);  // a longer one is the draft's version 02
        break;
      case ExtensionType::audio_level:
        // RFC 6464 §3: in two-byte form the value may come with a byte of padding.
        if (length == 1 || length == 2) out.audioLevel = AudioLevel{(p[0] & 0x80) != 0, uint8_t(p[0] & 0x7f)};
        break;
    }
    return true;
  });
  return out;
}

void writeHeader(const PacketHeader& header, const ExtensionMap& map, const Extensions& values, Bytes& out) {
  const Values extensions = collect(map, values);
  const size_t csrcs = std::min<size_t>(header.csrcs.size(), 15);
  out.clear();
  ByteWriter writer(out);
  writer.u8(static_cast<uint8_t>(0x80u | (extensions.count > 0 ? 0x10u : 0u) | csrcs));
  writer.u8(static_cast<uint8_t>((header.marker ? 0x80 : 0) | (header.payloadType & 0x7f)));
  writer.u16(header.sequenceNumber);
  writer.u32(header.timestamp);
  writer.u32(header.ssrc.value());
  for (size_t i = 0; i < csrcs; ++i) writer.u32(header.csrcs[i]);
  if (extensions.count > 0) writeExtensions(extensions, out);
}

void appendPadding(Bytes& packet, uint8_t count) {
  if (count == 0 || packet.empty()) return;
  packet.insert(packet.end(), count - 1u, uint8_t{0});
  packet.push_back(count);
  packet[0] |= 0x20;
}

bool patchExtension(std::span<uint8_t> packet, uint8_t id, ByteView value) {
  const auto view = PacketView::parse(packet);
  if (!view || view->extension.empty()) return false;
  bool patched = false;
  uint8_t* base = packet.data() + (view->extension.data() - packet.data());
  forEachElement(view->extensionProfile, view->extension, [&](uint8_t found, size_t at, size_t length) {
    if (found != id) return true;
    if (length == value.size()) {
      std::copy(value.begin(), value.end(), base + at);
      patched = true;
    }
    return false;
  });
  return patched;
}

}  // namespace peerage::rtp
