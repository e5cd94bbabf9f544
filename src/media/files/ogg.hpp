// Ogg pages (RFC 3533 §6).
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace peerage::media {

struct OggPage {
  bool continued = false;  ///< the first segments continue a packet of the page before
  bool begin = false;      ///< first page of its logical stream
  bool end = false;        ///< last page of its logical stream
  int64_t granule = -1;    ///< -1: no packet ends on this page
  uint32_t serial = 0;
  uint32_t sequence = 0;
  ByteView lacing;  ///< segment sizes; a packet ends with each that is under 255
  ByteView body;
  uint64_t offset = 0;  ///< in the file, when read
};

/// A page of 255 segments of 255 bytes.
inline constexpr size_t kMaxOggPage = 27 + 255 + 255 * 255;

/// The checksum of RFC 3533 §6, field 7, over a page whose checksum field is 0.
uint32_t oggChecksum(ByteView page);

/// Appends a page. `page.lacing` has at most 255 segments, which add up to `page.body`.
void writeOggPage(const OggPage& page, Bytes& out);

/// Cuts a file into pages as its bytes come. After an error every call returns it again.
class OggPageReader {
 public:
  void push(ByteView bytes);
  /// nullopt: push() more, or the end. The views in the page hold until the next push().
  Result<std::optional<OggPage>> next();
  /// To be called at the end of the file: an error when it ends within a page.
  Result<> finish() const;

 private:
  std::unexpected<Error> fail(std::string message);

  Bytes buffer_;
  size_t start_ = 0;
  uint64_t offset_ = 0;  ///< in the file, of buffer_[start_]
  std::optional<Error> error_;
};

}  // namespace peerage::media
