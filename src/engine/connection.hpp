// One whole connection as one sans-IO object: transports, data channels, and the media of all transceivers, doing what
// a jsep::Plan says.
//
// The five verbs and their drain rule: after every call that takes a time, call pollEvent() and pollTransmit() until
// both are empty, then arm one timer for nextTimeout(). No call runs anything of the owner's; everything that happens
// comes out of pollEvent(), in order. Calls after close() do nothing.
//
//   Connection connection({.random = &random, .dtls = &factory, .certificate = certificate, .codecs = codecs});
//   connection.apply(now, jsep::makePlan(session));  // after each change of the session: candidates, parameters too
//   … GatheringNeeded{transport}: bind sockets for this transport, then
//   connection.addLocalHost(now, transport, address); connection.addStunServer(…);
//   connection.endOfHosts(now, transport);
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "datachannel/manager.hpp"
#include "dtls/connection.hpp"
#include "engine/stats.hpp"
#include "ice/agent.hpp"
#include "jsep/plan.hpp"
#include "media/codec.hpp"
#include "peerage/frames.hpp"

namespace peerage::engine {

struct Options {
  RandomSource* random = nullptr;    ///< required; outlives the connection
  dtls::Factory* dtls = nullptr;     ///< required; outlives the connection
  dtls::CertificatePtr certificate;  ///< required; made by `dtls`, its fingerprint is in our descriptions
  /// Null: nothing is encoded or decoded, and sections for media stay silent.
  std::shared_ptr<const media::CodecFactory> codecs;
  ice::TransportPolicy icePolicy = ice::TransportPolicy::all;
  /// Bytes of the largest message that data channels take (our a=max-message-size), 0 for any size.
  size_t maxReceiveMessageSize = 262144;
  uint16_t localSctpPort = 5000;
  /// Length of the pieces in which received audio comes out: 10 or 20 ms.
  Duration audioPlayout = 10ms;
  int videoThreads = 1;  ///< of one encoder, 1 to 16
  Log log;
};

// ---- Events ---------------------------------------------------------------------------------------------------------

/// A transport has a new local generation: bind sockets, name servers, and say endOfHosts(). After an ICE restart it
/// comes again, with the sockets of before to be named again (or others).
struct GatheringNeeded {
  jsep::TransportId transport;
  std::string ufrag;
  bool restart = false;
};
/// A remote candidate has a host name (mDNS or DNS): resolve it and give it back with addRemoteCandidate(), `address`
/// replaced; or drop it.
struct CandidateToResolve {
  jsep::TransportId transport;
  ice::Candidate candidate;
};
/// A local candidate to surface; `candidate.candidate.ufrag` is its generation's.
struct CandidateGathered {
  jsep::TransportId transport;
  ice::LocalCandidate candidate;
};
struct CandidateError {
  jsep::TransportId transport;
  ice::CandidateError error;
};
struct IceGatheringChanged {
  jsep::TransportId transport;
  ice::GatheringState state = ice::GatheringState::new_;
  std::string ufrag;
};
struct IceStateChanged {
  jsep::TransportId transport;
  ice::State state = ice::State::new_;
};
/// Before an IceStateChanged that it brings about.
struct SelectedPairChanged {
  jsep::TransportId transport;
  ice::SelectedPair pair;
};
struct IceRoleChanged {
  jsep::TransportId transport;
  ice::Role role = ice::Role::controlling;
};
/// RTCErrorDetailType of a DTLS transport that failed.
enum class DtlsError : uint8_t { dtls_failure, fingerprint_failure };
struct DtlsStateChanged {
  jsep::TransportId transport;
  dtls::State state = dtls::State::new_;
  /// With `failed` only.
  std::optional<DtlsError> error;
  std::optional<uint8_t> sentAlert;
  std::optional<uint8_t> receivedAlert;
  std::string reason;  ///< for people
};
/// RTCSctpTransportState.
enum class SctpState : uint8_t { connecting, connected, closed };
struct SctpStateChanged {
  SctpState state = SctpState::connecting;
  std::optional<uint16_t> maxChannels;  ///< with connected
};
/// What happened to a data channel, as its manager tells it.
struct DataChannelEvent {
  datachannel::Event event;
};
/// The first RTP packet of a transceiver's receiver since it became receptive, or since its BYE: unmute its track.
struct FirstPacket {
  jsep::TransceiverId transceiver;
};
/// The peer said BYE for the last stream of the receiver: mute its track.
struct PeerBye {
  jsep::TransceiverId transceiver;
};
/// A decoded picture. `timestamp` is the sender's RTP clock, unwrapped, as time.
struct VideoReceived {
  jsep::TransceiverId transceiver;
  VideoFrame frame;
};
/// Options::audioPlayout of sound, at a steady pace from the first packet on, gaps concealed. `frame.timestamp` is the
/// moment of playing on the loop's time line.
struct AudioReceived {
  jsep::TransceiverId transceiver;
  AudioFrame frame;
};

using Event =
    std::variant<GatheringNeeded, CandidateToResolve, CandidateGathered, CandidateError, IceGatheringChanged,
                 IceStateChanged, SelectedPairChanged, IceRoleChanged, DtlsStateChanged, SctpStateChanged,
                 DataChannelEvent, FirstPacket, PeerBye, VideoReceived, AudioReceived>;

// ---- The connection -------------------------------------------------------------------------------------------------

class Connection {
 public:
  explicit Connection(Options options);
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;

