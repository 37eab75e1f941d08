#!/usr/bin/env node
// What a message through Redis costs the server that sends it: several servers on one Redis, in turn within each round, loaded by
// `benches/load`. From the root of the repository, after `cargo build --release --example contract --all-features` and
// `cargo build --release -p actix-signalr-load`:
//
//   node benches/redis/compare.mjs here='target/release/examples/contract --urls http://127.0.0.1:{port} --redis {redis}' [NAME=COMMAND ...]
//
// `bare='target/release/actix-signalr-bare {port} {redis}'` beside them is what cannot be less.
//
// Each server has the hub that benches/load/README.md describes, at /bench. The figures are medians of the rounds: the
// server's CPU time for a message (of all its deliveries together), and messages a second.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values: o, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    load: { type: 'string', default: 'target/release/actix-signalr-load' },
    'redis-server': { type: 'string', default: 'redis-server' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    /** The original needs that long until it is compiled as it will stay. */
    warmup: { type: 'string', default: '14' },
    members: { type: 'string', default: '2' },
    /** Only the cases whose names have this. */
    only: { type: 'string', default: '' },
  },
});

/** By their names: the options of the load, and how many deliveries a message is. */
const CASES = Object.entries({
  'all, 1 receiver': ['broadcast', '--connections', '1'],
  'all, 100 receivers': ['broadcast', '--connections', '100'],
  'group of one, 10 senders': ['groups', '--connections', '100', '--groups', '100', '--publishers', '10'],
}).filter(([name]) => name.includes(o.only));
const DELIVERIES = { 'all, 100 receivers': 100 };

const started = [];
const stop = () => started.forEach((child) => child.kill('SIGTERM'));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { stop(); process.exit(1); });
try {
  const figures = new Map();
  const servers = [];
  for (const positional of positionals) {
    const [name, command] = positional.split(/=(.*)/s);
    // Each kind has a Redis of its own, so that none hears of the others' work.
    const redis = await freePort();
    start([o['redis-server'], '--port', redis, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()]);
    await answers(redis);
    const members = [];
    for (let member = 0; member < Number(o.members); member += 1) {
      const port = await freePort();
      const child = start(command.replaceAll('{port}', port).replaceAll('{redis}', `127.0.0.1:${redis}`).split(/\s+/));
      await answers(port);
      members.push({ port, pid: child.pid });
    }
    servers.push({ name, sender: members[0] });
  }
  for (const { sender } of servers) for (const [, load] of CASES) await run(load, sender, Number(o.warmup) / CASES.length);
  for (let round = 0; round < Number(o.rounds); round += 1) {
    for (const [name, load] of CASES) {
      for (const { name: server, sender } of servers) {
        const { load: result } = await run(load, sender, Number(o.seconds));
        const deliveries = DELIVERIES[name] ?? 1;
        const figure = { cpu: result.server_cpu.us_per_unit * deliveries, rate: result.per_second / deliveries };
        const key = `${name} | ${server}`;
        figures.set(key, [...(figures.get(key) ?? []), figure]);
        console.error(`round ${round + 1}, ${key}: ${figure.cpu.toFixed(1)} us, ${figure.rate.toFixed(0)}/s`);
      }
    }
  }
  console.log('| case | server | CPU of the sending server for a message, us | messages/s |\n|---|---|---|---|');
  for (const [key, rounds] of figures) {
    const middle = (of) => rounds.map((round) => round[of]).sort((a, b) => a - b)[rounds.length >> 1];
    console.log(`| ${key} | ${middle('cpu').toFixed(1)} | ${middle('rate').toFixed(0)} |`);
  }
} finally {
  stop();
}

async function run(load, { port, pid }, seconds) {
  // A launcher may have started the server itself.
  const pids = [pid, ...(await childrenOf(pid))].flatMap((one) => ['--server-pid', String(one)]);
  const args = [...load, '--duration', String(seconds), '--json', ...pids, `http://127.0.0.1:${port}/bench`];
  const child = spawn(o.load, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => (out += data));
  child.stderr.on('data', (data) => (err += data));
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`${load.join(' ')} at ${port}: ${err}`);
  return JSON.parse(out);
}

async function childrenOf(pid) {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return children.split(' ').filter(Boolean);
}

function start([file, ...args]) {
  const child = spawn(file, args, { stdio: 'ignore' });
  child.on('error', (err) => console.error(`${file}: ${err.message}`));
  started.push(child);
  return child;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return String(port);
}

async function answers(port) {
  for (const began = Date.now(); ; await delay(50)) {
    const socket = connect(Number(port), '127.0.0.1');
    try { await once(socket, 'connect'); return; } catch (err) {
      if (Date.now() - began > 60_000) throw err;
    } finally { socket.destroy(); }
  }
}
