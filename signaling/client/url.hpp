// ws:// and wss:// URLs (RFC 6455 §3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace peerage::signaling {

struct WebSocketUrl {
  bool secure = false;
  std::string host;  ///< without the brackets of an IPv6 address
  uint16_t port = 0;
  std::string path;  ///< with its query; at least "/"
  /// As the Host header has it.
  std::string hostHeader() const;
};

/// No other scheme is taken. A fragment is an error.
Result<WebSocketUrl> parseWebSocketUrl(std::string_view url);

}  // namespace peerage::signaling
