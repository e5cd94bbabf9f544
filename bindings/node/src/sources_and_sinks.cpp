// What is beside the standard: sources that a program feeds and sinks that it reads, with the shapes of @roamhq/wrtc, and the
// conversion of pictures.
#include <libyuv.h>

#include <cmath>
#include <string>

#include "class_table.hpp"
#include "tables.hpp"

namespace peerage::node {

namespace {

/// A track's sink as an object that JavaScript holds. Frames go to JavaScript as tasks of their own: a call that pushes a
/// frame into a source must not call anybody back.
struct Sink {
  std::shared_ptr<Environment> environment;
  SinkHandle registration;
  Napi::FunctionReference callback;
  bool waiting = false;  // a task is queued; the newest picture replaces one that waits
  VideoFrame picture;
};

/// A plane of a frame that JavaScript hands over; throws TypeError unless it has `size` bytes.
std::span<const uint8_t> pixels(Environment& e, Napi::Value data, size_t size) {
  const auto bytes = Js<std::span<const uint8_t>>::from(e, data);
  if (bytes.size() != size) {
    throw TypeError("the frame's data has " + std::to_string(bytes.size()) + " bytes, must have " + std::to_string(size));
  }
  return bytes;
}

struct Size {
  int width;
  int height;
  int chromaWidth() const { return (width + 1) / 2; }
  int chromaHeight() const { return (height + 1) / 2; }
  size_t luma() const { return size_t(width) * size_t(height); }
  size_t chroma() const { return size_t(chromaWidth()) * size_t(chromaHeight()); }
  size_t i420() const { return luma() + 2 * chroma(); }
};

Size sizeOf(Napi::Object frame) {
  const auto pixelsOf = [&](const char* name) {
    const double value = frame.Get(name).ToNumber().DoubleValue();
    if (!(value >= 1 && value <= 16384) || value != std::floor(value)) {
      throw TypeError(std::string("the frame's ") + name + " must be an integer in 1..16384");
    }
    return static_cast<int>(value);
  };
  return {pixelsOf("width"), pixelsOf("height")};
}

/// I420Buffer's planes lie one after the other without padding, as in the frames of JavaScript.
const uint8_t* planes(const I420Buffer& buffer) { return buffer.y(); }

void pushVideo(Environment& e, VideoSource& source, Napi::Value frame) {
  const auto object = frame.As<Napi::Object>();
  const Size size = sizeOf(object);
  const auto data = pixels(e, object.Get("data"), size.i420());
  VideoFrame picture;
  picture.buffer = I420Buffer::create(size.width, size.height);
  std::copy(data.begin(), data.end(), picture.buffer->y());
  picture.timestamp = e.loop().now();
  if (const Napi::Value rotation = object.Get("rotation"); rotation.IsNumber()) {
    const int degrees = rotation.ToNumber().Int32Value();
    if (degrees != 0 && degrees != 90 && degrees != 180 && degrees != 270) {
      throw TypeError("the frame's rotation must be 0, 90, 180 or 270");
    }
    picture.rotation = degrees;
  }
  source.push(picture);
}

void pushAudio(Environment& e, AudioSource& source, Napi::Value samples, int channels) {
  const auto bytes = Js<std::span<const uint8_t>>::from(e, samples);
  AudioFrame piece;
  piece.samples.resize(bytes.size() / sizeof(int16_t));
  if (!piece.samples.empty()) std::memcpy(piece.samples.data(), bytes.data(), piece.samples.size() * sizeof(int16_t));
  piece.channels = channels;
  piece.timestamp = e.loop().now();
  source.push(piece);
}

Napi::Value toJs(Environment& e, const VideoFrame& frame) {
  const Size size{frame.buffer->width(), frame.buffer->height()};
  auto data = Napi::Uint8Array::New(e.env(), size.i420());
  std::copy_n(planes(*frame.buffer), size.i420(), data.Data());
  auto object = Napi::Object::New(e.env());
  object.Set("width", double(size.width));
  object.Set("height", double(size.height));
  object.Set("data", data);
  object.Set("rotation", double(frame.rotation));
  return object;
}

Napi::Value toJs(Environment& e, const AudioFrame& frame) {
  auto samples = Napi::Int16Array::New(e.env(), frame.samples.size());
  std::copy(frame.samples.begin(), frame.samples.end(), samples.Data());
  auto object = Napi::Object::New(e.env());
  object.Set("samples", samples);
  object.Set("sampleRate", double(frame.sampleRate));
  object.Set("bitsPerSample", 16.0);
  object.Set("channelCount", double(frame.channels));
  object.Set("numberOfFrames", double(frame.samplesPerChannel()));
  return object;
}

std::shared_ptr<Sink> makeSink(Environment& e, MediaStreamTrack& track, Napi::Value callback) {
  auto sink = std::make_shared<Sink>();
  sink->environment = e.shared_from_this();
  sink->callback = Napi::Persistent(callback.As<Napi::Function>());
  const std::weak_ptr<Sink> weak = sink;
  EventLoop& loop = e.loop();
  const auto call = [](const std::shared_ptr<Sink>& to, const auto& frame) {
    to->environment->enter([&] {
      if (!to->callback.IsEmpty()) to->callback.Call({toJs(*to->environment, frame)});
    });
  };
  if (track.kind() == MediaKind::audio) {
    sink->registration = track.addAudioSink([weak, &loop, call](const AudioFrame& frame) {
      loop.queueTask([weak, call, frame] {
        if (const auto to = weak.lock(); to && to->registration) call(to, frame);
      });
    });
  } else {
    sink->registration = track.addVideoSink([weak, &loop, call](const VideoFrame& frame) {
      const auto to = weak.lock();
      if (!to) return;
      to->picture = frame;
      if (std::exchange(to->waiting, true)) return;
      loop.queueTask([weak, call] {
        const auto late = weak.lock();
        if (!late) return;
        late->waiting = false;
        if (late->registration) call(late, std::exchange(late->picture, {}));
      });
    });
  }
  return sink;
}

struct Frames {
  Size size;
  std::span<const uint8_t> i420;
  std::span<const uint8_t> rgba;
};
Frames frames(Environment& e, Napi::Value i420, Napi::Value rgba) {
  const Size size = sizeOf(i420.As<Napi::Object>());
  const Size other = sizeOf(rgba.As<Napi::Object>());
  if (size.width != other.width || size.height != other.height) throw TypeError("the two frames must have one size");
  return {size, pixels(e, i420.As<Napi::Object>().Get("data"), size.i420()),
          pixels(e, rgba.As<Napi::Object>().Get("data"), 4 * size.luma())};
}
/// What JavaScript hands in to be written to.
uint8_t* writable(std::span<const uint8_t> bytes) { return const_cast<uint8_t*>(bytes.data()); }

// libyuv names a pixel's bytes from the last to the first: its ABGR is R, G, B, A in memory.
void i420ToRgba(Environment& e, Napi::Value from, Napi::Value to) {
  const Frames f = frames(e, from, to);
  const uint8_t* y = f.i420.data();
  const uint8_t* u = y + f.size.luma();
  libyuv::I420ToABGR(y, f.size.width, u, f.size.chromaWidth(), u + f.size.chroma(), f.size.chromaWidth(), writable(f.rgba),
                     4 * f.size.width, f.size.width, f.size.height);
}
void rgbaToI420(Environment& e, Napi::Value from, Napi::Value to) {
  const Frames f = frames(e, to, from);
  uint8_t* y = writable(f.i420);
  uint8_t* u = y + f.size.luma();
  libyuv::ABGRToI420(f.rgba.data(), 4 * f.size.width, y, f.size.width, u, f.size.chromaWidth(), u + f.size.chroma(),
                     f.size.chromaWidth(), f.size.width, f.size.height);
}

void holdForATask(EventLoop& loop, Napi::Value object) {
  loop.queueTask([kept = std::make_shared<Napi::ObjectReference>(Napi::Persistent(object.As<Napi::Object>()))] {});
}

}  // namespace

template <> inline constexpr const char* kInterface<VideoSource> = "RTCVideoSource";
template <> inline constexpr const char* kInterface<AudioSource> = "RTCAudioSource";
template <> inline constexpr const char* kInterface<Sink> = "Sink";

void addSourcesAndSinks(Environment& e, Napi::Object exports) {
  Class<VideoSource>(e, exports)
      .construct<[](EventLoop& loop) { return std::make_shared<VideoSource>(loop); }>()
      .call<[](VideoSource& source) { return source.track()->clone(); }>("createTrack")
      .call<[](Environment& env, VideoSource& source, Napi::Value frame) { pushVideo(env, source, frame); }>("onFrame");
  Class<AudioSource>(e, exports)
      .construct<[](EventLoop& loop) { return std::make_shared<AudioSource>(loop); }>()
      .call<[](AudioSource& source) { return source.track()->clone(); }>("createTrack")
      .call<[](Environment& env, AudioSource& source, Napi::Value samples, int channels) {
        pushAudio(env, source, samples, channels);
      }>("push");
  Class<Sink>(e, exports)
      .construct<[](Environment& env, MediaStreamTrack& track, Napi::Value callback) { return makeSink(env, track, callback); }>()
      .call<[](Sink& sink) {
        sink.registration.reset();
        sink.callback.Reset();
      }>("stop");
  const auto function = [&](const char* name, Napi::Value (*call)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(e.env(), call, name));
  };
  function("i420ToRgba", &invoke<&i420ToRgba>);
  function("rgbaToI420", &invoke<&rgbaToI420>);
  function("holdForATask", &invoke<&holdForATask>);
  function("configure", &invoke<[](Environment& env, bool includeLoopback) { env.configure(includeLoopback); }>);
}

}  // namespace peerage::node
