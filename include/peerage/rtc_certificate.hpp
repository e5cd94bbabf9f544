// webrtc-pc §4.9: certificates.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "peerage/dictionaries.hpp"

namespace peerage {

namespace detail {
class PeerConnection;
struct CertificateData;
}  // namespace detail

/// webrtc-pc §4.9: a self-signed ECDSA P-256 certificate with its private key.
class RTCCertificate {
 public:
  explicit RTCCertificate(std::shared_ptr<const detail::CertificateData> data) : data_(std::move(data)) {}
  /// Milliseconds since the Unix epoch.
  int64_t expires() const;
  std::vector<RTCDtlsFingerprint> getFingerprints() const;

 private:
  friend class detail::PeerConnection;
  std::shared_ptr<const detail::CertificateData> data_;
};

}  // namespace peerage
