#include <cstdio>
#include <map>

#include "call_session.hpp"
#include "commands.hpp"
#include "exit_codes.hpp"
#include "peerage/codecs.hpp"
#include "signals.hpp"

namespace peerage::app {

namespace {

using namespace std::chrono_literals;

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

/// The program between the signalling client and its calls.
class Caller {
 public:
  Caller(EventLoop& loop, const CallOptions& options)
      : loop_(loop),
        options_(options),
        source_(std::make_shared<MediaSource>(loop, options.source)),
        recorder_(options.record.empty() ? nullptr : std::make_shared<Recorder>(options.record)),
        configuration_(configuration(loop, options)),
        client_(loop, {.url = options.server,
                       .name = options.name,
                       .protocol = options.protocol,
                       .room = options.room,
                       .acceptOtherName = false,
                       .verifyCertificate = options.verifyCertificate}) {
    client_.onready = [this](ReadyEvent& e) {
      say("Connected to " + options_.server + " as \"" + e.name + "\"");
      if (options_.invite.empty()) return;
      waiting_ = loop_.setTimeout([this] { finish(kCallFailed, "there is no user \"" + options_.invite + "\""); }, 30s);
    };
    client_.onpeers = [this](PeersEvent& e) { peersChanged(e.peers); };
    client_.ondescription = [this](DescriptionEvent& e) { description(e); };
    client_.oncandidate = [this](CandidateEvent& e) {
      if (CallSession* session = sessionOf(e.from)) session->receive(e.candidate);
    };
    client_.onhangup = [this](HangUpEvent& e) { hungUp(e.from); };
    client_.ontext = [](TextEvent& e) { say("<" + e.from + "> " + e.text); };
    client_.onrefused = [](RefusedEvent& e) { say("The server refused: " + e.message + " (" + e.code + ")"); };
    client_.onclosed = [this](ClosedEvent& e) { closed(e); };
  }

  /// Hangs up every call and leaves the server.
  void hangUp() {
    for (const auto& [name, session] : sessions_) {
      client_.sendHangUp(name);
      say("[" + name + "] hang-up sent");
    }
    sessions_.clear();
    client_.close();
  }
  int exitCode() const { return exitCode_; }
  const std::string& problem() const { return problem_; }

 private:
  using ReadyEvent = signaling::ReadyEvent;
  using PeersEvent = signaling::PeersEvent;
  using DescriptionEvent = signaling::DescriptionEvent;
  using CandidateEvent = signaling::CandidateEvent;
  using HangUpEvent = signaling::HangUpEvent;
  using TextEvent = signaling::TextEvent;
  using RefusedEvent = signaling::RefusedEvent;
  using ClosedEvent = signaling::ClosedEvent;

  /// Throws Failure for an ICE server that cannot be used, before anything has begun.
  static RTCConfiguration configuration(EventLoop& loop, const CallOptions& options) {
    RTCConfiguration configuration;
    for (const std::string& url : options.iceServers) configuration.iceServers.push_back({.urls = {url}});
    try {
      RTCPeerConnection(loop, configuration);
    } catch (const DOMException& e) {
      throw Failure(kUsage, std::string("--ice-server: ") + e.what());
    }
    return configuration;
  }

  void finish(int code, std::string problem = {}) {
    exitCode_ = code;
    problem_ = std::move(problem);
    loop_.stop();
  }

  /// MDN's page sends candidates without a name: then they belong to the only call there is.
  CallSession* sessionOf(const std::string& from) {
    if (from.empty() && sessions_.size() == 1) return sessions_.begin()->second.get();
    const auto it = sessions_.find(from);
    return it == sessions_.end() ? nullptr : it->second.get();
  }

