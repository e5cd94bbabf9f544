// webrtc-pc §4.9: certificates.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "peerage/dictionaries.hpp"

namespace peerage {

class EventLoop;
namespace detail {
class PeerConnection;
struct CertificateData;
}  // namespace detail

/// A certificate and its key as text. Not of the specification, which has structured cloning for this.
struct RTCCertificatePem {
  std::string certificate = {};
  std::string privateKey = {};  ///< PKCS #8, not encrypted: keep it as you keep a password
};

/// webrtc-pc §4.9: a self-signed certificate with its private key, which several connections may share.
class RTCCertificate {
 public:
  explicit RTCCertificate(std::shared_ptr<const detail::CertificateData> data) : data_(std::move(data)) {}
  /// Milliseconds since the Unix epoch.
  int64_t expires() const;
  /// One, SHA-256 in lower case.
  std::vector<RTCDtlsFingerprint> getFingerprints() const;

  RTCCertificatePem toPem() const;
  /// Throws DataError for text that is no PEM, a key of another certificate, or one that is neither ECDSA P-256 nor RSA of at
  /// least 2048 bits. It expires when the certificate does.
  static std::shared_ptr<RTCCertificate> fromPem(EventLoop& loop, const RTCCertificatePem& pem);

 private:
  friend class detail::PeerConnection;
  std::shared_ptr<const detail::CertificateData> data_;
};

}  // namespace peerage
