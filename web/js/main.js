// The page: what a person sees and does. Signalling, the call, files and measurements are modules of their own.
import { Call } from './call.js';
import { FileTransfers } from './files.js';
import { Signaling, isPolite } from './signaling.js';
import { Meter, bitrate, byteCount } from './stats.js';

const $ = (id) => document.getElementById(id);
const parameters = new URLSearchParams(location.search);

/** All that the page knows, for tests and for the curious: look at window.peerageDemo in the console. */
const demo = {
  state: 'apart', // apart, joining, joined, ringing, calling, incall
  name: '',
  peer: '',
  users: [],
  autoAnswer: parameters.has('auto-answer'),
  call: null,
  get pc() {
    return this.call?.pc ?? null;
  },
  counters: {},
  chat: [],
  filesSent: [],
  filesReceived: [],
  remoteStreams: [],
  localTracks: [],
  stats: null,
  errors: [],
  log: [],
};
window.peerageDemo = demo;

let signaling = null;
let call = null;
let camera = null; // the MediaStream of the first camera and microphone
let extras = []; // {stream, sender, tile}: further cameras and screens
let chatChannel = null;
let files = null;
let pending = null; // {peer, messages}: a call that rings
let ticker = 0;

// ---- Words ---------------------------------------------------------------------------------------------------------------

function status(text) {
  $('status').textContent = text;
}

function complain(text) {
  demo.errors.push(text);
  $('alert-text').textContent = text;
  $('alert').hidden = false;
}

