// The whole negotiation state of one RTCPeerConnection as one plain value: what webrtc-pc keeps in the internal slots
// of the connection, its transceivers, senders and receivers, as far as descriptions are concerned. Every algorithm of
// this folder is a function of it. Copy it, compare it, throw it away.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "jsep/description.hpp"
#include "jsep/types.hpp"

namespace peerage::jsep {

/// What comes from outside. Everything but the fingerprints, the bundle policy and the mux policy may change at any
/// time; it then shows in the next offer or answer (call Session::touch()).
struct Config {
  BundlePolicy bundlePolicy = BundlePolicy::balanced;
  /// In order of preference; audio and video mixed.
  std::vector<CodecCapability> codecs;
  std::vector<HeaderExtensionCapability> headerExtensions;
  /// One per certificate; at least one before the first createOffer() or createAnswer().
  std::vector<sdp::Fingerprint> fingerprints;
  bool alwaysNegotiateDataChannels = false;
  uint16_t localSctpPort = 5000;
  /// a=max-message-size of ours, bytes; 0 says any size.
  uint64_t localMaxMessageSize = 262144;
  /// How many encodings one sender can send at once, at least 1 (webrtc-pc "maxN").
  size_t maxAudioEncodings = 1;
  size_t maxVideoEncodings = 1;
};

/// RTCRtpEncodingParameters, and the SSRCs that carry the encoding.
struct SendEncoding {
  std::string rid;  ///< empty: the dictionary contains no rid
  bool active = true;
  std::optional<CodecPreference> codec;
  std::optional<uint64_t> maxBitrate;  ///< bit/s
  std::optional<double> maxFramerate;
  std::optional<double> scaleResolutionDownBy;
  std::string priority = "low";
  std::string networkPriority;  ///< empty: the dictionary contains none
  uint32_t ssrc = 0;
  uint32_t rtxSsrc = 0;
  friend bool operator==(const SendEncoding&, const SendEncoding&) = default;
};

/// The slots of RTCRtpTransceiver, RTCRtpSender and RTCRtpReceiver that negotiation reads or writes; in brackets the
/// specification's name where it differs.
struct Transceiver {
  TransceiverId id;
  MediaKind kind = MediaKind::audio;
  std::optional<std::string> mid;  ///< [[Mid]] and [[JsepMid]]
  Direction direction = Direction::sendrecv;
  std::optional<Direction> currentDirection;
  std::optional<Direction> firedDirection;
  bool receptive = false;
  bool stopping = false;
  bool stopped = false;
  /// addTrack() made it: a remote m-section may pair with it (RFC 9429 §5.10).
  bool createdByAddTrack = false;
  /// addTrack() has attached a track to it at some time: a rollback does not remove it.
  bool trackAttachedByAddTrack = false;
  /// Made by the remote offer that is pending now; cleared on reaching stable.
  bool createdByPendingOffer = false;
  std::vector<CodecPreference> preferredCodecs;

  // The sender.
  std::optional<std::string> senderTrackId;      ///< id of [[SenderTrack]]; nullopt: null
  bool everSent = false;                         ///< currentDirection has been sendrecv or sendonly at some time
  std::string senderId;                          ///< a=msid appdata; the same for life
  std::vector<std::string> associatedStreamIds;  ///< [[AssociatedMediaStreamIds]]
  std::vector<SendEncoding> sendEncodings;       ///< at least one
  std::vector<Codec> sendCodecs;                 ///< payload types as the remote end wants them
  /// Extensions to write into packets, and to expect in them; the id of a URI is the same for both.
  std::vector<HeaderExtension> headerExtensions;
  bool reducedSizeRtcp = false;

  // The receiver.
  std::vector<std::string> remoteStreamIds;  ///< ids of [[AssociatedRemoteMediaStreams]]
  std::vector<Codec> receiveCodecs;          ///< payload types as we said them
  std::optional<double> jitterBufferTarget;  ///< ms, 0 to 4000

  /// [[SenderTransport]] and [[ReceiverTransport]], which are always the same.
  std::optional<TransportId> transport;

  /// What a rollback restores ([[LastStableState…]]); defaults for a transceiver younger than the last stable state.
  struct LastStable {
    std::optional<std::string> mid;
    std::optional<TransportId> transport;
    std::optional<std::vector<SendEncoding>> ridlessSendEncodings;
    std::vector<std::string> remoteStreamIds;
    std::vector<Codec> receiveCodecs;
    std::vector<HeaderExtension> headerExtensions;
    friend bool operator==(const LastStable&, const LastStable&) = default;
  } lastStable;

