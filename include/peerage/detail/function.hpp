// A move-only std::function: what tasks, microtasks, reactions and listeners are kept in. (std::move_only_function is
// C++23; the public headers are C++20.)
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace peerage::detail {

template <typename Signature>
class UniqueFunction;

/// An empty std::function or a null function pointer: what holds it is empty too.
template <typename F>
constexpr bool isEmpty(const F& f) {
  if constexpr (std::is_pointer_v<F>) {
    return f == nullptr;
  } else if constexpr (requires { f.target_type(); }) {
    return !f;
  } else {
    return false;
  }
}

/// Holds any callable of the signature, also one that cannot be copied. Callables of up to 48 bytes are kept in place.
template <typename R, typename... Args>
class UniqueFunction<R(Args...)> {
  static constexpr size_t kInPlace = 48;
  struct Operations {
    R (*call)(void*, Args...);
    void (*relocate)(void* from, void* to) noexcept;
    void (*destroy)(void*) noexcept;
  };
  template <typename F>
  static constexpr bool kFits = sizeof(F) <= kInPlace && alignof(F) <= alignof(std::max_align_t) &&
                                std::is_nothrow_move_constructible_v<F>;

  template <typename F>
  static constexpr Operations kInPlaceOperations{
      [](void* at, Args... args) -> R { return static_cast<R>((*static_cast<F*>(at))(std::forward<Args>(args)...)); },
      [](void* from, void* to) noexcept {
        ::new (to) F(std::move(*static_cast<F*>(from)));
        static_cast<F*>(from)->~F();
      },
      [](void* at) noexcept { static_cast<F*>(at)->~F(); }};
  template <typename F>
  static constexpr Operations kHeapOperations{
      [](void* at, Args... args) -> R { return static_cast<R>((**static_cast<F**>(at))(std::forward<Args>(args)...)); },
      [](void* from, void* to) noexcept { ::new (to) F*(*static_cast<F**>(from)); },
      [](void* at) noexcept { delete *static_cast<F**>(at); }};

 public:
  UniqueFunction() = default;
  UniqueFunction(std::nullptr_t) {}
  template <typename F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, UniqueFunction> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  UniqueFunction(F&& f) {
    using Callable = std::decay_t<F>;
    if (isEmpty(static_cast<const Callable&>(f))) return;
    if constexpr (kFits<Callable>) {
      ::new (static_cast<void*>(storage_)) Callable(std::forward<F>(f));
      operations_ = &kInPlaceOperations<Callable>;
    } else {
      ::new (static_cast<void*>(storage_)) Callable*(new Callable(std::forward<F>(f)));
      operations_ = &kHeapOperations<Callable>;
    }
  }
  UniqueFunction(UniqueFunction&& other) noexcept { take(other); }
  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  UniqueFunction& operator=(std::nullptr_t) noexcept {
    reset();
    return *this;
  }
  ~UniqueFunction() { reset(); }

  explicit operator bool() const { return operations_ != nullptr; }
  R operator()(Args... args) { return operations_->call(storage_, std::forward<Args>(args)...); }

 private:
  void take(UniqueFunction& other) noexcept {
    operations_ = std::exchange(other.operations_, nullptr);
    if (operations_) operations_->relocate(other.storage_, storage_);
  }
  void reset() noexcept {
    if (const Operations* operations = std::exchange(operations_, nullptr)) operations->destroy(storage_);
  }

  alignas(std::max_align_t) std::byte storage_[kInPlace];
  const Operations* operations_ = nullptr;
};

/// A task or a microtask.
using Task = UniqueFunction<void()>;

// What a callable takes: CallableArgument<F> is the type of its only parameter as written (const E&, E&, E), void when it
// takes none, and AnyArgument for a generic lambda or an overloaded call operator.
struct AnyArgument {};

template <typename F>
struct ArgumentOf;
template <typename C, typename R, typename A>
struct ArgumentOf<R (C::*)(A)> { using Type = A; };
template <typename C, typename R, typename A>
struct ArgumentOf<R (C::*)(A) const> { using Type = A; };
template <typename C, typename R, typename A>
struct ArgumentOf<R (C::*)(A) noexcept> { using Type = A; };
template <typename C, typename R, typename A>
struct ArgumentOf<R (C::*)(A) const noexcept> { using Type = A; };
template <typename R, typename A>
struct ArgumentOf<R (*)(A)> { using Type = A; };
template <typename R, typename A>
struct ArgumentOf<R (*)(A) noexcept> { using Type = A; };

template <typename F>
constexpr auto argumentOf() {
  if constexpr (std::is_invocable_v<F&>) {
    return std::type_identity<void>{};
  } else if constexpr (requires { typename ArgumentOf<F>::Type; }) {
    return std::type_identity<typename ArgumentOf<F>::Type>{};
  } else if constexpr (requires { typename ArgumentOf<decltype(&F::operator())>::Type; }) {
    return std::type_identity<typename ArgumentOf<decltype(&F::operator())>::Type>{};
  } else {
    return std::type_identity<AnyArgument>{};
  }
}
template <typename F>
using CallableArgument = typename decltype(argumentOf<std::decay_t<F>>())::type;

}  // namespace peerage::detail