function log(kind, text) {
  const time = new Date().toISOString().slice(11, 23);
  demo.log.push({ kind, text, time });
  const line = document.createElement('li');
  line.dataset.kind = kind;
  const stamp = document.createElement('time');
  stamp.textContent = time;
  const words = document.createElement('span');
  words.textContent = text;
  line.append(stamp, words);
  const list = $('log');
  const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
  list.append(line);
  while (list.children.length > 500) list.firstChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function say(id, text, tone) {
  $(id).textContent = text;
  $(id).dataset.tone = tone;
}

const serverTones = { 'not connected': 'idle', 'connecting': 'busy', 'connected': 'good', 'lost': 'bad' };
function showServer(text) {
  say('server-state', text, serverTones[text]);
  $('reconnect').hidden = text !== 'lost';
}

const callTones = { new: 'busy', connecting: 'busy', connected: 'good', disconnected: 'busy', failed: 'bad', closed: 'idle' };
function showCall() {
  const pc = call?.pc;
  say('call-state', pc ? `${pc.connectionState} with ${call.peer}` : pending ? `${pending.peer} rings` : 'none', pc ? callTones[pc.connectionState] : pending ? 'busy' : 'idle');
  say('signaling-state', pc ? pc.signalingState : 'none', pc ? (pc.signalingState === 'stable' ? 'good' : 'busy') : 'idle');
  const live = Boolean(pc);
  $('toggle-audio').disabled = !live || !camera?.getAudioTracks().length;
  $('toggle-video').disabled = !live || !camera?.getVideoTracks().length;
  $('add-camera').disabled = $('restart-ice').disabled = $('hang-up').disabled = !live;
  $('add-screen').disabled = !live || !navigator.mediaDevices?.getDisplayMedia;
  for (const button of $('people').querySelectorAll('button')) {
    const current = button.dataset.name === call?.peer;
    button.disabled = live || Boolean(pending);
    button.setAttribute('aria-current', String(current));
    button.lastChild.textContent = current ? 'in the call' : 'call';
  }
}

// ---- Joining ---------------------------------------------------------------------------------------------------------------

$('name').value = parameters.get('name') ?? '';
$('join-form').addEventListener('submit', (event) => {
  event.preventDefault();
  join($('name').value.trim());
});
$('reconnect').addEventListener('click', () => join(demo.name));
$('alert-close').addEventListener('click', () => {
  $('alert').hidden = true;
});

function join(name) {
  if (!name) return;
  $('alert').hidden = true;
  $('join').disabled = true;
  showServer('connecting');
  status('Connecting to the server…');
  if (demo.state === 'apart') demo.state = 'joining';
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  signaling = new Signaling(`${scheme}://${location.host}/`, name);
  signaling.addEventListener('ready', ({ detail }) => joined(detail));
  signaling.addEventListener('users', ({ detail }) => showUsers(detail.users));
  signaling.addEventListener('signal', ({ detail }) => receive(detail));
  signaling.addEventListener('refused', ({ detail }) => {
    complain(`The server refused: ${detail.message}.`);
    log('bad', `error from the server: ${detail.code}`);
  });
  signaling.addEventListener('closed', ({ detail }) => left(detail));
}

function joined({ name, renamed }) {
  demo.name = name;
  if (!call) demo.state = 'joined';
  $('own-name').textContent = name;
  $('join-view').hidden = true;
  $('main-view').hidden = false;
  showServer('connected');
  status(renamed ? `That name was taken; here you are ${name}.` : `You are here as ${name}. Choose somebody to call.`);
  log('event', `joined as ${name}`);
  showCall();
}

function left({ message, wasReady }) {
  $('join').disabled = false;
  if (!wasReady && !demo.name) {
    showServer('not connected');
    demo.state = 'apart';
    status('Not connected.');
    if (!demo.errors.length || $('alert').hidden) complain(message);
    return;
  }
  // Also when an attempt to come back has failed: the call lives on, and there will be another attempt.
  showServer('lost');
  if (!call) status('Not connected.');
  showUsers([]);
  complain(`${message}${call ? ' The call goes on, but nothing can be negotiated.' : ''}`);
  log('bad', 'the connection to the server is lost');
}

function showUsers(users) {
  demo.users = users;
  const items = users.map((name) => {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    button.dataset.name = name;
    button.setAttribute('aria-label', `Call ${name}`);
    const hint = document.createElement('span');
    hint.textContent = 'call';
    button.append(name, hint);
    button.addEventListener('click', () => invite(name));
    item.append(button);
    return item;
  });
  const focused = document.activeElement?.dataset?.name;
  $('people').replaceChildren(...items);
  if (focused) items.map((item) => item.firstChild).find((button) => button.dataset.name === focused)?.focus();
  $('nobody').hidden = users.length > 0;
  if (pending && !users.includes(pending.peer)) stopRinging(`${pending.peer} left.`);
  if (call && signaling.open && !users.includes(call.peer)) end(`${call.peer} left the server.`);
  showCall();
}

// ---- Calls -----------------------------------------------------------------------------------------------------------------

/** Camera and microphone, or what of them there is; null, with a word about it, when there is neither. */
async function openCamera() {
  if (camera) return camera;
  if (!navigator.mediaDevices?.getUserMedia) {
    complain('This browser gives no camera to a page that came neither by https nor from localhost. You can still see, hear, chat and exchange files.');
    return null;
  }
  const attempts = [{ audio: true, video: { width: { ideal: 640 }, height: { ideal: 480 } } }, { audio: true }, { video: true }];
  let problem;
  for (const constraints of attempts) {
    try {
      camera = await navigator.mediaDevices.getUserMedia(constraints);
      return camera;
    } catch (error) {
      problem = error;
      if (error.name === 'NotAllowedError') break;
    }
  }
  const reason = problem.name === 'NotAllowedError' ? 'You did not allow the camera and the microphone.' : `No camera or microphone can be used (${problem.message}).`;
  complain(`${reason} You can still see, hear, chat and exchange files.`);
  return null;
}

function makeCall(peer) {
  const polite = isPolite(signaling.name, peer);
  call = demo.call = new Call(peer, { polite, send: (message) => sendTo(peer, message) });
  demo.peer = peer;
  demo.counters = call.counters;
  demo.remoteStreams = [];
  call.addEventListener('log', ({ detail }) => log(detail.kind, detail.text));
  call.addEventListener('error', ({ detail }) => complain(`The negotiation with ${peer} failed: ${detail.message}`));
  call.addEventListener('channel', ({ detail }) => takeChannel(detail.channel));
  call.addEventListener('stream', ({ detail }) => showRemote(detail.stream, detail.track));
  call.addEventListener('streamgone', ({ detail }) => dropRemote(detail.stream));
  const current = call;
  call.addEventListener('state', () => {
    if (call === current) stateChanged();
  });
  log('event', `call with ${peer}; this end is ${polite ? 'polite' : 'impolite'}`);
  const meter = new Meter();
  ticker = setInterval(() => measure(current, meter), 1000);
  return call;
}

function sendTo(peer, message) {
  if (!signaling.signal(peer, message)) complain('The server is not connected: the other side does not learn of this change.');
}

function sendOwnTracks(stream) {
  if (!stream) {
    // Something to receive all the same.
    for (const kind of ['audio', 'video']) call.pc.addTransceiver(kind, { direction: 'recvonly' });
    return;
  }
  for (const track of stream.getTracks()) call.addTrack(track, stream);
  showLocal(stream, 'You', true);
  demo.localTracks = call.pc.getSenders().map((sender) => sender.track?.id).filter(Boolean);
}

async function invite(peer) {
  if (call || pending) return;
  demo.state = 'calling';
  status(`Calling ${peer}…`);
  $('placeholder').hidden = true;
  makeCall(peer);
  showCall();
  const current = call;
  const stream = await openCamera();
  if (call !== current) return;
  sendOwnTracks(stream);
  call.createChannels();
  showCall();
}

function receive(message) {
  const peer = message.name ?? call?.peer ?? pending?.peer; // MDN's page leaves its name out of candidates
  if (message.type === 'hang-up') {
    if (pending?.peer === peer) return stopRinging(`${peer} gave up.`);
    if (call?.peer === peer) end(`${peer} hung up.`);
    return;
  }
  if (call?.peer === peer) return call.receive(message);
  if (pending?.peer === peer) return pending.messages.push(message);
  if (message.type !== 'video-offer') return;
  if (call || pending) {
    log('event', `${peer} called while the line was busy`);
    sendTo(peer, { type: 'hang-up' });
    return;
  }
  pending = { peer, messages: [message] };
  demo.state = 'ringing';
  log('in', `a call from ${peer}`);
  if (demo.autoAnswer) return accept();
  $('incoming-text').textContent = `${peer} is calling you.`;
  $('incoming').hidden = false;
  $('accept').focus();
  showCall();
}

function stopRinging(text) {
  pending = null;
  demo.state = 'joined';
  $('incoming').hidden = true;
  status(text);
  showCall();
}

async function accept() {
  const ringing = pending;
  if (!ringing) return;
  $('incoming').hidden = true;
  const stream = await openCamera();
  if (pending !== ringing) return; // hung up meanwhile
  pending = null;
  demo.state = 'calling';
  $('placeholder').hidden = true;
  makeCall(ringing.peer);
  // Our tracks first, so that the answer has them. The offer is applied in the same turn: no offer of ours gets in between.
  if (stream) sendOwnTracks(stream);
  for (const message of ringing.messages) call.receive(message);
  status(`Answering ${ringing.peer}…`);
  $('stage').focus();
  showCall();
}

$('accept').addEventListener('click', accept);
$('decline').addEventListener('click', () => {
  const peer = pending?.peer;
  if (!peer) return;
  sendTo(peer, { type: 'hang-up' });
  stopRinging(`You declined the call from ${peer}.`);
});

function stateChanged() {
  const state = call.pc.connectionState;
  if (state === 'connected') {
    if (demo.state !== 'incall') status(`Connected with ${call.peer}.`);
    demo.state = 'incall';
  } else if (state === 'disconnected') {
    status(`The connection with ${call.peer} is interrupted; waiting for it to come back.`);
  } else if (state === 'failed') {
    complain(`The connection with ${call.peer} failed. Restart ICE to try again, or hang up.`);
  }
  showCall();
}

function end(text) {
  if (!call) return;
  clearInterval(ticker);
  const over = call;
  call = demo.call = null;
  over.close();
  for (const extra of extras) stop(extra.stream);
  extras = [];
  if (camera) stop(camera);
  camera = null;
  chatChannel = files = null;
  demo.state = 'joined';
  demo.localTracks = [];
  demo.remoteStreams = [];
  for (const tile of document.querySelectorAll('#remote .tile, #local .tile')) tile.remove();
  $('placeholder').hidden = false;
  $('toggle-audio').setAttribute('aria-pressed', 'false');
  $('toggle-video').setAttribute('aria-pressed', 'false');
  showChannel('chat', null);
  showChannel('file', null);
  status(text);
  log('event', text);
  showCall();
}

function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

$('hang-up').addEventListener('click', () => {
  const { peer } = call;
  sendTo(peer, { type: 'hang-up' });
  end(`You hung up on ${peer}.`);
});
$('restart-ice').addEventListener('click', () => call.restartIce());
$('ask-video').addEventListener('click', () => sendChat('/video'));
addEventListener('pagehide', () => {
  if (call && signaling?.open) signaling.signal(call.peer, { type: 'hang-up' });
});

// ---- Pictures --------------------------------------------------------------------------------------------------------------

function tile(stream, caption, { muted = false, mirrored = false } = {}) {
  const figure = document.createElement('figure');
  figure.className = mirrored ? 'tile mirrored' : 'tile';
  figure.dataset.stream = stream.id;
  const video = document.createElement('video');
  video.autoplay = video.playsInline = true;
  video.muted = muted;
  video.srcObject = stream;
  video.setAttribute('aria-label', caption);
  const words = document.createElement('figcaption');
  const name = document.createElement('span');
  name.textContent = caption;
  words.append(name);
  figure.append(video, words);
  video.addEventListener('resize', () => {
    if (video.videoWidth) figure.style.aspectRatio = `${video.videoWidth} / ${video.videoHeight}`;
  });
  return figure;
}

function showRemote(stream, track) {
  let figure = $('remote').querySelector(`[data-stream="${CSS.escape(stream.id)}"]`);
  if (!figure) {
    demo.remoteStreams.push(stream);
    figure = tile(stream, `${call.peer} · picture ${demo.remoteStreams.length}`);
    $('remote').append(figure);
  }
  if (track.kind !== 'video') return;
  const name = figure.querySelector('span');
  const plain = name.textContent;
  const show = (paused) => {
    figure.classList.toggle('paused', paused);
    name.textContent = paused ? `${plain} (nothing arrives)` : plain;
  };
  track.addEventListener('mute', () => show(true));
  track.addEventListener('unmute', () => show(false));
}

function dropRemote(stream) {
  demo.remoteStreams = demo.remoteStreams.filter((known) => known !== stream);
  $('remote').querySelector(`[data-stream="${CSS.escape(stream.id)}"]`)?.remove();
}

function showLocal(stream, caption, mirrored) {
  const figure = tile(stream, caption, { muted: true, mirrored });
  $('local').append(figure);
  return figure;
}

async function addPicture(caption, open) {
  if (!call) return;
  const current = call;
  let stream;
  try {
    stream = await open();
  } catch (error) {
    if (error.name !== 'NotAllowedError') complain(`${caption} cannot be used: ${error.message}.`);
    return;
  }
  if (call !== current) return stop(stream);
  const [track] = stream.getVideoTracks();
  const extra = { stream, sender: call.addTrack(track, stream), figure: showLocal(stream, caption, false) };
  extras.push(extra);
  const remove = document.createElement('button');
  remove.type = 'button';
  remove.textContent = 'Remove';
  remove.setAttribute('aria-label', `Stop sending: ${caption}`);
  remove.addEventListener('click', () => removePicture(extra));
  extra.figure.querySelector('figcaption').append(remove);
  track.addEventListener('ended', () => removePicture(extra)); // "Stop sharing" in the browser's own bar
  log('event', `added: ${caption}`);
  status(`${caption} is being sent.`);
}

function removePicture(extra) {
  if (!extras.includes(extra)) return;
  extras = extras.filter((other) => other !== extra);
  stop(extra.stream);
  extra.figure.remove();
  call.removeTrack(extra.sender);
  log('event', 'removed a picture');
  status('The picture is no longer sent.');
  $('add-camera').focus();
}

$('add-camera').addEventListener('click', () =>
  addPicture(`Camera ${extras.length + 2}`, async () => {
    // Another camera when there is one; else the same once more.
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === 'videoinput');
    const used = [camera, ...extras.map((extra) => extra.stream)].map((stream) => stream?.getVideoTracks()[0]?.getSettings().deviceId);
    const free = cameras.find((device) => device.deviceId && !used.includes(device.deviceId));
    return navigator.mediaDevices.getUserMedia({ video: free ? { deviceId: { exact: free.deviceId } } : true });
  }),
);
$('add-screen').addEventListener('click', () => addPicture('Screen', () => navigator.mediaDevices.getDisplayMedia({ video: true })));

