'use strict';
// WebIDL §3.7: the classes of the interfaces, made from the IDL. What a member does is, in this order: what
// lib/implementations.js says, what the native table says, what the object's slot holds under `values`. A member that has none
// of them is not defined, and listed in `missing`.

const { convert, choose, isObject } = require('./conversions.js');
const { stamp, slotOf, isInstance } = require('./slots.js');
const { interfaces } = require('../build/interfaces.json');

/** What Node has already. */
const builtin = { EventTarget, Event, DOMException };

function define(object, name, descriptor) { Object.defineProperty(object, name, { configurable: true, ...descriptor }); }

/** `call` as a function with the name and length that WebIDL wants, which is no constructor. */
function named(name, length, call) {
  const result = { [name](...args) { return call(this, args); } }[name];
  define(result, 'length', { value: length });
  return result;
}

function check(self, name, what) {
  if (!isInstance(self, name)) throw new TypeError(`${what} of ${name}: called on an object that is no ${name}.`);
}

const required = (list) => list.filter((argument) => !argument.optional && !argument.variadic).length;

/** The overload for these arguments (WebIDL §3.6), and the arguments converted. */
function convertArguments(overloads, args, what) {
  const fits = (list, count) =>
    count >= required(list) && (count <= list.length || (list.length > 0 && list.at(-1).variadic));
  const longest = Math.max(...overloads.map((list) => (list.at(-1)?.variadic ? Infinity : list.length)));
  const count = Math.min(args.length, longest);
  let chosen = overloads.filter((list) => fits(list, count));
  if (chosen.length === 0) {
    const least = Math.min(...overloads.map(required));
    throw new TypeError(args.length < least
      ? `${what}: ${least} argument${least === 1 ? '' : 's'} required, but only ${args.length} present.`
      : `${what}: no overload takes ${args.length} arguments.`);
  }
  if (chosen.length > 1 && count > 0) { // those that are told apart are so by the first argument
    const type = choose(chosen.map((list) => list[0].type), args[0]);
    chosen = chosen.filter((list) => list[0].type === type);
    if (chosen.length === 0) throw new TypeError(`${what}: argument 1 has none of the types that it may have.`);
  }
  const list = chosen[0];
  const converted = [];
  list.forEach((argument, i) => {
    const converter = convert(argument.type);
    const context = `${what}: argument ${i + 1}`;
    if (argument.variadic) {
      converted.push(args.slice(i).map((value, j) => converter(value, `${what}: argument ${i + j + 1}`)));
    } else if (args[i] !== undefined || !argument.optional) {
      converted.push(converter(args[i], context));
    } else if ('default' in argument) {
      converted.push(isObject(argument.default) ? converter({}, context) : argument.default);
    } else {
      converted.push(undefined);
    }
  });
  return { converted, overload: overloads.indexOf(list) };
}

/** Event handler attributes (HTML §8.1.8.1): a listener with the place where it was first set. */
function eventHandler(type) {
  return {
    get: (self) => slotOf(self).handlers?.get(type)?.callback ?? null,
    set(self, callback) {
      const handlers = (slotOf(self).handlers ??= new Map());
      const present = handlers.get(type);
      if (callback === null) {
        if (present) EventTarget.prototype.removeEventListener.call(self, type, present.listener);
        handlers.delete(type);
      } else if (present) {
        present.callback = callback;
      } else {
        const handler = {
          callback,
          listener(event) {
            if (typeof handler.callback !== 'function') return undefined;
            if (handler.callback.call(self, event) === false) event.preventDefault();
            return undefined;
          },
        };
        handlers.set(type, handler);
        EventTarget.prototype.addEventListener.call(self, type, handler.listener);
      }
    },
  };
}

/** An event's constructor: the members of its dictionary are its attributes. */
function eventConstruction(definition) {
  return {
    parentArguments: ([type, init]) => [type, init],
    construct(self, type, init) {
      const values = (slotOf(self).values = {});
      for (const attribute of definition.attributes) {
        const given = init?.[attribute.name];
        if (given !== undefined) {
          values[attribute.name] = attribute.type.frozenArray ? Object.freeze([...given]) : given;
        } else if (attribute.type.nullable) {
          values[attribute.name] = null;
        } else {
          values[attribute.name] = /^(DOM|USV)String$/.test(attribute.type.name) ? '' : 0;
        }
      }
    },
  };
}

