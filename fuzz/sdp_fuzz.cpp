// links: sdp
// Whatever parses must serialize to something that parses to the same, and serializes to the same text again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sdp/session_description.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace peerage;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto candidate = sdp::parseCandidate(text)) {
    const auto again = sdp::parseCandidate(sdp::serialize(*candidate));
    if (!again || *again != *candidate) std::abort();
  }
  const auto parsed = sdp::parse(text);
  if (!parsed) {
    if (parsed.error().line < 1 || parsed.error().message.empty()) std::abort();
    return 0;
  }
  const std::string out = sdp::serialize(*parsed);
  const auto again = sdp::parse(out);
  if (!again || *again != *parsed || sdp::serialize(*again) != out) std::abort();
  return 0;
}
