// UDP on descriptors of our own, watched by uv_poll: libuv's uv_udp_t costs a call and a callback for each datagram, and
// recvmmsg and sendmmsg take tens of them at once.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include <array>
#include <deque>

#include "api/loop_body.hpp"

namespace peerage::runtime {

class UvBody;

/// The arrays of recvmmsg and sendmmsg, one set for all sockets of a loop: it reads and writes one socket at a time.
struct UdpBatch {
  static constexpr size_t kCount = 64;
  /// Room for a datagram. Nothing of WebRTC exceeds an Ethernet frame; a longer one is counted and dropped.
  static constexpr size_t kBytes = 2048;

  UdpBatch();
  std::array<mmsghdr, kCount> in{};
  std::array<mmsghdr, kCount> out{};
  std::array<iovec, kCount> inParts{};
  std::array<iovec, kCount> outParts{};
  std::array<sockaddr_storage, kCount> inAddresses{};
  std::array<sockaddr_in6, kCount> outAddresses{};
  std::array<detail::DatagramView, kCount> views{};
  std::vector<uint8_t> storage;
  /// sendmmsg(2); loopback never says EAGAIN, so a test puts a system here that does.
  int (*sendMany)(int, mmsghdr*, unsigned, int) = ::sendmmsg;
};

/// What a socket shares with the loop: it may be closed inside of its own callback.
struct UdpHandle : std::enable_shared_from_this<UdpHandle> {
  std::shared_ptr<UvBody> body;
  detail::UdpReceiver receiver;
  SocketAddress local;
  int descriptor = -1;
  uv_poll_t* poll = nullptr;  // freed by its close callback
  struct Waiting {
    SocketAddress remote;
    Bytes data;
  };
  std::deque<Waiting> waiting;
  size_t waitingBytes = 0;
  detail::UdpCounters counters;

  Result<> open(size_t bufferBytes);
  void close();
  void send(std::span<const detail::DatagramView> datagrams);

 private:
  /// How many the system took or refused for good: the rest would block.
  size_t trySend(std::span<const detail::DatagramView> datagrams);
  void enqueue(std::span<const detail::DatagramView> datagrams);
  void flush();
  void watch();
  void onPoll(int status, int events);
  void receive();
};

class UdpSocketImpl final : public detail::UdpSocket {
 public:
  explicit UdpSocketImpl(std::shared_ptr<UdpHandle> handle) : handle_(std::move(handle)) {}
  ~UdpSocketImpl() override { handle_->close(); }
  SocketAddress localAddress() const override { return handle_->local; }
  using UdpSocket::send;
  void send(std::span<const detail::DatagramView> datagrams) override { handle_->send(datagrams); }
  const detail::UdpCounters& counters() const override { return handle_->counters; }

 private:
  std::shared_ptr<UdpHandle> handle_;
};

}  // namespace peerage::runtime
