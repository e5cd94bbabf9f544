// Runs test files in a real browser, headless, one page at a time; the same flags and preferences as the browser tests.
import { setTimeout as delay } from 'node:timers/promises';
import { cleanUp, launchBrowser } from '../browser/harness.mjs';
import { Checkout } from './checkout.mjs';
import { harvest } from './results.mjs';
import { Server } from './server.mjs';

/** How long after its limit a page may take to say what it has. */
const kGraceSeconds = 20;

/** A promise's value, or undefined when there is none within `seconds`. */
async function within(seconds, promise) {
  const abort = new AbortController();
  promise.catch(() => {});
  try {
    return await Promise.race([promise, delay(seconds * 1000, undefined, { signal: abort.signal })]);
  } finally {
    abort.abort();
  }
}

export class BrowserRunner {
  constructor(checkout, name) {
    this.name = name;
    this.server = new Server(checkout);
  }

  async start() {
    await this.server.start();
    await this.#launch();
  }

  async stop() {
    if (this.browser) await this.#end();
    await this.server.stop();
  }

  async #launch() {
    this.browser = await launchBrowser(this.name);
    this.version = (await this.browser.version()).replace(/^\D*/, '');
  }

  /** The browser's own closing may wait for a page that hangs for ever. */
  async #end() {
    if (await within(kGraceSeconds, cleanUp().then(() => true))) return;
    this.browser.process()?.kill('SIGKILL');
  }

  /** The result of one file, whose own limit is `seconds`. */
  async run(path, seconds) {
    const address = Checkout.address(path);
    let page;
    let reported;
    try {
      page = await this.browser.newPage();
      await page.bringToFront();
      // Chromium shows 127.0.0.1 to ICE only once a page may use a camera.
      await page.goto(`${this.server.origin}/wpt-runner/blank`);
      await page.evaluate(useCameraOnce);
      reported = this.server.report(address);
      await within(seconds, page.goto(this.server.origin + address));
      let report = await within(seconds, reported);
      if (!report) {
        await within(kGraceSeconds, page.evaluate(() => globalThis.timeout?.()));
        report = await within(kGraceSeconds, reported);
      }
      if (report) return harvest(report);
      return harvest({ status: 'TIMEOUT', message: 'the page says nothing', subtests: [] });
    } catch (error) {
      return harvest({ status: 'CRASH', message: String(error.message), subtests: [] });
    } finally {
      await this.#tidy(page);
    }
  }

  /** Closes the page, and begins anew with a browser that does not let it be closed. */
  async #tidy(page) {
    const closed = await within(kGraceSeconds, page?.close().then(() => true, () => false) ?? Promise.resolve(false));
    if (closed) return;
    await this.#end();
    await this.#launch();
  }
}

/** Runs in a page. */
async function useCameraOnce() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  for (const track of stream.getTracks()) track.stop();
}
