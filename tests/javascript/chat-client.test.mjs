// The official JavaScript client against the chat example, over real WebSockets.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { Listener, PATIENCE, Server, installed, signIn, vendored, within } from './support.mjs';

const EVENTS = ['ReceiveMessage', 'ReceiveDirect', 'Joined', 'Left', 'RoomJoined', 'RoomLeft', 'Banned'];
const UNAUTHORIZED = "Failed to invoke 'BanUser' because user is unauthorized";

let server;
const open = new Set();

before(async () => { server = await Server.start('CHAT_SERVER', (port) => ['--port', String(port)]); });

after(async () => {
  for (const listener of open) await listener.stop();
  await server?.stop();
});

async function come(name, domain, options = {}) {
  const { token, name: full } = await signIn(server, name, domain);
  const listener = new Listener(`${server.url}/chat`, { token, events: EVENTS, ...options });
  listener.name = full;
  open.add(listener);
  await listener.start();
  return listener;
}

test('the page and the client it loads are served, and the client is the published one', async () => {
  for (const [path, type] of [['/', /html/], ['/chat.css', /css/], ['/chat.js', /javascript/], ['/signalr.js', /javascript/]]) {
    const response = await fetch(server.url + path, { signal: AbortSignal.timeout(PATIENCE) });
    assert.equal(response.status, 200, path);
    assert.match(response.headers.get('content-type'), type, path);
    const body = await response.text();
    if (path === '/signalr.js') assert.equal(body, await readFile(installed, 'utf8'));
  }
  assert.deepEqual(await readFile(vendored), await readFile(installed));
  const { version } = JSON.parse(await readFile(new URL('node_modules/@microsoft/signalr/package.json', import.meta.url)));
  assert.match(await readFile(new URL('README.md', `file://${vendored}`), 'utf8'), new RegExp(`\\| version \\| ${version.replaceAll('.', '\\.')} \\|`));
});

test('signing in gives a token and the full name', async () => {
  const { status, name, token } = await signIn(server, 'An-n.a_1');
  assert.equal(status, 200);
  assert.equal(name, 'An-n.a_1@example.com');
  assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.equal((await signIn(server, 'a'.repeat(24))).status, 200);
});

test('bad names and domains are refused with a reason', async () => {
  for (const [name, domain] of [['', 'example.com'], ['a'.repeat(25), 'example.com'], ['a b', 'example.com'],
    ['a@b', 'example.com'], ['<b>', 'example.com'], ['ann', 'elsewhere.net'], ['ann', '']]) {
    const { status, error, token } = await signIn(server, name, domain);
    assert.equal(status, 400, `${name} ${domain}`);
    assert.ok(typeof error === 'string' && error !== '', `${name} ${domain}`);
    assert.equal(token, undefined);
  }
});

test('without a token the connection is refused with 401', async () => {
  await assert.rejects(new Listener(`${server.url}/chat`).start(), /\b401\b/);
});

test('with a token that somebody changed the connection is refused with 401', async () => {
  const { token } = await signIn(server, 'mallory');
  const [header, claims, signature] = token.split('.');
  const turned = (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1);
  await assert.rejects(new Listener(`${server.url}/chat`, { token: [header, claims, turned].join('.') }).start(), /\b401\b/);
});

test('a message to the lobby reaches everybody, the sender too', async () => {
  const [ann, bob] = [await come('lobby-ann'), await come('lobby-bob', 'visitor.org')];
  const sent = Date.now();
  await ann.invoke('SendMessage', 'lobby', 'hello <b>all</b> 👋');
  for (const one of [ann, bob]) {
    const { room, from, text, at } = await one.next('ReceiveMessage', (message) => message.from === ann.name);
    assert.deepEqual({ room, from, text }, { room: 'lobby', from: ann.name, text: 'hello <b>all</b> 👋' });
    assert.ok(Math.abs(at - sent) < 60_000, `at is in milliseconds since 1970: ${at}`);
  }
});

test('people see who comes, who is here and who goes', async () => {
  const ann = await come('door-ann');
  const bob = await come('door-bob', 'visitor.org');
  assert.equal(await ann.next('Joined', (name) => name === bob.name), bob.name);
  const here = await ann.invoke('WhoIsHere');
  assert.ok(here.includes(ann.name) && here.includes(bob.name), here.join());
  await bob.stop();
  assert.equal(await ann.next('Left', (name) => name === bob.name), bob.name);
  assert.ok(!(await ann.invoke('WhoIsHere')).includes(bob.name));
});

