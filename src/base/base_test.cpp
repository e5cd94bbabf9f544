#include <gtest/gtest.h>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "base/unwrap.hpp"

namespace peerage {
namespace {

TEST(ByteReader, ReadsNetworkOrderAndStopsAtTheEnd) {
  const Bytes data{1, 2, 3, 4, 5, 6, 7};
  ByteReader reader(data);
  EXPECT_EQ(reader.u16(), 0x0102);
  EXPECT_EQ(reader.u24(), 0x030405u);
  EXPECT_EQ(reader.u32(), std::nullopt);
  EXPECT_EQ(reader.remaining(), 2u);
  EXPECT_EQ(reader.bytes(3), std::nullopt);
  EXPECT_EQ(reader.u16(), 0x0607);
  EXPECT_EQ(reader.u8(), std::nullopt);
}

TEST(ByteWriter, WritesNetworkOrder) {
  Bytes out;
  ByteWriter writer(out);
  writer.u8(1);
  writer.u16(0x0203);
  writer.u24(0x040506);
  writer.u32(0x0708090a);
  writer.patchU16(1, 0xffee);
  EXPECT_EQ(out, (Bytes{1, 0xff, 0xee, 4, 5, 6, 7, 8, 9, 10}));
}

TEST(IpAddress, ParsesAndPrintsBothFamilies) {
  EXPECT_EQ(IpAddress::parse("192.0.2.7")->toString(), "192.0.2.7");
  EXPECT_EQ(IpAddress::parse("2001:DB8:0:0::1")->toString(), "2001:db8::1");
  EXPECT_FALSE(IpAddress::parse("192.0.2"));
  EXPECT_FALSE(IpAddress::parse("fe80::1%eth0"));
  EXPECT_TRUE(IpAddress::parse("127.4.5.6")->isLoopback());
  EXPECT_TRUE(IpAddress::parse("::1")->isLoopback());
  EXPECT_TRUE(IpAddress::parse("fe80::1")->isLinkLocal());
}

TEST(SocketAddress, NeedsBracketsForIpv6Only) {
  EXPECT_EQ(SocketAddress::parse("192.0.2.7:80")->port, 80);
  EXPECT_EQ(SocketAddress::parse("[::1]:443")->toString(), "[::1]:443");
  EXPECT_FALSE(SocketAddress::parse("::1:443"));
  EXPECT_FALSE(SocketAddress::parse("192.0.2.7:65536"));
  EXPECT_FALSE(SocketAddress::parse("192.0.2.7:"));
}

TEST(SeededRandom, TheSameSeedGivesTheSameNumbers) {
  SeededRandom a(7), b(7), c(8);
  EXPECT_EQ(a.u64(), b.u64());
  EXPECT_NE(a.u64(), c.u64());
  for (int i = 0; i < 1000; ++i) EXPECT_LT(a.below(3), 3u);
  EXPECT_EQ(a.iceChars(24).size(), 24u);
}

TEST(Unwrapper, FollowsWrapsAndLatecomers) {
  Unwrapper<uint16_t> unwrapper;
  EXPECT_EQ(unwrapper.unwrap(65534), 65534);
  EXPECT_EQ(unwrapper.unwrap(1), 65537);
  EXPECT_EQ(unwrapper.unwrap(65535), 65535);
  EXPECT_EQ(unwrapper.unwrap(2), 65538);
}

TEST(Timeout, SoonestKeepsTheReason) {
  const Timeout a{Timestamp(5ms), "a"}, b{Timestamp(3ms), "b"};
  EXPECT_STREQ(soonest(a, b)->reason, "b");
  EXPECT_STREQ(soonest(a, std::nullopt)->reason, "a");
  EXPECT_FALSE(soonest(std::nullopt, std::nullopt));
}

}  // namespace
}  // namespace peerage
