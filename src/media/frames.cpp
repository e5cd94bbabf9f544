#include "peerage/frames.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace peerage {

namespace {
constexpr int kMaxDimension = 16384;
constexpr uint8_t kBlackLuma = 16;  // ITU-R BT.601, studio range
constexpr uint8_t kNoColour = 128;

size_t pictureBytes(int width, int height) {
  const size_t chroma = size_t((width + 1) / 2) * size_t((height + 1) / 2);
  return size_t(width) * size_t(height) + 2 * chroma;
}
}  // namespace

I420Buffer::I420Buffer(int width, int height)
    : width_(width), height_(height), data_(pictureBytes(width, height), kBlackLuma) {
  std::fill(data_.begin() + width * std::ptrdiff_t{height}, data_.end(), kNoColour);
}

std::shared_ptr<I420Buffer> I420Buffer::create(int width, int height) {
  if (width < 1 || width > kMaxDimension || height < 1 || height > kMaxDimension) {
    throw std::invalid_argument("picture of " + std::to_string(width) + "x" + std::to_string(height) +
                                " pixels: each side is 1 to " + std::to_string(kMaxDimension));
  }
  return std::shared_ptr<I420Buffer>(new I420Buffer(width, height));
}

}  // namespace peerage
