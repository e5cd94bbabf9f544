// What the association reports: messages, resets, its end.
#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "datachannel/dcep.hpp"
#include "datachannel/manager.hpp"

namespace peerage::datachannel {
namespace {

constexpr size_t kMaxPartial = 16 * 1024 * 1024;  // of the deprecated partial messages, which carry no length
constexpr size_t kMaxForNext = 16 * 1024 * 1024;  // what may come before a reset's answer: a timeout or two

}  // namespace

void Manager::handleEvent(Timestamp now, sctp::Event event) {
  std::visit(
      [&](auto& e) {
        using T = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<T, sctp::Connected>) {
          negotiatedStreams_ = std::min(e.inboundStreams, e.outboundStreams);
          if (association_ == nullptr || connected_) return;
          connected_ = true;
          openWaiting(now);
        } else if constexpr (std::is_same_v<T, sctp::Message>) {
          if (associationUp()) handleMessage(now, std::move(e));
        } else if constexpr (std::is_same_v<T, sctp::MessageTooLarge>) {
          if (Channel* const channel = byStream(e.stream.value())) {
            fail(now, *channel, "message beyond max-message-size");
          }
        } else if constexpr (std::is_same_v<T, sctp::IncomingStreamsReset>) {
          handleIncomingReset(now, e.streams);
        } else if constexpr (std::is_same_v<T, sctp::OutgoingStreamsReset>) {
          handleOutgoingReset(now, e);
        } else if constexpr (std::is_same_v<T, sctp::BufferedAmountLow>) {
          const Channel* const channel = byStream(e.stream.value());
          if (channel && channel->state != ChannelState::connecting) {
            events_.emplace_back(BufferedAmountLow{channel->handle});
          }
        } else if constexpr (std::is_same_v<T, sctp::SendFailed>) {
          // What a channel with limits may lose is no event of RTCDataChannel.
        } else if constexpr (std::is_same_v<T, sctp::Restarted>) {
          // The peer has forgotten its channels, and nothing would tell it of ours.
          sctp::Association* const association = association_;
          closeAll(ChannelError::sctp_failure, "the peer restarted the association");
          association_ = association;
          connected_ = association != nullptr;
        } else if constexpr (std::is_same_v<T, sctp::Closed>) {
          closeAll(std::nullopt);
        } else if constexpr (std::is_same_v<T, sctp::Aborted>) {
          const std::optional<uint16_t> cause = e.cause != 0 ? std::optional(e.cause) : std::nullopt;
          closeAll(ChannelError::sctp_failure, std::move(e.reason), cause);
        }
      },
      event);
}

void Manager::handleMessage(Timestamp now, sctp::Message message) {
  Channel* const channel = byStream(message.stream.value());
  if (channel != nullptr && channel->incomingReset && (message.ppid == kPpidControl || !channel->forNext.empty())) {
    keepForNext(now, *channel, std::move(message));
    return;
  }
  if (message.ppid == kPpidControl) {
    handleControl(now, message);
    return;
  }
  // A channel that is closing still takes what the peer sent before it knew.
  if (channel == nullptr || channel->state == ChannelState::connecting || channel->incomingReset) {
    ++counters_.strayMessages;
    if (channel == nullptr) orphans_.erase(message.stream.value());
    return;
  }
  handleUserMessage(now, *channel, std::move(message));
}

// The peer has reset its side, seen ours reset, and opened a new channel with the id; that our side is reset we have
// not heard yet, since the answer was lost or comes after. Both are right, so the new channel waits for that answer.
void Manager::keepForNext(Timestamp now, Channel& channel, sctp::Message message) {
  constexpr size_t kOverhead = 64;
  channel.forNextBytes += message.data.size() + kOverhead;
  if (channel.forNextBytes > kMaxForNext) {
    channel.forNext.clear();
    channel.forNextBytes = 0;
    ++counters_.strayMessages;
    fail(now, channel, "the peer uses the stream again without answering its reset");
    return;
  }
  channel.forNext.emplace_back(std::move(message));
}

void Manager::finishAndGoOn(Timestamp now, Channel& channel) {
  std::vector<sctp::Event> next = std::move(channel.forNext);
  finish(channel);
  for (sctp::Event& event : next) handleEvent(now, std::move(event));
}

void Manager::handleUserMessage(Timestamp now, Channel& channel, sctp::Message message) {
  // RFC 8832 §6: any message from the other side shows that it knows the channel.
  channel.acknowledged = true;
  const bool binary = message.ppid == kPpidBinary || message.ppid == kPpidBinaryEmpty ||
                      message.ppid == kPpidBinaryPartial;
  if (message.ppid == kPpidBinaryPartial || message.ppid == kPpidStringPartial) {
    if (channel.partial.size() + message.data.size() > kMaxPartial) {
      fail(now, channel, "partial messages of more than " + std::to_string(kMaxPartial) + " bytes");
      return;
    }
    channel.partial.insert(channel.partial.end(), message.data.begin(), message.data.end());
    return;
  }
  if (message.ppid == kPpidStringEmpty || message.ppid == kPpidBinaryEmpty) {
    message.data.clear();  // whatever byte stands for it
  } else if (message.ppid != kPpidString && message.ppid != kPpidBinary) {
    ++counters_.unknownPpids;
    return;
  }
  if (!channel.partial.empty()) {
    channel.partial.insert(channel.partial.end(), message.data.begin(), message.data.end());
    message.data = std::exchange(channel.partial, {});
  }
  if (!binary) message.data = decodeUtf8(std::move(message.data));
  ++channel.messagesReceived;
  channel.bytesReceived += message.data.size();
  events_.emplace_back(Received{channel.handle, std::move(message.data), binary});
}

