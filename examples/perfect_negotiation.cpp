// The specification's perfect negotiation example (webrtc-pc §10.7), the same code on both sides: one is polite. Both add a
// video in the same moment, and the collision resolves itself.
#include <peerage/codecs.hpp>
#include <peerage/peerage.hpp>

#include <cstdio>
#include <functional>

using namespace peerage;

struct Message {  // what the signalling server carries: one of the two
  std::optional<RTCSessionDescription> description = std::nullopt;
  std::shared_ptr<RTCIceCandidate> candidate = nullptr;
};

class Peer {
 public:
  Peer(EventLoop& loop, const char* name, bool polite_) : name(name), polite(polite_), pc(loop), camera(loop) {
    pc.ontrack = [this](RTCTrackEvent&) { ++tracks; };
    pc.onnegotiationneeded = [this]() -> Promise<> {
      makingOffer = true;
      co_await pc.setLocalDescription();
      send({.description = pc.localDescription()});
      makingOffer = false;
    };
    pc.onicecandidate = [this](RTCPeerConnectionIceEvent& e) { send({.candidate = e.candidate}); };
  }

  Promise<> receive(Message message) {
    if (message.description) {
      const bool readyForOffer = !makingOffer && (pc.signalingState() == RTCSignalingState::stable || isSettingRemoteAnswerPending);
      const bool offerCollision = message.description->type() == RTCSdpType::offer && !readyForOffer;
      ignoreOffer = !polite && offerCollision;
      if (ignoreOffer) co_return;
      isSettingRemoteAnswerPending = message.description->type() == RTCSdpType::answer;
      co_await pc.setRemoteDescription(*message.description);  // a polite peer rolls its own offer back here
      isSettingRemoteAnswerPending = false;
      if (message.description->type() == RTCSdpType::offer) {
        co_await pc.setLocalDescription();
        send({.description = pc.localDescription()});
      }
    } else if (message.candidate) {  // null is not told: the peer could not know of which offer it is the end
      try {
        const RTCIceCandidateInit candidate = *message.candidate;
        co_await pc.addIceCandidate(candidate);
      } catch (const DOMException&) {
        if (!ignoreOffer) throw;  // a candidate of an offer that we ignored is no error
      }
    }
  }

  const char* name;
  bool polite, makingOffer = false, ignoreOffer = false, isSettingRemoteAnswerPending = false;
  int tracks = 0;
  RTCPeerConnection pc;
  VideoSource camera;
  std::function<void(Message)> send;
};

int main() {
  EventLoop loop({.codecs = builtinCodecs(), .includeLoopback = true});
  Peer alice(loop, "alice", true), bob(loop, "bob", false);
  alice.send = [&](Message m) { loop.queueTask([&, m] { bob.receive(m).markHandled(); }); };
  bob.send = [&](Message m) { loop.queueTask([&, m] { alice.receive(m).markHandled(); }); };
  alice.pc.addTrack(alice.camera.track(), alice.camera.stream());
  bob.pc.addTrack(bob.camera.track(), bob.camera.stream());
  const bool converged = loop.runUntil(
      [&] {
        return alice.tracks == 1 && bob.tracks == 1 && alice.pc.signalingState() == RTCSignalingState::stable &&
               bob.pc.signalingState() == RTCSignalingState::stable;
      },
      std::chrono::seconds(10));
  std::printf("%s\n", converged ? "both are stable, each has the other's video" : "did not converge");
  return converged ? 0 : 1;
}
