// Closing and destroying every object inside every callback, and connections that come and go by the thousand.
#include <malloc.h>

#include <filesystem>
#include <fstream>

#include "pair.hpp"

namespace peerage::calls {
namespace {

/// Everything that can be done to the objects of a call while a callback of it runs.
enum class Deed { close_a, destroy_a, close_b, destroy_b, drop_channel, close_channel, stop_transceiver, drop_source, count };

const char* name(Deed deed) {
  constexpr const char* kNames[] = {"close a", "destroy a", "close b", "destroy b", "drop the channel", "close the channel",
                                    "stop a transceiver", "drop the source"};
  return kNames[static_cast<int>(deed)];
}

/// A call whose `at`-th callback does `deed`. Returns how many callbacks there were.
int callWith(Deed deed, int at) {
  sim::Network network(5);
  network.setDefaultLink({.latency = 2ms});
  const auto host = [&](const char* hostName, const char* address) -> EventLoop& {
    return network.addHost({.name = hostName, .addresses = {address}, .loop = {.codecs = builtinCodecs()}}).loop();
  };
  EventLoop& loopA = host("a", "10.0.0.1");
  EventLoop& loopB = host("b", "10.0.0.2");
  auto source = std::make_unique<VideoSource>(loopA);
  auto a = std::make_unique<RTCPeerConnection>(loopA);
  auto b = std::make_unique<RTCPeerConnection>(loopB);
  std::shared_ptr<RTCDataChannel> channel, remote;
  SinkHandle sink;
  int callbacks = 0;
  const auto tick = [&] {
    if (callbacks++ != at) return;
    switch (deed) {
      case Deed::close_a: if (a) a->close(); break;
      case Deed::destroy_a: a.reset(); break;
      case Deed::close_b: if (b) b->close(); break;
      case Deed::destroy_b: b.reset(); break;
      case Deed::drop_channel: channel.reset(), remote.reset(); break;
      case Deed::close_channel:
        if (channel) channel->close();
        if (remote) remote->close();
        break;
      case Deed::stop_transceiver:
        if (a && a->signalingState() != RTCSignalingState::closed && !a->getTransceivers().empty()) a->getTransceivers()[0]->stop();
        break;
      case Deed::drop_source: source.reset(); break;
      case Deed::count: break;
    }
  };
  const auto tickAll = [&](RTCPeerConnection& pc) {
    pc.onsignalingstatechange = tick;
    pc.oniceconnectionstatechange = tick;
    pc.onicegatheringstatechange = tick;
    pc.onconnectionstatechange = tick;
  };
  const auto watch = [&](const std::shared_ptr<RTCDataChannel>& c) {
    c->onopen = [&, weak = std::weak_ptr(c)] {
      tick();
      if (auto strong = weak.lock(); strong && strong->readyState() == RTCDataChannelState::open) strong->send("hello");
    };
    c->onmessage = tick;
    c->onclosing = tick;
    c->onclose = tick;
    c->onerror = tick;
  };
  tickAll(*a);
  tickAll(*b);
  // "Signalling": the other connection may be gone or closed at any moment.
  const auto usable = [](const std::unique_ptr<RTCPeerConnection>& pc) {
    return pc && pc->signalingState() != RTCSignalingState::closed;
  };
  const auto pass = [&](std::unique_ptr<RTCPeerConnection>& to, RTCPeerConnectionIceEvent& e) {
    RTCIceCandidateInit init = e.candidate ? e.candidate->toJSON() : RTCIceCandidateInit{};
    tick();
    if (usable(to)) to->addIceCandidate(std::move(init)).catch_([](std::exception_ptr) {}).markHandled();
  };
  a->onicecandidate = [&](RTCPeerConnectionIceEvent& e) { pass(b, e); };
  b->onicecandidate = [&](RTCPeerConnectionIceEvent& e) { pass(a, e); };
  a->onnegotiationneeded = [&]() -> Promise<> {
    tick();
    if (!usable(a)) co_return;
    co_await a->setLocalDescription();
    tick();
    if (!usable(a) || !usable(b)) co_return;
    co_await b->setRemoteDescription(*a->localDescription());
    tick();
    if (!usable(b)) co_return;
    co_await b->setLocalDescription();
    tick();
    if (!usable(a) || !usable(b)) co_return;
    co_await a->setRemoteDescription(*b->localDescription());
    tick();
  };
  loopA.onunhandledrejection = loopB.onunhandledrejection = [](std::exception_ptr) {};
  b->ontrack = [&](RTCTrackEvent& e) {
    e.track->onunmute = tick;
    e.track->onmute = tick;
    e.track->onended = tick;
    sink = e.track->addVideoSink([&](const VideoFrame&) { tick(); });
    tick();
  };
  b->ondatachannel = [&](RTCDataChannelEvent& e) {
    remote = e.channel;
    watch(remote);
    tick();
  };
  a->addTrack(source->track(), source->stream());
  channel = a->createDataChannel("x");
  watch(channel);
  for (int i = 0; i < 15; ++i) {
    network.runFor(40ms);
    if (source) source->push({.buffer = I420Buffer::create(64, 64), .timestamp = loopA.now()});
  }
  if (channel) channel->close();
  network.runFor(200ms);
  return callbacks;
}

TEST(Lifetime, EveryDeedInsideEveryCallback) {
  for (int deed = 0; deed < static_cast<int>(Deed::count); ++deed) {
    const int callbacks = callWith(static_cast<Deed>(deed), -1);
    EXPECT_GT(callbacks, 20) << "the undisturbed call";
    for (int at = 0; at < callbacks; ++at) {
      SCOPED_TRACE(std::string(name(static_cast<Deed>(deed))) + " in callback " + std::to_string(at));
      callWith(static_cast<Deed>(deed), at);
    }
  }
}

size_t openDescriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

size_t threads() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) ++count;
  return count;
}

