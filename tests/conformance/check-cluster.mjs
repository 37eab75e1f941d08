#!/usr/bin/env node
// Two servers on one Redis of their own, and a third that is killed, against what servers of the original do there.
// What the checks saw is left in `out/cluster.json`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { open } from './lib/http.mjs';
import { Redis } from './lib/redis.mjs';

const USAGE = `CONTRACT_SERVER=path/of/the/built/example node check-cluster.mjs
  --a COMMAND  --b COMMAND   what starts the two servers; {port} and {redis} are replaced (the example, with two workers and with one, where the link to Redis shares its thread)
  --only PATTERN[,PATTERN]   areas or checks, as of cluster.mjs
  --skip AREA[,AREA]         areas left out
  --prefix P                 the prefix of all channels, as the servers are told it
  --slow                     also what waits for half a minute`;

const { values: o } = parseArgs({
  options: { a: { type: 'string' }, b: { type: 'string' }, only: { type: 'string' }, skip: { type: 'string' }, prefix: { type: 'string' }, slow: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});
const program = process.env.CONTRACT_SERVER;
if (o.help || !program) { console.error(USAGE); process.exit(o.help ? 0 : 2); }
const redisServer = process.env.REDIS_SERVER ?? 'redis-server';
const example = (workers) => `${program} --urls http://127.0.0.1:{port} --redis {redis} --workers ${workers}`;

/** How long anything may take to start, in milliseconds: the original unpacks itself at first. */
const START = 60_000;

/** What is put after the address of Redis, where servers are told it. */
const settings = o.prefix ? `,channelPrefix=${o.prefix}` : '';

const folder = await mkdtemp(join(tmpdir(), 'cluster-'));
const started = [];
const redis = `127.0.0.1:${await freePort()}`;
const told = `${redis}${settings}`;
let status = 1;
try {
  start([redisServer, '--port', redis.split(':')[1], '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]);
  await until(async () => (await Redis.connect(redis)).close(), `${redisServer} does not answer`);
  const urls = [];
  for (const command of [o.a ?? example(2), o.b ?? example(1)]) {
    const port = await freePort();
    urls.push(`http://127.0.0.1:${port}`);
    start(command.replaceAll('{port}', port).replaceAll('{redis}', told).split(/\s+/));
  }
  for (const url of urls) await until(async () => (await open(url, { path: '/lifecycle', timeoutMs: 1000 })).body, `no server at ${url}`);
  const options = ['--a', urls[0], '--b', urls[1], '--redis', redis, '--redis-server', redisServer, '--third', example(2).replaceAll('{redis}', told), '--third-port', String(await freePort())];
  for (const name of ['only', 'skip', 'prefix']) if (o[name]) options.push(`--${name}`, o[name]);
  if (o.slow) options.push('--slow');
  const out = fileURLToPath(new URL('out/', import.meta.url));
  await mkdir(out, { recursive: true });
  options.push('--json', join(out, 'cluster.json'));
  const suite = spawn(process.execPath, [fileURLToPath(new URL('cluster.mjs', import.meta.url)), ...options], { stdio: 'inherit' });
  [status] = await once(suite, 'exit');
} finally {
  // The Redis that is there now may be one that the suite has started again.
  await Redis.connect(redis).then((client) => client.command('SHUTDOWN', 'NOSAVE')).catch(() => {});
  for (const child of started) if (child.exitCode === null) child.kill('SIGTERM');
  await Promise.race([Promise.all(started.map((child) => child.gone)), delay(5000)]);
  for (const child of started) if (child.exitCode === null) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
}
process.exit(status ?? 1);

function start([file, ...args]) {
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  child.gone = once(child, 'exit').catch((err) => console.error(`${file}: ${err.message}`));
  started.push(child);
}

async function freePort() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

async function until(attempt, failure) {
  const began = Date.now();
  for (;;) {
    try { return await attempt(); } catch (err) {
      if (Date.now() - began > START) throw new Error(`${failure}: ${err.message}`);
      await delay(50);
    }
  }
}
