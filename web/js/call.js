// One call: the specification's perfect negotiation over the server, tracks that come and go, two data channels.

/**
 * Events: "log" {kind, text}, "state", "stream" {stream}, "streamgone" {stream}, "channel" {channel}, "error" {message}.
 * kind is "in", "out", "event" or "bad".
 */
export class Call extends EventTarget {
  #send;
  #polite;
  #makingOffer = false;
  #ignoreOffer = false;
  #settingAnswer = false;
  #work = Promise.resolve();
  #streams = new Map();
  counters = { negotiationneeded: 0, offersSent: 0, offersReceived: 0, answersSent: 0, answersReceived: 0, collisions: 0, candidatesSent: 0, candidatesReceived: 0 };

  /** `send` takes a message for the peer; `polite` yields when both sides make an offer at once. */
  constructor(peer, { send, polite, configuration }) {
    super();
    this.peer = peer;
    this.#send = send;
    this.#polite = polite;
    this.pc = new RTCPeerConnection(configuration);
    this.#listen();
  }

  /** Who calls makes the channels; the other side gets them as an event. */
  createChannels() {
    this.#emit('channel', { channel: this.pc.createDataChannel('chat') });
    this.#emit('channel', { channel: this.pc.createDataChannel('file') });
  }

  /** Messages of the peer, handled one after another in the order in which they came. */
  receive(message) {
    this.#work = this.#work.then(() => this.#handle(message)).catch((error) => this.#fail(`${message.type}: ${error.message}`));
    return this.#work;
  }

  addTrack(track, stream) {
    return this.pc.addTrack(track, stream);
  }

  removeTrack(sender) {
    this.pc.removeTrack(sender);
  }

  restartIce() {
    this.#log('event', 'restartIce()');
    this.pc.restartIce();
  }

  close() {
    this.pc.close();
    for (const stream of this.#streams.values()) this.#emit('streamgone', { stream });
    this.#streams.clear();
    this.#emit('state');
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
  #log(kind, text) {
    this.#emit('log', { kind, text });
  }
  #fail(message) {
    this.#log('bad', message);
    this.#emit('error', { message });
  }

  #listen() {
    const pc = this.pc;
    pc.addEventListener('negotiationneeded', () => this.#negotiate());
    pc.addEventListener('icecandidate', ({ candidate }) => {
      if (!candidate) return this.#log('event', 'gathering of candidates is complete');
      this.counters.candidatesSent++;
      this.#log('out', `candidate ${candidate.candidate || '(end of candidates)'}`);
      this.#send({ type: 'new-ice-candidate', candidate });
    });
    for (const type of ['signalingstatechange', 'connectionstatechange', 'iceconnectionstatechange', 'icegatheringstatechange']) {
      pc.addEventListener(type, () => {
        const name = type.replace('statechange', 'State').replace('iceconnection', 'iceConnection').replace('icegathering', 'iceGathering');
        this.#log('event', `${name}: ${pc[name]}`);
        this.#emit('state');
      });
    }
    pc.addEventListener('track', ({ track, streams }) => this.#takeTrack(track, streams[0] ?? new MediaStream([track])));
    pc.addEventListener('datachannel', ({ channel }) => {
      this.#log('event', `data channel "${channel.label}"`);
      this.#emit('channel', { channel });
    });
  }

  #takeTrack(track, stream) {
    this.#log('event', `track: ${track.kind}`);
    if (!this.#streams.has(stream.id)) {
      this.#streams.set(stream.id, stream);
      stream.addEventListener('removetrack', ({ track: removed }) => {
        this.#log('event', `track removed: ${removed.kind}`);
        if (stream.getTracks().length > 0 || !this.#streams.delete(stream.id)) return;
        this.#emit('streamgone', { stream });
      });
    }
    this.#emit('stream', { stream, track });
  }

  async #negotiate() {
    this.counters.negotiationneeded++;
    this.#log('event', 'negotiationneeded');
    try {
      this.#makingOffer = true;
      await this.pc.setLocalDescription();
      this.counters.offersSent++;
      this.#sendDescription();
    } catch (error) {
      this.#fail(`making an offer: ${error.message}`);
    } finally {
      this.#makingOffer = false;
    }
  }

  #sendDescription() {
    const description = this.pc.localDescription;
    this.#log('out', `${description.type} with ${sections(description.sdp)}`);
    this.#send({ type: description.type === 'offer' ? 'video-offer' : 'video-answer', sdp: description });
  }

  async #handle(message) {
    if (this.pc.signalingState === 'closed') return;
    if (message.type === 'new-ice-candidate') return this.#handleCandidate(message.candidate);
    const description = message.sdp;
    this.#log('in', `${description.type} with ${sections(description.sdp)}`);
    const readyForOffer = !this.#makingOffer && (this.pc.signalingState === 'stable' || this.#settingAnswer);
    const collision = description.type === 'offer' && !readyForOffer;
    if (collision) this.counters.collisions++;
    this.#ignoreOffer = !this.#polite && collision;
    if (collision) this.#log('event', this.#ignoreOffer ? 'collision: this offer is ignored' : 'collision: our offer is taken back');
    if (this.#ignoreOffer) return;
    this.#settingAnswer = description.type === 'answer';
    try {
      await this.pc.setRemoteDescription(description);
    } finally {
      this.#settingAnswer = false;
    }
    if (description.type !== 'offer') {
      this.counters.answersReceived++;
      return;
    }
    this.counters.offersReceived++;
    await this.pc.setLocalDescription();
    this.counters.answersSent++;
    this.#sendDescription();
  }

  async #handleCandidate(candidate) {
    this.counters.candidatesReceived++;
    this.#log('in', `candidate ${candidate?.candidate || '(end of candidates)'}`);
    try {
      await this.pc.addIceCandidate(candidate ?? undefined);
    } catch (error) {
      if (!this.#ignoreOffer) throw error;
    }
  }
}

/** "audio 0, video 1, application 2": the sections of a description with their mids. */
function sections(sdp) {
  const parts = sdp.split(/\r?\nm=/).slice(1);
  return parts.map((part) => `${part.split(' ', 1)[0]} ${/\na=mid:(\S+)/.exec(part)?.[1] ?? ''}`.trim()).join(', ') || 'no section';
}
