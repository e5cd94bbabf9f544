#include "srtp/session.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace peerage::srtp {
namespace {

Bytes unhex(std::string_view text) {
  Bytes out;
  int high = -1;
  for (char c : text) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  return out;
}

Bytes rtp(uint32_t ssrc, uint16_t sequence, size_t payload = 20) {
  Bytes packet{0x80, 96};
  ByteWriter writer(packet);
  writer.u16(sequence);
  writer.u32(1000);
  writer.u32(ssrc);
  for (size_t i = 0; i < payload; ++i) writer.u8(static_cast<uint8_t>(i));
  return packet;
}

Bytes rtcp(uint32_t ssrc, size_t words = 6) {
  Bytes packet{0x80, 200};
  ByteWriter writer(packet);
  writer.u16(static_cast<uint16_t>(words));
  writer.u32(ssrc);
  for (size_t i = 1; i < words; ++i) writer.u32(static_cast<uint32_t>(i));
  return packet;
}

struct TwoEnds {
  explicit TwoEnds(Profile profile)
      : key(keySize(profile), 0x11), salt(saltSize(profile), 0x22),
        sender(profile, Direction::protect, key, salt), receiver(profile, Direction::unprotect, key, salt) {}
  Bytes key, salt;
  Session sender, receiver;

