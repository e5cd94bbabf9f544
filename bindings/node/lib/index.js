'use strict';
// The package: the interfaces of webrtc-pc and mediacapture-streams, and what @roamhq/wrtc has beside them.

const { native, setClasses } = require('./native.js');
const objects = require('./objects.js');
const { build } = require('./webidl.js');

const { classes, missing } = build(native, require('./implementations.js'));
setClasses(classes);
objects.setClasses(classes);

for (const [name, Class] of Object.entries(classes)) {
  if (Class && Class !== globalThis[name]) exports[name] = Class;
}
exports.mediaDevices = objects.create('MediaDevices');
exports.getUserMedia = (constraints) => exports.mediaDevices.getUserMedia(constraints);
exports.nonstandard = require('./nonstandard.js');

/** What the IDL has and this package lacks: "RTCRtpSender.dtmf", or the name of a whole interface. The README has the list. */
Object.defineProperty(exports, Symbol.for('peerage.missing'), { value: Object.freeze(missing) });
