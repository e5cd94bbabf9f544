'use strict';
// MediaStreamTrack: constraints and settings are JavaScript's affair; a source says what it can and does.

const { native } = require('./native.js');
const { slotOf } = require('./slots.js');

/** What the source of a track says of it: {capabilities, settings}. */
function describeTrack(track, { capabilities = {}, settings = {} }) {
  slotOf(track).capabilities = capabilities;
  slotOf(track).settings = settings;
}

const MediaStreamTrack = {
  operations: {
    clone(track) {
      const copy = native.MediaStreamTrack.clone(track);
      const { capabilities, settings, constraints, clones } = slotOf(track);
      Object.assign(slotOf(copy), { capabilities, settings, constraints, clones });
      clones?.add(new WeakRef(copy));
      return copy;
    },
    getCapabilities: (track) => structuredClone(slotOf(track).capabilities ?? {}),
    getSettings: (track) => structuredClone(slotOf(track).settings ?? {}),
    getConstraints: (track) => structuredClone(slotOf(track).constraints ?? {}),
    applyConstraints(track, constraints) {
      // Sources here have one way to run: what is required of them must be so already (mediacapture-streams §11, SelectSettings).
      const settings = slotOf(track).settings ?? {};
      for (const [name, wanted] of Object.entries(constraints)) {
        if (name === 'advanced' || !(name in settings)) continue;
        if (!satisfies(settings[name], wanted)) {
          const { OverconstrainedError } = require('./index.js');
          return Promise.reject(new OverconstrainedError(name, `${name} is ${settings[name]}`));
        }
      }
      slotOf(track).constraints = constraints;
      return Promise.resolve();
    },
  },
};

/** Whether a setting is what a constraint requires; a bare value and `ideal` require nothing. */
function satisfies(value, wanted) {
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted)) return true;
  const { exact, min, max } = wanted;
  if (exact !== undefined && ![exact].flat().includes(value)) return false;
  return (min === undefined || value >= min) && (max === undefined || value <= max);
}

module.exports = { MediaStreamTrack, describeTrack, satisfies };
