#include "sctp/rx/data_tracker.hpp"

#include <algorithm>

#include "sctp/packet/chunks.hpp"

namespace peerage::sctp {

// The receiver starts as if it had all before the peer's first TSN (RFC 9260 §5.1).
DataTracker::DataTracker(uint32_t peerInitialTsn) : cumulative_(static_cast<TsnValue>(peerInitialTsn) - 1) {}

DataTracker::Verdict DataTracker::judge(TsnValue tsn) const {
  if (tsn <= cumulative_) return Verdict::duplicate;
  if (tsn == cumulative_ + 1) return Verdict::fresh;
  if (tsn > cumulative_ + kMaxAhead) return Verdict::too_far;
  if (beyond_.contains(tsn)) return Verdict::duplicate;
  if (beyond_.runs().size() >= kMaxRuns && beyond_.isolated(tsn)) return Verdict::too_far;
  return Verdict::fresh;
}

void DataTracker::add(TsnValue tsn) {
  if (tsn != cumulative_ + 1) {
    beyond_.insert(tsn);
    return;
  }
  cumulative_ = tsn;
  if (!beyond_.empty() && beyond_.runs().front().first == tsn + 1) {
    cumulative_ = beyond_.runs().front().last;
    beyond_.eraseThrough(cumulative_);
  }
}

void DataTracker::addDuplicate(TsnValue tsn) {
  sawDuplicate_ = true;
  if (duplicates_.size() < kMaxDuplicates) duplicates_.push_back(tsn);
}

bool DataTracker::forward(TsnValue tsn) {
  if (tsn > cumulative_ + kMaxForward) return false;
  if (tsn > cumulative_) {
    beyond_.eraseThrough(tsn);
    cumulative_ = tsn;
    if (!beyond_.empty() && beyond_.runs().front().first == tsn + 1) {
      cumulative_ = beyond_.runs().front().last;
      beyond_.eraseThrough(cumulative_);
    }
  }
  return true;
}

void DataTracker::packetHadData(Timestamp now, Duration delay, bool immediately) {
  // A packet that closes the last hole is reported at once too: the sender waits for exactly that (RFC 5681 §4.2).
  const bool holes = !beyond_.empty();
  ++packetsSinceSack_;
  if (immediately || holes || hadHoles_ || sawDuplicate_ || packetsSinceSack_ >= 2) {
    due_ = Due::now;
  } else if (due_ == Due::none) {
    due_ = Due::later;
    deadline_ = now + delay;
  }
  hadHoles_ = holes;
  sawDuplicate_ = false;
}

void DataTracker::handleTimeout(Timestamp now) {
  if (due_ == Due::later && now >= *deadline_) due_ = Due::now;
}

void DataTracker::writeSack(Bytes& out, uint32_t receiveWindow, size_t room) {
  constexpr size_t kFixed = kChunkHeaderSize + 12;
  size_t slots = room < kFixed ? 0 : (room - kFixed) / 4;
  const size_t gaps = std::min(beyond_.runs().size(), slots);
  slots -= gaps;
  const size_t duplicates = std::min(duplicates_.size(), slots);

  ChunkWriter chunk(out, ChunkType::sack);
  ByteWriter writer(out);
  writer.u32(wireTsn(cumulative_));
  writer.u32(receiveWindow);
  writer.u16(static_cast<uint16_t>(gaps));
  writer.u16(static_cast<uint16_t>(duplicates));
  for (size_t i = 0; i < gaps; ++i) {
    // At most kMaxAhead above the cumulative TSN: see judge().
    writer.u16(static_cast<uint16_t>(beyond_.runs()[i].first - cumulative_));
    writer.u16(static_cast<uint16_t>(beyond_.runs()[i].last - cumulative_));
  }
  for (size_t i = 0; i < duplicates; ++i) writer.u32(wireTsn(duplicates_[i]));
  duplicates_.clear();
  due_ = Due::none;
  deadline_.reset();
  packetsSinceSack_ = 0;
}

}  // namespace peerage::sctp
