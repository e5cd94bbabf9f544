// A network and a clock made of memory: whole calls between any number of peers in one thread, in virtual time. The same
// seed gives the same datagrams at the same times. For the library's tests, and for those of its users.
//
//   sim::Network net(42);
//   sim::Host& alice = net.addHost("alice", "10.0.0.1");
//   sim::Host& bob = net.addHost("bob", "10.0.0.2");
//   net.connect(alice, bob, {.latency = 40ms, .loss = 0.02});
//   RTCPeerConnection a(alice.loop()), b(bob.loop());
//   …
//   EXPECT_TRUE(net.runUntil([&] { return a.connectionState() == RTCPeerConnectionState::connected; }, 10s));
//
// Links to peerage_sim.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "peerage/event_loop.hpp"

namespace peerage::sim {

class Host;
class Nat;
class Network;
class NetworkBody;

/// One direction between two hosts. Probabilities are from 0 to 1, and each datagram is drawn for on its own.
struct LinkOptions {
  std::chrono::nanoseconds latency = std::chrono::milliseconds(10);  ///< one way
  std::chrono::nanoseconds jitter{0};         ///< up to this is added, uniform; order is kept
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;                         ///< held back by reorderDelay, so that later ones overtake
  std::chrono::nanoseconds reorderDelay = std::chrono::milliseconds(20);
  double corrupt = 0;                         ///< one bit is turned
  uint64_t bitsPerSecond = 0;                 ///< of IP packets, headers included; 0: no limit
  size_t queueBytes = 64 * 1024;              ///< waiting for a limited link; what does not fit is dropped (drop tail)
  size_t mtu = 1500;                          ///< bytes of an IP packet; larger ones are dropped
  bool up = true;                             ///< false: everything is dropped
};

/// What became of the datagrams of one direction.
struct LinkCounters {
  uint64_t sent = 0;  ///< offered to the link
  uint64_t delivered = 0;
  uint64_t lost = 0;
  uint64_t queueFull = 0;
  uint64_t tooBig = 0;
  uint64_t duplicated = 0;
  uint64_t reordered = 0;
  uint64_t corrupted = 0;
};

/// RFC 4787 §4.1 and §5: what a mapping, and what a hole in the filter, depends on.
enum class NatBehavior { endpoint_independent, address_dependent, address_and_port_dependent };

struct NatOptions {
  NatBehavior mapping = NatBehavior::endpoint_independent;
  NatBehavior filtering = NatBehavior::address_and_port_dependent;
  bool hairpinning = false;  ///< RFC 4787 §6
  std::chrono::nanoseconds mappingLifetime = std::chrono::minutes(5);  ///< refreshed by what goes out (§4.3)
};

/// An address translator: hosts behind it have addresses of their own, and are seen with its address.
class Nat {
 public:
  explicit Nat(size_t index, std::string address) : index_(index), address_(std::move(address)) {}
  const std::string& address() const { return address_; }
  size_t index() const { return index_; }

 private:
  size_t index_;
  std::string address_;
};

struct HostOptions {
  std::string name;
  std::vector<std::string> addresses;  ///< "10.0.0.1", "2001:db8::1"; the first one of a family is the default
  const Nat* behind = nullptr;         ///< nullptr: on the open network
  EventLoopOptions loop;               ///< without a seed: one that comes from the network's
};

/// A machine with one EventLoop.
class Host {
 public:
  Host(NetworkBody& network, size_t index, std::string name, std::shared_ptr<detail::LoopBody> body);
  EventLoop& loop() { return *loop_; }
  const std::string& name() const { return name_; }
  size_t index() const { return index_; }
  /// Adds or takes away an address while calls are under way (a change of networks). Sockets bound to an address that is
  /// gone send and receive nothing.
  void addAddress(std::string_view address);
  void removeAddress(std::string_view address);
  /// Destroys the loop, as if the machine had been switched off. loop() must not be used any more.
  void powerOff();

 private:
  NetworkBody& network_;
  size_t index_;
  std::string name_;
  std::unique_ptr<EventLoop> loop_;
};

/// A datagram as a socket sent it, before any translation or loss.
struct SentDatagram {
  std::chrono::nanoseconds time;
  std::string source;
  std::string destination;
  std::span<const uint8_t> data;
};

/// Owns the clock, the hosts and everything between them. Objects on its hosts' loops must be destroyed before it, or be
/// silent afterwards as with any loop that is gone.
class Network {
 public:
  explicit Network(uint64_t seed = 1);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// Throws std::invalid_argument for an address that is none or is taken.
  Host& addHost(HostOptions options);
  Host& addHost(std::string name, std::string address, const Nat* behind = nullptr);
  /// `outer`: a translator that this one is behind, in turn.
  const Nat& addNat(std::string publicAddress, NatOptions options = {}, const Nat* outer = nullptr);
  /// A host that answers STUN Binding requests (RFC 8489) on that address, "192.0.2.1:3478".
  Host& addStunServer(std::string address);
  /// What a name resolves to, on all hosts, after `delay`.
  void addName(std::string hostname, std::vector<std::string> addresses,
               std::chrono::nanoseconds delay = std::chrono::milliseconds(5));

  /// The link of every pair that connect() or link() has not named.
  void setDefaultLink(const LinkOptions& options);
  /// Sets both directions between two hosts.
  void connect(const Host& a, const Host& b, const LinkOptions& options);
  /// Sets one direction. May be changed at any time; what is on its way arrives as it would have.
  void setLink(const Host& from, const Host& to, const LinkOptions& options);
  LinkCounters linkCounters(const Host& from, const Host& to) const;

  /// Runs until no loop has anything left to do. With periodic timers that is never.
  void run();
  void runFor(std::chrono::nanoseconds time);
  /// Runs until `done()`, which it looks at after each event; false when `limit` is over first, or nothing is left to run.
  bool runUntil(const std::function<bool()>& done, std::chrono::nanoseconds limit = std::chrono::minutes(1));
  /// Runs until the promise has settled: its value, or throws its reason; std::logic_error when `limit` is over first.
  template <typename T>
  T runUntil(Promise<T> promise, std::chrono::nanoseconds limit = std::chrono::minutes(1)) {
    promise.markHandled();
    runUntil(std::function<bool()>([&] { return promise.status() != PromiseStatus::pending; }), limit);
    return promise.value();
  }

  /// Virtual time since the network was made.
  std::chrono::nanoseconds elapsed() const;
  /// Sees every datagram that a socket sends.
  void onDatagram(std::function<void(const SentDatagram&)> hook);
  /// A digest of all datagrams so far: time, source, destination, bytes. Equal runs have equal digests.
  uint64_t traceHash() const;
  uint64_t datagramCount() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace peerage::sim
