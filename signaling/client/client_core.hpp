// The signalling client without its socket: both subprotocols, and in `peerage.1` the resumption of a lost session.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "peerage/signaling.hpp"
#include "signaling/protocol/text.hpp"

namespace peerage::signaling {

/// What the socket shall do.
struct ClientSend {
  std::string text;
};
struct ClientConnect {};
/// Close in an orderly way, after what is to be sent.
struct ClientDisconnect {};
using ClientOutput = std::variant<ClientSend, ClientConnect, ClientDisconnect>;

using ClientEvent = std::variant<ReadyEvent, PeersEvent, DescriptionEvent, CandidateEvent, HangUpEvent, TextEvent, RefusedEvent,
                                 ClosedEvent>;

class ClientCore {
 public:
  enum class State { connecting, greeting, ready, waiting, closed };

  /// `epoch` is the calendar's time at the loop's time 0, for the dates in messages.
  explicit ClientCore(ClientOptions options, Duration epoch = Duration{0})
      : options_(std::move(options)), epoch_(epoch), name_(options_.name) {}

  /// Asks for the first connection.
  void start(Timestamp now);
  void handleOpen(Timestamp now);
  void handleInput(Timestamp now, std::string_view text);
  /// The socket could not be made, or is gone. `why` is a sentence's end: "the server refused the connection".
  void handleLost(Timestamp now, std::string_view why);
  void handleTimeout(Timestamp now);

  void sendDescription(const std::string& to, const RTCSessionDescriptionInit& description);
  void sendCandidate(const std::string& to, const RTCIceCandidateInit& candidate);
  void sendHangUp(const std::string& to);
  void sendText(Timestamp now, const std::string& text);
  void close();

  std::optional<ClientOutput> pollTransmit();
  std::optional<ClientEvent> pollEvent();
  std::optional<Timeout> nextTimeout() const;

  State state() const { return state_; }
  const std::string& name() const { return name_; }
  bool ready() const { return ready_; }
  std::vector<Peer> peers() const;

 private:
  struct Session {
    std::string token;
    uint64_t received = 0;
    uint64_t sent = 0;
    std::deque<std::string> unacknowledged;  ///< sequence numbers up to `sent`
    std::chrono::seconds keptFor{0};
  };
  struct Known {
    std::string name;
    bool polite = false;
  };

  static constexpr int kJsonDepth = 32;

  void handleJson(Timestamp now, Json message);
  int64_t date(Timestamp now) const;  ///< milliseconds since 1970, as JavaScript has it
  void handleJsonUsers(const Json& message);
  void handleJsonDescription(const Json& message);
  void handleJsonCandidate(const Json& message);
  void handleRooms(Timestamp now, const Json& message);
  void handleWelcome(const Json& message);
  void handleSequenced(const std::string& type, const Json& message);
  void handleJoined(const Json& message);
  void handleError(const Json& message);

  void greet();
  void setState(State state) { state_ = state; }
  void finish(ClosedEvent::Why why, std::string message);
  void becomeReady(bool renamed);
  void transmit(const Json& message) { outputs_.push_back(ClientSend{dump(message)}); }
  /// `peerage.1`: with a sequence number, kept until acknowledged.
  void transmitSequenced(Json message);
  /// `peerage.1`: the message addressed to the user of that name; false when he is not there.
  void relay(const std::string& to, Json message);
  Peer peer(const std::string& name) const;
  void reportPeers();

  const ClientOptions options_;
  const Duration epoch_;
  std::string name_;
  State state_ = State::connecting;
  bool ready_ = false;
  bool renamed_ = false;
  uint64_t number_ = 0;              ///< `json`: the id that the server gave
  std::vector<std::string> users_;   ///< `json`
  std::optional<Session> session_;   ///< `peerage.1`
  std::map<uint64_t, Known> known_;  ///< `peerage.1`: the others of the room
  std::optional<std::string> lastError_;  ///< when the last message was an error on which a close may follow
  Timestamp heard_{};                     ///< when the last message came
  std::optional<Timestamp> deadline_;      ///< of the state: to be open, to be welcomed, to try again
  std::optional<Timestamp> sessionEnds_;   ///< when the server gives the session up
  Duration nextDelay_{0};
  std::deque<ClientOutput> outputs_;
  std::deque<ClientEvent> events_;
};

/// webrtc-pc §4.8.1.1, toJSON(), and back; nullopt when a member has the wrong type.
Json toJson(const RTCIceCandidateInit& candidate);
std::optional<RTCIceCandidateInit> candidateFromJson(const Json& json);
Json toJson(const RTCSessionDescriptionInit& description);
std::optional<RTCSessionDescriptionInit> descriptionFromJson(const Json& json);

}  // namespace peerage::signaling
