#include "jsep/signaling_table.hpp"

namespace peerage::jsep {
namespace {

using enum SignalingState;

/// The arrows of the state diagram; nullopt where there is none.
std::optional<SignalingState> arrow(SignalingState state, Side side, SdpType type) {
  const bool local = side == Side::local;
  switch (type) {
    case SdpType::offer:
      if (state == stable) return local ? have_local_offer : have_remote_offer;
      if (state == (local ? have_local_offer : have_remote_offer)) return state;
      return std::nullopt;
    case SdpType::pranswer:
      if (state == (local ? have_remote_offer : have_local_offer))
        return local ? have_local_pranswer : have_remote_pranswer;
      if (state == (local ? have_local_pranswer : have_remote_pranswer)) return state;
      return std::nullopt;
    case SdpType::answer:
      if (state == (local ? have_remote_offer : have_local_offer)) return stable;
      if (state == (local ? have_local_pranswer : have_remote_pranswer)) return stable;
      return std::nullopt;
    case SdpType::rollback:
      if (state == have_local_offer || state == have_remote_offer) return stable;
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Outcome<SignalingState> nextState(SignalingState state, Side side, SdpType type) {
  if (const auto next = arrow(state, side, type)) return *next;
  return fail(ErrorKind::invalid_state, std::string(side == Side::local ? "a local " : "a remote ") +
                                            std::string(toString(type)) + " cannot be applied in state " +
                                            std::string(toString(state)));
}

bool needsImplicitRollback(SignalingState state, SdpType remoteType) {
  return remoteType == SdpType::offer && state != closed && !arrow(state, Side::remote, SdpType::offer);
}

SdpType implicitLocalType(SignalingState state) {
  return state == stable || state == have_local_offer || state == have_remote_pranswer ? SdpType::offer
                                                                                       : SdpType::answer;
}

}  // namespace peerage::jsep
