// Subprotocol `json`: the messages of MDN's "Signaling and video calling". One room for all; messages with a target go to
// that user, others to everybody.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "peerage/signaling.hpp"
#include "signaling/protocol/outbox.hpp"

namespace peerage::signaling {

class JsonLobby {
 public:
  JsonLobby(const Limits& limits, Outbox& out) : limits_(limits), out_(out) {}

  void connect(ConnectionId id);
  /// `message` is an object within the limits.
  void handleMessage(ConnectionId id, Json message);
  void disconnect(ConnectionId id);
  /// Whether the connection has given a name.
  bool named(ConnectionId id) const;

 private:
  struct User {
    uint64_t number = 0;  ///< the "id" of the protocol
    std::string name;     ///< empty until given
  };

  void setName(ConnectionId id, User& user, const Json& message);
  std::string freeName(const std::string& wished) const;
  void broadcast(const Json& message);
  void sendUserList();
  void refuse(ConnectionId id, std::string_view code, std::string_view text);

  const Limits& limits_;
  Outbox& out_;
  std::map<ConnectionId, User> users_;  ///< in the order of arrival, as the list of users shows them
  std::unordered_map<std::string, ConnectionId> byName_;
  uint64_t nextNumber_ = 1;
};

}  // namespace peerage::signaling
