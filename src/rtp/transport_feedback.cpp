#include "rtp/transport_feedback.hpp"

#include <algorithm>

namespace peerage::rtp {

namespace {

// §3.1: "Reference time … in multiples of 64ms", deltas "in multiples of 250us".
constexpr Duration kReferenceUnit = 64ms;
constexpr Duration kDeltaUnit = 250us;
constexpr int64_t kDeltasPerReference = kReferenceUnit / kDeltaUnit;
constexpr size_t kFixedSize = 8;
constexpr size_t kMaxRun = 8191;  // 13 bits
constexpr size_t kOneBitSymbols = 14;
constexpr size_t kTwoBitSymbols = 7;

// §3.1.1.
enum Symbol : uint8_t { not_received = 0, small_delta = 1, large_delta = 2, reserved = 3 };

int64_t floorDivide(int64_t value, int64_t by) { return value >= 0 ? value / by : -((-value + by - 1) / by); }
int64_t ticks(Timestamp t) { return floorDivide(t.time_since_epoch().count(), kDeltaUnit.count()); }

size_t runLength(std::span<const uint8_t> symbols) {
  size_t length = 1;
  while (length < symbols.size() && length < kMaxRun && symbols[length] == symbols[0]) ++length;
  return length;
}

/// Writes one chunk for the front of `symbols`; returns how many it covers.
size_t writeChunk(std::span<const uint8_t> symbols, ByteWriter& writer) {
  const size_t run = runLength(symbols);
  const auto head = symbols.first(std::min(symbols.size(), kOneBitSymbols));
  const bool oneBit = std::ranges::none_of(head, [](uint8_t s) { return s == large_delta; });
  if (run >= (oneBit ? kOneBitSymbols : kTwoBitSymbols) || run == symbols.size()) {
    writer.u16(static_cast<uint16_t>(symbols[0] << 13 | run));
    return run;
  }
  uint16_t chunk = oneBit ? 0x8000 : 0xc000;
  const size_t count = std::min(symbols.size(), oneBit ? kOneBitSymbols : kTwoBitSymbols);
  for (size_t i = 0; i < count; ++i) {
    const size_t shift = oneBit ? kOneBitSymbols - 1 - i : 2 * (kTwoBitSymbols - 1 - i);
    chunk = static_cast<uint16_t>(chunk | symbols[i] << shift);
  }
  writer.u16(chunk);
  return count;
}

/// Reads the status symbols of the chunks into `out`.
std::expected<void, ParseError> readChunks(ByteReader& reader, size_t count, TransportFeedback& out,
                                           std::array<uint8_t, kMaxFeedbackStatuses>& symbols) {
  size_t have = 0;
  while (have < count) {
    const auto chunk = reader.u16();
    if (!chunk) return std::unexpected(ParseError::too_short);
    const size_t left = count - have;
    if ((*chunk & 0x8000) == 0) {
      const auto symbol = static_cast<uint8_t>(*chunk >> 13 & 3);
      const size_t run = std::min<size_t>(*chunk & 0x1fff, left);
      if (symbol == reserved) return std::unexpected(ParseError::bad_type);
      if (run == 0) return std::unexpected(ParseError::bad_length);
      std::fill_n(symbols.begin() + static_cast<ptrdiff_t>(have), run, symbol);
      have += run;
      continue;
    }
    const bool oneBit = (*chunk & 0x4000) == 0;
    const size_t here = std::min(oneBit ? kOneBitSymbols : kTwoBitSymbols, left);
    for (size_t i = 0; i < here; ++i) {
      const auto symbol = static_cast<uint8_t>(oneBit ? *chunk >> (kOneBitSymbols - 1 - i) & 1
                                                      : *chunk >> (2 * (kTwoBitSymbols - 1 - i)) & 3);
      if (symbol == reserved) return std::unexpected(ParseError::bad_type);
      symbols[have++] = symbol;
    }
  }
  out.arrivals.resize(count);
  return {};
}

}  // namespace

std::expected<void, ParseError> parseTransportFeedback(ByteView body, TransportFeedback& out) {
  out.arrivals.clear();
  if (body.size() < kFixedSize) return std::unexpected(ParseError::too_short);
  ByteReader reader(body);
  out.baseSequence = *reader.u16();
  const size_t count = *reader.u16();
  const auto reference = static_cast<int32_t>(*reader.u24());
  out.referenceTime = reference >= 0x800000 ? reference - 0x1000000 : reference;
  out.count = *reader.u8();
  if (count == 0 || count > kMaxFeedbackStatuses) return std::unexpected(ParseError::bad_length);
  std::array<uint8_t, kMaxFeedbackStatuses> symbols;
  if (auto read = readChunks(reader, count, out, symbols); !read) return read;
  Duration time = kReferenceUnit * out.referenceTime;
  for (size_t i = 0; i < count; ++i) {
    TransportFeedback::Arrival& arrival = out.arrivals[i];
    arrival = {};
    if (symbols[i] == not_received) continue;
    int64_t delta;
    if (symbols[i] == small_delta) {
      const auto value = reader.u8();
      if (!value) return std::unexpected(ParseError::too_short);
      delta = *value;
    } else {
      const auto value = reader.u16();
      if (!value) return std::unexpected(ParseError::too_short);
      delta = static_cast<int16_t>(*value);
    }
    time += kDeltaUnit * delta;
    arrival = {true, time};
  }
  return {};
}

size_t buildTransportFeedback(std::span<const PacketArrival> arrivals, int64_t base, uint8_t count, size_t maxSize,
                              Bytes& out) {
  out.clear();
  std::array<uint8_t, kMaxFeedbackStatuses> symbols;
  size_t statuses = 0;
  size_t covered = 0;
  size_t bound = kFixedSize + 8;  // no smaller than what will be written: a chunk half used, padding
  const int64_t reference = floorDivide(ticks(arrivals[0].time), kDeltasPerReference);
  int64_t last = reference * kDeltasPerReference;
  for (const PacketArrival& arrival : arrivals) {
    const size_t gap = static_cast<size_t>(arrival.sequence - base) - statuses;
    const int64_t delta = ticks(arrival.time) - last;
    const bool isSmall = delta >= 0 && delta <= 255;
    if (delta < INT16_MIN || delta > INT16_MAX) break;
    // Seven statuses need at most one chunk; a long gap at most one to end the vector before it, and runs.
    const size_t gapCost = std::min(gap / kTwoBitSymbols * 2 + 2, size_t{6});
    if (statuses + gap + 1 > kMaxFeedbackStatuses) break;
    bound += gapCost * (gap > 0) + (isSmall ? 1 : 2) + (covered % kTwoBitSymbols == 0 ? 2 : 0);
    if (bound > maxSize && covered > 0) break;
    std::fill_n(symbols.begin() + static_cast<ptrdiff_t>(statuses), gap, uint8_t{not_received});
    statuses += gap;
    symbols[statuses++] = isSmall ? small_delta : large_delta;
    last += delta;
    ++covered;
  }
  ByteWriter writer(out);
  writer.u16(static_cast<uint16_t>(base));
  writer.u16(static_cast<uint16_t>(statuses));
  writer.u24(static_cast<uint32_t>(reference) & 0xffffff);
  writer.u8(count);
  std::span<const uint8_t> left(symbols.data(), statuses);
  while (!left.empty()) left = left.subspan(writeChunk(left, writer));
  last = reference * kDeltasPerReference;
  for (const PacketArrival& arrival : arrivals.first(covered)) {
    const int64_t delta = ticks(arrival.time) - last;
    if (delta >= 0 && delta <= 255) {
      writer.u8(static_cast<uint8_t>(delta));
    } else {
      writer.u16(static_cast<uint16_t>(static_cast<int16_t>(delta)));
    }
    last += delta;
  }
  writer.zeros((4 - out.size() % 4) % 4);
  return covered;
}

void TransportFeedbackReceiver::onPacket(Timestamp now, uint16_t transportSequence) {
  const int64_t sequence = sequences_.unwrap(transportSequence);
  auto at = pending_.end();
  while (at != pending_.begin() && std::prev(at)->sequence > sequence) --at;
  if (at != pending_.begin() && std::prev(at)->sequence == sequence) return;
  if (pending_.size() >= config_.maxPending) {
    const auto half = static_cast<ptrdiff_t>(pending_.size() / 2);
    const ptrdiff_t place = at - pending_.begin();
    pending_.erase(pending_.begin(), pending_.begin() + half);
    at = pending_.begin() + std::max<ptrdiff_t>(0, place - half);
  }
  pending_.insert(at, {sequence, now});
  if (!due_) due_ = now + config_.interval;
}

std::optional<Timestamp> TransportFeedbackReceiver::nextTimeout() const { return due_; }

bool TransportFeedbackReceiver::build(Timestamp now, Bytes& out) {
  if (!due_ || now < *due_) return false;
  if (pending_.empty()) {
    due_.reset();
    return false;
  }
  // Statuses go on where the last packet ended, so that what is missing in between is told as not received.
  int64_t base = pending_.front().sequence;
  if (lastReported_ && *lastReported_ < base && base - *lastReported_ < static_cast<int64_t>(kMaxFeedbackStatuses) / 2)
    base = *lastReported_ + 1;
  const size_t covered = buildTransportFeedback(pending_, base, count_++, config_.maxBodySize, out);
  const int64_t newest = pending_[covered - 1].sequence;
  lastReported_ = std::max(lastReported_.value_or(newest), newest);
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(covered));
  return true;
}

