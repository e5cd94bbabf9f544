// createOffer() and createAnswer() (RFC 9429 §5.2 and §5.3, webrtc-pc §4.4.2): the final steps, as functions.
#pragma once

#include <string>

#include "base/random.hpp"
#include "jsep/session.hpp"

namespace peerage::jsep {

struct OfferOptions {
  bool iceRestart = false;
};

/// Makes an offer, remembers it as [[LastCreatedOffer]] and returns its text. Changes no mid and no transport. Fails
/// with invalid_state outside stable and have-local-offer, with operation when payload types or extension ids have run
/// out.
Outcome<std::string> createOffer(Session& session, const OfferOptions& options, RandomSource& random);

/// Makes an answer to the pending remote offer, remembers it as [[LastCreatedAnswer]] and returns its text. Fails with
/// invalid_state outside have-remote-offer and have-local-pranswer.
Outcome<std::string> createAnswer(Session& session, RandomSource& random);

/// [[LastCreatedOffer]] when setLocalDescription() without sdp may still use it: nothing that shows in an offer has
/// changed since. nullptr: create one first.
const std::string* reusableOffer(const Session& session);
/// The same of [[LastCreatedAnswer]].
const std::string* reusableAnswer(const Session& session);

}  // namespace peerage::jsep
