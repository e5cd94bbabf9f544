// Connection::stats().
#include "engine/connection_impl.hpp"

namespace peerage::engine {

Stats Connection::Impl::stats(Timestamp now) const {
  Stats out;
  out.now = now;
  out.dropped = dropped_;
  for (const auto& entry : transports_) {
    const transport::Counters& counters = entry->transport->counters();
    const ice::Agent& ice = entry->transport->ice();
    const dtls::Connection& dtls = entry->transport->dtls();
    TransportStats stats;
    stats.id = entry->id;
    stats.packetsSent = counters.packetsSent;
    stats.packetsReceived = counters.packetsReceived;
    stats.bytesSent = counters.bytesSent;
    stats.bytesReceived = counters.bytesReceived;
    stats.iceRole = ice.role();
    stats.iceState = ice.state();
    stats.iceLocalUsernameFragment = ice.localParameters().ufrag;
    stats.dtlsState = dtls.state();
    stats.dtlsRole = dtls.role();
    if (entry->handshake) {
      stats.tlsVersion = entry->handshake->version;
      stats.dtlsCipher = entry->handshake->cipher;
      if (entry->handshake->srtpProfile) stats.srtpCipher = dtls::toString(*entry->handshake->srtpProfile);
    }
    stats.selectedCandidatePairChanges = ice.selectedPairChanges();
    if (const auto pair = ice.pairInUse()) stats.selectedPairId = pair->id;
    stats.pairs = ice.pairStats();
    stats.localCandidates = ice.allLocalCandidates();
    stats.remoteCandidates = ice.allRemoteCandidates();
    stats.remoteCertificates = dtls.remoteCertificates();
    stats.packetsDropped = counters.unvalidatedPath + counters.unknownKind + counters.srtpNotReady +
                           counters.srtpBadTag +
                           counters.srtpReplayed + counters.srtpMalformed + counters.srtpTooManySources +
                           counters.sctpNotReady + counters.afterClose;
    out.transports.push_back(std::move(stats));
  }
  for (const auto& entry : media_) {
    const jsep::TransportId transport = entry->transport ? entry->transport->id : entry->plan.transport;
    if (entry->sender && (entry->sender->negotiated() || entry->sender->stream().started())) {
      OutboundStats stats;
      entry->sender->fillStats(now, stats);
      stats.transport = transport;
      out.outbound.push_back(std::move(stats));
    }
    if (!entry->receiver) continue;
    const size_t first = out.inbound.size();
    entry->receiver->fillStats(now, out.inbound);
    for (size_t i = first; i < out.inbound.size(); ++i) out.inbound[i].transport = transport;
  }
  for (const datachannel::ChannelHandle handle : channelHandles_) {
    const datachannel::ChannelParams* params = channels_.params(handle);
    if (!params) continue;
    out.dataChannels.push_back({handle, *params, channels_.state(handle), channels_.messagesSent(handle),
                                channels_.bytesSent(handle), channels_.messagesReceived(handle),
                                channels_.bytesReceived(handle)});
  }
  out.dataChannelsOpened = channels_.counters().opened;
  out.dataChannelsClosed = channels_.counters().closed;
  if (data_ && data_->started) {
    if (const TransportEntry* entry = find(data_->plan.transport)) {
      if (const sctp::Association* association = entry->transport->sctp()) out.sctp = association->stats();
    }
  }
  return out;
}

}  // namespace peerage::engine
