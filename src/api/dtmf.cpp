// RTCDTMFSender (webrtc-pc §7).
#include <algorithm>

#include "api/peer_connection.hpp"
#include "media/codec.hpp"

namespace peerage {

namespace {

/// RFC 4733 §3.2, table 3.
constexpr std::string_view kEvents = "0123456789*#ABCD";

}  // namespace

RTCDTMFSender::RTCDTMFSender(std::weak_ptr<detail::PeerConnection> connection, uint64_t transceiver)
    : connection_(std::move(connection)), transceiver_(transceiver) {}
RTCDTMFSender::~RTCDTMFSender() = default;

bool RTCDTMFSender::canInsertDTMF() const {
  const auto connection = connection_.lock();
  return connection && connection->canInsertDtmf(*this);
}

void RTCDTMFSender::insertDTMF(std::string_view tones, uint32_t duration, uint32_t interToneGap) {
  const auto connection = connection_.lock();
  if (!connection || !connection->canInsertDtmf(*this)) {
    throw DOMException("insertDTMF: tones cannot be sent now", DOMException::kInvalidStateError);
  }
  std::string normalized(tones);
  for (char& tone : normalized) {
    if (tone >= 'a' && tone <= 'd') tone = static_cast<char>(tone - 'a' + 'A');
    if (tone != ',' && kEvents.find(tone) == std::string_view::npos) {
      throw DOMException("insertDTMF: \"" + std::string(tones) + "\" has a character that is no tone",
                         DOMException::kInvalidCharacterError);
    }
  }
  toneBuffer_ = std::move(normalized);
  duration_ = std::clamp<uint32_t>(duration, 40, 6000);
  interToneGap_ = std::clamp<uint32_t>(interToneGap, 30, 6000);
  if (toneBuffer_.empty() || scheduled_) return;
  connection->scheduleDtmf(*this, Duration{0});
}

namespace detail {

/// "Determine if DTMF can be sent".
bool PeerConnection::canInsertDtmf(const RTCDTMFSender& dtmf) const {
  if (connectionState_ != RTCPeerConnectionState::connected) return false;
  const jsep::Transceiver* state = session_.find(jsep::TransceiverId(static_cast<uint32_t>(dtmf.transceiver_)));
  if (!state || state->stopping || !state->senderTrackId) return false;
  if (!state->currentDirection || !sdp::sends(*state->currentDirection)) return false;
  if (!state->sendEncodings.front().active) return false;
  return std::ranges::any_of(state->sendCodecs,
                             [](const jsep::Codec& codec) { return media::sameCodecName(codec.name, "telephone-event"); });
}

void PeerConnection::scheduleDtmf(RTCDTMFSender& dtmf, Duration delay) {
  dtmf.scheduled_ = true;
  const std::weak_ptr<RTCDTMFSender> weak = dtmf.weak_from_this();
  auto play = [connection = weak_from_this(), weak] {
    const auto self = connection.lock();
    const auto sender = weak.lock();
    if (self && sender && !self->closed_) self->playDtmf(*sender);
  };
  if (delay == Duration{0}) return body_->queueTask(std::move(play));
  if (!dtmf.timer_) dtmf.timer_ = body_->makeTimer(std::move(play));
  dtmf.timer_->set(body_->now() + delay);
}

/// "DTMF playout task steps".
void PeerConnection::playDtmf(RTCDTMFSender& dtmf) {
  const auto keep = dtmf.shared_from_this();
  dtmf.scheduled_ = false;
  if (!canInsertDtmf(dtmf)) return;
  if (dtmf.toneBuffer_.empty()) return dtmf.dispatchEvent<"tonechange">(RTCDTMFToneChangeEvent());
  const char tone = dtmf.toneBuffer_.front();
  dtmf.toneBuffer_.erase(0, 1);
  if (tone == ',') {
    scheduleDtmf(dtmf, std::chrono::milliseconds(2000));
  } else {
    engine_->sendTone(body_->now(), jsep::TransceiverId(static_cast<uint32_t>(dtmf.transceiver_)),
                      static_cast<uint8_t>(kEvents.find(tone)), std::chrono::milliseconds(dtmf.duration_));
    touched();
    scheduleDtmf(dtmf, std::chrono::milliseconds(dtmf.duration_ + dtmf.interToneGap_));
  }
  dtmf.dispatchEvent<"tonechange">(RTCDTMFToneChangeEvent(std::string(1, tone)));
}

}  // namespace detail
}  // namespace peerage
