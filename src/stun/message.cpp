#include "stun/message.hpp"

#include <algorithm>

#include "crypto/hmac.hpp"

namespace peerage::stun {
namespace {

constexpr size_t kIntegritySize = 20;
/// RFC 8489 §14.7: the CRC-32 is XORed with this, so that it differs from that of an application on the same port.
constexpr uint32_t kFingerprintXor = 0x5354554E;
/// RFC 8489 §14.8: fewer than 128 characters of UTF-8, up to 763 bytes when decoding.
constexpr size_t kMaxReason = 763;

constexpr uint16_t number(AttributeType type) { return static_cast<uint16_t>(type); }

/// RFC 8489 §5: the 12 bits of the method and the two of the class lie interleaved,
/// M11..M7 C1 M6..M4 C0 M3..M0.
constexpr uint16_t encodeType(Class c, Method m) {
  const auto method = static_cast<uint16_t>(m);
  const auto cls = static_cast<uint16_t>(c);
  return static_cast<uint16_t>((method & 0x0F) | (method & 0x70) << 1 | (method & 0xF80) << 2 | (cls & 1) << 4 |
                               (cls & 2) << 7);
}
constexpr Class decodeClass(uint16_t type) { return static_cast<Class>((type >> 4 & 1) | (type >> 7 & 2)); }
constexpr Method decodeMethod(uint16_t type) {
  return static_cast<Method>((type & 0x0F) | (type >> 1 & 0x70) | (type >> 2 & 0xF80));
}
static_assert(encodeType(Class::error, Method::binding) == 0x0111);
static_assert(encodeType(Class::success, Method::channel_bind) == 0x0109);
static_assert(decodeMethod(0x0113) == Method::allocate && decodeClass(0x0113) == Class::error);

bool isKnownRequired(uint16_t type) {
  switch (static_cast<AttributeType>(type)) {
    case AttributeType::mapped_address:
    case AttributeType::username:
    case AttributeType::message_integrity:
    case AttributeType::error_code:
    case AttributeType::unknown_attributes:
    case AttributeType::channel_number:
    case AttributeType::lifetime:
    case AttributeType::xor_peer_address:
    case AttributeType::data:
    case AttributeType::realm:
    case AttributeType::nonce:
    case AttributeType::xor_relayed_address:
    case AttributeType::requested_address_family:
    case AttributeType::even_port:
    case AttributeType::requested_transport:
    case AttributeType::dont_fragment:
    case AttributeType::message_integrity_sha256:
    case AttributeType::password_algorithm:
    case AttributeType::userhash:
    case AttributeType::xor_mapped_address:
    case AttributeType::reservation_token:
    case AttributeType::priority:
    case AttributeType::use_candidate:
      return true;
    default:
      return false;
  }
}

/// XORs an address's bytes in place with the cookie and, for IPv6, the transaction id behind it (RFC 8489 §14.2).
void xorBytes(std::span<uint8_t> bytes, const TransactionId& id) {
  std::array<uint8_t, 16> mask;
  storeU32(mask.data(), kMagicCookie);
  std::copy(id.bytes.begin(), id.bytes.end(), mask.begin() + 4);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] ^= mask[i];
}

/// 0 (8 bits), family (8), port (16), address (32 or 128): RFC 8489 §14.1.
std::optional<SocketAddress> readAddress(ByteView value, const TransactionId* mask) {
  if (value.size() < 8) return std::nullopt;
  const size_t size = value[1] == 1 ? 4 : value[1] == 2 ? 16 : 0;
  if (size == 0 || value.size() != 4 + size) return std::nullopt;
  std::array<uint8_t, 16> bytes{};
  std::copy_n(value.begin() + 4, size, bytes.begin());
  uint16_t port = loadU16(value.data() + 2);
  if (mask) {
    xorBytes(std::span(bytes).first(size), *mask);
    port ^= kMagicCookie >> 16;
  }
  return SocketAddress{*IpAddress::fromBytes(ByteView(bytes).first(size)), port};
}

constexpr std::array<uint32_t, 256> makeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value & 1 ? value >> 1 ^ 0xEDB88320 : value >> 1;
    table[i] = value;
  }
  return table;
}
constexpr auto kCrcTable = makeCrcTable();

uint32_t crcUpdate(uint32_t crc, ByteView data) {
  for (uint8_t byte : data) crc = crc >> 8 ^ kCrcTable[(crc ^ byte) & 0xFF];
  return crc;
}

/// MESSAGE-INTEGRITY and FINGERPRINT are computed as if the message ended with them (RFC 8489 §14.5, §14.7): over a
/// header whose length says so, and the attributes before.
std::array<uint8_t, kHeaderSize> headerEndingAt(ByteView message, size_t end) {
  std::array<uint8_t, kHeaderSize> header;
  std::copy_n(message.begin(), kHeaderSize, header.begin());
  storeU16(header.data() + 2, static_cast<uint16_t>(end - kHeaderSize));
  return header;
}

}  // namespace

uint32_t crc32(ByteView data) { return ~crcUpdate(0xFFFFFFFF, data); }

