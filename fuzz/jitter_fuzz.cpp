// links: media base
// Sequences of operations, at most 1000, on one of the two jitter buffers; the first byte chooses which.
#include <cstdlib>

#include "media/audio_jitter_buffer.hpp"
#include "media/video_jitter_buffer.hpp"
#include "media/vp8.hpp"

using namespace peerage;
using namespace peerage::media;

namespace {

constexpr int kMaxOperations = 1000;

void check(bool condition) {
  if (!condition) std::abort();
}

void video(ByteReader& in) {
  const VideoJitterConfig config{.maxPackets = 256, .maxBytes = 20'000};
  VideoJitterBuffer buffer(std::make_unique<Vp8Depacketizer>(), config);
  Timestamp now{};
  uint16_t sequence = 65'000;
  uint32_t timestamp = 0;
  bool keySeen = false;
  for (int count = 0; count < kMaxOperations; ++count) {
    const auto op = in.u8();
    if (!op) return;
    switch (*op & 3) {
      case 0:  // a packet whose payload comes from the input
      case 1: {
        const auto step = in.u8();
        if (!step) return;
        sequence = static_cast<uint16_t>(sequence + (*step & 0x80 ? (*step & 0x3f) - 32 : 1));
        if (*step & 0x40) timestamp += 3000;
        if (*op == 0x7c) sequence = static_cast<uint16_t>(sequence + *step * 256);
        const size_t length = *op >> 2 & 0x1f;
        const ByteView payload = in.bytes(std::min(length, in.remaining())).value_or(ByteView{});
        buffer.handleInput(now, {sequence, timestamp, (*op & 0x80) != 0, payload});
        break;
      }
      case 2:
        now += Duration(int64_t{*op} * 2'000'000);
        buffer.handleTimeout(now);
        break;
      default:
        if (*op == 0xff) {
          buffer.decoderFailed(now);
          keySeen = false;
        } else if (const auto timeout = buffer.nextTimeout()) {
          check(timeout->at > now);
          now = timeout->at;
          buffer.handleTimeout(now);
        }
    }
    while (auto event = buffer.pollEvent()) {
      if (auto* assembled = std::get_if<AssembledFrame>(&*event)) {
        keySeen = keySeen || assembled->frame.key;
        check(keySeen && !assembled->frame.data.empty() && assembled->packets > 0);
        check(assembled->firstArrival <= now);
        buffer.recycle(std::move(assembled->frame.data));
      }
    }
    check(buffer.heldPackets() <= config.maxPackets && buffer.heldBytes() <= config.maxBytes);
  }
}

/// Takes any packet: its first byte says how long it is, its second what works.
class AnyDecoder final : public AudioDecoder {
 public:
  int channels() const override { return 2; }
  Result<int> packetSamples(ByteView packet) const override {
    if (packet[0] == 0xff) return failure("no packet");
    return 120 << (packet[0] % 5);
  }
  bool hasFec(ByteView packet) const override { return packet.back() & 1; }
  Result<int> decode(ByteView packet, std::vector<int16_t>& out) override {
    if (packet.back() & 2) return failure("broken");
    return add(120 << (packet[0] % 5), packet.back(), out);
  }
  Result<int> decodeFec(ByteView packet, int samples, std::vector<int16_t>& out) override {
    if (packet.back() & 4) return failure("broken");
    check(samples > 0 && samples % 120 == 0);
    return add(samples, 1, out);
  }
  Result<int> conceal(int samples, std::vector<int16_t>& out) override {
    check(samples > 0 && samples % 120 == 0 && samples <= 5760);
    return add(samples, 0, out);
  }

 private:
  static Result<int> add(int samples, int value, std::vector<int16_t>& out) {
    for (int i = 0; i < samples * 2; ++i) out.push_back(static_cast<int16_t>(value * (i * 37 % 200 - 100)));
    return samples;
  }
};

void audio(ByteReader& in) {
  const AudioJitterConfig config{.maxPackets = 60};
  AudioJitterBuffer buffer(std::make_unique<AnyDecoder>(), config);
  Timestamp now{};
  uint16_t sequence = 65'500;
  uint32_t timestamp = 4'294'000'000u;
  std::vector<int16_t> out(480 * 2);
  for (int count = 0; count < kMaxOperations; ++count) {
    const auto op = in.u8();
    if (!op) return;
    switch (*op & 3) {
      case 0:
      case 1: {
        const auto kind = in.u8();
        if (!kind) return;
        const int step = *op & 0x80 ? (*op >> 2 & 0x1f) - 16 : 1;
        sequence = static_cast<uint16_t>(sequence + step);
        timestamp += static_cast<uint32_t>(step) * (120u << (*kind % 5));
        if (*op == 0x7d) timestamp += uint32_t{*kind} << 20;
        const uint8_t payload[] = {*kind, *op};
        buffer.handleInput(now, {sequence, timestamp, payload});
        break;
      }
      case 2:
        now += 10ms;
        buffer.pull(now, out);
        break;
      default:
        now += Duration(int64_t{*op} * 1'000'000);
    }
    const auto& stats = buffer.stats();
    check(buffer.heldPackets() <= config.maxPackets);
    check(stats.silentConcealedSamples <= stats.concealedSamples);
    check(buffer.targetDelay() >= config.minDelay && buffer.targetDelay() <= config.maxDelay);
    check(buffer.heldDelay() >= Duration{0} && buffer.heldDelay() <= 3s);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader in({data, size});
  const auto which = in.u8();
  if (!which) return 0;
  if (*which & 1) {
    audio(in);
  } else {
    video(in);
  }
  return 0;
}
