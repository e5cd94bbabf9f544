// The simulator's inside: one queue of events for everything, and the way of a datagram from host to host.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>

#include "base/random.hpp"
#include "sim/host_body.hpp"
#include "sim/link.hpp"
#include "sim/translator.hpp"

namespace peerage::sim {

class NetworkBody {
 public:
  using EventKey = std::pair<Timestamp, uint64_t>;
  /// Not zero: code that takes zero for "never" shows.
  static constexpr Timestamp kStart{std::chrono::seconds(1000)};
  static constexpr int kOpenNetwork = -1;

  explicit NetworkBody(uint64_t seed) : seed_(seed), random_(seed) {}

  // The clock.
  Timestamp now() const { return now_; }
  EventKey schedule(Timestamp at, detail::Task task);
  void cancel(const EventKey& key) { events_.erase(key); }
  /// Runs one host's tasks, or else the next event; not past `limit`. False when there was nothing.
  bool step(std::optional<Timestamp> limit = std::nullopt);
  bool idle() const { return ready_.empty() && events_.empty() && !posted_.load(); }
  /// Moves the clock on, over a time in which nothing happens.
  void advance(Timestamp to) { now_ = std::max(now_, to); }
  void makeReady(HostBody& host);
  void post(std::weak_ptr<HostBody> host, detail::Task task);

  // The hosts.
  HostBody& addHost(const HostOptions& options, std::shared_ptr<HostBody>& out);
  void addAddress(HostBody& host, std::string_view text);
  void removeAddress(HostBody& host, std::string_view text);
  void removeHost(HostBody& host);
  int addNat(std::string_view address, NatOptions options, const Nat* outer);
  void addName(std::string name, std::vector<std::string> addresses, Duration delay);
  struct Name {
    std::vector<IpAddress> addresses;
    Duration delay{};
  };
  const Name* name(std::string_view hostname) const;

  // The links.
  void setDefaultLink(const LinkOptions& options);
  Link& link(size_t from, size_t to);
  void nameLink(size_t from, size_t to, const LinkOptions& options);

  /// A socket sends.
  void transmit(HostBody& from, const SocketAddress& source, const SocketAddress& destination, ByteView data);

  std::function<void(const SentDatagram&)> hook;
  uint64_t traceHash() const { return traceHash_; }
  uint64_t datagramCount() const { return datagramCount_; }

 private:
  /// On its way, at the translator or host that has its destination's address in `realm`.
  struct Packet {
    int realm;
    SocketAddress source;
    SocketAddress destination;
    Bytes data;
  };
  void trace(const SocketAddress& source, const SocketAddress& destination, ByteView data);
  bool climb(Packet& packet);
  HostBody* aim(const Packet& packet) const;
  void arrive(Packet packet, size_t from, size_t to);
  Translator* translatorAt(int realm, const IpAddress& address) const;
  HostBody* hostAt(int realm, const IpAddress& address) const;
  void takePosted();
  static IpAddress parse(std::string_view text);

  uint64_t seed_;
  SeededRandom random_;
  Timestamp now_ = kStart;
  std::map<EventKey, detail::Task> events_;
  uint64_t lastEvent_ = 0;
  uint64_t stepsAtThisInstant_ = 0;
  std::deque<std::weak_ptr<HostBody>> ready_;
  size_t hostCount_ = 0;
  std::map<std::pair<int, IpAddress>, HostBody*> hosts_;
  std::vector<std::unique_ptr<Translator>> translators_;
  std::map<std::pair<int, IpAddress>, Translator*> translatorsByAddress_;
  std::map<std::string, Name, std::less<>> names_;
  LinkOptions defaultLink_;
  std::map<std::pair<size_t, size_t>, std::pair<Link, bool>> links_;  // true: named, the default does not apply
  uint64_t traceHash_ = 0xcbf29ce484222325;                           // FNV-1a's offset basis
  uint64_t datagramCount_ = 0;

  std::mutex postedMutex_;
  std::vector<std::pair<std::weak_ptr<HostBody>, detail::Task>> postedTasks_;
  std::atomic<bool> posted_ = false;
};

}  // namespace peerage::sim
