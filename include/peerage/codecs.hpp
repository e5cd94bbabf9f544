// The codecs that come with the library: VP8 through libvpx, Opus through libopus. Link peerage_codecs.
#pragma once

#include <memory>

namespace peerage {

namespace media {
class CodecFactory;
}

/// VP8 and Opus. One immutable factory for the whole program; any thread may call, any number of connections may
/// share it.
std::shared_ptr<const media::CodecFactory> builtinCodecs();

}  // namespace peerage
