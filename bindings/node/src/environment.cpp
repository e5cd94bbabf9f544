#include "environment.hpp"

#include <uv.h>

#include <cstdio>

#include "interfaces.hpp"
#include "peerage/codecs.hpp"

namespace peerage::node {

namespace {

/// Says of a JavaScript object that what it carries is a Handle of this module.
constexpr napi_type_tag kTag{0x8c0d3c6f7d1b4e52, 0x9f6f0a4be7c25d31};

void removeHandle(napi_env, void* data, void*) { delete static_cast<Handle*>(data); }

}  // namespace

Handle::~Handle() {
  for (ListenerId& listener : listeners) listener.remove();
  Environment& e = *environment;
  if (self) napi_delete_reference(e.env(), self);
  // A newer JavaScript object may have taken this one's place.
  if (const auto it = e.handles_.find(object.get()); it != e.handles_.end() && it->second == this) e.handles_.erase(it);
  e.dropLater(std::move(object));
}

std::shared_ptr<Environment> Environment::create(Napi::Env env) {
  auto environment = std::make_shared<Environment>(env);
  env.SetInstanceData<std::shared_ptr<Environment>>(new std::shared_ptr<Environment>(environment));
  // An asynchronous hook, because libuv's handles close on a later turn, and Node waits for it.
  napi_async_cleanup_hook_handle hook = nullptr;
  napi_add_async_cleanup_hook(
      env,
      [](napi_async_cleanup_hook_handle handle, void* data) {
        static_cast<Environment*>(data)->end([handle] { napi_remove_async_cleanup_hook(handle); });
      },
      environment.get(), &hook);
  return environment;
}

Environment& Environment::of(napi_env env) { return **Napi::Env(env).GetInstanceData<std::shared_ptr<Environment>>(); }

Environment::Environment(Napi::Env env) : env_(env), context_(std::make_unique<Napi::AsyncContext>(env, "peerage")) {
  options_.codecs = builtinCodecs();
}

Environment::~Environment() = default;

EventLoop& Environment::loop() {
  if (ended_) throw DOMException("the environment is ending", DOMException::kInvalidStateError);
  if (!loop_) {
    uv_loop_s* nodes = nullptr;
    if (napi_get_uv_event_loop(env_, &nodes) != napi_ok) {
      throw DOMException("Node gives no event loop", DOMException::kNotSupportedError);
    }
    loop_ = std::make_unique<EventLoop>(nodes, options_);
    // Only what a C++ listener of this module throws can come here; it would end the process otherwise.
    loop_->onerror = [](std::exception_ptr error) {
      try {
        std::rethrow_exception(error);
      } catch (const std::exception& exception) {
        std::fprintf(stderr, "peerage error: %s\n", exception.what());
      } catch (...) {
        std::fprintf(stderr, "peerage error: an object that is not a std::exception\n");
      }
    };
  }
  return *loop_;
}

void Environment::configure(bool includeLoopback) {
  if (loop_) throw DOMException("configure: there are connections or tracks already", DOMException::kInvalidStateError);
  options_.includeLoopback = includeLoopback;
}

void Environment::setHelpers(Napi::Object helpers) {
  for (const auto& entry : helpers) {
    const Napi::Value value = entry.second;
    helpers_[entry.first.ToString().Utf8Value()] = Napi::Persistent(value.As<Napi::Function>());
  }
}

Napi::Value Environment::help(const char* name, std::initializer_list<napi_value> arguments) {
  return helpers_.at(name).Call(arguments);
}

void Environment::lastError(const Napi::Error& error) {
  napi_value reason = error.Value();
  if (reason) napi_fatal_exception(env_, reason);  // as Node does with what a callback throws
}

Napi::Value Environment::selfOf(const Handle& handle) {
  napi_value value = nullptr;
  if (handle.self) napi_get_reference_value(env_, handle.self, &value);
  return value ? Napi::Value(env_, value) : Napi::Value();
}

Napi::Value Environment::find(const void* object) {
  const auto it = handles_.find(object);
  return it == handles_.end() ? Napi::Value() : selfOf(*it->second);
}

Handle& Environment::attach(Napi::Object self, const char* interface, const void* address, std::shared_ptr<void> object) {
  auto handle = std::make_unique<Handle>();
  handle->environment = shared_from_this();
  handle->interface = interface;
  handle->object = std::move(object);
  const auto check = [&](napi_status status) {
    if (status != napi_ok) throw Napi::Error::New(env_);
  };
  check(napi_type_tag_object(env_, self, &kTag));
  check(napi_create_reference(env_, self, 0, &handle->self));
  check(napi_wrap(env_, self, handle.get(), removeHandle, nullptr, nullptr));
  handles_[address] = handle.get();
  return *handle.release();
}

Handle& Environment::handleOf(Napi::Value value, const char* interface) {
  bool ours = false;
  void* data = nullptr;
  if (!value.IsObject() || napi_check_object_type_tag(env_, value, &kTag, &ours) != napi_ok || !ours ||
      napi_unwrap(env_, value, &data) != napi_ok || static_cast<Handle*>(data)->interface != interface) {
    throw TypeError(std::string("the value is no ") + interface);
  }
  return *static_cast<Handle*>(data);
}

void Environment::dropLater(std::shared_ptr<void> object) {
  if (!object || !loop_ || ended_) return;
  loop_->queueTask([object = std::move(object)] {});
}

void Environment::end(std::function<void()> done) {
  ended_ = true;
  helpers_.clear();
  context_.reset();
  uv_loop_s* nodes = loop_ ? loop_->uvLoop() : nullptr;
  // Connections may outlive the loop, but then they can no longer tell their peers that they are gone.
  for (auto& [address, handle] : handles_) {
    if (handle->interface == kInterface<RTCPeerConnection>) static_cast<RTCPeerConnection*>(handle->object.get())->close();
  }
  loop_.reset();
  if (!nodes) return done();
  // libuv closes all handles of one turn in one go, so that those of the loop are closed when this one is.
  struct Last {
    uv_timer_t timer;
    std::function<void()> done;
  };
  auto* last = new Last{{}, std::move(done)};
  uv_timer_init(nodes, &last->timer);
  last->timer.data = last;
  uv_close(reinterpret_cast<uv_handle_t*>(&last->timer), [](uv_handle_t* handle) {
    const std::unique_ptr<Last> owned(static_cast<Last*>(handle->data));
    owned->done();
  });
}

}  // namespace peerage::node
