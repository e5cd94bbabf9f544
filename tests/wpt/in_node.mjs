// Runs test files in Node, each in a process of its own.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { harvest } from './results.mjs';

const program = fileURLToPath(new URL('page.mjs', import.meta.url));
/** How long after its limit a process may take to say what it has, and to end. */
const kGraceSeconds = 15;
/** Of what a process printed, the end, which tells why it fell. */
const kCharactersKept = 2000;

export class NodeRunner {
  constructor(checkout, implementation) {
    this.checkout = checkout;
    this.implementation = implementation;
  }

  async start() {}

  async stop() {}

  /** The result of one file, whose own limit is `seconds`. */
  async run(path, seconds) {
    const child = fork(program, [this.checkout.folder, path, JSON.stringify(this.implementation), String(seconds)],
                       { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], execArgv: [] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => { said = (said + text).slice(-kCharactersKept); });
    }
    const subtests = [];
    let ended;
    child.on('message', (message) => {
      if (message.subtest) subtests.push(message.subtest);
      if (message.done) ended = message;
    });
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, (seconds + kGraceSeconds) * 1000);
    const [code, signal] = await once(child, 'close');
    clearTimeout(limit);
    const last = said.trim().split('\n').slice(-3).join(' | ');
    if (ended && code === 0) return harvest(ended);
    const how = late ? 'did not end by itself' : `ended with ${signal ?? code}`;
    return harvest({
      status: late ? 'TIMEOUT' : 'CRASH',
      message: `the process ${how}${ended ? ' after its tests' : ''}${last ? `: ${last}` : ''}`,
      subtests: ended?.subtests ?? subtests,
    });
  }
}
