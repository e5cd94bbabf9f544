// Compiled, never run: what a program in TypeScript writes.
import { RTCPeerConnection, RTCDataChannel, RTCRtpTransceiver, RTCStatsReport, mediaDevices, nonstandard } from 'peerage';

const configuration = { iceServers: [{ urls: ['stun:stun.example.org'] }], bundlePolicy: 'max-bundle' as const };
const pc = new RTCPeerConnection(configuration);
pc.onicecandidate = ({ candidate }) => { const text: string | undefined = candidate?.candidate; void text; };
pc.ontrack = ({ track, streams, transceiver }) => {
  const same: RTCRtpTransceiver = transceiver;
  const kind: string = track.kind + streams.length + same.direction;
  void kind;
};
pc.addEventListener('datachannel', ({ channel }) => { channel.send(new Uint8Array(1)); });
const channel: RTCDataChannel = pc.createDataChannel('x', { ordered: false, maxRetransmits: 1 });
channel.onmessage = ({ data }) => { void data; };
channel.binaryType = 'blob';

async function call(): Promise<RTCStatsReport> {
  const stream = await mediaDevices.getUserMedia({ audio: true });
  for (const track of stream.getTracks()) pc.addTrack(track, stream);
  await pc.setLocalDescription();
  await pc.setRemoteDescription({ type: 'answer', sdp: pc.localDescription!.sdp });
  const parameters = pc.getSenders()[0].getParameters();
  parameters.encodings[0].maxBitrate = 100_000;
  await pc.getSenders()[0].setParameters(parameters);
  return pc.getStats();
}
void call;

const source = new nonstandard.RTCVideoSource({ isScreencast: true });
source.onFrame({ width: 2, height: 2, data: new Uint8Array(6) });
const sink = new nonstandard.RTCVideoSink(source.createTrack());
sink.onframe = ({ frame }) => { const n: number = frame.rotation; void n; };

// @ts-expect-error: no such state
if (pc.signalingState === 'nonsense') pc.close();
// @ts-expect-error: read-only
pc.signalingState = 'stable';
// @ts-expect-error: a required member
pc.setRemoteDescription({ sdp: '' });
