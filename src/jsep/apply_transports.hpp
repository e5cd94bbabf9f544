// Which sections share which transport, as descriptions are applied (RFC 9143, RFC 9429 §5.9 to §5.11).
#pragma once

#include "jsep/apply_description.hpp"
#include "jsep/session.hpp"

namespace peerage::jsep {

/// `shared` is CreatedDescription::transports of the offer.
void transportsOfLocalOffer(Session& next, const Description& offer, const std::vector<std::optional<size_t>>& shared,
                            Effects& effects);
void transportsOfRemoteOffer(Session& next, const Description& offer, Effects& effects);
/// Transports, DTLS roles and fingerprints after an answer or pranswer. Fails with invalid_access when the answer moves
/// a section away from the transport that it shares, or changes the role of an association that goes on.
Outcome<> transportsOfAnswer(Session& next, const Description& offer, const Description& answer, bool remoteAnswer,
                             Effects& effects);
/// Forgets transports that no section uses any more.
void closeUnusedTransports(Session& next, Effects& effects);
/// What is new to gather for, after a local description or a rollback.
void noteGathering(const Session& before, const Session& next, Effects& effects);

}  // namespace peerage::jsep
