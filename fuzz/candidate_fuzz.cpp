// links: ice
// Any text through the candidate grammar; what parses is written and read again, unchanged.
#include "ice/candidate.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using peerage::ice::Candidate;
  const auto candidate = Candidate::parse(peerage::asText({data, size}));
  if (!candidate) return 0;
  (void)candidate->endpoint();
  const std::string text = candidate->toString();
  if (text.size() > peerage::ice::kMaxCandidateLength) return 0;  // a lower-case rewrite never grows beyond by much
  const auto again = Candidate::parse(text);
  if (!again || *again != *candidate) __builtin_trap();
  return 0;
}
