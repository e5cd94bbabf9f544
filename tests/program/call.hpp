// A call with a CallSession over a real server and real sockets, whose other end sends what the test wants.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "call_session.hpp"
#include "peerage/codecs.hpp"
#include "peerage/peerage.hpp"
#include "peerage/signaling.hpp"

namespace peerage::app {

using namespace std::chrono_literals;

/// "robot" takes calls as the program does; "caller" has a connection and channels of its own, and a video track when the
/// test adds one. An exception that reaches the loop fails the test, as it would end the program.
class Call {
 public:
  Call()
      : loop({.codecs = builtinCodecs(), .includeLoopback = true}),
        server_(loop, {.port = 0, .interface = "127.0.0.1"}),
        robotsClient_(loop, client("robot")),
        callersClient_(loop, client("caller")),
        source_(std::make_shared<MediaSource>(loop, "test")),
        caller(loop) {
    robotsClient_.ondescription = [this](signaling::DescriptionEvent& e) {
      if (!robot) {
        robot = std::make_unique<CallSession>(
            loop, robotsClient_,
            CallSession::Options{.peer = e.from, .returnVideo = false, .source = source_, .recorder = recorder, .print = false});
      }
      robot->receive(e.description);
    };
    robotsClient_.oncandidate = [this](signaling::CandidateEvent& e) {
      if (robot) robot->receive(e.candidate);
    };
    callersClient_.ondescription = [this](signaling::DescriptionEvent& e) {
      if (e.description.type == RTCSdpType::answer) caller.setRemoteDescription(e.description).markHandled();
    };
    callersClient_.oncandidate = [this](signaling::CandidateEvent& e) { caller.addIceCandidate(e.candidate).markHandled(); };
    caller.onnegotiationneeded = [this]() -> Promise<> {
      co_await caller.setLocalDescription();
      callersClient_.sendDescription("robot", caller.localDescription()->toJSON());
    };
    caller.onicecandidate = [this](RTCPeerConnectionIceEvent& e) {
      if (e.candidate) callersClient_.sendCandidate("robot", e.candidate->toJSON());
    };
  }

  void await(const std::string& what, std::function<bool()> done) {
    if (!loop.runUntil([&] { return done(); }, 60s)) throw std::runtime_error("waited for this: " + what);
  }
  /// Both are known to the server; what the caller adds now begins the call.
  void join() {
    await("both have joined", [&] { return robotsClient_.ready() && !callersClient_.peers().empty(); });
  }
  /// A channel of the caller's that keeps the texts it gets.
  std::shared_ptr<RTCDataChannel> open(const std::string& label, std::vector<std::string>& texts) {
    auto channel = caller.createDataChannel(label);
    channel->onmessage = [&texts](MessageEvent& m) {
      if (m.isText()) texts.push_back(m.text());
    };
    await("channel " + label, [&] { return channel->readyState() == RTCDataChannelState::open; });
    return channel;
  }

  EventLoop loop;

 private:
  signaling::ClientOptions client(const std::string& name) const {
    return {.url = "ws://127.0.0.1:" + std::to_string(server_.port()), .name = name, .protocol = signaling::Protocol::peerage_1};
  }
  signaling::Server server_;
  signaling::Client robotsClient_;
  signaling::Client callersClient_;
  std::shared_ptr<MediaSource> source_;

 public:
  std::shared_ptr<Recorder> recorder;  ///< of the robot; null: none
  std::unique_ptr<CallSession> robot;
  RTCPeerConnection caller;
};

}  // namespace peerage::app
