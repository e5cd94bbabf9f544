// links: codecs media base
// Packets, each behind a byte that says what is done with it and a 16-bit length, for one decoder.
#include <cstdlib>

#include "media/codec.hpp"
#include "media/opus.hpp"
#include "peerage/codecs.hpp"

using namespace peerage;
using namespace peerage::media;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto factory = builtinCodecs();
  ByteReader reader({data, size});
  const int channels = 1 + (reader.u8().value_or(0) & 1);
  auto decoder = std::move(*factory->createAudioDecoder(factory->codecs(MediaKind::audio).front(), channels));
  std::vector<int16_t> pcm;
  for (int count = 0; count < 64; ++count) {
    const auto action = reader.u8();
    const auto length = reader.u16();
    if (!action || !length) return 0;
    const ByteView packet = *reader.bytes(std::min<size_t>(*length, reader.remaining()));
    pcm.clear();
    const auto samples = opusPacketSamples(packet);
    if (samples && (*samples < 120 || *samples > 5760)) std::abort();
    (void)decoder->hasFec(packet);
    Result<int> result = 0;
    switch (*action % 3) {
      case 0:
        result = decoder->decode(packet, pcm);
        if (result && result != samples) std::abort();
        break;
      case 1:
        result = decoder->decodeFec(packet, *action * 120, pcm);
        break;
      default:
        result = decoder->conceal(*action * 120, pcm);
    }
    if (result && pcm.size() != static_cast<size_t>(*result * channels)) std::abort();
    if (!result && !pcm.empty()) std::abort();
  }
  return 0;
}
