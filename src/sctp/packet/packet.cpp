#include "sctp/packet/packet.hpp"

#include <algorithm>

namespace peerage::sctp {
namespace {

// Cuts `length` bytes and their padding off `rest`. A sender that leaves out the padding of the last one does no harm.
ByteView cut(ByteView& rest, size_t length) {
  const ByteView whole = rest.first(length);
  rest = rest.subspan(std::min(padded(length), rest.size()));
  return whole;
}

void finish(Bytes& out, size_t start) {
  const size_t length = out.size() - start;
  ByteWriter writer(out);
  writer.patchU16(start + 2, static_cast<uint16_t>(length));
  writer.zeros(padded(length) - length);
}

}  // namespace

std::optional<CommonHeader> CommonHeader::parse(ByteView packet) {
  if (packet.size() < kCommonHeaderSize) return std::nullopt;
  return CommonHeader{loadU16(packet.data()), loadU16(packet.data() + 2), loadU32(packet.data() + 4)};
}

void CommonHeader::write(Bytes& out) const {
  ByteWriter writer(out);
  writer.u16(sourcePort);
  writer.u16(destinationPort);
  writer.u32(verificationTag);
  writer.u32(0);
}

std::optional<ChunkView> ChunkReader::next() {
  if (rest_.empty() || malformed_) return std::nullopt;
  const size_t length = rest_.size() < kChunkHeaderSize ? 0 : loadU16(rest_.data() + 2);
  if (length < kChunkHeaderSize || length > rest_.size()) {
    malformed_ = true;
    return std::nullopt;
  }
  const ByteView whole = cut(rest_, length);
  return ChunkView{whole[0], whole[1], whole.subspan(kChunkHeaderSize), whole};
}

std::optional<ParameterView> ParameterReader::next() {
  if (rest_.empty() || malformed_) return std::nullopt;
  const size_t length = rest_.size() < 4 ? 0 : loadU16(rest_.data() + 2);
  if (length < 4 || length > rest_.size()) {
    malformed_ = true;
    return std::nullopt;
  }
  const ByteView whole = cut(rest_, length);
  return ParameterView{loadU16(whole.data()), whole.subspan(4), whole};
}

ChunkWriter::ChunkWriter(Bytes& out, ChunkType type, uint8_t flags) : out_(out), start_(out.size()) {
  ByteWriter writer(out_);
  writer.u8(static_cast<uint8_t>(type));
  writer.u8(flags);
  writer.u16(0);
}
ChunkWriter::~ChunkWriter() { finish(out_, start_); }

ParameterWriter::ParameterWriter(Bytes& out, uint16_t type) : out_(out), start_(out.size()) {
  ByteWriter writer(out_);
  writer.u16(type);
  writer.u16(0);
}
ParameterWriter::~ParameterWriter() { finish(out_, start_); }

}  // namespace peerage::sctp
