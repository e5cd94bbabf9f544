// Promise<T>: ECMAScript's promise for C++. Eager, shared, co_await-able, .then()-able, and a coroutine's return type.
//
// A promise belongs to one EventLoop and to its thread. Reactions run as microtasks of that loop, one microtask each, in
// the order of attachment; nothing runs before the call that settles or attaches has returned. `co_await p` resumes in a
// microtask always, also when p has settled long ago.
//
// Which loop: Deferred, resolve() and reject() take it as an argument, or use the loop that is running on this thread,
// or else the one made last on this thread. A coroutine takes an EventLoop& among its parameters first.
//
// What never settles: when everything that could settle a promise is gone (the last Deferred, the coroutine that was to
// return), or its loop, its reactions are dropped; a coroutine that waits there is destroyed, its local variables with it.
// Promises that an object of the API made (pc.createOffer()) drop their reactions once that object is destroyed.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "peerage/detail/loop_core.hpp"

namespace peerage {

template <typename T = void>
class Promise;
template <typename T = void>
class Deferred;

/// How far a promise has come. A promise resolved with another that is pending is pending.
enum class PromiseStatus { pending, fulfilled, rejected };

namespace detail {

struct Unit {};
template <typename T>
using ValueOf = std::conditional_t<std::is_void_v<T>, Unit, T>;

template <typename T>
struct PromiseTraits {
  using Value = T;
  static constexpr bool isPromise = false;
};
template <typename T>
struct PromiseTraits<Promise<T>> {
  using Value = T;
  static constexpr bool isPromise = true;
};
/// What a promise made of a callable's result carries: Promise<U> and U both give U.
template <typename R>
using PromiseValue = typename PromiseTraits<std::remove_cvref_t<R>>::Value;
template <typename R>
inline constexpr bool kIsPromise = PromiseTraits<std::remove_cvref_t<R>>::isPromise;

template <typename T>
class PromiseState final : public PromiseStateBase {
 public:
  using PromiseStateBase::PromiseStateBase;
  void fulfill(ValueOf<T> value) {
    if (status() != Status::pending) return;
    value_.emplace(std::move(value));
    fulfilled();
  }
  ValueOf<T>& value() { return *value_; }

 private:
  std::optional<ValueOf<T>> value_;
};

/// The right to settle one state. When the last one goes, the state is abandoned.
template <typename T>
class Producer {
 public:
  Producer() = default;
  explicit Producer(std::shared_ptr<PromiseState<T>> state) : state_(std::move(state)) { state_->addProducer(); }
  Producer(const Producer& other) : state_(other.state_) {
    if (state_) state_->addProducer();
  }
  Producer(Producer&& other) noexcept : state_(std::move(other.state_)) {}
  Producer& operator=(Producer other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~Producer() {
    if (state_) state_->removeProducer();
  }

  const std::shared_ptr<PromiseState<T>>& state() const { return state_; }

  void resolve(ValueOf<T> value) const {
    if (std::exchange(state_->alreadyResolved, true)) return;
    state_->fulfill(std::move(value));
  }
  void reject(std::exception_ptr reason) const {
    if (std::exchange(state_->alreadyResolved, true)) return;
    state_->reject(std::move(reason));
  }
  /// ECMAScript's NewPromiseResolveThenableJob: one microtask to attach, one more when `inner` has settled.
  void resolve(const Promise<T>& inner) const;

 private:
  std::shared_ptr<PromiseState<T>> state_;
};

/// A suspended coroutine that is destroyed unless it is resumed.
class SuspendedFrame {
 public:
  explicit SuspendedFrame(std::coroutine_handle<> handle) : handle_(handle) {}
  SuspendedFrame(SuspendedFrame&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  SuspendedFrame& operator=(SuspendedFrame&&) = delete;
  ~SuspendedFrame() {
    if (handle_) handle_.destroy();
  }
  void resume() { std::exchange(handle_, nullptr).resume(); }

 private:
  std::coroutine_handle<> handle_;
};

template <typename T>
struct PromiseAwaiter {
  std::shared_ptr<PromiseState<T>> state;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const {
    // A copy: adding the reaction to a state that is abandoned destroys the frame, and this awaiter with it.
    const std::shared_ptr<PromiseState<T>> keep = state;
    keep->markHandled();
    keep->addReaction([keep, frame = SuspendedFrame(handle)]() mutable {
      if (!keep->ownerGone()) frame.resume();
    });
  }
  T await_resume() const {
    if (state->status() == PromiseStateBase::Status::rejected) std::rethrow_exception(state->reason());
    if constexpr (std::is_void_v<T>) {
      return;
    } else if constexpr (std::is_copy_constructible_v<T>) {
      return state->value();
    } else {
      return std::move(state->value());
    }
  }
};

template <typename Head, typename... Tail>
std::shared_ptr<LoopCore> coreAmong(Head& head, Tail&... tail) {
  if constexpr (std::is_same_v<std::remove_cv_t<Head>, EventLoop>) {
    return coreOf(head);
  } else if constexpr (sizeof...(Tail) > 0) {
    return coreAmong(tail...);
  } else {
    return LoopCore::required();
  }
}

/// The promise_type of every coroutine that returns Promise<T>.
template <typename T>
class CoroutineBase {
 public:
  template <typename... Arguments>
  explicit CoroutineBase(Arguments&... arguments) : producer_(std::make_shared<PromiseState<T>>([&] {
    if constexpr (sizeof...(Arguments) > 0) {
      return coreAmong(arguments...);
    } else {
      return LoopCore::required();
    }
  }(), std::weak_ptr<const void>(), false)) {}

