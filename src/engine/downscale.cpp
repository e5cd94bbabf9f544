#include "engine/downscale.hpp"

#include <algorithm>
#include <cstddef>

namespace peerage::engine {

namespace {

struct Plane {
  const uint8_t* data;
  int stride, width, height;
};

void scalePlane(const Plane& in, uint8_t* out, int outStride, int width, int height) {
  for (int y = 0; y < height; ++y) {
    const int top = static_cast<int>(int64_t{y} * in.height / height);
    const int bottom = std::max(top + 1, static_cast<int>(int64_t{y + 1} * in.height / height));
    for (int x = 0; x < width; ++x) {
      const int left = static_cast<int>(int64_t{x} * in.width / width);
      const int right = std::max(left + 1, static_cast<int>(int64_t{x + 1} * in.width / width));
      uint32_t sum = 0;
      for (int row = top; row < bottom; ++row) {
        const uint8_t* p = in.data + static_cast<ptrdiff_t>(row) * in.stride;
        for (int column = left; column < right; ++column) sum += p[column];
      }
      const auto area = static_cast<uint32_t>((bottom - top) * (right - left));
      out[static_cast<ptrdiff_t>(y) * outStride + x] = static_cast<uint8_t>((sum + area / 2) / area);
    }
  }
}

}  // namespace

std::shared_ptr<I420Buffer> downscale(const I420Buffer& picture, double factor) {
  const auto shrink = [&](int size) { return std::max(2, static_cast<int>(size / std::max(1.0, factor)) & ~1); };
  const int width = std::min(shrink(picture.width()), std::max(1, picture.width()));
  const int height = std::min(shrink(picture.height()), std::max(1, picture.height()));
  auto out = I420Buffer::create(width, height);
  const int cw = picture.chromaWidth(), ch = picture.chromaHeight();
  scalePlane({picture.y(), picture.strideY(), picture.width(), picture.height()}, out->y(), out->strideY(), width,
             height);
  scalePlane({picture.u(), picture.strideUV(), cw, ch}, out->u(), out->strideUV(), out->chromaWidth(),
             out->chromaHeight());
  scalePlane({picture.v(), picture.strideUV(), cw, ch}, out->v(), out->strideUV(), out->chromaWidth(),
             out->chromaHeight());
  return out;
}

}  // namespace peerage::engine
