// Between the public enumerations and those of the layers below.
#pragma once

#include "dtls/connection.hpp"
#include "ice/agent.hpp"
#include "jsep/types.hpp"
#include "peerage/enums.hpp"

namespace peerage::detail {

constexpr jsep::SdpType toJsep(RTCSdpType type) {
  switch (type) {
    case RTCSdpType::offer: return jsep::SdpType::offer;
    case RTCSdpType::pranswer: return jsep::SdpType::pranswer;
    case RTCSdpType::answer: return jsep::SdpType::answer;
    case RTCSdpType::rollback: break;
  }
  return jsep::SdpType::rollback;
}
constexpr RTCSdpType fromJsep(jsep::SdpType type) {
  switch (type) {
    case jsep::SdpType::offer: return RTCSdpType::offer;
    case jsep::SdpType::pranswer: return RTCSdpType::pranswer;
    case jsep::SdpType::answer: return RTCSdpType::answer;
    case jsep::SdpType::rollback: break;
  }
  return RTCSdpType::rollback;
}

constexpr jsep::MediaKind toJsep(MediaKind kind) {
  return kind == MediaKind::audio ? jsep::MediaKind::audio : jsep::MediaKind::video;
}
constexpr MediaKind fromJsep(jsep::MediaKind kind) {
  return kind == jsep::MediaKind::audio ? MediaKind::audio : MediaKind::video;
}

/// Not for `stopped`, which is no direction of an m-section.
constexpr jsep::Direction toJsep(RTCRtpTransceiverDirection direction) {
  switch (direction) {
    case RTCRtpTransceiverDirection::sendrecv: return jsep::Direction::sendrecv;
    case RTCRtpTransceiverDirection::sendonly: return jsep::Direction::sendonly;
    case RTCRtpTransceiverDirection::recvonly: return jsep::Direction::recvonly;
    case RTCRtpTransceiverDirection::inactive:
    case RTCRtpTransceiverDirection::stopped: break;
  }
  return jsep::Direction::inactive;
}
constexpr RTCRtpTransceiverDirection fromJsep(jsep::Direction direction) {
  switch (direction) {
    case jsep::Direction::sendrecv: return RTCRtpTransceiverDirection::sendrecv;
    case jsep::Direction::sendonly: return RTCRtpTransceiverDirection::sendonly;
    case jsep::Direction::recvonly: return RTCRtpTransceiverDirection::recvonly;
    case jsep::Direction::inactive: break;
  }
  return RTCRtpTransceiverDirection::inactive;
}

constexpr RTCSignalingState fromJsep(jsep::SignalingState state) {
  switch (state) {
    case jsep::SignalingState::stable: return RTCSignalingState::stable;
    case jsep::SignalingState::have_local_offer: return RTCSignalingState::have_local_offer;
    case jsep::SignalingState::have_remote_offer: return RTCSignalingState::have_remote_offer;
    case jsep::SignalingState::have_local_pranswer: return RTCSignalingState::have_local_pranswer;
    case jsep::SignalingState::have_remote_pranswer: return RTCSignalingState::have_remote_pranswer;
    case jsep::SignalingState::closed: break;
  }
  return RTCSignalingState::closed;
}

constexpr jsep::BundlePolicy toJsep(RTCBundlePolicy policy) {
  switch (policy) {
    case RTCBundlePolicy::balanced: return jsep::BundlePolicy::balanced;
    case RTCBundlePolicy::max_compat: return jsep::BundlePolicy::max_compat;
    case RTCBundlePolicy::max_bundle: break;
  }
  return jsep::BundlePolicy::max_bundle;
}

constexpr ice::TransportPolicy toIce(RTCIceTransportPolicy policy) {
  return policy == RTCIceTransportPolicy::relay ? ice::TransportPolicy::relay : ice::TransportPolicy::all;
}
constexpr RTCIceTransportState fromIce(ice::State state) {
  switch (state) {
    case ice::State::new_: return RTCIceTransportState::new_;
    case ice::State::checking: return RTCIceTransportState::checking;
    case ice::State::connected: return RTCIceTransportState::connected;
    case ice::State::completed: return RTCIceTransportState::completed;
    case ice::State::disconnected: return RTCIceTransportState::disconnected;
    case ice::State::failed: return RTCIceTransportState::failed;
    case ice::State::closed: break;
  }
  return RTCIceTransportState::closed;
}
constexpr RTCIceGathererState fromIce(ice::GatheringState state) {
  switch (state) {
    case ice::GatheringState::new_: return RTCIceGathererState::new_;
    case ice::GatheringState::gathering: return RTCIceGathererState::gathering;
    case ice::GatheringState::complete: break;
  }
  return RTCIceGathererState::complete;
}
constexpr RTCIceRole fromJsep(jsep::IceRole role) {
  switch (role) {
    case jsep::IceRole::unknown: return RTCIceRole::unknown;
    case jsep::IceRole::controlling: return RTCIceRole::controlling;
    case jsep::IceRole::controlled: break;
  }
  return RTCIceRole::controlled;
}
constexpr RTCDtlsTransportState fromDtls(dtls::State state) {
  switch (state) {
    case dtls::State::new_: return RTCDtlsTransportState::new_;
    case dtls::State::connecting: return RTCDtlsTransportState::connecting;
    case dtls::State::connected: return RTCDtlsTransportState::connected;
    case dtls::State::closed: return RTCDtlsTransportState::closed;
    case dtls::State::failed: break;
  }
  return RTCDtlsTransportState::failed;
}

}  // namespace peerage::detail