test('a message to a room reaches its members alone', async () => {
  const [ann, bob, eve] = [await come('room-ann'), await come('room-bob'), await come('room-eve')];
  assert.deepEqual(await ann.invoke('JoinRoom', 'garden'), { room: 'garden', members: [ann.name] });
  const joined = await bob.invoke('JoinRoom', 'garden');
  assert.deepEqual(joined.members.toSorted(), [ann.name, bob.name]);
  assert.deepEqual(await ann.next('RoomJoined', ({ name }) => name === bob.name), { room: 'garden', name: bob.name });

  await bob.invoke('SendMessage', 'garden', 'roses');
  for (const one of [ann, bob]) assert.equal((await one.next('ReceiveMessage', ({ room }) => room === 'garden')).text, 'roses');

  await bob.invoke('LeaveRoom', 'garden');
  assert.deepEqual(await ann.next('RoomLeft'), { room: 'garden', name: bob.name });
  await ann.invoke('SendMessage', 'garden', 'tulips');
  assert.equal((await ann.next('ReceiveMessage', ({ room }) => room === 'garden')).text, 'tulips');

  // A message to all behind them: what was sent before it has arrived, or never will.
  await ann.invoke('SendMessage', 'lobby', 'the end of the garden');
  for (const one of [bob, eve]) {
    await one.next('ReceiveMessage', ({ text }) => text === 'the end of the garden');
    assert.deepEqual(one.left('ReceiveMessage').filter(({ room }) => room === 'garden'), []);
  }
});

test('a direct message reaches both windows of one user, the sender, and nobody else', async () => {
  const [ann, eve] = [await come('direct-ann'), await come('direct-eve')];
  const windows = [await come('direct-bob', 'visitor.org'), await come('direct-bob', 'visitor.org')];
  await ann.invoke('SendDirect', windows[0].name, 'for you alone');
  for (const one of [ann, ...windows]) {
    const { from, to, text, at } = await one.next('ReceiveDirect');
    assert.deepEqual({ from, to, text }, { from: ann.name, to: 'direct-bob@visitor.org', text: 'for you alone' });
    assert.equal(typeof at, 'number');
  }
  await ann.invoke('SendMessage', 'lobby', 'the end of the letters');
  for (const one of [ann, eve, ...windows]) {
    await one.next('ReceiveMessage', ({ text }) => text === 'the end of the letters');
    assert.deepEqual(one.left('ReceiveDirect'), []);
  }
});

test('visitors and trainees may not ban, and are told in the exact words', async () => {
  const ann = await come('safe-ann');
  for (const who of [await come('bans', 'visitor.org'), await come('trainee.bans', 'example.com')]) {
    await assert.rejects(who.invoke('BanUser', ann.name), (err) => err.message === UNAUTHORIZED);
    await who.invoke('SendMessage', 'lobby', 'still here'); // the connection goes on
    await ann.next('ReceiveMessage', ({ from }) => from === who.name);
    assert.deepEqual(ann.left('Banned'), []);
  }
});

test('a ban closes every window of the user and keeps the user out', async () => {
  const ann = await come('strict-ann');
  const windows = [await come('rude-bob', 'visitor.org'), await come('rude-bob', 'visitor.org')];
  const [{ name: bob }] = windows;
  await ann.invoke('BanUser', bob);
  assert.deepEqual(await ann.next('Banned'), { user: bob, by: ann.name });
  for (const one of windows) {
    assert.deepEqual(await one.next('Banned'), { user: bob, by: ann.name });
    await one.next('closed');
  }
  await ann.next('Left', (name) => name === bob);

  const again = new Listener(`${server.url}/chat`, { token: (await signIn(server, 'rude-bob', 'visitor.org')).token });
  const refused = again.start().then(() => again.next('closed'), (err) => err);
  assert.match((await within(refused, 'the refusal')).message, /you are banned/);
});

test('a connection comes back by itself after the server was away', async () => {
  const [ann, bob] = [await come('back-ann', 'example.com', { reconnect: true }), await come('back-bob', 'visitor.org', { reconnect: true })];
  await server.stop();
  for (const one of [ann, bob]) await one.next('reconnecting');
  await server.start();
  for (const one of [ann, bob]) await one.next('reconnected');
  await ann.invoke('JoinRoom', 'after');
  await bob.invoke('JoinRoom', 'after');
  await bob.invoke('SendMessage', 'after', 'here again');
  assert.equal((await ann.next('ReceiveMessage', ({ room }) => room === 'after')).text, 'here again');
});
