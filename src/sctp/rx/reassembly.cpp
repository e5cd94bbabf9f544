#include "sctp/rx/reassembly.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace peerage::sctp {

bool Reassembly::sameMessage(const Run& run, const DataChunk& chunk) {
  return run.stream == chunk.stream && run.unordered == chunk.unordered() &&
         (run.unordered || run.ssn == chunk.ssn);  // the SSN of an unordered message says nothing (§6.6)
}

Reassembly::Runs::iterator Reassembly::runBefore(TsnValue tsn) {
  // The run last in TSN order is where in-order data goes on.
  if (!runs_.empty() && std::prev(runs_.end())->first < tsn) return std::prev(runs_.end());
  const auto next = runs_.lower_bound(tsn);
  return next == runs_.begin() ? runs_.end() : std::prev(next);
}

bool Reassembly::add(TsnValue tsn, TsnValue cumulative, const DataChunk& chunk) {
  if (chunk.begin() && chunk.end()) {
    const bool oversized = maxMessageSize_ != 0 && chunk.payload.size() > maxMessageSize_;
    Pending message{chunk.ppid, oversized, {}};
    if (!oversized) message.data.assign(chunk.payload.begin(), chunk.payload.end());
    deliver(chunk.stream, chunk.ssn, chunk.unordered(), std::move(message));
    return true;
  }

  auto left = runs_.end();
  if (!chunk.begin()) {
    left = runBefore(tsn);
    if (left != runs_.end() && (left->second.last != tsn - 1 || left->second.end)) left = runs_.end();
    if (left != runs_.end() && !sameMessage(left->second, chunk)) return false;
    if (left == runs_.end() && tsn == cumulative + 1) {  // what came before it was dropped by forward()
      if (!chunk.end()) dropHeadless(tsn + 1);
      return true;
    }
  }
  auto right = runs_.end();
  if (!chunk.end()) {
    right = runs_.find(tsn + 1);
    if (right != runs_.end() && right->second.begin) right = runs_.end();
    if (right != runs_.end() && !sameMessage(right->second, chunk)) return false;
  }

  Runs::iterator run;
  if (left != runs_.end()) {
    run = left;
    store(run, chunk.payload, false);
    run->second.last = tsn;
  } else if (right != runs_.end()) {
    store(right, chunk.payload, true);
    auto node = runs_.extract(right);
    node.key() = tsn;
    run = runs_.insert(std::move(node)).position;
    right = runs_.end();
  } else {
    run = runs_.try_emplace(tsn).first;
    run->second.last = tsn;
    run->second.unordered = chunk.unordered();
    run->second.stream = chunk.stream;
    run->second.ssn = chunk.ssn;
    run->second.ppid = chunk.ppid;
    store(run, chunk.payload, false);
  }
  run->second.begin |= chunk.begin();
  run->second.end |= chunk.end();
  if (chunk.begin()) run->second.ppid = chunk.ppid;  // receivers look at the first fragment's

  if (right != runs_.end()) {  // the chunk closed the hole between two runs
    Run& into = run->second;
    Run& from = right->second;
    into.last = from.last;
    into.end = from.end;
    into.size += from.size;
    into.stored += from.stored;
    into.oversized |= from.oversized;
    into.segments.splice(into.segments.end(), from.segments);
    runs_.erase(right);
    checkSize(into);
  }
  if (run->second.begin && run->second.end) {
    complete(run->second);
    runs_.erase(run);
  }
  return true;
}

// Drops the run that begins at `tsn` in the middle of a message whose beginning will never come.
void Reassembly::dropHeadless(TsnValue tsn) {
  const auto run = runs_.find(tsn);
  if (run == runs_.end() || run->second.begin) return;
  bytes_ -= run->second.stored;
  runs_.erase(run);
}

void Reassembly::store(Runs::iterator run, ByteView payload, bool atFront) {
  Run& r = run->second;
  r.size += payload.size();
  if (!r.oversized) {
    r.stored += payload.size();
    bytes_ += payload.size();
    if (atFront) {
      r.segments.emplace_front(payload.begin(), payload.end());
    } else {
      if (r.segments.empty()) r.segments.emplace_back();
      Bytes& tail = r.segments.back();
      tail.insert(tail.end(), payload.begin(), payload.end());
    }
  }
  checkSize(r);
}

