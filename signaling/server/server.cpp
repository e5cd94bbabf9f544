// The signalling server's sockets: libwebsockets calls in, the hub decides, its outputs wait in each connection's queue
// until the socket takes them.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <fstream>
#include <map>
#include <utility>

#include "peerage/signaling.hpp"
#include "runtime/uv_body.hpp"
#include "signaling/lws.hpp"
#include "signaling/protocol/hub.hpp"
#include "signaling/server/static_files.hpp"

namespace peerage::signaling {
namespace {

/// What one HTTP request still has to be sent.
struct Reply {
  std::string body;
  size_t sent = 0;
};

/// A WebSocket connection.
struct Socket {
  ConnectionId id;
  lws* wsi = nullptr;
  std::string partial;  ///< of a message in fragments
  bool tooBig = false;  ///< the rest of the message is passed over
  bool ping = false;
  std::deque<Frame> queue;
  size_t queuedBytes = 0;
  std::optional<CloseOutput> close;
  bool closeSent = false;
};

/// What libwebsockets keeps for each connection: zeroed by it, so that only a pointer can live there.
struct PerSession {
  Reply* reply;
  Socket* socket;
};

constexpr size_t kHttpChunk = 16 * 1024;
/// Not empty: libwebsockets 4.1 passes no empty pong on, and a pong has what its ping had (RFC 6455 §5.5.3).
constexpr std::string_view kPing = "peerage";
/// How long a connection that is to be closed may take to read what is queued.
constexpr int kCloseSeconds = 5;

void requireReadable(const std::string& path, const char* what) {
  if (!std::ifstream(path)) throw SignalingError(std::string("the ") + what + " " + path + " cannot be read");
}

/// The address that ServerOptions::interface names, as libwebsockets is to be told of it.
struct ListenAddress {
  std::string text;  ///< empty: all addresses
  bool ipv6 = true;
};

/// Whether a socket can have this address here: loopback has more of them than the interfaces list.
bool isOurs(const sockaddr* address, socklen_t length) {
  const int probe = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  const bool absent = bind(probe, address, length) != 0 && errno == EADDRNOTAVAIL;
  ::close(probe);
  return !absent;
}

/// The first address of a network interface, IPv4 before IPv6; nullopt when there is no such interface or it has none.
std::optional<ListenAddress> addressOf(const std::string& interfaceName) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return std::nullopt;
  std::optional<ListenAddress> out;
  for (const ifaddrs* at = list; at; at = at->ifa_next) {
    if (!at->ifa_addr || at->ifa_name != interfaceName) continue;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (at->ifa_addr->sa_family == AF_INET) {
      inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr, text.data(), text.size());
      out = ListenAddress{text.data(), false};
      break;
    }
    if (at->ifa_addr->sa_family == AF_INET6 && !out) {
      inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(at->ifa_addr)->sin6_addr, text.data(), text.size());
      out = ListenAddress{text.data(), true};
    }
  }
  freeifaddrs(list);
  return out;
}

/// libwebsockets 4.1 listens on every address when it is given an IPv4 address while it has IPv6 on, or an IPv6 address while
/// it has not: what it gets is an address, and the family that belongs to it.
ListenAddress listenAddress(const std::string& wish) {
  if (wish.empty()) return {};
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  const bool isV4 = inet_pton(AF_INET, wish.c_str(), &v4.sin_addr) == 1;
  const bool isV6 = !isV4 && inet_pton(AF_INET6, wish.c_str(), &v6.sin6_addr) == 1;
  if (isV4 || isV6) {
    const bool ours = isV4 ? isOurs(reinterpret_cast<const sockaddr*>(&v4), sizeof v4)
                           : isOurs(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
    if (!ours) throw SignalingError("this machine has no address " + wish + " to listen on");
    return {wish, isV6};
  }
  if (auto found = addressOf(wish)) return *found;
  throw SignalingError("this machine has no network interface with an address that is called " + wish);
}

}  // namespace

class Server::Impl {
 public:
  Impl(EventLoop& loop, ServerOptions options)
      : body_(loop.body()), uvLoop_(loop.uvLoop()), options_(std::move(options)), files_(options_.webRoot, options_.files),
        headers_(commonHeaders(files_.own())), hub_(options_.limits, body_->random()) {}

  static std::shared_ptr<Impl> make(EventLoop& loop, ServerOptions options) {
    auto impl = std::make_shared<Impl>(loop, std::move(options));
    impl->open(impl);
    return impl;
  }

