// Identifiers that this end makes up.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "jsep/session.hpp"

namespace peerage::jsep {

/// A version 4 UUID as text: ids of senders, tracks and streams.
std::string randomUuid(RandomSource& random);
/// RFC 8839 §5.4: at least 24 bits for the ufrag (4 characters), 128 bits for the password (22 characters).
IceCredentials randomCredentials(RandomSource& random);
/// RFC 8842 §4: at least 120 random bits, 20 to 255 characters.
std::string randomTlsId(RandomSource& random);
/// An SSRC that no sender of the session has, never 0.
uint32_t randomSsrc(const Session& session, RandomSource& random);
/// The SSRCs of encodings that have none yet.
void assignSsrcs(const Session& session, std::vector<SendEncoding>& encodings, RandomSource& random);

/// Hands out mids: small numbers (RFC 9429 §5.2.1, at most 3 bytes) that no description or transceiver of the session
/// has.
class MidAllocator {
 public:
  explicit MidAllocator(const Session& session);
  /// Keeps a mid of the description at hand from being handed out.
  void reserve(std::string_view mid) { used_.emplace(mid); }
  std::string next();

 private:
  std::set<std::string, std::less<>> used_;
  uint32_t next_;
};

}  // namespace peerage::jsep
