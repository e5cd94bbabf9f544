// X.509 certificates with their private keys, and fingerprints of certificates (RFC 8122).
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "crypto/digest.hpp"
#include "crypto/handles.hpp"

namespace peerage::crypto {

/// What RTCPeerConnection.generateCertificate() must support (webrtc-pc §4.9.1).
enum class KeyKind : uint8_t { ecdsa_p256, rsa_2048 };

struct CertificateOptions {
  KeyKind kind = KeyKind::ecdsa_p256;
  /// The wall clock's time, since a core reads no clock. The certificate is valid from a day before, for peers whose
  /// clock is behind (RFC 8122 lets a peer ignore validity; some do not).
  std::chrono::sys_seconds now{};
  /// webrtc-pc §4.9.1: an implementation "MAY limit" it; 30 days when the application does not say.
  std::chrono::seconds lifetime = std::chrono::days(30);
  std::string commonName = "WebRTC";  ///< nothing about the user (RFC 8827 §6.5 wants certificates unlinkable)
};

/// "4A:AD:B9:…": uppercase hexadecimal with colons (RFC 8122 §5) of the digest of a DER certificate.
std::string fingerprint(HashAlgorithm algorithm, ByteView der);

/// A self-signed certificate and its key. Movable; what it holds never changes.
class Certificate {
 public:
  /// Makes a key pair (with OpenSSL's own randomness) and signs itself with SHA-256; the serial is of 64 random bits
  /// from `random`. Error: OpenSSL's words.
  static Result<Certificate> generate(const CertificateOptions& options, RandomSource& random);
  /// The first CERTIFICATE block, and a PRIVATE KEY block (PKCS #8 or traditional, without a passphrase) that fits it.
  static Result<Certificate> fromPem(std::string_view certificatePem, std::string_view privateKeyPem);

  std::string certificatePem() const;
  std::string privateKeyPem() const;  ///< PKCS #8, unencrypted
  ByteView der() const { return der_; }
  std::string fingerprint(HashAlgorithm algorithm) const { return crypto::fingerprint(algorithm, der_); }
  KeyKind kind() const { return kind_; }
  std::chrono::sys_seconds notBefore() const { return notBefore_; }
  std::chrono::sys_seconds notAfter() const { return notAfter_; }

  x509_st* x509() const { return x509_.get(); }
  evp_pkey_st* key() const { return key_.get(); }

 private:
  Certificate() = default;
  Result<> describe();

  Handle<x509_st> x509_;
  Handle<evp_pkey_st> key_;
  Bytes der_;
  KeyKind kind_ = KeyKind::ecdsa_p256;
  std::chrono::sys_seconds notBefore_{};
  std::chrono::sys_seconds notAfter_{};
};

}  // namespace peerage::crypto
