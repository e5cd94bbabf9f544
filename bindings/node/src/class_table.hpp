// The table of calls that JavaScript gets: for each interface an object of functions, whose first argument is the object that
// the member is called on. One line a member:
//
//   Class<RTCRtpTransceiver>(e, exports)
//       .get<&RTCRtpTransceiver::direction>("direction")
//       .set<&RTCRtpTransceiver::setDirection>("direction")        // "direction=" in the table
//       .call<&RTCRtpTransceiver::stop>("stop")
//       .call<[](RTCRtpTransceiver& self, bool really) { … }>("name");
//
// Arguments are converted by their C++ types: Js<T> takes the next JavaScript argument, a reference to a wrapped class as
// well; Environment& and EventLoop& take none.
#pragma once

#include <exception>
#include <memory>
#include <tuple>

#include "events.hpp"
#include "values.hpp"

namespace peerage::node {

template <typename P>
struct Argument {
  using V = std::remove_cvref_t<P>;
  V value;
  Argument(Environment& e, const Napi::CallbackInfo& info, size_t& next) : value(Js<V>::from(e, info[next++])) {}
  V&& get() { return std::move(value); }
};
template <typename P>
  requires(std::is_lvalue_reference_v<P> && std::is_const_v<std::remove_reference_t<P>> &&
           kInterface<std::remove_cvref_t<P>> == nullptr)
struct Argument<P> {
  using V = std::remove_cvref_t<P>;
  V value;
  Argument(Environment& e, const Napi::CallbackInfo& info, size_t& next) : value(Js<V>::from(e, info[next++])) {}
  const V& get() { return value; }
};
template <>
struct Argument<std::string_view> {
  std::string value;
  Argument(Environment& e, const Napi::CallbackInfo& info, size_t& next) : value(Js<std::string>::from(e, info[next++])) {}
  std::string_view get() { return value; }
};
template <>
struct Argument<Napi::Value> {
  Napi::Value value;
  Argument(Environment&, const Napi::CallbackInfo& info, size_t& next) : value(info[next++]) {}
  Napi::Value get() { return value; }
};
template <>
struct Argument<Environment&> {
  Environment& environment;
  Argument(Environment& e, const Napi::CallbackInfo&, size_t&) : environment(e) {}
  Environment& get() { return environment; }
};
template <>
struct Argument<EventLoop&> {
  EventLoop& loop;
  Argument(Environment& e, const Napi::CallbackInfo&, size_t&) : loop(e.loop()) {}
  EventLoop& get() { return loop; }
};
template <typename P>
  requires(std::is_lvalue_reference_v<P> && kInterface<std::remove_cvref_t<P>> != nullptr)
struct Argument<P> {
  std::shared_ptr<std::remove_cvref_t<P>> object;
  Argument(Environment& e, const Napi::CallbackInfo& info, size_t& next)
      : object(e.unwrap<std::remove_cvref_t<P>>(info[next++])) {}
  P get() { return *object; }
};

/// The parameters of a callable, the object of a member function first.
template <typename F>
struct Signature : Signature<decltype(&F::operator())> {};
template <typename R, typename... P>
struct Parameters {
  using Result = R;
  using Arguments = std::tuple<Argument<P>...>;
};
template <typename R, typename C, typename... P>
  requires(kInterface<C> != nullptr)
struct Signature<R (C::*)(P...)> : Parameters<R, C&, P...> {};
template <typename R, typename C, typename... P>
  requires(kInterface<C> != nullptr)
struct Signature<R (C::*)(P...) const> : Parameters<R, const C&, P...> {};
template <typename R, typename Lambda, typename... P>
  requires(kInterface<Lambda> == nullptr)
struct Signature<R (Lambda::*)(P...) const> : Parameters<R, P...> {};
template <typename R, typename... P>
struct Signature<R (*)(P...)> : Parameters<R, P...> {};

template <typename Arguments>
struct Converted;
template <typename... A>
struct Converted<std::tuple<A...>> {
  /// In the order of the parameters: braces say so.
  static std::tuple<A...> all(Environment& e, const Napi::CallbackInfo& info, size_t& next) { return {A(e, info, next)...}; }
};

/// Runs `body` with what it throws turned into a JavaScript exception.
template <typename F>
auto guarded(Environment& e, F&& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception&) {
    throw Napi::Error(e.env(), errorValue(e, std::current_exception()));
  }
}

template <auto F, typename Converter>
auto callWith(Environment& e, const Napi::CallbackInfo& info, size_t first, Converter&& convert) {
  using S = Signature<decltype(F)>;
  size_t next = first;
  auto arguments = Converted<typename S::Arguments>::all(e, info, next);
  return std::apply(
      [&](auto&... a) {
        if constexpr (std::is_void_v<typename S::Result>) {
          std::invoke(F, a.get()...);
          return convert();
        } else {
          return convert(std::invoke(F, a.get()...));
        }
      },
      arguments);
}

template <auto F>
Napi::Value invoke(const Napi::CallbackInfo& info) {
  Environment& e = Environment::of(info.Env());
  return guarded(e, [&]() -> Napi::Value {
    const Environment::OwnerScope owner(e, info[0].IsObject() ? static_cast<napi_value>(info[0]) : nullptr);
    using R = typename Signature<decltype(F)>::Result;
    if constexpr (std::is_void_v<R>) {
      return callWith<F>(e, info, 0, [&]() -> Napi::Value { return e.env().Undefined(); });
    } else if constexpr (std::is_same_v<R, Napi::Value>) {
      return callWith<F>(e, info, 0, [](Napi::Value value) { return value; });
    } else {
      return callWith<F>(e, info, 0, [&](auto&& value) -> Napi::Value { return Js<std::remove_cvref_t<R>>::to(e, value); });
    }
  });
}

/// A constructor: makes the object and attaches it to the first argument, the JavaScript object.
template <auto F, typename T>
Napi::Value constructOn(const Napi::CallbackInfo& info) {
  Environment& e = Environment::of(info.Env());
  return guarded(e, [&]() -> Napi::Value {
    return callWith<F>(e, info, 1, [&](std::shared_ptr<T> object) -> Napi::Value {
      e.attach(info[0].As<Napi::Object>(), std::move(object));
      return e.env().Undefined();
    });
  });
}

template <typename T>
class Class {
 public:
  Class(Environment& e, Napi::Object exports) : e_(e), table_(Napi::Object::New(e.env())) {
    exports.Set(kInterface<T>, table_);
    auto events = Napi::Array::New(e.env());
    if constexpr (requires { typename T::Events; }) {
      [&]<size_t... I>(std::index_sequence<I...>) {
        (events.Set(static_cast<uint32_t>(I), std::string(T::Events::template At<I>::name)), ...);
      }(std::make_index_sequence<T::Events::size>());
    }
    table_.Set("events", events);
  }
  template <auto F>
  Class& construct() {
    return add("construct", &constructOn<F, T>);
  }
  template <auto F>
  Class& call(const char* name) {
    return add(name, &invoke<F>);
  }
  template <auto F>
  Class& get(const char* name) {
    return add(name, &invoke<F>);
  }
  template <auto F>
  Class& set(const char* name) {
    return add(std::string(name) + "=", &invoke<F>);
  }

 private:
  Class& add(const std::string& name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    table_.Set(name, Napi::Function::New(e_.env(), function, name));
    return *this;
  }
  Environment& e_;
  Napi::Object table_;
};

}  // namespace peerage::node