  void shutDown(std::shared_ptr<Impl> self) {
    timer_.reset();
    options_.log = nullptr;
    endContext(context_, uvLoop_, std::move(self));
  }

  uint16_t port() const { return port_; }
  size_t connections() const { return sockets_.size(); }

 private:
  static int callback(lws* wsi, lws_callback_reasons reason, void* user, void* in, size_t length) {
    auto* impl = static_cast<Impl*>(lws_context_user(lws_get_context(wsi)));
    if (!impl || reason == LWS_CALLBACK_PROTOCOL_DESTROY) return 0;
    return impl->handle(wsi, reason, static_cast<PerSession*>(user), static_cast<char*>(in), length);
  }

  void open(const std::shared_ptr<Impl>& self);
  /// Null when no socket could be opened; the reason is libwebsockets' last complaint.
  lws_context* createContext(const std::shared_ptr<Impl>& self, bool ipv6);
  int handle(lws* wsi, lws_callback_reasons reason, PerSession* session, char* in, size_t length);
  int beginReply(lws* wsi, PerSession& session);
  int continueReply(lws* wsi, PerSession& session);
  void receive(Socket& socket, std::string_view part, bool binary, bool last);
  int write(Socket& socket);
  void closed(PerSession& session);
  /// Hands the hub's outputs to their sockets, its events to the log, its deadline to the timer.
  void drain();
  void queue(SendOutput output);

  std::shared_ptr<detail::LoopBody> body_;
  uv_loop_s* uvLoop_;
  ServerOptions options_;
  ListenAddress listen_;
  StaticFiles files_;
  const std::vector<Header> headers_;
  Hub hub_;
  std::map<ConnectionId, std::unique_ptr<Socket>> sockets_;
  std::unique_ptr<detail::LoopTimer> timer_;
  lws_context* context_ = nullptr;
  std::array<lws_protocols, 4> protocols_{};
  uint16_t port_ = 0;
  uint64_t nextConnection_ = 1;
};

void Server::Impl::open(const std::shared_ptr<Impl>& self) {
  if (!uvLoop_) throw SignalingError("the signalling server needs a libuv loop");
  if (options_.tlsCertificate.empty() != options_.tlsKey.empty()) {
    throw SignalingError("TLS needs both a certificate and a key");
  }
  if (!options_.tlsCertificate.empty()) {
    requireReadable(options_.tlsCertificate, "certificate");
    requireReadable(options_.tlsKey, "key");
    prepareTls();
  }
  protocols_[0] = {"http", callback, sizeof(PerSession), 0, 0, nullptr, 0};
  protocols_[1] = {"json", callback, sizeof(PerSession), kHttpChunk, 0, nullptr, 0};
  protocols_[2] = {"peerage.1", callback, sizeof(PerSession), kHttpChunk, 0, nullptr, 0};
  timer_ = body_->makeTimer([this] {
    hub_.handleTimeout(body_->now());
    drain();
  });
  listen_ = listenAddress(options_.interface);
  context_ = createContext(self, listen_.ipv6);
  if (context_) return;
  const std::string problem = contextFailure();
  const std::string port = "port " + std::to_string(options_.port);
  // "ERROR on binding fd 12 to port 8080 (-1 98)": the second number is the system's.
  const auto failedWith = [&](int error) { return problem.find("(-1 " + std::to_string(error) + ")") != std::string::npos; };
  if (failedWith(EADDRINUSE)) throw SignalingError(port + " is in use");
  if (failedWith(EACCES)) throw SignalingError(port + " is not permitted to this user");
  if (listen_.text.empty()) context_ = createContext(self, false);  // a machine without IPv6
  if (!context_) throw SignalingError("the signalling server could not start on " + port + ": " + problem);
}

lws_context* Server::Impl::createContext(const std::shared_ptr<Impl>& self, bool ipv6) {
  void* uvLoop = uvLoop_;
  lws_context_creation_info info = contextInfo(&uvLoop, protocols_.data(), this);
  info.options |= LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  if (!ipv6) info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
  lws_context* context = lws_create_context(&info);
  if (!context) return nullptr;

  info.port = options_.port;
  info.iface = listen_.text.empty() ? nullptr : listen_.text.c_str();
  info.vhost_name = "peerage";
  info.keepalive_timeout = 15;
  if (!options_.tlsCertificate.empty()) {
    info.options |= kTlsOption;
    info.ssl_cert_filepath = options_.tlsCertificate.c_str();
    info.ssl_private_key_filepath = options_.tlsKey.c_str();
  }
  lws_vhost* vhost = lws_create_vhost(context, &info);
  const int port = vhost ? lws_get_vhost_listen_port(vhost) : 0;
  // It waits for an interface that is not there yet; we do not.
  const bool noInterface = complaints().find("DOESN'T EXIST") != std::string::npos;
  if (port <= 0 || noInterface) {
    endContext(context, uvLoop_, self);
    return nullptr;
  }
  port_ = static_cast<uint16_t>(port);
  return context;
}

