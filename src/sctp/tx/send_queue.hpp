// Messages that wait for their first transmission, a queue a stream, and which stream is next (RFC 8260 §3.6: weighted
// fair queueing by message, so that a short message does not wait for every long one).
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "sctp/association.hpp"
#include "sctp/tx/message.hpp"
#include "sctp/types.hpp"

namespace peerage::sctp {

class SendQueue {
 public:
  explicit SendQueue(std::deque<Event>& events) : events_(&events) {}
  ~SendQueue();
  SendQueue(const SendQueue&) = delete;
  SendQueue& operator=(const SendQueue&) = delete;

  void push(Timestamp now, StreamId stream, Ppid ppid, Bytes data, const SendOptions& options);

  /// A piece of a message, to become a DATA chunk.
  struct Fragment {
    MessageRef message;
    size_t offset = 0;
    size_t size = 0;
    bool begin = false;
    bool end = false;
  };
  /// Bytes left of the message that is next; 0 when nothing waits. Messages that expired before their first fragment
  /// went out are dropped here.
  size_t nextRemaining(Timestamp now);
  /// Up to `size` bytes of that message (nextRemaining() was not 0), to go out as `tsn`. DATA fragments of one message
  /// have consecutive TSNs (RFC 9260 §6.9), so a message once begun is finished before another begins.
  Fragment take(size_t size, TsnValue tsn);
  /// The message that is partly sent, when a limit of it has been reached: the rest is dropped, and the caller accounts
  /// for its end with one more TSN, `tsn`.
  MessageRef dropAbandoned(Timestamp now, TsnValue tsn);

  bool empty() const { return totalBytes_ == 0; }
  size_t totalBytes() const { return totalBytes_; }
  size_t totalBuffered() const { return totalBuffered_; }
  size_t bufferedAmount(StreamId stream) const;
  void setLowThreshold(StreamId stream, size_t bytes) { streams_[stream].lowThreshold = bytes; }
  void setWeight(StreamId stream, uint16_t weight) { streams_[stream].weight = weight ? weight : 1; }
  /// False until the peer is known to take FORWARD TSN: then lifetimes do not apply.
  void setPartialReliability(bool on) { partialReliability_ = on; }

  // Stream reset: a stream that is to be reset takes no more messages until that is over.
  bool resetting(StreamId stream) const;
  void setResetting(StreamId stream, bool on) { streams_[stream].resetting = on; }
  /// True when all of the stream's messages are in chunks and the last one's TSN is at or below `cumulativeAck`.
  bool drained(StreamId stream, TsnValue cumulativeAck) const;
  /// The stream was reset: it starts at SSN 0, as one never used.
  void forget(StreamId stream);

  /// The peer restarted: all SSNs begin anew, and the message partly sent is dropped.
  void restart();
  void clear();

 private:
  struct Stream {
    MessageRef head;
    OutMessage* tail = nullptr;
    size_t buffered = 0;
    size_t lowThreshold = 0;
    uint64_t finish = 0;  ///< virtual time at which its last message ends
    TsnValue lastTsn = std::numeric_limits<TsnValue>::min();
    uint16_t nextSsn = 0;
    uint16_t weight = 256;
    bool scheduled = false;
    bool resetting = false;
  };
  struct Turn {
    uint64_t finish;
    uint64_t order;  ///< of equal turns, first come first served
    StreamId stream;
    bool operator<(const Turn& other) const {  // std::push_heap keeps the greatest in front
      return finish != other.finish ? finish > other.finish : order > other.order;
    }
  };

  void schedule(StreamId id, Stream& stream);
  void popHead(Stream& stream);
  void release(StreamId id, Stream& stream, size_t bytes, bool counted);
  void dropHead(StreamId id, Stream& stream);

  std::deque<Event>* events_;
  std::unordered_map<StreamId, Stream> streams_;
  std::vector<Turn> turns_;  ///< a heap
  std::optional<StreamId> current_;  ///< whose head is next, perhaps partly sent
  Stream* currentStream_ = nullptr;  ///< unordered_map keeps its elements in place
  uint64_t virtualTime_ = 0;
  uint64_t order_ = 0;
  size_t totalBytes_ = 0;
  size_t totalBuffered_ = 0;
  bool partialReliability_ = false;
};

}  // namespace peerage::sctp
