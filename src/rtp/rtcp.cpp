#include "rtp/rtcp.hpp"

#include <algorithm>
#include <bit>

namespace peerage::rtp {

namespace {

constexpr size_t kHeaderSize = 4;
constexpr size_t kSenderInfoSize = 20;
constexpr size_t kMaxBlocks = 31;  // five bits of RC
constexpr uint8_t kSdesEnd = 0;
constexpr uint8_t kSdesCname = 1;
constexpr uint8_t kSdesMid = 15;  // RFC 9143 §17.2
constexpr uint32_t kRembName = 0x52454d42;  // "REMB"

}  // namespace

ReportBlock ReportBlocks::operator[](size_t index) const {
  const uint8_t* p = data_.data() + index * ReportBlock::kSize;
  ReportBlock block;
  block.ssrc = Ssrc{loadU32(p)};
  block.fractionLost = p[4];
  const int32_t lost = static_cast<int32_t>(loadU24(p + 5));
  block.cumulativeLost = lost >= 0x800000 ? lost - 0x1000000 : lost;
  block.extendedHighestSequence = loadU32(p + 8);
  block.jitter = loadU32(p + 12);
  block.lastSenderReport = loadU32(p + 16);
  block.delaySinceLastReport = loadU32(p + 20);
  return block;
}

std::optional<RtcpPacket> RtcpReader::bad() {
  ++malformed_;
  return std::nullopt;
}

std::optional<RtcpPacket> RtcpReader::next() {
  while (true) {
    if (chunksLeft_ > 0) {
      if (auto packet = nextChunk()) return packet;
      continue;
    }
    if (rest_.empty()) return std::nullopt;
    if (rest_.size() < kHeaderSize || rest_[0] >> 6 != 2) {
      ++malformed_;
      rest_ = {};
      return std::nullopt;
    }
    const size_t size = (size_t{loadU16(rest_.data() + 2)} + 1) * 4;
    if (size > rest_.size()) {
      ++malformed_;
      rest_ = {};
      return std::nullopt;
    }
    const uint8_t first = rest_[0];
    const uint8_t type = rest_[1];
    ByteView body = rest_.subspan(kHeaderSize, size - kHeaderSize);
    rest_ = rest_.subspan(size);
    if (first & 0x20) {
      // RFC 3550 §6.4.1: padding, counted by its last octet, is within the length.
      const size_t padding = body.empty() ? 0 : body.back();
      if (padding == 0 || padding % 4 != 0 || padding > body.size()) {
        ++malformed_;
        continue;
      }
      body = body.first(body.size() - padding);
    }
    if (auto packet = parse(first & 0x1f, type, body)) return packet;
  }
}

std::optional<RtcpPacket> RtcpReader::parse(uint8_t count, uint8_t type, ByteView body) {
  const uint8_t* p = body.data();
  switch (static_cast<RtcpType>(type)) {
    case RtcpType::sender_report: {
      const size_t blocks = count * ReportBlock::kSize;
      if (body.size() < 4 + kSenderInfoSize + blocks) return bad();
      SenderReport report;
      report.sender = Ssrc{loadU32(p)};
      report.info.ntp = uint64_t{loadU32(p + 4)} << 32 | loadU32(p + 8);
      report.info.rtpTimestamp = loadU32(p + 12);
      report.info.packetCount = loadU32(p + 16);
      report.info.octetCount = loadU32(p + 20);
      report.blocks = ReportBlocks(body.subspan(4 + kSenderInfoSize, blocks));
      return report;
    }
    case RtcpType::receiver_report: {
      const size_t blocks = count * ReportBlock::kSize;
      if (body.size() < 4 + blocks) return bad();
      return ReceiverReport{Ssrc{loadU32(p)}, ReportBlocks(body.subspan(4, blocks))};
    }
    case RtcpType::source_description:
      chunks_ = body;
      chunksLeft_ = count;
      walkingFir_ = false;
      return std::nullopt;
    case RtcpType::bye: {
      const size_t sources = size_t{count} * 4;
      if (body.size() < sources) return bad();
      Bye bye{body.first(sources), {}};
      const ByteView rest = body.subspan(sources);
      if (!rest.empty() && rest.size() >= size_t{1} + rest[0]) bye.reason = asText(rest.subspan(1, rest[0]));
      return bye;
    }
    case RtcpType::application: ++unknown_; return std::nullopt;
    case RtcpType::transport_feedback:
      if (body.size() < 8) return bad();
      if (count == kFmtNack) {
        const ByteView entries = body.subspan(8, (body.size() - 8) / 4 * 4);
        return Nack{Ssrc{loadU32(p)}, Ssrc{loadU32(p + 4)}, entries};
      }
      if (count == kFmtTransportWide)
        return TransportFeedbackPacket{Ssrc{loadU32(p)}, Ssrc{loadU32(p + 4)}, body.subspan(8)};
      ++unknown_;
      return std::nullopt;
    case RtcpType::payload_feedback:
      if (body.size() < 8) return bad();
      if (count == kFmtPictureLoss) return PictureLossIndication{Ssrc{loadU32(p)}, Ssrc{loadU32(p + 4)}};
      if (count == kFmtFullIntraRequest) {
        firSender_ = Ssrc{loadU32(p)};
        chunks_ = body.subspan(8);
        chunksLeft_ = chunks_.size() / 8;
        walkingFir_ = true;
        return std::nullopt;
      }
      if (count == kFmtApplicationLayer && body.size() >= 16 && loadU32(p + 8) == kRembName) {
        const size_t sources = size_t{p[12]} * 4;
        if (body.size() < 16 + sources) return bad();
        const uint8_t exponent = p[13] >> 2;
        const uint64_t mantissa = loadU24(p + 13) & 0x3ffff;
        if (exponent > 0 && mantissa >> (64 - exponent) != 0) return bad();
        return Remb{Ssrc{loadU32(p)}, mantissa << exponent, body.subspan(16, sources)};
      }
      ++unknown_;
      return std::nullopt;
  }
  ++unknown_;
  return std::nullopt;
}

std::optional<RtcpPacket> RtcpReader::nextChunk() {
  --chunksLeft_;
  if (walkingFir_) {
    const uint8_t* p = chunks_.data();
    FullIntraRequest request{firSender_, Ssrc{loadU32(p)}, p[4]};
    chunks_ = chunks_.subspan(8);
    return request;
  }
  // RFC 3550 §6.5: an SSRC, items, and zeros to the next 32-bit boundary, at least one.
  if (chunks_.size() < 4) {
    chunksLeft_ = 0;
    return bad();
  }
  SourceDescription description{Ssrc{loadU32(chunks_.data())}, {}, {}};
  size_t at = 4;
  while (at < chunks_.size() && chunks_[at] != kSdesEnd) {
    if (at + 2 > chunks_.size() || at + 2 + chunks_[at + 1] > chunks_.size()) {
      chunksLeft_ = 0;
      return bad();
    }
    const std::string_view text = asText(chunks_.subspan(at + 2, chunks_[at + 1]));
    if (chunks_[at] == kSdesCname) description.cname = text;
    if (chunks_[at] == kSdesMid) description.mid = text;
    at += 2 + text.size();
  }
  chunks_ = chunks_.subspan(std::min(chunks_.size(), at / 4 * 4 + 4));
  if (description.cname.empty() && description.mid.empty()) return std::nullopt;
  return description;
}

// ---- Writing --------------------------------------------------------------------------------------------------------

size_t RtcpWriter::begin(uint8_t count, RtcpType type) {
  const size_t start = out_.size();
  ByteWriter writer(out_);
  writer.u8(static_cast<uint8_t>(0x80 | (count & 0x1f)));
  writer.u8(static_cast<uint8_t>(type));
  writer.u16(0);
  return start;
}

void RtcpWriter::end(size_t start) {
  ByteWriter writer(out_);
  writer.zeros((4 - (out_.size() - start) % 4) % 4);
  writer.patchU16(start + 2, static_cast<uint16_t>((out_.size() - start) / 4 - 1));
}

void RtcpWriter::block(const ReportBlock& block) {
  ByteWriter writer(out_);
  writer.u32(block.ssrc.value());
  writer.u8(block.fractionLost);
  // RFC 3550 A.3: clamped to 24 signed bits.
  writer.u24(static_cast<uint32_t>(std::clamp(block.cumulativeLost, -0x800000, 0x7fffff)) & 0xffffff);
  writer.u32(block.extendedHighestSequence);
  writer.u32(block.jitter);
  writer.u32(block.lastSenderReport);
  writer.u32(block.delaySinceLastReport);
}

void RtcpWriter::senderReport(Ssrc sender, const SenderInfo& info, std::span<const ReportBlock> blocks) {
  const size_t here = std::min(blocks.size(), kMaxBlocks);
  const size_t start = begin(static_cast<uint8_t>(here), RtcpType::sender_report);
  ByteWriter writer(out_);
  writer.u32(sender.value());
  writer.u64(info.ntp);
  writer.u32(info.rtpTimestamp);
  writer.u32(info.packetCount);
  writer.u32(info.octetCount);
  for (const ReportBlock& b : blocks.first(here)) block(b);
  end(start);
  if (here < blocks.size()) receiverReport(sender, blocks.subspan(here));
}

void RtcpWriter::receiverReport(Ssrc sender, std::span<const ReportBlock> blocks) {
  do {
    const size_t here = std::min(blocks.size(), kMaxBlocks);
    const size_t start = begin(static_cast<uint8_t>(here), RtcpType::receiver_report);
    ByteWriter(out_).u32(sender.value());
    for (const ReportBlock& b : blocks.first(here)) block(b);
    end(start);
    blocks = blocks.subspan(here);
  } while (!blocks.empty());
}

void RtcpWriter::cname(Ssrc source, std::string_view cname) {
  const size_t start = begin(1, RtcpType::source_description);
  ByteWriter writer(out_);
  writer.u32(source.value());
  cname = cname.substr(0, 255);
  writer.u8(kSdesCname);
  writer.u8(static_cast<uint8_t>(cname.size()));
  writer.bytes(asBytes(cname));
  writer.u8(kSdesEnd);
  end(start);
}

void RtcpWriter::bye(std::span<const Ssrc> sources, std::string_view reason) {
  sources = sources.first(std::min(sources.size(), kMaxBlocks));
  const size_t start = begin(static_cast<uint8_t>(sources.size()), RtcpType::bye);
  ByteWriter writer(out_);
  for (const Ssrc source : sources) writer.u32(source.value());
  if (!reason.empty()) {
    reason = reason.substr(0, 255);
    writer.u8(static_cast<uint8_t>(reason.size()));
    writer.bytes(asBytes(reason));
  }
  end(start);
}

void RtcpWriter::nack(Ssrc sender, Ssrc media, std::span<const uint16_t> sequences) {
  if (sequences.empty()) return;
  const size_t start = begin(kFmtNack, RtcpType::transport_feedback);
  ByteWriter writer(out_);
  writer.u32(sender.value());
  writer.u32(media.value());
  size_t entries = 0;
  for (size_t i = 0; i < sequences.size() && entries < kMaxNackEntries; ++entries) {
    const uint16_t first = sequences[i++];
    uint16_t mask = 0;
    for (; i < sequences.size(); ++i) {
      const uint16_t distance = static_cast<uint16_t>(sequences[i] - first);
      if (distance > 16) break;
      if (distance > 0) mask = static_cast<uint16_t>(mask | 1u << (distance - 1));
    }
    writer.u16(first);
    writer.u16(mask);
  }
  end(start);
}

void RtcpWriter::pictureLoss(Ssrc sender, Ssrc media) {
  const size_t start = begin(kFmtPictureLoss, RtcpType::payload_feedback);
  ByteWriter writer(out_);
  writer.u32(sender.value());
  writer.u32(media.value());
  end(start);
}

void RtcpWriter::fullIntraRequest(Ssrc sender, Ssrc media, uint8_t commandNumber) {
  const size_t start = begin(kFmtFullIntraRequest, RtcpType::payload_feedback);
  ByteWriter writer(out_);
  writer.u32(sender.value());
  writer.u32(0);  // RFC 5104 §4.3.1.2: "SHALL be set to 0"; the entry names the source
  writer.u32(media.value());
  writer.u8(commandNumber);
  writer.u24(0);
  end(start);
}

void RtcpWriter::transportFeedback(Ssrc sender, Ssrc media, ByteView body) {
  const size_t start = begin(kFmtTransportWide, RtcpType::transport_feedback);
  ByteWriter writer(out_);
  writer.u32(sender.value());
  writer.u32(media.value());
  writer.bytes(body);
  end(start);
}

void RtcpWriter::remb(Ssrc sender, uint64_t bitrate, std::span<const Ssrc> sources) {
  sources = sources.first(std::min<size_t>(sources.size(), 255));
  const size_t start = begin(kFmtApplicationLayer, RtcpType::payload_feedback);
  ByteWriter writer(out_);
  writer.u32(sender.value());
  writer.u32(0);
  writer.u32(kRembName);
  writer.u8(static_cast<uint8_t>(sources.size()));
  const int width = std::bit_width(bitrate);
  const uint32_t exponent = width > 18 ? static_cast<uint32_t>(width - 18) : 0;
  writer.u24(exponent << 18 | static_cast<uint32_t>(bitrate >> exponent));
  for (const Ssrc source : sources) writer.u32(source.value());
  end(start);
}

}  // namespace peerage::rtp
