// STUN messages (RFC 8489): an immutable view over a received datagram, and a builder that writes into the caller's
// buffer. TURN's methods and attributes (RFC 8656) are numbered here too; its state machine has files of its own.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/random.hpp"

namespace peerage::stun {

inline constexpr size_t kHeaderSize = 20;
/// RFC 8489 §5: the fixed value of the header's second word.
inline constexpr uint32_t kMagicCookie = 0x2112A442;
/// More attributes than any STUN or TURN message has; a message with more is refused, which bounds every walk.
inline constexpr size_t kMaxAttributes = 32;
/// No STUN message of ICE is anywhere near this (a UDP datagram); longer ones are refused before they are read.
inline constexpr size_t kMaxMessageSize = 4096;

enum class Class : uint8_t { request = 0, indication = 1, success = 2, error = 3 };

enum class Method : uint16_t {
  binding = 0x001,
  allocate = 0x003,
  refresh = 0x004,
  send = 0x006,
  data = 0x007,
  create_permission = 0x008,
  channel_bind = 0x009,
};

/// Attribute types of RFC 8489 §18.3, RFC 8656 §18 and RFC 8445 §16.1.
enum class AttributeType : uint16_t {
  mapped_address = 0x0001,
  username = 0x0006,
  message_integrity = 0x0008,
  error_code = 0x0009,
  unknown_attributes = 0x000A,
  channel_number = 0x000C,
  lifetime = 0x000D,
  xor_peer_address = 0x0012,
  data = 0x0013,
  realm = 0x0014,
  nonce = 0x0015,
  xor_relayed_address = 0x0016,
  requested_address_family = 0x0017,
  even_port = 0x0018,
  requested_transport = 0x0019,
  dont_fragment = 0x001A,
  message_integrity_sha256 = 0x001C,
  password_algorithm = 0x001D,
  userhash = 0x001E,
  xor_mapped_address = 0x0020,
  reservation_token = 0x0022,
  priority = 0x0024,
  use_candidate = 0x0025,
  password_algorithms = 0x8002,
  alternate_domain = 0x8003,
  software = 0x8022,
  alternate_server = 0x8023,
  fingerprint = 0x8028,
  ice_controlled = 0x8029,
  ice_controlling = 0x802A,
};

/// Error codes of RFC 8489 §14.8 and RFC 8445 §16.2 that are sent or understood.
namespace error {
inline constexpr int kTryAlternate = 300;
inline constexpr int kBadRequest = 400;
inline constexpr int kUnauthenticated = 401;
inline constexpr int kUnknownAttribute = 420;
inline constexpr int kStaleNonce = 438;
inline constexpr int kRoleConflict = 487;
inline constexpr int kServerError = 500;
}  // namespace error

/// The 96 random bits that pair a response with its request (RFC 8489 §5).
struct TransactionId {
  std::array<uint8_t, 12> bytes{};

  static TransactionId random(RandomSource& random);
  friend auto operator<=>(const TransactionId&, const TransactionId&) = default;
};

/// Why a datagram is not a STUN message. An enum, not a text: refusing a packet of a flood allocates nothing.
enum class ParseError : uint8_t {
  too_short,            ///< shorter than the 20 bytes of the header
  too_long,             ///< longer than kMaxMessageSize
  not_stun,             ///< first two bits not zero, or no magic cookie
  bad_length,           ///< the length field is not a multiple of 4, or is not the datagram's
  truncated_attribute,  ///< an attribute reaches past the end
  too_many_attributes,  ///< more than kMaxAttributes
};
std::string_view toString(ParseError error);

/// Whether a checksum or a MAC is there, and right.
enum class Check : uint8_t { absent, valid, invalid };

struct ErrorCode {
  int code = 0;             ///< 300..699
  std::string_view reason;  ///< UTF-8, at most 763 bytes; a view into the message
};

/// True when `data` can be nothing but a STUN message to a demultiplexer: two zero bits and the magic cookie.
bool looksLikeStun(ByteView data);

/// A parsed message: a view; the datagram's bytes must outlive it.
///
///      0                   1                   2                   3
///      |0 0|  message type (14)        |       message length          |
///      |                         magic cookie                          |
///      |                     transaction id (96 bits)                  |
///      |  attribute type               |  length                       |   value padded to 4 bytes, repeated
///
/// Of attributes that are there twice the first counts (RFC 8489 §14). What follows MESSAGE-INTEGRITY is not
/// authenticated and not seen, FINGERPRINT and MESSAGE-INTEGRITY-SHA256 apart (§14.5).
class Message {
 public:
  static std::expected<Message, ParseError> parse(ByteView data);

  Class messageClass() const { return class_; }
  Method method() const { return method_; }
  bool isRequest() const { return class_ == Class::request; }
  bool isIndication() const { return class_ == Class::indication; }
  bool isResponse() const { return class_ == Class::success || class_ == Class::error; }
  const TransactionId& transactionId() const { return id_; }
  ByteView bytes() const { return data_; }

  bool has(AttributeType type) const { return find(type).has_value(); }
  std::optional<ByteView> find(AttributeType type) const;

