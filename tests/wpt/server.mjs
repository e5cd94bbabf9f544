// The checkout on http://localhost, a secure context; a page's reporter posts its results to /wpt-runner.
import { once } from 'node:events';
import { createServer } from 'node:http';

const kMaxReport = 64 << 20;
const kBlank = { body: '<!doctype html><title>blank</title>', headers: { 'content-type': 'text/html' } };

export class Server {
  #waiting = new Map();

  constructor(checkout) {
    this.checkout = checkout;
    this.http = createServer((request, response) => this.#answer(request, response));
  }

  async start() {
    this.http.listen(0, '127.0.0.1');
    await once(this.http, 'listening');
    this.port = this.http.address().port;
    this.origin = `http://localhost:${this.port}`;
  }

  async stop() {
    this.http.closeAllConnections();
    this.http.close();
  }

  /** Resolves with what the page at `pathname` reports when its tests are done. */
  report(pathname) {
    return new Promise((resolve) => this.#waiting.set(pathname, resolve));
  }

  async #answer(request, response) {
    const { pathname } = new URL(request.url, this.origin);
    if (request.method === 'POST' && pathname === '/wpt-runner') {
      const chunks = [];
      let size = 0;
      for await (const chunk of request) if ((size += chunk.length) <= kMaxReport) chunks.push(chunk);
      const report = JSON.parse(Buffer.concat(chunks));
      this.#waiting.get(report.page)?.(report);
      this.#waiting.delete(report.page);
      response.writeHead(204).end();
      return;
    }
    const answer = pathname === '/wpt-runner/blank' ? kBlank : this.checkout.serve(pathname, this.port);
    response.writeHead(answer ? 200 : 404, { 'cache-control': 'no-store', ...answer?.headers });
    response.end(answer?.body);
  }
}
