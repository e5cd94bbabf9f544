#include "rtp/packet.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace peerage::rtp {
namespace {

ExtensionMap usualMap() {
  ExtensionMap map;
  map.set(ExtensionType::audio_level, 1);
  map.set(ExtensionType::absolute_send_time, 2);
  map.set(ExtensionType::transport_sequence_number, 3);
  map.set(ExtensionType::mid, 4);
  map.set(ExtensionType::rid, 10);
  return map;
}

// RFC 3550 §5.1, with a CSRC, the one-byte extensions of RFC 8285 §4.2 (padding between elements) and padding.
const Bytes kPacket = {0xb1, 0xe0, 0x12, 0x34, 0x00, 0x00, 0x00, 0x2a, 0xde, 0xad, 0xbe, 0xef,  // fixed header
                       0x00, 0x00, 0x00, 0x07,                                                  // CSRC
                       0xbe, 0xde, 0x00, 0x03, 0x10, 0x85, 0x00, 0x31, 0xab, 0xcd, 0x41, 'v',   // extensions
                       '0',  0x00, 0x00, 0x00,                                                  //
                       'h',  'i',  0x00, 0x02};

TEST(RtpPacket, readsEveryField) {
  const auto view = PacketView::parse(kPacket);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->marker);
  EXPECT_EQ(view->payloadType, 96);
  EXPECT_EQ(view->sequenceNumber, 0x1234);
  EXPECT_EQ(view->timestamp, 42u);
  EXPECT_EQ(view->ssrc, Ssrc{0xdeadbeef});
  ASSERT_EQ(view->csrcs.size(), 4u);
  EXPECT_EQ(loadU32(view->csrcs.data()), 7u);
  EXPECT_EQ(asText(view->payload), "hi");
  EXPECT_EQ(view->paddingSize, 2u);
  EXPECT_EQ(view->headerSize, 32u);
  const Extensions values = view->extensions(usualMap());
  EXPECT_EQ(values.mid, "v0");
  EXPECT_EQ(values.audioLevel, (AudioLevel{true, 5}));
  EXPECT_EQ(values.transportSequenceNumber, 0xabcd);
  EXPECT_FALSE(values.absoluteSendTime);
}

TEST(RtpPacket, refusesEveryTruncation) {
  for (size_t size = 0; size < kPacket.size() - 2; ++size) {
    Bytes cut(kPacket.begin(), kPacket.begin() + static_cast<ptrdiff_t>(size));
    if (size > 0) cut[0] &= 0xdf;  // without the padding bit only lengths matter
    EXPECT_EQ(PacketView::parse(cut).has_value(), size >= 32) << size;
  }
}

TEST(RtpPacket, refusesWrongVersionAndPadding) {
  Bytes packet = kPacket;
  packet[0] = 0x71;
  EXPECT_EQ(PacketView::parse(packet).error(), ParseError::bad_version);
  packet = kPacket;
  packet.back() = 5;
  EXPECT_EQ(PacketView::parse(packet).error(), ParseError::bad_padding);
  packet.back() = 0;
  EXPECT_EQ(PacketView::parse(packet).error(), ParseError::bad_padding);
}

TEST(RtpPacket, writesWhatItReads) {
  const ExtensionMap map = usualMap();
  Extensions values;
  values.mid = "audio";
  values.rid = "hi";
  values.absoluteSendTime = 0x123456;
  values.transportSequenceNumber = 65535;
  values.audioLevel = AudioLevel{false, 127};
  const std::array<uint32_t, 2> csrcs = {1, 2};
  Bytes out = {1, 2, 3};
  writeHeader({true, 111, 65535, 0xfffffff0, Ssrc{9}, csrcs}, map, values, out);
  out.push_back(0x55);
  appendPadding(out, 3);
  const auto view = PacketView::parse(out);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->marker);
  EXPECT_EQ(view->payloadType, 111);
  EXPECT_EQ(view->sequenceNumber, 65535);
  EXPECT_EQ(view->timestamp, 0xfffffff0u);
  EXPECT_EQ(view->csrcs.size(), 8u);
  EXPECT_EQ(view->extensionProfile, 0xbede);
  EXPECT_EQ(view->payload.size(), 1u);
  EXPECT_EQ(view->paddingSize, 3u);
  EXPECT_EQ(view->extensions(map), values);
}