  Promise<T> get_return_object();
  std::suspend_never initial_suspend() const noexcept { return {}; }
  std::suspend_never final_suspend() const noexcept { return {}; }
  void unhandled_exception() { producer_.reject(std::current_exception()); }

 protected:
  Producer<T> producer_;
};

template <typename T>
class Coroutine : public CoroutineBase<T> {
 public:
  using CoroutineBase<T>::CoroutineBase;
  template <typename V>
  void return_value(V&& value) {
    if constexpr (kIsPromise<V>) {
      this->producer_.resolve(static_cast<const Promise<T>&>(value));
    } else {
      this->producer_.resolve(T(std::forward<V>(value)));
    }
  }
};
template <>
class Coroutine<void> : public CoroutineBase<void> {
 public:
  using CoroutineBase<void>::CoroutineBase;
  void return_void() { producer_.resolve(Unit{}); }
};

/// Calls `f` with the value, or without when it takes none.
template <typename F, typename T>
decltype(auto) callFulfilled(F& f, PromiseState<T>& state) {
  if constexpr (std::is_invocable_v<F&>) {
    return f();
  } else if constexpr (std::is_invocable_v<F&, const ValueOf<T>&>) {
    return f(std::as_const(state.value()));
  } else {
    return f(std::move(state.value()));  // a callable of T&&, or a value that can only be moved
  }
}

/// Calls `f` with the reason: as an exception_ptr, as the exception that its parameter names (another one passes by, and
/// leaves this call as it is), or without.
template <typename F>
decltype(auto) callRejected(F& f, const std::exception_ptr& reason) {
  using Argument = CallableArgument<F>;
  using Bare = std::remove_cvref_t<Argument>;
  if constexpr (std::is_void_v<Argument>) {
    return f();
  } else if constexpr (std::is_same_v<Bare, AnyArgument> || std::is_same_v<Bare, std::exception_ptr>) {
    return f(std::exception_ptr(reason));
  } else {
    try {
      std::rethrow_exception(reason);
    } catch (Bare& exception) {
      return f(exception);
    }
  }
}

template <typename F, typename T>
using FulfilledResult = decltype(callFulfilled(std::declval<F&>(), std::declval<PromiseState<T>&>()));
template <typename F>
using RejectedResult = decltype(callRejected(std::declval<F&>(), std::declval<const std::exception_ptr&>()));

}  // namespace detail

/// A value of type T that will be there later, or the reason why not. Copies refer to the same state.
template <typename T>
class Promise {
  using State = detail::PromiseState<T>;
  using Value = detail::ValueOf<T>;

 public:
  using value_type = T;
  using promise_type = detail::Coroutine<T>;

  /// A fulfilled promise.
  static Promise resolve(Value value)
    requires(!std::is_void_v<T>)
  {
    return settled(detail::LoopCore::required(), std::move(value));
  }
  static Promise resolve(EventLoop& loop, Value value)
    requires(!std::is_void_v<T>)
  {
    return settled(detail::coreOf(loop), std::move(value));
  }
  static Promise resolve()
    requires(std::is_void_v<T>)
  {
    return settled(detail::LoopCore::required(), Value{});
  }
  static Promise resolve(EventLoop& loop)
    requires(std::is_void_v<T>)
  {
    return settled(detail::coreOf(loop), Value{});
  }
  /// A rejected promise; the reason is an exception or a std::exception_ptr.
  template <typename E>
  static Promise reject(E reason) {
    return failed(detail::LoopCore::required(), std::move(reason));
  }
  template <typename E>
  static Promise reject(EventLoop& loop, E reason) {
    return failed(detail::coreOf(loop), std::move(reason));
  }

