// Two peers on two simulated hosts, with a signalling path between them that can be delayed.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "peerage/codecs.hpp"
#include "peerage/peerage.hpp"
#include "peerage/sim.hpp"

namespace peerage::calls {

using namespace std::chrono_literals;

struct Message {
  std::optional<RTCSessionDescriptionInit> description = std::nullopt;
  std::optional<RTCIceCandidateInit> candidate = std::nullopt;
};

/// The specification's perfect negotiation (webrtc-pc §10.7), line by line, as an application writes it.
class PerfectPeer {
 public:
  PerfectPeer(EventLoop& loop_, bool polite, RTCConfiguration configuration = {})
      : loop(loop_), pc(loop_, std::move(configuration)), polite_(polite) {
    pc.onnegotiationneeded = [this]() -> Promise<> {
      try {
        makingOffer_ = true;
        co_await pc.setLocalDescription();
        send({.description = pc.localDescription()->toJSON()});
      } catch (const Exception& e) {
        failures.emplace_back(e.what());
      }
      makingOffer_ = false;
    };
    // The null candidate says nothing to the other peer, which would have to know of which offer it is the end.
    pc.onicecandidate = [this](RTCPeerConnectionIceEvent& e) {
      if (e.candidate) send({.candidate = e.candidate->toJSON()});
    };
  }

  void receive(Message message) { handle(std::move(message)).markHandled(); }

  EventLoop& loop;
  RTCPeerConnection pc;
  std::function<void(Message)> send = [](Message) {};
  std::vector<std::string> failures;  ///< exceptions that perfect negotiation does not expect

  // What an application would not count.
  bool dropsIgnoredCandidates = false;  ///< instead of trying them: also right
  int ignoredOffers = 0;
  std::vector<std::string> suppressed;  ///< the names of exceptions for candidates of ignored offers
  bool settingAnswer() const { return settingAnswer_; }

 private:
  Promise<> handle(Message message) {
    try {
      if (message.description) {
        const bool offer = message.description->type == RTCSdpType::offer;
        const bool ready = !makingOffer_ && (pc.signalingState() == RTCSignalingState::stable || settingAnswer_);
        ignoreOffer_ = !polite_ && offer && !ready;
        if (ignoreOffer_) {
          ++ignoredOffers;
          co_return;
        }
        settingAnswer_ = message.description->type == RTCSdpType::answer;
        co_await pc.setRemoteDescription(*message.description);
        settingAnswer_ = false;
        if (offer) {
          co_await pc.setLocalDescription();
          send({.description = pc.localDescription()->toJSON()});
        }
      } else if (message.candidate) {
        if (ignoreOffer_ && dropsIgnoredCandidates) co_return;
        try {
          co_await pc.addIceCandidate(*message.candidate);
        } catch (const Exception& e) {
          if (!ignoreOffer_) throw;
          suppressed.push_back(e.name());
        }
      }
    } catch (const Exception& e) {
      failures.emplace_back(e.what());
    }
  }

  bool polite_;
  bool makingOffer_ = false;
  bool ignoreOffer_ = false;
  bool settingAnswer_ = false;
};

/// A network with two hosts and a peer on each.
class Pair {
 public:
  explicit Pair(uint64_t seed, const sim::LinkOptions& link = {}, bool codecs = true)
      : network(seed), alice(makeHost("alice", "10.0.0.1", codecs), false), bob(makeHost("bob", "10.0.0.2", codecs), true) {
    network.setDefaultLink(link);
    alice.send = [this](Message m) { carry(bob, std::move(m)); };
    bob.send = [this](Message m) { carry(alice, std::move(m)); };
  }

  sim::Network network;
  std::chrono::nanoseconds signalingDelay = 20ms;
  PerfectPeer alice;
  PerfectPeer bob;

  bool connected() const {
    return alice.pc.connectionState() == RTCPeerConnectionState::connected &&
           bob.pc.connectionState() == RTCPeerConnectionState::connected;
  }

 private:
  EventLoop& makeHost(std::string name, std::string address, bool codecs) {
    sim::HostOptions options{.name = std::move(name), .addresses = {std::move(address)}};
    if (codecs) options.loop.codecs = builtinCodecs();
    return network.addHost(std::move(options)).loop();
  }
  /// The signalling server: in order, after a delay. The timer is on the receiver's loop.
  void carry(PerfectPeer& to, Message message) {
    std::chrono::nanoseconds& due = &to == &alice ? dueAlice_ : dueBob_;
    due = std::max(due, network.elapsed() + signalingDelay);  // a WebSocket keeps the order
    to.loop.setTimeout([&to, message = std::move(message)]() mutable { to.receive(std::move(message)); },
                       due - network.elapsed());
  }
  std::chrono::nanoseconds dueAlice_{0};
  std::chrono::nanoseconds dueBob_{0};
};

}  // namespace peerage::calls
