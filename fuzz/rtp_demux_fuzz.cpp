// links: rtp
// A run of packets, SDES, BYE and reconfigurations: whatever comes, a packet goes only to a section that has its
// payload type.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "rtp/demuxer.hpp"

using namespace peerage;
using namespace peerage::rtp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string_view mids[] = {"", "0", "1", "2", "other"};
  static const std::string_view rids[] = {"", "hi", "lo", "odd"};
  ByteReader reader({data, size});
  Demuxer demuxer;
  std::vector<Demuxer::Section> sections;
  while (const auto op = reader.u8()) {
    const uint32_t ssrc = 1 + reader.u8().value_or(0) % 16;
    const uint8_t a = reader.u8().value_or(0);
    const uint8_t b = reader.u8().value_or(0);
    switch (*op % 8) {
      case 0: {
        sections.clear();
        for (uint32_t i = 0; i < a % 4u; ++i) {
          Demuxer::Section section{.key = i + b % 3, .mid = std::string(mids[1 + (i + b) % 3])};
          section.payloadTypes = {static_cast<uint8_t>(96 + i), static_cast<uint8_t>(96 + b % 4)};
          if (b & 1) section.remoteSsrcs = {Ssrc{ssrc + i}};
          if (b & 2) section.rids = {"hi", "lo"};
          section.localSsrcs = {Ssrc{100 + i}};
          sections.push_back(section);
        }
        demuxer.configure(sections);
        break;
      }
      case 1: demuxer.learn(Ssrc{ssrc}, mids[a % 5]); break;
      case 2: demuxer.forget(Ssrc{ssrc}); break;
      case 3: demuxer.remoteSection(Ssrc{ssrc}), demuxer.localSection(Ssrc{ssrc + 90}); break;
      default: {
        PacketView packet;
        packet.ssrc = Ssrc{ssrc};
        packet.payloadType = static_cast<uint8_t>(96 + a % 6);
        packet.sequenceNumber = static_cast<uint16_t>(b << 8);
        Extensions values;
        values.mid = mids[b % 5];
        values.rid = rids[a / 6 % 4];
        const auto route = demuxer.route(packet, values);
        if (!route) break;
        const bool found = std::ranges::any_of(sections, [&](const Demuxer::Section& s) {
          return s.key == route->section && std::ranges::count(s.payloadTypes, packet.payloadType) > 0;
        });
        if (!found) std::abort();
      }
    }
  }
  return 0;
}