TransactionId TransactionId::random(RandomSource& random) {
  TransactionId id;
  random.fill(id.bytes);
  return id;
}

std::string_view toString(ParseError error) {
  switch (error) {
    case ParseError::too_short: return "shorter than a STUN header";
    case ParseError::too_long: return "longer than any STUN message";
    case ParseError::not_stun: return "no magic cookie";
    case ParseError::bad_length: return "the length field is not the datagram's";
    case ParseError::truncated_attribute: return "an attribute reaches past the end";
    case ParseError::too_many_attributes: return "too many attributes";
  }
  return "";
}

bool looksLikeStun(ByteView data) {
  return data.size() >= kHeaderSize && (data[0] & 0xC0) == 0 && loadU32(data.data() + 4) == kMagicCookie;
}

std::expected<Message, ParseError> Message::parse(ByteView data) {
  if (data.size() < kHeaderSize) return std::unexpected(ParseError::too_short);
  if (!looksLikeStun(data)) return std::unexpected(ParseError::not_stun);
  if (data.size() > kMaxMessageSize) return std::unexpected(ParseError::too_long);
  const size_t length = loadU16(data.data() + 2);
  if (length % 4 != 0 || kHeaderSize + length != data.size()) return std::unexpected(ParseError::bad_length);

  Message message;
  message.data_ = data;
  message.class_ = decodeClass(loadU16(data.data()));
  message.method_ = decodeMethod(loadU16(data.data()));
  std::copy_n(data.begin() + 8, 12, message.id_.bytes.begin());
  bool authenticated = false;  // MESSAGE-INTEGRITY has been passed
  size_t seen = 0;
  for (size_t at = kHeaderSize; at < data.size();) {
    // The total is a multiple of four and so is every step: four bytes are left for an attribute's header.
    const uint16_t type = loadU16(data.data() + at);
    const size_t size = loadU16(data.data() + at + 2);
    const size_t padded = (size + 3) & ~size_t{3};
    if (padded > data.size() - at - 4) return std::unexpected(ParseError::truncated_attribute);
    if (++seen > kMaxAttributes) return std::unexpected(ParseError::too_many_attributes);
    const bool checksum = type == number(AttributeType::fingerprint) ||
                          type == number(AttributeType::message_integrity_sha256);
    if (!authenticated || checksum) {
      message.slots_[message.count_++] = {type, static_cast<uint16_t>(at + 4), static_cast<uint16_t>(size)};
    }
    authenticated = authenticated || type == number(AttributeType::message_integrity);
    at += 4 + padded;
  }
  return message;
}

const Message::Slot* Message::slot(AttributeType type) const {
  for (size_t i = 0; i < count_; ++i) {
    if (slots_[i].type == number(type)) return &slots_[i];
  }
  return nullptr;
}

std::optional<ByteView> Message::find(AttributeType type) const {
  const Slot* found = slot(type);
  if (!found) return std::nullopt;
  return data_.subspan(found->offset, found->length);
}

std::optional<std::string_view> Message::text(AttributeType type) const {
  const auto value = find(type);
  if (!value || value->size() > kMaxReason) return std::nullopt;  // no text attribute may be longer than that
  return asText(*value);
}

std::optional<uint32_t> Message::number32(AttributeType type) const {
  const auto value = find(type);
  if (!value || value->size() != 4) return std::nullopt;
  return loadU32(value->data());
}

std::optional<uint64_t> Message::number64(AttributeType type) const {
  const auto value = find(type);
  if (!value || value->size() != 8) return std::nullopt;
  return uint64_t{loadU32(value->data())} << 32 | loadU32(value->data() + 4);
}

std::optional<SocketAddress> Message::mappedAddress() const {
  const auto value = find(AttributeType::mapped_address);
  return value ? readAddress(*value, nullptr) : std::nullopt;
}

std::optional<SocketAddress> Message::xorAddress(AttributeType type) const {
  const auto value = find(type);
  return value ? readAddress(*value, &id_) : std::nullopt;
}

std::optional<SocketAddress> Message::reflexiveAddress() const {
  const auto address = xorMappedAddress();
  return address ? address : mappedAddress();
}

/// 21 reserved bits, class (3 bits, the hundreds), number (8 bits, 0..99), reason: RFC 8489 §14.8.
std::optional<ErrorCode> Message::errorCode() const {
  const auto value = find(AttributeType::error_code);
  if (!value || value->size() < 4 || value->size() > 4 + kMaxReason) return std::nullopt;
  const int hundreds = (*value)[2] & 7;
  const int rest = (*value)[3];
  if (hundreds < 3 || hundreds > 6 || rest > 99) return std::nullopt;
  return ErrorCode{hundreds * 100 + rest, asText(value->subspan(4))};
}

std::vector<uint16_t> Message::unknownAttributes() const {
  std::vector<uint16_t> types;
  const auto value = find(AttributeType::unknown_attributes);
  if (!value) return types;
  for (size_t at = 0; at + 2 <= value->size() && types.size() < kMaxAttributes; at += 2) {
    types.push_back(loadU16(value->data() + at));
  }
  return types;
}

