#include "jsep/types.hpp"

namespace peerage::jsep {

std::string_view toString(SignalingState state) {
  switch (state) {
    case SignalingState::stable: return "stable";
    case SignalingState::have_local_offer: return "have-local-offer";
    case SignalingState::have_remote_offer: return "have-remote-offer";
    case SignalingState::have_local_pranswer: return "have-local-pranswer";
    case SignalingState::have_remote_pranswer: return "have-remote-pranswer";
    case SignalingState::closed: return "closed";
  }
  return "";
}

std::string_view toString(SdpType type) {
  switch (type) {
    case SdpType::offer: return "offer";
    case SdpType::pranswer: return "pranswer";
    case SdpType::answer: return "answer";
    case SdpType::rollback: return "rollback";
  }
  return "";
}

std::string_view toString(MediaKind kind) { return kind == MediaKind::audio ? "audio" : "video"; }

std::string_view toString(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_state: return "InvalidStateError";
    case ErrorKind::invalid_modification: return "InvalidModificationError";
    case ErrorKind::invalid_access: return "InvalidAccessError";
    case ErrorKind::operation: return "OperationError";
    case ErrorKind::type: return "TypeError";
    case ErrorKind::range: return "RangeError";
    case ErrorKind::sdp_syntax: return "RTCError";
  }
  return "";
}

}  // namespace peerage::jsep
