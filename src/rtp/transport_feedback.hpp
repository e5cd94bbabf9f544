// Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1): which of the
// packets of all streams of a transport arrived, and when.
//
//    |      base sequence number     |      packet status count      |
//    |                 reference time                | fb pkt. count |
//    |          packet chunk         |         packet chunk          |
//    |         packet chunk          |  recv delta   |  recv delta   |
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "base/unwrap.hpp"
#include "rtp/types.hpp"

namespace peerage::rtp {

/// Statuses in one feedback packet that are read or written.
inline constexpr size_t kMaxFeedbackStatuses = 8192;

/// One feedback packet, read. Reuse the object: its vector keeps its room.
struct TransportFeedback {
  struct Arrival {
    bool received = false;
    Duration time{0};  ///< since the reference clock's zero, in steps of 250 µs; wraps with it every 2^24 · 64 ms
  };
  uint16_t baseSequence = 0;
  uint8_t count = 0;              ///< fb pkt. count
  int32_t referenceTime = 0;      ///< 24 bits signed, 64 ms each
  std::vector<Arrival> arrivals;  ///< of baseSequence, baseSequence + 1, …
};

/// Reads the body of an RTPFB packet of format 15. All chunk kinds: run length, one-bit and two-bit vectors.
std::expected<void, ParseError> parseTransportFeedback(ByteView body, TransportFeedback& out);

/// What was recorded of one received packet.
struct PacketArrival {
  int64_t sequence = 0;
  Timestamp time{};
};
/// Writes a body for `arrivals` (ascending by sequence, not empty) into `out` (replaced), padded to 4 bytes. The
/// statuses begin at `base`, at or before the first arrival and less than kMaxFeedbackStatuses before it. Returns how
/// many of `arrivals` it covers: fewer than given when the packet would exceed `maxSize` bytes (at least 64), the
/// number of statuses its limit, or a delta between two arrivals what the format can say (±8.19 s).
size_t buildTransportFeedback(std::span<const PacketArrival> arrivals, int64_t base, uint8_t count, size_t maxSize,
                              Bytes& out);

/// Records the arrivals of one transport and says when feedback is due.
class TransportFeedbackReceiver {
 public:
  struct Config {
    Duration interval = 50ms;    ///< between feedback packets; the draft's 50 to 250 ms
    size_t maxPending = 2000;    ///< arrivals recorded before the oldest go
    size_t maxBodySize = 1000;   ///< bytes of one feedback packet's body
  };
  TransportFeedbackReceiver() : TransportFeedbackReceiver(Config{}) {}
  explicit TransportFeedbackReceiver(const Config& config) : config_(config) {}

  void onPacket(Timestamp now, uint16_t transportSequence);
  /// When feedback is due; nullopt with nothing to tell.
  std::optional<Timestamp> nextTimeout() const;
  /// The next feedback body into `out`; false when none is due. Call until false.
  bool build(Timestamp now, Bytes& out);

 private:
  Config config_;
  Unwrapper<uint16_t> sequences_;
  std::vector<PacketArrival> pending_;  ///< ascending by sequence
  std::optional<int64_t> lastReported_;
  std::optional<Timestamp> due_;
  uint8_t count_ = 0;
};

/// Remembers what was sent with transport-wide sequence numbers, and matches feedback with it: what bandwidth
/// estimation reads.
class TransportFeedbackHistory {
 public:
  /// One packet's fate as the newest feedback tells it.
  struct Result {
    int64_t sequence = 0;  ///< transport-wide, unwrapped
    Timestamp sent{};
    size_t size = 0;  ///< bytes as sent
    std::optional<Duration> arrival;  ///< on the receiver's clock, unwrapped; nullopt: reported as not received
  };
  /// The number for the next packet.
  uint16_t onSent(Timestamp now, size_t size);
  /// Results of packets not reported as received before, into `out` (replaced), ascending by sequence.
  void onFeedback(const TransportFeedback& feedback, std::vector<Result>& out);
  /// Bytes sent and not yet reported on, of packets still remembered.
  size_t bytesInFlight() const { return inFlight_; }

 private:
  struct Sent {
    int64_t sequence = -1;
    Timestamp time{};
    size_t size = 0;
    bool acknowledged = false;  ///< reported as received
    bool counted = false;       ///< in inFlight_
  };
  static constexpr size_t kHistory = 8192;  ///< packets: more than a second at 50 Mbit/s; a power of two

  int64_t next_ = 0;
  std::vector<Sent> sent_;
  Unwrapper<uint32_t> referenceTimes_;
  size_t inFlight_ = 0;
};

}  // namespace peerage::rtp
