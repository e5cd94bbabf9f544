#include "datachannel/manager.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "datachannel/dcep.hpp"

namespace peerage::datachannel {
namespace {

constexpr uint16_t kNoStream = 65535;  // RFC 8832 §6: never used
constexpr size_t kMaxText = 65535;     // label and protocol have 16-bit lengths

}  // namespace

std::string_view toString(ChannelState state) {
  switch (state) {
    case ChannelState::connecting: return "connecting";
    case ChannelState::open: return "open";
    case ChannelState::closing: return "closing";
    case ChannelState::closed: return "closed";
  }
  return "?";
}

std::string_view toString(SendResult result) {
  switch (result) {
    case SendResult::ok: return "ok";
    case SendResult::not_open: return "not-open";
    case SendResult::too_large: return "too-large";
    case SendResult::buffer_full: return "buffer-full";
  }
  return "?";
}

Manager::Manager(Log log) : log_(std::move(log)) {}

void Manager::setState(Channel& channel, ChannelState state, std::string_view why) {
  if (channel.state == state) return;
  if (log_) {
    log_.debug("channel " + std::to_string(channel.handle.value()) + ": " + std::string(toString(channel.state)) +
               " -> " + std::string(toString(state)) + ": " + std::string(why));
  }
  channel.state = state;
}

Manager::Channel* Manager::find(ChannelHandle handle) {
  const auto found = channels_.find(handle.value());
  return found == channels_.end() ? nullptr : &found->second;
}
const Manager::Channel* Manager::find(ChannelHandle handle) const {
  const auto found = channels_.find(handle.value());
  return found == channels_.end() ? nullptr : &found->second;
}
Manager::Channel* Manager::byStream(uint16_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : find(found->second);
}

bool Manager::associationUp() const { return association_ != nullptr && connected_; }

// Ids are below this: one that both directions have.
uint32_t Manager::streamLimit() const { return std::min<uint32_t>(negotiatedStreams_, kNoStream); }

void Manager::attach(Timestamp now, sctp::Association* association) {
  association_ = association;
  connected_ = false;
  if (association_ == nullptr) return;
  if (association_->established()) {  // its Connected may have gone to somebody else
    connected_ = true;
    openWaiting(now);
  }
}

void Manager::setRole(Timestamp now, DtlsRole role) {
  if (role_) return;  // the role of a transport does not change
  role_ = role;
  assignIds();
  if (associationUp()) openWaiting(now);
}

std::optional<uint16_t> Manager::freeId() const {
  for (uint32_t id = *role_ == DtlsRole::client ? 0 : 1; id < streamLimit(); id += 2) {
    if (!streams_.contains(static_cast<uint16_t>(id))) return static_cast<uint16_t>(id);
  }
  return std::nullopt;
}

void Manager::assignIds() {
  std::vector<ChannelHandle> failed;
  for (auto& [value, channel] : channels_) {
    if (channel.params.id || channel.state != ChannelState::connecting) continue;
    const auto free = freeId();
    if (!free) {
      failed.push_back(channel.handle);
      continue;
    }
    channel.params.id = *free;
    streams_.emplace(*free, channel.handle);
  }
  for (const ChannelHandle handle : failed) {
    Channel& channel = *find(handle);
    channel.error = ChannelError::data_channel_failure;
    channel.reason = "no stream id is left";
    finish(channel);
  }
}

Result<ChannelHandle> Manager::create(Timestamp now, ChannelParams params) {
  if (params.maxRetransmits && params.maxPacketLifeTime) return failure("both maxRetransmits and maxPacketLifeTime");
  if (params.label.size() > kMaxText) {
    return failure("label of " + std::to_string(params.label.size()) + " bytes, at most 65535");
  }
  if (params.protocol.size() > kMaxText) {
    return failure("protocol of " + std::to_string(params.protocol.size()) + " bytes, at most 65535");
  }
  if (params.negotiated) {
    if (!params.id) return failure("a negotiated channel needs an id");
    if (*params.id == kNoStream) return failure("id 65535, at most 65534");
    if (connected_ && *params.id >= streamLimit()) {
      return failure("id " + std::to_string(*params.id) + ", below " + std::to_string(streamLimit()) + " streams");
    }
    if (streams_.contains(*params.id)) return failure("id " + std::to_string(*params.id) + " is in use");
  } else {
    params.id.reset();  // RTCDataChannelInit.id counts for negotiated channels only
    if (role_) {
      params.id = freeId();
      if (!params.id) return failure("no stream id is left");
    }
  }
  const ChannelHandle handle{nextHandle_++};
  Channel& channel = channels_[handle.value()];
  channel.handle = handle;
  channel.params = std::move(params);
  channel.acknowledged = channel.params.negotiated;
  if (channel.params.id) {
    streams_.emplace(*channel.params.id, handle);
    if (associationUp()) open(now, channel);
  }
  return handle;
}

void Manager::openWaiting(Timestamp now) {
  // Ids beyond what was negotiated can never work (W3C: "announce the RTCSctpTransport as connected").
  std::vector<ChannelHandle> handles;
  for (const auto& [value, channel] : channels_) handles.push_back(channel.handle);
  for (const ChannelHandle handle : handles) {
    Channel& channel = *find(handle);
    if (channel.state != ChannelState::connecting || !channel.params.id) continue;
    if (*channel.params.id >= streamLimit()) {
      channel.error = ChannelError::data_channel_failure;
      channel.reason = "stream id " + std::to_string(*channel.params.id) + " of " + std::to_string(streamLimit());
      finish(channel);
    } else {
      open(now, channel);
    }
  }
}

void Manager::open(Timestamp now, Channel& channel) {
  const sctp::StreamId stream(*channel.params.id);
  orphans_.erase(*channel.params.id);
  association_->setPriority(stream, channel.params.priority);
  association_->setBufferedAmountLowThreshold(stream, channel.lowThreshold);
  if (!channel.params.negotiated && !channel.incoming) {
    OpenMessage message{channel.params.ordered,  channel.params.maxRetransmits, channel.params.maxPacketLifeTime,
                        channel.params.priority, channel.params.label,          channel.params.protocol};
    // Sent in order and reliably whatever the channel is (RFC 8832 §6).
    const auto sent = association_->send(now, stream, kPpidControl, message.serialize(), {.counted = false});
    if (sent != sctp::SendResult::ok) {
      channel.error = ChannelError::data_channel_failure;
      channel.reason = "DATA_CHANNEL_OPEN was not taken: " + std::string(sctp::toString(sent));
      finish(channel);
      return;
    }
  }
  setState(channel, ChannelState::open, "announced");
  ++counters_.opened;
  events_.emplace_back(Opened{channel.handle, *channel.params.id});
}

sctp::SendOptions Manager::sendOptions(const Channel& channel) const {
  sctp::SendOptions options;
  // Until the ACK has come nothing may overtake the OPEN (RFC 8832 §6).
  options.unordered = !channel.params.ordered && channel.acknowledged;
  options.maxRetransmits = channel.params.maxRetransmits;
  if (channel.params.maxPacketLifeTime) options.lifetime = std::chrono::milliseconds(*channel.params.maxPacketLifeTime);
  return options;
}

SendResult Manager::send(Timestamp now, ChannelHandle handle, Bytes data, bool binary) {
  Channel* const channel = find(handle);
  if (channel == nullptr || channel->state != ChannelState::open || association_ == nullptr) {
    return SendResult::not_open;
  }
  sctp::SendOptions options = sendOptions(*channel);
  sctp::Ppid ppid = binary ? kPpidBinary : kPpidString;
  const size_t size = data.size();
  if (data.empty()) {  // SCTP has no empty messages: one zero byte under a PPID of its own (RFC 8831 §6.6)
    ppid = binary ? kPpidBinaryEmpty : kPpidStringEmpty;
    data.push_back(0);
    options.counted = false;
  }
  const auto result = association_->send(now, sctp::StreamId(*channel->params.id), ppid, std::move(data), options);
  switch (result) {
    case sctp::SendResult::ok:
      ++channel->messagesSent;
      channel->bytesSent += size;
      return SendResult::ok;
    case sctp::SendResult::too_large:
      return SendResult::too_large;
    case sctp::SendResult::buffer_full:
      return SendResult::buffer_full;
    case sctp::SendResult::empty:
    case sctp::SendResult::invalid_stream:
    case sctp::SendResult::stream_resetting:
    case sctp::SendResult::shutting_down:
      return SendResult::not_open;
  }
  return SendResult::not_open;
}

void Manager::close(Timestamp now, ChannelHandle handle) {
  Channel* const channel = find(handle);
  if (channel == nullptr || channel->state == ChannelState::closing) return;
  if (!associationUp() || channel->state == ChannelState::connecting) {
    finish(*channel);
    return;
  }
  setState(*channel, ChannelState::closing, "close()");
  startReset(now, *channel);
}

void Manager::startReset(Timestamp now, Channel& channel) {
  if (channel.resetRequested) return;
  channel.resetRequested = true;
  const std::array streams{sctp::StreamId(*channel.params.id)};
  association_->resetStreams(now, streams);
}

void Manager::fail(Timestamp now, Channel& channel, std::string reason) {
  if (!channel.error) {
    channel.error = ChannelError::data_channel_failure;
    channel.reason = std::move(reason);
  }
  if (channel.state == ChannelState::open) {
    setState(channel, ChannelState::closing, channel.reason);
    events_.emplace_back(Closing{channel.handle});
  }
  if (channel.state == ChannelState::closing && associationUp()) startReset(now, channel);
}

// The channel is over: its last event goes out and its id is free.
void Manager::finish(Channel& channel) {
  if (channel.state == ChannelState::open || channel.state == ChannelState::closing) ++counters_.closed;
  setState(channel, ChannelState::closed, channel.reason);
  Closed event{channel.handle, channel.error, {}, std::move(channel.reason)};
  if (channel.params.id) {
    const auto found = streams_.find(*channel.params.id);
    if (found != streams_.end() && found->second == channel.handle) streams_.erase(found);
  }
  channels_.erase(channel.handle.value());
  events_.push_back(std::move(event));
}

void Manager::closeAll(std::optional<ChannelError> error, std::string reason, std::optional<uint16_t> sctpCauseCode) {
  connected_ = false;
  association_ = nullptr;
  while (!channels_.empty()) {
    Channel& channel = channels_.begin()->second;
    if (!channel.error) {
      channel.error = error;
      channel.reason = reason;
    }
    const bool own = channel.error == error;
    finish(channel);
    if (own) std::get<Closed>(events_.back()).sctpCauseCode = sctpCauseCode;
  }
}

ChannelState Manager::state(ChannelHandle handle) const {
  const Channel* const channel = find(handle);
  return channel ? channel->state : ChannelState::closed;
}
const ChannelParams* Manager::params(ChannelHandle handle) const {
  const Channel* const channel = find(handle);
  return channel ? &channel->params : nullptr;
}
std::optional<uint16_t> Manager::id(ChannelHandle handle) const {
  const Channel* const channel = find(handle);
  return channel ? channel->params.id : std::nullopt;
}
size_t Manager::bufferedAmount(ChannelHandle handle) const {
  const Channel* const channel = find(handle);
  if (!channel || !association_ || !channel->params.id) return 0;
  return association_->bufferedAmount(sctp::StreamId(*channel->params.id));
}
void Manager::setBufferedAmountLowThreshold(ChannelHandle handle, size_t bytes) {
  Channel* const channel = find(handle);
  if (!channel) return;
  channel->lowThreshold = bytes;
  if (association_ && channel->state != ChannelState::connecting) {
    association_->setBufferedAmountLowThreshold(sctp::StreamId(*channel->params.id), bytes);
  }
}
uint64_t Manager::messagesSent(ChannelHandle handle) const {
  const Channel* const channel = find(handle);
  return channel ? channel->messagesSent : 0;
}
uint64_t Manager::messagesReceived(ChannelHandle handle) const {
  const Channel* const channel = find(handle);
  return channel ? channel->messagesReceived : 0;
}
uint64_t Manager::bytesSent(ChannelHandle handle) const {
  const Channel* const channel = find(handle);
  return channel ? channel->bytesSent : 0;
}
uint64_t Manager::bytesReceived(ChannelHandle handle) const {
  const Channel* const channel = find(handle);
  return channel ? channel->bytesReceived : 0;
}

std::optional<Event> Manager::pollEvent() {
  if (events_.empty()) return std::nullopt;
  std::optional<Event> event(std::move(events_.front()));
  events_.pop_front();
  return event;
}

}  // namespace peerage::datachannel
