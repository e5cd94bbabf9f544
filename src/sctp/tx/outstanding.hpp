// Chunks that were sent and are not yet cumulatively acknowledged: what is in flight, lost, acknowledged by gap blocks
// or given up (RFC 9260 §6.2.1, §7.2.4; RFC 3758 §3.5).
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "sctp/packet/chunks.hpp"
#include "sctp/ring.hpp"
#include "sctp/tsn_set.hpp"
#include "sctp/tx/message.hpp"
#include "sctp/tx/send_queue.hpp"

namespace peerage::sctp {

/// Each transmission, the first of a chunk and any later one, has a number of its own. A chunk is lost once three SACKs
/// have each acknowledged something that was transmitted after it: for first transmissions these are exactly the three
/// missing reports of RFC 9260 §7.2.4, and a retransmission that is lost again is found in the same way, where the
/// RFC would wait for T3-rtx. Finding lost chunks looks at each transmission once.
class Outstanding {
 public:
  static constexpr size_t kMissesToLose = 3;

  explicit Outstanding(uint32_t initialTsn)
      : base_(initialTsn), nextTsn_(initialTsn), advanced_(static_cast<TsnValue>(initialTsn) - 1) {}

  TsnValue nextTsn() const { return nextTsn_; }
  TsnValue cumulativeAck() const { return base_ - 1; }
  bool empty() const { return chunks_.empty(); }
  size_t chunkCount() const { return chunks_.size(); }
  size_t bytesInFlight() const { return inFlight_; }

  /// The peer takes FORWARD TSN: limits of messages apply.
  void setPartialReliability(bool on) { partialReliability_ = on; }

  /// A chunk goes out for the first time as nextTsn(); `fragment` came from SendQueue::take().
  DataChunk send(Timestamp now, const SendQueue::Fragment& fragment);
  /// The rest of `message` was dropped unsent: nextTsn() stands for its end, given up and never sent, so that a FORWARD
  /// TSN reaches beyond whatever of it the peer already has.
  void skip(const MessageRef& message);

  struct SackResult {
    bool valid = false;        ///< false: it acknowledges what was never sent; nothing was changed
    bool stale = false;        ///< older than one seen before; nothing was changed
    bool advanced = false;     ///< the cumulative TSN moved
    bool reneged = false;      ///< the peer dropped what it had acknowledged by gap blocks
    bool loss = false;         ///< chunks have become lost
    size_t ackedBytes = 0;     ///< newly acknowledged, by TSN or gap block
    TsnValue highestLost = 0;  ///< when `loss`
    std::optional<Duration> rtt;
  };
  SackResult handleSack(Timestamp now, const SackChunk& sack, std::optional<Duration> minimumRtt);
  /// T3-rtx: what is in flight counts as lost.
  void loseAll(Timestamp now);

  /// Size on the wire (header included, padded) of the lost chunk that is to be sent next; nullopt when there is none.
  std::optional<size_t> nextLostSize(Timestamp now);
  /// That chunk, once more.
  DataChunk resendNext(Timestamp now);

  /// How far FORWARD TSN may move the peer; above cumulativeAck() when messages were given up (RFC 3758 §3.5 C2).
  TsnValue advancedAckPoint();
  /// Appends a FORWARD TSN of at most `room` bytes; false when none fits.
  bool writeForwardTsn(Bytes& out, size_t room);

  /// Messages given up since the last call.
  std::vector<MessageRef> takeAbandoned() { return std::exchange(abandoned_, {}); }
  uint64_t retransmissions() const { return retransmissions_; }

 private:
  enum class ChunkState : uint8_t { in_flight, lost, acked, abandoned };
  struct Chunk {
    MessageRef message;
    uint32_t offset = 0;
    uint16_t size = 0;
    uint8_t flags = 0;
    ChunkState state = ChunkState::in_flight;
    uint16_t transmissions = 0;
    uint64_t transmission = 0;  ///< number of the latest one
    Timestamp sentAt{};
  };
  struct Progress;  // what one SACK has newly acknowledged

  Chunk& at(TsnValue tsn) { return chunks_[static_cast<size_t>(tsn - base_)]; }
  void acknowledge(Timestamp now, TsnValue tsn, Progress& progress);
  void renege();
  void detectLoss(Timestamp now, const Progress& progress, SackResult& result);
  void lose(Timestamp now, TsnValue tsn);
  bool mustAbandon(Timestamp now, const Chunk& chunk) const;
  void abandon(const MessageRef& message);
  DataChunk transmit(Timestamp now, TsnValue tsn);

  TsnValue base_;  ///< TSN of chunks_[0]
  TsnValue nextTsn_;
  TsnValue advanced_;
  Ring<Chunk> chunks_;
  TsnSet gapAcked_;
  std::deque<TsnValue> lost_;  ///< to be sent again, in order; may name chunks that are lost no more
  Ring<TsnValue> sent_;        ///< by transmission number, from firstSent_ on
  uint64_t firstSent_ = 0;
  uint64_t nextTransmission_ = 0;
  uint64_t nextRttSample_ = 0;  ///< one measurement a round trip (RFC 9260 §6.3.1 C4)
  /// The three highest numbers that a SACK each was the first to acknowledge, plus one, descending; 0 is none.
  uint64_t newest_[kMissesToLose] = {};
  size_t inFlight_ = 0;
  bool partialReliability_ = false;
  std::vector<MessageRef> abandoned_;
  uint64_t retransmissions_ = 0;
};

}  // namespace peerage::sctp
