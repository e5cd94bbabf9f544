// RTCP: compound packets (RFC 3550 §6.1) or reduced-size ones (RFC 5506), read in place and written into a reused
// buffer.
//
//    |V=2|P| RC/FMT  |   PT          |       length (words - 1)      |
//    |                     SSRC of packet sender                     |
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"
#include "rtp/types.hpp"

namespace peerage::rtp {

/// RFC 3550 §12.1, RFC 4585 §6.1.
enum class RtcpType : uint8_t {
  sender_report = 200,
  receiver_report = 201,
  source_description = 202,
  bye = 203,
  application = 204,
  transport_feedback = 205,
  payload_feedback = 206,
};
inline constexpr uint8_t kFmtNack = 1;              ///< RTPFB, RFC 4585 §6.2.1
inline constexpr uint8_t kFmtTransportWide = 15;    ///< RTPFB, draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1
inline constexpr uint8_t kFmtPictureLoss = 1;       ///< PSFB, RFC 4585 §6.3.1
inline constexpr uint8_t kFmtFullIntraRequest = 4;  ///< PSFB, RFC 5104 §4.3.1
inline constexpr uint8_t kFmtApplicationLayer = 15; ///< PSFB, RFC 4585 §6.4: REMB among others

/// RFC 3550 §6.4.1.
struct ReportBlock {
  static constexpr size_t kSize = 24;
  Ssrc ssrc;                   ///< the stream reported on
  uint8_t fractionLost = 0;    ///< of 256, since the report before
  int32_t cumulativeLost = 0;  ///< 24 bits, signed: duplicates may make it negative
  uint32_t extendedHighestSequence = 0;
  uint32_t jitter = 0;              ///< timestamp units
  uint32_t lastSenderReport = 0;    ///< LSR; 0: none yet
  uint32_t delaySinceLastReport = 0;  ///< DLSR, 1/65536 s
  friend bool operator==(const ReportBlock&, const ReportBlock&) = default;
};

/// Report blocks in place.
class ReportBlocks {
 public:
  ReportBlocks() = default;
  explicit ReportBlocks(ByteView data) : data_(data) {}
  size_t size() const { return data_.size() / ReportBlock::kSize; }
  ReportBlock operator[](size_t index) const;

 private:
  ByteView data_;
};

/// What an SR says of its sender (RFC 3550 §6.4.1).
struct SenderInfo {
  uint64_t ntp = 0;
  uint32_t rtpTimestamp = 0;
  uint32_t packetCount = 0;
  uint32_t octetCount = 0;
  friend bool operator==(const SenderInfo&, const SenderInfo&) = default;
};

struct SenderReport {
  Ssrc sender;
  SenderInfo info;
  ReportBlocks blocks;
};
struct ReceiverReport {
  Ssrc sender;
  ReportBlocks blocks;
};
/// The CNAME or MID of a source; an SDES packet yields one for each chunk that has either.
struct SourceDescription {
  Ssrc source;
  std::string_view cname;
  std::string_view mid;  ///< RFC 9143 §15.1, item 15
};
struct Bye {
  ByteView sources;  ///< 4 bytes each
  std::string_view reason;
  size_t size() const { return sources.size() / 4; }
  Ssrc operator[](size_t index) const { return Ssrc{loadU32(sources.data() + 4 * index)}; }
};
/// RFC 4585 §6.2.1. An entry is a sequence number and a bit mask of the sixteen that follow.
struct Nack {
  Ssrc sender;
  Ssrc media;
  ByteView entries;  ///< 4 bytes each
  /// Calls f(uint16_t) for each sequence number, in the packet's order.
  template <typename F>
  void forEach(F&& f) const {
    for (size_t at = 0; at + 4 <= entries.size(); at += 4) {
      const uint16_t first = loadU16(entries.data() + at);
      f(first);
      for (uint16_t mask = loadU16(entries.data() + at + 2), i = 1; mask != 0; mask >>= 1, ++i) {
        if (mask & 1) f(static_cast<uint16_t>(first + i));
      }
    }
  }
};
/// Transport-wide feedback; parseTransportFeedback() reads the body (rtp/transport_feedback.hpp).
struct TransportFeedbackPacket {
  Ssrc sender;
  Ssrc media;
  ByteView body;  ///< from the base sequence number on
};
struct PictureLossIndication {
  Ssrc sender;
  Ssrc media;
};
/// RFC 5104 §4.3.1; one for each entry.
struct FullIntraRequest {
  Ssrc sender;
  Ssrc media;
  uint8_t commandNumber = 0;
};
/// Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03 §2.2).
struct Remb {
  Ssrc sender;
  uint64_t bitrate = 0;  ///< bit/s
  ByteView sources;      ///< 4 bytes each
};

using RtcpPacket = std::variant<SenderReport, ReceiverReport, SourceDescription, Bye, Nack, TransportFeedbackPacket,
                                PictureLossIndication, FullIntraRequest, Remb>;

/// Walks the packets of a compound. SDES chunks and FIR entries come one by one. A packet of an unknown type is
/// skipped, a malformed one too; a wrong length ends the walk.
class RtcpReader {
 public:
  explicit RtcpReader(ByteView compound) : rest_(compound) {}
  std::optional<RtcpPacket> next();
  size_t unknown() const { return unknown_; }
  size_t malformed() const { return malformed_; }

 private:
  std::optional<RtcpPacket> nextChunk();
  std::optional<RtcpPacket> parse(uint8_t count, uint8_t type, ByteView body);
  std::optional<RtcpPacket> bad();

  ByteView rest_;
  ByteView chunks_;  ///< what is left of the SDES or FIR packet being walked
  size_t chunksLeft_ = 0;
  bool walkingFir_ = false;
  Ssrc firSender_;
  size_t unknown_ = 0;
  size_t malformed_ = 0;
};

/// Appends RTCP packets to a buffer. The caller keeps to the order of RFC 3550 §6.1: a report, SDES, then the rest, BYE
/// last.
class RtcpWriter {
 public:
  explicit RtcpWriter(Bytes& out) : out_(out) {}

  /// At most 31 blocks go into one packet; more follow in RR packets.
  void senderReport(Ssrc sender, const SenderInfo& info, std::span<const ReportBlock> blocks);
  void receiverReport(Ssrc sender, std::span<const ReportBlock> blocks);
  /// SDES with one CNAME of at most 255 bytes.
  void cname(Ssrc source, std::string_view cname);
  /// At most 31 sources.
  void bye(std::span<const Ssrc> sources, std::string_view reason = {});
  /// `sequences` in ascending order (modulo 2^16); at most kMaxNackEntries entries of 17 are written. Nothing when
  /// empty.
  void nack(Ssrc sender, Ssrc media, std::span<const uint16_t> sequences);
  void pictureLoss(Ssrc sender, Ssrc media);
  void fullIntraRequest(Ssrc sender, Ssrc media, uint8_t commandNumber);
  /// `body` as buildTransportFeedback() makes it, a multiple of 4 bytes.
  void transportFeedback(Ssrc sender, Ssrc media, ByteView body);
  void remb(Ssrc sender, uint64_t bitrate, std::span<const Ssrc> sources);

  static constexpr size_t kMaxNackEntries = 250;

 private:
  size_t begin(uint8_t count, RtcpType type);
  void end(size_t start);
  void block(const ReportBlock& block);

  Bytes& out_;
};

}  // namespace peerage::rtp