/** All classes: {classes, missing}. `native` is the table of the native module. */
function build(native, implementations) {
  const classes = { ...builtin };
  const missing = [];

  function buildInterface(name) {
    if (classes[name]) return classes[name];
    const definition = interfaces[name];
    const Parent = definition.parent ? buildInterface(definition.parent) : null;
    definition.parentDefinition = interfaces[definition.parent];
    const table = native[name] ?? {};
    const isEvent = Parent === Event;
    const own = implementations[name] ?? {};
    if (!native[name] && !implementations[name] && !isEvent) {
      missing.push(name);
      return null;
    }
    const construction = isEvent ? eventConstruction(definition) : own;
    const Class = makeClass(definition, Parent, construction, table);
    classes[name] = Class;
    for (const attribute of definition.attributes) addAttribute(Class, definition, attribute, own, table, isEvent);
    for (const [operation, details] of Object.entries(definition.operations)) {
      addOperation(Class, definition, operation, details, own, table);
    }
    own.extend?.(Class);
    return Class;
  }

  function makeClass(definition, Parent, construction, table) {
    const { name, constructors } = definition;
    const construct = construction.construct ?? table.construct;
    const Class = {
      [name]: function (...args) {
        if (!constructors || !construct) throw new TypeError(`${name}: Illegal constructor.`);
        if (!new.target) throw new TypeError(`${name}: please use the 'new' operator.`);
        const { converted, overload } = convertArguments(constructors, args, `constructor of ${name}`);
        const self = Reflect.construct(Parent ?? Object, construction.parentArguments?.(converted) ?? [], new.target);
        stamp(self, { definition });
        construct.call(constructors[overload], self, ...converted);
        return self;
      },
    }[name];
    define(Class, 'length', { value: constructors ? Math.min(...constructors.map(required)) : 0 });
    if (Parent) {
      Object.setPrototypeOf(Class, Parent);
      Object.setPrototypeOf(Class.prototype, Parent.prototype);
    }
    Object.defineProperty(Class, 'prototype', { writable: false });
    define(Class.prototype, 'constructor', { value: Class, writable: true, enumerable: false });
    define(Class.prototype, Symbol.toStringTag, { value: name });
    return Class;
  }

  function addAttribute(Class, definition, attribute, own, table, isEvent) {
    const { name, type, readonly } = attribute;
    const what = `${name}`;
    let get = own.attributes?.[name]?.get ?? table[name];
    let set = own.attributes?.[name]?.set ?? table[`${name}=`];
    if (type.name === 'EventHandler' && (table.events ?? own.events ?? []).includes(name.slice(2))) {
      ({ get, set } = eventHandler(name.slice(2)));
    } else if (!get && (isEvent || own.plain)) {
      get = (self) => slotOf(self).values[name];
    }
    if (!get || (!readonly && !set)) {
      missing.push(`${definition.name}.${name}`);
      return;
    }
    const descriptor = {
      enumerable: true,
      get: Object.getOwnPropertyDescriptor({ get [name]() { check(this, definition.name, what); return get(this); } }, name).get,
      set: undefined,
    };
    if (!readonly) {
      const converter = convert(type);
      const isEnumeration = !type.nullable && require('../build/interfaces.json').enums[type.name];
      descriptor.set = Object.getOwnPropertyDescriptor({
        set [name](value) {
          check(this, definition.name, what);
          if (isEnumeration && !isEnumeration.includes(`${value}`)) return; // WebIDL §3.7.6: ignored
          set(this, converter(value, `${name} of ${definition.name}: the value`));
        },
      }, name).set;
    }
    define(Class.prototype, name, descriptor);
  }

  function addOperation(Class, definition, name, { static: isStatic, overloads }, own, table) {
    const call = (isStatic ? own.statics : own.operations)?.[name] ?? table[name];
    if (!call) {
      missing.push(`${definition.name}.${name}`);
      return;
    }
    const lists = overloads.map((overload) => overload.arguments);
    const what = `${name} of ${definition.name}`;
    const run = (self, args) => {
      if (!isStatic) check(self, definition.name, name);
      const { converted, overload } = convertArguments(lists, args, what);
      // The overload is `this`, for those that behave differently.
      return isStatic ? call.call(overloads[overload], ...converted) : call.call(overloads[overload], self, ...converted);
    };
    const isPromise = overloads.some((overload) => overload.returns.promise);
    const length = Math.min(...lists.map(required));
    const result = named(name, length, !isPromise ? run : (self, args) => {
      try {
        return run(self, args);
      } catch (error) { // WebIDL §3.7.7: an operation that returns a promise never throws
        return Promise.reject(error);
      }
    });
    define(isStatic ? Class : Class.prototype, name, { value: result, enumerable: true, writable: true });
  }

  for (const name of Object.keys(interfaces)) buildInterface(name);
  return { classes, missing };
}

module.exports = { build, named, define };
