// The server's subprotocol `json`: what MDN's "Signaling and video calling" speaks.

const encoder = new TextEncoder();

/** Of two names the one that comes first, by its UTF-8 bytes, belongs to the polite peer; both ends can tell. */
export function isPolite(ownName, peerName) {
  const a = encoder.encode(ownName);
  const b = encoder.encode(peerName);
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] !== b[i]) return a[i] < b[i];
  }
  return a.length < b.length;
}

/**
 * Events: "ready" {name, renamed}, "users" {users}, "signal" {message}, "refused" {code, message}, "closed" {message}.
 */
export class Signaling extends EventTarget {
  #socket;
  #id;
  #wished;
  #ready = false;
  #complaint = '';
  name = '';

  constructor(url, name) {
    super();
    this.name = this.#wished = name;
    this.#socket = new WebSocket(url, 'json');
    this.#socket.addEventListener('message', (event) => this.#receive(event.data));
    this.#socket.addEventListener('close', (event) => {
      const known = this.#complaint || event.reason;
      const message = known || (this.#ready ? 'The connection to the server was lost.' : 'The server cannot be reached.');
      this.#emit('closed', { message, wasReady: this.#ready });
    });
  }

  get open() {
    return this.#ready && this.#socket.readyState === WebSocket.OPEN;
  }

  /** Sends a message to one user; false when there is no connection to send it on. */
  signal(target, message) {
    return this.#send({ ...message, name: this.name, target });
  }

  close() {
    this.#socket.close(1000);
  }

  #send(message) {
    if (this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #receive(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    switch (message?.type) {
      case 'id':
        this.#id = message.id;
        this.#send({ type: 'username', name: this.#wished, id: this.#id, date: Date.now() });
        break;
      case 'rejectusername':
        this.name = message.name;
        break;
      case 'userlist':
        if (!this.#ready && message.users.includes(this.name)) {
          this.#ready = true;
          this.#emit('ready', { name: this.name, renamed: this.name !== this.#wished });
        }
        if (this.#ready) this.#emit('users', { users: message.users.filter((user) => user !== this.name) });
        break;
      case 'error':
        this.#complaint = message.message;
        this.#emit('refused', message);
        if (!this.#ready) this.#socket.close(1000);
        break;
      case 'video-offer':
      case 'video-answer':
      case 'new-ice-candidate':
      case 'hang-up':
        if (message.name !== this.name) this.#emit('signal', message);
        break;
    }
  }
}
