// The transports in a real browser, headless: pages from elsewhere, networks that let only some of them through, a server
// that goes and comes again, TLS.
import assert from 'node:assert/strict';
import { X509Certificate, createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { HttpTransportType } from '@microsoft/signalr';
import { PATIENCE, Server, installed, launchBrowser } from './support.mjs';

const TRANSPORTS = ['WebSockets', 'ServerSentEvents', 'LongPolling'];

let browser;
/** Two origins of pages; the first may use the hub. */
let home;
let elsewhere;
let server;
const closing = new Set();

before(async () => {
  [home, elsewhere] = [await pages(), await pages()];
  server = await Server.startExample('cors', home.url);
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  for (const { close } of [home, elsewhere]) close();
});

afterEach(async () => {
  // A server that ends waits for the browsers that use it.
  for (const close of [...closing].reverse()) await close();
  closing.clear();
});

/** An HTTP server that ends with all of its connections. */
async function listen(answer, upgrade) {
  const http = createServer(answer).listen(0, '127.0.0.1');
  if (upgrade) http.on('upgrade', upgrade);
  await once(http, 'listening');
  const close = () => { http.close(); http.closeAllConnections(); };
  return { url: `http://127.0.0.1:${http.address().port}`, close };
}

/** A server of an empty page with the client in it. */
async function pages() {
  const client = await readFile(installed);
  return listen((asked, answer) => {
    const isClient = asked.url === '/signalr.js';
    answer.setHeader('Content-Type', isClient ? 'text/javascript' : 'text/html');
    answer.end(isClient ? client : '<!doctype html><title>Page</title><script src="signalr.js"></script>');
  });
}

/** What is between the browser and the server, and lets no WebSocket through, nor a stream of events if it is told so. */
async function narrow({ events }) {
  const forward = (asked, answer) => {
    if (!events && asked.headers.accept?.includes('text/event-stream')) {
      answer.writeHead(502).end();
      return;
    }
    const { method, headers, url } = asked;
    const passed = request(server.url + url, { method, headers }, (from) => {
      answer.writeHead(from.statusCode, from.headers);
      from.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    asked.pipe(passed);
  };
  const refuse = (asked, socket) => socket.end('HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n');
  const proxy = await listen(forward, refuse);
  closing.add(async () => proxy.close());
  return proxy.url;
}

/** A page of an origin, without some of what browsers have. */
async function open(url, without = []) {
  const context = await browser.newContext();
  closing.add(() => context.close());
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  await page.addInitScript((names) => { for (const name of names) delete globalThis[name]; }, without);
  await page.goto(`${url}/`);
  return page;
}

/** Connects the page to a hub; what its methods answer, or why it cannot. */
const ask = (page, url, methods, transport) => page.evaluate(async ([at, names, only]) => {
  const builder = new signalR.HubConnectionBuilder().configureLogging(signalR.LogLevel.None);
  const connection = (only ? builder.withUrl(at, only) : builder.withUrl(at)).build();
  try {
    await connection.start();
    const answers = [];
    for (const name of names) answers.push(await connection.invoke(name));
    await connection.stop();
    return answers;
  } catch (err) {
    return String(err);
  }
}, [`${url}/hub`, methods, transport && HttpTransportType[transport]]);

for (const transport of TRANSPORTS) {
  test(`a page of an allowed origin uses the hub over ${transport}`, async () => {
    const page = await open(home.url);
    assert.deepEqual(await ask(page, server.url, ['Origin', 'Transport'], transport), [home.url, transport]);
  });

  test(`a page of another origin does not over ${transport}`, async () => {
    const page = await open(elsewhere.url);
    assert.match(String(await ask(page, server.url, ['Origin'], transport)), /Failed to complete negotiation|fetch/);
  });

  test(`a page comes back over ${transport} when the server was killed and started again`, async () => {
    const page = await open(home.url);
    await page.evaluate(async ([url, only]) => {
      const builder = new signalR.HubConnectionBuilder().withUrl(url, only).withAutomaticReconnect(Array(200).fill(200));
      const connection = builder.configureLogging(signalR.LogLevel.None).build();
      globalThis.heard = [];
      connection.onreconnecting(() => heard.push('reconnecting'));
      connection.onreconnected(async () => heard.push(await connection.invoke('Transport')));
      await connection.start();
    }, [`${server.url}/hub`, HttpTransportType[transport]]);
    await server.kill();
    await page.waitForFunction(() => heard.includes('reconnecting'));
    await server.start();
    await page.waitForFunction(() => heard.length > 1);
    assert.deepEqual(await page.evaluate(() => heard), ['reconnecting', transport]);
  });
}

test('a page of another origin does not open a WebSocket without negotiation', async () => {
  const opens = (page) => page.evaluate((url) => new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = () => resolve(true);
    socket.onerror = () => resolve(false);
  }), `${server.url.replace('http', 'ws')}/hub`);
  assert.equal(await opens(await open(home.url)), true);
  assert.equal(await opens(await open(elsewhere.url)), false);
});

test('without WebSockets in the browser it is events, and without events polling', async () => {
  const used = async (...without) => ask(await open(home.url, without), server.url, ['Transport']);
  assert.deepEqual(await used(), ['WebSockets']);
  assert.deepEqual(await used('WebSocket'), ['ServerSentEvents']);
  assert.deepEqual(await used('WebSocket', 'EventSource'), ['LongPolling']);
});

test('where WebSockets do not get through it is events, and where events do not either polling', async () => {
  const page = await open(home.url);
  assert.deepEqual(await ask(page, await narrow({ events: true }), ['Transport']), ['ServerSentEvents']);
  assert.deepEqual(await ask(page, await narrow({ events: false }), ['Transport']), ['LongPolling']);
});

test('over TLS WebSockets are of HTTP/1.1, and requests of HTTP/2', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'certificate-'));
  closing.add(() => rm(folder, { recursive: true }));
  const path = join(folder, 'certificate.pem');
  const secure = await Server.startExample('tls', path);
  closing.add(() => secure.stop());
  const key = new X509Certificate(await readFile(path)).publicKey.export({ type: 'spki', format: 'der' });
  const trusting = await launchBrowser(`--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`);
  closing.add(() => trusting.close());
  const url = secure.url.replace('http:', 'https:');
  for (const transport of TRANSPORTS) {
    const page = await trusting.newPage();
    // Any answer of the server is a page of its origin: here that the request had no id.
    await page.goto(`${url}/hub`);
    await page.addScriptTag({ path: installed });
    assert.deepEqual(await ask(page, url, ['Transport'], transport), [transport]);
    // A poll that was given up has none.
    const versions = await page.evaluate(() => performance.getEntriesByType('resource')
      .filter(({ initiatorType, nextHopProtocol }) => nextHopProtocol && ['fetch', 'xmlhttprequest'].includes(initiatorType))
      .map(({ nextHopProtocol }) => nextHopProtocol));
    assert.ok(versions.length > 0 && versions.every((version) => version === 'h2'), `${transport}: ${versions}`);
  }
});
