#include "sctp/packet/chunks.hpp"

#include <algorithm>

namespace peerage::sctp {
namespace {

// Parameters of INIT and INIT ACK (RFC 9260 §3.3.2.1, RFC 5061, RFC 9653).
constexpr uint16_t kIpv4Address = 5, kIpv6Address = 6, kStateCookie = 7, kUnrecognizedParameter = 8,
                   kCookiePreservative = 9, kSupportedAddressTypes = 12, kEcnCapable = 0x8000,
                   kZeroChecksumAcceptable = 0x8001, kRandom = 0x8002, kChunkList = 0x8003, kHmacAlgorithms = 0x8004,
                   kPadding = 0x8005, kSupportedExtensions = 0x8008, kForwardTsnSupported = 0xC000,
                   kAdaptationLayer = 0xC006;
constexpr uint32_t kErrorDetectionDtls = 1;  // RFC 9653 §8: "SCTP over DTLS"

// What an error cause quotes of a wrong chunk: enough to recognise it, and far from any packet's limit.
constexpr size_t kMaxCauseInfo = 128;

// True when `type` is one that we know and that asks nothing of us over DTLS.
bool isIgnorable(uint16_t type) {
  switch (type) {
    case kIpv4Address:
    case kIpv6Address:
    case kUnrecognizedParameter:
    case kCookiePreservative:
    case kSupportedAddressTypes:
    case kEcnCapable:
    case kRandom:
    case kChunkList:
    case kHmacAlgorithms:
    case kPadding:
    case kAdaptationLayer:
      return true;
    default:
      return false;
  }
}

void appendReported(Bytes& out, ByteView parameter) {
  if (out.size() + padded(parameter.size()) > InitChunk::kMaxReported) return;
  out.insert(out.end(), parameter.begin(), parameter.end());
  out.resize(padded(out.size()));
}

}  // namespace

std::optional<DataChunk> DataChunk::parse(const ChunkView& chunk) {
  if (chunk.value.size() < kDataHeaderSize - kChunkHeaderSize) return std::nullopt;
  const uint8_t* p = chunk.value.data();
  return DataChunk{chunk.flags,
                   loadU32(p),
                   StreamId(loadU16(p + 4)),
                   loadU16(p + 6),
                   Ppid(loadU32(p + 8)),
                   chunk.value.subspan(12)};
}

void DataChunk::write(Bytes& out) const {
  const size_t start = out.size();
  const size_t length = kDataHeaderSize + payload.size();
  out.resize(start + padded(length));  // the padding is zero: resize() makes it so
  uint8_t* p = &out[start];
  p[0] = static_cast<uint8_t>(ChunkType::data);
  p[1] = flags;
  storeU16(p + 2, static_cast<uint16_t>(length));
  storeU32(p + 4, tsn);
  storeU16(p + 8, stream.value());
  storeU16(p + 10, ssn);
  storeU32(p + 12, ppid.value());
  if (!payload.empty()) std::memcpy(p + kDataHeaderSize, payload.data(), payload.size());
}

std::optional<InitChunk> InitChunk::parse(const ChunkView& chunk) {
  ByteReader reader(chunk.value);
  if (reader.remaining() < 16) return std::nullopt;
  InitChunk init;
  init.tag = *reader.u32();
  init.receiveWindow = *reader.u32();
  init.outboundStreams = *reader.u16();
  init.inboundStreams = *reader.u16();
  init.initialTsn = *reader.u32();
  ParameterReader parameters(reader.rest());
  while (const auto parameter = parameters.next()) {
    if (parameter->type == kStateCookie) {
      init.cookie = parameter->value;
    } else if (parameter->type == kForwardTsnSupported) {
      init.forwardTsn = true;
    } else if (parameter->type == kZeroChecksumAcceptable) {
      init.zeroChecksum = parameter->value.size() == 4 && loadU32(parameter->value.data()) == kErrorDetectionDtls;
    } else if (parameter->type == kSupportedExtensions) {
      for (const uint8_t type : parameter->value) {
        init.reconfig |= type == static_cast<uint8_t>(ChunkType::reconfig);
        init.forwardTsn |= type == static_cast<uint8_t>(ChunkType::forward_tsn);
      }
    } else if (!isIgnorable(parameter->type)) {
      if (unknownParameterIsReported(parameter->type)) appendReported(init.unrecognized, parameter->whole);
      if (!unknownParameterIsSkipped(parameter->type)) return init;
    }
  }
  if (parameters.malformed()) return std::nullopt;
  return init;
}

void InitChunk::write(Bytes& out, ChunkType type) const {
  ChunkWriter chunk(out, type);
  ByteWriter writer(out);
  writer.u32(tag);
  writer.u32(receiveWindow);
  writer.u16(outboundStreams);
  writer.u16(inboundStreams);
  writer.u32(initialTsn);
  if (!cookie.empty()) {
    ParameterWriter parameter(out, kStateCookie);
    writer.bytes(cookie);
  }
  if (forwardTsn) ParameterWriter parameter(out, kForwardTsnSupported);
  if (forwardTsn || reconfig) {
    ParameterWriter parameter(out, kSupportedExtensions);
    if (reconfig) writer.u8(static_cast<uint8_t>(ChunkType::reconfig));
    if (forwardTsn) writer.u8(static_cast<uint8_t>(ChunkType::forward_tsn));
  }
  if (zeroChecksum) {
    ParameterWriter parameter(out, kZeroChecksumAcceptable);
    writer.u32(kErrorDetectionDtls);
  }
  if (!unrecognized.empty()) {
    // §3.3.3.1: each unknown parameter goes back whole inside an Unrecognized Parameter.
    ParameterReader reported(unrecognized);
    while (const auto one = reported.next()) {
      ParameterWriter parameter(out, kUnrecognizedParameter);
      writer.bytes(one->whole);
    }
  }
}

std::optional<SackChunk> SackChunk::parse(const ChunkView& chunk) {
  if (chunk.value.size() < 12) return std::nullopt;
  const uint8_t* p = chunk.value.data();
  const size_t gaps = size_t{4} * loadU16(p + 8);
  const size_t duplicates = size_t{4} * loadU16(p + 10);
  if (chunk.value.size() < 12 + gaps + duplicates) return std::nullopt;
  return SackChunk{loadU32(p), loadU32(p + 4), chunk.value.subspan(12, gaps),
                   chunk.value.subspan(12 + gaps, duplicates)};
}

std::optional<ForwardTsnChunk> ForwardTsnChunk::parse(const ChunkView& chunk) {
  if (chunk.value.size() < 4 || chunk.value.size() % 4 != 0) return std::nullopt;
  return ForwardTsnChunk{loadU32(chunk.value.data()), chunk.value.subspan(4)};
}

void ForwardTsnChunk::write(Bytes& out, uint32_t cumulativeTsn, std::span<const Skipped> skipped) {
  ChunkWriter chunk(out, ChunkType::forward_tsn);
  ByteWriter writer(out);
  writer.u32(cumulativeTsn);
  for (const Skipped& one : skipped) {
    writer.u16(one.stream.value());
    writer.u16(one.ssn);
  }
}

std::optional<OutgoingResetRequest> OutgoingResetRequest::parse(ByteView value) {
  if (value.size() < 12 || value.size() % 2 != 0) return std::nullopt;
  OutgoingResetRequest request{loadU32(value.data()), loadU32(value.data() + 4), loadU32(value.data() + 8), {}};
  request.streams.reserve((value.size() - 12) / 2);
  for (size_t at = 12; at < value.size(); at += 2) request.streams.emplace_back(loadU16(&value[at]));
  return request;
}

void OutgoingResetRequest::write(Bytes& out) const {
  ParameterWriter parameter(out, static_cast<uint16_t>(ReconfigParameter::outgoing_reset));
  ByteWriter writer(out);
  writer.u32(requestSequence);
  writer.u32(responseSequence);
  writer.u32(lastTsn);
  for (const StreamId stream : streams) writer.u16(stream.value());
}

std::optional<ReconfigResponse> ReconfigResponse::parse(ByteView value) {
  if (value.size() < 8) return std::nullopt;  // two more TSNs may follow, for requests that we never make
  return ReconfigResponse{loadU32(value.data()), loadU32(value.data() + 4)};
}

void ReconfigResponse::write(Bytes& out) const {
  ParameterWriter parameter(out, static_cast<uint16_t>(ReconfigParameter::response));
  ByteWriter writer(out);
  writer.u32(sequence);
  writer.u32(result);
}

void writeCause(Bytes& out, Cause cause, ByteView info) {
  ParameterWriter parameter(out, static_cast<uint16_t>(cause));
  ByteWriter(out).bytes(info.first(std::min(info.size(), kMaxCauseInfo)));
}

void writeEmptyChunk(Bytes& out, ChunkType type, uint8_t flags) { ChunkWriter chunk(out, type, flags); }

}  // namespace peerage::sctp
