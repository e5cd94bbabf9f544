// A picture that is a pure function of a frame's number and time, and a stamp in it that a machine reads back from
// whatever a codec has made of it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "media/draw.hpp"

namespace peerage::media {

/// Colour bars, a ball that moves, the running time as "MM:SS.mmm", the frame number in figures and as a stamp.
void drawTestPicture(I420Buffer& picture, uint32_t frameNumber, Duration time);

/// Writes `value` as three rows of sixteen black and white blocks at the lower left, two fifths of the width across.
/// The blocks scale with the picture, so that a scaled picture reads as well. False, drawing nothing, below 80 x 60
/// pixels.
bool writeFrameStamp(I420Buffer& picture, uint32_t value);
/// Reads the stamp; nullopt when there is none, or its check bits say it was damaged.
std::optional<uint32_t> readFrameStamp(const I420Buffer& picture);

/// Peak signal-to-noise ratio of the luma planes in dB, 99 for equal ones; 0 for pictures of different size.
double lumaPsnr(const I420Buffer& a, const I420Buffer& b);

}  // namespace peerage::media
