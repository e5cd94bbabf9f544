import assert from 'node:assert/strict';
import { test } from 'node:test';
import { event, negotiate, pair, peerage } from './helpers.mjs';

async function open(t, init) {
  const [a, b] = pair(t);
  const channel = a.createDataChannel('echo', init);
  const arrived = event(b, 'datachannel');
  const opened = event(channel, 'open');
  await negotiate(a, b);
  await opened;
  return { a, b, channel, other: (await arrived).channel };
}

test('strings and bytes come through, in order, as what they were', async (t) => {
  const { channel, other } = await open(t);
  other.onmessage = ({ data }) => other.send(data);
  const echoes = [];
  const all = new Promise((resolve) => {
    channel.onmessage = (e) => {
      assert.ok(e instanceof MessageEvent);
      echoes.push(e.data);
      if (echoes.length === 6) resolve();
    };
  });
  const bytes = new Uint8Array([1, 2, 3, 250]);
  channel.send('grüß dich \u{1f642}');
  channel.send('');
  channel.send(bytes.buffer);
  channel.send(bytes.subarray(1, 3));
  channel.send(new DataView(bytes.buffer, 2));
  channel.send(new ArrayBuffer(0));
  await all;
  assert.equal(echoes[0], 'grüß dich \u{1f642}');
  assert.equal(echoes[1], '');
  assert.deepEqual(echoes.slice(2).map((b) => [...new Uint8Array(b)]), [[1, 2, 3, 250], [2, 3], [3, 250], []]);
  assert.ok(echoes[2] instanceof ArrayBuffer);
});

test('a Blob keeps its place among what is sent, and binaryType "blob" gives Blobs', async (t) => {
  const { channel, other } = await open(t);
  other.binaryType = 'blob';
  const got = [];
  const all = new Promise((resolve) => {
    other.onmessage = ({ data }) => {
      got.push(data);
      if (got.length === 3) resolve();
    };
  });
  channel.send('first');
  channel.send(new Blob(['second']));
  assert.ok(channel.bufferedAmount >= 6);
  channel.send('third');
  await all;
  assert.deepEqual([got[0], await got[1].text(), got[2]], ['first', 'second', 'third']);
});

test('attributes say what was asked for, on both sides', async (t) => {
  const { channel, other } = await open(t, { ordered: false, maxRetransmits: 3, protocol: 'p' });
  for (const c of [channel, other]) {
    assert.deepEqual([c.label, c.ordered, c.maxRetransmits, c.maxPacketLifeTime, c.protocol, c.negotiated, c.readyState],
                     ['echo', false, 3, null, 'p', false, 'open']);
  }
  assert.equal(channel.id, other.id);
});

test('bufferedamountlow fires, and close reaches the other side', async (t) => {
  const { channel, other } = await open(t);
  channel.bufferedAmountLowThreshold = 1000;
  const low = event(channel, 'bufferedamountlow');
  channel.send(new Uint8Array(200_000));
  assert.equal(channel.bufferedAmount, 200_000);
  await low;
  const closed = Promise.all([event(channel, 'close'), event(other, 'close')]);
  channel.close();
  assert.equal(channel.readyState, 'closing');
  await closed;
  assert.deepEqual([channel.readyState, other.readyState], ['closed', 'closed']);
  assert.throws(() => channel.send('late'), { name: 'InvalidStateError' });
});

test('bufferedamountlow fires when the message has left, before an answer to it can come', async (t) => {
  const { channel, other } = await open(t);
  const order = [];
  channel.onbufferedamountlow = () => order.push('low');
  other.onmessage = () => other.send('answer');
  const answered = event(channel, 'message');
  channel.send('question');
  await answered;
  assert.deepEqual(order, ['low']);
});

test('send() on a channel that is not open, and what is no data', () => {
  const pc = new peerage.RTCPeerConnection();
  const channel = pc.createDataChannel('');
  assert.throws(() => channel.send('x'), { name: 'InvalidStateError' });
  assert.throws(() => channel.send(), TypeError);
  channel.binaryType = 'nonsense'; // WebIDL: ignored
  assert.equal(channel.binaryType, 'arraybuffer');
  assert.throws(() => { channel.bufferedAmountLowThreshold = -1; }, TypeError);
  pc.close();
});
