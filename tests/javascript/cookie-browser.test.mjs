// The cookie example in a real browser: people who register, sign in, write to one another by mail address and sign out.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PATIENCE, Server, launchBrowser } from './support.mjs';

const PASSWORD = 'correct horse';

let browser, server;
const contexts = new Set();

before(async () => {
  server = await Server.startExample('cookie');
  browser = await launchBrowser();
});

after(async () => {
  for (const context of contexts) await context.close();
  await browser?.close();
  await server?.stop();
});

/** A page of somebody who has cookies of his own. */
async function newPerson() {
  const context = await browser.newContext({ locale: 'en-GB' });
  contexts.add(context);
  context.setDefaultTimeout(PATIENCE);
  return context.newPage();
}

async function fill(page, values) {
  for (const [name, value] of Object.entries(values)) await page.fill(`input[name=${name}]`, value);
  await page.click('form button');
}

const register = (page, email, password = PASSWORD, confirmation = password) => fill(page, { email, password, confirmation });
const says = (page, selector, text) => page.locator(selector).filter({ hasText: text }).waitFor();

/** Somebody who has registered and is connected. */
async function come(email) {
  const page = await newPerson();
  await page.goto(`${server.url}/Account/Register`);
  await register(page, email);
  await says(page, '#state', /^connected$/);
  return page;
}

async function write(page, text, to = '') {
  await page.fill('#to', to);
  await page.fill('#text', text);
  await page.click('#write button');
}

test('who comes is sent to sign in, registers, and is brought back', async () => {
  const page = await newPerson();
  await page.goto(`${server.url}/?from=link`);
  assert.equal(new URL(page.url()).pathname, '/Account/Login');
  await page.click('a:text("Register")');
  await register(page, 'new@example.com');
  await says(page, '#state', /^connected$/);
  assert.equal(page.url(), `${server.url}/?from=link`);
  await says(page, '#name', 'new@example.com');
});

test('what is typed wrongly is said, and makes no account', async () => {
  const page = await newPerson();
  await page.goto(`${server.url}/Account/Register`);
  const complaint = page.locator('#complaint');
  for (const [email, password, confirmation, text] of [
    ['wrong@example', PASSWORD, PASSWORD, 'The Email field is not a valid e-mail address.'],
    ['wrong@example.com', '12345', '12345', 'The Password must be at least 6 and at max 100 characters long.'],
    ['wrong@example.com', PASSWORD, 'other', 'The password and confirmation password do not match.'],
  ]) {
    await register(page, email, password, confirmation);
    await complaint.filter({ hasText: text }).waitFor();
  }
  await page.goto(`${server.url}/Account/Login`);
  await fill(page, { email: 'wrong@example.com', password: PASSWORD });
  await complaint.filter({ hasText: 'Invalid login attempt.' }).waitFor();
});

test('one address is one account, in whatever case it is written', async () => {
  await come('once@example.com');
  const page = await newPerson();
  await page.goto(`${server.url}/Account/Register`);
  await register(page, 'Once@Example.com');
  await says(page, '#complaint', "Username 'Once@Example.com' is already taken.");
});

test('people chat, and write to one another by mail address', async () => {
  const [ann, bob, eve] = [await come('ann@example.com'), await come('bob@example.com'), await come('eve@example.com')];
  await says(ann, 'li.system', 'eve@example.com joined.');
  await write(ann, 'hello all');
  for (const page of [ann, bob, eve]) await says(page, 'li.chat', 'ann@example.com: hello all');
  await write(ann, 'only for you', 'bob@example.com');
  await says(bob, 'li.direct', 'ann@example.com: only for you');
  await write(ann, 'back to all');
  await says(eve, 'li.chat', 'ann@example.com: back to all');
  assert.equal(await eve.locator('li.direct').count(), 0);
});

test('who signs out is out in that browser, and signs in again with the password alone', async () => {
  const page = await come('out@example.com');
  const cookies = await page.context().cookies();
  assert.equal(cookies.length, 1);
  assert.deepEqual({ ...cookies[0], value: '', expires: 0 }, {
    name: '.AspNetCore.Cookies', value: '', domain: '127.0.0.1', path: '/', expires: 0, httpOnly: true, secure: false, sameSite: 'Lax',
  });
  await page.click('#logout');
  await page.waitForURL(`${server.url}/Account/Login`);
  assert.deepEqual(await page.context().cookies(), []);
  // A copy of the cookie is worth nothing any more.
  await page.context().addCookies(cookies);
  await page.goto(server.url);
  assert.equal(new URL(page.url()).pathname, '/Account/Login');
  await fill(page, { email: 'out@example.com', password: 'wrong password' });
  await says(page, '#complaint', 'Invalid login attempt.');
  await fill(page, { email: 'out@example.com', password: PASSWORD });
  await says(page, '#state', /^connected$/);
});

test('who signs out everywhere is put out of what is open in his other browsers', async () => {
  const first = await come('both@example.com');
  const second = await newPerson();
  await second.goto(`${server.url}/Account/Login`);
  await fill(second, { email: 'both@example.com', password: PASSWORD });
  await says(second, '#state', /^connected$/);
  await first.click('#everywhere');
  await says(second, '#state', /^signed out$/);
});

test("a page from elsewhere gets no WebSocket and signs nobody in, whatever its browser sends along", async () => {
  const page = await come('target@example.com');
  const other = await page.context().newPage();
  await other.route('http://evil.example/', (route) => route.fulfill({ contentType: 'text/html', body: '<title>evil</title>' }));
  await other.goto('http://evil.example/');
  const outcome = await other.evaluate((url) => new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = () => resolve('open');
    socket.onclose = ({ code }) => resolve(`closed ${code}`);
  }), `${server.url.replace('http', 'ws')}/chat`);
  assert.equal(outcome, 'closed 1006');
  // Not even its own account can it make somebody chat with.
  await other.setContent(`<form method="post" action="${server.url}/Account/Register">
    <input name="email" value="evil@example.com"><input name="password" value="${PASSWORD}">
    <input name="confirmation" value="${PASSWORD}"><button>Win</button></form>`);
  const [response] = await Promise.all([other.waitForResponse(/Register/), other.click('button')]);
  assert.equal(response.status(), 403);
});
