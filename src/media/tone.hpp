// A sine to send, and the means to recognise it in what arrives.
#pragma once

#include <cstdint>
#include <span>

namespace peerage::media {

/// A sine of `hertz` at 48 kHz whose phase goes on from call to call and is a pure function of the sample's number.
class ToneGenerator {
 public:
  /// `amplitude` of full scale, 0 to 1; `channels` 1 or 2, all alike.
  explicit ToneGenerator(double hertz, int channels = 1, double amplitude = 0.3)
      : hertz_(hertz), channels_(channels), amplitude_(amplitude) {}

  /// Fills interleaved samples and moves on.
  void fill(std::span<int16_t> out);
  /// Number of the sample that the next fill() begins with.
  int64_t position() const { return position_; }
  void seek(int64_t sample) { position_ = sample; }

 private:
  double hertz_;
  int channels_;
  double amplitude_;
  int64_t position_ = 0;
};

/// How much of the energy of channel 0 is at `hertz` (Goertzel's algorithm under a Hann window): 0 for silence and
/// for other sounds, near 1 for a pure tone of that frequency. Give it 20 ms or more of 48 kHz.
double toneShare(std::span<const int16_t> samples, int channels, double hertz);
/// The frequency in [low, high] Hz of the strongest tone, to about 1 Hz when 100 ms or more are given; 0 for silence.
double strongestTone(std::span<const int16_t> samples, int channels, double low = 50, double high = 4000);

}  // namespace peerage::media
