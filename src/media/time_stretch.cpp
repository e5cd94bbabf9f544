#include "media/time_stretch.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

namespace peerage::media {

namespace {

constexpr int kShortestLag = 120;  // 2.5 ms: the period of 400 Hz
constexpr int kLongestLag = 480;   // 10 ms: the period of 100 Hz
constexpr int kLeastSamples = 336;
constexpr double kAlike = 0.8;           // normalised correlation from which two stretches pass for one
constexpr double kQuiet = 64.0 * 64.0;   // mean square under which nobody hears the seam
constexpr int kCoarse = 4;

/// Normalised correlation of the piece with itself `lag` later; first channel only, every `step`th sample.
double likeness(std::span<const int16_t> piece, int channels, int lag, int window, int step) {
  double product = 0, a2 = 1, b2 = 1;
  for (int i = 0; i < window; i += step) {
    const double a = piece[static_cast<size_t>(i * channels)];
    const double b = piece[static_cast<size_t>((i + lag) * channels)];
    product += a * b;
    a2 += a * a;
    b2 += b * b;
  }
  return product / std::sqrt(a2 * b2);
}

/// The lag at which the piece resembles itself most; nullopt when it does too little.
std::optional<int> bestLag(std::span<const int16_t> piece, int channels, bool force) {
  const int samples = static_cast<int>(piece.size()) / channels;
  if (samples < kLeastSamples) return std::nullopt;
  const int longest = std::min(kLongestLag, samples / 2);
  const int window = samples - longest;
  double energy = 0;
  for (const int16_t s : piece) energy += double{static_cast<double>(s)} * s;
  if (energy / static_cast<double>(piece.size()) < kQuiet) return longest;
  int best = kShortestLag;
  double most = -2;
  const auto consider = [&](int lag, int step) {
    const double value = likeness(piece, channels, lag, window, step);
    if (value > most) {
      most = value;
      best = lag;
    }
  };
  for (int lag = kShortestLag; lag <= longest; lag += kCoarse) consider(lag, kCoarse);
  const int around = best;
  most = -2;
  const int high = std::min(longest, around + kCoarse);
  for (int lag = std::max(kShortestLag, around - kCoarse); lag <= high; ++lag) consider(lag, 1);
  if (most < kAlike && !force) return std::nullopt;
  return best;
}

int16_t faded(int16_t from, int16_t to, int at, int length) {
  return static_cast<int16_t>((from * (length - at) + to * at) / length);
}

}  // namespace

int cutPeriod(std::vector<int16_t>& pcm, size_t start, int channels, bool force) {
  const auto lag = bestLag(std::span(pcm).subspan(start), channels, force);
  if (!lag) return 0;
  const auto shift = static_cast<size_t>(*lag * channels);
  for (size_t i = 0; i < shift; ++i) {
    pcm[start + i] = faded(pcm[start + i], pcm[start + shift + i], static_cast<int>(i) / channels, *lag);
  }
  const auto from = pcm.begin() + static_cast<std::ptrdiff_t>(start + shift);
  pcm.erase(from, from + static_cast<std::ptrdiff_t>(shift));
  return *lag;
}

int repeatPeriod(std::vector<int16_t>& pcm, size_t start, int channels) {
  const auto lag = bestLag(std::span(pcm).subspan(start), channels, false);
  if (!lag) return 0;
  const auto shift = static_cast<size_t>(*lag * channels);
  std::vector<int16_t> extra(shift);
  for (size_t i = 0; i < shift; ++i) {
    extra[i] = faded(pcm[start + shift + i], pcm[start + i], static_cast<int>(i) / channels, *lag);
  }
  pcm.insert(pcm.begin() + static_cast<std::ptrdiff_t>(start + shift), extra.begin(), extra.end());
  return *lag;
}

}  // namespace peerage::media
