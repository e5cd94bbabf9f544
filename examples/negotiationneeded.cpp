// MDN's example of the negotiationneeded event, line for line: the handler makes an offer, sets it, and sends it to the
// other peer through the signalling server. Here the "server" is a pair of functions, and the other peer answers.
#include <peerage/codecs.hpp>
#include <peerage/peerage.hpp>

#include <cstdio>

using namespace peerage;

int main() {
  EventLoop loop({.codecs = builtinCodecs(), .includeLoopback = true});
  RTCPeerConnection pc(loop), other(loop);
  VideoSource camera(loop);

  auto sendSignalingMessage = [&](RTCSessionDescription offer) -> Promise<> {
    co_await other.setRemoteDescription(offer);
    co_await other.setLocalDescription(co_await other.createAnswer());
    co_await pc.setRemoteDescription(*other.localDescription());
  };

  pc.addEventListener("negotiationneeded", [&] {
    pc.createOffer()
        .then([&](const RTCSessionDescriptionInit& offer) { return pc.setLocalDescription(offer); })
        .then([&] { return sendSignalingMessage(*pc.localDescription()); })
        .catch_([](std::exception_ptr error) { std::rethrow_exception(error); })
        .markHandled();
  });

  int negotiations = 0;
  pc.onsignalingstatechange = [&] {
    std::printf("signalingState: %s\n", std::string(toString(pc.signalingState())).c_str());
    if (pc.signalingState() != RTCSignalingState::stable) return;
    if (++negotiations == 1) {
      pc.addTrack(camera.track(), camera.stream());  // a change: one more negotiationneeded
    } else {
      loop.stop();
    }
  };
  other.ontrack = [](RTCTrackEvent& e) { std::printf("track: %s\n", std::string(toString(e.track->kind())).c_str()); };

  pc.createDataChannel("first");  // a change: negotiationneeded fires, once, from the loop
  loop.run();
  return negotiations == 2 ? 0 : 1;
}
