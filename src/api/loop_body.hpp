// What the W3C objects need of the world: a clock, randomness, tasks, timers, UDP, names, interfaces. Two bodies implement
// it: libuv's in runtime/, and the simulator's in sim/. All calls are for the loop's thread, post() excepted.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "peerage/detail/function.hpp"
#include "peerage/detail/loop_core.hpp"
#include "peerage/event_loop.hpp"

namespace peerage {

namespace dtls {
class Factory;
}

namespace detail {

/// A datagram on its way in or out, without its bytes: they belong to the socket (in) or to the caller (out), and are
/// good for the length of the call.
struct DatagramView {
  SocketAddress local;   ///< in: the socket's address; out: not looked at, the socket is the one that sends
  SocketAddress remote;  ///< in: from where; out: to where
  ByteView data;
};

/// What a socket has done since it was bound.
struct UdpCounters {
  uint64_t packetsSent = 0;
  uint64_t bytesSent = 0;
  uint64_t packetsReceived = 0;
  uint64_t bytesReceived = 0;
  uint64_t packetsQueued = 0;   ///< waited for the system to take them
  uint64_t packetsDropped = 0;  ///< not sent because the waiting ones had reached UdpSocket::kMaxQueuedBytes
  uint64_t sendErrors = 0;      ///< refused by the system: no route, too big, not permitted
  uint64_t receiveErrors = 0;
};

/// A bound UDP socket. Destroying it closes it, from inside its own callback too; nothing is called afterwards.
class UdpSocket {
 public:
  /// How much waits for a socket that is not writable: a quarter second at 32 Mbit/s; more would only grow old.
  static constexpr size_t kMaxQueuedBytes = size_t{1} << 20;

  virtual ~UdpSocket() = default;
  /// The address it is bound to, with the port that the system chose.
  virtual SocketAddress localAddress() const = 0;
  /// Sends all of them without blocking, in order; what the system will not take now waits, within bounds, and is sent
  /// when it will. Empty after the loop is gone.
  virtual void send(std::span<const DatagramView> datagrams) = 0;
  void send(const DatagramView& datagram) { send(std::span(&datagram, 1)); }
  virtual const UdpCounters& counters() const = 0;
};

/// Receives what came in since the last wake, in order, at most some tens at once, as one task.
using UdpReceiver = UniqueFunction<void(std::span<const DatagramView>)>;

/// A deadline that is moved often: set() and cancel() cost little. Destroying it cancels it, from inside its own callback
/// too. Does not fire early; may be up to a millisecond late. Keeps run() from returning while it is set.
class LoopTimer {
 public:
  virtual ~LoopTimer() = default;
  /// Replaces the deadline that is set. A deadline in the past fires on the loop's next turn, never inside this call.
  virtual void set(Timestamp at) = 0;
  virtual void cancel() = 0;
  virtual bool isSet() const = 0;
};

/// A name being looked up. Destroying it cancels: the callback is not called.
class ResolveRequest {
 public:
  virtual ~ResolveRequest() = default;
};
using ResolveCallback = UniqueFunction<void(Result<std::vector<IpAddress>>)>;

enum class InterfaceType { unknown, ethernet, wifi, cellular, vpn, loopback };

/// An address of this machine.
struct NetworkInterface {
  std::string name;  ///< "eth0"
  IpAddress address;
  uint8_t prefixLength = 0;
  InterfaceType type = InterfaceType::unknown;
  friend bool operator==(const NetworkInterface&, const NetworkInterface&) = default;
};

/// One loop, as the layers above see it. Made by a runtime, kept by the EventLoop and by the objects on it: they may
/// outlive the EventLoop, after which close() has been called, sockets are closed, timers never fire, and nothing is run.
class LoopBody : public std::enable_shared_from_this<LoopBody> {
 public:
  LoopBody() = default;
  LoopBody(const LoopBody&) = delete;
  LoopBody& operator=(const LoopBody&) = delete;
  virtual ~LoopBody() = default;

  /// Tasks, microtasks and promises. The same object for ever.
  const std::shared_ptr<LoopCore>& core() const { return core_; }
  void queueTask(Task task) { core_->queueTask(std::move(task)); }
  void queueMicrotask(Task job) { core_->queueMicrotask(std::move(job)); }
  bool closed() const { return core_->closed(); }

  /// Monotonic; read once a wake, so it stands still within a task.
  virtual Timestamp now() const = 0;
  /// The calendar: NTP times, lifetimes of certificates. Virtual time in the simulator.
  virtual std::chrono::system_clock::time_point wallClock() const = 0;
  /// The system's, or a seeded one.
  virtual RandomSource& random() = 0;
  virtual dtls::Factory& dtlsFactory() = 0;
  /// nullptr without any.
  virtual const std::shared_ptr<const media::CodecFactory>& codecs() const = 0;
  virtual const Log& log() const = 0;

  virtual std::unique_ptr<LoopTimer> makeTimer(Task task) = 0;
  /// Port 0: the system chooses. Errors: the address is not of this machine, the port is taken, too many descriptors.
  virtual Result<std::unique_ptr<UdpSocket>> bindUdp(const SocketAddress& local, UdpReceiver receiver) = 0;
  /// Addresses that a candidate can be made of: of interfaces that are up, neither unspecified, multicast nor IPv6
  /// link-local (it needs a zone), loopback only when the loop was made with includeLoopback. In the system's order.
  virtual std::vector<NetworkInterface> interfaces() = 0;
  /// Calls back once, as a task, with at least one address or an error. A literal address resolves to itself.
  virtual std::unique_ptr<ResolveRequest> resolve(std::string_view hostname, ResolveCallback callback) = 0;

  // For EventLoop.
  /// Thread-safe.
  virtual void post(Task task) = 0;
  /// One turn; false when nothing keeps the loop alive.
  virtual bool runOnce(bool wait) = 0;
  /// Adds to or takes from what keeps the loop alive.
  virtual void hold(int difference) = 0;
  virtual int backendFd() const { return -1; }
  virtual std::optional<Duration> backendTimeout() const { return std::nullopt; }
  virtual uv_loop_s* uvLoop() const { return nullptr; }
  /// Closes everything for good.
  virtual void close() = 0;

 protected:
  /// The body calls this in its constructor; `wake` is called when work is queued outside of any task.
  void makeCore(Task wake) { core_ = std::make_shared<LoopCore>(std::move(wake)); }

 private:
  std::shared_ptr<LoopCore> core_;
};

/// The options' sink, or one that writes warnings and errors to standard error.
Log makeLog(const EventLoopOptions& options);

}  // namespace detail
}  // namespace peerage
