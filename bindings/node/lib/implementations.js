'use strict';
// What the members do that are more than a call into the native module. An operation gets the object and its converted
// arguments; `this` is the IDL's overload.

const { native } = require('./native.js');
const { create, keep, release, end } = require('./objects.js');
const { isInstance, slotOf } = require('./slots.js');
const channel = require('./data_channel.js');
const track = require('./track.js');
const { MediaDevices, MediaDeviceInfo, InputDeviceInfo } = require('./media_devices.js');

const Pc = native.RTCPeerConnection;

/** Calls what may queue a task on the connection that fires an event: until then the connection must stay. */
function queuing(connection, result) {
  native.holdForATask(connection);
  return result;
}

/** webrtc-pc §4.4.3: an operation with callbacks instead of a promise. */
function withCallbacks(promise, success, failure) {
  promise.then(success, failure);
  return Promise.resolve();
}
const isLegacy = (overload) => overload.returns.promise.name === 'undefined' &&
  overload.arguments.some((argument) => /Callback$/.test(argument.name));

/** One object for each description, for as long as it is one of the connection's. */
function describe(connection, attribute, side) {
  const init = Pc[attribute](connection);
  if (!init) return null;
  const slot = slotOf(connection);
  const known = ((slot.descriptions ??= {})[side] ??= []);
  const same = known.find((object) => slotOf(object).values.type === init.type && slotOf(object).values.sdp === init.sdp);
  if (same) return same;
  const made = create('RTCSessionDescription');
  slotOf(made).values = init;
  known.push(made);
  if (known.length > 2) known.shift(); // a current and a pending one
  return made;
}
const description = (attribute, side) => ({ get: (connection) => describe(connection, attribute, side) });

/** webrtc-pc §4.4.3.2: offerToReceiveAudio and offerToReceiveVideo change the transceivers. */
function offerToReceive(connection, kind, wanted) {
  if (wanted === undefined) return;
  const all = Pc.getTransceivers(connection).filter((t) => t.receiver.track.kind === kind && t.direction !== 'stopped');
  if (!wanted) {
    for (const transceiver of all) {
      if (transceiver.direction === 'sendrecv') transceiver.direction = 'sendonly';
      else if (transceiver.direction === 'recvonly') transceiver.direction = 'inactive';
    }
  } else if (!all.some((t) => t.direction === 'sendrecv' || t.direction === 'recvonly')) {
    Pc.addTransceiver(connection, kind, { direction: 'recvonly', streams: [], sendEncodings: [] });
  }
}

function createOffer(connection, options) {
  if (connection.signalingState !== 'closed') {
    offerToReceive(connection, 'audio', options.offerToReceiveAudio);
    offerToReceive(connection, 'video', options.offerToReceiveVideo);
  }
  return Pc.createOffer(connection, options);
}

/** A copy of a converted configuration: the lists are new (of one URL too, as browsers give it), the certificates the same. */
function copyOf(configuration) {
  return {
    ...configuration,
    iceServers: configuration.iceServers.map((server) => ({ ...server, urls: [server.urls].flat() })),
    certificates: [...configuration.certificates],
  };
}

/** An integer by WebIDL's [EnforceRange], or undefined. */
function enforced(value, name, max) {
  if (value === undefined) return undefined;
  const number = Math.trunc(Number(value));
  if (!(number >= 0 && number <= max)) throw new TypeError(`generateCertificate: ${name} is not in 0..${max}: ${String(value)}`);
  return number;
}

/** Web Cryptography's AlgorithmIdentifier, with RTCCertificateExpiration, as members that are plain values; what there are
 * certificates of, the native side knows. */
function keyAlgorithm(algorithm) {
  if (typeof algorithm === 'string') return { name: algorithm };
  const { name, namedCurve, modulusLength, publicExponent, hash, expires } = algorithm;
  if (name === undefined) throw new TypeError('generateCertificate: the algorithm has no name.');
  if (publicExponent !== undefined && !(publicExponent instanceof Uint8Array)) {
    throw new TypeError('generateCertificate: publicExponent is no Uint8Array.');
  }
  const text = (value) => (value === undefined ? undefined : `${value}`);
  return {
    name: text(name),
    namedCurve: text(namedCurve),
    modulusLength: enforced(modulusLength, 'modulusLength', 0xffffffff),
    publicExponent,
    hash: text(typeof hash === 'object' && hash !== null ? hash.name : hash),
    expires: enforced(expires, 'expires', Number.MAX_SAFE_INTEGER),
  };
}

