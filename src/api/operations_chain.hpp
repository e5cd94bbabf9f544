// webrtc-pc §4.4.1.2: the operations of one connection run one at a time, in the order of their calls.
#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "peerage/detail/function.hpp"

namespace peerage::detail {

/// What an operation calls, once, when it is over; the argument settles the promise that the caller holds.
class OperationsChain {
 public:
  using Settle = UniqueFunction<void()>;
  using Done = UniqueFunction<void(Settle)>;
  using Operation = UniqueFunction<void(Done)>;

  /// `onEmpty` runs each time that the last operation has settled.
  explicit OperationsChain(Task onEmpty) : state_(std::make_shared<State>()) { state_->onEmpty = std::move(onEmpty); }

  bool empty() const { return state_->operations.empty(); }

  /// Runs `operation` now when nothing is before it, else when all before it have settled.
  void chain(Operation operation) {
    state_->operations.push_back(std::move(operation));
    if (state_->operations.size() == 1) State::runFirst(state_);
  }

  /// The connection closed: what waits is dropped, and what runs settles nothing any more.
  void close() {
    state_->closed = true;
    state_->operations.clear();
  }

 private:
  struct State {
    std::deque<Operation> operations;
    Task onEmpty;
    bool closed = false;

    static void runFirst(const std::shared_ptr<State>& state) {
      // The entry stays at the head while it runs: the chain is not empty before it has settled.
      Operation operation = std::move(state->operations.front());
      operation([weak = std::weak_ptr<State>(state)](Settle settle) mutable {
        if (auto strong = weak.lock()) finishFirst(strong, std::move(settle));
      });
    }

    static void finishFirst(const std::shared_ptr<State>& state, Settle settle) {
      if (state->closed) return;
      // The specification's text starts the next operation from a reaction of the promise, after the caller's own; every
      // browser starts it as soon as the promise has settled, before the caller's reactions run. We do as the browsers.
      settle();
      state->operations.pop_front();
      if (!state->operations.empty()) return runFirst(state);
      state->onEmpty();
    }
  };

  std::shared_ptr<State> state_;
};

}  // namespace peerage::detail