TEST(RtpPacket, takesTwoByteFormForHighIdsAndLongText) {
  ExtensionMap map;
  ASSERT_TRUE(map.set(ExtensionType::mid, 20));
  ASSERT_TRUE(map.set(ExtensionType::transport_sequence_number, 1));
  Extensions values;
  const std::string longMid(40, 'm');
  values.mid = longMid;
  values.transportSequenceNumber = 7;
  Bytes out;
  writeHeader({.payloadType = 96, .ssrc = Ssrc{1}}, map, values, out);
  const auto view = PacketView::parse(out);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->extensionProfile, 0x1000);
  EXPECT_EQ(view->extensions(map), values);
}

TEST(RtpPacket, stopsAtReservedIdAndOverrun) {
  // RFC 8285 §4.2: id 15 stops the walk; the mid behind it is not seen.
  Bytes packet = {0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 2, 0xf0, 0, 0x40, 'a', 0, 0, 0, 0};
  EXPECT_EQ(PacketView::parse(packet)->extensions(usualMap()).mid, "");
  packet = {0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x4f, 'a', 'b', 'c'};
  EXPECT_EQ(PacketView::parse(packet)->extensions(usualMap()).mid, "");
}

TEST(RtpPacket, patchesInPlace) {
  const ExtensionMap map = usualMap();
  Extensions values;
  values.absoluteSendTime = 0;
  values.transportSequenceNumber = 0;
  Bytes out;
  writeHeader({.payloadType = 96, .ssrc = Ssrc{1}}, map, values, out);
  EXPECT_TRUE(patchExtension(out, map.id(ExtensionType::transport_sequence_number), Bytes{0x12, 0x34}));
  EXPECT_TRUE(patchExtension(out, map.id(ExtensionType::absolute_send_time), Bytes{1, 2, 3}));
  EXPECT_FALSE(patchExtension(out, map.id(ExtensionType::mid), Bytes{1}));
  EXPECT_FALSE(patchExtension(out, map.id(ExtensionType::absolute_send_time), Bytes{1}));
  const Extensions read = PacketView::parse(out)->extensions(map);
  EXPECT_EQ(read.transportSequenceNumber, 0x1234);
  EXPECT_EQ(read.absoluteSendTime, 0x010203u);
}

TEST(ExtensionMap, keepsIdsUnique) {
  ExtensionMap map;
  EXPECT_FALSE(map.set(ExtensionType::mid, 0));
  EXPECT_FALSE(map.set(ExtensionType::mid, 15));
  EXPECT_TRUE(map.set(ExtensionType::mid, 3));
  EXPECT_FALSE(map.set(ExtensionType::rid, 3));
  EXPECT_TRUE(map.set(ExtensionType::mid, 4));
  EXPECT_TRUE(map.set(ExtensionType::rid, 3));
  EXPECT_EQ(map.type(3), ExtensionType::rid);
  EXPECT_EQ(map.type(4), ExtensionType::mid);
  EXPECT_EQ(map.type(5), std::nullopt);
  for (size_t i = 0; i < kExtensionTypes; ++i) {
    const auto type = static_cast<ExtensionType>(i);
    EXPECT_EQ(extensionType(uri(type)), type);
  }
}

TEST(NtpTime, countsAsRfc3550) {
  const Timestamp t{1500ms};
  EXPECT_EQ(ntpTime(t), (uint64_t{1} << 32) + 0x80000000u);
  EXPECT_EQ(compactNtp(t), 0x18000u);
  EXPECT_EQ(fromCompactNtp(0x18000), 1500ms);
  EXPECT_EQ(toCompactNtp(1500ms), 0x18000u);
  EXPECT_EQ(toCompactNtp(-1s), 0u);
  EXPECT_EQ(absoluteSendTime(t), 0x60000u);  // 1.5 · 2^18
  EXPECT_EQ(absoluteSendTime(Timestamp{65s}), uint32_t{1} << 18);
}

}  // namespace
}  // namespace peerage::rtp
