// One call with one peer: negotiation as the specification's perfect-negotiation example has it, what the demo does with
// media and channels, and a line on standard output for each thing that happens.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "file_transfer.hpp"
#include "peerage/peerage.hpp"
#include "peerage/signaling.hpp"
#include "recorder.hpp"
#include "sources.hpp"

namespace peerage::app {

/// The picture that the peer sent, with the frame number and the round trip drawn over it, on its way back to him.
class ReturnedVideo {
 public:
  explicit ReturnedVideo(EventLoop& loop) : source_(loop, "returned") {}
  std::shared_ptr<MediaStreamTrack> track() const { return source_.track(); }
  std::shared_ptr<MediaStream> stream() const { return source_.stream(); }
  /// Sends back what the track shows from now on.
  void follow(EventLoop& loop, MediaStreamTrack& track);
  void setRoundTripTime(double seconds) { roundTrip_ = seconds; }
  uint64_t frames() const { return frames_; }

 private:
  VideoSource source_;
  SinkHandle sink_;
  double roundTrip_ = 0;
  uint64_t frames_ = 0;
};

class CallSession {
 public:
  struct Options {
    signaling::Peer peer;
    bool inviting = false;      ///< we make the channels and the first offer
    bool returnVideo = true;
    RTCConfiguration configuration;
    std::shared_ptr<MediaSource> source;
    std::shared_ptr<Recorder> recorder;  ///< null: nothing is recorded
    bool print = true;
  };
  CallSession(EventLoop& loop, signaling::Client& client, Options options);
  ~CallSession();
  CallSession(const CallSession&) = delete;
  CallSession& operator=(const CallSession&) = delete;

  void receive(const RTCSessionDescriptionInit& description);
  void receive(const RTCIceCandidateInit& candidate);

  /// Counts since the beginning, for the self-test and the statistics line.
  struct Counts {
    uint64_t videoFrames = 0;      ///< decoded pictures of all tracks
    uint64_t audioSamples = 0;
    double toneHertz = 0;          ///< strongest tone of the last tenth of a second with sound
    int tracks = 0;                ///< track events
    int offersMade = 0;            ///< ours that were answered
    int offersTaken = 0;           ///< the peer's that we answered
  };
  const Counts& counts() const { return counts_; }
  bool connected() const { return pc_.connectionState() == RTCPeerConnectionState::connected; }
  /// It is connected, or has been.
  bool wasConnected() const { return wasConnected_; }
  RTCPeerConnection& pc() { return pc_; }
  /// A change in mid-call: one more video track that shows the test picture; a second call takes it away again.
  void toggleSecondVideo();
  /// Null before the peer's or our channel is there.
  const std::shared_ptr<RTCDataChannel>& chat() const { return chat_; }
  FileTransfer* files() { return files_.get(); }

  /// The call is over; the text says why, `failed` whether it broke. The owner destroys the session in a task of its own.
  std::function<void(const std::string& why, bool failed)> onover;
  std::function<void(const std::string& text)> onchat;
  std::function<void(const FileTransfer::Received&)> onfile;
  std::function<void(const std::string& name, bool intact)> onfilesent;

 private:
  Promise<> negotiate();
  Promise<> handleDescription(RTCSessionDescriptionInit description);
  Promise<> handleCandidate(RTCIceCandidateInit candidate);
  void takeTrack(RTCTrackEvent& event);
  void takeChannel(std::shared_ptr<RTCDataChannel> channel);
  void answerChat(const std::string& text);
  void sendSampleFile();
  Promise<> printStatistics();
  void say(const std::string& line) const;
  void over(const std::string& why, bool failed);

  EventLoop& loop_;
  signaling::Client& client_;
  Options options_;
  RTCPeerConnection pc_;
  bool makingOffer_ = false;
  bool ignoreOffer_ = false;
  bool settingAnswer_ = false;
  bool over_ = false;
  bool wasConnected_ = false;

  ReturnedVideo returned_;
  bool returning_ = false;
  std::shared_ptr<RTCRtpSender> second_;
  std::unique_ptr<MediaSource> secondSource_;
  /// What is done with a track of the peer's, until it ends.
  struct Taken {
    std::unique_ptr<Recording> recording;
    SinkHandle sink;
  };
  std::map<std::shared_ptr<MediaStreamTrack>, Taken> taken_;
  std::vector<int16_t> heard_;
  std::shared_ptr<RTCDataChannel> chat_;
  std::shared_ptr<RTCDataChannel> fileChannel_;
  std::unique_ptr<FileTransfer> files_;
  std::optional<FileTransfer::Received> lastFile_;
  EventLoop::TimerId statistics_ = 0;
  std::chrono::nanoseconds began_;
  struct Last {
    std::map<std::string, double> bytes;  ///< by the stats object's id: streams come and go
    uint64_t frames = 0;
  } last_;
  Counts counts_;
};

}  // namespace peerage::app
