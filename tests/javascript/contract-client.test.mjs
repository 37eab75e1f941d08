// The official JavaScript client against examples/contract, over WebSockets with the JSON hub protocol.
// CONTRACT_URL names a server that already runs, whatever it is written in; otherwise CONTRACT_SERVER is started.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Listener, PATIENCE, Server } from './support.mjs';

let server;
let url;
const open = new Set();
let serial = 0;

before(async () => {
  url = process.env.CONTRACT_URL;
  if (url) return;
  server = await Server.start('CONTRACT_SERVER', (port) => ['--urls', `http://127.0.0.1:${port}`]);
  url = server.url;
});

after(async () => {
  for (const listener of open) await listener.stop();
  await server?.stop();
});

/** Names of its own for every test, because the server may have served others before. */
const fresh = (name) => `${name}-${process.pid}-${serial += 1}`;

/** A token that the server's own /token mints, of the claims which that knows. */
async function token(claims) {
  const response = await fetch(`${url}/token?${new URLSearchParams(claims)}`, { signal: AbortSignal.timeout(PATIENCE) });
  assert.equal(response.status, 200);
  return response.text();
}

/** A token of any claims, with the issuer, audience and secret of the contract. */
function mint(claims) {
  const part = (json) => Buffer.from(JSON.stringify(json)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const whole = { iss: 'reference-issuer', aud: 'reference-audience', nbf: now - 5, exp: now + 3600, ...claims };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(whole)}`;
  const secret = 'reference-secret-reference-secret-reference-secret';
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

async function connect(hub = '/hubs/test', claims = null) {
  const listener = new Listener(url + hub, { token: claims && mint(claims), events: ['Message'] });
  open.add(listener);
  await listener.start();
  listener.id = await (hub === '/hubs/test' ? listener.invoke('ConnectionId') : null);
  return listener;
}

/** The invocation fails with exactly this message. */
const refused = (invocation, message) => assert.rejects(invocation, (err) => {
  assert.equal(err.message, message);
  return true;
});

/** Whatever was sent to `listener` before has been heard when this returns; nothing of it may be left. */
async function heardNothingMore(listener) {
  const text = fresh('last');
  await listener.invoke('SendCaller', text);
  await listener.next('Message', (heard) => heard === text);
  assert.deepEqual(listener.left('Message'), []);
}

test('a method answers with its value', async () => {
  const c = await connect();
  for (const text of ['', 'hello', 'ä €\u0000\u001e"\\\n 👋', 'x'.repeat(20_000)]) assert.equal(await c.invoke('Echo', text), text);
  assert.equal(await c.invoke('Add', 2, -5), -3);
  assert.equal(await c.invoke('ReturnNull'), null);
  assert.equal(await c.invoke('Nothing'), null);
  assert.equal(await c.invoke('NothingAsync'), null);
  assert.equal(await c.invoke('renamed'), 'renamed');
  assert.equal(await c.invoke('eCHO', 'any case'), 'any case');
});

test('an object comes back as it went', async () => {
  const c = await connect();
  const value = {
    id: 1, big: 9007199254740991, ratio: 0.25, text: 'ä', flag: true, bytes: 'AQID', guid: '0f8fad5b-d9cb-469f-a165-70867728950e',
    numbers: [1, -2, 3], child: null, map: { a: 'b' }, maybe: null,
  };
  const nested = { ...value, child: { ...value, id: 2 } };
  assert.deepEqual(await c.invoke('EchoComplex', nested), nested);
  for (const any of [null, true, 1.5, 'x', [1, [2]], { A: { b: [] } }]) assert.deepEqual(await c.invoke('EchoAny', any), any);
});

test('invocations of one connection are answered in order, and keep state on the connection', async () => {
  const [a, b] = [await connect(), await connect()];
  const answers = await Promise.all([a.invoke('Counter'), a.invoke('Counter'), a.invoke('Counter')]);
  assert.deepEqual(answers, [1, 2, 3]);
  assert.equal(await b.invoke('Counter'), 1);
  assert.notEqual(a.id, b.id);
});

test('what goes wrong is told in the fixed sentences, and the connection goes on', async () => {
  const c = await connect();
  await refused(c.invoke('NoSuchMethod'), "Failed to invoke 'NoSuchMethod' due to an error on the server. HubException: Method does not exist.");
  await refused(c.invoke('OriginalName'), "Failed to invoke 'OriginalName' due to an error on the server. HubException: Method does not exist.");
  await refused(c.invoke('OnDisconnectedAsync', null), "Failed to invoke 'OnDisconnectedAsync' due to an error on the server. HubException: Method does not exist.");
  await refused(c.invoke('Add', 1), "Failed to invoke 'Add' due to an error on the server.");
  await refused(c.invoke('Add', 1, 2, 3), "Failed to invoke 'Add' due to an error on the server.");
  await refused(c.invoke('Add', 'one', 2), "Failed to invoke 'Add' due to an error on the server.");
  await refused(c.invoke('ThrowException', 'secret'), "An unexpected error occurred invoking 'ThrowException' on the server.");
  await refused(c.invoke('ThrowHubException', 'told'), "An unexpected error occurred invoking 'ThrowHubException' on the server. HubException: told");
  assert.equal(await c.invoke('Echo', 'still here'), 'still here');
});

test('messages reach the caller, the others, and connections by id', async () => {
  const [a, b, c] = [await connect(), await connect(), await connect()];
  const expect = async (text, ...who) => { for (const one of who) assert.equal(await one.next('Message', (heard) => heard === text), text); };
  await a.invoke('SendCaller', 'caller');
  await expect('caller', a);
  await a.invoke('SendClient', b.id, 'one');
  await expect('one', b);
  await a.invoke('SendClients', [a.id, c.id], 'two');
  await expect('two', a, c);
  await a.invoke('SendAll', 'all');
  await expect('all', a, b, c);
  await a.invoke('SendOthers', 'others');
  await expect('others', b, c);
  await a.invoke('SendAllExcept', [b.id], 'except');
  await expect('except', a, c);
  for (const one of [a, b, c]) await heardNothingMore(one);
  for (const one of [a, b, c]) await one.stop(); // they would hear what later tests send to all
});

test('messages to a group reach its members alone', async () => {
  const [a, b, c] = [await connect(), await connect(), await connect()];
  const [group, other] = [fresh('group'), fresh('other')];
  await a.invoke('JoinGroup', group);
  await a.invoke('AddOther', b.id, group);
  await c.invoke('JoinGroup', other);
  await c.invoke('SendGroup', group, 'members');
  for (const one of [a, b]) assert.equal(await one.next('Message'), 'members');
  await a.invoke('SendOthersInGroup', group, 'others');
  assert.equal(await b.next('Message'), 'others');
  await a.invoke('SendGroupExcept', group, [a.id], 'except');
  assert.equal(await b.next('Message'), 'except');
  await a.invoke('SendGroups', [group, other], 'both');
  for (const one of [a, b, c]) assert.equal(await one.next('Message'), 'both');
  await b.invoke('LeaveGroup', group);
  await a.invoke('SendGroup', group, 'left');
  assert.equal(await a.next('Message'), 'left');
  for (const one of [a, b, c]) await heardNothingMore(one);
});

test('messages to a user reach every connection of that user alone', async () => {
  const [ann, bob] = [fresh('ann'), fresh('bob')];
  const annTwice = [await connect('/hubs/test', { sub: ann }), await connect('/hubs/test', { sub: ann })];
  const bobOnce = await connect('/hubs/test', { sub: 'whatever', email: bob }); // the e-mail comes before the subject
  assert.equal(await annTwice[0].invoke('UserIdentifier'), ann);
  assert.equal(await bobOnce.invoke('UserIdentifier'), bob);
  await bobOnce.invoke('SendUser', ann, 'to ann');
  for (const one of annTwice) assert.equal(await one.next('Message'), 'to ann');
  await annTwice[0].invoke('SendUsers', [ann, bob], 'to both');
  for (const one of [...annTwice, bobOnce]) assert.equal(await one.next('Message'), 'to both');
  for (const one of [...annTwice, bobOnce]) await heardNothingMore(one);
});

test('a request outside the hub pushes to a user', async () => {
  const ann = fresh('ann');
  const [a, other] = [await connect('/hubs/test', { sub: ann }), await connect()];
  const response = await fetch(`${url}/push/${ann}`, { method: 'POST', body: 'news', signal: AbortSignal.timeout(PATIENCE) });
  assert.equal(response.status, 200);
  assert.equal(await a.next('Message'), 'news');
  await heardNothingMore(other);
});

test('the hub sees who calls, and by which transport', async () => {
  const named = await connect('/hubs/test', { sub: 'n', unique_name: 'Ann' });
  assert.equal(await named.invoke('UserName'), 'Ann');
  assert.equal(await named.invoke('IsAuthenticated'), true);
  assert.equal(await named.invoke('Transport'), 'WebSockets');
  const nobody = await connect();
  assert.equal(await nobody.invoke('UserIdentifier'), null);
  assert.equal(await nobody.invoke('IsAuthenticated'), false);
});

test('a guarded hub refuses a connection without a token, or with a wrong one, with 401', async () => {
  await assert.rejects(new Listener(`${url}/hubs/authorized`).start(), /\b401\b/);
  const wrong = { 'another issuer': { sub: 'a', iss: 'elsewhere' }, 'another audience': { sub: 'a', aud: 'elsewhere' }, expired: { sub: 'a', exp: '-3' } };
  for (const [what, claims] of Object.entries(wrong)) {
    await assert.rejects(new Listener(`${url}/hubs/authorized`, { token: await token(claims) }).start(), /\b401\b/, what);
  }
  await assert.rejects(new Listener(`${url}/hubs/policy`, { token: await token({ sub: 'no e-mail' }) }).start(), /\b403\b/);
  const allowed = new Listener(`${url}/hubs/policy`, { token: await token({ sub: 'p', email: 'p@example.org' }) });
  open.add(allowed);
  await allowed.start();
  assert.equal(await allowed.invoke('Echo', 'in'), 'in');
});

test('a refused hub method is told in the exact words, and the connection goes on', async () => {
  const rights = {
    'nobody special': [{ sub: 'plain' }, []],
    administrator: [{ sub: 'a', role: 'Administrators' }, ['BanRole', 'Mute']],
    moderator: [{ sub: 'm', role: 'Moderators' }, ['Mute']],
    'role in lower case': [{ sub: 'x', role: 'administrators' }, []],
    'allowed domain': [{ sub: 'd', unique_name: 'jdoe@example.org' }, ['BanUser', 'ViewUserHistory']],
    'another domain': [{ sub: 'd', unique_name: 'jdoe@example.com' }, []],
    'excepted by name': [{ sub: 'b', unique_name: 'asdf42@example.org' }, ['ViewUserHistory']],
    'e-mail and role': [{ sub: 'e', email: fresh('e'), role: 'Administrators' }, ['BanRole', 'Mute', 'Both']],
  };
  const methods = { BanRole: ['u'], Mute: ['u'], BanUser: ['u'], ViewUserHistory: ['u'], Both: [] };
  const values = { BanRole: 'banned u', Mute: 'muted u', BanUser: 'banned u', ViewUserHistory: 'history of u', Both: 'both' };
  for (const [who, [claims, allowed]] of Object.entries(rights)) {
    const c = await connect('/hubs/authorized', claims);
    for (const [method, args] of Object.entries(methods)) {
      if (allowed.includes(method)) assert.equal(await c.invoke(method, ...args), values[method], `${who}: ${method}`);
      else await refused(c.invoke(method, ...args), `Failed to invoke '${method}' because user is unauthorized`);
    }
    assert.equal(await c.invoke('Open'), 'open', who);
    assert.equal(await c.invoke('Echo', who), who);
    await c.stop();
  }
  const banned = await connect('/hubs/authorized', { sub: 'b', unique_name: 'asdf42@example.org' });
  // However it was written, the sentence names the method as the hub declares it.
  await refused(banned.invoke('bANuSER', 'u'), "Failed to invoke 'BanUser' because user is unauthorized");
});

test('a hub that refuses in its connected method closes with its reason', async () => {
  const c = new Listener(`${url}/hubs/refusing`);
  const reason = await c.start().then(() => c.next('closed'), (err) => err);
  assert.match(reason.message, /Connection closed with an error\. HubException: refused in OnConnected/);
});

test('an aborted connection is closed by the server', async () => {
  const c = await connect();
  c.connection.invoke('Abort').catch(() => {}); // answered or not, as the closing comes first or second
  await c.next('closed');
});

test('the server asks a client and gets its answer', async () => {
  const [a, b] = [await connect(), await connect()];
  b.connection.on('Question', (question) => `${question}? yes`);
  assert.equal(await a.invoke('AskClient', b.id, 'ready'), 'ready? yes');
});
