// webrtc-pc §5.2, §5.3, §5.4: senders, receivers, transceivers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peerage/dictionaries.hpp"
#include "peerage/media_stream.hpp"
#include "peerage/promise.hpp"
#include "peerage/rtc_dtmf_sender.hpp"
#include "peerage/rtc_transports.hpp"
#include "peerage/stats.hpp"

namespace peerage {

/// webrtc-pc §5.3: a source whose media were mixed into the stream.
struct RTCRtpContributingSource {
  double timestamp = 0;  ///< of its last packet: milliseconds since the Unix epoch
  uint32_t source = 0;   ///< CSRC or SSRC
  std::optional<double> audioLevel = std::nullopt;  ///< 0 silence to 1, linear (RFC 6464); of SSRCs that tell it
  uint32_t rtpTimestamp = 0;
};
/// webrtc-pc §5.3: a stream.
struct RTCRtpSynchronizationSource : RTCRtpContributingSource {};

/// webrtc-pc §5.2.
class RTCRtpSender : public std::enable_shared_from_this<RTCRtpSender> {
 public:
  /// The track being sent; null when there is none.
  std::shared_ptr<MediaStreamTrack> track() const { return track_; }
  /// Null until a description gave the sender a transport.
  std::shared_ptr<RTCDtlsTransport> transport() const { return transport_; }
  /// Sends tones; null for a video sender.
  const std::shared_ptr<RTCDTMFSender>& dtmf() const { return dtmf_; }
  /// What can be sent of a kind, with the codecs of this loop. (The IDL's null stands for a kind that is neither audio nor
  /// video, which cannot be written here.)
  static RTCRtpCapabilities getCapabilities(EventLoop& loop, MediaKind kind);
  /// How the track is encoded and sent: the same parameters for all calls of one task, until a setParameters() is done.
  RTCRtpSendParameters getParameters();
  /// Applies the encodings of `parameters`, which getParameters() has given in the same task, without negotiation. Rejects
  /// with TypeError for a number that is not finite; InvalidStateError when the transceiver is stopping, or without
  /// getParameters() in this task; InvalidModificationError when anything but the encodings' members was changed, or a
  /// codec is chosen that is not among the negotiated ones; RangeError for scaleResolutionDownBy below 1 or a negative
  /// maxFramerate.
  Promise<> setParameters(RTCRtpSendParameters parameters, RTCSetParameterOptions options = {});
  /// Sends another track (or none) from now on, without negotiation. Rejects with TypeError for the other kind,
  /// InvalidStateError once the transceiver is stopping or the connection closed.
  Promise<> replaceTrack(std::shared_ptr<MediaStreamTrack> withTrack);
  /// Says which streams the remote side shall put the track in; may make a negotiation due. Throws InvalidStateError when the
  /// connection is closed.
  void setStreams(std::vector<std::shared_ptr<MediaStream>> streams = {});
  Promise<RTCStatsReport> getStats();

 private:
  friend class detail::PeerConnection;
  RTCRtpSender(std::weak_ptr<detail::PeerConnection> connection, uint64_t transceiver, MediaKind kind)
      : connection_(std::move(connection)), transceiver_(transceiver), kind_(kind) {}
  std::weak_ptr<detail::PeerConnection> connection_;
  uint64_t transceiver_;
  MediaKind kind_;
  std::shared_ptr<MediaStreamTrack> track_;
  std::shared_ptr<RTCDtlsTransport> transport_;
  std::shared_ptr<RTCDTMFSender> dtmf_;
  SinkHandle sink_;
  std::optional<RTCRtpSendParameters> lastReturned_;  // [[LastReturnedParameters]]
  RTCRtpSendParameters kept_;                         // as they were when the transceiver or the connection went
};

/// webrtc-pc §5.3.
class RTCRtpReceiver {
 public:
  /// The same track for the receiver's whole life.
  const std::shared_ptr<MediaStreamTrack>& track() const { return track_; }
  std::shared_ptr<RTCDtlsTransport> transport() const { return transport_; }
  /// What can be received of a kind, with the codecs of this loop.
  static RTCRtpCapabilities getCapabilities(EventLoop& loop, MediaKind kind);
  /// What the receiver is prepared for now.
  RTCRtpReceiveParameters getParameters() const;
  /// The CSRCs (and SSRCs) of the last 10 seconds, the latest first.
  std::vector<RTCRtpContributingSource> getContributingSources() const;
  std::vector<RTCRtpSynchronizationSource> getSynchronizationSources() const;
  /// Milliseconds of media that the jitter buffer aims to hold at least; nullopt: as little as the network allows.
  std::optional<double> jitterBufferTarget() const { return jitterBufferTarget_; }
  /// Throws RangeError for less than 0 or more than 4000, TypeError for a number that is not finite.
  void setJitterBufferTarget(std::optional<double> milliseconds);
  Promise<RTCStatsReport> getStats();

 private:
  friend class detail::PeerConnection;
  RTCRtpReceiver(std::weak_ptr<detail::PeerConnection> connection, uint64_t transceiver,
                 std::shared_ptr<MediaStreamTrack> track)
      : connection_(std::move(connection)), transceiver_(transceiver), track_(std::move(track)) {}
  std::weak_ptr<detail::PeerConnection> connection_;
  uint64_t transceiver_;
  std::shared_ptr<MediaStreamTrack> track_;
  std::shared_ptr<RTCDtlsTransport> transport_;
  std::optional<double> jitterBufferTarget_;
  RTCRtpReceiveParameters kept_;  // as they were when the transceiver or the connection went
};

/// webrtc-pc §5.4: a sender and a receiver that share an m-section.
class RTCRtpTransceiver {
 public:
  const std::optional<std::string>& mid() const;
  const std::shared_ptr<RTCRtpSender>& sender() const { return sender_; }
  const std::shared_ptr<RTCRtpReceiver>& receiver() const { return receiver_; }
  RTCRtpTransceiverDirection direction() const;
  /// Throws InvalidStateError when closed or stopping, TypeError for `stopped`.
  void setDirection(RTCRtpTransceiverDirection direction);
  std::optional<RTCRtpTransceiverDirection> currentDirection() const;
  /// Irreversibly ends sending and receiving; a negotiation tells the other side. Throws InvalidStateError when closed.
  void stop();
  /// The codecs to negotiate, in this order, from the next offer or answer on; those that the direction cannot use are left
  /// out, and when none remains, as for an empty list, the defaults hold. Throws InvalidModificationError for a codec that
  /// is not among the capabilities as it is written there, or when nothing but RTX, RED, FEC, CN and the like is listed.
  void setCodecPreferences(std::vector<RTCRtpCodec> codecs);

 private:
  friend class detail::PeerConnection;
  RTCRtpTransceiver(std::weak_ptr<detail::PeerConnection> connection, uint64_t id, std::shared_ptr<RTCRtpSender> sender,
                    std::shared_ptr<RTCRtpReceiver> receiver)
      : connection_(std::move(connection)), id_(id), sender_(std::move(sender)), receiver_(std::move(receiver)) {}

  std::weak_ptr<detail::PeerConnection> connection_;
  uint64_t id_;
  std::shared_ptr<RTCRtpSender> sender_;
  std::shared_ptr<RTCRtpReceiver> receiver_;
  // What the attributes read, kept here so that they outlive the connection.
  std::optional<std::string> mid_;
  RTCRtpTransceiverDirection direction_ = RTCRtpTransceiverDirection::sendrecv;
  std::optional<RTCRtpTransceiverDirection> currentDirection_;
};

}  // namespace peerage
