#include "sim/network_body.hpp"

#include <algorithm>
#include <stdexcept>

namespace peerage::sim {

using detail::Task;

namespace {

/// So many steps without the clock moving are a loop that feeds itself.
constexpr uint64_t kMaxStepsAtOneInstant = 10'000'000;

/// IPv4 or IPv6, and UDP (RFC 791, RFC 8200, RFC 768).
size_t packetBytes(const IpAddress& address, size_t payload) { return payload + (address.isV4() ? 28 : 48); }

}  // namespace

// ---- the clock

NetworkBody::EventKey NetworkBody::schedule(Timestamp at, Task task) {
  const EventKey key{at, ++lastEvent_};
  events_.emplace_hint(events_.end(), key, std::move(task));
  return key;
}

void NetworkBody::makeReady(HostBody& host) {
  if (std::exchange(host.ready_, true)) return;
  ready_.push_back(std::static_pointer_cast<HostBody>(host.shared_from_this()));
}

bool NetworkBody::step(std::optional<Timestamp> limit) {
  if (posted_.load()) takePosted();
  if (++stepsAtThisInstant_ > kMaxStepsAtOneInstant) {
    stepsAtThisInstant_ = 0;
    throw std::logic_error("the simulated loops never come to rest: ten million steps without the clock moving");
  }
  while (!ready_.empty()) {
    const auto host = ready_.front().lock();
    ready_.pop_front();
    if (!host) continue;
    host->ready_ = false;
    if (host->closed()) continue;
    host->turn();
    return true;
  }
  if (events_.empty() || (limit && events_.begin()->first.first > *limit)) return false;
  auto event = events_.extract(events_.begin());
  if (event.key().first > now_) {
    now_ = event.key().first;
    stepsAtThisInstant_ = 0;
  }
  event.mapped()();
  return true;
}

void NetworkBody::post(std::weak_ptr<HostBody> host, Task task) {
  const std::lock_guard lock(postedMutex_);
  postedTasks_.emplace_back(std::move(host), std::move(task));
  posted_ = true;
}

void NetworkBody::takePosted() {
  decltype(postedTasks_) taken;
  {
    const std::lock_guard lock(postedMutex_);
    taken.swap(postedTasks_);
    posted_ = false;
  }
  for (auto& [weak, task] : taken) {
    if (const auto host = weak.lock()) host->queueTask(std::move(task));
  }
}

// ---- the hosts

IpAddress NetworkBody::parse(std::string_view text) {
  const auto address = IpAddress::parse(text);
  if (!address || address->isUnspecified()) throw std::invalid_argument("not a host's address: " + std::string(text));
  return *address;
}

HostBody& NetworkBody::addHost(const HostOptions& options, std::shared_ptr<HostBody>& out) {
  const size_t index = hostCount_++;
  const int realm = options.behind ? static_cast<int>(options.behind->index()) : kOpenNetwork;
  // Not drawn from random_: one host more must not change what the links draw.
  const uint64_t seed = seed_ * 0x9e3779b97f4a7c15 + index + 1;
  out = std::make_shared<HostBody>(*this, index, realm, options.loop, seed);
  for (const std::string& address : options.addresses) addAddress(*out, address);
  return *out;
}

void NetworkBody::addAddress(HostBody& host, std::string_view text) {
  const IpAddress address = parse(text);
  const std::pair key{host.realm(), address};
  if (translatorsByAddress_.contains(key) || !hosts_.emplace(key, &host).second) {
    throw std::invalid_argument("the address is taken: " + std::string(text));
  }
  host.addAddress(address);
}

void NetworkBody::removeAddress(HostBody& host, std::string_view text) {
  const IpAddress address = parse(text);
  host.removeAddress(address);
  const auto found = hosts_.find({host.realm(), address});
  if (found != hosts_.end() && found->second == &host) hosts_.erase(found);
}

void NetworkBody::removeHost(HostBody& host) {
  std::erase_if(hosts_, [&](const auto& entry) { return entry.second == &host; });
}

int NetworkBody::addNat(std::string_view address, NatOptions options, const Nat* outer) {
  const int realm = outer ? static_cast<int>(outer->index()) : kOpenNetwork;
  const std::pair key{realm, parse(address)};
  if (hosts_.contains(key) || translatorsByAddress_.contains(key)) {
    throw std::invalid_argument("the address is taken: " + std::string(address));
  }
  translators_.push_back(std::make_unique<Translator>(key.second, options, realm));
  translatorsByAddress_.emplace(key, translators_.back().get());
  return static_cast<int>(translators_.size()) - 1;
}

void NetworkBody::addName(std::string name, std::vector<std::string> addresses, Duration delay) {
  Name entry;
  entry.delay = delay;
  for (const std::string& address : addresses) entry.addresses.push_back(parse(address));
  names_[std::move(name)] = std::move(entry);
}

const NetworkBody::Name* NetworkBody::name(std::string_view hostname) const {
  const auto found = names_.find(hostname);
  return found == names_.end() ? nullptr : &found->second;
}

// ---- the links

Link& NetworkBody::link(size_t from, size_t to) {
  const auto found = links_.find({from, to});
  if (found != links_.end()) return found->second.first;
  LinkOptions options = defaultLink_;
  if (from == to) {  // a host's way to itself
    options = {};
    options.latency = 0ns;
    options.mtu = 65536;
  }
  return links_.emplace(std::pair{from, to}, std::pair{Link(options), from == to}).first->second.first;
}

void NetworkBody::nameLink(size_t from, size_t to, const LinkOptions& options) {
  link(from, to).setOptions(options);
  links_.at({from, to}).second = true;
}

void NetworkBody::setDefaultLink(const LinkOptions& options) {
  defaultLink_ = options;
  for (auto& [pair, entry] : links_) {
    if (!entry.second) entry.first.setOptions(options);
  }
}

// ---- a datagram's way

void NetworkBody::trace(const SocketAddress& source, const SocketAddress& destination, ByteView data) {
  ++datagramCount_;
  const auto add = [this](ByteView bytes) {
    for (const uint8_t byte : bytes) traceHash_ = (traceHash_ ^ byte) * 0x100000001b3;  // FNV-1a
  };
  const auto addNumber = [&](uint64_t value) {
    std::array<uint8_t, 8> bytes{};
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(value >> (8 * i));
    add(bytes);
  };
  addNumber(static_cast<uint64_t>(now_.time_since_epoch().count()));
  for (const SocketAddress* address : {&source, &destination}) {
    add(address->ip.bytes());
    addNumber(address->port);
  }
  addNumber(data.size());
  add(data);
  if (hook) hook({now_ - kStart, source.toString(), destination.toString(), data});
}

HostBody* NetworkBody::hostAt(int realm, const IpAddress& address) const {
  const auto found = hosts_.find({realm, address});
  return found == hosts_.end() ? nullptr : found->second;
}
Translator* NetworkBody::translatorAt(int realm, const IpAddress& address) const {
  const auto found = translatorsByAddress_.find({realm, address});
  return found == translatorsByAddress_.end() ? nullptr : found->second;
}

/// Outwards, through one translator after another, to a realm where somebody has the destination's address.
bool NetworkBody::climb(Packet& packet) {
  while (!hostAt(packet.realm, packet.destination.ip) && !translatorAt(packet.realm, packet.destination.ip)) {
    if (packet.realm == kOpenNetwork) return false;
    Translator& through = *translators_[static_cast<size_t>(packet.realm)];
    if (packet.destination.ip == through.address() && !through.options().hairpinning) return false;
    const auto source = through.outbound(now_, packet.source, packet.destination);
    if (!source) return false;
    packet.source = *source;
    packet.realm = through.outer();
  }
  return true;
}

/// The host that it is on its way to, whatever filters will say: it decides which link it takes.
HostBody* NetworkBody::aim(const Packet& packet) const {
  int realm = packet.realm;
  SocketAddress destination = packet.destination;
  for (size_t hops = 0; hops <= translators_.size(); ++hops) {
    if (HostBody* host = hostAt(realm, destination.ip)) return host;
    const Translator* into = translatorAt(realm, destination.ip);
    if (!into) return nullptr;
    const auto inner = into->owner(now_, destination.port);
    if (!inner) return nullptr;
    destination = *inner;
    realm = static_cast<int>(std::find_if(translators_.begin(), translators_.end(),
                                          [&](const auto& entry) { return entry.get() == into; }) -
                             translators_.begin());
  }
  return nullptr;
}

void NetworkBody::transmit(HostBody& from, const SocketAddress& source, const SocketAddress& destination,
                           ByteView data) {
  trace(source, destination, data);
  if (destination.ip.isLoopback()) {
    const auto self = std::static_pointer_cast<HostBody>(from.shared_from_this());
    schedule(now_, [self, source, destination, copy = Bytes(data.begin(), data.end())] {
      self->receive(source, destination, copy);
    });
    return;
  }
  Packet packet{from.realm(), source, destination, {}};
  if (!climb(packet)) return;
  const HostBody* to = aim(packet);
  if (!to) return;
  Link& way = link(from.index(), to->index());
  const Link::Fate fate = way.offer(now_, packetBytes(destination.ip, data.size()), random_);
  if (!fate.arrives) return;
  packet.data.assign(data.begin(), data.end());
  if (fate.twice) {
    schedule(fate.at, [this, copy = packet, a = from.index(), b = to->index()]() mutable { arrive(std::move(copy), a, b); });
  }
  if (fate.corrupted && !packet.data.empty()) {
    const uint64_t bit = random_.below(packet.data.size() * 8);
    packet.data[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
  }
  schedule(fate.at, [this, moved = std::move(packet), a = from.index(), b = to->index()]() mutable {
    arrive(std::move(moved), a, b);
  });
}

/// Inwards, by the mappings and filters of the moment of arrival.
void NetworkBody::arrive(Packet packet, size_t from, size_t to) {
  for (size_t hops = 0; hops <= translators_.size(); ++hops) {
    if (HostBody* host = hostAt(packet.realm, packet.destination.ip)) {
      link(from, to).countDelivered();
      const auto keep = host->shared_from_this();
      host->receive(packet.source, packet.destination, packet.data);
      return;
    }
    const Translator* into = translatorAt(packet.realm, packet.destination.ip);
    if (!into) return;
    const auto inner = into->inbound(now_, packet.source, packet.destination.port);
    if (!inner) return;
    packet.destination = *inner;
    packet.realm = static_cast<int>(std::find_if(translators_.begin(), translators_.end(),
                                                 [&](const auto& entry) { return entry.get() == into; }) -
                                    translators_.begin());
  }
}

}  // namespace peerage::sim
