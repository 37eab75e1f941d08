// The official JavaScript client on two servers, examples/contract, which one Redis joins.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { HttpTransportType, HubConnectionBuilder, JsonHubProtocol, LogLevel } from '@microsoft/signalr';
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack';
import { CuttingProxy } from './cutting-proxy.mjs';
import { Listener, PATIENCE, Server, freePort, within } from './support.mjs';

let redis;
let folder;
let here;
let there;

before(async () => {
  const port = await freePort();
  folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const program = process.env.REDIS_SERVER ?? 'redis-server';
  redis = spawn(program, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder], { stdio: 'ignore' });
  await within(listens(port), `${program} to listen`);
  const start = () => Server.start('CONTRACT_SERVER', (own) => ['--urls', `http://127.0.0.1:${own}`, '--workers', '2', '--redis', `127.0.0.1:${port}`]);
  [here, there] = await Promise.all([start(), start()]);
});
after(async () => {
  await Promise.all([here, there].map((server) => server?.stop()));
  if (redis?.kill()) await once(redis, 'exit');
  if (folder) await rm(folder, { recursive: true, force: true });
});

for (const protocol of [new JsonHubProtocol(), new MessagePackHubProtocol()]) test(`what another server sends to a client whose network is cut arrives once and in order: ${protocol.name}`, async (t) => {
  const proxy = new CuttingProxy(here.port, 11);
  const url = await proxy.start();
  t.after(() => proxy.stop());
  const ends = [];
  const messages = [];
  let all;
  const arrived = new Promise((resolve) => { all = resolve; });
  const resumed = new HubConnectionBuilder()
    .withUrl(`${url}/hubs/test`, { transport: HttpTransportType.WebSockets })
    .withHubProtocol(protocol)
    .withStatefulReconnect()
    .configureLogging(LogLevel.None)
    .build();
  resumed.onclose((err) => ends.push(`closed: ${err}`));
  resumed.onreconnecting((err) => ends.push(`reconnecting: ${err}`));
  resumed.on('Message', (text) => {
    messages.push(text);
    if (text === '599') all();
  });
  await within(resumed.start(), 'the start');
  t.after(() => resumed.stop());
  const id = await within(resumed.invoke('ConnectionId'), 'the id');
  const group = `resumed by ${protocol.name}`;
  await within(resumed.invoke('JoinGroup', group), 'joining');

  const sender = new Listener(`${there.url}/hubs/test`);
  await sender.start();
  t.after(() => sender.stop());
  // By all ways in turn, as those of a connection, a group and everybody are different channels.
  const ways = [(text) => ['SendClient', id, text], (text) => ['SendGroup', group, text], (text) => ['SendOthers', text]];
  for (let number = 0; number < 600; number += 1) await sender.invoke(...ways[number % ways.length](String(number)));
  await within(arrived, 'the last message');
  assert.deepEqual(messages, Array.from({ length: 600 }, (_, number) => String(number)));
  assert.equal(await within(resumed.invoke('ConnectionId'), 'the id'), id);
  assert.deepEqual(ends, []);
  assert.ok(proxy.cuts >= 5, `only ${proxy.cuts} cuts`);
});

test('a client that does not fetch what it is sent holds nobody up, and is let go', async (t) => {
  const slow = await poller(`${here.url}/hubs/test`);
  await slow.call('JoinGroup', 'busy');
  const member = new Listener(`${here.url}/hubs/test`, { events: ['Message'] });
  const sender = new Listener(`${there.url}/hubs/test`);
  await Promise.all([member.start(), sender.start()]);
  t.after(() => Promise.all([member.stop(), sender.stop()]));
  await member.invoke('JoinGroup', 'busy');

  // More than may be behind for one client, and nobody polls.
  const long = 'x'.repeat(16 * 1024);
  for (let number = 0; number < 128; number += 1) {
    await sender.invoke('SendGroup', 'busy', `${number}:${long}`);
    // The original holds the others up until it gives the client up: for longer than anything is waited for here.
    assert.equal((await member.next('Message')).split(':')[0], String(number));
  }
  // What waits for it is fetched, and then it is over.
  const began = Date.now();
  for (;;) {
    const polled = await slow.poll();
    if (polled.status !== 200) break;
    assert.ok(Date.now() - began < PATIENCE, 'it is never over');
  }
});

/** A client that polls when it is told to. */
async function poller(url) {
  const { connectionToken } = await (await fetch(`${url}/negotiate?negotiateVersion=1`, { method: 'POST' })).json();
  const own = `${url}?id=${connectionToken}`;
  const poll = async () => {
    const response = await within(fetch(own), 'a poll');
    return { status: response.status, text: await response.text() };
  };
  const post = async (record) => assert.equal((await fetch(own, { method: 'POST', body: `${JSON.stringify(record)}\u001e` })).status, 200);
  assert.equal((await poll()).status, 200);
  await post({ protocol: 'json', version: 1 });
  assert.equal((await poll()).text, '{}\u001e');
  const call = async (target, ...args) => {
    await post({ type: 1, invocationId: target, target, arguments: args });
    while (!(await poll()).text.includes('"type":3')) continue;
  };
  return { poll, call };
}

async function listens(port) {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try { await once(socket, 'connect'); return; } catch { await delay(20); } finally { socket.destroy(); }
  }
}
