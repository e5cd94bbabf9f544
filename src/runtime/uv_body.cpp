#include "runtime/uv_body.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <system_error>

#include "runtime/udp_socket.hpp"

namespace peerage::runtime {

using detail::Task;

namespace {

void check(int result, const char* what) {
  if (result < 0) throw std::system_error(-result, std::generic_category(), what);
}

/// Frees a handle when libuv has let go of it.
template <typename Handle>
void closeAndFree(Handle*& handle) {
  if (!handle) return;
  handle->data = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(std::exchange(handle, nullptr)),
           [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
}

/// Loops that could not be closed yet: a lookup cannot be taken back from libuv's thread, which will write to its loop.
/// Another program's handle on our loop has the same effect. Tried again whenever a loop ends.
class LingeringLoops {
 public:
  void add(std::unique_ptr<uv_loop_t> loop) {
    const std::lock_guard lock(mutex_);
    loops_.push_back(std::move(loop));
  }
  void sweep() {
    const std::lock_guard lock(mutex_);
    std::erase_if(loops_, [](const auto& loop) {
      uv_run(loop.get(), UV_RUN_NOWAIT);
      return uv_loop_close(loop.get()) == 0;
    });
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<uv_loop_t>> loops_;
};
LingeringLoops& lingeringLoops() {
  static auto* loops = new LingeringLoops;  // never destroyed: libuv's threads may still write to what it holds
  return *loops;
}

/// A timer as the layers above hold it.
class UvTimer final : public detail::LoopTimer {
 public:
  UvTimer(std::shared_ptr<UvBody> body, Task task)
      : body_(std::move(body)), entry_(std::make_shared<TimerEntry>(std::move(task))) {}
  ~UvTimer() override { cancel(); }
  void set(Timestamp at) override { body_->setTimer(*entry_, at); }
  void cancel() override { body_->cancelTimer(*entry_); }
  bool isSet() const override { return entry_->place != TimerEntry::kUnset; }

 private:
  std::shared_ptr<UvBody> body_;
  std::shared_ptr<TimerEntry> entry_;
};

}  // namespace

std::shared_ptr<UvBody> UvBody::make(uv_loop_t* existing, EventLoopOptions options) {
  std::shared_ptr<UvBody> body(new UvBody(existing, std::move(options)));
  body->open();
  return body;
}

UvBody::UvBody(uv_loop_t* existing, EventLoopOptions options)
    : options_(std::move(options)), log_(detail::makeLog(options_)), loop_(existing), batch_(std::make_unique<UdpBatch>()) {
  if (options_.seed) seededRandom_.emplace(*options_.seed);
  makeCore([this] { startIdle(); });
}

UvBody::~UvBody() { close(); }

void UvBody::open() {
  if (!loop_) {
    lingeringLoops().sweep();
    auto made = std::make_unique<uv_loop_t>();
    check(uv_loop_init(made.get()), "uv_loop_init");
    own_ = std::move(made);
    loop_ = own_.get();
  }
  auto async = std::make_unique<uv_async_t>();
  check(uv_async_init(loop_, async.get(),
                      [](uv_async_t* handle) {
                        auto* body = static_cast<UvBody*>(handle->data);
                        if (body && !body->stopping()) body->takePosted();
                      }),
        "uv_async_init");
  async_ = async.release();
  idle_ = new uv_idle_t{};
  uv_idle_init(loop_, idle_);
  timer_ = new uv_timer_t{};
  uv_timer_init(loop_, timer_);
  async_->data = idle_->data = timer_->data = this;
  // alive_ decides what keeps the loop going, through async_ alone.
  uv_unref(reinterpret_cast<uv_handle_t*>(async_));
  uv_unref(reinterpret_cast<uv_handle_t*>(timer_));
}

// ---- time and randomness

void UvBody::wake() { now_ = Timestamp(std::chrono::steady_clock::now().time_since_epoch()); }
Timestamp UvBody::now() const {
  if (core()->isRunning()) return now_;
  return Timestamp(std::chrono::steady_clock::now().time_since_epoch());
}
std::chrono::system_clock::time_point UvBody::wallClock() const { return std::chrono::system_clock::now(); }
RandomSource& UvBody::random() {
  if (seededRandom_) return *seededRandom_;
  return systemRandom_;
}

// ---- tasks

void UvBody::afterTask() {
  if (core()->hasWork()) {
    core()->runQueuedTasks();
    if (core()->hasWork()) startIdle();
  }
  if (core()->hasError() && turning_ == 0) std::terminate();  // libuv's C frames cannot carry it; it has been logged
}

void UvBody::startIdle() {
  if (!idle_ || uv_is_active(reinterpret_cast<uv_handle_t*>(idle_))) return;
  uv_idle_start(idle_, [](uv_idle_t* handle) {
    if (handle->data) static_cast<UvBody*>(handle->data)->onIdle();
  });
}

void UvBody::onIdle() {
  if (stopping()) return;
  wake();
  core()->runQueuedTasks();
  if (!core()->hasWork()) uv_idle_stop(idle_);
  if (core()->hasError() && turning_ == 0) std::terminate();
}

void UvBody::post(Task task) {
  const std::lock_guard lock(postedMutex_);
  if (postedClosed_) return;
  posted_.push_back(std::move(task));
  if (posted_.size() == 1) uv_async_send(async_);  // under the lock: close() waits with freeing it
}

void UvBody::takePosted() {
  std::vector<Task> taken;
  {
    const std::lock_guard lock(postedMutex_);
    taken.swap(posted_);
  }
  for (Task& task : taken) core()->queueTask(std::move(task));
}

bool UvBody::runOnce(bool wait) {
  if (closed()) return false;
  takePosted();
  struct Turning {
    int& depth;
    explicit Turning(int& d) : depth(d) { ++depth; }
    ~Turning() { --depth; }
  } turning(turning_);
  if (wait) {
    uv_run(loop_, UV_RUN_ONCE);
  } else {
    hold(1);  // libuv looks at its descriptors only while something keeps the loop alive
    uv_run(loop_, UV_RUN_NOWAIT);
    hold(-1);
  }
  const std::lock_guard lock(postedMutex_);
  return uv_loop_alive(loop_) != 0 || !posted_.empty();
}

void UvBody::hold(int difference) {
  const bool before = alive_ > 0;
  alive_ += difference;
  const bool after = alive_ > 0;
  if (before == after || !async_) return;
  auto* keeper = reinterpret_cast<uv_handle_t*>(async_);
  after ? uv_ref(keeper) : uv_unref(keeper);
}

int UvBody::backendFd() const { return closed() ? -1 : uv_backend_fd(loop_); }

std::optional<Duration> UvBody::backendTimeout() const {
  if (closed() || !uv_loop_alive(loop_)) return std::nullopt;
  uv_update_time(loop_);  // libuv counts from its last turn
  const int timeout = uv_backend_timeout(loop_);
  if (timeout < 0) return std::nullopt;
  return std::chrono::milliseconds(timeout);
}

// ---- timers

std::unique_ptr<detail::LoopTimer> UvBody::makeTimer(Task task) {
  return std::make_unique<UvTimer>(std::static_pointer_cast<UvBody>(shared_from_this()), std::move(task));
}

void UvBody::setTimer(TimerEntry& entry, Timestamp at) {
  if (closed()) return;
  if (entry.place == TimerEntry::kUnset) hold(1);
  timers_.set(entry, at);
  if (entry.place == 0) arm();
}

void UvBody::cancelTimer(TimerEntry& entry) {
  if (entry.place == TimerEntry::kUnset) return;
  timers_.remove(entry);  // libuv's timer stays: waking once too often costs less than moving it on every packet
  hold(-1);
}

void UvBody::arm() {
  if (!timer_ || timers_.empty()) return;
  // uv_now() is CLOCK_MONOTONIC in whole milliseconds, as steady_clock is in nanoseconds; rounded up: never early.
  const auto deadline = std::chrono::ceil<std::chrono::milliseconds>(timers_.top().deadline.time_since_epoch());
  const uint64_t due = static_cast<uint64_t>(std::max<int64_t>(deadline.count(), 1));
  if (armedFor_ != 0 && armedFor_ <= due) return;
  armedFor_ = due;
  const uint64_t now = uv_now(loop_);
  // libuv 1.44 runs, in one turn, every timer that is due by the turn's own clock, also one that was started meanwhile: a
  // timer that its own callback starts for now would keep it there for ever, and descriptors would starve.
  const uint64_t least = inTimers_ ? 1 : 0;
  uv_timer_start(timer_, [](uv_timer_t* handle) {
    if (handle->data) static_cast<UvBody*>(handle->data)->onTimer();
  }, due > now ? due - now : least, 0);
}

void UvBody::onTimer() {
  struct InTimers {
    bool& flag;
    explicit InTimers(bool& f) : flag(f) { flag = true; }
    ~InTimers() { flag = false; }
  } inTimers(inTimers_);
  armedFor_ = 0;
  wake();
  // Only as many as are set now: one that sets itself into the past waits for the next turn.
  for (size_t left = timers_.size(); left > 0 && !timers_.empty() && !stopping(); --left) {
    if (timers_.top().deadline > now_) break;
    const auto entry = timers_.top().shared_from_this();  // may be destroyed by its own task
    cancelTimer(*entry);
    dispatch([&] { entry->task(); });
    if (closed()) return;
  }
  arm();
}

// ---- sockets

Result<std::unique_ptr<detail::UdpSocket>> UvBody::bindUdp(const SocketAddress& local, detail::UdpReceiver receiver) {
  if (closed()) return failure("the event loop is closed");
  auto handle = std::make_shared<UdpHandle>();
  handle->body = std::static_pointer_cast<UvBody>(shared_from_this());
  handle->receiver = std::move(receiver);
  handle->local = local;
  if (auto opened = handle->open(options_.socketBufferBytes); !opened) return std::unexpected(opened.error());
  return std::make_unique<UdpSocketImpl>(std::move(handle));
}

// ---- the end

void UvBody::close() {
  if (!loop_) return;
  if (!core()->closed()) core()->close();
  std::vector<Task> dropped;
  {
    const std::lock_guard lock(postedMutex_);
    postedClosed_ = true;
    dropped.swap(posted_);
  }
  dropped.clear();
  timers_.clear();
  while (!udp_.empty()) (*udp_.begin())->close();
  closeAndFree(async_);
  closeAndFree(idle_);
  closeAndFree(timer_);
  loop_ = nullptr;
  if (own_) finishOwnLoop();
}

void UvBody::finishOwnLoop() {
  uv_run(own_.get(), UV_RUN_NOWAIT);  // runs the close callbacks
  if (uv_loop_close(own_.get()) == 0) {
    own_.reset();
  } else {
    lingeringLoops().add(std::move(own_));
  }
  lingeringLoops().sweep();
}

}  // namespace peerage::runtime
