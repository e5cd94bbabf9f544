// Trickle ICE: candidates to and from descriptions (webrtc-pc §4.4.2 addIceCandidate, §5.6.1 "surface a candidate").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jsep/session.hpp"

namespace peerage::jsep {

/// RTCIceCandidateInit.
struct CandidateInit {
  std::string candidate;
  std::optional<std::string> sdpMid;
  std::optional<uint16_t> sdpMLineIndex;
  std::optional<std::string> usernameFragment;
};

/// Where a remote candidate goes.
struct RemoteCandidateTarget {
  TransportId transport;
  std::string ufrag;  ///< of the remote end: the generation
};
struct AddedRemoteCandidate {
  std::vector<RemoteCandidateTarget> targets;  ///< empty: nothing to do (stopped transceiver, rejected section)
  std::optional<sdp::Candidate> candidate;     ///< nullopt: end of candidates for the targets
};

/// The TypeError that addIceCandidate() raises before it is chained: a candidate that names no section.
Outcome<> checkCandidateInit(const CandidateInit& init);

/// The chained part of addIceCandidate(): finds the section and generation, adds the candidate to the remote
/// descriptions of that generation, and says which transport it is for. Fails with type, invalid_state or operation.
Outcome<AddedRemoteCandidate> addRemoteCandidate(Session& session, const CandidateInit& init);

/// A candidate as the icecandidate event shows it; an empty candidate is the end of the generation.
struct SurfacedCandidate {
  std::string candidate;  ///< "candidate:…", or empty
  std::string sdpMid;
  uint16_t sdpMLineIndex = 0;
  std::string usernameFragment;
};

/// A candidate was gathered, or (with an empty `candidate`) gathering of a generation is done: adds it to the local
/// descriptions of its generation. nullopt: no local description has the generation yet; the session keeps the
/// candidate until setLocal() releases it (Effects::releasedCandidates), or forgets it when its transport is gone.
std::optional<SurfacedCandidate> addLocalCandidate(Session& session, const LocalCandidate& candidate);

}  // namespace peerage::jsep
