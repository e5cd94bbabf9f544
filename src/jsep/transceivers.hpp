// "Create an RTCRtpTransceiver" and "stop the RTCRtpTransceiver" (webrtc-pc §5.4), shared by the API's operations and
// by applying descriptions.
#pragma once

#include <string>
#include <vector>

#include "base/random.hpp"
#include "jsep/session.hpp"

namespace peerage::jsep {

/// Adds a transceiver with one default encoding to the end of the set. The reference is good until the next one is
/// added.
Transceiver& createTransceiver(Session& session, MediaKind kind, Direction direction, RandomSource& random);
/// "Stop sending and receiving".
void stopSendingAndReceiving(Transceiver& transceiver);
/// "Stop the RTCRtpTransceiver".
void stopTransceiver(Transceiver& transceiver);
/// Sets [[CurrentDirection]] and remembers whether the sender was ever used to send.
void setCurrentDirection(Transceiver& transceiver, Direction direction);
size_t maxEncodings(const Config& config, MediaKind kind);
/// Default scaleResolutionDownBy of `count` encodings: 4:2:1 and so on (webrtc-pc §5.1).
double defaultScale(size_t index, size_t count);

}  // namespace peerage::jsep