void Reassembly::checkSize(Run& run) {
  if (maxMessageSize_ != 0 && run.size > maxMessageSize_) run.oversized = true;
  if (!run.oversized) return;
  bytes_ -= run.stored;
  run.stored = 0;
  run.segments.clear();
}

void Reassembly::complete(Run& run) {
  bytes_ -= run.stored;
  Pending message{run.ppid, run.oversized, {}};
  if (run.segments.size() == 1) {
    message.data = std::move(run.segments.front());
  } else if (!run.segments.empty()) {
    message.data.reserve(run.stored);
    for (const Bytes& segment : run.segments) {
      message.data.insert(message.data.end(), segment.begin(), segment.end());
    }
  }
  deliver(run.stream, run.ssn, run.unordered, std::move(message));
}

void Reassembly::deliver(StreamId id, uint16_t ssn, bool unordered, Pending message) {
  if (unordered) {
    emit(id, true, std::move(message));
    return;
  }
  Stream& stream = streams_[id];
  const int64_t position = stream.unwrap(ssn);
  if (position < stream.nextSsn) return;  // an SSN used twice: the first message stands
  if (position == stream.nextSsn) {
    ++stream.nextSsn;
    emit(id, false, std::move(message));
    if (!stream.waiting.empty()) drain(id, stream);
    return;
  }
  const size_t size = message.data.size();
  if (stream.waiting.emplace(position, std::move(message)).second) {
    bytes_ += size;
    ++pendingCount_;
  }
}

void Reassembly::drain(StreamId id, Stream& stream) {
  while (!stream.waiting.empty() && stream.waiting.begin()->first == stream.nextSsn) {
    Pending message = std::move(stream.waiting.begin()->second);
    stream.waiting.erase(stream.waiting.begin());
    bytes_ -= message.data.size();
    --pendingCount_;
    ++stream.nextSsn;
    emit(id, false, std::move(message));
  }
}

void Reassembly::emit(StreamId stream, bool unordered, Pending message) {
  if (message.oversized) {
    out_->emplace_back(MessageTooLarge{stream});
  } else {
    out_->emplace_back(Message{stream, message.ppid, std::move(message.data), unordered});
  }
}

void Reassembly::forward(TsnValue cumulative, const ForwardTsnChunk& chunk) {
  // Incomplete messages below the new cumulative TSN will never be complete; whole ones have left runs_ already.
  while (!runs_.empty() && runs_.begin()->first <= cumulative) {
    bytes_ -= runs_.begin()->second.stored;
    runs_.erase(runs_.begin());
  }
  dropHeadless(cumulative + 1);
  for (size_t i = 0; i < chunk.skippedCount(); ++i) {
    const auto skipped = chunk.skippedAt(i);
    Stream& stream = streams_[skipped.stream];
    const int64_t last = stream.unwrap(skipped.ssn);
    if (last < stream.nextSsn) continue;
    // Whole messages before the ones given up are delivered still (RFC 3758 §3.6).
    while (!stream.waiting.empty() && stream.waiting.begin()->first <= last) {
      stream.nextSsn = stream.waiting.begin()->first;
      drain(skipped.stream, stream);
    }
    stream.nextSsn = std::max(stream.nextSsn, last + 1);
    drain(skipped.stream, stream);
  }
}

void Reassembly::resetStreams(std::span<const StreamId> streams) {
  const auto forget = [this](const Stream& stream) {
    for (const auto& [ssn, message] : stream.waiting) bytes_ -= message.data.size();
    pendingCount_ -= stream.waiting.size();
  };
  if (streams.empty()) {
    for (const auto& [id, stream] : streams_) forget(stream);
    streams_.clear();
    return;
  }
  for (const StreamId id : streams) {
    const auto found = streams_.find(id);
    if (found == streams_.end()) continue;
    forget(found->second);
    streams_.erase(found);  // a stream unheard of starts at SSN 0
  }
}

size_t Reassembly::windowBytes(TsnValue cumulative) const {
  const auto next = runs_.upper_bound(cumulative);
  if (next == runs_.begin()) return bytes_;
  const Run& head = std::prev(next)->second;
  return head.last == cumulative ? bytes_ - head.stored : bytes_;
}

}  // namespace peerage::sctp
