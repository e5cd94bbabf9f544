// When connections end: with the process, with a worker, by collection. Each in a process of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { event, packagePath, peerage, program } from './helpers.mjs';

const START = `
const peerage = require(process.env.PEERAGE);
const { RTCPeerConnection, nonstandard } = peerage;
nonstandard.configure({ includeLoopback: true });
function trickle(a, b) {
  for (const [from, to] of [[a, b], [b, a]]) {
    from.onicecandidate = ({ candidate }) => candidate && to.signalingState !== 'closed' && to.addIceCandidate(candidate);
  }
}
async function negotiate(a, b) {
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
}
async function connect() {
  const a = new RTCPeerConnection();
  const b = new RTCPeerConnection();
  trickle(a, b);
  const channel = a.createDataChannel('x');
  await negotiate(a, b);
  await new Promise((resolve) => { channel.onopen = resolve; });
  return { a, b, channel };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));
async function collected(refs) { // how many are left after many collections; deref() keeps until the end of its job
  let left = refs.length;
  for (let i = 0; i < 100 && left > 0; ++i) {
    await turn();
    global.gc();
    await turn();
    left = refs.filter((ref) => ref.deref()).length;
  }
  return left;
}
`;

function clean({ code, signal, stderr }) {
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
}

test('a connection with nothing to do keeps no program running', async () => {
  const result = await program(`${START}
    const pc = new RTCPeerConnection();
    pc.ontrack = () => {};
    pc.addTransceiver('audio');
    process.on('exit', () => console.log('exit', pc.signalingState));`);
  clean(result);
  assert.equal(result.stdout, 'exit stable\n');
});

test('a connected one does, until it is closed', async () => {
  const result = await program(`${START}
    connect().then(({ a, b, channel }) => {
      b.onconnectionstatechange = () => {};
      setTimeout(() => { console.log(channel.readyState, a.connectionState); a.close(); b.close(); }, 200).unref();
    });`);
  clean(result);
  assert.equal(result.stdout, 'open connected\n');
});

test('process.exit() with live connections', async () => {
  clean(await program(`${START}
    connect().then(({ channel }) => { channel.send('x'); process.exit(0); });`));
});

test('an exception in a listener is an uncaught exception, as in any Node event target', async () => {
  const result = await program(`${START}
    process.on('uncaughtException', (error) => { console.log(error.message); process.exit(0); });
    const pc = new RTCPeerConnection();
    pc.onnegotiationneeded = () => { throw new Error('from the listener'); };
    pc.createDataChannel('x');`);
  clean(result);
  assert.equal(result.stdout, 'from the listener\n');
});

test('a rejection that nobody handles is one of Node', async () => {
  const result = await program(`${START}
    process.on('unhandledRejection', (error) => { console.log(error.name); });
    new RTCPeerConnection().createAnswer();`);
  clean(result);
  assert.equal(result.stdout, 'InvalidStateError\n');
});

test('workers: one that ends by itself, one that is terminated, one that exits', async () => {
  const result = await program(`${START}
    const { Worker, isMainThread } = require('node:worker_threads');
    const body = ${JSON.stringify(START)} + "const { parentPort, workerData } = require('node:worker_threads');" +
      "connect().then(({ a, b, channel }) => { parentPort.postMessage('open');" +
      " if (workerData === 'close') { a.close(); b.close(); } else if (workerData === 'exit') process.exit(0); });";
    const run = (how) => new Promise((resolve, reject) => {
      const worker = new Worker(body, { eval: true, workerData: how });
      worker.on('error', reject);
      worker.on('message', () => { if (how === 'terminate') worker.terminate(); });
      worker.on('exit', () => resolve(how));
    });
    Promise.all([run('close'), run('terminate'), run('exit'), connect()]).then(([x, y, z, { a, b, channel }]) => {
      console.log(x, y, z, channel.readyState);
      a.close();
      b.close();
    });`);
  clean(result);
  assert.equal(result.stdout, 'close terminate exit open\n');
});

test('an unreachable connection is collected, with all that belongs to it', async () => {
  const result = await program(`${START}
    const refs = [];
    (() => {
      for (let i = 0; i < 50; ++i) {
        const pc = new RTCPeerConnection();
        const channel = pc.createDataChannel('x');
        const { sender, receiver } = pc.addTransceiver('video');
        for (const object of [pc, channel, sender, receiver, receiver.track]) refs.push(new WeakRef(object));
      }
    })();
    collected(refs).then((left) => console.log('left', left));`, '--expose-gc');
  clean(result);
  assert.equal(result.stdout, 'left 0\n');
});

