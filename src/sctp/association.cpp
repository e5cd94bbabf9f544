#include "sctp/association.hpp"

#include <algorithm>
#include <utility>

#include "sctp/association_impl.hpp"

namespace peerage::sctp {

std::string_view toString(State state) {
  switch (state) {
    case State::closed: return "closed";
    case State::cookie_wait: return "cookie-wait";
    case State::cookie_echoed: return "cookie-echoed";
    case State::established: return "established";
    case State::shutdown_pending: return "shutdown-pending";
    case State::shutdown_sent: return "shutdown-sent";
    case State::shutdown_received: return "shutdown-received";
    case State::shutdown_ack_sent: return "shutdown-ack-sent";
    case State::ended: return "ended";
  }
  return "?";
}

std::string_view toString(SendResult result) {
  switch (result) {
    case SendResult::ok: return "ok";
    case SendResult::empty: return "empty";
    case SendResult::too_large: return "too-large";
    case SendResult::invalid_stream: return "invalid-stream";
    case SendResult::stream_resetting: return "stream-resetting";
    case SendResult::buffer_full: return "buffer-full";
    case SendResult::shutting_down: return "shutting-down";
  }
  return "?";
}

Association::Association(Options options, RandomSource& random, Log log)
    : impl_(std::make_unique<Impl>(std::move(options), random, std::move(log))) {}
Association::~Association() = default;
Association::Association(Association&&) noexcept = default;
Association& Association::operator=(Association&&) noexcept = default;

void Association::connect(Timestamp now) { impl_->connect(now); }
Bytes Association::localInit() const { return impl_->localInit(); }
Result<> Association::connectWithPeerInit(Timestamp now, ByteView peerInit) {
  return impl_->connectWithPeerInit(now, peerInit);
}
void Association::shutdown(Timestamp now) { impl_->shutdown(now); }
void Association::abort(Timestamp now, std::string_view reason) { impl_->abort(now, reason); }
SendResult Association::send(Timestamp now, StreamId stream, Ppid ppid, Bytes data, const SendOptions& options) {
  return impl_->send(now, stream, ppid, std::move(data), options);
}
void Association::resetStreams(Timestamp now, std::span<const StreamId> streams) { impl_->resetStreams(now, streams); }
size_t Association::bufferedAmount(StreamId stream) const { return impl_->queue_.bufferedAmount(stream); }
size_t Association::totalBufferedAmount() const { return impl_->queue_.totalBuffered(); }
void Association::setBufferedAmountLowThreshold(StreamId stream, size_t bytes) {
  impl_->queue_.setLowThreshold(stream, bytes);
}
void Association::setPriority(StreamId stream, uint16_t priority) { impl_->queue_.setWeight(stream, priority); }
void Association::setMaxSendMessageSize(size_t bytes) { impl_->options_.maxSendMessageSize = bytes; }
State Association::state() const { return impl_->state_; }
const Options& Association::options() const { return impl_->options_; }
Stats Association::stats() const { return impl_->stats(); }
void Association::handleInput(Timestamp now, ByteView packet) { impl_->handleInput(now, packet); }
void Association::handleTimeout(Timestamp now) { impl_->handleTimeout(now); }
bool Association::pollTransmit(Bytes& out) { return impl_->pollTransmit(out); }
std::optional<Bytes> Association::pollTransmit() {
  Bytes out;
  if (!impl_->pollTransmit(out)) return std::nullopt;
  return out;
}
std::optional<Event> Association::pollEvent() { return impl_->pollEvent(); }
std::optional<Timeout> Association::nextTimeout() const { return impl_->nextTimeout(); }

namespace {

// Below this a packet holds hardly any data; above it its length does not fit 16 bits everywhere it is written.
constexpr size_t kLeastMtu = 256, kGreatestMtu = 65532;

Options checked(Options options) {
  options.mtu = std::clamp(options.mtu, kLeastMtu, kGreatestMtu);
  options.initialCwndMtus = std::max<size_t>(options.initialCwndMtus, 1);
  options.slowStartMtusPerSack = std::max<size_t>(options.slowStartMtusPerSack, 1);
  options.maxBurst = std::max<size_t>(options.maxBurst, 1);
  options.receiveWindow = std::max<uint32_t>(options.receiveWindow, 1500);  // §3.3.2: at least 1500
  options.inboundStreams = std::max<uint16_t>(options.inboundStreams, 1);
  options.outboundStreams = std::max<uint16_t>(options.outboundStreams, 1);
  options.rtoMin = std::max(options.rtoMin, Duration(1ms));
  options.rtoMax = std::max(options.rtoMax, options.rtoMin);
  options.rtoInitial = std::clamp(options.rtoInitial, options.rtoMin, options.rtoMax);
  return options;
}

// Never 0: an INIT with that tag is refused (§3.3.2).
uint32_t freshTag(RandomSource& random) {
  uint32_t tag = 0;
  while (tag == 0) tag = random.u32();
  return tag;
}

}  // namespace

Association::Impl::Impl(Options options, RandomSource& random, Log log)
    : options_(checked(std::move(options))),
      random_(&random),
      log_(std::move(log)),
      cookies_(random),
      backoffLimit_(std::max(options_.maxBackoff, options_.rtoMin)),
      localTag_(freshTag(random)),
      localInitialTsn_(random.u32()),
      outstanding_(localInitialTsn_),
      congestion_((options_.mtu - kCommonHeaderSize - kDataHeaderSize) & ~size_t{3}, options_.initialCwndMtus,
                  options_.slowStartMtusPerSack),
      rto_(options_.rtoInitial, options_.rtoMin, options_.rtoMax),
      burstLeft_(options_.maxBurst),
      nextRequestSequence_(localInitialTsn_) {}

void Association::Impl::setState(State state, std::string_view reason) {
  if (state_ == state) return;
  if (log_) {
    log_.debug(std::string(toString(state_)) + " -> " + std::string(toString(state)) + ": " + std::string(reason));
  }
  state_ = state;
}

bool Association::Impl::countError(std::string_view what) {
  ++errorCount_;
  if (!options_.maxRetransmits || errorCount_ <= *options_.maxRetransmits) return true;
  abortWith(Cause::none, std::string(what) + ": no answer to " + std::to_string(*options_.maxRetransmits) + " tries");
  return false;
}

void Association::Impl::end(Event last, std::string_view reason) {
  setState(State::ended, reason);
  timers_.stopAll();
  queue_.clear();
  stats_.chunksRetransmitted += outstanding_.retransmissions();
  outstanding_ = Outstanding(localInitialTsn_);
  tracker_.reset();
  reassembly_.reset();
  cookieEchoDue_ = false;
  reconfigDue_ = false;
  forwardTsnDue_ = false;
  resetRequest_.reset();
  deferredReset_.reset();
  resetWanted_.clear();
  events_.push_back(std::move(last));
}

void Association::Impl::abortWith(Cause cause, std::string_view reason) {
  if (state_ == State::ended) return;
  control_.clear();
  if (peer_.tag != 0) {  // before the peer's tag is known there is nobody to tell
    Bytes chunk;
    {
      ChunkWriter writer(chunk, ChunkType::abort);
      if (cause != Cause::none) writeCause(chunk, cause, asBytes(reason));
    }
    queueControl(std::move(chunk), peer_.tag, true);
  }
  end(Aborted{false, static_cast<uint16_t>(cause), std::string(reason)}, reason);
}

void Association::Impl::abort(Timestamp now, std::string_view reason) {
  now_ = now;
  abortWith(Cause::user_abort, reason);
}

void Association::Impl::queueControl(Bytes chunk, uint32_t tag, bool alone) {
  // The owner drains after each input, so only a packet full of requests comes near this.
  constexpr size_t kMost = 64;
  if (control_.size() < kMost) control_.push_back({std::move(chunk), tag, alone});
}

void Association::Impl::reportError(Cause cause, ByteView info) {
  Bytes chunk;
  {
    ChunkWriter writer(chunk, ChunkType::error);
    writeCause(chunk, cause, info);
  }
  queueControl(std::move(chunk));
}

bool Association::Impl::dataAllowed() const {
  switch (state_) {
    case State::established:
    case State::shutdown_pending:
    case State::shutdown_received:
      return true;
    case State::cookie_echoed:  // only in the packet with COOKIE ECHO: see writePacket()
    case State::closed:
    case State::cookie_wait:
    case State::shutdown_sent:
    case State::shutdown_ack_sent:
    case State::ended:
      return false;
  }
  return false;
}

SendResult Association::Impl::send(Timestamp now, StreamId stream, Ppid ppid, Bytes data, const SendOptions& options) {
  now_ = now;
  switch (state_) {
    case State::closed:
    case State::cookie_wait:
    case State::cookie_echoed:
    case State::established:
      break;
    case State::shutdown_pending:
    case State::shutdown_sent:
    case State::shutdown_received:
    case State::shutdown_ack_sent:
    case State::ended:
      return SendResult::shutting_down;
  }
  if (data.empty()) return SendResult::empty;
  if (options_.maxSendMessageSize != 0 && data.size() > options_.maxSendMessageSize) return SendResult::too_large;
  const uint16_t streams = peer_.tag != 0 ? peer_.outboundStreams : options_.outboundStreams;
  if (stream.value() >= streams) return SendResult::invalid_stream;
  if (queue_.resetting(stream)) return SendResult::stream_resetting;
  if (!queue_.empty() && queue_.totalBytes() + data.size() > options_.sendBufferLimit) return SendResult::buffer_full;
  if (outstanding_.empty() && now - lastDataSent_ > rto_.rto()) {
    congestion_.onIdle(static_cast<size_t>((now - lastDataSent_) / rto_.rto()));
  }
  queue_.push(now, stream, ppid, std::move(data), options);
  ++stats_.messagesSent;
  burstLeft_ = options_.maxBurst;
  return SendResult::ok;
}

uint32_t Association::Impl::announcedWindow() const {
  if (!reassembly_) return options_.receiveWindow;
  const size_t used = reassembly_->windowBytes(tracker_->cumulative());
  return used >= options_.receiveWindow ? 0 : static_cast<uint32_t>(options_.receiveWindow - used);
}

void Association::Impl::handleTimeout(Timestamp now) {
  now_ = now;
  if (state_ == State::ended) return;
  burstLeft_ = options_.maxBurst;
  if (tracker_) tracker_->handleTimeout(now);
  // T3 before T1: data that went out with a COOKIE ECHO can then ride with its retransmission.
  if (timers_.expire(TimerId::t3_rtx, now)) handleT3();
  if (timers_.expire(TimerId::t1, now)) handleT1();
  if (timers_.expire(TimerId::t2_shutdown, now)) handleT2();
  if (timers_.expire(TimerId::reconfig, now)) handleReconfigTimer();
  if (timers_.expire(TimerId::heartbeat, now)) handleHeartbeatTimer();
  if (timers_.expire(TimerId::shutdown_guard, now)) abortWith(Cause::none, "shutdown was not finished in time");
}

std::optional<Event> Association::Impl::pollEvent() {
  if (events_.empty()) return std::nullopt;
  std::optional<Event> event(std::move(events_.front()));
  events_.pop_front();
  return event;
}

std::optional<Timeout> Association::Impl::nextTimeout() const {
  std::optional<Timeout> next = timers_.next();
  if (tracker_ && tracker_->sackDeadline()) next = soonest(next, Timeout{*tracker_->sackDeadline(), "sctp sack"});
  return next;
}

Stats Association::Impl::stats() const {
  Stats stats = stats_;
  stats.chunksRetransmitted += outstanding_.retransmissions();
  stats.congestionWindow = congestion_.window();
  stats.slowStartThreshold = congestion_.threshold();
  stats.bytesInFlight = outstanding_.bytesInFlight();
  stats.unackedChunks = outstanding_.chunkCount();
  stats.peerWindow = peerWindow_;
  stats.receiveWindow = announcedWindow();
  stats.mtu = options_.mtu;
  stats.smoothedRtt = rto_.smoothed();
  stats.rto = rto_.rto();
  return stats;
}

}  // namespace peerage::sctp
