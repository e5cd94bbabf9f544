// VP8 by libvpx.
#pragma once

#include <memory>

#include "media/codec.hpp"

namespace peerage::codecs {

Result<std::unique_ptr<media::VideoEncoder>> createVp8Encoder(const media::VideoEncoderConfig& config);
Result<std::unique_ptr<media::VideoDecoder>> createVp8Decoder();

}  // namespace peerage::codecs
