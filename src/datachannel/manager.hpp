// The data channels of one connection: DCEP (RFC 8832), stream ids, channel states and closing (RFC 8831), as a
// sans-IO core above an sctp::Association that somebody else owns.
//
// The owner attaches the association, gives handleEvent() each of its events in order, drains pollEvent(), and drains
// the association (pollTransmit, nextTimeout) after every call here that takes a time. The manager has no timers of its
// own and sends nothing but through the association.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "sctp/association.hpp"

namespace peerage::datachannel {

/// One channel for its whole life; never reused within a manager, unlike its stream id.
using ChannelHandle = Strong<struct ChannelHandleTag, uint32_t>;

/// RTCDataChannelState.
enum class ChannelState : uint8_t { connecting, open, closing, closed };
std::string_view toString(ChannelState state);

/// Which end of the DTLS handshake we are: the client uses even stream ids, the server odd ones (RFC 8832 §6).
enum class DtlsRole : uint8_t { client, server };

/// What both ends agree about a channel (RTCDataChannelInit and the label).
struct ChannelParams {
  std::string label;     ///< UTF-8, at most 65535 bytes
  std::string protocol;  ///< UTF-8, at most 65535 bytes
  bool ordered = true;
  std::optional<uint16_t> maxRetransmits;     ///< at most one of these two
  std::optional<uint16_t> maxPacketLifeTime;  ///< milliseconds
  bool negotiated = false;                    ///< by the application: no DCEP
  std::optional<uint16_t> id;                 ///< required when negotiated, 0..65534; else assigned
  uint16_t priority = 256;                    ///< RFC 8832 §5.1: 128, 256, 512, 1024
  friend bool operator==(const ChannelParams&, const ChannelParams&) = default;
};

enum class SendResult : uint8_t {
  ok,
  not_open,     ///< InvalidStateError
  too_large,    ///< TypeError: beyond the remote max-message-size
  buffer_full,  ///< OperationError
};
std::string_view toString(SendResult result);

// What pollEvent() yields. For one channel the order is: Incoming (when the peer made it), Opened, Received and
// BufferedAmountLow, Closing (when the peer began it), Closed.

/// The peer has opened a channel ("datachannel" event); Opened follows at once.
struct Incoming {
  ChannelHandle channel;
  ChannelParams params;  ///< `id` set
};
/// The channel is open.
struct Opened {
  ChannelHandle channel;
  uint16_t id = 0;
};
struct Received {
  ChannelHandle channel;
  Bytes data;
  bool binary = false;  ///< false: UTF-8 text
};
struct BufferedAmountLow {
  ChannelHandle channel;
};
/// The peer began to close it.
struct Closing {
  ChannelHandle channel;
};
/// Why a channel closed other than by a close() of either end; maps to RTCErrorDetailType.
enum class ChannelError : uint8_t {
  data_channel_failure,  ///< no stream id left, a broken or misplaced OPEN, too large a message
  sctp_failure,          ///< the association was aborted; `sctpCauseCode` may say why
};
/// The last event of a channel; its id may be used again.
struct Closed {
  ChannelHandle channel;
  std::optional<ChannelError> error;
  std::optional<uint16_t> sctpCauseCode;
  std::string reason;  ///< for people; empty without an error
};

using Event = std::variant<Incoming, Opened, Received, BufferedAmountLow, Closing, Closed>;

struct Counters {
  uint64_t opened = 0;             ///< channels that reached open
  uint64_t closed = 0;             ///< of those, how many closed
  uint64_t malformedControl = 0;   ///< DCEP messages that do not parse
  uint64_t misplacedOpens = 0;     ///< OPEN on an id in use or of the wrong parity
  uint64_t unexpectedAcks = 0;
  uint64_t unknownPpids = 0;
  uint64_t strayMessages = 0;      ///< for a stream without an open channel
};

class Manager {
 public:
  explicit Manager(Log log = {});

  /// The association to use from now on, or nullptr before it exists; it may be attached in any state, and it must
  /// outlive its use here. Channels made before wait for it.
  void attach(Timestamp now, sctp::Association* association);
  /// Our DTLS role, once known: channels without an id get theirs, in the order of their creation.
  void setRole(Timestamp now, DtlsRole role);
  std::optional<DtlsRole> role() const { return role_; }

