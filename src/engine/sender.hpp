// The sending half of a transceiver: raw frames in, RTP packets out.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/media_context.hpp"
#include "engine/outgoing_stream.hpp"
#include "jsep/plan.hpp"
#include "media/codec.hpp"
#include "media/packetizer.hpp"

namespace peerage::engine {

/// Where a sender's packets go: the RTP session of its transport.
class PacketSink {
 public:
  virtual ~PacketSink() = default;
  /// An empty buffer to write a packet into.
  virtual Bytes buffer() = 0;
  /// Queues a whole RTP packet. Audio leaves at once; video is paced.
  virtual void send(Timestamp now, OutgoingStream& stream, Bytes packet) = 0;
  /// How long the packets that wait need.
  virtual Duration backlog() const = 0;
};

class Sender {
 public:
  static std::unique_ptr<Sender> make(MediaContext& context, const jsep::MediaPlan& plan);
  virtual ~Sender() = default;

  /// Takes over codec, limits and activity. False: the plan asks for another SSRC, so that another sender has to be
  /// made.
  bool configure(Timestamp now, const jsep::MediaPlan& plan, std::optional<uint64_t> maxTotalBitrate);
  /// Null: nothing can be sent.
  void setSink(PacketSink* sink) { sink_ = sink; }
  void setTrack(bool hasTrack) { hasTrack_ = hasTrack; }
  /// Negotiated, with a track, active, with a codec, and a transport that is up.
  bool sending() const { return send_ && active_ && hasTrack_ && codec_ && sink_ && transportReady_; }
  /// Media may flow over the transport.
  void setTransportReady(bool ready) { transportReady_ = ready; }
  /// The section may send: a sender whose streams end says BYE.
  bool negotiated() const { return send_; }

  virtual void sendVideo(Timestamp, const VideoFrame&) {}
  virtual void sendAudio(Timestamp, const AudioFrame&) {}
  virtual void requestKeyFrame() {}
  /// Tells a tone for `duration` in the place of sound (RFC 4733); `event` 0 to 15. A tone that is still being told ends.
  virtual void startTone(Timestamp, uint8_t, Duration) {}
  /// For tones that are being told.
  virtual void handleTimeout(Timestamp) {}
  virtual std::optional<Timeout> nextTimeout() const { return std::nullopt; }
  /// Bit/s that the encoder is set to.
  virtual double targetBitrate() const = 0;
  virtual void fillStats(Timestamp now, OutboundStats& out) const = 0;

  OutgoingStream& stream() { return stream_; }
  const OutgoingStream& stream() const { return stream_; }
  jsep::TransceiverId transceiver() const { return transceiver_; }
  const std::string& mid() const { return stream_.mid; }

 protected:
  Sender(MediaContext& context, const jsep::MediaPlan& plan, uint32_t clockRate);
  /// The codec is another one: throw the encoder away. `codec_` may be null.
  virtual void codecChanged(Timestamp now) = 0;
  /// Limits are others.
  virtual void limitsChanged() = 0;
  media::CodecDescription codecDescription(const jsep::Codec& codec) const;
  /// The lowest of what the encoding, the section and the session allow.
  std::optional<uint64_t> maxBitrate() const { return maxBitrate_; }
  void commonStats(OutboundStats& out) const;

  MediaContext& context_;
  OutgoingStream stream_;
  jsep::TransceiverId transceiver_;
  std::optional<jsep::Codec> codec_;
  std::optional<jsep::Codec> telephoneEvent_;  ///< at the codec's clock, where that was negotiated
  PacketSink* sink_ = nullptr;
  jsep::SendEncoding encoding_;
  bool send_ = false;
  bool active_ = true;
  bool hasTrack_ = false;
  bool transportReady_ = false;

