// Files over a data channel: a JSON header {name, size, type, sha256} as text, the bytes in binary messages, and from the
// receiver {received, sha256} as text. A file that is not taken is answered with {received: 0, sha256: ''}; pieces of it that come
// all the same are passed over.

const CHUNK = 16 * 1024;
const HIGH = 1024 * 1024;
const LOW = 256 * 1024;
const LARGEST = 256 * 1024 * 1024;
const LARGEST_IN_WORDS = '256 MiB';

/** Lower-case hexadecimal; '' where the browser has no SubtleCrypto (a page that did not come by https or from localhost). */
async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) return '';
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Events: "progress", "sent", "refused" (by the peer) and "received", each {transfer}: {direction, name, size, done, intact, blob}. "problem" {message}.
 * intact is true or false once both digests are known, null when there is nothing to compare.
 */
export class FileTransfers extends EventTarget {
  #channel;
  #outgoing = null;
  #incoming = null;
  #passOver = false; // pieces that come belong to a file that was refused
  #waiting = [];
  #work = Promise.resolve();

  constructor(channel) {
    super();
    this.#channel = channel;
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = LOW;
    // In order: a digest that is being computed must not be overtaken by the next header.
    channel.addEventListener('message', ({ data }) => {
      this.#work = this.#work.then(() => this.#receive(data)).catch((error) => this.#emit('problem', { message: error.message }));
    });
    channel.addEventListener('close', () => {
      const unfinished = this.#outgoing ?? this.#incoming?.transfer;
      if (unfinished) this.#emit('problem', { message: `"${unfinished.name}" was cut off: the channel closed.` });
    });
  }

  /** Queues a File or Blob; one is under way at a time. */
  send(file) {
    this.#waiting.push(file);
    if (!this.#outgoing) this.#next();
  }

  async #next() {
    const file = this.#waiting.shift();
    if (!file) return;
    if (file.size > LARGEST) {
      this.#emit('problem', { message: `"${file.name ?? 'file'}" is too large: files of up to ${LARGEST_IN_WORDS} can be sent.` });
      return this.#next();
    }
    const transfer = { direction: 'out', name: file.name ?? 'file', size: file.size, done: 0, intact: null };
    this.#outgoing = transfer;
    try {
      const bytes = await file.arrayBuffer();
      transfer.sha256 = await sha256(bytes);
      this.#channel.send(JSON.stringify({ name: transfer.name, size: file.size, type: file.type || 'application/octet-stream', sha256: transfer.sha256 }));
      this.#emit('progress', { transfer });
      for (let at = 0; at < bytes.byteLength; at += CHUNK) {
        if (this.#channel.bufferedAmount > HIGH) await this.#drained();
        if (this.#outgoing !== transfer) return; // refused meanwhile; the next file is under way
        this.#channel.send(bytes.slice(at, at + CHUNK));
        transfer.done = Math.min(bytes.byteLength, at + CHUNK);
        this.#emit('progress', { transfer });
      }
    } catch (error) {
      if (this.#outgoing !== transfer) return;
      this.#outgoing = null;
      this.#emit('problem', { message: `"${transfer.name}" could not be sent: ${error.message}` });
      this.#next();
    }
  }

  #drained() {
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        this.#channel.removeEventListener('bufferedamountlow', low);
        this.#channel.removeEventListener('close', closed);
        settle(value);
      };
      const low = () => finish(resolve);
      const closed = () => finish(reject, new Error('the channel closed'));
      this.#channel.addEventListener('bufferedamountlow', low);
      this.#channel.addEventListener('close', closed);
    });
  }

  async #receive(data) {
    if (typeof data !== 'string') return this.#receiveBytes(data);
    const message = JSON.parse(data);
    if ('received' in message) return this.#receiveReceipt(message);
    const { name, size, type } = message;
    this.#incoming = null; // what was not finished by now never will be
    if (typeof name !== 'string' || !Number.isSafeInteger(size) || size < 0) this.#refuse('The peer announced a file without name or size.');
    if (size > LARGEST) this.#refuse(`The peer announced "${name}" with ${size} bytes; files of up to ${LARGEST_IN_WORDS} are taken.`);
    this.#passOver = false;
    const transfer = { direction: 'in', name, size, done: 0, intact: null, type: String(type ?? '') };
    this.#incoming = { transfer, chunks: [], sha256: String(message.sha256 ?? '') };
    this.#emit('progress', { transfer });
    if (size === 0) await this.#finishReceiving();
  }

  async #receiveBytes(data) {
    if (this.#passOver) return;
    if (!this.#incoming) throw new Error('The peer sent bytes of no file.');
    const { transfer, chunks } = this.#incoming;
    chunks.push(data);
    transfer.done += data.byteLength;
    if (transfer.done > transfer.size) {
      this.#refuse(`The peer sent more of "${transfer.name}" than it had announced.`);
    }
    this.#emit('progress', { transfer });
    if (transfer.done === transfer.size) await this.#finishReceiving();
  }

  /** Tells the peer that its file is not taken, so that it goes on with its next one, and throws `problem`. */
  #refuse(problem) {
    this.#incoming = null;
    this.#passOver = true;
    this.#channel.send(JSON.stringify({ received: 0, sha256: '' }));
    throw new Error(problem);
  }

  async #finishReceiving() {
    const { transfer, chunks, sha256: announced } = this.#incoming;
    this.#incoming = null;
    transfer.blob = new Blob(chunks, { type: 'application/octet-stream' });
    const digest = await sha256(await transfer.blob.arrayBuffer());
    transfer.intact = digest && announced ? digest === announced : null;
    this.#channel.send(JSON.stringify({ received: transfer.size, sha256: digest }));
    this.#emit('received', { transfer });
  }

  #receiveReceipt({ received, sha256: digest }) {
    const transfer = this.#outgoing;
    if (!transfer) throw new Error('The peer confirmed a file that was not sent.');
    this.#outgoing = null;
    if (received === 0 && transfer.size > 0) {
      this.#emit('refused', { transfer });
      return this.#next();
    }
    transfer.intact = digest && transfer.sha256 ? digest === transfer.sha256 : null;
    this.#emit('sent', { transfer });
    this.#next();
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
