// webrtc-pc §7: tones of a telephone keypad.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "peerage/event_target.hpp"

namespace peerage {

namespace detail {
class LoopTimer;
class PeerConnection;
}  // namespace detail

/// webrtc-pc §7.3: a tone has begun; "" when all are over.
struct RTCDTMFToneChangeEvent : Event {
  explicit RTCDTMFToneChangeEvent(std::string tone_ = {}) : tone(std::move(tone_)) {}
  std::string tone;  ///< one character
};

/// webrtc-pc §7.2: RTCRtpSender::dtmf() of an audio sender. Tones are told as RFC 4733 events in the place of sound.
class RTCDTMFSender : public TypedEventTarget<RTCDTMFSender>, public std::enable_shared_from_this<RTCDTMFSender> {
 public:
  ~RTCDTMFSender() override;

  /// Plays `tones`, of 0 to 9, A to D (a to d), #, *, and a comma for two seconds of silence, in the place of those that wait.
  /// `duration` of each tone is brought into 40 to 6000 ms, the gap between them into 30 to 6000 ms. Empty `tones` take away
  /// what waits. Throws InvalidStateError unless canInsertDTMF(), InvalidCharacterError for any other character.
  void insertDTMF(std::string_view tones, uint32_t duration = 100, uint32_t interToneGap = 70);
  /// The connection is connected, the sender has a track, may send, and telephone-event was negotiated.
  bool canInsertDTMF() const;
  /// What has not begun yet.
  const std::string& toneBuffer() const { return toneBuffer_; }

  EventHandler<RTCDTMFToneChangeEvent> ontonechange;
  using Events = EventMap<EventOf<"tonechange", &RTCDTMFSender::ontonechange>>;

 private:
  friend class detail::PeerConnection;
  RTCDTMFSender(std::weak_ptr<detail::PeerConnection> connection, uint64_t transceiver);

  std::weak_ptr<detail::PeerConnection> connection_;
  uint64_t transceiver_;
  std::string toneBuffer_;
  uint32_t duration_ = 100;
  uint32_t interToneGap_ = 70;
  bool scheduled_ = false;  // a task with the playout steps is to come
  std::unique_ptr<detail::LoopTimer> timer_;
};

}  // namespace peerage
