// links: codecs media base
// The first byte chooses: a payload for the depacketizer, a frame to packetize and put together again, or frames
// (each behind a 16-bit length) for the decoder.
#include <cstdlib>

#include "base/random.hpp"
#include "media/codec.hpp"
#include "media/vp8.hpp"
#include "peerage/codecs.hpp"

using namespace peerage;
using namespace peerage::media;

namespace {

void depacketize(ByteView in) {
  const Vp8Depacketizer depacketizer;
  const auto result = depacketizer.parse(in);
  if (!result) return;
  if (result->data.empty() || result->data.data() + result->data.size() != in.data() + in.size()) std::abort();
}

void roundTrip(ByteView in) {
  if (in.size() < 3) return;
  SeededRandom random(in[0]);
  Vp8Packetizer packetizer(random);
  EncodedFrame frame;
  frame.info = Vp8FrameInfo{.nonReference = (in[0] & 1) != 0,
                            .temporalId = in[0] & 2 ? std::optional<uint8_t>(in[0] >> 6) : std::nullopt,
                            .layerSync = (in[0] & 4) != 0,
                            .tl0PicIdx = in[0] & 8 ? std::optional<uint8_t>(in[1]) : std::nullopt};
  frame.data.assign(in.begin() + 2, in.end());
  if (!packetizer.start(frame, kMinMaxPayload + in[1])) std::abort();
  const Vp8Depacketizer depacketizer;
  Bytes payload, together;
  while (packetizer.next(payload)) {
    const auto parsed = depacketizer.parse(payload);
    if (!parsed) std::abort();
    depacketizer.append(*parsed, together);
    payload.clear();
  }
  if (together != frame.data) std::abort();
}

void decode(ByteView in) {
  const auto factory = builtinCodecs();
  auto decoder = std::move(*factory->createVideoDecoder(factory->codecs(MediaKind::video).front()));
  ByteReader reader(in);
  for (int count = 0; count < 16; ++count) {
    const auto size = reader.u16();
    if (!size) return;
    const ByteView data = *reader.bytes(std::min<size_t>(*size, reader.remaining()));
    EncodedFrame frame;
    frame.data.assign(data.begin(), data.end());
    const auto header = Vp8FrameHeader::parse(data);
    if (header && header->key && header->width * header->height > 256 * 256) {
      frame.data[7] = frame.data[9] = 0;  // small pictures find as much in less time
    }
    const auto picture = decoder->decode(frame);
    if (picture && *picture && !(*picture)->buffer) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ByteView in(data + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      depacketize(in);
      break;
    case 1:
      roundTrip(in);
      break;
    default:
      decode(in);
  }
  return 0;
}
