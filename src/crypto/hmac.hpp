// HMAC (RFC 2104): a keyed context that is kept, and one-shots.
#pragma once

#include <array>
#include <initializer_list>
#include <span>

#include "base/bytes.hpp"
#include "crypto/digest.hpp"
#include "crypto/handles.hpp"

namespace peerage::crypto {

/// A key, set once; each sign() costs no more than the hashing.
class Hmac {
 public:
  Hmac(HashAlgorithm algorithm, ByteView key);

  /// Writes the first out.size() bytes of the MAC over the parts put together; out.size() <= digestSize(algorithm).
  void sign(std::initializer_list<ByteView> parts, std::span<uint8_t> out);

 private:
  Handle<evp_mac_ctx_st> context_;
  size_t size_;
};

/// HMAC-SHA1 over the parts put together (STUN's MESSAGE-INTEGRITY: hmacSha1(key, {header, attributes})).
std::array<uint8_t, 20> hmacSha1(ByteView key, std::initializer_list<ByteView> parts);
std::array<uint8_t, 20> hmacSha1(ByteView key, ByteView data);
/// HMAC-SHA256 (MESSAGE-INTEGRITY-SHA256).
std::array<uint8_t, 32> hmacSha256(ByteView key, std::initializer_list<ByteView> parts);
std::array<uint8_t, 32> hmacSha256(ByteView key, ByteView data);

/// Whether both have the same bytes; takes a time that depends on the lengths alone.
bool equalConstantTime(ByteView a, ByteView b);

}  // namespace peerage::crypto
