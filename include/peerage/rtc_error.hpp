// webrtc-pc §9: RTCError and its event.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "peerage/dom_exception.hpp"
#include "peerage/enums.hpp"
#include "peerage/event_target.hpp"

namespace peerage {

/// webrtc-pc §9.2.
struct RTCErrorInit {
  RTCErrorDetailType errorDetail = RTCErrorDetailType::data_channel_failure;
  std::optional<int32_t> sdpLineNumber = std::nullopt;
  std::optional<int32_t> sctpCauseCode = std::nullopt;
  std::optional<uint32_t> receivedAlert = std::nullopt;
  std::optional<uint32_t> sentAlert = std::nullopt;
};

/// webrtc-pc §9.2. A DOMException named "OperationError" that carries what WebRTC knows more.
class RTCError : public DOMException {
 public:
  RTCError(RTCErrorDetailType detail, std::string message, std::optional<int32_t> sdpLine = std::nullopt)
      : DOMException(message, kOperationError), errorDetail_(detail), sdpLineNumber_(sdpLine) {}

  explicit RTCError(const RTCErrorInit& init, std::string message = {})
      : DOMException(message, kOperationError),
        errorDetail_(init.errorDetail),
        sdpLineNumber_(init.sdpLineNumber),
        sctpCauseCode_(init.sctpCauseCode),
        receivedAlert_(init.receivedAlert),
        sentAlert_(init.sentAlert) {}

  RTCErrorDetailType errorDetail() const { return errorDetail_; }
  /// 1-based line of the description, for sdp_syntax_error.
  std::optional<int32_t> sdpLineNumber() const { return sdpLineNumber_; }
  /// Cause code of the SCTP ABORT, for sctp_failure (RFC 9260 §3.3.10).
  std::optional<int32_t> sctpCauseCode() const { return sctpCauseCode_; }
  /// TLS alert number received or sent, for dtls_failure.
  std::optional<uint32_t> receivedAlert() const { return receivedAlert_; }
  std::optional<uint32_t> sentAlert() const { return sentAlert_; }

  RTCError& withSctpCauseCode(std::optional<int32_t> code) { return sctpCauseCode_ = code, *this; }
  RTCError& withReceivedAlert(std::optional<uint32_t> alert) { return receivedAlert_ = alert, *this; }
  RTCError& withSentAlert(std::optional<uint32_t> alert) { return sentAlert_ = alert, *this; }

 private:
  RTCErrorDetailType errorDetail_;
  std::optional<int32_t> sdpLineNumber_;
  std::optional<int32_t> sctpCauseCode_;
  std::optional<uint32_t> receivedAlert_;
  std::optional<uint32_t> sentAlert_;
};

/// webrtc-pc §9.5.
struct RTCErrorEvent : Event {
  explicit RTCErrorEvent(RTCError error_) : error(std::move(error_)) {}
  RTCError error;
};

}  // namespace peerage
