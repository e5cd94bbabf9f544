import assert from 'node:assert/strict';
import { test } from 'node:test';
import { event, negotiate, pair, peerage } from './helpers.mjs';

const { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate, RTCError, MediaStream, nonstandard } = peerage;

test('an object is the same object each time', async (t) => {
  const [a, b] = pair(t);
  const track = new nonstandard.RTCVideoSource().createTrack();
  const stream = new MediaStream([track]);
  const sender = a.addTrack(track, stream);
  const transceiver = a.getTransceivers()[0];
  assert.equal(a.getSenders()[0], sender);
  assert.equal(transceiver.sender, sender);
  assert.equal(sender.track, track);
  assert.equal(stream.getTracks()[0], track);
  assert.equal(transceiver.receiver.track, transceiver.receiver.track);
  assert.equal(a.getReceivers()[0], transceiver.receiver);
  const arrived = event(b, 'track');
  await negotiate(a, b);
  const e = await arrived;
  assert.equal(e.track, e.receiver.track);
  assert.equal(e.transceiver.receiver, e.receiver);
  assert.equal(b.getTransceivers()[0], e.transceiver);
  assert.equal(e.streams, e.streams);
  assert.ok(Object.isFrozen(e.streams));
  assert.equal(e.streams[0].id, stream.id);
  assert.equal(e.streams[0].getTracks()[0], e.track);
  assert.ok(sender.transport);
  assert.equal(sender.transport, transceiver.receiver.transport);
  assert.equal(sender.transport.iceTransport, sender.transport.iceTransport);
  assert.equal(a.localDescription, a.localDescription);
  assert.equal(a.localDescription, a.currentLocalDescription);
  assert.equal(a.pendingLocalDescription, null);
});

test('the description that was pending is the one that is current', async (t) => {
  const [a, b] = pair(t);
  a.createDataChannel('');
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  const pending = b.pendingRemoteDescription;
  assert.equal(b.remoteDescription, pending);
  await b.setLocalDescription();
  assert.equal(b.currentRemoteDescription, pending);
});

test('what is put on an object is there after a collection', { skip: !globalThis.gc }, async (t) => {
  const [a] = pair(t);
  a.addTransceiver('audio');
  a.getSenders()[0].mark = 'sender';
  a.getReceivers()[0].track.mark = 'track';
  for (let i = 0; i < 5; ++i) {
    globalThis.gc();
    await new Promise((resolve) => { setImmediate(resolve); });
  }
  assert.equal(a.getSenders()[0].mark, 'sender');
  assert.equal(a.getReceivers()[0].track.mark, 'track');
});

test('errors are TypeError, or DOMException by the name of the specification', async () => {
  const pc = new RTCPeerConnection();
  assert.throws(() => RTCPeerConnection(), TypeError);
  assert.throws(() => new RTCPeerConnection({ bundlePolicy: 'all' }), TypeError);
  assert.throws(() => new RTCPeerConnection({ iceCandidatePoolSize: 256 }), TypeError);
  assert.throws(() => new RTCPeerConnection({ iceServers: [{}] }), TypeError);
  assert.throws(() => new RTCPeerConnection({ iceServers: [{ urls: 'http://x' }] }), { name: 'SyntaxError', constructor: DOMException });
  assert.throws(() => new peerage.RTCDataChannel(), TypeError);
  assert.throws(() => pc.addTrack({}), TypeError);
  assert.throws(() => pc.addTransceiver('smell'), TypeError);
  assert.throws(() => pc.addTransceiver('audio', { direction: 'up' }), TypeError);
  assert.throws(() => pc.createDataChannel('x', { maxRetransmits: 1, maxPacketLifeTime: 1 }), TypeError);
  assert.throws(() => RTCPeerConnection.prototype.signalingState, TypeError);
  assert.throws(() => new RTCIceCandidate({ candidate: 'x' }), TypeError);
  await assert.rejects(pc.setRemoteDescription(), TypeError);
  await assert.rejects(pc.setRemoteDescription({ type: 'nonsense' }), TypeError);
  await assert.rejects(RTCPeerConnection.prototype.createOffer.call({}), TypeError);
  await assert.rejects(pc.createAnswer(), { name: 'InvalidStateError', constructor: DOMException });
  await assert.rejects(pc.addIceCandidate({ candidate: 'x', sdpMid: '0' }), { name: 'InvalidStateError' });
  const error = await pc.setRemoteDescription({ type: 'offer', sdp: 'v=0\r\nnonsense' }).catch((e) => e);
  assert.ok(error instanceof RTCError && error instanceof DOMException);
  assert.deepEqual([error.name, error.errorDetail, error.sdpLineNumber], ['OperationError', 'sdp-syntax-error', 2]);
  pc.close();
  assert.throws(() => pc.createDataChannel(''), { name: 'InvalidStateError', code: 11 });
  await assert.rejects(pc.createOffer(), { name: 'InvalidStateError' });
});

