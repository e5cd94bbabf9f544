// The process of one test file in Node: node page.mjs CHECKOUT PATH IMPLEMENTATION(JSON) SECONDS. It tells the runner by
// process.send() each subtest as it ends, and all of them once testharness.js is done.
import { runInThisContext } from 'node:vm';
import { Checkout } from './checkout.mjs';
import { loadImplementation } from './implementation.mjs';
import { installWindow } from './window.mjs';

const [folder, path, implementation, seconds] = process.argv.slice(2);

/** Runs the scripts one after the other; one that throws does not keep the next from running. */
function runScripts(checkout, scripts, target) {
  for (const { src, text } of scripts) {
    const url = src === undefined ? undefined : new URL(src, location.href);
    const answer = url && checkout.serve(url.pathname);
    if (url && !answer) {
      console.error(`there is no ${url.pathname}`);
      continue;
    }
    try {
      runInThisContext(answer ? String(answer.body) : text, { filename: url?.pathname ?? `/${path}` });
    } catch (error) {
      target.dispatchEvent(new ErrorEvent('error', { message: `Uncaught ${error}`, error }));
    }
  }
}

function fireLoad(target, document) {
  document.readyState = 'interactive';
  document.dispatchEvent(new Event('DOMContentLoaded'));
  document.readyState = 'complete';
  target.dispatchEvent(new Event('load'));
}

async function main() {
  const checkout = new Checkout(folder);
  const page = checkout.page(path);
  const { interfaces, mediaDevices } = await loadImplementation(JSON.parse(implementation));
  const { target, document } = installWindow(checkout, path, page);
  Object.entries(interfaces).forEach(([name, value]) => {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  });
  const navigator = { userAgent: `Node.js/${process.versions.node}`, mediaDevices };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true, enumerable: true });
  globalThis.wptRunner = (message) => process.send(message, () => {
    // The implementation must let a process end that has connections left open, and must not fall while it does.
    if (message.done) process.exit(0);
  });
  const limit = setTimeout(() => globalThis.timeout?.(), Number(seconds) * 1000);
  limit.unref();
  runScripts(checkout, page.scripts, target);
  setTimeout(fireLoad, 0, target, document);
  // A page does not end by having nothing to do: its tests may wait for what never comes.
  process.channel.ref();
}

main().catch((error) => {
  process.send({ done: true, status: 'ERROR', message: String(error?.stack ?? error), subtests: [] }, () => process.exit(1));
});
