// One Environment for each Node environment (the main thread, each worker): the event loop, laid over Node's own; the
// JavaScript objects that stand for C++ objects; and the only ways into JavaScript.
//
// A C++ object that JavaScript sees has one JavaScript object for as long as that one is reachable: wrap() finds it again by
// the address. The JavaScript object owns a share of the C++ object. What keeps the JavaScript objects of one connection
// together is JavaScript's own affair (lib/objects.js).
#pragma once

// A worker that is being terminated can run no JavaScript any more; what cannot be thrown then is dropped.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#include <napi.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "peerage/peerage.hpp"

namespace peerage::node {

class Environment;

/// The interface that a C++ class is in JavaScript: specialised for each class that is wrapped.
template <typename T>
inline constexpr const char* kInterface = nullptr;

/// What a JavaScript object that stands for a C++ one carries.
struct Handle {
  std::shared_ptr<Environment> environment;
  const char* interface = nullptr;  // compared by address: the class that `object` is
  std::shared_ptr<void> object;
  std::vector<ListenerId> listeners;
  napi_ref self = nullptr;  // weak

  ~Handle();
};

class Environment : public std::enable_shared_from_this<Environment> {
 public:
  /// Makes the one of this Node environment.
  static std::shared_ptr<Environment> create(Napi::Env env);
  static Environment& of(napi_env env);
  explicit Environment(Napi::Env env);
  ~Environment();

  Napi::Env env() const { return env_; }
  /// Made when it is first needed, with the options set until then.
  EventLoop& loop();
  /// Throws InvalidStateError when there is a loop already.
  void configure(bool includeLoopback);
  /// The functions of JavaScript that this side calls: lib/native.js has the list.
  void setHelpers(Napi::Object helpers);
  /// Calls one of them. For use inside a call from JavaScript or inside enter().
  Napi::Value help(const char* name, std::initializer_list<napi_value> arguments);

  /// Runs `body` as a callback from the loop into JavaScript: with a handle scope, and with JavaScript's microtasks after it.
  /// Nothing when the environment is ending.
  template <typename F>
  void enter(F&& body) {
    if (ended_) return;
    const Napi::HandleScope scope(env_);
    try {
      const Napi::CallbackScope callback(env_, *context_);
      try {
        body();
      } catch (const Napi::Error& error) {
        // A helper threw, which none does while JavaScript may run; or it may not run any more.
        lastError(error);
      }
    } catch (const Napi::Error&) {
    }
  }

  /// The JavaScript object of a C++ object: the one it has, or a new one that belongs together with owner(). null for null.
  template <typename T>
  Napi::Value wrap(const std::shared_ptr<T>& object) {
    static_assert(kInterface<T> != nullptr, "this class has no interface");
    if (!object) return env_.Null();
    if (Napi::Value known = find(object.get()); !known.IsEmpty()) return known;
    const Napi::Value made = help("create", {Napi::String::New(env_, kInterface<T>), ownerOrNull()});
    attach(made.As<Napi::Object>(), object);
    return made;
  }
  /// Makes `self` the JavaScript object of `object`.
  template <typename T>
  void attach(Napi::Object self, std::shared_ptr<T> object) {
    T* address = object.get();
    Handle& handle = attach(self, kInterface<T>, address, std::move(object));
    if constexpr (requires { typename T::Events; }) listen(handle, *address);
  }
  /// Throws TypeError unless `value` stands for a T.
  template <typename T>
  std::shared_ptr<T> unwrap(Napi::Value value) {
    return std::static_pointer_cast<T>(handleOf(value, kInterface<T>).object);
  }

  /// The object whose member is called, or whose event is fired, now: what is wrapped meanwhile belongs to it.
  napi_value ownerOrNull() const { return owner_ ? owner_ : static_cast<napi_value>(env_.Null()); }
  class OwnerScope {
   public:
    OwnerScope(Environment& environment, napi_value owner)
        : environment_(environment), before_(std::exchange(environment.owner_, owner)) {}
    ~OwnerScope() { environment_.owner_ = before_; }
    OwnerScope(const OwnerScope&) = delete;
    OwnerScope& operator=(const OwnerScope&) = delete;

   private:
    Environment& environment_;
    napi_value before_;
  };

  /// Fires `type` at the JavaScript object of `handle`; `fill` returns the members of the event.
  template <typename F>
  void dispatch(Handle* handle, std::string_view type, const char* eventInterface, F&& fill) {
    enter([&] {
      const Napi::Value target = selfOf(*handle);
      if (target.IsEmpty()) return;  // nobody can be listening
      const OwnerScope owner(*this, target);
      const Napi::Value members = fill();
      help("dispatch", {target, Napi::String::New(env_, type.data(), type.size()),
                        Napi::String::New(env_, eventInterface), members});
    });
  }

  /// Ends everything that runs on the loop, then calls `done` on a later turn of Node's loop.
  void end(std::function<void()> done);
  bool ended() const { return ended_; }
  /// Drops a share of a C++ object from a place where nothing may be called (a finalizer).
  void dropLater(std::shared_ptr<void> object);

 private:
  template <typename T>
  void listen(Handle& handle, T& object);
  Napi::Value find(const void* object);
  Napi::Value selfOf(const Handle& handle);
  Handle& attach(Napi::Object self, const char* interface, const void* address, std::shared_ptr<void> object);
  Handle& handleOf(Napi::Value value, const char* interface);
  void lastError(const Napi::Error& error);

  friend struct Handle;
  Napi::Env env_;
  std::unique_ptr<Napi::AsyncContext> context_;
  EventLoop::Options options_;
  std::unique_ptr<EventLoop> loop_;
  std::unordered_map<std::string, Napi::FunctionReference> helpers_;
  std::unordered_map<const void*, Handle*> handles_;
  napi_value owner_ = nullptr;
  bool ended_ = false;
};

}  // namespace peerage::node
