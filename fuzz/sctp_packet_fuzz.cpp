// links: base sctp
// Every parser of an SCTP packet over arbitrary bytes; what parses is written again and must parse to the same.
#include <cstdlib>

#include "sctp/cookie.hpp"
#include "sctp/packet/chunks.hpp"
#include "sctp/packet/crc32c.hpp"

using namespace peerage;
using namespace peerage::sctp;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

ChunkView reread(const Bytes& bytes) {
  ChunkReader reader(bytes);
  const auto chunk = reader.next();
  require(chunk.has_value() && reader.empty());
  return *chunk;
}

void parseReconfig(const ChunkView& chunk) {
  ParameterReader parameters(chunk.value);
  while (const auto parameter = parameters.next()) {
    if (const auto request = OutgoingResetRequest::parse(parameter->value)) {
      Bytes out;
      request->write(out);
      require(out.size() == padded(20 + 2 * request->streams.size() - 4));
    }
    if (const auto response = ReconfigResponse::parse(parameter->value)) {
      Bytes out;
      response->write(out);
      require(out.size() == 12);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView packet(data, size);
  if (!CommonHeader::parse(packet)) return 0;
  packetChecksum(packet);
  ChunkReader reader(packet.subspan(kCommonHeaderSize));
  while (const auto chunk = reader.next()) {
    if (const auto one = DataChunk::parse(*chunk)) {
      Bytes out;
      one->write(out);
      const auto again = DataChunk::parse(reread(out));
      require(again && again->tsn == one->tsn && again->payload.size() == one->payload.size());
    }
    if (const auto one = InitChunk::parse(*chunk); one && one->cookie.size() < 1000) {
      Bytes out;
      one->write(out, ChunkType::init_ack);
      const auto again = InitChunk::parse(reread(out));
      require(again && again->tag == one->tag && again->forwardTsn == one->forwardTsn);
      require(again->zeroChecksum == one->zeroChecksum && again->cookie.size() == one->cookie.size());
    }
    if (const auto one = SackChunk::parse(*chunk)) {
      for (size_t i = 0; i < one->gapCount(); ++i) (void)one->gap(i);
      for (size_t i = 0; i < one->duplicateCount(); ++i) (void)one->duplicate(i);
    }
    if (const auto one = ForwardTsnChunk::parse(*chunk)) {
      for (size_t i = 0; i < one->skippedCount(); ++i) (void)one->skippedAt(i);
    }
    parseReconfig(*chunk);
    SeededRandom random(1);
    CookieJar(random).open(chunk->value);
  }
  return 0;
}
