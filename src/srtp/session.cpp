#include "srtp/session.hpp"

#include <algorithm>

namespace peerage::srtp {
namespace {

constexpr size_t kRtpFixedHeader = 12;
constexpr size_t kRtcpHeader = 8;      ///< of the first packet, with its sender's SSRC: in the clear (RFC 3711 §3.4)
constexpr size_t kRtcpTrailer = 4;     ///< E flag and index
constexpr uint32_t kEncrypted = 0x80000000;
constexpr uint32_t kMaxRtcpIndex = 0x7fffffff;
constexpr uint64_t kMaxRtpIndex = (uint64_t{1} << 48) - 1;
constexpr size_t kAuthKeySize = 20;    ///< RFC 3711 §5.2: n_a = 160 bits
constexpr size_t kHmacTag = 10;        ///< AES128_CM_SHA1_80, SRTCP's is as long
constexpr size_t kMaxSaltSize = 14;

/// Labels of RFC 3711 §4.3.1 and §4.3.2.
enum class Label : uint8_t { rtp_key = 0, rtp_auth = 1, rtp_salt = 2, rtcp_key = 3, rtcp_auth = 4, rtcp_salt = 5 };

/// AES-CM over zeros from x · 2^16, x being label · 2^48 XOR the master salt (RFC 3711 §4.3.3). A master salt of 96
/// bits stands at the high end of the 112 (RFC 7714 §11).
Bytes deriveKey(crypto::AesCounter& prf, ByteView masterSalt, Label label, size_t size) {
  std::array<uint8_t, crypto::AesCounter::kIvSize> iv{};
  std::ranges::copy(masterSalt, iv.begin());
  iv[7] ^= static_cast<uint8_t>(label);
  Bytes key(size);
  prf.crypt(iv, key);
  return key;
}

/// RFC 3711 §4.1.1: salt · 2^16 XOR SSRC · 2^64 XOR index · 2^16.
std::array<uint8_t, 16> counterIv(const std::array<uint8_t, kMaxSaltSize>& salt, uint32_t ssrc, uint64_t index) {
  std::array<uint8_t, 16> iv{};
  storeU32(&iv[4], ssrc);
  storeU16(&iv[8], static_cast<uint16_t>(index >> 32));
  storeU32(&iv[10], static_cast<uint32_t>(index));
  for (size_t i = 0; i < kMaxSaltSize; ++i) iv[i] ^= salt[i];
  return iv;
}

/// RFC 7714 §8.1: two zero bytes, SSRC, ROC, SEQ, XOR the salt; §9.1 for SRTCP has zeros in place of the index's upper
/// half, which is what a 31-bit index gives.
std::array<uint8_t, 12> gcmNonce(const std::array<uint8_t, kMaxSaltSize>& salt, uint32_t ssrc, uint64_t index) {
  std::array<uint8_t, 12> nonce{};
  storeU32(&nonce[2], ssrc);
  storeU16(&nonce[6], static_cast<uint16_t>(index >> 32));
  storeU32(&nonce[8], static_cast<uint32_t>(index));
  for (size_t i = 0; i < nonce.size(); ++i) nonce[i] ^= salt[i];
  return nonce;
}

bool isVersion2(ByteView packet) { return !packet.empty() && packet[0] >> 6 == 2; }

}  // namespace

std::string_view toString(Profile profile) {
  switch (profile) {
    case Profile::aes128_cm_sha1_80: return "SRTP_AES128_CM_SHA1_80";
    case Profile::aead_aes_128_gcm: return "SRTP_AEAD_AES_128_GCM";
    case Profile::aead_aes_256_gcm: return "SRTP_AEAD_AES_256_GCM";
  }
  return "";
}

std::string_view toString(Error error) {
  switch (error) {
    case Error::malformed: return "malformed";
    case Error::bad_tag: return "bad tag";
    case Error::replay: return "replay";
    case Error::too_many_sources: return "too many sources";
    case Error::key_used_up: return "key used up";
  }
  return "";
}

size_t keySize(Profile profile) { return profile == Profile::aead_aes_256_gcm ? 32 : 16; }
size_t saltSize(Profile profile) { return profile == Profile::aes128_cm_sha1_80 ? 14 : 12; }
size_t tagSize(Profile profile) {
  return profile == Profile::aes128_cm_sha1_80 ? kHmacTag : crypto::AesGcm::kTagSize;
}

std::optional<size_t> rtpHeaderSize(ByteView packet) {
  if (packet.size() < kRtpFixedHeader || !isVersion2(packet)) return std::nullopt;
  size_t size = kRtpFixedHeader + size_t{packet[0] & 15u} * 4;
  if (packet[0] & 0x10) {  // extension: profile, length in words (RFC 3550 §5.3.1)
    if (packet.size() < size + 4) return std::nullopt;
    size += 4 + size_t{loadU16(&packet[size + 2])} * 4;
  }
  return size <= packet.size() ? std::optional(size) : std::nullopt;
}

SessionKeys SessionKeys::derive(Profile profile, ByteView masterKey, ByteView masterSalt) {
  crypto::AesCounter prf(masterKey);
  const size_t key = keySize(profile);
  const size_t salt = saltSize(profile);
  const size_t auth = profile == Profile::aes128_cm_sha1_80 ? kAuthKeySize : 0;
  masterSalt = masterSalt.first(std::min(masterSalt.size(), salt));
  return {.rtpKey = deriveKey(prf, masterSalt, Label::rtp_key, key),
          .rtpAuth = deriveKey(prf, masterSalt, Label::rtp_auth, auth),
          .rtpSalt = deriveKey(prf, masterSalt, Label::rtp_salt, salt),
          .rtcpKey = deriveKey(prf, masterSalt, Label::rtcp_key, key),
          .rtcpAuth = deriveKey(prf, masterSalt, Label::rtcp_auth, auth),
          .rtcpSalt = deriveKey(prf, masterSalt, Label::rtcp_salt, salt)};
}

Session::Session(Profile profile, Direction direction, ByteView masterKey, ByteView masterSalt)
    : Session(profile, direction, SessionKeys::derive(profile, masterKey, masterSalt)) {}

Session::Session(Profile profile, Direction direction, const SessionKeys& keys) : profile_(profile) {
  if (aead()) {
    using Way = crypto::AesGcm::Direction;
    const Way way = direction == Direction::protect ? Way::seal : Way::open;
    rtpGcm_.emplace(way, keys.rtpKey);
    rtcpGcm_.emplace(way, keys.rtcpKey);
  } else {
    rtpCounter_.emplace(keys.rtpKey);
    rtcpCounter_.emplace(keys.rtcpKey);
    rtpHmac_.emplace(crypto::HashAlgorithm::sha1, keys.rtpAuth);
    rtcpHmac_.emplace(crypto::HashAlgorithm::sha1, keys.rtcpAuth);
  }
  std::copy_n(keys.rtpSalt.begin(), std::min(keys.rtpSalt.size(), rtpSalt_.size()), rtpSalt_.begin());
  std::copy_n(keys.rtcpSalt.begin(), std::min(keys.rtcpSalt.size(), rtcpSalt_.size()), rtcpSalt_.begin());
}

// --- Contexts --------------------------------------------------------------------------------------------------------

bool Session::ReplayWindow::seen(uint64_t index) const {
  if (!started_ || index > newest_) return false;
  return newest_ - index >= kReplayWindow || bits_.test(index % kReplayWindow);
}

void Session::ReplayWindow::add(uint64_t index) {
  if (!started_ || index > newest_) {
    // Slots between the newest so far and this one belong to indices not seen yet.
    if (!started_ || index - newest_ >= kReplayWindow) {
      bits_.reset();
    } else {
      for (uint64_t i = newest_ + 1; i < index; ++i) bits_.reset(i % kReplayWindow);
    }
    newest_ = index;
    started_ = true;
  }
  bits_.set(index % kReplayWindow);
}

Session::Source* Session::find(uint32_t ssrc) {
  if (last_ && lastSsrc_ == ssrc) return last_;
  const auto found = sources_.find(ssrc);
  if (found == sources_.end()) return nullptr;
  lastSsrc_ = ssrc;
  return last_ = &found->second;
}

Session::Source& Session::at(uint32_t ssrc) {
  lastSsrc_ = ssrc;
  return *(last_ = &sources_[ssrc]);
}

/// The index 2^16 · ROC + SEQ nearest to the newest one (RFC 3711 §3.3.1); a new source begins with ROC 0.
uint64_t Session::guessIndex(const Source* source, uint16_t sequenceNumber) {
  const auto newest = source ? source->rtp.newest() : std::nullopt;
  if (!newest) return sequenceNumber;
  const auto distance = static_cast<int16_t>(sequenceNumber - static_cast<uint16_t>(*newest));
  const int64_t index = static_cast<int64_t>(*newest) + distance;
  // Before index 0 there is nothing: a jump of more than half the space at the very beginning.
  return index >= 0 ? static_cast<uint64_t>(index) : sequenceNumber;
}

std::unexpected<Error> Session::refuse(Error error) {
  switch (error) {
    case Error::malformed: ++counters_.malformed; break;
    case Error::bad_tag: ++counters_.badTag; break;
    case Error::replay: ++counters_.replayed; break;
    case Error::too_many_sources: ++counters_.tooManySources; break;
    case Error::key_used_up: ++counters_.keyUsedUp; break;
  }
  return std::unexpected(error);
}

// --- RTP -------------------------------------------------------------------------------------------------------------

std::expected<void, Error> Session::protect(Bytes& packet) {
  const auto header = rtpHeaderSize(packet);
  if (!header) return refuse(Error::malformed);
  const uint32_t ssrc = loadU32(&packet[8]);
  Source* source = find(ssrc);
  if (!source && sources_.size() >= kMaxSources) return refuse(Error::too_many_sources);
  const uint64_t index = guessIndex(source, loadU16(&packet[2]));
  if (index > kMaxRtpIndex) return refuse(Error::key_used_up);
  if (source && source->rtp.seen(index)) return refuse(Error::replay);
  sealRtp(packet, *header, ssrc, index);
  (source ? *source : at(ssrc)).rtp.add(index);
  ++counters_.packets;
  return {};
}

std::expected<void, Error> Session::unprotect(Bytes& packet) {
  const auto header = rtpHeaderSize(packet);
  if (!header || packet.size() < *header + tagSize(profile_)) return refuse(Error::malformed);
  const uint32_t ssrc = loadU32(&packet[8]);
  Source* source = find(ssrc);
  if (!source && sources_.size() >= kMaxSources) return refuse(Error::too_many_sources);
  const uint64_t index = guessIndex(source, loadU16(&packet[2]));
  if (index > kMaxRtpIndex) return refuse(Error::key_used_up);
  if (source && source->rtp.seen(index)) return refuse(Error::replay);
  if (!openRtp(packet, *header, ssrc, index)) return refuse(Error::bad_tag);
  (source ? *source : at(ssrc)).rtp.add(index);
  ++counters_.packets;
  return {};
}

void Session::sealRtp(Bytes& packet, size_t header, uint32_t ssrc, uint64_t index) {
  const size_t size = packet.size();
  packet.resize(size + tagSize(profile_));
  const std::span<uint8_t> payload = std::span(packet).subspan(header, size - header);
  if (aead()) {
    rtpGcm_->seal(gcmNonce(rtpSalt_, ssrc, index), {ByteView(packet).first(header)}, payload, &packet[size]);
    return;
  }
  rtpCounter_->crypt(counterIv(rtpSalt_, ssrc, index), payload);
  uint8_t roc[4];
  storeU32(roc, static_cast<uint32_t>(index >> 16));
  rtpHmac_->sign({ByteView(packet).first(size), roc}, std::span(packet).last(kHmacTag));
}

bool Session::openRtp(Bytes& packet, size_t header, uint32_t ssrc, uint64_t index) {
  const size_t size = packet.size() - tagSize(profile_);
  const std::span<uint8_t> payload = std::span(packet).subspan(header, size - header);
  if (aead()) {
    if (!rtpGcm_->open(gcmNonce(rtpSalt_, ssrc, index), {ByteView(packet).first(header)}, payload, &packet[size])) {
      return false;
    }
  } else {
    uint8_t roc[4];
    storeU32(roc, static_cast<uint32_t>(index >> 16));
    std::array<uint8_t, kHmacTag> expected;
    rtpHmac_->sign({ByteView(packet).first(size), roc}, expected);
    if (!crypto::equalConstantTime(expected, ByteView(packet).last(kHmacTag))) return false;
    rtpCounter_->crypt(counterIv(rtpSalt_, ssrc, index), payload);
  }
  packet.resize(size);
  return true;
}

// --- RTCP ------------------------------------------------------------------------------------------------------------
//
// AES-CM:  header (8) | encrypted | E, index (4) | tag (10)        RFC 3711 §3.4
// AES-GCM: header (8) | encrypted | tag (16) | E, index (4)        RFC 7714 §9

std::expected<void, Error> Session::protectRtcp(Bytes& packet) {
  if (packet.size() < kRtcpHeader || !isVersion2(packet)) return refuse(Error::malformed);
  const uint32_t ssrc = loadU32(&packet[4]);
  if (!find(ssrc) && sources_.size() >= kMaxSources) return refuse(Error::too_many_sources);
  Source& source = at(ssrc);
  if (source.nextRtcpIndex >= kMaxRtcpIndex) return refuse(Error::key_used_up);
  const uint32_t index = ++source.nextRtcpIndex;
  sealRtcp(packet, ssrc, kEncrypted | index);
  ++counters_.packets;
  return {};
}

std::expected<void, Error> Session::unprotectRtcp(Bytes& packet) {
  const size_t overhead = tagSize(profile_) + kRtcpTrailer;
  if (packet.size() < kRtcpHeader + overhead || !isVersion2(packet)) return refuse(Error::malformed);
  const uint32_t ssrc = loadU32(&packet[4]);
  const size_t trailerAt = aead() ? packet.size() - kRtcpTrailer : packet.size() - kHmacTag - kRtcpTrailer;
  const uint32_t trailer = loadU32(&packet[trailerAt]);
  // DTLS-SRTP agrees on encryption; a packet that says it has none is nobody's.
  if (!(trailer & kEncrypted)) return refuse(Error::malformed);
  const uint32_t index = trailer & kMaxRtcpIndex;
  Source* source = find(ssrc);
  if (!source && sources_.size() >= kMaxSources) return refuse(Error::too_many_sources);
  if (source && source->rtcp.seen(index)) return refuse(Error::replay);
  if (!openRtcp(packet, ssrc, trailer)) return refuse(Error::bad_tag);
  (source ? *source : at(ssrc)).rtcp.add(index);
  ++counters_.packets;
  return {};
}

void Session::sealRtcp(Bytes& packet, uint32_t ssrc, uint32_t trailer) {
  const size_t size = packet.size();
  packet.resize(size + tagSize(profile_) + kRtcpTrailer);
  const std::span<uint8_t> body = std::span(packet).subspan(kRtcpHeader, size - kRtcpHeader);
  const uint32_t index = trailer & kMaxRtcpIndex;
  if (aead()) {
    storeU32(&packet[size + crypto::AesGcm::kTagSize], trailer);
    rtcpGcm_->seal(gcmNonce(rtcpSalt_, ssrc, index),
                   {ByteView(packet).first(kRtcpHeader), ByteView(packet).last(kRtcpTrailer)}, body, &packet[size]);
    return;
  }
  storeU32(&packet[size], trailer);
  rtcpCounter_->crypt(counterIv(rtcpSalt_, ssrc, index), body);
  rtcpHmac_->sign({ByteView(packet).first(size + kRtcpTrailer)}, std::span(packet).last(kHmacTag));
}

bool Session::openRtcp(Bytes& packet, uint32_t ssrc, uint32_t trailer) {
  const size_t size = packet.size() - tagSize(profile_) - kRtcpTrailer;
  const std::span<uint8_t> body = std::span(packet).subspan(kRtcpHeader, size - kRtcpHeader);
  const uint32_t index = trailer & kMaxRtcpIndex;
  if (aead()) {
    if (!rtcpGcm_->open(gcmNonce(rtcpSalt_, ssrc, index),
                        {ByteView(packet).first(kRtcpHeader), ByteView(packet).last(kRtcpTrailer)}, body,
                        &packet[size])) {
      return false;
    }
  } else {
    std::array<uint8_t, kHmacTag> expected;
    rtcpHmac_->sign({ByteView(packet).first(size + kRtcpTrailer)}, expected);
    if (!crypto::equalConstantTime(expected, ByteView(packet).last(kHmacTag))) return false;
    rtcpCounter_->crypt(counterIv(rtcpSalt_, ssrc, index), body);
  }
  packet.resize(size);
  return true;
}

}  // namespace peerage::srtp