  /// Brings what runs in line with `plan`: makes and closes transports, starts ICE generations, hands over remote
  /// candidates that are new, makes, changes and removes senders and receivers, moves sections to the transport of
  /// their bundle. The same plan again changes nothing. Transports that are in the plan no more close at once, without
  /// events.
  void apply(Timestamp now, const jsep::Plan& plan);

  /// What is gathered and checked, by transports and ICE generations that begin from now on (RFC 9429 §4.1.18).
  void setIcePolicy(ice::TransportPolicy policy);

  // ---- Gathering, for the newest generation of a transport (see ice::Agent). Unknown transports: nothing happens.

  /// A bound UDP socket. Each socket belongs to one transport.
  void addLocalHost(Timestamp now, jsep::TransportId transport, const SocketAddress& base,
                    const ice::HostInfo& info = {});
  void addStunServer(Timestamp now, jsep::TransportId transport, const SocketAddress& server, const std::string& url);
  void addCandidateError(Timestamp now, jsep::TransportId transport, const SocketAddress& local, const std::string& url,
                         int code, const std::string& text);
  void endOfHosts(Timestamp now, jsep::TransportId transport);
  /// A candidate with its name resolved, after CandidateToResolve. (Other remote candidates come with the plan.)
  void addRemoteCandidate(Timestamp now, jsep::TransportId transport, const ice::Candidate& candidate);

  // ---- Data channels (see datachannel::Manager).

  /// A new channel; it opens when there is an association. Error: id taken or out of range, both limits, text too long.
  Result<datachannel::ChannelHandle> createDataChannel(Timestamp now, datachannel::ChannelParams params);
  datachannel::SendResult sendData(Timestamp now, datachannel::ChannelHandle channel, Bytes data, bool binary);
  void closeDataChannel(Timestamp now, datachannel::ChannelHandle channel);
  /// Read only; see its questions: state(), params(), id(), bufferedAmount(), counts.
  const datachannel::Manager& dataChannels() const;
  void setBufferedAmountLowThreshold(datachannel::ChannelHandle channel, size_t bytes);
  /// Bytes of the largest message that sendData() takes, 0 for any size.
  uint64_t maxSendMessageSize() const;

  // ---- Media. A transceiver is known from the first plan with its m-section on; before, frames are dropped.

  /// replaceTrack() without negotiation: whether frames may come. MediaPlan::hasTrack of the next plan says it again.
  void setSenderTrack(Timestamp now, jsep::TransceiverId transceiver, bool hasTrack);
  /// Encodes a picture and queues its packets, when the section may send and the transport is up; else drops it.
  void sendVideo(Timestamp now, jsep::TransceiverId transceiver, const VideoFrame& frame);
  /// Any length, 48 kHz, 1 or 2 channels; cut into 20 ms inside.
  void sendAudio(Timestamp now, jsep::TransceiverId transceiver, const AudioFrame& frame);
  /// Tells a DTMF tone (RFC 4733) for `duration`, 40 ms to 6 s, in the place of sound: `event` 0 to 9, 10 for *, 11 for #, 12
  /// to 15 for A to D. Nothing when no telephone-event was negotiated.
  void sendTone(Timestamp now, jsep::TransceiverId transceiver, uint8_t event, Duration duration);
  /// Whether sendVideo() and sendAudio() would do more than drop: spares a source its work.
  bool sending(jsep::TransceiverId transceiver) const;
  /// Makes the next picture a key frame.
  void requestKeyFrame(jsep::TransceiverId transceiver);

  // ---- Questions.

  ice::State iceState(jsep::TransportId transport) const;
  ice::GatheringState gatheringState(jsep::TransportId transport) const;
  ice::Role iceRole(jsep::TransportId transport) const;
  dtls::State dtlsState(jsep::TransportId transport) const;
  std::vector<Bytes> remoteCertificates(jsep::TransportId transport) const;  ///< DER; empty before the handshake
  std::vector<ice::LocalCandidate> localCandidates(jsep::TransportId transport) const;
  std::vector<ice::RemoteCandidate> remoteCandidates(jsep::TransportId transport) const;
  std::optional<ice::SelectedPair> selectedPair(jsep::TransportId transport) const;
  /// nullopt without an SCTP transport.
  std::optional<SctpState> sctpState() const;
  /// RTCRtpReceiver.getContributingSources() and getSynchronizationSources().
  struct Source {
    uint32_t source = 0;  ///< SSRC or CSRC
    bool contributing = false;
    Timestamp arrival{};      ///< of its last packet
    uint32_t rtpTimestamp = 0;
    std::optional<double> audioLevel;  ///< linear, 0 to 1; from the header extension
  };
  /// of the last 10 s, newest first
  std::vector<Source> sources(Timestamp now, jsep::TransceiverId transceiver) const;
  Stats stats(Timestamp now) const;

  // ---- The five verbs.

  /// One datagram that came in on socket `local` from `remote`. Never fails; what is wrong is counted and dropped.
  void handleInput(Timestamp now, const SocketAddress& local, const SocketAddress& remote, ByteView datagram);
  void handleTimeout(Timestamp now);
  /// The next datagram into `out`, whose buffer is reused; false when there is none.
  bool pollTransmit(Datagram& out);
  std::optional<Datagram> pollTransmit();
  std::optional<Event> pollEvent();
  std::optional<Timeout> nextTimeout() const;

  /// RTCPeerConnection.close(): BYE for our streams, the association aborted, close_notify. What pollTransmit() then
  /// has is the last; no event comes any more.
  void close(Timestamp now);
  bool closed() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace peerage::engine
