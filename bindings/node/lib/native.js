'use strict';
// The native module, and what it calls in JavaScript.

const native = require('../build/peerage.node');
const { create, release, rootOf, updateLife } = require('./objects.js');
const { setKnownMembers } = require('./conversions.js');
const { slotOf } = require('./slots.js');

let classes;

/** The classes, once they are made; MessageEvent is Node's. */
function setClasses(all) { classes = { MessageEvent, ...all }; }

function dispatch(target, type, eventInterface, members) {
  const name = slotOf(target).definition.name;
  if (name === 'RTCPeerConnection' && (type === 'signalingstatechange' || type === 'connectionstatechange')) updateLife(target);
  if (type === 'message' && target.binaryType === 'blob' && typeof members.data !== 'string') {
    members.data = new Blob([members.data]);
  }
  EventTarget.prototype.dispatchEvent.call(target, new classes[eventInterface](type, members));
  if (name === 'RTCDataChannel' && type === 'close') release(rootOf(target), target);
}

function promise() {
  let settle;
  const result = new Promise((resolve, reject) => {
    settle = (fulfilled, value) => (fulfilled ? resolve(value) : reject(value));
  });
  return { promise: result, settle };
}

function error(kind, name, message, details) {
  switch (kind) {
    case 'RTCError': return new classes.RTCError(details, message);
    case 'TypeError': return new TypeError(message);
    case 'RangeError': return new RangeError(message);
    case 'DOMException': return new DOMException(message, name);
    default: return new Error(message);
  }
}

function report(entries) {
  const object = create('RTCStatsReport');
  slotOf(object).map = new Map(entries.map((entry) => [entry.id, entry]));
  return object;
}

native.setHelpers({ create, dispatch, promise, error, report });
setKnownMembers(native.dictionaries);

module.exports = { native, setClasses };
