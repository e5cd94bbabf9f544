// Which m-section an RTP or RTCP packet of a bundled transport belongs to (RFC 9143 §9.2).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rtp/packet.hpp"
#include "rtp/rtcp.hpp"

namespace peerage::rtp {

/// One m-section as its owner names it.
using SectionKey = uint32_t;

class Demuxer {
 public:
  struct Section {
    SectionKey key = 0;
    std::string mid;                        ///< may be empty when no MID was negotiated
    std::vector<uint8_t> payloadTypes;      ///< that may be received there
    std::vector<Ssrc> remoteSsrcs;          ///< a=ssrc of the remote description
    std::vector<Ssrc> localSsrcs;           ///< what we send there: RTCP about them comes back
    std::vector<std::string> rids;          ///< that may be received there
    friend bool operator==(const Section&, const Section&) = default;
  };
  /// SSRCs that are remembered because a packet named them; one more is not learned.
  static constexpr size_t kMaxLearned = 512;

  /// Replaces the table. What was learned of SSRCs stays for sections whose key is still there.
  void configure(std::span<const Section> sections);

  struct Route {
    SectionKey section = 0;
    std::string_view rid;  ///< of the SSRC, as learned from its packets; empty without; valid until configure()
    bool newSsrc = false;  ///< the first packet of this SSRC for this section
  };
  /// RFC 9143 §9.2, the steps for RTP. `values` are the packet's extensions. nullopt: no section wants it; counted.
  std::optional<Route> route(const PacketView& packet, const Extensions& values);
  /// The section that a remote SSRC was mapped to: for SR, SDES and BYE.
  std::optional<SectionKey> remoteSection(Ssrc ssrc) const;
  /// The section that sends with this SSRC: for report blocks and feedback.
  std::optional<SectionKey> localSection(Ssrc ssrc) const;
  /// SDES with a MID item maps its source (§9.2, the steps for RTCP).
  void learn(Ssrc ssrc, std::string_view mid);
  /// BYE: the SSRC is forgotten.
  void forget(Ssrc ssrc);

  struct Counters {
    uint64_t unknownMid = 0;
    uint64_t unknownRid = 0;
    uint64_t wrongPayloadType = 0;  ///< the SSRC's section does not have the payload type
    uint64_t unknown = 0;           ///< nothing told where to
    uint64_t tableFull = 0;
    uint64_t dropped() const { return unknownMid + unknownRid + wrongPayloadType + unknown + tableFull; }
  };
  const Counters& counters() const { return counters_; }

 private:
  struct Learned {
    uint16_t section = 0;  ///< index
    uint16_t rid = kNoRid; ///< index into the section's rids
    bool seen = false;
    bool signalled = false;        ///< from a=ssrc
    std::optional<uint16_t> midSequence;  ///< of the packet that last told the MID (RFC 7941 §4.2.2)
  };
  static constexpr uint16_t kNoRid = 0xffff;
  static constexpr int16_t kNoSection = -1;
  static constexpr int16_t kAmbiguous = -2;

  int16_t sectionOf(std::string_view mid) const;
  bool accepts(size_t section, uint8_t payloadType) const {
    return payloadTypes_[section][payloadType & 127];
  }
  Learned* insert(Ssrc ssrc, uint16_t section);

  std::vector<Section> sections_;
  std::vector<std::array<bool, 128>> payloadTypes_;      ///< by section
  std::array<int16_t, 128> payloadTypeSection_ = filled();  ///< §9.2: only payload types unique to one section
  std::unordered_map<Ssrc, Learned> remote_;
  std::unordered_map<Ssrc, uint16_t> local_;
  Counters counters_;

  static constexpr std::array<int16_t, 128> filled() {
    std::array<int16_t, 128> table{};
    table.fill(kNoSection);
    return table;
  }
};

}  // namespace peerage::rtp
