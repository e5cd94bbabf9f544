import assert from 'node:assert/strict';
import { test } from 'node:test';
import { event, negotiate, pair, peerage, within } from './helpers.mjs';

const { MediaStream, getUserMedia, mediaDevices, nonstandard } = peerage;
const { RTCAudioSink, RTCAudioSource, RTCVideoSink, RTCVideoSource, i420ToRgba, rgbaToI420 } = nonstandard;

const i420 = (width, height, luma) => {
  const data = new Uint8Array(width * height * 1.5).fill(128);
  data.fill(luma, 0, width * height);
  return { width, height, data };
};
const mean = (array) => array.reduce((sum, value) => sum + value, 0) / array.length;

test('pictures go from a source through a connection into a sink', async (t) => {
  const [a, b] = pair(t);
  const source = new RTCVideoSource();
  a.addTrack(source.createTrack());
  const arrived = event(b, 'track');
  await negotiate(a, b);
  const { track } = await arrived;
  const sink = new RTCVideoSink(track);
  const timer = setInterval(() => source.onFrame(i420(160, 120, 200)), 40);
  t.after(() => { clearInterval(timer); sink.stop(); });
  const { frame } = await event(sink, 'frame', (e) => e.frame.width === 160);
  assert.deepEqual([frame.width, frame.height, frame.data.length, frame.rotation], [160, 120, 160 * 120 * 1.5, 0]);
  assert.ok(Math.abs(mean(frame.data.subarray(0, 160 * 120)) - 200) < 8);
  assert.equal(track.muted, false);
});

test('sound goes from a source through a connection into a sink', async (t) => {
  const [a, b] = pair(t);
  const source = new RTCAudioSource();
  a.addTrack(source.createTrack());
  const arrived = event(b, 'track');
  await negotiate(a, b);
  const sink = new RTCAudioSink((await arrived).track);
  let n = 0;
  const timer = setInterval(() => { // 16 kHz, 1 kHz tone, 10 ms at a time
    const samples = Int16Array.from({ length: 160 }, () => 12000 * Math.sin((2 * Math.PI * 1000 * n++) / 16000));
    source.onData({ samples, sampleRate: 16000, channelCount: 1, numberOfFrames: 160 });
  }, 10);
  t.after(() => { clearInterval(timer); sink.stop(); });
  const data = await event(sink, 'data', (e) => e.samples.some((s) => Math.abs(s) > 3000));
  assert.equal(data.sampleRate, 48000);
  assert.equal(data.bitsPerSample, 16);
  assert.equal(data.samples.length, data.numberOfFrames * data.channelCount);
});

test('a sink is called after onFrame() has returned, and not after stop()', async () => {
  const source = new RTCVideoSource();
  const track = source.createTrack();
  const sink = new RTCVideoSink(track);
  let returned = false;
  const got = event(sink, 'frame');
  sink.onframe = () => { assert.ok(returned); };
  source.onFrame(i420(16, 16, 50));
  returned = true;
  assert.equal((await got).frame.data[0], 50);
  const second = new RTCVideoSink(track);
  sink.onframe = () => assert.fail('stopped');
  source.onFrame(i420(16, 16, 60));
  sink.stop();
  assert.equal(sink.stopped, true);
  await event(second, 'frame');
  assert.throws(() => source.onFrame({ width: 16, height: 16, data: new Uint8Array(10) }), TypeError);
  assert.throws(() => source.onFrame({ width: 0, height: 16, data: new Uint8Array(10) }), TypeError);
  assert.throws(() => new RTCAudioSink(track), TypeError);
});

test('a resampled tone keeps its length and its level', async () => {
  const source = new RTCAudioSource();
  const sink = new RTCAudioSink(source.createTrack());
  let frames = 0;
  const heard = within(new Promise((resolve) => {
    sink.ondata = ({ samples, numberOfFrames }) => {
      frames += numberOfFrames;
      assert.ok(samples.every((s) => s === 1000));
      if (frames >= 47_990) resolve();
    };
  }), 'sound');
  source.onData({ samples: new Int16Array(441).fill(1000), sampleRate: 44100 });
  for (let i = 0; i < 99; ++i) source.onData({ samples: new Int16Array(441).fill(1000), sampleRate: 44100 });
  await heard;
  assert.ok(Math.abs(frames - 48_000) <= 2, `${frames}`);
  sink.stop();
});

