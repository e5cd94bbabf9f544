#include "crypto/certificate.hpp"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <utility>

namespace peerage::crypto {
namespace {

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using BioHandle = std::unique_ptr<BIO, BioDeleter>;

std::unexpected<Error> opensslFailure(const std::string& what) { return failure(what + ": " + drainErrors()); }

BioHandle readOnly(std::string_view text) {
  constexpr size_t kMaxPem = 1 << 20;
  if (text.size() > kMaxPem) return nullptr;
  return BioHandle(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string();
}

Result<std::chrono::sys_seconds> toTime(const ASN1_TIME* time) {
  std::tm fields{};
  if (ASN1_TIME_to_tm(time, &fields) != 1) return opensslFailure("certificate's validity");
  using namespace std::chrono;
  const sys_days day = year(fields.tm_year + 1900) / month(static_cast<unsigned>(fields.tm_mon + 1)) /
                       std::chrono::day(static_cast<unsigned>(fields.tm_mday));
  return sys_seconds(day) + hours(fields.tm_hour) + minutes(fields.tm_min) + std::chrono::seconds(fields.tm_sec);
}

bool setTime(ASN1_TIME* out, std::chrono::sys_seconds time) {
  return ASN1_TIME_set(out, static_cast<time_t>(time.time_since_epoch().count())) != nullptr;
}

bool setName(X509* x509, const std::string& commonName) {
  X509_NAME* name = X509_get_subject_name(x509);
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(commonName.data()),
                                    static_cast<int>(commonName.size()), -1, 0) == 1 &&
         X509_set_issuer_name(x509, name) == 1;
}

bool setSerial(X509* x509, RandomSource& random) {
  // RFC 5280 §4.1.2.2: positive.
  uint64_t serial = random.u64() >> 1;
  if (serial == 0) serial = 1;
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial) == 1;
}

}  // namespace

std::string fingerprint(HashAlgorithm algorithm, ByteView der) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string text;
  for (uint8_t byte : digest(algorithm, der)) {
    if (!text.empty()) text += ':';
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

Result<Certificate> Certificate::generate(const CertificateOptions& options, RandomSource& random) {
  Certificate made;
  made.key_.reset(options.kind == KeyKind::rsa_2048 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
  made.x509_.reset(X509_new());
  X509* x509 = made.x509_.get();
  if (!made.key_ || !x509) return opensslFailure("key generation");
  const bool ok = X509_set_version(x509, X509_VERSION_3) == 1 && setSerial(x509, random) &&
                  setName(x509, options.commonName) &&
                  setTime(X509_getm_notBefore(x509), options.now - std::chrono::days(1)) &&
                  setTime(X509_getm_notAfter(x509), options.now + options.lifetime) &&
                  X509_set_pubkey(x509, made.key_.get()) == 1 && X509_sign(x509, made.key_.get(), EVP_sha256()) > 0;
  if (!ok) return opensslFailure("certificate");
  if (auto described = made.describe(); !described) return std::unexpected(described.error());
  return made;
}

Result<Certificate> Certificate::fromPem(std::string_view certificatePem, std::string_view privateKeyPem) {
  Certificate made;
  const BioHandle certificate = readOnly(certificatePem);
  const BioHandle key = readOnly(privateKeyPem);
  if (!certificate || !key) return opensslFailure("PEM");
  made.x509_.reset(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
  if (!made.x509_) return opensslFailure("no certificate in the PEM");
  // A callback that gives no passphrase: an encrypted key is an error instead of a prompt on the terminal.
  const auto noPassphrase = [](char*, int, int, void*) { return -1; };
  made.key_.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, noPassphrase, nullptr));
  if (!made.key_) return opensslFailure("no private key in the PEM");
  if (X509_check_private_key(made.x509_.get(), made.key_.get()) != 1) {
    return opensslFailure("the private key is not the certificate's");
  }
  // What the DTLS side can sign with and every peer can check (RFC 8827 §6.5).
  const EVP_PKEY* pkey = made.key_.get();
  char group[32] = "";
  if (EVP_PKEY_is_a(pkey, "EC") == 1) EVP_PKEY_get_group_name(pkey, group, sizeof group, nullptr);
  const bool p256 = std::string_view(group) == SN_X9_62_prime256v1;
  const bool rsa = EVP_PKEY_is_a(pkey, "RSA") == 1 && EVP_PKEY_get_bits(pkey) >= 2048;
  if (!p256 && !rsa) return failure("the key is neither ECDSA P-256 nor RSA of at least 2048 bits");
  if (auto described = made.describe(); !described) return std::unexpected(described.error());
  return made;
}

/// Fills what is kept beside OpenSSL's objects.
Result<> Certificate::describe() {
  const int size = i2d_X509(x509_.get(), nullptr);
  if (size <= 0) return opensslFailure("certificate's DER");
  der_.resize(static_cast<size_t>(size));
  unsigned char* out = der_.data();
  i2d_X509(x509_.get(), &out);

  kind_ = EVP_PKEY_is_a(key_.get(), "RSA") == 1 ? KeyKind::rsa_2048 : KeyKind::ecdsa_p256;
  const auto before = toTime(X509_get0_notBefore(x509_.get()));
  if (!before) return std::unexpected(before.error());
  const auto after = toTime(X509_get0_notAfter(x509_.get()));
  if (!after) return std::unexpected(after.error());
  notBefore_ = *before;
  notAfter_ = *after;
  return {};
}

std::string Certificate::certificatePem() const {
  const BioHandle bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), x509_.get()) != 1) throw LibraryFailure("PEM: " + drainErrors());
  return contents(bio.get());
}

std::string Certificate::privateKeyPem() const {
  const BioHandle bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    throw LibraryFailure("PEM: " + drainErrors());
  }
  return contents(bio.get());
}

}  // namespace peerage::crypto
