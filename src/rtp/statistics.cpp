#include "rtp/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace peerage::rtp {

namespace {

// RFC 3550 A.1.
constexpr int64_t kMaxDropout = 3000;
constexpr int64_t kMaxMisorder = 1000;  // the RFC has 100; retransmissions may come later than that

}  // namespace

void ReceiveStatistics::restart(uint16_t sequence) {
  sequences_ = {};
  base_ = highest_ = sequences_.unwrap(sequence);
  received_ = 0;
  reportedExpected_ = 0;
  reportedReceived_ = 0;
  suspectNext_.reset();
  jitterArrival_.reset();
  started_ = true;
}

ReceiveStatistics::Place ReceiveStatistics::onPacket(Timestamp now, const PacketView& packet, bool retransmitted) {
  Place place;
  if (!started_) {
    restart(packet.sequenceNumber);
    place = {Order::first, highest_};
  } else {
    const int64_t sequence = sequences_.peek(packet.sequenceNumber);
    const int64_t step = sequence - highest_;
    if (step > kMaxDropout || step < -kMaxMisorder) {
      if (suspectNext_ != packet.sequenceNumber) {
        suspectNext_ = static_cast<uint16_t>(packet.sequenceNumber + 1);
        return {Order::suspect, sequence};
      }
      restart(packet.sequenceNumber);
      place = {Order::restarted, highest_};
    } else if (step > 0) {
      sequences_.unwrap(packet.sequenceNumber);
      highest_ = sequence;
      place = {Order::next, sequence};
    } else {
      base_ = std::min(base_, sequence);
      place = {Order::old, sequence};
    }
  }
  ++packets_;
  ++received_;
  payloadBytes_ += packet.payload.size();
  headerBytes_ += packet.headerSize + packet.paddingSize;
  lastArrival_ = now;
  if (!retransmitted && place.order != Order::old) updateJitter(now, packet.timestamp);
  return place;
}

// RFC 3550 A.8: J += (|D| - J) / 16. Packets of one frame share a timestamp and were not sent at once, so of each frame
// only the first counts.
void ReceiveStatistics::updateJitter(Timestamp now, uint32_t timestamp) {
  if (jitterArrival_) {
    if (timestamp == jitterTimestamp_) return;
    const double arrived = seconds(now - *jitterArrival_) * clockRate_;
    const double sent = static_cast<int32_t>(timestamp - jitterTimestamp_);
    const double difference = std::abs(arrived - sent);
    // Five seconds off is another time line, not jitter.
    if (difference < 5.0 * clockRate_) jitter_ += (difference - jitter_) / 16;
  }
  jitterArrival_ = now;
  jitterTimestamp_ = timestamp;
}

void ReceiveStatistics::onSenderReport(Timestamp now, uint64_t ntp) {
  lastSenderReport_ = compactNtp(ntp);
  senderReportArrival_ = now;
}

ReportBlock ReceiveStatistics::report(Timestamp now, Ssrc ssrc) {
  ReportBlock block;
  block.ssrc = ssrc;
  // RFC 3550 A.3.
  const int64_t expectedInterval = expected() - reportedExpected_;
  const int64_t receivedInterval = static_cast<int64_t>(received_ - reportedReceived_);
  const int64_t lostInterval = expectedInterval - receivedInterval;
  if (expectedInterval > 0 && lostInterval > 0)
    block.fractionLost = static_cast<uint8_t>(std::min<int64_t>(255, lostInterval * 256 / expectedInterval));
  reportedExpected_ = expected();
  reportedReceived_ = received_;
  block.cumulativeLost = static_cast<int32_t>(std::clamp<int64_t>(packetsLost(), -0x800000, 0x7fffff));
  block.extendedHighestSequence = static_cast<uint32_t>(highest_);
  block.jitter = static_cast<uint32_t>(jitter_);
  block.lastSenderReport = lastSenderReport_;
  if (lastSenderReport_ != 0) block.delaySinceLastReport = toCompactNtp(now - senderReportArrival_);
  return block;
}

Duration ReceiveStatistics::jitter() const { return fromSeconds(jitter_ / clockRate_); }

SenderInfo SendStatistics::senderInfo(Timestamp now, uint32_t rtpTimestamp) const {
  return {ntpTime(now), rtpTimestamp, static_cast<uint32_t>(packets_), static_cast<uint32_t>(payloadBytes_)};
}

void SendStatistics::onReportBlock(Timestamp now, const ReportBlock& block, uint32_t clockRate) {
  if (!remote_) remote_ = Remote{};
  Remote& remote = *remote_;
  remote.received = now;
  remote.packetsLost = block.cumulativeLost;
  remote.fractionLost = block.fractionLost / 256.0;
  remote.jitter = clockRate > 0 ? fromSeconds(static_cast<double>(block.jitter) / clockRate) : Duration{0};
  const int64_t arrived = static_cast<int64_t>(packets_) - block.cumulativeLost;
  remote.packetsReceived = arrived > 0 ? static_cast<uint64_t>(arrived) : 0;
  if (const auto rtt = rtp::roundTripTime(now, block)) {
    remote.roundTripTime = rtt;
    remote.totalRoundTripTime += *rtt;
    ++remote.roundTripTimeMeasurements;
  }
}

std::optional<Duration> roundTripTime(Timestamp now, const ReportBlock& block) {
  if (block.lastSenderReport == 0) return std::nullopt;
  const uint32_t units = compactNtp(now) - block.lastSenderReport - block.delaySinceLastReport;
  // The clocks of DLSR and ours may differ by a tick: slightly negative is zero.
  if (units > 0xffffff00) return Duration{0};
  const Duration rtt = fromCompactNtp(units);
  if (rtt > 60s) return std::nullopt;
  return rtt;
}

}  // namespace peerage::rtp
