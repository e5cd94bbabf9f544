#include "media/files/ogg.hpp"

#include <array>
#include <numeric>
#include <utility>

#include "media/files/little_endian.hpp"

namespace peerage::media {

namespace {

constexpr size_t kHeaderBytes = 27;
constexpr size_t kChecksumAt = 22;
constexpr std::string_view kCapture = "OggS";
constexpr uint8_t kContinued = 1, kBegin = 2, kEnd = 4;

constexpr std::array<uint32_t, 256> kCrcTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i << 24;
    for (int bit = 0; bit < 8; ++bit) value = value & 0x80000000u ? value << 1 ^ 0x04c11db7u : value << 1;
    table[i] = value;
  }
  return table;
}();

uint32_t crcOver(uint32_t crc, ByteView bytes) {
  for (const uint8_t byte : bytes) crc = crc << 8 ^ kCrcTable[(crc >> 24) ^ byte];
  return crc;
}

}  // namespace

uint32_t oggChecksum(ByteView page) { return crcOver(0, page); }

void writeOggPage(const OggPage& page, Bytes& out) {
  const size_t start = out.size();
  const ByteView capture = asBytes(kCapture);
  out.insert(out.end(), capture.begin(), capture.end());
  out.push_back(0);
  out.push_back(static_cast<uint8_t>((page.continued ? kContinued : 0) | (page.begin ? kBegin : 0) |
                                     (page.end ? kEnd : 0)));
  appendLittle(out, page.granule);
  appendLittle(out, page.serial);
  appendLittle(out, page.sequence);
  appendLittle<uint32_t>(out, 0);
  out.push_back(static_cast<uint8_t>(page.lacing.size()));
  out.insert(out.end(), page.lacing.begin(), page.lacing.end());
  out.insert(out.end(), page.body.begin(), page.body.end());
  const uint32_t crc = oggChecksum(ByteView(out).subspan(start));
  for (size_t i = 0; i < 4; ++i) out[start + kChecksumAt + i] = static_cast<uint8_t>(crc >> (8 * i));
}

void OggPageReader::push(ByteView bytes) {
  if (error_) return;
  if (start_ > 0) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(start_));
    start_ = 0;
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

std::unexpected<Error> OggPageReader::fail(std::string message) {
  error_ = Error{std::move(message) + " at byte " + std::to_string(offset_)};
  return std::unexpected(*error_);
}

Result<std::optional<OggPage>> OggPageReader::next() {
  if (error_) return std::unexpected(*error_);
  const ByteView in = ByteView(buffer_).subspan(start_);
  if (in.size() >= 4 && asText(in.first(4)) != kCapture) return fail("no Ogg page (\"OggS\")");
  if (in.size() < kHeaderBytes) return std::nullopt;
  if (in[4] != 0) return fail("Ogg version " + std::to_string(in[4]) + " (only 0 is known) in the page");
  const size_t segments = in[26];
  if (in.size() < kHeaderBytes + segments) return std::nullopt;
  const ByteView lacing = in.subspan(kHeaderBytes, segments);
  const size_t body = std::accumulate(lacing.begin(), lacing.end(), size_t{0});
  const size_t total = kHeaderBytes + segments + body;
  if (in.size() < total) return std::nullopt;
  constexpr uint8_t kNoChecksum[4] = {};
  uint32_t crc = crcOver(0, in.first(kChecksumAt));
  crc = crcOver(crc, kNoChecksum);
  crc = crcOver(crc, in.subspan(kChecksumAt + 4, total - kChecksumAt - 4));
  if (crc != loadLittle<uint32_t>(&in[kChecksumAt])) return fail("wrong checksum of the Ogg page");
  OggPage page;
  page.continued = in[5] & kContinued;
  page.begin = in[5] & kBegin;
  page.end = in[5] & kEnd;
  page.granule = loadLittle<int64_t>(&in[6]);
  page.serial = loadLittle<uint32_t>(&in[14]);
  page.sequence = loadLittle<uint32_t>(&in[18]);
  page.lacing = lacing;
  page.body = in.subspan(kHeaderBytes + segments, body);
  page.offset = offset_;
  start_ += total;
  offset_ += total;
  return page;
}

Result<> OggPageReader::finish() const {
  if (error_) return std::unexpected(*error_);
  if (start_ == buffer_.size()) return {};
  return failure("Ogg file ends within the page that begins at byte " + std::to_string(offset_));
}

}  // namespace peerage::media
