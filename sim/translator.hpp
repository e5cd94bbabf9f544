// A NAT's tables (RFC 4787).
#pragma once

#include <map>
#include <optional>
#include <set>

#include "base/address.hpp"
#include "base/time.hpp"
#include "peerage/sim.hpp"

namespace peerage::sim {

class Translator {
 public:
  Translator(IpAddress address, NatOptions options, int outer) : address_(address), options_(options), outer_(outer) {}
  const IpAddress& address() const { return address_; }
  const NatOptions& options() const { return options_; }
  /// The realm that it is seen in.
  int outer() const { return outer_; }

  /// The source address that `destination` will see; makes or refreshes the mapping and its hole in the filter.
  /// nullopt: no port is left.
  std::optional<SocketAddress> outbound(Timestamp now, const SocketAddress& inner, const SocketAddress& destination);
  /// Who is behind a port, whatever the filter says.
  std::optional<SocketAddress> owner(Timestamp now, uint16_t port) const;
  /// Who gets what `source` sends to `port`: nullopt when there is no mapping, or the filter is against it.
  std::optional<SocketAddress> inbound(Timestamp now, const SocketAddress& source, uint16_t port) const;

 private:
  struct Mapping {
    SocketAddress inner;
    std::optional<SocketAddress> destination;  // of the mapping: port 0 when only the address matters
    std::set<SocketAddress> permitted;
    Timestamp refreshed{};
  };
  using Key = std::pair<SocketAddress, std::optional<SocketAddress>>;
  static std::optional<SocketAddress> aspect(NatBehavior behavior, const SocketAddress& remote);
  bool alive(Timestamp now, const Mapping& mapping) const {
    return now - mapping.refreshed < options_.mappingLifetime;
  }

  IpAddress address_;
  NatOptions options_;
  int outer_;
  std::map<Key, uint16_t> ports_;
  std::map<uint16_t, Mapping> mappings_;
  uint16_t nextPort_ = 40000;
};

}  // namespace peerage::sim
