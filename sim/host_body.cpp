#include "sim/host_body.hpp"

#include <algorithm>

#include "sim/network_body.hpp"

namespace peerage::sim {

using detail::DatagramView;
using detail::Task;

namespace {

class SimTimer final : public detail::LoopTimer {
 public:
  SimTimer(std::shared_ptr<HostBody> host, Task task) : host_(std::move(host)), entry_(std::make_shared<TimerEntry>()) {
    entry_->task = std::move(task);
  }
  ~SimTimer() override { host_->cancelTimer(*entry_); }
  void set(Timestamp at) override { host_->setTimer(entry_, at); }
  void cancel() override { host_->cancelTimer(*entry_); }
  bool isSet() const override { return entry_->event.has_value(); }

 private:
  std::shared_ptr<HostBody> host_;
  std::shared_ptr<TimerEntry> entry_;
};

class SimSocket final : public detail::UdpSocket {
 public:
  explicit SimSocket(std::shared_ptr<SocketEntry> entry) : entry_(std::move(entry)) {}
  ~SimSocket() override {
    if (entry_->host) entry_->host->closeSocket(*entry_);
  }
  SocketAddress localAddress() const override { return entry_->local; }
  using UdpSocket::send;
  void send(std::span<const DatagramView> datagrams) override {
    if (entry_->host) entry_->host->send(*entry_, datagrams);
  }
  const detail::UdpCounters& counters() const override { return entry_->counters; }

 private:
  std::shared_ptr<SocketEntry> entry_;
};

class SimRequest final : public detail::ResolveRequest {
 public:
  explicit SimRequest(std::shared_ptr<detail::ResolveCallback> callback) : callback_(std::move(callback)) {}

