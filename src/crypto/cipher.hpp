// Ciphers of SRTP over OpenSSL's EVP: fetched once, keyed once; a packet sets an IV and nothing else.
#pragma once

#include <initializer_list>
#include <span>

#include "base/bytes.hpp"
#include "crypto/handles.hpp"

namespace peerage::crypto {

/// AES-GCM (NIST SP 800-38D) with a nonce of 12 bytes and a tag of 16. One direction an object.
class AesGcm {
 public:
  enum class Direction : uint8_t { seal, open };
  static constexpr size_t kNonceSize = 12;
  static constexpr size_t kTagSize = 16;

  /// `key` has 16 or 32 bytes.
  AesGcm(Direction direction, ByteView key);

  /// Encrypts `data` in place and writes kTagSize bytes to `tag`. A nonce never comes twice under one key.
  void seal(ByteView nonce, std::initializer_list<ByteView> aad, std::span<uint8_t> data, uint8_t* tag);
  /// Decrypts in place; false when the tag does not fit, and then what `data` holds means nothing.
  bool open(ByteView nonce, std::initializer_list<ByteView> aad, std::span<uint8_t> data, const uint8_t* tag);

 private:
  Handle<evp_cipher_ctx_st> context_;
};

/// AES in counter mode with a 16-byte initial counter block (RFC 3711 §4.1.1's AES-CM); both directions are the same.
class AesCounter {
 public:
  static constexpr size_t kIvSize = 16;

  /// `key` has 16 or 32 bytes.
  explicit AesCounter(ByteView key);
  /// XORs `data` with the key stream that begins at `iv`.
  void crypt(ByteView iv, std::span<uint8_t> data);

 private:
  Handle<evp_cipher_ctx_st> context_;
};

}  // namespace peerage::crypto
