// For the runner's own tests: a checkout of a few files with a harness that is only as much of testharness.js as they
// use, and implementations that do what a test wants to see.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { NodeRunner } from './in_node.mjs';
import { Checkout } from './checkout.mjs';

const kHarness = `
  const subtests = [], told = { result: [], completion: [] };
  const status = { status: 0, message: null };
  let ended = false;
  function setup() {}
  function add_result_callback(f) { told.result.push(f); }
  function add_completion_callback(f) { told.completion.push(f); }
  function settle(test, result, message) {
    if (test.status !== 3) return;
    Object.assign(test, { status: result, message });
    told.result.forEach((f) => f(test));
  }
  function complete() {
    if (!ended) told.completion.forEach((f) => f(subtests, status));
    ended = true;
  }
  function promise_test(f, name) { subtests.push({ f, name, status: 3, message: null }); }
  function timeout() {
    status.status = 2;
    subtests.filter((t) => t.running).forEach((t) => settle(t, 2, 'Test timed out'));
    complete();
  }
  addEventListener('error', (e) => { Object.assign(status, { status: 1, message: e.message }); complete(); });
  addEventListener('unhandledrejection', (e) => { Object.assign(status, { status: 1, message: String(e.reason) }); complete(); });
  addEventListener('load', async () => {
    for (const test of subtests) {
      test.running = true;
      await test.f(test).then(() => settle(test, 0, null), (error) => settle(test, 1, String(error)));
      test.running = false;
    }
    complete();
  });`;

/** A checkout with these test files {path: text} besides the harness; `remove()` deletes it. */
export function fixtureCheckout(files) {
  const folder = mkdtempSync(join(tmpdir(), 'peerage-wpt-'));
  const all = { 'resources/testharness.js': kHarness, 'webrtc/META.yml': '', ...files };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return { folder, checkout: new Checkout(folder), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A page that is a test, with this script in it. */
export const testPage = (script) => `<!doctype html><title>A test</title>
<script src=/resources/testharness.js></script>
<script src="/resources/testharnessreport.js"></script>
<script>${script}</script>`;

/** Runs one page with an implementation that has nothing but an empty RTCPeerConnection, and what `more` adds. */
export async function runPage(script, { seconds = 60, files = {}, more = '' } = {}) {
  const { folder, checkout, remove } = fixtureCheckout({ 'webrtc/a.html': testPage(script), ...files });
  try {
    const entry = join(folder, 'implementation.cjs');
    writeFileSync(entry, `class RTCPeerConnection {}\nmodule.exports = { RTCPeerConnection };\n${more}`);
    return await new NodeRunner(checkout, { entry, name: 'fixture' }).run('webrtc/a.html', seconds);
  } finally {
    remove();
  }
}
