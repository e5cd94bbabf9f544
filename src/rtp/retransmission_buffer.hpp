// Packets sent, kept for a while to be sent again when a NACK asks (RFC 4588 §5's retransmission buffer).
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace peerage::rtp {

class RetransmissionBuffer {
 public:
  struct Config {
    size_t packets = 1024;     ///< kept at most; rounded up to a power of two, at most 32768
    Duration maxAge = 2s;      ///< of a packet that is still sent again
    Duration minSpacing = 20ms;  ///< between two sendings of one packet; or a round trip when that is longer
    size_t maxPacketSize = 1500; ///< larger packets are not kept
  };
  RetransmissionBuffer() : RetransmissionBuffer(Config{}) {}
  explicit RetransmissionBuffer(const Config& config);

  /// Copies an RTP packet, in the clear, as it was sent; the room of the packet it replaces is reused.
  void store(Timestamp now, uint16_t sequence, ByteView packet);
  /// The packet to send again, and counts it as sent again; nullptr when it is gone, too old, or was sent just now.
  const Bytes* take(Timestamp now, uint16_t sequence);
  void setRoundTripTime(Duration rtt) { roundTrip_ = rtt; }
  void clear();

 private:
  struct Slot {
    uint16_t sequence = 0;
    bool used = false;
    Timestamp stored{};
    Timestamp sent{};
    Bytes packet;
  };
  Config config_;
  std::vector<Slot> slots_;
  size_t capacity_;
  Duration roundTrip_{0};
};

}  // namespace peerage::rtp
