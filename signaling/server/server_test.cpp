// The server over real sockets on loopback: as HTTP, as raw WebSocket frames, with our client, and with TLS.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "peerage/signaling.hpp"
#include "source_folder.hpp"

namespace peerage::signaling {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// A socket that says exactly what the test wants.
class RawSocket {
 public:
  RawSocket(EventLoop& loop, uint16_t port) : loop_(loop), fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawSocket() { ::close(fd_); }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  void send(std::string_view text) { EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL), ssize_t(text.size())); }
  /// All that has come once `done` says so, or the other side has closed.
  const std::string& receiveUntil(std::function<bool(const std::string&)> done) {
    const auto ticks = loop_.setInterval([] {}, 1ms);
    loop_.runUntil([&] { return closed_ || (drain(), closed_ || done(got_)); }, 10s);
    loop_.clearInterval(ticks);
    return got_;
  }
  const std::string& receiveAll() {
    return receiveUntil([](const std::string&) { return false; });
  }
  void forget() { got_.clear(); }
  bool closed() const { return closed_; }

  /// A masked frame (RFC 6455 §5.2) whose mask is 0, so that the payload stays readable.
  void sendFrame(uint8_t opcode, std::string_view payload, bool final = true) {
    std::string frame(1, static_cast<char>((final ? 0x80 : 0) | opcode));
    if (payload.size() < 126) {
      frame += static_cast<char>(0x80 | payload.size());
    } else {
      frame += static_cast<char>(0xff);
      for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>(uint64_t{payload.size()} >> shift);
    }
    frame += std::string(4, '\0');
    frame += payload;
    send(frame);
  }
  void upgrade(std::string_view protocol) {
    send("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         (protocol.empty() ? "" : "Sec-WebSocket-Protocol: " + std::string(protocol) + "\r\n") + "\r\n");
  }

 private:
  void drain() {
    char buffer[65536];
    for (;;) {
      const ssize_t count = recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
      if (count > 0) {
        got_.append(buffer, static_cast<size_t>(count));
      } else {
        closed_ = count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
        return;
      }
    }
  }
  EventLoop& loop_;
  int fd_;
  std::string got_;
  bool closed_ = false;
};

