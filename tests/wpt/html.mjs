// As much HTML as a test file has: its title, meta elements, scripts in order, and the elements that scripts look up by id.

const kRawText = new Set(['script', 'style', 'title', 'textarea']);
const kTag = /<!--[\s\S]*?-->|<!doctype[^>]*>|<(\/?)([a-z][a-z0-9]*)((?:\s+[^\s=>"'/]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+))?)*)\s*\/?>/gi;
const kAttribute = /([^\s=>"'/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/g;
const kEntities = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", nbsp: '\u00a0' };

const decoded = (text) => text.replace(/&(#?\w+);/g, (whole, name) => kEntities[name] ?? whole);

function attributesOf(text) {
  const attributes = {};
  for (const [, name, double, single, bare] of text.matchAll(kAttribute)) {
    attributes[name.toLowerCase()] = decoded(double ?? single ?? bare ?? '');
  }
  return attributes;
}

/** The elements of a page in order: {tag, attributes, text}; text only of those that hold nothing but text. */
export function elementsOf(html) {
  const elements = [];
  const tags = new RegExp(kTag);
  for (let match; (match = tags.exec(html)); ) {
    const [, closing, name, attributes] = match;
    if (!name || closing) continue;
    const tag = name.toLowerCase();
    const element = { tag, attributes: attributesOf(attributes), text: '' };
    if (kRawText.has(tag)) {
      const end = new RegExp(`</${tag}\\s*>`, 'gi');
      end.lastIndex = tags.lastIndex;
      const found = end.exec(html);
      const stop = found ? found.index : html.length;
      element.text = html.slice(tags.lastIndex, stop);
      tags.lastIndex = found ? end.lastIndex : html.length;
      if (tag === 'title') element.text = decoded(element.text);
    }
    elements.push(element);
  }
  return elements;
}

const isJavaScript = ({ type = '' }) => type === '' || /^(text|application)\/javascript$/.test(type);

/** A test page: {title, timeout, elements, scripts}, each script {src} or {text}. */
export function parsePage(html) {
  const elements = elementsOf(html);
  const scripts = elements.filter((e) => e.tag === 'script' && isJavaScript(e.attributes))
    .map(({ attributes, text }) => ('src' in attributes ? { src: attributes.src } : { text }));
  const metas = elements.filter((e) => e.tag === 'meta').map((e) => e.attributes);
  return {
    title: elements.find((e) => e.tag === 'title')?.text ?? '',
    timeout: metas.some((m) => m.name === 'timeout' && m.content === 'long') ? 'long' : 'normal',
    elements,
    scripts,
  };
}

/** The META lines at the head of a script that is a test by itself: [[key, value]…]. */
export function metaLines(script) {
  const lines = [];
  for (const line of script.split('\n')) {
    const match = line.match(/^\/\/\s*META:\s*(\w+)=(.*?)\s*$/);
    if (!match) break;
    lines.push([match[1], match[2]]);
  }
  return lines;
}

/** The page that a server makes for a test that is only a script; `name` is the script's own. */
export function pageOfScript(script, name) {
  const meta = metaLines(script);
  const of = (key) => meta.filter(([k]) => k === key).map(([, value]) => value);
  const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');
  const sources = ['/resources/testharness.js', '/resources/testharnessreport.js', ...of('script'), name];
  return [
    '<!doctype html>',
    '<meta charset=utf-8>',
    ...of('title').map((title) => `<title>${escaped(title)}</title>`),
    ...of('timeout').map((timeout) => `<meta name=timeout content="${escaped(timeout)}">`),
    ...sources.map((source) => `<script src="${escaped(source)}"></script>`),
    '',
  ].join('\n');
}
