// Between our addresses and the system's.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include "base/address.hpp"

namespace peerage::runtime {

/// Writes a sockaddr_in or sockaddr_in6 into `out`; its length.
inline socklen_t toSystem(const SocketAddress& address, sockaddr_in6& out) {
  if (address.ip.isV4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, address.ip.bytes().data(), 4);
    std::memcpy(&out, &v4, sizeof v4);
    return sizeof v4;
  }
  out = {};
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(address.port);
  std::memcpy(&out.sin6_addr, address.ip.bytes().data(), 16);
  return sizeof out;
}

/// nullopt for a family that is neither.
inline std::optional<SocketAddress> fromSystem(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    const auto* bytes = reinterpret_cast<const uint8_t*>(&v4.sin_addr);
    return SocketAddress{IpAddress::v4(bytes[0], bytes[1], bytes[2], bytes[3]), ntohs(v4.sin_port)};
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    const auto ip = IpAddress::fromBytes({reinterpret_cast<const uint8_t*>(&v6.sin6_addr), 16});
    if (ip) return SocketAddress{*ip, ntohs(v6.sin6_port)};
  }
  return std::nullopt;
}

}  // namespace peerage::runtime
