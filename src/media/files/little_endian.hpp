// Little-endian fields, as IVF and Ogg have them (RTP and its kin are big-endian: base/bytes.hpp).
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/bytes.hpp"

namespace peerage::media {

/// Reads a T at `p`, which must have sizeof(T) bytes.
template <typename T>
T loadLittle(const uint8_t* p) {
  std::make_unsigned_t<T> value = 0;
  for (size_t i = sizeof(T); i-- > 0;) value = static_cast<std::make_unsigned_t<T>>(uint64_t{value} << 8 | p[i]);
  return static_cast<T>(value);
}

template <typename T>
void appendLittle(Bytes& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    out.push_back(static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * i)));
  }
}

}  // namespace peerage::media
