// What creating an answer and applying one must agree on.
#pragma once

#include <optional>

#include "jsep/session.hpp"

namespace peerage::jsep {

/// Whether an m-section is RTP media of a kind and profile that this end knows (RFC 9429 §5.1.2), of that kind.
std::optional<MediaKind> mediaKindOf(const sdp::MediaSection& section);
/// Whether it is a section for WebRTC data channels (RFC 8841 §4).
bool isDataSection(const sdp::MediaSection& section);

/// The rids that a remote section asks us to send, first alternatives, without repetitions (webrtc-pc §4.4.1.5).
std::vector<std::string> requestedRids(const sdp::MediaSection& remote);

/// Whether a remote description goes on with the DTLS association that the transport has: fingerprints and tls-id are
/// those known already, or none are known yet (RFC 8842 §5).
bool continuesDtls(const Transport& transport, const sdp::SessionDescription& remote, const sdp::MediaSection& section);

}  // namespace peerage::jsep
