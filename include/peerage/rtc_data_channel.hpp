// webrtc-pc §6.2: data channels.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "peerage/dictionaries.hpp"
#include "peerage/event_target.hpp"
#include "peerage/rtc_error.hpp"

namespace peerage {

namespace detail {
class PeerConnection;
}

/// html §9.5.1: one message. Text came in as a string, bytes as binary.
struct MessageEvent : Event {
  using Data = std::variant<std::string, std::vector<uint8_t>>;
  explicit MessageEvent(Data data_) : data(std::move(data_)) {}
  Data data;
  bool isText() const { return data.index() == 0; }
  const std::string& text() const { return std::get<std::string>(data); }
  const std::vector<uint8_t>& bytes() const { return std::get<std::vector<uint8_t>>(data); }
};

/// webrtc-pc §6.2. Made by RTCPeerConnection::createDataChannel() or brought by the datachannel event.
class RTCDataChannel : public TypedEventTarget<RTCDataChannel>, public std::enable_shared_from_this<RTCDataChannel> {
 public:
  const std::string& label() const { return label_; }
  bool ordered() const { return init_.ordered; }
  std::optional<uint16_t> maxPacketLifeTime() const { return init_.maxPacketLifeTime; }  ///< milliseconds
  std::optional<uint16_t> maxRetransmits() const { return init_.maxRetransmits; }
  const std::string& protocol() const { return init_.protocol; }
  bool negotiated() const { return init_.negotiated; }
  /// The SCTP stream; nullopt until it is known which end is the DTLS client.
  std::optional<uint16_t> id() const { return id_; }
  RTCDataChannelState readyState() const { return readyState_; }
  /// Bytes given to send() that were not yet handed to the network when the current task began.
  uint64_t bufferedAmount() const;
  uint64_t bufferedAmountLowThreshold() const { return bufferedAmountLowThreshold_; }
  void setBufferedAmountLowThreshold(uint64_t bytes);
  BinaryType binaryType() const { return binaryType_; }
  void setBinaryType(BinaryType type) { binaryType_ = type; }

  /// Throws DOMException InvalidStateError unless open, TypeError for a message over RTCSctpTransport::maxMessageSize(),
  /// OperationError when the send buffer (16 MiB) is full.
  void send(std::string_view text);
  void send(std::span<const uint8_t> bytes);
  /// Begins the closing procedure; everything sent before is delivered first (§6.2.4).
  void close();

  EventHandler<Event> onopen;
  EventHandler<Event> onbufferedamountlow;
  EventHandler<RTCErrorEvent> onerror;
  EventHandler<Event> onclosing;
  EventHandler<Event> onclose;
  EventHandler<MessageEvent> onmessage;
  using Events =
      EventMap<EventOf<"open", &RTCDataChannel::onopen>, EventOf<"bufferedamountlow", &RTCDataChannel::onbufferedamountlow>,
               EventOf<"error", &RTCDataChannel::onerror>, EventOf<"closing", &RTCDataChannel::onclosing>,
               EventOf<"close", &RTCDataChannel::onclose>, EventOf<"message", &RTCDataChannel::onmessage>>;

 private:
  friend class detail::PeerConnection;
  RTCDataChannel(std::weak_ptr<detail::PeerConnection> connection, std::string label, RTCDataChannelInit init);
  void sendBytes(std::span<const uint8_t> bytes, bool text);

  std::weak_ptr<detail::PeerConnection> connection_;
  std::string label_;
  RTCDataChannelInit init_;
  std::optional<uint16_t> id_;
  uint64_t handle_ = 0;  // the engine's name for it
  RTCDataChannelState readyState_ = RTCDataChannelState::connecting;
  uint64_t bufferedAmount_ = 0;  // as it was when the channel closed
  uint64_t bufferedAmountLowThreshold_ = 0;
  BinaryType binaryType_ = BinaryType::arraybuffer;
};

}  // namespace peerage