const RTCPeerConnection = {
  construct(connection, configuration) {
    Pc.construct(connection, configuration);
    slotOf(connection).configuration = configuration;
  },
  attributes: {
    localDescription: description('localDescription', 'local'),
    currentLocalDescription: description('currentLocalDescription', 'local'),
    pendingLocalDescription: description('pendingLocalDescription', 'local'),
    remoteDescription: description('remoteDescription', 'remote'),
    currentRemoteDescription: description('currentRemoteDescription', 'remote'),
    pendingRemoteDescription: description('pendingRemoteDescription', 'remote'),
  },
  operations: {
    createOffer(connection, ...args) {
      if (!isLegacy(this)) return createOffer(connection, ...args);
      const [success, failure, options] = args;
      return withCallbacks(createOffer(connection, options), success, failure);
    },
    createAnswer(connection, ...args) {
      if (!isLegacy(this)) return Pc.createAnswer(connection, ...args);
      return withCallbacks(Pc.createAnswer(connection, {}), ...args);
    },
    setLocalDescription(connection, init, ...callbacks) {
      const promise = Pc.setLocalDescription(connection, init);
      return isLegacy(this) ? withCallbacks(promise, ...callbacks) : promise;
    },
    setRemoteDescription(connection, init, ...callbacks) {
      const promise = Pc.setRemoteDescription(connection, init);
      return isLegacy(this) ? withCallbacks(promise, ...callbacks) : promise;
    },
    addIceCandidate(connection, init, ...callbacks) {
      const promise = Pc.addIceCandidate(connection, init);
      return isLegacy(this) ? withCallbacks(promise, ...callbacks) : promise;
    },
    getConfiguration: (connection) => copyOf(slotOf(connection).configuration),
    setConfiguration(connection, configuration) {
      Pc.setConfiguration(connection, configuration);
      slotOf(connection).configuration = configuration;
    },
    restartIce: (connection) => queuing(connection, Pc.restartIce(connection)),
    close(connection) {
      Pc.close(connection);
      end(connection);
    },
    addTrack(connection, added, streams) {
      const sender = Pc.addTrack(connection, added, streams);
      for (const object of [added, ...streams]) keep(connection, object);
      return queuing(connection, sender);
    },
    removeTrack: (connection, sender) => queuing(connection, Pc.removeTrack(connection, sender)),
    addTransceiver(connection, trackOrKind, init) {
      const transceiver = Pc.addTransceiver(connection, trackOrKind, init);
      if (typeof trackOrKind !== 'string') keep(connection, trackOrKind);
      for (const stream of init.streams) keep(connection, stream);
      return queuing(connection, transceiver);
    },
    createDataChannel: (connection, ...args) => queuing(connection, Pc.createDataChannel(connection, ...args)),
  },
  statics: {
    generateCertificate(algorithm) {
      return Pc.generateCertificate(keyAlgorithm(algorithm));
    },
  },
};

/** null for a kind that is none. */
const capabilities = (table) => ({
  getCapabilities: (kind) => (kind === 'audio' || kind === 'video' ? table.getCapabilities(kind) : null),
});

const RTCRtpReceiver = { statics: capabilities(native.RTCRtpReceiver) };

const RTCRtpSender = {
  statics: capabilities(native.RTCRtpSender),
  operations: {
    replaceTrack(sender, other) {
      if (other) keep(slotOf(sender).root, other);
      return native.RTCRtpSender.replaceTrack(sender, other);
    },
    setStreams(sender, streams) {
      native.RTCRtpSender.setStreams(sender, streams);
      for (const stream of streams) keep(slotOf(sender).root, stream);
      native.holdForATask(slotOf(sender).root);
    },
  },
};