function toggle(button, tracks) {
  const off = button.getAttribute('aria-pressed') !== 'true';
  button.setAttribute('aria-pressed', String(off));
  for (const track of tracks) track.enabled = !off;
  return off;
}
$('toggle-audio').addEventListener('click', ({ currentTarget }) => {
  status(toggle(currentTarget, camera.getAudioTracks()) ? 'Your microphone is muted.' : 'Your microphone is on.');
});
$('toggle-video').addEventListener('click', ({ currentTarget }) => {
  status(toggle(currentTarget, camera.getVideoTracks()) ? 'Your camera is paused.' : 'Your camera is on.');
});

// ---- Channels --------------------------------------------------------------------------------------------------------------

function showChannel(label, channel) {
  const state = channel?.readyState ?? 'closed';
  const open = state === 'open';
  if (label === 'chat') {
    $('chat-state').textContent = state;
    $('chat-text').disabled = $('chat-send').disabled = $('ask-video').disabled = $('ask-file').disabled = !open;
  } else {
    $('files-state').textContent = state;
    $('file').disabled = !open;
    $('file-label').setAttribute('aria-disabled', String(!open));
  }
}

function takeChannel(channel) {
  const current = call;
  const update = () => {
    if (call === current) showChannel(channel.label, channel);
  };
  for (const type of ['open', 'closing', 'close']) {
    channel.addEventListener(type, () => {
      log('event', `data channel "${channel.label}": ${channel.readyState}`);
      update();
    });
  }
  channel.addEventListener('error', ({ error }) => log('bad', `data channel "${channel.label}": ${error.message}`));
  if (channel.label === 'chat') {
    chatChannel = channel;
    channel.addEventListener('message', ({ data }) => showChat(current.peer, String(data)));
  } else if (channel.label === 'file') {
    files = new FileTransfers(channel);
    for (const type of ['progress', 'sent', 'refused', 'received']) {
      files.addEventListener(type, ({ detail }) => showTransfer(type, detail.transfer));
    }
    files.addEventListener('problem', ({ detail }) => complain(detail.message));
  }
  update();
}

