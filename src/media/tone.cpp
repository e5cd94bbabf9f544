#include "media/tone.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "media/codec.hpp"

namespace peerage::media {

namespace {

/// Channel 0 under a Hann window.
std::vector<double> windowed(std::span<const int16_t> samples, int channels) {
  const size_t count = channels > 0 ? samples.size() / static_cast<size_t>(channels) : 0;
  std::vector<double> out(count);
  for (size_t i = 0; i < count; ++i) {
    const double phase = 2 * std::numbers::pi * (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    out[i] = samples[i * static_cast<size_t>(channels)] * (0.5 - 0.5 * std::cos(phase));
  }
  return out;
}

double energy(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  return sum;
}

/// |X(f)|² by Goertzel's recursion.
double powerAt(const std::vector<double>& x, double hertz) {
  const double factor = 2 * std::cos(2 * std::numbers::pi * hertz / kAudioSampleRate);
  double s1 = 0, s2 = 0;
  for (const double v : x) {
    const double s0 = v + factor * s1 - s2;
    s2 = s1;
    s1 = s0;
  }
  return s1 * s1 + s2 * s2 - factor * s1 * s2;
}

}  // namespace

void ToneGenerator::fill(std::span<int16_t> out) {
  const auto channels = static_cast<size_t>(channels_);
  for (size_t i = 0; i + channels <= out.size(); i += channels, ++position_) {
    // Whole seconds are taken off first, so that the phase stays exact for days.
    const auto second = static_cast<double>(position_ / kAudioSampleRate);
    const auto rest = static_cast<double>(position_ % kAudioSampleRate) / kAudioSampleRate;
    const double turns = std::fmod(second * std::fmod(hertz_, 1.0), 1.0) + hertz_ * rest;
    const double value = amplitude_ * 32767 * std::sin(2 * std::numbers::pi * turns);
    std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(i), channels, static_cast<int16_t>(std::lround(value)));
  }
}

double toneShare(std::span<const int16_t> samples, int channels, double hertz) {
  const auto x = windowed(samples, channels);
  const double total = energy(x);
  if (total < 1) return 0;
  // A pure tone under a Hann window of N samples has |X(f)|² = (A N / 4)² and energy 3 A² N / 16.
  return std::min(1.0, powerAt(x, hertz) * 3 / (total * static_cast<double>(x.size())));
}

double strongestTone(std::span<const int16_t> samples, int channels, double low, double high) {
  const auto x = windowed(samples, channels);
  if (energy(x) < 1) return 0;
  const double coarse = std::max(1.0, kAudioSampleRate / static_cast<double>(x.size()));
  double best = low, most = -1;
  const auto scan = [&](double from, double to, double step) {
    for (double f = from; f <= to; f += step) {
      const double power = powerAt(x, f);
      if (power > most) {
        most = power;
        best = f;
      }
    }
  };
  scan(low, high, coarse);
  scan(std::max(low, best - coarse), std::min(high, best + coarse), coarse / 32);
  return best;
}

}  // namespace peerage::media
