// The URL of an ICE server, as the specification takes it apart (webrtc-pc §4.4.1.6 "validate an ICE server URL", over the
// WHATWG's URL parser; RFC 7064, RFC 7065).
#pragma once

#include <cstdint>
#include <string>

#include "peerage/dictionaries.hpp"

namespace peerage::detail {

struct IceServerUrl {
  enum class Scheme : uint8_t { stun, stuns, turn, turns };
  std::string url;  ///< as the program wrote it
  Scheme scheme = Scheme::stun;
  std::string host;  ///< a name, or an address without brackets
  uint16_t port = 3478;
  bool tcp = false;  ///< ?transport=tcp, and all that is over TLS
};

/// Throws DOMException SyntaxError for what is no such URL, InvalidAccessError for a TURN server without usable credentials.
IceServerUrl validateIceServerUrl(const std::string& url, const RTCIceServer& server);

}  // namespace peerage::detail
