#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/random.hpp"
#include "crypto/base64.hpp"
#include "crypto/certificate.hpp"
#include "crypto/cipher.hpp"
#include "crypto/digest.hpp"
#include "crypto/hmac.hpp"
#include "crypto/system_random.hpp"

namespace peerage::crypto {
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

template <typename T>
Bytes list(const T& bytes) {
  return Bytes(bytes.begin(), bytes.end());
}

TEST(Digest, KnownAnswers) {  // RFC 1321 A.5, FIPS 180 examples
  EXPECT_EQ(list(md5(asBytes("abc"))), unhex("900150983cd24fb0d6963f7d28e17f72"));
  EXPECT_EQ(list(sha1(asBytes("abc"))), unhex("a9993e364706816aba3e25717850c26c9cd0d89d"));
  EXPECT_EQ(list(sha256(asBytes("abc"))), unhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  EXPECT_EQ(list(sha256({})), unhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
}

TEST(Digest, PartsAreTheWhole) {
  for (auto algorithm : {HashAlgorithm::md5, HashAlgorithm::sha1, HashAlgorithm::sha224, HashAlgorithm::sha256,
                         HashAlgorithm::sha384, HashAlgorithm::sha512}) {
    const Bytes whole = digest(algorithm, asBytes("one two"));
    EXPECT_EQ(whole.size(), digestSize(algorithm));
    EXPECT_EQ(whole, digest(algorithm, {asBytes("one"), asBytes(""), asBytes(" two")}));
  }
}

TEST(Digest, NamesOfFingerprints) {  // RFC 8122 §5
  EXPECT_EQ(hashFromName("sha-256"), HashAlgorithm::sha256);
  EXPECT_EQ(hashFromName("SHA-1"), HashAlgorithm::sha1);
  EXPECT_EQ(hashFromName("sha256"), std::nullopt);
  EXPECT_EQ(hashFromName("md5"), std::nullopt);
  EXPECT_EQ(hashFromName(""), std::nullopt);
  EXPECT_EQ(toString(HashAlgorithm::sha512), "sha-512");
}

TEST(Hmac, Rfc2202AndRfc4231) {
  EXPECT_EQ(list(hmacSha1(Bytes(20, 0x0b), asBytes("Hi There"))), unhex("b617318655057264e28bc0b6fb378c8ef146be00"));
  EXPECT_EQ(list(hmacSha1(asBytes("Jefe"), asBytes("what do ya want for nothing?"))),
            unhex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"));
  EXPECT_EQ(list(hmacSha1(Bytes(80, 0xaa), asBytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            unhex("aa4ae5e15272d00e95705637ce8a3b55ed402112"));
  EXPECT_EQ(list(hmacSha256(asBytes("Jefe"), asBytes("what do ya want for nothing?"))),
            unhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
}

TEST(Hmac, KeptContextGivesTheSameEachTime) {
  Hmac hmac(HashAlgorithm::sha1, asBytes("Jefe"));
  std::array<uint8_t, 20> first{}, second{};
  std::array<uint8_t, 10> cut{};
  hmac.sign({asBytes("what do ya want "), asBytes("for nothing?")}, first);
  hmac.sign({asBytes("other")}, second);
  EXPECT_NE(first, second);
  hmac.sign({asBytes("what do ya want for nothing?")}, second);
  EXPECT_EQ(first, second);
  EXPECT_EQ(list(first), unhex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"));
  hmac.sign({asBytes("what do ya want for nothing?")}, cut);
  EXPECT_TRUE(std::equal(cut.begin(), cut.end(), first.begin()));
}

TEST(Hmac, EmptyKey) {
  EXPECT_EQ(list(hmacSha1({}, {})), unhex("fbdb1d1b18aa6c08324b7d64b71fb76370690e1d"));
}

TEST(Hmac, ConstantTimeCompare) {
  EXPECT_TRUE(equalConstantTime(asBytes("abc"), asBytes("abc")));
  EXPECT_FALSE(equalConstantTime(asBytes("abc"), asBytes("abd")));
  EXPECT_FALSE(equalConstantTime(asBytes("abc"), asBytes("abcd")));
  EXPECT_TRUE(equalConstantTime({}, {}));
}

TEST(AesGcm, SpecificationTestCase4) {  // McGrew & Viega, test case 4
  const Bytes key = unhex("feffe9928665731c6d6a8f9467308308");
  const Bytes nonce = unhex("cafebabefacedbaddecaf888");
  const Bytes aad = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const Bytes plain = unhex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
      "b16aedf5aa0de657ba637b39");
  const Bytes cipher = unhex(
      "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05"
      "1ba30b396a0aac973d58e091");
  AesGcm sealer(AesGcm::Direction::seal, key);
  AesGcm opener(AesGcm::Direction::open, key);
  for (int round = 0; round < 2; ++round) {  // the contexts are kept
    Bytes data = plain;
    Bytes tag(16);
    sealer.seal(nonce, {ByteView(aad).first(7), ByteView(aad).subspan(7)}, data, tag.data());
    EXPECT_EQ(data, cipher);
    EXPECT_EQ(tag, unhex("5bc94fbc3221a5db94fae95ae7121a47"));
    tag[15] ^= 1;
    Bytes copy = data;
    EXPECT_FALSE(opener.open(nonce, {aad}, copy, tag.data()));
    tag[15] ^= 1;
    EXPECT_TRUE(opener.open(nonce, {aad}, data, tag.data()));
    EXPECT_EQ(data, plain);
  }
}

TEST(AesGcm, NothingToEncrypt) {
  AesGcm sealer(AesGcm::Direction::seal, Bytes(32, 7));
  AesGcm opener(AesGcm::Direction::open, Bytes(32, 7));
  Bytes tag(16);
  sealer.seal(Bytes(12, 1), {asBytes("only this")}, {}, tag.data());
  EXPECT_TRUE(opener.open(Bytes(12, 1), {asBytes("only this")}, {}, tag.data()));
  EXPECT_FALSE(opener.open(Bytes(12, 1), {asBytes("only That")}, {}, tag.data()));
}

TEST(AesGcm, WrongKeySizeThrows) { EXPECT_THROW(AesGcm(AesGcm::Direction::seal, Bytes(5)), LibraryFailure); }

TEST(AesCounter, Rfc3711KeyStream) {  // RFC 3711 B.2
  AesCounter counter(unhex("2B7E151628AED2A6ABF7158809CF4F3C"));
  const Bytes iv = unhex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000");
  Bytes stream(size_t{0xff02} * 16);
  counter.crypt(iv, stream);
  EXPECT_EQ(Bytes(stream.begin(), stream.begin() + 48),
            unhex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB "
                  "41E95B3BB0A2E8DD477901E4FCA894C0"));
  EXPECT_EQ(Bytes(stream.end() - 48, stream.end()),
            unhex("EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE "
                  "6A2CC3787889374FBEB4C81B17BA6C44"));
  Bytes again(48);
  counter.crypt(iv, again);
  EXPECT_TRUE(std::equal(again.begin(), again.end(), stream.begin()));
}

TEST(Base64, Rfc4648Vectors) {
  for (auto [plain, text] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(base64Encode(asBytes(plain)), text);
    EXPECT_EQ(base64Decode(text), Bytes(plain.begin(), plain.end()));
  }
  for (std::string_view wrong : {"Zg=", "Zg", "Z===", "====", "Zh==", "Zm9=", "Zm9v\n", "Z m9", "Zg==Zg==", "Zm-_"}) {
    EXPECT_EQ(base64Decode(wrong), std::nullopt) << wrong;
  }
}

TEST(SystemRandom, Differs) {
  SystemRandom random;
  EXPECT_NE(random.u64(), random.u64());
  Bytes large((size_t{1} << 20) + 17);
  random.fill(large);
  EXPECT_NE(Bytes(large.end() - 16, large.end()), Bytes(16));
}

class CertificateKinds : public testing::TestWithParam<KeyKind> {};
INSTANTIATE_TEST_SUITE_P(All, CertificateKinds, testing::Values(KeyKind::ecdsa_p256, KeyKind::rsa_2048));

TEST_P(CertificateKinds, GenerateAndPemRoundTrip) {
  SeededRandom random(1);
  const std::chrono::sys_seconds now = std::chrono::sys_days(std::chrono::year(2026) / 2 / 28);
  const auto made = Certificate::generate({.kind = GetParam(), .now = now}, random);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->kind(), GetParam());
  EXPECT_EQ(made->notAfter(), now + std::chrono::days(30));
  EXPECT_EQ(made->notBefore(), now - std::chrono::days(1));

  const auto again = Certificate::fromPem(made->certificatePem(), made->privateKeyPem());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(std::ranges::equal(again->der(), made->der()));
  EXPECT_EQ(again->kind(), GetParam());
  EXPECT_EQ(again->fingerprint(HashAlgorithm::sha256), made->fingerprint(HashAlgorithm::sha256));
  EXPECT_THAT(made->fingerprint(HashAlgorithm::sha256), testing::MatchesRegex("([0-9A-F]{2}:){31}[0-9A-F]{2}"));

  const auto other = Certificate::generate({.now = now}, random);
  ASSERT_TRUE(other);
  EXPECT_NE(other->fingerprint(HashAlgorithm::sha1), made->fingerprint(HashAlgorithm::sha1));
  EXPECT_FALSE(Certificate::fromPem(made->certificatePem(), other->privateKeyPem()));
}

TEST(Certificate, WrongPem) {
  EXPECT_FALSE(Certificate::fromPem("", ""));
  EXPECT_FALSE(Certificate::fromPem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x"));
  EXPECT_EQ(drainErrors(), "");
}

TEST(Certificate, YearBeyond2050) {  // UTCTime ends; X.509 goes on in GeneralizedTime
  SeededRandom random(1);
  const std::chrono::sys_seconds now = std::chrono::sys_days(std::chrono::year(2051) / 1 / 1);
  const auto made = Certificate::generate({.now = now, .lifetime = std::chrono::seconds(1)}, random);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->notAfter(), now + std::chrono::seconds(1));
}

}  // namespace
}  // namespace peerage::crypto
