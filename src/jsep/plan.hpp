// What the transports and the media below should be doing, derived from a session alone: make it again after every
// change and do the difference.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jsep/session.hpp"

namespace peerage::jsep {

/// One ICE generation: what both ends say of it so far.
struct IceGeneration {
  IceCredentials local;
  std::optional<IceCredentials> remote;  ///< nullopt: offered, not answered yet
  bool remoteLite = false;
  /// Of this generation, in the order in which they came, those inside descriptions and those trickled in.
  std::vector<sdp::Candidate> remoteCandidates;
  bool remoteEndOfCandidates = false;
  friend bool operator==(const IceGeneration&, const IceGeneration&) = default;
};

struct TransportPlan {
  TransportId id;
  /// In m-line order; the first one is where its candidates stand (sdpMid of its candidates).
  std::vector<std::string> mids;
  /// The generation of the newest local description; nullopt while only the remote end has spoken. Gather for it.
  std::optional<IceGeneration> ice;
  /// The generation of the current descriptions when the pending ones have another: keep it working until they settle.
  std::optional<IceGeneration> previousIce;
  IceRole iceRole = IceRole::unknown;
  /// nullopt before an answer. Then a ClientHello may come first: be ready to be the server, believe nothing before the
  /// fingerprint is known.
  std::optional<DtlsRole> dtlsRole;
  uint32_t dtlsGeneration = 0;                       ///< a change means: a new association
  std::vector<sdp::Fingerprint> remoteFingerprints;  ///< empty before an answer
  friend bool operator==(const TransportPlan&, const TransportPlan&) = default;
};

/// A codec to receive or send with, and its retransmission format.
struct CodecPlan {
  Codec codec;
  std::optional<uint8_t> rtxPayloadType;
  friend bool operator==(const CodecPlan&, const CodecPlan&) = default;
};

struct MediaPlan {
  std::string mid;
  TransceiverId transceiver;
  MediaKind kind = MediaKind::audio;
  TransportId transport;

  bool send = false;  ///< negotiated, and not stopping; a null track is the engine's to see
  bool hasTrack = false;
  /// The most preferred codec of the remote end that both have; nullopt when nothing was negotiated to be sent.
  std::optional<CodecPlan> sendCodec;
  std::vector<CodecPlan> sendCodecs;    ///< all of them, for encodings that choose
  std::vector<SendEncoding> encodings;  ///< with rids when simulcast was negotiated; SSRCs set
  std::string cname;
  /// Bit/s for all encodings together, from b=TIAS or b=AS of the remote section (RFC 9429 §5.10).
  std::optional<uint64_t> maxSendBitrate;

  /// [[Receptive]]: decode what comes. True from a local offer on, before any answer.
  bool receive = false;
  bool earlyMedia = false;  ///< `receive` holds, no answer has confirmed it yet
  /// By payload type; while an offer is pending those of the last stable state too.
  std::vector<CodecPlan> receiveCodecs;
  std::vector<HeaderExtension> headerExtensions;
  /// a=ssrc of the remote section: hints for demultiplexing (RFC 9143 §9.2). Retransmission SSRCs by a=ssrc-group:FID.
  struct RemoteSsrc {
    uint32_t ssrc = 0;
    std::optional<uint32_t> rtxSsrc;
    std::string cname;
    friend bool operator==(const RemoteSsrc&, const RemoteSsrc&) = default;
  };
  std::vector<RemoteSsrc> remoteSsrcs;
  bool reducedSizeRtcp = false;
  std::optional<double> jitterBufferTarget;  ///< ms that the receiver shall hold at least
  friend bool operator==(const MediaPlan&, const MediaPlan&) = default;
};

struct DataPlan {
  std::string mid;
  TransportId transport;
  uint16_t localPort = 5000;
  std::optional<uint16_t> remotePort;     ///< nullopt: not answered yet, do not start the association
  uint64_t remoteMaxMessageSize = 65536;  ///< 0: any
  std::optional<DtlsRole> dtlsRole;       ///< of this end: decides odd and even stream ids (RFC 8832 §6)
  friend bool operator==(const DataPlan&, const DataPlan&) = default;
};

struct Plan {
  std::vector<TransportPlan> transports;  ///< in the order in which they were made
  std::vector<MediaPlan> media;           ///< associated, non-stopped transceivers, in m-line order
  std::optional<DataPlan> data;
  std::optional<uint64_t> maxTotalSendBitrate;  ///< b=CT of the remote description, bit/s
  friend bool operator==(const Plan&, const Plan&) = default;
};

Plan makePlan(const Session& session);

/// What an encoding is sent with: the first negotiated codec that matches its choice, else the most preferred one
/// (webrtc-pc §5.2.6 "codec"). Null when nothing was negotiated to be sent.
const CodecPlan* codecOf(const MediaPlan& plan, const SendEncoding& encoding);

}  // namespace peerage::jsep