  /// The attribute as script reads it: nullopt stands for "stopped".
  std::optional<Direction> visibleDirection() const { return stopping ? std::nullopt : std::optional(direction); }
  friend bool operator==(const Transceiver&, const Transceiver&) = default;
};

/// One transport. Its ICE credentials and candidates are those of the sections that use it, see makePlan().
struct Transport {
  TransportId id;
  IceRole iceRole = IceRole::unknown;
  /// The role that the last answer or pranswer gave this end; nullopt before.
  std::optional<DtlsRole> dtlsRole;
  /// Grows when a description asks for a new DTLS association over the same transport (RFC 8842 §5).
  uint32_t dtlsGeneration = 0;
  std::string localTlsId;
  std::string remoteTlsId;
  std::vector<sdp::Fingerprint> remoteFingerprints;
  friend bool operator==(const Transport&, const Transport&) = default;
};

/// [[SctpTransport]] when it is not null.
struct Sctp {
  std::string mid;
  TransportId transport;
  /// Known from the first answer or pranswer on.
  std::optional<uint16_t> remotePort;
  /// Bytes; 65536 when the remote description names none, 0 for any size (RFC 8841 §6).
  uint64_t remoteMaxMessageSize = 65536;
  friend bool operator==(const Sctp&, const Sctp&) = default;
};

/// A local candidate of a transport that no local description speaks of yet, or that is to be surfaced.
struct LocalCandidate {
  TransportId transport;
  std::string ufrag;
  std::string candidate;  ///< "candidate:…"; empty: end of candidates of this generation
  friend bool operator==(const LocalCandidate&, const LocalCandidate&) = default;
};

/// [[LastCreatedOffer]] or [[LastCreatedAnswer]], with what setLocal() needs to know of how it was made.
struct CreatedDescription {
  SdpType type = SdpType::offer;
  std::string text;
  sdp::SessionDescription parsed;
  std::vector<std::string> mids;
  /// The transceiver that each section was made for (RFC 9429 §5.2.1 "mapping").
  std::vector<std::optional<TransceiverId>> transceivers;
  /// Offers: the transport of each section; sections with the same number share one. nullopt: rejected.
  std::vector<std::optional<size_t>> transports;
  /// Session::revision when it was made.
  uint64_t revision = 0;
};

/// A payload type that a section has used; its number means nothing else for the rest of the session.
struct PayloadTypeUse {
  MediaKind kind = MediaKind::audio;
  Codec codec;  ///< feedback left empty
  friend bool operator==(const PayloadTypeUse&, const PayloadTypeUse&) = default;
};

/// The numbers that descriptions have given a meaning to. Bundled sections share them (RFC 9143 §9.1).
struct NumberRegistry {
  std::vector<PayloadTypeUse> payloadTypes;
  std::vector<HeaderExtension> extensions;
};

struct Session {
  Config config;
  SignalingState signalingState = SignalingState::stable;

  std::optional<Description> currentLocal;
  std::optional<Description> currentRemote;
  std::optional<Description> pendingLocal;
  std::optional<Description> pendingRemote;
  std::shared_ptr<const CreatedDescription> lastCreatedOffer;   ///< null: ""
  std::shared_ptr<const CreatedDescription> lastCreatedAnswer;  ///< null: ""

  /// The set of transceivers, in insertion order.
  std::vector<Transceiver> transceivers;
  std::vector<Transport> transports;
  /// The transport of each mid that lives in a current or pending description.
  std::map<std::string, TransportId, std::less<>> midTransports;
  std::optional<Sctp> sctp;
  /// A data channel exists that wants an m-section; createDataChannel() sets it, a refused section clears it.
  bool dataChannelRequested = false;

  std::set<IceCredentials> localIceCredentialsToReplace;
  std::vector<LocalCandidate> earlyCandidates;
  std::optional<bool> canTrickleIceCandidates;
  /// b=CT of the remote description, bit/s for all sections together (RFC 9429 §5.10).
  std::optional<uint64_t> remoteSessionBandwidth;

  /// For rollback.
  struct LastStable {
    std::optional<Sctp> sctp;
    std::vector<Transport> transports;
    std::map<std::string, TransportId, std::less<>> midTransports;
  } lastStable;
  /// midTransports as the pending offer alone made them: what a final answer starts from after a pranswer.
  std::map<std::string, TransportId, std::less<>> offerMidTransports;

  // Identity of this end.
  uint64_t originId = 1;        ///< o= session id, below 2^63
  uint64_t originVersion = 0;   ///< of the last description created
  std::string cname;            ///< RFC 7022 §4.2
  std::string defaultStreamId;  ///< of remote sections that send and name no a=msid (RFC 9429 §5.8.2)

  NumberRegistry numbers;
  uint32_t nextTransceiver = 1;
  uint32_t nextTransport = 1;
  uint32_t nextMid = 0;
  /// Grows with every change that an offer or answer could show.
  uint64_t revision = 0;

  Transceiver* find(TransceiverId id);
  const Transceiver* find(TransceiverId id) const;
  Transceiver* findByMid(std::string_view mid);
  const Transceiver* findByMid(std::string_view mid) const;
  Transport* find(TransportId id);
  const Transport* find(TransportId id) const;
  std::optional<TransportId> transportOf(std::string_view mid) const;
  /// localDescription and remoteDescription: the pending one, else the current one; nullptr for null.
  const Description* localDescription() const;
  const Description* remoteDescription() const;
  /// A change that an offer or answer could show was made from outside.
  void touch() { ++revision; }
};

/// A session in state stable. Draws the o= session id, the CNAME and the default stream's id.
Session makeSession(Config config, RandomSource& random);

}  // namespace peerage::jsep
