// The numbers that SCTP's users see, each a type of its own.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/strong.hpp"

namespace peerage::sctp {

/// Stream identifier (RFC 9260 §1.3), 0..65534 in WebRTC (RFC 8832 §6 keeps 65535 out of use).
using StreamId = Strong<struct StreamIdTag, uint16_t>;
/// Payload protocol identifier: opaque to SCTP, carried unchanged (RFC 9260 §3.3.1).
using Ppid = Strong<struct PpidTag, uint32_t>;

/// A transmission sequence number unwrapped to 64 bits where it enters; its low 32 bits are what the wire carries.
using TsnValue = int64_t;

inline constexpr uint32_t wireTsn(TsnValue tsn) { return static_cast<uint32_t>(tsn); }

}  // namespace peerage::sctp
