// A snapshot of everything that getStats() tells of a connection, as plain structs with the meanings of webrtc-stats.
// Names follow its dictionaries; times are durations, and moments are on the loop's time line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "datachannel/manager.hpp"
#include "dtls/connection.hpp"
#include "ice/agent.hpp"
#include "jsep/types.hpp"
#include "sctp/association.hpp"

namespace peerage::engine {

/// RTCTransportStats, and what hangs below one transport: RTCIceCandidatePairStats, RTCIceCandidateStats.
struct TransportStats {
  jsep::TransportId id;
  uint64_t packetsSent = 0;
  uint64_t packetsReceived = 0;
  uint64_t bytesSent = 0;  ///< UDP payloads
  uint64_t bytesReceived = 0;
  ice::Role iceRole = ice::Role::controlling;
  ice::State iceState = ice::State::new_;
  std::string iceLocalUsernameFragment;
  dtls::State dtlsState = dtls::State::new_;
  std::optional<dtls::Role> dtlsRole;
  std::string tlsVersion;   ///< "FEFD"; empty before the handshake
  std::string dtlsCipher;
  std::string srtpCipher;   ///< empty without SRTP
  uint64_t selectedCandidatePairChanges = 0;
  std::optional<uint64_t> selectedPairId;
  std::vector<ice::PairStats> pairs;
  std::vector<ice::LocalCandidate> localCandidates;
  std::vector<ice::RemoteCandidate> remoteCandidates;
  std::vector<Bytes> remoteCertificates;  ///< DER
  uint64_t packetsDropped = 0;  ///< refused by any layer: not authentic, malformed, or for nobody
};

/// RTCCodecStats: one for each codec in use by a stream.
struct CodecStats {
  uint8_t payloadType = 0;
  std::string mimeType;  ///< "video/VP8"
  uint32_t clockRate = 0;
  int channels = 0;
  std::string sdpFmtpLine;
};

/// RTCInboundRtpStreamStats: one for each remote SSRC that media came from.
struct InboundStats {
  jsep::TransceiverId transceiver;
  jsep::TransportId transport;
  jsep::MediaKind kind = jsep::MediaKind::audio;
  std::string mid;
  uint32_t ssrc = 0;
  std::optional<CodecStats> codec;
  uint64_t packetsReceived = 0;
  int64_t packetsLost = 0;
  Duration jitter{0};
  uint64_t bytesReceived = 0;        ///< payload alone
  uint64_t headerBytesReceived = 0;  ///< headers and padding
  std::optional<Timestamp> lastPacketReceived;
  uint64_t packetsDiscarded = 0;
  uint64_t nackCount = 0;  ///< RTCP packets sent
  uint64_t pliCount = 0;
  uint64_t firCount = 0;
  uint64_t retransmittedPacketsReceived = 0;
  // Video.
  uint64_t framesReceived = 0;  ///< complete
  uint64_t framesDecoded = 0;
  uint64_t keyFramesDecoded = 0;
  uint64_t framesDropped = 0;
  uint64_t framesAssembledFromMultiplePackets = 0;
  int frameWidth = 0;
  int frameHeight = 0;
  double framesPerSecond = 0;  ///< decoded in the last second
  Duration totalInterFrameDelay{0};
  double totalSquaredInterFrameDelay = 0;  ///< s²
  std::string decoderImplementation;
  // Audio.
  uint64_t totalSamplesReceived = 0;
  uint64_t concealedSamples = 0;
  uint64_t silentConcealedSamples = 0;
  uint64_t concealmentEvents = 0;
  uint64_t insertedSamplesForDeceleration = 0;
  uint64_t removedSamplesForAcceleration = 0;
  double audioLevel = 0;        ///< 0 to 1, of the last frame played
  double totalAudioEnergy = 0;
  double totalSamplesDuration = 0;  ///< s
  // Both.
  double jitterBufferDelay = 0;        ///< s, sum over what left
  double jitterBufferTargetDelay = 0;  ///< s, audio
  uint64_t jitterBufferEmittedCount = 0;
  /// RTCRemoteOutboundRtpStreamStats, from the last SR.
  struct RemoteOutbound {
    Timestamp received{};
    uint64_t ntp = 0;  ///< the sender's clock, NTP format
    uint64_t packetsSent = 0;
    uint64_t bytesSent = 0;
    uint64_t reportsSent = 0;
  };
  std::optional<RemoteOutbound> remote;
};

/// RTCOutboundRtpStreamStats: one for each SSRC of ours.
struct OutboundStats {
  jsep::TransceiverId transceiver;
  jsep::TransportId transport;
  jsep::MediaKind kind = jsep::MediaKind::audio;
  std::string mid;
  std::string rid;
  uint32_t ssrc = 0;
  std::optional<CodecStats> codec;
  bool active = false;
  uint64_t packetsSent = 0;  ///< retransmissions included
  uint64_t bytesSent = 0;    ///< payload alone, retransmissions included
  uint64_t headerBytesSent = 0;
  uint64_t retransmittedPacketsSent = 0;
  uint64_t retransmittedBytesSent = 0;
  uint64_t nackCount = 0;  ///< RTCP packets received
  uint64_t pliCount = 0;
  uint64_t firCount = 0;
  double targetBitrate = 0;  ///< bit/s, what the encoder is set to
  Duration totalPacketSendDelay{0};  ///< time in the pacer
  // Video.
  uint64_t framesSent = 0;
  uint64_t framesEncoded = 0;
  uint64_t keyFramesEncoded = 0;
  uint64_t hugeFramesSent = 0;  ///< over 2.5 times the mean size
  uint64_t totalEncodedBytesTarget = 0;
  uint64_t qpSum = 0;
  int frameWidth = 0;
  int frameHeight = 0;
  double framesPerSecond = 0;  ///< encoded in the last second
  std::string encoderImplementation;
  // RTCMediaSourceStats: what was fed to the sender.
  struct Source {
    uint64_t frames = 0;  ///< video
    int width = 0;
    int height = 0;
    double framesPerSecond = 0;
    double audioLevel = 0;
    double totalAudioEnergy = 0;
    double totalSamplesDuration = 0;  ///< s
  } source;
  /// RTCRemoteInboundRtpStreamStats, from report blocks.
  struct RemoteInbound {
    Timestamp received{};
    int64_t packetsLost = 0;
    double fractionLost = 0;  ///< 0 to 1
    Duration jitter{0};
    uint64_t packetsReceived = 0;
    std::optional<Duration> roundTripTime;
    Duration totalRoundTripTime{0};
    uint64_t roundTripTimeMeasurements = 0;
  };
  std::optional<RemoteInbound> remote;
};

/// RTCDataChannelStats.
struct DataChannelStats {
  datachannel::ChannelHandle channel;
  datachannel::ChannelParams params;
  datachannel::ChannelState state = datachannel::ChannelState::connecting;
  uint64_t messagesSent = 0;
  uint64_t bytesSent = 0;
  uint64_t messagesReceived = 0;
  uint64_t bytesReceived = 0;
};

/// Media packets that found no stream (RFC 9143 §9.2), and RTCP that made no sense.
struct DropCounters {
  uint64_t malformedRtp = 0;
  uint64_t unroutedRtp = 0;
  uint64_t unknownPayloadTypes = 0;
  uint64_t streamLimit = 0;  ///< SSRCs beyond what one receiver follows
  uint64_t suspectRtp = 0;   ///< sequence number far off (RFC 3550 A.1)
  uint64_t malformedRtcp = 0;
  uint64_t unknownRtcp = 0;
  uint64_t strayDatagrams = 0;  ///< on a socket that belongs to no transport
};

struct Stats {
  Timestamp now{};
  std::vector<TransportStats> transports;
  std::vector<InboundStats> inbound;
  std::vector<OutboundStats> outbound;
  std::vector<DataChannelStats> dataChannels;  ///< that are not closed yet
  uint64_t dataChannelsOpened = 0;  ///< RTCPeerConnectionStats
  uint64_t dataChannelsClosed = 0;
  std::optional<sctp::Stats> sctp;  ///< RTCSctpTransportStats
  DropCounters dropped;
};

}  // namespace peerage::engine
