// Turns the packets of one audio stream, which come when they come, into samples at a steady pace.
//
// The delay it aims at follows what the network does: the lateness of packets against the fastest of the last seconds
// goes into a histogram that forgets, and its 97th percentile, plus one packet, is the target. Missing packets are
// replaced (by the copy in the next packet, or by concealment); a buffer too long or too short is brought to the
// target by cutting out or putting in single pitch periods.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/time.hpp"
#include "base/unwrap.hpp"
#include "media/codec.hpp"

namespace peerage::media {

/// An RTP packet of one SSRC and one codec.
struct AudioPacket {
  uint16_t sequenceNumber = 0;
  uint32_t timestamp = 0;  ///< 48 kHz
  ByteView payload;        ///< empty payloads are ignored
};

struct AudioJitterConfig {
  Duration startDelay = 80ms;  ///< the target until packets have told more
  Duration minDelay = 20ms;
  Duration maxDelay = 1000ms;  ///< of the target, up to 2 s
  size_t maxPackets = 200;     ///< held at once; one more empties the buffer
  bool timeStretch = true;     ///< bring the delay to its target by cutting and repeating pitch periods
};

/// Counts as RTCInboundRtpStreamStats has them; samples are per channel.
struct AudioJitterStats {
  uint64_t packets = 0;
  uint64_t discardedPackets = 0;    ///< too late, doubled, or thrown away when the buffer was emptied
  uint64_t malformedPackets = 0;    ///< what the decoder refused
  uint64_t fecPackets = 0;          ///< lost packets played from the copy in the next
  uint64_t flushes = 0;
  uint64_t totalSamples = 0;        ///< totalSamplesReceived: all that was pulled since the first packet
  uint64_t concealedSamples = 0;
  uint64_t silentConcealedSamples = 0;
  uint64_t concealmentEvents = 0;
  uint64_t insertedSamples = 0;     ///< insertedSamplesForDeceleration
  uint64_t removedSamples = 0;      ///< removedSamplesForAcceleration
  double delaySeconds = 0;          ///< jitterBufferDelay: sum over emitted samples of the time each spent here
  double targetDelaySeconds = 0;    ///< jitterBufferTargetDelay, likewise
  uint64_t emittedSamples = 0;      ///< jitterBufferEmittedCount
};

class AudioJitterBuffer {
 public:
  explicit AudioJitterBuffer(std::unique_ptr<AudioDecoder> decoder, const AudioJitterConfig& config = {});

  void handleInput(Timestamp now, const AudioPacket& packet);
  /// The target is at least this from now on, 0 to 4 s; 0 leaves it to the network. Up at once, down gradually, so that what
  /// is held is played and not thrown away.
  void setMinimum(Duration minimum);
  /// Fills `out` (interleaved, decoder().channels() channels, 48 kHz; 10 or 20 ms is usual, up to 120 ms) with what
  /// is to be heard next: silence before the first packet's time has come. Called once per length of `out`.
  void pull(Timestamp now, std::span<int16_t> out);

  int channels() const { return decoder_->channels(); }
  Duration targetDelay() const { return target_; }
  /// What is held, decoded or not.
  Duration heldDelay() const;
  size_t heldPackets() const { return packets_.size(); }
  /// RTP timestamp of the sample that the next pull begins with; nullopt while nothing plays.
  std::optional<uint32_t> playoutTimestamp() const;
  const AudioJitterStats& stats() const { return stats_; }

 private:
  enum class State : uint8_t { buffering, playing };
  struct Held {
    int64_t timestamp = 0;
    int64_t sequence = 0;
    int samples = 0;  ///< per channel
    Timestamp arrival{};
    Bytes payload{};
  };

  void observe(Timestamp now, int64_t timestamp, int samples);
  void updateTarget(int packetSamples);
  void setState(State state);
  void flush();
  void insert(Held&& held);
  void startWhenDue(Timestamp now);
  void refill(Timestamp now);
  void playPacket(Timestamp now);
  void playGap(const Held& next);
  void conceal(int samples, bool counted);
  void noteConcealed(int samples, size_t chunkStart);
  void regulate(size_t chunkStart);
  void dropExcess();
  void popFront();
  void consume(std::span<int16_t> out);
  int64_t queuedSamples() const;

  static constexpr size_t kBuckets = 200;  ///< of 10 ms

  std::unique_ptr<AudioDecoder> decoder_;
  AudioJitterConfig config_;
  State state_ = State::buffering;
  Unwrapper<uint16_t> sequences_;
  Unwrapper<uint32_t> timestamps_;
  std::deque<Held> packets_;  ///< by timestamp
  std::vector<Bytes> spare_;
  std::vector<int16_t> pcm_;  ///< decoded, not yet pulled
  int64_t heldSamples_ = 0;  ///< per channel, in packets_
  std::optional<Timestamp> bufferingSince_;

  std::optional<int64_t> nextTimestamp_;  ///< of the first sample not yet decoded
  std::optional<int64_t> lastSequence_;   ///< of the packet decoded last
  int lastSamples_ = kAudioFrameSamples;  ///< per channel in the packet decoded last
  int64_t expanded_ = 0;                  ///< samples concealed since, which stand for no timestamp yet
  bool concealing_ = false;
  double level_ = 0;                      ///< smoothed samples held whenever a packet is played
  int sinceStretch_ = 0;                  ///< packets played since the last cut or repetition

  // The least transit time (arrival less RTP time, ns) of the current and of the previous window.
  std::optional<Timestamp> windowStart_;
  int64_t fastest_ = 0;
  int64_t fastestBefore_ = 0;
  std::array<double, kBuckets> histogram_{};
  uint64_t observations_ = 0;
  Duration minimum_{0};  ///< as set
  Duration floor_{0};    ///< on its way down to minimum_
  Duration target_;
  AudioJitterStats stats_;
};

}  // namespace peerage::media
