// Stateful reconnect of the official client in a real browser, headless: a network that is cut, a server that goes and comes again.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { CuttingProxy } from './cutting-proxy.mjs';
import { PATIENCE, Server, installed, launchBrowser, within } from './support.mjs';

/** So often, and so many at a time, the page calls through the network that is cut. */
const ROUNDS = 50;
const AT_ONCE = 8;

let browser;
let server;
let page;

before(async () => { browser = await launchBrowser(); });
after(async () => { await browser?.close(); });

beforeEach(async () => {
  server = await Server.start('CONTRACT_SERVER', (port) => ['--urls', `http://127.0.0.1:${port}`, '--workers', '2']);
});
afterEach(async () => {
  await page?.context().close();
  await server?.stop();
});

/** A page of the origin at `url`, with a connection that may be resumed; `heard` is what befell it, `messages` what it was sent. */
async function open(url) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE);
  page = await context.newPage();
  // Any answer of the server is a page of its origin: here that the request had no id.
  await page.goto(`${url}/hubs/test`);
  await page.addScriptTag({ path: installed });
  await page.evaluate(async (at) => {
    globalThis.connection = new signalR.HubConnectionBuilder()
      .withUrl(at, signalR.HttpTransportType.WebSockets)
      .withStatefulReconnect()
      .withAutomaticReconnect(Array(200).fill(200))
      .configureLogging(signalR.LogLevel.None)
      .build();
    globalThis.heard = [];
    globalThis.messages = [];
    connection.on('Message', (text) => messages.push(text));
    connection.onclose(() => heard.push('closed'));
    connection.onreconnecting(() => heard.push('reconnecting'));
    connection.onreconnected((id) => heard.push(id));
    await connection.start();
  }, `${url}/hubs/test`);
}

const id = () => page.evaluate(() => connection.invoke('ConnectionId'));

test('nothing is lost and nothing comes twice in a browser whose network is cut', async (t) => {
  const proxy = new CuttingProxy(server.port, 11);
  t.after(() => proxy.stop());
  await open(await proxy.start());
  const before = await id();
  const talk = page.evaluate(async ([rounds, atOnce]) => {
    const answers = [];
    const streamed = [];
    const stream = new Promise((complete, error) => {
      connection.stream('Count', 200, 5).subscribe({ next: (item) => streamed.push(item), complete, error });
    });
    for (let round = 0; round < rounds; round += 1) {
      const numbers = Array.from({ length: atOnce }, (_, index) => String(round * atOnce + index));
      answers.push(...await Promise.all(numbers.map((number) => connection.invoke('Echo', number))));
      for (const number of numbers) await connection.send('SendCaller', number);
    }
    await stream;
    // What was sent before it has come, or will not.
    await connection.invoke('Echo', 'last');
    return { answers, streamed, messages, heard };
  }, [ROUNDS, AT_ONCE]);
  const { answers, streamed, messages, heard } = await within(talk, 'the end of the talk', 4 * PATIENCE);
  const numbers = Array.from({ length: ROUNDS * AT_ONCE }, (_, number) => String(number));
  assert.deepEqual(answers, numbers);
  assert.deepEqual(messages, numbers);
  assert.deepEqual(streamed, Array.from({ length: 200 }, (_, item) => item));
  assert.deepEqual(heard, []);
  assert.equal(await id(), before);
  assert.ok(proxy.cuts >= 10, `only ${proxy.cuts} cuts`);
});

for (const [ending, end] of [['was killed', () => server.kill()], ['was asked to end', () => server.stop()]]) {
  test(`a connection that may be resumed begins anew when its server ${ending} and was started again`, async () => {
    await open(server.url);
    const before = await id();
    await end();
    await page.waitForFunction(() => heard.includes('reconnecting'));
    await server.start();
    await page.waitForFunction(() => heard.length > 1);
    const now = await id();
    assert.notEqual(now, before);
    assert.deepEqual(await page.evaluate(() => heard), ['reconnecting', now]);
    await page.evaluate(() => connection.send('SendCaller', 'after'));
    await page.waitForFunction(() => messages.length > 0);
    assert.deepEqual(await page.evaluate(() => messages), ['after']);
  });
}