const RTCRtpTransceiver = {
  attributes: {
    direction: {
      get: native.RTCRtpTransceiver.direction,
      set(transceiver, direction) {
        native.RTCRtpTransceiver['direction='](transceiver, direction);
        native.holdForATask(slotOf(transceiver).root);
      },
    },
  },
  operations: {
    stop(transceiver) {
      native.RTCRtpTransceiver.stop(transceiver);
      native.holdForATask(slotOf(transceiver).root);
    },
  },
};

const RTCSessionDescription = {
  plain: true,
  construct(self, init) { slotOf(self).values = init; },
  operations: { toJSON: (self) => ({ ...slotOf(self).values }) },
};

const RTCIceCandidate = {
  construct(self, init) {
    native.RTCIceCandidate.construct(self, init, init.url);
    slotOf(self).relayProtocol = init.relayProtocol;
  },
  attributes: {
    relayProtocol: { get: (self) => slotOf(self).relayProtocol ?? native.RTCIceCandidate.relayProtocol(self) },
  },
  operations: {
    toJSON: (self) => Object.fromEntries(['candidate', 'sdpMid', 'sdpMLineIndex', 'usernameFragment'].map((name) => [name, self[name]])),
  },
};

const RTCError = {
  plain: true,
  parentArguments: ([, message]) => [message, 'OperationError'],
  construct(self, init) {
    slotOf(self).values = { sdpLineNumber: null, sctpCauseCode: null, receivedAlert: null, sentAlert: null, ...init };
  },
};

const OverconstrainedError = {
  plain: true,
  parentArguments: ([, message]) => [message, 'OverconstrainedError'],
  construct(self, constraint) { slotOf(self).values = { constraint }; },
};

const RTCStatsReport = {
  extend(Class) {
    const { define, named } = require('./webidl.js');
    const mapOf = (self, name) => {
      if (!isInstance(self, 'RTCStatsReport')) throw new TypeError(`${name}: called on an object that is no RTCStatsReport.`);
      return slotOf(self).map;
    };
    const size = Object.getOwnPropertyDescriptor({ get size() { return mapOf(this, 'size').size; } }, 'size').get;
    define(Class.prototype, 'size', { get: size, set: undefined, enumerable: true });
    const add = (name, length, call) => {
      define(Class.prototype, name, {
        value: named(name, length, (self, args) => call(mapOf(self, name), self, ...args)), enumerable: true, writable: true,
      });
    };
    add('get', 1, (map, self, key) => map.get(`${key}`));
    add('has', 1, (map, self, key) => map.has(`${key}`));
    add('entries', 0, (map) => map.entries());
    add('keys', 0, (map) => map.keys());
    add('values', 0, (map) => map.values());
    add('forEach', 1, (map, self, callback, thisArgument) => {
      if (typeof callback !== 'function') throw new TypeError('forEach of RTCStatsReport: argument 1 is not a function.');
      for (const [key, value] of map) callback.call(thisArgument, value, key, self);
    });
    define(Class.prototype, Symbol.iterator, { value: Class.prototype.entries, writable: true });
  },
};

const MediaStream = {
  construct(self, from = []) {
    const tracks = Array.isArray(from) ? from : native.MediaStream.getTracks(from);
    native.MediaStream.construct(self, tracks);
    for (const member of tracks) keep(self, member);
  },
  operations: {
    addTrack(self, added) {
      native.MediaStream.addTrack(self, added);
      keep(self, added);
    },
    removeTrack(self, removed) {
      native.MediaStream.removeTrack(self, removed);
      release(self, removed);
    },
    clone(self) {
      const { MediaStream: Class } = require('./index.js');
      return new Class(native.MediaStream.getTracks(self).map((member) => member.clone()));
    },
  },
};


module.exports = {
  RTCPeerConnection, RTCRtpSender, RTCRtpReceiver, RTCRtpTransceiver, RTCSessionDescription, RTCIceCandidate, RTCError,
  OverconstrainedError, RTCStatsReport, MediaStream, RTCDataChannel: channel.RTCDataChannel, MediaStreamTrack: track.MediaStreamTrack, MediaDevices,
  MediaDeviceInfo, InputDeviceInfo,
};
