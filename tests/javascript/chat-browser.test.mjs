// The page of the chat example in a real browser, headless: two people in two windows.
// SCREENSHOTS names a directory for pictures of the page, if any are wanted.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { PATIENCE, Server, launchBrowser } from './support.mjs';

const DESKTOP = { width: 1200, height: 780 };
const PHONE = { width: 390, height: 844 };
const NARROWEST = { width: 360, height: 640 };
const UNAUTHORIZED = "Failed to invoke 'BanUser' because user is unauthorized";

let server;
let browser;
const contexts = new Set();

before(async () => {
  if (process.env.SCREENSHOTS) await mkdir(process.env.SCREENSHOTS, { recursive: true });
  server = await Server.start('CHAT_SERVER', (port) => ['--port', String(port)]);
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

afterEach(async () => {
  for (const context of contexts) {
    await context.close();
    assert.deepEqual(context.complaints, [], 'the page made no errors and asked nobody else');
  }
  contexts.clear();
});

/** A window with the page in it, and what it did wrong on the way. */
async function newWindow({ viewport = DESKTOP, colorScheme = 'light' } = {}) {
  const context = await browser.newContext({ viewport, colorScheme, locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce' });
  contexts.add(context);
  context.complaints = [];
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.on('pageerror', (err) => context.complaints.push(String(err)));
  page.on('request', (request) => {
    const address = new URL(request.url());
    if (address.protocol !== 'data:' && address.host !== new URL(server.url).host) context.complaints.push(request.url());
  });
  await page.goto(server.url);
  return page;
}

async function come(name, domain = 'example.com', options = {}) {
  const page = await newWindow(options);
  page.name = `${name}@${domain}`;
  await page.getByTestId('name').fill(name);
  await page.getByTestId('domain').selectOption(domain);
  await page.getByTestId('enter').click();
  await connected(page);
  return page;
}

/** Waits until one of the elements has that text: a string is the whole text, a pattern may be a part. */
function shows(locator, text) {
  const pattern = text instanceof RegExp ? text : new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
  return locator.filter({ hasText: pattern }).first().waitFor();
}

const connected = (page) => shows(page.getByTestId('state'), 'Connected');
const message = (page, text) => page.getByTestId('message').filter({ has: page.getByTestId('message-text').getByText(text, { exact: true }) });
const person = (page, name) => page.locator(`[data-testid=person][data-name="${name}"]`);
const listed = (page, kind, name) => page.locator(`[data-testid=${kind}][data-name="${name}"]`);

async function say(page, text) {
  await page.getByTestId('text').fill(text);
  await page.getByTestId('send').click();
}

async function ban(page, name) {
  await person(page, name).getByTestId('ban').click();
  await page.getByTestId('ban-confirm').click();
}

async function joinRoom(page, room) {
  await page.getByTestId('room-name').fill(room);
  await page.getByTestId('join-room').click();
  await shows(page.getByTestId('title'), `# ${room}`);
}

async function picture(page, name) {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
}

async function fitsSideways(page, what) {
  const [content, view] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= view, `${what} is ${content} px wide in a view of ${view} px`);
}

test('a name that the server refuses is explained at the field', async () => {
  const page = await newWindow();
  await page.getByTestId('name').fill('not a name');
  await page.getByTestId('enter').click();
  await shows(page.getByTestId('sign-in-error'), /\S/);
  assert.equal(await page.getByTestId('chat').isVisible(), false);
});

test('two people in two windows chat in the lobby', async () => {
  const [ann, bob] = [await come('ann'), await come('bob', 'visitor.org')];
  await shows(ann.getByTestId('me'), 'ann@example.com');
  await person(ann, bob.name).waitFor();
  await person(bob, ann.name).waitFor();
  await say(ann, 'hello bob');
  await say(bob, 'hello ann');
  for (const page of [ann, bob]) {
    await message(page, 'hello bob').waitFor();
    await message(page, 'hello ann').waitFor();
  }
  assert.match(await message(ann, 'hello bob').getAttribute('class'), /\bmine\b/);
  assert.doesNotMatch(await message(bob, 'hello bob').getAttribute('class'), /\bmine\b/);
  assert.equal(await message(bob, 'hello bob').getAttribute('data-from'), ann.name);
  assert.match(await message(bob, 'hello bob').locator('time').textContent(), /^\d\d:\d\d$/);
});

test('what people write is shown as text, never as markup', async () => {
  const [ann, bob] = [await come('markup-ann'), await come('markup-bob')];
  const text = '<img src=x onerror="document.title=1"><b>bold</b> &amp;';
  await say(ann, text);
  await message(bob, text).waitFor();
  assert.equal(await bob.getByTestId('messages').locator('img, b').count(), 0);
});

test('a message to a room is seen by those who joined it', async () => {
  const [ann, bob, eve] = [await come('room-ann'), await come('room-bob', 'visitor.org'), await come('room-eve')];
  await joinRoom(ann, 'garden');
  await joinRoom(bob, 'garden');
  await shows(ann.getByTestId('subtitle'), '2 people');
  await say(ann, 'the roses are out');
  await message(bob, 'the roses are out').waitFor();
  await listed(ann, 'room', 'lobby').click();
  await say(ann, 'back in the lobby');
  await message(eve, 'back in the lobby').waitFor();
  assert.equal(await message(eve, 'the roses are out').count(), 0);
  assert.equal(await listed(eve, 'room', 'garden').count(), 0);
  await bob.getByTestId('leave').click();
  await shows(bob.getByTestId('title'), '# lobby');
  await listed(ann, 'room', 'garden').click();
  await shows(ann.getByTestId('subtitle'), '1 person');
});

test('a direct message opens in a conversation of its own, and is marked', async () => {
  const [ann, bob, eve] = [await come('direct-ann'), await come('direct-bob', 'visitor.org'), await come('direct-eve')];
  await person(ann, bob.name).getByTestId('person-open').click();
  await shows(ann.getByTestId('title'), bob.name);
  await say(ann, 'only for you');
  await message(ann, 'only for you').waitFor();
  await shows(listed(bob, 'direct', ann.name), /1 unread/);
  assert.equal(await bob.title(), '(1) Chat');
  await listed(bob, 'direct', ann.name).click();
  await message(bob, 'only for you').waitFor();
  assert.match(await message(bob, 'only for you').textContent(), /direct/);
  await say(ann, 'and this');
  await message(bob, 'and this').waitFor();
  assert.equal(await bob.title(), 'Chat');
  await listed(ann, 'room', 'lobby').click();
  await say(ann, 'for all again');
  await message(eve, 'for all again').waitFor();
  assert.equal(await eve.getByTestId('direct').count(), 0);
  assert.equal(await message(eve, 'only for you').count(), 0);
});

test('a ban by a visitor is refused in the exact words, where screen readers hear it', async () => {
  const [ann, bob] = [await come('refused-ann'), await come('refused-bob', 'visitor.org')];
  await ban(bob, ann.name);
  await shows(bob.getByTestId('toast').locator('span'), UNAUTHORIZED);
  assert.equal(await bob.getByTestId('toasts').getAttribute('aria-live'), 'polite');
  await picture(bob, 'refused-ban');
  await say(bob, 'still here');
  await message(ann, 'still here').waitFor();
});

test('a ban that is allowed puts the person out, and keeps them out', async () => {
  const [ann, bob] = [await come('strict-ann'), await come('rude-bob', 'visitor.org')];
  await ban(ann, bob.name);
  await shows(ann.getByTestId('toast').locator('span'), `${bob.name} was banned by ${ann.name}`);
  await person(ann, bob.name).waitFor({ state: 'detached' });
  await shows(bob.getByTestId('state'), 'Disconnected');
  await shows(bob.getByTestId('reason'), `You were banned by ${ann.name}.`);
  await picture(bob, 'banned');
  await bob.reload();
  await shows(bob.getByTestId('reason'), 'You are banned.');
  await bob.getByTestId('retry').click();
  await shows(bob.getByTestId('reason'), 'You are banned.');
  await bob.getByTestId('sign-out').click();
  await bob.getByTestId('sign-in').waitFor();
});

test('a reload stays signed in, and in the rooms', async () => {
  const [ann, bob] = [await come('reload-ann'), await come('reload-bob')];
  await joinRoom(ann, 'attic');
  await joinRoom(bob, 'attic');
  await ann.reload();
  await connected(ann);
  await shows(ann.getByTestId('title'), '# attic');
  await say(bob, 'after the reload');
  await message(ann, 'after the reload').waitFor();
});

test('the page comes back by itself, rooms and all, after the server was away', async () => {
  const [ann, bob] = [await come('back-ann'), await come('back-bob', 'visitor.org')];
  await joinRoom(ann, 'cellar');
  await joinRoom(bob, 'cellar');
  await server.stop();
  try {
    for (const page of [ann, bob]) await shows(page.getByTestId('state'), /Reconnecting|Disconnected/);
    assert.equal(await ann.getByTestId('send').isDisabled(), true);
    await picture(ann, 'reconnecting');
  } finally {
    await server.start();
  }
  for (const page of [ann, bob]) await connected(page);
  await say(ann, 'here again');
  await message(bob, 'here again').waitFor();
  await say(bob, 'me too');
  await message(ann, 'me too').waitFor();
});

test('the first start is tried until it succeeds', async () => {
  const page = await newWindow();
  let refusals = 0;
  await page.route('**/chat/negotiate*', (route) => (refusals += 1) <= 2 ? route.abort() : route.continue());
  await page.getByTestId('name').fill('patient');
  await page.getByTestId('enter').click();
  await connected(page);
  assert.equal(refusals, 3);
});

test('a token that is no longer valid leads back to the sign-in', async () => {
  const page = await come('forgotten');
  await page.evaluate(() => {
    const session = JSON.parse(sessionStorage.getItem('chat-session'));
    sessionStorage.setItem('chat-session', JSON.stringify({ ...session, token: 'x.y.z' }));
  });
  await page.reload();
  await shows(page.getByTestId('sign-in-error'), /sign in again/);
});

test('everything can be done with the keyboard', async () => {
  const bob = await come('keys-bob');
  const ann = await newWindow();
  await ann.getByTestId('name').focus();
  await ann.keyboard.type('keys-ann');
  await ann.keyboard.press('Enter');
  await connected(ann);
  await ann.keyboard.type('typed at once'); // the composer has the focus
  await ann.keyboard.press('Shift+Enter');
  await ann.keyboard.type('in two lines');
  await ann.keyboard.press('Enter');
  await message(bob, 'typed at once\nin two lines').waitFor();
  const row = person(ann, bob.name).getByTestId('person-open');
  await row.focus();
  await ann.keyboard.press('Tab');
  assert.equal(await ann.evaluate(() => document.activeElement.dataset.testid), 'ban');
  await ann.keyboard.press('Enter');
  await ann.getByTestId('ban-dialog').waitFor();
  await ann.keyboard.press('Escape');
  await ann.getByTestId('ban-dialog').waitFor({ state: 'hidden' });
  await row.press('Enter');
  await shows(ann.getByTestId('title'), bob.name);
});

for (const [device, viewport] of Object.entries({ phone: PHONE, 'narrow phone': NARROWEST })) {
  test(`on a ${device} nothing scrolls sideways and the lists are in a drawer`, async () => {
    const ann = await newWindow({ viewport });
    await fitsSideways(ann, 'the sign-in');
    await ann.getByTestId('name').fill('a'.repeat(24));
    await ann.getByTestId('enter').click();
    await connected(ann);
    const bob = await come(`${device.slice(0, 1)}-bob`, 'visitor.org');
    await say(bob, `${'longword'.repeat(30)} and an ordinary sentence behind it`);
    await ann.getByTestId('message').first().waitFor();
    await fitsSideways(ann, 'the conversation');
    assert.equal(await ann.getByTestId('sidebar').isVisible(), false);
    await ann.getByTestId('open-sidebar').click();
    await person(ann, bob.name).getByTestId('person-open').waitFor();
    await fitsSideways(ann, 'the drawer');
    await ann.keyboard.press('Escape');
    await ann.getByTestId('sidebar').waitFor({ state: 'hidden' });
    assert.equal(await ann.evaluate(() => document.activeElement.dataset.testid), 'open-sidebar');
    await ann.getByTestId('open-sidebar').click();
    await person(ann, bob.name).getByTestId('person-open').click();
    await ann.getByTestId('sidebar').waitFor({ state: 'hidden' });
    await shows(ann.getByTestId('title'), bob.name);
    await say(ann, 'from the phone');
    await shows(bob.getByTestId('direct'), /1 unread/);
    await fitsSideways(ann, 'the direct conversation');
  });
}

if (process.env.SCREENSHOTS) test('the page has its picture taken in light and dark', async () => {
  for (const colorScheme of ['light', 'dark']) {
    for (const [size, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
      const door = await newWindow({ viewport, colorScheme });
      await picture(door, `sign-in-${size}-${colorScheme}`);
      const ann = await come('ann', 'example.com', { viewport: DESKTOP, colorScheme });
      const bob = await come('bob', 'visitor.org');
      const cleo = await come('trainee.cleo');
      await joinRoom(ann, 'garden');
      await listed(ann, 'room', 'lobby').click();
      await say(bob, 'Good morning! Is anybody in yet?');
      await message(ann, 'Good morning! Is anybody in yet?').waitFor();
      await say(ann, 'Morning Bob. Just me, with the first coffee.');
      await message(bob, 'Morning Bob. Just me, with the first coffee.').waitFor();
      await say(cleo, 'And me.');
      await message(bob, 'And me.').waitFor();
      const long = 'The build is green since last night, by the way. I read the log twice because I did not believe it at first.';
      await say(cleo, long);
      await message(bob, long).waitFor();
      await say(ann, 'Lovely.');
      await message(ann, 'Lovely.').waitFor();
      await person(bob, ann.name).getByTestId('person-open').click();
      await say(bob, 'Lunch at noon?');
      await shows(listed(ann, 'direct', bob.name), /1 unread/);
      await ann.setViewportSize(viewport);
      await picture(ann, `lobby-${size}-${colorScheme}`);
      if (viewport === PHONE) {
        await ann.getByTestId('open-sidebar').click();
        await person(ann, bob.name).waitFor();
        await picture(ann, `drawer-${size}-${colorScheme}`);
      }
      await listed(ann, 'direct', bob.name).click();
      await say(ann, 'Gladly, see you at the door.');
      await message(ann, 'Gladly, see you at the door.').waitFor();
      await picture(ann, `direct-${size}-${colorScheme}`);
      if (viewport === DESKTOP) {
        await person(ann, bob.name).getByTestId('ban').click();
        await ann.getByTestId('ban-dialog').waitFor();
        await picture(ann, `ban-${size}-${colorScheme}`);
      }
      for (const page of [door, ann, bob, cleo]) await page.close();
    }
  }
});
