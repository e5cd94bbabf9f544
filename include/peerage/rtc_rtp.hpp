// webrtc-pc §5.2, §5.3, §5.4: senders, receivers, transceivers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peerage/dictionaries.hpp"
#include "peerage/media_stream.hpp"
#include "peerage/promise.hpp"
#include "peerage/rtc_transports.hpp"
#include "peerage/stats.hpp"

namespace peerage {

/// webrtc-pc §5.2.
class RTCRtpSender {
 public:
  /// The track being sent; null when there is none.
  std::shared_ptr<MediaStreamTrack> track() const { return track_; }
  /// Null until a description gave the sender a transport.
  std::shared_ptr<RTCDtlsTransport> transport() const { return transport_; }
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
  SinkHandle sink_;
};

/// webrtc-pc §5.3.
class RTCRtpReceiver {
 public:
  /// The same track for the receiver's whole life.
  const std::shared_ptr<MediaStreamTrack>& track() const { return track_; }
  std::shared_ptr<RTCDtlsTransport> transport() const { return transport_; }
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
