// What the tests share. Nothing here sleeps: everything waits for what it needs, and fails after LIMIT.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
export const packagePath = fileURLToPath(new URL('..', import.meta.url));
export const peerage = require('..');

peerage.nonstandard.configure({ includeLoopback: true }); // a machine without a network will do

export const LIMIT = 60_000;

/** The promise, or a failure that says what was waited for. */
export function within(promise, what) {
  let timer;
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${LIMIT} ms for ${what}`)), LIMIT);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The next event of that type, or the first for which `accept` is true. */
export function event(target, type, accept = () => true) {
  return within(new Promise((resolve) => {
    target.addEventListener(type, function listener(e) {
      if (!accept(e)) return;
      target.removeEventListener(type, listener);
      resolve(e);
    });
  }), type);
}

/** Everything that is queued on the loop now has run. */
export const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

export function trickle(a, b) {
  for (const [from, to] of [[a, b], [b, a]]) {
    from.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate && to.signalingState !== 'closed') to.addIceCandidate(candidate).catch(() => {});
    });
  }
}

/** Offer from `a`, answer from `b`. */
export async function negotiate(a, b) {
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
}

/** Two connections with candidates going back and forth; closed when the test `t` is over. */
export function pair(t) {
  const a = new peerage.RTCPeerConnection();
  const b = new peerage.RTCPeerConnection();
  t.after(() => { a.close(); b.close(); });
  trickle(a, b);
  return [a, b];
}

/** Runs a program in a node of its own; {code, signal, stdout, stderr} once it has ended. */
export function program(text, ...flags) {
  const child = spawn(process.execPath, [...flags, '-e', text], { env: { ...process.env, PEERAGE: packagePath } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => { stdout += data; });
  child.stderr.on('data', (data) => { stderr += data; });
  const ended = new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return within(ended, 'the program to end').catch((error) => {
    child.kill('SIGKILL');
    throw new Error(`${error.message}\n${stdout}\n${stderr}`);
  });
}
