// Drawing on pictures: rectangles and text in a small font of its own.
#pragma once

#include <cstdint>
#include <string_view>

#include "peerage/frames.hpp"

namespace peerage::media {

/// A colour in studio range: luma 16 to 235, chroma 16 to 240.
struct Colour {
  uint8_t y = 235;
  uint8_t u = 128;
  uint8_t v = 128;
  friend bool operator==(const Colour&, const Colour&) = default;
};
inline constexpr Colour kWhite{235, 128, 128};
inline constexpr Colour kBlack{16, 128, 128};

/// Pixels of text at scale 1: each character is 5 x 7 in a cell of 6 x 9.
inline constexpr int kTextCellWidth = 6;
inline constexpr int kTextCellHeight = 9;

/// Fills what of the rectangle lies inside the picture.
void fillRect(I420Buffer& picture, int x, int y, int width, int height, Colour colour);
/// Writes one line of ASCII with its upper left corner at (x, y), on a box of `background`. Small letters look like
/// capitals; a character without glyph becomes an empty box. What lies outside the picture is cut off. `scale` is 1
/// to 64.
void drawText(I420Buffer& picture, int x, int y, std::string_view text, int scale, Colour colour = kWhite,
              Colour background = kBlack);

}  // namespace peerage::media
