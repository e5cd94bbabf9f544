#include "peerage/detail/loop_core.hpp"

#include <exception>
#include <stdexcept>

#include "peerage/dom_exception.hpp"
#include "peerage/event_loop.hpp"

namespace peerage::detail {

namespace {

thread_local LoopCore* runningCore = nullptr;
thread_local std::vector<std::weak_ptr<LoopCore>> coresMadeHere;

}  // namespace

// ---- promises

PromiseStateBase::PromiseStateBase(std::shared_ptr<LoopCore> core, std::weak_ptr<const void> owner, bool owned)
    : core_(std::move(core)), owner_(std::move(owner)), owned_(owned) {
  if (core_->closed_) return;
  linked_ = true;
  next_ = core_->pending_;
  if (next_) next_->previous_ = this;
  core_->pending_ = this;
}

PromiseStateBase::~PromiseStateBase() { unlink(); }

void PromiseStateBase::unlink() {
  if (!std::exchange(linked_, false)) return;
  (previous_ ? previous_->next_ : core_->pending_) = next_;
  if (next_) next_->previous_ = previous_;
  previous_ = next_ = nullptr;
}

void PromiseStateBase::addReaction(Task job) {
  switch (status_) {
    case Status::pending:
      if (linked_) reactions_.push_back(std::move(job));
      return;
    case Status::fulfilled:
    case Status::rejected: return core_->queueMicrotask(std::move(job));
    case Status::abandoned: return;
  }
}

void PromiseStateBase::keepAlive(std::shared_ptr<const void> what) {
  if (status_ == Status::pending && linked_) kept_.push_back(std::move(what));
}

void PromiseStateBase::reject(std::exception_ptr reason) {
  if (status_ != Status::pending) return;
  reason_ = std::move(reason);
  settle(Status::rejected);
}

void PromiseStateBase::settle(Status status) {
  status_ = status;
  unlink();
  const auto kept = std::move(kept_);  // released last: destructors of users may come back here
  kept_.clear();
  auto reactions = std::move(reactions_);
  reactions_.clear();
  for (Task& job : reactions) core_->queueMicrotask(std::move(job));
  if (status == Status::rejected && !handled_ && !core_->closed_) {
    core_->rejected_.push_back(shared_from_this());
    core_->wakeIfIdle();
  }
}

void PromiseStateBase::abandon() {
  if (status_ != Status::pending) return;
  status_ = Status::abandoned;
  unlink();
  const auto self = weak_from_this().lock();  // a reaction may hold the last reference
  const auto kept = std::move(kept_);
  kept_.clear();
  const auto dropped = std::move(reactions_);
  reactions_.clear();
}

void PromiseStateBase::addProducer() { ++producers_; }
void PromiseStateBase::removeProducer() {
  if (--producers_ == 0) abandon();
}

// ---- the loop

LoopCore::LoopCore(Task wake) : wake_(std::move(wake)) {}
LoopCore::~LoopCore() = default;

LoopCore* LoopCore::current() {
  if (runningCore) return runningCore;
  while (!coresMadeHere.empty()) {
    const auto core = coresMadeHere.back().lock();
    if (core && !core->closed_) return core.get();
    coresMadeHere.pop_back();
  }
  return nullptr;
}

std::shared_ptr<LoopCore> LoopCore::required() {
  if (LoopCore* core = current()) return core->shared_from_this();
  throw std::logic_error("a promise needs an EventLoop, and none lives on this thread");
}

void LoopCore::announce() {
  std::erase_if(coresMadeHere, [](const auto& core) { return core.expired(); });
  coresMadeHere.push_back(weak_from_this());
}

LoopCore::Running::Running(LoopCore& core_) : core(core_), before(runningCore) {
  runningCore = &core;
  // What was queued outside of any task comes before this one.
  if (++core.depth_ == 1 && !core.microtasks_.empty()) core.checkpoint();
}

LoopCore::Running::~Running() {
  if (core.depth_ == 1) core.checkpoint();
  --core.depth_;
  runningCore = before;
}

void LoopCore::wakeIfIdle() {
  if (depth_ == 0 && !closed_) wake_();
}

void LoopCore::queueTask(Task task) {
  if (closed_) return;
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) wake_();
}

void LoopCore::queueMicrotask(Task job) {
  if (closed_) return;
  microtasks_.push_back(std::move(job));
  wakeIfIdle();
}

void LoopCore::runQueuedTasks() {
  if (!microtasks_.empty() || !rejected_.empty()) Running running(*this);
  for (size_t left = tasks_.size(); left > 0 && !tasks_.empty() && !stopped(); --left) {
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    runTask(task);
  }
}

void LoopCore::checkpoint() {
  do {
    while (!microtasks_.empty()) {
      Task job = std::move(microtasks_.front());
      microtasks_.pop_front();
      try {
        job();
      } catch (...) {
        reportException(std::current_exception());
      }
    }
    notifyRejected();
  } while (!microtasks_.empty() || !rejected_.empty());
}

// HTML §8.1.4.7, "notify about rejected promises", without the task between: the reactions have had their turn.
void LoopCore::notifyRejected() {
  const auto rejected = std::move(rejected_);
  rejected_.clear();
  for (const auto& state : rejected) {
    if (!state->handled() && !state->ownerGone()) notifyUnhandled(state->reason());
  }
}

void LoopCore::notifyUnhandled(const std::exception_ptr& reason) {
  if (loop_ && loop_->onunhandledrejection) {
    try {
      const auto hook = loop_->onunhandledrejection;  // a copy: the hook may replace itself
      hook(reason);
    } catch (...) {
      reportException(std::current_exception());
    }
  } else if (log_) {
    log_(false, "unhandled rejection: " + describe(reason));
  }
}

void LoopCore::reportException(std::exception_ptr error) {
  if (loop_ && loop_->onerror) {
    try {
      const auto hook = loop_->onerror;
      return hook(error);
    } catch (...) {
      error = std::current_exception();
    }
  }
  if (log_) log_(true, "uncaught exception in a callback: " + describe(error));
  if (!error_) error_ = std::move(error);
}

void LoopCore::close() {
  closed_ = true;
  loop_ = nullptr;
  while (pending_) pending_->abandon();
  // Moved out first: what these drop may look at the queues, though it can add nothing any more.
  const auto microtasks = std::move(microtasks_);
  microtasks_.clear();
  const auto tasks = std::move(tasks_);
  tasks_.clear();
  const auto rejected = std::move(rejected_);
  rejected_.clear();
  log_ = nullptr;
}

std::string describe(const std::exception_ptr& error) {
  if (!error) return "no reason";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {  // any object can be thrown
    return "an object that is not a std::exception";
  }
}

}  // namespace peerage::detail
