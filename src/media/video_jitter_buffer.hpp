// Puts the packets of one video stream together into frames and lets them out in an order that a decoder can follow.
//
// A frame leaves as soon as it is complete and everything it may refer to has left. Where packets are missing, the
// buffer waits: a retransmission may fill the gap, a later key frame makes it moot, and after a while it asks for
// one.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "base/unwrap.hpp"
#include "media/packetizer.hpp"

namespace peerage::media {

/// An RTP packet of one SSRC and one codec, RTX already undone.
struct VideoPacket {
  uint16_t sequenceNumber = 0;
  uint32_t timestamp = 0;  ///< 90 kHz
  bool marker = false;
  ByteView payload;  ///< empty for padding, which takes a sequence number and nothing else
};

/// A frame whose turn has come. `frame.captureTime` is its RTP timestamp, unwrapped, as time since the first frame's
/// wrap.
struct AssembledFrame {
  EncodedFrame frame;
  Timestamp firstArrival;  ///< of its first packet to arrive
  size_t packets = 0;
};

/// The owner should send a PLI (or FIR). Repeated at VideoJitterConfig::keyRequestInterval until a frame can leave,
/// a few times when nothing arrives any more.
struct KeyFrameNeeded {
  enum class Reason : uint8_t { start, missing_packets, overflow, decoder };
  Reason reason = Reason::start;
};

using VideoJitterEvent = std::variant<AssembledFrame, KeyFrameNeeded>;

struct VideoJitterConfig {
  Duration maxWait = 400ms;             ///< for missing packets, before a key frame is asked for
  Duration skipWait = 30ms;             ///< for packets that may only be reordered, before a later frame overtakes them
  Duration keyRequestInterval = 500ms;  ///< between two KeyFrameNeeded
  size_t maxPackets = 2048;             ///< held at once; rounded up to a power of two, at most 16384
  size_t maxBytes = size_t{8} << 20;    ///< held at once
};

struct VideoJitterStats {
  uint64_t packets = 0;
  uint64_t latePackets = 0;       ///< behind what has left already
  uint64_t duplicatePackets = 0;
  uint64_t malformedPackets = 0;  ///< the payload was not of the codec
  uint64_t frames = 0;            ///< that left
  uint64_t keyFrames = 0;
  uint64_t droppedFrames = 0;     ///< complete, and thrown away
  uint64_t keyFrameRequests = 0;
  Duration delay{0};              ///< sum over frames of the time from first packet to leaving (jitterBufferDelay)
};

class VideoJitterBuffer {
 public:
  explicit VideoJitterBuffer(std::unique_ptr<Depacketizer> depacketizer, const VideoJitterConfig& config = {});

  void handleInput(Timestamp now, const VideoPacket& packet);
  void handleTimeout(Timestamp now);
  std::optional<VideoJitterEvent> pollEvent();
  std::optional<Timeout> nextTimeout() const;

  /// The decoder could not go on: nothing but a key frame leaves from here.
  void decoderFailed(Timestamp now);
  /// Gives the bytes of a decoded frame back for reuse.
  void recycle(Bytes&& buffer);

  const VideoJitterStats& stats() const { return stats_; }
  size_t heldPackets() const { return held_; }
  size_t heldBytes() const { return heldBytes_; }

 private:
  enum class State : uint8_t { waiting_for_key, running };
  /// What stands between a complete frame and the decoder.
  enum class Decodability : uint8_t { blocked, useless, after_loss, in_order };

  struct Slot {
    std::optional<int64_t> sequence;  ///< nullopt: free
    uint32_t timestamp = 0;
    bool marker = false;
    bool padding = false;
    bool continuous = false;  ///< begins a frame, or directly follows a continuous slot of the same frame
    Timestamp arrival{};
    DepacketizedPayload payload;  ///< its data points into `bytes`
    Bytes bytes;
  };
  struct Frame {
    int64_t first = 0;
    int64_t last = 0;
  };

  Slot& at(int64_t sequence) { return slots_[static_cast<size_t>(sequence) & (slots_.size() - 1)]; }
  Slot* find(int64_t sequence);
  bool makeRoom(Timestamp now, int64_t sequence, size_t bytes);
  void grow(size_t slots);
  void release(Slot& slot);
  void releaseBefore(int64_t sequence);
  void skipPadding();
  void store(Timestamp now, int64_t sequence, const VideoPacket& packet, const DepacketizedPayload& payload);
  void connect(int64_t sequence);
  bool endsFrame(const Slot& slot);
  void frameComplete(int64_t last);
  void deliver(Timestamp now);
  bool deliverKey(Timestamp now);
  bool deliverNext(Timestamp now);
  Decodability decodability(const Frame& frame);
  bool follows(const DepacketizedPayload& head) const;
  void emit(Timestamp now, size_t index, Decodability how);
  Bytes spareBuffer();
  void noteReferences(const DepacketizedPayload& head, Decodability how);
  void requestKey(Timestamp now, KeyFrameNeeded::Reason reason);
  void setState(State state);
  void updateDeadline(Timestamp now);

  std::unique_ptr<Depacketizer> depacketizer_;
  VideoJitterConfig config_;
  State state_ = State::waiting_for_key;
  KeyFrameNeeded::Reason waitReason_ = KeyFrameNeeded::Reason::start;
  Unwrapper<uint16_t> sequences_;
  Unwrapper<uint32_t> timestamps_;
  std::vector<Slot> slots_;
  std::vector<Bytes> sparePackets_;
  std::vector<Bytes> spareFrames_;
  std::deque<Frame> complete_;  ///< by sequence number
  std::deque<VideoJitterEvent> events_;
  std::optional<int64_t> next_;       ///< lowest sequence number still of use; while running, the first not yet let out
  std::optional<int64_t> newestKey_;  ///< newest first packet of a key frame
  int64_t highest_ = 0;
  size_t held_ = 0;
  size_t heldBytes_ = 0;

  // Of the frame that left last.
  std::optional<uint16_t> lastPictureId_;
  std::optional<uint8_t> lastTl0_;
  uint8_t intactLayers_ = 0x0f;  ///< bit n: temporal layer n has lost nothing since its last sync

  std::optional<Timestamp> blockedSince_;  ///< packets have been missing since
  std::optional<Timestamp> lastRequest_;
  int requestsSincePacket_ = 0;
  std::optional<Timeout> deadline_;
  VideoJitterStats stats_;
};

}  // namespace peerage::media
