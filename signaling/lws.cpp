#include "signaling/lws.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <utility>


namespace peerage::signaling {
namespace {

// libwebsockets logs through one function of the whole process; what it complains of is the reason of a failure.
thread_local std::string complaint;

void keepComplaint(int level, const char* line) {
  constexpr size_t kEnough = 2000;
  if ((level & LLL_ERR) == 0 || !line || complaint.size() > kEnough) return;
  if (!complaint.empty()) complaint += "; ";
  complaint += line;
  while (!complaint.empty() && complaint.back() == '\n') complaint.pop_back();
}

/// A handle that polls a descriptor.
struct Polled {
  uv_handle_t* handle;
  int descriptor;
};

std::vector<Polled> polled(uv_loop_t* loop) {
  std::vector<Polled> out;
  uv_walk(
      loop,
      [](uv_handle_t* handle, void* list) {
        uv_os_fd_t descriptor = -1;
        if (handle->type != UV_POLL || uv_is_closing(handle) || uv_fileno(handle, &descriptor) != 0) return;
        static_cast<std::vector<Polled>*>(list)->push_back({handle, descriptor});
      },
      &out);
  return out;
}

struct Placeholder {
  int descriptor;
  dev_t device;
  ino_t inode;
};

/// Waits, one turn of the loop after another, until no handle is closing any more but those of endings, and then ends the
/// context for good: lws_context_destroy() wants to be called a second time on a loop that is not libwebsockets' own.
struct Ending {
  uv_idle_t handle;
  lws_context* context;
  std::shared_ptr<void> keep;
  std::vector<Placeholder> placeholders;

  /// libwebsockets 4.1 closes the descriptor of its wake-up event at once, and once more when libuv has let go of it; by then
  /// the number may be another's. Something of ours takes the number until then.
  void guard(const std::vector<Polled>& before) {
    for (const Polled& watched : before) {
      if (!uv_is_closing(watched.handle) || fcntl(watched.descriptor, F_GETFD) != -1) continue;
      const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
      if (null < 0) continue;
      if (null != watched.descriptor) {
        dup3(null, watched.descriptor, O_CLOEXEC);
        close(null);
      }
      struct stat identity {};
      fstat(watched.descriptor, &identity);
      placeholders.push_back({watched.descriptor, identity.st_dev, identity.st_ino});
    }
  }
  /// Other versions close it once: then the placeholder is still there.
  void unguard() const {
    for (const Placeholder& placeholder : placeholders) {
      struct stat identity {};
      if (fstat(placeholder.descriptor, &identity) == 0 && identity.st_dev == placeholder.device &&
          identity.st_ino == placeholder.inode) {
        close(placeholder.descriptor);
      }
    }
  }
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
    unguard();
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

Frame closeFrame(uint16_t code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  payload += reason;
  return Frame(payload);
}

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

void prepareTls() {
  static const bool done = [] {
    lws_set_log_level(LLL_ERR, keepComplaint);
    const lws_protocols none{};
    lws_context_creation_info info{};
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = &none;
    info.options = kTlsOption | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    lws_context* context = lws_create_context(&info);  // on a loop of its own, gone with it
    lws_context_destroy(context);
    return context != nullptr;
  }();
  static_cast<void>(done);
}

void endContext(lws_context* context, uv_loop_s* loop, std::shared_ptr<void> keep) {
  auto* ending = new Ending{{}, context, std::move(keep), {}};
  Ending::underWay.push_back(ending);
  const auto before = polled(loop);
  lws_context_destroy(context);
  ending->guard(before);
  ending->round(loop);
}

const std::string& complaints() { return complaint; }

std::string contextFailure() {
  if (complaint.empty()) return "libwebsockets gives no reason (is its libuv plugin, libwebsockets-evlib-uv, installed?)";
  return complaint;
}

}  // namespace peerage::signaling
