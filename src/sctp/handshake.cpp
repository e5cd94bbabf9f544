// Setting up (RFC 9260 §5), restarting (§5.2) and shutting down (§9.2).
#include <algorithm>
#include <utility>

#include "sctp/association_impl.hpp"

namespace peerage::sctp {
namespace {

constexpr Duration kCookieLife = 60s;  // Valid.Cookie.Life (§16)
// T5-shutdown-guard: recommended five times RTO.Max (§9.2). Behind it lies an application that wants to be gone, so it
// is taken of the shorter bound on a timer, but leaves time for some tries.
constexpr int kShutdownGuardBackoffs = 10;

}  // namespace

InitChunk Association::Impl::ownInit(uint32_t tag, uint32_t tsn) const {
  InitChunk init;
  init.tag = tag;
  init.receiveWindow = options_.receiveWindow;
  init.outboundStreams = options_.outboundStreams;
  init.inboundStreams = options_.inboundStreams;
  init.initialTsn = tsn;
  init.forwardTsn = true;
  init.reconfig = true;
  init.zeroChecksum = options_.zeroChecksum;
  return init;
}

Bytes Association::Impl::localInit() const {
  Bytes out;
  ownInit(localTag_, localInitialTsn_).write(out, ChunkType::init);
  return out;
}

void Association::Impl::connect(Timestamp now) {
  now_ = now;
  if (state_ != State::closed) return;
  setState(State::cookie_wait, "connect");
  initAttempts_ = 0;
  sendInit();
}

void Association::Impl::sendInit() {
  queueControl(localInit(), 0, true);  // the tag of a packet with INIT is 0 (§8.5.1 A)
  timers_.start(TimerId::t1, now_ + backoff(initAttempts_));
}

Association::Impl::Peer Association::Impl::negotiate(const Options& options, const InitChunk& init) {
  Peer peer;
  peer.tag = init.tag;
  peer.initialTsn = init.initialTsn;
  peer.window = init.receiveWindow;
  peer.outboundStreams = std::min(options.outboundStreams, init.inboundStreams);  // §5.1.1
  peer.inboundStreams = std::min(options.inboundStreams, init.outboundStreams);
  peer.forwardTsn = init.forwardTsn;
  peer.reconfig = init.reconfig;
  peer.zeroChecksum = init.zeroChecksum && options.zeroChecksum;
  return peer;
}

Result<> Association::Impl::connectWithPeerInit(Timestamp now, ByteView peerInit) {
  now_ = now;
  if (state_ != State::closed) {
    return failure("an association in state " + std::string(toString(state_)) + " takes no INIT from signalling");
  }
  ChunkReader reader(peerInit);
  const auto chunk = reader.next();
  if (!chunk || !reader.empty() || chunk->type != static_cast<uint8_t>(ChunkType::init)) {
    return failure("not one INIT chunk: " + std::to_string(peerInit.size()) + " bytes");
  }
  const auto init = InitChunk::parse(*chunk);
  if (!init) return failure("malformed INIT chunk");
  if (init->tag == 0) return failure("INIT with tag 0");
  if (init->outboundStreams == 0 || init->inboundStreams == 0) return failure("INIT with 0 streams");
  becomePeer(negotiate(options_, *init));
  establish("INIT from signalling");
  return {};
}

// All that follows from knowing the peer's parameters. What we have sent stays sent: our tag and TSN are the same.
void Association::Impl::becomePeer(const Peer& peer) {
  peer_ = peer;
  peerWindow_ = peer.window > outstanding_.bytesInFlight() ? peer.window - outstanding_.bytesInFlight() : 0;
  tracker_.emplace(peer.initialTsn);
  reassembly_.emplace(options_.maxReceiveMessageSize, events_);
  outstanding_.setPartialReliability(peer.forwardTsn);
  queue_.setPartialReliability(peer.forwardTsn);
  expectedRequestSequence_ = peer.initialTsn;  // RFC 6525 §5.1.1
  deferredReset_.reset();
}

void Association::Impl::establish(std::string_view reason) {
  setState(State::established, reason);
  timers_.stop(TimerId::t1);
  cookieEcho_.clear();
  cookieEchoDue_ = false;
  initAttempts_ = errorCount_ = 0;
  lastReceived_ = now_;
  if (options_.heartbeatInterval > Duration::zero()) {
    timers_.start(TimerId::heartbeat, now_ + options_.heartbeatInterval);
  }
  events_.emplace_back(Connected{peer_.inboundStreams, peer_.outboundStreams, peer_.forwardTsn, peer_.reconfig,
                                 peer_.zeroChecksum});
  progressReset();
}

void Association::Impl::handleInit(const CommonHeader& header, const ChunkView& chunk) {
  const auto init = InitChunk::parse(chunk);
  if (!init || header.verificationTag != 0) {
    ++stats_.badPackets;
    return;
  }
  if (init->tag == 0) {  // §3.3.2: destroyed without an answer, for there is no tag to answer to
    ++stats_.invalidChunks;
    return;
  }
  if (init->outboundStreams == 0 || init->inboundStreams == 0) {  // §3.3.2: refused
    ++stats_.invalidChunks;
    Bytes refusal;
    {
      ChunkWriter writer(refusal, ChunkType::abort);
      writeCause(refusal, Cause::invalid_parameter, asBytes("0 streams"));
    }
    queueControl(std::move(refusal), init->tag, true);
    return;
  }
  if (state_ == State::shutdown_ack_sent) {  // §9.2: the peer may have missed it
    sendShutdownAck();
    return;
  }

  StateCookie cookie;
  cookie.issued = now_;
  cookie.localTag = localTag_;
  cookie.localInitialTsn = localInitialTsn_;
  const Peer peer = negotiate(options_, *init);
  cookie.peerTag = peer.tag;
  cookie.peerInitialTsn = peer.initialTsn;
  cookie.peerWindow = peer.window;
  cookie.outboundStreams = peer.outboundStreams;
  cookie.inboundStreams = peer.inboundStreams;
  cookie.forwardTsn = peer.forwardTsn;
  cookie.reconfig = peer.reconfig;
  cookie.zeroChecksum = peer.zeroChecksum;
  switch (state_) {
    case State::closed:  // §5.1 B
      break;
    case State::cookie_wait:  // §5.2.1: both sent INIT; the answer names the tag and TSN of our own
    case State::cookie_echoed:
      cookie.localTieTag = localTag_;
      cookie.peerTieTag = peer_.tag;
      break;
    case State::established:  // §5.2.2: a restart, perhaps; a new tag and TSN, and proof of the old ones
    case State::shutdown_pending:
    case State::shutdown_sent:
    case State::shutdown_received:
    case State::shutdown_ack_sent:
      cookie.localTieTag = localTag_;
      cookie.peerTieTag = peer_.tag;
      cookie.localTag = random_->u32() | 1;
      cookie.localInitialTsn = random_->u32();
      break;
    case State::ended:
      return;
  }
  const Bytes sealed = cookies_.seal(cookie);
  InitChunk answer = ownInit(cookie.localTag, cookie.localInitialTsn);
  answer.cookie = sealed;
  answer.unrecognized = init->unrecognized;
  Bytes out;
  answer.write(out, ChunkType::init_ack);
  queueControl(std::move(out), init->tag, true);
}

void Association::Impl::handleInitAck(const ChunkView& chunk) {
  if (state_ != State::cookie_wait) return;  // §5.2.3: late or repeated
  const auto init = InitChunk::parse(chunk);
  if (!init) {
    ++stats_.badPackets;
    return;
  }
  if (init->tag == 0 || init->outboundStreams == 0 || init->inboundStreams == 0) {  // §3.3.3
    ++stats_.invalidChunks;
    if (init->tag != 0) peer_.tag = init->tag;
    abortWith(Cause::invalid_parameter, "INIT ACK with tag or streams of 0");
    return;
  }
  if (init->cookie.empty() ||
      padded(kChunkHeaderSize + init->cookie.size()) > options_.mtu - kCommonHeaderSize) {
    ++stats_.invalidChunks;
    peer_.tag = init->tag;
    abortWith(init->cookie.empty() ? Cause::missing_parameter : Cause::invalid_parameter,
              "INIT ACK without a cookie that fits a packet");
    return;
  }
  becomePeer(negotiate(options_, *init));
  cookieEcho_.clear();
  {
    ChunkWriter writer(cookieEcho_, ChunkType::cookie_echo);
    ByteWriter(cookieEcho_).bytes(init->cookie);
  }
  if (!init->unrecognized.empty()) reportError(Cause::unrecognized_parameters, init->unrecognized);
  setState(State::cookie_echoed, "INIT ACK");
  cookieEchoDue_ = true;
  initAttempts_ = 0;
  timers_.start(TimerId::t1, now_ + backoff(0));
}

bool Association::Impl::handleCookieEcho(const CommonHeader& header, const ChunkView& chunk) {
  const auto cookie = cookies_.open(chunk.value);
  if (!cookie || header.verificationTag != cookie->localTag) {  // §5.1.5 steps 1 to 3
    ++stats_.invalidChunks;
    return false;
  }
  const bool sameLocal = cookie->localTag == localTag_;
  const bool samePeer = cookie->peerTag == peer_.tag;
  const bool fresh = now_ - cookie->issued <= kCookieLife;
  if (!fresh && !(sameLocal && samePeer)) {  // §5.1.5 step 4, §5.2.4 step 3
    ++stats_.invalidChunks;
    Bytes error;
    {
      ChunkWriter writer(error, ChunkType::error);
      const uint8_t staleness[4] = {};  // microseconds by which it is too old: 0 tells nothing (§3.3.10.3)
      writeCause(error, Cause::stale_cookie, staleness);
    }
    queueControl(std::move(error), cookie->peerTag, true);
    return false;
  }
  Peer peer{cookie->peerTag,        cookie->peerInitialTsn, cookie->peerWindow, cookie->outboundStreams,
            cookie->inboundStreams, cookie->forwardTsn,     cookie->reconfig,   cookie->zeroChecksum};
  switch (state_) {
    case State::closed:
    case State::cookie_wait:
      if (!sameLocal) return false;
      becomePeer(peer);
      establish("COOKIE ECHO");
      break;
    case State::cookie_echoed:
      if (!sameLocal) return false;      // §5.2.4 C: our own handshake goes on
      if (!samePeer) becomePeer(peer);   // §5.2.4 B: the peer's INIT crossed ours, and its tag is the newer one
      establish("COOKIE ECHO");          // §5.2.4 D too
      break;
    case State::established:
    case State::shutdown_pending:
    case State::shutdown_sent:
    case State::shutdown_received:
    case State::shutdown_ack_sent:
      if (sameLocal && samePeer) break;  // our COOKIE ACK was lost
      if (sameLocal || samePeer || cookie->localTieTag != localTag_ || cookie->peerTieTag != peer_.tag) return false;
      if (state_ == State::shutdown_ack_sent) {  // §5.2.4 A: first let it end
        sendShutdownAck();
        reportError(Cause::cookie_while_shutting_down, {});
        return false;
      }
      restart(*cookie);
      break;
    case State::ended:
      return false;
  }
  Bytes ack;
  writeEmptyChunk(ack, ChunkType::cookie_ack);
  queueControl(std::move(ack));
  return true;
}

// §5.2.4 A. What is queued goes to the new association; what was in flight is gone with the peer's old one.
void Association::Impl::restart(const StateCookie& cookie) {
  localTag_ = cookie.localTag;
  localInitialTsn_ = cookie.localInitialTsn;
  timers_.stopAll();
  control_.clear();
  stats_.chunksRetransmitted += outstanding_.retransmissions();
  outstanding_ = Outstanding(localInitialTsn_);
  queue_.restart();
  congestion_ = CongestionWindow(maxPayload(), options_.initialCwndMtus, options_.slowStartMtusPerSack);
  rto_ = RtoEstimator(options_.rtoInitial, options_.rtoMin, options_.rtoMax);
  inRecovery_ = resendNow_ = forwardTsnDue_ = heartbeatPending_ = false;
  t3Expirations_ = errorCount_ = 0;
  nextRequestSequence_ = localInitialTsn_;
  lastResult_ = ReconfigResult::nothing_to_do;
  if (resetRequest_) finishOutgoingReset(true);  // every stream has begun anew
  becomePeer(Peer{cookie.peerTag, cookie.peerInitialTsn, cookie.peerWindow, cookie.outboundStreams,
                  cookie.inboundStreams, cookie.forwardTsn, cookie.reconfig, cookie.zeroChecksum});
  setState(State::established, "the peer restarted");
  if (options_.heartbeatInterval > Duration::zero()) {
    timers_.start(TimerId::heartbeat, now_ + options_.heartbeatInterval);
  }
  events_.emplace_back(Restarted{});
  progressReset();
}

void Association::Impl::handleCookieAck() {
  if (state_ == State::cookie_echoed) establish("COOKIE ACK");  // §5.2.5: in any other state it is late
}

void Association::Impl::handleT1() {
  if (options_.maxInitRetransmits && initAttempts_ >= *options_.maxInitRetransmits) {
    abortWith(Cause::none, "no answer to " + std::to_string(initAttempts_ + 1) + " tries to connect");
    return;
  }
  ++initAttempts_;
  if (state_ == State::cookie_wait) {
    sendInit();
  } else if (state_ == State::cookie_echoed) {
    cookieEchoDue_ = true;
    timers_.start(TimerId::t1, now_ + backoff(initAttempts_));
  }
}

void Association::Impl::shutdown(Timestamp now) {
  now_ = now;
  switch (state_) {
    case State::closed:
    case State::cookie_wait:
    case State::cookie_echoed:  // nothing was agreed yet, so there is nothing to end in order
      control_.clear();
      end(Closed{}, "shutdown before it was established");
      return;
    case State::established:
      setState(State::shutdown_pending, "shutdown");
      timers_.start(TimerId::shutdown_guard, now_ + kShutdownGuardBackoffs * backoffLimit_);
      progressShutdown();
      return;
    case State::shutdown_pending:
    case State::shutdown_sent:
    case State::shutdown_received:
    case State::shutdown_ack_sent:
    case State::ended:
      return;
  }
}

// §9.2: both ends wait until all that they sent is acknowledged.
void Association::Impl::progressShutdown() {
  if (!queue_.empty() || !outstanding_.empty()) return;
  if (state_ == State::shutdown_pending) {
    setState(State::shutdown_sent, "all acknowledged");
    t2Expirations_ = 0;
    sendShutdown();
  } else if (state_ == State::shutdown_received) {
    setState(State::shutdown_ack_sent, "all acknowledged");
    t2Expirations_ = 0;
    sendShutdownAck();
  }
}

void Association::Impl::sendShutdown() {
  Bytes chunk;
  {
    ChunkWriter writer(chunk, ChunkType::shutdown);
    ByteWriter(chunk).u32(wireTsn(tracker_->cumulative()));
  }
  queueControl(std::move(chunk));
  timers_.start(TimerId::t2_shutdown, now_ + backoff(t2Expirations_));
}

void Association::Impl::sendShutdownAck() {
  Bytes chunk;
  writeEmptyChunk(chunk, ChunkType::shutdown_ack);
  queueControl(std::move(chunk));
  timers_.start(TimerId::t2_shutdown, now_ + backoff(t2Expirations_));
}

void Association::Impl::handleT2() {
  ++t2Expirations_;
  if (!countError("shutdown")) return;
  if (state_ == State::shutdown_sent) sendShutdown();
  if (state_ == State::shutdown_ack_sent) sendShutdownAck();
}

void Association::Impl::handleShutdown(const ChunkView& chunk) {
  if (chunk.value.size() < 4) {
    ++stats_.badPackets;
    return;
  }
  // It has a cumulative TSN as a SACK has, and no window: that of the latest SACK stands.
  const SackChunk acknowledged{loadU32(chunk.value.data()),
                               static_cast<uint32_t>(peerWindow_ + outstanding_.bytesInFlight()), {}, {}};
  switch (state_) {
    case State::closed:
    case State::cookie_wait:
    case State::cookie_echoed:
    case State::shutdown_ack_sent:
    case State::ended:
      return;
    case State::established:
    case State::shutdown_pending:
    case State::shutdown_received:
      setState(State::shutdown_received, "SHUTDOWN");
      applySack(acknowledged);
      progressShutdown();
      return;
    case State::shutdown_sent:  // both at once: answer at once
      setState(State::shutdown_ack_sent, "SHUTDOWN crossed ours");
      t2Expirations_ = 0;
      sendShutdownAck();
      return;
  }
}

void Association::Impl::handleShutdownAck(const CommonHeader& header) {
  Bytes chunk;
  writeEmptyChunk(chunk, ChunkType::shutdown_complete);
  if (state_ == State::shutdown_sent || state_ == State::shutdown_ack_sent) {
    control_.clear();
    queueControl(std::move(chunk), peer_.tag, true);
    end(Closed{}, "SHUTDOWN ACK");
  } else if (state_ == State::cookie_wait || state_ == State::cookie_echoed) {
    // §8.5.1 E: of an association that we know no more; its tag goes back with the T bit.
    chunk[1] = 1;
    queueControl(std::move(chunk), header.verificationTag, true);
  }
}

}  // namespace peerage::sctp
