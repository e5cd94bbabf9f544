#include "signaling/client/client_core.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace peerage::signaling {
namespace {

constexpr Duration kFirstRetry = 250ms;
constexpr Duration kLongestRetry = 4s;

/// An error that came this long before the end of the connection is its reason, if it can be.
constexpr Duration kReasonTime = 10s;
/// Errors after which the server closes, or may. Its others concern one message.
constexpr std::array<std::string_view, 7> kClosingErrors{"server-full", "rate-limited", "too-big",         "too-slow",
                                                         "idle",        "no-name",      "not-acknowledged"};

constexpr std::array<std::pair<RTCSdpType, std::string_view>, 4> kSdpTypes{{{RTCSdpType::offer, "offer"},
                                                                           {RTCSdpType::pranswer, "pranswer"},
                                                                           {RTCSdpType::answer, "answer"},
                                                                           {RTCSdpType::rollback, "rollback"}}};

std::string textOf(const Json& message, std::string_view key) {
  const std::string* text = stringMember(message, key);
  return text ? *text : std::string();
}

}  // namespace

Json toJson(const RTCIceCandidateInit& candidate) {
  Json json{{"candidate", candidate.candidate}};
  json["sdpMid"] = candidate.sdpMid ? Json(*candidate.sdpMid) : Json(nullptr);
  json["sdpMLineIndex"] = candidate.sdpMLineIndex ? Json(*candidate.sdpMLineIndex) : Json(nullptr);
  json["usernameFragment"] = candidate.usernameFragment ? Json(*candidate.usernameFragment) : Json(nullptr);
  return json;
}

std::optional<RTCIceCandidateInit> candidateFromJson(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  RTCIceCandidateInit out;
  out.candidate = textOf(json, "candidate");
  if (const std::string* mid = stringMember(json, "sdpMid")) out.sdpMid = *mid;
  if (const auto index = numberMember(json, "sdpMLineIndex")) {
    if (*index > 0xffff) return std::nullopt;
    out.sdpMLineIndex = static_cast<uint16_t>(*index);
  }
  if (const std::string* fragment = stringMember(json, "usernameFragment")) out.usernameFragment = *fragment;
  return out;
}

Json toJson(const RTCSessionDescriptionInit& description) {
  const auto type = std::ranges::find(kSdpTypes, description.type, &std::pair<RTCSdpType, std::string_view>::first);
  return {{"type", type->second}, {"sdp", description.sdp}};
}

std::optional<RTCSessionDescriptionInit> descriptionFromJson(const Json& json) {
  const std::string name = textOf(json, "type");
  const auto type = std::ranges::find(kSdpTypes, name, &std::pair<RTCSdpType, std::string_view>::second);
  if (type == kSdpTypes.end()) return std::nullopt;
  return RTCSessionDescriptionInit{type->first, textOf(json, "sdp")};
}

void ClientCore::start(Timestamp now) {
  deadline_ = now + options_.connectTime;
  outputs_.push_back(ClientConnect{});
}

void ClientCore::handleOpen(Timestamp now) {
  if (state_ != State::connecting) return;
  setState(State::greeting);
  deadline_ = now + options_.connectTime;
  lastError_.reset();
  if (options_.protocol == Protocol::peerage_1) greet();  // in `json` the server speaks first
}

void ClientCore::greet() {
  if (session_) {
    transmit({{"type", "hello"}, {"resume", {{"token", session_->token}, {"ack", session_->received}}}});
  } else {
    transmit({{"type", "hello"}, {"name", options_.name}});
  }
}

void ClientCore::handleInput(Timestamp now, std::string_view text) {
  if (state_ != State::greeting && state_ != State::ready) return;
  auto message = parseObject(text, kJsonDepth);
  if (!message || !stringMember(*message, "type")) return;  // not of this protocol: a server's extension, or its fault
  lastError_.reset();
  heard_ = now;
  if (options_.protocol == Protocol::json) {
    handleJson(now, std::move(*message));
  } else {
    handleRooms(now, *message);
  }
}

// ---- json

int64_t ClientCore::date(Timestamp now) const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(epoch_ + now.time_since_epoch()).count();
}

