// Scaling pictures, by libyuv.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "peerage/frames.hpp"

namespace peerage::codecs {

/// A copy of `picture` at another size; its sides are independent. Fails for a side outside 1 to 16384.
Result<std::shared_ptr<I420Buffer>> scaleI420(const I420Buffer& picture, int width, int height);

/// Scales into a picture of the size wanted.
Result<> scaleI420Into(const I420Buffer& from, I420Buffer& to);

}  // namespace peerage::codecs