void Manager::handleControl(Timestamp now, const sctp::Message& message) {
  const uint16_t id = message.stream.value();
  const auto control = parseControl(message.data);
  if (!control) {
    ++counters_.malformedControl;
    if (log_) log_.warning("stream " + std::to_string(id) + ": " + control.error().message);
    if (Channel* const channel = byStream(id)) {
      fail(now, *channel, control.error().message);
    } else {
      // There is no channel to close, but the peer has one: it learns by the reset of our side (RFC 8832 §6).
      resetOrphan(now, id);
    }
    return;
  }
  if (std::holds_alternative<AckMessage>(*control)) {
    Channel* const channel = byStream(id);
    if (channel == nullptr || channel->params.negotiated || channel->incoming ||
        channel->state == ChannelState::connecting) {
      ++counters_.unexpectedAcks;
    } else {
      channel->acknowledged = true;
    }
    return;
  }
  handleOpen(now, id, message.data);
}

void Manager::handleOpen(Timestamp now, uint16_t id, ByteView body) {
  const OpenMessage open = std::get<OpenMessage>(*parseControl(body));
  // RFC 8832 §6: the id is unused and of the peer's parity; else the channel is closed and no ACK sent.
  Channel* const existing = byStream(id);
  const bool peersParity = role_ && (id % 2 == 0) == (*role_ == DtlsRole::server);
  if (existing != nullptr || !peersParity || id >= streamLimit()) {
    ++counters_.misplacedOpens;
    if (existing != nullptr) {
      fail(now, *existing, "DATA_CHANNEL_OPEN on stream " + std::to_string(id) + ", which is in use");
    } else {
      resetOrphan(now, id);
    }
    return;
  }
  const ChannelHandle handle{nextHandle_++};
  Channel& channel = channels_[handle.value()];
  channel.handle = handle;
  channel.params = {open.label, open.protocol, open.ordered, open.maxRetransmits, open.maxPacketLifeTime,
                    false,      id,            open.priority};
  channel.incoming = true;
  channel.acknowledged = true;
  streams_.emplace(id, handle);
  orphans_.erase(id);
  events_.emplace_back(Incoming{handle, channel.params});
  const auto sent =
      association_->send(now, sctp::StreamId(id), kPpidControl, AckMessage::serialize(), {.counted = false});
  if (sent == sctp::SendResult::ok) {
    Manager::open(now, channel);
  } else {
    channel.error = ChannelError::data_channel_failure;
    channel.reason = "DATA_CHANNEL_ACK was not taken: " + std::string(sctp::toString(sent));
    finish(channel);
  }
}

void Manager::handleIncomingReset(Timestamp now, const std::vector<sctp::StreamId>& streams) {
  if (streams.empty()) {  // all of them
    std::vector<ChannelHandle> all;
    for (const auto& [value, channel] : channels_) {
      if (channel.params.id && channel.state != ChannelState::connecting) all.push_back(channel.handle);
    }
    for (const ChannelHandle handle : all) peerReset(now, *find(handle));
    return;
  }
  for (const sctp::StreamId stream : streams) {
    Channel* const channel = byStream(stream.value());
    if (channel != nullptr && channel->state != ChannelState::connecting) {
      peerReset(now, *channel);
    } else if (channel == nullptr && associationUp()) {
      // A channel that only the peer has (it negotiated one that we never made): it waits for our side all the same.
      resetOrphan(now, stream.value());
    }
  }
}

// Our side of a stream without a channel is reset to close the one that the peer has there: once until the stream is
// used again, or two ends that both know nothing of it would answer each other for ever.
void Manager::resetOrphan(Timestamp now, uint16_t id) {
  if (!orphans_.insert(id).second) return;
  const std::array streams{sctp::StreamId(id)};
  association_->resetStreams(now, streams);
}

// RFC 8831 §6.7: whose incoming stream was reset resets the outgoing one.
void Manager::peerReset(Timestamp now, Channel& channel) {
  if (channel.incomingReset && !channel.forNext.empty()) {  // of the channel that is to come
    channel.forNext.emplace_back(sctp::IncomingStreamsReset{{sctp::StreamId(*channel.params.id)}});
    return;
  }
  channel.incomingReset = true;
  if (channel.state == ChannelState::open) {
    setState(channel, ChannelState::closing, "reset by the peer");
    events_.emplace_back(Closing{channel.handle});
  }
  if (channel.outgoingReset) {
    finishAndGoOn(now, channel);
  } else if (associationUp()) {
    startReset(now, channel);
  }
}

void Manager::handleOutgoingReset(Timestamp now, const sctp::OutgoingStreamsReset& reset) {
  for (const sctp::StreamId stream : reset.streams) {
    Channel* const channel = byStream(stream.value());
    if (channel == nullptr || !channel->resetRequested) continue;
    channel->outgoingReset = true;
    // A peer that cannot or will not reset leaves nothing to wait for; its refusal is no fault of the channel's data.
    if (channel->incomingReset || !reset.performed) finishAndGoOn(now, *channel);
  }
}

}  // namespace peerage::datachannel
