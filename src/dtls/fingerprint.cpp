#include "dtls/fingerprint.hpp"

#include <algorithm>
#include <optional>

namespace peerage::dtls {
namespace {

bool equalIgnoringCase(std::string_view a, std::string_view b) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; };
  return std::ranges::equal(a, b, {}, upper, upper);
}

}  // namespace

bool fingerprintsMatch(std::span<const Fingerprint> fingerprints, ByteView der) {
  fingerprints = fingerprints.first(std::min(fingerprints.size(), kMaxFingerprints));
  // RFC 8122 §5: "the endpoint MUST … select the set of fingerprints … with the most preferred hash function" and
  // match against any of that set. HashAlgorithm's order is that of strength.
  std::optional<crypto::HashAlgorithm> strongest;
  for (const Fingerprint& fingerprint : fingerprints) {
    const auto algorithm = crypto::hashFromName(fingerprint.algorithm);
    if (algorithm && (!strongest || *algorithm > *strongest)) strongest = algorithm;
  }
  if (!strongest) return false;
  const std::string expected = crypto::fingerprint(*strongest, der);
  return std::ranges::any_of(fingerprints, [&](const Fingerprint& fingerprint) {
    return crypto::hashFromName(fingerprint.algorithm) == strongest && equalIgnoringCase(fingerprint.value, expected);
  });
}

}  // namespace peerage::dtls
