'use strict';
// Beside the standard: sources that a program feeds and sinks that it reads, with the names and shapes of @roamhq/wrtc.

const { native } = require('./native.js');
const { isInstance, slotOf, stamp } = require('./slots.js');
const { keep, release } = require('./objects.js');
const { describeTrack } = require('./track.js');
const { toRate48000 } = require('./resample.js');

/** Objects of these classes carry a native one each; what they give belongs to them. */
function source(self, name) { return stamp(self, { definition: { name } }); }

function trackOf(self, table, settings) {
  const track = table.createTrack(self);
  slotOf(track).root = self; // a track keeps its source: a source that goes ends its tracks
  describeTrack(track, { settings });
  return track;
}

class RTCVideoSource {
  #isScreencast;
  #needsDenoising;

  constructor({ isScreencast = false, needsDenoising } = {}) {
    this.#isScreencast = Boolean(isScreencast);
    this.#needsDenoising = needsDenoising === undefined ? undefined : Boolean(needsDenoising);
    native.RTCVideoSource.construct(source(this, 'RTCVideoSource'));
  }

  get isScreencast() { return this.#isScreencast; }
  get needsDenoising() { return this.#needsDenoising; }
  createTrack() { return trackOf(this, native.RTCVideoSource, {}); }
  /** One I420 picture, {width, height, data, rotation = 0}, for every live track of this source. */
  onFrame(frame) { native.RTCVideoSource.onFrame(this, frame); }
}

class RTCAudioSource {
  #resample = null;

  constructor() { native.RTCAudioSource.construct(source(this, 'RTCAudioSource')); }

  createTrack() { return trackOf(this, native.RTCAudioSource, {}); }
  /** A piece of sound, {samples, sampleRate, bitsPerSample = 16, channelCount = 1, numberOfFrames}. */
  onData({ samples, sampleRate, bitsPerSample = 16, channelCount = 1, numberOfFrames }) {
    if (bitsPerSample !== 16) throw new TypeError(`onData: bitsPerSample is ${bitsPerSample}, must be 16`);
    if (channelCount !== 1 && channelCount !== 2) throw new TypeError(`onData: channelCount is ${channelCount}, must be 1 or 2`);
    if (!(sampleRate >= 8000 && sampleRate <= 192000)) throw new TypeError(`onData: sampleRate is ${sampleRate}, must be in 8000..192000`);
    const values = samples instanceof Int16Array ? samples : new Int16Array(samples);
    if (numberOfFrames !== undefined && values.length !== numberOfFrames * channelCount) {
      throw new TypeError(`onData: ${values.length} samples are not ${numberOfFrames} frames of ${channelCount} channels`);
    }
    if (this.#resample?.rate !== sampleRate || this.#resample.channels !== channelCount) {
      this.#resample = toRate48000(sampleRate, channelCount);
    }
    native.RTCAudioSource.push(this, this.#resample(values), channelCount);
  }
}

/** What both sinks are: events for each frame, from the making until stop() or the end of the track. */
class Sink extends EventTarget {
  #registration = stamp({}, { definition: { name: 'Sink' } });
  #track;
  #handler = null;
  #stopped = false;

  constructor(name, kind, track, fire) {
    super();
    if (!isInstance(track, 'MediaStreamTrack') || track.kind !== kind) throw new TypeError(`${name} needs a track of ${kind}`);
    this.#track = track;
    native.Sink.construct(this.#registration, track, (frame) => fire(this, frame));
    keep(track, this); // frames come for as long as the track is there, whoever else knows the sink
  }

  get stopped() { return this.#stopped; }
  stop() {
    if (this.#stopped) return;
    this.#stopped = true;
    native.Sink.stop(this.#registration);
    release(this.#track, this);
  }

  /** An event handler attribute. */
  handler() { return this.#handler?.callback ?? null; }
  setHandler(type, callback) {
    if (this.#handler) this.removeEventListener(type, this.#handler.listener);
    this.#handler = null;
    if (typeof callback !== 'function') return;
    const listener = (event) => callback.call(this, event);
    this.#handler = { callback, listener };
    this.addEventListener(type, listener);
  }
}

class RTCVideoSink extends Sink {
  constructor(track) {
    super('RTCVideoSink', 'video', track, (self, frame) => self.dispatchEvent(Object.assign(new Event('frame'), { frame })));
  }
  get onframe() { return this.handler(); }
  set onframe(callback) { this.setHandler('frame', callback); }
}

class RTCAudioSink extends Sink {
  constructor(track) {
    super('RTCAudioSink', 'audio', track, (self, data) => self.dispatchEvent(Object.assign(new Event('data'), data)));
  }
  get ondata() { return this.handler(); }
  set ondata(callback) { this.setHandler('data', callback); }
}

/** Before the first connection or track of this thread. */
function configure({ includeLoopback = false } = {}) { native.configure(Boolean(includeLoopback)); }

function i420ToRgba(i420, rgba) { native.i420ToRgba(i420, rgba); }
function rgbaToI420(rgba, i420) { native.rgbaToI420(rgba, i420); }

module.exports = { RTCAudioSink, RTCAudioSource, RTCVideoSink, RTCVideoSource, configure, i420ToRgba, rgbaToI420 };
