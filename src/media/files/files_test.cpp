#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "base/random.hpp"
#include "media/files/file_io.hpp"
#include "media/files/ivf.hpp"
#include "media/files/ogg_opus.hpp"

namespace peerage::media {
namespace {

Bytes ivfFile(int frames) {
  Bytes file;
  EXPECT_TRUE(writeIvfHeader({.width = 320, .height = 240, .frames = static_cast<uint32_t>(frames)}, file));
  for (uint64_t i = 0; i < static_cast<uint64_t>(frames); ++i) {
    EXPECT_TRUE(writeIvfFrame(Bytes(i + 1, 7), i * 3000, file));
  }
  return file;
}

/// Reads in pieces of `step` bytes.
template <typename Reader, typename Each>
Result<> readAll(Reader& reader, ByteView file, size_t step, Each each) {
  for (size_t at = 0; at < file.size(); at += step) {
    reader.push(file.subspan(at, std::min(step, file.size() - at)));
    for (;;) {
      auto item = reader.next();
      if (!item) return std::unexpected(item.error());
      if (!*item) break;
      each(**item);
    }
  }
  return reader.finish();
}

TEST(Ivf, RoundTripInPiecesOfAnySize) {
  const Bytes file = ivfFile(20);
  for (const size_t step : {size_t{1}, size_t{7}, size_t{1000}}) {
    IvfReader reader;
    uint64_t count = 0;
    const auto result = readAll(reader, file, step, [&](const IvfFrame& frame) {
      EXPECT_EQ(frame.timestamp, count * 3000);
      EXPECT_EQ(frame.data, Bytes(++count, 7));
    });
    EXPECT_TRUE(result) << result.error().message;
    EXPECT_EQ(count, 20u);
    ASSERT_TRUE(reader.header());
    EXPECT_EQ(*reader.header(), (IvfHeader{.width = 320, .height = 240, .frames = 20}));
  }
}

std::string ivfError(const Bytes& file) {
  IvfReader reader;
  const auto result = readAll(reader, file, 100, [](const IvfFrame&) {});
  return result ? "" : result.error().message;
}

TEST(Ivf, SaysWhatIsWrongAndWhere) {
  Bytes file = ivfFile(3);
  EXPECT_EQ(ivfError(file), "");
  Bytes bad = file;
  bad[0] = 'X';
  EXPECT_NE(ivfError(bad).find("DKIF"), std::string::npos);
  bad = file;
  bad[4] = 9;
  EXPECT_NE(ivfError(bad).find("version 9 at byte 4"), std::string::npos);
  bad = file;
  bad[6] = 1;
  EXPECT_NE(ivfError(bad).find("header length 1"), std::string::npos);
  bad = file;
  bad[16] = bad[17] = bad[18] = bad[19] = 0;
  EXPECT_NE(ivfError(bad).find("timebase 1/0"), std::string::npos);
  bad = file;
  bad[32 + 3] = 0xff;
  EXPECT_NE(ivfError(bad).find("at byte 32"), std::string::npos);
  bad = file;
  bad[32] = 0;
  EXPECT_NE(ivfError(bad).find("frame of 0 bytes"), std::string::npos);
  bad = file;
  bad.pop_back();
  EXPECT_NE(ivfError(bad).find("ends within the frame"), std::string::npos);
  bad.resize(20);
  EXPECT_NE(ivfError(bad).find("ends within its header"), std::string::npos);
}

TEST(Ivf, WriterRefusesWhatItCannotSay) {
  Bytes out;
  EXPECT_FALSE(writeIvfHeader({.fourcc = "VP8"}, out));
  EXPECT_FALSE(writeIvfHeader({.width = 70'000}, out));
  EXPECT_FALSE(writeIvfHeader({.timebaseNumerator = 0}, out));
  EXPECT_FALSE(writeIvfFrame({}, 0, out));
  EXPECT_TRUE(out.empty());
}

TEST(Ogg, ChecksumOfAKnownPage) {
  // An empty last page: the checksum was computed bit by bit from the definition, independently of the table.
  Bytes page;
  writeOggPage({.end = true, .granule = 0, .serial = 1, .sequence = 2, .lacing = {}, .body = {}}, page);
  ASSERT_EQ(page.size(), 27u);
  uint32_t crc = 0;
  for (size_t i = 0; i < page.size(); ++i) {
    const uint8_t byte = i >= 22 && i < 26 ? 0 : page[i];
    for (int bit = 7; bit >= 0; --bit) {
      const bool top = (crc >> 31 & 1) != (byte >> bit & 1);
      crc = crc << 1 ^ (top ? 0x04c11db7u : 0);
    }
  }
  EXPECT_EQ(page[22] | page[23] << 8 | page[24] << 16 | uint32_t{page[25]} << 24, crc);
}

std::vector<Bytes> opusPackets() {
  std::vector<Bytes> packets;
  SeededRandom random(1);
  for (const size_t size : std::vector<size_t>{3, 254, 255, 256, 510, 1275, 60'000, 1}) {
    Bytes packet(size);
    random.fill(packet);
    packet[0] = 0xf8;  // CELT, 20 ms, one frame
    packets.push_back(packet);
  }
  for (int i = 0; i < 300; ++i) {
    Bytes packet(80 + random.below(40));
    random.fill(packet);
    packet[0] = 0xf8;
    packets.push_back(packet);
  }
  return packets;
}

Bytes opusFile(const std::vector<Bytes>& packets, const OpusHead& head = {}) {
  Bytes file;
  OggOpusWriter writer(head, 0x1234);
  EXPECT_TRUE(writer.begin(file));
  for (const Bytes& packet : packets) EXPECT_TRUE(writer.packet(packet, file));
  writer.finish(file);
  return file;
}

TEST(OggOpus, RoundTripInPiecesOfAnySize) {
  const auto packets = opusPackets();
  const Bytes file = opusFile(packets, {.channels = 2, .preSkip = 400, .inputSampleRate = 44'100, .outputGain = -256});
  for (const size_t step : {size_t{1}, size_t{1000}, size_t{1'000'000}}) {
    OggOpusReader reader;
    size_t count = 0;
    const auto result = readAll(reader, file, step, [&](const OggOpusPacket& packet) {
      ASSERT_LT(count, packets.size());
      EXPECT_EQ(packet.data, packets[count]);
      EXPECT_EQ(packet.samples, 960);
      EXPECT_EQ(packet.position, static_cast<int64_t>(count) * 960);
      ++count;
    });
    EXPECT_TRUE(result) << result.error().message;
    EXPECT_EQ(count, packets.size());
    EXPECT_EQ(*reader.head(), (OpusHead{2, 400, 44'100, -256}));
    EXPECT_EQ(reader.endPosition(), static_cast<int64_t>(packets.size()) * 960);
  }
}

std::string oggError(const Bytes& file) {
  OggOpusReader reader;
  const auto result = readAll(reader, file, 100, [](const OggOpusPacket&) {});
  return result ? "" : result.error().message;
}

Bytes onePage(std::string_view body, bool begin = true) {
  Bytes file;
  const auto size = static_cast<uint8_t>(body.size());
  writeOggPage({.begin = begin, .granule = 0, .serial = 1, .lacing = {&size, 1}, .body = asBytes(body)}, file);
  return file;
}

TEST(OggOpus, SaysWhatIsWrongAndWhere) {
  const Bytes file = opusFile({Bytes{0xf8, 1, 2}});
  EXPECT_EQ(oggError(file), "");
  Bytes bad = file;
  bad[0] = 'X';
  EXPECT_NE(oggError(bad).find("no Ogg page (\"OggS\") at byte 0"), std::string::npos);
  bad = file;
  bad[4] = 1;
  EXPECT_NE(oggError(bad).find("version 1"), std::string::npos);
  bad = file;
  bad[40] ^= 1;
  EXPECT_NE(oggError(bad).find("wrong checksum of the Ogg page at byte 0"), std::string::npos);
  bad = file;
  bad.pop_back();
  EXPECT_NE(oggError(bad).find("ends within the page"), std::string::npos);
  EXPECT_NE(oggError({}).find("no Opus stream"), std::string::npos);
  EXPECT_NE(oggError(onePage("OpusHead")).find("OpusHead of 8 bytes"), std::string::npos);
  const auto headError = [](const char (&head)[20]) { return oggError(onePage(std::string_view(head, 19))); };
  EXPECT_NE(headError("OpusHead\x01\x03\0\0\0\0\0\0\0\0\0").find("3 channels"), std::string::npos);
  EXPECT_NE(headError("OpusHead\x01\x02\0\0\0\0\0\0\0\0\x01").find("family 1"), std::string::npos);
  EXPECT_NE(headError("OpusHead\x11\x02\0\0\0\0\0\0\0\0\0").find("version 17"), std::string::npos);
  EXPECT_NE(oggError(onePage("whatever", false)).find("no Opus stream among"), std::string::npos);
  Bytes noTags = onePage(std::string_view("OpusHead\x01\x01\0\0\0\0\0\0\0\0\0", 19));
  EXPECT_NE(oggError(noTags).find("without \"OpusTags\""), std::string::npos);
}

TEST(OggOpus, NoticesAMissingPage) {
  Bytes file;
  OggOpusWriter writer({}, 1, 1);
  ASSERT_TRUE(writer.begin(file));
  Bytes gone;
  ASSERT_TRUE(writer.packet(Bytes{0xf8, 1}, file));
  ASSERT_TRUE(writer.packet(Bytes{0xf8, 2}, gone));
  ASSERT_TRUE(writer.packet(Bytes{0xf8, 3}, file));
  writer.finish(file);
  EXPECT_NE(oggError(file).find("Ogg page 3 where 2 should be"), std::string::npos);
}

TEST(OggOpus, PassesOverOtherStreams) {
  const Bytes opus = opusFile({Bytes{0xf8, 1, 2}, Bytes{0xf8, 3, 4}});
  Bytes file = onePage("\x01video");
  file.insert(file.end(), opus.begin(), opus.end());
  OggOpusReader reader;
  int count = 0;
  const auto result = readAll(reader, file, 10, [&](const OggOpusPacket&) { ++count; });
  EXPECT_TRUE(result) << result.error().message;
  EXPECT_EQ(count, 2);
}

TEST(OggOpus, ReadsPacketsThatGoOnOverPages) {
  Bytes file = opusFile({});
  file.resize(file.size() - 27);  // without the last page
  Bytes packet(600, 9);
  packet[0] = 0xf8;
  const uint8_t first[] = {255}, second[] = {255, 90};
  writeOggPage({.granule = -1, .serial = 0x1234, .sequence = 2, .lacing = first, .body = ByteView(packet).first(255)},
               file);
  writeOggPage({.continued = true, .end = true, .granule = 900, .serial = 0x1234, .sequence = 3, .lacing = second,
                .body = ByteView(packet).subspan(255)},
               file);
  OggOpusReader reader;
  int count = 0;
  const auto result = readAll(reader, file, 64, [&](const OggOpusPacket& read) {
    EXPECT_EQ(read.data, packet);
    ++count;
  });
  EXPECT_TRUE(result) << result.error().message;
  EXPECT_EQ(count, 1);
  EXPECT_EQ(reader.endPosition(), 900);  // RFC 7845 §4.4: the end is trimmed
}

TEST(OggOpus, LostPacketsLeaveTheirTime) {
  Bytes file;
  OggOpusWriter writer({}, 1);
  ASSERT_TRUE(writer.begin(file));
  ASSERT_TRUE(writer.packet(Bytes{0x78, 1, 2}, file));  // hybrid 20 ms
  ASSERT_TRUE(writer.lost(960 * 3, file));
  ASSERT_TRUE(writer.packet(Bytes{0x78, 1, 2}, file));
  EXPECT_FALSE(writer.lost(-1, file));
  writer.finish(file);
  EXPECT_EQ(writer.position(), 960 * 5);
  OggOpusReader reader;
  std::vector<size_t> sizes;
  ASSERT_TRUE(readAll(reader, file, 64, [&](const OggOpusPacket& packet) { sizes.push_back(packet.data.size()); }));
  EXPECT_EQ(sizes, (std::vector<size_t>{3, 1, 1, 1, 3}));
}

TEST(OggOpus, WriterRefusesWhatItCannotSay) {
  Bytes out;
  EXPECT_FALSE(OggOpusWriter({.channels = 3}, 1).begin(out));
  EXPECT_FALSE(OggOpusWriter({.preSkip = -1}, 1).begin(out));
  OggOpusWriter writer({}, 1);
  EXPECT_FALSE(writer.packet({}, out));
  EXPECT_FALSE(writer.packet(Bytes(70'000, 0xf8), out));
  EXPECT_TRUE(out.empty());
}

TEST(FileIo, WritesRewritesAndReads) {
  const auto path = (std::filesystem::path(::testing::TempDir()) / "peerage_file_io_test.ivf").string();
  {
    auto writer = FileWriter::open(path);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->write(ivfFile(3)));
    Bytes header;
    ASSERT_TRUE(writeIvfHeader({.width = 16, .height = 16, .frames = 3}, header));
    ASSERT_TRUE(writer->rewriteStart(header));
    Bytes more;
    ASSERT_TRUE(writeIvfFrame(Bytes{1}, 5, more));
    ASSERT_TRUE(writer->write(more));
    ASSERT_TRUE(writer->close());
    EXPECT_FALSE(writer->write(more));
  }
  auto file = FileReader::open(path);
  ASSERT_TRUE(file);
  for (int round = 0; round < 2; ++round, file->rewind()) {
    IvfReader reader;
    Bytes piece;
    size_t frames = 0;
    while (file->read(piece, 10) && !piece.empty()) {
      reader.push(piece);
      while (auto frame = reader.next()) {
        if (!*frame) break;
        ++frames;
      }
    }
    EXPECT_TRUE(reader.finish());
    EXPECT_EQ(frames, 4u);
    EXPECT_EQ(reader.header()->width, 16);
  }
  std::remove(path.c_str());
}

TEST(FileIo, ErrorsNameThePath) {
  const auto missing = FileReader::open("/nonexistent/file.ivf");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("/nonexistent/file.ivf"), std::string::npos);
  EXPECT_NE(missing.error().message.find("No such file"), std::string::npos);
  EXPECT_FALSE(FileWriter::open("/nonexistent/file.ivf"));
}

}  // namespace
}  // namespace peerage::media