  /// ECMAScript's Promise.all: fulfilled with all values in the order of the arguments (Promise<> for promises without
  /// values), rejected with the first reason.
  template <typename U>
  static auto all(std::vector<Promise<U>> promises);
  /// ECMAScript's Promise.race: settled as the first of them. With none: pending for ever.
  template <typename U>
  static Promise<U> race(std::vector<Promise<U>> promises);

  PromiseStatus status() const {
    switch (state_->status()) {
      case detail::PromiseStateBase::Status::fulfilled: return PromiseStatus::fulfilled;
      case detail::PromiseStateBase::Status::rejected: return PromiseStatus::rejected;
      default: return PromiseStatus::pending;
    }
  }
  /// The value when fulfilled; throws the reason when rejected, std::logic_error while pending.
  T value() const {
    if (status() == PromiseStatus::pending) throw std::logic_error("Promise::value(): the promise is pending");
    if (status() == PromiseStatus::rejected) state_->markHandled();
    return detail::PromiseAwaiter<T>{state_}.await_resume();
  }
  /// The reason when rejected, else null. Looking does not count as handling.
  std::exception_ptr reason() const { return state_->reason(); }

  /// Calls `onFulfilled` with the value (by const reference, or without argument) once it is there. The result settles as
  /// the callable does: with what it returns, with the promise that it returns, or with what it throws.
  template <typename F>
  auto then(F onFulfilled) const {
    return attach<detail::PromiseValue<detail::FulfilledResult<F, T>>>(std::move(onFulfilled), nullptr);
  }
  /// `onRejected` takes a std::exception_ptr, or nothing, or a reference to the exception that it is for: others pass it
  /// by. Both callables give the same type.
  template <typename F, typename R>
  auto then(F onFulfilled, R onRejected) const {
    return attach<detail::PromiseValue<detail::FulfilledResult<F, T>>>(std::move(onFulfilled), std::move(onRejected));
  }
  /// then() for the rejection alone. When `onRejected` returns nothing and T is a value, the result is a Promise<>.
  template <typename R>
  auto catch_(R onRejected) const {
    using Result = detail::PromiseValue<detail::RejectedResult<R>>;
    return attach<std::conditional_t<std::is_void_v<Result>, void, T>>(nullptr, std::move(onRejected));
  }
  /// Calls `onSettled` either way; the result settles as this promise does, after the promise that `onSettled` returns,
  /// or with what it throws.
  template <typename F>
  Promise finally_(F onSettled) const;

  detail::PromiseAwaiter<T> operator co_await() const { return {state_}; }

  /// A rejection of this promise is no news for EventLoop::onunhandledrejection (WebIDL's "mark as handled").
  void markHandled() const { state_->markHandled(); }

  /// Same promise, not same value.
  friend bool operator==(const Promise&, const Promise&) = default;

  explicit Promise(std::shared_ptr<State> state) : state_(std::move(state)) {}
  const std::shared_ptr<State>& state() const { return state_; }

 private:
  static std::shared_ptr<State> fresh(std::shared_ptr<detail::LoopCore> core) {
    return std::make_shared<State>(std::move(core), std::weak_ptr<const void>(), false);
  }
  static Promise settled(std::shared_ptr<detail::LoopCore> core, Value value) {
    const detail::Producer<T> producer(fresh(std::move(core)));
    producer.resolve(std::move(value));
    return Promise(producer.state());
  }
  template <typename E>
  static Promise failed(std::shared_ptr<detail::LoopCore> core, E reason) {
    const detail::Producer<T> producer(fresh(std::move(core)));
    if constexpr (std::is_same_v<E, std::exception_ptr>) {
      producer.reject(std::move(reason));
    } else {
      producer.reject(std::make_exception_ptr(std::move(reason)));
    }
    return Promise(producer.state());
  }

  template <typename U, typename F, typename R>
  Promise<U> attach(F onFulfilled, R onRejected) const;

