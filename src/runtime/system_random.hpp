// The operating system's random source.
#pragma once

#include "base/random.hpp"

namespace peerage::runtime {

/// getrandom(2), without a buffer: nothing to be shared by accident after a fork().
class SystemRandom final : public RandomSource {
 public:
  void fill(std::span<uint8_t> out) override;
};

}  // namespace peerage::runtime
