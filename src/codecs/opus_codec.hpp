// Opus by libopus.
#pragma once

#include <memory>

#include "media/codec.hpp"

namespace peerage::codecs {

Result<std::unique_ptr<media::AudioEncoder>> createOpusEncoder(const media::AudioEncoderConfig& config);
/// `channels` is 1 or 2.
Result<std::unique_ptr<media::AudioDecoder>> createOpusDecoder(int channels);

}  // namespace peerage::codecs
