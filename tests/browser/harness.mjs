// What every browser test needs: the program under test as a child process, a browser, and waiting for what should happen.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';

const cleanups = [];
/** What a failure shows of each child and page: functions that give a heading and lines. */
const witnesses = [];
const kLinesOfAWitness = Number(process.env.WITNESS_LINES ?? 80);

export function fail(message) {
  throw new Error(message);
}

export function check(condition, message) {
  if (!condition) fail(message);
  console.log(`ok: ${message}`);
}

/** Resolves with the first truthy value of `probe`; rejects, naming `what`, when there is none within `seconds`. */
export async function until(what, probe, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) fail(`waited ${seconds} s for: ${what}${last ? ` (${last.message})` : ''}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A child of the program under test whose output is kept by lines. */
export class Child {
  constructor(args) {
    this.lines = [];
    this.args = args;
    this.process = spawn(process.env.PEERAGE_PROGRAM ?? fail('PEERAGE_PROGRAM must name the built program'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.exited = once(this.process, 'exit').then(([code, signal]) => ({ code, signal }));
    for (const stream of [this.process.stdout, this.process.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text) => {
        const parts = (rest + text).split('\n');
        rest = parts.pop();
        this.lines.push(...parts);
        if (process.env.VERBOSE) for (const line of parts) console.log(`[${args[0]}] ${line}`);
      });
    }
    witnesses.push(() => [args.join(' '), this.lines]);
    cleanups.push(() => this.stop());
  }
  line(pattern) {
    return this.lines.map((line) => line.match(pattern)).find(Boolean);
  }
  count(pattern) {
    return this.lines.filter((line) => pattern.test(line)).length;
  }
  async waitFor(pattern, seconds = 30) {
    return until(`${this.args.join(' ')} printing ${pattern}`, () => {
      if (this.process.exitCode !== null && !this.line(pattern)) {
        fail(`it ended with ${this.process.exitCode}: ${this.lines.slice(-5).join(' | ')}`);
      }
      return this.line(pattern);
    }, seconds);
  }
  async stop(signal = 'SIGINT') {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill(signal);
    return this.exited;
  }
}

const chromiumArguments = [
  '--no-sandbox',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--auto-select-desktop-capture-source=Entire screen',
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-gpu',
  '--no-first-run',
];
const firefoxPreferences = {
  'media.peerconnection.ice.loopback': true,
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.getusermedia.insecure.enabled': true,
  'media.devices.insecure.enabled': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'permissions.default.camera': 1,
  'permissions.default.microphone': 1,
  'media.autoplay.default': 0,
};

/** A headless browser with a camera and a microphone that are not real; `name` is chromium or firefox. */
export async function launchBrowser(name) {
  const profile = mkdtempSync(join(tmpdir(), `peerage-${name}-`));
  const common = { headless: true, userDataDir: profile, protocolTimeout: 120_000 };
  const browser = await (name === 'firefox'
    ? puppeteer.launch({ ...common, browser: 'firefox', executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
                         extraPrefsFirefox: firefoxPreferences })
    : puppeteer.launch({ ...common, browser: 'chrome', executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
                         args: chromiumArguments }));
  cleanups.push(async () => {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  });
  return browser;
}

/** A page whose own errors are kept; `before` runs in it before its own scripts. */
export async function openPage(browser, url, before) {
  const page = await browser.newPage();
  if (before) await page.evaluateOnNewDocument(before);
  page.errors = [];
  page.on('pageerror', (error) => page.errors.push(String(error?.message ?? error)));
  const said = [];
  page.on('console', (message) => {
    said.push(message.text());
    if (process.env.VERBOSE) console.log(`[page] ${message.text()}`);
  });
  witnesses.push(async () => [url, [...page.errors, ...said, ...(await page.evaluate(whatThePageKnows))]]);
  await page.goto(url);
  return page;
}

/** Runs in the page: its log, its transceivers, and its descriptions, the last two in full. */
function whatThePageKnows() {
  const { pc = window.myPeerConnection, log = [] } = window.peerageDemo ?? {};
  const lines = log.map((l) => `${l.time} ${l.text}`);
  if (!pc) return lines;
  const transceivers = pc.getTransceivers().map((t) => `mid ${t.mid}: ${t.receiver.track.kind} ${t.direction}, now ${t.currentDirection}`);
  const text = (description) => (description ? `${description.type}\n${description.sdp}` : 'none');
  const descriptions = `local ${text(pc.localDescription)}\nremote ${text(pc.remoteDescription)}`;
  return [...lines, `signalingState ${pc.signalingState}, connectionState ${pc.connectionState}`, ...transceivers, descriptions];
}

/** The last lines of every child and page, for whoever must find out why. */
async function testify() {
  for (const witness of witnesses) {
    try {
      const [who, lines] = await witness();
      console.error(`--- ${who}, its last lines:\n${lines.slice(-kLinesOfAWitness).join('\n')}`);
    } catch (error) {
      console.error(`--- a page that says nothing any more: ${error.message}`);
    }
  }
}

/** Runs a scenario, stops what it started, and ends the process with its result. */
export async function main(scenario) {
  let result = 0;
  try {
    await scenario(process.argv[2] ?? 'chromium');
  } catch (error) {
    console.error(`FAILED: ${error.stack ?? error}`);
    result = 1;
    await testify();
  }
  if (!(await cleanUp())) result = 1;
  process.exit(result);
}

/** Stops what was started; whether all of it could be stopped. */
export async function cleanUp() {
  let clean = true;
  for (const cleanup of cleanups.splice(0).reverse()) {
    try {
      await cleanup();
    } catch (error) {
      console.error(`while stopping: ${error.message}`);
      clean = false;
    }
  }
  return clean;
}
