// getParameters(), setParameters() and codec preferences (webrtc-pc §5.2, §5.3, §5.4): what is negotiated, as dictionaries,
// and the part of it that a program may change without negotiation.
#include <algorithm>

#include "api/capabilities.hpp"
#include "api/convert.hpp"
#include "api/peer_connection.hpp"
#include "api/track_source.hpp"
#include "jsep/operations.hpp"

namespace peerage::detail {

namespace {

jsep::TransceiverId idOf(uint64_t transceiver) { return jsep::TransceiverId(static_cast<uint32_t>(transceiver)); }

std::vector<RTCRtpCodecParameters> codecsOf(const std::vector<jsep::Codec>& codecs, jsep::MediaKind kind) {
  std::vector<RTCRtpCodecParameters> out;
  for (const jsep::Codec& codec : codecs) {
    out.push_back({fromPreference({codec.name, codec.clockRate, codec.channels, codec.fmtp}, kind), codec.payloadType});
  }
  return out;
}

std::vector<RTCRtpHeaderExtensionParameters> extensionsOf(const jsep::Transceiver& state) {
  std::vector<RTCRtpHeaderExtensionParameters> out;
  for (const jsep::HeaderExtension& extension : state.headerExtensions) out.push_back({extension.uri, extension.id, false});
  return out;
}

std::exception_ptr invalidModification(const std::string& what) {
  return std::make_exception_ptr(DOMException("setParameters: " + what, DOMException::kInvalidModificationError));
}

/// Whether a codec is found in a list, by the codec dictionary match with ignoreAsymmetricalParameters.
bool choosable(const RTCRtpCodec& codec, const std::vector<jsep::CodecPreference>& codecs, jsep::MediaKind kind) {
  const jsep::CodecPreference wanted = toPreference(codec, kind);
  return std::ranges::any_of(codecs, [&](const auto& one) { return jsep::codecMatches(wanted, one, true); });
}

/// §5.2 "setParameters validation steps", the conditions for an InvalidModificationError; null when none is met.
std::exception_ptr checkUnchanged(const RTCRtpSendParameters& parameters, const RTCRtpSendParameters& last) {
  if (parameters.encodings.size() != last.encodings.size()) return invalidModification("the number of encodings was changed");
  for (size_t i = 0; i < last.encodings.size(); ++i) {
    if (parameters.encodings[i].rid != last.encodings[i].rid) {
      return invalidModification("the rid of encoding " + std::to_string(i) + " was changed");
    }
  }
  if (parameters.transactionId != last.transactionId) return invalidModification("transactionId was changed");
  if (parameters.headerExtensions != last.headerExtensions) return invalidModification("headerExtensions were changed");
  if (parameters.rtcp != last.rtcp) return invalidModification("rtcp was changed");
  if (parameters.codecs != last.codecs) return invalidModification("codecs were changed");
  return nullptr;
}

/// The steps after that, which complete the encodings and find a RangeError.
std::exception_ptr completeEncodings(std::vector<RTCRtpEncodingParameters>& encodings, jsep::MediaKind kind) {
  for (RTCRtpEncodingParameters& encoding : encodings) {
    if (kind == jsep::MediaKind::audio) {
      encoding.scaleResolutionDownBy.reset();
      encoding.maxFramerate.reset();
    } else if (!encoding.scaleResolutionDownBy) {
      encoding.scaleResolutionDownBy = 1.0;
    }
  }
  for (const RTCRtpEncodingParameters& encoding : encodings) {
    if (encoding.scaleResolutionDownBy && *encoding.scaleResolutionDownBy < 1.0) {
      return std::make_exception_ptr(RangeError("setParameters: scaleResolutionDownBy is " +
                                                std::to_string(*encoding.scaleResolutionDownBy) + ", must be at least 1"));
    }
  }
  for (const RTCRtpEncodingParameters& encoding : encodings) {
    if (encoding.maxFramerate && *encoding.maxFramerate < 0.0) {
      return std::make_exception_ptr(RangeError("setParameters: maxFramerate is " + std::to_string(*encoding.maxFramerate) +
                                                ", must not be negative"));
    }
  }
  return nullptr;
}

}  // namespace

RTCRtpSendParameters PeerConnection::sendParameters(const jsep::Transceiver& state) const {
  RTCRtpSendParameters out;
  for (const jsep::SendEncoding& encoding : state.sendEncodings) {
    out.encodings.push_back(fromSendEncoding(encoding, state.kind));
  }
  out.headerExtensions = extensionsOf(state);
  out.codecs = codecsOf(state.sendCodecs, state.kind);
  out.rtcp = {session_.cname, state.reducedSizeRtcp};
  return out;
}

RTCRtpReceiveParameters PeerConnection::receiveParameters(const jsep::Transceiver& state) const {
  RTCRtpReceiveParameters out;
  out.headerExtensions = extensionsOf(state);
  out.codecs = codecsOf(state.receiveCodecs, state.kind);
  out.rtcp.reducedSize = state.reducedSizeRtcp;
  return out;
}

void PeerConnection::keepParameters(RTCRtpTransceiver& transceiver, const jsep::Transceiver& state) const {
  transceiver.sender_->kept_ = sendParameters(state);
  transceiver.receiver_->kept_ = receiveParameters(state);
}

RTCRtpReceiveParameters PeerConnection::receiveParameters(const RTCRtpReceiver& receiver) const {
  const jsep::Transceiver* state = session_.find(idOf(receiver.transceiver_));
  return state ? receiveParameters(*state) : receiver.kept_;
}

RTCRtpSendParameters PeerConnection::getParameters(RTCRtpSender& sender) {
  if (sender.lastReturned_) return *sender.lastReturned_;
  const jsep::Transceiver* state = session_.find(idOf(sender.transceiver_));
  RTCRtpSendParameters result = state ? sendParameters(*state) : sender.kept_;
  result.transactionId = makeUuid(body_->random());
  sender.lastReturned_ = result;
  body_->queueTask([weak = sender.weak_from_this()] {
    if (const auto self = weak.lock()) self->lastReturned_.reset();
  });
  return result;
}

Promise<> PeerConnection::setParameters(RTCRtpSender& sender, RTCRtpSendParameters parameters) {
  try {
    for (const RTCRtpEncodingParameters& encoding : parameters.encodings) requireFinite(encoding);
  } catch (const TypeError&) {
    return rejected<void>(std::current_exception());
  }
  const auto invalidState = [](const char* what) {
    return std::make_exception_ptr(DOMException(std::string("setParameters: ") + what, DOMException::kInvalidStateError));
  };
  const jsep::TransceiverId id = idOf(sender.transceiver_);
  const jsep::Transceiver* state = session_.find(id);
  if (!state || state->stopping) return rejected<void>(invalidState("the transceiver is stopped"));
  if (!sender.lastReturned_) return rejected<void>(invalidState("getParameters() was not called in this task"));
  if (auto error = checkUnchanged(parameters, *sender.lastReturned_)) return rejected<void>(error);
  std::vector<jsep::CodecPreference> codecs;
  for (const RTCRtpCodec& codec : parameters.codecs) codecs.push_back(toPreference(codec, state->kind));
  if (codecs.empty()) {
    for (const jsep::CodecCapability& codec : session_.config.codecs) {
      if (codec.kind == state->kind && codec.send) codecs.push_back({codec.name, codec.clockRate, codec.channels, codec.fmtp});
    }
  }
  for (const RTCRtpEncodingParameters& encoding : parameters.encodings) {
    if (encoding.codec && !choosable(*encoding.codec, codecs, state->kind)) {
      return rejected<void>(invalidModification("the codec " + encoding.codec->mimeType + " is not among those to choose from"));
    }
  }
  if (auto error = completeEncodings(parameters.encodings, state->kind)) return rejected<void>(error);

  std::vector<jsep::SendEncoding> encodings;
  for (const RTCRtpEncodingParameters& encoding : parameters.encodings) {
    encodings.push_back(toSendEncoding(encoding, state->kind));
  }
  const Deferred<> deferred = defer<>();
  ++unsettledParameters_;
  body_->queueTask([weak = weak_from_this(), of = sender.shared_from_this(), id, encodings = std::move(encodings), deferred] {
    of->lastReturned_.reset();
    if (const auto self = weak.lock()) {
      --self->unsettledParameters_;
      // It can have stopped meanwhile: then there is nothing that they could change.
      if (jsep::setSendEncodings(self->session_, id, encodings) && !self->closed_) self->sessionChanged();
    }
    deferred.resolve();
  });
  return deferred.promise();
}

std::vector<engine::Connection::Source> PeerConnection::sources(uint64_t transceiver) const {
  return closed_ ? std::vector<engine::Connection::Source>() : engine_->sources(body_->now(), idOf(transceiver));
}

/// A moment of the loop's clock as the platform's timestamps have it: since the Unix epoch.
double PeerConnection::epochMilliseconds(Timestamp at) const {
  const std::chrono::duration<double, std::milli> wall = body_->wallClock().time_since_epoch();
  return wall.count() - std::chrono::duration<double, std::milli>(body_->now() - at).count();
}

void PeerConnection::setJitterBufferTarget(uint64_t transceiver, std::optional<double> milliseconds) {
  jsep::Transceiver* state = session_.find(idOf(transceiver));
  if (!state) return;
  state->jitterBufferTarget = milliseconds;
  if (!closed_) sessionChanged();
}

void PeerConnection::setCodecPreferences(RTCRtpTransceiver& transceiver, const std::vector<RTCRtpCodec>& codecs) {
  const jsep::MediaKind kind = toJsep(transceiver.receiver_->track_->kind());
  std::vector<jsep::CodecPreference> preferences;
  for (const RTCRtpCodec& codec : codecs) preferences.push_back(toPreference(codec, kind));
  const auto set = jsep::setCodecPreferences(session_, idOf(transceiver.id_), preferences);
  if (!set) throwFailure(set.error());
}

}  // namespace peerage::detail
