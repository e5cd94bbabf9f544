// A deterministic stand-in for DTLS in simulated calls: no cryptography worth the name, the same seed gives the same
// bytes. Its records carry a version that no DTLS has, so that it and a real stack refuse each other.
#pragma once

#include "dtls/connection.hpp"

namespace peerage::dtls {

/// Certificates and connections that protect nothing. For simulations and tests alone.
class FakeFactory final : public Factory {
 public:
  Result<CertificatePtr> makeCertificate(const crypto::CertificateOptions& options, RandomSource& random) override;
  Result<CertificatePtr> certificateFromPem(std::string_view certificatePem, std::string_view privateKeyPem) override;
  Result<std::unique_ptr<Connection>> makeConnection(Options options, RandomSource& random, Log log = {}) override;
};

}  // namespace peerage::dtls
