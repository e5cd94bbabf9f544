// IVF: a 32-byte header, then frames with their size and time. What libvpx's tools read and write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace peerage::media {

struct IvfHeader {
  std::string fourcc = "VP80";  ///< four characters: VP80, VP90, AV01
  int width = 0;                ///< pixels, 0 to 65535
  int height = 0;
  uint32_t timebaseDenominator = 90'000;  ///< a timestamp counts numerator / denominator seconds
  uint32_t timebaseNumerator = 1;
  uint32_t frames = 0;  ///< as the header says, which a writer that was interrupted leaves at 0
  friend bool operator==(const IvfHeader&, const IvfHeader&) = default;
};

struct IvfFrame {
  Bytes data;
  uint64_t timestamp = 0;  ///< in units of the timebase
};

/// Largest frame that is read or written.
inline constexpr uint32_t kMaxIvfFrame = uint32_t{32} << 20;

/// Reads a file as its bytes come: push() some, then next() until nullopt. After an error every call returns it again.
class IvfReader {
 public:
  void push(ByteView bytes);
  /// nullopt: push() more, or the end. An error says what was found at which offset of the file.
  Result<std::optional<IvfFrame>> next();
  /// Known once next() has read it.
  const std::optional<IvfHeader>& header() const { return header_; }
  /// To be called at the end of the file: an error when it ends within its header or a frame.
  Result<> finish() const;

 private:
  Result<bool> readHeader();
  ByteView rest() const { return ByteView(buffer_).subspan(start_); }
  void consume(size_t bytes);

  Bytes buffer_;
  size_t start_ = 0;
  uint64_t offset_ = 0;  ///< in the file, of buffer_[start_]
  std::optional<IvfHeader> header_;
  std::optional<Error> error_;
};

/// Appends an IVF header. Fails for a fourcc that is not four characters, a size over 65535, or a timebase of 0.
Result<> writeIvfHeader(const IvfHeader& header, Bytes& out);
/// Appends one frame. Fails for an empty frame or one over kMaxIvfFrame.
Result<> writeIvfFrame(ByteView frame, uint64_t timestamp, Bytes& out);

}  // namespace peerage::media