test('tones: tonechange for each, and one at the end', async (t) => {
  const [a, b] = pair(t);
  const sender = a.addTrack(new RTCAudioSource().createTrack());
  assert.equal(sender.dtmf, sender.dtmf);
  assert.throws(() => sender.dtmf.insertDTMF('1'), { name: 'InvalidStateError' });
  await negotiate(a, b);
  while (a.connectionState !== 'connected') await event(a, 'connectionstatechange');
  assert.equal(sender.dtmf.canInsertDTMF, true);
  assert.throws(() => sender.dtmf.insertDTMF('x'), { name: 'InvalidCharacterError' });
  const tones = [];
  sender.dtmf.ontonechange = (e) => {
    assert.ok(e instanceof peerage.RTCDTMFToneChangeEvent);
    tones.push(e.tone);
  };
  const over = event(sender.dtmf, 'tonechange', (e) => e.tone === '');
  sender.dtmf.insertDTMF('1#', 40, 30);
  assert.equal(sender.dtmf.toneBuffer, '1#');
  await over;
  assert.deepEqual(tones, ['1', '#', '']);
});

test('parameters, capabilities, preferences', async (t) => {
  const [a] = pair(t);
  const transceiver = a.addTransceiver('video', { sendEncodings: [{ maxBitrate: 100_000 }] });
  const { sender, receiver } = transceiver;
  const parameters = sender.getParameters();
  assert.equal(parameters.encodings[0].maxBitrate, 100_000);
  parameters.encodings[0].active = false;
  await sender.setParameters(parameters);
  assert.equal(sender.getParameters().encodings[0].active, false);
  await assert.rejects(sender.setParameters({}), TypeError);
  await assert.rejects(sender.setParameters({ ...sender.getParameters(), encodings: [] }), { name: 'InvalidModificationError' });
  const { codecs } = peerage.RTCRtpReceiver.getCapabilities('video');
  assert.ok(codecs.some(({ mimeType }) => mimeType === 'video/VP8'));
  assert.equal(peerage.RTCRtpSender.getCapabilities('smell'), null);
  transceiver.setCodecPreferences(codecs);
  assert.throws(() => transceiver.setCodecPreferences([{ mimeType: 'video/none', clockRate: 1 }]), { name: 'InvalidModificationError' });
  receiver.jitterBufferTarget = 100;
  assert.equal(receiver.jitterBufferTarget, 100);
  receiver.jitterBufferTarget = null;
  assert.equal(receiver.jitterBufferTarget, null);
  assert.throws(() => { receiver.jitterBufferTarget = -1; }, RangeError);
  assert.deepEqual(receiver.getContributingSources(), []);
});

test('colours', () => {
  const rgba = { width: 4, height: 2, data: new Uint8ClampedArray(32) };
  for (let i = 0; i < 8; ++i) rgba.data.set([255, 0, 0, 255], 4 * i);
  const yuv = { width: 4, height: 2, data: new Uint8ClampedArray(12) };
  rgbaToI420(rgba, yuv);
  assert.ok(Math.abs(yuv.data[0] - 82) <= 2 && Math.abs(yuv.data[10] - 240) <= 2); // BT.601's red: Y 82, V 240
  const back = { width: 4, height: 2, data: new Uint8ClampedArray(32) };
  i420ToRgba(yuv, back);
  assert.ok(back.data[0] > 245 && back.data[1] < 10 && back.data[2] < 10 && back.data[3] === 255);
  assert.throws(() => i420ToRgba(yuv, { ...back, width: 2 }), TypeError);
});

test('the fake devices', async () => {
  const stream = await getUserMedia({ audio: true, video: { width: 320, height: { exact: 240 } } });
  const [video] = stream.getVideoTracks();
  assert.equal(stream.getAudioTracks().length, 1);
  assert.deepEqual([video.getSettings().width, video.getSettings().height], [320, 240]);
  const sink = new RTCVideoSink(video);
  const { frame } = await event(sink, 'frame');
  assert.deepEqual([frame.width, frame.height], [320, 240]);
  const sound = new RTCAudioSink(stream.getAudioTracks()[0]);
  await event(sound, 'data', (e) => e.samples.some((s) => s > 5000));
  for (const track of stream.getTracks()) track.stop();
  assert.equal(stream.active, false);
  await assert.rejects(getUserMedia({}), TypeError);
  await assert.rejects(mediaDevices.getUserMedia({ video: { width: { min: 10_000 } } }), { name: 'OverconstrainedError', constraint: 'width' });
  assert.deepEqual((await mediaDevices.enumerateDevices()).map((d) => d.kind), ['audioinput', 'videoinput']);
});

test('MediaStream', () => {
  const track = new RTCVideoSource().createTrack();
  const stream = new MediaStream([track]);
  const copy = new MediaStream(stream);
  const clone = stream.clone();
  assert.equal(copy.getTracks()[0], track);
  assert.notEqual(clone.getTracks()[0].id, track.id);
  assert.equal(stream.getTrackById(track.id), track);
  assert.equal(stream.getTrackById('x'), null);
  stream.removeTrack(track);
  assert.deepEqual(stream.getTracks(), []);
  assert.equal(stream.active, false);
  assert.throws(() => new MediaStream([1]), TypeError);
});
