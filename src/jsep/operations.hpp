// The API calls that change what will be negotiated (webrtc-pc §5.1, §5.2, §5.4, §4.4.2, §6.1), as functions of the
// session. Each does the slots' part of its algorithm; the caller then updates the negotiation-needed flag where the
// comment says so.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "jsep/session.hpp"

namespace peerage::jsep {

struct AddedTrack {
  TransceiverId transceiver;
  bool created = false;  ///< false: the sender of an existing transceiver was used
};
/// addTrack(): `trackId` identifies the track among the connection's senders. invalid_access when it is being sent
/// already, invalid_state when closed. Then update the flag.
Outcome<AddedTrack> addTrack(Session& session, MediaKind kind, const std::string& trackId,
                             const std::vector<std::string>& streamIds, RandomSource& random);

/// removeTrack(). True: something changed, update the flag; false: one of the no-op exits.
Outcome<bool> removeTrack(Session& session, TransceiverId transceiver);

struct TransceiverInit {
  MediaKind kind = MediaKind::audio;
  std::optional<std::string> trackId;
  Direction direction = Direction::sendrecv;
  std::vector<std::string> streamIds;
  std::vector<SendEncoding> sendEncodings;
};
/// addTransceiver() with its validation of sendEncodings (type, range, operation errors). Then update the flag.
Outcome<TransceiverId> addTransceiver(Session& session, const TransceiverInit& init, RandomSource& random);

/// The direction setter (setting "stopped" is the caller's TypeError). True: changed, update the flag.
Outcome<bool> setDirection(Session& session, TransceiverId transceiver, Direction direction);

/// stop(). True: it is stopping now: end the receiver's track and update the flag; false: it was stopping before.
Outcome<bool> stop(Session& session, TransceiverId transceiver);

/// setStreams(). Then update the flag.
Outcome<> setStreams(Session& session, TransceiverId transceiver, const std::vector<std::string>& streamIds);

/// The part of replaceTrack() that swaps the track, some time after its caller has looked at [[Stopping]]; never updates
/// the flag.
Outcome<> replaceTrack(Session& session, TransceiverId transceiver, std::optional<std::string> trackId);

/// setCodecPreferences(): invalid_modification for a codec that is not implemented, or for none that could be offered.
Outcome<> setCodecPreferences(Session& session, TransceiverId transceiver, const std::vector<CodecPreference>& codecs);

/// The result of setParameters(), validated by the caller: same number and rids as before. SSRCs are kept.
Outcome<> setSendEncodings(Session& session, TransceiverId transceiver, const std::vector<SendEncoding>& encodings);

/// createDataChannel(). True: update the flag.
Outcome<bool> createDataChannel(Session& session);

/// restartIce(). Then update the flag.
void restartIce(Session& session);

/// close(): the state becomes closed and every transceiver stopped.
void close(Session& session);

/// The codec dictionary match algorithm (webrtc-pc §5.4.2).
bool codecMatches(const CodecPreference& a, const CodecPreference& b, bool ignoreAsymmetricalParameters = false);

}  // namespace peerage::jsep
