// Ctrl-C and its like as events of the loop.
#pragma once

#include <uv.h>

#include <csignal>
#include <functional>
#include <memory>
#include <utility>

#include "peerage/event_loop.hpp"

namespace peerage::app {

/// Calls `onSignal` on the loop for SIGINT and SIGTERM, while it lives. Does not keep the loop running.
class SignalWatcher {
 public:
  SignalWatcher(EventLoop& loop, std::function<void()> onSignal) {
    for (const int number : {SIGINT, SIGTERM}) {
      Handle* handle = new Handle{.watcher = {}, .call = onSignal};
      handle->watcher.data = handle;
      uv_signal_init(loop.uvLoop(), &handle->watcher);
      uv_unref(reinterpret_cast<uv_handle_t*>(&handle->watcher));
      uv_signal_start(&handle->watcher, [](uv_signal_t* w, int) { static_cast<Handle*>(w->data)->call(); }, number);
      handles_.push_back(handle);
    }
  }
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;
  ~SignalWatcher() {
    for (Handle* handle : handles_) {
      uv_close(reinterpret_cast<uv_handle_t*>(&handle->watcher), [](uv_handle_t* h) { delete static_cast<Handle*>(h->data); });
    }
  }

 private:
  struct Handle {
    uv_signal_t watcher;
    std::function<void()> call;
  };
  std::vector<Handle*> handles_;  // libuv frees them, in its own time
};

}  // namespace peerage::app
