#include "media/video_jitter_buffer.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace peerage::media {

namespace {

constexpr size_t kFirstSlots = 128;
constexpr size_t kMostSlots = 16384;        // half of what a 16-bit sequence number tells apart
constexpr int64_t kReorderedAtStart = 64;   // packets before the first to arrive that may still come
constexpr size_t kSparePackets = 256;
constexpr size_t kSpareFrames = 4;
constexpr int kRequestsWithoutPacket = 5;
constexpr uint8_t kAllLayers = 0x0f;

size_t slotLimit(size_t wanted) { return std::bit_ceil(std::clamp(wanted, kFirstSlots, kMostSlots)); }

}  // namespace

VideoJitterBuffer::VideoJitterBuffer(std::unique_ptr<Depacketizer> depacketizer, const VideoJitterConfig& config)
    : depacketizer_(std::move(depacketizer)), config_(config), slots_(kFirstSlots) {
  config_.maxPackets = slotLimit(config.maxPackets);
}

void VideoJitterBuffer::handleInput(Timestamp now, const VideoPacket& packet) {
  ++stats_.packets;
  requestsSincePacket_ = 0;
  DepacketizedPayload payload;
  if (!packet.payload.empty()) {
    auto parsed = depacketizer_->parse(packet.payload);
    if (!parsed) {
      ++stats_.malformedPackets;
      return;
    }
    payload = *parsed;
  }
  const int64_t sequence = sequences_.unwrap(packet.sequenceNumber);
  if (!makeRoom(now, sequence, payload.data.size())) return;
  store(now, sequence, packet, payload);
  connect(sequence);
  deliver(now);
}

void VideoJitterBuffer::handleTimeout(Timestamp now) {
  if (!deadline_ || now < deadline_->at) return;
  deliver(now);
}

