#include "signaling/lws.hpp"

#include <uv.h>

#include <algorithm>
#include <utility>


namespace peerage::signaling {
namespace {

// libwebsockets logs through one function of the whole process; what it says last is the reason of a failure.
thread_local std::string complaint;

void keepComplaint(int level, const char* line) {
  if ((level & LLL_ERR) == 0) return;
  complaint = line ? line : "";
  while (!complaint.empty() && complaint.back() == '\n') complaint.pop_back();
}

/// Waits, one turn of the loop after another, until no handle is closing any more but those of endings, and then ends the
/// context for good: lws_context_destroy() wants to be called a second time on a loop that is not libwebsockets' own.
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
        loop,
        [](uv_handle_t* other, void* found) {
          const bool ending = std::ranges::any_of(underWay, [&](const Ending* e) { return isHandleOf(*e, other); });
          if (!ending && uv_is_closing(other)) *static_cast<bool*>(found) = true;
        },
        &closing);
    if (closing) return round(loop);
    std::erase(underWay, this);
    lws_context_destroy(context);
    delete this;
  }
  static bool isHandleOf(const Ending& ending, const uv_handle_t* other) {
    return reinterpret_cast<const uv_handle_t*>(&ending.handle) == other;
  }
  /// Those of this thread: two on one loop must not wait for each other.
  static thread_local std::vector<Ending*> underWay;
};
thread_local std::vector<Ending*> Ending::underWay;

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
  Ending::underWay.push_back(ending);
  lws_context_destroy(context);
  ending->round(loop);
}

const std::string& lastComplaint() { return complaint; }

std::string contextFailure() {
  if (complaint.empty()) return "libwebsockets gives no reason (is its libuv plugin, libwebsockets-evlib-uv, installed?)";
  return complaint;
}

}  // namespace peerage::signaling
