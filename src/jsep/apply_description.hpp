// "Set the session description" (webrtc-pc §4.4.1.5) with the JSEP processing below it (RFC 9429 §5.5 to §5.11): a new
// session, and what the API has to do about it, in order. A failure leaves nothing changed: the old session is the
// caller's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "jsep/session.hpp"
#include "jsep/signaling_table.hpp"

namespace peerage::jsep {

/// A remote stream and a receiver's track, named by its transceiver.
struct StreamTrack {
  std::string streamId;
  TransceiverId transceiver;
  friend bool operator==(const StreamTrack&, const StreamTrack&) = default;
};

/// One RTCTrackEventInit: receiver and track are the transceiver's.
struct TrackEvent {
  TransceiverId transceiver;
  std::vector<std::string> streamIds;
  friend bool operator==(const TrackEvent&, const TrackEvent&) = default;
};

/// What follows from a description, listed in the order in which the specification wants it done. All slots are in the
/// new session already; objects have to be made and thrown away, then events fired, then the promise resolved.
struct Effects {
  // -- Objects, before any event.
  std::vector<TransceiverId> created;  ///< transceivers that a remote offer made: make their objects
  /// Became stopped now: end the receiver's track, unless the transceiver was stopping before (then it has ended).
  std::vector<TransceiverId> stopped;
  std::vector<Transceiver> removed;  ///< left the set of transceivers, with their last values
  std::vector<TransportId> transportsCreated;
  std::vector<TransportId> transportsClosed;  ///< their state events fire in a queued task
  bool sctpCreated = false;                   ///< [[SctpTransport]]: make one, "connecting"
  bool sctpRemoved = false;                   ///< [[SctpTransport]] := null (refused in an answer, or rolled back)
  bool updateMaxMessageSize = false;          ///< "update the data max message size" from Session::sctp
  /// The description negotiates the DTLS role of the SCTP transport: channels with a null id get ids for this role of
  /// ours (RFC 8832 §6); those for which none is left become closed and go onto the error list.
  std::optional<DtlsRole> assignDataChannelIds;
  /// Senders whose [[LastReturnedParameters]] becomes null.
  std::vector<TransceiverId> parametersChanged;
  // -- Transport work.
  std::vector<TransportId> gather;                 ///< a new local generation to gather for
  std::vector<TransportId> iceRestarts;            ///< those of them that had a generation before
  std::vector<LocalCandidate> releasedCandidates;  ///< early candidates: queue a task for each that surfaces it
  bool poolDiscarded = false;                      ///< final answer: discard what is left of the candidate pool
  // -- The flag: "clear, then update the negotiation-needed flag".
  bool updateNegotiationNeeded = false;
  // -- Events, in this order, in one task.
  bool signalingStateChanged = false;  ///< signalingstatechange
  //    data channel error events of assignDataChannelIds come here
  std::vector<TransceiverId> muteTracks;  ///< set muted on the receiver's track, if it is not muted yet
  std::vector<StreamTrack> removeList;    ///< remove the track from the stream
  std::vector<StreamTrack> addList;       ///< make the stream when its id is new to the connection; add the track
  std::vector<TrackEvent> trackEvents;    ///< track
};

struct Applied {
  Session session;
  Effects effects;
};

/// Sets a local description. `sdp` is the text of [[LastCreatedOffer]] or [[LastCreatedAnswer]] (else
/// invalid_modification; see reusableOffer() for the empty text); for a rollback it is not looked at.
Outcome<Applied> setLocal(const Session& session, SdpType type, std::string_view sdp, RandomSource& random);

/// Sets a remote description. An offer that needsImplicitRollback() is the caller's to roll back first, as a step of
/// its own with events of its own.
Outcome<Applied> setRemote(const Session& session, SdpType type, std::string_view sdp, RandomSource& random);

}  // namespace peerage::jsep
