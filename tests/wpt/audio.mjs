// The part of Web Audio that the tests' helpers use: an oscillator into a stream. What it makes is a real tone, given to
// the implementation's own audio source block by block.
import { performance } from 'node:perf_hooks';

const kSampleRate = 48000;
const kBlock = kSampleRate / 100;
const kAmplitude = 0.3 * 32767;
/** After a pause of the process the tone goes on from now, instead of catching up. */
const kMostBlocksAtOnce = 10;

/** The interfaces, made for an implementation: `sourceOf()` gives {track, write(Int16Array) or nothing}. */
export function webAudio(sourceOf, MediaStream) {
  class AudioNode extends EventTarget {
    constructor(context) {
      super();
      this.context = context;
    }
    connect(node) {
      node.inputs.push(this);
      return node;
    }
  }

  class OscillatorNode extends AudioNode {
    frequency = { value: 440 };
    #phase = 0;
    #running = false;
    start() {
      this.#running = true;
    }
    stop() {
      this.#running = false;
    }
    addTo(samples) {
      if (!this.#running) return;
      for (let i = 0; i < samples.length; i++) {
        samples[i] += kAmplitude * Math.sin(this.#phase);
        this.#phase += (2 * Math.PI * this.frequency.value) / kSampleRate;
      }
    }
  }

  class MediaStreamAudioDestinationNode extends AudioNode {
    inputs = [];
    constructor(context) {
      super(context);
      const { track, write } = sourceOf();
      this.stream = new MediaStream([track]);
      if (write) this.#play(track, write);
    }
    #play(track, write) {
      let next = performance.now();
      const timer = setInterval(() => {
        if (track.readyState === 'ended') return clearInterval(timer);
        const now = performance.now();
        next = Math.max(next, now - 10 * kMostBlocksAtOnce);
        for (; next <= now; next += 10) {
          const samples = new Int16Array(kBlock);
          for (const input of this.inputs) input.addTo(samples);
          write(samples);
        }
      }, 10);
      timer.unref();
    }
  }

  class AudioContext extends EventTarget {
    sampleRate = kSampleRate;
    state = 'running';
    createOscillator() {
      return new OscillatorNode(this);
    }
    createMediaStreamDestination() {
      return new MediaStreamAudioDestinationNode(this);
    }
    async resume() {}
    async close() {
      this.state = 'closed';
    }
  }
  return { AudioContext, AudioNode, OscillatorNode, MediaStreamAudioDestinationNode };
}

/** A source's block of samples, in the shape that RTCAudioSource.onData() takes. */
export const audioData = (samples) => ({
  samples, sampleRate: kSampleRate, bitsPerSample: 16, channelCount: 1, numberOfFrames: samples.length,
});
