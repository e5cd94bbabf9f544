// CRC32c (RFC 9260 Appendix A), by the processor's own instruction where there is one.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace peerage::sctp {

/// Continues a CRC register over `data`; begin with 0xFFFFFFFF and invert the end result.
uint32_t crc32cExtend(uint32_t crc, ByteView data);
/// The same by tables alone: what runs where no instruction does, and what tests compare with.
uint32_t crc32cExtendPortable(uint32_t crc, ByteView data);

inline uint32_t crc32c(ByteView data) { return ~crc32cExtend(0xFFFFFFFFu, data); }

/// Checksum of an SCTP packet (12 bytes or more) with its checksum field taken as zero.
uint32_t packetChecksum(ByteView packet);

// The field holds the CRC with its least significant byte first (Appendix A: the register's bits go out reflected).
inline uint32_t loadChecksum(const uint8_t* p) {
  return uint32_t{p[0]} | uint32_t{p[1]} << 8 | uint32_t{p[2]} << 16 | uint32_t{p[3]} << 24;
}
inline void storeChecksum(uint8_t* p, uint32_t crc) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<uint8_t>(crc >> (8 * i));
}

}  // namespace peerage::sctp
