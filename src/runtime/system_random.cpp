#include "runtime/system_random.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace peerage::runtime {

void SystemRandom::fill(std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got > 0) {
      out = out.subspan(static_cast<size_t>(got));
    } else if (errno != EINTR) {
      std::abort();  // no kernel since 3.17 does this; keys without randomness would be worse
    }
  }
}

}  // namespace peerage::runtime
