// Subprotocol `peerage.1`: sessions that outlive a lost socket, rooms, and descriptions and candidates between two of a
// room. docs/signaling.md has the messages.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "base/random.hpp"
#include "base/time.hpp"
#include "peerage/signaling.hpp"
#include "signaling/protocol/outbox.hpp"

namespace peerage::signaling {

class RoomServer {
 public:
  RoomServer(const Limits& limits, RandomSource& random, Outbox& out) : limits_(limits), random_(random), out_(out) {}

  void connect(ConnectionId id);
  /// `message` is an object within the limits. `full`: no place for one more session.
  void handleMessage(ConnectionId id, Json message, bool full);
  /// The socket is gone; the session waits Limits::resumeTime for it to come back.
  void disconnect(Timestamp now, ConnectionId id);
  /// Ends the sessions that have waited long enough.
  void expire(Timestamp now);
  /// Whether the connection has a session.
  bool named(ConnectionId id) const;
  /// Sessions that wait for their client.
  size_t waiting() const { return waiting_; }
  /// Those included that wait.
  size_t sessions() const { return sessions_.size(); }

 private:
  using SessionId = uint64_t;
  struct Session {
    SessionId id = 0;
    std::string name;
    std::string token;
    std::optional<ConnectionId> connection;
    Timestamp lostAt;
    std::set<std::string> rooms;
    uint64_t received = 0;  ///< the last sequence number of the client's that was handled
    uint64_t sent = 0;      ///< the last sequence number given to it
    std::deque<SendOutput> unacknowledged;  ///< sequence numbers up to `sent`, without gap
    size_t unacknowledgedBytes = 0;
  };
  using Room = std::set<SessionId>;

  void hello(ConnectionId id, const Json& message, bool full);
  void resume(ConnectionId id, const Json& wish);
  void attach(Session& session, ConnectionId id);
  void welcome(const Session& session, bool resumed);
  void acknowledge(Session& session, uint64_t upTo);
  void handleSequenced(Session& session, std::string_view type, const Json& message);
  void join(Session& session, const Json& message);
  void leave(Session& session, const Json& message);
  void relay(Session& session, std::string_view type, const Json& message);
  void leaveRoom(Session& session, const std::string& room);
  Json peerMember(const Session& peer, const Session& seenBy) const;
  /// Sends with a sequence number and keeps it until it is acknowledged.
  void deliver(Session& session, Json message);
  void refuse(Session& session, std::string_view code, std::string_view text, uint64_t about);
  void refuseConnection(ConnectionId id, std::string_view code, std::string_view text);
  void end(Session& session, std::string_view why);
  /// Ends those whose queue has overflowed, now that nobody walks over the rooms.
  void endOverflowing();
  std::string newToken();

  const Limits& limits_;
  RandomSource& random_;
  Outbox& out_;
  std::map<ConnectionId, SessionId> connections_;  ///< 0: no session yet
  std::map<SessionId, Session> sessions_;
  std::unordered_map<std::string, SessionId> byToken_;
  std::unordered_map<std::string, SessionId> byName_;
  std::unordered_map<std::string, Room> rooms_;
  std::set<SessionId> overflowing_;
  size_t waiting_ = 0;
  SessionId nextSession_ = 1;
};

}  // namespace peerage::signaling
