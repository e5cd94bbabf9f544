// DTLS 1.2 (RFC 6347) over OpenSSL.
#pragma once

#include "dtls/connection.hpp"

namespace peerage::dtls {

/// Certificates and connections of OpenSSL. Holds nothing: its connections outlive it.
class OpenSslFactory final : public Factory {
 public:
  Result<CertificatePtr> makeCertificate(const crypto::CertificateOptions& options, RandomSource& random) override;
  Result<CertificatePtr> certificateFromPem(std::string_view certificatePem, std::string_view privateKeyPem) override;
  Result<std::unique_ptr<Connection>> makeConnection(Options options, RandomSource& random, Log log = {}) override;
};

}  // namespace peerage::dtls
