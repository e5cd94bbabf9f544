#include "codecs/scale.hpp"

#include <libyuv/scale.h>

#include <string>

namespace peerage::codecs {

Result<> scaleI420Into(const I420Buffer& from, I420Buffer& to) {
  const int status = libyuv::I420Scale(from.y(), from.strideY(), from.u(), from.strideUV(), from.v(), from.strideUV(),
                                       from.width(), from.height(), to.y(), to.strideY(), to.u(), to.strideUV(), to.v(),
                                       to.strideUV(), to.width(), to.height(), libyuv::kFilterBox);
  if (status == 0) return {};
  return failure("scaling " + std::to_string(from.width()) + "x" + std::to_string(from.height()) + " to " +
                 std::to_string(to.width()) + "x" + std::to_string(to.height()) + " failed with status " +
                 std::to_string(status));
}

Result<std::shared_ptr<I420Buffer>> scaleI420(const I420Buffer& picture, int width, int height) {
  constexpr int kMost = 16384;
  if (width < 1 || width > kMost || height < 1 || height > kMost) {
    return failure("scaling to " + std::to_string(width) + "x" + std::to_string(height) + ", each side is 1 to 16384");
  }
  auto scaled = I420Buffer::create(width, height);
  if (auto result = scaleI420Into(picture, *scaled); !result) return std::unexpected(result.error());
  return scaled;
}

}  // namespace peerage::codecs
