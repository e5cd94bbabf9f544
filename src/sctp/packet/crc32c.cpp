#include "sctp/packet/crc32c.hpp"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace peerage::sctp {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;  // 0x1EDC6F41 reflected

// kTables[k][b]: the CRC of byte b followed by k zero bytes, so that eight bytes are folded in one step.
constexpr auto kTables = [] {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = before >> 8 ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}();

uint64_t loadLittle64(const uint8_t* p) {
  uint64_t value;
  std::memcpy(&value, p, sizeof value);
  if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
  return value;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t extendInstruction(uint32_t crc, ByteView data) {
  const uint8_t* p = data.data();
  size_t left = data.size();
  uint64_t wide = crc;
  for (; left >= 8; left -= 8, p += 8) wide = _mm_crc32_u64(wide, loadLittle64(p));
  uint32_t narrow = static_cast<uint32_t>(wide);
  for (; left > 0; --left, ++p) narrow = _mm_crc32_u8(narrow, *p);
  return narrow;
}
bool instructionAvailable() { return __builtin_cpu_supports("sse4.2") != 0; }
#elif defined(__ARM_FEATURE_CRC32)
uint32_t extendInstruction(uint32_t crc, ByteView data) {
  const uint8_t* p = data.data();
  size_t left = data.size();
  for (; left >= 8; left -= 8, p += 8) crc = __crc32cd(crc, loadLittle64(p));
  for (; left > 0; --left, ++p) crc = __crc32cb(crc, *p);
  return crc;
}
bool instructionAvailable() { return true; }
#else
uint32_t extendInstruction(uint32_t crc, ByteView data) { return crc32cExtendPortable(crc, data); }
bool instructionAvailable() { return false; }
#endif

}  // namespace

uint32_t crc32cExtendPortable(uint32_t crc, ByteView data) {
  const uint8_t* p = data.data();
  size_t left = data.size();
  for (; left >= 8; left -= 8, p += 8) {
    const uint64_t v = loadLittle64(p) ^ crc;
    crc = 0;
    for (size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][v >> (8 * i) & 0xFF];
  }
  for (; left > 0; --left, ++p) crc = crc >> 8 ^ kTables[0][(crc ^ *p) & 0xFF];
  return crc;
}

uint32_t crc32cExtend(uint32_t crc, ByteView data) {
  static const bool available = instructionAvailable();
  return available ? extendInstruction(crc, data) : crc32cExtendPortable(crc, data);
}

uint32_t packetChecksum(ByteView packet) {
  // The checksum field lies at 8..11: go round it rather than change the packet.
  static constexpr uint8_t kZero[4] = {};
  uint32_t crc = crc32cExtend(0xFFFFFFFFu, packet.first(8));
  crc = crc32cExtend(crc, kZero);
  return ~crc32cExtend(crc, packet.subspan(12));
}

}  // namespace peerage::sctp
