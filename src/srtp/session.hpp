// SRTP and SRTCP of one direction (RFC 3711, RFC 7714): keys, contexts of each SSRC, replay windows. A pair of peers
// has two sessions, one to protect and one to unprotect, with different keys.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>

#include "base/bytes.hpp"
#include "crypto/cipher.hpp"
#include "crypto/hmac.hpp"

namespace peerage::srtp {

/// By the IANA numbers of DTLS-SRTP protection profiles (RFC 5764 §4.1.2, RFC 7714 §14.2).
enum class Profile : uint16_t {
  aes128_cm_sha1_80 = 0x0001,
  aead_aes_128_gcm = 0x0007,
  aead_aes_256_gcm = 0x0008,
};
std::string_view toString(Profile profile);
size_t keySize(Profile profile);   ///< of the master key: 16, 16, 32
size_t saltSize(Profile profile);  ///< of the master salt: 14, 12, 12
size_t tagSize(Profile profile);   ///< 10, 16, 16

enum class Error : uint8_t {
  malformed,         ///< not an RTP or RTCP packet, or too short for its own header and the tag
  bad_tag,           ///< not authentic
  replay,            ///< seen before, or older than the window
  too_many_sources,  ///< kMaxSources is reached
  key_used_up,       ///< the index would repeat; a new key is needed (RFC 3711 §9.2)
};
std::string_view toString(Error error);

enum class Direction : uint8_t { protect, unprotect };

/// Contexts of a direction, some 300 bytes each. More streams than any conference sends over one transport.
inline constexpr size_t kMaxSources = 4096;
/// RFC 3711 §3.3.2: "at least 64". A burst of video reordered by a gigabit path can exceed that.
inline constexpr size_t kReplayWindow = 1024;
/// Bytes that protect() appends at most, and protectRtcp().
inline constexpr size_t kMaxRtpOverhead = 16;
inline constexpr size_t kMaxRtcpOverhead = 20;

/// Bytes of a packet that stay in the clear: RTP's fixed header, CSRCs and extension. nullopt: not RTP, or cut short.
std::optional<size_t> rtpHeaderSize(ByteView packet);

struct Counters {
  uint64_t packets = 0;
  uint64_t malformed = 0;
  uint64_t badTag = 0;
  uint64_t replayed = 0;
  uint64_t tooManySources = 0;
  uint64_t keyUsedUp = 0;
};

/// The keys of RFC 3711 §4.3.1, derived from a master key and salt with key derivation rate 0.
struct SessionKeys {
  Bytes rtpKey, rtpAuth, rtpSalt;
  Bytes rtcpKey, rtcpAuth, rtcpSalt;  ///< the auth keys are empty for AEAD
  static SessionKeys derive(Profile profile, ByteView masterKey, ByteView masterSalt);
};

class Session {
 public:
  /// Sizes as keySize() and saltSize() say.
  Session(Profile profile, Direction direction, ByteView masterKey, ByteView masterSalt);

  /// From session keys, without derivation.
  Session(Profile profile, Direction direction, const SessionKeys& keys);

  /// Encrypts in place and appends the tag. A sequence number that was protected before is refused as a replay: a nonce
  /// that comes twice would give the key stream away.
  std::expected<void, Error> protect(Bytes& packet);
  std::expected<void, Error> protectRtcp(Bytes& packet);
  /// Authenticates, decrypts in place, and cuts the tag off. After an error the packet's content means nothing. No
  /// state changes before a packet has been authenticated.
  std::expected<void, Error> unprotect(Bytes& packet);
  std::expected<void, Error> unprotectRtcp(Bytes& packet);

  Profile profile() const { return profile_; }
  const Counters& counters() const { return counters_; }

 private:
  /// Bits for the last kReplayWindow indices (RFC 3711 §3.3.2); slot i % size belongs to index i.
  class ReplayWindow {
   public:
    bool seen(uint64_t index) const;
    void add(uint64_t index);
    std::optional<uint64_t> newest() const { return started_ ? std::optional(newest_) : std::nullopt; }

   private:
    bool started_ = false;
    uint64_t newest_ = 0;
    std::bitset<kReplayWindow> bits_;
  };
  struct Source {
    ReplayWindow rtp;
    ReplayWindow rtcp;
    uint32_t nextRtcpIndex = 0;  ///< RFC 3711 §3.4: before each packet plus one, modulo 2^31
  };

  std::unexpected<Error> refuse(Error error);
  Source* find(uint32_t ssrc);
  /// The source's context; one that is made here is empty. Pointers stay valid.
  Source& at(uint32_t ssrc);
  static uint64_t guessIndex(const Source* source, uint16_t sequenceNumber);

  bool aead() const { return profile_ != Profile::aes128_cm_sha1_80; }
  void sealRtp(Bytes& packet, size_t header, uint32_t ssrc, uint64_t index);
  bool openRtp(Bytes& packet, size_t header, uint32_t ssrc, uint64_t index);
  void sealRtcp(Bytes& packet, uint32_t ssrc, uint32_t trailer);
  bool openRtcp(Bytes& packet, uint32_t ssrc, uint32_t trailer);

  Profile profile_;
  std::optional<crypto::AesGcm> rtpGcm_, rtcpGcm_;
  std::optional<crypto::AesCounter> rtpCounter_, rtcpCounter_;
  std::optional<crypto::Hmac> rtpHmac_, rtcpHmac_;
  std::array<uint8_t, 14> rtpSalt_{}, rtcpSalt_{};
  std::unordered_map<uint32_t, Source> sources_;
  uint32_t lastSsrc_ = 0;
  Source* last_ = nullptr;  ///< of lastSsrc_: most packets follow one of their own stream
  Counters counters_;
};

}  // namespace peerage::srtp