std::optional<VideoJitterEvent> VideoJitterBuffer::pollEvent() {
  std::optional<VideoJitterEvent> event;
  if (events_.empty()) return event;
  event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<Timeout> VideoJitterBuffer::nextTimeout() const { return deadline_; }

void VideoJitterBuffer::decoderFailed(Timestamp now) {
  waitReason_ = KeyFrameNeeded::Reason::decoder;
  setState(State::waiting_for_key);
  blockedSince_ = now;
  requestKey(now, waitReason_);
  deliver(now);
}

void VideoJitterBuffer::recycle(Bytes&& buffer) {
  if (spareFrames_.size() < kSpareFrames) spareFrames_.push_back(std::move(buffer));
}

// ---- Slots --------------------------------------------------------------------------------------------------------

VideoJitterBuffer::Slot* VideoJitterBuffer::find(int64_t sequence) {
  Slot& slot = at(sequence);
  return slot.sequence == sequence ? &slot : nullptr;
}

/// Decides whether a packet may be held, and empties or enlarges the ring for it.
bool VideoJitterBuffer::makeRoom(Timestamp now, int64_t sequence, size_t bytes) {
  if (!next_) {
    next_ = sequence - kReorderedAtStart;
    highest_ = sequence;
  }
  if (sequence < *next_) {
    ++stats_.latePackets;
    return false;
  }
  if (find(sequence)) {
    ++stats_.duplicatePackets;
    return false;
  }
  const auto limit = static_cast<int64_t>(config_.maxPackets);
  const int64_t top = std::max(highest_, sequence);
  const bool tooLong = top - *next_ >= limit;
  if (tooLong && state_ == State::waiting_for_key && heldBytes_ + bytes <= config_.maxBytes) {
    releaseBefore(top - limit + 1);  // only a key frame matters now, so the oldest may go
    if (sequence < *next_) {
      ++stats_.latePackets;
      return false;
    }
  } else if (tooLong || heldBytes_ + bytes > config_.maxBytes) {
    releaseBefore(top + 1);
    if (sequence != top) {
      ++stats_.latePackets;
      return false;
    }
    next_ = sequence;
    waitReason_ = KeyFrameNeeded::Reason::overflow;
    setState(State::waiting_for_key);
    requestKey(now, waitReason_);
  }
  highest_ = top;
  const auto span = static_cast<size_t>(highest_ - *next_ + 1);
  if (span > slots_.size()) grow(std::bit_ceil(span));
  return true;
}

void VideoJitterBuffer::grow(size_t slots) {
  std::vector<Slot> old(slots);
  old.swap(slots_);
  for (Slot& slot : old) {
    if (slot.sequence) at(*slot.sequence) = std::move(slot);
  }
}

void VideoJitterBuffer::release(Slot& slot) {
  slot.sequence.reset();
  --held_;
  heldBytes_ -= slot.bytes.size();
  slot.payload = {};
  if (slot.bytes.capacity() > 0 && sparePackets_.size() < kSparePackets) sparePackets_.push_back(std::move(slot.bytes));
  slot.bytes = {};
}

void VideoJitterBuffer::releaseBefore(int64_t sequence) {
  if (sequence <= *next_) return;
  const int64_t end = std::min(sequence, *next_ + static_cast<int64_t>(slots_.size()));
  for (int64_t s = *next_; s < end && held_ > 0; ++s) {
    if (Slot* slot = find(s)) release(*slot);
  }
  while (!complete_.empty() && complete_.front().first < sequence) {
    complete_.pop_front();
    ++stats_.droppedFrames;
  }
  next_ = sequence;
}

/// Padding between frames is nobody's data: the next frame still follows the last.
void VideoJitterBuffer::skipPadding() {
  if (state_ != State::running) return;
  for (Slot* slot = find(*next_); slot && slot->padding; slot = find(*next_)) {
    release(*slot);
    ++*next_;
  }
}

void VideoJitterBuffer::store(Timestamp now, int64_t sequence, const VideoPacket& packet,
                              const DepacketizedPayload& payload) {
  Slot& slot = at(sequence);
  if (!sparePackets_.empty() && !payload.data.empty()) {
    slot.bytes = std::move(sparePackets_.back());
    sparePackets_.pop_back();
  }
  slot.bytes.assign(payload.data.begin(), payload.data.end());
  slot.sequence = sequence;
  slot.timestamp = packet.timestamp;
  slot.marker = packet.marker;
  slot.padding = packet.payload.empty();
  slot.continuous = false;
  slot.arrival = now;
  slot.payload = payload;
  slot.payload.data = slot.bytes;
  ++held_;
  heldBytes_ += slot.bytes.size();
  if (payload.begin && payload.key && (!newestKey_ || sequence > *newestKey_)) newestKey_ = sequence;
}

// ---- Frames -------------------------------------------------------------------------------------------------------

bool VideoJitterBuffer::endsFrame(const Slot& slot) {
  if (slot.marker) return true;
  const Slot* next = find(*slot.sequence + 1);
  return next && !next->padding && next->payload.begin && next->timestamp != slot.timestamp;
}

/// Joins a new packet to its neighbours. Each packet becomes continuous once, so that a frame costs its length only.
void VideoJitterBuffer::connect(int64_t sequence) {
  Slot* slot = find(sequence);
  if (slot->padding) return;
  Slot* before = find(sequence - 1);
  if (before && before->padding) before = nullptr;
  if (slot->payload.begin) {
    slot->continuous = true;
    if (before && before->continuous && !before->marker && before->timestamp != slot->timestamp) {
      frameComplete(sequence - 1);  // its last packet carried no marker
    }
  } else {
    slot->continuous = before && before->continuous && !before->marker && before->timestamp == slot->timestamp;
  }
  while (slot && slot->continuous) {
    const int64_t here = *slot->sequence;
    if (endsFrame(*slot)) {
      frameComplete(here);
      return;
    }
    Slot* next = find(here + 1);
    const bool joins = next && !next->padding && !next->continuous && !next->payload.begin &&
                       next->timestamp == slot->timestamp;
    if (!joins) return;
    next->continuous = true;
    slot = next;
  }
}

void VideoJitterBuffer::frameComplete(int64_t last) {
  int64_t first = last;
  for (const Slot* slot = find(first); !slot || !slot->payload.begin; slot = find(--first)) {
    if (!slot) return;  // its begin has been given up already
  }
  auto place = complete_.end();
  while (place != complete_.begin() && std::prev(place)->first > first) --place;
  complete_.insert(place, Frame{first, last});
}

void VideoJitterBuffer::deliver(Timestamp now) {
  bool more = true;
  while (more) {
    skipPadding();
    const auto missing = highest_ - next_.value_or(highest_ + 1) + 1 - static_cast<int64_t>(held_);
    if (state_ == State::running && missing <= 0) blockedSince_.reset();
    if (held_ > 0 && missing > 0 && !blockedSince_) blockedSince_ = now;
    more = state_ == State::waiting_for_key ? deliverKey(now) : deliverNext(now);
  }
  updateDeadline(now);
}

bool VideoJitterBuffer::deliverKey(Timestamp now) {
  const auto key = std::ranges::find_if(complete_, [&](const Frame& f) { return find(f.first)->payload.key; });
  if (key != complete_.end()) {
    emit(now, static_cast<size_t>(key - complete_.begin()), Decodability::after_loss);
    return true;
  }
  if (!blockedSince_) {
    if (held_ > 0) blockedSince_ = now;
  }
  const bool keyOnItsWay = newestKey_ && next_ && *newestKey_ >= *next_;
  const bool nothingToWaitFor = !complete_.empty() && !keyOnItsWay;
  if (nothingToWaitFor || (blockedSince_ && now - *blockedSince_ >= config_.maxWait)) requestKey(now, waitReason_);
  return false;
}

bool VideoJitterBuffer::deliverNext(Timestamp now) {
  if (!complete_.empty()) {
    const Decodability front = decodability(complete_.front());
    if (front == Decodability::in_order) {
      emit(now, 0, front);
      return true;
    }
    if (front == Decodability::useless) {
      releaseBefore(complete_.front().last + 1);
      return true;
    }
    if (blockedSince_ && now - *blockedSince_ >= config_.skipWait) {
      for (size_t i = 0; i < complete_.size(); ++i) {
        if (decodability(complete_[i]) != Decodability::after_loss) continue;
        emit(now, i, Decodability::after_loss);
        return true;
      }
    }
  }
  if (blockedSince_ && now - *blockedSince_ >= config_.maxWait) {
    requestKey(now, KeyFrameNeeded::Reason::missing_packets);
  }
  return false;
}

/// RFC 7741 §4.2: consecutive PictureIDs have no picture between them, so that a gap in sequence numbers held none.
bool VideoJitterBuffer::follows(const DepacketizedPayload& head) const {
  if (!head.pictureId || !lastPictureId_) return false;
  const int mask = head.longPictureId ? 0x7fff : 0x7f;
  return *head.pictureId == ((*lastPictureId_ + 1) & mask);
}

VideoJitterBuffer::Decodability VideoJitterBuffer::decodability(const Frame& frame) {
  const DepacketizedPayload& head = find(frame.first)->payload;
  const bool next = frame.first == *next_ || follows(head);
  if (head.key) return next ? Decodability::in_order : Decodability::after_loss;
  const int layer = head.temporalId.value_or(0);
  if (next) {
    const auto below = static_cast<uint8_t>((2 << layer) - 1);  // this layer and those under it
    const bool reachable = head.layerSync || (intactLayers_ & below) == below;
    return reachable ? Decodability::in_order : Decodability::useless;
  }
  // RFC 7741 §4.2, TL0PICIDX: a frame of layer 0 refers to the one of layer 0 before it, a frame with Y set to none but
  // layer 0's current one; what is missing in between does not matter to either.
  if (!head.temporalId || !head.tl0PicIdx || !lastTl0_) return Decodability::blocked;
  const auto ahead = static_cast<uint8_t>(*head.tl0PicIdx - *lastTl0_);
  const bool independent = layer == 0 ? ahead == 1 : head.layerSync && ahead == 0;
  return independent ? Decodability::after_loss : Decodability::blocked;
}

void VideoJitterBuffer::emit(Timestamp now, size_t index, Decodability how) {
  const Frame frame = complete_[index];
  releaseBefore(frame.first);
  complete_.pop_front();
  const Slot& head = *find(frame.first);
  size_t size = 0;
  for (int64_t s = frame.first; s <= frame.last; ++s) size += find(s)->bytes.size();
  if (size > kMaxFrameBytes) {
    ++stats_.droppedFrames;
    releaseBefore(frame.last + 1);
    waitReason_ = KeyFrameNeeded::Reason::overflow;
    setState(State::waiting_for_key);
    return;
  }
  AssembledFrame out;
  out.packets = static_cast<size_t>(frame.last - frame.first + 1);
  out.firstArrival = head.arrival;
  out.frame.data = spareBuffer();
  out.frame.data.reserve(size);
  for (int64_t s = frame.first; s <= frame.last; ++s) {
    const Slot& slot = *find(s);
    depacketizer_->append(slot.payload, out.frame.data);
    out.firstArrival = std::min(out.firstArrival, slot.arrival);
  }
  const DepacketizedPayload& payload = head.payload;
  out.frame.key = payload.key;
  out.frame.rtpTimestamp = head.timestamp;
  out.frame.width = payload.width;
  out.frame.height = payload.height;
  out.frame.captureTime = Duration(timestamps_.unwrap(head.timestamp) * 100'000 / 9);  // 90 kHz to ns
  out.frame.info = Vp8FrameInfo{payload.nonReference, payload.temporalId, payload.layerSync, payload.tl0PicIdx};
  noteReferences(payload, how);
  ++stats_.frames;
  stats_.keyFrames += out.frame.key ? 1 : 0;
  stats_.delay += now - out.firstArrival;
  events_.emplace_back(std::move(out));
  releaseBefore(frame.last + 1);
  blockedSince_.reset();
  setState(State::running);
}

Bytes VideoJitterBuffer::spareBuffer() {
  if (spareFrames_.empty()) return {};
  Bytes buffer = std::move(spareFrames_.back());
  spareFrames_.pop_back();
  buffer.clear();
  return buffer;
}

/// Remembers what later frames may refer to.
void VideoJitterBuffer::noteReferences(const DepacketizedPayload& head, Decodability how) {
  lastPictureId_ = head.pictureId;
  const int layer = head.temporalId.value_or(0);
  if (head.key) {
    intactLayers_ = kAllLayers;
  } else {
    if (how == Decodability::after_loss) intactLayers_ = 1;
    if (head.layerSync) intactLayers_ = static_cast<uint8_t>(intactLayers_ | 1 << layer);
  }
  if (layer == 0) lastTl0_ = head.tl0PicIdx;
}

// ---- Requests and time --------------------------------------------------------------------------------------------

void VideoJitterBuffer::requestKey(Timestamp now, KeyFrameNeeded::Reason reason) {
  if (lastRequest_ && now - *lastRequest_ < config_.keyRequestInterval) return;
  if (requestsSincePacket_ >= kRequestsWithoutPacket) return;
  ++requestsSincePacket_;
  lastRequest_ = now;
  ++stats_.keyFrameRequests;
  events_.emplace_back(KeyFrameNeeded{reason});
}

void VideoJitterBuffer::setState(State state) { state_ = state; }

void VideoJitterBuffer::updateDeadline(Timestamp now) {
  deadline_.reset();
  if (!blockedSince_) return;
  const Timestamp skip = *blockedSince_ + config_.skipWait;
  const Timestamp give = *blockedSince_ + config_.maxWait;
  if (state_ == State::running && now < skip && !complete_.empty()) {
    deadline_ = Timeout{skip, "reordered video packets"};
  } else if (now < give) {
    deadline_ = Timeout{give, "missing video packets"};
  } else if (lastRequest_ && requestsSincePacket_ < kRequestsWithoutPacket) {
    deadline_ = Timeout{*lastRequest_ + config_.keyRequestInterval, "key frame request"};
  }
}

}  // namespace peerage::media
