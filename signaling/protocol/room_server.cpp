#include "signaling/protocol/room_server.hpp"

#include <array>

namespace peerage::signaling {
namespace {

// Types of sequenced messages that go from one user to another as they are.
constexpr std::string_view kDescription = "description";
constexpr std::string_view kCandidate = "candidate";
constexpr std::string_view kHangUp = "hang-up";

constexpr std::array<std::string_view, 4> kDescriptionTypes{"offer", "pranswer", "answer", "rollback"};

/// Why the payload of a relayed message is wrong; nullopt when it is right.
std::optional<std::string_view> payloadProblem(std::string_view type, const Json& message) {
  if (type == kDescription) {
    const Json* description = objectMember(message, kDescription);
    const std::string* kind = description ? stringMember(*description, "type") : nullptr;
    if (!kind) return "a description has a member description with a type";
    for (std::string_view known : kDescriptionTypes) {
      if (*kind == known) return std::nullopt;
    }
    return "the type of a description is offer, pranswer, answer or rollback";
  }
  if (type == kCandidate) {
    const auto candidate = message.find(std::string(kCandidate));
    if (candidate == message.end() || !(candidate->is_object() || candidate->is_null())) {
      return "a candidate has a member candidate: an object, or null at the end of candidates";
    }
  }
  return std::nullopt;
}

}  // namespace

void RoomServer::connect(ConnectionId id) { connections_[id] = 0; }

bool RoomServer::named(ConnectionId id) const {
  const auto found = connections_.find(id);
  return found != connections_.end() && found->second != 0;
}

void RoomServer::handleMessage(ConnectionId id, Json message, bool full) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const std::string* type = stringMember(message, "type");
  if (!type) return refuseConnection(id, "bad-message", "the message has no type");
  const auto owner = sessions_.find(found->second);
  if (owner == sessions_.end()) {
    if (*type != "hello") return refuseConnection(id, "no-session", "say hello first");
    hello(id, message, full);
    return endOverflowing();
  }
  Session& session = owner->second;
  if (*type == "hello") return refuseConnection(id, "bad-message", "hello has been said on this connection");
  if (const auto ack = numberMember(message, "ack")) acknowledge(session, *ack);
  if (*type == "ack") return;
  if (*type == "bye") {
    out_.close(id, CloseCode::normal, "bye");
    end(session, "said good-bye");
    return endOverflowing();
  }

  const auto seq = numberMember(message, "seq");
  if (!seq) return refuseConnection(id, "bad-sequence", "the message has no sequence number seq");
  if (*seq <= session.received) return;  // sent again after a resume, and had arrived
  if (*seq != session.received + 1) {
    return refuseConnection(id, "bad-sequence", "the next sequence number is " + std::to_string(session.received + 1));
  }
  session.received = *seq;
  const SessionId sessionId = session.id;
  handleSequenced(session, *type, message);
  endOverflowing();
  if (sessions_.contains(sessionId) && session.connection) {
    out_.send(*session.connection, {{"type", "ack"}, {"ack", session.received}});
  }
}

void RoomServer::handleSequenced(Session& session, std::string_view type, const Json& message) {
  if (type == "join") return join(session, message);
  if (type == "leave") return leave(session, message);
  if (type == kDescription || type == kCandidate || type == kHangUp) return relay(session, type, message);
  refuse(session, "bad-message", "the server knows no such type of message", session.received);
}

void RoomServer::hello(ConnectionId id, const Json& message, bool full) {
  if (const Json* wish = objectMember(message, "resume")) return resume(id, *wish);
  const std::string* name = stringMember(message, "name");
  if (!name) return refuseConnection(id, "bad-message", "hello has a name, or resume with a token");
  if (const auto problem = nameProblem(*name, limits_.nameCharacters)) {
    return refuseConnection(id, "bad-name", "the name " + *problem);
  }
  if (full) {
    out_.noteFull(limits_.users);
    refuseConnection(id, "server-full", fullMessage(limits_.users));
    return out_.close(id, CloseCode::try_again_later, fullMessage(limits_.users));
  }
  if (byName_.contains(*name)) return refuseConnection(id, "name-taken", "the name " + *name + " is taken");
  const SessionId sessionId = nextSession_++;
  Session& session = sessions_[sessionId];
  session.id = sessionId;
  session.name = *name;
  session.token = newToken();
  byName_[session.name] = sessionId;
  byToken_[session.token] = sessionId;
  attach(session, id);
  out_.note(session.name + " came");
  welcome(session, false);
}