int Server::Impl::handle(lws* wsi, lws_callback_reasons reason, PerSession* session, char* in, size_t length) {
  switch (reason) {
    case LWS_CALLBACK_HTTP:
      return beginReply(wsi, *session);
    case LWS_CALLBACK_HTTP_WRITEABLE:
      return session && session->reply ? continueReply(wsi, *session) : 0;
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
      if (session) delete std::exchange(session->reply, nullptr);
      return 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
      // Without one of our subprotocols libwebsockets falls back to the first in its list.
      return protocolFromString(lws_get_protocol(wsi)->name) ? 0 : 1;
    case LWS_CALLBACK_ESTABLISHED: {
      auto socket = std::make_unique<Socket>();
      socket->id = ConnectionId(nextConnection_++);
      socket->wsi = wsi;
      session->socket = socket.get();
      const ConnectionId id = socket->id;
      sockets_.emplace(id, std::move(socket));
      hub_.handleConnect(body_->now(), id, *protocolFromString(lws_get_protocol(wsi)->name));
      drain();
      return 0;
    }
    case LWS_CALLBACK_RECEIVE:
      if (session->socket) {
        receive(*session->socket, {in, length}, lws_frame_is_binary(wsi) != 0,
                lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0);
        drain();
      }
      return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
      if (session->socket) {
        hub_.handlePong(body_->now(), session->socket->id);
        drain();
      }
      return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
      return session->socket ? write(*session->socket) : 0;
    case LWS_CALLBACK_CLOSED:
      closed(*session);
      return 0;
    default:
      return 0;
  }
}

void Server::Impl::closed(PerSession& session) {
  Socket* socket = std::exchange(session.socket, nullptr);
  if (!socket) return;
  const ConnectionId id = socket->id;
  sockets_.erase(id);
  hub_.handleClose(body_->now(), id);
  drain();
}

void Server::Impl::receive(Socket& socket, std::string_view part, bool binary, bool last) {
  if (socket.close) return;
  if (binary) return hub_.handleBinary(socket.id);
  if (!socket.tooBig && socket.partial.size() + part.size() > options_.limits.messageBytes) {
    socket.tooBig = true;
    socket.partial = {};
    hub_.handleTooBig(socket.id);
  }
  if (socket.tooBig) return;
  if (last && socket.partial.empty()) return hub_.handleInput(body_->now(), socket.id, part);
  socket.partial.append(part);
  if (!last) return;
  const std::string whole = std::exchange(socket.partial, {});
  hub_.handleInput(body_->now(), socket.id, whole);
}

void Server::Impl::drain() {
  while (auto output = hub_.pollTransmit()) {
    if (auto* send = std::get_if<SendOutput>(&*output)) {
      queue(std::move(*send));
      continue;
    }
    const ConnectionId to = std::visit([](const auto& o) { return o.to; }, *output);
    const auto found = sockets_.find(to);
    if (found == sockets_.end() || found->second->close) continue;
    Socket& socket = *found->second;
    if (auto* close = std::get_if<CloseOutput>(&*output)) {
      socket.close = std::move(*close);
      lws_set_timeout(socket.wsi, PENDING_TIMEOUT_USER_REASON_BASE, kCloseSeconds);
    } else {
      socket.ping = true;
    }
    lws_callback_on_writable(socket.wsi);
  }
  while (auto event = hub_.pollEvent()) {
    // As a task: the log is the program's, and may do anything.
    if (options_.log) body_->queueTask([log = options_.log, line = std::move(event->line)] { log(line); });
  }
  if (!timer_) return;
  if (const auto next = hub_.nextTimeout()) {
    if (!timer_->isSet()) timer_->set(next->at);
  } else {
    timer_->cancel();
  }
}

