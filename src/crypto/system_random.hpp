// The random source of real connections.
#pragma once

#include "base/random.hpp"

namespace peerage::crypto {

/// OpenSSL's generator (RAND_bytes), which the system seeds. Throws LibraryFailure rather than give bytes that are not
/// random.
class SystemRandom final : public RandomSource {
 public:
  void fill(std::span<uint8_t> out) override;
};

}  // namespace peerage::crypto
