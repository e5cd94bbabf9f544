#include "stun/message.hpp"

#include <gtest/gtest.h>

#include "crypto/digest.hpp"

namespace peerage::stun {
namespace {

Bytes fromHex(std::string_view text) {
  Bytes bytes;
  int high = -1;
  for (char c : text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  return bytes;
}

// RFC 5769 §2.1 .. §2.4.
const Bytes kRequest = fromHex(R"(
  00 01 00 58 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 10 53 54 55 4e 20 74 65 73 74 20 63 6c 69 65 6e 74
  00 24 00 04 6e 00 01 ff  80 29 00 08 93 2f f9 b1 51 26 3b 36
  00 06 00 09 65 76 74 6a 3a 68 36 76 59 20 20 20
  00 08 00 14 9a ea a7 0c bf d8 cb 56 78 1e f2 b5 b2 d3 f2 49 c1 b5 71 a2  80 28 00 04 e5 7a 3b cf)");
const Bytes kResponseV4 = fromHex(R"(
  01 01 00 3c 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20  00 20 00 08 00 01 a1 47 e1 12 a6 43
  00 08 00 14 2b 91 f5 99 fd 9e 90 c3 8c 74 89 f9 2a f9 ba 53 f0 6b e7 d7  80 28 00 04 c0 7d 4c 96)");
const Bytes kResponseV6 = fromHex(R"(
  01 01 00 48 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20
  00 20 00 14 00 02 a1 47 01 13 a9 fa a5 d3 f1 79 bc 25 f4 b5 be d2 b9 d9
  00 08 00 14 a3 82 95 4e 4b e6 7b f1 17 84 c9 7c 82 92 c2 75 bf e3 ed 41  80 28 00 04 c8 fb 0b 4c)");
const Bytes kLongTerm = fromHex(R"(
  00 01 00 60 21 12 a4 42 78 ad 34 33 c6 ad 72 c0 29 da 41 2e
  00 06 00 12 e3 83 9e e3 83 88 e3 83 aa e3 83 83 e3 82 af e3 82 b9 00 00
  00 15 00 1c 66 2f 2f 34 39 39 6b 39 35 34 64 36 4f 4c 33 34 6f 4c 39 46 53 54 76 79 36 34 73 41
  00 14 00 0b 65 78 61 6d 70 6c 65 2e 6f 72 67 00
  00 08 00 14 f6 70 24 65 6d d6 4a 3e 02 b8 e0 71 2e 85 c9 a2 8c a8 96 66)");
constexpr std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";

TEST(Rfc5769, SampleRequest) {
  const auto message = Message::parse(kRequest);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->isRequest());
  EXPECT_EQ(message->method(), Method::binding);
  EXPECT_EQ(message->software(), "STUN test client");
  EXPECT_EQ(message->username(), "evtj:h6vY");
  EXPECT_EQ(message->priority(), 0x6e0001ffu);
  EXPECT_EQ(message->iceControlled(), 0x932ff9b151263b36u);
  EXPECT_FALSE(message->iceControlling());
  EXPECT_FALSE(message->useCandidate());
  EXPECT_EQ(message->integrity(kPassword), Check::valid);
  EXPECT_EQ(message->integrity("VOkJxbRl1RmTxUk/WvJxBu"), Check::invalid);
  EXPECT_EQ(message->fingerprint(), Check::valid);
  EXPECT_TRUE(message->unknownRequired().empty());
}

TEST(Rfc5769, SampleIpv4Response) {
  const auto message = Message::parse(kResponseV4);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->messageClass(), Class::success);
  EXPECT_EQ(message->xorMappedAddress(), SocketAddress::parse("192.0.2.1:32853"));
  EXPECT_EQ(message->integrity(kPassword), Check::valid);
  EXPECT_EQ(message->fingerprint(), Check::valid);
}

TEST(Rfc5769, SampleIpv6Response) {
  const auto message = Message::parse(kResponseV6);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->reflexiveAddress(), SocketAddress::parse("[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
  EXPECT_EQ(message->integrity(kPassword), Check::valid);
  EXPECT_EQ(message->fingerprint(), Check::valid);
}

TEST(Rfc5769, SampleRequestWithLongTermAuthentication) {
  const auto message = Message::parse(kLongTerm);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->username(), "マトリックス");
  EXPECT_EQ(message->realm(), "example.org");
  EXPECT_EQ(message->nonce(), "f//499k954d6OL34oL9FSTvy64sA");
  const auto key = crypto::md5(asBytes("マトリックス:example.org:TheMatrIX"));
  EXPECT_EQ(message->integrity(ByteView(key)), Check::valid);
  EXPECT_EQ(message->fingerprint(), Check::absent);
}

TEST(Crc32, CheckValue) { EXPECT_EQ(crc32(asBytes("123456789")), 0xCBF43926u); }

TransactionId someId() {
  SeededRandom random(1);
  return TransactionId::random(random);
}

TEST(Builder, EveryAttributeComesBack) {
  Bytes out{0xAA, 0xBB};  // what the buffer held before stays
  const auto v4 = *SocketAddress::parse("203.0.113.7:4000");
  const auto v6 = *SocketAddress::parse("[2001:db8::7]:4001");
  Builder(out, Class::error, Method::allocate, someId())
      .username("abcd:efgh")
      .software("x")
      .attribute(AttributeType::realm, "r")
      .attribute(AttributeType::nonce, "nn")
      .priority(77)
      .useCandidate()
      .iceControlling(0x0102030405060708)
      .address(AttributeType::mapped_address, v4)
      .xorAddress(AttributeType::xor_mapped_address, v6)
      .errorCode(487, "Role Conflict")
      .unknownAttributes({0x7777, 0x7778, 0x7779})
      .integrity("password")
      .fingerprint();
  const auto message = Message::parse(ByteView(out).subspan(2));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->messageClass(), Class::error);
  EXPECT_EQ(message->method(), Method::allocate);
  EXPECT_EQ(message->transactionId(), someId());
  EXPECT_EQ(message->username(), "abcd:efgh");
  EXPECT_EQ(message->software(), "x");
  EXPECT_EQ(message->realm(), "r");
  EXPECT_EQ(message->nonce(), "nn");
  EXPECT_EQ(message->priority(), 77u);
  EXPECT_TRUE(message->useCandidate());
  EXPECT_EQ(message->iceControlling(), 0x0102030405060708u);
  EXPECT_EQ(message->mappedAddress(), v4);
  EXPECT_EQ(message->xorMappedAddress(), v6);
  ASSERT_TRUE(message->errorCode());
  EXPECT_EQ(message->errorCode()->code, 487);
  EXPECT_EQ(message->errorCode()->reason, "Role Conflict");
  EXPECT_EQ(message->unknownAttributes(), (std::vector<uint16_t>{0x7777, 0x7778, 0x7779}));
  EXPECT_EQ(message->integrity("password"), Check::valid);
  EXPECT_EQ(message->fingerprint(), Check::valid);
}

