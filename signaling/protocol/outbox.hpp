// What the protocol's state machines have to say: outputs towards connections, events for the log, counters.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <variant>

#include "base/strong.hpp"
#include "signaling/protocol/text.hpp"

namespace peerage::signaling {

/// One WebSocket connection, named by the server.
using ConnectionId = Strong<struct ConnectionTag, uint64_t>;

/// WebSocket close codes (RFC 6455 §7.4); those of 4000 and more are ours.
enum class CloseCode : uint16_t {
  normal = 1000,
  policy = 1008,
  too_big = 1009,
  try_again_later = 1013,
  idle = 4000,
  replaced = 4001,  ///< the session has come back on another connection
  ended = 4002,     ///< the session is over
};

struct SendOutput {
  ConnectionId to;
  std::string text;
};
struct PingOutput {
  ConnectionId to;
};
/// The transport sends what was queued before, closes, drops what comes after, and ends with handleClose().
struct CloseOutput {
  ConnectionId to;
  CloseCode code;
  std::string reason;  ///< at most 123 bytes, as a close frame holds
};
using Output = std::variant<SendOutput, PingOutput, CloseOutput>;

/// A line for the operator.
struct HubEvent {
  std::string line;
};

struct HubCounters {
  uint64_t received = 0;       ///< messages
  uint64_t sent = 0;
  uint64_t refused = 0;        ///< answered with an error
  uint64_t rateLimited = 0;
  uint64_t closed = 0;         ///< connections that the server closed
  uint64_t resumed = 0;
};

class Outbox {
 public:
  void send(ConnectionId to, const Json& message) { sendText(to, dump(message)); }
  void sendText(ConnectionId to, std::string text) {
    ++counters.sent;
    outputs.emplace_back(SendOutput{to, std::move(text)});
  }
  void ping(ConnectionId to) { outputs.emplace_back(PingOutput{to}); }
  void close(ConnectionId to, CloseCode code, std::string reason) {
    ++counters.closed;
    if (reason.size() > 123) reason.resize(123);
    outputs.emplace_back(CloseOutput{to, code, std::move(reason)});
  }
  void note(std::string line) {
    if (events.size() < kMaxEvents) events.push_back(HubEvent{std::move(line)});
  }
  void noteFull(size_t users) { note("refused a connection: " + std::to_string(users) + " users are here"); }

  static constexpr size_t kMaxEvents = 10'000;  ///< an owner that never asks must not fill the memory
  std::deque<Output> outputs;
  std::deque<HubEvent> events;
  HubCounters counters;
};

/// The members that every error has, in both subprotocols.
inline Json errorMessage(std::string_view code, std::string_view text) {
  return Json{{"type", "error"}, {"code", code}, {"message", text}};
}

inline std::string fullMessage(size_t users) { return "the server is full: it takes " + std::to_string(users) + " users"; }

}  // namespace peerage::signaling
