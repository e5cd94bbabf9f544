// The signalling client's socket: libwebsockets calls in, the core decides, what it says reaches the program as tasks.
#include <libwebsockets.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

#include "peerage/signaling.hpp"
#include "runtime/uv_body.hpp"
#include "signaling/client/client_core.hpp"
#include "signaling/client/url.hpp"
#include "signaling/lws.hpp"

namespace peerage::signaling {
namespace {

/// Certificates of the authorities, where Debian, Ubuntu, Fedora and Alpine have them.
const char* authorities() {
  for (const char* path : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}) {
    std::FILE* file = std::fopen(path, "r");
    if (!file) continue;
    std::fclose(file);
    return path;
  }
  return nullptr;
}

// The server pings after 20 s of silence; nothing in twice that, our own ping after 25 s included, and the socket is dead.
const uint32_t kNoRetry[] = {1000};
const lws_retry_bo_t kValidity{kNoRetry, 1, 0, 25, 45, 0};

}  // namespace

class Client::Impl : public std::enable_shared_from_this<Client::Impl> {
 public:
  Impl(Client& owner, EventLoop& loop, ClientOptions options, WebSocketUrl url)
      : owner_(&owner), body_(loop.body()), uvLoop_(loop.uvLoop()), url_(std::move(url)), options_(options),
        core_(std::move(options), body_->wallClock().time_since_epoch() - body_->now().time_since_epoch()) {}

  void start() {
    timer_ = body_->makeTimer([this] {
      core_.handleTimeout(body_->now());
      drain();
    });
    core_.start(body_->now());
    drain();
  }

  /// The program has no use for it any more. The socket is closed once what is queued has been sent.
  void abandon() {
    owner_ = nullptr;
    core_.close();
    drain();
    if (body_->closed()) destroyContext();  // no task will do it any more
  }