  std::shared_ptr<State> state_;
};

/// A promise with the means to settle it. Copies settle the same promise; it is settled once, later calls do nothing.
/// Use and drop it on the loop's thread.
template <typename T>
class Deferred {
 public:
  /// Of the current loop (see the head of this file).
  Deferred() : Deferred(detail::LoopCore::required()) {}
  explicit Deferred(EventLoop& loop) : Deferred(detail::coreOf(loop)) {}
  explicit Deferred(std::shared_ptr<detail::LoopCore> core)
      : producer_(std::make_shared<detail::PromiseState<T>>(std::move(core), std::weak_ptr<const void>(), false)) {}
  /// The promise of an object: once `owner` has expired, reactions are dropped instead of run.
  Deferred(std::shared_ptr<detail::LoopCore> core, std::weak_ptr<const void> owner)
      : producer_(std::make_shared<detail::PromiseState<T>>(std::move(core), std::move(owner), true)) {}

  Promise<T> promise() const { return Promise<T>(producer_.state()); }

  void resolve() const
    requires(std::is_void_v<T>)
  {
    producer_.resolve(detail::Unit{});
  }
  void resolve(detail::ValueOf<T> value) const
    requires(!std::is_void_v<T>)
  {
    producer_.resolve(std::move(value));
  }
  /// Settles as `other` will.
  void resolve(const Promise<T>& other) const { producer_.resolve(other); }
  /// The reason is an exception or a std::exception_ptr.
  template <typename E>
  void reject(E reason) const {
    if constexpr (std::is_same_v<E, std::exception_ptr>) {
      producer_.reject(std::move(reason));
    } else {
      producer_.reject(std::make_exception_ptr(std::move(reason)));
    }
  }
  /// resolve() or reject() has been called.
  bool isResolved() const { return producer_.state()->alreadyResolved; }

 private:
  detail::Producer<T> producer_;
};

namespace detail {

template <typename T>
void Producer<T>::resolve(const Promise<T>& inner) const {
  if (std::exchange(state_->alreadyResolved, true)) return;
  if (inner.state() == state_) {
    return state_->reject(std::make_exception_ptr(std::logic_error("a promise cannot be resolved with itself")));
  }
  state_->core()->queueMicrotask([from = inner.state(), to = *this] {
    from->markHandled();
    from->addReaction([from, to] {
      if (from->ownerGone()) return;
      if (from->status() == PromiseStateBase::Status::rejected) {
        to.state()->reject(from->reason());
      } else if constexpr (std::is_copy_constructible_v<ValueOf<T>>) {
        to.state()->fulfill(from->value());
      } else {
        to.state()->fulfill(std::move(from->value()));
      }
    });
  });
}

template <typename T>
Promise<T> CoroutineBase<T>::get_return_object() {
  return Promise<T>(producer_.state());
}

/// One then(): what to call, and what settles by it. It stays until a promise that the callable returned has settled, so
/// that a coroutine lambda may use its captures and arguments after a co_await.
template <typename T, typename U, typename F, typename R>
struct Reaction : std::enable_shared_from_this<Reaction<T, U, F, R>> {
  Reaction(std::shared_ptr<PromiseState<T>> from_, F onFulfilled_, R onRejected_, Producer<U> to_)
      : from(std::move(from_)), onFulfilled(std::move(onFulfilled_)), onRejected(std::move(onRejected_)),
        to(std::move(to_)) {}

  std::shared_ptr<PromiseState<T>> from;
  F onFulfilled;
  R onRejected;
  Producer<U> to;

  void run() {
    if (from->ownerGone()) return;
    const Producer<U> result = std::exchange(to, Producer<U>());
    try {
      if (from->status() == PromiseStateBase::Status::rejected) {
        rejected(result);
      } else {
        fulfilled(result);
      }
    } catch (...) {
      result.reject(std::current_exception());
    }
  }

