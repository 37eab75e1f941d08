// The pages of the small examples in a real browser, headless: what each of them is there to show.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PATIENCE, Server, TOKEN, launchBrowser } from './support.mjs';

let browser;

before(async () => { browser = await launchBrowser(); });
after(async () => { await browser?.close(); });

/** A test of an example's page, which may have no errors; `act` may open further windows. */
function shows(example, what, act) {
  test(`${example}: ${what}`, async () => {
    const server = await Server.startExample(example);
    const context = await browser.newContext({ locale: 'en-GB' });
    context.setDefaultTimeout(PATIENCE);
    const complaints = [];
    const open = async () => {
      const page = await context.newPage();
      page.on('pageerror', (err) => complaints.push(String(err)));
      await page.goto(server.url);
      return page;
    };
    try {
      await act(await open(), open);
      assert.deepEqual(complaints, []);
    } finally {
      await context.close();
      await server.stop();
    }
  });
}

/** Waits until the element has a text that matches. */
const says = (page, selector, text) => page.locator(selector).filter({ hasText: text }).waitFor();

shows('streaming', 'items come until the browser has enough, and the server lets the stream go', async (page) => {
  await says(page, '#open', '0');
  await page.fill('#pause', '10');
  await page.click('#start');
  await says(page, '#squares', /^\d+² = \d+$/);
  await says(page, '#open', '1');
  await page.click('#cancel');
  await says(page, '#squares', /cancelled$/);
  await says(page, '#open', '0');
  await page.fill('#pause', '1');
  await page.click('#start');
  await says(page, '#squares', /the pause is 10 to 10000 milliseconds$/);
});

shows('streaming', 'an upload is added up while it goes on, and answered at its end', async (page) => {
  await says(page, '#open', '0');
  await page.fill('#number', '2.5');
  await page.click('#add');
  await says(page, '#sum', '2.5 so far');
  await page.click('#add');
  await says(page, '#sum', '5 so far');
  await page.click('#finish');
  await says(page, '#sum', 'The sum is 5.');
  await says(page, '#open', '0');
});

shows('client_results', 'the server asks, and does as the person says, in all windows', async (page, open) => {
  const other = await open();
  const files = (window) => window.locator('#files li');
  for (const window of [page, other]) await files(window).nth(2).waitFor();
  await page.click('li:has-text("map.png") button');
  await says(page, '#text', 'Delete map.png?');
  await page.click('button[value=no]');
  await says(page, '#outcome', 'map.png stays');
  await page.click('li:has-text("map.png") button');
  await page.click('button[value=yes]');
  await says(page, '#outcome', 'map.png is gone');
  for (const window of [page, other]) {
    await window.locator('#files li:has-text("map.png")').waitFor({ state: 'detached' });
    assert.equal(await files(window).count(), 2);
  }
});

shows('client_results', 'a question goes with the window it was put to', async (page, open) => {
  const other = await open();
  await other.click('li:has-text("song.ogg") button');
  await says(other, '#text', 'Delete song.ogg?');
  await other.close();
  await page.click('li:has-text("song.ogg") button');
  await page.click('button[value=yes]');
  await says(page, '#outcome', 'song.ogg is gone');
});

shows('filters', 'calls are changed, answered in the place of the hub, refused, and measured', async (page) => {
  const say = async (text, button = 'Say') => {
    await page.fill('#text', text);
    await page.click(`button[value=${button}]`);
  };
  await say('damn, it works');
  await says(page, '#answer', 'You said: d***, it works');
  await says(page, '#took', /^Say took \d+ ms\.$/);
  await say('LOUD');
  await says(page, '#answer', 'No need to shout.');
  await say('');
  await says(page, '#answer', /say something$/);
  await says(page, '#took', /^Say took \d+ ms and failed\.$/);
  await say('good night', 'SaySlowly');
  await says(page, '#answer', 'You said, slowly: good night');
  await says(page, '#took', /^SaySlowly took [4-9]\d\d ms\.$|^SaySlowly took \d{4,} ms\.$/);
});

shows('browser_token', 'the official client brings its token in no address, negotiated or not, or a ticket that is used up', async (page) => {
  const works = async () => {
    await says(page, '#negotiated', /^ann, nothing in the address$/);
    await says(page, '#skipped', /^ann, nothing in the address$/);
    await says(page, '#ticket', /^ann, a used ticket in the address$/);
  };
  await works();
  const addresses = [];
  page.on('websocket', (socket) => addresses.push(socket.url()));
  await page.reload();
  await works();
  assert.equal(addresses.length, 3);
  for (const address of addresses) {
    assert.doesNotMatch(address, /access_token/);
    assert.doesNotMatch(address, TOKEN);
  }
  // Who finds the ticket in a log finds it too late.
  const used = addresses.find((address) => address.includes('ticket='));
  const outcome = await page.evaluate((url) => new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = () => resolve('open');
    socket.onclose = () => resolve('closed');
  }), used);
  assert.equal(outcome, 'closed');
});

shows('refresh', 'a connection has the rights of its newest token, and outlives the one it was made with', async (page) => {
  await says(page, '#state', 'connected');
  await page.uncheck('#auto');
  const id = await page.textContent('#connection');
  await page.click('#mute');
  await says(page, '#outcome', 'user is unauthorized');
  await page.selectOption('#role', 'Moderators');
  await page.click('#renew');
  await says(page, '#renewed', 'Renewed: a moderator');
  await page.click('#mute');
  await says(page, '#outcome', 'Bob is muted');
  await page.selectOption('#role', 'Suspended');
  await page.click('#renew');
  await says(page, '#renewed', 'Refused: permission_change_rejected');
  await page.click('#mute');
  await says(page, '#outcome', 'Bob is muted');
  assert.equal(await page.textContent('#connection'), id);
  await page.locator('#state').filter({ hasText: 'ended by the server' }).waitFor({ timeout: 30_000 });
});
