// A checkout of web-platform-tests: which tests it has, and what its server would answer to a path.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, normalize, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pageOfScript, parsePage } from './html.mjs';

const kFolder = /^webrtc/;
/** Under these a page is a part of some test, not one. */
const kNotTests = /(^|\/)(resources|tools|third_party|coverage)\//;
const reporter = join(dirname(fileURLToPath(import.meta.url)), 'reporter.js');
/** Paths that the tests know but that lie elsewhere in a checkout. */
const kAliases = { '/resources/WebIDLParser.js': '/resources/webidl2/lib/webidl2.js' };
/** What stands in files named .sub.: only one host exists here, and no DNS. */
const kSubstitutions = {
  'domains[]': 'localhost', 'domains[www]': 'www.localhost', 'domains[www1]': 'www1.localhost',
  'domains[www2]': 'www2.localhost', host: 'localhost', 'hosts[alt][]': '127.0.0.1',
};

export class Checkout {
  constructor(folder) {
    this.folder = resolve(folder);
    for (const needed of ['resources/testharness.js', 'webrtc']) {
      if (!existsSync(join(this.folder, needed))) {
        throw new Error(`${this.folder} is no checkout of web-platform-tests: it has no ${needed}`);
      }
    }
  }

  /** The commit, if the checkout is still one of git's. */
  get commit() {
    try {
      const top = execFileSync('git', ['-C', this.folder, 'rev-parse', '--show-toplevel', 'HEAD'],
                               { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n');
      return resolve(top[0]) === this.folder ? top[1] : undefined;
    } catch {
      return undefined;
    }
  }

  /** The tests of the webrtc folders, as paths from the checkout on; those that contain one of the patterns. */
  tests(patterns = []) {
    const found = [];
    const walk = (folder) => {
      for (const entry of readdirSync(join(this.folder, folder), { withFileTypes: true })) {
        const path = `${folder}/${entry.name}`;
        if (entry.isDirectory()) walk(path);
        else if (/\.(html|window\.js)$/.test(path) && !kNotTests.test(path) && this.isTest(path)) found.push(path);
      }
    };
    readdirSync(this.folder).filter((name) => kFolder.test(name) && statSync(join(this.folder, name)).isDirectory())
      .forEach(walk);
    return found.filter((path) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern))).sort();
  }

  isTest(path) {
    return path.endsWith('.js') || this.page(path).scripts.some(({ src }) => src === '/resources/testharness.js');
  }

  /** A test's page, parsed. */
  page(path) {
    return parsePage(this.pageText(path));
  }

  pageText(path) {
    const text = readFileSync(join(this.folder, path), 'utf8');
    return path.endsWith('.js') ? pageOfScript(text, `/${path}`) : text;
  }

  /** The address of a test's page on a server of the checkout. */
  static address(path) {
    return `/${path.replace(/\.window\.js$/, '.window.html')}`;
  }

  /** What the server would send for a path of an address: {body, headers}, or undefined where there is nothing. */
  serve(pathname, port = 0) {
    if (pathname === '/resources/testharnessreport.js') {
      return { body: readFileSync(reporter), headers: { 'content-type': 'text/javascript; charset=utf-8' } };
    }
    const file = this.fileOf(kAliases[pathname] ?? decodeURIComponent(pathname));
    if (!file) return undefined;
    if (!existsSync(file)) {
      const script = file.replace(/\.window\.html$/, '.window.js');
      if (script === file || !existsSync(script)) return undefined;
      const name = pathname.replace(/\.window\.html$/, '.window.js');
      return { body: pageOfScript(readFileSync(script, 'utf8'), name), headers: { 'content-type': kTypes.html } };
    }
    if (!statSync(file).isFile()) return undefined;
    const headers = { 'content-type': kTypes[file.split('.').pop()] ?? 'application/octet-stream', ...headersOf(file) };
    return { body: /\.sub\./.test(file) ? substituted(readFileSync(file, 'utf8'), port) : readFileSync(file), headers };
  }

  /** The file of an address's path; undefined for one that leads out of the checkout. */
  fileOf(pathname) {
    const file = normalize(join(this.folder, pathname));
    return file.startsWith(this.folder + sep) ? file : undefined;
  }
}

const kTypes = {
  html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8', json: 'application/json',
  idl: 'text/plain; charset=utf-8', txt: 'text/plain; charset=utf-8', png: 'image/png',
};

function headersOf(file) {
  if (!existsSync(`${file}.headers`)) return {};
  const lines = readFileSync(`${file}.headers`, 'utf8').split('\n').filter((line) => line.includes(':'));
  return Object.fromEntries(lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
  }));
}

function substituted(text, port) {
  const port_ = String(port);
  return text.replace(/\{\{([^}]+)\}\}/g, (whole, key) => (/^ports\[/.test(key) ? port_ : kSubstitutions[key] ?? whole));
}
