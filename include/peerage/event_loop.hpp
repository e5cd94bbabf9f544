// EventLoop: where everything of a connection happens. One thread, tasks in order, microtasks after each task.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "peerage/detail/function.hpp"
#include "peerage/promise.hpp"

struct uv_loop_s;

namespace peerage {

namespace media {
class CodecFactory;
}
namespace detail {
class LoopBody;
class LoopCore;
}  // namespace detail

/// What a loop is made with. The defaults are right for a program; tests give a seed.
struct EventLoopOptions {
  enum class LogLevel { debug, info, warning, error };

  /// What can encode and decode; without it, data channels only.
  std::shared_ptr<const media::CodecFactory> codecs = nullptr;
  /// Given: all randomness replays from it, keys included. For tests only.
  std::optional<uint64_t> seed = std::nullopt;
  /// Gets what the library has to say; `area` is "ice", "dtls", …. Without it: warnings and errors to standard error.
  std::function<void(LogLevel, std::string_view area, std::string_view text)> log = nullptr;
  /// Loopback addresses become host candidates (RFC 8445 §5.1.1.1 forbids it by default): for tests on one machine.
  bool includeLoopback = false;
  /// Asked of the system for every UDP socket, in bytes each way; it may grant less.
  size_t socketBufferBytes = size_t{4} << 20;
};

/// Tasks, timers, sockets and microtasks of one thread.
///
/// An exception that a callback throws goes to `onerror`; without one it is printed, run() stops after the present task
/// and throws it (on a foreign uv loop, which cannot carry it: std::terminate).
///
/// Destroying the loop drops all that is queued, destroys the coroutines that wait for its promises, and closes its
/// sockets; objects that were made on it may outlive it, silent. It must not be destroyed by one of its own callbacks.
class EventLoop {
 public:
  using Options = EventLoopOptions;
  using TimerId = uint64_t;  ///< 0 is none

  /// On a libuv loop of its own.
  EventLoop();
  explicit EventLoop(Options options);
  /// Over a libuv loop that exists and is run by others (Node's, a program's); all calls on that loop's thread. It must
  /// be run once more after the EventLoop is gone, for handles to finish closing.
  explicit EventLoop(uv_loop_s* existing);
  EventLoop(uv_loop_s* existing, Options options);
  /// On any body (the simulator's hosts are made so).
  explicit EventLoop(std::shared_ptr<detail::LoopBody> body);
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  /// Runs until stop(), or until nothing is left that could cause a task: no task queued, no timer, no open connection,
  /// no lookup, no keepAlive(). A pending promise alone keeps nothing alive, as in Node.
  void run();
  /// One turn: waits for something to happen when `wait`, runs what is due. False when nothing keeps the loop alive.
  bool runOnce(bool wait = true);
  /// Runs until `done()` is true, which it looks at after each turn; what `done()` gives at the end. With `limit`, no longer than that.
  bool runUntil(detail::UniqueFunction<bool()> done, std::optional<std::chrono::nanoseconds> limit = std::nullopt);
  /// Runs until the promise has settled; its value, or throws its reason. std::logic_error when nothing is left to run and
  /// it is still pending, or when `limit` is over.
  template <typename T>
  T runUntil(Promise<T> promise, std::optional<std::chrono::nanoseconds> limit = std::nullopt) {
    promise.markHandled();
    runUntil([&] { return promise.status() != PromiseStatus::pending; }, limit);
    return promise.value();
  }
  /// run() returns after the present task; nothing when the loop is not being run by run(), runOnce() or runUntil(). On the
  /// loop's thread; from others: post([&] { loop.stop(); }).
  void stop();

  /// Runs `task` on the loop. The one member that any thread may call. Tasks posted by one thread keep their order; those
  /// not yet run when the loop is destroyed are dropped. Waiting for a post keeps nothing alive: see keepAlive().
  void post(detail::Task task);
  /// Runs `task` after the present one and its microtasks, in order.
  void queueTask(detail::Task task);
  /// Runs `job` at the end of the present task, in order with promise reactions.
  void queueMicrotask(detail::Task job);

  /// Runs `task` once, not before `delay` is over.
  TimerId setTimeout(detail::Task task, std::chrono::nanoseconds delay);
  /// Runs `task` every `period` (at least 1 ms) until clearInterval().
  TimerId setInterval(detail::Task task, std::chrono::nanoseconds period);
  /// Nothing for an id that has run, is cleared, or is 0.
  void clearTimeout(TimerId id);
  void clearInterval(TimerId id) { clearTimeout(id); }
  /// Fulfilled when `time` is over: `co_await loop.delay(100ms)`.
  Promise<> delay(std::chrono::nanoseconds time);

  /// While one lives, run() does not return for want of work (another thread is going to post).
  class KeepAlive {
   public:
    KeepAlive() = default;
    explicit KeepAlive(std::shared_ptr<detail::LoopBody> body);
    KeepAlive(KeepAlive&&) noexcept = default;
    KeepAlive& operator=(KeepAlive&& other) noexcept {
      release();
      body_ = std::move(other.body_);
      return *this;
    }
    ~KeepAlive() { release(); }
    void release();

   private:
    std::shared_ptr<detail::LoopBody> body_;
  };
  KeepAlive keepAlive();

  /// The monotonic clock, from an arbitrary start; within one task it stands still.
  std::chrono::nanoseconds now() const;
  /// A task of this loop runs on the calling thread.
  bool isCurrent() const;

  /// For a foreign loop: readable when the loop has something to do (poll it, then runOnce(false)); -1 in the simulator.
  int backendFd() const;
  /// For a foreign loop: how long to poll at most; nullopt: no limit.
  std::optional<std::chrono::nanoseconds> backendTimeout() const;
  /// The libuv loop, for other libraries' handles; nullptr in the simulator.
  uv_loop_s* uvLoop() const;

  /// What a callback threw.
  std::function<void(std::exception_ptr)> onerror;
  /// The reason of a promise that was rejected, and had no reaction when the microtasks after that had run. Without a
  /// hook it is logged as a warning.
  std::function<void(std::exception_ptr)> onunhandledrejection;

  /// The inside, for the library's own layers.
  const std::shared_ptr<detail::LoopBody>& body() const { return body_; }

 private:
  struct Timers;
  struct Turning;
  bool turn(bool wait);
  TimerId addTimer(detail::Task task, std::chrono::nanoseconds delay, std::optional<std::chrono::nanoseconds> period);

  std::shared_ptr<detail::LoopBody> body_;
  std::shared_ptr<detail::LoopCore> core_;
  std::shared_ptr<Timers> timers_;
};

}  // namespace peerage
