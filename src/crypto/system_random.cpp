#include "crypto/system_random.hpp"

#include <openssl/rand.h>

#include "crypto/handles.hpp"

namespace peerage::crypto {

void SystemRandom::fill(std::span<uint8_t> out) {
  constexpr size_t kPart = 1 << 20;  // RAND_bytes takes an int
  while (!out.empty()) {
    const std::span<uint8_t> part = out.first(out.size() < kPart ? out.size() : kPart);
    if (RAND_bytes(part.data(), static_cast<int>(part.size())) != 1) {
      throw LibraryFailure("RAND_bytes: " + drainErrors());
    }
    out = out.subspan(part.size());
  }
}

}  // namespace peerage::crypto
