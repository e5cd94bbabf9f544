#include "media/files/ivf.hpp"

#include "media/files/little_endian.hpp"

namespace peerage::media {

namespace {

constexpr size_t kHeaderBytes = 32;
constexpr size_t kFrameHeaderBytes = 12;
constexpr size_t kMostHeaderBytes = 1024;  // a longer header than 32 bytes is allowed by its length field, and skipped
constexpr std::string_view kMagic = "DKIF";

std::string at(uint64_t offset) { return " at byte " + std::to_string(offset); }

}  // namespace

void IvfReader::push(ByteView bytes) {
  if (error_) return;
  if (start_ > 0) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(start_));
    start_ = 0;
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

void IvfReader::consume(size_t bytes) {
  start_ += bytes;
  offset_ += bytes;
}

Result<bool> IvfReader::readHeader() {
  const ByteView in = rest();
  if (in.size() >= 4 && asText(in.first(4)) != kMagic) return failure("no IVF file: it does not begin with \"DKIF\"");
  if (in.size() < kHeaderBytes) return false;
  const auto version = loadLittle<uint16_t>(&in[4]);
  if (version != 0) return failure("IVF version " + std::to_string(version) + at(4) + ", only 0 is known");
  const auto length = loadLittle<uint16_t>(&in[6]);
  if (length < kHeaderBytes || length > kMostHeaderBytes) {
    return failure("IVF header length " + std::to_string(length) + at(6) + ", outside 32 to 1024");
  }
  if (in.size() < length) return false;
  IvfHeader header;
  header.fourcc = asText(in.subspan(8, 4));
  header.width = loadLittle<uint16_t>(&in[12]);
  header.height = loadLittle<uint16_t>(&in[14]);
  header.timebaseDenominator = loadLittle<uint32_t>(&in[16]);
  header.timebaseNumerator = loadLittle<uint32_t>(&in[20]);
  header.frames = loadLittle<uint32_t>(&in[24]);
  if (header.timebaseDenominator == 0 || header.timebaseNumerator == 0) {
    return failure("IVF timebase " + std::to_string(header.timebaseNumerator) + "/" +
                   std::to_string(header.timebaseDenominator) + at(16));
  }
  header_ = std::move(header);
  consume(length);
  return true;
}

Result<std::optional<IvfFrame>> IvfReader::next() {
  if (error_) return std::unexpected(*error_);
  if (!header_) {
    const auto read = readHeader();
    if (!read) {
      error_ = read.error();
      return std::unexpected(*error_);
    }
    if (!*read) return std::nullopt;
  }
  const ByteView in = rest();
  if (in.size() < kFrameHeaderBytes) return std::nullopt;
  const auto size = loadLittle<uint32_t>(in.data());
  if (size == 0 || size > kMaxIvfFrame) {
    error_ = Error{"IVF frame of " + std::to_string(size) + " bytes" + at(offset_) + ", outside 1 to " +
                   std::to_string(kMaxIvfFrame)};
    return std::unexpected(*error_);
  }
  if (in.size() - kFrameHeaderBytes < size) return std::nullopt;
  IvfFrame frame;
  frame.timestamp = loadLittle<uint64_t>(&in[4]);
  const ByteView data = in.subspan(kFrameHeaderBytes, size);
  frame.data.assign(data.begin(), data.end());
  consume(kFrameHeaderBytes + size);
  return frame;
}

Result<> IvfReader::finish() const {
  if (error_) return std::unexpected(*error_);
  if (!header_) return failure("IVF file ends within its header" + at(offset_ + rest().size()));
  if (!rest().empty()) return failure("IVF file ends within the frame that begins" + at(offset_));
  return {};
}

Result<> writeIvfHeader(const IvfHeader& header, Bytes& out) {
  if (header.fourcc.size() != 4) return failure("IVF fourcc \"" + header.fourcc + "\" is not four characters");
  if (header.width < 0 || header.width > 65535 || header.height < 0 || header.height > 65535) {
    return failure("IVF picture of " + std::to_string(header.width) + "x" + std::to_string(header.height) +
                   ", each side is at most 65535");
  }
  if (header.timebaseDenominator == 0 || header.timebaseNumerator == 0) return failure("IVF timebase of 0");
  const ByteView magic = asBytes(kMagic), fourcc = asBytes(header.fourcc);
  out.insert(out.end(), magic.begin(), magic.end());
  appendLittle<uint16_t>(out, 0);
  appendLittle<uint16_t>(out, kHeaderBytes);
  out.insert(out.end(), fourcc.begin(), fourcc.end());
  appendLittle(out, static_cast<uint16_t>(header.width));
  appendLittle(out, static_cast<uint16_t>(header.height));
  appendLittle(out, header.timebaseDenominator);
  appendLittle(out, header.timebaseNumerator);
  appendLittle(out, header.frames);
  appendLittle<uint32_t>(out, 0);
  return {};
}

Result<> writeIvfFrame(ByteView frame, uint64_t timestamp, Bytes& out) {
  if (frame.empty() || frame.size() > kMaxIvfFrame) {
    return failure("IVF frame of " + std::to_string(frame.size()) + " bytes, outside 1 to " +
                   std::to_string(kMaxIvfFrame));
  }
  appendLittle(out, static_cast<uint32_t>(frame.size()));
  appendLittle(out, timestamp);
  out.insert(out.end(), frame.begin(), frame.end());
  return {};
}

}  // namespace peerage::media
