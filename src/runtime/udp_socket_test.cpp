#include <gtest/gtest.h>

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "api/loop_body.hpp"
#include "runtime/udp_socket.hpp"
#include "runtime/uv_body.hpp"

namespace peerage {
namespace {

using detail::DatagramView;
using detail::UdpSocket;

SocketAddress loopback4() { return {IpAddress::v4(127, 0, 0, 1), 0}; }
SocketAddress loopback6() { return {*IpAddress::parse("::1"), 0}; }

class UdpTest : public testing::Test {
 protected:
  EventLoop loop;
  detail::LoopBody& body = *loop.body();

  std::unique_ptr<UdpSocket> bind(SocketAddress at, detail::UdpReceiver receiver) {
    auto bound = body.bindUdp(at, std::move(receiver));
    if (!bound) throw std::runtime_error(bound.error().message);
    return std::move(*bound);
  }
};

class UdpFamilies : public UdpTest, public testing::WithParamInterface<SocketAddress> {};

TEST_P(UdpFamilies, BatchesAreEchoedInOrder) {
  constexpr int kCount = 300;
  std::unique_ptr<UdpSocket> server;
  size_t largestBatch = 0;
  server = bind(GetParam(), [&](std::span<const DatagramView> batch) {
    largestBatch = std::max(largestBatch, batch.size());
    server->send(batch);  // back to where they came from
  });
  int received = 0;
  const auto client = bind(GetParam(), [&](std::span<const DatagramView> batch) {
    for (const DatagramView& datagram : batch) {
      EXPECT_EQ(datagram.remote, server->localAddress());
      ASSERT_EQ(datagram.data.size(), 1200u);
      EXPECT_EQ(loadU16(datagram.data.data()), received++);
    }
  });
  EXPECT_NE(client->localAddress().port, 0);
  std::vector<Bytes> payloads(kCount, Bytes(1200));
  std::vector<DatagramView> views;
  for (int i = 0; i < kCount; ++i) {
    storeU16(payloads[static_cast<size_t>(i)].data(), static_cast<uint16_t>(i));
    views.push_back({{}, server->localAddress(), payloads[static_cast<size_t>(i)]});
  }
  client->send(views);
  EXPECT_TRUE(loop.runUntil([&] { return received == kCount; }, 10s));
  EXPECT_GT(largestBatch, 1u);
  EXPECT_LE(largestBatch, 64u);
  EXPECT_EQ(client->counters().packetsSent, uint64_t{kCount});
  EXPECT_EQ(client->counters().bytesReceived, uint64_t{kCount} * 1200);
  EXPECT_EQ(server->counters().packetsReceived, uint64_t{kCount});
}
INSTANTIATE_TEST_SUITE_P(All, UdpFamilies, testing::Values(loopback4(), loopback6()),
                         [](const auto& family) { return family.param.ip.isV4() ? "IPv4" : "IPv6"; });

/// A system that takes seven datagrams, then none until it is asked again.
int takesSevenAtATime(int descriptor, mmsghdr* messages, unsigned count, int flags) {
  static bool full = false;
  full = !full;
  if (!full) {
    errno = EAGAIN;
    return -1;
  }
  return ::sendmmsg(descriptor, messages, std::min(count, 7u), flags);
}

TEST_F(UdpTest, WhatTheSystemWillNotTakeWaitsInOrderWithinBounds) {
  static_cast<runtime::UvBody&>(body).udpBatch().sendMany = takesSevenAtATime;
  int received = 0;
  const auto server = bind(loopback4(), [&](std::span<const DatagramView> batch) {
    for (const DatagramView& datagram : batch) EXPECT_EQ(int{loadU16(datagram.data.data())}, received++);
  });
  const auto client = bind(loopback4(), [](auto) {});
  constexpr size_t kBytes = 1024;
  constexpr size_t kCount = 1200;
  constexpr size_t kKept = 7 + UdpSocket::kMaxQueuedBytes / kBytes;
  for (size_t i = 0; i < kCount; ++i) {
    Bytes payload(kBytes);
    storeU16(payload.data(), static_cast<uint16_t>(i));
    if (i == 0) {  // the first batch: seven leave, the others wait, and everything after them behind them
      std::vector<Bytes> many(8, payload);
      std::vector<DatagramView> views;
      for (; i < many.size(); ++i) {
        storeU16(many[i].data(), static_cast<uint16_t>(i));
        views.push_back({{}, server->localAddress(), many[i]});
      }
      --i;
      client->send(views);
      EXPECT_EQ(client->counters().packetsSent, 7u);
      EXPECT_EQ(client->counters().packetsQueued, 1u);
    } else {
      client->send(DatagramView{{}, server->localAddress(), payload});
    }
  }
  EXPECT_EQ(client->counters().packetsQueued, kKept - 7);
  EXPECT_EQ(client->counters().packetsDropped, kCount - kKept);
  EXPECT_TRUE(loop.runUntil([&] { return received == int{kKept}; }, 10s));
  EXPECT_EQ(client->counters().packetsSent, kKept);
}

TEST_F(UdpTest, RefusedDatagramsAreCountedAndTheNextOnesGo) {
  int received = 0;
  const auto server = bind(loopback4(), [&](std::span<const DatagramView> batch) { received += int(batch.size()); });
  const auto client = bind(loopback4(), [](auto) {});
  const Bytes huge(70000);  // no UDP datagram is as long
  const Bytes fine(10);
  const std::vector<DatagramView> views{{{}, server->localAddress(), fine},
                                        {{}, server->localAddress(), huge},
                                        {{}, {*IpAddress::parse("2001:db8::1"), 9}, fine},  // of the other family
                                        {{}, server->localAddress(), fine}};
  client->send(views);
  EXPECT_TRUE(loop.runUntil([&] { return received == 2; }, 5s));
  EXPECT_EQ(client->counters().sendErrors, 2u);
  EXPECT_EQ(client->counters().packetsSent, 2u);
}

TEST_F(UdpTest, DatagramsTooLongForAnyFrameAreCounted) {
  int received = 0;
  const auto server = bind(loopback4(), [&](std::span<const DatagramView> batch) { received += int(batch.size()); });
  const auto client = bind(loopback4(), [](auto) {});
  const Bytes jumbo(5000);
  const Bytes fine(10);
  const std::vector<DatagramView> views{{{}, server->localAddress(), jumbo}, {{}, server->localAddress(), fine}};
  client->send(views);
  EXPECT_TRUE(loop.runUntil([&] { return received == 1; }, 5s));
  EXPECT_EQ(server->counters().receiveErrors, 1u);
}

TEST_F(UdpTest, ASocketMayBeDestroyedInsideItsOwnCallback) {
  std::unique_ptr<UdpSocket> server;
  int calls = 0;
  auto token = std::make_shared<int>(3);
  server = bind(loopback4(), [&, token](std::span<const DatagramView>) {
    ++calls;
    server.reset();
    EXPECT_EQ(*token, 3);
  });
  const auto client = bind(loopback4(), [](auto) {});
  const Bytes payload(10);
  const auto address = server->localAddress();
  for (int i = 0; i < 200; ++i) client->send(DatagramView{{}, address, payload});
  loop.runUntil([&] { return calls > 0; }, 5s);
  for (int i = 0; i < 10; ++i) loop.runOnce(false);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(UdpTest, SocketsKeepTheLoopAliveUntilTheyAreClosed) {
  auto socket = bind(loopback4(), [](auto) {});
  loop.setTimeout([&] { socket.reset(); }, 2ms);
  loop.run();
  EXPECT_FALSE(socket);
}

TEST_F(UdpTest, ErrorsNameTheAddress) {
  const auto first = bind(loopback4(), [](auto) {});
  const auto taken = body.bindUdp(first->localAddress(), [](auto) {});
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().message.find(first->localAddress().toString()), std::string::npos);
  EXPECT_FALSE(body.bindUdp({*IpAddress::parse("192.0.2.1"), 0}, [](auto) {}));
}

TEST_F(UdpTest, ASocketOutlivesItsLoopInSilence) {
  std::unique_ptr<UdpSocket> socket;
  SocketAddress address;
  {
    EventLoop brief;
    socket = std::move(*brief.body()->bindUdp(loopback4(), [](auto) { ADD_FAILURE(); }));
    address = socket->localAddress();
  }
  EXPECT_EQ(socket->localAddress(), address);
  socket->send(DatagramView{{}, address, {}});
  EXPECT_EQ(socket->counters().packetsSent, 0u);
}

TEST_F(UdpTest, TenThousandSocketsAndTimersComeAndGo) {
  const auto count = [] {
    size_t entries = 0;
    DIR* folder = ::opendir("/proc/self/fd");
    while (::readdir(folder)) ++entries;
    ::closedir(folder);
    return entries;
  };
  const auto residentPages = [] {
    long size = 0;
    long resident = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    EXPECT_EQ(std::fscanf(file, "%ld %ld", &size, &resident), 2);
    std::fclose(file);
    return resident;
  };
  const auto rounds = [&](int n) {
    for (int i = 0; i < n; ++i) {
      const auto socket = bind(loopback4(), [](auto) {});
      const auto timer = body.makeTimer([] {});
      timer->set(body.now() + 1h);
      const Bytes payload(100);
      socket->send(DatagramView{{}, socket->localAddress(), payload});
      loop.runOnce(false);
    }
  };
  rounds(1000);
  const size_t descriptors = count();
  [[maybe_unused]] const long pages = residentPages();
  rounds(10000);
  EXPECT_EQ(count(), descriptors);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)  // they keep freed memory
  EXPECT_LT(residentPages(), pages + 256);  // 1 MiB for what the allocator likes to keep
#endif
}

}  // namespace
}  // namespace peerage
