#include "sim/translator.hpp"

namespace peerage::sim {

std::optional<SocketAddress> Translator::aspect(NatBehavior behavior, const SocketAddress& remote) {
  switch (behavior) {
    case NatBehavior::endpoint_independent: return std::nullopt;
    case NatBehavior::address_dependent: return SocketAddress{remote.ip, 0};
    case NatBehavior::address_and_port_dependent: return remote;
  }
  return std::nullopt;
}

std::optional<SocketAddress> Translator::outbound(Timestamp now, const SocketAddress& inner,
                                                  const SocketAddress& destination) {
  const Key key{inner, aspect(options_.mapping, destination)};
  auto port = ports_.find(key);
  if (port != ports_.end() && !alive(now, mappings_.at(port->second))) {
    mappings_.erase(port->second);
    ports_.erase(port);
    port = ports_.end();
  }
  if (port == ports_.end()) {
    constexpr uint16_t kFirst = 1024;
    for (int tries = 0; mappings_.contains(nextPort_); ++tries) {
      if (tries == 65536) return std::nullopt;
      nextPort_ = nextPort_ == 65535 ? kFirst : static_cast<uint16_t>(nextPort_ + 1);
    }
    port = ports_.emplace(key, nextPort_).first;
    mappings_[nextPort_] = Mapping{inner, key.second, {}, now};
    nextPort_ = nextPort_ == 65535 ? kFirst : static_cast<uint16_t>(nextPort_ + 1);
  }
  Mapping& mapping = mappings_.at(port->second);
  mapping.refreshed = now;
  if (const auto hole = aspect(options_.filtering, destination)) mapping.permitted.insert(*hole);
  return SocketAddress{address_, port->second};
}

std::optional<SocketAddress> Translator::owner(Timestamp now, uint16_t port) const {
  const auto found = mappings_.find(port);
  if (found == mappings_.end() || !alive(now, found->second)) return std::nullopt;
  return found->second.inner;
}

std::optional<SocketAddress> Translator::inbound(Timestamp now, const SocketAddress& source, uint16_t port) const {
  const auto inner = owner(now, port);
  if (!inner) return std::nullopt;
  const auto hole = aspect(options_.filtering, source);
  if (hole && !mappings_.at(port).permitted.contains(*hole)) return std::nullopt;
  return inner;
}

}  // namespace peerage::sim
