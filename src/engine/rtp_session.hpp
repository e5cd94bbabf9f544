// RTP and RTCP of one transport: all the m-sections bundled on it share a demultiplexer, a pacer, transport-wide
// feedback and the timing of RTCP.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/media_context.hpp"
#include "engine/pacer.hpp"
#include "engine/receiver.hpp"
#include "engine/sender.hpp"
#include "rtp/demuxer.hpp"
#include "rtp/rtcp_scheduler.hpp"
#include "rtp/transport_feedback.hpp"
#include "transport/transport.hpp"

namespace peerage::engine {

class RtpSession final : public PacketSink {
 public:
  /// One m-section's share; the pointers live until the next configure() without them.
  struct Section {
    const jsep::MediaPlan* plan = nullptr;
    Sender* sender = nullptr;
    Receiver* receiver = nullptr;
  };

  RtpSession(MediaContext& context, transport::Transport& transport);

  /// The ids that the sections of this transport have agreed on; the same for all of them (RFC 8843 §9.1).
  static rtp::ExtensionMap extensionMap(std::span<const Section> sections);
  /// Replaces the sections, whose senders and receivers are configured already.
  void configure(Timestamp now, std::span<const Section> sections);
  /// SRTP's keys are there: media may flow.
  void start(Timestamp now);
  bool started() const { return started_; }

  void onRtp(Timestamp now, ByteView packet);
  void onRtcp(Timestamp now, ByteView packet);
  void handleTimeout(Timestamp now);
  /// Lets out what the pacer allows and feedback that is due. To be called after anything was given to a sender.
  void flush(Timestamp now);
  /// A sender has something to do at a time.
  void afterSender(const Sender& sender) { sendersWake_ = soonest(sendersWake_, sender.nextTimeout()); }
  std::optional<Timeout> nextTimeout() const;

  /// Says BYE for a sender's stream, when it has sent, and forgets what waits of it.
  void bye(Timestamp now, Sender& sender);
  /// Forgets what waits of a sender, which goes on over another transport.
  void detach(Sender& sender);
  /// Says BYE for all of them.
  void byeAll(Timestamp now);

  // PacketSink.
  Bytes buffer() override { return transport_.buffer(); }
  void send(Timestamp now, OutgoingStream& stream, Bytes packet) override;
  Duration backlog() const override { return pacer_.backlog(); }

  const rtp::Demuxer& demuxer() const { return demuxer_; }

 private:
  void release(Timestamp now, OutgoingStream& stream, Bytes packet, Sending sending);
  const Section* section(std::optional<rtp::SectionKey> key) const;
  Sender* senderOf(rtp::Ssrc ssrc);
  Receiver* receiverOf(rtp::Ssrc ssrc);
  void afterReceiver(Timestamp now, Receiver& receiver);

  // What RTCP packets say.
  void handle(Timestamp now, const rtp::SenderReport& report);
  void handle(Timestamp now, const rtp::ReceiverReport& report);
  void handle(Timestamp now, const rtp::SourceDescription& description);
  void handle(Timestamp now, const rtp::Bye& bye);
  void handle(Timestamp now, const rtp::Nack& nack);
  void handle(Timestamp now, const rtp::TransportFeedbackPacket& feedback);
  void handle(Timestamp now, const rtp::PictureLossIndication& request);
  void handle(Timestamp now, const rtp::FullIntraRequest& request);
  void handle(Timestamp now, const rtp::Remb& remb);
  void reportBlocks(Timestamp now, const rtp::ReportBlocks& blocks);

  // What RTCP packets we send.
  void sendReports(Timestamp now);
  void sendFeedback(Timestamp now);
  void sendTransportFeedback(Timestamp now);
  void collectFeedback(Timestamp now);
  void writeFeedback(rtp::RtcpWriter& writer);
  /// Begins a packet that is no regular report: with an empty report and a CNAME unless reduced size was agreed.
  Bytes beginFeedback();
  void sendRtcp(Timestamp now, Bytes packet);
  rtp::Ssrc localSsrc() const;
  std::string_view cname() const;

  MediaContext& context_;
  transport::Transport& transport_;
  bool started_ = false;
  std::vector<Section> sections_;
  std::unordered_map<rtp::SectionKey, size_t> byKey_;
  rtp::ExtensionMap extensions_;
  rtp::Demuxer demuxer_;
  Pacer pacer_;
  Bytes protected_;  ///< the last packet as SRTP made it; reused
  rtp::RtcpScheduler scheduler_;
  bool reducedSize_ = false;
  bool transportFeedback_ = false;  ///< we report arrivals
  rtp::TransportFeedbackReceiver arrivals_;
  rtp::TransportFeedbackHistory history_;
  rtp::TransportFeedback feedback_;
  std::vector<rtp::TransportFeedbackHistory::Result> results_;
  rtp::Ssrc lastMedia_;
  rtp::Ssrc fallbackSsrc_;  ///< for RTCP of an end that has no stream of its own
  /// No receiver wants handleTimeout() before; may be earlier than needed.
  std::optional<Timeout> receiversWake_;
  std::optional<Timeout> sendersWake_;  ///< likewise of senders
  std::optional<Duration> roundTrip_;
  std::vector<rtp::ReportBlock> blocks_;
  std::vector<MediaFeedback> pendingFeedback_;
  Bytes body_;
};

}  // namespace peerage::engine