  // Typed access: nullopt when the attribute is absent or its value is malformed.
  std::optional<std::string_view> username() const { return text(AttributeType::username); }
  std::optional<std::string_view> realm() const { return text(AttributeType::realm); }
  std::optional<std::string_view> nonce() const { return text(AttributeType::nonce); }
  std::optional<std::string_view> software() const { return text(AttributeType::software); }
  std::optional<SocketAddress> xorMappedAddress() const { return xorAddress(AttributeType::xor_mapped_address); }
  std::optional<SocketAddress> mappedAddress() const;
  /// XOR-MAPPED-ADDRESS, or else the MAPPED-ADDRESS of an RFC 3489 server.
  std::optional<SocketAddress> reflexiveAddress() const;
  /// Any attribute in the format of XOR-MAPPED-ADDRESS (also XOR-PEER-ADDRESS, XOR-RELAYED-ADDRESS).
  std::optional<SocketAddress> xorAddress(AttributeType type) const;
  std::optional<ErrorCode> errorCode() const;
  std::vector<uint16_t> unknownAttributes() const;  ///< of a 420 response
  std::optional<uint32_t> number32(AttributeType type) const;
  std::optional<uint32_t> priority() const { return number32(AttributeType::priority); }
  bool useCandidate() const { return has(AttributeType::use_candidate); }
  std::optional<uint64_t> iceControlling() const { return number64(AttributeType::ice_controlling); }
  std::optional<uint64_t> iceControlled() const { return number64(AttributeType::ice_controlled); }

  /// The comprehension-required types (0x0000..0x7FFF) that AttributeType does not name (RFC 8489 §6.3). Empty for
  /// nearly every message, and allocates only when it is not.
  std::vector<uint16_t> unknownRequired() const;

  /// FINGERPRINT against the CRC-32 of what precedes it (RFC 8489 §14.7).
  Check fingerprint() const;
  /// MESSAGE-INTEGRITY against HMAC-SHA1 under `key` (RFC 8489 §14.5); compares in constant time. The key of a
  /// short-term credential is the password itself (§9.1.1).
  Check integrity(ByteView key) const;
  Check integrity(std::string_view key) const { return integrity(asBytes(key)); }

 private:
  struct Slot {
    uint16_t type;
    uint16_t offset;  ///< of the value
    uint16_t length;  ///< of the value, without padding
  };

  const Slot* slot(AttributeType type) const;
  std::optional<std::string_view> text(AttributeType type) const;
  std::optional<uint64_t> number64(AttributeType type) const;

  ByteView data_;
  TransactionId id_;
  Class class_ = Class::request;
  Method method_ = Method::binding;
  uint8_t count_ = 0;
  std::array<Slot, kMaxAttributes> slots_;
};

/// Writes one message to the end of `out`, attribute by attribute; the header's length is right after each call.
/// MESSAGE-INTEGRITY and FINGERPRINT, where wanted, are the last two calls.
class Builder {
 public:
  Builder(Bytes& out, Class messageClass, Method method, const TransactionId& id);

  Builder& attribute(AttributeType type, ByteView value);
  Builder& attribute(AttributeType type, std::string_view value) { return attribute(type, asBytes(value)); }
  Builder& number32(AttributeType type, uint32_t value);
  Builder& number64(AttributeType type, uint64_t value);
  Builder& address(AttributeType type, const SocketAddress& address);     ///< MAPPED-ADDRESS's format
  Builder& xorAddress(AttributeType type, const SocketAddress& address);  ///< XOR-MAPPED-ADDRESS's format
  Builder& errorCode(int code, std::string_view reason);
  Builder& unknownAttributes(const std::vector<uint16_t>& types);

  Builder& username(std::string_view value) { return attribute(AttributeType::username, value); }
  Builder& software(std::string_view value) { return attribute(AttributeType::software, value); }
  Builder& priority(uint32_t value) { return number32(AttributeType::priority, value); }
  Builder& useCandidate() { return attribute(AttributeType::use_candidate, ByteView{}); }
  Builder& iceControlling(uint64_t tiebreaker) { return number64(AttributeType::ice_controlling, tiebreaker); }
  Builder& iceControlled(uint64_t tiebreaker) { return number64(AttributeType::ice_controlled, tiebreaker); }

  Builder& integrity(ByteView key);
  Builder& integrity(std::string_view key) { return integrity(asBytes(key)); }
  Builder& fingerprint();

 private:
  /// Writes an attribute's header and updates the message's length; the caller appends `length` bytes and pads.
  void begin(AttributeType type, size_t length);
  void pad();

  Bytes& out_;
  size_t start_;
};

/// CRC-32 of ISO/IEC 13239 (polynomial 0x04C11DB7 reflected), as FINGERPRINT uses it before the XOR with 0x5354554e.
uint32_t crc32(ByteView data);

}  // namespace peerage::stun

template <>
struct std::hash<peerage::stun::TransactionId> {
  size_t operator()(const peerage::stun::TransactionId& id) const noexcept {
    // Ids that we look up are random bits of our own making, so any eight of their bytes are a hash.
    size_t value;
    std::memcpy(&value, id.bytes.data(), sizeof value);
    return value;
  }
};
