// links: base sctp datachannel
#include <cstdlib>

#include "datachannel/dcep.hpp"

using namespace peerage;
using namespace peerage::datachannel;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto message = parseControl(ByteView(data, size));
  if (!message) return 0;
  if (const auto* open = std::get_if<OpenMessage>(&*message)) {
    const auto again = parseControl(open->serialize());
    if (!again || std::get<OpenMessage>(*again) != *open) std::abort();
  }
  return 0;
}
