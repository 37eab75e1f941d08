// A server asks a client which is connected to the other one.
import { KINDS, until } from '../lib/peer.mjs';
import { sleep } from '../lib/suite.mjs';

const FAILED = "An unexpected error occurred invoking 'AskClient' on the server.";

export default {
  name: 'results',
  async run(w) {
    const p = await w.ten(); const redis = await w.redis();
    for (const [x, y] of [['a', 'b'], ['b', 'a']]) {
      const s = p[`${x}.ws`];
      for (const kind of Object.keys(KINDS)) {
        const c = p[`${y}.${kind}`];
        c.onQuestion = (m) => c.answer(m.invocationId, `${m.arguments[0]} answered by ${c.name}`);
        w.check(`result-${x}-from-${c.name}`, `why é answered by ${c.name}`, (await s.call('AskClient', [c.id, 'why é'])).result);
        const by = p[`${x}.${kind}`];
        w.check(`result-${by.name}-from-${y}.wsmp`, /^\?/, (p[`${y}.wsmp`].onQuestion = (m) => p[`${y}.wsmp`].answer(m.invocationId, '?'), (await by.call('AskClient', [p[`${y}.wsmp`].id, 'q'])).result));
        c.onQuestion = (m) => c.fail(m.invocationId, 'no é');
        w.check(`error-${x}-from-${c.name}`, `${FAILED} HubException: no é`, (await s.call('AskClient', [c.id, 'why'])).error);
      }
      const c = p[`${y}.ws`]; const mp = p[`${y}.wsmp`];
      c.onQuestion = (m) => c.answer(m.invocationId, 'l'.repeat(20_000));
      w.check(`long-result-${x}-from-${y}`, 20_000, (await s.call('AskClient', [c.id, 'q'])).result?.length);
      c.onQuestion = (m) => c.answer(m.invocationId, null);
      w.check(`null-result-${x}-from-${y}`, null, (await s.call('AskClient', [c.id, 'q'])).result);
      c.onQuestion = (m) => c.answer(m.invocationId, { not: 'a string' });
      w.check(`result-of-another-type-${x}-from-${y}-json`, new RegExp(`^${FAILED} HubException: Error trying to deserialize result to String`), (await s.call('AskClient', [c.id, 'q'])).error);
      mp.onQuestion = (m) => mp.answer(m.invocationId, 5);
      w.check(`result-of-another-type-${x}-from-${y}-messagepack`, new RegExp(`^${FAILED} HubException: Error trying to deserialize result to String`), (await s.call('AskClient', [mp.id, 'q'])).error);

      w.check(`local-result-${x}`, 'local', (p[`${x}.lp`].onQuestion = (m) => p[`${x}.lp`].answer(m.invocationId, 'local'), (await s.call('AskClient', [p[`${x}.lp`].id, 'q'])).result));
      w.check(`unknown-connection-${x}`, FAILED, (await s.call('AskClient', ['nobody', 'q'])).error);

      // --- the client goes away before it answers ---
      for (const kind of Object.keys(KINDS)) {
        const gone = await w.peer(y, kind, { name: `${y}.gone` });
        gone.onQuestion = () => (kind === 'ws' ? gone.kill() : gone.close());
        const r = await s.call('AskClient', [gone.id, 'q']);
        w.check(`client-leaves-${x}-from-${y}.${kind}`, `${FAILED} HubException: Connection disconnected.`, r.error ?? r.none, `after ${r.ms} ms`);
        // A question in the moment between that answer and the end of the subscription is lost: the original never ends it.
        await until(async () => (await redis.subscribers(w.channel(`connection:${gone.id}`))) === 0, 3000);
        const later = await s.call('AskClient', [gone.id, 'q']);
        w.check(`client-has-left-${x}-from-${y}.${kind}`, FAILED, later.error ?? later.none);
      }
      const lost = await w.peer(x, 'wsmp', { name: `${x}.gone` });
      lost.onQuestion = () => lost.kill();
      w.check(`local-client-leaves-${x}`, FAILED, (await s.call('AskClient', [lost.id, 'q'])).error);

      // --- the asking caller goes away; the answer finds nobody, and nothing else breaks ---
      const asker = await w.peer(x, 'ws', { name: `${x}.asker` });
      c.onQuestion = null; c.asked.length = 0;
      asker.post('AskClient', [c.id, 'for one who leaves']);
      await until(() => c.asked.length, 3000);
      asker.kill(); await sleep(200);
      if (c.asked.length) await c.answer(c.asked[0].invocationId, 'too late');
      c.onQuestion = (m) => c.answer(m.invocationId, 'next');
      w.check(`asker-leaves-${x}`, { asked: 1, next: 'next' }, { asked: c.asked.length, next: (await s.call('AskClient', [c.id, 'q'])).result });

      // --- answers of others, answers twice ---
      // Who answers what another was asked is thrown out, on whichever server: the call stays open.
      const thieves = [await w.peer(y, 'lp', { name: `${y}.thief` }), await w.peer(x, 'wsmp', { name: `${x}.thief` })];
      c.onQuestion = async (m) => { for (const thief of thieves) await thief.answer(m.invocationId, 'wrong'); await sleep(150); await c.answer(m.invocationId, 'right'); await c.answer(m.invocationId, 'again'); };
      w.check(`another-answers-first-${x}-from-${y}`, 'right', (await s.call('AskClient', [c.id, 'q'])).result);
      await until(() => thieves.every((thief) => thief.ended), 2000);
      w.check(`who-answers-for-another-is-dropped-${x}-from-${y}`, [true, true], thieves.map((thief) => thief.ended !== null));
      c.onQuestion = (m) => c.answer(m.invocationId, 'fresh');
      w.check(`after-a-second-answer-${x}-from-${y}`, 'fresh', (await s.call('AskClient', [c.id, 'q'])).result);

      // --- several open at once on one client, answered in another order ---
      const open = [];
      mp.onQuestion = (m) => { open.push(m); };
      const askers = ['ws', 'wsmp', 'sse', 'lp', 'lpmp'].map((k) => p[`${x}.${k}`]);
      const replies = askers.map((q, i) => q.call('AskClient', [mp.id, `q${i}`]));
      const took = await until(() => open.length === askers.length, 4000);
      w.check(`five-questions-are-open-${x}-from-${y}`, true, took !== null);
      w.check(`five-questions-have-five-ids-${x}-from-${y}`, open.length, new Set(open.map((m) => m.invocationId)).size);
      for (const m of open.reverse()) await mp.answer(m.invocationId, `to ${m.arguments[0]}`);
      w.check(`five-answers-in-another-order-${x}-from-${y}`, askers.map((_, i) => `to q${i}`), (await Promise.all(replies)).map((r) => r.result ?? r.error ?? r.none));
    }
    // --- both servers ask the same client at once ---
    const c = p['b.ws'];
    c.onQuestion = (m) => c.answer(m.invocationId, m.arguments[0]);
    const both = await Promise.all([p['a.ws'], p['a.wsmp'], p['b.wsmp'], p['b.lp']].map((q, i) => q.call('AskClient', [c.id, `from ${i}`])));
    w.check('both-servers-ask-one-client', ['from 0', 'from 1', 'from 2', 'from 3'], both.map((r) => r.result ?? r.error));
    // An error to one leaves the others open.
    c.onQuestion = (m) => (m.arguments[0] === 'bad' ? c.fail(m.invocationId, 'bad') : sleep(200).then(() => c.answer(m.invocationId, 'good')));
    const [good, bad] = await Promise.all([p['a.ws'].call('AskClient', [c.id, 'good']), p['a.wsmp'].call('AskClient', [c.id, 'bad'])]);
    w.check('an-error-to-one-only', ['good', `${FAILED} HubException: bad`], [good.result, bad.error]);
    // No answer at all: no timeout ends it (until the client leaves).
    const silent = await w.peer('b', 'ws', { name: 'b.silent' });
    silent.onQuestion = null;
    const pending = p['a.lp'].call('AskClient', [silent.id, 'q'], 15_000);
    w.check('no-answer-stays-open-for-6-s', 'open', await Promise.race([pending.then((r) => JSON.stringify(r)), sleep(6000).then(() => 'open')]));
    await silent.close();
    w.check('no-answer-ends-with-the-client', `${FAILED} HubException: Connection disconnected.`, (await pending).error);
    w.check('nobody-was-dropped', [], Object.keys(p).filter((n) => p[n].ended));
  },
};
