// From DATA chunks in any order to whole messages in the order of their streams (RFC 9260 §6.5, §6.6, §6.9).
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <span>
#include <unordered_map>

#include "base/bytes.hpp"
#include "sctp/association.hpp"
#include "sctp/packet/chunks.hpp"
#include "sctp/types.hpp"

namespace peerage::sctp {

/// Fragments are joined into runs as they come: a run keeps its bytes in segments, two runs that meet link their
/// segments, and only a whole message that arrived out of order is copied once more. No step costs more than its
/// fragment's bytes and the logarithm of the number of runs.
class Reassembly {
 public:
  /// Messages above `maxMessageSize` (0: none) are discarded while they come. Events go to `out`.
  Reassembly(size_t maxMessageSize, std::deque<Event>& out) : maxMessageSize_(maxMessageSize), out_(&out) {}

  /// A chunk whose TSN has not come before, with a payload; `cumulative` is the cumulative TSN before it. A fragment
  /// whose message was given up by FORWARD TSN is discarded. False: it contradicts its neighbours (§6.9: fragments of a
  /// message have one stream, one SSN and consecutive TSNs).
  [[nodiscard]] bool add(TsnValue tsn, TsnValue cumulative, const DataChunk& chunk);
  /// FORWARD TSN (RFC 3758 §3.6): what is incomplete up to `cumulative` is dropped, the streams named go on after the
  /// SSNs named.
  void forward(TsnValue cumulative, const ForwardTsnChunk& chunk);
  /// The peer's streams start again at SSN 0 (RFC 6525 §5.2.2); an empty list means all of them.
  void resetStreams(std::span<const StreamId> streams);

  /// Bytes held that count against the receive window. The message that is being received at the cumulative TSN
  /// does not: it is bounded by the message size, and counting it would deadlock a message larger than the window.
  size_t windowBytes(TsnValue cumulative) const;
  /// The same with what each piece costs beyond its payload.
  size_t memory(TsnValue cumulative) const {
    return windowBytes(cumulative) + kPieceOverhead * (runs_.size() + pendingCount_);
  }

 private:
  static constexpr size_t kPieceOverhead = 192;  ///< a map node, a list node and a vector

  struct Run {
    TsnValue last = 0;
    bool begin = false;
    bool end = false;
    bool unordered = false;
    bool oversized = false;
    StreamId stream;
    uint16_t ssn = 0;
    Ppid ppid;
    size_t size = 0;    ///< of the message so far
    size_t stored = 0;  ///< of the segments: 0 when oversized
    std::list<Bytes> segments;
  };
  using Runs = std::map<TsnValue, Run>;  ///< by first TSN
  struct Pending {
    Ppid ppid;
    bool oversized = false;
    Bytes data;
  };
  struct Stream {
    int64_t nextSsn = 0;                 ///< unwrapped
    std::map<int64_t, Pending> waiting;  ///< whole messages that others must precede
    int64_t unwrap(uint16_t ssn) const {
      return nextSsn + static_cast<int16_t>(static_cast<uint16_t>(ssn - static_cast<uint16_t>(nextSsn)));
    }
  };

  Runs::iterator runBefore(TsnValue tsn);
  void dropHeadless(TsnValue tsn);
  void store(Runs::iterator run, ByteView payload, bool atFront);
  void checkSize(Run& run);
  void complete(Run& run);
  void deliver(StreamId stream, uint16_t ssn, bool unordered, Pending message);
  void emit(StreamId stream, bool unordered, Pending message);
  void drain(StreamId id, Stream& stream);
  static bool sameMessage(const Run& run, const DataChunk& chunk);

  size_t maxMessageSize_;
  std::deque<Event>* out_;
  Runs runs_;
  std::unordered_map<StreamId, Stream> streams_;
  size_t bytes_ = 0;  ///< in runs and waiting messages
  size_t pendingCount_ = 0;
};

}  // namespace peerage::sctp
