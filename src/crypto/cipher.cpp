#include "crypto/cipher.hpp"

#include <openssl/evp.h>

#include <limits>
#include <string>
#include <string_view>

namespace peerage::crypto {
namespace {

/// Fetched once in the process's life; the fetch takes a lock and some microseconds.
const EVP_CIPHER* fetched(const char* name) {
  struct Fetched {
    const char* name;
    EVP_CIPHER* cipher;
  };
  static const Fetched all[] = {
      {"AES-128-GCM", EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr)},
      {"AES-256-GCM", EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)},
      {"AES-128-CTR", EVP_CIPHER_fetch(nullptr, "AES-128-CTR", nullptr)},
      {"AES-256-CTR", EVP_CIPHER_fetch(nullptr, "AES-256-CTR", nullptr)},
  };
  for (const Fetched& entry : all) {
    if (std::string_view(entry.name) == name && entry.cipher) return entry.cipher;
  }
  throw LibraryFailure(std::string("OpenSSL has no ") + name + ": " + drainErrors());
}

Handle<evp_cipher_ctx_st> keyed(const EVP_CIPHER* cipher, ByteView key, int encrypt) {
  Handle<evp_cipher_ctx_st> context(EVP_CIPHER_CTX_new());
  if (!context || key.size() != static_cast<size_t>(EVP_CIPHER_get_key_length(cipher)) ||
      EVP_CipherInit_ex2(context.get(), cipher, key.data(), nullptr, encrypt, nullptr) != 1) {
    throw LibraryFailure("cipher key: " + drainErrors());
  }
  return context;
}

bool startPacket(EVP_CIPHER_CTX* context, ByteView iv) {
  return EVP_CipherInit_ex2(context, nullptr, nullptr, iv.data(), -1, nullptr) == 1;
}

bool update(EVP_CIPHER_CTX* context, uint8_t* out, const uint8_t* in, size_t size) {
  int written = 0;
  return size <= size_t{std::numeric_limits<int>::max()} &&
         EVP_CipherUpdate(context, out, &written, in, static_cast<int>(size)) == 1 &&
         static_cast<size_t>(written) == size;
}

bool aadAndData(EVP_CIPHER_CTX* context, ByteView nonce, std::initializer_list<ByteView> aad, std::span<uint8_t> data) {
  if (!startPacket(context, nonce)) return false;
  for (ByteView part : aad) {
    if (!part.empty() && !update(context, nullptr, part.data(), part.size())) return false;
  }
  return data.empty() || update(context, data.data(), data.data(), data.size());
}

}  // namespace

AesGcm::AesGcm(Direction direction, ByteView key)
    : context_(keyed(fetched(key.size() == 32 ? "AES-256-GCM" : "AES-128-GCM"), key, direction == Direction::seal)) {}

void AesGcm::seal(ByteView nonce, std::initializer_list<ByteView> aad, std::span<uint8_t> data, uint8_t* tag) {
  uint8_t nothing[1];
  int written = 0;
  if (nonce.size() != kNonceSize || !aadAndData(context_.get(), nonce, aad, data) ||
      EVP_CipherFinal_ex(context_.get(), nothing, &written) != 1 ||
      EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, kTagSize, tag) != 1) {
    throw LibraryFailure("AES-GCM: " + drainErrors());
  }
}

bool AesGcm::open(ByteView nonce, std::initializer_list<ByteView> aad, std::span<uint8_t> data, const uint8_t* tag) {
  uint8_t nothing[1];
  int written = 0;
  if (nonce.size() != kNonceSize || !aadAndData(context_.get(), nonce, aad, data) ||
      EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, const_cast<uint8_t*>(tag)) != 1) {
    throw LibraryFailure("AES-GCM: " + drainErrors());
  }
  return EVP_CipherFinal_ex(context_.get(), nothing, &written) == 1;  // a wrong tag queues no error
}

AesCounter::AesCounter(ByteView key)
    : context_(keyed(fetched(key.size() == 32 ? "AES-256-CTR" : "AES-128-CTR"), key, 1)) {}

void AesCounter::crypt(ByteView iv, std::span<uint8_t> data) {
  if (iv.size() != kIvSize || !startPacket(context_.get(), iv) ||
      (!data.empty() && !update(context_.get(), data.data(), data.data(), data.size()))) {
    throw LibraryFailure("AES-CTR: " + drainErrors());
  }
}

}  // namespace peerage::crypto