TEST(Message, UnknownAttributesAreSortedIntoRequiredAndOptional) {
  Bytes out;
  Builder(out, Class::request, Method::binding, someId())
      .number32(static_cast<AttributeType>(0xC057), 1)  // what browsers add, optional
      .number32(static_cast<AttributeType>(0xC058), 1)
      .number32(static_cast<AttributeType>(0xC059), 1)
      .number32(static_cast<AttributeType>(0xC05C), 1)
      .number32(static_cast<AttributeType>(0x0031), 1)
      .number32(static_cast<AttributeType>(0x7fff), 1)
      .number32(static_cast<AttributeType>(0x0031), 1);
  const auto message = Message::parse(out);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->unknownRequired(), (std::vector<uint16_t>{0x0031, 0x7fff}));
}

TEST(Message, WhatFollowsMessageIntegrityIsNotSeen) {
  Bytes out;
  Builder builder(out, Class::request, Method::binding, someId());
  builder.username("a:b").integrity("pw").useCandidate().priority(1).fingerprint();
  const auto message = Message::parse(out);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->integrity("pw"), Check::valid);
  EXPECT_EQ(message->fingerprint(), Check::valid);
  EXPECT_FALSE(message->useCandidate());
  EXPECT_FALSE(message->priority());
}

TEST(Message, TheFirstOfTwoCounts) {
  Bytes out;
  Builder(out, Class::request, Method::binding, someId()).priority(1).priority(2);
  EXPECT_EQ(Message::parse(out)->priority(), 1u);
}

