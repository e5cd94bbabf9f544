// What a caller sends over the data channels ends neither the program nor the call.
#include <gtest/gtest.h>

#include "call.hpp"

namespace peerage::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string receipt(size_t bytes, std::string sha256) {
  return R"({"received":)" + std::to_string(bytes) + R"(,"sha256":")" + std::move(sha256) + R"("})";
}
const std::string kDigestOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

class Channels : public testing::Test {
 protected:
  Channels() {
    call.join();
    chat = call.open("chat", chats);
  }
  /// The call still works: an echo comes, and everything that was sent before has been handled (the channel is ordered).
  void expectEcho() {
    chat->send("still there?");
    call.await("echo", [&] { return !chats.empty() && chats.back() == "You said: still there?"; });
  }
  Call call;
  std::vector<std::string> chats, receipts;
  std::shared_ptr<RTCDataChannel> chat;
};

TEST_F(Channels, AChatWhoseEchoWouldBeTooLargeIsNotAnswered) {
  const auto limit = call.caller.sctp()->maxMessageSize();
  chat->send(std::string(static_cast<size_t>(limit), 'x'));
  expectEcho();
  EXPECT_THAT(chats, ElementsAre("You said: still there?"));
}

TEST_F(Channels, TextsOnTheFileChannelThatMakeNoSenseAreReported) {
  const auto file = call.open("file", receipts);
  call.await("the robot's end", [&] { return call.robot->files(); });
  std::vector<std::string> problems;
  call.robot->files()->onproblem = [&](const std::string& problem) { problems.push_back(problem); };
  for (const char* text : {"", "[]", "{", R"({"size":-1,"name":"x"})", R"({"size":1,"name":7})", R"({"received":1,"sha256":5})"}) {
    file->send(text);
  }
  file->send(R"({"size":0,"name":"empty","sha256":5})");
  call.await("the receipt for the empty file", [&] { return !receipts.empty(); });
  EXPECT_EQ(problems.size(), 6u);
  EXPECT_THAT(receipts, ElementsAre(receipt(0, kDigestOfNothing)));
  expectEcho();
}

TEST_F(Channels, AReceiptOfTheWrongTypesEndsTheTransferAsDamaged) {
  const auto file = call.open("file", receipts);
  call.await("the robot's end", [&] { return call.robot->files(); });
  std::vector<bool> intact;
  call.robot->files()->onsent = [&](const std::string&, bool whole) { intact.push_back(whole); };
  chat->send("/file");
  call.await("a header", [&] { return !receipts.empty(); });
  file->send(R"({"received":1,"sha256":5})");
  call.await("the receipt", [&] { return !intact.empty(); });
  EXPECT_THAT(intact, ElementsAre(false));
  expectEcho();
}

TEST_F(Channels, AFileThatIsTooLargeIsRefusedOnceAndTheNextIsTaken) {
  const auto file = call.open("file", receipts);
  call.await("the robot's end", [&] { return call.robot->files(); });
  std::vector<std::string> problems;
  call.robot->files()->onproblem = [&](const std::string& problem) { problems.push_back(problem); };
  file->send(R"({"size":268435457,"name":"huge"})");
  for (int piece = 0; piece < 3; ++piece) file->send(std::vector<uint8_t>(1000));
  file->send(R"({"size":0,"name":"empty"})");
  call.await("both receipts", [&] { return receipts.size() >= 2; });
  file->send(std::vector<uint8_t>(1));  // of no file
  file->send(std::vector<uint8_t>(1));
  file->send(R"({"size":1,"name":"longer than it says"})");
  for (int piece = 0; piece < 3; ++piece) file->send(std::vector<uint8_t>(2));
  file->send(R"({"size":0,"name":"empty"})");
  call.await("three more", [&] { return receipts.size() >= 5; });
  EXPECT_THAT(receipts, ElementsAre(receipt(0, ""), receipt(0, kDigestOfNothing), receipt(0, ""), receipt(0, ""),
                                    receipt(0, kDigestOfNothing)));
  EXPECT_THAT(problems, ElementsAre(HasSubstr("268435457 bytes, at most 268435456"), "bytes without a file header",
                                    "more bytes than the file header told"));
}

TEST_F(Channels, ARefusalEndsTheTransferAndAnotherCanBegin) {
  const auto file = call.open("file", receipts);
  call.await("the robot's end", [&] { return call.robot->files(); });
  std::vector<std::string> problems;
  call.robot->files()->onproblem = [&](const std::string& problem) { problems.push_back(problem); };
  chat->send("/file");
  call.await("a header", [&] { return receipts.size() == 1; });
  file->send(receipt(0, ""));
  call.await("the refusal", [&] { return !problems.empty(); });
  EXPECT_THAT(problems, ElementsAre("\"sample.bin\" was refused there"));
  chat->send("/file");
  call.await("another header", [&] { return receipts.size() == 2; });
  EXPECT_TRUE(chats.empty()) << chats.front();
}

TEST_F(Channels, AFileThatNobodyWouldTakeIsNotBegun) {
  const auto file = call.open("file", receipts);
  call.await("the robot's end", [&] { return call.robot->files(); });
  EXPECT_THROW(call.robot->files()->send("huge", "x/y", std::vector<uint8_t>((size_t{256} << 20) + 1)), DOMException);
  call.robot->files()->send("small", "x/y", {1});
}

TEST_F(Channels, ASecondFileChannelReplacesTheFirst) {
  std::vector<std::string> none;
  const auto first = call.open("file", none);
  call.await("the robot's end", [&] { return call.robot->files(); });
  const auto* before = call.robot->files();
  const auto second = call.open("file", receipts);
  call.await("the robot's second end", [&] { return call.robot->files() != before; });
  first->send(R"({"size":0,"name":"a"})");
  second->send(R"({"size":0,"name":"b"})");
  call.await("the second's receipt", [&] { return !receipts.empty(); });
  expectEcho();
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace peerage::app