 private:
  std::optional<uint64_t> maxBitrate_;
};

/// 20 ms Opus frames from pieces of any length.
class AudioSender final : public Sender {
 public:
  AudioSender(MediaContext& context, const jsep::MediaPlan& plan) : Sender(context, plan, 48000) {}
  void sendAudio(Timestamp now, const AudioFrame& frame) override;
  void startTone(Timestamp now, uint8_t event, Duration duration) override;
  void handleTimeout(Timestamp now) override;
  std::optional<Timeout> nextTimeout() const override;
  double targetBitrate() const override { return encoder_ ? encoder_->config().bitrate : 0; }
  void fillStats(Timestamp now, OutboundStats& out) const override;

 private:
  /// A tone that is being told.
  struct Tone {
    uint8_t event = 0;
    Timestamp begin{};
    Duration duration{0};
    Timestamp segmentBegin{};  ///< what does not fit into one duration field is told in segments (RFC 4733 §2.5.1.3)
    uint32_t timestamp = 0;    ///< of the segment
    Timestamp next{};          ///< the next packet
    bool marked = false;       ///< the first packet has left
    int lastPackets = 3;       ///< to be sent yet with the end bit
  };
  void sendTonePacket(Timestamp now, uint32_t lasted, bool end);
  void tellTone(Timestamp now);

  void codecChanged(Timestamp now) override;
  void limitsChanged() override;
  bool prepareEncoder();
  media::AudioEncoderConfig encoderConfig() const;
  void append(const AudioFrame& frame);
  void encodeChunk(Timestamp now, std::span<const int16_t> chunk);

  std::unique_ptr<media::AudioEncoder> encoder_;
  bool encoderFailed_ = false;
  int channels_ = 1;  ///< of the samples that wait, and of the encoder
  std::vector<int16_t> samples_;
  size_t consumed_ = 0;
  Bytes encoded_;
  std::optional<uint32_t> nextTimestamp_;  ///< of the first sample that waits
  std::optional<Timestamp> expected_;      ///< when the next piece should come
  bool silentBefore_ = true;               ///< the next packet begins a talkspurt (RFC 3551 §4.1)
  uint32_t packetsSinceMid_ = 0;
  std::optional<Tone> tone_;
  AudioMeter meter_;
};

/// Pictures through an encoder and a packetizer.
class VideoSender final : public Sender {
 public:
  VideoSender(MediaContext& context, const jsep::MediaPlan& plan) : Sender(context, plan, 90000) {}
  void sendVideo(Timestamp now, const VideoFrame& frame) override;
  void requestKeyFrame() override { keyRequested_ = true; }
  double targetBitrate() const override { return encoder_ ? encoder_->config().bitrate : 0; }
  void fillStats(Timestamp now, OutboundStats& out) const override;

 private:
  void codecChanged(Timestamp now) override;
  void limitsChanged() override;
  bool prepareEncoder(int width, int height);
  media::VideoEncoderConfig encoderConfig(int width, int height) const;
  bool admit(Timestamp now);
  Timestamp captureTime(Timestamp now, const VideoFrame& frame);
  void packetize(Timestamp now);

  std::unique_ptr<media::VideoEncoder> encoder_;
  std::unique_ptr<media::Packetizer> packetizer_;
  bool encoderFailed_ = false;
  bool keyRequested_ = false;
  std::optional<Timestamp> lastKey_;
  std::optional<Timestamp> lastAdmitted_;
  std::optional<Timestamp> lastCapture_;
  media::EncodedFrame encoded_;
  int sourceWidth_ = 0, sourceHeight_ = 0;
  RateCounter sourceRate_, encodedRate_;
  uint64_t sourceFrames_ = 0, framesSent_ = 0, framesEncoded_ = 0, keyFrames_ = 0, hugeFrames_ = 0;
  uint64_t qpSum_ = 0, encodedBytes_ = 0;
  double targetBytes_ = 0;
};

/// The bitrate that a picture of this size is worth without an estimate of the path: bit/s.
int defaultVideoBitrate(int width, int height);

}  // namespace peerage::engine