test('the shape of WebIDL', () => {
  const prototype = RTCPeerConnection.prototype;
  const operation = Object.getOwnPropertyDescriptor(prototype, 'addIceCandidate');
  assert.deepEqual([operation.enumerable, operation.writable, operation.configurable, operation.value.length], [true, true, true, 0]);
  assert.throws(() => new operation.value(), TypeError);
  const attribute = Object.getOwnPropertyDescriptor(prototype, 'signalingState');
  assert.deepEqual([typeof attribute.get, attribute.set, attribute.enumerable], ['function', undefined, true]);
  assert.equal(prototype.setRemoteDescription.length, 1);
  assert.equal(RTCPeerConnection.length, 0);
  assert.equal(RTCSessionDescription.length, 1);
  assert.equal(Object.getPrototypeOf(RTCPeerConnection), EventTarget);
  assert.equal(Object.prototype.toString.call(new RTCPeerConnection()), '[object RTCPeerConnection]');
  assert.deepEqual(JSON.parse(JSON.stringify(new RTCSessionDescription({ type: 'offer' }))), { type: 'offer', sdp: '' });
});

test('events can be made by a program', () => {
  const pc = new RTCPeerConnection();
  const channel = pc.createDataChannel('');
  const { receiver, sender, ...rest } = pc.addTransceiver('audio');
  void sender; void rest;
  const e = new peerage.RTCTrackEvent('track', { receiver, track: receiver.track, transceiver: pc.getTransceivers()[0] });
  assert.deepEqual([e.receiver, e.track, e.streams.length, e.type, e instanceof Event], [receiver, receiver.track, 0, 'track', true]);
  assert.throws(() => new peerage.RTCTrackEvent('track', {}), TypeError);
  assert.equal(new peerage.RTCDataChannelEvent('x', { channel }).channel, channel);
  assert.equal(new peerage.RTCPeerConnectionIceEvent('x').candidate, null);
  assert.equal(new peerage.RTCPeerConnectionIceErrorEvent('x', { errorCode: 701 }).errorCode, 701);
  const error = new RTCError({ errorDetail: 'dtls-failure', sentAlert: 40 }, 'no');
  assert.deepEqual([error.name, error.message, error.errorDetail, error.sentAlert, error.sctpCauseCode],
                   ['OperationError', 'no', 'dtls-failure', 40, null]);
  assert.equal(new peerage.RTCErrorEvent('error', { error }).error, error);
  pc.close();
});

test('event handler attributes keep the place where they were first set', () => {
  const pc = new RTCPeerConnection();
  const order = [];
  pc.ontrack = () => order.push('first');
  pc.addEventListener('track', () => order.push('listener'));
  pc.ontrack = () => order.push('replaced');
  pc.dispatchEvent(new Event('track'));
  assert.deepEqual(order, ['replaced', 'listener']);
  pc.ontrack = 'no function';
  assert.equal(pc.ontrack, null);
  pc.dispatchEvent(new Event('track'));
  assert.deepEqual(order, ['replaced', 'listener', 'listener']);
  pc.close();
});

test('require() and import give the same', async () => {
  const module = await import('../lib/index.mjs');
  const { default: all, ...names } = module;
  assert.equal(all, peerage);
  assert.deepEqual(Object.keys(names).sort(), Object.keys(peerage).sort());
});
