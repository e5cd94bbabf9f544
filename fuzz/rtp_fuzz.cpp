// links: rtp
// Packets and header extensions: what parses is in bounds, and can be written and read again.
#include <cstdint>
#include <cstdlib>

#include "rtp/packet.hpp"

using namespace peerage;
using namespace peerage::rtp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ExtensionMap map = [] {
    ExtensionMap m;
    for (size_t i = 0; i < kExtensionTypes; ++i) m.set(static_cast<ExtensionType>(i), static_cast<uint8_t>(i + 1));
    return m;
  }();
  Bytes copy(data, data + size);
  const auto view = PacketView::parse(copy);
  if (!view) return 0;
  if (view->headerSize + view->payload.size() + view->paddingSize != size) std::abort();
  const Extensions values = view->extensions(map);
  Bytes again;
  writeHeader({view->marker, view->payloadType, view->sequenceNumber, view->timestamp, view->ssrc, {}}, map, values,
              again);
  again.insert(again.end(), view->payload.begin(), view->payload.end());
  const auto second = PacketView::parse(again);
  if (!second || second->extensions(map) != values || second->payload.size() != view->payload.size()) std::abort();
  const Bytes stamp = {1, 2};
  const bool patched = patchExtension(copy, map.id(ExtensionType::transport_sequence_number), stamp);
  if (patched && !PacketView::parse(copy)) std::abort();
  return 0;
}
