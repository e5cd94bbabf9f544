// A simulated machine's loop: what runtime/ does with the system, done in memory.
#pragma once

#include <map>
#include <set>

#include "api/loop_body.hpp"
#include "dtls/fake_factory.hpp"
#include "peerage/sim.hpp"

namespace peerage::sim {

class NetworkBody;

/// What a simulated socket shares with its host.
struct SocketEntry {
  SocketAddress local;
  detail::UdpReceiver receiver;
  detail::UdpCounters counters;
  class HostBody* host = nullptr;  // null once closed
};

struct TimerEntry {
  detail::Task task;
  std::optional<std::pair<Timestamp, uint64_t>> event;  // its place in the network's queue
};

class HostBody final : public detail::LoopBody {
 public:
  HostBody(NetworkBody& network, size_t index, int realm, EventLoopOptions options, uint64_t seed);
  ~HostBody() override;

  size_t index() const { return index_; }
  /// The index of the translator it is behind, -1 on the open network.
  int realm() const { return realm_; }
  const std::vector<IpAddress>& addresses() const { return addresses_; }
  void addAddress(const IpAddress& address) { addresses_.push_back(address); }
  void removeAddress(const IpAddress& address) { std::erase(addresses_, address); }
  bool hasAddress(const IpAddress& address) const;

  /// A datagram has arrived.
  void receive(const SocketAddress& source, const SocketAddress& destination, ByteView data);
  /// Runs what is queued; part of Network's step.
  void turn();

  Timestamp now() const override;
  std::chrono::system_clock::time_point wallClock() const override;
  RandomSource& random() override { return random_; }
  dtls::Factory& dtlsFactory() override { return dtls_; }
  const std::shared_ptr<const media::CodecFactory>& codecs() const override { return options_.codecs; }
  const Log& log() const override { return log_; }
  std::unique_ptr<detail::LoopTimer> makeTimer(detail::Task task) override;
  Result<std::unique_ptr<detail::UdpSocket>> bindUdp(const SocketAddress& local, detail::UdpReceiver receiver) override;
  std::vector<detail::NetworkInterface> interfaces() override;
  std::unique_ptr<detail::ResolveRequest> resolve(std::string_view hostname, detail::ResolveCallback callback) override;
  void post(detail::Task task) override;
  bool runOnce(bool wait) override;
  void hold(int) override {}  // in virtual time nothing comes from outside: a loop lives as long as there are events
  void close() override;

  // For timers and sockets.
  void setTimer(const std::shared_ptr<TimerEntry>& entry, Timestamp at);
  void cancelTimer(TimerEntry& entry);
  void send(SocketEntry& socket, std::span<const detail::DatagramView> datagrams);
  void closeSocket(SocketEntry& socket);

 private:
  friend class NetworkBody;
  void rethrowError();
  /// A task of this loop; what it throws leaves the network's run().
  template <typename F>
  void dispatch(F&& task) {
    core()->runTask(task);
    rethrowError();
  }

  NetworkBody* network_;  // null once closed
  size_t index_;
  int realm_;
  EventLoopOptions options_;
  Log log_;
  SeededRandom random_;
  dtls::FakeFactory dtls_;
  std::vector<IpAddress> addresses_;
  std::map<SocketAddress, std::shared_ptr<SocketEntry>> sockets_;
  std::set<TimerEntry*> timers_;
  Timestamp lastNow_{};
  uint16_t nextPort_ = 49152;  // RFC 6335 §6: the dynamic ports
  bool ready_ = false;         // in the network's line
};

}  // namespace peerage::sim
