// A global object that looks to a test enough like a page's: no rendering, no frames, one document that is only looked
// up in. What needs a rendering engine says so by an exception; nothing is pretended.
import { Checkout } from './checkout.mjs';

const kNoRendering = 'there is no rendering engine here';

const define = (name, value) => Object.defineProperty(globalThis, name, {
  value, writable: true, configurable: true, enumerable: false,
});

/** An event whose own attributes come from its init dictionary, as those of an interface do. */
function eventClass(name, defaults) {
  const of = { [name]: class extends Event {
    constructor(type, init = {}) {
      super(type, init);
      for (const key of Object.keys(defaults)) {
        Object.defineProperty(this, key, { value: init[key] ?? defaults[key], enumerable: true });
      }
    }
  } };
  return of[name];
}

class Node extends EventTarget {}
class Element extends Node {
  constructor({ tag, attributes, text }) {
    super();
    this.tagName = tag.toUpperCase();
    this.id = attributes.id ?? '';
    this.textContent = text;
    this.innerHTML = text;
    for (const name of ['src', 'name', 'content']) if (name in attributes) this[name] = attributes[name];
    if (text) this.firstChild = { data: text };
  }
  appendChild(child) {
    return child;
  }
  removeChild(child) {
    return child;
  }
  remove() {}
}
class HTMLElement extends Element {}
class HTMLMediaElement extends HTMLElement {
  srcObject = null;
  async play() {
    throw new DOMException(`play(): ${kNoRendering}`, 'NotSupportedError');
  }
  pause() {}
}
class HTMLVideoElement extends HTMLMediaElement {}
class HTMLAudioElement extends HTMLMediaElement {}
/** Without captureStream(), so that helpers take a camera's track for a drawn one. */
class HTMLCanvasElement extends HTMLElement {}

const kElementClasses = { video: HTMLVideoElement, audio: HTMLAudioElement, canvas: HTMLCanvasElement };

class Document extends Node {
  readyState = 'loading';
  visibilityState = 'visible';
  hidden = false;
  #elements;
  constructor(elements, title) {
    super();
    this.#elements = elements.map((e) => new (kElementClasses[e.tag] ?? HTMLElement)(e));
    this.title = title;
    const only = (tag) => this.getElementsByTagName(tag)[0] ?? this.createElement(tag);
    this.documentElement = only('html');
    this.body = only('body');
  }
  get defaultView() {
    return globalThis;
  }
  get location() {
    return globalThis.location;
  }
  getElementsByTagName(tag) {
    return this.#elements.filter((e) => e.tagName === tag.toUpperCase());
  }
  querySelectorAll(selector) {
    if (selector.startsWith('#')) return this.#elements.filter((e) => e.id === selector.slice(1));
    return this.getElementsByTagName(selector);
  }
  querySelector(selector) {
    return this.querySelectorAll(selector)[0] ?? null;
  }
  getElementById(id) {
    return this.#elements.find((e) => e.id === id) ?? null;
  }
  createElement(tag) {
    if (/^(video|audio|canvas|iframe|img)$/i.test(tag)) {
      throw new DOMException(`createElement('${tag}'): ${kNoRendering}`, 'NotSupportedError');
    }
    return new HTMLElement({ tag, attributes: {}, text: '' });
  }
  createTextNode(data) {
    return Object.assign(new Node(), { data });
  }
}

/** Reads what Node's own Blob has got, in the shape that older helpers ask for. */
class FileReader extends EventTarget {
  result = null;
  error = null;
  #read(promise) {
    promise.then((result) => { this.result = result; return 'load'; }, (error) => { this.error = error; return 'error'; })
      .then((type) => {
        const event = new Event(type);
        this[`on${type}`]?.(event);
        this.dispatchEvent(event);
      });
  }
  readAsArrayBuffer(blob) {
    this.#read(blob.arrayBuffer());
  }
  readAsText(blob) {
    this.#read(blob.text());
  }
}

class Window extends EventTarget {}

/** onerror, onload… of the window, which are properties here and listeners in effect. */
function handlerAttributes(target, names) {
  for (const name of names) {
    let handler = null;
    target.addEventListener(name, (event) => handler?.call(globalThis, event));
    Object.defineProperty(globalThis, `on${name}`, {
      get: () => handler, set: (f) => { handler = typeof f === 'function' ? f : null; }, configurable: true,
    });
  }
}

function locationOf(address) {
  const url = new URL(address, 'https://localhost');
  const names = ['href', 'origin', 'protocol', 'host', 'hostname', 'port', 'pathname', 'search', 'hash'];
  return Object.assign(Object.create({ toString: () => url.href }), Object.fromEntries(names.map((n) => [n, url[n]])));
}

/** Node's fetch(), which answers a page's own origin from the checkout. */
function fetchOf(checkout, location) {
  const { fetch } = globalThis;
  return async (input, init) => {
    const url = new URL(typeof input === 'string' ? input : input.url ?? String(input), location.href);
    if (url.origin !== location.origin) return fetch(input, init);
    const answer = checkout.serve(url.pathname);
    return answer ? new Response(answer.body, { headers: answer.headers }) : new Response('', { status: 404 });
  };
}

/** Makes this process's global object the window of `page`, a test's at `path` of the checkout. */
export function installWindow(checkout, path, page) {
  const target = new Window();
  const location = locationOf(Checkout.address(path));
  const document = new Document(page.elements, page.title);
  const ErrorEvent = globalThis.ErrorEvent ??
    eventClass('ErrorEvent', { message: '', filename: '', lineno: 0, colno: 0, error: undefined });
  const PromiseRejectionEvent = eventClass('PromiseRejectionEvent', { promise: undefined, reason: undefined });
  for (const name of ['self', 'window', 'parent', 'top', 'frames']) define(name, globalThis);
  for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent']) define(name, target[name].bind(target));
  for (const constructor of [Window, Document, Node, Element, HTMLElement, HTMLMediaElement, HTMLVideoElement,
                             HTMLAudioElement, HTMLCanvasElement, FileReader, ErrorEvent, PromiseRejectionEvent]) {
    define(constructor.name, constructor);
  }
  define('opener', null);
  define('location', location);
  define('origin', location.origin);
  define('isSecureContext', true);
  define('document', document);
  define('fetch', fetchOf(checkout, location));
  define('requestAnimationFrame', (f) => setTimeout(() => f(performance.now()), 1000 / 60));
  define('cancelAnimationFrame', (id) => clearTimeout(id));
  define('postMessage', (message) => {
    const data = structuredClone(message);
    setTimeout(() => target.dispatchEvent(new MessageEvent('message', { data, origin: location.origin, source: null })));
  });
  handlerAttributes(target, ['error', 'load', 'message', 'unhandledrejection']);
  // A window names the elements that have an id.
  for (const { attributes } of page.elements) {
    if (attributes.id && !(attributes.id in globalThis)) define(attributes.id, document.getElementById(attributes.id));
  }
  reportErrors(target, ErrorEvent, PromiseRejectionEvent);
  return { target, document };
}

/** What nobody caught becomes an event of the window, as in a browser, and does not end the process. */
function reportErrors(target, ErrorEvent, PromiseRejectionEvent) {
  process.on('uncaughtException', (error) => {
    const message = `Uncaught ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
    target.dispatchEvent(new ErrorEvent('error', { message, error, cancelable: true }));
  });
  process.on('unhandledRejection', (reason, promise) => {
    target.dispatchEvent(new PromiseRejectionEvent('unhandledrejection', { reason, promise, cancelable: true }));
  });
}
