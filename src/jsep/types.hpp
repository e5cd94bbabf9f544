// The vocabulary of negotiation: states, ids, codecs as capabilities and as negotiated, and the errors that the API
// turns into exceptions.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strong.hpp"
#include "sdp/session_description.hpp"

namespace peerage::jsep {

using sdp::Direction;

/// webrtc-pc §4.3.1.
enum class SignalingState : uint8_t {
  stable,
  have_local_offer,
  have_remote_offer,
  have_local_pranswer,
  have_remote_pranswer,
  closed
};
std::string_view toString(SignalingState state);

/// webrtc-pc §4.6.1.
enum class SdpType : uint8_t { offer, pranswer, answer, rollback };
std::string_view toString(SdpType type);

enum class MediaKind : uint8_t { audio, video };
std::string_view toString(MediaKind kind);

/// webrtc-pc §4.2.3; max_bundle is "must-bundle" in RFC 9429 §4.1.1.
enum class BundlePolicy : uint8_t { balanced, max_compat, max_bundle };

enum class IceRole : uint8_t { unknown, controlling, controlled };
enum class DtlsRole : uint8_t { client, server };

/// A transceiver for the life of a session. Handed out by the session in order, never used twice.
using TransceiverId = Strong<struct TransceiverTag, uint32_t>;
/// One ICE and DTLS transport (RTP and RTCP multiplexed), shared by all the sections bundled on it. Never used twice.
using TransportId = Strong<struct TransportTag, uint32_t>;

// ---- Errors -----------------------------------------------------------------------------------------------------

/// What the API throws or rejects with. sdp_syntax is an RTCError with errorDetail "sdp-syntax-error".
enum class ErrorKind : uint8_t {
  invalid_state,         ///< InvalidStateError
  invalid_modification,  ///< InvalidModificationError
  invalid_access,        ///< InvalidAccessError
  operation,             ///< OperationError
  type,                  ///< TypeError
  range,                 ///< RangeError
  sdp_syntax,            ///< RTCError, with sdpLineNumber
};
std::string_view toString(ErrorKind kind);

struct Failure {
  ErrorKind kind = ErrorKind::operation;
  std::string message;    ///< names the value at fault
  int sdpLineNumber = 0;  ///< 1-based, with sdp_syntax only
  friend bool operator==(const Failure&, const Failure&) = default;
};

/// A value, or why not. A failure has changed nothing.
template <typename T = void>
using Outcome = std::expected<T, Failure>;

inline std::unexpected<Failure> fail(ErrorKind kind, std::string message, int line = 0) {
  return std::unexpected(Failure{kind, std::move(message), line});
}

// ---- Codecs and header extensions -------------------------------------------------------------------------------

/// One a=rtcp-fb value: {"nack", "pli"}, {"transport-cc", ""}.
struct Feedback {
  std::string type;
  std::string parameter;
  friend bool operator==(const Feedback&, const Feedback&) = default;
};

/// A codec that this end implements. "rtx", "red", "ulpfec", "CN" and "telephone-event" are entries of their own, as in
/// RTCRtpCapabilities; one entry "rtx" stands for retransmission of every video codec of the list.
struct CodecCapability {
  MediaKind kind = MediaKind::video;
  std::string name;  ///< "VP8", "opus": without the kind; compared without case
  uint32_t clockRate = 90000;
  int channels = 0;  ///< audio: as in the rtpmap line (2 for Opus); 0 for none
  std::string fmtp;  ///< what offers and answers say of our receiver, or empty
  std::vector<Feedback> feedback;
  bool send = true;                  ///< in the list of implemented send codecs
  bool receive = true;               ///< in the list of implemented receive codecs
  uint8_t preferredPayloadType = 0;  ///< 96 to 127 or 35 to 63; 0: any free one
  friend bool operator==(const CodecCapability&, const CodecCapability&) = default;
};

/// RTCRtpCodec as setCodecPreferences() and an encoding's `codec` take it.
struct CodecPreference {
  std::string name;  ///< "VP8", without the kind
  uint32_t clockRate = 90000;
  int channels = 0;
  std::string fmtp;
  friend bool operator==(const CodecPreference&, const CodecPreference&) = default;
};

/// A codec with its payload type, as a description has it (RTCRtpCodecParameters). Retransmission formats are entries
/// of their own ("rtx", fmtp "apt=96"), next to the codec that they serve.
struct Codec {
  uint8_t payloadType = 0;
  std::string name;
  uint32_t clockRate = 0;
  int channels = 0;
  std::string fmtp;
  std::vector<Feedback> feedback;
  friend bool operator==(const Codec&, const Codec&) = default;
};

/// A header extension that this end implements for a kind.
struct HeaderExtensionCapability {
  MediaKind kind = MediaKind::video;
  std::string uri;
  uint8_t preferredId = 0;  ///< 1 to 14
  friend bool operator==(const HeaderExtensionCapability&, const HeaderExtensionCapability&) = default;
};

/// A header extension with its id (RFC 8285).
struct HeaderExtension {
  uint16_t id = 0;
  std::string uri;
  friend bool operator==(const HeaderExtension&, const HeaderExtension&) = default;
};

struct IceCredentials {
  std::string ufrag;
  std::string pwd;
  friend auto operator<=>(const IceCredentials&, const IceCredentials&) = default;
};

}  // namespace peerage::jsep
