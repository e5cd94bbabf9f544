#include "sources.hpp"

#include <chrono>
#include <cmath>

#include "exit_codes.hpp"
#include "media/files/file_io.hpp"
#include "media/test_picture.hpp"
#include "peerage/codecs.hpp"

namespace peerage::app {

namespace {

using namespace std::chrono_literals;
constexpr int kWidth = 640;
constexpr int kHeight = 360;
constexpr auto kPicturePeriod = 40ms;  // 25 pictures a second
constexpr auto kTonePeriod = 20ms;
constexpr size_t kToneSamples = 960;
/// Behind by more than this (the program was stopped), the tone or the file goes on from now instead of catching up.
constexpr auto kLag = 500ms;
/// A file whose times go backwards, stand still or leap further than this is played at the test picture's rate there.
constexpr auto kLongestGap = 10s;

}  // namespace

MediaSource::MediaSource(EventLoop& loop, const std::string& source, double toneHertz)
    : loop_(loop), video_(loop, source), audio_(loop, "tone"), tone_(toneHertz), audioDue_(loop.now()) {
  video_.stream()->addTrack(audio_.track());
  if (source == "test") {
    videoTimer_ = loop_.setInterval([this] { pushPicture(); }, kPicturePeriod);
  } else {
    loadFile(source);
    frameDue_ = loop_.now();
    videoTimer_ = loop_.setTimeout([this] { pushFileFrames(); }, 0ms);
  }
  audioTimer_ = loop_.setInterval([this] { pushTone(); }, kTonePeriod);
}

MediaSource::~MediaSource() {
  loop_.clearInterval(videoTimer_);
  loop_.clearInterval(audioTimer_);
}

void MediaSource::loadFile(const std::string& path) {
  const auto unreadable = [&](const std::string& why) { return Failure(kFileUnreadable, path + ": " + why); };
  auto file = media::FileReader::open(path);
  if (!file) throw unreadable(file.error().message);
  media::IvfReader reader;
  Bytes bytes;
  do {
    if (auto read = file->read(bytes); !read) throw unreadable(read.error().message);
    reader.push(bytes);
    for (;;) {
      auto frame = reader.next();
      if (!frame) throw unreadable(frame.error().message);
      if (!*frame) break;
      file_.push_back(std::move(**frame));
    }
  } while (!bytes.empty());
  if (auto whole = reader.finish(); !whole) throw unreadable(whole.error().message);
  if (!reader.header() || reader.header()->fourcc != "VP80") {
    throw unreadable("holds " + (reader.header() ? reader.header()->fourcc : std::string("nothing")) + ", not VP8 (VP80)");
  }
  if (file_.empty()) throw unreadable("has no pictures");
  tick_ = static_cast<double>(reader.header()->timebaseNumerator) / reader.header()->timebaseDenominator;
  const auto codecs = builtinCodecs();
  auto decoder = codecs->createVideoDecoder(codecs->codecs(media::MediaKind::video).front());
  if (!decoder) throw unreadable(decoder.error().message);
  decoder_ = std::move(*decoder);
}

void MediaSource::pushPicture() {
  auto picture = I420Buffer::create(kWidth, kHeight);
  media::drawTestPicture(*picture, frame_++, loop_.now());
  video_.push({.buffer = std::move(picture), .timestamp = loop_.now()});
}

/// From one picture of the file to the next. The first follows the last as the last followed its own predecessor.
std::chrono::nanoseconds MediaSource::gapAfter(size_t frame) const {
  if (file_.size() < 2) return kPicturePeriod;
  if (frame + 1 == file_.size()) --frame;
  const uint64_t from = file_[frame].timestamp, to = file_[frame + 1].timestamp;
  const double seconds = to > from ? static_cast<double>(to - from) * tick_ : 0;
  if (seconds < 0.001 || seconds > kLongestGap.count()) return kPicturePeriod;
  return std::chrono::nanoseconds(std::llround(seconds * 1e9));
}

void MediaSource::pushFileFrames() {
  if (loop_.now() - frameDue_ > kLag) frameDue_ = loop_.now();
  while (frameDue_ <= loop_.now()) {
    frameDue_ += gapAfter(nextFrame_);
    pushFileFrame();
  }
  videoTimer_ = loop_.setTimeout([this] { pushFileFrames(); }, frameDue_ - loop_.now());
}

void MediaSource::pushFileFrame() {
  media::EncodedFrame frame;
  frame.data = file_[nextFrame_].data;
  nextFrame_ = (nextFrame_ + 1) % file_.size();
  auto picture = decoder_->decode(frame);
  if (!picture || !*picture) return;  // a picture that is not shown, or damaged: the next key frame mends it
  (*picture)->timestamp = loop_.now();
  video_.push(**picture);
}

void MediaSource::pushTone() {
  if (loop_.now() - audioDue_ > kLag) audioDue_ = loop_.now();
  for (; audioDue_ <= loop_.now(); audioDue_ += kTonePeriod) {
    AudioFrame frame{.samples = std::vector<int16_t>(kToneSamples), .timestamp = audioDue_};
    tone_.fill(frame.samples);
    audio_.push(frame);
  }
}

}  // namespace peerage::app
