// ./run wpt: the webrtc folders of web-platform-tests against an implementation in Node or a browser.
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Checkout } from './checkout.mjs';
import { fileNameOf, findImplementation } from './implementation.mjs';
import { baselineOf, compare, passesOf, readJson, totals, worse, writeByLines } from './results.mjs';
import { recordedAt, writeReport } from './report.mjs';

const kGainedShown = 20;
/** Seconds; three times, or half as much again, what testharness.js allows: machines that test are busy. */
const kLimits = { normal: 30, long: 90 };
const here = dirname(fileURLToPath(import.meta.url));

const kUsage = `./run wpt --wpt DIR [PATTERN…]   runs the tests of DIR's webrtc folders whose path contains a PATTERN (all, without one)
  --impl MODULE        another module of Node, by name or path, instead of the project's own bindings/node
  --browser NAME       chromium or firefox instead
  --results FILE       writes each file's and subtest's result there, as JSON
  --update             records the results as this implementation's baseline
  --repeat N           runs each file N times; of each subtest the worst result counts
  --timeout-factor N   times the limits of a file, 30 s and for those that say they are long 90 s; 1
  --commit HASH        the commit of a DIR that has come without git's history
  --jobs N             files at once in Node, 2; in a browser always one
  --verbose            every subtest that does not pass, with its message
./run wpt --report     writes docs/conformance.md from what was recorded`;

function options() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      wpt: { type: 'string' }, impl: { type: 'string' }, browser: { type: 'string' }, results: { type: 'string' },
      update: { type: 'boolean' }, repeat: { type: 'string', default: '1' }, 'timeout-factor': { type: 'string', default: '1' },
      commit: { type: 'string' },
      jobs: { type: 'string', default: String(Math.min(2, availableParallelism())) }, verbose: { type: 'boolean' },
      report: { type: 'boolean' }, help: { type: 'boolean', short: 'h' },
    },
  });
  const count = (name) => {
    const number = Number(values[name]);
    if (!(number > 0)) throw new Error(`--${name} takes a number above 0, not ${values[name]}`);
    return number;
  };
  if (values.browser && !['chromium', 'firefox'].includes(values.browser)) {
    throw new Error(`--browser is chromium or firefox, not ${values.browser}`);
  }
  if (values.browser && values.impl) throw new Error('--browser and --impl exclude each other');
  const jobs = values.browser ? 1 : count('jobs');
  return { ...values, patterns: positionals, repeat: count('repeat'), factor: count('timeout-factor'), jobs };
}

async function runnerOf(checkout, { browser, impl }) {
  if (browser) {
    const { BrowserRunner } = await import('./in_browser.mjs');
    return { runner: new BrowserRunner(checkout, browser), name: browser };
  }
  const { NodeRunner } = await import('./in_node.mjs');
  const implementation = findImplementation(impl);
  return { runner: new NodeRunner(checkout, implementation), name: implementation.name, version: implementation.version };
}

/** Runs `files`, `jobs` at once, and calls `told` with each one's result. */
async function runAll(runner, checkout, files, { factor, repeat, jobs }, told) {
  const rest = [...files];
  const worker = async () => {
    for (let file; (file = rest.shift()); ) {
      const seconds = factor * kLimits[checkout.page(file).timeout];
      let result = await runner.run(file, seconds);
      for (let i = 1; i < repeat; i++) result = worse(result, await runner.run(file, seconds));
      told(file, result);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

function tell(file, result, verbose) {
  const passed = passesOf(result).length;
  const all = Object.keys(result.subtests).length;
  const status = result.status === 'OK' ? '' : `  ${result.status}`;
  console.log(`${`${passed}/${all}`.padStart(9)}  ${file}${status}`);
  if (result.message && verbose) console.log(`           ${result.message}`);
  if (!verbose) return;
  for (const [name, subtest] of Object.entries(result.subtests)) {
    if (subtest !== 'PASS') console.log(`           ${subtest[0]}  ${name}: ${subtest[1]}`);
  }
}

/** Says what changed against the baseline; whether nothing was lost. */
function judge(baseline, results) {
  const { lost, gained } = compare(baseline.files, results);
  for (const { file, name, message } of lost) console.log(`LOST    ${file}: ${name} (${message})`);
  for (const { file, name } of gained.slice(0, kGainedShown)) console.log(`gained  ${file}: ${name}`);
  if (gained.length > 0) console.log(`${gained.length} gained against the baseline: --update records them`);
  if (lost.length > 0) console.log(`${lost.length} lost against the baseline`);
  return lost.length === 0;
}

const baselineAt = (name) => join(here, 'baseline', `${fileNameOf(name)}.json`);

/** Replaces of what is recorded the files that ran. */
function record(name, head, results) {
  for (const [file, entries] of [[recordedAt(name), results], [baselineAt(name), baselineOf(results)]]) {
    const { files } = readJson(file, { files: {} });
    writeByLines(file, { ...head, files: { ...files, ...entries } }, 'files');
  }
}

async function main() {
  const chosen = options();
  if (chosen.help) {
    console.log(kUsage);
    return 0;
  }
  if (chosen.report) {
    writeReport();
    return 0;
  }
  if (!chosen.wpt) throw new Error(`where is web-platform-tests?\n\n${kUsage}`);
  const checkout = new Checkout(chosen.wpt);
  const skipped = chosen.browser ? {} : readJson(join(here, 'skipped.json'), {});
  const all = checkout.tests(chosen.patterns);
  const files = all.filter((file) => !(file in skipped));
  const { runner, name, version } = await runnerOf(checkout, chosen);
  const results = {};
  await runner.start();
  try {
    await runAll(runner, checkout, files, chosen, (file, result) => {
      results[file] = result;
      tell(file, result, chosen.verbose);
    });
  } finally {
    await runner.stop();
  }
  const head = {
    implementation: name,
    version: version ?? runner.version,
    commit: chosen.commit ?? checkout.commit,
    date: new Date().toISOString().slice(0, 10),
  };
  if (chosen.results) writeByLines(chosen.results, { ...head, files: results }, 'files');
  const kept = judge(readJson(baselineAt(name), { files: {} }), results);
  if (chosen.update) record(name, head, results);
  const { passed, failed } = totals(results);
  console.log(`${files.length} files, ${all.length - files.length} skipped (tests/wpt/skipped.json says why)`);
  console.log(`${passed} passed, ${failed} failed`);
  return kept || chosen.update ? 0 : 1;
}

main().then((status) => process.exit(status), (error) => {
  console.error(`wpt: ${error.message}`);
  process.exit(2);
});