void ClientCore::handleJson(Timestamp now, Json message) {
  const std::string type = textOf(message, "type");
  if (type == "id") {
    number_ = numberMember(message, "id").value_or(0);
    transmit({{"type", "username"}, {"name", options_.name}, {"id", number_}, {"date", date(now)}});
  } else if (type == "rejectusername") {
    if (!options_.acceptOtherName) {
      return finish(ClosedEvent::Why::name_refused, "the name " + options_.name + " is taken");
    }
    name_ = textOf(message, "name");
    renamed_ = true;
  } else if (type == "userlist") {
    handleJsonUsers(message);
  } else if (type == "message") {
    TextEvent event;
    event.from = textOf(message, "name");
    event.text = textOf(message, "text");
    events_.push_back(std::move(event));
  } else if (type == "video-offer" || type == "video-answer") {
    handleJsonDescription(message);
  } else if (type == "new-ice-candidate") {
    handleJsonCandidate(message);
  } else if (type == "hang-up") {
    HangUpEvent event;
    event.from = textOf(message, "name");
    if (event.from != name_) events_.push_back(std::move(event));  // one without target comes back to its sender too
  } else if (type == "error") {
    handleError(message);
  }
}

void ClientCore::handleJsonUsers(const Json& message) {
  const auto users = message.find("users");
  if (users == message.end() || !users->is_array()) return;
  users_.clear();
  bool present = false;
  for (const Json& user : *users) {
    const std::string* name = user.get_ptr<const std::string*>();
    if (!name) continue;
    if (*name == name_) {
      present = true;
    } else {
      users_.push_back(*name);
    }
  }
  if (!ready_ && present) becomeReady(renamed_);
  if (ready_) reportPeers();
}

void ClientCore::handleJsonDescription(const Json& message) {
  const Json* sdp = objectMember(message, "sdp");
  auto description = sdp ? descriptionFromJson(*sdp) : std::nullopt;
  const std::string from = textOf(message, "name");
  if (!description || from.empty()) return;
  DescriptionEvent event;
  event.from = peer(from);
  event.description = std::move(*description);
  events_.push_back(std::move(event));
}

void ClientCore::handleJsonCandidate(const Json& message) {
  const auto member = message.find("candidate");
  if (member == message.end()) return;
  auto candidate = member->is_null() ? std::optional(RTCIceCandidateInit{}) : candidateFromJson(*member);
  if (!candidate) return;
  CandidateEvent event;
  event.from = textOf(message, "name");
  event.candidate = std::move(*candidate);
  events_.push_back(std::move(event));
}

// ---- peerage.1

void ClientCore::handleRooms(Timestamp, const Json& message) {
  const std::string type = textOf(message, "type");
  if (type == "welcome") return handleWelcome(message);
  if (type == "error" && !numberMember(message, "seq")) return handleError(message);
  if (!session_) return;
  if (type == "ack") {
    const uint64_t upTo = numberMember(message, "ack").value_or(0);
    while (!session_->unacknowledged.empty() && session_->sent - session_->unacknowledged.size() < upTo) {
      session_->unacknowledged.pop_front();
    }
    return;
  }
  const auto seq = numberMember(message, "seq");
  if (!seq || *seq <= session_->received) return;
  session_->received = *seq;
  transmit({{"type", "ack"}, {"ack", session_->received}});
  handleSequenced(type, message);
}

