#include "peerage/sim.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "api/loop_body.hpp"
#include "peerage/dom_exception.hpp"

namespace peerage::sim {
namespace {

using detail::DatagramView;

SocketAddress at(std::string_view text) { return *SocketAddress::parse(text); }

/// A socket that writes down what it gets.
struct Port {
  struct Got {
    std::chrono::nanoseconds time;
    SocketAddress from;
    Bytes data;
  };
  Port(Host& host_, SocketAddress local) : host(host_) {
    auto bound = host.loop().body()->bindUdp(local, [this](std::span<const DatagramView> batch) {
      for (const auto& datagram : batch) {
        got.push_back({host.loop().now(), datagram.remote, Bytes(datagram.data.begin(), datagram.data.end())});
        if (onGot) onGot(datagram);
      }
    });
    if (!bound) throw std::runtime_error(bound.error().message);
    socket = std::move(*bound);
  }
  void send(SocketAddress to, ByteView data) { socket->send(DatagramView{{}, to, data}); }
  void send(SocketAddress to, std::string_view text) { send(to, asBytes(text)); }
  SocketAddress address() const { return socket->localAddress(); }

  Host& host;
  std::unique_ptr<detail::UdpSocket> socket;
  std::vector<Got> got;
  std::function<void(const DatagramView&)> onGot;
};

/// Two hosts and a numbered stream from one to the other.
struct Stream {
  explicit Stream(uint64_t seed, const LinkOptions& options) : net(seed) { net.connect(a, b, options); }
  void send(int count, std::chrono::nanoseconds every, size_t bytes = 100) {
    for (int i = 0; i < count; ++i) {
      Bytes payload(bytes);
      storeU16(payload.data(), static_cast<uint16_t>(i));
      from.send(to.address(), payload);
      net.runFor(every);
    }
    net.runFor(std::chrono::seconds(10));
  }
  std::vector<int> order() const {
    std::vector<int> numbers;
    for (const auto& got : to.got) numbers.push_back(loadU16(got.data.data()));
    return numbers;
  }
  LinkCounters counters() const { return net.linkCounters(a, b); }