  void peersChanged(const std::vector<signaling::Peer>& peers) {
    std::map<std::string, bool> there;
    for (const auto& peer : peers) {
      there[peer.name] = true;
      if (peer.name == options_.invite && !invited_) {
        invited_ = true;
        loop_.clearTimeout(waiting_);
        say("[" + peer.name + "] inviting");
        start(peer, true);
      }
    }
    std::vector<std::string> gone;
    for (const auto& [name, session] : sessions_) {
      if (!there.contains(name)) gone.push_back(name);
    }
    for (const auto& name : gone) hungUp(name, "left the server");
  }

  CallSession& start(const signaling::Peer& peer, bool inviting) {
    auto session = std::make_unique<CallSession>(loop_, client_,
                                                 CallSession::Options{.peer = peer,
                                                                      .inviting = inviting,
                                                                      .returnVideo = options_.returnVideo,
                                                                      .configuration = configuration_,
                                                                      .source = source_,
                                                                      .recorder = recorder_});
    session->onover = [this, name = peer.name](const std::string& why, bool failed) {
      loop_.queueTask([this, name, why, failed] { ended(name, failed ? why : ""); });
    };
    return *(sessions_[peer.name] = std::move(session));
  }

  void description(DescriptionEvent& event) {
    CallSession* session = sessionOf(event.from.name);
    if (!session) {
      if (event.description.type != RTCSdpType::offer) return;  // of a call that is over
      if (!options_.autoAnswer) {
        say("[" + event.from.name + "] calls, and is refused: start with --auto-answer to take calls");
        client_.sendHangUp(event.from.name);
        return;
      }
      say("[" + event.from.name + "] calls");
      session = &start(event.from, false);
    }
    session->receive(event.description);
  }

  void hungUp(const std::string& from, const std::string& why = "hung up") {
    CallSession* session = sessionOf(from);
    if (!session) return;
    const std::string name = sessions_.count(from) ? from : sessions_.begin()->first;
    say("[" + name + "] " + why);
    ended(name, session->wasConnected() ? "" : name + " " + why + " before there was a connection");
  }

  void ended(const std::string& name, const std::string& failure) {
    if (sessions_.erase(name) == 0) return;
    if (!failure.empty()) client_.sendHangUp(name);
    if (name == options_.invite && !options_.autoAnswer) finish(failure.empty() ? kOk : kCallFailed, failure);
  }

  void closed(ClosedEvent& event) {
    switch (event.why) {
      case ClosedEvent::Why::name_refused: return finish(kNameTaken, event.message);
      case ClosedEvent::Why::unreachable:
      case ClosedEvent::Why::protocol_refused:
      case ClosedEvent::Why::lost:
      case ClosedEvent::Why::closed_by_server: return finish(kServerUnreachable, event.message);
    }
  }

  EventLoop& loop_;
  CallOptions options_;
  std::shared_ptr<MediaSource> source_;
  std::shared_ptr<Recorder> recorder_;
  RTCConfiguration configuration_;
  signaling::Client client_;
  std::map<std::string, std::unique_ptr<CallSession>> sessions_;
  EventLoop::TimerId waiting_ = 0;
  bool invited_ = false;
  int exitCode_ = kOk;
  std::string problem_;
};

}  // namespace

int call(const CallOptions& options) {
  EventLoop loop({.codecs = builtinCodecs(), .includeLoopback = true});
  std::unique_ptr<Caller> caller;
  try {
    caller = std::make_unique<Caller>(loop, options);
  } catch (const signaling::SignalingError& e) {
    throw Failure(kUsage, std::string("--server: ") + e.what());
  }
  bool interrupted = false;
  {
    SignalWatcher signals(loop, [&] {
      interrupted = true;
      loop.stop();
    });
    loop.run();
    caller->hangUp();
    loop.runUntil([] { return false; }, 200ms);  // the good-byes leave
  }
  const int code = caller->exitCode();
  const std::string problem = caller->problem();
  caller.reset();
  loop.runOnce(false);
  if (interrupted) return kInterrupted;
  if (!problem.empty()) throw Failure(static_cast<ExitCode>(code), problem);
  return code;
}

}  // namespace peerage::app