  ClientCore& core() { return core_; }
  const detail::LoopBody& body() const { return *body_; }
  void drop() {
    if (wsi_) lws_set_timeout(wsi_, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
  }
  /// Does what the core asks for.
  void drain();

 private:
  static int callback(lws* wsi, lws_callback_reasons reason, void*, void* in, size_t length) {
    auto* impl = static_cast<Impl*>(lws_context_user(lws_get_context(wsi)));
    if (!impl || reason == LWS_CALLBACK_PROTOCOL_DESTROY) return 0;
    const auto generation = reinterpret_cast<uintptr_t>(lws_get_opaque_user_data(wsi));
    return impl->handle(wsi, reason, generation, static_cast<char*>(in), length);
  }

  /// libwebsockets' word for why an attempt failed, in ours where it has one for many reasons.
  std::string connectionProblem(std::string word) const;
  int handle(lws* wsi, lws_callback_reasons reason, uintptr_t generation, char* in, size_t length);
  void connect();
  void connectNext();
  void lost(std::string why);
  int write(lws* wsi);
  void deliver();
  bool createContext();
  /// Ends libwebsockets' part, once the core has closed. It lives on by itself until its handles are closed.
  void destroyContext();

  Client* owner_;
  std::shared_ptr<detail::LoopBody> body_;
  uv_loop_s* uvLoop_;
  const WebSocketUrl url_;
  const ClientOptions options_;
  ClientCore core_;
  std::unique_ptr<detail::LoopTimer> timer_;
  std::unique_ptr<detail::ResolveRequest> resolving_;
  std::deque<std::string> addresses_;
  std::string lastProblem_;
  std::array<lws_protocols, 2> protocols_{};
  lws_context* context_ = nullptr;
  lws_vhost* vhost_ = nullptr;
  lws* wsi_ = nullptr;
  uintptr_t generation_ = 0;  ///< of the attempt to connect: what an older one's socket says is not heard
  std::string trying_;    ///< address and port, while connecting
  bool reached_ = false;  ///< somebody listens there
  bool open_ = false;
  bool closing_ = false;
  bool closeSent_ = false;
  bool delivering_ = false;
  std::string partial_;
  std::deque<Frame> queue_;
  std::shared_ptr<Impl> self_;  ///< while there is a context: it calls back, also when the client is gone
};

bool Client::Impl::createContext() {
  if (context_) return true;
  protocols_[0] = {options_.protocol == Protocol::json ? "json" : "peerage.1", callback, 0, 16 * 1024, 0, nullptr, 0};
  void* uvLoop = uvLoop_;
  lws_context_creation_info info = contextInfo(&uvLoop, protocols_.data(), this);
  if (url_.secure) prepareTls();
  info.options |= LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  info.retry_and_idle_policy = &kValidity;
  lws_context* context = lws_create_context(&info);
  if (!context) return false;
  info.vhost_name = "client";
  if (url_.secure) {
    info.options |= kTlsOption;
    info.client_ssl_ca_filepath = authorities();
  }
  vhost_ = lws_create_vhost(context, &info);
  if (!vhost_) {
    endContext(context, uvLoop_, shared_from_this());
    return false;
  }
  context_ = context;
  self_ = shared_from_this();
  return true;
}

void Client::Impl::destroyContext() {
  if (!context_) return;
  const auto keep = shared_from_this();
  endContext(std::exchange(context_, nullptr), uvLoop_, std::move(self_));
}

void Client::Impl::connect() {
  drop();
  wsi_ = nullptr;
  ++generation_;
  open_ = closing_ = closeSent_ = false;
  queue_.clear();
  partial_.clear();
  addresses_.clear();
  lastProblem_.clear();
  // The lookup is the loop's: libwebsockets would wait for it.
  resolving_ = body_->resolve(url_.host, [this](Result<std::vector<IpAddress>> found) {
    if (!found) return lost("the host " + url_.host + " is not known: " + found.error().message);
    for (const IpAddress& address : *found) addresses_.push_back(address.toString());
    connectNext();
  });
}

void Client::Impl::connectNext() {
  if (addresses_.empty()) return lost(lastProblem_);
  if (!createContext()) return lost("libwebsockets could not start: " + contextFailure());
  const std::string address = std::move(addresses_.front());
  addresses_.pop_front();
  const std::string host = url_.hostHeader();
  trying_ = (address.find(':') == std::string::npos ? address : "[" + address + "]") + ":" + std::to_string(url_.port);
  reached_ = false;
  lws_client_connect_info info{};
  info.context = context_;
  info.vhost = vhost_;
  info.address = address.c_str();
  info.port = url_.port;
  info.path = url_.path.c_str();
  info.host = host.c_str();
  info.protocol = protocols_[0].name;
  info.ietf_version_or_minus_one = -1;
  info.opaque_user_data = reinterpret_cast<void*>(++generation_);
  info.retry_and_idle_policy = &kValidity;
  if (url_.secure) {
    info.ssl_connection = LCCSCF_USE_SSL;
    if (!options_.verifyCertificate) {
      info.ssl_connection |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK | LCCSCF_ALLOW_EXPIRED |
                             LCCSCF_ALLOW_INSECURE;
    }
  }
  const uintptr_t generation = generation_;
  wsi_ = lws_client_connect_via_info(&info);
  if (wsi_ || generation != generation_) return;
  ++generation_;  // whether or not it has called back, this attempt is over
  if (lastProblem_.empty()) lastProblem_ = "no connection to " + address + " could be begun";
  body_->queueTask([weak = weak_from_this(), expected = generation_] {
    if (const auto impl = weak.lock(); impl && impl->generation_ == expected) impl->connectNext();
  });
}

void Client::Impl::lost(std::string why) {
  resolving_.reset();
  wsi_ = nullptr;
  open_ = false;
  ++generation_;
  core_.handleLost(body_->now(), "no signalling server at " + url_.hostHeader() + ": " + why);
  drain();
}

std::string Client::Impl::connectionProblem(std::string word) const {
  if (word.empty()) return "the connection failed";
  if (word != "closed before established") return word;
  if (reached_) return trying_ + " closed the connection without an answer";
  const bool loopback = trying_.starts_with("127.") || trying_.starts_with("[::1]");
  return "nobody listens on " + trying_ + (loopback ? "" : ", or the way there is barred");
}

int Client::Impl::handle(lws* wsi, lws_callback_reasons reason, uintptr_t generation, char* in, size_t length) {
  switch (reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      if (generation != generation_) return 0;
      lastProblem_ = connectionProblem(in ? std::string(in, strnlen(in, length)) : std::string());
      wsi_ = nullptr;
      ++generation_;
      body_->queueTask([weak = weak_from_this(), expected = generation_] {
        if (const auto impl = weak.lock(); impl && impl->generation_ == expected) impl->connectNext();
      });
      return 0;
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
      if (generation == generation_) reached_ = true;
      return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      if (generation != generation_) return -1;
      wsi_ = wsi;
      open_ = true;
      core_.handleOpen(body_->now());
      drain();
      return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE: {
      if (generation != generation_) return -1;
      if (partial_.size() + length > Limits{}.queuedBytes) return -1;  // no server sends such a message
      partial_.append(in, length);
      if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi) != 0) return 0;
      const std::string whole = std::exchange(partial_, {});
      core_.handleInput(body_->now(), whole);
      drain();
      return 0;
    }
    case LWS_CALLBACK_CLIENT_WRITEABLE:
      return generation == generation_ ? write(wsi) : -1;
    case LWS_CALLBACK_CLIENT_CLOSED:
      if (generation == generation_) lost("the connection was closed");
      return 0;
    default:
      return 0;
  }
}