void RoomServer::resume(ConnectionId id, const Json& wish) {
  const std::string* token = stringMember(wish, "token");
  const auto received = numberMember(wish, "ack");
  if (!token || !received) return refuseConnection(id, "bad-message", "resume has a token and ack, the last seq received");
  const auto found = byToken_.find(*token);
  if (found == byToken_.end()) {
    return refuseConnection(id, "no-session", "the session is over; say hello with a name to begin another");
  }
  Session& session = sessions_.at(found->second);
  if (session.connection) {
    // The socket that it had is dead without the server having noticed yet.
    out_.close(*session.connection, CloseCode::replaced, "the session goes on on another connection");
    connections_.erase(*session.connection);
  } else {
    --waiting_;
  }
  attach(session, id);
  acknowledge(session, *received);
  ++out_.counters.resumed;
  out_.note(session.name + " came back");
  welcome(session, true);
  for (const SendOutput& kept : session.unacknowledged) out_.sendText(id, kept.text);
}

void RoomServer::attach(Session& session, ConnectionId id) {
  session.connection = id;
  connections_[id] = session.id;
}

void RoomServer::welcome(const Session& session, bool resumed) {
  out_.send(*session.connection, {{"type", "welcome"},
                                  {"id", session.id},
                                  {"name", session.name},
                                  {"token", session.token},
                                  {"resumed", resumed},
                                  {"ack", session.received},
                                  {"resumeSeconds", limits_.resumeTime.count()},
                                  {"messageBytes", limits_.messageBytes}});
}

void RoomServer::acknowledge(Session& session, uint64_t upTo) {
  while (!session.unacknowledged.empty() && session.sent - session.unacknowledged.size() < upTo) {
    session.unacknowledgedBytes -= session.unacknowledged.front().text.size();
    session.unacknowledged.pop_front();
  }
}

Json RoomServer::peerMember(const Session& peer, const Session& seenBy) const {
  // Of two, the one who came to the server later is the polite one; a resumed session keeps its place.
  return {{"id", peer.id}, {"name", peer.name}, {"polite", seenBy.id > peer.id}};
}

void RoomServer::join(Session& session, const Json& message) {
  const std::string* name = stringMember(message, "room");
  if (!name) return refuse(session, "bad-message", "join has a room", session.received);
  if (const auto problem = nameProblem(*name, limits_.nameCharacters)) {
    return refuse(session, "bad-name", "the name of the room " + *problem, session.received);
  }
  if (session.rooms.contains(*name)) return refuse(session, "in-room", "you are in the room " + *name, session.received);
  if (session.rooms.size() >= limits_.roomsPerUser) {
    return refuse(session, "too-many-rooms",
                  "a user can be in " + std::to_string(limits_.roomsPerUser) + " rooms at once", session.received);
  }
  Room& room = rooms_[*name];
  if (room.size() >= limits_.usersPerRoom) {
    return refuse(session, "room-full", "a room holds " + std::to_string(limits_.usersPerRoom) + " users", session.received);
  }
  Json peers = Json::array();
  for (const SessionId other : room) {
    Session& peer = sessions_.at(other);
    peers.push_back(peerMember(peer, session));
    deliver(peer, {{"type", "peer-joined"}, {"room", *name}, {"peer", peerMember(session, peer)}});
  }
  room.insert(session.id);
  session.rooms.insert(*name);
  deliver(session, {{"type", "joined"}, {"room", *name}, {"peers", std::move(peers)}});
}

void RoomServer::leave(Session& session, const Json& message) {
  const std::string* name = stringMember(message, "room");
  if (!name || !session.rooms.contains(*name)) {
    return refuse(session, "not-in-room", "you are not in that room", session.received);
  }
  const std::string room = *name;
  leaveRoom(session, room);
  deliver(session, {{"type", "left"}, {"room", room}});
}