std::vector<uint16_t> Message::unknownRequired() const {
  std::vector<uint16_t> types;
  for (size_t i = 0; i < count_; ++i) {
    const uint16_t type = slots_[i].type;
    if (type < 0x8000 && !isKnownRequired(type) && std::ranges::find(types, type) == types.end()) types.push_back(type);
  }
  return types;
}

Check Message::fingerprint() const {
  const Slot* found = slot(AttributeType::fingerprint);
  if (!found) return Check::absent;
  // RFC 8489 §14.7: it must be the last attribute.
  if (found->length != 4 || size_t{found->offset} + 4 != data_.size()) return Check::invalid;
  // As the last attribute its message's length field is already right.
  const uint32_t expected = crc32(data_.first(found->offset - 4u)) ^ kFingerprintXor;
  return loadU32(data_.data() + found->offset) == expected ? Check::valid : Check::invalid;
}

Check Message::integrity(ByteView key) const {
  const Slot* found = slot(AttributeType::message_integrity);
  if (!found) return Check::absent;
  if (found->length != kIntegritySize) return Check::invalid;
  const auto header = headerEndingAt(data_, found->offset + kIntegritySize);
  const ByteView attributes = data_.subspan(kHeaderSize, found->offset - 4u - kHeaderSize);
  const auto expected = crypto::hmacSha1(key, {ByteView(header), attributes});
  const ByteView told = data_.subspan(found->offset, kIntegritySize);
  return crypto::equalConstantTime(expected, told) ? Check::valid : Check::invalid;
}

Builder::Builder(Bytes& out, Class messageClass, Method method, const TransactionId& id)
    : out_(out), start_(out.size()) {
  ByteWriter writer(out_);
  writer.u16(encodeType(messageClass, method));
  writer.u16(0);
  writer.u32(kMagicCookie);
  writer.bytes(id.bytes);
}

void Builder::begin(AttributeType type, size_t length) {
  ByteWriter writer(out_);
  writer.u16(number(type));
  writer.u16(static_cast<uint16_t>(length));
  const size_t padded = (length + 3) & ~size_t{3};
  writer.patchU16(start_ + 2, static_cast<uint16_t>(out_.size() - start_ - kHeaderSize + padded));
}

void Builder::pad() {
  while ((out_.size() - start_) % 4 != 0) out_.push_back(0);
}

Builder& Builder::attribute(AttributeType type, ByteView value) {
  begin(type, value.size());
  ByteWriter(out_).bytes(value);
  pad();
  return *this;
}

Builder& Builder::number32(AttributeType type, uint32_t value) {
  begin(type, 4);
  ByteWriter(out_).u32(value);
  return *this;
}

Builder& Builder::number64(AttributeType type, uint64_t value) {
  begin(type, 8);
  ByteWriter(out_).u64(value);
  return *this;
}

Builder& Builder::address(AttributeType type, const SocketAddress& address) {
  const ByteView ip = address.ip.bytes();
  begin(type, 4 + ip.size());
  ByteWriter writer(out_);
  writer.u8(0);
  writer.u8(address.ip.isV4() ? 1 : 2);
  writer.u16(address.port);
  writer.bytes(ip);
  return *this;
}

Builder& Builder::xorAddress(AttributeType type, const SocketAddress& address) {
  const SocketAddress masked{address.ip, static_cast<uint16_t>(address.port ^ kMagicCookie >> 16)};
  this->address(type, masked);
  TransactionId id;
  std::copy_n(out_.begin() + static_cast<std::ptrdiff_t>(start_) + 8, 12, id.bytes.begin());
  const size_t size = address.ip.bytes().size();
  xorBytes(std::span(out_).last(size), id);
  return *this;
}

Builder& Builder::errorCode(int code, std::string_view reason) {
  begin(AttributeType::error_code, 4 + reason.size());
  ByteWriter writer(out_);
  writer.u16(0);
  writer.u8(static_cast<uint8_t>(code / 100));
  writer.u8(static_cast<uint8_t>(code % 100));
  writer.bytes(asBytes(reason));
  pad();
  return *this;
}

Builder& Builder::unknownAttributes(const std::vector<uint16_t>& types) {
  begin(AttributeType::unknown_attributes, 2 * types.size());
  ByteWriter writer(out_);
  for (const uint16_t type : types) writer.u16(type);
  pad();
  return *this;
}

Builder& Builder::integrity(ByteView key) {
  const size_t end = out_.size();
  begin(AttributeType::message_integrity, kIntegritySize);  // the length now counts it, as the MAC wants
  const auto mac = crypto::hmacSha1(key, {ByteView(out_).subspan(start_, end - start_)});
  ByteWriter(out_).bytes(mac);
  return *this;
}

Builder& Builder::fingerprint() {
  const size_t end = out_.size();
  begin(AttributeType::fingerprint, 4);
  ByteWriter(out_).u32(crc32(ByteView(out_).subspan(start_, end - start_)) ^ kFingerprintXor);
  return *this;
}

}  // namespace peerage::stun
