// --record: whole files when a call ends, none of them ever overwritten.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "call.hpp"
#include "exit_codes.hpp"
#include "media/files/ivf.hpp"

namespace peerage::app {
namespace {

namespace fs = std::filesystem;

class Recordings : public testing::Test {
 protected:
  Recordings() {
    std::string name = (fs::temp_directory_path() / "recordings-XXXXXX").string();
    folder = mkdtemp(name.data());
  }
  ~Recordings() override { fs::remove_all(folder); }
  static std::string contents(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// Files of the folder that this process has open.
  int openFiles() const {
    int count = 0;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      std::error_code error;
      const auto target = fs::read_symlink(entry, error).string();
      if (!error && target.starts_with(folder.string() + "/")) ++count;
    }
    return count;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder)) all.push_back(entry.path().filename());
    return all;
  }
  fs::path folder;
};

TEST_F(Recordings, AreWholeAndClosedWhenTheCallEnds) {
  Call call;
  call.recorder = std::make_shared<Recorder>(folder.string());
  MediaSource camera(call.loop, "test");
  call.join();
  call.caller.addTrack(camera.videoTrack(), camera.stream());
  call.caller.addTrack(camera.audioTrack(), camera.stream());
  call.await("pictures and sound", [&] {
    return call.robot && call.robot->counts().videoFrames >= 5 && call.robot->counts().audioSamples >= 9600;
  });
  EXPECT_EQ(openFiles(), 2);
  call.robot.reset();
  EXPECT_EQ(openFiles(), 0);
  int whole = 0;
  for (const auto& name : names()) {
    const std::string file = contents(folder / name);
    if (name.ends_with(".ivf")) {
      media::IvfReader reader;
      reader.push({reinterpret_cast<const uint8_t*>(file.data()), file.size()});
      uint32_t frames = 0;
      for (;;) {
        const auto frame = reader.next();
        ASSERT_TRUE(frame) << frame.error().message;
        if (!*frame) break;
        ++frames;
      }
      EXPECT_TRUE(reader.finish());
      EXPECT_GE(frames, 1u);
      EXPECT_EQ(reader.header()->frames, frames);
      ++whole;
    } else {
      const size_t last = file.rfind("OggS");
      ASSERT_LT(last + 5, file.size());
      EXPECT_EQ(file[last + 5] & 4, 4) << "RFC 3533 §6: the last page says so";
      ++whole;
    }
  }
  EXPECT_EQ(whole, 2);
}

TEST_F(Recordings, TakeTheNextFreeNumber) {
  std::ofstream(folder / "alice-1.ivf") << "an old recording";
  std::ofstream(folder / "alice-2.ogg") << "and its sound";
  EventLoop loop({.codecs = builtinCodecs()});
  VideoSource video(loop);
  AudioSource audio(loop);
  for (int run = 0; run < 2; ++run) {  // as two runs of the program
    Recorder recorder(folder.string());
    const auto one = recorder.record("alice", *video.track());
    const auto two = recorder.record("alice", *audio.track());
  }
  EXPECT_THAT(names(), testing::UnorderedElementsAre("alice-1.ivf", "alice-2.ogg", "alice-3.ivf", "alice-4.ogg", "alice-5.ivf",
                                                     "alice-6.ogg"));
  EXPECT_EQ(contents(folder / "alice-1.ivf"), "an old recording");
  EXPECT_EQ(contents(folder / "alice-2.ogg"), "and its sound");
}

TEST_F(Recordings, RefuseAFolderThatIsNone) {
  std::ofstream(folder / "file") << "x";
  EXPECT_THROW(Recorder((folder / "file").string()), Failure);
}

}  // namespace
}  // namespace peerage::app
