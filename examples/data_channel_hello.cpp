// Two peers in one program open a data channel and say hello. "Signalling" is a function call.
#include <peerage/peerage.hpp>

#include <cstdio>

using namespace peerage;

int main() {
  EventLoop loop({.includeLoopback = true});
  RTCPeerConnection alice(loop), bob(loop);

  alice.onicecandidate = [&](RTCPeerConnectionIceEvent& e) -> Promise<> {
    if (e.candidate) co_await bob.addIceCandidate(*e.candidate);
  };
  bob.onicecandidate = [&](RTCPeerConnectionIceEvent& e) -> Promise<> {
    if (e.candidate) co_await alice.addIceCandidate(*e.candidate);
  };
  alice.onnegotiationneeded = [&]() -> Promise<> {
    co_await alice.setLocalDescription();
    co_await bob.setRemoteDescription(*alice.localDescription());
    co_await bob.setLocalDescription();
    co_await alice.setRemoteDescription(*bob.localDescription());
  };

  std::shared_ptr<RTCDataChannel> answers;  // bob's end
  bob.ondatachannel = [&](RTCDataChannelEvent& e) {
    answers = e.channel;
    answers->onmessage = [&](MessageEvent& message) {
      std::printf("bob got: %s\n", message.text().c_str());
      answers->send("hello, alice");
    };
  };

  auto channel = alice.createDataChannel("greetings");  // this makes a negotiation due
  channel->onopen = [&] { channel->send("hello, bob"); };
  channel->onmessage = [&](MessageEvent& message) {
    std::printf("alice got: %s\n", message.text().c_str());
    alice.close();
    bob.close();
    loop.stop();
  };
  loop.run();
}
