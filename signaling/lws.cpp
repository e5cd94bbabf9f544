#include "signaling/lws.hpp"

#include <uv.h>


namespace peerage::signaling {
namespace {

// libwebsockets logs through one function of the whole process; what it says last is the reason of a failure.
thread_local std::string complaint;

void keepComplaint(int level, const char* line) {
  if ((level & LLL_ERR) == 0) return;
  complaint = line ? line : "";
  while (!complaint.empty() && complaint.back() == '\n') complaint.pop_back();
}

/// Waits, one turn of the loop after another, until no handle is closing any more but its own, and then ends the context for
/// good: lws_context_destroy() wants to be called a second time on a loop that is not libwebsockets' own.
struct Ending {
  uv_idle_t handle;
  lws_context* context;
  std::shared_ptr<void> keep;

  void round(uv_loop_t* loop) {
    uv_idle_init(loop, &handle);
    handle.data = this;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle), [](uv_handle_t* closed) { static_cast<Ending*>(closed->data)->next(); });
  }
  void next() {
    uv_loop_t* loop = handle.loop;
    bool closing = false;
    uv_walk(
        loop, [](uv_handle_t* other, void* found) { *static_cast<bool*>(found) |= uv_is_closing(other) != 0; }, &closing);
    if (closing) return round(loop);
    lws_context_destroy(context);
    delete this;
  }
};

}  // namespace

lws_context_creation_info contextInfo(void** loop, const lws_protocols* protocols, void* user) {
  lws_set_log_level(LLL_ERR, keepComplaint);
  complaint.clear();
  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.protocols = protocols;
  info.user = user;
  info.foreign_loops = loop;
  info.gid = static_cast<decltype(info.gid)>(-1);
  info.uid = static_cast<decltype(info.uid)>(-1);
  info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN;
  return info;
}

void endContext(lws_context* context, uv_loop_s* loop, std::shared_ptr<void> keep) {
  auto* ending = new Ending{{}, context, std::move(keep)};
  lws_context_destroy(context);
  ending->round(loop);
}

const std::string& lastComplaint() { return complaint; }

std::string contextFailure() {
  if (complaint.empty()) return "libwebsockets gives no reason (is its libuv plugin, libwebsockets-evlib-uv, installed?)";
  return complaint;
}

}  // namespace peerage::signaling