 private:
  std::shared_ptr<detail::ResolveCallback> callback_;  // the event has a weak reference
};

}  // namespace

HostBody::HostBody(NetworkBody& network, size_t index, int realm, EventLoopOptions options, uint64_t seed)
    : network_(&network), index_(index), realm_(realm), options_(std::move(options)), log_(detail::makeLog(options_)),
      random_(options_.seed.value_or(seed)) {
  makeCore([this] {
    if (network_) network_->makeReady(*this);
  });
}

HostBody::~HostBody() { close(); }

bool HostBody::hasAddress(const IpAddress& address) const {
  return address.isLoopback() || std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end();
}

Timestamp HostBody::now() const { return network_ ? network_->now() : lastNow_; }

std::chrono::system_clock::time_point HostBody::wallClock() const {
  constexpr std::chrono::sys_days kFirstDay{std::chrono::year(2026) / 1 / 1};
  return kFirstDay + std::chrono::duration_cast<std::chrono::system_clock::duration>(now() - NetworkBody::kStart);
}

void HostBody::rethrowError() {
  if (auto error = core()->takeError()) std::rethrow_exception(error);
}

void HostBody::turn() {
  core()->runQueuedTasks();
  if (network_ && core()->hasWork()) network_->makeReady(*this);
  rethrowError();
}

void HostBody::post(Task task) {
  if (network_) network_->post(std::static_pointer_cast<HostBody>(shared_from_this()), std::move(task));
}

bool HostBody::runOnce(bool wait) {
  if (!network_) return false;
  network_->step(wait ? std::nullopt : std::optional(network_->now()));
  return network_ && !network_->idle();
}

// ---- timers

std::unique_ptr<detail::LoopTimer> HostBody::makeTimer(Task task) {
  return std::make_unique<SimTimer>(std::static_pointer_cast<HostBody>(shared_from_this()), std::move(task));
}

void HostBody::setTimer(const std::shared_ptr<TimerEntry>& entry, Timestamp at) {
  if (!network_) return;
  cancelTimer(*entry);
  timers_.insert(entry.get());
  entry->event = network_->schedule(std::max(at, network_->now()), [this, weak = std::weak_ptr(entry)] {
    const auto due = weak.lock();  // stays while its task runs
    timers_.erase(due.get());
    due->event.reset();
    dispatch([&] { due->task(); });
  });
}

void HostBody::cancelTimer(TimerEntry& entry) {
  if (!entry.event) return;
  if (network_) network_->cancel(*entry.event);
  entry.event.reset();
  timers_.erase(&entry);
}

// ---- sockets

Result<std::unique_ptr<detail::UdpSocket>> HostBody::bindUdp(const SocketAddress& local,
                                                             detail::UdpReceiver receiver) {
  if (!network_) return failure("the event loop is closed");
  if (!local.ip.isUnspecified() && !hasAddress(local.ip)) {
    return failure("bind " + local.toString() + ": not an address of this host");
  }
  SocketAddress at = local;
  if (at.port == 0) {
    for (int tries = 0; at.port == 0 || sockets_.contains(at); ++tries) {
      if (tries > 65535 - 49152) return failure("bind " + local.toString() + ": all ports are taken");
      at.port = nextPort_;
      nextPort_ = nextPort_ == 65535 ? uint16_t{49152} : static_cast<uint16_t>(nextPort_ + 1);
    }
  } else if (sockets_.contains(at)) {
    return failure("bind " + local.toString() + ": the port is taken");
  }
  auto entry = std::make_shared<SocketEntry>();
  entry->local = at;
  entry->receiver = std::move(receiver);
  entry->host = this;
  sockets_.emplace(at, entry);
  return std::make_unique<SimSocket>(std::move(entry));
}

void HostBody::closeSocket(SocketEntry& socket) {
  socket.host = nullptr;
  sockets_.erase(socket.local);
}

void HostBody::send(SocketEntry& socket, std::span<const DatagramView> datagrams) {
  SocketAddress source = socket.local;
  for (const DatagramView& datagram : datagrams) {
    if (socket.local.ip.isUnspecified()) {
      const auto own = std::find_if(addresses_.begin(), addresses_.end(), [&](const IpAddress& address) {
        return address.family() == datagram.remote.ip.family();
      });
      if (own != addresses_.end()) source.ip = *own;
    }
    // What sendmsg(2) would refuse.
    if (source.ip.family() != datagram.remote.ip.family() || !hasAddress(source.ip) || datagram.data.size() > 65507) {
      ++socket.counters.sendErrors;
      continue;
    }
    ++socket.counters.packetsSent;
    socket.counters.bytesSent += datagram.data.size();
    network_->transmit(*this, source, datagram.remote, datagram.data);
  }
}

void HostBody::receive(const SocketAddress& source, const SocketAddress& destination, ByteView data) {
  if (!network_ || !hasAddress(destination.ip)) return;
  auto found = sockets_.find(destination);
  if (found == sockets_.end()) {
    const IpAddress any = destination.ip.isV4() ? IpAddress() : *IpAddress::parse("::");
    found = sockets_.find({any, destination.port});
  }
  if (found == sockets_.end()) return;
  const auto socket = found->second;  // may be closed by its own callback
  ++socket->counters.packetsReceived;
  socket->counters.bytesReceived += data.size();
  const DatagramView view{destination, source, data};
  dispatch([&] { socket->receiver(std::span(&view, 1)); });
}

// ---- names and interfaces

std::vector<detail::NetworkInterface> HostBody::interfaces() {
  std::vector<detail::NetworkInterface> found;
  for (const IpAddress& address : addresses_) {
    found.push_back({"sim" + std::to_string(found.size()), address, address.isV4() ? uint8_t{24} : uint8_t{64},
                     detail::InterfaceType::ethernet});
  }
  if (options_.includeLoopback) {
    found.push_back({"lo", IpAddress::v4(127, 0, 0, 1), 8, detail::InterfaceType::loopback});
  }
  return found;
}

std::unique_ptr<detail::ResolveRequest> HostBody::resolve(std::string_view hostname, detail::ResolveCallback callback) {
  auto shared = std::make_shared<detail::ResolveCallback>(std::move(callback));
  if (network_) {
    Result<std::vector<IpAddress>> result = failure("cannot resolve " + std::string(hostname) + ": no such name");
    Duration delay = 5ms;
    if (const auto literal = IpAddress::parse(hostname)) {
      result = std::vector{*literal};
      delay = 0ms;
    } else if (const auto* name = network_->name(hostname)) {
      if (!name->addresses.empty()) result = name->addresses;
      delay = name->delay;
    }
    const auto self = std::static_pointer_cast<HostBody>(shared_from_this());
    network_->schedule(now() + delay, [host = std::weak_ptr(self), weak = std::weak_ptr(shared),
                                       answer = std::move(result)]() mutable {
      const auto on = host.lock();
      const auto call = weak.lock();
      if (on && call && !on->closed()) on->dispatch([&] { (*call)(std::move(answer)); });
    });
  }
  return std::make_unique<SimRequest>(std::move(shared));
}

void HostBody::close() {
  if (!network_) return;
  if (!core()->closed()) core()->close();
  lastNow_ = network_->now();
  while (!timers_.empty()) cancelTimer(**timers_.begin());
  const auto sockets = std::move(sockets_);
  sockets_.clear();
  for (const auto& [address, socket] : sockets) socket->host = nullptr;
  network_->removeHost(*this);
  network_ = nullptr;
}

}  // namespace peerage::sim
