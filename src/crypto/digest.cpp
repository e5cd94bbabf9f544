#include "crypto/digest.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <iterator>

#include "crypto/handles.hpp"

namespace peerage::crypto {
namespace {

struct HashInfo {
  const char* openssl;
  std::string_view name;
  size_t size;
};
constexpr HashInfo kHashes[] = {{"MD5", "md5", 16},         {"SHA1", "sha-1", 20},      {"SHA2-224", "sha-224", 28},
                                {"SHA2-256", "sha-256", 32}, {"SHA2-384", "sha-384", 48}, {"SHA2-512", "sha-512", 64}};

const HashInfo& info(HashAlgorithm algorithm) { return kHashes[static_cast<size_t>(algorithm)]; }

/// Fetched once in the process's life: a fetch takes longer than hashing a packet.
const EVP_MD* fetched(HashAlgorithm algorithm) {
  static const auto all = [] {
    std::array<EVP_MD*, std::size(kHashes)> table{};
    for (size_t i = 0; i < table.size(); ++i) table[i] = EVP_MD_fetch(nullptr, kHashes[i].openssl, nullptr);
    drainErrors();
    return table;
  }();
  const EVP_MD* md = all[static_cast<size_t>(algorithm)];
  if (!md) throw LibraryFailure(std::string("OpenSSL has no ") + info(algorithm).openssl);
  return md;
}

void digestInto(HashAlgorithm algorithm, std::initializer_list<ByteView> parts, uint8_t* out) {
  const Handle<evp_md_ctx_st> context(EVP_MD_CTX_new());
  bool ok = context && EVP_DigestInit_ex2(context.get(), fetched(algorithm), nullptr) == 1;
  for (ByteView part : parts) ok = ok && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  if (!ok || EVP_DigestFinal_ex(context.get(), out, nullptr) != 1) throw LibraryFailure("digest: " + drainErrors());
}

}  // namespace

size_t digestSize(HashAlgorithm algorithm) { return info(algorithm).size; }

std::string_view toString(HashAlgorithm algorithm) { return info(algorithm).name; }

std::optional<HashAlgorithm> hashFromName(std::string_view name) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  for (size_t i = 1; i < std::size(kHashes); ++i) {  // 0 is MD5
    if (std::ranges::equal(name, kHashes[i].name, {}, lower)) return static_cast<HashAlgorithm>(i);
  }
  return std::nullopt;
}

Bytes digest(HashAlgorithm algorithm, std::initializer_list<ByteView> parts) {
  Bytes out(digestSize(algorithm));
  digestInto(algorithm, parts, out.data());
  return out;
}
Bytes digest(HashAlgorithm algorithm, ByteView data) { return digest(algorithm, {data}); }

std::array<uint8_t, 16> md5(ByteView data) {
  std::array<uint8_t, 16> out;
  digestInto(HashAlgorithm::md5, {data}, out.data());
  return out;
}
std::array<uint8_t, 20> sha1(ByteView data) {
  std::array<uint8_t, 20> out;
  digestInto(HashAlgorithm::sha1, {data}, out.data());
  return out;
}
std::array<uint8_t, 32> sha256(ByteView data) {
  std::array<uint8_t, 32> out;
  digestInto(HashAlgorithm::sha256, {data}, out.data());
  return out;
}

}  // namespace peerage::crypto
