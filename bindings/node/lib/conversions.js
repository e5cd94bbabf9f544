'use strict';
// WebIDL §3.2: JavaScript values as values of IDL types. convert(type)(value, context) returns the converted value, or throws
// TypeError with `context` ("addTrack of RTCPeerConnection: argument 1") in its message.

const primitives = require('webidl-conversions');
const { isInstance } = require('./slots.js');

const { dictionaries, enums, interfaces, callbacks } = require('../build/interfaces.json');

/** Members that the native side knows, for the dictionaries that go there: others count as if nobody had defined them. */
let known = {};
function setKnownMembers(members) { known = members; }

const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';
const isNumeric = (name) => /^(unsigned |unrestricted )*(byte|octet|short|long|long long|float|double)$/.test(name);
const isString = (name) => name === 'DOMString' || name === 'USVString' || name === 'ByteString' || name in enums;

function fail(context, what) { throw new TypeError(`${context} ${what}.`); }

/** What each name that is neither a primitive nor in the IDL means. */
const platform = {
  any: (value) => value,
  undefined: () => undefined,
  object: (value, context) => (isObject(value) ? value : fail(context, 'is not an object')),
  EventHandler: (value) => (isObject(value) ? value : null), // [LegacyTreatNonObjectAsNull]
  Blob: (value, context) => (value instanceof Blob ? value : fail(context, 'is not a Blob')),
  ArrayBuffer: (value, context) => primitives.ArrayBuffer(value, { context }),
  ArrayBufferView: (value, context) => primitives.ArrayBufferView(value, { context }),
};

const converters = new Map();

/** The converter of a type, as tools/generate.mjs writes it. */
function convert(type) {
  let converter = converters.get(type);
  if (!converter) converters.set(type, converter = make(type));
  return converter;
}

function make(type) {
  const plain = makePlain(type);
  if (!type.nullable) return plain;
  return (value, context) => (value === undefined || value === null ? null : plain(value, context));
}

function makePlain(type) {
  if (type.union) return union(type.union);
  if (type.sequence) return sequence(convert(type.sequence));
  const { name } = type;
  if (name in enums) return enumeration(name);
  if (name in dictionaries) return dictionary(name);
  if (name in interfaces) return (value, context) => (isInstance(value, name) ? value : fail(context, `is not a ${name}`));
  if (name in callbacks) return (value, context) => (typeof value === 'function' ? value : fail(context, 'is not a function'));
  if (Object.hasOwn(platform, name)) return platform[name];
  const primitive = primitives[name];
  if (!primitive) throw new Error(`no converter for ${JSON.stringify(type)}`);
  const enforceRange = type.extended?.includes('EnforceRange') ?? false;
  const clamp = type.extended?.includes('Clamp') ?? false;
  return (value, context) => primitive(value, { context, enforceRange, clamp });
}

function enumeration(name) {
  const values = new Set(enums[name]);
  return (value, context) => {
    const text = primitives.DOMString(value, { context });
    return values.has(text) ? text : fail(context, `is "${text}", which is no ${name}`);
  };
}

function sequence(item) {
  return (value, context) => {
    const iterate = isObject(value) ? value[Symbol.iterator] : undefined;
    if (iterate === undefined || iterate === null) fail(context, 'is not iterable');
    const list = [];
    for (const entry of { [Symbol.iterator]: () => iterate.call(value) }) list.push(item(entry, `${context}, entry ${list.length},`));
    return list;
  };
}

function dictionary(name) {
  const members = membersOf(name).map((member) => ({ ...member, convert: convert(member.type) }));
  return (value, context) => {
    if (value !== undefined && value !== null && !isObject(value)) fail(context, 'is not an object');
    const result = {};
    for (const member of members) {
      const given = value === undefined || value === null ? undefined : value[member.name];
      if (given !== undefined) {
        result[member.name] = member.convert(given, `${context}, member ${member.name},`);
      } else if ('default' in member) {
        result[member.name] = structuredClone(member.default);
        if (member.type.name in dictionaries) result[member.name] = member.convert({}, context);
      } else if (member.required) {
        fail(context, `has no member "${member.name}", which ${name} needs`);
      }
    }
    return result;
  };
}

/** Those of the dictionaries that it inherits from first. */
function membersOf(name) {
  const { parent, members } = dictionaries[name];
  const own = known[name] ? members.filter((member) => known[name].includes(member.name)) : members;
  return [...(parent ? membersOf(parent) : []), ...own];
}

/** The type of a union that `value` is taken for (WebIDL §3.2.24). */
function choose(types, value) {
  const find = (test) => types.find((type) => type.name !== undefined && test(type.name));
  if (value === undefined || value === null) {
    const chosen = types.find((type) => type.nullable) ?? find((name) => name in dictionaries);
    if (chosen) return chosen;
  }
  if (isObject(value)) {
    const chosen = find((name) => name in interfaces && isInstance(value, name)) ??
      find((name) => name === 'Blob' && value instanceof Blob) ??
      find((name) => name === 'ArrayBuffer' && isBuffer(value)) ??
      find((name) => name === 'ArrayBufferView' && ArrayBuffer.isView(value)) ??
      find((name) => name === 'object') ??
      (typeof value === 'function' ? find((name) => name in callbacks) : undefined) ??
      (typeof value[Symbol.iterator] === 'function' ? types.find((type) => type.sequence) : undefined) ??
      find((name) => name in dictionaries);
    if (chosen) return chosen;
  }
  if (typeof value === 'boolean') { const chosen = find((name) => name === 'boolean'); if (chosen) return chosen; }
  if (typeof value === 'number') { const chosen = find(isNumeric); if (chosen) return chosen; }
  return find(isString) ?? find(isNumeric) ?? find((name) => name === 'boolean');
}

/** An ArrayBuffer of any realm. */
function isBuffer(value) {
  try {
    primitives.ArrayBuffer(value);
    return true;
  } catch {
    return false;
  }
}

function union(types) {
  return (value, context) => {
    const type = choose(types, value);
    return type ? convert(type)(value, context) : fail(context, 'has none of the types that it may have');
  };
}

module.exports = { convert, choose, setKnownMembers, isObject };
