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

/// The payload of a close frame (RFC 6455 §5.5.1), to be sent as kWriteClose. By hand, since libwebsockets 4.1 on libuv closes
/// twice when a callback asks it to, the second time without a close frame; and a socket that is closed while something unread
/// waits in it takes along what was sent last.
Frame closeFrame(uint16_t code, std::string_view reason);
/// libwebsockets' number for close frames, which its public header mentions without a name.
inline constexpr auto kWriteClose = static_cast<lws_write_protocol>(4);

/// Settings that both ends share: the loop, its plugin, no signal handlers, quiet logs. `loop` holds the pointer for the
/// length of lws_create_context().
lws_context_creation_info contextInfo(void** loop, const lws_protocols* protocols, void* user);

/// Makes libwebsockets ready for TLS, once a process; then add kTlsOption to the options of vhosts, never to a context's: each
/// context that has it gives the library's process-wide index of OpenSSL's extra data anew, and contexts that are there already
/// look theirs up in vain, which loses memory and can crash a verification under way.
void prepareTls();
inline constexpr uint64_t kTlsOption = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;

/// Ends a context. Its handles close in later turns of the loop, and its callbacks come until then: `keep` lives as long.
void endContext(lws_context* context, uv_loop_s* loop, std::shared_ptr<void> keep);

/// What libwebsockets has complained of on this thread since the last contextInfo().
const std::string& complaints();

/// Why lws_create_context() gave nothing, as far as it can be told.
std::string contextFailure();

}  // namespace peerage::signaling
