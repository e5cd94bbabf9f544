// Whole files through the runner in Node: what a test sees, and what becomes of errors, time and crashes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { fixtureCheckout, runPage, testPage } from './fixture.mjs';

const pass = (name) => `promise_test(async () => {}, '${name}');`;

test('scripts share their declarations, and see a window', async () => {
  const result = await runPage(`
    const expected = helper();
    promise_test(async () => { if (expected !== 7) throw new Error('helper'); }, 'declarations');
    promise_test(async () => {
      if (window !== self || !(document.body && location.pathname === '/webrtc/a.html' && isSecureContext)) throw new Error('window');
      if (new RTCPeerConnection().constructor !== RTCPeerConnection) throw new Error('the implementation');
      await new Promise((resolve) => { onmessage = resolve; postMessage('hello'); });
      if (await (await fetch('/interfaces/x.idl')).text() !== 'interface X {};') throw new Error('fetch');
      if ((await fetch('/interfaces/none.idl')).ok) throw new Error('fetch of nothing');
    }, 'window');
    promise_test(async () => document.createElement('video'), 'rendering');`,
    { files: { 'interfaces/x.idl': 'interface X {};' }, more: 'globalThis.helper = () => 7;' });
  assert.equal(result.status, 'OK');
  assert.deepEqual(Object.keys(result.subtests), ['declarations', 'window', 'rendering']);
  assert.equal(result.subtests.window, 'PASS');
  assert.equal(result.subtests.declarations, 'PASS');
  assert.match(result.subtests.rendering[1], /NotSupportedError/);
});

test('an oscillator plays into the implementation’s own source', async () => {
  const result = await runPage(`promise_test(async () => {
      const context = new AudioContext();
      const oscillator = context.createOscillator();
      const { stream } = oscillator.connect(context.createMediaStreamDestination());
      oscillator.start();
      if (stream.tracks.length !== 1) throw new Error('no track');
      const samples = await heard;
      if (!samples.some((sample) => sample > 1000)) throw new Error('silence');
    }, 'tone');`, { more: `
    class MediaStream { constructor(tracks) { this.tracks = tracks; } }
    class MediaStreamTrack {}
    globalThis.heard = new Promise((resolve) => { globalThis.hear = resolve; });
    class RTCAudioSource {
      createTrack() { return new MediaStreamTrack(); }
      onData({ samples, sampleRate }) { if (sampleRate === 48000) hear(samples); }
    }
    Object.assign(module.exports, { MediaStream, MediaStreamTrack, nonstandard: { RTCAudioSource } });` });
  assert.deepEqual(result, { status: 'OK', subtests: { tone: 'PASS' } });
});

test('an error that nobody catches ends the file', async () => {
  const rejected = await runPage(`${pass('a')} promise_test(async () => {
    Promise.reject(new Error('lost'));
    await new Promise(() => {});
  }, 'b');`);
  assert.equal(rejected.status, 'ERROR');
  assert.match(rejected.message, /lost/);
  assert.deepEqual([rejected.subtests.a, rejected.subtests.b[0]], ['PASS', 'NOTRUN']);
  const thrown = await runPage(`${pass('a')} setTimeout(() => { throw new Error('thrown'); }); promise_test(() => new Promise(() => {}), 'b');`);
  assert.equal(thrown.status, 'ERROR');
});

test('a test that never ends is timed out, those before it keep their results', async () => {
  const result = await runPage(`${pass('a')} promise_test(() => new Promise(() => {}), 'b'); ${pass('c')}`, { seconds: 1 });
  assert.equal(result.status, 'TIMEOUT');
  assert.deepEqual([result.subtests.a, result.subtests.b[0], result.subtests.c[0]], ['PASS', 'TIMEOUT', 'NOTRUN']);
});

test('a crash of the implementation counts, during its tests and after them', async () => {
  const during = await runPage(`${pass('a')} promise_test(async () => fall(), 'b');`,
                               { more: 'globalThis.fall = () => process.kill(process.pid, "SIGSEGV");' });
  assert.equal(during.status, 'CRASH');
  assert.match(during.message, /SIGSEGV/);
  const after = await runPage(pass('a'), { more: 'process.on("exit", () => { process.exitCode = 3; });' });
  assert.equal(after.status, 'CRASH');
  assert.match(after.message, /ended with 3 after its tests/);
  assert.equal(after.subtests.a, 'PASS');
});

test('the command ends with its totals; without a baseline nothing is lost', () => {
  const { folder, remove } = fixtureCheckout({ 'webrtc/a.html': testPage(`${pass('a')} promise_test(async () => { throw 1; }, 'b');`) });
  const work = mkdtempSync(join(tmpdir(), 'peerage-wpt-'));
  try {
    writeFileSync(join(work, 'implementation.cjs'), 'exports.RTCPeerConnection = class RTCPeerConnection {};');
    const results = join(work, 'results.json');
    const run = (...args) => spawnSync(process.execPath, [fileURLToPath(new URL('wpt.mjs', import.meta.url)), ...args], { encoding: 'utf8' });
    const { status, stdout } = run('--wpt', folder, '--impl', join(work, 'implementation.cjs'), '--results', results);
    assert.equal(status, 0, stdout);
    assert.equal(stdout.trim().split('\n').at(-1), '1 passed, 1 failed');
    assert.equal(JSON.parse(readFileSync(results, 'utf8')).files['webrtc/a.html'].subtests.a, 'PASS');
    assert.match(run('--wpt', work).stderr, /is no checkout/);
    assert.match(run('--wpt', folder, '--impl', 'no-such-module').stderr, /cannot find the module no-such-module/);
    assert.equal(run('--wpt', folder, '--browser', 'lynx').status, 2);
  } finally {
    remove();
    rmSync(work, { recursive: true, force: true });
  }
});
