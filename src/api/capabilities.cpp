#include "api/capabilities.hpp"

#include <algorithm>
#include <cmath>

#include "api/convert.hpp"
#include "media/codec.hpp"
#include "peerage/dom_exception.hpp"
#include "sdp/text.hpp"

namespace peerage::detail {

namespace {

std::string_view typeOf(jsep::MediaKind kind) { return kind == jsep::MediaKind::audio ? "audio/" : "video/"; }

RTCPriorityType priorityOf(std::string_view text) {
  for (const auto priority : {RTCPriorityType::very_low, RTCPriorityType::medium, RTCPriorityType::high}) {
    if (toString(priority) == text) return priority;
  }
  return RTCPriorityType::low;
}

}  // namespace

std::vector<jsep::CodecCapability> codecCapabilities(const media::CodecFactory* factory) {
  std::vector<jsep::CodecCapability> capabilities;
  if (!factory) return capabilities;
  for (const media::MediaKind kind : {media::MediaKind::audio, media::MediaKind::video}) {
    for (const media::CodecDescription& codec : factory->codecs(kind)) {
      jsep::CodecCapability capability;
      capability.kind = kind == media::MediaKind::audio ? jsep::MediaKind::audio : jsep::MediaKind::video;
      capability.name = codec.encodingName();
      capability.clockRate = codec.clockRate;
      // An rtpmap line without channels says one (RFC 8866 §6.6); RTCRtpCodec says so.
      capability.channels = kind == media::MediaKind::audio ? std::max(codec.channels, 1) : 0;
      capability.fmtp = codec.sdpFmtpLine;
      for (const auto& feedback : codec.rtcpFeedback) capability.feedback.push_back({feedback.type, feedback.parameter});
      capabilities.push_back(std::move(capability));
    }
    // So are tones (RFC 4733), at the clock of Opus and at that of the telephone.
    if (kind == media::MediaKind::audio && !capabilities.empty()) {
      for (const auto& [clockRate, payloadType] : {std::pair<uint32_t, uint8_t>{48000, 110}, {8000, 126}}) {
        capabilities.push_back({.kind = jsep::MediaKind::audio, .name = "telephone-event", .clockRate = clockRate, .channels = 1,
                                .preferredPayloadType = payloadType});
      }
    }
    // Retransmission is the engine's own (RFC 4588): for every video codec.
    if (kind == media::MediaKind::video && !capabilities.empty() && capabilities.back().kind == jsep::MediaKind::video) {
      capabilities.push_back({.kind = jsep::MediaKind::video, .name = "rtx"});
    }
  }
  return capabilities;
}

std::vector<jsep::HeaderExtensionCapability> headerExtensions() {
  using jsep::MediaKind;
  constexpr const char* kAudioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
  constexpr const char* kAbsSendTime = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
  constexpr const char* kTransportCc = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
  constexpr const char* kMid = "urn:ietf:params:rtp-hdrext:sdes:mid";
  constexpr const char* kRid = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
  return {{MediaKind::audio, kAudioLevel, 1}, {MediaKind::audio, kAbsSendTime, 2}, {MediaKind::audio, kTransportCc, 3},
          {MediaKind::audio, kMid, 4},        {MediaKind::video, kAbsSendTime, 2}, {MediaKind::video, kTransportCc, 3},
          {MediaKind::video, kMid, 4},        {MediaKind::video, kRid, 10}};
}

RTCRtpCapabilities capabilities(const media::CodecFactory* factory, jsep::MediaKind kind, bool toSend) {
  RTCRtpCapabilities all;
  for (const jsep::CodecCapability& codec : codecCapabilities(factory)) {
    if (codec.kind != kind || !(toSend ? codec.send : codec.receive)) continue;
    all.codecs.push_back(fromPreference({codec.name, codec.clockRate, codec.channels, codec.fmtp}, kind));
  }
  for (const jsep::HeaderExtensionCapability& extension : headerExtensions()) {
    if (extension.kind == kind) all.headerExtensions.push_back({extension.uri});
  }
  return all;
}

jsep::CodecPreference toPreference(const RTCRtpCodec& codec, jsep::MediaKind kind) {
  const std::string_view type = typeOf(kind);
  const std::string_view mime = codec.mimeType;
  const bool fits = mime.size() > type.size() && sdp::sameIgnoringCase(mime.substr(0, type.size()), type);
  // Left whole, the mime type is no encoding name: those have no slash.
  return {std::string(fits ? mime.substr(type.size()) : mime.empty() ? "/" : mime), codec.clockRate,
          codec.channels.value_or(0), codec.sdpFmtpLine.value_or("")};
}

RTCRtpCodec fromPreference(const jsep::CodecPreference& codec, jsep::MediaKind kind) {
  RTCRtpCodec out{std::string(typeOf(kind)) + codec.name, codec.clockRate, std::nullopt, std::nullopt};
  if (kind == jsep::MediaKind::audio) out.channels = static_cast<uint16_t>(std::max(codec.channels, 1));
  if (!codec.fmtp.empty()) out.sdpFmtpLine = codec.fmtp;
  return out;
}

jsep::SendEncoding toSendEncoding(const RTCRtpEncodingParameters& encoding, jsep::MediaKind kind) {
  jsep::SendEncoding out;
  out.rid = encoding.rid.value_or("");
  out.active = encoding.active;
  if (encoding.codec) out.codec = toPreference(*encoding.codec, kind);
  if (encoding.maxBitrate) out.maxBitrate = *encoding.maxBitrate;
  out.maxFramerate = encoding.maxFramerate;
  out.scaleResolutionDownBy = encoding.scaleResolutionDownBy;
  out.priority = toString(encoding.priority);
  out.networkPriority = encoding.networkPriority ? toString(*encoding.networkPriority) : "";
  return out;
}

RTCRtpEncodingParameters fromSendEncoding(const jsep::SendEncoding& encoding, jsep::MediaKind kind) {
  RTCRtpEncodingParameters out;
  if (!encoding.rid.empty()) out.rid = encoding.rid;
  out.active = encoding.active;
  if (encoding.codec) out.codec = fromPreference(*encoding.codec, kind);
  if (encoding.maxBitrate) out.maxBitrate = static_cast<uint32_t>(std::min<uint64_t>(*encoding.maxBitrate, UINT32_MAX));
  out.maxFramerate = encoding.maxFramerate;
  out.scaleResolutionDownBy = encoding.scaleResolutionDownBy;
  out.priority = priorityOf(encoding.priority);
  if (!encoding.networkPriority.empty()) out.networkPriority = priorityOf(encoding.networkPriority);
  return out;
}

void requireFinite(const RTCRtpEncodingParameters& encoding) {
  if (encoding.maxFramerate && !std::isfinite(*encoding.maxFramerate)) throw TypeError("maxFramerate is not finite");
  if (encoding.scaleResolutionDownBy && !std::isfinite(*encoding.scaleResolutionDownBy)) {
    throw TypeError("scaleResolutionDownBy is not finite");
  }
}

}  // namespace peerage::detail
