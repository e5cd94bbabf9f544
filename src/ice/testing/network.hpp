// A network in virtual time for the agent's tests: latency, loss, reordering, NATs, STUN servers, and two agents with
// their signalling. The same seed gives the same run.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ice/agent.hpp"
#include "stun/message.hpp"

namespace peerage::ice::testing {

inline SocketAddress at(std::string_view text) { return SocketAddress::parse(text).value(); }

/// A port-rewriting NAT in front of every host that was put behind it.
struct Nat {
  IpAddress address;
  bool symmetric = false;  ///< a mapping for each destination (RFC 4787's address-and-port-dependent)
  bool filters = true;     ///< lets in only what comes from where was sent to (address-and-port-dependent)
  std::map<std::pair<SocketAddress, SocketAddress>, uint16_t> ports;  ///< {inside, destination or none}
  std::map<uint16_t, SocketAddress> inside;
  std::map<std::pair<uint16_t, SocketAddress>, bool> permitted;
  uint16_t nextPort = 40000;

  SocketAddress outbound(const SocketAddress& from, const SocketAddress& to) {
    const auto key = std::pair(from, symmetric ? to : SocketAddress{});
    auto [entry, fresh] = ports.try_emplace(key, nextPort);
    if (fresh) inside[nextPort++] = from;
    permitted[{entry->second, to}] = true;
    return {address, entry->second};
  }
  std::optional<SocketAddress> inbound(uint16_t port, const SocketAddress& from) const {
    const auto entry = inside.find(port);
    if (entry == inside.end() || (filters && !permitted.contains({port, from}))) return std::nullopt;
    return entry->second;
  }
  /// All bindings are lost, and new ones get other ports.
  void rebind() {
    ports.clear();
    inside.clear();
    permitted.clear();
  }
};

class Network;

/// An agent, its sockets, and what it has reported.
struct Peer {
  Peer(AgentOptions options, uint64_t seed) : random(seed), agent(std::move(options), random) {}

  SeededRandom random;
  Agent agent;
  std::vector<SocketAddress> sockets;
  std::vector<Event> events;
  std::vector<State> states;
  std::vector<Candidate> gathered;
  std::vector<CandidateError> errors;
  int selections = 0;
  uint64_t sent = 0;
  Peer* signalsTo = nullptr;            ///< trickles candidates there, `signalDelay` later
  Duration signalDelay = 30ms;

  template <typename T>
  int count() const {
    int n = 0;
    for (const Event& event : events) n += std::holds_alternative<T>(event);
    return n;
  }
};

class Network {
 public:
  explicit Network(uint64_t seed = 1) : random_(seed) {}

  Timestamp now{10s};
  double loss = 0;
  double duplication = 0;
  Duration latency = 20ms;
  Duration jitter = 0ms;
  std::function<bool(const SocketAddress& from, const SocketAddress& to)> blocked;  ///< by the wire's addresses
  std::function<void(const SocketAddress& from, const SocketAddress& to, ByteView data)> observe;
  uint64_t packets = 0;

  void add(Peer& peer) { peers_.push_back(&peer); }
  void addStunServer(const SocketAddress& address) { stunServers_.push_back(address); }
  Nat& addNat(const IpAddress& address) {
    nats_.push_back(std::make_unique<Nat>(Nat{.address = address}));
    return *nats_.back();
  }
  void putBehind(const IpAddress& host, Nat& nat) { behind_[host] = &nat; }
  void after(Duration delay, std::function<void()> action) { push(now + delay, std::move(action)); }

  void send(const SocketAddress& from, const SocketAddress& to, Bytes data) {
    ++packets;
    SocketAddress wire = from;
    const auto nat = behind_.find(from.ip);
    const bool sameNetwork = nat != behind_.end() && behind_.contains(to.ip) && behind_[to.ip] == nat->second;
    if (nat != behind_.end() && !sameNetwork) wire = nat->second->outbound(from, to);
    if (observe) observe(wire, to, data);
    if (blocked && blocked(wire, to)) return;
    const int copies = random_.unit() < duplication ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      if (random_.unit() < loss) continue;
      const Duration extra = jitter > 0ms ? Duration(static_cast<int64_t>(random_.below(jitter.count()))) : 0ns;
      push(now + latency + extra, [this, wire, to, data] { deliver(wire, to, data); });
    }
  }

  /// Runs until `done`, or for `limit`. True when done.
  bool run(Duration limit, const std::function<bool()>& done = [] { return false; }) {
    const Timestamp end = now + limit;
    drain();
    int still = 0;  // steps without time passing: an agent whose timeout never moves on would spin
    while (!done()) {
      Timestamp next = end;
      if (!queue_.empty()) next = std::min(next, queue_.begin()->first);
      for (Peer* peer : peers_) {
        if (const auto timeout = peer->agent.nextTimeout()) next = std::min(next, timeout->at);
      }
      if (next >= end) {
        now = end;
        return done();
      }
      still = next <= now ? still + 1 : 0;
      if (still > 10000) {
        spinning = true;
        return false;
      }
      now = std::max(now, next);
      while (!queue_.empty() && queue_.begin()->first <= now) {
        const auto action = std::move(queue_.begin()->second);
        queue_.erase(queue_.begin());
        action();
        drain();
      }
      for (Peer* peer : peers_) {
        const auto timeout = peer->agent.nextTimeout();
        if (timeout && timeout->at <= now) peer->agent.handleTimeout(now);
      }
      drain();
    }
    return true;
  }
  bool spinning = false;

