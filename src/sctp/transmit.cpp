// A packet goes out: control chunks, SACK, FORWARD TSN, then lost chunks, then new ones (RFC 9260 §6.1, §6.10).
#include <algorithm>
#include <utility>

#include "sctp/association_impl.hpp"
#include "sctp/packet/crc32c.hpp"

namespace peerage::sctp {
namespace {

// A long message is cut to fill what is left of a packet only where at least this much of it fits.
constexpr size_t kLeastFragment = 256;
constexpr size_t kSmallWindowMtus = 10;
constexpr uint16_t kHeartbeatInfo = 1;  // RFC 9260 §3.3.5

}  // namespace

bool Association::Impl::pollTransmit(Bytes& out) {
  out.clear();
  if (writeAlone(out) || writePacket(out)) return true;
  out.clear();
  return false;
}

bool Association::Impl::writeAlone(Bytes& out) {
  if (control_.empty() || !control_.front().alone) return false;
  CommonHeader{options_.localPort, options_.remotePort, control_.front().tag}.write(out);
  out.insert(out.end(), control_.front().chunk.begin(), control_.front().chunk.end());
  control_.pop_front();
  finishPacketOut(out, true);
  return true;
}

void Association::Impl::writeControl(Bytes& out) {
  while (!control_.empty() && !control_.front().alone) {
    const Bytes& chunk = control_.front().chunk;
    if (out.size() + chunk.size() > options_.mtu) {
      if (out.size() > kCommonHeaderSize) return;  // into the next packet
    } else {
      out.insert(out.end(), chunk.begin(), chunk.end());
    }
    control_.pop_front();
  }
}

bool Association::Impl::writePacket(Bytes& out) {
  if (!tracker_) return false;  // before the peer's tag is known there are only chunks that go alone
  out.reserve(options_.mtu);
  CommonHeader{options_.localPort, options_.remotePort, peer_.tag}.write(out);
  const auto room = [&] { return options_.mtu - std::min(options_.mtu, out.size()); };

  const bool withCookie = cookieEchoDue_;
  if (withCookie) {  // it must come first (§5.1 D)
    out.insert(out.end(), cookieEcho_.begin(), cookieEcho_.end());
    cookieEchoDue_ = false;
  }
  writeControl(out);
  if (state_ != State::ended && state_ != State::closed && state_ != State::cookie_wait) {
    // Data may ride with COOKIE ECHO, one packet of it (§5.1 C); all else waits until the peer has taken the cookie.
    const bool data = dataAllowed() || (state_ == State::cookie_echoed && withCookie);
    if (dataAllowed() && reconfigDue_) writeReconfig(out);
    const bool sending = data && wantsData();
    constexpr size_t kSackFixed = 16;
    if (room() >= kSackFixed && (tracker_->sackDue() || (sending && tracker_->sackPending()))) {
      tracker_->writeSack(out, announcedWindow(), room());
    }
    if (dataAllowed() && forwardTsnDue_ && outstanding_.writeForwardTsn(out, room())) {
      forwardTsnDue_ = false;
      forwardTsnSent_ = outstanding_.advancedAckPoint();
      forwardTsnAt_ = now_;
    }
    if (data) writeData(out, mayProbe());
  }
  if (out.size() <= kCommonHeaderSize) return false;
  finishPacketOut(out, withCookie);
  return true;
}

bool Association::Impl::mayResend() const {
  return resendNow_ || outstanding_.bytesInFlight() < congestion_.window();
}

// §6.1 A: with nothing in flight one chunk may go whatever the peer's window, so that a lost window update is noticed.
bool Association::Impl::mayProbe() const { return outstanding_.bytesInFlight() == 0; }

bool Association::Impl::maySendNew() const {
  return burstLeft_ > 0 && outstanding_.bytesInFlight() < congestion_.window();
}

bool Association::Impl::wantsData() {
  if (mayResend() && outstanding_.nextLostSize(now_)) return true;
  if (!maySendNew()) return false;
  const size_t remaining = queue_.nextRemaining(now_);
  return remaining > 0 && (mayProbe() || std::min(remaining, maxPayload()) <= peerWindow_);
}

void Association::Impl::writeData(Bytes& out, bool probe) {
  const size_t before = out.size();
  size_t lastFlagsAt = 0;  // of the last chunk written
  const auto room = [&] { return options_.mtu - std::min(options_.mtu, out.size()); };
  const auto put = [&](const DataChunk& chunk) {
    lastFlagsAt = out.size() + 1;
    chunk.write(out);
    peerWindow_ -= std::min(peerWindow_, chunk.payload.size());
    probe = false;
  };

  // Lost chunks first: the peer's window has room for them, for it had when they were first sent.
  while (mayResend()) {
    const auto size = outstanding_.nextLostSize(now_);
    if (!size || *size > room()) break;
    put(outstanding_.resendNext(now_));
  }
  if (out.size() > before || !outstanding_.nextLostSize(now_)) resendNow_ = false;
  collectAbandoned();

  while (maySendNew()) {
    if (const MessageRef message = queue_.dropAbandoned(now_, outstanding_.nextTsn())) {
      outstanding_.skip(message);
      collectAbandoned();
      scheduleForwardTsn(false);
    }
    const size_t remaining = queue_.nextRemaining(now_);
    if (remaining == 0 || room() <= kDataHeaderSize) break;
    const size_t fits = (room() - kDataHeaderSize) & ~size_t{3};
    size_t size = std::min(remaining, maxPayload());
    if (size > fits) {
      // Fragments are of full size except where one fills a packet; a message that fits a packet stays whole.
      if (remaining <= maxPayload() || fits < kLeastFragment) break;
      size = fits;
    }
    if (size > peerWindow_ && !probe) break;
    put(outstanding_.send(now_, queue_.take(size, outstanding_.nextTsn())));
  }
  if (out.size() == before) return;
  if (burstLeft_ > 0) --burstLeft_;
  lastDataSent_ = now_;
  armT3(false);  // §6.3.2 R1
  // I bit (§3.3.1): ask for the SACK at once when nothing more can go until it comes, and the window is so small that
  // a delayed SACK would idle it.
  const bool blocked = outstanding_.bytesInFlight() >= congestion_.window();
  if ((blocked && congestion_.window() <= kSmallWindowMtus * maxPayload()) || state_ == State::shutdown_pending) {
    out[lastFlagsAt] |= DataChunk::kImmediate;
  }
}

void Association::Impl::collectAbandoned() {
  for (const MessageRef& message : outstanding_.takeAbandoned()) {
    ++stats_.messagesAbandoned;
    events_.emplace_back(SendFailed{message->stream, message->ppid, message->data.size()});
  }
}

void Association::Impl::finishPacketOut(Bytes& out, bool checksumNeeded) {
  if (checksumNeeded || !peer_.zeroChecksum || state_ == State::cookie_echoed) {
    storeChecksum(&out[8], packetChecksum(out));
  }
  ++stats_.packetsSent;
  stats_.bytesSent += out.size();
}

void Association::Impl::armT3(bool restart) {
  if (outstanding_.empty()) {
    timers_.stop(TimerId::t3_rtx);
  } else if (restart || !timers_.running(TimerId::t3_rtx)) {
    timers_.start(TimerId::t3_rtx, now_ + backoff(t3Expirations_));
  }
}

void Association::Impl::handleT3() {
  if (outstanding_.empty()) return;
  if (state_ == State::cookie_echoed) {  // T1 speaks for the packet that COOKIE ECHO and this data share
    outstanding_.loseAll(now_);
    armT3(true);
    return;
  }
  ++stats_.retransmissionTimeouts;
  if (!countError("DATA")) return;
  ++t3Expirations_;
  congestion_.onTimeout();
  outstanding_.loseAll(now_);
  inRecovery_ = false;
  resendNow_ = true;
  collectAbandoned();
  scheduleForwardTsn(true);
  armT3(true);
}

// RFC 3758 §3.5 C3 and F. A SACK that comes while a FORWARD TSN is under way says nothing about it yet, so the same one
// goes again only after a round trip or with T3-rtx.
void Association::Impl::scheduleForwardTsn(bool again) {
  if (!peer_.forwardTsn) return;
  const TsnValue target = outstanding_.advancedAckPoint();
  if (target <= outstanding_.cumulativeAck()) {
    forwardTsnDue_ = false;
  } else if (again || target != forwardTsnSent_ || now_ - forwardTsnAt_ >= rto_.smoothed().value_or(rto_.rto())) {
    forwardTsnDue_ = true;
  }
}

// §8.3. A path that carried anything within the interval needs no probe.
void Association::Impl::handleHeartbeatTimer() {
  if (state_ != State::established && state_ != State::shutdown_pending && state_ != State::shutdown_received) return;
  if (heartbeatPending_) {
    heartbeatPending_ = false;
    if (!countError("HEARTBEAT")) return;
  } else if (now_ - lastReceived_ < options_.heartbeatInterval) {
    timers_.start(TimerId::heartbeat, lastReceived_ + options_.heartbeatInterval);
    return;
  }
  heartbeatPending_ = true;
  heartbeatNonce_ = random_->u64();
  heartbeatSent_ = now_;
  Bytes chunk;
  {
    ChunkWriter writer(chunk, ChunkType::heartbeat);
    ParameterWriter parameter(chunk, kHeartbeatInfo);
    ByteWriter(chunk).u64(heartbeatNonce_);
  }
  queueControl(std::move(chunk));
  timers_.start(TimerId::heartbeat, now_ + backoff(errorCount_));
}

}  // namespace peerage::sctp