test('a closed one is collected, though it was connected and has listeners', async () => {
  const result = await program(`${START}
    (async () => {
      const refs = [];
      await (async () => {
        const { a, b, channel } = await connect();
        for (const object of [a, b, channel]) refs.push(new WeakRef(object));
        b.ontrack = () => {};
        a.close();
        b.close();
      })();
      console.log('left', await collected(refs));
    })();`, '--expose-gc');
  clean(result);
  assert.equal(result.stdout, 'left 0\n');
});

test('one that is connected stays, whoever has it, and its events fire', async () => {
  const result = await program(`${START}
    (async () => {
      await (async () => {
        const a = new RTCPeerConnection();
        const b = new RTCPeerConnection();
        trickle(a, b);
        b.ondatachannel = ({ channel }) => { channel.onmessage = ({ data }) => channel.send('echo of ' + data); };
        const channel = a.createDataChannel('x');
        await negotiate(a, b);
        await new Promise((resolve) => { channel.onopen = resolve; });
        a.onicecandidate = b.onicecandidate = null; // neither leads to the other any more
        const port = new WeakRef(channel);
        global.send = () => port.deref().send('hello');
        channel.onmessage = ({ data }) => { console.log(data); process.exit(0); };
      })();
      for (let i = 0; i < 20; ++i) { await turn(); global.gc(); }
      await turn();
      global.send();
    })();`, '--expose-gc');
  clean(result);
  assert.equal(result.stdout, 'echo of hello\n');
});

test('a pending promise keeps its connection', async () => {
  const result = await program(`${START}
    (() => { new RTCPeerConnection().createOffer().then((offer) => console.log(offer.type)); })();
    for (let i = 0; i < 5; ++i) global.gc();`, '--expose-gc');
  clean(result);
  assert.equal(result.stdout, 'offer\n');
});

test('thousands of connections leave no memory behind', async () => {
  const result = await program(`${START}
    (async () => {
      const round = async () => {
        for (let i = 0; i < 300; ++i) {
          const pc = new RTCPeerConnection();
          pc.createDataChannel('x');
          pc.addTransceiver('audio');
          if (i % 2) pc.close();
        }
        for (let i = 0; i < 10; ++i) { global.gc(); await turn(); }
      };
      await round();
      await round();
      const before = process.memoryUsage().rss;
      for (let i = 0; i < 5; ++i) await round();
      const grown = (process.memoryUsage().rss - before) / 2 ** 20;
      console.log(grown < 40 ? 'level' : 'grown by ' + grown + ' MiB');
    })();`, '--expose-gc');
  clean(result);
  assert.equal(result.stdout, 'level\n');
});

test('connections that end with their worker tell the other side', async (t) => {
  const worker = new Worker(`
    const { parentPort } = require('node:worker_threads');
    const { RTCPeerConnection, nonstandard } = require(${JSON.stringify(packagePath)});
    nonstandard.configure({ includeLoopback: true });
    const pc = new RTCPeerConnection();
    pc.onicecandidate = ({ candidate }) => candidate && parentPort.postMessage({ candidate: candidate.toJSON() });
    parentPort.on('message', async ({ description, candidate, exit }) => {
      if (exit) process.exit(0);
      if (candidate) return pc.addIceCandidate(candidate);
      await pc.setRemoteDescription(description);
      await pc.setLocalDescription();
      parentPort.postMessage({ description: pc.localDescription.toJSON() });
    });`, { eval: true });
  const pc = new peerage.RTCPeerConnection();
  t.after(() => { pc.close(); return worker.terminate(); });
  pc.onicecandidate = ({ candidate }) => candidate && worker.postMessage({ candidate: candidate.toJSON() });
  worker.on('message', ({ description, candidate }) => (
    description ? pc.setRemoteDescription(description) : pc.addIceCandidate(candidate)));
  const channel = pc.createDataChannel('x');
  const opened = event(channel, 'open');
  await pc.setLocalDescription();
  worker.postMessage({ description: pc.localDescription.toJSON() });
  await opened;
  let failed = false; // what a connection does whose other side says nothing
  pc.addEventListener('iceconnectionstatechange', () => { failed ||= pc.iceConnectionState !== 'connected' && pc.iceConnectionState !== 'completed'; });
  const closed = event(channel, 'close');
  worker.postMessage({ exit: true });
  await closed;
  assert.equal(failed, false);
});