/// Two connections on real sockets, connected by a data channel and closed again.
void connectAndClose(EventLoop& loop) {
  RTCPeerConnection a(loop), b(loop);
  a.onicecandidate = [&](RTCPeerConnectionIceEvent& e) {
    if (e.candidate) b.addIceCandidate(e.candidate->toJSON()).markHandled();
  };
  b.onicecandidate = [&](RTCPeerConnectionIceEvent& e) {
    if (e.candidate) a.addIceCandidate(e.candidate->toJSON()).markHandled();
  };
  a.onnegotiationneeded = [&]() -> Promise<> {
    co_await a.setLocalDescription();
    co_await b.setRemoteDescription(*a.localDescription());
    co_await b.setLocalDescription();
    co_await a.setRemoteDescription(*b.localDescription());
  };
  bool open = false;
  auto channel = a.createDataChannel("x");
  channel->onopen = [&] { open = true; };
  loop.runUntil([&] { return open; }, 20s);
  ASSERT_TRUE(open);
}

TEST(Lifetime, TenThousandConnectsLeaveNothingBehind) {
#ifdef PEERAGE_SANITIZED
  constexpr int kConnects = 200;  // the quarantine keeps what was freed: LeakSanitizer is the judge there
#else
  constexpr int kConnects = 10000;
#endif
  EventLoop loop({.includeLoopback = true});
  for (int i = 0; i < 100; ++i) connectAndClose(loop);  // caches and pools fill
  const size_t descriptors = openDescriptors();
  const size_t threadsBefore = threads();
  malloc_trim(0);
  const size_t before = mallinfo2().uordblks;
  for (int i = 0; i < kConnects && !HasFatalFailure(); ++i) connectAndClose(loop);
  loop.runUntil([] { return false; }, 100ms);  // handles finish closing
  malloc_trim(0);
  EXPECT_LE(openDescriptors(), descriptors);
  EXPECT_LE(threads(), threadsBefore);
  EXPECT_LT(mallinfo2().uordblks, before + (size_t{1} << 20)) << "bytes in use grew by more than 1 MiB";
}

}  // namespace
}  // namespace peerage::calls