void RoomServer::leaveRoom(Session& session, const std::string& name) {
  session.rooms.erase(name);
  const auto room = rooms_.find(name);
  if (room == rooms_.end()) return;
  room->second.erase(session.id);
  for (const SessionId other : room->second) {
    deliver(sessions_.at(other), {{"type", "peer-left"}, {"room", name}, {"id", session.id}});
  }
  if (room->second.empty()) rooms_.erase(room);
}

void RoomServer::relay(Session& session, std::string_view type, const Json& message) {
  const std::string* room = stringMember(message, "room");
  if (!room || !session.rooms.contains(*room)) {
    return refuse(session, "not-in-room", "you are not in that room", session.received);
  }
  const auto to = numberMember(message, "to");
  const Room& members = rooms_.at(*room);
  if (!to || *to == session.id || !members.contains(*to)) {
    return refuse(session, "no-such-user", "there is no other user with that id in the room", session.received);
  }
  if (const auto problem = payloadProblem(type, message)) return refuse(session, "bad-message", *problem, session.received);
  // Built anew: what the sender may say is in it, and nothing else.
  Json forwarded{{"type", type}, {"room", *room}, {"from", session.id}};
  if (type != kHangUp) forwarded[std::string(type)] = message.at(std::string(type));
  deliver(sessions_.at(*to), std::move(forwarded));
}

void RoomServer::deliver(Session& session, Json message) {
  message["seq"] = ++session.sent;
  std::string text = dump(message);
  if (session.connection) out_.sendText(*session.connection, text);
  session.unacknowledgedBytes += text.size();
  session.unacknowledged.push_back(SendOutput{ConnectionId{}, std::move(text)});
  if (session.unacknowledged.size() > limits_.unacknowledgedMessages ||
      session.unacknowledgedBytes > limits_.unacknowledgedBytes) {
    overflowing_.insert(session.id);
  }
}

void RoomServer::endOverflowing() {
  // Ending one tells others, whose queues may then overflow in their turn.
  while (!overflowing_.empty()) {
    const SessionId id = *overflowing_.begin();
    overflowing_.erase(overflowing_.begin());
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) continue;
    Session& session = found->second;
    if (session.connection) {
      refuseConnection(*session.connection, "not-acknowledged", "too much is waiting for your acknowledgement");
      out_.close(*session.connection, CloseCode::policy, "too much is waiting for acknowledgement");
    }
    end(session, "did not acknowledge");
  }
}

void RoomServer::refuse(Session& session, std::string_view code, std::string_view text, uint64_t about) {
  ++out_.counters.refused;
  Json message = errorMessage(code, text);
  message["about"] = about;
  deliver(session, std::move(message));
}

void RoomServer::refuseConnection(ConnectionId id, std::string_view code, std::string_view text) {
  ++out_.counters.refused;
  out_.send(id, errorMessage(code, text));
}

void RoomServer::disconnect(Timestamp now, ConnectionId id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const SessionId sessionId = found->second;
  connections_.erase(found);
  const auto session = sessions_.find(sessionId);
  if (session == sessions_.end()) return;
  session->second.connection.reset();
  session->second.lostAt = now;
  ++waiting_;
  out_.note(session->second.name + " was lost, may come back");
}

void RoomServer::expire(Timestamp now) {
  if (waiting_ == 0) return;
  for (auto next = sessions_.begin(); next != sessions_.end();) {
    Session& session = next->second;
    ++next;
    if (!session.connection && now - session.lostAt >= limits_.resumeTime) end(session, "did not come back");
  }
  endOverflowing();
}

void RoomServer::end(Session& session, std::string_view why) {
  const auto rooms = session.rooms;
  for (const std::string& room : rooms) leaveRoom(session, room);
  out_.note(session.name + " left: " + std::string(why));
  if (session.connection) {
    connections_.erase(*session.connection);
  } else {
    --waiting_;
  }
  overflowing_.erase(session.id);
  byName_.erase(session.name);
  byToken_.erase(session.token);
  sessions_.erase(session.id);
}

std::string RoomServer::newToken() { return random_.iceChars(32); }  // 192 bits

}  // namespace peerage::signaling
