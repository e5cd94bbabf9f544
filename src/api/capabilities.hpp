// What this end implements: the lists behind RTCRtpSender.getCapabilities() and RTCRtpReceiver.getCapabilities(), which
// are the lists that offers and answers are made of.
#pragma once

#include <optional>
#include <vector>

#include "jsep/session.hpp"
#include "peerage/dictionaries.hpp"

namespace peerage {

namespace media {
class CodecFactory;
}

namespace detail {

/// The codecs of the loop's factory, and what the engine adds to them; empty without a factory.
std::vector<jsep::CodecCapability> codecCapabilities(const media::CodecFactory* factory);
/// The header extensions that the RTP layer reads and writes.
std::vector<jsep::HeaderExtensionCapability> headerExtensions();
RTCRtpCapabilities capabilities(const media::CodecFactory* factory, jsep::MediaKind kind, bool toSend);

/// A codec of a program in the words of negotiation. One of another kind, or with a mime type that is none, matches no
/// codec of `kind`.
jsep::CodecPreference toPreference(const RTCRtpCodec& codec, jsep::MediaKind kind);
RTCRtpCodec fromPreference(const jsep::CodecPreference& codec, jsep::MediaKind kind);

jsep::SendEncoding toSendEncoding(const RTCRtpEncodingParameters& encoding, jsep::MediaKind kind);
RTCRtpEncodingParameters fromSendEncoding(const jsep::SendEncoding& encoding, jsep::MediaKind kind);
/// WebIDL §3.2.5: a double is finite. Throws TypeError.
void requireFinite(const RTCRtpEncodingParameters& encoding);

}  // namespace detail
}  // namespace peerage
