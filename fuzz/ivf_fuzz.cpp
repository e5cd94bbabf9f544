// links: media base
// A file in pieces of a length that its first byte gives; what was read is written and must read the same.
#include <cstdlib>

#include "media/files/ivf.hpp"

using namespace peerage;
using namespace peerage::media;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t step = data[0] + size_t{1};
  const ByteView file(data + 1, size - 1);
  IvfReader reader;
  Bytes again;
  bool broken = false;
  for (size_t at = 0; at < file.size() && !broken; at += step) {
    reader.push(file.subspan(at, std::min(step, file.size() - at)));
    for (;;) {
      const auto frame = reader.next();
      if (!frame) {
        if (frame.error().message.empty() || reader.next()) std::abort();
        broken = true;
        break;
      }
      if (!*frame) break;
      if (!reader.header()) std::abort();
      if (again.empty() && !writeIvfHeader(*reader.header(), again)) std::abort();
      if (!writeIvfFrame((*frame)->data, (*frame)->timestamp, again)) std::abort();
    }
  }
  if (broken || again.empty()) return 0;
  IvfReader second;
  second.push(again);
  while (true) {
    const auto frame = second.next();
    if (!frame) std::abort();
    if (!*frame) break;
  }
  if (*second.header() != *reader.header() || !second.finish()) std::abort();
  return 0;
}