uint16_t TransportFeedbackHistory::onSent(Timestamp now, size_t size) {
  if (sent_.empty()) sent_.resize(kHistory);
  Sent& slot = sent_[static_cast<size_t>(next_) & (kHistory - 1)];
  if (slot.counted) inFlight_ -= slot.size;
  slot = {next_, now, size, false, true};
  inFlight_ += size;
  return static_cast<uint16_t>(next_++);
}

void TransportFeedbackHistory::onFeedback(const TransportFeedback& feedback, std::vector<Result>& out) {
  out.clear();
  if (sent_.empty()) return;  // nothing was ever sent
  // 24 bits unwrapped as the upper ones of 32.
  const auto wire = static_cast<uint32_t>(feedback.referenceTime) << 8;
  const int64_t epochs = (referenceTimes_.unwrap(wire) >> 8) - feedback.referenceTime;
  const Duration shift = kReferenceUnit * epochs;
  const auto behind = static_cast<uint16_t>(static_cast<uint16_t>(next_) - feedback.baseSequence);
  if (behind == 0 || behind > kHistory) return;  // never sent, or forgotten
  int64_t sequence = next_ - behind;
  for (const TransportFeedback::Arrival& arrival : feedback.arrivals) {
    if (sequence >= next_) return;
    Sent& slot = sent_[static_cast<size_t>(sequence) & (kHistory - 1)];
    if (sequence >= 0 && slot.sequence == sequence && !slot.acknowledged) {
      slot.acknowledged = arrival.received;
      if (slot.counted) inFlight_ -= slot.size;
      slot.counted = false;
      const auto arrived = arrival.received ? std::optional(arrival.time + shift) : std::nullopt;
      out.push_back({sequence, slot.time, slot.size, arrived});
    }
    ++sequence;
  }
}

}  // namespace peerage::rtp
