// The receiving half of a transceiver: RTP packets in, decoded frames out.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "engine/media_context.hpp"
#include "jsep/plan.hpp"
#include "media/audio_jitter_buffer.hpp"
#include "media/codec.hpp"
#include "media/video_jitter_buffer.hpp"
#include "rtp/nack_generator.hpp"
#include "rtp/packet.hpp"
#include "rtp/statistics.hpp"

namespace peerage::engine {

/// What a receiver wants to tell the sender of one of its streams.
struct MediaFeedback {
  rtp::Ssrc media;
  std::vector<uint16_t> nack;  ///< ascending
  bool keyFrame = false;
  bool byFullIntraRequest = false;  ///< FIR rather than PLI
  uint8_t commandNumber = 0;        ///< of the FIR
};

/// Everything of one transceiver that comes in. Streams are told apart by SSRC; one of them at a time is decoded.
class Receiver {
 public:
  static std::unique_ptr<Receiver> make(MediaContext& context, const jsep::MediaPlan& plan);
  virtual ~Receiver() = default;

  /// Takes over codecs and receptivity. Streams go on where their codec is the same.
  void configure(Timestamp now, const jsep::MediaPlan& plan);
  /// Decode what comes; when it ends, decoders stop.
  bool receptive() const { return receptive_; }

  /// A packet that belongs to this section.
  void onPacket(Timestamp now, const rtp::PacketView& packet, const rtp::Extensions& values);
  void onSenderReport(Timestamp now, rtp::Ssrc ssrc, const rtp::SenderInfo& info);
  void onBye(Timestamp now, rtp::Ssrc ssrc);
  void handleTimeout(Timestamp now);
  /// When handleTimeout() is wanted next.
  std::optional<Timeout> nextTimeout() const;

  /// A report block for each stream that has sent since the last report.
  void reportBlocks(Timestamp now, std::vector<rtp::ReportBlock>& out);
  bool wantsFeedback() const { return feedbackWanted_; }
  /// Empties what there is to tell into `out` (appended).
  void takeFeedback(Timestamp now, std::vector<MediaFeedback>& out);
  void setRoundTripTime(Duration rtt);

  void fillStats(Timestamp now, std::vector<InboundStats>& out) const;
  std::vector<Connection::Source> sources(Timestamp now) const;
  jsep::TransceiverId transceiver() const { return transceiver_; }
  const std::string& mid() const { return mid_; }
  jsep::MediaKind kind() const { return kind_; }

 protected:
  /// One SSRC.
  struct Stream {
    Stream(rtp::Ssrc ssrc_, uint32_t clockRate) : ssrc(ssrc_), statistics(clockRate) {}
    virtual ~Stream() = default;
    rtp::Ssrc ssrc;
    std::optional<jsep::Codec> codec;  ///< by the payload type of its latest packet
    rtp::ReceiveStatistics statistics;
    rtp::NackGenerator nack;
    bool useNack = false;
    bool reported = true;  ///< nothing came since the last report
    std::optional<Timestamp> lastPacket;
    uint64_t nackCount = 0, pliCount = 0, firCount = 0;
    uint64_t retransmitted = 0;  ///< packets that came over RTX
    uint64_t retransmittedBytes = 0;
    uint64_t discarded = 0;
    uint8_t firCommand = 0;
    bool keyFrameWanted = false;
    std::optional<Timestamp> keyFrameAsked;
    std::optional<InboundStats::RemoteOutbound> remote;
  };

  Receiver(MediaContext& context, const jsep::MediaPlan& plan)
      : context_(context), transceiver_(plan.transceiver), kind_(plan.kind) {}

  virtual std::unique_ptr<Stream> makeStream(rtp::Ssrc ssrc, uint32_t clockRate) = 0;
  /// The stream's codec is `stream.codec` from now on; make what decodes it.
  virtual void codecChanged(Timestamp now, Stream& stream) = 0;
  virtual void decode(Timestamp now, Stream& stream, const rtp::PacketView& packet) = 0;
  /// Stops decoding; statistics stay.
  virtual void stopDecoding(Stream& stream) = 0;
  virtual void streamTimeout(Timestamp now, Stream& stream) = 0;
  virtual std::optional<Timeout> streamNextTimeout(const Stream& stream) const = 0;
  /// target() is another.
  virtual void targetChanged(Timestamp, Stream&) {}
  virtual void streamStats(Timestamp now, const Stream& stream, InboundStats& out) const = 0;

  void askForKeyFrame(Timestamp now, Stream& stream);
  /// What the jitter buffer shall hold at least.
  Duration target() const { return target_; }
  media::CodecDescription codecDescription(const jsep::Codec& codec) const;
  bool isActive(const Stream& stream) const { return &stream == active_; }

  MediaContext& context_;
  jsep::TransceiverId transceiver_;

 private:
  /// SSRCs that one receiver follows; the oldest silent one makes room.
  static constexpr size_t kMaxStreams = 16;
  static constexpr size_t kMaxSources = 32;

  Stream* findStream(rtp::Ssrc ssrc);
  Stream* streamFor(Timestamp now, rtp::Ssrc ssrc, const jsep::Codec& codec);
  const jsep::Codec* codecOf(uint8_t payloadType) const;
  /// The codec whose retransmissions have this payload type.
  const jsep::Codec* repairedCodec(uint8_t payloadType) const;
  void onSignal(Timestamp now, const rtp::PacketView& packet);
  void onRetransmission(Timestamp now, const rtp::PacketView& packet, const jsep::Codec& codec);
  void setCodec(Timestamp now, Stream& stream, const jsep::Codec& codec);
  bool chooseActive(Timestamp now, Stream& stream, bool isNew);
  void noteSources(Timestamp now, const rtp::PacketView& packet, const rtp::Extensions& values);
  void updateWanted(Timestamp now, Stream& stream);

  jsep::MediaKind kind_;
  std::string mid_;
  std::vector<jsep::CodecPlan> codecs_;
  std::vector<jsep::MediaPlan::RemoteSsrc> remoteSsrcs_;
  bool receptive_ = false;
  bool announced_ = false;  ///< FirstPacket was said
  bool feedbackWanted_ = false;
  std::vector<std::unique_ptr<Stream>> streams_;
  Stream* active_ = nullptr;
  Duration target_{0};
  Duration roundTrip_ = 100ms;
  std::vector<Connection::Source> sources_;
  std::vector<uint16_t> nackScratch_;
};

}  // namespace peerage::engine
