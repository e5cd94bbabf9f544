// The package as it is shipped.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packagePath, peerage } from './helpers.mjs';

const run = (command, ...args) => execFileSync(command, args, { cwd: packagePath, encoding: 'utf8' });

test('the README lists exactly what of the IDL is not defined', () => {
  const readme = readFileSync(join(packagePath, 'README.md'), 'utf8');
  const list = /<!-- missing -->\n([^]*?)<!-- \/missing -->/.exec(readme)[1];
  assert.deepEqual([...list.matchAll(/`([\w.]+)`/g)].map((m) => m[1]), [...peerage[Symbol.for('peerage.missing')]].sort());
});

test('every name that @roamhq/wrtc exports is there', () => {
  const names = ['MediaStream', 'MediaStreamTrack', 'RTCDataChannel', 'RTCDataChannelEvent', 'RTCDtlsTransport', 'RTCIceCandidate',
    'RTCIceTransport', 'RTCPeerConnection', 'RTCPeerConnectionIceEvent', 'RTCPeerConnectionIceErrorEvent', 'RTCRtpReceiver',
    'RTCRtpSender', 'RTCRtpTransceiver', 'RTCSctpTransport', 'RTCSessionDescription', 'getUserMedia', 'mediaDevices', 'nonstandard'];
  assert.deepEqual(names.filter((name) => !peerage[name]), []);
  const beside = ['i420ToRgba', 'RTCAudioSink', 'RTCAudioSource', 'RTCVideoSink', 'RTCVideoSource', 'rgbaToI420'];
  assert.deepEqual(beside.filter((name) => !peerage.nonstandard[name]), []);
});

test('the module has no libuv and no OpenSSL of its own, and exports nothing but its entry', () => {
  const module = join(packagePath, 'build/peerage.node');
  const symbols = run('nm', '-D', module).split('\n');
  // (The type names of the standard library's templates are everybody's.)
  const defined = symbols.filter((line) => / [TWVBD] /.test(line)).map((line) => line.split(' ').at(-1));
  assert.deepEqual(defined.filter((name) => !/^(napi|node_api)_|^_ZT[IS]St/.test(name)), []);
  assert.ok(symbols.some((line) => / U uv_timer_start$/.test(line)));
  assert.ok(symbols.some((line) => / U SSL_new$/.test(line)));
  assert.doesNotMatch(run('ldd', module), /libuv\.|libssl|libcrypto/);
});

test('npm pack takes the library, the module, the types, and no more', () => {
  const [{ files }] = JSON.parse(run('npm', 'pack', '--dry-run', '--json', '--ignore-scripts'));
  const paths = files.map((file) => file.path).filter((path) => !path.startsWith('lib/')).sort();
  assert.deepEqual(paths, ['README.md', 'build/index.d.ts', 'build/interfaces.json', 'build/peerage.node', 'package.json']);
  assert.ok(files.some((file) => file.path === 'lib/index.mjs'));
});

test('the types fit what a program in TypeScript writes', () => {
  const { status, stdout } = spawnSync('npx', ['--no-install', 'tsc', '-p', '.'], { cwd: packagePath, encoding: 'utf8' });
  assert.equal(stdout, '');
  assert.equal(status, 0);
});
