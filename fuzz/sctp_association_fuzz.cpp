// links: base sctp
// Two associations and a program of operations from the input: calls, lost and reordered packets, packets of the
// fuzzer's own with the right ports, tag and checksum, and time. It starts in any state of the handshake.
#include <algorithm>
#include <cstdlib>
#include <deque>

#include "sctp/association.hpp"
#include "sctp/packet/chunks.hpp"
#include "sctp/packet/crc32c.hpp"

using namespace peerage;
using namespace peerage::sctp;

namespace {

struct Side {
  explicit Side(uint64_t seed, const Options& options) : random(seed), association(options, random) {}
  SeededRandom random;
  Association association;
  std::deque<Bytes> inbox;
  uint32_t tag = 0;       ///< that packets to it must bear
  uint32_t nextTsn = 0;   ///< near what the other side sends next
};

void require(bool holds) {
  if (!holds) std::abort();
}

// Notes tag and TSN of what goes by, so that forged chunks can come close.
void observe(Side& from, Side& to, const Bytes& packet) {
  ChunkReader reader(ByteView(packet).subspan(kCommonHeaderSize));
  while (const auto chunk = reader.next()) {
    const auto type = static_cast<ChunkType>(chunk->type);
    if (type == ChunkType::init || type == ChunkType::init_ack) {
      const auto init = InitChunk::parse(*chunk);
      require(init.has_value());
      from.tag = init->tag;
      to.nextTsn = init->initialTsn;
    } else if (type == ChunkType::data) {
      to.nextTsn = DataChunk::parse(*chunk)->tsn + 1;
    }
  }
  require(!reader.malformed());
}

void drain(Side& from, Side& to) {
  Bytes packet;
  int packets = 0;
  while (from.association.pollTransmit(packet)) {
    require(packet.size() <= from.association.options().mtu);
    require(++packets < 5000);
    observe(from, to, packet);
    if (to.inbox.size() < 200) to.inbox.push_back(packet);
  }
  while (from.association.pollEvent()) {
  }
  const Stats stats = from.association.stats();
  require(stats.bytesInFlight <= (size_t{1} << 30) && stats.congestionWindow <= (size_t{1} << 32));
  require(from.association.state() != State::ended || !from.association.nextTimeout());
}

class Program {
 public:
  explicit Program(ByteView input) : input_(input) {}
  uint8_t next() { return input_.u8().value_or(0); }
  bool over() const { return input_.empty(); }
  ByteView take(size_t count) { return *input_.bytes(std::min(count, input_.remaining())); }

 private:
  ByteReader input_;
};

void forge(Side& to, Program& program, Timestamp now) {
  const uint8_t type = program.next();
  const uint8_t flags = program.next();
  const int8_t near = static_cast<int8_t>(program.next());
  const ByteView body = program.take(program.next());
  Bytes packet;
  CommonHeader{5000, 5000, type == 1 ? 0 : to.tag}.write(packet);
  {
    ChunkWriter chunk(packet, static_cast<ChunkType>(type), flags);
    ByteWriter writer(packet);
    // DATA, SACK, FORWARD TSN and SHUTDOWN begin with a TSN: one near what is expected reaches further in.
    if (type == 0 || type == 3 || type == 7 || type == 192) writer.u32(to.nextTsn + static_cast<uint32_t>(near));
    writer.bytes(body);
  }
  storeChecksum(&packet[8], packetChecksum(packet));
  to.association.handleInput(now, packet);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Program program(ByteView(data, std::min<size_t>(size, 4096)));
  Options options;
  const uint8_t setup = program.next();
  options.receiveWindow = setup & 1 ? 5000 : 1 << 20;
  options.mtu = setup & 2 ? 300 : 1191;
  options.zeroChecksum = setup & 4;
  options.maxReceiveMessageSize = setup & 8 ? 2000 : 262144;
  Side a(1, options), b(2, options);
  Timestamp now{1s};
  if (setup & 16) a.association.connect(now);
  if (setup & 32) b.association.connect(now);
  const auto drainBoth = [&] {
    drain(a, b);
    drain(b, a);
  };
  drainBoth();
  for (int i = setup >> 6; i > 0; --i) {  // some steps of the handshake
    for (Side* side : {&a, &b}) {
      if (side->inbox.empty()) continue;
      const Bytes packet = std::move(side->inbox.front());
      side->inbox.pop_front();
      side->association.handleInput(now, packet);
      drainBoth();
    }
  }
  while (!program.over()) {
    const uint8_t op = program.next();
    Side& side = op & 0x80 ? a : b;
    switch (op & 0x0F) {
      case 0:
      case 1:
      case 2: {
        SendOptions limits{.unordered = (op & 0x10) != 0};
        if (op & 0x20) limits.maxRetransmits = op & 1;
        if (op & 0x40) limits.lifetime = 100ms;
        const uint8_t length = program.next();
        side.association.send(now, StreamId(program.next() % 8), Ppid(53), Bytes(size_t{length} * 20), limits);
        break;
      }
      case 3: {
        const StreamId streams[] = {StreamId(program.next() % 8)};
        side.association.resetStreams(now, streams);
        break;
      }
      case 4:
      case 5:
      case 6:
      case 7:  // deliver, perhaps not the first
        if (!side.inbox.empty()) {
          const auto at = side.inbox.begin() + (op & 0x10 ? program.next() % side.inbox.size() : 0);
          const Bytes packet = std::move(*at);
          side.inbox.erase(at);
          side.association.handleInput(now, packet);
        }
        break;
      case 8:
        if (!side.inbox.empty()) side.inbox.pop_front();
        break;
      case 9: {  // as it is, or flipped
        if (side.inbox.empty()) break;
        Bytes packet = side.inbox.front();
        packet[program.next() % packet.size()] ^= program.next();
        if (op & 0x10) storeChecksum(&packet[8], packetChecksum(packet));
        side.association.handleInput(now, packet);
        break;
      }
      case 10:
        now += Duration(1ms) * program.next() * (op & 0x10 ? 20 : 1);
        side.association.handleTimeout(now);
        break;
      case 11:
        if (const auto timeout = side.association.nextTimeout()) {
          now = std::max(now, timeout->at);
          side.association.handleTimeout(now);
          drainBoth();
          const auto again = side.association.nextTimeout();
          require(!again || again->at > now);  // a timer that has been served does not fire for ever
        }
        break;
      case 12:
      case 13:
        forge(side, program, now);
        break;
      case 14:
        side.association.handleInput(now, program.take(program.next()));
        break;
      case 15:
        if (op & 0x10) side.association.connect(now);
        if ((op & 0x60) == 0x60) side.association.shutdown(now);
        if ((op & 0x70) == 0x20) side.association.abort(now, "fuzz");
        break;
    }
    drainBoth();
  }
  return 0;
}
