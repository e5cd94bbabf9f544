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

/// A name as part of a file name.
std::string harmless(std::string name) {
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!plain) c = '_';
  }
  return name;
}

/// The pictures come decoded, so they are encoded again.
class VideoFile : public Recording {
 public:
  VideoFile(std::string path, media::FileWriter file, MediaStreamTrack& track)
      : path_(std::move(path)),
        file_(std::move(file)),
        sink_(track.addVideoSink([this](const VideoFrame& frame) { write(frame); })) {}
  ~VideoFile() override {
    if (frames_ == 0) return;
    Bytes header;
    header_.frames = frames_;
    if (!media::writeIvfHeader(header_, header) || !file_.rewriteStart(header) || !file_.close()) report("its header");
  }

 private:
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
  SinkHandle sink_;  // last: what it calls is whole
};

class AudioFile : public Recording {
 public:
  AudioFile(std::string path, media::FileWriter file, MediaStreamTrack& track)
      : path_(std::move(path)),
        file_(std::move(file)),
        sink_(track.addAudioSink([this](const AudioFrame& frame) { write(frame); })) {}
  ~AudioFile() override {
    if (!writer_ || broken_) return;
    Bytes bytes;
    writer_->finish(bytes);
    if (!file_.write(bytes) || !file_.close()) report("its end");
  }

 private:
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
  SinkHandle sink_;  // last: what it calls is whole
};

}  // namespace

Recorder::Recorder(std::string folder) : folder_(std::move(folder)) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) throw Failure(kFileUnreadable, folder_ + ": " + error.message());
}

std::unique_ptr<Recording> Recorder::record(const std::string& peer, MediaStreamTrack& track) {
  const bool video = track.kind() == MediaKind::video;
  for (;;) {
    const std::string stem = folder_ + "/" + harmless(peer) + "-" + std::to_string(++count_);
    if (std::filesystem::exists(stem + (video ? ".ogg" : ".ivf"))) continue;
    const std::string path = stem + (video ? ".ivf" : ".ogg");
    auto file = media::FileWriter::create(path);
    if (!file) throw Failure(kFileUnreadable, file.error().message);
    if (!*file) continue;
    if (video) return std::make_unique<VideoFile>(path, std::move(**file), track);
    return std::make_unique<AudioFile>(path, std::move(**file), track);
  }
}

}  // namespace peerage::app
