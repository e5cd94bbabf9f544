// Message digests (FIPS 180-4, and MD5 for STUN's long-term credentials).
#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"

namespace peerage::crypto {

enum class HashAlgorithm : uint8_t { md5, sha1, sha224, sha256, sha384, sha512 };

/// Bytes of a digest: 16, 20, 28, 32, 48, 64.
size_t digestSize(HashAlgorithm algorithm);
inline constexpr size_t kMaxDigestSize = 64;

/// The names of RFC 8122 §5 ("sha-1", "sha-224", "sha-256", "sha-384", "sha-512"), and "md5".
std::string_view toString(HashAlgorithm algorithm);
/// The reverse, without regard to case. MD5 is not among them: RFC 8122 §5 lets nobody use it for a fingerprint.
std::optional<HashAlgorithm> hashFromName(std::string_view name);

/// The digest of the parts put together.
Bytes digest(HashAlgorithm algorithm, std::initializer_list<ByteView> parts);
Bytes digest(HashAlgorithm algorithm, ByteView data);

std::array<uint8_t, 16> md5(ByteView data);
std::array<uint8_t, 20> sha1(ByteView data);
std::array<uint8_t, 32> sha256(ByteView data);

}  // namespace peerage::crypto
