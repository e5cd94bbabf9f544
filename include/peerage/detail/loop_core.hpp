// What promises and events need of their loop: its queues of tasks and microtasks, and who hears of errors. A LoopCore
// outlives its EventLoop in the promises that refer to it; after close() it runs nothing and drops what it is given.
#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "peerage/detail/function.hpp"

namespace peerage {

class EventLoop;

namespace detail {

class LoopCore;

/// The part of a promise's state that the loop knows. All of it belongs to the thread of its loop.
class PromiseStateBase : public std::enable_shared_from_this<PromiseStateBase> {
 public:
  /// `abandoned`: pending for ever, because everything that could have settled it is gone.
  enum class Status : unsigned char { pending, fulfilled, rejected, abandoned };

  explicit PromiseStateBase(std::shared_ptr<LoopCore> core, std::weak_ptr<const void> owner, bool owned);
  PromiseStateBase(const PromiseStateBase&) = delete;
  PromiseStateBase& operator=(const PromiseStateBase&) = delete;
  virtual ~PromiseStateBase();

  Status status() const { return status_; }
  const std::exception_ptr& reason() const { return reason_; }
  const std::shared_ptr<LoopCore>& core() const { return core_; }
  const std::weak_ptr<const void>& owner() const { return owner_; }
  bool owned() const { return owned_; }
  /// True once the object that made this promise has been destroyed: its reactions are dropped instead of run.
  bool ownerGone() const { return owned_ && owner_.expired(); }

  /// Queues `job` as a microtask when this settles (now, if it has); drops it when it never will.
  void addReaction(Task job);
  void markHandled() { handled_ = true; }
  bool handled() const { return handled_; }
  /// Keeps `what` until this settles or is abandoned.
  void keepAlive(std::shared_ptr<const void> what);

  void reject(std::exception_ptr reason);
  /// Drops all reactions, destroying the coroutines that wait here.
  void abandon();

  /// resolve() or reject() has been called, though a promise it was resolved with may still be pending.
  bool alreadyResolved = false;

  void addProducer();
  void removeProducer();

 protected:
  void fulfilled() { settle(Status::fulfilled); }

 private:
  friend class LoopCore;
  void settle(Status status);
  void unlink();

  std::shared_ptr<LoopCore> core_;
  std::weak_ptr<const void> owner_;
  std::vector<Task> reactions_;
  std::vector<std::shared_ptr<const void>> kept_;
  std::exception_ptr reason_;
  PromiseStateBase* previous_ = nullptr;  // the loop's list of pending states
  PromiseStateBase* next_ = nullptr;
  int producers_ = 0;
  Status status_ = Status::pending;
  bool owned_ = false;
  bool handled_ = false;
  bool linked_ = false;
};

/// The queues of one loop. Not thread-safe: EventLoop::post() is the only door from other threads.
class LoopCore : public std::enable_shared_from_this<LoopCore> {
 public:
  explicit LoopCore(Task wake);
  ~LoopCore();

  /// The loop that runs on this thread; outside of any task the most recently made one that lives; nullptr without any.
  static LoopCore* current();
  /// current(), or std::logic_error when this thread has no loop.
  static std::shared_ptr<LoopCore> required();
  /// Makes this the loop that was made last on this thread.
  void announce();
  /// True while a task or microtask of this loop runs on the calling thread.
  bool isRunning() const { return depth_ > 0; }
  bool closed() const { return closed_; }
  /// A task threw, nothing handled it, and run() has yet to rethrow it.
  bool hasError() const { return error_ != nullptr; }
  std::exception_ptr takeError() { return std::exchange(error_, nullptr); }

  void queueTask(Task task);
  void queueMicrotask(Task job);
  bool hasWork() const { return !tasks_.empty() || !microtasks_.empty() || !rejected_.empty(); }

  /// Runs `task` now as a task of this loop, then a microtask checkpoint. Inside another task of this loop it is part of
  /// that one, and the checkpoint waits for its end.
  template <typename F>
  void runTask(F&& task) {
    Running running(*this);
    try {
      task();
    } catch (...) {
      reportException(std::current_exception());
    }
  }
  /// Runs the tasks that are queued now (not those that they queue), each with its checkpoint; ends early on an error
  /// that run() is to throw, or on stop().
  void runQueuedTasks();
  void stop() { stopped_ = stoppable_; }
  bool stopped() const { return stopped_ || error_; }
  /// To EventLoop::onerror, or kept for run() to rethrow.
  void reportException(std::exception_ptr error);

  /// Drops every task and microtask, abandons every pending promise: suspended coroutines are destroyed.
  void close();

 private:
  friend class PromiseStateBase;
  friend class peerage::EventLoop;

  struct Running {  // this loop is current while one lives; the outermost ends with the checkpoint
    explicit Running(LoopCore& core);
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    LoopCore& core;
    LoopCore* before;
  };

  void checkpoint();
  void notifyRejected();
  void notifyUnhandled(const std::exception_ptr& reason);
  void wakeIfIdle();

  std::function<void(bool error, std::string_view text)> log_;
  Task wake_;  // tells the body that there is work that no running task will see to
  std::deque<Task> tasks_;
  std::deque<Task> microtasks_;
  std::vector<std::shared_ptr<PromiseStateBase>> rejected_;  // not handled when they were rejected
  PromiseStateBase* pending_ = nullptr;
  EventLoop* loop_ = nullptr;  // where the hooks are; nullptr once it is gone
  std::exception_ptr error_;
  int depth_ = 0;
  bool stoppable_ = false;
  bool stopped_ = false;
  bool closed_ = false;
};

/// The core of a loop, for code that must not know EventLoop whole.
std::shared_ptr<LoopCore> coreOf(EventLoop& loop);
/// "Name: message" of whatever is in the pointer, for logs.
std::string describe(const std::exception_ptr& error);

}  // namespace detail
}  // namespace peerage
