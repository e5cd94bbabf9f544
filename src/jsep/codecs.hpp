// Codecs in descriptions: reading them from a section, matching them with capabilities, giving them payload types, and
// the same for header extensions.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jsep/session.hpp"

namespace peerage::jsep {

/// Whether a range has an element equal to `value`, seen through `projection`.
template <typename Range, typename T, typename Projection = std::identity>
bool contains(const Range& range, const T& value, Projection projection = {}) {
  return std::ranges::find(range, value, projection) != std::ranges::end(range);
}

/// Names that stand for a codec's protection or for signals and never for media alone: nothing to negotiate by
/// themselves.
bool isResilienceCodec(std::string_view name);
bool isRtx(const Codec& codec);

/// The key=value pairs of an fmtp line, keys in lower case; nullopt when it is not of that form.
std::optional<std::map<std::string, std::string>> parseFmtp(std::string_view fmtp);
/// The payload type that an rtx format retransmits (RFC 4588 §8.6).
std::optional<uint8_t> associatedPayloadType(const Codec& rtx);

/// Whether two formats are the same codec on the wire: name, clock, channels, and those fmtp parameters that both ends
/// must agree on (H.264 profile and packetization-mode, VP9 and AV1 profile). Names and clocks alone for all others.
bool sameFormat(std::string_view nameA, uint32_t clockA, int channelsA, std::string_view fmtpA, std::string_view nameB,
                uint32_t clockB, int channelsB, std::string_view fmtpB);
template <typename A, typename B>
bool sameFormat(const A& a, const B& b) {
  return sameFormat(a.name, a.clockRate, a.channels, a.fmtp, b.name, b.clockRate, b.channels, b.fmtp);
}

/// The codecs of an RTP section in the order of its m= line, with fmtp and feedback; static payload types (RFC 3551 §6)
/// need no rtpmap. Formats that nothing explains are left out.
std::vector<Codec> codecsOf(const sdp::MediaSection& section);
/// The entry with a payload type; nullptr when there is none.
const Codec* findCodec(const std::vector<Codec>& codecs, uint8_t payloadType);

/// The capability that a described codec is, among those for the kind that can send or receive as asked.
const CodecCapability* findCapability(const Config& config, MediaKind kind, const Codec& codec, bool send,
                                      bool receive);
bool implementsRtx(const Config& config, MediaKind kind);

/// The capabilities for a transceiver in the order in which they are to be described: its codec preferences filtered by
/// direction, or the defaults when they are unset (webrtc-pc §4.4.2 "codec preferences of a media description").
/// Without rtx.
std::vector<const CodecCapability*> orderedCapabilities(const Config& config, const Transceiver& transceiver);
/// Whether codec preferences are set and not empty after filtering.
bool hasCodecPreferences(const Config& config, const Transceiver& transceiver);
/// Whether rtx goes with the codecs of a transceiver.
bool wantsRtx(const Config& config, const Transceiver& transceiver);

/// Feedback that both lists have, in the order of the first.
std::vector<Feedback> commonFeedback(const std::vector<Feedback>& ours, const std::vector<Feedback>& theirs);

/// The codecs that a section offers for a transceiver. `answered` is its section in the most recent answer, whose order
/// holds unless preferences are set; `local` its section in the newest local description, whose payload types hold.
/// What is given out goes into the registry.
Outcome<std::vector<Codec>> offeredCodecs(const Config& config, NumberRegistry& numbers, const Transceiver& transceiver,
                                          const sdp::MediaSection* answered, const sdp::MediaSection* local);

/// The codecs that an answer to a section has: the common ones, in its order or in that of the preferences, with its
/// payload types. Empty when no primary codec is common.
std::vector<Codec> answeredCodecs(const Config& config, const Transceiver& transceiver,
                                  const sdp::MediaSection& offered);

/// Those of `theirs` (the remote section, its order and payload types) that are in `ours` too and can be sent.
std::vector<Codec> negotiatedSendCodecs(const Config& config, MediaKind kind, const std::vector<Codec>& theirs,
                                        const std::vector<Codec>& ours);
/// Those of `ours` (the local section, its payload types) that are in `theirs` too.
std::vector<Codec> negotiatedReceiveCodecs(const std::vector<Codec>& ours, const std::vector<Codec>& theirs);

/// Extensions of a section with their ids, first mention of each URI.
std::vector<HeaderExtension> extensionsOf(const sdp::MediaSection& section);
/// What a section offers for a kind. `local` is its section in the newest local description, whose ids hold.
std::vector<sdp::Extmap> offeredExtensions(const Config& config, NumberRegistry& numbers, MediaKind kind,
                                           const sdp::MediaSection* local);
std::vector<sdp::Extmap> answeredExtensions(const Config& config, MediaKind kind, const sdp::MediaSection& offered);
/// Extensions of `ours` that `theirs` has too.
std::vector<HeaderExtension> commonExtensions(const std::vector<HeaderExtension>& ours,
                                              const std::vector<HeaderExtension>& theirs);

/// Remembers the payload types and extension ids of a description that is being applied.
void registerNumbers(NumberRegistry& numbers, const sdp::SessionDescription& description);

}  // namespace peerage::jsep
