// Two connections on one simulated loop, and the small words that the rule tests are written in.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "peerage/codecs.hpp"
#include "peerage/peerage.hpp"
#include "peerage/sim.hpp"

namespace peerage::negotiation {

using namespace std::chrono_literals;

/// ASSERT_TRUE of a coroutine.
#define CO_ASSERT(condition)                 \
  if (!(condition)) {                        \
    ADD_FAILURE() << "not so: " #condition;  \
    co_return;                               \
  }                                          \
  static_assert(true)

/// The lines of a description that begin with `prefix`.
inline std::vector<std::string> linesOf(const std::string& sdp, std::string_view prefix) {
  std::vector<std::string> found;
  size_t at = 0;
  while (at < sdp.size()) {
    const size_t end = std::min(sdp.find("\r\n", at), sdp.size());
    const std::string_view line(sdp.data() + at, end - at);
    if (line.starts_with(prefix)) found.emplace_back(line);
    at = end + 2;
  }
  return found;
}
inline size_t countLines(const std::string& sdp, std::string_view prefix) { return linesOf(sdp, prefix).size(); }
inline bool hasLine(const std::string& sdp, std::string_view line) {
  for (const auto& found : linesOf(sdp, line)) {
    if (found == line) return true;
  }
  return false;
}
/// `sdp` with every `from` replaced.
inline std::string replaced(std::string sdp, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = sdp.find(from, at)) != std::string::npos; at += to.size()) sdp.replace(at, from.size(), to);
  return sdp;
}

class Negotiation : public ::testing::Test {
 protected:
  Negotiation() {
    loop.onunhandledrejection = [](std::exception_ptr reason) {
      ADD_FAILURE() << "unhandled rejection: " << detail::describe(reason);
    };
    count(a, "a");
    count(b, "b");
  }

  /// Runs a coroutine on the loop to its end; what it throws fails the test.
  void run(std::function<Promise<>()> body) {
    try {
      network.runUntil(start(body), 120s);
    } catch (const std::exception& e) {
      FAIL() << e.what();
    }
  }
  /// Lets everything that is queued happen: half a second of virtual time.
  Promise<> settle() { return loop.delay(500ms); }

  /// One whole round, offer by `from`.
  static Promise<> negotiate(RTCPeerConnection& from, RTCPeerConnection& to) {
    co_await from.setLocalDescription();
    co_await to.setRemoteDescription(*from.localDescription());
    co_await to.setLocalDescription();
    co_await from.setRemoteDescription(*to.localDescription());
  }
  void trickle() {
    passCandidates(a, b);
    passCandidates(b, a);
  }
  /// Gives each candidate of one connection to the other at once. What comes too early or too late is dropped.
  static void passCandidates(RTCPeerConnection& from, RTCPeerConnection& to) {
    from.onicecandidate = [&to](RTCPeerConnectionIceEvent& e) {
      to.addIceCandidate(e.candidate ? e.candidate->toJSON() : RTCIceCandidateInit{}).catch_([](std::exception_ptr) {
      }).markHandled();
    };
  }
  /// The name of the exception that the promise rejects with, "" when it is fulfilled.
  template <typename T>
  static Promise<std::string> rejection(Promise<T> promise) {
    try {
      co_await promise;
    } catch (const Exception& e) {
      co_return e.name();
    }
    co_return std::string();
  }
  /// The name of the exception that the call throws, "" when it returns.
  template <typename F>
  static std::string thrown(F&& call) {
    try {
      call();
    } catch (const Exception& e) {
      return e.name();
    }
    return "";
  }
  /// How often negotiationneeded has fired at the connection.
  int needed(const RTCPeerConnection& pc) const { return &pc == &a ? neededA : neededB; }

  sim::Network network{1};
  EventLoop& loop = network.addHost({.name = "host", .addresses = {"10.0.0.1"}, .loop = {.codecs = builtinCodecs()}}).loop();
  RTCPeerConnection a{loop};
  RTCPeerConnection b{loop};
  VideoSource camera{loop};
  VideoSource screen{loop};
  AudioSource microphone{loop};
  int neededA = 0;
  int neededB = 0;
  std::vector<std::string> log;

 private:
  static Promise<> start(const std::function<Promise<>()>& body) {
    co_await Promise<>::resolve();  // inside a task of the loop from here on
    co_await body();
  }
  void count(RTCPeerConnection& pc, std::string name) {
    pc.addEventListener("negotiationneeded", [this, &pc] { ++(&pc == &a ? neededA : neededB); });
    pc.addEventListener("signalingstatechange", [this, &pc, name] {
      log.push_back(name + " signalingstatechange " + std::string(toString(pc.signalingState())));
    });
    pc.addEventListener("track", [this, name](RTCTrackEvent& e) {
      log.push_back(name + " track " + std::string(toString(e.track->kind())));
    });
  }
};

}  // namespace peerage::negotiation
