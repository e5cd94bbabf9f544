// What RTCP reports are made of: reception of one stream (RFC 3550 A.1, A.3, A.8), sending of one, and the round trip.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "base/unwrap.hpp"
#include "rtp/packet.hpp"
#include "rtp/rtcp.hpp"

namespace peerage::rtp {

/// Reception of one SSRC.
class ReceiveStatistics {
 public:
  explicit ReceiveStatistics(uint32_t clockRate) : clockRate_(clockRate) {}

  /// How a packet's sequence number relates to those before.
  enum class Order : uint8_t {
    first,
    next,       ///< the highest so far
    old,        ///< behind it: reordered, retransmitted or doubled
    restarted,  ///< the sender began anew: two in a row far away from the others (RFC 3550 A.1)
    suspect,    ///< far away from all others; not counted, and not to be believed
  };
  struct Place {
    Order order = Order::first;
    int64_t sequence = 0;  ///< unwrapped; meaningless when suspect
  };
  /// Counts a packet and unwraps its number. `retransmitted` packets do not count for jitter.
  Place onPacket(Timestamp now, const PacketView& packet, bool retransmitted = false);
  /// The latest SR of the source: what LSR and DLSR are taken from.
  void onSenderReport(Timestamp now, uint64_t ntp);

  /// A block for the next report; its interval for the fraction lost begins anew.
  ReportBlock report(Timestamp now, Ssrc ssrc);

  uint64_t packets() const { return packets_; }
  uint64_t payloadBytes() const { return payloadBytes_; }
  uint64_t headerBytes() const { return headerBytes_; }  ///< headers and padding
  int64_t packetsLost() const { return expected() - static_cast<int64_t>(received_); }
  Duration jitter() const;
  std::optional<Timestamp> lastArrival() const { return lastArrival_; }
  /// What onPacket() would make of a number now, counting nothing: for packets that came by another way (RTX).
  int64_t unwrapped(uint16_t sequence) const { return sequences_.peek(sequence); }
  std::optional<int64_t> highestSequence() const {
    return started_ ? std::optional(highest_) : std::nullopt;
  }

 private:
  int64_t expected() const { return started_ ? highest_ - base_ + 1 : 0; }
  void restart(uint16_t sequence);
  void updateJitter(Timestamp now, uint32_t timestamp);

  uint32_t clockRate_;
  bool started_ = false;
  Unwrapper<uint16_t> sequences_;
  int64_t base_ = 0;     ///< unwrapped
  int64_t highest_ = 0;  ///< unwrapped
  std::optional<uint16_t> suspectNext_;
  uint64_t packets_ = 0;
  uint64_t received_ = 0;  ///< since base_
  uint64_t payloadBytes_ = 0;
  uint64_t headerBytes_ = 0;
  int64_t reportedExpected_ = 0;
  uint64_t reportedReceived_ = 0;
  std::optional<Timestamp> lastArrival_;
  std::optional<Timestamp> jitterArrival_;
  uint32_t jitterTimestamp_ = 0;
  double jitter_ = 0;  ///< timestamp units
  uint32_t lastSenderReport_ = 0;
  Timestamp senderReportArrival_{};
};

/// Sending of one SSRC, and what its receiver reports.
class SendStatistics {
 public:
  void onPacket(size_t payloadBytes, size_t headerBytes) {
    ++packets_;
    payloadBytes_ += payloadBytes;
    headerBytes_ += headerBytes;
  }
  /// The SR's share: `rtpTimestamp` is that of `now`.
  SenderInfo senderInfo(Timestamp now, uint32_t rtpTimestamp) const;
  /// A block of SR or RR about this stream. `clockRate` turns its jitter into time.
  void onReportBlock(Timestamp now, const ReportBlock& block, uint32_t clockRate);

  uint64_t packets() const { return packets_; }
  uint64_t payloadBytes() const { return payloadBytes_; }
  uint64_t headerBytes() const { return headerBytes_; }

  /// RTCRemoteInboundRtpStreamStats.
  struct Remote {
    Timestamp received{};
    int64_t packetsLost = 0;
    double fractionLost = 0;  ///< 0 to 1
    Duration jitter{0};
    uint64_t packetsReceived = 0;            ///< what of ours arrived
    std::optional<Duration> roundTripTime;   ///< the latest
    Duration totalRoundTripTime{0};
    uint64_t roundTripTimeMeasurements = 0;
  };
  const std::optional<Remote>& remote() const { return remote_; }

 private:
  uint64_t packets_ = 0;
  uint64_t payloadBytes_ = 0;
  uint64_t headerBytes_ = 0;
  std::optional<Remote> remote_;
};

/// RFC 3550 §6.4.1: A - LSR - DLSR. nullopt when the block has no LSR, or its times make no sense (negative, over a
/// minute).
std::optional<Duration> roundTripTime(Timestamp now, const ReportBlock& block);

}  // namespace peerage::rtp
