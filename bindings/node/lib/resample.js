'use strict';
// Sound of any rate at 48 kHz, the rate of the library's sources.

/**
 * A function that takes pieces of interleaved samples of `rate` Hz and gives them at 48 kHz, one piece going on where the last
 * one ended: linear between neighbours, which is enough for the test tones and speech that programs push.
 */
function toRate48000(rate, channels) {
  const step = rate / 48000;
  let position = 0; // of the next sample to give, in frames of the present piece; -1..0 lies between the last piece and it
  let last = new Int16Array(channels);
  const resample = (samples) => {
    if (rate === 48000) return samples;
    const frames = Math.floor(samples.length / channels);
    if (frames === 0) return new Int16Array(0);
    const count = Math.max(0, Math.floor((frames - 1 - position) / step) + 1);
    const result = new Int16Array(count * channels);
    for (let i = 0; i < count; ++i, position += step) {
      const before = Math.floor(position);
      const part = position - before;
      for (let c = 0; c < channels; ++c) {
        const a = before < 0 ? last[c] : samples[before * channels + c];
        const b = part === 0 ? a : samples[(before + 1) * channels + c];
        result[i * channels + c] = Math.round(a + (b - a) * part);
      }
    }
    position -= frames;
    last = samples.slice((frames - 1) * channels, frames * channels);
    return result;
  };
  return Object.assign(resample, { rate, channels });
}

module.exports = { toRate48000 };
