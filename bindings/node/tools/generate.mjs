// Reads the specifications' IDL and writes what the package is made of:
//   interfaces.json   interfaces, dictionaries and enumerations, for lib/webidl.js
//   index.d.ts        the same for TypeScript
// node tools/generate.mjs <folder>
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { declarations } from './typescript.mjs';

const require = createRequire(import.meta.url);
const { parse } = require('webidl2');
const idlFolder = dirname(require.resolve('@webref/idl/package.json'));
const here = dirname(fileURLToPath(import.meta.url));

/** What is read, in this order: partials come after what they extend. */
const FILES = ['webrtc.idl', 'webrtc-stats.idl', 'webrtc-priority.idl', 'mediacapture-streams.idl'];
/** Node has these, or none of them is the package's. */
const LEFT_OUT = new Set(['Navigator', 'CameraDevicePermissionDescriptor']);
/** Of specifications that are not read: what the members above refer to. */
const ELSEWHERE = `
  enum BinaryType { "blob", "arraybuffer" };
  dictionary EventInit { boolean bubbles = false; boolean cancelable = false; boolean composed = false; };
  typedef (object or DOMString) AlgorithmIdentifier;
  typedef unsigned long long EpochTimeStamp;
  typedef double DOMHighResTimeStamp;
  typedef (ArrayBufferView or ArrayBuffer) BufferSource;
  callback VoidFunction = undefined ();
`;

const typedefs = new Map();
const interfaces = new Map();
const dictionaries = new Map();
const enums = {};
const callbacks = {};

const extensions = (list) => {
  const found = (list ?? []).map((x) => x.name).filter((name) => ['EnforceRange', 'Clamp'].includes(name));
  return found.length ? { extended: found } : {};
};

/** A type as plain data: {name}, {sequence}, {promise}, {frozenArray}, {record} or {union}, with nullable and extended. */
function typeOf(idl, attributes = []) {
  const more = { ...(idl.nullable ? { nullable: true } : {}), ...extensions([...idl.extAttrs, ...attributes]) };
  if (idl.union) return { union: idl.idlType.map((t) => typeOf(t)), ...more };
  if (idl.generic === 'record') return { record: idl.idlType.map((t) => typeOf(t)), ...more };
  if (idl.generic) {
    const kind = { sequence: 'sequence', Promise: 'promise', FrozenArray: 'frozenArray' }[idl.generic];
    if (!kind) throw new Error(`what is ${idl.generic}?`);
    return { [kind]: typeOf(idl.idlType[0]), ...more };
  }
  if (typedefs.has(idl.idlType)) return { ...typedefs.get(idl.idlType), ...more };
  return { name: idl.idlType, ...more };
}

function defaultOf(idl) {
  if (!idl) return {};
  switch (idl.type) {
    case 'string': case 'boolean': return { default: idl.value };
    case 'number': return { default: Number(idl.value) };
    case 'null': return { default: null };
    case 'sequence': return { default: [] };
    case 'dictionary': return { default: {} };
    default: throw new Error(`what is the default ${JSON.stringify(idl)}?`);
  }
}

const argumentOf = (idl) => ({
  name: idl.name,
  type: typeOf(idl.idlType, idl.extAttrs),
  ...(idl.optional ? { optional: true } : {}),
  ...(idl.variadic ? { variadic: true } : {}),
  ...defaultOf(idl.default),
});

function addInterface(idl) {
  const known = interfaces.get(idl.name) ?? { name: idl.name, parent: null, constructors: null, attributes: [], operations: {}, maplike: null };
  interfaces.set(idl.name, known);
  known.parent ??= idl.inheritance ?? null;
  for (const member of idl.members) {
    if (member.type === 'constructor') {
      (known.constructors ??= []).push(member.arguments.map(argumentOf));
    } else if (member.type === 'attribute') {
      known.attributes.push({
        name: member.name,
        type: typeOf(member.idlType, member.extAttrs),
        ...(member.readonly ? { readonly: true } : {}),
        ...(member.extAttrs.some((x) => x.name === 'SameObject') ? { sameObject: true } : {}),
      });
    } else if (member.type === 'operation') {
      const operation = (known.operations[member.name] ??= { static: member.special === 'static', overloads: [] });
      operation.overloads.push({ returns: typeOf(member.idlType), arguments: member.arguments.map(argumentOf) });
    } else if (member.type === 'maplike') {
      known.maplike = member.idlType.map((t) => typeOf(t));
    } else {
      throw new Error(`${idl.name}: what is a ${member.type}?`);
    }
  }
}

function addDictionary(idl) {
  const known = dictionaries.get(idl.name) ?? { name: idl.name, parent: null, members: [] };
  dictionaries.set(idl.name, known);
  known.parent ??= idl.inheritance ?? null;
  for (const member of idl.members) {
    known.members.push({
      name: member.name,
      type: typeOf(member.idlType, member.extAttrs),
      ...(member.required ? { required: true } : {}),
      ...defaultOf(member.default),
    });
  }
  known.members.sort((a, b) => (a.name < b.name ? -1 : 1)); // WebIDL reads them in this order
}

const trees = [parse(ELSEWHERE), ...FILES.map((file) => parse(readFileSync(join(idlFolder, file), 'utf8')))];
const all = trees.flat().filter((idl) => !LEFT_OUT.has(idl.name));
// A typedef may be used before its line, and by another typedef: until nothing changes.
let waiting = all.filter((idl) => idl.type === 'typedef');
for (let before = Infinity; waiting.length < before;) {
  before = waiting.length;
  for (const idl of waiting) typedefs.set(idl.name, typeOf(idl.idlType));
  const unresolved = (t) => t.union?.some(unresolved) || (t.name && waiting.some((w) => w.name === t.name));
  waiting = waiting.filter((idl) => unresolved(typedefs.get(idl.name)));
}
for (const idl of all) {
  switch (idl.type) {
    case 'interface': addInterface(idl); break;
    case 'dictionary': addDictionary(idl); break;
    case 'enum': enums[idl.name] = idl.values.map((v) => v.value); break;
    case 'callback': callbacks[idl.name] = { returns: typeOf(idl.idlType), arguments: idl.arguments.map(argumentOf) }; break;
    case 'typedef': break;
    default: throw new Error(`what is a ${idl.type}?`);
  }
}

const data = {
  interfaces: Object.fromEntries(interfaces),
  dictionaries: Object.fromEntries(dictionaries),
  enums,
  callbacks,
};
const folder = process.argv[2] ?? join(here, '../build');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'interfaces.json'), JSON.stringify(data, null, 1) + '\n');
writeFileSync(join(folder, 'index.d.ts'), declarations(data, readFileSync(join(here, 'nonstandard.d.ts'), 'utf8')));
