// Semantics verification (RFC 9429 §5.8.3) and the checks of a description against what was negotiated before
// (RFC 9429 §5.5, §5.6, RFC 3264, RFC 9143). Nothing here changes a session.
#pragma once

#include <string>
#include <vector>

#include "jsep/session.hpp"

namespace peerage::jsep {

/// Names for the sections of a remote description: a=mid, for sections without one the mid of the section's place in
/// the offer or the previous remote description, else a new one. Fails with invalid_access for a mid used twice.
Outcome<std::vector<std::string>> resolveMids(const Session& session, SdpType type,
                                              const sdp::SessionDescription& remote);

/// What a remote description must have by itself.
Outcome<> verifyRemote(const Description& remote);
/// A remote offer after the descriptions so far; an earlier offer that is still pending counts as if it had been
/// answered.
Outcome<> verifyRemoteOffer(const Session& session, const Description& offer);
/// An answer to an offer, from either side.
Outcome<> verifyAnswer(const Description& offer, const Description& answer);
/// Credentials of a remote answer against what was offered (RFC 9429 §5.10): they change exactly with an offered
/// restart.
Outcome<> verifyAnswerIce(const Session& session, const Description& answer);
/// A local offer against the descriptions that hold now.
Outcome<> verifyLocalOffer(const Session& session, const CreatedDescription& offer);

}  // namespace peerage::jsep
