// Results of a run: how they look, how they are kept, and how two runs compare.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const kMessageLength = 240;
/** From good to bad: of two results of one subtest the worse one counts. */
const kOrder = ['PASS', 'PRECONDITION_FAILED', 'FAIL', 'NOTRUN', 'TIMEOUT'];
/** How a file as a whole can end, likewise. */
const kFileOrder = ['OK', 'PRECONDITION_FAILED', 'ERROR', 'TIMEOUT', 'CRASH'];

const shortened = (text) => {
  // Control characters, unpaired surrogates: JSON and Markdown should stay readable.
  const line = String(text).replace(/\s+/g, ' ').trim().toWellFormed?.() ?? String(text).replace(/\s+/g, ' ').trim();
  return line.length > kMessageLength ? `${line.slice(0, kMessageLength - 1)}…` : line;
};

/** A report of testharness.js as a result: {status, message?, subtests: {name: 'PASS' or [status, message]}}. */
export function harvest({ status, message, subtests }) {
  const named = {};
  for (const { name, status: s, message: m } of subtests) {
    let unique = name;
    for (let i = 2; unique in named; i++) unique = `${name} (${i})`;
    named[unique] = s === 'PASS' ? s : [s, shortened(m)];
  }
  return { status, ...(message && status !== 'OK' ? { message: shortened(message) } : {}), subtests: named };
}

export const statusOf = (subtest) => (Array.isArray(subtest) ? subtest[0] : subtest);
export const messageOf = (subtest) => (Array.isArray(subtest) ? subtest[1] : '');

/** The names of a file's subtests that passed. */
export const passesOf = (result) => Object.keys(result?.subtests ?? {}).filter((name) => result.subtests[name] === 'PASS');

/** Of two runs of one file what holds in both: the worse result of each subtest. */
export function worse(a, b) {
  const subtests = {};
  for (const name of new Set([...Object.keys(a.subtests), ...Object.keys(b.subtests)])) {
    const both = [a, b].map((r) => r.subtests[name] ?? ['NOTRUN', 'only in another run']);
    subtests[name] = both.sort((x, y) => kOrder.indexOf(statusOf(y)) - kOrder.indexOf(statusOf(x)))[0];
  }
  const [{ status, message }] = [a, b].sort((x, y) => kFileOrder.indexOf(y.status) - kFileOrder.indexOf(x.status));
  return { status, ...(message ? { message } : {}), subtests };
}

/** What a later run must bring again: of each file how it ended and the subtests that passed. */
export function baselineOf(results) {
  const kept = (result) => ({ status: result.status, passes: passesOf(result) });
  return Object.fromEntries(Object.entries(results).map(([file, result]) => [file, kept(result)]));
}

/** What a run lost and gained against a baseline, among the files that it ran: lists of {file, name, message}. */
export function compare(baseline, results) {
  const lost = [];
  const gained = [];
  for (const [file, result] of Object.entries(results)) {
    const before = baseline[file];
    const passes = new Set(passesOf(result));
    const expected = new Set(before?.passes ?? []);
    for (const name of expected) {
      if (!passes.has(name)) lost.push({ file, name, message: describe(result.subtests[name]) });
    }
    for (const name of passes) if (!expected.has(name)) gained.push({ file, name });
    if (before && kFileOrder.indexOf(result.status) > kFileOrder.indexOf(before.status)) {
      const message = `${before.status} became ${result.status}: ${result.message ?? ''}`;
      lost.push({ file, name: '(the file as a whole)', message });
    }
  }
  return { lost, gained };
}

const describe = (subtest) => (subtest === undefined ? 'it did not come up' : `${statusOf(subtest)}: ${messageOf(subtest)}`);

export function totals(results) {
  let passed = 0;
  let failed = 0;
  for (const { subtests } of Object.values(results)) {
    for (const subtest of Object.values(subtests)) subtest === 'PASS' ? passed++ : failed++;
  }
  return { passed, failed };
}

export const readJson = (file, otherwise) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : otherwise);

/** JSON with a line for each key of `key`, so that a difference shows the file it is in. */
export function writeByLines(file, object, key) {
  const { [key]: entries, ...head } = object;
  const lines = Object.keys(entries).sort().map((name) => `${JSON.stringify(name)}: ${JSON.stringify(entries[name])}`);
  const start = Object.entries(head).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)},\n`);
  writeFileSync(file, `{\n${start.join('')}${JSON.stringify(key)}: {\n${lines.join(',\n')}\n}\n}\n`);
}
