// The module under test: finding it, and what of it a page would find in its global object.
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { audioData, webAudio } from './audio.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
/** The project's own binding. */
export const kOwn = join(root, 'bindings/node');
/** Modules whose W3C names lie under another entry than the main one. */
const kEntries = { 'node-datachannel': 'node-datachannel/polyfill' };

function packageOf(file) {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (!existsSync(manifest)) continue;
    const { name, version } = JSON.parse(readFileSync(manifest, 'utf8'));
    if (name && version) return { name, version };
  }
  return undefined;
}

/** Which module `wanted` (a name, seen from the working directory, or a path) is: {entry, name, version}. */
export function findImplementation(wanted) {
  const path = resolve(wanted ?? kOwn);
  const isPath = existsSync(path);
  if (!wanted && !isPath) throw new Error(`there is no Node binding to test: ${kOwn} is missing (./run node builds it)`);
  const isFolder = isPath && statSync(path).isDirectory();
  const require = createRequire(isFolder ? join(path, 'package.json') : join(process.cwd(), 'anything.js'));
  const name = isFolder ? JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')).name : wanted;
  const specifier = kEntries[name] ?? (isPath ? path : wanted);
  let entry;
  try {
    entry = realpathSync(require.resolve(specifier));
  } catch (error) {
    throw new Error(`cannot find the module ${wanted ?? kOwn}: ${error.message.split('\n')[0]}`);
  }
  const { name: found, version } = packageOf(entry) ?? { name: specifier, version: '' };
  return { entry, name: found, version };
}

/** A name of an implementation as a file's. */
export const fileNameOf = (name) => name.replace(/^@/, '').replace(/[^\w.-]+/g, '-');

/** The names that a page would find in its global object; their own kind of names, and no others. */
const kInterfaces = /^(RTC[A-Z]|MediaStream|MediaDevice|OverconstrainedError$|InputDeviceInfo$)/;

/** Loads it: {interfaces, mediaDevices}, the interfaces with Web Audio's where it has audio at all. */
export async function loadImplementation({ entry, name }) {
  const module = await import(pathToFileURL(entry).href);
  const exports = { ...module.default, ...module };
  const interfaces = Object.fromEntries(
    Object.entries(exports).filter(([key, value]) => kInterfaces.test(key) && typeof value === 'function'));
  if (!interfaces.RTCPeerConnection) throw new Error(`${name} exports no RTCPeerConnection`);
  const sourceOf = sourcesOf(exports);
  const audio = sourceOf ? webAudio(() => sourceOf('audio'), exports.MediaStream) : {};
  return { interfaces: { ...audio, ...interfaces }, mediaDevices: mediaDevicesOf(exports, sourceOf) };
}

/** A function that makes a new {track, write?} of a kind, or undefined where there is no media. */
function sourcesOf({ nonstandard = {}, MediaStream, MediaStreamTrack }) {
  if (!MediaStream || !MediaStreamTrack) return undefined;
  return (kind) => {
    const Source = nonstandard[kind === 'audio' ? 'RTCAudioSource' : 'RTCVideoSource'];
    // werift's tracks are made by whoever likes, and stay silent unless they are given packets.
    if (!Source) return { track: new MediaStreamTrack({ kind }) };
    const source = new Source();
    const track = source.createTrack();
    return kind === 'audio' ? { track, write: (samples) => source.onData(audioData(samples)) } : { track };
  };
}

/** The implementation's own sources: its mediaDevices, or what it has instead. */
function mediaDevicesOf({ navigator, mediaDevices = navigator?.mediaDevices, getUserMedia, MediaStream }, sourceOf) {
  if (mediaDevices?.getUserMedia) return mediaDevices;
  if (getUserMedia) return { getUserMedia };
  return {
    async getUserMedia(constraints) {
      const kinds = ['audio', 'video'].filter((kind) => constraints?.[kind]);
      if (kinds.length === 0) throw new TypeError('neither audio nor video is asked for');
      if (!sourceOf) throw new DOMException('this implementation has no media', 'NotFoundError');
      return new MediaStream(kinds.map((kind) => sourceOf(kind).track));
    },
  };
}
