// --source FILE.ivf keeps the file's own time, here in virtual time.
#include "sources.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "media/files/file_io.hpp"
#include "peerage/codecs.hpp"
#include "peerage/sim.hpp"

namespace peerage::app {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using testing::ElementsAre;

/// Plays an IVF file whose pictures have these times, and gives the milliseconds between the first `shown` that come.
std::vector<int> gaps(const std::vector<uint64_t>& times, uint32_t numerator, uint32_t denominator, size_t shown) {
  const auto codecs = builtinCodecs();
  auto encoder = codecs->createVideoEncoder(codecs->codecs(media::MediaKind::video).front(), {.width = 32, .height = 32});
  Bytes bytes;
  EXPECT_TRUE(media::writeIvfHeader(
      {.width = 32, .height = 32, .timebaseDenominator = denominator, .timebaseNumerator = numerator}, bytes));
  media::EncodedFrame encoded;
  auto picture = I420Buffer::create(32, 32);
  for (size_t i = 0; i < times.size(); ++i) {
    EXPECT_TRUE((*encoder)->encode({.buffer = picture, .timestamp = milliseconds(40 * i)}, true, encoded));
    EXPECT_TRUE(media::writeIvfFrame(encoded.data, times[i], bytes));
  }
  std::string path = (std::filesystem::temp_directory_path() / "film-XXXXXX").string();
  ::close(mkstemp(path.data()));
  auto file = media::FileWriter::open(path);
  EXPECT_TRUE(file->write(bytes) && file->close());

  sim::Network network(1);
  EventLoop& loop = network.addHost({.name = "host", .addresses = {"10.0.0.1"}}).loop();
  std::vector<std::chrono::nanoseconds> at;
  {
    MediaSource source(loop, path);
    const auto sink = source.videoTrack()->addVideoSink([&](const VideoFrame&) { at.push_back(loop.now()); });
    EXPECT_TRUE(network.runUntil([&] { return at.size() >= shown; }));
  }
  std::filesystem::remove(path);
  std::vector<int> between;
  for (size_t i = 1; i < at.size(); ++i) {
    between.push_back(static_cast<int>(std::chrono::round<milliseconds>(at[i] - at[i - 1]).count()));
  }
  return between;
}

TEST(FileSource, ShowsEachPictureAtItsTimeAndBeginsAgain) {
  EXPECT_THAT(gaps({0, 1, 3, 13}, 1, 10, 7), ElementsAre(100, 200, 1000, 1000, 100, 200));
}

TEST(FileSource, KnowsEveryTimeBase) {
  EXPECT_THAT(gaps({0, 1, 2}, 1, 100, 5), ElementsAre(10, 10, 10, 10)) << "faster than the test picture";
  EXPECT_THAT(gaps({90'000, 93'000, 99'000}, 1, 90'000, 3), ElementsAre(33, 67)) << "the first need not be at 0";
  EXPECT_THAT(gaps({7, 8}, 2, 1, 2), ElementsAre(2000));
}

TEST(FileSource, PlaysTimesThatAreNoneAtTheTestPicturesRate) {
  EXPECT_THAT(gaps({0, 0, 0}, 1, 30, 4), ElementsAre(40, 40, 40));
  EXPECT_THAT(gaps({5, 3, 4}, 1, 10, 3), ElementsAre(40, 100));
  EXPECT_THAT(gaps({0, ~uint64_t{0}}, 4'000'000'000, 1, 2), ElementsAre(40));
  EXPECT_THAT(gaps({0}, 1, 30, 3), ElementsAre(40, 40));
}

}  // namespace
}  // namespace peerage::app
