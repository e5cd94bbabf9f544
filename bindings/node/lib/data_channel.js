'use strict';
// RTCDataChannel.send(): a Blob is read first, and what is sent after it waits for it (webrtc-pc §6.2, "send()").

const { native } = require('./native.js');
const { slotOf } = require('./slots.js');

const Channel = native.RTCDataChannel;

function sendNow(channel, data) {
  if (typeof data === 'string') Channel.sendText(channel, data);
  else Channel.sendBytes(channel, data);
}

const sizeOf = (data) => (typeof data === 'string' ? Buffer.byteLength(data) : data.size ?? data.byteLength);

/** A copy of what the program may change before its turn comes. */
function copyOf(data) {
  if (data instanceof ArrayBuffer) return data.slice(0);
  if (ArrayBuffer.isView(data)) return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  return data;
}

async function drain(channel, waiting) {
  while (waiting.length > 0) {
    const { data, size } = waiting[0];
    try {
      sendNow(channel, data instanceof Blob ? await data.arrayBuffer() : data);
    } catch {
      // The channel closed, or the Blob could not be read: as for all that was queued when a channel closes, nobody is told.
    }
    waiting.shift();
    slotOf(channel).waitingBytes -= size;
  }
  slotOf(channel).waiting = undefined;
}

function send(channel, data) {
  const slot = slotOf(channel);
  if (!slot.waiting && !(data instanceof Blob)) return sendNow(channel, data);
  if (channel.readyState !== 'open') {
    throw new DOMException(`send: readyState is ${channel.readyState}`, 'InvalidStateError');
  }
  const size = sizeOf(data);
  slot.waitingBytes = (slot.waitingBytes ?? 0) + size;
  if (slot.waiting) {
    slot.waiting.push({ data: copyOf(data), size });
  } else {
    slot.waiting = [{ data, size }];
    drain(channel, slot.waiting);
  }
  return undefined;
}

const RTCDataChannel = {
  attributes: {
    bufferedAmount: { get: (channel) => Channel.bufferedAmount(channel) + (slotOf(channel).waitingBytes ?? 0) },
  },
  operations: { send },
};

module.exports = { RTCDataChannel };
