// Sends a picture to a peer for two seconds and counts what the other end decodes. A camera would call push() the same way.
#include <peerage/codecs.hpp>
#include <peerage/peerage.hpp>

#include <cstdio>
#include <cstring>

using namespace peerage;

// A grey picture with a white bar that moves to the right.
VideoFrame draw(int number, std::chrono::nanoseconds time) {
  auto picture = I420Buffer::create(640, 360);
  std::memset(picture->y(), 90, size_t(picture->strideY()) * size_t(picture->height()));
  for (int row = 0; row < picture->height(); ++row) {
    std::memset(picture->y() + row * picture->strideY() + number * 8 % 600, 235, 40);
  }
  return {.buffer = picture, .timestamp = time};
}

int main() {
  EventLoop loop({.codecs = builtinCodecs(), .includeLoopback = true});
  RTCPeerConnection sender(loop), receiver(loop);
  VideoSource camera(loop, "camera");

  sender.onicecandidate = [&](RTCPeerConnectionIceEvent& e) -> Promise<> {
    if (e.candidate) co_await receiver.addIceCandidate(*e.candidate);
  };
  receiver.onicecandidate = [&](RTCPeerConnectionIceEvent& e) -> Promise<> {
    if (e.candidate) co_await sender.addIceCandidate(*e.candidate);
  };
  sender.onnegotiationneeded = [&]() -> Promise<> {
    co_await sender.setLocalDescription();
    co_await receiver.setRemoteDescription(*sender.localDescription());
    co_await receiver.setLocalDescription();
    co_await sender.setRemoteDescription(*receiver.localDescription());
  };

  int shown = 0;
  SinkHandle screen;
  receiver.ontrack = [&](RTCTrackEvent& e) {
    screen = e.track->addVideoSink([&](const VideoFrame& frame) {
      if (shown++ == 0) std::printf("first picture: %d x %d\n", frame.buffer->width(), frame.buffer->height());
    });
  };

  sender.addTrack(camera.track(), camera.stream());
  int number = 0;
  auto timer = loop.setInterval([&] { camera.push(draw(number++, loop.now())); }, std::chrono::milliseconds(33));
  loop.runUntil([&] { return shown >= 60; }, std::chrono::seconds(20));
  loop.clearInterval(timer);

  auto report = loop.runUntil(sender.getStats());
  for (const RTCStats* stream : report.ofType("outbound-rtp")) {
    std::printf("sent: %.0f frames in %.0f packets\n", *stream->number("framesEncoded"), *stream->number("packetsSent"));
  }
  std::printf("decoded: %d frames\n", shown);
  return shown >= 60 ? 0 : 1;
}