function showChat(from, text) {
  demo.chat.push({ from, text });
  const line = document.createElement('li');
  const who = document.createElement('span');
  who.className = 'hidden';
  who.textContent = `${from}: `;
  line.className = from === demo.name ? 'own' : '';
  line.append(who, text);
  $('chat').append(line);
  $('chat').scrollTop = $('chat').scrollHeight;
}

function sendChat(text) {
  if (chatChannel?.readyState !== 'open') return complain('The chat is not open.');
  chatChannel.send(text);
  showChat(demo.name, text);
}

$('chat-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = $('chat-text').value.trim();
  if (!text) return;
  sendChat(text);
  $('chat-text').value = '';
});
$('ask-file').addEventListener('click', () => sendChat('/file'));
$('file').addEventListener('change', ({ currentTarget }) => {
  for (const file of currentTarget.files) files?.send(file);
  currentTarget.value = '';
});

const verdicts = new Map([[true, 'intact'], [false, 'DAMAGED'], [null, 'not checked']]);
const lines = new WeakMap();

function showTransfer(type, transfer) {
  let line = lines.get(transfer);
  if (!line) {
    line = document.createElement('li');
    const words = document.createElement('span');
    const bar = document.createElement('progress');
    bar.setAttribute('aria-label', `Progress of ${transfer.name}`);
    line.append(words, bar);
    lines.set(transfer, line);
    $('files').prepend(line);
  }
  const [words, bar] = line.children;
  const verb = transfer.direction === 'in' ? 'Receiving' : 'Sending';
  if (type === 'progress') {
    bar.max = Math.max(1, transfer.size);
    bar.value = transfer.done;
    words.textContent = `${verb} ${transfer.name}, ${byteCount(transfer.size)}`;
    return;
  }
  bar?.remove();
  if (type === 'refused') {
    words.textContent = `Not taken by the other side: ${transfer.name}, ${byteCount(transfer.size)}`;
    complain(`The other side did not take "${transfer.name}".`);
    log('bad', words.textContent);
    return;
  }
  const result = `${byteCount(transfer.size)}, ${verdicts.get(transfer.intact)}`;
  if (type === 'sent') {
    demo.filesSent.push(transfer);
    words.textContent = `Sent ${transfer.name}: ${result}`;
  } else {
    demo.filesReceived.push(transfer);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(transfer.blob);
    link.download = transfer.name;
    link.textContent = transfer.name;
    words.replaceChildren('Received ', link, `: ${result}`);
  }
  if (transfer.intact === false) complain(`"${transfer.name}" did not arrive as it was sent.`);
  log('event', words.textContent);
}

// ---- Measurements ----------------------------------------------------------------------------------------------------------

async function measure(current, meter) {
  if (call !== current || current.pc.connectionState !== 'connected') return;
  const stats = await meter.read(current.pc);
  if (call !== current) return;
  demo.stats = stats;
  $('stat-rtt').textContent = stats.rtt === null ? '–' : `${(stats.rtt * 1000).toFixed(1)} ms`;
  $('stat-in').textContent = bitrate(stats.inbound);
  $('stat-out').textContent = bitrate(stats.outbound);
  $('stat-frames').textContent = stats.framesPerSecond === null ? '–' : `${stats.framesPerSecond.toFixed(0)} a second, ${stats.framesDecoded} in all`;
  $('stat-lost').textContent = String(stats.packetsLost);
  $('stat-path').textContent = stats.path ?? '–';
}

showServer('not connected');
showCall();