  Network net;
  Host& a = net.addHost("a", "10.0.0.1");
  Host& b = net.addHost("b", "10.0.0.2");
  Port from{a, at("10.0.0.1:5000")};
  Port to{b, at("10.0.0.2:6000")};
};

TEST(SimLink, LatencyIsExact) {
  Stream stream(1, {.latency = 25ms});
  const auto start = stream.a.loop().now();
  stream.send(3, 1ms);
  ASSERT_EQ(stream.to.got.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(stream.to.got[size_t(i)].time - start, 25ms + i * 1ms);
    EXPECT_EQ(stream.to.got[size_t(i)].from, at("10.0.0.1:5000"));
  }
}

TEST(SimLink, JitterKeepsTheOrder) {
  Stream stream(2, {.latency = 10ms, .jitter = 30ms});
  stream.send(500, 1ms);
  const auto order = stream.order();
  ASSERT_EQ(order.size(), 500u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  auto shortest = 1s + 0ns;
  auto longest = 0ns;
  for (size_t i = 0; i < order.size(); ++i) {
    const auto took = stream.to.got[i].time - stream.to.got[0].time - std::chrono::milliseconds(order[i]);
    shortest = std::min(shortest, took);
    longest = std::max(longest, took);
  }
  EXPECT_GT(longest - shortest, 15ms);
  EXPECT_LE(longest - shortest, 60ms);
}

TEST(SimLink, LossIsAsLikelyAsAskedFor) {
  Stream stream(3, {.loss = 0.1});
  stream.send(5000, 100us);
  EXPECT_NEAR(static_cast<double>(stream.counters().lost), 500, 100);
  EXPECT_EQ(stream.counters().lost + stream.counters().delivered, 5000u);
  EXPECT_EQ(stream.to.got.size(), stream.counters().delivered);
}

TEST(SimLink, DuplicatesArriveTwice) {
  Stream stream(4, {.duplicate = 0.2});
  stream.send(1000, 1ms);
  EXPECT_NEAR(static_cast<double>(stream.counters().duplicated), 200, 60);
  EXPECT_EQ(stream.to.got.size(), 1000 + stream.counters().duplicated);
}

TEST(SimLink, ReorderedOnesAreOvertaken) {
  Stream stream(5, {.reorder = 0.1, .reorderDelay = 5ms});
  stream.send(1000, 1ms);
  auto order = stream.order();
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order.size(), 1000u);
  EXPECT_TRUE(std::adjacent_find(order.begin(), order.end()) == order.end());
}

TEST(SimLink, CorruptionTurnsOneBit) {
  Stream stream(6, {.corrupt = 0.5});
  Bytes zeros(50);
  for (int i = 0; i < 200; ++i) stream.from.send(stream.to.address(), zeros);
  stream.net.run();
  uint64_t changed = 0;
  for (const auto& got : stream.to.got) {
    int bits = 0;
    for (const uint8_t byte : got.data) bits += std::popcount(byte);
    EXPECT_LE(bits, 1);
    changed += static_cast<uint64_t>(bits);
  }
  EXPECT_EQ(changed, stream.counters().corrupted);
  EXPECT_NEAR(static_cast<double>(changed), 100, 40);
}

TEST(SimLink, ARateSpacesDatagramsAndItsQueueOverflows) {
  // 972 + 28 bytes at 8 Mbit/s: one a millisecond.
  Stream stream(7, {.latency = 10ms, .bitsPerSecond = 8'000'000, .queueBytes = 10'000});
  stream.send(50, 0ms, 972);
  ASSERT_EQ(stream.to.got.size(), 10u);
  EXPECT_EQ(stream.counters().queueFull, 40u);
  for (size_t i = 1; i < 10; ++i) EXPECT_EQ(stream.to.got[i].time - stream.to.got[i - 1].time, 1ms);
  stream.to.got.clear();
  stream.send(50, 1ms, 972);  // at its rate nothing is lost
  EXPECT_EQ(stream.to.got.size(), 50u);
}

TEST(SimLink, MtuAndALinkThatIsDown) {
  Stream stream(8, {.mtu = 1228});
  stream.send(1, 1ms, 1200);
  stream.send(1, 1ms, 1201);
  EXPECT_EQ(stream.to.got.size(), 1u);
  EXPECT_EQ(stream.counters().tooBig, 1u);
  stream.net.connect(stream.a, stream.b, {.up = false});
  stream.send(5, 1ms);
  EXPECT_EQ(stream.to.got.size(), 1u);
  stream.net.connect(stream.a, stream.b, {});
  stream.send(5, 1ms);
  EXPECT_EQ(stream.to.got.size(), 6u);
}

uint64_t runAndDigest(uint64_t seed) {
  Stream stream(seed, {.latency = 5ms, .jitter = 5ms, .loss = 0.1, .duplicate = 0.05, .reorder = 0.05, .corrupt = 0.02});
  stream.to.onGot = [&](const DatagramView& datagram) {  // answers with its own randomness
    Bytes answer(8 + stream.b.loop().body()->random().below(20));
    stream.b.loop().body()->random().fill(answer);
    stream.to.send(datagram.remote, answer);
  };
  stream.send(300, 1ms);
  return stream.net.traceHash();
}

TEST(SimNetwork, TheSameSeedGivesTheSameTrace) {
  EXPECT_EQ(runAndDigest(11), runAndDigest(11));
  EXPECT_NE(runAndDigest(11), runAndDigest(12));
}

TEST(SimNetwork, TheHookSeesEveryDatagram) {
  Stream stream(1, {.loss = 1});
  std::vector<std::string> seen;
  stream.net.onDatagram([&](const SentDatagram& sent) {
    seen.push_back(sent.source + ">" + sent.destination + " " + std::to_string(sent.data.size()));
  });
  stream.send(2, 1ms, 10);
  EXPECT_EQ(seen, (std::vector<std::string>(2, "10.0.0.1:5000>10.0.0.2:6000 10")));
  EXPECT_EQ(stream.net.datagramCount(), 2u);
}

TEST(SimLoop, TimeIsVirtualAndAllHostsShareIt) {
  Network net;
  Host& a = net.addHost("a", "10.0.0.1");
  Host& b = net.addHost("b", "10.0.0.2");
  std::string log;
  a.loop().setTimeout([&] { log += "a2h "; }, 2h);
  b.loop().setTimeout([&] { log += "b1h "; }, 1h);
  const auto cleared = b.loop().setTimeout([&] { log += "never "; }, 90min);
  b.loop().clearTimeout(cleared);
  a.loop().queueTask([&] { log += "task "; });
  a.loop().queueMicrotask([&] { log += "micro "; });
  const auto wall = a.loop().body()->wallClock();
  net.run();
  EXPECT_EQ(log, "micro task b1h a2h ");
  EXPECT_EQ(net.elapsed(), 2h);
  EXPECT_EQ(a.loop().now(), b.loop().now());
  EXPECT_EQ(a.loop().body()->wallClock() - wall, 2h);
}

TEST(SimLoop, CoroutinesAcrossHosts) {
  Network net;
  Host& a = net.addHost("a", "10.0.0.1");
  Host& b = net.addHost("b", "10.0.0.2");
  auto work = [](EventLoop& first, EventLoop& second) -> Promise<std::chrono::nanoseconds> {
    const auto start = first.now();
    co_await first.delay(3s);
    co_await second.delay(4s);
    co_return second.now() - start;
  };
  EXPECT_EQ(net.runUntil(work(a.loop(), b.loop())), 7s);
  EXPECT_EQ(a.loop().runUntil(work(a.loop(), b.loop())), 7s);  // one loop drives the whole network
  EXPECT_THROW(net.runUntil(work(a.loop(), b.loop()), 5s), std::logic_error);
  EXPECT_EQ(net.elapsed(), 19s);
  const Deferred<> never(a.loop());
  EXPECT_THROW(net.runUntil(never.promise()), std::logic_error);
}

TEST(SimLoop, RunUntilStopsAtItsLimit) {
  Network net;
  Host& a = net.addHost("a", "10.0.0.1");
  int ticks = 0;
  a.loop().setInterval([&] { ++ticks; }, 100ms);
  EXPECT_FALSE(net.runUntil([] { return false; }, 1s));
  EXPECT_EQ(ticks, 10);
  EXPECT_TRUE(net.runUntil([&] { return ticks == 15; }, 1s));
  EXPECT_EQ(net.elapsed(), 1500ms);
  EXPECT_FALSE(a.loop().runUntil([] { return false; }, 1s));
  EXPECT_EQ(net.elapsed(), 2500ms);
}

TEST(SimLoop, ExceptionsOfCallbacksLeaveTheNetworksRun) {
  Network net;
  Host& a = net.addHost({.name = "a", .addresses = {"10.0.0.1"}, .loop = {.log = [](auto, auto, auto) {}}});
  a.loop().setTimeout([] { throw TypeError("mine"); }, 1s);
  EXPECT_THROW(net.run(), TypeError);
  std::string caught;
  a.loop().onerror = [&](std::exception_ptr error) { caught = detail::describe(error); };
  a.loop().queueTask([] { throw TypeError("again"); });
  net.run();
  EXPECT_EQ(caught, "TypeError: again");
}

TEST(SimLoop, ALoopThatFeedsItselfIsFound) {
  Network net;
  Host& a = net.addHost("a", "10.0.0.1");
  std::function<void()> again = [&] { a.loop().queueTask(again); };
  a.loop().queueTask(again);
  EXPECT_THROW(net.run(), std::logic_error);
}

TEST(SimLoop, PostFromAThread) {
  Network net;
  Host& a = net.addHost("a", "10.0.0.1");
  int posted = 0;
  std::thread([&] {
    for (int i = 0; i < 100; ++i) a.loop().post([&] { ++posted; });
  }).join();
  net.run();
  EXPECT_EQ(posted, 100);
}

TEST(SimLoop, PoweredOffHostsAreSilentAndTheirObjectsSafe) {
  Stream stream(1, {});
  stream.b.loop().setTimeout([] { FAIL(); }, 1s);
  auto timer = stream.b.loop().body()->makeTimer([] { FAIL(); });
  timer->set(stream.b.loop().body()->now() + 1s);
  stream.from.send(stream.to.address(), "x");
  stream.b.powerOff();
  stream.net.run();
  EXPECT_TRUE(stream.to.got.empty());
  stream.to.send(stream.from.address(), "x");
  timer->set({});
  EXPECT_FALSE(timer->isSet());
  stream.net.run();
  EXPECT_TRUE(stream.from.got.empty());
}

TEST(SimLoop, ASocketMayBeDestroyedInsideItsOwnCallback) {
  Stream stream(1, {});
  int calls = 0;
  stream.to.onGot = [&](const DatagramView&) {
    ++calls;
    stream.to.socket.reset();
  };
  const auto to = stream.to.address();
  for (int i = 0; i < 3; ++i) stream.from.send(to, "x");
  stream.net.run();
  EXPECT_EQ(calls, 1);
}

TEST(SimLoop, NamesResolve) {
  Network net;
  net.addName("stun.example.org", {"192.0.2.1", "2001:db8::1"}, 30ms);
  Host& a = net.addHost("a", "10.0.0.1");
  std::vector<std::string> log;
  const auto note = [&](Result<std::vector<IpAddress>> result) {
    log.push_back(result ? result->back().toString() : result.error().message);
  };
  auto& body = *a.loop().body();
  const auto known = body.resolve("stun.example.org", note);
  const auto unknown = body.resolve("nowhere.example.org", note);
  const auto literal = body.resolve("192.0.2.9", note);
  body.resolve("stun.example.org", note).reset();
  net.run();
  EXPECT_EQ(log, (std::vector<std::string>{"192.0.2.9", "cannot resolve nowhere.example.org: no such name", "2001:db8::1"}));
  EXPECT_EQ(net.elapsed(), 30ms);
}

TEST(SimLoop, AddressesComeAndGo) {
  Stream stream(1, {});
  stream.b.addAddress("10.0.0.3");
  EXPECT_EQ(stream.b.loop().body()->interfaces().size(), 2u);
  Port second(stream.b, at("10.0.0.3:0"));
  stream.from.send(second.address(), "x");
  stream.net.run();
  EXPECT_EQ(second.got.size(), 1u);
  stream.b.removeAddress("10.0.0.3");
  stream.from.send(second.address(), "x");
  second.send(stream.from.address(), "x");
  stream.net.run();
  EXPECT_EQ(second.got.size(), 1u);
  EXPECT_TRUE(stream.from.got.empty());
  EXPECT_THROW(stream.b.addAddress("10.0.0.1"), std::invalid_argument);
  EXPECT_THROW(stream.b.addAddress("here"), std::invalid_argument);
  EXPECT_THROW(Port(stream.b, at("10.0.0.1:1")), std::runtime_error);
  EXPECT_THROW(Port(stream.b, at("10.0.0.2:6000")), std::runtime_error);
}

// ---- translators

/// Two hosts behind two translators, and a STUN server between.
struct Natted {
  explicit Natted(NatOptions options) : options_(options) {}
  NatOptions options_;
  Network net{1};
  Host& stun = net.addStunServer("192.0.2.1:3478");
  const Nat& natA = net.addNat("198.51.100.1", options_);
  const Nat& natB = net.addNat("198.51.100.2", options_);
  Host& a = net.addHost("a", "10.0.0.1", &natA);
  Host& b = net.addHost("b", "10.0.0.1", &natB);  // the same private address, as at home
  Port pa{a, at("10.0.0.1:5000")};
  Port pb{b, at("10.0.0.1:5000")};

  /// What the STUN server at `server` says.
  SocketAddress reflexive(Port& port, std::string_view server = "192.0.2.1:3478") {
    Bytes request;
    ByteWriter writer(request);
    writer.u16(1);
    writer.u16(0);
    writer.u32(0x2112a442);
    writer.zeros(12);
    port.got.clear();
    port.send(at(server), request);
    net.runFor(1s);
    if (port.got.size() != 1) throw std::runtime_error("no answer");
    ByteReader reader(port.got[0].data);
    reader.skip(26);
    const auto xored = *reader.u16();
    Bytes ip;
    const Bytes cookie{0x21, 0x12, 0xa4, 0x42};
    for (int i = 0; i < 4; ++i) ip.push_back(*reader.u8() ^ cookie[size_t(i)]);
    port.got.clear();
    return {*IpAddress::fromBytes(ip), static_cast<uint16_t>(xored ^ 0x2112)};
  }
};

TEST(SimNat, AStunServerTellsTheMappedAddress) {
  Natted natted({});
  EXPECT_EQ(natted.reflexive(natted.pa).ip.toString(), "198.51.100.1");
  EXPECT_EQ(natted.reflexive(natted.pa), natted.reflexive(natted.pa));
  Network open;
  open.addStunServer("192.0.2.1:3478");
}

TEST(SimNat, EndpointIndependentFilteringLetsAnyoneIn) {
  Natted natted({.filtering = NatBehavior::endpoint_independent});
  const auto mapped = natted.reflexive(natted.pa);
  natted.pb.send(mapped, "hello");
  natted.net.run();
  ASSERT_EQ(natted.pa.got.size(), 1u);
  EXPECT_EQ(natted.pa.got[0].from.ip.toString(), "198.51.100.2");
}

TEST(SimNat, FilteredUntilBothHaveSent) {
  for (const auto filtering : {NatBehavior::address_dependent, NatBehavior::address_and_port_dependent}) {
    Natted natted({.filtering = filtering});
    const auto mappedA = natted.reflexive(natted.pa);
    const auto mappedB = natted.reflexive(natted.pb);
    natted.pb.send(mappedA, "dropped, but opens B's own hole");
    natted.net.run();
    EXPECT_TRUE(natted.pa.got.empty());
    natted.pa.send(mappedB, "through");
    natted.net.run();
    EXPECT_EQ(natted.pb.got.size(), 1u);
    natted.pb.send(mappedA, "through");
    natted.net.run();
    EXPECT_EQ(natted.pa.got.size(), 1u);
  }
}

TEST(SimNat, ASymmetricOneMapsEveryDestinationAnew) {
  Natted natted({.mapping = NatBehavior::address_and_port_dependent});
  natted.net.addStunServer("192.0.2.2:3478");
  EXPECT_NE(natted.reflexive(natted.pa), natted.reflexive(natted.pa, "192.0.2.2:3478"));
  Natted cone({});
  cone.net.addStunServer("192.0.2.2:3478");
  EXPECT_EQ(cone.reflexive(cone.pa), cone.reflexive(cone.pa, "192.0.2.2:3478"));
}

TEST(SimNat, MappingsExpire) {
  Natted natted({.filtering = NatBehavior::endpoint_independent, .mappingLifetime = 30s});
  const auto mapped = natted.reflexive(natted.pa);
  natted.net.runFor(31s);
  natted.pb.send(mapped, "too late");
  natted.net.run();
  EXPECT_TRUE(natted.pa.got.empty());
  EXPECT_NE(natted.reflexive(natted.pa), mapped);
}

TEST(SimNat, HostsBehindOneTranslatorMeetInsideOrByHairpin) {
  for (const bool hairpinning : {false, true}) {
    Natted natted({.filtering = NatBehavior::endpoint_independent, .hairpinning = hairpinning});
    Host& c = natted.net.addHost("c", "10.0.0.3", &natted.natA);
    Port pc(c, at("10.0.0.3:5000"));
    pc.send(natted.pa.address(), "directly");
    natted.net.run();
    ASSERT_EQ(natted.pa.got.size(), 1u);
    EXPECT_EQ(natted.pa.got[0].from, at("10.0.0.3:5000"));
    const auto mapped = natted.reflexive(natted.pa);
    pc.send(mapped, "around");
    natted.net.run();
    EXPECT_EQ(natted.pa.got.size(), hairpinning ? 1u : 0u);
  }
}

TEST(SimNat, OneBehindAnother) {
  Network net;
  Host& open = net.addHost("open", "192.0.2.9");
  const Nat& outer = net.addNat("198.51.100.1");
  const Nat& inner = net.addNat("100.64.0.2", {}, &outer);
  Host& deep = net.addHost("deep", "10.0.0.1", &inner);
  Port po(open, at("192.0.2.9:7000"));
  Port pd(deep, at("10.0.0.1:5000"));
  po.onGot = [&](const DatagramView& datagram) { po.send(datagram.remote, "back"); };
  pd.send(po.address(), "out");
  net.run();
  ASSERT_EQ(po.got.size(), 1u);
  EXPECT_EQ(po.got[0].from.ip.toString(), "198.51.100.1");
  EXPECT_EQ(pd.got.size(), 1u);
}

TEST(SimHost, LoopbackStaysInside) {
  Network net;
  Host& a = net.addHost("a", "10.0.0.1");
  Host& b = net.addHost("b", "10.0.0.2");
  Port one(a, at("127.0.0.1:1"));
  Port two(a, at("127.0.0.1:2"));
  Port other(b, at("127.0.0.1:2"));
  one.send(at("127.0.0.1:2"), "x");
  net.run();
  EXPECT_EQ(two.got.size(), 1u);
  EXPECT_TRUE(other.got.empty());
  Port any(b, at("0.0.0.0:9"));
  Port sender(a, at("10.0.0.1:1"));
  sender.send(at("10.0.0.2:9"), "x");
  net.run();
  EXPECT_EQ(any.got.size(), 1u);
}

TEST(SimHost, IPv6) {
  Network net;
  Host& a = net.addHost({.name = "a", .addresses = {"10.0.0.1", "2001:db8::1"}});
  Host& b = net.addHost("b", "2001:db8::2");
  Port pa(a, at("[2001:db8::1]:1"));
  Port pb(b, at("[2001:db8::2]:1"));
  pa.send(pb.address(), "x");
  net.run();
  EXPECT_EQ(pb.got.size(), 1u);
}

}  // namespace
}  // namespace peerage::sim
