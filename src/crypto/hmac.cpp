#include "crypto/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstring>

namespace peerage::crypto {
namespace {

EVP_MAC* fetchedHmac() {
  static EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  if (!mac) throw LibraryFailure("OpenSSL has no HMAC: " + drainErrors());
  return mac;
}

const char* digestName(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::md5: return "MD5";
    case HashAlgorithm::sha1: return "SHA1";
    case HashAlgorithm::sha224: return "SHA2-224";
    case HashAlgorithm::sha256: return "SHA2-256";
    case HashAlgorithm::sha384: return "SHA2-384";
    case HashAlgorithm::sha512: return "SHA2-512";
  }
  return "";
}

}  // namespace

Hmac::Hmac(HashAlgorithm algorithm, ByteView key)
    : context_(EVP_MAC_CTX_new(fetchedHmac())), size_(digestSize(algorithm)) {
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digestName(algorithm)), 0),
      OSSL_PARAM_construct_end()};
  // A null key would mean "the key from before"; an empty key is a key of its own.
  static constexpr uint8_t kEmpty = 0;
  const uint8_t* data = key.empty() ? &kEmpty : key.data();
  if (!context_ || EVP_MAC_init(context_.get(), data, key.size(), params) != 1) {
    throw LibraryFailure("HMAC key: " + drainErrors());
  }
}

void Hmac::sign(std::initializer_list<ByteView> parts, std::span<uint8_t> out) {
  uint8_t mac[kMaxDigestSize];
  size_t written = 0;
  bool ok = EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1;  // begins anew with the same key
  for (ByteView part : parts) ok = ok && EVP_MAC_update(context_.get(), part.data(), part.size()) == 1;
  ok = ok && EVP_MAC_final(context_.get(), mac, &written, sizeof mac) == 1;
  if (!ok || written != size_ || out.size() > written) throw LibraryFailure("HMAC: " + drainErrors());
  std::memcpy(out.data(), mac, out.size());
}

std::array<uint8_t, 20> hmacSha1(ByteView key, std::initializer_list<ByteView> parts) {
  std::array<uint8_t, 20> out;
  Hmac(HashAlgorithm::sha1, key).sign(parts, out);
  return out;
}
std::array<uint8_t, 20> hmacSha1(ByteView key, ByteView data) { return hmacSha1(key, {data}); }

std::array<uint8_t, 32> hmacSha256(ByteView key, std::initializer_list<ByteView> parts) {
  std::array<uint8_t, 32> out;
  Hmac(HashAlgorithm::sha256, key).sign(parts, out);
  return out;
}
std::array<uint8_t, 32> hmacSha256(ByteView key, ByteView data) { return hmacSha256(key, {data}); }

bool equalConstantTime(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace peerage::crypto
