#include "signaling/protocol/hub.hpp"

#include <string>
#include <utility>

namespace peerage::signaling {

std::string_view toString(Protocol protocol) { return protocol == Protocol::json ? "json" : "peerage.1"; }

std::optional<Protocol> protocolFromString(std::string_view text) {
  if (text == "json") return Protocol::json;
  if (text == "peerage.1") return Protocol::peerage_1;
  return std::nullopt;
}

Hub::Connection* Hub::open(ConnectionId id) {
  const auto found = connections_.find(id);
  return found == connections_.end() || found->second.closing ? nullptr : &found->second;
}

void Hub::handleConnect(Timestamp now, ConnectionId id, Protocol protocol) {
  // In `peerage.1` hello tells whether this is one more user or one who is here already, and comes back: whose place is kept.
  // Until then all of them may be on a second socket.
  const bool full = protocol == Protocol::json ? this->full() : connections_.size() >= 2 * limits_.users;
  const auto [place, isNew] = connections_.try_emplace(
      id, Connection{protocol, TokenBucket(now, limits_.messagesPerSecond, limits_.messageBurst),
                     TokenBucket(now, limits_.bytesPerSecond, limits_.byteBurst), now, now});
  if (!isNew) return;
  if (!nextSweep_) nextSweep_ = now + kSweep;
  if (full) {
    place->second.refused = true;
    out_.noteFull(limits_.users);
    return shut(id, place->second, CloseCode::try_again_later, "server-full", fullMessage(limits_.users));
  }
  if (protocol == Protocol::json) {
    ++jsonConnections_;
    lobby_.connect(id);
  } else {
    rooms_.connect(id);
  }
}

void Hub::handleInput(Timestamp now, ConnectionId id, std::string_view text) {
  Connection* connection = open(id);
  if (!connection) return;
  ++out_.counters.received;
  connection->heard = now;
  connection->pinged = false;
  if (text.size() > limits_.messageBytes) return handleTooBig(id);
  if (!connection->messages.take(now, 1) || !connection->bytes.take(now, static_cast<double>(text.size()))) {
    return overRate(id, *connection);
  }
  connection->refusedInARow = 0;
  auto message = parseObject(text, limits_.jsonDepth);
  if (!message) return refuse(id, "bad-message", message.error().message);
  if (connection->protocol == Protocol::json) {
    lobby_.handleMessage(id, std::move(*message));
  } else {
    rooms_.handleMessage(id, std::move(*message), full());
  }
}

void Hub::overRate(ConnectionId id, Connection& connection) {
  ++out_.counters.rateLimited;
  if (++connection.refusedInARow >= limits_.refusedInARow) {
    return shut(id, connection, CloseCode::policy, "rate-limited", "too many messages in too short a time");
  }
  // One answer for a run of refusals: the answers must not be the flood.
  if (connection.refusedInARow > 1) return;
  refuse(id, "rate-limited",
         "too much at once: a connection may send " + std::to_string(static_cast<long>(limits_.messagesPerSecond)) +
             " messages and " + std::to_string(static_cast<long>(limits_.bytesPerSecond)) +
             " bytes a second; what is more is dropped");
}

void Hub::handleTooBig(ConnectionId id) {
  if (Connection* connection = open(id)) {
    shut(id, *connection, CloseCode::too_big, "too-big",
         "a message may have " + std::to_string(limits_.messageBytes) + " bytes");
  }
}

void Hub::handleBinary(ConnectionId id) {
  if (Connection* connection = open(id)) {
    shut(id, *connection, CloseCode::policy, "bad-message", "messages are text, not binary");
  }
}

void Hub::handleTooSlow(ConnectionId id) {
  if (Connection* connection = open(id)) {
    shut(id, *connection, CloseCode::policy, "too-slow", "too much is waiting to be read by you");
  }
}

void Hub::handlePong(Timestamp now, ConnectionId id) {
  if (Connection* connection = open(id)) {
    connection->heard = now;
    connection->pinged = false;
  }
}

void Hub::handleClose(Timestamp now, ConnectionId id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const Protocol protocol = found->second.protocol;
  const bool refused = found->second.refused;
  connections_.erase(found);
  if (refused) return;
  if (protocol == Protocol::json) {
    --jsonConnections_;
    lobby_.disconnect(id);
  } else {
    rooms_.disconnect(now, id);
  }
}

bool Hub::named(ConnectionId id, const Connection& connection) const {
  return connection.protocol == Protocol::json ? lobby_.named(id) : rooms_.named(id);
}

void Hub::checkDeadlines(Timestamp now, ConnectionId id, Connection& connection) {
  if (connection.closing) return;
  if (now - connection.heard >= limits_.idleTime) {
    return shut(id, connection, CloseCode::idle, "idle",
                "nothing was heard from you for " + std::to_string(limits_.idleTime.count()) + " seconds");
  }
  if (now - connection.since >= limits_.helloTime && !named(id, connection)) {
    return shut(id, connection, CloseCode::policy, "no-name",
                "no name was given within " + std::to_string(limits_.helloTime.count()) + " seconds");
  }
  if (!connection.pinged && now - connection.heard >= limits_.pingAfter) {
    connection.pinged = true;
    out_.ping(id);
  }
}

void Hub::handleTimeout(Timestamp now) {
  if (!nextSweep_ || now < *nextSweep_) return;
  for (auto& [id, connection] : connections_) checkDeadlines(now, id, connection);
  rooms_.expire(now);
  const bool idle = connections_.empty() && rooms_.waiting() == 0;
  nextSweep_ = idle ? std::nullopt : std::optional(now + kSweep);
}

std::optional<Output> Hub::pollTransmit() {
  while (!out_.outputs.empty()) {
    Output output = std::move(out_.outputs.front());
    out_.outputs.pop_front();
    // The rooms close connections too; from then on the hub has nothing to hear from them.
    if (const auto* close = std::get_if<CloseOutput>(&output)) {
      const auto found = connections_.find(close->to);
      if (found == connections_.end()) continue;
      found->second.closing = true;
    }
    return output;
  }
  return std::nullopt;
}

std::optional<HubEvent> Hub::pollEvent() {
  if (out_.events.empty()) return std::nullopt;
  HubEvent event = std::move(out_.events.front());
  out_.events.pop_front();
  return event;
}

std::optional<Timeout> Hub::nextTimeout() const {
  if (!nextSweep_) return std::nullopt;
  return Timeout{*nextSweep_, "deadlines"};
}

void Hub::refuse(ConnectionId id, std::string_view code, std::string_view text) {
  ++out_.counters.refused;
  out_.send(id, errorMessage(code, text));
}

void Hub::shut(ConnectionId id, Connection& connection, CloseCode code, std::string_view errorCode, std::string_view text) {
  refuse(id, errorCode, text);
  out_.close(id, code, std::string(text));
  connection.closing = true;
}

}  // namespace peerage::signaling
