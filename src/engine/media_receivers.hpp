// The two kinds of receivers.
#pragma once

#include "engine/receiver.hpp"

namespace peerage::engine {

/// Assembles, decodes, and asks for key frames.
class VideoReceiver final : public Receiver {
 public:
  VideoReceiver(MediaContext& context, const jsep::MediaPlan& plan) : Receiver(context, plan) {}

 private:
  struct VideoStream final : Stream {
    using Stream::Stream;
    std::unique_ptr<media::VideoJitterBuffer> jitter;
    std::unique_ptr<media::VideoDecoder> decoder;
    media::VideoJitterStats before;  ///< of jitter buffers that are gone
    uint64_t framesDecoded = 0, keyFramesDecoded = 0, framesFailed = 0, multiplePackets = 0;
    int width = 0, height = 0;
    RateCounter rate;
    std::optional<Timestamp> lastFrame;
    Duration interFrame{0};
    double squaredInterFrame = 0;
    /// Complete, and not yet old enough for the target.
    struct Held {
      media::AssembledFrame frame;
      Timestamp since;
      Timestamp due;
    };
    std::deque<Held> held;
  };
  static VideoStream& as(Stream& stream) { return static_cast<VideoStream&>(stream); }
  static const VideoStream& as(const Stream& stream) { return static_cast<const VideoStream&>(stream); }

  std::unique_ptr<Stream> makeStream(rtp::Ssrc ssrc, uint32_t clockRate) override {
    return std::make_unique<VideoStream>(ssrc, clockRate);
  }
  void codecChanged(Timestamp now, Stream& stream) override;
  void decode(Timestamp now, Stream& stream, const rtp::PacketView& packet) override;
  void stopDecoding(Stream& stream) override;
  void streamTimeout(Timestamp now, Stream& stream) override;
  std::optional<Timeout> streamNextTimeout(const Stream& stream) const override;
  void streamStats(Timestamp now, const Stream& stream, InboundStats& out) const override;
  void targetChanged(Timestamp now, Stream& stream) override;
  void drain(Timestamp now, VideoStream& stream);
  void decodeHeld(Timestamp now, VideoStream& stream);
  void decodeFrame(Timestamp now, VideoStream& stream, media::AssembledFrame assembled);
};

/// Plays at a steady pace out of a jitter buffer.
class AudioReceiver final : public Receiver {
 public:
  AudioReceiver(MediaContext& context, const jsep::MediaPlan& plan) : Receiver(context, plan) {}

 private:
  struct AudioStream final : Stream {
    using Stream::Stream;
    std::unique_ptr<media::AudioJitterBuffer> jitter;
    media::AudioJitterStats before;  ///< of jitter buffers that are gone
    std::optional<Timestamp> nextPlayout;
    AudioMeter meter;
  };
  static AudioStream& as(Stream& stream) { return static_cast<AudioStream&>(stream); }
  static const AudioStream& as(const Stream& stream) { return static_cast<const AudioStream&>(stream); }

  std::unique_ptr<Stream> makeStream(rtp::Ssrc ssrc, uint32_t clockRate) override {
    return std::make_unique<AudioStream>(ssrc, clockRate);
  }
  void codecChanged(Timestamp now, Stream& stream) override;
  void decode(Timestamp now, Stream& stream, const rtp::PacketView& packet) override;
  void stopDecoding(Stream& stream) override;
  void streamTimeout(Timestamp now, Stream& stream) override;
  std::optional<Timeout> streamNextTimeout(const Stream& stream) const override;
  void streamStats(Timestamp now, const Stream& stream, InboundStats& out) const override;
  void targetChanged(Timestamp now, Stream& stream) override;
};

}  // namespace peerage::engine
