// Between the loop and the engine: datagrams in, then everything that the engine has to say out. What a program can see of it
// happens in tasks, one for each event (or group of events that the specification puts into one task).
#include <optional>

#include "api/convert.hpp"
#include "api/peer_connection.hpp"
#include "api/track_source.hpp"

namespace peerage::detail {

namespace {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace

/// The engine was given something. What it makes of it is collected in a task of its own: a program that sends a hundred
/// messages in one task has them leave together, and bufferedAmount stands still while it does.
void PeerConnection::touched() {
  if (drainQueued_ || closed_) return;
  drainQueued_ = true;
  queueTask([](PeerConnection& self) {
    self.drainQueued_ = false;
    self.drain();
  });
}

void PeerConnection::received(jsep::TransportId, std::span<const DatagramView> datagrams) {
  const Timestamp now = body_->now();
  for (const DatagramView& datagram : datagrams) engine_->handleInput(now, datagram.local, datagram.remote, datagram.data);
  drain();
}

void PeerConnection::drain() {
  collectEvents();
  transmit();
  armTimer();
}

void PeerConnection::transmit() {
  // The engine's datagrams of one socket usually come in runs: each run is one send call.
  constexpr size_t kBatch = 64;
  std::vector<Datagram>& batch = outgoing_;
  if (batch.size() < kBatch) batch.resize(kBatch);
  for (bool more = true; more;) {
    size_t count = 0;
    while (count < kBatch && (more = engine_->pollTransmit(batch[count]))) ++count;
    size_t begin = 0;
    while (begin < count) {
      size_t end = begin + 1;
      while (end < count && batch[end].local == batch[begin].local) ++end;
      sendRun(std::span(batch).subspan(begin, end - begin));
      begin = end;
    }
  }
}

void PeerConnection::sendRun(std::span<const Datagram> run) {
  const auto socket = socketByAddress_.find(run.front().local);
  if (socket == socketByAddress_.end()) return;  // its transport closed while the datagram waited
  views_.clear();
  for (const Datagram& datagram : run) views_.push_back({datagram.local, datagram.remote, datagram.data});
  socket->second->send(views_);
}

void PeerConnection::collectEvents() {
  // §5.6: a new pair and the state that comes with it change in one task. The engine tells the pair right before it.
  std::optional<engine::SelectedPairChanged> pair;
  const auto queuePair = [&] {
    if (!pair) return;
    queueTask([selected = std::move(*pair)](PeerConnection& self) { self.onIceChange(&selected, nullptr); });
    pair.reset();
  };
  while (auto event = engine_->pollEvent()) {
    const auto* changed = std::get_if<engine::IceStateChanged>(&*event);
    if (changed && pair && pair->transport == changed->transport) {
      queueTask([selected = std::move(*pair), state = *changed](PeerConnection& self) { self.onIceChange(&selected, &state); });
      pair.reset();
      continue;
    }
    queuePair();
    if (auto* selected = std::get_if<engine::SelectedPairChanged>(&*event)) {
      pair = std::move(*selected);
      continue;
    }
    queueTask([one = std::move(*event)](PeerConnection& self) mutable { self.handle(one); });
  }
  queuePair();
}

void PeerConnection::armTimer() {
  const auto timeout = engine_->nextTimeout();
  if (!timeout) return timer_->cancel();
  timer_->set(timeout->at);
}

void PeerConnection::handle(engine::Event& event) {
  std::visit(
      Overloaded{
          [&](engine::GatheringNeeded& e) { gather(e.transport), touched(); },
          [&](engine::CandidateToResolve& e) { resolveCandidate(e); },
          [&](engine::CandidateGathered& e) {
            const std::string ufrag = e.candidate.candidate.ufrag;
            surface({.transport = e.transport, .ufrag = ufrag, .candidate = e.candidate.candidate.toString()},
                    e.candidate.url);
          },
          [&](engine::CandidateError& e) { onCandidateError(e); },
          [&](engine::IceGatheringChanged& e) { onIceGathering(e); },
          [&](engine::IceStateChanged& e) { onIceChange(nullptr, &e); },
          [&](engine::SelectedPairChanged& e) { onIceChange(&e, nullptr); },
          [&](engine::IceRoleChanged& e) {
            if (auto it = transports_.find(e.transport.value()); it != transports_.end()) {
              it->second.dtls->iceTransport_->role_ =
                  e.role == ice::Role::controlling ? RTCIceRole::controlling : RTCIceRole::controlled;
            }
          },
          [&](engine::DtlsStateChanged& e) { onDtlsState(e); },
          [&](engine::SctpStateChanged& e) { onSctpState(e); },
          [&](engine::DataChannelEvent& e) { onChannelEvent(e.event); },
          [&](engine::FirstPacket& e) {
            if (auto t = find(e.transceiver)) TrackSource::setMuted(*t->receiver_->track_, false);
          },
          [&](engine::PeerBye& e) {
            if (auto t = find(e.transceiver)) TrackSource::setMuted(*t->receiver_->track_, true);
          },
          [&](engine::VideoReceived& e) {
            if (auto t = find(e.transceiver)) t->receiver_->track_->deliver(e.frame);
          },
          [&](engine::AudioReceived& e) {
            if (auto t = find(e.transceiver)) t->receiver_->track_->deliver(e.frame);
          },
      },
      event);
}

}  // namespace peerage::detail
