// The chunks: each a value or a view into its packet, parsed from the bytes after the chunk header, written whole.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "sctp/packet/packet.hpp"
#include "sctp/types.hpp"

namespace peerage::sctp {

/// DATA (RFC 9260 §3.3.1).
/// |   Type = 0    |  Res  |I|U|B|E|            Length             |
/// |                              TSN                              |
/// |      Stream Identifier S      |   Stream Sequence Number n    |
/// |                  Payload Protocol Identifier                  |
struct DataChunk {
  static constexpr uint8_t kEnd = 1, kBegin = 2, kUnordered = 4, kImmediate = 8;
  uint8_t flags = 0;
  uint32_t tsn = 0;
  StreamId stream;
  uint16_t ssn = 0;
  Ppid ppid;
  ByteView payload;

  bool begin() const { return flags & kBegin; }
  bool end() const { return flags & kEnd; }
  bool unordered() const { return flags & kUnordered; }
  bool immediate() const { return flags & kImmediate; }
  /// The payload may be empty here: §3.3.1 has its own error for that.
  static std::optional<DataChunk> parse(const ChunkView& chunk);
  void write(Bytes& out) const;
};

/// INIT and INIT ACK (§3.3.2, §3.3.3) with the parameters that this implementation knows.
struct InitChunk {
  uint32_t tag = 0;
  uint32_t receiveWindow = 0;
  uint16_t outboundStreams = 0;
  uint16_t inboundStreams = 0;
  uint32_t initialTsn = 0;
  bool forwardTsn = false;    ///< parameter 0xC000, or chunk 192 among the supported extensions
  bool reconfig = false;      ///< chunk 130 among the supported extensions
  bool zeroChecksum = false;  ///< RFC 9653 with error detection method 1, DTLS
  ByteView cookie;            ///< INIT ACK only
  Bytes unrecognized;         ///< parameters to report, whole and padded, at most kMaxReported bytes

  static constexpr size_t kMaxReported = 512;
  static std::optional<InitChunk> parse(const ChunkView& chunk);
  void write(Bytes& out, ChunkType type) const;
};

/// SACK (§3.3.4).
/// |                      Cumulative TSN Ack                       |
/// |          Advertised Receiver Window Credit (a_rwnd)           |
/// | Number of Gap Ack Blocks = N  |  Number of Duplicate TSNs = M |
/// |    Gap Ack Block #1 Start     |   Gap Ack Block #1 End        |  ...
/// |                       Duplicate TSN 1                         |  ...
struct SackChunk {
  struct GapBlock {
    uint16_t start = 0;  ///< offset from the cumulative TSN
    uint16_t end = 0;
    friend bool operator==(const GapBlock&, const GapBlock&) = default;
  };
  uint32_t cumulativeTsn = 0;
  uint32_t receiveWindow = 0;
  ByteView gapBlocks;   ///< 4 bytes each
  ByteView duplicates;  ///< 4 bytes each

  size_t gapCount() const { return gapBlocks.size() / 4; }
  GapBlock gap(size_t i) const { return {loadU16(&gapBlocks[4 * i]), loadU16(&gapBlocks[4 * i + 2])}; }
  size_t duplicateCount() const { return duplicates.size() / 4; }
  uint32_t duplicate(size_t i) const { return loadU32(&duplicates[4 * i]); }
  static std::optional<SackChunk> parse(const ChunkView& chunk);
};

/// FORWARD TSN (RFC 3758 §3.2): new cumulative TSN, then stream and SSN pairs.
struct ForwardTsnChunk {
  struct Skipped {
    StreamId stream;
    uint16_t ssn = 0;
    friend bool operator==(const Skipped&, const Skipped&) = default;
  };
  uint32_t cumulativeTsn = 0;
  ByteView skipped;

  size_t skippedCount() const { return skipped.size() / 4; }
  Skipped skippedAt(size_t i) const { return {StreamId(loadU16(&skipped[4 * i])), loadU16(&skipped[4 * i + 2])}; }
  static std::optional<ForwardTsnChunk> parse(const ChunkView& chunk);
  static void write(Bytes& out, uint32_t cumulativeTsn, std::span<const Skipped> skipped);
};

/// Parameters of RE-CONFIG (RFC 6525 §4).
enum class ReconfigParameter : uint16_t {
  outgoing_reset = 13,
  incoming_reset = 14,
  ssn_tsn_reset = 15,
  response = 16,
  add_outgoing = 17,
  add_incoming = 18,
};
/// RFC 6525 §4.4.
enum class ReconfigResult : uint32_t {
  nothing_to_do = 0,
  performed = 1,
  denied = 2,
  wrong_ssn = 3,
  already_in_progress = 4,
  bad_sequence_number = 5,
  in_progress = 6,
};

/// Outgoing SSN Reset Request (§4.1).
struct OutgoingResetRequest {
  uint32_t requestSequence = 0;
  uint32_t responseSequence = 0;
  uint32_t lastTsn = 0;
  std::vector<StreamId> streams;  ///< none: all
  static std::optional<OutgoingResetRequest> parse(ByteView value);
  void write(Bytes& out) const;
};
/// Re-configuration Response (§4.4).
struct ReconfigResponse {
  uint32_t sequence = 0;
  uint32_t result = 0;  ///< ReconfigResult, or what a later RFC adds
  static std::optional<ReconfigResponse> parse(ByteView value);
  void write(Bytes& out) const;
};

/// Appends an error cause (§3.3.10); `info` is cut to what one packet of a small path carries.
void writeCause(Bytes& out, Cause cause, ByteView info);
/// A whole chunk with no value.
void writeEmptyChunk(Bytes& out, ChunkType type, uint8_t flags = 0);

}  // namespace peerage::sctp
