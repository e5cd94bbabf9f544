#include <stdexcept>

#include "sim/network_body.hpp"

namespace peerage::sim {

// ---- Host

Host::Host(NetworkBody& network, size_t index, std::string name, std::shared_ptr<detail::LoopBody> body)
    : network_(network), index_(index), name_(std::move(name)), loop_(std::make_unique<EventLoop>(std::move(body))) {}

void Host::addAddress(std::string_view address) {
  network_.addAddress(static_cast<HostBody&>(*loop_->body()), address);
}
void Host::removeAddress(std::string_view address) {
  network_.removeAddress(static_cast<HostBody&>(*loop_->body()), address);
}
void Host::powerOff() { loop_.reset(); }

// ---- Network

/// The inside with what the public face hands out.
struct Network::Parts {
  explicit Parts(uint64_t seed) : body(seed) {}
  NetworkBody body;
  std::vector<std::unique_ptr<Nat>> nats;
  std::vector<std::unique_ptr<Host>> hosts;                 // destroyed before the body
  std::vector<std::unique_ptr<detail::UdpSocket>> servers;  // and these before their hosts
};

Network::Network(uint64_t seed) : parts_(std::make_unique<Parts>(seed)) {}
Network::~Network() = default;

Host& Network::addHost(HostOptions options) {
  std::shared_ptr<HostBody> body;
  parts_->body.addHost(options, body);
  const size_t index = body->index();
  parts_->hosts.push_back(std::make_unique<Host>(parts_->body, index, std::move(options.name), std::move(body)));
  return *parts_->hosts.back();
}

Host& Network::addHost(std::string name, std::string address, const Nat* behind) {
  HostOptions options;
  options.name = std::move(name);
  options.addresses = {std::move(address)};
  options.behind = behind;
  return addHost(std::move(options));
}

const Nat& Network::addNat(std::string publicAddress, NatOptions options, const Nat* outer) {
  const int index = parts_->body.addNat(publicAddress, options, outer);
  parts_->nats.push_back(std::make_unique<Nat>(static_cast<size_t>(index), std::move(publicAddress)));
  return *parts_->nats.back();
}

namespace {

/// The success response to a STUN Binding request (RFC 8489 §6.3.1), empty for anything else.
Bytes answerBinding(const detail::DatagramView& request) {
  constexpr uint32_t kMagicCookie = 0x2112a442;
  constexpr size_t kHeader = 20;
  Bytes out;
  if (request.data.size() < kHeader || loadU16(request.data.data()) != 0x0001 ||
      loadU32(request.data.data() + 4) != kMagicCookie) {
    return out;
  }
  const ByteView ip = request.remote.ip.bytes();
  ByteWriter writer(out);
  writer.u16(0x0101);
  writer.u16(static_cast<uint16_t>(8 + ip.size()));
  writer.bytes(request.data.subspan(4, 16));  // the cookie and the transaction id
  writer.u16(0x0020);                         // XOR-MAPPED-ADDRESS (§14.2)
  writer.u16(static_cast<uint16_t>(4 + ip.size()));
  writer.u8(0);
  writer.u8(request.remote.ip.isV4() ? 1 : 2);
  writer.u16(static_cast<uint16_t>(request.remote.port ^ (kMagicCookie >> 16)));
  for (size_t i = 0; i < ip.size(); ++i) writer.u8(ip[i] ^ request.data[4 + i]);  // with cookie and id, as they lie
  return out;
}

}  // namespace

Host& Network::addStunServer(std::string address) {
  const auto at = SocketAddress::parse(address);
  if (!at) throw std::invalid_argument("not an address with a port: " + address);
  Host& host = addHost("stun", at->ip.toString());
  auto slot = std::make_shared<detail::UdpSocket*>(nullptr);
  auto socket = host.loop().body()->bindUdp(*at, [slot](std::span<const detail::DatagramView> batch) {
    for (const auto& request : batch) {
      const Bytes answer = answerBinding(request);
      if (!answer.empty()) (*slot)->send(detail::DatagramView{{}, request.remote, answer});
    }
  });
  if (!socket) throw std::invalid_argument(socket.error().message);
  *slot = socket->get();
  parts_->servers.push_back(std::move(*socket));
  return host;
}

void Network::addName(std::string hostname, std::vector<std::string> addresses, std::chrono::nanoseconds delay) {
  parts_->body.addName(std::move(hostname), std::move(addresses), delay);
}

void Network::setDefaultLink(const LinkOptions& options) { parts_->body.setDefaultLink(options); }
void Network::connect(const Host& a, const Host& b, const LinkOptions& options) {
  setLink(a, b, options);
  setLink(b, a, options);
}
void Network::setLink(const Host& from, const Host& to, const LinkOptions& options) {
  parts_->body.nameLink(from.index(), to.index(), options);
}
LinkCounters Network::linkCounters(const Host& from, const Host& to) const {
  return parts_->body.link(from.index(), to.index()).counters();
}

void Network::run() {
  while (parts_->body.step()) {
  }
}

void Network::runFor(std::chrono::nanoseconds time) {
  const Timestamp end = parts_->body.now() + time;
  while (parts_->body.step(end)) {
  }
  parts_->body.advance(end);
}

bool Network::runUntil(const std::function<bool()>& done, std::chrono::nanoseconds limit) {
  const Timestamp end = parts_->body.now() + limit;
  while (!done()) {
    if (parts_->body.step(end)) continue;
    if (!parts_->body.idle()) parts_->body.advance(end);
    return done();
  }
  return true;
}

std::chrono::nanoseconds Network::elapsed() const { return parts_->body.now() - NetworkBody::kStart; }
void Network::onDatagram(std::function<void(const SentDatagram&)> hook) { parts_->body.hook = std::move(hook); }
uint64_t Network::traceHash() const { return parts_->body.traceHash(); }
uint64_t Network::datagramCount() const { return parts_->body.datagramCount(); }

}  // namespace peerage::sim
