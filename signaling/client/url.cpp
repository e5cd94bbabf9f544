#include "signaling/client/url.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace peerage::signaling {

std::string WebSocketUrl::hostHeader() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (secure ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

Result<WebSocketUrl> parseWebSocketUrl(std::string_view url) {
  const auto wrong = [&](std::string_view what) {
    return failure("\"" + std::string(url.substr(0, 200)) + "\" is no address of a signalling server: " + std::string(what));
  };
  WebSocketUrl out;
  std::string_view rest = url;
  bool known = false;
  for (const auto& [scheme, secure] : {std::pair{"ws://", false}, {"wss://", true}}) {
    if (!rest.starts_with(scheme)) continue;
    rest.remove_prefix(std::string_view(scheme).size());
    out.secure = secure;
    known = true;
    break;
  }
  if (!known) return wrong("it begins with ws:// or wss://");
  if (std::ranges::any_of(rest, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '#'; })) {
    return wrong("it has a blank, a control character or a fragment in it");
  }
  const size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, slash);
  out.path = std::string(rest.substr(slash));
  if (!out.path.starts_with('/')) out.path.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) return wrong("a name and password have no place in it");

  std::string_view port;
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return wrong("the bracket of the IPv6 address is not closed");
    out.host = std::string(authority.substr(1, close - 1));
    authority.remove_prefix(close + 1);
    if (!authority.empty() && authority[0] != ':') return wrong("after the IPv6 address comes a colon and the port");
    if (!authority.empty()) port = authority.substr(1);
  } else {
    const size_t colon = std::min(authority.find(':'), authority.size());
    out.host = std::string(authority.substr(0, colon));
    if (colon < authority.size()) port = authority.substr(colon + 1);
  }
  if (out.host.empty()) return wrong("it names no host");
  out.port = out.secure ? 443 : 80;
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc() || end != port.data() + port.size() || out.port == 0) return wrong("its port is not 1 to 65535");
  }
  return out;
}

}  // namespace peerage::signaling