  Bytes sealed(uint32_t ssrc, uint16_t sequence) {
    Bytes packet = rtp(ssrc, sequence);
    EXPECT_TRUE(sender.protect(packet));
    return packet;
  }
  std::optional<Error> receive(Bytes packet) {
    const auto result = receiver.unprotect(packet);
    return result ? std::nullopt : std::optional(result.error());
  }
};

class Srtp : public testing::TestWithParam<Profile> {};
INSTANTIATE_TEST_SUITE_P(Profiles, Srtp,
                         testing::Values(Profile::aes128_cm_sha1_80, Profile::aead_aes_128_gcm,
                                         Profile::aead_aes_256_gcm),
                         [](const auto& which) { return std::string(toString(which.param)); });

// --- Vectors ---------------------------------------------------------------------------------------------------------

TEST(SrtpVectors, KeyDerivation) {  // RFC 3711 B.3
  const SessionKeys keys = SessionKeys::derive(Profile::aes128_cm_sha1_80, unhex("E1F97A0D3E018BE0D64FA32C06DE4139"),
                                               unhex("0EC675AD498AFEEBB6960B3AABE6"));
  EXPECT_EQ(keys.rtpKey, unhex("C61E7A93744F39EE10734AFE3FF7A087"));
  EXPECT_EQ(keys.rtpSalt, unhex("30CBBC08863D8C85D49DB34A9AE1"));
  EXPECT_EQ(keys.rtpAuth, unhex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

TEST(SrtpVectors, AesCmSha1) {  // the packets that other stacks check themselves with
  const Bytes key = unhex("E1F97A0D3E018BE0D64FA32C06DE4139");
  const Bytes salt = unhex("0EC675AD498AFEEBB6960B3AABE6");
  Session sender(Profile::aes128_cm_sha1_80, Direction::protect, key, salt);
  Bytes packet = unhex("800f1234decafbadcafebabe abababababababababababababababab");
  ASSERT_TRUE(sender.protect(packet));
  EXPECT_EQ(packet, unhex("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb"));
  Bytes report = unhex("81c8000bcafebabe abababababababababababababababab");
  ASSERT_TRUE(sender.protectRtcp(report));
  EXPECT_EQ(report, unhex("81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798"));
}

constexpr std::string_view kPlainRtp =
    "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573";
constexpr std::string_view kPlainRtcp =
    "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef "
    "deadbeef";

SessionKeys rfc7714Keys(size_t size) {
  Bytes key;
  for (size_t i = 0; i < size; ++i) key.push_back(static_cast<uint8_t>(i));
  const Bytes salt = unhex("517569642070726f2071756f");
  return {.rtpKey = key, .rtpAuth = {}, .rtpSalt = salt, .rtcpKey = key, .rtcpAuth = {}, .rtcpSalt = salt};
}

void expectRtp(Profile profile, std::string_view sealed) {
  const SessionKeys keys = rfc7714Keys(keySize(profile));
  Session sender(profile, Direction::protect, keys);
  Session receiver(profile, Direction::unprotect, keys);
  Bytes packet = unhex(kPlainRtp);
  ASSERT_TRUE(sender.protect(packet));
  EXPECT_EQ(packet, unhex(sealed));
  ASSERT_TRUE(receiver.unprotect(packet));
  EXPECT_EQ(packet, unhex(kPlainRtp));
}

TEST(SrtpVectors, Aes128Gcm) {  // RFC 7714 §16.1.1
  expectRtp(Profile::aead_aes_128_gcm,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b "
            "36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce");
}

TEST(SrtpVectors, Aes256Gcm) {  // RFC 7714 §16.2.1
  expectRtp(Profile::aead_aes_256_gcm,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f "
            "1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13");
}

TEST(SrtpVectors, Aes128GcmRtcp) {  // RFC 7714 §17.1: the index is 0x5d4
  const SessionKeys keys = rfc7714Keys(16);
  Session receiver(Profile::aead_aes_128_gcm, Direction::unprotect, keys);
  const Bytes sealed = unhex(
      "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded "
      "0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4");
  Bytes packet = sealed;
  ASSERT_TRUE(receiver.unprotectRtcp(packet));
  EXPECT_EQ(packet, unhex(kPlainRtcp));

  Session sender(Profile::aead_aes_128_gcm, Direction::protect, keys);
  for (int i = 1; i < 0x5d4; ++i) {
    packet = unhex(kPlainRtcp);
    ASSERT_TRUE(sender.protectRtcp(packet));
  }
  packet = unhex(kPlainRtcp);
  ASSERT_TRUE(sender.protectRtcp(packet));
  EXPECT_EQ(packet, sealed);
}

// --- Behaviour -------------------------------------------------------------------------------------------------------

TEST_P(Srtp, RoundTripOfEverySize) {
  TwoEnds ends(GetParam());
  uint16_t sequence = 0;
  for (size_t size : {0, 1, 15, 16, 17, 100, 1200, 1460}) {
    const Bytes plain = rtp(1, ++sequence, size);
    Bytes packet = plain;
    ASSERT_TRUE(ends.sender.protect(packet));
    EXPECT_EQ(packet.size(), plain.size() + tagSize(GetParam()));
    EXPECT_TRUE(std::equal(plain.begin(), plain.begin() + 12, packet.begin()));
    if (size > 15) {
      EXPECT_FALSE(std::equal(plain.begin() + 12, plain.end(), packet.begin() + 12));
    }
    ASSERT_TRUE(ends.receiver.unprotect(packet));
    EXPECT_EQ(packet, plain);
  }
}

TEST_P(Srtp, HeaderExtensionAndCsrcsStayInTheClear) {
  TwoEnds ends(GetParam());
  Bytes plain = unhex("92600001 00000001 00000002 00000003 00000004 bede0002 10aabbcc 51aabbcc 0102030405");
  ASSERT_EQ(rtpHeaderSize(plain), 32u);
  Bytes packet = plain;
  ASSERT_TRUE(ends.sender.protect(packet));
  EXPECT_TRUE(std::equal(plain.begin(), plain.begin() + 32, packet.begin()));
  Bytes changed = packet;
  changed[25] ^= 1;  // authenticated all the same
  EXPECT_EQ(ends.receive(changed), Error::bad_tag);
  ASSERT_TRUE(ends.receiver.unprotect(packet));
  EXPECT_EQ(packet, plain);
}

TEST_P(Srtp, MalformedPackets) {
  TwoEnds ends(GetParam());
  const Bytes whole = ends.sealed(1, 1);
  for (size_t size = 0; size < 12 + tagSize(GetParam()); ++size) {
    EXPECT_EQ(ends.receive(Bytes(whole.begin(), whole.begin() + static_cast<long>(size))), Error::malformed);
  }
  Bytes version = whole;
  version[0] = 0x40;
  EXPECT_EQ(ends.receive(version), Error::malformed);
  Bytes extension = whole;
  extension[0] |= 0x10;  // an extension that reaches past the end
  extension[14] = 0xff;
  EXPECT_EQ(ends.receive(extension), Error::malformed);
  Bytes plain = unhex("8060");
  EXPECT_EQ(ends.sender.protect(plain).error(), Error::malformed);
  Bytes report = unhex("80c8000100");
  EXPECT_EQ(ends.sender.protectRtcp(report).error(), Error::malformed);
  EXPECT_EQ(ends.receiver.unprotectRtcp(report).error(), Error::malformed);
}

TEST_P(Srtp, AnyDamageIsABadTag) {
  TwoEnds ends(GetParam());
  const Bytes whole = ends.sealed(1, 1);
  for (size_t i = 12; i < whole.size(); ++i) {
    Bytes damaged = whole;
    damaged[i] ^= 0x10;
    EXPECT_EQ(ends.receive(damaged), Error::bad_tag) << i;
  }
  EXPECT_EQ(ends.receiver.counters().badTag, whole.size() - 12);
  EXPECT_EQ(ends.receive(whole), std::nullopt);  // nothing of it stuck
}

TEST_P(Srtp, PlainRtpIsRefused) {
  TwoEnds ends(GetParam());
  EXPECT_EQ(ends.receive(rtp(1, 1, 100)), Error::bad_tag);
  Bytes report = rtcp(1, 12);
  EXPECT_FALSE(ends.receiver.unprotectRtcp(report));
}

TEST_P(Srtp, ReplayIsRefused) {
  TwoEnds ends(GetParam());
  const Bytes first = ends.sealed(1, 100);
  EXPECT_EQ(ends.receive(first), std::nullopt);
  EXPECT_EQ(ends.receive(first), Error::replay);
  for (uint16_t i = 101; i < 110; ++i) EXPECT_EQ(ends.receive(ends.sealed(1, i)), std::nullopt);
  EXPECT_EQ(ends.receive(first), Error::replay);
  EXPECT_EQ(ends.receiver.counters().replayed, 2u);
}

TEST_P(Srtp, LatePacketsWithinTheWindow) {
  TwoEnds ends(GetParam());
  std::vector<Bytes> packets;
  for (int i = 0; i < 3000; ++i) packets.push_back(ends.sealed(1, static_cast<uint16_t>(i)));
  EXPECT_EQ(ends.receive(packets[2000]), std::nullopt);
  EXPECT_EQ(ends.receive(packets[2000 - kReplayWindow + 1]), std::nullopt);
  EXPECT_EQ(ends.receive(packets[2000 - kReplayWindow + 1]), Error::replay);
  EXPECT_EQ(ends.receive(packets[2000 - kReplayWindow]), Error::replay);  // too old
  EXPECT_EQ(ends.receive(packets[2999]), std::nullopt);
  EXPECT_EQ(ends.receive(packets[2998]), std::nullopt);
  EXPECT_EQ(ends.receive(packets[2000]), Error::replay);
}

TEST_P(Srtp, SenderNeverUsesANonceTwice) {
  TwoEnds ends(GetParam());
  ends.sealed(1, 5);
  Bytes again = rtp(1, 5);
  EXPECT_EQ(ends.sender.protect(again).error(), Error::replay);
  EXPECT_EQ(again, rtp(1, 5));
  ends.sealed(1, 3);  // one that was not sent yet may go late
}

TEST_P(Srtp, RolloverCounter) {
  TwoEnds ends(GetParam());
  // Three times around in steps below half the space, then packets from before a wrap that come after it.
  uint32_t index = 65000;
  for (int step = 0; step < 12; ++step) {
    const Bytes packet = ends.sealed(1, static_cast<uint16_t>(index));
    EXPECT_EQ(ends.receive(packet), std::nullopt) << index;
    index += 20000;
  }
  const uint32_t base = ((index >> 16) + 1) << 16;
  for (uint32_t i = index; i < base - 10; i += 20000) {
    EXPECT_EQ(ends.receive(ends.sealed(1, static_cast<uint16_t>(i))), std::nullopt);
  }
  const Bytes before = ends.sealed(1, static_cast<uint16_t>(base - 2));
  const Bytes last = ends.sealed(1, static_cast<uint16_t>(base - 1));
  const Bytes after = ends.sealed(1, static_cast<uint16_t>(base));
  EXPECT_EQ(ends.receive(after), std::nullopt);
  EXPECT_EQ(ends.receive(before), std::nullopt);
  EXPECT_EQ(ends.receive(last), std::nullopt);
  EXPECT_EQ(ends.receive(last), Error::replay);
  EXPECT_EQ(ends.receive(ends.sealed(1, static_cast<uint16_t>(base + 1))), std::nullopt);
}

TEST_P(Srtp, WrapWithLossOnBothSidesOfIt) {
  TwoEnds ends(GetParam());
  for (uint32_t i = 65500; i < 65600; ++i) {
    const Bytes packet = ends.sealed(7, static_cast<uint16_t>(i));
    if (i % 7 == 0) {
      EXPECT_EQ(ends.receive(packet), std::nullopt) << i;
    }
  }
}

TEST_P(Srtp, ForgedSequenceNumbersDoNotMoveTheCounter) {
  TwoEnds ends(GetParam());
  EXPECT_EQ(ends.receive(ends.sealed(1, 10)), std::nullopt);
  Bytes forged = ends.sealed(1, 11);
  storeU16(&forged[2], 40000);
  EXPECT_EQ(ends.receive(forged), Error::bad_tag);
  EXPECT_EQ(ends.receive(ends.sealed(1, 12)), std::nullopt);
}

TEST_P(Srtp, SourcesAreIndependentAndBounded) {
  TwoEnds ends(GetParam());
  EXPECT_EQ(ends.receive(ends.sealed(1, 10)), std::nullopt);
  EXPECT_EQ(ends.receive(ends.sealed(2, 10)), std::nullopt);
  SeededRandom random(1);
  for (uint32_t i = 0; i < 2 * kMaxSources; ++i) {  // forged ones make no context
    Bytes forged = rtp(1000 + i, 1);
    EXPECT_EQ(ends.receive(forged), Error::bad_tag);
  }
  for (uint32_t i = 3; i <= kMaxSources; ++i) EXPECT_EQ(ends.receive(ends.sealed(i, 1)), std::nullopt);
  Bytes over = rtp(99999, 1);
  EXPECT_EQ(ends.sender.protect(over).error(), Error::too_many_sources);
  EXPECT_EQ(ends.receive(over), Error::too_many_sources);
  EXPECT_EQ(ends.receive(ends.sealed(1, 11)), std::nullopt);
}

TEST_P(Srtp, RtcpRoundTripReplayAndDamage) {
  TwoEnds ends(GetParam());
  std::vector<Bytes> sealed;
  for (size_t words = 1; words < 40; ++words) {
    Bytes packet = rtcp(5, words);
    ASSERT_TRUE(ends.sender.protectRtcp(packet));
    EXPECT_EQ(packet.size(), rtcp(5, words).size() + tagSize(GetParam()) + 4);
    sealed.push_back(packet);
  }
  for (size_t i : {3u, 0u, 38u, 7u}) {
    Bytes packet = sealed[i];
    for (size_t at = 8; at < packet.size(); ++at) {
      Bytes damaged = packet;
      damaged[at] ^= 1;
      EXPECT_FALSE(ends.receiver.unprotectRtcp(damaged));
    }
    ASSERT_TRUE(ends.receiver.unprotectRtcp(packet));
    EXPECT_EQ(packet, rtcp(5, i + 1));
    packet = sealed[i];
    EXPECT_EQ(ends.receiver.unprotectRtcp(packet).error(), Error::replay);
  }
}

TEST_P(Srtp, RtcpIndexCountsUp) {
  TwoEnds ends(GetParam());
  for (uint32_t i = 1; i < 5; ++i) {
    Bytes packet = rtcp(5);
    ASSERT_TRUE(ends.sender.protectRtcp(packet));
    const size_t trailer = GetParam() == Profile::aes128_cm_sha1_80 ? packet.size() - 14 : packet.size() - 4;
    EXPECT_EQ(loadU32(&packet[trailer]), 0x80000000 | i);
  }
}

TEST_P(Srtp, OtherKeysAreNotAccepted) {
  TwoEnds ends(GetParam());
  TwoEnds others(GetParam());
  others.receiver = Session(GetParam(), Direction::unprotect, Bytes(keySize(GetParam()), 0x12), others.salt);
  EXPECT_EQ(others.receive(ends.sealed(1, 1)), Error::bad_tag);
}

}  // namespace
}  // namespace peerage::srtp
