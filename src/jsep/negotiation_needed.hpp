// "Check if negotiation is needed" (webrtc-pc §4.7.3).
#pragma once

#include "jsep/session.hpp"

namespace peerage::jsep {

/// Whether something of the session waits to be negotiated. Meant for the stable state; when and how often an event is
/// fired for it is the API's part of the algorithm.
bool isNegotiationNeeded(const Session& session);

}  // namespace peerage::jsep
