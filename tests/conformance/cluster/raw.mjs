// The backplane itself: messages written by hand are taken by both servers, and what the servers publish is to the byte.
import * as mp from '../lib/msgpack.mjs';
import * as bp from '../lib/backplane.mjs';
import { KINDS, until } from '../lib/peer.mjs';
import { sleep } from '../lib/suite.mjs';

export default {
  name: 'raw',
  async run(w) {
    const user = w.uniq('user');
    const p = await w.ten({ 'a.lp': user, 'b.ws': user, 'b.lpmp': user });
    const all = Object.keys(p); const mine = ['a.lp', 'b.ws', 'b.lpmp'];
    const redis = await w.redis();
    const hear = await w.redis(); const heard = [];
    const me = w.uniq('by-hand');
    await hear.subscribe((channel, bytes) => heard.push({ channel: channel.slice(w.options.prefix.length), bytes }), ...['all', 'internal:groups', `internal:ack:${me}`, `internal:return:${me}`].map((c) => w.channel(c)));
    const publish = (rest, bytes) => redis.publish(w.channel(rest), bytes);
    const logical = (rest) => `${w.options.hub}:${rest}`;

    // --- what stands on Redis ---
    const own = async (kind) => (await redis.channels(`${w.channel('internal:')}${kind}:*`)).map((c) => c.split(':').pop()).filter((n) => n !== me);
    const servers = await own('ack');
    w.check('two-servers-on-all', 3, await redis.subscribers(w.channel('all')), 'ours is the third');
    w.check('two-servers-on-groups', 3, await redis.subscribers(w.channel('internal:groups')), 'ours is the third');
    w.check('an-ack-channel-for-each-server', 2, servers.length);
    w.check('a-return-channel-for-each-server', servers, await own('return'));
    const counts = {};
    for (const n of all) counts[n] = await redis.subscribers(w.channel(`connection:${p[n].id}`));
    w.check('a-channel-for-each-connection', Object.fromEntries(all.map((n) => [n, 1])), counts);
    w.check('a-channel-for-the-user-on-each-server', 2, await redis.subscribers(w.channel(`user:${user}`)));

    // --- by hand to the servers ---
    const g = w.uniq('group');
    for (const n of ['a.sse', 'b.wsmp', 'b.lp']) await p[n].call('JoinGroup', [g]);
    const members = ['a.sse', 'b.wsmp', 'b.lp'];
    const d = w.deliveries();
    const raw = (name, expected, rest, write, how = 'add') => d[how](name, expected, async (m) => { await publish(rest, write(m)); return {}; });
    const f = (m) => bp.frames('Message', [m]);
    await raw('all', all, 'all', (m) => bp.invocation(f(m)));
    await raw('all-excluded', all.filter((n) => n !== 'a.ws' && n !== 'b.lpmp'), 'all', (m) => bp.invocation(f(m), { excluded: [p['a.ws'].id, p['b.lpmp'].id, 'nobody'] }));
    await raw('group', members, `group:${g}`, (m) => bp.invocation(f(m)));
    await raw('group-excluded', ['a.sse', 'b.lp'], `group:${g}`, (m) => bp.invocation(f(m), { excluded: [p['b.wsmp'].id] }));
    await raw('user', mine, `user:${user}`, (m) => bp.invocation(f(m)));
    await raw('user-ignores-excluded', mine, `user:${user}`, (m) => bp.invocation(f(m), { excluded: [p['b.ws'].id] }));
    for (const n of all) await raw(`connection-${n}`, [n], `connection:${p[n].id}`, (m) => bp.invocation(f(m)));
    await raw('connection-ignores-excluded', ['a.wsmp'], `connection:${p['a.wsmp'].id}`, (m) => bp.invocation(f(m), { excluded: [p['a.wsmp'].id] }));
    await raw('frames-in-another-order', all, 'all', (m) => bp.invocation({ messagepack: f(m).messagepack, json: f(m).json }));
    await raw('an-unknown-protocol-besides', all, 'all', (m) => bp.invocation({ other: Buffer.from('x'), ...f(m), another: Buffer.alloc(0) }));
    await raw('three-items', all, 'all', (m) => bp.invocation(f(m), { extra: [mp.str('origin')] }));
    await raw('three-items-the-last-a-number', all, 'all', (m) => bp.invocation(f(m), { extra: [mp.int(70000)] }));
    await raw('four-items-of-nil', all, 'all', (m) => bp.invocation(f(m), { extra: [mp.nil, mp.nil] }));
    await raw('five-items', all, 'all', (m) => bp.invocation(f(m), { extra: [mp.nil, mp.nil, mp.map([[mp.str('x'), mp.int(1)]])] }));
    await raw('wide-formats', all, 'all', (m) => mp.arr([mp.arr([], 32), mp.map(Object.entries(f(m)).map(([k, b]) => [mp.str(k, 16), mp.bin(b, 32)]), 32)], 16));
    await raw('bytes-behind-the-message', all, 'all', (m) => Buffer.concat([bp.invocation(f(m)), Buffer.from([1, 2, 3])]));
    for (const n of all) {
      const long = `${n} ${'y'.repeat(70_000)}`;
      await d.add(`frames-over-65535-${n}`, [n], async () => { await publish(`connection:${p[n].id}`, bp.invocation(f(long))); return {}; }, long);
    }
    const middle = 'y'.repeat(25_000);
    await d.add('frames-over-255', all, async () => { await publish('all', bp.invocation(f(middle))); return {}; }, middle);
    await raw('spaces-in-the-json-frame', all, 'all', (m) => bp.invocation({ ...f(m), json: Buffer.from(`{ "arguments" : [ ${JSON.stringify(m)} ], "target":"Message", "type" : 1 }\x1e`) }));
    await d.settle();
    // Nothing of this is a message; the servers shrug, and go on.
    for (const [name, bytes] of Object.entries({ nothing: Buffer.alloc(0), text: Buffer.from('garbage'), 'one-item': mp.arr([mp.arr([])]), 'a-map': mp.map([]), 'cut-off': bp.invocation(f('cut off')).subarray(0, 30), 'excluded-nil': mp.arr([mp.nil, mp.map(Object.entries(f('excluded nil')).map(([k, b]) => [mp.str(k), mp.bin(b)]))]), 'huge-count': Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]), 'deep': Buffer.alloc(5000, 0x91) })) {
      for (const rest of ['all', 'internal:groups', `group:${g}`, `user:${user}`, `connection:${p['a.ws'].id}`, ...servers.flatMap((s) => [`internal:ack:${s}`, `internal:return:${s}`])]) await publish(rest, bytes);
      await raw(`after-${name}`, all, 'all', (m) => bp.invocation(f(m)));
      await raw(`after-${name}-group`, members, `group:${g}`, (m) => bp.invocation(f(m)));
      await raw(`after-${name}-connection`, ['a.ws'], `connection:${p['a.ws'].id}`, (m) => bp.invocation(f(m)));
    }
    await d.settle();
    w.check('nobody-was-dropped', [], all.filter((n) => p[n].ended));

    // --- group commands by hand ---
    const acked = async (bytes, ms = 1500) => { heard.length = 0; await publish('internal:groups', bytes); await until(() => heard.some((h) => h.channel.includes(':ack:')), ms); await sleep(50); return heard.filter((h) => h.channel.includes(':ack:')).map((h) => h.bytes.toString('hex')); };
    const h = w.uniq('hand');
    for (const [name, id, hex] of [['small', 42, '912a'], ['u8', 180, '91ccb4'], ['u16', 384, '91cd0180'], ['u32', 70000, '91ce00011170'], ['largest', 2147483647, '91ce7fffffff'], ['negative', -1, '91ff']]) {
      for (const n of ['a.lp', 'b.wsmp']) w.check(`ack-of-${name}-id-for-${n}`, [hex], await acked(bp.groupCommand(id, me, bp.ADD, h, p[n].id)));
    }
    w.check('ack-with-items-behind', ['9101'], await acked(bp.groupCommand(1, me, bp.ADD, h, p['b.sse'].id, [mp.str('extra')])));
    w.check('ack-of-a-wide-id', ['9105'], await acked(mp.arr([mp.int(5, 'u64'), mp.str(me, 16), mp.int(1, 'i32'), mp.str(h), mp.str(p['b.sse'].id)])));
    w.check('ack-of-an-unknown-action', ['9106'], await acked(bp.groupCommand(6, me, 9, h, p['b.lp'].id)));
    w.check('no-ack-for-a-connection-nobody-has', [], await acked(bp.groupCommand(7, me, bp.ADD, h, 'nobody'), 700));
    w.check('no-ack-for-four-items', [], await acked(mp.arr([mp.int(8), mp.str(me), mp.int(1), mp.str(h)]), 500));
    await raw('added-by-hand', ['a.lp', 'b.wsmp', 'b.sse'], `group:${h}`, (m) => bp.invocation(f(m)), 'arrive');
    for (const [i, n] of ['a.lp', 'b.wsmp', 'b.sse'].entries()) w.check(`ack-of-removal-${n}`, [`910${i}`], await acked(bp.groupCommand(i, me, bp.REMOVE, h, p[n].id)));
    await raw('removed-by-hand', [], `group:${h}`, (m) => bp.invocation(f(m)));
    for (const s of servers) await publish(`internal:ack:${s}`, bp.ack(999_999));
    for (const s of servers) await publish(`internal:return:${s}`, bp.completion('json', Buffer.from('{"type":3,"invocationId":"unknown","result":1}\x1e')));
    for (const s of servers) await publish(`internal:return:${s}`, bp.completion('nosuch', Buffer.from('x')));
    await raw('after-acks-and-results-nobody-waits-for', all, 'all', (m) => bp.invocation(f(m)));
    await d.settle();

    // --- questions by hand ---
    const back = logical(`internal:return:${me}`);
    const ask = async (n, id, reply, { ms = 3000 } = {}) => {
      heard.length = 0; p[n].asked.length = 0;
      p[n].onQuestion = reply;
      await publish(`connection:${p[n].id}`, bp.invocation(bp.frames('Question', ['q'], id), { id, back }));
      await until(() => heard.some((x) => x.channel === back), ms);
      const x = heard.find((y) => y.channel === back);
      if (!x) return null;
      const r = bp.read(x.channel, x.bytes);
      if (!r) return x.bytes.toString('hex');
      if (r.protocol !== 'json') { const one = mp.unframe(r.frame); return [r.protocol, one && one.rest.length === 0 ? mp.show(one.payload) : r.frame.toString('hex')]; }
      const text = r.frame.toString('utf8');
      let json = null; try { json = JSON.parse(text.replace(/\x1e$/, '')); } catch { /* shown as text */ }
      return [r.protocol, text.endsWith('\x1e') && json ? json : text];
    };
    for (const n of all) {
      const id = w.uniq(`q-${n}`);
      const expect = (json, msgpack) => (p[n].isMp ? ['messagepack', msgpack] : ['json', { type: 3, invocationId: id, ...json }]);
      w.check(`answer-${n}`, expect({ result: 'yes é' }, `[3, {}, "${id}", 3, "yes é"]`), await ask(n, id, (m) => p[n].answer(m.invocationId, 'yes é')));
      w.check(`answer-error-${n}`, expect({ error: 'no' }, `[3, {}, "${id}", 1, "no"]`), await ask(n, id, (m) => p[n].fail(m.invocationId, 'no')));
    }
    const structured = { a: [1, null, 'x'], b: { c: true } };
    w.check('answer-structured-json', ['json', { type: 3, invocationId: 's1', result: structured }], await ask('b.ws', 's1', (m) => p['b.ws'].answer(m.invocationId, structured)));
    w.check('answer-structured-messagepack', ['messagepack', '[3, {}, "s2", 3, {"a": [1, nil, "x"], "b": {"c": true}}]'], await ask('b.wsmp', 's2', (m) => p['b.wsmp'].answer(m.invocationId, structured)));
    w.check('answer-void-json', ['json', { type: 3, invocationId: 'v1' }], await ask('a.ws', 'v1', (m) => p['a.ws'].conn.sendQuiet(p['a.ws'].conn.message('complete', m.invocationId))));
    w.check('answer-void-messagepack', ['messagepack', '[3, {}, "v2", 2]'], await ask('a.wsmp', 'v2', (m) => p['a.wsmp'].conn.sendQuiet(p['a.wsmp'].conn.message('complete', m.invocationId))));
    for (const [x, kind] of [['a', 'ws'], ['b', 'wsmp'], ['a', 'lp']]) {
      const gone = await w.peer(x, kind, { name: `${x}.gone` }); p[`${x}.gone`] = gone;
      w.check(`answer-of-one-who-leaves-${x}.${kind}`, gone.isMp ? ['messagepack', '[3, {}, "left", 1, "Connection disconnected."]'] : ['json', { type: 3, invocationId: 'left', error: 'Connection disconnected.' }], await ask(`${x}.gone`, 'left', () => gone.close()));
      delete p[`${x}.gone`];
    }
    // Another's answer counts for nothing.
    for (const kind of ['ws', 'wsmp', 'lp']) {
      const thief = await w.peer('b', kind, { name: 'b.thief' });
      w.check(`answer-of-another-connection-is-not-taken-${kind}`, ['json', { type: 3, invocationId: 'theft', result: 'right' }], await ask('b.ws', 'theft', async (m) => { await thief.answer(m.invocationId, 'wrong'); await sleep(150); await p['b.ws'].answer(m.invocationId, 'right'); }));
    }
    w.check('a-plain-message-to-one-asks-nothing', 0, await (async () => { p['b.ws'].asked.length = 0; await publish(`connection:${p['b.ws'].id}`, bp.invocation(f('plain'))); await sleep(150); return p['b.ws'].asked.length; })());

    // --- what the servers publish ---
    for (const [x, y] of [['a', 'b'], ['b', 'a']]) {
      const listen = await w.redis(); const got = [];
      const remote = p[`${y}.wsmp`]; const target = w.uniq(`t-${x}`);
      await listen.subscribe((c, bytes) => got.push({ channel: c.slice(w.options.prefix.length), bytes }), ...['all', `group:${target}`, `user:${target}`, `connection:${remote.id}`, 'internal:groups', ...servers.flatMap((s) => [`internal:ack:${s}`, `internal:return:${s}`])].map((c) => w.channel(c)));
      const catchAll = async (method, args, count = 1, sender = p[`${x}.ws`]) => { got.length = 0; const r = await sender.call(method, args); await until(() => got.length >= count, 2000); await sleep(60); return { r, list: got.map((m) => ({ ...m, rest: m.channel.slice(w.options.hub.length + 1) })) }; };
      const shown = (list) => list.map((m) => [m.rest, m.bytes.toString('hex')]);
      const hex = (bytes) => bytes.toString('hex');
      const plain = hex(bp.invocation(f('hello')));
      w.check(`bytes-of-all-${x}`, [['all', plain]], shown((await catchAll('SendAll', ['hello'])).list));
      w.check(`bytes-of-all-by-messagepack-${x}`, [['all', plain]], shown((await catchAll('SendAll', ['hello'], 1, p[`${x}.wsmp`])).list));
      w.check(`bytes-of-others-${x}`, [['all', hex(bp.invocation(f('hello'), { excluded: [p[`${x}.ws`].id] }))]], shown((await catchAll('SendOthers', ['hello'])).list));
      const many = Array.from({ length: 17 }, (_, i) => `c${i}`);
      w.check(`bytes-of-all-except-17-${x}`, [['all', hex(bp.invocation(f('hello'), { excluded: many }))]], shown((await catchAll('SendAllExcept', [many, 'hello'])).list));
      w.check(`bytes-of-group-${x}`, [[`group:${target}`, plain]], shown((await catchAll('SendGroup', [target, 'hello'])).list));
      w.check(`bytes-of-group-except-${x}`, [[`group:${target}`, hex(bp.invocation(f('hello'), { excluded: ['x'] }))]], shown((await catchAll('SendGroupExcept', [target, ['x'], 'hello'])).list));
      w.check(`bytes-of-user-${x}`, [[`user:${target}`, plain]], shown((await catchAll('SendUser', [target, 'hello'])).list));
      w.check(`bytes-of-client-${x}`, [[`connection:${remote.id}`, plain]], shown((await catchAll('SendClient', [remote.id, 'hello'])).list));
      const long = 'l'.repeat(300);
      w.check(`bytes-of-a-frame-over-255-${x}`, [['all', hex(bp.invocation(f(long)))]], shown((await catchAll('SendAll', [long])).list));
      w.check(`nothing-for-caller-and-local-client-${x}`, [], shown([...(await catchAll('SendCaller', ['hello'], 0)).list, ...(await catchAll('SendClient', [p[`${x}.lp`].id, 'hello'], 0)).list]));
      const add = (await catchAll('AddOther', [remote.id, target], 2)).list;
      const command = add.map((m) => bp.read(m.channel, m.bytes));
      w.check(`group-command-of-${x}`, { channels: ['internal:groups', `internal:ack:${command[0]?.server}`], known: true, action: 1, group: target, connection: remote.id, ack: command[0]?.id, canonical: true }, {
        channels: add.map((m) => m.rest), known: servers.includes(command[0]?.server), action: command[0]?.action, group: command[0]?.group, connection: command[0]?.connection, ack: command[1]?.id,
        canonical: Boolean(command[1]) && bp.groupCommand(command[0].id, command[0].server, 1, target, remote.id).equals(add[0].bytes) && bp.ack(command[1].id).equals(add[1].bytes),
      });
      const again = (await catchAll('AddOther', [remote.id, target], 2)).list.map((m) => bp.read(m.channel, m.bytes));
      w.check(`group-command-ids-differ-${x}`, true, again[0]?.id !== command[0]?.id && again[1]?.id === again[0]?.id);
      remote.onQuestion = (m) => remote.answer(m.invocationId, 'yes');
      const asked = await catchAll('AskClient', [remote.id, 'q'], 2);
      const [q, a] = asked.list.map((m) => bp.read(m.channel, m.bytes));
      w.check(`question-of-${x}`, { answer: 'yes', channels: [`connection:${remote.id}`, `internal:return:${(q?.back ?? '').split(':').pop()}`], back: logical(`internal:return:${command[0]?.server}`), canonical: true, answered: true }, {
        answer: asked.r.result ?? asked.r.error, channels: asked.list.map((m) => m.rest), back: q?.back,
        canonical: Boolean(q) && bp.invocation(bp.frames('Question', ['q'], q.id), { id: q.id, back: q.back }).equals(asked.list[0].bytes),
        answered: Boolean(a) && bp.completion('messagepack', mp.framed(mp.completion(q.id, 3, 'yes'))).equals(asked.list[1].bytes),
      });
      w.check(`question-id-of-${x}`, /^.{16,}$/, q?.id);
      listen.close();
    }
    w.check('all-are-still-there', [], all.filter((n) => p[n].ended));
    await this.missingProtocol(w, f, publish);
  },

  /** A message without the receiver's protocol: the original ends the connection, and no other. Last, since it ends some. */
  async missingProtocol(w, f, publish) {
    for (const x of ['a', 'b']) {
      const json = await w.peer(x, 'ws'); const msgpack = await w.peer(x, 'wsmp');
      await publish(`connection:${msgpack.id}`, bp.invocation({ json: f('json only').json }));
      await publish(`connection:${json.id}`, bp.invocation({ json: f('json only').json }));
      await until(() => msgpack.ended && json.count('json only') === 1, 3000);
      w.check(`json-only-reaches-json-${x}`, { got: 1, ended: null }, { got: json.count('json only'), ended: json.ended });
      w.note(`json-only-to-messagepack-${x}`, msgpack.ended ? `the connection is ended: ${JSON.stringify(msgpack.ended)}` : msgpack.count('json only') ? 'delivered, encoded anew' : 'dropped, the connection stays');
    }
  },
};
