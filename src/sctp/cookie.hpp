// The state cookie (RFC 9260 §5.1.3): all that an INIT taught us, sealed, so that answering one keeps no state.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/time.hpp"

namespace peerage::sctp {

struct StateCookie {
  Timestamp issued{};
  uint32_t localTag = 0;
  uint32_t peerTag = 0;
  uint32_t localInitialTsn = 0;
  uint32_t peerInitialTsn = 0;
  uint32_t peerWindow = 0;
  uint16_t outboundStreams = 0;
  uint16_t inboundStreams = 0;
  bool forwardTsn = false;
  bool reconfig = false;
  bool zeroChecksum = false;
  uint32_t localTieTag = 0;  ///< our tag when the INIT came, 0 without an association (§5.2.2)
  uint32_t peerTieTag = 0;
  friend bool operator==(const StateCookie&, const StateCookie&) = default;
};

/// Seals and opens cookies with a key of its own. The key never leaves the process and DTLS already authenticates the
/// peer, so a keyed hash made for short inputs (SipHash-2-4) is enough: it binds a cookie to this association.
class CookieJar {
 public:
  static constexpr size_t kSize = 49;
  explicit CookieJar(RandomSource& random);
  Bytes seal(const StateCookie& cookie) const;
  /// nullopt: not one of ours, or changed on its way.
  std::optional<StateCookie> open(ByteView sealed) const;

 private:
  std::array<uint64_t, 2> key_{};
};

/// SipHash-2-4 (Aumasson and Bernstein, 2012) of `data`.
uint64_t sipHash24(std::array<uint64_t, 2> key, ByteView data);

}  // namespace peerage::sctp
