'use strict';
// mediaDevices: a program has neither camera nor microphone here, but, as a browser that was told to fake its devices, a test
// picture with a moving bar and a tone.

const { create } = require('./objects.js');
const { slotOf } = require('./slots.js');
const { describeTrack, satisfies } = require('./track.js');

const GROUP = 'peerage';
const PICTURE_RATE = 25; // pictures a second
const TONE = 440; // Hz
const TONE_PIECE = 20; // ms
const LONGEST_LAG = 500; // ms; a program that was stopped for longer does not catch up

/** The devices, with what they can do: one size of picture for each pair that is asked for, one kind of sound. */
const DEVICES = {
  video: {
    info: { deviceId: 'peerage-picture', kind: 'videoinput', label: 'Test picture', groupId: GROUP },
    capabilities: {
      width: { min: 16, max: 1920 }, height: { min: 16, max: 1080 }, frameRate: { min: 1, max: PICTURE_RATE },
      deviceId: 'peerage-picture', groupId: GROUP,
    },
    defaults: { width: 640, height: 480, frameRate: PICTURE_RATE, deviceId: 'peerage-picture', groupId: GROUP },
  },
  audio: {
    info: { deviceId: 'peerage-tone', kind: 'audioinput', label: 'Test tone', groupId: GROUP },
    capabilities: {
      sampleRate: { min: 48000, max: 48000 }, sampleSize: { min: 16, max: 16 }, channelCount: { min: 1, max: 1 },
      echoCancellation: [false], deviceId: 'peerage-tone', groupId: GROUP,
    },
    defaults: { sampleRate: 48000, sampleSize: 16, channelCount: 1, echoCancellation: false, deviceId: 'peerage-tone', groupId: GROUP },
  },
};

/** mediacapture-streams §11, SelectSettings, for sources with one range each: the settings, or the constraint that fails. */
function selectSettings(device, constraints) {
  const settings = { ...device.defaults };
  for (const [name, wanted] of Object.entries(constraints)) {
    if (name === 'advanced' || !(name in settings)) continue;
    const range = device.capabilities[name];
    if (range && typeof range === 'object' && 'min' in range) {
      const limits = typeof wanted === 'object' ? wanted : { ideal: wanted };
      const least = Math.max(range.min, limits.exact ?? limits.min ?? range.min);
      const most = Math.min(range.max, limits.exact ?? limits.max ?? range.max);
      if (least > most) return { failed: name };
      const value = Math.min(most, Math.max(least, limits.ideal ?? settings[name]));
      settings[name] = name === 'frameRate' ? value : Math.round(value);
    } else if (!satisfies(settings[name], wanted)) {
      return { failed: name };
    }
  }
  return { settings };
}

/** Draws the picture number `n`: vertical colour bars, and a bright one that moves over them. */
function draw({ width, height, data }, n) {
  const chromaWidth = (width + 1) >> 1;
  const chromaHeight = (height + 1) >> 1;
  const row = new Uint8Array(width);
  const u = new Uint8Array(chromaWidth);
  const v = new Uint8Array(chromaWidth);
  const bright = (n * 4) % width;
  for (let x = 0; x < width; ++x) {
    const bar = Math.floor((x * 8) / width);
    row[x] = x >= bright && x < bright + 16 ? 235 : 40 + bar * 22;
    u[x >> 1] = 64 + bar * 16;
    v[x >> 1] = 192 - bar * 16;
  }
  for (let y = 0; y < height; ++y) data.set(row, y * width);
  const chroma = width * height;
  for (let y = 0; y < chromaHeight; ++y) {
    data.set(u, chroma + y * chromaWidth);
    data.set(v, chroma + (chromaHeight + y) * chromaWidth);
  }
}

/**
 * Calls `step` every `period` ms while the track or one of its clones is live and somebody has it. A device alone keeps no
 * program running.
 */
function whileLive(track, period, step) {
  const clones = slotOf(track).clones = new Set([new WeakRef(track)]);
  const timer = setInterval(() => {
    for (const clone of clones) if ((clone.deref()?.readyState ?? 'ended') === 'ended') clones.delete(clone);
    if (clones.size === 0) clearInterval(timer);
    else step();
  }, period);
  timer.unref();
}

function openVideo(settings) {
  const { RTCVideoSource } = require('./nonstandard.js');
  const source = new RTCVideoSource();
  const track = source.createTrack();
  const { width, height } = settings;
  const data = new Uint8Array(width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1));
  let n = 0;
  whileLive(track, 1000 / settings.frameRate, () => {
    draw({ width, height, data }, n++);
    source.onFrame({ width, height, data });
  });
  return track;
}

function openAudio(settings) {
  const { RTCAudioSource } = require('./nonstandard.js');
  const source = new RTCAudioSource();
  const track = source.createTrack();
  const count = (settings.sampleRate * TONE_PIECE) / 1000;
  let due = performance.now();
  let phase = 0;
  whileLive(track, TONE_PIECE, () => {
    const now = performance.now();
    if (now - due > LONGEST_LAG) due = now;
    for (; due <= now; due += TONE_PIECE) {
      const samples = new Int16Array(count);
      for (let i = 0; i < count; ++i, phase += (2 * Math.PI * TONE) / settings.sampleRate) samples[i] = 8000 * Math.sin(phase);
      phase %= 2 * Math.PI;
      source.onData({ samples, sampleRate: settings.sampleRate });
    }
  });
  return track;
}

function getUserMedia(self, constraints) {
  const { MediaStream, OverconstrainedError } = require('./index.js');
  const wanted = ['audio', 'video'].filter((kind) => constraints[kind]);
  if (wanted.length === 0) return Promise.reject(new TypeError('getUserMedia: neither audio nor video is asked for.'));
  const chosen = [];
  for (const kind of wanted) {
    const given = constraints[kind] === true ? {} : constraints[kind];
    const { settings, failed } = selectSettings(DEVICES[kind], given);
    if (failed) return Promise.reject(new OverconstrainedError(failed, `the ${kind} device cannot do this`));
    chosen.push({ kind, given, settings });
  }
  const tracks = chosen.map(({ kind, given, settings }) => {
    const track = kind === 'video' ? openVideo(settings) : openAudio(settings);
    describeTrack(track, { capabilities: DEVICES[kind].capabilities, settings });
    slotOf(track).constraints = given;
    return track;
  });
  return Promise.resolve(new MediaStream(tracks));
}

const deviceInfo = ({ info, capabilities }) => {
  const object = create('InputDeviceInfo');
  Object.assign(slotOf(object), { values: info, capabilities });
  return object;
};

const MediaDevices = {
  events: ['devicechange'],
  operations: {
    getUserMedia,
    enumerateDevices: () => Promise.resolve([DEVICES.audio, DEVICES.video].map(deviceInfo)),
    getSupportedConstraints: () => Object.fromEntries(
      Object.keys({ ...DEVICES.video.capabilities, ...DEVICES.audio.capabilities }).sort().map((name) => [name, true])),
  },
};
const MediaDeviceInfo = { plain: true, operations: { toJSON: (self) => ({ ...slotOf(self).values }) } };
const InputDeviceInfo = { operations: { getCapabilities: (self) => structuredClone(slotOf(self).capabilities) } };

module.exports = { MediaDevices, MediaDeviceInfo, InputDeviceInfo };
