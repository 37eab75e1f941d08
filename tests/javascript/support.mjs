// What the tests share: a server program on a free port, events of a hub connection, bounded waits.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { HttpTransportType, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { chromium } from 'playwright-core';

/** The browser build in the npm package, and the copy that the chat example carries. */
export const installed = fileURLToPath(new URL('node_modules/@microsoft/signalr/dist/browser/signalr.min.js', import.meta.url));
export const vendored = fileURLToPath(new URL('../../examples/chat/vendor/signalr.min.js', import.meta.url));

/** How long a test waits for one event before it fails, in milliseconds. */
export const PATIENCE = 15_000;

/** A token, by the members that begin its head: `eyJ` alone is in one of 26,000 ids of connections by chance. */
export const TOKEN = /eyJ(?:hbGci|0eXAi|raWQi)[\w-]{5,}|\.eyJ[\w-]{10,}/;

/** What no line of a log has, at any level: a token, a cookie's name with its value, a secret in an address or a subprotocol. */
const SECRET = new RegExp([TOKEN, /\.AspNetCore\.[\w.]+=/, /\b(?:access_token|ticket|id)=[\w%.-]{16,}/, /signalr\.bearer\.[\w-]{10,}/,
  /\bNegotiate [\w+/]{16,}/].map(({ source }) => source).join('|'));

/** A server program that the test started and stops by itself. */
export class Server {
  #child = null;
  #output = [];
  #leaks = [];

  constructor(program, port, options) {
    this.program = program;
    this.port = port;
    this.options = options;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts the program that the environment variable names, on a free port; `options` turns the port into arguments. */
  static async start(variable, options) {
    const program = process.env[variable];
    if (!program) throw new Error(`${variable} must be the path of the built example; ./.ci/test builds it and sets this`);
    const server = new Server(program, await freePort(), options);
    await server.start();
    return server;
  }

  /** Starts a small example, which is given its address, and more; `EXAMPLES` is the folder with the built ones. */
  static async startExample(name, ...more) {
    const folder = process.env.EXAMPLES;
    if (!folder) throw new Error('EXAMPLES must be the folder of the built examples; ./.ci/test builds them and sets this');
    const server = new Server(join(folder, name), await freePort(), (port) => [`127.0.0.1:${port}`, ...more]);
    await server.start();
    return server;
  }

  /** Keeps the last lines of what it says, and any that it should not have said. */
  #hear(line) {
    if (this.#output.push(line) > 50) this.#output.shift();
    if (SECRET.test(line)) this.#leaks.push(line.replace(SECRET, '<a secret>'));
  }

  /** Starts on the same port; ready when the program says that it listens. */
  async start() {
    this.#output = [];
    const child = spawn(this.program, this.options(this.port), { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, RUST_LOG: 'trace' } });
    this.#child = child;
    const keep = (line) => this.#hear(line);
    createInterface({ input: child.stderr }).on('line', keep);
    const ready = new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        keep(line);
        if (/listening on /i.test(line)) resolve();
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`it ended with ${signal ?? `exit code ${code}`}`)));
    });
    try {
      await within(ready, 'its line "listening on ..."');
    } catch (err) {
      child.kill('SIGKILL');
      throw new Error(`${this.program} did not start: ${err.message}\n${this.#output.join('\n')}`);
    }
  }

  /** Ends the program without a warning. */
  async kill() {
    const child = this.#child;
    this.#child = null;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await within(ended, `the end of ${this.program}`);
  }

  /** Asks the program to end, and waits until it has. */
  async stop() {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    try {
      await within(ended, `the end of ${this.program}`);
    } catch (err) {
      child.kill('SIGKILL');
      throw err;
    }
    if (this.#leaks.length) throw new Error(`secrets are in the log of ${this.program}:\n${this.#leaks.slice(0, 5).join('\n')}`);
  }
}

/** A headless browser that asks nobody but servers of this machine for anything. */
export function launchBrowser(...more) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', ...more],
  });
}

/** The promise's value, or an error that names what did not come in time. */
export async function within(promise, what, milliseconds = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${milliseconds} ms for ${what}`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A hub connection over WebSockets with a record of what it heard. */
export class Listener {
  #heard = [];
  #waiting = new Set();

  constructor(url, { token, reconnect = false, events = [] } = {}) {
    const builder = new HubConnectionBuilder()
      .withUrl(url, { transport: HttpTransportType.WebSockets, ...(token && { accessTokenFactory: () => token }) })
      .configureLogging(LogLevel.None);
    // The attempts are bounded: some 40 seconds.
    if (reconnect) builder.withAutomaticReconnect(Array(200).fill(200));
    this.connection = builder.build();
    for (const event of events) this.connection.on(event, (...news) => this.#add(event, news));
    this.connection.onclose((err) => this.#add('closed', [err]));
    this.connection.onreconnecting((err) => this.#add('reconnecting', [err]));
    this.connection.onreconnected((id) => this.#add('reconnected', [id]));
  }

  start() { return within(this.connection.start(), 'the start of a connection'); }
  stop() { return within(this.connection.stop(), 'the end of a connection'); }
  invoke(target, ...args) { return within(this.connection.invoke(target, ...args), `the completion of ${target}`); }

  /** The first argument of the next event of that name which satisfies `wanted`; each event is handed out once. */
  next(event, wanted = () => true) {
    const what = `the event ${event}`;
    return within(new Promise((resolve) => {
      this.#waiting.add({ event, wanted, resolve });
      this.#settle();
    }), what).catch((err) => {
      const heard = this.#heard.map(([name, news]) => `${name} ${JSON.stringify(news)}`).join('\n');
      throw new Error(`${err.message}; not asked for so far:\n${heard}`);
    });
  }

  /** What it heard of that event and nobody asked for. */
  left(event) { return this.#heard.filter(([name]) => name === event).map(([, news]) => news[0]); }

  #add(event, news) {
    this.#heard.push([event, news]);
    this.#settle();
  }

  #settle() {
    for (const one of this.#waiting) {
      const index = this.#heard.findIndex(([event, news]) => event === one.event && one.wanted(news[0]));
      if (index < 0) continue;
      this.#waiting.delete(one);
      one.resolve(this.#heard.splice(index, 1)[0][1][0]);
    }
  }
}

/** The chat's sign-in: the token and the full name. */
export async function signIn(server, name, domain = 'example.com') {
  const response = await fetch(`${server.url}/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, domain }),
    signal: AbortSignal.timeout(PATIENCE),
  });
  return { status: response.status, ...await response.json() };
}

/** A port that nobody listens at. */
export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