int Client::Impl::write(lws* wsi) {
  if (!queue_.empty()) {
    Frame frame = std::move(queue_.front());
    queue_.pop_front();
    if (lws_write(wsi, frame.data(), frame.size(), LWS_WRITE_TEXT) < static_cast<int>(frame.size())) return -1;
  }
  if (!queue_.empty() || (closing_ && lws_partial_buffered(wsi))) {
    lws_callback_on_writable(wsi);
    return 0;
  }
  if (!closing_ || std::exchange(closeSent_, true)) return 0;
  // The server answers with a close frame of its own, on which libwebsockets closes; if it does not, the timeout does.
  Frame frame = closeFrame(LWS_CLOSE_STATUS_NORMAL, "");
  return lws_write(wsi, frame.data(), frame.size(), kWriteClose) < 0 ? -1 : 0;
}

void Client::Impl::drain() {
  while (auto output = core_.pollTransmit()) {
    if (auto* send = std::get_if<ClientSend>(&*output)) {
      if (!wsi_ || !open_ || closing_) continue;
      queue_.emplace_back(send->text);
      lws_callback_on_writable(wsi_);
    } else if (std::holds_alternative<ClientConnect>(*output)) {
      connect();
    } else {
      closing_ = true;
      resolving_.reset();
      addresses_.clear();
      if (wsi_ && open_) {
        lws_set_timeout(wsi_, PENDING_TIMEOUT_USER_REASON_BASE, 5);
        lws_callback_on_writable(wsi_);
      } else {
        drop();
      }
    }
  }
  if (const auto next = core_.nextTimeout()) {
    timer_->set(next->at);
  } else {
    timer_->cancel();
  }
  if (!std::exchange(delivering_, true)) {
    body_->queueTask([self = shared_from_this()] { self->deliver(); });
  }
}

void Client::Impl::deliver() {
  delivering_ = false;
  while (auto event = core_.pollEvent()) {
    if (!owner_) break;
    Client& owner = *owner_;
    std::visit(
        [&]<typename E>(E& e) {
          if constexpr (std::is_same_v<E, ReadyEvent>) owner.dispatchEvent<"ready">(std::move(e));
          if constexpr (std::is_same_v<E, PeersEvent>) owner.dispatchEvent<"peers">(std::move(e));
          if constexpr (std::is_same_v<E, DescriptionEvent>) owner.dispatchEvent<"description">(std::move(e));
          if constexpr (std::is_same_v<E, CandidateEvent>) owner.dispatchEvent<"candidate">(std::move(e));
          if constexpr (std::is_same_v<E, HangUpEvent>) owner.dispatchEvent<"hangup">(std::move(e));
          if constexpr (std::is_same_v<E, TextEvent>) owner.dispatchEvent<"text">(std::move(e));
          if constexpr (std::is_same_v<E, RefusedEvent>) owner.dispatchEvent<"refused">(std::move(e));
          if constexpr (std::is_same_v<E, ClosedEvent>) owner.dispatchEvent<"closed">(std::move(e));
        },
        *event);
  }
  if (core_.state() == ClientCore::State::closed && (!wsi_ || !open_)) destroyContext();
}

Client::Client(EventLoop& loop, ClientOptions options) {
  auto url = parseWebSocketUrl(options.url);
  if (!url) throw SignalingError(url.error().message);
  if (!loop.uvLoop()) throw SignalingError("the signalling client needs a libuv loop");
  impl_ = std::make_shared<Impl>(*this, loop, std::move(options), std::move(*url));
  impl_->start();
}
Client::~Client() { impl_->abandon(); }

const std::string& Client::name() const { return impl_->core().name(); }
bool Client::ready() const { return impl_->core().ready(); }
std::vector<Peer> Client::peers() const { return impl_->core().peers(); }
void Client::sendDescription(const std::string& to, const RTCSessionDescriptionInit& description) {
  impl_->core().sendDescription(to, description);
  impl_->drain();
}
void Client::sendCandidate(const std::string& to, const RTCIceCandidateInit& candidate) {
  impl_->core().sendCandidate(to, candidate);
  impl_->drain();
}
void Client::sendHangUp(const std::string& to) {
  impl_->core().sendHangUp(to);
  impl_->drain();
}
void Client::sendText(const std::string& text) {
  impl_->core().sendText(impl_->body().now(), text);
  impl_->drain();
}
void Client::close() {
  impl_->core().close();
  impl_->drain();
}
void Client::dropSocket() { impl_->drop(); }

}  // namespace peerage::signaling
