// Signalling over WebSocket: the server that `peerage serve` runs and the client that `peerage call` uses, both on an
// EventLoop. docs/signaling.md describes the two subprotocols, `json` and `peerage.1`. Link peerage::signaling.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "peerage/dictionaries.hpp"
#include "peerage/event_loop.hpp"
#include "peerage/event_target.hpp"

namespace peerage::signaling {

/// The WebSocket subprotocols (RFC 6455 §1.9): `json` is the one of MDN's sample, `peerage.1` ours.
enum class Protocol { json, peerage_1 };
/// "json" or "peerage.1".
std::string_view toString(Protocol protocol);
std::optional<Protocol> protocolFromString(std::string_view text);

/// What the server bears. Whoever goes beyond gets an error that names the limit; see docs/signaling.md.
struct Limits {
  size_t messageBytes = 256 * 1024;              ///< of one message; an offer with many tracks and candidates is large
  int jsonDepth = 16;                            ///< nesting of objects and arrays in one message
  size_t nameCharacters = 32;                    ///< of a user's or a room's name
  size_t users = 1000;                           ///< connections and kept sessions together
  double messagesPerSecond = 200;                ///< of one connection, in the long run
  double messageBurst = 1000;                    ///< messages at once after a pause
  double bytesPerSecond = 1 << 20;               ///< of one connection, in the long run
  double byteBurst = 4 << 20;                    ///< bytes at once after a pause
  int refusedInARow = 200;                       ///< messages refused for their rate before the connection is closed
  size_t queuedBytes = 8 << 20;                  ///< waiting for a client that does not read
  std::chrono::seconds helloTime{30};            ///< from connecting to giving a name
  std::chrono::seconds pingAfter{20};            ///< nothing heard for so long: a ping
  std::chrono::seconds idleTime{60};             ///< nothing heard for so long, pongs included: closed
  // peerage.1 alone:
  size_t roomsPerUser = 16;
  size_t usersPerRoom = 64;
  std::chrono::seconds resumeTime{30};           ///< how long a session waits for its client to come back
  size_t unacknowledgedMessages = 512;           ///< kept for a client that does not acknowledge
  size_t unacknowledgedBytes = 4 << 20;
};

/// The server could not start, or the client cannot go on; what() is a sentence for people.
class SignalingError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file that is served from memory.
struct StaticFile {
  std::string_view path;  ///< "index.html", "css/page.css"; what it and `content` refer to outlives the server
  std::string_view content;
};

struct ServerOptions {
  uint16_t port = 8080;          ///< 0: any free one
  std::string interface;         ///< a local address to listen on, or an interface, meaning its first; empty: all
  std::string tlsCertificate;    ///< PEM file; with it, https and wss only
  std::string tlsKey;            ///< PEM file
  std::string webRoot;           ///< folder whose files are served; empty: `files`
  std::vector<StaticFile> files; ///< with neither, only WebSocket is served
  Limits limits;
  /// Gets what happens, a line each: users coming and going, refusals.
  std::function<void(std::string_view line)> log;
};

/// Serves until it is destroyed. Lives on a libuv loop.
class Server {
 public:
  /// Throws SignalingError when the port is taken or not permitted, the machine has no such interface, a file cannot be read,
  /// or the loop is the simulator's.
  Server(EventLoop& loop, ServerOptions options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  uint16_t port() const;
  /// Connections that are open now.
  size_t connections() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

/// Another user, as the client knows him.
struct Peer {
  std::string name;
  /// This end is the polite one towards him (webrtc-pc §10.7): the server's word in `peerage.1`, the order of names in `json`.
  bool polite = false;
  friend bool operator==(const Peer&, const Peer&) = default;
};

/// The server knows us by this name from now on.
struct ReadyEvent : Event {
  std::string name;
  bool renamed = false;  ///< `json`: the wished name was taken, the server gave this one
};
/// The others changed: all that are there now, without ourselves.
struct PeersEvent : Event {
  std::vector<Peer> peers;
};
struct DescriptionEvent : Event {
  Peer from;
  RTCSessionDescriptionInit description;
};
struct CandidateEvent : Event {
  std::string from;  ///< empty when unknown: MDN's page sends candidates without a name
  RTCIceCandidateInit candidate;
};
struct HangUpEvent : Event {
  std::string from;
};
struct TextEvent : Event {
  std::string from;
  std::string text;
};
/// The server refused something; the connection goes on.
struct RefusedEvent : Event {
  std::string code;     ///< see docs/signaling.md
  std::string message;
};
/// The connection is over, for good: no further event follows.
struct ClosedEvent : Event {
  enum class Why { unreachable, name_refused, protocol_refused, lost, closed_by_server };
  Why why = Why::lost;
  std::string message;
};

struct ClientOptions {
  std::string url;  ///< "ws://host:port/path", "wss://…"
  std::string name;
  Protocol protocol = Protocol::json;
  std::string room = "lobby";        ///< `peerage.1`: joined at once
  bool acceptOtherName = true;       ///< `json`: stay under the name that the server gives when ours is taken
  bool verifyCertificate = true;     ///< of a wss server
  std::chrono::seconds connectTime{10};
};

/// One user of a signalling server. In `peerage.1` it reconnects and resumes by itself for as long as the server keeps the
/// session; in `json` a lost connection is lost.
class Client : public TypedEventTarget<Client> {
 public:
  /// Begins to connect. Throws SignalingError for a URL that is none.
  Client(EventLoop& loop, ClientOptions options);
  ~Client() override;

  const std::string& name() const;
  bool ready() const;
  std::vector<Peer> peers() const;

  // Each is delivered to that user alone. Before `ready` and after `closed` they are dropped.
  void sendDescription(const std::string& to, const RTCSessionDescriptionInit& description);
  void sendCandidate(const std::string& to, const RTCIceCandidateInit& candidate);
  void sendHangUp(const std::string& to);
  /// To all users (`json` only).
  void sendText(const std::string& text);
  /// Says good-bye and closes; no event follows.
  void close();
  /// Cuts the socket without a good-bye, as a lost network would.
  void dropSocket();

  EventHandler<ReadyEvent> onready;
  EventHandler<PeersEvent> onpeers;
  EventHandler<DescriptionEvent> ondescription;
  EventHandler<CandidateEvent> oncandidate;
  EventHandler<HangUpEvent> onhangup;
  EventHandler<TextEvent> ontext;
  EventHandler<RefusedEvent> onrefused;
  EventHandler<ClosedEvent> onclosed;
  using Events =
      EventMap<EventOf<"ready", &Client::onready>, EventOf<"peers", &Client::onpeers>,
               EventOf<"description", &Client::ondescription>, EventOf<"candidate", &Client::oncandidate>,
               EventOf<"hangup", &Client::onhangup>, EventOf<"text", &Client::ontext>,
               EventOf<"refused", &Client::onrefused>, EventOf<"closed", &Client::onclosed>>;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace peerage::signaling
