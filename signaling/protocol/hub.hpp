// The signalling server without its sockets: connections and their messages go in with the time, messages to send come out.
#pragma once

#include <map>
#include <optional>
#include <string_view>

#include "base/random.hpp"
#include "base/time.hpp"
#include "peerage/signaling.hpp"
#include "signaling/protocol/json_lobby.hpp"
#include "signaling/protocol/outbox.hpp"
#include "signaling/protocol/room_server.hpp"
#include "signaling/protocol/token_bucket.hpp"

namespace peerage::signaling {

class Hub {
 public:
  Hub(const Limits& limits, RandomSource& random)
      : limits_(limits), lobby_(limits_, out_), rooms_(limits_, random, out_) {}
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  /// A connection was made with this subprotocol. `id` is new. A full hub answers with an error and closes it:
  /// at once in `json`, at a hello with a name in `peerage.1`.
  void handleConnect(Timestamp now, ConnectionId id, Protocol protocol);
  /// One whole text message.
  void handleInput(Timestamp now, ConnectionId id, std::string_view text);
  /// A message that is longer than Limits::messageBytes, or binary: refused, and the connection closed.
  void handleTooBig(ConnectionId id);
  void handleBinary(ConnectionId id);
  void handlePong(Timestamp now, ConnectionId id);
  /// The transport gave up on a client that does not read.
  void handleTooSlow(ConnectionId id);
  /// The connection is gone, whoever closed it.
  void handleClose(Timestamp now, ConnectionId id);
  void handleTimeout(Timestamp now);

  std::optional<Output> pollTransmit();
  std::optional<HubEvent> pollEvent();
  std::optional<Timeout> nextTimeout() const;

  const Limits& limits() const { return limits_; }
  const HubCounters& counters() const { return out_.counters; }
  /// Connections, those included that are being closed.
  size_t connections() const { return connections_.size(); }

 private:
  struct Connection {
    Protocol protocol;
    TokenBucket messages;
    TokenBucket bytes;
    Timestamp since;
    Timestamp heard;
    bool pinged = false;
    bool closing = false;
    bool refused = false;  ///< when it came: it never took a place
    int refusedInARow = 0;
  };
  /// Deadlines are looked at this often: they are of seconds, and one timer serves all connections.
  static constexpr Duration kSweep = 1s;

  Connection* open(ConnectionId id);
  /// No place for one more user.
  bool full() const { return jsonConnections_ + rooms_.sessions() >= limits_.users; }
  void refuse(ConnectionId id, std::string_view code, std::string_view text);
  /// Sends the reason as an error, too: a browser's page cannot always see a close frame's.
  void shut(ConnectionId id, Connection& connection, CloseCode code, std::string_view errorCode, std::string_view text);
  void overRate(ConnectionId id, Connection& connection);
  void checkDeadlines(Timestamp now, ConnectionId id, Connection& connection);
  bool named(ConnectionId id, const Connection& connection) const;

  const Limits limits_;
  Outbox out_;
  JsonLobby lobby_;
  RoomServer rooms_;
  std::map<ConnectionId, Connection> connections_;
  size_t jsonConnections_ = 0;
  std::optional<Timestamp> nextSweep_;
};

}  // namespace peerage::signaling
