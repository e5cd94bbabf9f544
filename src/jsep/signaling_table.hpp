// The signalling state machine as a table (webrtc-pc §4.3.1, RFC 9429 §3.2): a pure function, every cell of it tested.
#pragma once

#include "jsep/types.hpp"

namespace peerage::jsep {

enum class Side : uint8_t { local, remote };

/// The state after applying a description of `type` on `side` (setLocalDescription or setRemoteDescription); fails with
/// invalid_state where the specification has no arrow. A rollback has the same effect from both sides and is allowed
/// from have-local-offer and have-remote-offer only (webrtc-pc §4.4.1.5, stricter than RFC 9429 §5.7).
Outcome<SignalingState> nextState(SignalingState state, Side side, SdpType type);

/// setRemoteDescription(offer) first rolls back when the offer is invalid for the state (webrtc-pc §4.4.2). From a
/// pranswer state that rollback then fails.
bool needsImplicitRollback(SignalingState state, SdpType remoteType);

/// The type that setLocalDescription() without one stands for (webrtc-pc §4.4.2).
SdpType implicitLocalType(SignalingState state);

}  // namespace peerage::jsep
