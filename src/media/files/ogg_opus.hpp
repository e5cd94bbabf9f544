// Ogg Opus files (RFC 7845): one logical stream of one or two channels (channel mapping family 0).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "media/files/ogg.hpp"

namespace peerage::media {

/// The identification header (RFC 7845 §5.1).
struct OpusHead {
  int channels = 1;                  ///< 1 or 2
  int preSkip = 312;                 ///< samples at 48 kHz that a player drops at the start; libopus looks 6.5 ms ahead
  uint32_t inputSampleRate = 48000;  ///< of the original, for information; 0 when unknown
  int outputGain = 0;                ///< dB in 1/256, to be applied when playing
  friend bool operator==(const OpusHead&, const OpusHead&) = default;
};

struct OggOpusPacket {
  Bytes data;
  int samples = 0;       ///< per channel at 48 kHz
  int64_t position = 0;  ///< of its first sample at 48 kHz; 0 is the first packet's, pre-skip included
};

/// Octets of one packet at most (RFC 7845 §6).
inline constexpr size_t kMaxOggOpusPacket = 61'440;

/// Reads a file as its bytes come: push() some, then next() until nullopt. Pages of other logical streams are passed
/// over. After an error every call returns it again.
class OggOpusReader {
 public:
  void push(ByteView bytes) { pages_.push(bytes); }
  /// nullopt: push() more, or the end. An error says what was found at which offset of the file.
  Result<std::optional<OggOpusPacket>> next();
  /// Known once next() has read it.
  const std::optional<OpusHead>& head() const { return head_; }
  /// Position after the last sample to be played (RFC 7845 §4.4), known at the end of the stream.
  std::optional<int64_t> endPosition() const { return endPosition_; }
  /// To be called at the end of the file: an error when it ends within a page, a packet, or before the headers are
  /// done.
  Result<> finish() const;

 private:
  enum class State : uint8_t { head, tags, audio, ended };
  Result<> readPage(const OggPage& page);
  Result<> readPacket(const OggPage& page);

  OggPageReader pages_;
  State state_ = State::head;
  std::optional<OpusHead> head_;
  std::optional<uint32_t> serial_;
  uint32_t nextPage_ = 0;
  Bytes partial_;
  bool inPacket_ = false;
  bool skipping_ = false;  ///< the rest of a packet whose begin is not there
  int64_t position_ = 0;
  std::optional<int64_t> endPosition_;
  std::deque<OggOpusPacket> packets_;
  std::optional<Error> error_;
};

/// Makes the pages of a file. The owner writes what is appended to `out`, in order.
class OggOpusWriter {
 public:
  /// `serial` tells logical streams of one file apart; any number will do. `packetsPerPage` is 1 to 255 (50: a second).
  OggOpusWriter(const OpusHead& head, uint32_t serial, int packetsPerPage = 50);

  /// Appends the two header pages. First, and once. Fails for a head out of range.
  Result<> begin(Bytes& out);
  /// Takes one Opus packet. Fails for what is no Opus packet, or too large.
  Result<> packet(ByteView data, Bytes& out);
  /// Stands in for `samples` per channel that never came: packets with an empty frame, which a player conceals (RFC
  /// 7845 §4.1). At most an hour. Rounded to whole frames of the last packet's length.
  Result<> lost(int64_t samples, Bytes& out);
  /// Appends the last page.
  void finish(Bytes& out);
  /// Samples per channel written so far.
  int64_t position() const { return position_; }

 private:
  void flush(bool end, Bytes& out);

  OpusHead head_;
  uint32_t serial_;
  size_t packetsPerPage_;
  uint32_t sequence_ = 0;
  int64_t position_ = 0;
  uint8_t lastToc_ = 0xf8;  ///< CELT fullband, 20 ms, one frame
  Bytes lacing_;
  Bytes body_;
  size_t held_ = 0;
};

}  // namespace peerage::media
