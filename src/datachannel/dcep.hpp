// The messages of the Data Channel Establishment Protocol (RFC 8832 §5) and the PPIDs of data channels.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sctp/types.hpp"

namespace peerage::datachannel {

// RFC 8831 §8.
inline constexpr sctp::Ppid kPpidControl{50};
inline constexpr sctp::Ppid kPpidString{51};
inline constexpr sctp::Ppid kPpidBinaryPartial{52};  // deprecated: received, never sent
inline constexpr sctp::Ppid kPpidBinary{53};
inline constexpr sctp::Ppid kPpidStringPartial{54};  // deprecated
inline constexpr sctp::Ppid kPpidStringEmpty{56};
inline constexpr sctp::Ppid kPpidBinaryEmpty{57};

/// DATA_CHANNEL_OPEN (§5.1).
/// |  Message Type |  Channel Type |            Priority           |
/// |                    Reliability Parameter                      |
/// |         Label Length          |       Protocol Length         |
/// |  Label ... Protocol ...                                       |
struct OpenMessage {
  bool ordered = true;
  std::optional<uint16_t> maxRetransmits;
  std::optional<uint16_t> maxPacketLifeTime;  ///< milliseconds
  uint16_t priority = 256;
  std::string label;
  std::string protocol;
  friend bool operator==(const OpenMessage&, const OpenMessage&) = default;

  /// Label and protocol have at most 65535 bytes each.
  Bytes serialize() const;
};
/// DATA_CHANNEL_ACK (§5.2).
struct AckMessage {
  static Bytes serialize();
  friend bool operator==(const AckMessage&, const AckMessage&) = default;
};

using ControlMessage = std::variant<OpenMessage, AckMessage>;
/// Error: unknown message or channel type, lengths that do not add up, label or protocol that is not UTF-8. A limit
/// above 65535 becomes 65535, the API's largest.
Result<ControlMessage> parseControl(ByteView data);

/// Well-formed UTF-8 (RFC 3629): no overlong form, surrogate, or code point above U+10FFFF.
bool isUtf8(ByteView text);
/// What W3C calls "decoding as UTF-8": each wrong sequence, as far as it was right, becomes U+FFFD.
Bytes decodeUtf8(Bytes text);

}  // namespace peerage::datachannel
