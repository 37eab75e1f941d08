// The example tls over HTTP/2, with a client that speaks nothing else: events, polls and sends share one connection.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:http2';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Server, within } from './support.mjs';

const RECORD = '\x1e';
const HANDSHAKE = `{"protocol":"json","version":1}${RECORD}`;

let folder;
let ca;
let server;
let url;
let session;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'certificate-'));
  const path = join(folder, 'certificate.pem');
  server = await Server.startExample('tls', path);
  url = server.url.replace('http:', 'https:');
  ca = await readFile(path);
  session = connect(url, { ca });
});

after(async () => {
  session?.close();
  await server?.stop();
  if (folder) await rm(folder, { recursive: true });
});

/** A response's head, and its body as it comes. */
async function ask(method, path, { headers = {}, body } = {}) {
  const stream = session.request({ ':method': method, ':path': path, ...headers });
  stream.setEncoding('utf8');
  stream.end(body);
  const head = await within(new Promise((resolve, reject) => stream.once('response', resolve).once('error', reject)), `the answer to ${method}`);
  return { status: head[':status'], headers: head, stream };
}

/** A whole response. */
async function whole(...asked) {
  const { status, headers, stream } = await ask(...asked);
  let text = '';
  for await (const part of stream) text += part;
  return { status, headers, text };
}

async function negotiate() {
  const { status, text } = await whole('POST', '/hub/negotiate?negotiateVersion=1');
  assert.equal(status, 200);
  return `/hub?id=${JSON.parse(text).connectionToken}`;
}

const send = async (at, body) => assert.equal((await whole('POST', at, { body })).status, 200);
const call = `{"type":1,"invocationId":"1","target":"Transport","arguments":[]}${RECORD}`;
const answer = (transport) => `{"type":3,"invocationId":"1","result":"${transport}"}${RECORD}`;

test('HTTP/2 is agreed on', () => within(new Promise((resolve) => {
  if (session.alpnProtocol) resolve();
  else session.once('connect', resolve);
}), 'the connection').then(() => assert.equal(session.alpnProtocol, 'h2')));

test('events come as a stream', async () => {
  const at = await negotiate();
  const { status, headers, stream } = await ask('GET', at, { headers: { accept: 'text/event-stream' } });
  assert.deepEqual([status, headers['content-type']], [200, 'text/event-stream']);
  let text = '';
  const until = (wanted) => within(new Promise((resolve) => {
    const look = () => { if (text.includes(wanted)) resolve(); };
    stream.on('data', (part) => { text += part; look(); });
    look();
  }), wanted);
  await until(':\r\n');
  await send(at, HANDSHAKE);
  await until(`data: {}${RECORD}\r\n\r\n`);
  await send(at, call);
  await until(`data: ${answer('ServerSentEvents')}\r\n\r\n`);
  stream.close();
});

test('polls are answered', async () => {
  const at = await negotiate();
  const first = await whole('GET', at);
  assert.deepEqual([first.status, first.text], [200, '']);
  await send(at, HANDSHAKE);
  assert.equal((await whole('GET', at)).text, `{}${RECORD}`);
  const waiting = whole('GET', at);
  await send(at, call);
  assert.equal((await waiting).text, answer('LongPolling'));
  assert.equal((await whole('DELETE', at)).status, 202);
});

test('a WebSocket is opened over HTTP/1.1', async () => {
  const upgrade = request(`${url}/hub`, {
    ca, headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' },
  }).end();
  const [response, socket] = await within(new Promise((resolve, reject) => {
    upgrade.once('upgrade', (...granted) => resolve(granted)).once('error', reject);
  }), 'the upgrade');
  assert.deepEqual([response.statusCode, response.httpVersion, socket.alpnProtocol === 'h2'], [101, '1.1', false]);
  socket.destroy();
});

test('a server that ends tells its streams so, and does not wait long for a connection that nobody closes', async () => {
  const path = join(folder, 'other.pem');
  const ending = await Server.startExample('tls', path);
  const kept = session;
  session = connect(ending.url.replace('http:', 'https:'), { ca: await readFile(path) });
  // It is not closed but cut off: what counts is that the stream has ended before.
  session.on('error', () => {});
  try {
    const at = await negotiate();
    const { stream } = await ask('GET', at, { headers: { accept: 'text/event-stream' } });
    let text = '';
    stream.on('data', (part) => { text += part; });
    const ended = new Promise((resolve, reject) => stream.once('end', resolve).once('error', reject));
    const over = within(ended, 'the end of the stream');
    over.catch(() => {});
    await send(at, HANDSHAKE);
    await ending.stop();
    await over;
    // It may share an event with the answer to the handshake.
    assert.ok(text.endsWith(`{"type":7,"allowReconnect":true}${RECORD}\r\n\r\n`), text);
  } finally {
    session.destroy();
    session = kept;
    await ending.stop();
  }
});