  void drain() {
    for (bool more = true; more;) {
      more = false;
      for (Peer* peer : peers_) {
        while (auto datagram = peer->agent.pollTransmit()) {
          ++peer->sent;
          send(datagram->local, datagram->remote, std::move(datagram->data));
        }
        while (auto event = peer->agent.pollEvent()) {
          more = true;
          onEvent(*peer, std::move(*event));
        }
      }
    }
  }

 private:
  void push(Timestamp when, std::function<void()> action) { queue_.emplace(when, std::move(action)); }

  void onEvent(Peer& peer, Event event) {
    if (const auto* changed = std::get_if<StateChanged>(&event)) peer.states.push_back(changed->state);
    if (const auto* failed = std::get_if<CandidateError>(&event)) peer.errors.push_back(*failed);
    if (std::holds_alternative<SelectedPairChanged>(event)) ++peer.selections;
    Peer* to = peer.signalsTo;
    if (const auto* gathered = std::get_if<CandidateGathered>(&event)) {
      peer.gathered.push_back(gathered->candidate.candidate);
      if (to) {
        after(peer.signalDelay, [this, to, text = gathered->candidate.candidate.toString()] {
          to->agent.addRemoteCandidate(now, Candidate::parse(text).value());
        });
      }
    }
    if (const auto* state = std::get_if<GatheringStateChanged>(&event)) {
      if (to && state->state == GatheringState::complete) {
        after(peer.signalDelay, [this, to] { to->agent.endOfRemoteCandidates(now); });
      }
    }
    peer.events.push_back(std::move(event));
  }

  void deliver(const SocketAddress& from, SocketAddress to, const Bytes& data) {
    for (const auto& nat : nats_) {
      if (to.ip != nat->address) continue;
      const auto inside = nat->inbound(to.port, from);
      if (!inside) return;
      to = *inside;
    }
    for (const SocketAddress& server : stunServers_) {
      if (server == to) answerBinding(server, from, data);
    }
    for (Peer* peer : peers_) {
      for (const SocketAddress& socket : peer->sockets) {
        // A host behind a NAT is reached from outside through it alone; `to` is its inner address by then.
        if (socket == to) peer->agent.handleInput(now, to, from, data);
      }
    }
  }

  void answerBinding(const SocketAddress& server, const SocketAddress& from, const Bytes& data) {
    const auto message = stun::Message::parse(data);
    if (!message || !message->isRequest()) return;
    Bytes response;
    stun::Builder(response, stun::Class::success, stun::Method::binding, message->transactionId())
        .xorAddress(stun::AttributeType::xor_mapped_address, from)
        .fingerprint();
    send(server, from, std::move(response));
  }

  SeededRandom random_;
  std::multimap<Timestamp, std::function<void()>> queue_;
  std::vector<Peer*> peers_;
  std::vector<SocketAddress> stunServers_;
  std::vector<std::unique_ptr<Nat>> nats_;
  std::map<IpAddress, Nat*> behind_;
};

/// Two peers that tell each other everything, as two ends of a session do.
struct Call {
  explicit Call(uint64_t seed = 1, AgentOptions options = {}) : net(seed) {
    options.role = Role::controlling;
    a = std::make_unique<Peer>(options, seed * 2 + 1000);
    options.role = Role::controlled;
    b = std::make_unique<Peer>(options, seed * 2 + 1001);
    wire();
  }
  void wire() {
    net.add(*a);
    net.add(*b);
    a->signalsTo = b.get();
    b->signalsTo = a.get();
  }
  void gather(Peer& peer, const std::vector<std::string>& sockets, const std::vector<std::string>& servers = {}) {
    for (const auto& socket : sockets) {
      if (std::ranges::find(peer.sockets, at(socket)) == peer.sockets.end()) peer.sockets.push_back(at(socket));
      peer.agent.addLocalHost(net.now, at(socket));
    }
    for (const auto& server : servers) peer.agent.addStunServer(net.now, at(server), "stun:" + server);
    peer.agent.endOfHosts(net.now);
    net.drain();
  }
  void exchangeParameters() {
    a->agent.setRemoteParameters(net.now, b->agent.localParameters());
    b->agent.setRemoteParameters(net.now, a->agent.localParameters());
    net.drain();
  }
  bool completed() const {
    return a->agent.state() == State::completed && b->agent.state() == State::completed && agree();
  }
  /// Both have selected, and the same path.
  bool agree() const {
    const auto ours = a->agent.selectedPair();
    const auto theirs = b->agent.selectedPair();
    return ours && theirs && ours->local.address == theirs->remote.address &&
           ours->remote.address == theirs->local.address;
  }
  bool both(State state) const { return a->agent.state() == state && b->agent.state() == state; }

  Network net;
  std::unique_ptr<Peer> a;
  std::unique_ptr<Peer> b;
};

}  // namespace peerage::ice::testing
