// docs/conformance.md, made of what runs recorded in results/, of skipped.json and of causes.json.
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileNameOf } from './implementation.mjs';
import { messageOf, passesOf, readJson, statusOf } from './results.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const kPage = resolve(here, '../../docs/conformance.md');
const kOwnName = 'peerage';
const kColumns = [kOwnName, 'chromium', 'firefox', '@roamhq/wrtc', 'werift', 'node-datachannel'];
const kTitles = { chromium: 'Chromium', firefox: 'Firefox' };
const kBrowsers = ['chromium', 'firefox'];

export const recordedAt = (name) => join(here, 'results', `${fileNameOf(name)}.json`);

const titleOf = (name) => kTitles[name] ?? name;
const key = (file, name) => `${file}\n${name}`;
const folderOf = (file) => file.split('/')[0];
const row = (cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) => [row(head), row(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(row)];
/** Text of others inside Markdown: its marks, and those of HTML, mean nothing. */
export const plain = (text) => text.replace(/[\\`*_{}[\]<>|#~&]/g, (mark) => `\\${mark}`).replace(/\s+/g, ' ');
const percent = (part, whole) => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`);

/** Whether a text is a pattern's, in which * stands for anything. */
function fits(pattern, text) {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(text);
}

/** The cause of a failing subtest: of the rules {file, name?, cause} the first whose patterns fit. */
export function causeOf(rules, file, name) {
  return rules.find((rule) => fits(rule.file, file) && (rule.name === undefined || fits(rule.name, name)));
}

/** All that the page counts, over the recorded `runs` {implementation: {files}} and without the files that Node skips. */
export function count(runs, skipped) {
  const passes = {};
  for (const [name, { files }] of Object.entries(runs)) {
    passes[name] = new Set(Object.entries(files).flatMap(([file, result]) => passesOf(result).map((p) => key(file, p))));
  }
  const inNode = (subtest) => !(subtest.split('\n')[0] in skipped);
  const byBrowser = new Set(kBrowsers.flatMap((name) => [...(passes[name] ?? [])]).filter(inNode));
  const files = [...new Set(Object.values(runs).flatMap((run) => Object.keys(run.files)))].sort();
  const [run, skippedFiles] = [false, true].map((wanted) => files.filter((file) => file in skipped === wanted));
  return { passes, byBrowser, files: run, skippedFiles };
}

const passesIn = (runs, name, file) => (runs[name]?.files[file] ? passesOf(runs[name].files[file]).length : undefined);

/** A file's subtests: as many as the run with most of them saw. */
function subtestsOf(runs, file) {
  return Math.max(0, ...Object.values(runs).map((run) => Object.keys(run.files[file]?.subtests ?? {}).length));
}

function totalsSection(runs, { passes, byBrowser, files }) {
  const folders = [...new Set(files.map(folderOf))];
  const shown = kColumns.filter((name) => runs[name]);
  const of = (set, folder) => [...set].filter((subtest) => !folder || subtest.startsWith(`${folder}/`));
  const rowOf = (folder, title) => {
    const wanted = of(byBrowser, folder);
    return [title, String(files.filter((f) => !folder || folderOf(f) === folder).length), String(wanted.length),
            ...shown.map((name) => {
              const passed = wanted.filter((subtest) => passes[name].has(subtest)).length;
              return `${passed} (${percent(passed, wanted.length)})`;
            })];
  };
  const all = shown.map((name) => {
    const passed = files.reduce((sum, file) => sum + (passesIn(runs, name, file) ?? 0), 0);
    return String(passed);
  });
  return [
    '## Of the subtests that a browser passes', '',
    'A subtest counts here if Chromium or Firefox passes it and its file can run in Node.', '',
    ...table(['folder', 'files', 'subtests', ...shown.map(titleOf)],
             [...folders.map((folder) => rowOf(folder, folder)), rowOf('', '**all**')]), '',
    'All subtests passed, whether or not a browser passes them too:', '',
    ...table(['', ...shown.map(titleOf)], [['passed', ...all]]), '',
    ...wrongGlobal(runs, shown),
  ];
}

/** Failures that come of an exception class of the module's own alone: it would be unfair not to say how many. */
function wrongGlobal(runs, shown) {
  const isSuch = (subtest) => /threw an exception from the wrong global/.test(messageOf(subtest));
  const subtests = (name) => Object.values(runs[name].files).flatMap((result) => Object.values(result.subtests));
  const counts = shown.map((name) => [name, subtests(name).filter(isSuch).length]).filter(([, n]) => n > 0);
  if (counts.length === 0) return [];
  return [`Subtests that fail only because the DOMException is of a class other than Node's own: ${
    counts.map(([name, n]) => `${titleOf(name)} ${n}`).join(', ')}.`, ''];
}

function filesSection(runs, files) {
  const rows = files.map((file) => {
    const cells = kColumns.map((name) => {
      const passed = passesIn(runs, name, file);
      const { status } = runs[name]?.files[file] ?? {};
      return passed === undefined ? '–' : `${passed}${status === 'OK' ? '' : ` ${kMarks[status] ?? '!'}`}`;
    });
    return [file, String(subtestsOf(runs, file)), ...cells];
  });
  return [
    '## Each file', '',
    'Subtests passed; *e* where an error that nobody caught ended the file, *t* where its time was over, *c* where the',
    'process crashed. "subtests" is what the run that got furthest saw.', '',
    ...table(['file', 'subtests', ...kColumns.map(titleOf)], rows), '',
  ];
}

const kMarks = { ERROR: '*e*', TIMEOUT: '*t*', CRASH: '*c*', PRECONDITION_FAILED: '*p*' };

function skippedSection(runs, skippedFiles, skipped) {
  const passes = (file) => kBrowsers.map((name) => String(passesIn(runs, name, file) ?? '–'));
  const rows = skippedFiles.map((file) => [file, skipped[file], ...passes(file)]);
  return ['## Files that Node cannot run', '',
          'They need a rendering engine, a worker or a frame; no implementation in Node is measured by them.', '',
          ...table(['file', 'why', ...kBrowsers.map(titleOf)], rows), ''];
}

function failuresSection(own, { byBrowser }, rules) {
  if (!own) return ['## What fails', '', 'No run of peerage has been recorded.', ''];
  const lines = [];
  const used = new Set();
  let failing = 0;
  let unexplained = 0;
  for (const [file, { subtests }] of Object.entries(own.files)) {
    const failures = Object.entries(subtests).filter(([, subtest]) => subtest !== 'PASS');
    if (failures.length === 0) continue;
    lines.push(`### ${file}`, '');
    for (const [name, subtest] of failures) {
      const rule = causeOf(rules, file, name);
      failing++;
      if (rule) used.add(rule);
      else unexplained++;
      const browsers = byBrowser.has(key(file, name)) ? '' : ' (no browser passes it either)';
      const message = messageOf(subtest) ? ` ${plain(messageOf(subtest))}` : '';
      const cause = rule ? `**${rule.cause}**` : 'cause not written down yet';
      lines.push(`- ${plain(name)}${browsers}: ${cause} — ${statusOf(subtest)}${message}`);
    }
    lines.push('');
  }
  const unused = rules.filter((rule) => !used.has(rule));
  for (const { file, name = '*' } of unused) console.warn(`causes.json: nothing fails any more of ${file}, ${name}`);
  return ['## What fails', '',
          `${failing} subtests fail or do not run; ${unexplained} of them without a cause in tests/wpt/causes.json.`, '',
          ...lines];
}

/** The page as text. */
export function page(runs, skipped, rules) {
  const counted = count(runs, skipped);
  const recorded = kColumns.filter((name) => runs[name]);
  const commits = [...new Set(recorded.map((name) => runs[name].commit).filter(Boolean))];
  const dates = recorded.map((name) => runs[name].date).sort();
  return [
    '# Conformance', '',
    'The `webrtc*` folders of [web-platform-tests](https://github.com/web-platform-tests/wpt), unchanged, against peerage',
    'and others; [wpt.md](wpt.md) says how. This page is made by `./run wpt --report` of what `./run wpt --update` recorded.', '',
    `Commit of web-platform-tests: ${commits.join(', ') || 'unknown'}. Recorded ${[...new Set(dates)].join(', ')}:`,
    `${recorded.map((name) => `${titleOf(name)} ${runs[name].version ?? ''}`.trim()).join(', ')}.`, '',
    ...totalsSection(runs, counted),
    ...filesSection(runs, counted.files),
    ...skippedSection(runs, counted.skippedFiles, skipped),
    ...failuresSection(runs[kOwnName], counted, rules),
  ].join('\n').replace(/\n+$/, '\n');
}

export function writeReport() {
  const runs = {};
  for (const name of kColumns) {
    const file = recordedAt(name);
    if (existsSync(file)) runs[name] = readJson(file);
  }
  if (Object.keys(runs).length === 0) throw new Error('nothing has been recorded yet: ./run wpt --wpt DIR --update');
  writeFileSync(kPage, page(runs, readJson(join(here, 'skipped.json'), {}), readJson(join(here, 'causes.json'), [])));
  console.log(`wrote ${kPage}`);
}
