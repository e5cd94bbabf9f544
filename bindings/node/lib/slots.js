'use strict';
// What an object of the package keeps that no program can see: a private field on any object.

class Stamp extends (function identity(object) { return object; }) {
  #slot;
  constructor(object, slot) {
    super(object);
    this.#slot = slot;
  }
  static of(object) {
    return (typeof object === 'object' && object !== null && #slot in object) ? object.#slot : undefined;
  }
}

/** Gives `object` its slot: {definition} of its interface and whatever else is kept for it. */
function stamp(object, slot) {
  new Stamp(object, slot);
  return object;
}

/** The slot of an object of the package; undefined for any other value. */
const slotOf = Stamp.of;

/** Whether `value` is an object of the interface `name` or of one that inherits from it. */
function isInstance(value, name) {
  for (let definition = slotOf(value)?.definition; definition; definition = definition.parentDefinition) {
    if (definition.name === name) return true;
  }
  return false;
}

module.exports = { stamp, slotOf, isInstance };
