// IP and transport addresses as values, with their text form.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace peerage {

/// An IPv4 or IPv6 address without zone.
class IpAddress {
 public:
  enum class Family : uint8_t { v4, v6 };

  constexpr IpAddress() = default;  ///< 0.0.0.0
  static IpAddress v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
  /// `bytes` has 4 or 16 bytes in network order; nullopt for any other length.
  static std::optional<IpAddress> fromBytes(ByteView bytes);
  /// Dotted quad, or RFC 4291 text without zone or brackets.
  static std::optional<IpAddress> parse(std::string_view text);

  Family family() const { return family_; }
  bool isV4() const { return family_ == Family::v4; }
  bool isV6() const { return family_ == Family::v6; }
  ByteView bytes() const { return {bytes_.data(), isV4() ? size_t{4} : size_t{16}}; }
  bool isUnspecified() const;
  bool isLoopback() const;
  bool isLinkLocal() const;   ///< 169.254/16, fe80::/10
  bool isPrivate() const;     ///< RFC 1918, RFC 4193
  std::string toString() const;  ///< IPv6 in the form of RFC 5952

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  Family family_ = Family::v4;
  std::array<uint8_t, 16> bytes_{};
};

/// An address and a port.
struct SocketAddress {
  IpAddress ip;
  uint16_t port = 0;

  /// "192.0.2.1:80" or "[2001:db8::1]:80".
  static std::optional<SocketAddress> parse(std::string_view text);
  std::string toString() const;
  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
};

/// One UDP datagram on its way out of or into a core.
struct Datagram {
  SocketAddress local;   ///< the socket it leaves from or came in on
  SocketAddress remote;  ///< the other end
  Bytes data;
};

}  // namespace peerage

template <>
struct std::hash<peerage::IpAddress> {
  size_t operator()(const peerage::IpAddress& a) const noexcept {
    return std::hash<std::string_view>{}(peerage::asText(a.bytes()));
  }
};
template <>
struct std::hash<peerage::SocketAddress> {
  size_t operator()(const peerage::SocketAddress& a) const noexcept {
    return std::hash<peerage::IpAddress>{}(a.ip) * 31 + a.port;
  }
};
