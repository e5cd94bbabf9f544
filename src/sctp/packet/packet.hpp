// The common header and the type-length-value framing of chunks, parameters and error causes (RFC 9260 §3).
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace peerage::sctp {

inline constexpr size_t kCommonHeaderSize = 12;
inline constexpr size_t kChunkHeaderSize = 4;
inline constexpr size_t kDataHeaderSize = 16;

/// RFC 9260 §3.2, RFC 6525 §3, RFC 3758 §3.
enum class ChunkType : uint8_t {
  data = 0,
  init = 1,
  init_ack = 2,
  sack = 3,
  heartbeat = 4,
  heartbeat_ack = 5,
  abort = 6,
  shutdown = 7,
  shutdown_ack = 8,
  error = 9,
  cookie_echo = 10,
  cookie_ack = 11,
  shutdown_complete = 14,
  reconfig = 130,
  pad = 132,  // RFC 4820
  forward_tsn = 192,
};

/// RFC 9260 §3.3.10.
enum class Cause : uint16_t {
  none = 0,
  invalid_stream = 1,
  missing_parameter = 2,
  stale_cookie = 3,
  out_of_resource = 4,
  unresolvable_address = 5,
  unrecognized_chunk = 6,
  invalid_parameter = 7,
  unrecognized_parameters = 8,
  no_user_data = 9,
  cookie_while_shutting_down = 10,
  restart_with_new_addresses = 11,
  user_abort = 12,
  protocol_violation = 13,
};

// What the two highest bits of an unknown chunk or parameter type ask for (RFC 9260 §3.2, §3.2.1).
inline constexpr bool unknownChunkIsSkipped(uint8_t type) { return type & 0x80; }
inline constexpr bool unknownChunkIsReported(uint8_t type) { return type & 0x40; }
inline constexpr bool unknownParameterIsSkipped(uint16_t type) { return type & 0x8000; }
inline constexpr bool unknownParameterIsReported(uint16_t type) { return type & 0x4000; }

inline constexpr size_t padded(size_t size) { return (size + 3) & ~size_t{3}; }

///  0                   1                   2                   3
/// |     Source Port Number        |     Destination Port Number   |
/// |                      Verification Tag                         |
/// |                           Checksum                            |
struct CommonHeader {
  uint16_t sourcePort = 0;
  uint16_t destinationPort = 0;
  uint32_t verificationTag = 0;

  /// nullopt: shorter than 12 bytes.
  static std::optional<CommonHeader> parse(ByteView packet);
  /// Appends the header with a checksum of zero.
  void write(Bytes& out) const;
};

/// One chunk: views into its packet.
struct ChunkView {
  uint8_t type = 0;
  uint8_t flags = 0;
  ByteView value;  ///< after the chunk header, without padding
  ByteView whole;  ///< with the header, without padding
};

/// Walks the chunks of a packet.
class ChunkReader {
 public:
  /// `chunks`: the packet after its common header.
  explicit ChunkReader(ByteView chunks) : rest_(chunks) {}
  /// nullopt at the end, or at a chunk whose length cannot be; then malformed() is true.
  std::optional<ChunkView> next();
  bool malformed() const { return malformed_; }
  bool empty() const { return rest_.empty(); }

 private:
  ByteView rest_;
  bool malformed_ = false;
};

/// A parameter or an error cause: both have a 16-bit type and a 16-bit length (RFC 9260 §3.2.1, §3.3.10).
struct ParameterView {
  uint16_t type = 0;
  ByteView value;
  ByteView whole;
};
class ParameterReader {
 public:
  explicit ParameterReader(ByteView parameters) : rest_(parameters) {}
  std::optional<ParameterView> next();
  bool malformed() const { return malformed_; }

 private:
  ByteView rest_;
  bool malformed_ = false;
};

/// Appends a chunk or parameter header, and the length and the padding when it goes out of scope.
class ChunkWriter {
 public:
  ChunkWriter(Bytes& out, ChunkType type, uint8_t flags = 0);
  ~ChunkWriter();
  ChunkWriter(const ChunkWriter&) = delete;
  ChunkWriter& operator=(const ChunkWriter&) = delete;

 private:
  Bytes& out_;
  size_t start_;
};
class ParameterWriter {
 public:
  ParameterWriter(Bytes& out, uint16_t type);
  ~ParameterWriter();
  ParameterWriter(const ParameterWriter&) = delete;
  ParameterWriter& operator=(const ParameterWriter&) = delete;

 private:
  Bytes& out_;
  size_t start_;
};

}  // namespace peerage::sctp
