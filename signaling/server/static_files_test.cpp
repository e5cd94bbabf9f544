#include "signaling/server/static_files.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace peerage::signaling {
namespace fs = std::filesystem;
namespace {

class StaticFilesTest : public testing::Test {
 protected:
  StaticFilesTest() {
    std::string pattern = (fs::temp_directory_path() / "peerage-files-XXXXXX").string();
    outside_ = mkdtemp(pattern.data());
    root_ = outside_ / "root";
    fs::create_directories(root_ / "js");
    fs::create_directories(root_ / ".git");
    write(root_ / "index.html", "page");
    write(root_ / "js/index.html", "folder");
    write(root_ / "js/main.js", "code");
    write(root_ / ".git/config", "secret");
    write(outside_ / "secret.txt", "secret");
    fs::create_symlink(outside_ / "secret.txt", root_ / "link.txt");
    fs::create_symlink(root_ / "index.html", root_ / "own.html");
    fs::create_directories(outside_ / "root-of-another");
    write(outside_ / "root-of-another/x.txt", "secret");
    fs::create_symlink(outside_ / "root-of-another", root_ / "another");
  }
  ~StaticFilesTest() override { fs::remove_all(outside_); }
  static void write(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }

  fs::path outside_;
  fs::path root_;
};

TEST_F(StaticFilesTest, ServesWhatIsInTheFolder) {
  const StaticFiles files(root_.string(), {});
  EXPECT_EQ(files.get("/").body, "page");
  EXPECT_EQ(files.get("/").contentType, "text/html; charset=utf-8");
  EXPECT_EQ(files.get("/js/main.js").body, "code");
  EXPECT_EQ(files.get("/js/main.js").contentType, "text/javascript; charset=utf-8");
  EXPECT_EQ(files.get("/js/").body, "folder");
  EXPECT_EQ(files.get("/own.html").body, "page") << "a link within the folder is followed";
}

TEST_F(StaticFilesTest, NothingElse) {
  const StaticFiles files(root_.string(), {});
  for (const char* path : {"/../secret.txt", "/js/../../secret.txt", "/./index.html", "//index.html", "/.git/config", "/a\\b",
                           "/js/..", "index.html", "", "/a\nb", "/js//main.js"}) {
    EXPECT_EQ(files.get(path).status, 400) << path;
  }
  for (const char* path : {"/link.txt", "/another/x.txt", "/absent", "/js", "/js/main.js/x", "/index.html/"}) {
    EXPECT_EQ(files.get(path).status, 404) << path;
  }
}

TEST_F(StaticFilesTest, FromMemory) {
  const StaticFiles files("", {{"index.html", "memory"}, {"a/b.css", "x"}});
  EXPECT_EQ(files.get("/").body, "memory");
  EXPECT_EQ(files.get("/a/b.css").contentType, "text/css; charset=utf-8");
  EXPECT_EQ(files.get("/js/main.js").status, 404);
}

TEST_F(StaticFilesTest, WithoutFilesItSaysWhatItIs) {
  const StaticFiles files("", {});
  EXPECT_EQ(files.get("/").status, 200);
  EXPECT_EQ(files.get("/x").status, 404);
}

TEST_F(StaticFilesTest, AWebRootThatIsNoFolderIsSaid) {
  EXPECT_THROW(StaticFiles((root_ / "index.html").string(), {}), SignalingError);
  EXPECT_THROW(StaticFiles((root_ / "absent").string(), {}), SignalingError);
}

}  // namespace
}  // namespace peerage::signaling
