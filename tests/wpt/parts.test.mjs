// The runner's parts: reading pages, finding tests, comparing runs.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fixtureCheckout, testPage } from './fixture.mjs';
import { metaLines, pageOfScript, parsePage } from './html.mjs';
import { causeOf, count, page, plain } from './report.mjs';
import { baselineOf, compare, harvest, totals, worse } from './results.mjs';

test('a page gives its title, timeout, scripts in order and elements with an id', () => {
  const parsed = parsePage(`<!doctype html><!-- <script src="no.js"></script> -->
    <title>A &amp; B</title><meta charset=utf-8><META name="timeout" content=long>
    <script src=/resources/testharness.js></script><script src ="a.js"></script>
    <script type="text/plain">no</script>
    <video id='remote' autoplay></video>
    <script>const html = '<p id="none"><b'; if (1 < 2) f();</script>`);
  assert.equal(parsed.title, 'A & B');
  assert.equal(parsed.timeout, 'long');
  assert.deepEqual(parsed.scripts.map((s) => s.src ?? s.text),
                   ['/resources/testharness.js', 'a.js', `const html = '<p id="none"><b'; if (1 < 2) f();`]);
  assert.deepEqual(parsed.elements.filter((e) => e.attributes.id).map((e) => [e.tag, e.attributes.id]), [['video', 'remote']]);
});

test('META lines end with the first other line, and become the page of a script', () => {
  const script = '// META: script=/resources/WebIDLParser.js\n// META: script=./helper.js\n// META: timeout=long\n\n// META: title=No\n';
  assert.deepEqual(metaLines(script), [['script', '/resources/WebIDLParser.js'], ['script', './helper.js'], ['timeout', 'long']]);
  const parsed = parsePage(pageOfScript(script, '/webrtc/x.window.js'));
  assert.equal(parsed.timeout, 'long');
  assert.deepEqual(parsed.scripts.map((s) => s.src), ['/resources/testharness.js', '/resources/testharnessreport.js',
                                                     '/resources/WebIDLParser.js', './helper.js', '/webrtc/x.window.js']);
});

test('a checkout lists tests and serves scripts as pages, aliases, headers and substitutions', () => {
  const { checkout, remove } = fixtureCheckout({
    'webrtc/a.html': testPage(''), 'webrtc/helper.js': '', 'webrtc/resources/frame.html': testPage(''), 'webrtc/plain.html': '<p>',
    'webrtc-ice/b.window.js': '// META: script=helper.js\n', 'webrtc-ice/c.sub.js': 'const host = "{{host}}:{{ports[http][0]}}";',
    'webrtc-ice/c.sub.js.headers': 'Content-Type: text/x-c\n', 'other/d.html': testPage(''), 'resources/webidl2/lib/webidl2.js': 'idl',
  });
  try {
    assert.deepEqual(checkout.tests(), ['webrtc-ice/b.window.js', 'webrtc/a.html']);
    assert.deepEqual(checkout.tests(['ice/', 'none']), ['webrtc-ice/b.window.js']);
    assert.match(checkout.serve('/webrtc-ice/b.window.html').body, /<script src="\/webrtc-ice\/b\.window\.js">/);
    assert.equal(String(checkout.serve('/resources/WebIDLParser.js').body), 'idl');
    assert.deepEqual(checkout.serve('/webrtc-ice/c.sub.js', 81),
                     { body: 'const host = "localhost:81";', headers: { 'content-type': 'text/x-c' } });
    assert.match(String(checkout.serve('/resources/testharnessreport.js').body), /add_completion_callback/);
    assert.equal(checkout.serve('/webrtc/none.html'), undefined);
    assert.equal(checkout.serve('/../etc/passwd'), undefined);
  } finally {
    remove();
  }
});

const result = (subtests, status = 'OK') => harvest({
  status, message: '', subtests: Object.entries(subtests).map(([name, s]) => ({ name, status: s, message: `it is ${s}` })),
});

test('a report keeps each subtest, those of one name too, and shortens messages', () => {
  const { subtests } = harvest({ status: 'OK', message: '', subtests: [
    { name: 'a', status: 'PASS', message: '' }, { name: 'a', status: 'FAIL', message: `line\n${'x'.repeat(1000)}` }] });
  assert.equal(subtests.a, 'PASS');
  assert.equal(subtests['a (2)'][0], 'FAIL');
  assert.ok(subtests['a (2)'][1].startsWith('line x') && subtests['a (2)'][1].length <= 240);
});

test('a baseline loses what failed, vanished, or ended worse, and gains what is new', () => {
  const baseline = baselineOf({ f: result({ a: 'PASS', b: 'PASS', c: 'FAIL' }), g: result({ z: 'PASS' }), h: result({ y: 'PASS' }) });
  const now = { f: result({ a: 'TIMEOUT', c: 'PASS' }, 'TIMEOUT'), g: result({ z: 'PASS' }), i: result({ n: 'PASS' }) };
  const { lost, gained } = compare(baseline, now);
  assert.deepEqual(lost.map(({ file, name }) => [file, name]), [['f', 'a'], ['f', 'b'], ['f', '(the file as a whole)']]);
  assert.deepEqual(gained, [{ file: 'f', name: 'c' }, { file: 'i', name: 'n' }]);
  assert.deepEqual(totals(now), { passed: 3, failed: 1 });
});

test('of two runs the worse result of each subtest counts', () => {
  const both = worse(result({ a: 'PASS', b: 'FAIL', c: 'PASS' }), result({ a: 'FAIL', b: 'PASS' }, 'CRASH'));
  assert.equal(both.status, 'CRASH');
  assert.deepEqual(Object.fromEntries(Object.entries(both.subtests).map(([n, s]) => [n, Array.isArray(s) ? s[0] : s])),
                   { a: 'FAIL', b: 'FAIL', c: 'NOTRUN' });
});

test('the page counts what a browser passes, without skipped files, and names causes', () => {
  const runs = {
    peerage: { version: '1', date: '2000-01-01', files: { 'webrtc/a.html': result({ a: 'PASS', b: 'FAIL', c: 'FAIL' }) } },
    chromium: { version: '2', date: '2000-01-02', files: { 'webrtc/a.html': result({ a: 'PASS', b: 'PASS' }), 'webrtc/s.html': result({ x: 'PASS' }) } },
  };
  const skipped = { 'webrtc/s.html': 'a worker' };
  assert.equal(count(runs, skipped).byBrowser.size, 2);
  const rules = [{ file: 'webrtc/a*', name: 'b', cause: 'known' }, { file: 'webrtc/a.html', name: 'c*', cause: 'other' }];
  assert.equal(causeOf(rules, 'webrtc/a.html', 'b').cause, 'known');
  assert.equal(causeOf(rules, 'webrtc/a.html', 'a'), undefined);
  const text = page(runs, skipped, rules);
  assert.match(text, /\| \*\*all\*\* \| 1 \| 2 \| 1 \(50\.0 %\) \| 2 \(100\.0 %\) \|/);
  assert.match(text, /- b: \*\*known\*\* — FAIL it is FAIL/);
  assert.match(text, /- c \(no browser passes it either\): \*\*other\*\*/);
  assert.match(text, /\| webrtc\/s\.html \| a worker \| 1 \| – \|/);
  assert.equal(plain('<a|b*>'), '\\<a\\|b\\*\\>');
});
