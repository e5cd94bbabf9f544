// Whether a certificate is the one that a description promised (RFC 8122 §5).
#pragma once

#include <span>

#include "base/bytes.hpp"
#include "dtls/certificate.hpp"

namespace peerage::dtls {

/// More a=fingerprint lines than any description has reason for; each costs a digest.
inline constexpr size_t kMaxFingerprints = 16;

/// True when, of the fingerprints with the strongest hash function that we know, one is the certificate's. Only the
/// first kMaxFingerprints are looked at.
bool fingerprintsMatch(std::span<const Fingerprint> fingerprints, ByteView der);

}  // namespace peerage::dtls
