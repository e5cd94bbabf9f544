// A local certificate as DTLS, the engine and the API see it; which kind of Factory made it is hidden.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "crypto/certificate.hpp"

namespace peerage::dtls {

/// One `a=fingerprint` (RFC 8122 §5).
struct Fingerprint {
  std::string algorithm;  ///< "sha-256"; compared without regard to case
  std::string value;      ///< "4A:AD:…"; compared without regard to case
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

/// Immutable and shared: RTCCertificate is one, and several connections may use it.
class Certificate {
 public:
  virtual ~Certificate() = default;

  virtual ByteView der() const = 0;
  virtual std::chrono::sys_seconds notAfter() const = 0;  ///< RTCCertificate.expires
  virtual crypto::KeyKind kind() const = 0;
  virtual std::string certificatePem() const = 0;
  virtual std::string privateKeyPem() const = 0;

  Fingerprint fingerprint(crypto::HashAlgorithm algorithm = crypto::HashAlgorithm::sha256) const {
    return {std::string(crypto::toString(algorithm)), crypto::fingerprint(algorithm, der())};
  }
};
using CertificatePtr = std::shared_ptr<const Certificate>;

}  // namespace peerage::dtls
