#include "call_session.hpp"

#include <cstdio>

#include "exit_codes.hpp"
#include "media/draw.hpp"
#include "media/tone.hpp"

namespace peerage::app {

namespace {

using namespace std::chrono_literals;
constexpr size_t kSampleFileBytes = 1'000'000;

std::string text(std::string_view view) { return std::string(view); }

/// "audio 0, video 1, application 2": the sections of a description.
std::string sections(const std::string& sdp) {
  std::string list;
  size_t at = 0;
  while ((at = sdp.find("\nm=", at)) != std::string::npos) {
    at += 3;
    const std::string kind = sdp.substr(at, sdp.find(' ', at) - at);
    const size_t next = sdp.find("\nm=", at);
    const size_t mid = sdp.find("a=mid:", at);
    list += (list.empty() ? "" : ", ") + kind;
    if (mid < next) list += " " + sdp.substr(mid + 6, sdp.find_first_of("\r\n", mid) - mid - 6);
  }
  return list;
}

/// What happened to a promise that nobody waits for.
template <typename T>
void report(Promise<T> promise, std::function<void(const std::string&)> say) {
  promise.then([] {}, [say](std::exception_ptr error) { say("error: " + detail::describe(error)); }).markHandled();
}

}  // namespace

void ReturnedVideo::follow(EventLoop& loop, MediaStreamTrack& track) {
  sink_ = track.addVideoSink([this, &loop](const VideoFrame& frame) {
    auto picture = std::make_shared<I420Buffer>(*frame.buffer);  // the decoder's own picture stays as it is
    const int scale = std::max(1, picture->height() / 120);
    char line[80];
    std::snprintf(line, sizeof line, "FRAME %llu  RTT %.1f MS", static_cast<unsigned long long>(++frames_), roundTrip_ * 1000);
    media::drawText(*picture, 4 * scale, 4 * scale, line, scale);
    source_.push({.buffer = std::move(picture), .timestamp = loop.now(), .rotation = frame.rotation});
  });
}

CallSession::CallSession(EventLoop& loop, signaling::Client& client, Options options)
    : loop_(loop), client_(client), options_(std::move(options)), pc_(loop, options_.configuration), returned_(loop), began_(loop.now()) {
  pc_.onnegotiationneeded = [this]() { return negotiate(); };
  pc_.onicecandidate = [this](RTCPeerConnectionIceEvent& e) {
    if (!e.candidate) return say("gathering is complete");
    say("candidate: " + (e.candidate->candidate().empty() ? "end of candidates" : e.candidate->candidate()));
    client_.sendCandidate(options_.peer.name, e.candidate->toJSON());
  };
  pc_.onicecandidateerror = [this](RTCPeerConnectionIceErrorEvent& e) { say("candidate error: " + e.url + ": " + e.errorText); };
  pc_.onsignalingstatechange = [this] { say("signalingState: " + text(toString(pc_.signalingState()))); };
  pc_.oniceconnectionstatechange = [this] { say("iceConnectionState: " + text(toString(pc_.iceConnectionState()))); };
  pc_.onicegatheringstatechange = [this] { say("iceGatheringState: " + text(toString(pc_.iceGatheringState()))); };
  pc_.onconnectionstatechange = [this] {
    say("connectionState: " + text(toString(pc_.connectionState())));
    if (connected()) wasConnected_ = true;
    if (pc_.connectionState() == RTCPeerConnectionState::failed) over("the connection failed", true);
  };
  pc_.ontrack = [this](RTCTrackEvent& e) { takeTrack(e); };
  pc_.ondatachannel = [this](RTCDataChannelEvent& e) { takeChannel(e.channel); };

  pc_.addTrack(options_.source->audioTrack(), options_.source->stream());
  pc_.addTrack(options_.source->videoTrack(), options_.source->stream());
  if (options_.inviting) {
    takeChannel(pc_.createDataChannel("chat"));
    takeChannel(pc_.createDataChannel("file"));
  }
  statistics_ = loop_.setInterval([this] { report(printStatistics(), [this](const std::string& s) { say(s); }); }, 1s);
}

CallSession::~CallSession() {
  loop_.clearInterval(statistics_);
  for (const auto& [track, taken] : taken_) track->onended = nullptr;
  pc_.close();
}

void CallSession::say(const std::string& line) const {
  if (!options_.print) return;
  std::printf("[%s] %s\n", options_.peer.name.c_str(), line.c_str());
  std::fflush(stdout);
}

void CallSession::over(const std::string& why, bool failed) {
  if (over_) return;
  over_ = true;
  say("over: " + why);
  if (onover) onover(why, failed);
}

// --- Negotiation: webrtc-pc §10.7 -----------------------------------------------------------------------------------------

Promise<> CallSession::negotiate() {
  say("negotiationneeded");
  makingOffer_ = true;
  try {
    co_await pc_.setLocalDescription();
    const auto offer = pc_.localDescription();
    say("offer sent: " + sections(offer->sdp()));
    client_.sendDescription(options_.peer.name, offer->toJSON());
  } catch (const std::exception& e) {
    say(std::string("error: ") + e.what());
  }
  makingOffer_ = false;
}

void CallSession::receive(const RTCSessionDescriptionInit& description) {
  report(handleDescription(description), [this](const std::string& s) { say(s); });
}

void CallSession::receive(const RTCIceCandidateInit& candidate) {
  report(handleCandidate(candidate), [this](const std::string& s) { say(s); });
}

Promise<> CallSession::handleDescription(RTCSessionDescriptionInit description) {
  const bool offer = description.type == RTCSdpType::offer;
  say(text(toString(description.type)) + " received: " + sections(description.sdp));
  const bool ready = !makingOffer_ && (pc_.signalingState() == RTCSignalingState::stable || settingAnswer_);
  ignoreOffer_ = !options_.peer.polite && offer && !ready;
  if (offer && !ready) say(ignoreOffer_ ? "collision: this offer is ignored" : "collision: our own offer is rolled back");
  if (ignoreOffer_) co_return;
  settingAnswer_ = description.type == RTCSdpType::answer;
  std::string problem;
  try {
    co_await pc_.setRemoteDescription(description);
  } catch (const std::exception& e) {
    problem = e.what();
  }
  settingAnswer_ = false;
  if (!problem.empty()) {
    say("error: the description was refused: " + problem);
    if (!connected()) over("the peer's description was refused: " + problem, true);
    co_return;
  }
  if (!offer) {
    ++counts_.offersMade;
    co_return;
  }
  co_await pc_.setLocalDescription();
  const auto answer = pc_.localDescription();
  say("answer sent: " + sections(answer->sdp()));
  client_.sendDescription(options_.peer.name, answer->toJSON());
  ++counts_.offersTaken;
}

Promise<> CallSession::handleCandidate(RTCIceCandidateInit candidate) {
  say("candidate received: " + (candidate.candidate.empty() ? "end of candidates" : candidate.candidate));
  std::string problem;
  try {
    co_await pc_.addIceCandidate(candidate);
  } catch (const std::exception& e) {
    problem = e.what();
  }
  if (!problem.empty() && !ignoreOffer_) say("error: the candidate was refused: " + problem);
}

// --- Media ----------------------------------------------------------------------------------------------------------------

void CallSession::takeTrack(RTCTrackEvent& event) {
  const auto track = event.track;
  ++counts_.tracks;
  say("track: " + text(toString(track->kind())) + (event.streams.empty() ? "" : " of stream " + event.streams[0]->id()));
  const auto [entry, isNew] = taken_.try_emplace(track);
  if (!isNew) return;  // its direction went and came again: it stays in its file
  Taken& taken = entry->second;
  track->onended = [this, raw = track.get()] { taken_.erase(raw->shared_from_this()); };
  if (options_.recorder) {
    try {
      taken.recording = options_.recorder->record(options_.peer.name, *track);
    } catch (const Failure& e) {  // one track less is no reason to end the calls
      say(std::string("error: not recorded: ") + e.what());
    }
  }
  if (track->kind() == MediaKind::audio) {
    taken.sink = track->addAudioSink([this](const AudioFrame& frame) {
      counts_.audioSamples += frame.samplesPerChannel();
      for (size_t i = 0; i < frame.samplesPerChannel(); ++i) heard_.push_back(frame.samples[i * static_cast<size_t>(frame.channels)]);
      if (heard_.size() < 4800) return;
      if (const double hertz = media::strongestTone(heard_, 1); hertz > 0) counts_.toneHertz = hertz;
      heard_.clear();
    });
    return;
  }
  taken.sink = track->addVideoSink([this](const VideoFrame&) { ++counts_.videoFrames; });
  if (!options_.returnVideo || returning_) return;
  // The first camera that comes goes back as a second video: a change, so a negotiation begun by this side.
  returning_ = true;
  returned_.follow(loop_, *track);
  pc_.addTrack(returned_.track(), returned_.stream());
}

void CallSession::toggleSecondVideo() {
  if (second_) {
    pc_.removeTrack(second_);
    second_ = nullptr;
    secondSource_ = nullptr;
    return;
  }
  secondSource_ = std::make_unique<MediaSource>(loop_, "test", 660);
  second_ = pc_.addTrack(secondSource_->videoTrack(), secondSource_->stream());
}

// --- Channels -------------------------------------------------------------------------------------------------------------

void CallSession::takeChannel(std::shared_ptr<RTCDataChannel> channel) {
  RTCDataChannel* raw = channel.get();
  channel->onopen = [this, raw] { say("data channel \"" + raw->label() + "\" is open"); };
  channel->onclose = [this, raw] { say("data channel \"" + raw->label() + "\" is closed"); };
  channel->onerror = [this, raw](RTCErrorEvent& e) { say("data channel \"" + raw->label() + "\": " + e.error.what()); };
  if (channel->label() == "file") {
    fileChannel_ = channel;
    files_ = std::make_unique<FileTransfer>(channel);
    files_->onreceived = [this](const FileTransfer::Received& file) {
      say("file received: " + file.name + ", " + std::to_string(file.bytes.size()) + " bytes, " +
          (file.intact ? "intact" : "DAMAGED"));
      lastFile_ = file;
      if (onfile) onfile(file);
    };
    files_->onsent = [this](const std::string& name, bool intact) {
      say("file sent: " + name + ", " + (intact ? "intact there" : "DAMAGED there"));
      if (onfilesent) onfilesent(name, intact);
    };
    files_->onproblem = [this](const std::string& problem) { say("file channel: " + problem); };
    return;
  }
  chat_ = channel;
  channel->onmessage = [this](MessageEvent& message) {
    if (!message.isText()) return;
    say("chat: " + message.text());
    if (onchat) onchat(message.text());
    if (options_.inviting) return;
    try {
      answerChat(message.text());
    } catch (const std::exception& e) {  // too long to echo, or more than the connection takes: the peer's doing
      say(std::string("chat: the peer's message was not answered: ") + e.what());
    }
  };
}

void CallSession::answerChat(const std::string& message) {
  if (!chat_ || chat_->readyState() != RTCDataChannelState::open) return;
  if (message == "/file") return sendSampleFile();
  if (message == "/video") {
    toggleSecondVideo();
    chat_->send(second_ ? "A second picture is on its way." : "The second picture is gone.");
    return;
  }
  if (message == "/restart") {
    pc_.restartIce();
    chat_->send("ICE restarts.");
    return;
  }
  chat_->send("You said: " + message);
}

/// Gives back the last file that came, or one made here.
void CallSession::sendSampleFile() {
  if (!files_) {
    chat_->send("There is no data channel \"file\".");
    return;
  }
  try {
    if (lastFile_) return files_->send(lastFile_->name, "application/octet-stream", lastFile_->bytes);
    std::vector<uint8_t> bytes(kSampleFileBytes);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 2654435761u >> 24);
    files_->send("sample.bin", "application/octet-stream", std::move(bytes));
  } catch (const DOMException& e) {
    chat_->send(std::string("No file now: ") + e.what());
  }
}

