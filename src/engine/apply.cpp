// Connection::apply(): the difference between a plan and what runs.
#include <algorithm>

#include "engine/connection_impl.hpp"

namespace peerage::engine {

namespace {

ice::Parameters parameters(const jsep::IceCredentials& credentials, bool lite = false) {
  return {credentials.ufrag, credentials.pwd, lite};
}

std::optional<ice::Role> role(jsep::IceRole role) {
  switch (role) {
    case jsep::IceRole::controlling: return ice::Role::controlling;
    case jsep::IceRole::controlled: return ice::Role::controlled;
    case jsep::IceRole::unknown: break;
  }
  return std::nullopt;
}

}  // namespace

void Connection::Impl::apply(Timestamp now, const jsep::Plan& plan) {
  if (plan_ == plan) return;
  for (const jsep::TransportPlan& transport : plan.transports) applyTransport(now, transport);
  // Sections leave transports that close before these close.
  removeMedia(now, plan);
  applyMedia(now, plan);
  applyData(now, plan.data);
  removeTransports(now, plan);
  plan_ = plan;
  for (const auto& entry : transports_) drain(now, *entry);
}

// ---- Transports -----------------------------------------------------------------------------------------------------

void Connection::Impl::applyTransport(Timestamp now, const jsep::TransportPlan& plan) {
  TransportEntry* entry = find(plan.id);
  if (entry && entry->plan == plan) return;
  if (!entry) {
    // While only the remote end has spoken there are no credentials to answer checks with.
    if (!plan.ice) return;
    auto made = std::make_unique<TransportEntry>();
    made->id = plan.id;
    if (!makeTransport(now, *made, plan)) return;
    entry = transports_.emplace_back(std::move(made)).get();
  } else if (entry->plan.dtlsGeneration != plan.dtlsGeneration && plan.ice) {
    // RFC 8842 §5: a new association comes with new ICE credentials; both begin anew.
    retire(now, *entry);
    if (!makeTransport(now, *entry, plan)) {
      std::erase_if(transports_, [&](const auto& other) { return other.get() == entry; });
      return;
    }
  }
  applyIce(now, *entry, plan);
  applyDtls(now, *entry, plan);
  entry->plan = plan;
}

bool Connection::Impl::makeTransport(Timestamp now, TransportEntry& entry, const jsep::TransportPlan& plan) {
  transport::Options options;
  options.ice.role = role(plan.iceRole).value_or(ice::Role::controlling);
  options.ice.local = parameters(plan.ice->local);
  options.ice.policy = options_.icePolicy;
  options.dtls.certificate = options_.certificate;
  auto made = transport::Transport::make(std::move(options), *options_.dtls, *options_.random, options_.log);
  if (!made) {
    options_.log.in("engine").error("transport: " + made.error().message);
    events_.push_back(
        DtlsStateChanged{plan.id, dtls::State::failed, DtlsError::dtls_failure, {}, {}, made.error().message});
    return false;
  }
  entry.transport = std::move(*made);
  entry.rtp = std::make_unique<RtpSession>(context_, *entry.transport);
  entry.plan = {};
  entry.plan.id = plan.id;
  entry.plan.dtlsGeneration = plan.dtlsGeneration;
  entry.plan.ice.emplace();
  entry.plan.ice->local = plan.ice->local;
  entry.candidatesApplied = 0;
  entry.handshake.reset();
  entry.sentAlert.reset();
  entry.receivedAlert.reset();
  events_.push_back(GatheringNeeded{plan.id, plan.ice->local.ufrag, false});
  drain(now, entry);
  return true;
}

void Connection::Impl::applyIce(Timestamp now, TransportEntry& entry, const jsep::TransportPlan& plan) {
  transport::Transport& transport = *entry.transport;
  const auto wanted = role(plan.iceRole);
  if (wanted && plan.iceRole != entry.plan.iceRole) transport.setIceRole(*wanted);
  if (!plan.ice) return;
  const jsep::IceGeneration& ice = *plan.ice;
  std::optional<jsep::IceGeneration> before = entry.plan.ice;
  if (before && before->local != ice.local) {
    transport.restartIce(now, parameters(ice.local));
    events_.push_back(GatheringNeeded{plan.id, ice.local.ufrag, true});
    before.reset();
    entry.candidatesApplied = 0;
  }
  // While a restart of ours is not answered, the peer's parameters of before go on in the generation of before.
  if (!ice.remote) return;
  if (!before || before->remote != ice.remote) {
    transport.setRemoteIceParameters(now, parameters(*ice.remote, ice.remoteLite));
    if (before && before->remote) entry.candidatesApplied = 0;
  }
  addCandidates(now, entry, ice);
  const bool endedBefore = before && before->remote == ice.remote && before->remoteEndOfCandidates;
  if (ice.remoteEndOfCandidates && !endedBefore) transport.endOfRemoteCandidates(now);
}

void Connection::Impl::addCandidates(Timestamp now, TransportEntry& entry, const jsep::IceGeneration& ice) {
  if (ice.remoteCandidates.size() < entry.candidatesApplied) entry.candidatesApplied = 0;
  for (; entry.candidatesApplied < ice.remoteCandidates.size(); ++entry.candidatesApplied) {
    auto candidate = ice::Candidate::parse(sdp::serialize(ice.remoteCandidates[entry.candidatesApplied]));
    if (!candidate) {
      options_.log.in("engine").warning("remote candidate: " + candidate.error().message);
      continue;
    }
    if (candidate->ip() || candidate->protocol != ice::Protocol::udp) {
      entry.transport->addRemoteCandidate(now, *candidate);
    } else {
      events_.push_back(CandidateToResolve{entry.id, std::move(*candidate)});
    }
  }
}

void Connection::Impl::applyDtls(Timestamp now, TransportEntry& entry, const jsep::TransportPlan& plan) {
  if (!plan.remoteFingerprints.empty() && plan.remoteFingerprints != entry.plan.remoteFingerprints) {
    std::vector<dtls::Fingerprint> fingerprints;
    for (const sdp::Fingerprint& f : plan.remoteFingerprints) fingerprints.push_back({f.hash, f.value});
    entry.transport->setRemoteFingerprints(now, std::move(fingerprints));
  }
  if (plan.dtlsRole && plan.dtlsRole != entry.plan.dtlsRole) {
    const bool client = *plan.dtlsRole == jsep::DtlsRole::client;
    entry.transport->setDtlsRole(now, client ? dtls::Role::client : dtls::Role::server);
  }
}

/// Ends a transport; what it still has to send is kept.
void Connection::Impl::retire(Timestamp now, TransportEntry& entry) {
  for (const auto& media : media_) {
    if (media->transport != &entry) continue;
    if (media->sender) entry.rtp->detach(*media->sender);
    media->transport = nullptr;
  }
  if (data_ && data_->started && data_->plan.transport == entry.id) {
    channels_.attach(now, nullptr);
    if (data_->state != SctpState::closed) channels_.closeAll(std::nullopt);
    data_->started = false;
    data_->state = SctpState::connecting;
  }
  entry.transport->close(now);
  Datagram datagram;
  while (entry.transport->pollTransmit(datagram)) lastWords_.push_back(std::move(datagram));
  std::erase_if(sockets_, [&](const auto& socket) { return socket.second == &entry; });
  entry.rtp.reset();
  entry.transport.reset();
}

void Connection::Impl::removeTransports(Timestamp now, const jsep::Plan& plan) {
  std::erase_if(transports_, [&](const std::unique_ptr<TransportEntry>& entry) {
    if (std::ranges::find(plan.transports, entry->id, &jsep::TransportPlan::id) != plan.transports.end()) return false;
    retire(now, *entry);
    return true;
  });
}

// ---- Media ----------------------------------------------------------------------------------------------------------

/// Transceivers that are stopped, or lost their section in a rollback.
void Connection::Impl::removeMedia(Timestamp now, const jsep::Plan& plan) {
  const auto gone = [&](const std::unique_ptr<MediaEntry>& entry) {
    return std::ranges::find(plan.media, entry->plan.transceiver, &jsep::MediaPlan::transceiver) == plan.media.end();
  };
  std::vector<TransportEntry*> left;
  for (const auto& entry : media_) {
    if (!gone(entry)) continue;
    byTransceiver_.erase(entry->plan.transceiver);
    if (!entry->transport) continue;
    if (entry->sender) entry->transport->rtp->bye(now, *entry->sender);
    left.push_back(entry->transport);
    entry->transport = nullptr;
  }
  // The sessions forget them before they end.
  for (TransportEntry* transport : left) {
    std::vector<RtpSession::Section> rest;
    for (const auto& entry : media_) {
      if (entry->transport == transport) rest.push_back({&entry->plan, entry->sender.get(), entry->receiver.get()});
    }
    transport->rtp->configure(now, rest);
  }
  std::erase_if(media_, gone);
}

void Connection::Impl::applyMedia(Timestamp now, const jsep::Plan& plan) {
  bool changed = false;
  for (const jsep::MediaPlan& wanted : plan.media) {
    MediaEntry* entry = find(wanted.transceiver);
    if (!entry) {
      entry = media_.emplace_back(std::make_unique<MediaEntry>()).get();
      byTransceiver_[wanted.transceiver] = entry;
    } else if (entry->plan == wanted && entry->transport && entry->transport == find(wanted.transport) &&
               plan_ && plan_->maxTotalSendBitrate == plan.maxTotalSendBitrate) {
      continue;
    }
    changed = true;
    entry->plan = wanted;
    TransportEntry* transport = find(wanted.transport);
    if (entry->transport != transport && entry->transport && entry->sender)
      entry->transport->rtp->detach(*entry->sender);
    entry->transport = transport;
  }
  if (!changed) return;
  for (const auto& transport : transports_) {
    std::vector<RtpSession::Section> sections;
    for (const auto& entry : media_) {
      if (entry->transport == transport.get()) sections.push_back({&entry->plan, nullptr, nullptr});
    }
    const rtp::ExtensionMap extensions = RtpSession::extensionMap(sections);
    sections.clear();
    for (const auto& entry : media_) {
      if (entry->transport != transport.get()) continue;
      if (entry->sender) entry->sender->stream().extensions = extensions;
      configureSender(now, *entry, plan.maxTotalSendBitrate);
      entry->sender->stream().extensions = extensions;
      if (!entry->receiver) entry->receiver = Receiver::make(context_, entry->plan);
      entry->receiver->configure(now, entry->plan);
      sections.push_back({&entry->plan, entry->sender.get(), entry->receiver.get()});
    }
    transport->rtp->configure(now, sections);
  }
}

void Connection::Impl::configureSender(Timestamp now, MediaEntry& entry, std::optional<uint64_t> maxTotalBitrate) {
  if (entry.sender && entry.sender->configure(now, entry.plan, maxTotalBitrate)) return;
  if (entry.sender && entry.transport) entry.transport->rtp->bye(now, *entry.sender);
  entry.sender = Sender::make(context_, entry.plan);
  entry.sender->configure(now, entry.plan, maxTotalBitrate);
}

// ---- Data -----------------------------------------------------------------------------------------------------------

void Connection::Impl::applyData(Timestamp now, const std::optional<jsep::DataPlan>& plan) {
  if (!plan) {
    if (data_ && data_->started) {
      channels_.attach(now, nullptr);
      if (TransportEntry* entry = find(data_->plan.transport); entry && entry->transport) entry->transport->stopSctp(now);
    }
    data_.reset();
    return;
  }
  if (!data_) data_ = DataSection{};
  if (data_->started && data_->plan.transport != plan->transport) {
    channels_.attach(now, nullptr);
    data_->started = false;
    data_->state = SctpState::connecting;
  }
  data_->plan = *plan;
  TransportEntry* entry = find(plan->transport);
  if (!entry || !plan->remotePort) return;
  if (plan->dtlsRole) {
    channels_.setRole(now, *plan->dtlsRole == jsep::DtlsRole::client ? datachannel::DtlsRole::client
                                                                     : datachannel::DtlsRole::server);
  }
  if (data_->started) {
    if (sctp::Association* association = entry->transport->sctp())
      association->setMaxSendMessageSize(plan->remoteMaxMessageSize);
    return;
  }
  sctp::Options options;
  options.localPort = plan->localPort;
  options.remotePort = *plan->remotePort;
  options.maxReceiveMessageSize = options_.maxReceiveMessageSize;
  options.maxSendMessageSize = plan->remoteMaxMessageSize;
  // Whether the path is dead is for ICE to say (RFC 7675), and it can come back: the association waits for it.
  options.maxRetransmits.reset();
  options.maxInitRetransmits.reset();
  entry->transport->startSctp(now, options);
  channels_.attach(now, entry->transport->sctp());
  data_->started = true;
  drain(now, *entry);
}

}  // namespace peerage::engine
