// "Processing Remote MediaStreamTracks" (webrtc-pc §5.1.1).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jsep/apply_description.hpp"
#include "jsep/session.hpp"

namespace peerage::jsep {

/// The MSIDs that a remote section gives its track: its a=msid ids without "-"; the default stream when it has no
/// a=msid line at all (RFC 9429 §5.8.2).
std::vector<std::string> remoteStreamIds(const sdp::MediaSection& section, const std::string& defaultStreamId);

/// "Set the associated remote streams".
void setAssociatedRemoteStreams(Transceiver& transceiver, const std::vector<std::string>& msids, Effects& effects);

/// "Process remote tracks". `direction` is from our side; nullopt is a current direction that is null.
void processRemoteTracks(Transceiver& transceiver, std::optional<Direction> direction,
                         const std::vector<std::string>& msids, Effects& effects);

}  // namespace peerage::jsep