TEST(Message, MalformedOnesAreRefused) {
  const auto error = [](const Bytes& bytes) { return Message::parse(bytes).error(); };
  EXPECT_EQ(error({}), ParseError::too_short);
  EXPECT_EQ(error(Bytes(19)), ParseError::too_short);
  EXPECT_EQ(error(Bytes(20)), ParseError::not_stun);
  for (size_t size = kHeaderSize; size < kRequest.size(); ++size) {
    EXPECT_EQ(error(Bytes(kRequest.begin(), kRequest.begin() + static_cast<long>(size))), ParseError::bad_length);
  }
  Bytes bytes = kRequest;
  bytes[0] = 0x80;  // RTP's version 2
  EXPECT_EQ(error(bytes), ParseError::not_stun);
  bytes = kRequest;
  bytes[4] ^= 1;
  EXPECT_EQ(error(bytes), ParseError::not_stun);
  bytes = kRequest;
  bytes[23] = 0xFF;  // SOFTWARE's length
  EXPECT_EQ(error(bytes), ParseError::truncated_attribute);
  bytes.clear();
  Builder builder(bytes, Class::request, Method::binding, someId());
  for (size_t i = 0; i < kMaxAttributes; ++i) builder.priority(1);
  EXPECT_TRUE(Message::parse(bytes));
  builder.priority(1);
  EXPECT_EQ(error(bytes), ParseError::too_many_attributes);
  bytes.clear();
  Builder(bytes, Class::request, Method::binding, someId()).attribute(AttributeType::data, Bytes(kMaxMessageSize));
  EXPECT_EQ(error(bytes), ParseError::too_long);
}

TEST(Message, ValuesOfWrongSizeAreAbsent) {
  Bytes out;
  Builder(out, Class::error, Method::binding, someId())
      .attribute(AttributeType::priority, "12345")
      .attribute(AttributeType::ice_controlled, "1234567")
      .attribute(AttributeType::xor_mapped_address, "\x00\x01\x02")
      .attribute(AttributeType::mapped_address, std::string_view("\x00\x03\x00\x01\x01\x02\x03\x04", 8))
      .attribute(AttributeType::error_code, std::string_view("\x00\x00\x07\x01", 4))
      .attribute(AttributeType::message_integrity, "short");
  const auto message = Message::parse(out);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->priority());
  EXPECT_FALSE(message->iceControlled());
  EXPECT_FALSE(message->reflexiveAddress());
  EXPECT_FALSE(message->errorCode());
  EXPECT_EQ(message->integrity("k"), Check::invalid);
}

TEST(Message, AnyFlippedBitIsNoticed) {
  for (size_t bit = 0; bit < kRequest.size() * 8; ++bit) {
    Bytes bytes = kRequest;
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    const auto message = Message::parse(bytes);
    if (!message) continue;
    EXPECT_NE(message->fingerprint(), Check::valid) << bit;
    const size_t integrityEnd = kRequest.size() - 8;
    // Padding is covered by the MAC too; what follows it is not.
    if (bit / 8 < integrityEnd) {
      EXPECT_NE(message->integrity(kPassword), Check::valid) << bit;
    }
  }
}

}  // namespace
}  // namespace peerage::stun
