// Js<T>: a C++ value from a JavaScript value and back. What comes in has been converted by the rules of WebIDL already
// (lib/webidl.js), so that nothing is checked twice here but what would be dangerous.
#pragma once

#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "interfaces.hpp"

namespace peerage::node {

template <typename T>
struct Js;

/// The JavaScript value of a C++ exception: DOMException, RTCError, TypeError, RangeError, or Error for any other.
Napi::Value errorValue(Environment& e, const std::exception_ptr& error);

template <>
struct Js<bool> {
  static bool from(Environment&, Napi::Value v) { return v.ToBoolean(); }
  static Napi::Value to(Environment& e, bool v) { return Napi::Boolean::New(e.env(), v); }
};
template <typename T>
  requires(std::is_arithmetic_v<T> && !std::same_as<T, bool>)
struct Js<T> {
  static T from(Environment&, Napi::Value v) { return static_cast<T>(v.ToNumber().DoubleValue()); }
  static Napi::Value to(Environment& e, T v) { return Napi::Number::New(e.env(), static_cast<double>(v)); }
};
template <>
struct Js<std::string> {
  static std::string from(Environment&, Napi::Value v) { return v.ToString().Utf8Value(); }
  static Napi::Value to(Environment& e, const std::string& v) { return Napi::String::New(e.env(), v); }
};
template <typename E>
  requires std::is_enum_v<E>
struct Js<E> {
  static E from(Environment& e, Napi::Value v) {
    static_assert(kEnumerators<E> > 0, "interfaces.hpp: how many enumerators?");
    const std::string text = Js<std::string>::from(e, v);
    for (int i = 0; i < kEnumerators<E>; ++i) {
      if (toString(static_cast<E>(i)) == text) return static_cast<E>(i);
    }
    throw TypeError("\"" + text + "\" is no value of the enumeration");
  }
  static Napi::Value to(Environment& e, E v) {
    const std::string_view text = toString(v);
    return Napi::String::New(e.env(), text.data(), text.size());
  }
};
template <typename T>
struct Js<std::optional<T>> {
  static std::optional<T> from(Environment& e, Napi::Value v) {
    if (v.IsUndefined() || v.IsNull()) return std::nullopt;
    return Js<T>::from(e, v);
  }
  static Napi::Value to(Environment& e, const std::optional<T>& v) { return v ? Js<T>::to(e, *v) : e.env().Null(); }
};
/// Objects that have an identity.
template <typename T>
  requires(kInterface<T> != nullptr)
struct Js<std::shared_ptr<T>> {
  static std::shared_ptr<T> from(Environment& e, Napi::Value v) {
    if (v.IsUndefined() || v.IsNull()) return nullptr;
    return e.unwrap<T>(v);
  }
  static Napi::Value to(Environment& e, const std::shared_ptr<T>& v) { return e.wrap(v); }
};
template <typename T>
struct Js<std::vector<T>> {
  static std::vector<T> from(Environment& e, Napi::Value v) {
    if (!v.IsArray()) return {Js<T>::from(e, v)};  // (T or sequence<T>)
    const auto array = v.As<Napi::Array>();
    std::vector<T> values;
    values.reserve(array.Length());
    for (uint32_t i = 0; i < array.Length(); ++i) values.push_back(Js<T>::from(e, array.Get(i)));
    return values;
  }
  static Napi::Value to(Environment& e, const std::vector<T>& v) {
    auto array = Napi::Array::New(e.env(), v.size());
    for (size_t i = 0; i < v.size(); ++i) array.Set(static_cast<uint32_t>(i), Js<T>::to(e, v[i]));
    return array;
  }
};
/// Bytes go out as an ArrayBuffer, and come in as one or as a view.
template <>
struct Js<std::span<const uint8_t>> {
  static std::span<const uint8_t> from(Environment&, Napi::Value v) {
    if (v.IsArrayBuffer()) {
      auto buffer = v.As<Napi::ArrayBuffer>();
      return {static_cast<const uint8_t*>(buffer.Data()), buffer.ByteLength()};
    }
    if (v.IsDataView()) {
      auto view = v.As<Napi::DataView>();
      return {static_cast<const uint8_t*>(view.Data()), view.ByteLength()};
    }
    if (!v.IsTypedArray()) throw TypeError("the value is neither an ArrayBuffer nor a view of one");
    auto array = v.As<Napi::TypedArray>();
    return {static_cast<const uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset(), array.ByteLength()};
  }
};
template <>
struct Js<std::vector<uint8_t>> {
  static std::vector<uint8_t> from(Environment& e, Napi::Value v) {
    const auto bytes = Js<std::span<const uint8_t>>::from(e, v);
    return {bytes.begin(), bytes.end()};
  }
  static Napi::Value to(Environment& e, const std::vector<uint8_t>& v) {
    auto buffer = Napi::ArrayBuffer::New(e.env(), v.size());
    if (!v.empty()) std::copy(v.begin(), v.end(), static_cast<uint8_t*>(buffer.Data()));
    return buffer;
  }
};
template <typename... T>
struct Js<std::variant<T...>> {
  static Napi::Value to(Environment& e, const std::variant<T...>& v) {
    return std::visit([&]<typename V>(const V& value) { return Js<V>::to(e, value); }, v);
  }
};
/// A dictionary: members that are there go out, in the order of interfaces.hpp.
template <typename T>
  requires requires { Dictionary<T>::fields; }
struct Js<T> {
  static T from(Environment& e, Napi::Value v) {
    T dictionary;
    if (v.IsUndefined() || v.IsNull()) return dictionary;
    const auto object = v.As<Napi::Object>();
    std::apply([&](const auto&... f) { (read(e, object, dictionary, f), ...); }, Dictionary<T>::fields);
    return dictionary;
  }
  static Napi::Value to(Environment& e, const T& dictionary) {
    auto object = Napi::Object::New(e.env());
    std::apply([&](const auto&... f) { (write(e, object, dictionary, f), ...); }, Dictionary<T>::fields);
    return object;
  }

