// Randomness is injected. RandomSource is what the cores see; SeededRandom replays a whole call from its seed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace peerage {

class RandomSource {
 public:
  virtual ~RandomSource() = default;
  /// Fills the whole span.
  virtual void fill(std::span<uint8_t> out) = 0;

  uint32_t u32();
  uint64_t u64();
  /// Uniform in [0, bound); bound > 0.
  uint64_t below(uint64_t bound);
  /// Uniform in [0, 1).
  double unit();
  /// `length` characters of ALPHA / DIGIT / "+" / "/" (RFC 8839 ice-char), six bits of randomness each.
  std::string iceChars(size_t length);
};

/// xoshiro256**, seeded through splitmix64: for simulations and tests, never for keys of a real connection.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(uint64_t seed);
  void fill(std::span<uint8_t> out) override;

 private:
  uint64_t next();
  uint64_t state_[4];
};

}  // namespace peerage
