#include "sctp/cookie.hpp"

#include <bit>

namespace peerage::sctp {

uint64_t sipHash24(std::array<uint64_t, 2> key, ByteView data) {
  std::array<uint64_t, 4> v = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
                               key[1] ^ 0x7465646279746573u};
  const auto rounds = [&v](int count) {
    for (; count > 0; --count) {
      v[0] += v[1], v[2] += v[3];
      v[1] = std::rotl(v[1], 13) ^ v[0], v[3] = std::rotl(v[3], 16) ^ v[2];
      v[0] = std::rotl(v[0], 32);
      v[2] += v[1], v[0] += v[3];
      v[1] = std::rotl(v[1], 17) ^ v[2], v[3] = std::rotl(v[3], 21) ^ v[0];
      v[2] = std::rotl(v[2], 32);
    }
  };
  const auto absorb = [&](uint64_t word) {
    v[3] ^= word;
    rounds(2);
    v[0] ^= word;
  };
  size_t at = 0;
  for (; at + 8 <= data.size(); at += 8) {
    uint64_t word = 0;
    for (size_t i = 8; i-- > 0;) word = word << 8 | data[at + i];
    absorb(word);
  }
  uint64_t last = uint64_t{data.size()} << 56;
  for (size_t i = 0; at + i < data.size(); ++i) last |= uint64_t{data[at + i]} << (8 * i);
  absorb(last);
  v[2] ^= 0xFF;
  rounds(4);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

CookieJar::CookieJar(RandomSource& random) : key_{random.u64(), random.u64()} {}

Bytes CookieJar::seal(const StateCookie& cookie) const {
  Bytes out;
  out.reserve(kSize);
  ByteWriter writer(out);
  writer.u64(static_cast<uint64_t>(cookie.issued.time_since_epoch().count()));
  for (const uint32_t value : {cookie.localTag, cookie.peerTag, cookie.localInitialTsn, cookie.peerInitialTsn,
                               cookie.peerWindow, cookie.localTieTag, cookie.peerTieTag}) {
    writer.u32(value);
  }
  writer.u16(cookie.outboundStreams);
  writer.u16(cookie.inboundStreams);
  writer.u8(static_cast<uint8_t>(cookie.forwardTsn | cookie.reconfig << 1 | cookie.zeroChecksum << 2));
  writer.u64(sipHash24(key_, out));
  return out;
}

std::optional<StateCookie> CookieJar::open(ByteView sealed) const {
  if (sealed.size() != kSize) return std::nullopt;
  ByteReader mac(sealed.last(8));
  if (*mac.u64() != sipHash24(key_, sealed.first(kSize - 8))) return std::nullopt;
  ByteReader reader(sealed);
  StateCookie cookie;
  cookie.issued = Timestamp(Duration(static_cast<int64_t>(*reader.u64())));
  for (uint32_t* value : {&cookie.localTag, &cookie.peerTag, &cookie.localInitialTsn, &cookie.peerInitialTsn,
                          &cookie.peerWindow, &cookie.localTieTag, &cookie.peerTieTag}) {
    *value = *reader.u32();
  }
  cookie.outboundStreams = *reader.u16();
  cookie.inboundStreams = *reader.u16();
  const uint8_t flags = *reader.u8();
  cookie.forwardTsn = flags & 1;
  cookie.reconfig = flags & 2;
  cookie.zeroChecksum = flags & 4;
  return cookie;
}

}  // namespace peerage::sctp
