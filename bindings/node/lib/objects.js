'use strict';
// Which objects of JavaScript belong together, and how long they live.
//
// The native side finds the JavaScript object of a C++ object again for as long as it is reachable. The objects of one
// connection are kept by the connection's own, and lead back to it: any of them keeps all of them, so that what a program has
// put on one (a listener, a property) is there when it comes back to it. A connection that nobody can reach stays only while
// something can still happen on it: see updateLife().

const { stamp, slotOf } = require('./slots.js');
const { interfaces } = require('../build/interfaces.json');

let classes;
function setClasses(all) { classes = all; }

/** Connections that stay though nobody may be able to reach them. */
const live = new Set();

/** Kept by their connection. The others are kept by whoever has them, or are made anew without a difference. */
const KEPT = new Set(['RTCRtpSender', 'RTCRtpReceiver', 'RTCRtpTransceiver', 'RTCDtlsTransport', 'RTCIceTransport',
  'RTCSctpTransport', 'RTCDataChannel', 'RTCDTMFSender', 'MediaStream', 'MediaStreamTrack']);

const rootOf = (object) => slotOf(object)?.root ?? object;

/** `object` stays as long as `owner`. */
function keep(owner, object) {
  const slot = slotOf(owner);
  if (slot) (slot.kept ??= new Set()).add(object);
}
function release(owner, object) { slotOf(owner)?.kept?.delete(object); }

/** An object of the interface `name`, without its constructor; it belongs to `owner`, the object whose member gave it. */
function create(name, owner = null) {
  const definition = interfaces[name];
  const Class = classes[name];
  const object = definition.parent === 'EventTarget' ? Reflect.construct(EventTarget, [], Class) : Object.create(Class.prototype);
  const slot = { definition };
  stamp(object, slot);
  if (slotOf(owner)) {
    slot.root = rootOf(owner);
    if (name === 'RTCIceCandidate' && slotOf(owner).definition.name === 'RTCIceCandidatePair') keep(owner, object);
    if (KEPT.has(name) && slotOf(slot.root).definition?.name === 'RTCPeerConnection') keep(slot.root, object);
  }
  return object;
}

/**
 * webrtc-pc §4.4: a connection must not be collected while an event can happen. With a description and neither closed nor
 * failed, anything can come from the network. Without a description nothing happens but what was queued (holdForATask).
 */
function updateLife(connection) {
  const { signalingState, connectionState } = connection;
  const described = connection.localDescription !== null || connection.remoteDescription !== null;
  if (signalingState !== 'closed' && connectionState !== 'failed' && described) live.add(connection);
  else live.delete(connection);
}
function end(connection) { live.delete(connection); }

module.exports = { create, keep, release, rootOf, updateLife, end, setClasses };
