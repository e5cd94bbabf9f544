#include "sctp/tx/send_queue.hpp"

#include <algorithm>
#include <utility>

#include "sctp/packet/packet.hpp"

namespace peerage::sctp {

SendQueue::~SendQueue() { clear(); }

void SendQueue::push(Timestamp now, StreamId id, Ppid ppid, Bytes data, const SendOptions& options) {
  MessageRef message(new OutMessage);
  message->stream = id;
  message->ppid = ppid;
  message->unordered = options.unordered;
  message->counted = options.counted;
  message->maxRetransmits = options.maxRetransmits;
  if (options.lifetime) message->expires = now + *options.lifetime;
  message->data = std::move(data);

  Stream& stream = streams_[id];
  totalBytes_ += message->data.size();
  if (options.counted) {
    stream.buffered += message->data.size();
    totalBuffered_ += message->data.size();
  }
  OutMessage* const raw = &*message;
  if (stream.head) {
    stream.tail->next = std::move(message);
  } else {
    stream.head = std::move(message);
  }
  stream.tail = raw;
  schedule(id, stream);
}

void SendQueue::schedule(StreamId id, Stream& stream) {
  if (stream.scheduled || !stream.head) return;
  // A message takes as long in virtual time as it has bytes, divided by its stream's weight; a stream that was idle
  // does not get the time it left unused.
  // What is not counted (the OPEN of a data channel) costs the same whatever its size and weight, so that idle streams
  // send theirs in the order of the calls.
  constexpr uint64_t kControlCost = (uint64_t{kDataHeaderSize} << 16) / 1024;
  const uint64_t cost = (uint64_t{stream.head->data.size()} + kDataHeaderSize) << 16;
  stream.finish = std::max(stream.finish, virtualTime_) + (stream.head->counted ? cost / stream.weight : kControlCost);
  stream.scheduled = true;
  turns_.push_back({stream.finish, order_++, id});
  std::push_heap(turns_.begin(), turns_.end());
}

void SendQueue::popHead(Stream& stream) {
  stream.head = std::move(stream.head->next);
  if (!stream.head) stream.tail = nullptr;
}

void SendQueue::release(StreamId id, Stream& stream, size_t bytes, bool counted) {
  totalBytes_ -= bytes;
  if (!counted) return;
  const bool wasAbove = stream.buffered > stream.lowThreshold;
  stream.buffered -= bytes;
  totalBuffered_ -= bytes;
  if (wasAbove && stream.buffered <= stream.lowThreshold) events_->emplace_back(BufferedAmountLow{id});
}

void SendQueue::dropHead(StreamId id, Stream& stream) {
  const MessageRef message = stream.head;
  message->abandoned = true;
  popHead(stream);
  release(id, stream, message->remaining(), message->counted);
  events_->emplace_back(SendFailed{id, message->ppid, message->data.size()});
}

size_t SendQueue::nextRemaining(Timestamp now) {
  while (true) {
    if (!current_) {
      if (turns_.empty()) return 0;
      std::pop_heap(turns_.begin(), turns_.end());
      const Turn turn = turns_.back();
      turns_.pop_back();
      virtualTime_ = std::max(virtualTime_, turn.finish);
      current_ = turn.stream;
      currentStream_ = &streams_[turn.stream];
      currentStream_->scheduled = false;
    }
    Stream& stream = *currentStream_;
    while (stream.head && stream.head->sent == 0 && partialReliability_ && stream.head->expired(now)) {
      dropHead(*current_, stream);
    }
    if (stream.head) return stream.head->remaining();
    current_.reset();
  }
}

SendQueue::Fragment SendQueue::take(size_t size, TsnValue tsn) {
  const StreamId id = *current_;
  Stream& stream = *currentStream_;
  Fragment fragment{stream.head, stream.head->sent, std::min(size, stream.head->remaining()), false, false};
  OutMessage& message = *fragment.message;
  if (message.sent == 0) {
    fragment.begin = true;
    message.firstTsn = tsn;
    if (!message.unordered) message.ssn = stream.nextSsn++;
  }
  message.sent += fragment.size;
  message.lastTsn = stream.lastTsn = tsn;
  fragment.end = message.remaining() == 0;
  if (fragment.end) {
    popHead(stream);
    current_.reset();
    schedule(id, stream);
  }
  release(id, stream, fragment.size, message.counted);
  return fragment;
}

MessageRef SendQueue::dropAbandoned(Timestamp now, TsnValue tsn) {
  if (!current_ || !currentStream_->head || currentStream_->head->sent == 0) return {};
  const MessageRef message = currentStream_->head;
  if (!message->abandoned && !(partialReliability_ && message->expired(now))) return {};
  Stream& stream = *currentStream_;
  const StreamId id = *current_;
  message->lastTsn = stream.lastTsn = tsn;
  popHead(stream);
  current_.reset();
  schedule(id, stream);
  release(id, stream, message->remaining(), message->counted);
  return message;
}

size_t SendQueue::bufferedAmount(StreamId stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? 0 : found->second.buffered;
}

bool SendQueue::resetting(StreamId stream) const {
  const auto found = streams_.find(stream);
  return found != streams_.end() && found->second.resetting;
}

bool SendQueue::drained(StreamId stream, TsnValue cumulativeAck) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() || (!found->second.head && found->second.lastTsn <= cumulativeAck);
}

void SendQueue::forget(StreamId stream) {
  const auto found = streams_.find(stream);
  if (found == streams_.end() || found->second.head) return;
  if (current_ == stream) current_.reset();
  streams_.erase(found);  // a turn of it still in the heap finds an empty stream and passes
}

void SendQueue::restart() {
  if (current_ && currentStream_->head && currentStream_->head->sent != 0) {
    dropHead(*current_, *currentStream_);
    const StreamId id = *std::exchange(current_, std::nullopt);
    schedule(id, *currentStream_);
  }
  for (auto& [id, stream] : streams_) {
    stream.nextSsn = 0;
    stream.lastTsn = std::numeric_limits<TsnValue>::min();
  }
}

void SendQueue::clear() {
  // Link by link: a long queue would otherwise destroy itself by as deep a recursion.
  for (auto& [id, stream] : streams_) {
    while (stream.head) popHead(stream);
  }
  streams_.clear();
  turns_.clear();
  current_.reset();
  totalBytes_ = totalBuffered_ = 0;
}

}  // namespace peerage::sctp
