#include "peerage/event_loop.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <unordered_map>

#include "api/loop_body.hpp"

namespace peerage {

using detail::LoopBody;
using detail::LoopCore;
using detail::Task;

/// The program's own timers. Shared with their callbacks, which may outlive a cleared entry.
struct EventLoop::Timers {
  struct Entry {
    std::unique_ptr<detail::LoopTimer> timer;
    std::shared_ptr<Task> task;
    std::optional<Duration> period;
  };
  std::unordered_map<TimerId, Entry> entries;
  TimerId last = 0;

  void fire(TimerId id, Timestamp now) {
    const auto found = entries.find(id);
    if (found == entries.end()) return;
    const std::shared_ptr<Task> task = found->second.task;  // stays when it clears itself
    if (found->second.period) {
      found->second.timer->set(now + *found->second.period);
      (*task)();
    } else {
      const Entry done = std::move(found->second);
      entries.erase(found);
      (*task)();
    }
  }
};

EventLoop::EventLoop(std::shared_ptr<LoopBody> body)
    : body_(std::move(body)), core_(body_->core()), timers_(std::make_shared<Timers>()) {
  core_->loop_ = this;
  core_->log_ = [log = body_->log().in("loop")](bool error, std::string_view text) {
    error ? log.error(text) : log.warning(text);
  };
  core_->announce();
}

EventLoop::~EventLoop() {
  if (core_->isRunning()) {
    std::fputs("peerage: an EventLoop was destroyed by one of its own callbacks\n", stderr);
    std::terminate();
  }
  core_->close();
  const auto entries = std::move(timers_->entries);
  timers_->entries.clear();
  body_->close();
}

/// stop() counts from here on, and only until here is left.
struct EventLoop::Turning {
  LoopCore& core;
  explicit Turning(LoopCore& core_) : core(core_) {
    if (core.isRunning()) throw std::logic_error("EventLoop::run() was called by one of the loop's own callbacks");
    core.stoppable_ = true;
    core.stopped_ = false;
  }
  ~Turning() { core.stoppable_ = core.stopped_ = false; }
  Turning(const Turning&) = delete;
  Turning& operator=(const Turning&) = delete;
};

bool EventLoop::turn(bool wait) {
  const bool alive = body_->runOnce(wait);
  if (auto error = core_->takeError()) std::rethrow_exception(error);
  return alive;
}

bool EventLoop::runOnce(bool wait) {
  const Turning turning(*core_);
  return turn(wait);
}

void EventLoop::run() {
  const Turning turning(*core_);
  while (turn(true) && !core_->stopped_) {
  }
}

bool EventLoop::runUntil(detail::UniqueFunction<bool()> done, std::optional<std::chrono::nanoseconds> limit) {
  const Turning turning(*core_);
  bool late = false;
  std::unique_ptr<detail::LoopTimer> timer;
  struct Uncounted {  // the limit is no reason to go on
    LoopBody* body = nullptr;
    ~Uncounted() {
      if (body) body->hold(1);
    }
  } uncounted;
  if (limit) {
    timer = body_->makeTimer([&late] { late = true; });
    timer->set(body_->now() + *limit);
    body_->hold(-1);
    uncounted.body = body_.get();
  }
  while (!done()) {
    if (late || !turn(true) || core_->stopped_) return done();
  }
  return true;
}

void EventLoop::stop() { core_->stop(); }

void EventLoop::post(Task task) { body_->post(std::move(task)); }
void EventLoop::queueTask(Task task) { core_->queueTask(std::move(task)); }
void EventLoop::queueMicrotask(Task job) { core_->queueMicrotask(std::move(job)); }

EventLoop::TimerId EventLoop::addTimer(Task task, Duration delay, std::optional<Duration> period) {
  const TimerId id = ++timers_->last;
  auto timer = body_->makeTimer([timers = timers_, id, body = body_.get()] { timers->fire(id, body->now()); });
  timer->set(body_->now() + std::max(delay, Duration::zero()));
  timers_->entries.emplace(id, Timers::Entry{std::move(timer), std::make_shared<Task>(std::move(task)), period});
  return id;
}
EventLoop::TimerId EventLoop::setTimeout(Task task, std::chrono::nanoseconds delay) {
  return addTimer(std::move(task), delay, std::nullopt);
}
EventLoop::TimerId EventLoop::setInterval(Task task, std::chrono::nanoseconds period) {
  const Duration atLeast = std::max<Duration>(period, 1ms);
  return addTimer(std::move(task), atLeast, atLeast);
}
void EventLoop::clearTimeout(TimerId id) {
  const auto found = timers_->entries.find(id);
  if (found == timers_->entries.end()) return;
  const auto cleared = std::move(found->second);  // destroyed last: its destructors may come back here
  timers_->entries.erase(found);
}
Promise<> EventLoop::delay(std::chrono::nanoseconds time) {
  const Deferred<> done(core_);
  setTimeout([done] { done.resolve(); }, time);
  return done.promise();
}

EventLoop::KeepAlive::KeepAlive(std::shared_ptr<LoopBody> body) : body_(std::move(body)) { body_->hold(1); }
void EventLoop::KeepAlive::release() {
  if (const auto body = std::exchange(body_, nullptr)) body->hold(-1);
}
EventLoop::KeepAlive EventLoop::keepAlive() { return KeepAlive(body_); }

std::chrono::nanoseconds EventLoop::now() const { return body_->now().time_since_epoch(); }
bool EventLoop::isCurrent() const { return LoopCore::current() == core_.get() && core_->isRunning(); }
int EventLoop::backendFd() const { return body_->backendFd(); }
std::optional<std::chrono::nanoseconds> EventLoop::backendTimeout() const { return body_->backendTimeout(); }
uv_loop_s* EventLoop::uvLoop() const { return body_->uvLoop(); }

namespace detail {

std::shared_ptr<LoopCore> coreOf(EventLoop& loop) { return loop.body()->core(); }

Log makeLog(const EventLoopOptions& options) {
  if (options.log) {
    return Log(
        [sink = options.log](LogLevel level, std::string_view area, std::string_view text) {
          sink(static_cast<EventLoopOptions::LogLevel>(level), area, text);
        },
        "loop");
  }
  return Log(
      [](LogLevel level, std::string_view area, std::string_view text) {
        if (level < LogLevel::warning) return;
        std::fprintf(stderr, "peerage %s: %.*s: %.*s\n", level == LogLevel::error ? "error" : "warning",
                     static_cast<int>(area.size()), area.data(), static_cast<int>(text.size()), text.data());
      },
      "loop");
}

}  // namespace detail

}  // namespace peerage
