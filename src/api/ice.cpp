// Gathering and candidates: sockets and names from the loop, candidates through jsep into descriptions and events
// (webrtc-pc §4.4.1.3, §5.6.1).
#include <algorithm>

#include "api/convert.hpp"
#include "api/peer_connection.hpp"
#include "base/log.hpp"
#include "jsep/candidates.hpp"

namespace peerage::detail {

/// What the ICE transports say of both ends' descriptions (§5.6).
void PeerConnection::follow(const jsep::Plan& plan) {
  const auto parameters = [](const jsep::IceCredentials& credentials) { return RTCIceParameters{credentials.ufrag, credentials.pwd}; };
  for (const jsep::TransportPlan& transport : plan.transports) {
    const auto it = transports_.find(transport.id.value());
    if (it == transports_.end() || !transport.ice) continue;
    RTCIceTransport& ice = *it->second.dtls->iceTransport_;
    const jsep::IceGeneration& generation = *transport.ice;
    if (!ice.localParameters_ || ice.localParameters_->usernameFragment != generation.local.ufrag) {
      ice.localParameters_ = parameters(generation.local);
      ice.localCandidates_.clear();  // a restart begins anew
    }
    if (!generation.remote) continue;
    if (!ice.remoteParameters_ || ice.remoteParameters_->usernameFragment != generation.remote->ufrag) {
      ice.remoteParameters_ = parameters(*generation.remote);
      ice.remoteCandidates_.clear();
    }
    if (ice.remoteCandidates_.size() > generation.remoteCandidates.size()) ice.remoteCandidates_.clear();
    for (size_t i = ice.remoteCandidates_.size(); i < generation.remoteCandidates.size(); ++i) {
      ice.remoteCandidates_.push_back(std::make_shared<RTCIceCandidate>(
          RTCIceCandidateInit{sdp::serialize(generation.remoteCandidates[i]),
                              transport.mids.empty() ? "" : transport.mids.front(), std::nullopt, generation.remote->ufrag}));
    }
  }
}

void PeerConnection::ensureTransport(jsep::TransportId id) {
  Transport& transport = transports_[id.value()];
  if (transport.dtls) return;
  transport.dtls = std::make_shared<RTCDtlsTransport>(std::make_shared<RTCIceTransport>());
}

/// Nothing uses the transport any more: its states end, with events in a task of their own (§4.4.1.5).
void PeerConnection::closeTransport(jsep::TransportId id) {
  const auto it = transports_.find(id.value());
  if (it == transports_.end()) return;
  const auto dtls = it->second.dtls;
  for (const auto& socket : it->second.sockets) socketByAddress_.erase(socket->localAddress());
  transports_.erase(it);  // closes its sockets
  const auto& ice = dtls->iceTransport_;
  if (dtls->state_ == RTCDtlsTransportState::closed && ice->state_ == RTCIceTransportState::closed) return;
  queueTask([dtls, ice](PeerConnection& self) {
    const bool dtlsChanged = dtls->state_ != RTCDtlsTransportState::closed;
    const bool iceChanged = ice->state_ != RTCIceTransportState::closed;
    dtls->state_ = RTCDtlsTransportState::closed;
    ice->state_ = RTCIceTransportState::closed;
    const bool iceConnectionStateChanged = self.deriveIceConnectionState();
    const bool connectionStateChanged = self.deriveConnectionState();
    if (iceChanged) ice->dispatchEvent<"statechange">();
    if (dtlsChanged) dtls->dispatchEvent<"statechange">();
    if (self.closed_) return;
    if (iceConnectionStateChanged) self.fire<"iceconnectionstatechange">();
    if (self.closed_) return;
    if (connectionStateChanged) self.fire<"connectionstatechange">();
  });
}

void PeerConnection::gather(jsep::TransportId id) {
  const auto it = transports_.find(id.value());
  if (it == transports_.end()) return;
  Transport& transport = it->second;
  ++transport.gatherRound;
  transport.lookups.clear();
  transport.pendingLookups = 0;
  if (transport.sockets.empty()) {
    bindSockets(id, transport);
  }
  for (const auto& socket : transport.sockets) {
    engine_->addLocalHost(body_->now(), id, socket->localAddress());
  }
  askServers(id, transport);
  if (transport.pendingLookups == 0) finishHosts(id);
}

void PeerConnection::bindSockets(jsep::TransportId id, Transport& transport) {
  for (const NetworkInterface& interface : body_->interfaces()) {
    auto socket = body_->bindUdp({interface.address, 0}, [weak = weak_from_this(), id](std::span<const DatagramView> in) {
      if (auto self = weak.lock(); self && !self->closed_) self->received(id, in);
    });
    if (!socket) {
      body_->log().in("ice").warning("no socket on " + interface.address.toString() + ": " + socket.error().message);
      continue;
    }
    socketByAddress_[(*socket)->localAddress()] = socket->get();
    transport.sockets.push_back(std::move(*socket));
  }
}

void PeerConnection::askServers(jsep::TransportId id, Transport& transport) {
  const auto refuse = [&](const IceServerUrl& server, const std::string& why) {
    engine_->addCandidateError(body_->now(), id, {}, server.url, 701, why);
  };
  for (const IceServerUrl& server : servers_) {
    if (server.scheme == IceServerUrl::Scheme::stuns) {
      refuse(server, "this version has no STUN over TLS: the server is not asked");
      continue;
    }
    if (server.scheme != IceServerUrl::Scheme::stun) {
      refuse(server, "this version has no TURN client: the server is not asked");
      continue;
    }
    if (server.port == 0) {
      refuse(server, "port 0 cannot be sent to");
      continue;
    }
    ++transport.pendingLookups;
    const uint64_t round = transport.gatherRound;
    transport.lookups.push_back(
        body_->resolve(server.host, [weak = weak_from_this(), id, round, server](Result<std::vector<IpAddress>> addresses) {
          auto self = weak.lock();
          if (!self || self->closed_) return;
          const auto it = self->transports_.find(id.value());
          if (it == self->transports_.end() || it->second.gatherRound != round) return;
          const Timestamp now = self->body_->now();
          if (addresses) {
            for (const IpAddress& address : *addresses) {
              self->engine_->addStunServer(now, id, {address, server.port}, server.url);
            }
          } else {
            self->engine_->addCandidateError(now, id, {}, server.url, 701,
                                             server.host + " does not resolve: " + addresses.error().message);
          }
          if (--it->second.pendingLookups == 0) self->finishHosts(id);
          self->touched();
        }));
  }
}

void PeerConnection::finishHosts(jsep::TransportId id) {
  engine_->endOfHosts(body_->now(), id);
  touched();
}

void PeerConnection::resolveCandidate(const engine::CandidateToResolve& event) {
  constexpr size_t kMaxLookups = 64;  // under way at once: a peer names as many hosts as it likes
  if (candidateLookups_.size() >= kMaxLookups) {
    body_->log().in("ice").warning("the remote candidate of " + event.candidate.address + " is left out: " +
                                   std::to_string(kMaxLookups) + " names are being looked up");
    return;
  }
  const uint64_t id = nextLookup_++;
  candidateLookups_.emplace(id, body_->resolve(
      event.candidate.address, [weak = weak_from_this(), event, id](Result<std::vector<IpAddress>> addresses) {
        auto self = weak.lock();
        if (!self || self->closed_) return;
        // In a task of its own: the request must not be destroyed inside its own callback.
        self->queueTask([id](PeerConnection& connection) { connection.candidateLookups_.erase(id); });
        if (!addresses) return;  // a name that does not resolve is no candidate
        ice::Candidate candidate = event.candidate;
        candidate.address = addresses->front().toString();
        self->engine_->addRemoteCandidate(self->body_->now(), event.transport, candidate);
        self->touched();
      }));
}

/// §5.6.1 "surface a candidate", in a task already.
void PeerConnection::surface(const jsep::LocalCandidate& candidate, const std::string& url) {
  const auto surfaced = jsep::addLocalCandidate(session_, candidate);
  if (!surfaced) return;  // early: setLocalDescription() releases it
  RTCIceCandidateInit init{surfaced->candidate, surfaced->sdpMid, surfaced->sdpMLineIndex, surfaced->usernameFragment};
  auto object =
      std::make_shared<RTCIceCandidate>(std::move(init), url.empty() ? std::nullopt : std::optional<std::string>(url));
  if (!candidate.candidate.empty()) {
    if (const auto it = transports_.find(candidate.transport.value()); it != transports_.end()) {
      it->second.dtls->iceTransport_->localCandidates_.push_back(object);
    }
  }
  fire<"icecandidate">(RTCPeerConnectionIceEvent(std::move(object)));
}

void PeerConnection::surfaceEnd(jsep::TransportId id, const std::string& ufrag) {
  surface({.transport = id, .ufrag = ufrag, .candidate = ""}, "");
}

}  // namespace peerage::detail
