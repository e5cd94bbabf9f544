// The inside of Connection: transports, media sections and the data section, and the plan they follow.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/connection.hpp"
#include "engine/media_context.hpp"
#include "engine/rtp_session.hpp"
#include "transport/transport.hpp"

namespace peerage::engine {

class Connection::Impl {
 public:
  explicit Impl(Options options);

  // apply.cpp
  void apply(Timestamp now, const jsep::Plan& plan);

  // snapshot.cpp
  Stats stats(Timestamp now) const;

  // connection.cpp
  void handleInput(Timestamp now, const SocketAddress& local, const SocketAddress& remote, ByteView datagram);
  void handleTimeout(Timestamp now);
  bool pollTransmit(Datagram& out);
  std::optional<Timeout> nextTimeout() const;
  void close(Timestamp now);

  /// One transport and the RTP on it.
  struct TransportEntry {
    jsep::TransportId id;
    std::unique_ptr<transport::Transport> transport;
    std::unique_ptr<RtpSession> rtp;  ///< its senders and receivers are the sections'
    jsep::TransportPlan plan;         ///< as applied last
    size_t candidatesApplied = 0;     ///< of plan.ice->remoteCandidates
    std::optional<dtls::Connected> handshake;
    std::optional<uint8_t> sentAlert, receivedAlert;
  };
  /// One transceiver with an m-section.
  struct MediaEntry {
    jsep::MediaPlan plan;  ///< as applied last
    std::unique_ptr<Sender> sender;
    std::unique_ptr<Receiver> receiver;
    TransportEntry* transport = nullptr;
  };
  struct DataSection {
    jsep::DataPlan plan;
    bool started = false;
    SctpState state = SctpState::connecting;
  };

  TransportEntry* find(jsep::TransportId id);
  const TransportEntry* find(jsep::TransportId id) const;
  MediaEntry* find(jsep::TransceiverId id);
  const MediaEntry* find(jsep::TransceiverId id) const;
  /// Takes what a transport and the data channels have to say, until they have nothing more.
  void drain(Timestamp now, TransportEntry& entry);
  void drainChannels();
  /// What leaves makes events too (a channel's buffered amount falls): those since the last drain.
  void drainSent();
  /// After a call that has used the association directly.
  void drainData(Timestamp now);
  void addLocalHost(Timestamp now, TransportEntry& entry, const SocketAddress& base, const ice::HostInfo& info);

  Options options_;
  std::deque<Event> events_;
  DropCounters dropped_;
  MediaContext context_;
  datachannel::Manager channels_;
  std::set<datachannel::ChannelHandle> channelHandles_;  ///< of channels that are not closed
  // Sections go before the transports that their packets may wait in.
  std::vector<std::unique_ptr<TransportEntry>> transports_;
  std::vector<std::unique_ptr<MediaEntry>> media_;
  std::unordered_map<jsep::TransceiverId, MediaEntry*> byTransceiver_;
  std::unordered_map<SocketAddress, TransportEntry*> sockets_;
  std::optional<DataSection> data_;
  std::deque<Datagram> lastWords_;  ///< of transports that are gone
  Timestamp drainedAt_{};
  bool sent_ = false;  ///< something has left since the last drain
  bool closed_ = false;

 private:
  // apply.cpp
  void applyTransport(Timestamp now, const jsep::TransportPlan& plan);
  bool makeTransport(Timestamp now, TransportEntry& entry, const jsep::TransportPlan& plan);
  void applyIce(Timestamp now, TransportEntry& entry, const jsep::TransportPlan& plan);
  void addCandidates(Timestamp now, TransportEntry& entry, const jsep::IceGeneration& ice);
  void applyDtls(Timestamp now, TransportEntry& entry, const jsep::TransportPlan& plan);
  void removeTransports(Timestamp now, const jsep::Plan& plan);
  void retire(Timestamp now, TransportEntry& entry);
  void removeMedia(Timestamp now, const jsep::Plan& plan);
  void applyMedia(Timestamp now, const jsep::Plan& plan);
  void configureSender(Timestamp now, MediaEntry& entry, std::optional<uint64_t> maxTotalBitrate);
  void applyData(Timestamp now, const std::optional<jsep::DataPlan>& plan);

  // connection.cpp
  void handle(Timestamp now, TransportEntry& entry, transport::IceEvent event);
  void handle(Timestamp now, TransportEntry& entry, const transport::DtlsStateChanged& event);
  void handle(Timestamp now, TransportEntry& entry, const transport::DtlsConnected& event);
  void handle(Timestamp now, TransportEntry& entry, const transport::DtlsAlert& event);
  void handle(Timestamp now, TransportEntry& entry, const transport::SrtpReady& event);
  void handle(Timestamp now, TransportEntry& entry, transport::RtpPacket event);
  void handle(Timestamp now, TransportEntry& entry, transport::RtcpPacket event);
  void handle(Timestamp now, TransportEntry& entry, transport::SctpEvent event);
  void setSctpState(SctpState state, std::optional<uint16_t> maxChannels = {});

  std::optional<jsep::Plan> plan_;
};

}  // namespace peerage::engine