void Server::Impl::queue(SendOutput output) {
  const auto found = sockets_.find(output.to);
  if (found == sockets_.end() || found->second->close) return;
  Socket& socket = *found->second;
  if (socket.queuedBytes + output.text.size() > options_.limits.queuedBytes) {
    socket.queue.clear();  // it does not read; what it still gets is the reason
    socket.queuedBytes = 0;
    return hub_.handleTooSlow(output.to);
  }
  socket.queuedBytes += output.text.size();
  socket.queue.emplace_back(output.text);
  lws_callback_on_writable(socket.wsi);
}

int Server::Impl::write(Socket& socket) {
  if (std::exchange(socket.ping, false)) {
    Frame frame(kPing);
    if (lws_write(socket.wsi, frame.data(), frame.size(), LWS_WRITE_PING) < 0) return -1;
  } else if (!socket.queue.empty()) {
    Frame frame = std::move(socket.queue.front());
    socket.queue.pop_front();
    socket.queuedBytes -= frame.size();
    if (lws_write(socket.wsi, frame.data(), frame.size(), LWS_WRITE_TEXT) < static_cast<int>(frame.size())) return -1;
  }
  if (socket.ping || !socket.queue.empty()) {
    lws_callback_on_writable(socket.wsi);
    return 0;
  }
  if (!socket.close || std::exchange(socket.closeSent, true)) return 0;
  // The client answers with a close frame of its own, on which libwebsockets closes; if it does not, the timeout does.
  Frame frame = closeFrame(static_cast<uint16_t>(socket.close->code), socket.close->reason);
  return lws_write(socket.wsi, frame.data(), frame.size(), kWriteClose) < 0 ? -1 : 0;
}

int Server::Impl::beginReply(lws* wsi, PerSession& session) {
  std::array<char, 2048> uri{};
  HttpReply reply;
  const bool head = lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;
  const auto method = head ? WSI_TOKEN_HEAD_URI : WSI_TOKEN_GET_URI;
  const int length = lws_hdr_total_length(wsi, method);
  if (length <= 0) {
    reply = {405, "text/plain; charset=utf-8", "Only GET and HEAD are served.\n"};
  } else if (lws_hdr_copy(wsi, uri.data(), uri.size(), method) <= 0) {
    reply = {414, "text/plain; charset=utf-8", "That path is too long.\n"};
  } else {
    reply = files_.get({uri.data(), static_cast<size_t>(length)});  // a %00 in it is a character like others
  }
  std::array<unsigned char, LWS_PRE + 4096> buffer;
  unsigned char* start = buffer.data() + LWS_PRE;
  unsigned char* at = start;
  unsigned char* end = buffer.data() + buffer.size() - 1;
  if (lws_add_http_common_headers(wsi, static_cast<unsigned>(reply.status), std::string(reply.contentType).c_str(),
                                  reply.body.size(), &at, end)) {
    return 1;
  }
  for (const Header& header : headers_) {
    if (lws_add_http_header_by_name(wsi, reinterpret_cast<const unsigned char*>(header.name),
                                    reinterpret_cast<const unsigned char*>(header.value.data()),
                                    static_cast<int>(header.value.size()), &at, end)) {
      return 1;
    }
  }
  if (lws_finalize_write_http_header(wsi, start, &at, end)) return 1;
  if (head) reply.body.clear();
  delete std::exchange(session.reply, new Reply{std::move(reply.body)});
  lws_callback_on_writable(wsi);
  return 0;
}

int Server::Impl::continueReply(lws* wsi, PerSession& session) {
  Reply& reply = *session.reply;
  const size_t amount = std::min(kHttpChunk, reply.body.size() - reply.sent);
  const bool last = reply.sent + amount == reply.body.size();
  Frame chunk(std::string_view(reply.body).substr(reply.sent, amount));
  const auto kind = last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP;
  if (lws_write(wsi, chunk.data(), amount, kind) < static_cast<int>(amount)) return -1;
  reply.sent += amount;
  if (!last) {
    lws_callback_on_writable(wsi);
    return 0;
  }
  delete std::exchange(session.reply, nullptr);
  return lws_http_transaction_completed(wsi) ? -1 : 0;
}

Server::Server(EventLoop& loop, ServerOptions options) : impl_(Impl::make(loop, std::move(options))) {}
Server::~Server() {
  Impl& impl = *impl_;
  impl.shutDown(std::move(impl_));
}
uint16_t Server::port() const { return impl_->port(); }
size_t Server::connections() const { return impl_->connections(); }

}  // namespace peerage::signaling
