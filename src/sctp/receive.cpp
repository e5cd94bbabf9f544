// A packet comes in: checks (RFC 9260 §6.8, §8.4, §8.5), then chunk by chunk.
#include <algorithm>
#include <utility>

#include "sctp/association_impl.hpp"
#include "sctp/packet/crc32c.hpp"

namespace peerage::sctp {
namespace {

constexpr uint16_t kHeartbeatInfo = 1;  // §3.3.5

bool is(const ChunkView& chunk, ChunkType type) { return chunk.type == static_cast<uint8_t>(type); }

}  // namespace

void Association::Impl::handleInput(Timestamp now, ByteView packet) {
  now_ = now;
  ++stats_.packetsReceived;
  stats_.bytesReceived += packet.size();
  const auto header = CommonHeader::parse(packet);
  if (!header || header->sourcePort != options_.remotePort || header->destinationPort != options_.localPort) {
    ++stats_.badPackets;
    return;
  }
  if (!checksumHolds(packet)) {
    ++stats_.badChecksums;
    return;
  }
  ChunkReader reader(packet.subspan(kCommonHeaderSize));
  auto chunk = reader.next();
  if (!chunk) {
    ++stats_.badPackets;
    return;
  }
  if (is(*chunk, ChunkType::init)) {  // it has its own rules and travels alone (§6.10)
    if (reader.empty()) {
      handleInit(*header, *chunk);
    } else {
      ++stats_.badPackets;
    }
    return;
  }
  if (state_ == State::ended || (state_ == State::closed && !is(*chunk, ChunkType::cookie_echo))) {
    ++stats_.outOfTheBlue;
    if (state_ == State::ended) answerOutOfTheBlue(*header, *chunk);
    return;
  }
  if (!tagHolds(*header, *chunk)) {
    ++stats_.badTags;
    return;
  }
  packetHadData_ = sackAtOnce_ = false;
  burstLeft_ = options_.maxBurst;
  lastReceived_ = now;
  for (; chunk; chunk = reader.next()) {
    if (!handleChunk(*header, *chunk) || state_ == State::ended) break;
  }
  if (reader.malformed()) ++stats_.badPackets;
  if (state_ != State::ended) finishPacket();
}

bool Association::Impl::checksumHolds(ByteView packet) const {
  const uint32_t checksum = loadChecksum(&packet[8]);
  if (checksum == 0 && options_.zeroChecksum && packet.size() > kCommonHeaderSize) {
    // RFC 9653 §5.3: zero stands for DTLS having checked it, but never where an association is set up.
    const auto type = static_cast<ChunkType>(packet[kCommonHeaderSize]);
    if (type != ChunkType::init && type != ChunkType::init_ack && type != ChunkType::cookie_echo) return true;
  }
  return checksum == packetChecksum(packet);
}

// RFC 9260 §8.5 and §8.5.1.
bool Association::Impl::tagHolds(const CommonHeader& header, const ChunkView& first) const {
  const bool reflected = first.flags & 1;  // T bit: the sender had no tag for us and returns its own
  if (is(first, ChunkType::abort) || is(first, ChunkType::shutdown_complete)) {
    return reflected ? peer_.tag != 0 && header.verificationTag == peer_.tag : header.verificationTag == localTag_;
  }
  if (is(first, ChunkType::cookie_echo)) return true;  // compared with the cookie's own (§8.5.1 D)
  if (is(first, ChunkType::shutdown_ack) && (state_ == State::cookie_wait || state_ == State::cookie_echoed)) {
    return true;  // §8.5.1 E
  }
  return header.verificationTag == localTag_;
}

// §8.4, for what is sent to an association that has ended. One small answer a packet.
void Association::Impl::answerOutOfTheBlue(const CommonHeader& header, const ChunkView& first) {
  Bytes chunk;
  if (is(first, ChunkType::abort) || is(first, ChunkType::shutdown_complete) || is(first, ChunkType::error) ||
      is(first, ChunkType::cookie_ack) || is(first, ChunkType::init_ack)) {
    return;
  }
  if (header.verificationTag != localTag_) return;  // nothing that knows our tag wrote it
  writeEmptyChunk(chunk, is(first, ChunkType::shutdown_ack) ? ChunkType::shutdown_complete : ChunkType::abort, 1);
  queueControl(std::move(chunk), header.verificationTag, true);
}

// False: leave the rest of the packet alone.
bool Association::Impl::handleChunk(const CommonHeader& header, const ChunkView& chunk) {
  switch (static_cast<ChunkType>(chunk.type)) {
    case ChunkType::data:
      handleData(chunk);
      return true;
    case ChunkType::sack:
      handleSack(chunk);
      return true;
    case ChunkType::init:  // not first, so not alone
      ++stats_.badPackets;
      return false;
    case ChunkType::init_ack:
      handleInitAck(chunk);
      return true;
    case ChunkType::heartbeat:
      handleHeartbeat(chunk);
      return true;
    case ChunkType::heartbeat_ack:
      handleHeartbeatAck(chunk);
      return true;
    case ChunkType::abort:
      handleAbort(chunk);
      return false;
    case ChunkType::shutdown:
      handleShutdown(chunk);
      return true;
    case ChunkType::shutdown_ack:
      handleShutdownAck(header);
      return true;
    case ChunkType::shutdown_complete:
      if (state_ == State::shutdown_ack_sent) end(Closed{}, "SHUTDOWN COMPLETE");
      return false;
    case ChunkType::error:
      handleError(chunk);
      return true;
    case ChunkType::cookie_echo:
      return handleCookieEcho(header, chunk);
    case ChunkType::cookie_ack:
      handleCookieAck();
      return true;
    case ChunkType::reconfig:
      handleReconfig(chunk);
      return true;
    case ChunkType::forward_tsn:
      handleForwardTsn(chunk);
      return true;
    case ChunkType::pad:
      return true;
  }
  return handleUnknown(chunk);
}

bool Association::Impl::handleUnknown(const ChunkView& chunk) {
  ++stats_.unknownChunks;
  // writeCause() cuts what it quotes: a chunk that filled its packet fits no ERROR whole.
  if (unknownChunkIsReported(chunk.type) && peer_.tag != 0) reportError(Cause::unrecognized_chunk, chunk.whole);
  return unknownChunkIsSkipped(chunk.type);
}

bool Association::Impl::receivesData() {
  switch (state_) {
    case State::cookie_echoed:
      // Only a peer that took our COOKIE ECHO can be sending: its COOKIE ACK was lost or is late, and waiting for
      // another one would cost a timeout.
      establish("DATA or SACK ahead of COOKIE ACK");
      return true;
    case State::established:
    case State::shutdown_pending:
    case State::shutdown_sent:
      return true;
    case State::shutdown_received:  // the peer has said that there is no more (§9.2)
    case State::shutdown_ack_sent:
    case State::closed:
    case State::cookie_wait:
    case State::ended:
      return false;
  }
  return false;
}

void Association::Impl::handleData(const ChunkView& chunk) {
  const auto data = DataChunk::parse(chunk);
  if (!data) {
    ++stats_.badPackets;
    return;
  }
  if (!receivesData()) return;
  if (data->payload.empty()) {  // §6.2
    ++stats_.invalidChunks;
    abortWith(Cause::no_user_data, "DATA without user data");
    return;
  }
  packetHadData_ = true;
  sackAtOnce_ |= data->immediate();
  const TsnValue tsn = tracker_->unwrap(data->tsn);
  switch (tracker_->judge(tsn)) {
    case DataTracker::Verdict::duplicate:
      ++stats_.duplicateTsns;
      tracker_->addDuplicate(tsn);
      return;
    case DataTracker::Verdict::too_far:
      ++stats_.windowOverruns;
      sackAtOnce_ = true;
      return;
    case DataTracker::Verdict::fresh:
      break;
  }
  if (data->stream.value() >= peer_.inboundStreams) {  // §6.5: acknowledged, reported, dropped
    ++stats_.invalidChunks;
    tracker_->add(tsn);
    const uint16_t stream = data->stream.value();
    const uint8_t info[4] = {static_cast<uint8_t>(stream >> 8), static_cast<uint8_t>(stream)};
    reportError(Cause::invalid_stream, info);
    return;
  }
  if (!hasRoomFor(tsn, *data)) return;
  if (!reassembly_->add(tsn, tracker_->cumulative(), *data)) {
    ++stats_.invalidChunks;
    abortWith(Cause::protocol_violation, "fragments of different messages have neighbouring TSNs");
    return;
  }
  tracker_->add(tsn);
}

// What was acknowledged is never dropped again, so what cannot be kept must not be acknowledged.
bool Association::Impl::hasRoomFor(TsnValue tsn, const DataChunk& data) {
  const TsnValue cumulative = tracker_->cumulative();
  const size_t window = options_.receiveWindow;
  const bool next = tsn == cumulative + 1;
  // Small messages cost more than their bytes, hence a second bound on memory. The next TSN fills a hole, which sets
  // others free, so it has some room of its own.
  if (!next) {
    if (reassembly_->windowBytes(cumulative) + data.payload.size() <= window &&
        reassembly_->memory(cumulative) <= 2 * window + 65536) {
      return true;
    }
    ++stats_.windowOverruns;
    sackAtOnce_ = true;
    return false;
  }
  if (reassembly_->memory(cumulative) <= 4 * window + 262144) return true;
  // Every TSN has come and still that much waits: the peer left out SSNs, which nothing can fill.
  abortWith(Cause::out_of_resource, "too much data waits for stream sequence numbers that were left out");
  return false;
}

void Association::Impl::handleSack(const ChunkView& chunk) {
  const auto sack = SackChunk::parse(chunk);
  if (!sack) {
    ++stats_.badPackets;
    return;
  }
  switch (state_) {
    case State::cookie_echoed:
      if (outstanding_.empty() || wireTsn(outstanding_.cumulativeAck()) == sack->cumulativeTsn) return;
      establish("SACK ahead of COOKIE ACK");
      break;
    case State::established:
    case State::shutdown_pending:
    case State::shutdown_sent:
    case State::shutdown_received:
    case State::shutdown_ack_sent:
      break;
    case State::closed:
    case State::cookie_wait:
    case State::ended:
      return;
  }
  applySack(*sack);
  progressReset();
  progressShutdown();
}

void Association::Impl::applySack(const SackChunk& sack) {
  const size_t flightBefore = outstanding_.bytesInFlight();
  const auto result = outstanding_.handleSack(now_, sack, rto_.minimum());
  if (!result.valid) {
    ++stats_.invalidChunks;
    return;
  }
  if (result.stale) return;
  if (result.rtt) rto_.measure(*result.rtt);
  // A peer whose window is closed answers probes without taking them: it is alive (§6.1 A).
  if (result.advanced || result.ackedBytes > 0 || sack.receiveWindow == 0) errorCount_ = 0;
  if (result.advanced || result.ackedBytes > 0) t3Expirations_ = 0;
  if (inRecovery_ && outstanding_.cumulativeAck() >= recoveryPoint_) inRecovery_ = false;
  if (result.loss) {
    if (!inRecovery_) {
      inRecovery_ = true;
      recoveryPoint_ = outstanding_.nextTsn() - 1;
      congestion_.onLoss();
      ++stats_.fastRecoveries;
      resendNow_ = true;
    }
  } else if (!inRecovery_ && result.advanced) {
    congestion_.onAcked(result.ackedBytes, flightBefore + maxPayload() >= congestion_.window());
  }
  const size_t flight = outstanding_.bytesInFlight();
  peerWindow_ = sack.receiveWindow > flight ? sack.receiveWindow - flight : 0;
  collectAbandoned();
  scheduleForwardTsn(false);
  armT3(result.advanced || resendNow_);
}

void Association::Impl::handleForwardTsn(const ChunkView& chunk) {
  const auto forward = ForwardTsnChunk::parse(chunk);
  if (!forward) {
    ++stats_.badPackets;
    return;
  }
  if (!receivesData()) return;
  for (size_t i = 0; i < forward->skippedCount(); ++i) {
    if (forward->skippedAt(i).stream.value() >= peer_.inboundStreams) {
      ++stats_.invalidChunks;
      return;
    }
  }
  const TsnValue tsn = tracker_->unwrap(forward->cumulativeTsn);
  packetHadData_ = sackAtOnce_ = true;
  if (tsn <= tracker_->cumulative()) return;  // old: the SACK tells the peer (RFC 3758 §3.6)
  if (!tracker_->forward(tsn)) {
    ++stats_.invalidChunks;
    return;
  }
  reassembly_->forward(tsn, *forward);
}

void Association::Impl::handleHeartbeat(const ChunkView& chunk) {
  if (!tracker_) return;
  if (padded(chunk.whole.size()) > options_.mtu - kCommonHeaderSize) {  // its answer would fit no packet
    ++stats_.invalidChunks;
    return;
  }
  Bytes answer;
  {
    ChunkWriter writer(answer, ChunkType::heartbeat_ack);
    ByteWriter(answer).bytes(chunk.value);
  }
  queueControl(std::move(answer));
}

void Association::Impl::handleHeartbeatAck(const ChunkView& chunk) {
  ParameterReader reader(chunk.value);
  const auto info = reader.next();
  if (!heartbeatPending_ || !info || info->type != kHeartbeatInfo || info->value.size() != 8 ||
      *ByteReader(info->value).u64() != heartbeatNonce_) {
    ++stats_.invalidChunks;
    return;
  }
  heartbeatPending_ = false;
  errorCount_ = 0;
  rto_.measure(now_ - heartbeatSent_);
}

void Association::Impl::handleAbort(const ChunkView& chunk) {
  ParameterReader reader(chunk.value);
  Aborted aborted{true, 0, "the peer aborted the association"};
  if (const auto cause = reader.next()) {
    aborted.cause = cause->type;
    if (cause->type == static_cast<uint16_t>(Cause::user_abort) ||
        cause->type == static_cast<uint16_t>(Cause::protocol_violation)) {
      aborted.reason += ": " + std::string(asText(cause->value));
    }
  }
  control_.clear();
  std::string reason = aborted.reason;
  end(std::move(aborted), reason);
}

void Association::Impl::handleError(const ChunkView& chunk) {
  ParameterReader reader(chunk.value);
  while (const auto cause = reader.next()) {
    if (log_) log_.warning("ERROR from the peer, cause " + std::to_string(cause->type));
    if (cause->type == static_cast<uint16_t>(Cause::stale_cookie) && state_ == State::cookie_echoed) {
      // §5.2.6: begin again. The tries are counted on, so a peer cannot keep us at it.
      setState(State::cookie_wait, "stale cookie");
      cookieEcho_.clear();
      cookieEchoDue_ = false;
      handleT1();
      return;
    }
  }
}

void Association::Impl::finishPacket() {
  if (!tracker_ || !packetHadData_) return;
  const Duration delay = std::clamp(rto_.smoothed().value_or(options_.sackDelayMin) / 2, options_.sackDelayMin,
                                    std::max(options_.sackDelayMin, options_.sackDelayMax));
  tracker_->packetHadData(now_, delay, sackAtOnce_);
  if (state_ == State::shutdown_sent) {  // §9.2: data still on its way is acknowledged with SHUTDOWN and SACK at once
    tracker_->requestSack();
    sendShutdown();
  }
  progressDeferredReset();
}

}  // namespace peerage::sctp
