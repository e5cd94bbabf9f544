// Stream reset (RFC 6525): our outgoing streams at our wish, the peer's at the peer's.
#include <algorithm>
#include <utility>

#include "sctp/association_impl.hpp"

namespace peerage::sctp {

void Association::Impl::resetStreams(Timestamp now, std::span<const StreamId> streams) {
  now_ = now;
  if (state_ == State::ended) return;
  for (const StreamId stream : streams) {
    if (queue_.resetting(stream)) continue;
    queue_.setResetting(stream, true);
    resetWanted_.push_back(stream);
  }
  progressReset();
}

// One request at a time is in flight (§5.1.1). A stream joins it when all that was sent on it is acknowledged: peers
// differ in what they do with data that is still on its way when the request comes (§5.1.2 A advises to wait).
void Association::Impl::progressReset() {
  if (resetRequest_ || resetWanted_.empty() || !dataAllowed()) return;
  if (!peer_.reconfig) {
    OutgoingStreamsReset refused{std::exchange(resetWanted_, {}), false};
    for (const StreamId stream : refused.streams) queue_.setResetting(stream, false);
    events_.emplace_back(std::move(refused));
    return;
  }
  constexpr size_t kFixed = kCommonHeaderSize + kChunkHeaderSize + 16 + 4;
  const size_t most = (options_.mtu - kFixed) / 2;
  std::vector<StreamId> ready;
  std::erase_if(resetWanted_, [&](StreamId stream) {
    if (ready.size() == most || !queue_.drained(stream, outstanding_.cumulativeAck())) return false;
    ready.push_back(stream);
    return true;
  });
  if (ready.empty()) return;
  resetRequest_ = OutgoingResetRequest{nextRequestSequence_++, expectedRequestSequence_ - 1,
                                       wireTsn(outstanding_.nextTsn() - 1), std::move(ready)};
  reconfigDue_ = true;
  reconfigExpirations_ = 0;
  timers_.start(TimerId::reconfig, now_ + backoff(0));
}

void Association::Impl::writeReconfig(Bytes& out) {
  const size_t size = kChunkHeaderSize + 16 + padded(2 * resetRequest_->streams.size());
  if (out.size() + size > options_.mtu) return;  // it has the next packet to itself
  ChunkWriter chunk(out, ChunkType::reconfig);
  resetRequest_->write(out);
  reconfigDue_ = false;
}

// §5.1.1: the same request with the same number until it is answered.
void Association::Impl::handleReconfigTimer() {
  if (!resetRequest_) return;
  if (!countError("RE-CONFIG")) return;
  ++reconfigExpirations_;
  reconfigDue_ = true;
  timers_.start(TimerId::reconfig, now_ + backoff(reconfigExpirations_));
}

void Association::Impl::handleReconfig(const ChunkView& chunk) {
  switch (state_) {
    case State::cookie_echoed:
    case State::established:
    case State::shutdown_pending:
    case State::shutdown_sent:
    case State::shutdown_received:
      break;
    case State::closed:
    case State::cookie_wait:
    case State::shutdown_ack_sent:
    case State::ended:
      return;
  }
  if (!receivesData() && state_ != State::shutdown_received) return;
  ParameterReader reader(chunk.value);
  constexpr int kMostParameters = 2;  // §3.1
  for (int i = 0; i < kMostParameters; ++i) {
    const auto parameter = reader.next();
    if (!parameter) break;
    switch (static_cast<ReconfigParameter>(parameter->type)) {
      case ReconfigParameter::outgoing_reset:
        if (const auto request = OutgoingResetRequest::parse(parameter->value)) {
          handleResetRequest(*request);
        } else {
          ++stats_.badPackets;
        }
        break;
      case ReconfigParameter::response:
        if (const auto response = ReconfigResponse::parse(parameter->value)) {
          handleResetResponse(*response);
        } else {
          ++stats_.badPackets;
        }
        break;
      case ReconfigParameter::incoming_reset:
      case ReconfigParameter::ssn_tsn_reset:
      case ReconfigParameter::add_outgoing:
      case ReconfigParameter::add_incoming:
        // RFC 8831 §6.7 closes channels by outgoing resets alone; what would change more is refused.
        if (parameter->value.size() < 4) {
          ++stats_.badPackets;
        } else if (const uint32_t sequence = loadU32(parameter->value.data()); sequence == expectedRequestSequence_) {
          ++expectedRequestSequence_;
          answerRequest(sequence, ReconfigResult::denied);
        } else if (sequence == expectedRequestSequence_ - 1) {
          answerRequest(sequence, lastResult_);
        } else {
          answerRequest(sequence, ReconfigResult::bad_sequence_number);
        }
        break;
      default:
        ++stats_.unknownChunks;
        break;
    }
  }
  if (reader.malformed()) ++stats_.badPackets;
}

void Association::Impl::answerRequest(uint32_t sequence, ReconfigResult result) {
  if (result != ReconfigResult::bad_sequence_number) lastResult_ = result;
  Bytes chunk;
  {
    ChunkWriter writer(chunk, ChunkType::reconfig);
    ReconfigResponse{sequence, static_cast<uint32_t>(result)}.write(chunk);
  }
  queueControl(std::move(chunk));
}

// §5.2.1, §5.2.2.
void Association::Impl::handleResetRequest(const OutgoingResetRequest& request) {
  if (request.requestSequence == expectedRequestSequence_ - 1) {  // again: our answer was lost, or "in progress"
    answerRequest(request.requestSequence, lastResult_);
    return;
  }
  if (request.requestSequence != expectedRequestSequence_) {
    ++stats_.invalidChunks;
    answerRequest(request.requestSequence, ReconfigResult::bad_sequence_number);
    return;
  }
  for (const StreamId stream : request.streams) {
    if (stream.value() < peer_.inboundStreams) continue;
    ++expectedRequestSequence_;
    answerRequest(request.requestSequence, ReconfigResult::wrong_ssn);
    return;
  }
  ++expectedRequestSequence_;
  if (tracker_->unwrap(request.lastTsn) > tracker_->cumulative()) {
    // Data of these streams is still on its way: it belongs to the time before the reset.
    deferredReset_ = request;
    answerRequest(request.requestSequence, ReconfigResult::in_progress);
    return;
  }
  performIncomingReset(request);
}

void Association::Impl::progressDeferredReset() {
  if (!deferredReset_ || tracker_->unwrap(deferredReset_->lastTsn) > tracker_->cumulative()) return;
  performIncomingReset(*std::exchange(deferredReset_, std::nullopt));
}

void Association::Impl::performIncomingReset(const OutgoingResetRequest& request) {
  reassembly_->resetStreams(request.streams);
  events_.emplace_back(IncomingStreamsReset{request.streams});
  answerRequest(request.requestSequence, ReconfigResult::performed);
}

void Association::Impl::handleResetResponse(const ReconfigResponse& response) {
  if (!resetRequest_ || response.sequence != resetRequest_->requestSequence) return;  // late or repeated
  errorCount_ = 0;
  switch (static_cast<ReconfigResult>(response.result)) {
    case ReconfigResult::in_progress:
      // §5.2.7: ask again, with the same number. The peer lives, so the tries begin anew.
      reconfigExpirations_ = 0;
      timers_.start(TimerId::reconfig, now_ + backoff(0));
      return;
    case ReconfigResult::nothing_to_do:
    case ReconfigResult::performed:
      finishOutgoingReset(true);
      break;
    default:
      finishOutgoingReset(false);
      break;
  }
  progressReset();
}

void Association::Impl::finishOutgoingReset(bool performed) {
  OutgoingStreamsReset event{std::move(resetRequest_->streams), performed};
  resetRequest_.reset();
  reconfigDue_ = false;
  timers_.stop(TimerId::reconfig);
  for (const StreamId stream : event.streams) {
    if (performed) {
      queue_.forget(stream);
    } else {
      queue_.setResetting(stream, false);
    }
  }
  events_.emplace_back(std::move(event));
}

}  // namespace peerage::sctp
