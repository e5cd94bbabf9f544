// libwebsockets on a libuv loop that others run: making a context, and ending one whose handles close later.
#pragma once

#include <libwebsockets.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "peerage/event_loop.hpp"

namespace peerage::signaling {

/// A message with the room before it that libwebsockets wants for the frame's header.
class Frame {
 public:
  explicit Frame(std::string_view text) : bytes_(LWS_PRE + text.size()) {
    std::copy(text.begin(), text.end(), bytes_.begin() + LWS_PRE);
  }
  unsigned char* data() { return bytes_.data() + LWS_PRE; }
  size_t size() const { return bytes_.size() - LWS_PRE; }

 private:
  std::vector<unsigned char> bytes_;
};

/// Settings that both ends share: the loop, its plugin, no signal handlers, quiet logs. `loop` holds the pointer for the
/// length of lws_create_context().
lws_context_creation_info contextInfo(void** loop, const lws_protocols* protocols, void* user);

/// Ends a context. Its handles close in later turns of the loop, and its callbacks come until then: `keep` lives as long.
void endContext(lws_context* context, uv_loop_s* loop, std::shared_ptr<void> keep);

/// What libwebsockets complained of last on this thread.
const std::string& lastComplaint();

/// Why lws_create_context() gave nothing, as far as it can be told.
std::string contextFailure();

}  // namespace peerage::signaling
