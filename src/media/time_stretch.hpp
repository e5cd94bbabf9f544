// Makes a piece of audio one pitch period shorter or longer, hardly to be heard: two neighbouring stretches that look
// most alike are faded into one another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace peerage::media {

/// Removes one period (2.5 to 10 ms at 48 kHz) from the interleaved samples of `pcm` from index `start` to its end.
/// Returns the samples per channel removed: 0 when the piece is under 7 ms, or has no two stretches alike and `force`
/// is false.
int cutPeriod(std::vector<int16_t>& pcm, size_t start, int channels, bool force);
/// Repeats one period likewise; returns the samples per channel added.
int repeatPeriod(std::vector<int16_t>& pcm, size_t start, int channels);

}  // namespace peerage::media
