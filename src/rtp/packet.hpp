// RTP packets (RFC 3550 §5.1) and their header extensions (RFC 8285): read in place, written into a buffer that is
// reused.
//
//    0                   1                   2                   3
//    |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//    |                           timestamp                           |
//    |           synchronization source (SSRC) identifier            |
//    |            contributing source (CSRC) identifiers  ....       |
//    |      defined by profile       |           length              |   with X = 1
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "rtp/types.hpp"

namespace peerage::rtp {

inline constexpr size_t kFixedHeaderSize = 12;

/// The header extensions that are understood. Ids are negotiated, so the wire's ids are looked up in an ExtensionMap.
enum class ExtensionType : uint8_t {
  mid,                        ///< RFC 9143 §15
  rid,                        ///< RFC 8852 §3.1
  repaired_rid,               ///< RFC 8852 §3.2
  absolute_send_time,         ///< http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
  transport_sequence_number,  ///< draft-holmer-rmcat-transport-wide-cc-extensions-01 §2
  audio_level,                ///< RFC 6464
};
inline constexpr size_t kExtensionTypes = 6;

/// The URI that an a=extmap line names the extension by.
std::string_view uri(ExtensionType type);
/// The extension with this URI; nullopt for others.
std::optional<ExtensionType> extensionType(std::string_view uri);

/// Which id stands for which extension, as negotiated for one m-section (a=extmap, RFC 8285 §5).
class ExtensionMap {
 public:
  /// `id` is 1..255 without 15 (RFC 8285 §4.2, §4.3); false, changing nothing, for another or one that is taken.
  bool set(ExtensionType type, uint8_t id);
  /// 0 when the extension was not negotiated.
  uint8_t id(ExtensionType type) const { return ids_[static_cast<size_t>(type)]; }
  bool has(ExtensionType type) const { return id(type) != 0; }
  std::optional<ExtensionType> type(uint8_t id) const {
    return types_[id] == 0 ? std::nullopt : std::optional(static_cast<ExtensionType>(types_[id] - 1));
  }
  friend bool operator==(const ExtensionMap&, const ExtensionMap&) = default;

 private:
  std::array<uint8_t, kExtensionTypes> ids_{};
  std::array<uint8_t, 256> types_{};  ///< 1 + type
};

/// RFC 6464 §3.
struct AudioLevel {
  bool voice = false;
  uint8_t level = 127;  ///< -dBov, 0 (loudest) to 127 (silence)
  friend bool operator==(const AudioLevel&, const AudioLevel&) = default;
};

/// Values of header extensions; text points into the packet (or to the writer's own).
struct Extensions {
  std::string_view mid;  ///< empty: absent
  std::string_view rid;
  std::string_view repairedRid;
  std::optional<uint32_t> absoluteSendTime;  ///< 24 bits: seconds in 6.18
  std::optional<uint16_t> transportSequenceNumber;
  std::optional<AudioLevel> audioLevel;
  friend bool operator==(const Extensions&, const Extensions&) = default;
};

/// Absolute send time of a moment: the low 6 bits of the second and 18 of its fraction.
inline constexpr uint32_t absoluteSendTime(Timestamp now) {
  return static_cast<uint32_t>(ntpTime(now) >> 14) & 0xffffff;
}

/// One RTP packet where it lies. Views last as long as the bytes that were parsed.
struct PacketView {
  bool marker = false;
  uint8_t payloadType = 0;  ///< 0..127
  uint16_t sequenceNumber = 0;
  uint32_t timestamp = 0;
  Ssrc ssrc;
  ByteView csrcs;  ///< 4 bytes each, at most 15
  uint16_t extensionProfile = 0;
  ByteView extension;  ///< behind profile and length; empty without one
  ByteView payload;    ///< without padding
  size_t headerSize = 0;
  size_t paddingSize = 0;

  /// Checks version, lengths and padding. Never fails for unknown extensions.
  static std::expected<PacketView, ParseError> parse(ByteView packet);
  /// The extensions that `map` knows. An element that reaches past the end stops the walk (RFC 8285 §4.2); wrong sizes
  /// are ignored.
  Extensions extensions(const ExtensionMap& map) const;
};

/// Whether bytes that came in on a transport are RTCP rather than RTP (RFC 5761 §4: second byte 192..223). Needs 2
/// bytes.
inline bool isRtcp(ByteView packet) { return packet.size() >= 2 && packet[1] >= 192 && packet[1] <= 223; }

/// What is written in front of a payload.
struct PacketHeader {
  bool marker = false;
  uint8_t payloadType = 0;
  uint16_t sequenceNumber = 0;
  uint32_t timestamp = 0;
  Ssrc ssrc;
  std::span<const uint32_t> csrcs{};  ///< the first 15 are written
};

/// Replaces `out` by the header with all those of `values` that `map` has an id for; append the payload then. One-byte
/// elements when they fit, two-byte ones otherwise. mid and rids are at most 16 bytes on the wire (RFC 8843's tokens
/// are short); longer ones go in two-byte form up to 255.
void writeHeader(const PacketHeader& header, const ExtensionMap& map, const Extensions& values, Bytes& out);
/// Adds `count` bytes of padding (1..255) and sets the P bit.
void appendPadding(Bytes& packet, uint8_t count);
/// Overwrites the value of an extension that is in the packet with the same length; false when it is not. For what is
/// known only when the packet leaves: send time and transport-wide sequence number.
bool patchExtension(std::span<uint8_t> packet, uint8_t id, ByteView value);

}  // namespace peerage::rtp