 private:
  void fulfilled(const Producer<U>& result) {
    if constexpr (!std::is_same_v<F, std::nullptr_t>) {
      settle(result, [this]() -> decltype(auto) { return callFulfilled(onFulfilled, *from); });
    } else if constexpr (std::is_void_v<U>) {
      result.resolve(Unit{});
    } else if constexpr (std::is_copy_constructible_v<U>) {
      result.resolve(from->value());
    } else {
      result.resolve(std::move(from->value()));
    }
  }
  void rejected(const Producer<U>& result) {
    if constexpr (!std::is_same_v<R, std::nullptr_t>) {
      settle(result, [this]() -> decltype(auto) { return callRejected(onRejected, from->reason()); });
    } else {
      result.reject(from->reason());
    }
  }
  template <typename Call>
  void settle(const Producer<U>& result, Call call) {
    using Returned = decltype(call());
    if constexpr (kIsPromise<Returned>) {
      const auto promise = call();
      promise.state()->keepAlive(this->shared_from_this());
      result.resolve(promise);
    } else if constexpr (std::is_void_v<Returned>) {
      static_assert(std::is_void_v<U>, "this callable gives no value, but the promise it settles needs one");
      call();
      result.resolve(Unit{});
    } else if constexpr (std::is_void_v<U>) {
      call();
      result.resolve(Unit{});
    } else {
      result.resolve(U(call()));
    }
  }
};

}  // namespace detail

template <typename T>
template <typename U, typename F, typename R>
Promise<U> Promise<T>::attach(F onFulfilled, R onRejected) const {
  detail::Producer<U> result(
      std::make_shared<detail::PromiseState<U>>(state_->core(), state_->owner(), state_->owned()));
  Promise<U> promise(result.state());
  auto reaction = std::make_shared<detail::Reaction<T, U, F, R>>(state_, std::move(onFulfilled), std::move(onRejected),
                                                                 std::move(result));
  state_->markHandled();
  state_->addReaction([reaction = std::move(reaction)] { reaction->run(); });
  return promise;
}

template <typename T>
template <typename F>
Promise<T> Promise<T>::finally_(F onSettled) const {
  auto callable = std::make_shared<F>(std::move(onSettled));
  auto core = state_->core();
  // ECMAScript's thenFinally and catchFinally: the callable's result as a promise, then the original outcome.
  auto call = [callable, core] {
    using Returned = decltype((*callable)());
    if constexpr (detail::kIsPromise<Returned>) {
      return (*callable)();
    } else {
      (*callable)();
      const detail::Producer<void> done(
          std::make_shared<detail::PromiseState<void>>(core, std::weak_ptr<const void>(), false));
      done.resolve(detail::Unit{});
      return Promise<>(done.state());
    }
  };
  auto state = state_;
  return then(
      [call, state]() -> Promise { return call().then([state]() -> T { return detail::PromiseAwaiter<T>{state}.await_resume(); }); },
      [call](std::exception_ptr reason) -> Promise {
        return call().then([reason]() -> T { std::rethrow_exception(reason); });
      });
}

template <typename T>
template <typename U>
auto Promise<T>::all(std::vector<Promise<U>> promises) {
  using Result = std::conditional_t<std::is_void_v<U>, void, std::vector<detail::ValueOf<U>>>;
  struct Gathering {
    Deferred<Result> done;
    std::vector<std::optional<detail::ValueOf<U>>> values;
    size_t missing;
    void take(size_t index, detail::ValueOf<U> value) {
      values[index].emplace(std::move(value));
      if (--missing == 0) finish();
    }
    void finish() {
      if constexpr (std::is_void_v<U>) {
        done.resolve();
      } else {
        Result all;
        all.reserve(values.size());
        for (auto& value : values) all.push_back(std::move(*value));
        done.resolve(std::move(all));
      }
    }
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->values.resize(promises.size());
  gathering->missing = promises.size();
  for (size_t i = 0; i < promises.size(); ++i) {
    auto failed = [gathering](std::exception_ptr reason) { gathering->done.reject(std::move(reason)); };
    if constexpr (std::is_void_v<U>) {
      (void)promises[i].then([gathering, i] { gathering->take(i, {}); }, failed);
    } else {
      (void)promises[i].then([gathering, i](const U& value) { gathering->take(i, value); }, failed);
    }
  }
  if (promises.empty()) gathering->finish();
  return gathering->done.promise();
}

template <typename T>
template <typename U>
Promise<U> Promise<T>::race(std::vector<Promise<U>> promises) {
  const Deferred<U> first;
  for (const Promise<U>& promise : promises) {
    auto failed = [first](std::exception_ptr reason) { first.reject(std::move(reason)); };
    if constexpr (std::is_void_v<U>) {
      (void)promise.then([first] { first.resolve(); }, failed);
    } else {
      (void)promise.then([first](const U& value) { first.resolve(value); }, failed);
    }
  }
  return first.promise();
}

}  // namespace peerage
