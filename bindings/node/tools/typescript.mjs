// The interfaces as TypeScript declarations.

const PRIMITIVES = {
  DOMString: 'string', USVString: 'string', ByteString: 'string', boolean: 'boolean', undefined: 'void', any: 'any',
  object: 'object', EventHandler: 'EventHandler', Blob: 'Blob', ArrayBuffer: 'ArrayBuffer', ArrayBufferView: 'ArrayBufferView',
};
const isNumber = (name) => /^(unsigned |unrestricted )*(byte|octet|short|long|long long|float|double)$/.test(name);

function typeName(type) {
  const plain = () => {
    if (type.union) return type.union.map(typeName).join(' | ');
    if (type.sequence) return `Array<${typeName(type.sequence)}>`;
    if (type.frozenArray) return `ReadonlyArray<${typeName(type.frozenArray)}>`;
    if (type.record) return `Record<string, ${typeName(type.record[1])}>`;
    if (type.promise) return `Promise<${typeName(type.promise)}>`;
    if (isNumber(type.name)) return 'number';
    return PRIMITIVES[type.name] ?? type.name;
  };
  return type.nullable ? `${plain()} | null` : plain();
}

const parameters = (list) =>
  list.map((a) => (a.variadic ? `...${a.name}: Array<${typeName(a.type)}>`
                              : `${a.name}${a.optional ? '?' : ''}: ${typeName(a.type)}`)).join(', ');

/** The type of the event that an event handler attribute is for. */
const EVENTS = {
  onicecandidate: 'RTCPeerConnectionIceEvent', onicecandidateerror: 'RTCPeerConnectionIceErrorEvent', ontrack: 'RTCTrackEvent',
  ondatachannel: 'RTCDataChannelEvent', onmessage: 'MessageEvent', onerror: 'RTCErrorEvent',
  ontonechange: 'RTCDTMFToneChangeEvent', onaddtrack: 'MediaStreamTrackEvent', onremovetrack: 'MediaStreamTrackEvent',
};

function interfaceText(definition) {
  const lines = [];
  const { name, parent, constructors, attributes, operations, maplike } = definition;
  if (constructors) {
    for (const list of constructors) lines.push(`  constructor(${parameters(list)});`);
  } else {
    lines.push('  protected constructor();');
  }
  for (const a of attributes) {
    const type = a.type.name === 'EventHandler'
      ? `((this: ${name}, event: ${EVENTS[a.name] ?? 'Event'}) => any) | null` : typeName(a.type);
    lines.push(`  ${a.readonly ? 'readonly ' : ''}${a.name}: ${type};`);
  }
  for (const [operation, { static: isStatic, overloads }] of Object.entries(operations)) {
    for (const o of overloads) {
      lines.push(`  ${isStatic ? 'static ' : ''}${operation}(${parameters(o.arguments)}): ${typeName(o.returns)};`);
    }
  }
  const handlers = attributes.filter((a) => a.type.name === 'EventHandler');
  for (const a of handlers) {
    const type = EVENTS[a.name] ?? 'Event';
    lines.push(`  addEventListener(type: '${a.name.slice(2)}', listener: (this: ${name}, event: ${type}) => any, options?: AddEventListenerOptions | boolean): void;`);
  }
  if (handlers.length) {
    lines.push('  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: AddEventListenerOptions | boolean): void;');
  }
  if (maplike) {
    const [key, value] = maplike.map(typeName);
    lines.push(`  readonly size: number;`, `  get(key: ${key}): any;`, `  has(key: ${key}): boolean;`,
               `  keys(): IterableIterator<${key}>;`, `  values(): IterableIterator<any>;`,
               `  entries(): IterableIterator<[${key}, any]>;`,
               `  forEach(callback: (value: any, key: ${key}, report: ${name}) => void, thisArg?: any): void;`,
               `  [Symbol.iterator](): IterableIterator<[${key}, any]>;`);
    void value;
  }
  return `export class ${name}${parent ? ` extends ${parent}` : ''} {\n${lines.join('\n')}\n}\n`;
}

function dictionaryText({ name, parent, members }) {
  const lines = members.map((m) => `  ${m.name}${m.required ? '' : '?'}: ${typeName(m.type)};`);
  return `export interface ${name}${parent ? ` extends ${parent}` : ''} {\n${lines.join('\n')}${lines.length ? '\n' : ''}}\n`;
}

/** The text of index.d.ts; `nonstandard` is what no IDL says. */
export function declarations({ interfaces, dictionaries, enums, callbacks }, nonstandard) {
  const parts = ['// Generated from the IDL of the specifications: see tools/generate.mjs.\n/// <reference lib="dom" />\n'];
  for (const [name, values] of Object.entries(enums)) {
    parts.push(`export type ${name} = ${values.map((v) => `'${v}'`).join(' | ')};\n`);
  }
  for (const [name, c] of Object.entries(callbacks)) {
    parts.push(`export type ${name} = (${parameters(c.arguments)}) => ${typeName(c.returns)};\n`);
  }
  for (const d of Object.values(dictionaries)) parts.push(dictionaryText(d));
  for (const i of Object.values(interfaces)) parts.push(interfaceText(i));
  parts.push(nonstandard);
  return parts.join('\n');
}
