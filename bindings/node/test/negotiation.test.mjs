import assert from 'node:assert/strict';
import { test } from 'node:test';
import { event, negotiate, pair, peerage, turn, within } from './helpers.mjs';

const { RTCPeerConnection, nonstandard } = peerage;

test('negotiationneeded fires once for any number of changes, later, and again after a negotiation', async (t) => {
  const [a, b] = pair(t);
  let fired = 0;
  a.onnegotiationneeded = () => { ++fired; };
  const first = event(a, 'negotiationneeded');
  a.addTransceiver('audio');
  a.addTransceiver('video');
  a.createDataChannel('x');
  assert.equal(fired, 0);
  await null;
  assert.equal(fired, 0); // a task, no microtask
  await first;
  await turn();
  assert.equal(fired, 1);
  await negotiate(a, b);
  await turn();
  assert.equal(fired, 1);
  const second = event(a, 'negotiationneeded');
  a.addTransceiver('audio');
  await second;
  assert.equal(fired, 2);
});

test('setRemoteDescription: signalingstatechange, then track, then the promise; microtasks between', async (t) => {
  const [a, b] = pair(t);
  a.addTransceiver('audio');
  await a.setLocalDescription();
  const order = [];
  b.onsignalingstatechange = () => {
    order.push(`state ${b.signalingState}`);
    Promise.resolve().then(() => order.push('microtask after state'));
  };
  b.ontrack = () => {
    order.push('track');
    Promise.resolve().then(() => order.push('microtask after track'));
  };
  const promise = b.setRemoteDescription(a.localDescription).then(() => order.push('promise'));
  assert.deepEqual(order, []); // nothing is called back before the call returns
  await promise;
  assert.deepEqual(order, ['state have-remote-offer', 'microtask after state', 'track', 'microtask after track', 'promise']);
});

/** webrtc-pc §10.7, the perfect negotiation example. */
function perfect(pc, polite, send) {
  let making = false;
  let ignoring = false;
  let settingAnswer = false;
  pc.onnegotiationneeded = async () => {
    try {
      making = true;
      await pc.setLocalDescription();
      send({ description: pc.localDescription });
    } finally {
      making = false;
    }
  };
  pc.onicecandidate = ({ candidate }) => send({ candidate });
  return async ({ description, candidate }) => {
    if (!description) {
      try {
        await pc.addIceCandidate(candidate);
      } catch (error) {
        if (!ignoring) throw error;
      }
      return;
    }
    const ready = !making && (pc.signalingState === 'stable' || settingAnswer);
    const collision = description.type === 'offer' && !ready;
    ignoring = !polite && collision;
    if (ignoring) return;
    settingAnswer = description.type === 'answer';
    await pc.setRemoteDescription(description);
    settingAnswer = false;
    if (description.type === 'offer') {
      await pc.setLocalDescription();
      send({ description: pc.localDescription });
    }
  };
}

test('glare: perfect negotiation brings both sides together', async (t) => {
  const a = new RTCPeerConnection();
  const b = new RTCPeerConnection();
  t.after(() => { a.close(); b.close(); });
  const failures = [];
  const relay = (to) => (message) => {
    const text = JSON.stringify(message);
    setImmediate(() => to()(JSON.parse(text)).catch((error) => failures.push(error)));
  };
  const receiveA = perfect(a, true, relay(() => receiveB));
  const receiveB = perfect(b, false, relay(() => receiveA));
  const tracks = Promise.all([event(a, 'track'), event(b, 'track')]);
  const connected = Promise.all([a, b].map((pc) => event(pc, 'connectionstatechange', () => pc.connectionState === 'connected')));
  a.addTrack(new nonstandard.RTCVideoSource().createTrack());
  b.addTrack(new nonstandard.RTCAudioSource().createTrack());
  const kinds = (await tracks).map((e) => e.track.kind);
  assert.deepEqual(kinds, ['audio', 'video']);
  await connected;
  for (const pc of [a, b]) {
    await within((async () => { while (pc.signalingState !== 'stable') await event(pc, 'signalingstatechange'); })(), 'stable');
  }
  assert.deepEqual(failures, []);
  assert.deepEqual([a, b].map((pc) => pc.getTransceivers().length), [2, 2]);
});

test('the legacy members: callbacks, and offerToReceive', async (t) => {
  const [a, b] = pair(t);
  const offer = await new Promise((resolve, reject) => {
    const promise = a.createOffer(resolve, reject, { offerToReceiveAudio: true });
    assert.ok(promise instanceof Promise);
  });
  assert.equal(offer.type, 'offer');
  assert.deepEqual(a.getTransceivers().map((x) => x.direction), ['recvonly']);
  const error = await new Promise((resolve, reject) => { b.createAnswer(reject, resolve); });
  assert.equal(error.name, 'InvalidStateError');
});

test('getStats is a map of objects', async (t) => {
  const [a, b] = pair(t);
  const channel = a.createDataChannel('x');
  const opened = event(channel, 'open');
  await negotiate(a, b);
  await opened;
  const report = await a.getStats();
  assert.equal(Object.prototype.toString.call(report), '[object RTCStatsReport]');
  const types = new Set([...report.values()].map((stats) => stats.type));
  for (const type of ['peer-connection', 'transport', 'candidate-pair', 'local-candidate', 'data-channel', 'certificate']) {
    assert.ok(types.has(type), type);
  }
  for (const [id, stats] of report) {
    assert.equal(report.get(id), stats);
    assert.equal(stats.id, id);
    assert.equal(typeof stats.timestamp, 'number');
  }
  assert.equal(report.size, [...report.keys()].length);
});
