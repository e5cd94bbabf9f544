// One SSRC of ours: its numbers, its header, its statistics and its retransmission buffer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/random.hpp"
#include "jsep/types.hpp"
#include "rtp/packet.hpp"
#include "rtp/retransmission_buffer.hpp"
#include "rtp/statistics.hpp"

namespace peerage::engine {

/// What a packet on its way out is.
enum class Sending : uint8_t {
  first,           ///< a packet of the stream, in the clear
  retransmission,  ///< in the clear, on the stream's RTX SSRC (RFC 4588)
  repetition,      ///< an earlier packet as SRTP has made it, where there is no RTX
};

class OutgoingStream {
 public:
  OutgoingStream(rtp::Ssrc ssrc, jsep::MediaKind kind, uint32_t clockRate, RandomSource& random)
      : ssrc_(ssrc),
        kind_(kind),
        clockRate_(clockRate),
        // RFC 3550 §5.1: both SHOULD be random. A low first sequence number leaves SRTP's rollover counter certain for
        // a peer that misses the first packets (RFC 3711 §3.3.1).
        sequence_(static_cast<uint16_t>(random.below(0x8000))),
        rtxSequence_(static_cast<uint16_t>(random.below(0x8000))),
        timestampBase_(random.u32()) {}

  rtp::Ssrc ssrc() const { return ssrc_; }
  jsep::MediaKind kind() const { return kind_; }
  uint32_t clockRate() const { return clockRate_; }

  std::string mid;
  std::string cname;
  rtp::ExtensionMap extensions;
  bool transportFeedback = false;  ///< number the packets for transport-wide feedback
  /// A stream for what is sent again (RFC 4588 §4): an SSRC and numbers of its own.
  struct Rtx {
    rtp::Ssrc ssrc;
    uint8_t payloadType = 0;
    friend bool operator==(const Rtx&, const Rtx&) = default;
  };
  /// What was negotiated of NACK and RTX. Without RTX the very packet is repeated: protected, since the same packet cannot
  /// go through SRTP twice.
  void configureRetransmission(bool nack, std::optional<Rtx> rtx);
  /// Does a packet that leaves have to be kept as SRTP makes it?
  bool keepsProtected() const { return nack_ && !rtx_; }

  /// The RTP timestamp of a moment on the loop's time line.
  uint32_t timestampAt(Timestamp t) const {
    const int64_t nanos = t.time_since_epoch().count();
    const int64_t whole = nanos / 1'000'000'000 * clockRate_;
    return timestampBase_ + static_cast<uint32_t>(whole + nanos % 1'000'000'000 * clockRate_ / 1'000'000'000);
  }
  /// SR's timestamp for now: that of the clock, or of the samples where a sender counts those.
  uint32_t reportTimestamp(Timestamp now) const {
    if (!lastSent_) return timestampAt(now);
    const double since = seconds(now - *lastSent_) * clockRate_;
    return lastTimestamp_ + static_cast<uint32_t>(static_cast<int64_t>(since));
  }

  /// Writes the header of the next packet into `out`; append the payload. `important`: say the MID even when the peer
  /// has reported on the stream (RFC 9143 §15: "until … received").
  void beginPacket(uint8_t payloadType, bool marker, uint32_t timestamp, bool important,
                   std::optional<rtp::AudioLevel> level, Bytes& out);
  /// A frame with this timestamp was captured at `captured`.
  void noteTimestamp(Timestamp captured, uint32_t timestamp) {
    lastSent_ = captured;
    lastTimestamp_ = timestamp;
  }
  /// The packet leaves now: stamps it, counts it, keeps it for RTX.
  void onSend(Timestamp now, Bytes& packet, std::optional<uint16_t> transportSequence);
  /// A packet that left, as SRTP made it, `overhead` bytes longer than it was.
  void keepProtected(Timestamp now, ByteView packet, size_t overhead);
  /// What answers a NACK for a packet, into `out`; nullopt when that is not to be had, or was sent a moment ago.
  std::optional<Sending> beginResend(Timestamp now, uint16_t sequence, Bytes& out);
  /// A packet of RTX leaves now.
  void onRetransmission(Timestamp now, Bytes& packet, std::optional<uint16_t> transportSequence);
  /// A repeated packet leaves now.
  void onRepetition(ByteView packet);
  /// The keys of its transport are gone: what they have protected is worth nothing any more.
  void forgetProtected();
  void onReportBlock(Timestamp now, const rtp::ReportBlock& block);
  /// Has the peer said that it sees the stream?
  bool acknowledged() const { return statistics.remote().has_value(); }
  /// Packets have left at all: worth a sender report, and a BYE.
  bool started() const { return statistics.packets() > 0; }

  rtp::SendStatistics statistics;
  rtp::RetransmissionBuffer retransmissions;
  uint64_t retransmittedPackets = 0;
  uint64_t retransmittedBytes = 0;
  uint64_t nackCount = 0;
  uint64_t pliCount = 0;
  uint64_t firCount = 0;
  std::optional<uint8_t> lastFir;  ///< command number (RFC 5104 §4.3.1.1)
  Duration sendDelay{0};

 private:
  rtp::Ssrc ssrc_;
  jsep::MediaKind kind_;
  uint32_t clockRate_;
  void stamp(Timestamp now, Bytes& packet, std::optional<uint16_t> transportSequence) const;
  void beginRetransmission(const rtp::PacketView& original, Bytes& out);

  bool nack_ = false;
  std::optional<Rtx> rtx_;
  size_t protectionOverhead_ = 0;
  uint16_t sequence_;
  uint16_t rtxSequence_;
  uint32_t timestampBase_;
  std::optional<Timestamp> lastSent_;
  uint32_t lastTimestamp_ = 0;
};

}  // namespace peerage::engine
