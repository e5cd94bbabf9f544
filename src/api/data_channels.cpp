// Data channels (webrtc-pc §6.2) around the engine's.
#include <limits>

#include "api/convert.hpp"
#include "api/peer_connection.hpp"
#include "jsep/operations.hpp"

namespace peerage::detail {

namespace {

/// §6.2: send() fails with OperationError when more than this would wait, bytes.
constexpr uint64_t kMaxBuffered = uint64_t{16} << 20;

void checkInit(const std::string& label, const RTCDataChannelInit& init) {
  if (label.size() > 65535) throw TypeError("createDataChannel: the label has " + std::to_string(label.size()) + " bytes, at most 65535");
  if (init.protocol.size() > 65535) {
    throw TypeError("createDataChannel: the protocol has " + std::to_string(init.protocol.size()) + " bytes, at most 65535");
  }
  if (init.negotiated && !init.id) throw TypeError("createDataChannel: a negotiated channel needs an id");
  if (init.maxPacketLifeTime && init.maxRetransmits) {
    throw TypeError("createDataChannel: maxPacketLifeTime and maxRetransmits exclude each other");
  }
  if (init.negotiated && init.id == 65535) throw TypeError("createDataChannel: id 65535 is not allowed");
}

}  // namespace

std::shared_ptr<RTCDataChannel> PeerConnection::createDataChannel(std::string label, RTCDataChannelInit init) {
  requireOpen("createDataChannel");
  checkInit(label, init);
  if (!init.negotiated) init.id = std::nullopt;  // §6.1 step 12: an id counts for negotiated channels only
  datachannel::ChannelParams params;
  params.label = label;
  params.protocol = init.protocol;
  params.ordered = init.ordered;
  params.maxRetransmits = init.maxRetransmits;
  params.maxPacketLifeTime = init.maxPacketLifeTime;
  params.negotiated = init.negotiated;
  params.id = init.id;
  auto handle = engine_->createDataChannel(body_->now(), std::move(params));
  if (!handle) throw DOMException("createDataChannel: " + handle.error().message, DOMException::kOperationError);
  std::shared_ptr<RTCDataChannel> channel(new RTCDataChannel(weak_from_this(), std::move(label), std::move(init)));
  channel->handle_ = handle->value();
  channel->id_ = engine_->dataChannels().id(*handle);
  channels_[handle->value()] = channel;
  touched();
  const auto update = jsep::createDataChannel(session_);
  if (!update) throwFailure(update.error());
  if (*update) updateNegotiationNeeded();
  return channel;
}

std::shared_ptr<RTCDataChannel> PeerConnection::findChannel(datachannel::ChannelHandle handle) const {
  const auto it = channels_.find(handle.value());
  return it == channels_.end() ? nullptr : it->second;
}

/// §6.1.1.3: null ids get their stream once the DTLS role is known.
void PeerConnection::syncChannelIds() {
  for (auto& [handle, channel] : channels_) {
    if (!channel->id_) channel->id_ = engine_->dataChannels().id(datachannel::ChannelHandle(handle));
  }
}

/// §6.1.1.2 "update max message size"; our sending has no limit of its own.
void PeerConnection::updateMaxMessageSize() {
  if (!sctp_ || !session_.sctp) return;
  const uint64_t remote = session_.sctp->remoteMaxMessageSize;
  sctp_->maxMessageSize_ = remote == 0 ? std::numeric_limits<double>::infinity() : static_cast<double>(remote);
}

void PeerConnection::send(RTCDataChannel& channel, std::span<const uint8_t> bytes, bool text) {
  if (channel.readyState_ != RTCDataChannelState::open) {
    throw DOMException("send: readyState is " + std::string(toString(channel.readyState_)), DOMException::kInvalidStateError);
  }
  if (sctp_ && static_cast<double>(bytes.size()) > sctp_->maxMessageSize_) {
    throw TypeError("send: the message has " + std::to_string(bytes.size()) + " bytes, the other side takes at most " +
                    std::to_string(static_cast<uint64_t>(sctp_->maxMessageSize_)));
  }
  const datachannel::ChannelHandle handle(static_cast<uint32_t>(channel.handle_));
  const uint64_t waiting = engine_->dataChannels().bufferedAmount(handle);
  if (waiting + bytes.size() > kMaxBuffered) {
    throw DOMException("send: " + std::to_string(waiting) + " bytes wait already, at most " + std::to_string(kMaxBuffered),
                       DOMException::kOperationError);
  }
  switch (engine_->sendData(body_->now(), handle, Bytes(bytes.begin(), bytes.end()), !text)) {
    case datachannel::SendResult::ok: break;
    case datachannel::SendResult::not_open:
      throw DOMException("send: the channel is closing", DOMException::kInvalidStateError);
    case datachannel::SendResult::too_large:
      throw TypeError("send: the message has " + std::to_string(bytes.size()) + " bytes, more than the other side takes");
    case datachannel::SendResult::buffer_full:
      throw DOMException("send: the send buffer is full", DOMException::kOperationError);
  }
  touched();
}

/// §6.2.4: closing is announced to the program by `closing` only when the other side began.
void PeerConnection::closeChannel(RTCDataChannel& channel) {
  if (channel.readyState_ == RTCDataChannelState::closing || channel.readyState_ == RTCDataChannelState::closed) return;
  channel.readyState_ = RTCDataChannelState::closing;
  engine_->closeDataChannel(body_->now(), datachannel::ChannelHandle(static_cast<uint32_t>(channel.handle_)));
  touched();
}

void PeerConnection::setLowThreshold(RTCDataChannel& channel, uint64_t bytes) {
  engine_->setBufferedAmountLowThreshold(datachannel::ChannelHandle(static_cast<uint32_t>(channel.handle_)), bytes);
}

uint64_t PeerConnection::bufferedAmount(const RTCDataChannel& channel) const {
  return engine_->dataChannels().bufferedAmount(datachannel::ChannelHandle(static_cast<uint32_t>(channel.handle_)));
}

void PeerConnection::onChannelEvent(datachannel::Event& event) {
  if (auto* incoming = std::get_if<datachannel::Incoming>(&event)) {
    RTCDataChannelInit init{.ordered = incoming->params.ordered,
                            .maxPacketLifeTime = incoming->params.maxPacketLifeTime,
                            .maxRetransmits = incoming->params.maxRetransmits,
                            .protocol = incoming->params.protocol,
                            .negotiated = incoming->params.negotiated,
                            .id = incoming->params.id};
    std::shared_ptr<RTCDataChannel> channel(new RTCDataChannel(weak_from_this(), incoming->params.label, std::move(init)));
    channel->handle_ = incoming->channel.value();
    channel->id_ = incoming->params.id;
    channel->readyState_ = RTCDataChannelState::open;  // §6.1.1.5: open when it is announced, the open event later
    channels_[incoming->channel.value()] = channel;
    fire<"datachannel">(RTCDataChannelEvent(std::move(channel)));
  } else if (auto* opened = std::get_if<datachannel::Opened>(&event)) {
    auto channel = findChannel(opened->channel);
    if (!channel || channel->readyState_ == RTCDataChannelState::closing) return;
    channel->readyState_ = RTCDataChannelState::open;
    channel->id_ = opened->id;
    channel->dispatchEvent<"open">();
  } else if (auto* received = std::get_if<datachannel::Received>(&event)) {
    auto channel = findChannel(received->channel);
    if (!channel || channel->readyState_ != RTCDataChannelState::open) return;
    if (received->binary) {
      channel->dispatchEvent<"message">(MessageEvent(std::move(received->data)));
    } else {
      channel->dispatchEvent<"message">(MessageEvent(std::string(asText(received->data))));
    }
  } else if (auto* low = std::get_if<datachannel::BufferedAmountLow>(&event)) {
    if (auto channel = findChannel(low->channel)) channel->dispatchEvent<"bufferedamountlow">();
  } else if (auto* closing = std::get_if<datachannel::Closing>(&event)) {
    auto channel = findChannel(closing->channel);
    if (!channel || channel->readyState_ == RTCDataChannelState::closing) return;
    channel->readyState_ = RTCDataChannelState::closing;
    channel->dispatchEvent<"closing">();
  } else if (auto* closed = std::get_if<datachannel::Closed>(&event)) {
    auto channel = findChannel(closed->channel);
    if (!channel) return;
    channel->bufferedAmount_ = bufferedAmount(*channel);  // closing does not set it back to 0
    channel->readyState_ = RTCDataChannelState::closed;
    channels_.erase(closed->channel.value());
    const std::weak_ptr<PeerConnection> weak = weak_from_this();
    if (closed->error) {
      const auto detail = *closed->error == datachannel::ChannelError::sctp_failure
                              ? RTCErrorDetailType::sctp_failure
                              : RTCErrorDetailType::data_channel_failure;
      RTCError error(detail, closed->reason);
      if (closed->sctpCauseCode) error.withSctpCauseCode(*closed->sctpCauseCode);
      channel->dispatchEvent<"error">(RTCErrorEvent(std::move(error)));
      if (weak.expired() || closed_) return;
    }
    channel->dispatchEvent<"close">();
  }
}

}  // namespace peerage::detail