void ClientCore::handleWelcome(const Json& message) {
  deadline_.reset();
  sessionEnds_.reset();
  nextDelay_ = Duration{0};
  setState(State::ready);
  if (session_) {
    const uint64_t upTo = numberMember(message, "ack").value_or(0);
    while (!session_->unacknowledged.empty() && session_->sent - session_->unacknowledged.size() < upTo) {
      session_->unacknowledged.pop_front();
    }
    for (const std::string& text : session_->unacknowledged) outputs_.push_back(ClientSend{text});
    return;
  }
  session_.emplace(Session{});
  session_->token = textOf(message, "token");
  session_->keptFor = std::chrono::seconds(std::min<uint64_t>(numberMember(message, "resumeSeconds").value_or(0), 86'400));
  transmitSequenced({{"type", "join"}, {"room", options_.room}});
}

void ClientCore::handleSequenced(const std::string& type, const Json& message) {
  if (type == "error") return handleError(message);
  if (textOf(message, "room") != options_.room) return;
  if (type == "joined") return handleJoined(message);
  if (type == "peer-joined") {
    const Json* who = objectMember(message, "peer");
    const auto id = who ? numberMember(*who, "id") : std::nullopt;
    if (!id) return;
    const auto polite = who->find("polite");
    known_[*id] = Known{textOf(*who, "name"), polite != who->end() && polite->is_boolean() && polite->get<bool>()};
    return reportPeers();
  }
  if (type == "peer-left") {
    known_.erase(numberMember(message, "id").value_or(0));
    return reportPeers();
  }
  const auto from = known_.find(numberMember(message, "from").value_or(0));
  if (from == known_.end()) return;
  if (type == "description") {
    const Json* member = objectMember(message, "description");
    auto description = member ? descriptionFromJson(*member) : std::nullopt;
    if (!description) return;
    DescriptionEvent event;
    event.from = Peer{from->second.name, from->second.polite};
    event.description = std::move(*description);
    events_.push_back(std::move(event));
  } else if (type == "candidate") {
    const auto member = message.find("candidate");
    if (member == message.end()) return;
    auto candidate = member->is_null() ? std::optional(RTCIceCandidateInit{}) : candidateFromJson(*member);
    if (!candidate) return;
    CandidateEvent event;
    event.from = from->second.name;
    event.candidate = std::move(*candidate);
    events_.push_back(std::move(event));
  } else if (type == "hang-up") {
    HangUpEvent event;
    event.from = from->second.name;
    events_.push_back(std::move(event));
  }
}

void ClientCore::handleJoined(const Json& message) {
  known_.clear();
  const auto peers = message.find("peers");
  if (peers != message.end() && peers->is_array()) {
    for (const Json& who : *peers) {
      if (!who.is_object()) continue;
      const auto id = numberMember(who, "id");
      const auto polite = who.find("polite");
      if (id) known_[*id] = Known{textOf(who, "name"), polite != who.end() && polite->is_boolean() && polite->get<bool>()};
    }
  }
  becomeReady(false);
  reportPeers();
}

void ClientCore::transmitSequenced(Json message) {
  message["seq"] = ++session_->sent;
  std::string text = dump(message);
  if (state_ == State::ready) outputs_.push_back(ClientSend{text});
  session_->unacknowledged.push_back(std::move(text));
}

// ---- both

void ClientCore::handleError(const Json& message) {
  const std::string code = textOf(message, "code");
  std::string text = textOf(message, "message");
  if (!ready_ || std::ranges::find(kClosingErrors, code) != kClosingErrors.end()) lastError_ = text;
  if (!ready_ && (code == "name-taken" || code == "bad-name")) {
    return finish(ClosedEvent::Why::name_refused, std::move(text));
  }
  if (code == "no-session" && session_) {
    return finish(ClosedEvent::Why::lost, "the server has given the session up");
  }
  RefusedEvent event;
  event.code = code;
  event.message = std::move(text);
  events_.push_back(std::move(event));
}

void ClientCore::becomeReady(bool renamed) {
  deadline_.reset();
  setState(State::ready);
  if (std::exchange(ready_, true)) return;
  ReadyEvent event;
  event.name = name_;
  event.renamed = renamed;
  events_.push_back(std::move(event));
}

void ClientCore::handleLost(Timestamp now, std::string_view why) {
  if (state_ == State::closed) return;
  deadline_.reset();
  if (session_) {
    if (!sessionEnds_) sessionEnds_ = now + session_->keptFor;
    if (now < *sessionEnds_) {
      setState(State::waiting);
      nextDelay_ = nextDelay_ == Duration{0} ? kFirstRetry : std::min(kLongestRetry, nextDelay_ * 2);
      deadline_ = std::min(*sessionEnds_, now + nextDelay_);
      return;
    }
  }
  if (lastError_ && now - heard_ < kReasonTime) return finish(ClosedEvent::Why::closed_by_server, *lastError_);
  if (ready_) return finish(ClosedEvent::Why::lost, "the connection was lost: " + std::string(why));
  if (state_ == State::greeting) {
    return finish(ClosedEvent::Why::protocol_refused, "the server closed the connection before it said who we are");
  }
  finish(ClosedEvent::Why::unreachable, std::string(why));
}

void ClientCore::handleTimeout(Timestamp now) {
  if (!deadline_ || now < *deadline_) return;
  deadline_.reset();
  if (state_ == State::waiting) {
    if (sessionEnds_ && now >= *sessionEnds_) return finish(ClosedEvent::Why::lost, "the server could not be reached again");
    setState(State::connecting);
    deadline_ = now + options_.connectTime;
    outputs_.push_back(ClientConnect{});
    return;
  }
  outputs_.push_back(ClientDisconnect{});
  handleLost(now, "the server did not answer within " + std::to_string(options_.connectTime.count()) + " seconds");
}

void ClientCore::finish(ClosedEvent::Why why, std::string message) {
  if (state_ == State::closed) return;
  setState(State::closed);
  deadline_.reset();
  outputs_.push_back(ClientDisconnect{});
  ClosedEvent event;
  event.why = why;
  event.message = std::move(message);
  events_.push_back(std::move(event));
}

void ClientCore::close() {
  if (state_ == State::closed) return;
  if (session_ && state_ == State::ready) transmit({{"type", "bye"}});
  setState(State::closed);
  deadline_.reset();
  events_.clear();
  outputs_.push_back(ClientDisconnect{});
}

void ClientCore::relay(const std::string& to, Json message) {
  if (!session_) return;
  const auto found = std::ranges::find_if(known_, [&](const auto& entry) { return entry.second.name == to; });
  if (found == known_.end()) return;
  message["room"] = options_.room;
  message["to"] = found->first;
  transmitSequenced(std::move(message));
}

void ClientCore::sendDescription(const std::string& to, const RTCSessionDescriptionInit& description) {
  if (!ready_ || state_ == State::closed) return;
  if (options_.protocol == Protocol::peerage_1) {
    return relay(to, {{"type", "description"}, {"description", toJson(description)}});
  }
  transmit({{"name", name_},
            {"target", to},
            {"type", description.type == RTCSdpType::offer ? "video-offer" : "video-answer"},
            {"sdp", toJson(description)}});
}

void ClientCore::sendCandidate(const std::string& to, const RTCIceCandidateInit& candidate) {
  if (!ready_ || state_ == State::closed) return;
  if (options_.protocol == Protocol::peerage_1) {
    return relay(to, {{"type", "candidate"}, {"candidate", toJson(candidate)}});
  }
  transmit({{"type", "new-ice-candidate"}, {"name", name_}, {"target", to}, {"candidate", toJson(candidate)}});
}

void ClientCore::sendHangUp(const std::string& to) {
  if (!ready_ || state_ == State::closed) return;
  if (options_.protocol == Protocol::peerage_1) return relay(to, {{"type", "hang-up"}});
  transmit({{"name", name_}, {"target", to}, {"type", "hang-up"}});
}

void ClientCore::sendText(Timestamp now, const std::string& text) {
  if (!ready_ || state_ != State::ready || options_.protocol != Protocol::json) return;
  transmit({{"type", "message"}, {"text", text}, {"id", number_}, {"date", date(now)}});
}

Peer ClientCore::peer(const std::string& name) const {
  // `json` has nobody to say who is polite: of two names the one that comes first, by its UTF-8 bytes, is.
  return Peer{name, name_ < name};
}

std::vector<Peer> ClientCore::peers() const {
  std::vector<Peer> out;
  for (const std::string& user : users_) out.push_back(peer(user));
  for (const auto& [id, known] : known_) out.push_back(Peer{known.name, known.polite});
  return out;
}

void ClientCore::reportPeers() {
  PeersEvent event;
  event.peers = peers();
  events_.push_back(std::move(event));
}

std::optional<ClientOutput> ClientCore::pollTransmit() {
  if (outputs_.empty()) return std::nullopt;
  ClientOutput output = std::move(outputs_.front());
  outputs_.pop_front();
  return output;
}

std::optional<ClientEvent> ClientCore::pollEvent() {
  if (events_.empty()) return std::nullopt;
  ClientEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<Timeout> ClientCore::nextTimeout() const {
  if (!deadline_) return std::nullopt;
  return Timeout{*deadline_, state_ == State::waiting ? "reconnect" : "no answer"};
}

}  // namespace peerage::signaling
