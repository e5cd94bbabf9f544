// A smaller picture for RTCRtpEncodingParameters.scaleResolutionDownBy.
#pragma once

#include <memory>

#include "peerage/frames.hpp"

namespace peerage::engine {

/// Each plane averaged over the area that a pixel of the result covers. `factor` >= 1; the result is even-sized, and no
/// smaller than 2x2.
std::shared_ptr<I420Buffer> downscale(const I420Buffer& picture, double factor);

}  // namespace peerage::engine