class ServerTest : public testing::Test {
 protected:
  ~ServerTest() override {
    server_.reset();
    loop_.run();  // what libwebsockets has to close closes, and nothing else keeps the loop
  }
  void start(ServerOptions options = {}) {
    options.port = 0;
    if (options.interface.empty()) options.interface = "127.0.0.1";
    server_ = std::make_unique<Server>(loop_, std::move(options));
  }
  std::unique_ptr<Client> client(const std::string& name, Protocol protocol, const std::string& scheme = "ws") {
    return std::make_unique<Client>(loop_, ClientOptions{.url = scheme + "://127.0.0.1:" + std::to_string(server_->port()),
                                                         .name = name,
                                                         .protocol = protocol,
                                                         .verifyCertificate = false});
  }
  std::string get(const std::string& request) {
    RawSocket socket(loop_, server_->port());
    socket.send(request + "\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    return socket.receiveAll();
  }
  bool until(std::function<bool()> done) { return loop_.runUntil(std::move(done), 10s); }

  EventLoop loop_;
  std::unique_ptr<Server> server_;
};

// ---- HTTP --------------------------------------------------------------------------------------------------------------

TEST_F(ServerTest, ServesFilesWithTypesAndHeaders) {
  start({.files = {{"index.html", "<p>hello"}, {"js/main.js", "code"}}});
  const std::string page = get("GET / HTTP/1.1");
  EXPECT_THAT(page, testing::StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(page, HasSubstr("content-type: text/html; charset=utf-8\r\n"));
  EXPECT_THAT(page, HasSubstr("content-length: 8\r\n"));
  EXPECT_THAT(page, HasSubstr("cache-control: no-cache, no-store\r\n"));
  EXPECT_THAT(page, HasSubstr("content-security-policy: default-src 'none'; script-src 'self';"));
  EXPECT_THAT(page, HasSubstr("x-content-type-options: nosniff\r\n"));
  EXPECT_THAT(page, testing::EndsWith("\r\n\r\n<p>hello"));
  EXPECT_THAT(get("GET /js/main.js?v=1 HTTP/1.1"), testing::EndsWith("\r\n\r\ncode"));
  EXPECT_THAT(get("GET /absent HTTP/1.1"), testing::StartsWith("HTTP/1.1 404 "));
}

TEST_F(ServerTest, NoPathLeadsOutOfTheRoot) {
  start({.webRoot = tests::sourceFolder() + "/signaling/server"});
  EXPECT_THAT(get("GET /static_files.hpp HTTP/1.1"), HasSubstr("class StaticFiles"));
  for (const char* path : {"/../CMakeLists.txt", "/%2e%2e/CMakeLists.txt", "/..%2fCMakeLists.txt", "/%2e%2e%2fCMakeLists.txt",
                           "/....//CMakeLists.txt", "//etc/passwd", "/..%5c..%5cCMakeLists.txt"}) {
    const std::string reply = get(std::string("GET ") + path + " HTTP/1.1");
    EXPECT_THAT(reply, testing::Not(HasSubstr("HTTP/1.1 200"))) << path;
    EXPECT_THAT(reply, testing::Not(HasSubstr("peerage_signaling"))) << path;
  }
}

TEST_F(ServerTest, ALargeFileComesWhole) {
  const std::string large(3'000'000, 'x');
  start({.files = {{"large.bin", large}}});
  const std::string reply = get("GET /large.bin HTTP/1.1");
  EXPECT_EQ(reply.size() - (reply.find("\r\n\r\n") + 4), large.size());
}

TEST_F(ServerTest, HeadIsGetWithoutTheBody) {
  start({.files = {{"index.html", "<p>hello"}}});
  const std::string got = get("GET / HTTP/1.1"), head = get("HEAD / HTTP/1.1");
  EXPECT_THAT(head, testing::StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(head + "<p>hello", got);
  const std::string absent = get("HEAD /absent HTTP/1.1");
  EXPECT_THAT(absent, testing::StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(absent, testing::EndsWith("\r\n\r\n"));
  RawSocket socket(loop_, server_->port());
  for (int i = 0; i < 2; ++i) {  // the connection can be used again
    socket.forget();
    socket.send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(socket.receiveUntil([](const std::string& s) { return s.find("\r\n\r\n") != std::string::npos; }),
                testing::EndsWith("\r\n\r\n"));
  }
  socket.forget();
  socket.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(socket.receiveUntil([](const std::string& s) { return s.find("hello") != std::string::npos; }),
              testing::EndsWith("\r\n\r\n<p>hello"));
}

TEST_F(ServerTest, OtherMethodsAreNotServed) {
  start();
  EXPECT_THAT(get("POST / HTTP/1.1\r\nContent-Length: 0"), testing::StartsWith("HTTP/1.1 405 "));
}

TEST_F(ServerTest, HttpNonsenseEndsNothing) {
  start({.files = {{"index.html", "hello"}}});
  for (const std::string& junk : {std::string("\r\n\r\n"), std::string(100, '\0'), "GET " + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n",
                                  std::string("GET / HTTP/9.9\r\n\r\n"), std::string("\x16\x03\x01\x02\x00\x01\x00")}) {
    RawSocket socket(loop_, server_->port());
    socket.send(junk);
    loop_.runUntil(loop_.delay(20ms));
  }
  EXPECT_THAT(get("GET / HTTP/1.1"), HasSubstr("hello"));
}

// ---- WebSocket frames ----------------------------------------------------------------------------------------------------

TEST_F(ServerTest, SpeaksMdnsMessages) {
  start();
  RawSocket socket(loop_, server_->port());
  socket.upgrade("json");
  EXPECT_THAT(socket.receiveUntil([](const std::string& s) { return s.find("\"id\"") != std::string::npos; }),
              testing::AllOf(testing::StartsWith("HTTP/1.1 101 "), HasSubstr("json\r\n"), HasSubstr(R"({"type":"id","id":1})")));
  socket.sendFrame(1, R"({"name":"ada","date":1,"id":1,"type":"username"})");
  EXPECT_THAT(socket.receiveUntil([](const std::string& s) { return s.find("userlist") != std::string::npos; }),
              HasSubstr(R"({"type":"userlist","users":["ada"]})"));
}

TEST_F(ServerTest, OtherSubprotocolsAreRefused) {
  start();
  for (const char* protocol : {"", "http", "chat"}) {
    RawSocket socket(loop_, server_->port());
    socket.upgrade(protocol);
    EXPECT_THAT(socket.receiveAll(), testing::Not(HasSubstr(" 101 "))) << protocol;
    EXPECT_TRUE(socket.closed());
  }
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ServerTest, AMessageInFragmentsIsPutTogether) {
  start();
  RawSocket socket(loop_, server_->port());
  socket.upgrade("json");
  socket.sendFrame(1, R"({"name":"a)", false);
  socket.sendFrame(0, R"(da","id":1,)", false);
  socket.sendFrame(9, "ping in between");
  socket.sendFrame(0, R"("type":"username"})");
  EXPECT_THAT(socket.receiveUntil([](const std::string& s) { return s.find("userlist") != std::string::npos; }),
              HasSubstr(R"(["ada"])"));
}

TEST_F(ServerTest, WhoAnswersPingsStays) {
  Limits limits;
  limits.pingAfter = 1s;
  limits.idleTime = 3s;
  start({.limits = limits});
  RawSocket socket(loop_, server_->port());
  socket.upgrade("json");
  const std::string ping = "\x89\x07" "peerage";
  size_t answered = 0;
  for (; answered < 3; ++answered) {  // the third comes later than idleTime, and only if the pongs before were heard
    const size_t before = answered;
    const std::string got = socket.receiveUntil([&](const std::string& s) {
      size_t pings = 0;
      for (size_t at = s.find(ping); at != std::string::npos; at = s.find(ping, at + 1)) ++pings;
      return pings > before;
    });
    ASSERT_THAT(got, testing::Not(HasSubstr("idle")));
    socket.sendFrame(10, "peerage");
  }
  EXPECT_FALSE(socket.closed());
}

TEST_F(ServerTest, WhoAnswersNoPingIsClosed) {
  Limits limits;
  limits.pingAfter = 1s;
  limits.idleTime = 2s;
  start({.limits = limits});
  RawSocket socket(loop_, server_->port());
  socket.upgrade("json");
  EXPECT_THAT(socket.receiveUntil([](const std::string& s) { return s.find("idle") != std::string::npos; }),
              HasSubstr("nothing was heard from you for 2 seconds"));
}

TEST_F(ServerTest, TheClientAnswersPings) {
  Limits limits;
  limits.pingAfter = 1s;
  limits.idleTime = 3s;
  start({.limits = limits});
  int ready = 0;
  bool closed = false, over = false;
  std::vector<std::unique_ptr<Client>> clients;
  for (const Protocol protocol : {Protocol::json, Protocol::peerage_1}) {
    clients.push_back(client("ada", protocol));
    clients.back()->onready = [&] { ++ready; };
    clients.back()->onclosed = [&] { closed = true; };
  }
  ASSERT_TRUE(until([&] { return ready == 2; }));
  loop_.setTimeout([&] { over = true; }, 4500ms);  // beyond idleTime, with nothing to say
  ASSERT_TRUE(until([&] { return over || closed; }));
  EXPECT_FALSE(closed);
}

TEST_F(ServerTest, TooLongAMessageIsAnsweredAndEndsTheConnection) {
  start();
  RawSocket socket(loop_, server_->port());
  socket.upgrade("json");
  socket.receiveUntil([](const std::string& s) { return s.find("\"id\"") != std::string::npos; });
  socket.sendFrame(1, std::string(200'000, ' '), false);
  socket.sendFrame(0, std::string(100'000, ' '), false);
  EXPECT_THAT(socket.receiveUntil([](const std::string& s) { return s.find("\x03\xf1") != std::string::npos; }),
              testing::AllOf(HasSubstr("too-big"), HasSubstr("262144 bytes"), HasSubstr("\x03\xf1")))
      << "the error, and a close frame with code 1009";
  socket.sendFrame(8, "\x03\xf1");
  socket.receiveAll();
  EXPECT_TRUE(socket.closed());
}

TEST_F(ServerTest, BinaryMessagesAndBrokenFramesEndTheConnectionAlone) {
  start();
  auto ada = client("ada", Protocol::json);
  ASSERT_TRUE(until([&] { return ada->ready(); }));
  {
    RawSocket binary(loop_, server_->port());
    binary.upgrade("json");
    binary.sendFrame(2, "bytes");
    EXPECT_THAT(binary.receiveUntil([](const std::string& s) { return s.find("\x03\xf0") != std::string::npos; }),
                HasSubstr("messages are text, not binary"));
  }
  for (const std::string& junk : {std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), std::string("\x83\x80zzzz", 6),
                                  std::string("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10), std::string("\x80\x81zzzzz", 7)}) {
    RawSocket broken(loop_, server_->port());
    broken.upgrade("json");
    broken.receiveUntil([](const std::string& s) { return s.find("\"id\"") != std::string::npos; });
    broken.send(junk);
    loop_.runUntil(loop_.delay(20ms));
  }
  EXPECT_TRUE(until([&] { return server_->connections() == 1; }));
  ada->sendText("still here");
  std::string heard;
  ada->ontext = [&](TextEvent& e) { heard = e.text; };
  EXPECT_TRUE(until([&] { return heard == "still here"; }));
}

// ---- Our client ------------------------------------------------------------------------------------------------------------

class ServerInBothProtocols : public ServerTest, public testing::WithParamInterface<Protocol> {};
INSTANTIATE_TEST_SUITE_P(Server, ServerInBothProtocols, testing::Values(Protocol::json, Protocol::peerage_1),
                         [](const auto& tested) { return tested.param == Protocol::json ? "json" : "peerage_1"; });

TEST_P(ServerInBothProtocols, ACallsMessagesGoThrough) {
  start();
  auto ada = client("ada", GetParam()), bob = client("bob", GetParam());
  ASSERT_TRUE(until([&] { return ada->peers().size() == 1 && bob->peers().size() == 1; }));
  const std::string sdp = "v=0\r\n" + std::string(100'000, 'x');
  std::vector<std::string> heard;
  bob->ondescription = [&](DescriptionEvent& e) {
    EXPECT_EQ(e.description.sdp, sdp);
    EXPECT_EQ(e.from.name, "ada");
    heard.push_back("description");
    bob->sendDescription("ada", {RTCSdpType::answer, "v=0"});
  };
  bob->oncandidate = [&](CandidateEvent& e) { heard.push_back("candidate " + e.candidate.candidate); };
  bob->onhangup = [&](HangUpEvent& e) { heard.push_back("hang-up of " + e.from); };
  bool answered = false;
  ada->ondescription = [&](DescriptionEvent& e) { answered = e.description.type == RTCSdpType::answer; };
  ada->sendDescription("bob", {RTCSdpType::offer, sdp});
  ada->sendCandidate("bob", {.candidate = "1"});
  ada->sendHangUp("bob");
  EXPECT_TRUE(until([&] { return heard.size() == 3 && answered; }));
  EXPECT_THAT(heard, testing::ElementsAre("description", "candidate 1", "hang-up of ada"));
  ada.reset();
  EXPECT_TRUE(until([&] { return bob->peers().empty(); })) << "a client that is destroyed says good-bye";
}

TEST_P(ServerInBothProtocols, ClientsMayBeDestroyedInTheirOwnEvents) {
  start();
  auto ada = client("ada", GetParam()), bob = client("bob", GetParam());
  ada->onready = [&] { ada.reset(); };
  bob->onpeers = [&] { bob.reset(); };
  EXPECT_TRUE(until([&] { return !ada && !bob; }));
  EXPECT_TRUE(until([&] { return server_->connections() == 0; }));
}

TEST_P(ServerInBothProtocols, AServerThatEndsIsSaid) {
  start({.limits = {.resumeTime = 1s}});
  auto ada = client("ada", GetParam());
  ASSERT_TRUE(until([&] { return ada->ready(); }));
  std::optional<ClosedEvent> closed;
  ada->onclosed = [&](ClosedEvent& e) { closed = e; };
  server_.reset();
  ASSERT_TRUE(until([&] { return closed.has_value(); }));
  EXPECT_EQ(closed->why, ClosedEvent::Why::lost);
}

TEST_F(ServerTest, ALostSocketIsResumed) {
  start();
  auto ada = client("ada", Protocol::peerage_1), bob = client("bob", Protocol::peerage_1);
  ASSERT_TRUE(until([&] { return ada->peers().size() == 1 && bob->peers().size() == 1; }));
  std::vector<std::string> heard;
  bob->oncandidate = [&](CandidateEvent& e) { heard.push_back(e.candidate.candidate); };
  bob->onpeers = [&](PeersEvent& e) { EXPECT_EQ(e.peers.size(), 1u) << "nobody sees that the socket was lost"; };
  ada->sendCandidate("bob", {.candidate = "1"});
  ada->dropSocket();
  ada->sendCandidate("bob", {.candidate = "2"});
  bob->dropSocket();
  ASSERT_TRUE(until([&] { return heard.size() == 2; }));
  ada->sendCandidate("bob", {.candidate = "3"});
  ASSERT_TRUE(until([&] { return heard.size() == 3; }));
  EXPECT_THAT(heard, testing::ElementsAre("1", "2", "3"));
}

TEST_F(ServerTest, WhatCannotBeReachedIsSaid) {
  start();
  const uint16_t port = server_->port();
  server_.reset();
  loop_.runUntil(loop_.delay(20ms));
  Client nobody(loop_, {.url = "ws://127.0.0.1:" + std::to_string(port), .name = "ada"});
  std::optional<ClosedEvent> closed;
  nobody.onclosed = [&](ClosedEvent& e) { closed = e; };
  ASSERT_TRUE(until([&] { return closed.has_value(); }));
  EXPECT_EQ(closed->why, ClosedEvent::Why::unreachable);
  const std::string there = "127.0.0.1:" + std::to_string(port);
  EXPECT_EQ(closed->message, "no signalling server at " + there + ": nobody listens on " + there);
}

TEST_F(ServerTest, NoServerOnAPortThatIsTaken) {
  start();
  try {
    Server second(loop_, {.port = server_->port(), .interface = "127.0.0.1"});
    FAIL() << "the port is taken";
  } catch (const SignalingError& e) {
    EXPECT_EQ(std::string(e.what()), "port " + std::to_string(server_->port()) + " is in use");
  }
  EXPECT_THROW(Server(loop_, {.port = 0, .interface = "no-such-interface"}), SignalingError);
  EXPECT_THROW(Server(loop_, {.port = 0, .tlsCertificate = "/absent", .tlsKey = "/absent"}), SignalingError);
  EXPECT_THROW(Client(loop_, {.url = "nonsense", .name = "x"}), SignalingError);
}

/// Whether a TCP connection to this address can be made.
bool answers(const char* address, uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  const bool isV4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
  EXPECT_TRUE(isV4 || inet_pton(AF_INET6, address, &v6.sin6_addr) == 1) << address;
  const int fd = socket(isV4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
  if (fd < 0) return false;
  const bool connected = isV4 ? connect(fd, reinterpret_cast<sockaddr*>(&v4), sizeof v4) == 0
                              : connect(fd, reinterpret_cast<sockaddr*>(&v6), sizeof v6) == 0;
  ::close(fd);
  return connected;
}

bool hasIpv6() {
  sockaddr_in6 loopback{};
  loopback.sin6_family = AF_INET6;
  loopback.sin6_addr = in6addr_loopback;
  const int fd = socket(AF_INET6, SOCK_STREAM, 0);
  if (fd < 0) return false;
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&loopback), sizeof loopback) == 0;
  ::close(fd);
  return bound;
}

TEST_F(ServerTest, ListensOnTheAddressThatWasAskedForAlone) {
  for (const char* own : {"127.0.0.1", "lo"}) {
    start({.interface = own});
    EXPECT_TRUE(answers("127.0.0.1", server_->port())) << own;
    EXPECT_FALSE(answers("127.0.0.2", server_->port())) << own;
    EXPECT_FALSE(answers("::1", server_->port())) << own;
  }
  start({.interface = "127.0.0.2"});
  EXPECT_TRUE(answers("127.0.0.2", server_->port())) << "an address of loopback that no interface lists";
  EXPECT_FALSE(answers("127.0.0.1", server_->port()));
  if (!hasIpv6()) GTEST_SKIP() << "a machine without IPv6";
  start({.interface = "::1"});
  EXPECT_TRUE(answers("::1", server_->port()));
  EXPECT_FALSE(answers("127.0.0.1", server_->port()));
}

TEST_F(ServerTest, ListensEverywhereWhenNothingIsAskedFor) {
  server_ = std::make_unique<Server>(loop_, ServerOptions{.port = 0});
  EXPECT_TRUE(answers("127.0.0.1", server_->port()));
  EXPECT_TRUE(answers("127.0.0.2", server_->port()));
  EXPECT_EQ(answers("::1", server_->port()), hasIpv6());
}

TEST_F(ServerTest, AnAddressThatIsNotHereIsSaid) {
  // The first three are of documentation (RFC 5737, RFC 3849), the last is no address.
  for (const auto& [wish, problem] : {std::pair{"192.0.2.1", "this machine has no address 192.0.2.1 to listen on"},
                                      {"203.0.113.7", "this machine has no address 203.0.113.7 to listen on"},
                                      {"2001:db8::1", "this machine has no address 2001:db8::1 to listen on"},
                                      {"127.0.0.256", "this machine has no network interface with an address that is called 127.0.0.256"}}) {
    try {
      Server server(loop_, {.port = 0, .interface = wish});
      ADD_FAILURE() << wish;
    } catch (const SignalingError& e) {
      EXPECT_STREQ(e.what(), problem);
    }
  }
}

TEST_F(ServerTest, HundredsOfClientsComeAndGo) {
  start();
  for (int round = 0; round < 10; ++round) {
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 20; ++i) {
      clients.push_back(client("user" + std::to_string(i), i % 2 ? Protocol::json : Protocol::peerage_1));
      clients.back()->onclosed = [](ClosedEvent& e) { ADD_FAILURE() << e.message; };
    }
    ASSERT_TRUE(until([&] { return std::ranges::all_of(clients, [](const auto& c) { return c->ready(); }); }));
    clients.clear();
    ASSERT_TRUE(until([&] { return server_->connections() == 0; }));
  }
}

// ---- TLS ---------------------------------------------------------------------------------------------------------------

/// A key and a certificate for localhost, in files.
class TlsFiles {
 public:
  TlsFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "peerage-tls-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* x509 = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    X509_sign(x509, key, EVP_sha256());
    write(keyFile(), [&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
    write(certificateFile(), [&](BIO* bio) { PEM_write_bio_X509(bio, x509); });
    X509_free(x509);
    EVP_PKEY_free(key);
  }
  ~TlsFiles() { std::filesystem::remove_all(folder_); }
  std::string keyFile() const { return folder_ / "key.pem"; }
  std::string certificateFile() const { return folder_ / "cert.pem"; }

 private:
  static void write(const std::string& path, const std::function<void(BIO*)>& fill) {
    BIO* bio = BIO_new_file(path.c_str(), "w");
    fill(bio);
    BIO_free(bio);
  }
  std::filesystem::path folder_;
};

TEST_F(ServerTest, WorksOverTls) {
  const TlsFiles files;
  start({.tlsCertificate = files.certificateFile(), .tlsKey = files.keyFile()});
  auto ada = client("ada", Protocol::json, "wss"), bob = client("bob", Protocol::peerage_1, "wss");
  EXPECT_TRUE(until([&] { return ada->ready() && bob->ready(); }));
  Client strict(loop_, {.url = "wss://127.0.0.1:" + std::to_string(server_->port()), .name = "eve"});
  std::optional<ClosedEvent> closed;
  strict.onclosed = [&](ClosedEvent& e) { closed = e; };
  ASSERT_TRUE(until([&] { return closed.has_value(); }));
  EXPECT_EQ(closed->why, ClosedEvent::Why::unreachable) << "a certificate that nobody vouches for is not accepted";
}

}  // namespace
}  // namespace peerage::signaling
