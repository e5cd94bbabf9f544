// ./run demo --self-test: a call between two native peers through the real server, over real sockets, with evidence.
#include <cstdio>

#include "call_session.hpp"
#include "commands.hpp"
#include "exit_codes.hpp"
#include "peerage/codecs.hpp"

namespace peerage::app {

namespace {

using namespace std::chrono_literals;

constexpr size_t kFileBytes = 10'000'000;

/// One end of the call. Alice invites, Bob answers.
struct End {
  End(EventLoop& loop, uint16_t port, const std::string& name, double hertz)
      : source(std::make_shared<MediaSource>(loop, "test", hertz)),
        client(loop, {.url = "ws://127.0.0.1:" + std::to_string(port), .name = name, .protocol = signaling::Protocol::peerage_1}) {
    client.ondescription = [this, &loop](signaling::DescriptionEvent& e) {
      if (!session) start(loop, e.from, false);
      session->receive(e.description);
    };
    client.oncandidate = [this](signaling::CandidateEvent& e) {
      if (session) session->receive(e.candidate);
    };
    client.onclosed = [](signaling::ClosedEvent& e) { throw Failure(kServerUnreachable, e.message); };
  }
  void start(EventLoop& loop, const signaling::Peer& peer, bool inviting) {
    session = std::make_unique<CallSession>(
        loop, client,
        CallSession::Options{.peer = peer, .inviting = inviting, .returnVideo = false, .source = source, .recorder = nullptr});
    session->onover = [](const std::string& why, bool) { throw Failure(kCallFailed, why); };
    session->onchat = [this](const std::string& text) { chat = text; };
    session->onfile = [this](const FileTransfer::Received& file) { fileBytes = file.intact ? file.bytes.size() : 0; };
    session->onfilesent = [this](const std::string&, bool intact) { fileAcknowledged = intact; };
  }
  std::shared_ptr<MediaSource> source;
  signaling::Client client;
  std::unique_ptr<CallSession> session;
  std::string chat;
  size_t fileBytes = 0;
  bool fileAcknowledged = false;
};

class SelfTest {
 public:
  int run() {
    server_ = std::make_unique<signaling::Server>(loop_, signaling::ServerOptions{.port = 0, .interface = "127.0.0.1"});
    evidence("the signalling server listens on port " + std::to_string(server_->port()));
    alice_ = std::make_unique<End>(loop_, server_->port(), "alice", 440);
    bob_ = std::make_unique<End>(loop_, server_->port(), "bob", 523);
    connect();
    media();
    message();
    file();
    renegotiate("alice", *alice_, *bob_);
    renegotiate("bob", *bob_, *alice_);
    alice_->client.sendHangUp("bob");
    alice_->session.reset();
    bob_->session.reset();
    evidence("hung up");
    alice_.reset();
    bob_.reset();
    server_.reset();
    std::printf("\nThe self-test passed: %d points of evidence\n", points_);
    return kOk;
  }

 private:
  void evidence(const std::string& what) {
    std::printf("ok %d: %s\n", ++points_, what.c_str());
    std::fflush(stdout);
  }
  void await(const std::string& what, std::chrono::seconds limit, std::function<bool()> done) {
    if (!loop_.runUntil([&] { return done(); }, limit)) {
      throw Failure(kCallFailed, "waited " + std::to_string(limit.count()) + " s for this: " + what);
    }
  }

  void connect() {
    await("both know each other", 15s, [&] { return !alice_->client.peers().empty() && !bob_->client.peers().empty(); });
    alice_->start(loop_, alice_->client.peers().front(), true);
    await("both are connected", 30s,
          [&] { return alice_->session->connected() && bob_->session && bob_->session->connected(); });
    evidence("alice and bob are connected: ICE, DTLS, " + std::to_string(alice_->session->pc().getTransceivers().size()) +
             " transceivers");
  }

  void media() {
    const auto flows = [](const CallSession& session, double hertz) {
      const auto& c = session.counts();
      return c.videoFrames >= 50 && c.audioSamples >= 96000 && c.toneHertz > hertz - 5 && c.toneHertz < hertz + 5;
    };
    await("audio and video decoded on both sides", 60s,
          [&] { return flows(*alice_->session, 523) && flows(*bob_->session, 440); });
    for (const auto* end : {alice_.get(), bob_.get()}) {
      const auto& c = end->session->counts();
      evidence(end->client.name() + " decoded " + std::to_string(c.videoFrames) + " pictures and " +
               std::to_string(c.audioSamples / 48) + " ms of sound, whose tone is " + std::to_string(static_cast<int>(c.toneHertz + 0.5)) +
               " Hz");
    }
  }

  void message() {
    await("the chat channel", 15s, [&] {
      return alice_->session->chat()->readyState() == RTCDataChannelState::open && bob_->session->chat();
    });
    alice_->session->chat()->send("Wherefore art thou native?");
    await("bob's answer", 15s, [&] { return alice_->chat == "You said: Wherefore art thou native?"; });
    evidence("a message arrived and was answered: \"" + alice_->chat + "\"");
  }

  void file() {
    std::vector<uint8_t> bytes(kFileBytes);
    uint32_t state = 1;
    for (uint8_t& b : bytes) b = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
    alice_->session->files()->send("ten-megabytes.bin", "application/octet-stream", std::move(bytes));
    await("a file of 10 MB, whole", 120s, [&] { return bob_->fileBytes == kFileBytes && alice_->fileAcknowledged; });
    evidence("a file of " + std::to_string(bob_->fileBytes) + " bytes arrived intact (SHA-256 compared on both sides)");
  }

  void renegotiate(const std::string& name, End& from, End& to) {
    const int before = from.session->counts().offersMade;
    const int tracks = to.session->counts().tracks;
    const uint64_t frames = to.session->counts().videoFrames;
    from.session->toggleSecondVideo();
    await("a renegotiation begun by " + name, 30s, [&] {
      return from.session->counts().offersMade == before + 1 && to.session->counts().tracks == tracks + 1 &&
             from.session->pc().signalingState() == RTCSignalingState::stable &&
             to.session->counts().videoFrames > frames + 60;
    });
    evidence(name + " added a second video in mid-call: negotiated, and its pictures arrive");
  }

  EventLoop loop_{{.codecs = builtinCodecs(), .includeLoopback = true}};
  std::unique_ptr<signaling::Server> server_;
  std::unique_ptr<End> alice_, bob_;
  int points_ = 0;
};

}  // namespace

int selfTest() { return SelfTest().run(); }

}  // namespace peerage::app