  /// A new channel in state connecting. Opened comes once the association is up (in-band channels do not wait for the
  /// peer's ACK, RFC 8832 §6). Error: id taken, missing or 65535; both limits given; label or protocol too long; no id
  /// left.
  Result<ChannelHandle> create(Timestamp now, ChannelParams params);
  SendResult send(Timestamp now, ChannelHandle channel, Bytes data, bool binary);
  /// What was sent before still goes out; Closed follows when both directions have been reset (RFC 8831 §6.7), or at
  /// once when there is no association. Calling it again does nothing.
  void close(Timestamp now, ChannelHandle channel);
  /// The transport is gone: every channel closes. `error` as in Closed.
  void closeAll(std::optional<ChannelError> error, std::string reason = {},
                std::optional<uint16_t> sctpCauseCode = {});

  /// closed for a handle that is not (or no more) known.
  ChannelState state(ChannelHandle channel) const;
  /// Parameters with `id` when assigned; nullptr when not (or no more) known.
  const ChannelParams* params(ChannelHandle channel) const;
  std::optional<uint16_t> id(ChannelHandle channel) const;
  /// Bytes of text and data given to send() and not yet in a packet.
  size_t bufferedAmount(ChannelHandle channel) const;
  /// BufferedAmountLow comes when the amount falls from above it to it or below; default 0.
  void setBufferedAmountLowThreshold(ChannelHandle channel, size_t bytes);
  uint64_t messagesSent(ChannelHandle channel) const;
  uint64_t messagesReceived(ChannelHandle channel) const;
  uint64_t bytesSent(ChannelHandle channel) const;
  uint64_t bytesReceived(ChannelHandle channel) const;
  const Counters& counters() const { return counters_; }

  /// One event of the attached association. Connected opens what waits; Aborted and Closed close everything.
  void handleEvent(Timestamp now, sctp::Event event);
  std::optional<Event> pollEvent();

 private:
  struct Channel {
    ChannelHandle handle;
    ChannelParams params;
    ChannelState state = ChannelState::connecting;
    bool incoming = false;         ///< made by the peer's OPEN
    bool acknowledged = false;     ///< no ACK is awaited: order may be given up (RFC 8832 §6)
    bool resetRequested = false;   ///< our direction: asked the association
    bool outgoingReset = false;    ///< our direction: performed
    bool incomingReset = false;    ///< the peer's direction: performed
    std::optional<ChannelError> error;
    std::string reason;
    Bytes partial;                 ///< deprecated PPIDs 52 and 54: what came so far
    /// The peer uses the stream id again while the answer to our reset is still on its way: what belongs to the next
    /// channel waits here.
    std::vector<sctp::Event> forNext;
    size_t forNextBytes = 0;
    size_t lowThreshold = 0;
    uint64_t messagesSent = 0, messagesReceived = 0, bytesSent = 0, bytesReceived = 0;
  };

  void setState(Channel& channel, ChannelState state, std::string_view why);
  Channel* find(ChannelHandle handle);
  const Channel* find(ChannelHandle handle) const;
  Channel* byStream(uint16_t id);
  bool associationUp() const;
  uint32_t streamLimit() const;
  std::optional<uint16_t> freeId() const;
  void assignIds();
  void openWaiting(Timestamp now);
  void open(Timestamp now, Channel& channel);
  void handleMessage(Timestamp now, sctp::Message message);
  void keepForNext(Timestamp now, Channel& channel, sctp::Message message);
  void finishAndGoOn(Timestamp now, Channel& channel);
  void handleControl(Timestamp now, const sctp::Message& message);
  void handleOpen(Timestamp now, uint16_t id, ByteView body);
  void handleUserMessage(Timestamp now, Channel& channel, sctp::Message message);
  void handleIncomingReset(Timestamp now, const std::vector<sctp::StreamId>& streams);
  void handleOutgoingReset(Timestamp now, const sctp::OutgoingStreamsReset& reset);
  void peerReset(Timestamp now, Channel& channel);
  void fail(Timestamp now, Channel& channel, std::string reason);
  void resetOrphan(Timestamp now, uint16_t id);
  void startReset(Timestamp now, Channel& channel);
  void finish(Channel& channel);
  sctp::SendOptions sendOptions(const Channel& channel) const;

  Log log_;
  sctp::Association* association_ = nullptr;
  bool connected_ = false;
  uint32_t negotiatedStreams_ = 65535;
  std::optional<DtlsRole> role_;
  uint32_t nextHandle_ = 1;
  std::map<uint32_t, Channel> channels_;                 ///< by handle: creation order
  std::unordered_map<uint16_t, ChannelHandle> streams_;  ///< ids in use
  std::unordered_set<uint16_t> orphans_;                 ///< reset by us, without a channel, since last used
  std::deque<Event> events_;
  Counters counters_;
};

}  // namespace peerage::datachannel