// --- Statistics -----------------------------------------------------------------------------------------------------------

Promise<> CallSession::printStatistics() {
  if (!connected()) co_return;
  const RTCStatsReport report = co_await pc_.getStats();
  double bytesIn = 0, bytesOut = 0, lost = 0, roundTrip = 0;
  Last now{.frames = counts_.videoFrames};
  const auto sinceLast = [&](const RTCStats& stream, std::string_view member) {
    const double bytes = stream.number(member).value_or(0);
    now.bytes[stream.id] = bytes;
    const auto before = last_.bytes.find(stream.id);
    return before == last_.bytes.end() ? bytes : bytes - before->second;
  };
  for (const RTCStats* s : report.ofType("inbound-rtp")) {
    bytesIn += sinceLast(*s, "bytesReceived");
    lost += s->number("packetsLost").value_or(0);
  }
  for (const RTCStats* s : report.ofType("outbound-rtp")) bytesOut += sinceLast(*s, "bytesSent");
  for (const RTCStats* transport : report.ofType("transport")) {
    const RTCStats* pair = report.get(transport->text("selectedCandidatePairId"));
    if (pair) roundTrip = pair->number("currentRoundTripTime").value_or(0);
  }
  returned_.setRoundTripTime(roundTrip);
  char line[200];
  std::snprintf(line, sizeof line, "%.0f s: in %.0f kbit/s, %llu pictures/s, tone %.0f Hz, lost %.0f; out %.0f kbit/s; round trip %.1f ms",
                std::chrono::duration<double>(loop_.now() - began_).count(), bytesIn * 8 / 1000,
                static_cast<unsigned long long>(now.frames - last_.frames), counts_.toneHertz, lost,
                bytesOut * 8 / 1000, roundTrip * 1000);
  last_ = std::move(now);
  say(line);
}

}  // namespace peerage::app
