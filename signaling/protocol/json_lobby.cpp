#include "signaling/protocol/json_lobby.hpp"

#include <algorithm>
#include <array>

namespace peerage::signaling {
namespace {

// What only the server says: a user who sent one of these to another would speak in the server's name.
constexpr std::array<std::string_view, 4> kServersOwn{"id", "rejectusername", "userlist", "error"};

}  // namespace

void JsonLobby::connect(ConnectionId id) {
  const uint64_t number = nextNumber_++;
  users_[id] = User{number, {}};
  out_.send(id, {{"type", "id"}, {"id", number}});
}

bool JsonLobby::named(ConnectionId id) const {
  const auto user = users_.find(id);
  return user != users_.end() && !user->second.name.empty();
}

void JsonLobby::handleMessage(ConnectionId id, Json message) {
  const auto found = users_.find(id);
  if (found == users_.end()) return;
  User& user = found->second;

  const std::string* type = stringMember(message, "type");
  if (!type) return refuse(id, "bad-message", "the message has no type");
  if (std::ranges::find(kServersOwn, *type) != kServersOwn.end()) {
    return refuse(id, "reserved-type", "only the server sends messages of type " + *type);
  }
  if (message.contains("id") && numberMember(message, "id") != user.number) {
    return refuse(id, "wrong-id", "the id in the message is not yours; yours is " + std::to_string(user.number));
  }
  if (*type == "username") return setName(id, user, message);
  if (user.name.empty()) return refuse(id, "no-name", "give yourself a name first, with a message of type username");
  if (const auto name = message.find("name"); *type != "message" && name != message.end()) {
    const std::string* text = name->get_ptr<const std::string*>();
    if (!text || *text != user.name) {
      return refuse(id, "wrong-name", "the name in the message is not yours; yours is " + user.name);
    }
  }
  if (*type == "message") {
    const std::string* text = stringMember(message, "text");
    if (!text) return refuse(id, "bad-message", "a message of type message has a text");
    message["text"] = withoutTags(*text);
    message["name"] = user.name;
  }

  // An absent, null or empty target means everybody: MDN's page hangs up with a target that it has just set to null.
  const auto target = message.find("target");
  if (target == message.end() || target->is_null()) return broadcast(message);
  const std::string* targetName = target->get_ptr<const std::string*>();
  if (!targetName) return refuse(id, "bad-message", "the target is not a name");
  if (targetName->empty()) return broadcast(message);
  const auto receiver = byName_.find(*targetName);
  if (receiver == byName_.end()) {
    return refuse(id, "no-such-user", "there is no user " + std::string(firstCharacters(*targetName, limits_.nameCharacters)));
  }
  out_.send(receiver->second, message);
}

void JsonLobby::setName(ConnectionId id, User& user, const Json& message) {
  const std::string* wished = stringMember(message, "name");
  if (!wished) return refuse(id, "bad-message", "a message of type username has a name");
  if (const auto problem = nameProblem(*wished, limits_.nameCharacters)) {
    return refuse(id, "bad-name", "the name " + *problem);
  }
  std::string name = *wished;
  if (const auto holder = byName_.find(name); holder != byName_.end() && holder->second != id) {
    name = freeName(name);
    out_.send(id, {{"type", "rejectusername"}, {"id", user.number}, {"name", name}});
  }
  if (user.name != name) {
    if (user.name.empty()) {
      out_.note(name + " came");
    } else {
      out_.note(user.name + " is now " + name);
      byName_.erase(user.name);
    }
    user.name = name;
    byName_[name] = id;
  }
  sendUserList();
}

std::string JsonLobby::freeName(const std::string& wished) const {
  // At most one more try than there are users.
  for (size_t n = 1;; ++n) {
    const std::string number = std::to_string(n);
    const size_t room = limits_.nameCharacters > number.size() ? limits_.nameCharacters - number.size() : 1;
    std::string name = std::string(firstCharacters(wished, room)) + number;
    if (!byName_.contains(name)) return name;
  }
}

void JsonLobby::disconnect(ConnectionId id) {
  const auto found = users_.find(id);
  if (found == users_.end()) return;
  const std::string name = std::move(found->second.name);
  users_.erase(found);
  if (name.empty()) return;
  byName_.erase(name);
  out_.note(name + " left");
  sendUserList();
}

void JsonLobby::broadcast(const Json& message) {
  const std::string text = dump(message);
  for (const auto& [id, user] : users_) {
    if (!user.name.empty()) out_.sendText(id, text);
  }
}

void JsonLobby::sendUserList() {
  Json names = Json::array();
  for (const auto& [id, user] : users_) {
    if (!user.name.empty()) names.push_back(user.name);
  }
  broadcast({{"type", "userlist"}, {"users", std::move(names)}});
}

void JsonLobby::refuse(ConnectionId id, std::string_view code, std::string_view text) {
  ++out_.counters.refused;
  out_.send(id, errorMessage(code, text));
}

}  // namespace peerage::signaling