 private:
  template <typename F>
  static void read(Environment& e, const Napi::Object& object, T& dictionary, const F& f) {
    const Napi::Value value = object.Get(f.name);
    using Member = std::remove_reference_t<decltype(dictionary.*f.member)>;
    if (!value.IsUndefined()) dictionary.*f.member = Js<Member>::from(e, value);
  }
  template <typename F>
  static void write(Environment& e, Napi::Object& object, const T& dictionary, const F& f) {
    using Member = std::remove_cvref_t<decltype(dictionary.*f.member)>;
    if constexpr (requires { (dictionary.*f.member).has_value(); }) {
      if (!(dictionary.*f.member).has_value()) return;
    }
    object.Set(f.name, Js<Member>::to(e, dictionary.*f.member));
  }
};
template <>
struct Js<RTCSessionDescription> {
  static Napi::Value to(Environment& e, const RTCSessionDescription& v) {
    return Js<RTCSessionDescriptionInit>::to(e, v.toJSON());
  }
};
template <>
struct Js<RTCStats> {
  static Napi::Value to(Environment& e, const RTCStats& v) {
    auto object = Napi::Object::New(e.env());
    object.Set("id", v.id);
    object.Set("timestamp", v.timestamp);
    object.Set("type", v.type);
    for (const auto& [name, value] : v.members) object.Set(name, Js<RTCStatsValue>::to(e, value));
    return object;
  }
};
template <>
struct Js<RTCStatsReport> {
  static Napi::Value to(Environment& e, const RTCStatsReport& v) {
    auto array = Napi::Array::New(e.env(), v.size());
    uint32_t i = 0;
    for (const auto& [id, stats] : v) array.Set(i++, Js<RTCStats>::to(e, stats));
    return e.help("report", {array});
  }
};
template <>
struct Js<RTCError> {
  static Napi::Value to(Environment& e, const RTCError& v) { return errorValue(e, std::make_exception_ptr(v)); }
};

/// The two functions that settle a JavaScript promise, and the object that must not be collected before: as long as this
/// lives, the promise is pending. A C++ promise that will never settle drops it.
class Settling {
 public:
  Settling(Environment& e, Napi::Value capability)
      : environment_(e.shared_from_this()), settle_(Napi::Persistent(capability.As<Napi::Object>().Get("settle").As<Napi::Function>())) {
    if (napi_value owner = e.ownerOrNull(); !Napi::Value(e.env(), owner).IsNull()) {
      owner_ = Napi::Persistent(Napi::Value(e.env(), owner).As<Napi::Object>());
    }
  }
  /// From the loop.
  template <typename F>
  void settle(bool fulfilled, F&& value) {
    environment_->enter([&] {
      const napi_value owner = owner_.IsEmpty() ? nullptr : static_cast<napi_value>(owner_.Value());
      const Environment::OwnerScope scope(*environment_, owner);
      now(fulfilled, value());
    });
  }
  /// Inside a call from JavaScript.
  void now(bool fulfilled, napi_value value) {
    settle_.Call({Js<bool>::to(*environment_, fulfilled), value});
  }
  Environment& environment() { return *environment_; }

 private:
  std::shared_ptr<Environment> environment_;
  Napi::FunctionReference settle_;
  Napi::ObjectReference owner_;
};

template <typename T>
struct Js<Promise<T>> {
  /// A JavaScript promise that settles when `v` does: at once, if it has.
  static Napi::Value to(Environment& e, const Promise<T>& v) {
    const Napi::Value capability = e.help("promise", {});
    auto settling = std::make_shared<Settling>(e, capability);
    switch (v.status()) {
      case PromiseStatus::pending: follow(v, settling); break;
      case PromiseStatus::fulfilled:
        if constexpr (std::is_void_v<T>) {
          settling->now(true, e.env().Undefined());
        } else {
          settling->now(true, Js<T>::to(e, v.value()));
        }
        break;
      case PromiseStatus::rejected:
        v.markHandled();
        settling->now(false, errorValue(e, v.reason()));
        break;
    }
    return capability.As<Napi::Object>().Get("promise");
  }

 private:
  static void follow(const Promise<T>& v, const std::shared_ptr<Settling>& settling) {
    auto failed = [settling](std::exception_ptr reason) {
      settling->settle(false, [&] { return errorValue(settling->environment(), reason); });
    };
    if constexpr (std::is_void_v<T>) {
      (void)v.then([settling] { settling->settle(true, [&] { return settling->environment().env().Undefined(); }); }, failed);
    } else {
      (void)v.then(
          [settling](const T& value) { settling->settle(true, [&] { return Js<T>::to(settling->environment(), value); }); },
          failed);
    }
  }
};

}  // namespace peerage::node
