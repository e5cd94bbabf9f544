#include "recorder.hpp"

#include <cstdio>
#include <filesystem>
#include <optional>

#include "exit_codes.hpp"
#include "media/codec.hpp"
#include "media/files/file_io.hpp"
#include "media/files/ivf.hpp"
#include "media/files/ogg_opus.hpp"
#include "peerage/codecs.hpp"

namespace peerage::app {

namespace {

template <typename T>
T orFail(Result<T> result, const std::string& path) {
  if (!result) throw Failure(kFileUnreadable, path + ": " + result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// A name as part of a file name.
std::string harmless(std::string name) {
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!plain) c = '_';
  }
  return name;
}

}  // namespace

/// The pictures come decoded, so they are encoded again.
class Recorder::VideoFile {
 public:
  explicit VideoFile(const std::string& path) : path_(path), file_(orFail(media::FileWriter::open(path), path)) {}
  ~VideoFile() {
    if (frames_ == 0) return;
    Bytes header;
    header_.frames = frames_;
    if (!media::writeIvfHeader(header_, header) || !file_.rewriteStart(header) || !file_.close()) report("its header");
  }

  void write(const VideoFrame& frame) {
    if (broken_) return;
    const int width = frame.buffer->width(), height = frame.buffer->height();
    if (!encoder_) {
      const auto codecs = builtinCodecs();
      auto made = codecs->createVideoEncoder(codecs->codecs(media::MediaKind::video).front(),
                                             {.width = width, .height = height, .bitrate = 1'500'000});
      if (!made) return report(made.error().message);
      encoder_ = std::move(*made);
      first_ = frame.timestamp;
      header_.width = width;
      header_.height = height;
      Bytes bytes;
      if (!media::writeIvfHeader(header_, bytes) || !file_.write(bytes)) return report("its header");
    }
    auto encoded = encoder_->encode(frame, false, encoded_);
    if (!encoded) return report(encoded.error().message);
    if (!*encoded) return;  // the rate control left it out
    const auto since = std::chrono::duration<double>(frame.timestamp - first_).count();
    Bytes bytes;
    if (!media::writeIvfFrame(encoded_.data, static_cast<uint64_t>(since * 90'000), bytes) || !file_.write(bytes)) {
      return report("a picture");
    }
    ++frames_;
  }

  SinkHandle sink;

 private:
  void report(const std::string& what) {
    if (!broken_) std::fprintf(stderr, "peerage: %s: cannot write %s\n", path_.c_str(), what.c_str());
    broken_ = true;
  }
  std::string path_;
  media::FileWriter file_;
  media::IvfHeader header_;
  std::unique_ptr<media::VideoEncoder> encoder_;
  media::EncodedFrame encoded_;
  std::chrono::nanoseconds first_{0};
  uint32_t frames_ = 0;
  bool broken_ = false;
};

class Recorder::AudioFile {
 public:
  explicit AudioFile(const std::string& path) : path_(path), file_(orFail(media::FileWriter::open(path), path)) {}
  ~AudioFile() {
    if (!writer_ || broken_) return;
    Bytes bytes;
    writer_->finish(bytes);
    if (!file_.write(bytes) || !file_.close()) report("its end");
  }

  void write(const AudioFrame& frame) {
    if (broken_) return;
    if (!encoder_ && !begin(frame.channels)) return;
    if (frame.channels != channels_) return;
    pending_.insert(pending_.end(), frame.samples.begin(), frame.samples.end());
    const size_t piece = static_cast<size_t>(media::kAudioFrameSamples) * static_cast<size_t>(channels_);
    while (pending_.size() >= piece) {
      AudioFrame part{.samples = {pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(piece)},
                      .channels = channels_};
      pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(piece));
      Bytes packet, bytes;
      if (auto encoded = encoder_->encode(part.samples, packet); !encoded) return report(encoded.error().message);
      if (!writer_->packet(packet, bytes) || !file_.write(bytes)) return report("a packet");
    }
  }

  SinkHandle sink;

 private:
  bool begin(int channels) {
    channels_ = channels;
    const auto codecs = builtinCodecs();
    auto made = codecs->createAudioEncoder(codecs->codecs(media::MediaKind::audio).front(),
                                           {.channels = channels, .bitrate = 64'000, .voice = false});
    if (!made) return report(made.error().message), false;
    encoder_ = std::move(*made);
    writer_.emplace(media::OpusHead{.channels = channels}, 1u);
    Bytes bytes;
    if (!writer_->begin(bytes) || !file_.write(bytes)) return report("its header"), false;
    return true;
  }
  void report(const std::string& what) {
    if (!broken_) std::fprintf(stderr, "peerage: %s: cannot write %s\n", path_.c_str(), what.c_str());
    broken_ = true;
  }
  std::string path_;
  media::FileWriter file_;
  std::unique_ptr<media::AudioEncoder> encoder_;
  std::optional<media::OggOpusWriter> writer_;
  std::vector<int16_t> pending_;
  int channels_ = 1;
  bool broken_ = false;
};

Recorder::Recorder(std::string folder) : folder_(std::move(folder)) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) throw Failure(kFileUnreadable, folder_ + ": " + error.message());
}

Recorder::~Recorder() = default;

void Recorder::add(const std::string& peer, MediaStreamTrack& track) {
  const bool video = track.kind() == MediaKind::video;
  const std::string path = folder_ + "/" + harmless(peer) + "-" + std::to_string(++count_) + (video ? ".ivf" : ".ogg");
  if (video) {
    auto file = std::make_shared<VideoFile>(path);
    file->sink = track.addVideoSink([raw = file.get()](const VideoFrame& frame) { raw->write(frame); });
    videos_.push_back(std::move(file));
  } else {
    auto file = std::make_shared<AudioFile>(path);
    file->sink = track.addAudioSink([raw = file.get()](const AudioFrame& frame) { raw->write(frame); });
    audios_.push_back(std::move(file));
  }
}

}  // namespace peerage::app
