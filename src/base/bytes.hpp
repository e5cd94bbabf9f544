// Byte buffers and a bounded big-endian reader and writer: what every parser of the project is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace peerage {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

inline ByteView asBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view asText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Reads big-endian (network order) values from a span. A read past the end yields nullopt and moves nothing.
class ByteReader {
 public:
  explicit ByteReader(ByteView data) : data_(data) {}

  size_t position() const { return position_; }
  size_t remaining() const { return data_.size() - position_; }
  bool empty() const { return remaining() == 0; }
  ByteView rest() const { return data_.subspan(position_); }

  std::optional<uint8_t> u8() { return number<uint8_t>(1); }
  std::optional<uint16_t> u16() { return number<uint16_t>(2); }
  std::optional<uint32_t> u24() { return number<uint32_t>(3); }
  std::optional<uint32_t> u32() { return number<uint32_t>(4); }
  std::optional<uint64_t> u64() { return number<uint64_t>(8); }

  /// A view of the next `count` bytes.
  std::optional<ByteView> bytes(size_t count) {
    if (count > remaining()) return std::nullopt;
    ByteView view = data_.subspan(position_, count);
    position_ += count;
    return view;
  }
  bool skip(size_t count) { return bytes(count).has_value(); }

 private:
  template <typename T>
  std::optional<T> number(size_t width) {
    if (width > remaining()) return std::nullopt;
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) value = value << 8 | data_[position_ + i];
    position_ += width;
    return static_cast<T>(value);
  }

  ByteView data_;
  size_t position_ = 0;
};

/// Appends big-endian values to a buffer that the caller owns.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}

  size_t size() const { return out_.size(); }
  void u8(uint8_t value) { out_.push_back(value); }
  void u16(uint16_t value) { number(value, 2); }
  void u24(uint32_t value) { number(value, 3); }
  void u32(uint32_t value) { number(value, 4); }
  void u64(uint64_t value) { number(value, 8); }
  void bytes(ByteView view) { out_.insert(out_.end(), view.begin(), view.end()); }
  void zeros(size_t count) { out_.insert(out_.end(), count, uint8_t{0}); }
  /// Overwrites two bytes written earlier (a length that is known only afterwards).
  void patchU16(size_t at, uint16_t value) {
    out_[at] = static_cast<uint8_t>(value >> 8);
    out_[at + 1] = static_cast<uint8_t>(value);
  }

 private:
  void number(uint64_t value, size_t width) {
    for (size_t i = width; i-- > 0;) out_.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }
  Bytes& out_;
};

// Big-endian loads and stores at a place already known to be in bounds.
inline uint16_t loadU16(const uint8_t* p) { return static_cast<uint16_t>(p[0] << 8 | p[1]); }
inline uint32_t loadU24(const uint8_t* p) { return uint32_t{p[0]} << 16 | uint32_t{p[1]} << 8 | p[2]; }
inline uint32_t loadU32(const uint8_t* p) {
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3];
}
inline void storeU16(uint8_t* p, uint16_t v) {
  p[0] = static_cast<uint8_t>(v >> 8);
  p[1] = static_cast<uint8_t>(v);
}
inline void storeU32(uint8_t* p, uint32_t v) {
  storeU16(p, static_cast<uint16_t>(v >> 16));
  storeU16(p + 2, static_cast<uint16_t>(v));
}

}  // namespace peerage
