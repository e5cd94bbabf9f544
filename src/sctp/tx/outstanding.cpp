#include "sctp/tx/outstanding.hpp"

#include <algorithm>
#include <map>

namespace peerage::sctp {

struct Outstanding::Progress {
  size_t bytes = 0;
  uint64_t newest = 0;  ///< highest transmission number newly acknowledged, plus one
  std::optional<uint64_t> rttTransmission;
  Timestamp rttSentAt{};
  std::optional<Duration> minimumRtt;
};

DataChunk Outstanding::send(Timestamp now, const SendQueue::Fragment& fragment) {
  Chunk chunk;
  chunk.message = fragment.message;
  chunk.offset = static_cast<uint32_t>(fragment.offset);
  chunk.size = static_cast<uint16_t>(fragment.size);
  chunk.flags = static_cast<uint8_t>((fragment.begin ? DataChunk::kBegin : 0) | (fragment.end ? DataChunk::kEnd : 0) |
                                     (fragment.message->unordered ? DataChunk::kUnordered : 0));
  chunks_.push(std::move(chunk));
  return transmit(now, nextTsn_++);
}

void Outstanding::skip(const MessageRef& message) {
  Chunk chunk;
  chunk.message = message;
  chunk.state = ChunkState::abandoned;
  chunks_.push(std::move(chunk));
  ++nextTsn_;
  if (!message->abandoned) abandon(message);
}

DataChunk Outstanding::transmit(Timestamp now, TsnValue tsn) {
  Chunk& chunk = at(tsn);
  chunk.state = ChunkState::in_flight;
  chunk.sentAt = now;
  chunk.transmission = nextTransmission_++;
  if (chunk.transmissions < UINT16_MAX) ++chunk.transmissions;
  inFlight_ += chunk.size;
  sent_.push(tsn);
  const OutMessage& message = *chunk.message;
  return DataChunk{chunk.flags, wireTsn(tsn), message.stream, message.ssn, message.ppid,
                   ByteView(message.data).subspan(chunk.offset, chunk.size)};
}

Outstanding::SackResult Outstanding::handleSack(Timestamp now, const SackChunk& sack,
                                                std::optional<Duration> minimumRtt) {
  SackResult result;
  const TsnValue before = cumulativeAck();
  const TsnValue cumulative = before + static_cast<int32_t>(sack.cumulativeTsn - wireTsn(before));
  const TsnValue highestSent = nextTsn_ - 1;
  if (cumulative > highestSent) return result;
  result.valid = true;
  if (cumulative < before) {
    result.stale = true;
    return result;
  }
  for (size_t i = 0; i < sack.gapCount(); ++i) {
    const auto gap = sack.gap(i);
    if (gap.start == 0 || gap.end < gap.start || cumulative + gap.end > highestSent) {
      result.valid = false;
      return result;
    }
  }

  Progress progress;
  progress.minimumRtt = minimumRtt;
  result.advanced = cumulative > before;
  while (base_ <= cumulative) {
    acknowledge(now, base_, progress);
    chunks_.pop();
    ++base_;
  }
  gapAcked_.eraseThrough(cumulative);
  // The chunk after the cumulative TSN was reported as received, and now it is not: the peer has dropped it, as §6.2.1
  // D (iii) allows. SACKs with the same cumulative TSN cannot say so by being late.
  if (gapAcked_.contains(base_)) {
    renege();
    result.reneged = true;
  }
  for (size_t i = 0; i < sack.gapCount(); ++i) {
    const auto gap = sack.gap(i);
    gapAcked_.insert(cumulative + gap.start, cumulative + gap.end, [&](TsnValue first, TsnValue last) {
      for (TsnValue tsn = first; tsn <= last; ++tsn) acknowledge(now, tsn, progress);
    });
  }
  result.ackedBytes = progress.bytes;
  if (progress.rttTransmission) {
    result.rtt = now - progress.rttSentAt;
    nextRttSample_ = nextTransmission_;
  }
  detectLoss(now, progress, result);
  return result;
}

void Outstanding::acknowledge(Timestamp now, TsnValue tsn, Progress& progress) {
  Chunk& chunk = at(tsn);
  if (chunk.state == ChunkState::acked) return;
  if (chunk.state == ChunkState::abandoned) return;  // it may stay given up: FORWARD TSN passes over it all the same
  if (chunk.state == ChunkState::in_flight) inFlight_ -= chunk.size;
  chunk.state = ChunkState::acked;
  progress.bytes += chunk.size;
  // Karn (§6.3.1 C5): of a chunk sent twice nobody knows which one was acknowledged. For the order of transmissions
  // an answer sooner than any round trip so far belongs to the earlier one (RFC 8985 §6.2 step 2).
  const bool once = chunk.transmissions == 1;
  if (!once && (!progress.minimumRtt || now - chunk.sentAt < *progress.minimumRtt)) return;
  progress.newest = std::max(progress.newest, chunk.transmission + 1);
  if (once && chunk.transmission >= nextRttSample_ &&
      (!progress.rttTransmission || chunk.transmission > *progress.rttTransmission)) {
    progress.rttTransmission = chunk.transmission;
    progress.rttSentAt = chunk.sentAt;
  }
}

void Outstanding::renege() {
  for (const TsnSet::Run& run : gapAcked_.runs()) {
    for (TsnValue tsn = run.first; tsn <= run.last; ++tsn) {
      if (at(tsn).state != ChunkState::acked) continue;
      at(tsn).state = ChunkState::lost;
      lost_.push_back(tsn);
    }
  }
  gapAcked_.clear();
}

void Outstanding::detectLoss(Timestamp now, const Progress& progress, SackResult& result) {
  uint64_t value = progress.newest;
  for (uint64_t& slot : newest_) {
    if (value > slot) std::swap(value, slot);
  }
  // Everything transmitted before the third of them has been missed three times.
  const uint64_t frontier = newest_[kMissesToLose - 1];
  while (!sent_.empty() && firstSent_ + 1 < frontier) {
    const TsnValue tsn = sent_.front();
    const uint64_t transmission = firstSent_;
    sent_.pop();
    ++firstSent_;
    if (tsn < base_) continue;
    const Chunk& chunk = at(tsn);
    if (chunk.state != ChunkState::in_flight || chunk.transmission != transmission) continue;
    lose(now, tsn);
    result.highestLost = result.loss ? std::max(result.highestLost, tsn) : tsn;
    result.loss = true;
  }
  // What is acknowledged at the front needs no memory.
  while (!sent_.empty() && sent_.front() < base_) {
    sent_.pop();
    ++firstSent_;
  }
}

void Outstanding::lose(Timestamp now, TsnValue tsn) {
  Chunk& chunk = at(tsn);
  inFlight_ -= chunk.size;
  chunk.state = ChunkState::lost;
  if (mustAbandon(now, chunk)) {
    abandon(MessageRef(chunk.message));
  } else {
    lost_.push_back(tsn);
  }
}

void Outstanding::loseAll(Timestamp now) {
  lost_.clear();
  for (TsnValue tsn = base_; tsn < nextTsn_; ++tsn) {
    const Chunk& chunk = at(tsn);
    if (chunk.state == ChunkState::in_flight) {
      lose(now, tsn);
    } else if (chunk.state == ChunkState::lost) {
      lost_.push_back(tsn);
    }
  }
  sent_.clear();
  firstSent_ = nextTransmission_;
  std::fill(std::begin(newest_), std::end(newest_), 0);
}

bool Outstanding::mustAbandon(Timestamp now, const Chunk& chunk) const {
  if (!partialReliability_) return false;
  const OutMessage& message = *chunk.message;
  return message.abandoned || message.expired(now) ||
         (message.maxRetransmits && chunk.transmissions > *message.maxRetransmits);
}

void Outstanding::abandon(const MessageRef& message) {
  // RFC 3758 §3.5 A3: giving up a fragment gives up all of its message.
  message->abandoned = true;
  abandoned_.push_back(message);
  for (TsnValue tsn = std::max(message->firstTsn, base_); tsn <= message->lastTsn && tsn < nextTsn_; ++tsn) {
    Chunk& chunk = at(tsn);
    if (chunk.message != message) continue;
    if (chunk.state == ChunkState::in_flight) inFlight_ -= chunk.size;
    if (chunk.state != ChunkState::acked) chunk.state = ChunkState::abandoned;
  }
}

std::optional<size_t> Outstanding::nextLostSize(Timestamp now) {
  while (!lost_.empty()) {
    const TsnValue tsn = lost_.front();
    if (tsn >= base_ && at(tsn).state == ChunkState::lost) {
      const Chunk& chunk = at(tsn);
      if (!mustAbandon(now, chunk)) return kDataHeaderSize + padded(chunk.size);
      abandon(MessageRef(chunk.message));
    }
    lost_.pop_front();
  }
  return std::nullopt;
}

DataChunk Outstanding::resendNext(Timestamp now) {
  const TsnValue tsn = lost_.front();
  lost_.pop_front();
  ++retransmissions_;
  return transmit(now, tsn);
}

TsnValue Outstanding::advancedAckPoint() {
  advanced_ = std::max(advanced_, cumulativeAck());
  while (advanced_ + 1 < nextTsn_ && at(advanced_ + 1).state == ChunkState::abandoned) ++advanced_;
  return advanced_;
}

bool Outstanding::writeForwardTsn(Bytes& out, size_t room) {
  const TsnValue target = advancedAckPoint();
  constexpr size_t kFixed = kChunkHeaderSize + 4;
  if (target <= cumulativeAck() || room < kFixed) return false;
  const size_t slots = (room - kFixed) / 4;
  // The last SSN given up of each stream (RFC 3758 §3.5 C4). When the streams do not all fit, the rest goes later.
  std::map<StreamId, uint16_t> streams;
  TsnValue reached = cumulativeAck();
  while (reached < target) {
    const Chunk& chunk = at(reached + 1);
    const OutMessage& message = *chunk.message;
    if (!message.unordered) {
      const auto found = streams.find(message.stream);
      if (found == streams.end() && streams.size() == slots) break;
      streams[message.stream] = message.ssn;
    }
    reached = std::min(target, std::max(reached + 1, message.lastTsn));
  }
  if (reached <= cumulativeAck()) return false;
  std::vector<ForwardTsnChunk::Skipped> skipped;
  skipped.reserve(streams.size());
  for (const auto& [stream, ssn] : streams) skipped.push_back({stream, ssn});
  ForwardTsnChunk::write(out, wireTsn(reached), skipped);
  return true;
}

}  // namespace peerage::sctp
