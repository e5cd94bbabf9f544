#include "media/vp8.hpp"

#include <algorithm>
#include <string>

namespace peerage::media {

// RFC 7741 §4.2, the VP8 payload descriptor:
//
//        0 1 2 3 4 5 6 7
//       +-+-+-+-+-+-+-+-+
//       |X|R|N|S|R| PID | (REQUIRED)
//       +-+-+-+-+-+-+-+-+
//  X:   |I|L|T|K| RSV   | (OPTIONAL)
//       +-+-+-+-+-+-+-+-+
//  I:   |M| PictureID   | (OPTIONAL; two octets when M is set)
//       +-+-+-+-+-+-+-+-+
//  L:   |   TL0PICIDX   | (OPTIONAL)
//       +-+-+-+-+-+-+-+-+
//  T/K: |TID|Y| KEYIDX  | (OPTIONAL)
//       +-+-+-+-+-+-+-+-+
namespace {

constexpr uint8_t kExtended = 0x80;      // X
constexpr uint8_t kNonReference = 0x20;  // N
constexpr uint8_t kStart = 0x10;         // S
constexpr uint8_t kPartition = 0x07;     // PID
constexpr uint8_t kHasPictureId = 0x80;  // I
constexpr uint8_t kHasTl0 = 0x40;        // L
constexpr uint8_t kHasTid = 0x20;        // T
constexpr uint8_t kHasKeyIdx = 0x10;     // K
constexpr uint8_t kLongPictureId = 0x80;  // M
constexpr uint8_t kLayerSync = 0x20;     // Y

size_t descriptorSize(const Vp8FrameInfo& info) {
  return 4 + (info.tl0PicIdx ? 1u : 0u) + (info.temporalId ? 1u : 0u);
}

}  // namespace

std::optional<Vp8FrameHeader> Vp8FrameHeader::parse(ByteView frame) {
  if (frame.size() < 3) return std::nullopt;
  Vp8FrameHeader header;
  header.key = (frame[0] & 1) == 0;
  if (!header.key) return header;
  // RFC 6386 §9.1: start code 9d 01 2a, then 14 bits of width and of height, each under two bits of scale,
  // little-endian.
  if (frame.size() < 10 || frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a) return std::nullopt;
  header.width = (frame[6] | frame[7] << 8) & 0x3fff;
  header.height = (frame[8] | frame[9] << 8) & 0x3fff;
  return header;
}

Result<size_t> Vp8Packetizer::start(const EncodedFrame& frame, size_t maxPayload) {
  left_ = 0;
  if (frame.data.empty()) return failure("VP8 frame without data");
  if (frame.data.size() > kMaxFrameBytes) {
    return failure("VP8 frame of " + std::to_string(frame.data.size()) + " bytes, over " +
                   std::to_string(kMaxFrameBytes));
  }
  if (maxPayload < kMinMaxPayload || maxPayload > kMaxMaxPayload) {
    return failure("maximum payload of " + std::to_string(maxPayload) + " bytes, outside " +
                   std::to_string(kMinMaxPayload) + " to " + std::to_string(kMaxMaxPayload));
  }
  const auto* info = std::get_if<Vp8FrameInfo>(&frame.info);
  info_ = info ? *info : Vp8FrameInfo{};
  rest_ = frame.data;
  const size_t room = maxPayload - descriptorSize(info_);
  left_ = (rest_.size() + room - 1) / room;
  atStart_ = true;
  framePictureId_ = pictureId_;
  pictureId_ = (pictureId_ + 1) & 0x7fff;
  return left_;
}

void Vp8Packetizer::writeDescriptor(bool first, Bytes& out) const {
  // One partition as far as RTP goes: PID 0 throughout, S on the frame's first payload alone (RFC 7741 §4.4 allows
  // splitting at any octet).
  out.push_back(static_cast<uint8_t>(kExtended | (info_.nonReference ? kNonReference : 0) | (first ? kStart : 0)));
  const int layers = (info_.tl0PicIdx ? kHasTl0 : 0) | (info_.temporalId ? kHasTid : 0);
  out.push_back(static_cast<uint8_t>(kHasPictureId | layers));
  out.push_back(static_cast<uint8_t>(kLongPictureId | framePictureId_ >> 8));
  out.push_back(static_cast<uint8_t>(framePictureId_));
  if (info_.tl0PicIdx) out.push_back(*info_.tl0PicIdx);
  if (info_.temporalId) {
    out.push_back(static_cast<uint8_t>((*info_.temporalId & 3) << 6 | (info_.layerSync ? kLayerSync : 0)));
  }
}

std::optional<Packetizer::Payload> Vp8Packetizer::next(Bytes& out) {
  if (left_ == 0) return std::nullopt;
  const Payload result{.first = atStart_, .last = left_ == 1};
  writeDescriptor(atStart_, out);
  const size_t size = (rest_.size() + left_ - 1) / left_;
  out.insert(out.end(), rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(size));
  rest_ = rest_.subspan(size);
  atStart_ = false;
  --left_;
  return result;
}

Result<DepacketizedPayload> Vp8Depacketizer::parse(ByteView payload) const {
  ByteReader in(payload);
  const auto cutOff = [] { return failure("VP8 payload descriptor cut off"); };
  const auto first = in.u8();
  if (!first) return cutOff();
  DepacketizedPayload result;
  result.nonReference = *first & kNonReference;
  const bool begin = (*first & kStart) && (*first & kPartition) == 0;
  uint8_t extension = 0;
  if (*first & kExtended) {
    const auto octet = in.u8();
    if (!octet) return cutOff();
    extension = *octet;
  }
  if (extension & kHasPictureId) {
    const auto octet = in.u8();
    if (!octet) return cutOff();
    result.pictureId = *octet;
    if (*octet & kLongPictureId) {
      const auto low = in.u8();
      if (!low) return cutOff();
      result.pictureId = static_cast<uint16_t>((*octet & 0x7f) << 8 | *low);
      result.longPictureId = true;
    }
  }
  if (extension & kHasTl0) {
    result.tl0PicIdx = in.u8();
    if (!result.tl0PicIdx) return cutOff();
  }
  if (extension & (kHasTid | kHasKeyIdx)) {
    const auto octet = in.u8();
    if (!octet) return cutOff();
    if (extension & kHasTid) {
      result.temporalId = static_cast<uint8_t>(*octet >> 6);
      result.layerSync = *octet & kLayerSync;
    }
    if (extension & kHasKeyIdx) result.keyIdx = static_cast<uint8_t>(*octet & 0x1f);
  }
  if (in.empty()) return failure("VP8 payload descriptor without payload");
  result.data = in.rest();
  result.begin = begin;
  if (begin) {
    result.key = (result.data[0] & 1) == 0;
    if (const auto header = Vp8FrameHeader::parse(result.data); header && header->key) {
      result.width = header->width;
      result.height = header->height;
    }
  }
  return result;
}

void Vp8Depacketizer::append(const DepacketizedPayload& payload, Bytes& frame) const {
  frame.insert(frame.end(), payload.data.begin(), payload.data.end());
}

}  // namespace peerage::media
