#!/usr/bin/env node
// Holds the example `contract` against the recordings of the original. A difference that deviations.json does not list
// fails, and so does one that is listed and not there - but for those left to chance, which may be there or not.
// A few cases that fail are run again, one at a time: on a busy machine a client's own timing may differ from the recording's.
// What is as it should be then is counted as unsteady, and named.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compare, sideBySide } from './lib/compare.mjs';
import { loadAreas, select } from './lib/runner.mjs';
import { leaksIn } from './lib/secrets.mjs';

const USAGE = `CONTRACT_SERVER=path/of/the/built/example node check.mjs
  --tag TAG[,TAG]            which recordings (plain,detailed,parallel,sse,lp; slow takes two minutes and must be asked for)
  --areas AREA[,AREA]        which areas, or all (by default those that are quick and done)
  --only PATTERN[,PATTERN]   of these, only cases whose id matches one of the regular expressions
  --full                     whole lines of the cases that fail`;

/** What the server is started with for each recording, and the areas that are run. */
const RECORDINGS = {
  plain: {
    options: [],
    areas: ['json', 'messagepack', 'hub', 'clients', 'streaming', 'websocket', 'negotiate', 'http', 'authentication', 'authorization', 'refresh', 'lifecycle', 'official', 'eleven', 'stateful'],
  },
  // By actix-web's own `HttpServer`, for the sake of that; all others by `HubHttpServer`.
  detailed: { options: ['--detailed', '1', '--http-server', '1'], areas: ['json', 'messagepack', 'hub', 'clients', 'streaming', 'websocket', 'lifecycle', 'official', 'eleven', 'stateful', 'authentication', 'authorization', 'refresh'] },
  parallel: { options: ['--parallel', '4'], areas: ['json', 'messagepack', 'hub', 'clients', 'streaming', 'websocket', 'lifecycle', 'official', 'eleven', 'stateful', 'refresh', 'authentication', 'authorization'] },
  // Connections that may be of any transport, by another than WebSockets.
  sse: { options: [], transport: 'sse', areas: ['hub', 'clients', 'streaming'] },
  lp: { options: [], transport: 'lp', areas: ['hub', 'clients', 'streaming'] },
  // The cases that wait for the server's own long timeouts, and only those.
  slow: { options: [], isSlow: true, areas: ['http', 'lifecycle', 'official', 'stateful', 'websocket'] },
};

/** Recordings of a server that is started as for another. */
const STARTED_AS = { sse: 'plain', lp: 'plain', slow: 'plain' };

/** How many cases may be unsteady, in all; more are no accident. */
const UNSTEADY = 5;

/** How long the server may take to start, to end, and one run of the suite, in milliseconds. */
const START = 15_000;
const END = 5_000;
const RUN = 600_000;

/** The highest port that browsers, and so fetch, may refuse. */
const HIGHEST_REFUSED_PORT = 10_080;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const { values: o } = parseArgs({
  options: {
    tag: { type: 'string', default: Object.keys(RECORDINGS).filter((tag) => !RECORDINGS[tag].isSlow).join() }, areas: { type: 'string' }, only: { type: 'string' },
    full: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
  },
});
const tags = o.tag.split(',');
const program = process.env.CONTRACT_SERVER;
if (o.help || !program || tags.some((tag) => !RECORDINGS[tag])) { console.error(USAGE); process.exit(o.help ? 0 : 2); }

const areas = await loadAreas();
const deviations = JSON.parse(await readFile(here('deviations.json'), 'utf8'));
await mkdir(here('out'), { recursive: true });

const total = { passed: 0, failed: 0, unsteady: 0, known: new Map() };
const summary = [];
for (const tag of tags) {
  const began = Date.now();
  const cases = chosen(tag);
  if (!cases.length) { console.error(`${tag}: no case matches`); process.exit(2); }
  const golden = JSON.parse(await readFile(here(`golden/${tag}.json`), 'utf8'));
  const listed = listOf(tag, golden);
  try {
    judge(tag, cases, golden, await steady(tag, cases, golden, await run(tag, cases), listed), listed);
  } catch (err) {
    fail(tag, 'as a whole:', err.message);
  }
  summary.push(`${tag}: ${cases.length} cases in ${Math.round((Date.now() - began) / 1000)} s`);
}
const known = [...total.known].sort().map(([kind, count]) => `${count} ${kind}`);
console.log(`\n${summary.join('\n')}`);
console.log(`known differences: ${known.join(', ') || 'none'}`);
if (total.unsteady) console.log(`unsteady cases: ${total.unsteady}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed ? 1 : 0);

/** The cases to run, of those areas and ids that are asked for. */
function chosen(tag) {
  const names = o.areas?.split(',') ?? RECORDINGS[tag].areas;
  const unknown = names.filter((name) => name !== 'all' && !areas.some((area) => area.name === name));
  if (unknown.length) { console.error(`there is no area ${unknown.join(' or ')}`); process.exit(2); }
  const wanted = areas.filter((area) => names.includes('all') || names.includes(area.name));
  const { isSlow = false, transport, areas: recorded } = RECORDINGS[tag];
  return select(wanted, { only: o.only, slow: isSlow, tag: STARTED_AS[tag] ?? tag })
    .filter((one) => one.slow === isSlow && (!transport || recorded.includes(one.area)));
}

/** Reasons by id. An entry that is about no recorded case, or about one that another is about, is a failure. */
function listOf(tag, golden) {
  const ids = Object.keys(golden.cases);
  const listed = new Map();
  for (const [reason, entries] of Object.entries(deviations[tag] ?? {})) {
    const found = new Map(entries.map((entry) => [entry, ids.filter((id) => matches(id, entry.replace(/^!/, '')))]));
    for (const [entry, about] of found) if (!about.length) fail(tag, entry, 'is listed, and no such case is recorded');
    const of = (isTaken) => [...found].filter(([entry]) => entry.startsWith('!') !== isTaken).flatMap(([, about]) => about);
    const left = new Set(of(false));
    for (const id of new Set(of(true))) {
      if (left.has(id)) continue;
      if (listed.has(id)) fail(tag, id, `is listed twice: ${listed.get(id)}; ${reason}`);
      listed.set(id, reason);
    }
  }
  return listed;
}

/** Whether an id is the one given, where `*` stands for any characters. */
function matches(id, entry) {
  const parts = entry.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(id);
}

/** What the cases saw, where those few that are not as they should be have been looked at again. */
async function steady(tag, cases, golden, seen, listed) {
  const failed = compare(golden, seen).filter((row) => outcome(row, listed) === 'failed').map(({ id }) => id);
  const again = cases.filter(({ id }) => failed.includes(id));
  if (!again.length || total.unsteady + again.length > UNSTEADY) return seen;
  const second = await run(tag, again, 1);
  for (const row of compare(golden, second)) {
    if (!again.some(({ id }) => id === row.id) || outcome(row, listed) === 'failed') continue;
    total.unsteady++;
    console.log(`UNSTEADY ${tag} ${row.id}: as it should be the second time, not the first`);
    show({ golden: row.golden, other: seen.cases[row.id] });
    seen.cases[row.id] = second.cases[row.id];
  }
  return seen;
}

/** 'equal', 'known' (it differs, and that is listed) or 'failed'. */
function outcome({ id, verdict }, listed) {
  const reason = listed.get(id);
  if (verdict === 'equal') return reason && kindOf(reason) !== 'chance' ? 'failed' : 'equal';
  return reason ? 'known' : 'failed';
}

function kindOf(reason) {
  return reason.split(':')[0];
}

/** Runs the cases against a server of their own, and gives what they saw. */
async function run(tag, cases, concurrency = 6) {
  const server = await start(tag);
  try {
    const [out, secrets] = [here(`out/${tag}.json`), here(`out/${tag}.secrets.json`)];
    const only = cases.map(({ id }) => `^${id.replaceAll('.', '\\.')}$`).join();
    const { isSlow = false, transport = 'ws' } = RECORDINGS[tag];
    const options = ['--tag', STARTED_AS[tag] ?? tag, '--transport', transport, '--concurrency', String(concurrency), ...(isSlow ? ['--slow'] : [])];
    const runner = spawn(process.execPath, [here('run.mjs'), '--target', server.url, ...options, '--out', out, '--secrets', secrets, '--only', only], { stdio: ['ignore', 'ignore', 'pipe'] });
    const said = keepLast(runner.stderr);
    const [code] = await within(once(runner, 'exit'), RUN, () => runner.kill('SIGKILL'));
    if (code !== 0 || server.hasEnded()) throw new Error(`the run has failed\n${said.join('\n')}\n${await server.said()}`);
    await server.stop();
    await judgeLog(tag, server.log, JSON.parse(await readFile(secrets, 'utf8')));
    return JSON.parse(await readFile(out, 'utf8'));
  } finally {
    await server.stop();
  }
}

/** No token, cookie or secret of a connection is in the server's log, though it says all it ever says. */
async function judgeLog(tag, log, secrets) {
  const { lines, leaks } = await leaksIn(log, secrets);
  summary.push(`${tag}: ${secrets.length} words of secrets are in ${leaks.length} of ${lines} lines of the log`);
  if (!leaks.length) await rm(log);
  for (const line of leaks.slice(0, 5)) fail(tag, 'the log', `repeats a secret: ${line.slice(0, 300)}`);
}

async function start(tag) {
  const url = `http://127.0.0.1:${await freePort()}`;
  // Every level of every crate: what one has to say of a request is then in the log.
  const env = { ...process.env, RUST_LOG: 'trace' };
  const log = here(`out/${tag}.log`);
  // A file, not a pipe: the server must not wait for whoever reads it.
  const file = await open(log, 'w');
  const child = spawn(program, ['--urls', url, ...RECORDINGS[tag].options], { stdio: ['ignore', 'pipe', file.fd], env });
  await file.close();
  const said = async () => (await readFile(log, 'utf8')).split('\n').slice(-30).join('\n');
  const failed = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', async (code, signal) => reject(new Error(`${program} ended with ${signal ?? `exit code ${code}`}\n${await said()}`)));
  });
  failed.catch(() => {});
  const ready = new Promise((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => { if (/listening on /i.test(line)) resolve(); });
  });
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  await within(Promise.race([ready, failed]), START, () => child.kill('SIGKILL'));
  const stop = async () => {
    if (hasEnded()) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await within(ended, END, () => child.kill('SIGKILL'));
  };
  return { url, said, log, hasEnded, stop };
}

/** Says what differs and should not, and what is equal and should not; counts by area. */
function judge(tag, cases, golden, other, listed) {
  const asked = new Set(cases.map(({ id }) => id));
  const rows = compare(golden, other).filter(({ id }) => asked.has(id));
  const counts = new Map();
  for (const row of rows) {
    const count = counts.get(row.area) ?? { equal: 0, known: 0, failed: 0, all: 0 };
    counts.set(row.area, count);
    count.all++;
    const kind = outcome(row, listed);
    count[kind]++;
    const reason = listed.get(row.id);
    if (kind === 'equal') {
      total.passed++;
    } else if (kind === 'known') {
      total.known.set(kindOf(reason), (total.known.get(kindOf(reason)) ?? 0) + 1);
    } else {
      const isEqual = row.verdict === 'equal';
      fail(tag, row.id, isEqual ? `is equal now, and listed: ${reason}` : `differs${row.unstable ? ' (from all variants)' : ''}`);
      if (!isEqual) show(row);
    }
  }
  for (const [area, { equal, known, failed, all }] of [...counts].sort()) {
    const rest = [known && `${known} known`, failed && `${failed} failed`].filter(Boolean).join(', ');
    console.log(`${tag.padEnd(8)}  ${area.padEnd(14)}  ${String(equal).padStart(4)} / ${String(all).padEnd(4)} ${rest}`.trimEnd());
  }
}

function fail(tag, id, what) {
  total.failed++;
  console.log(`FAIL ${tag} ${id} ${what}`);
}

/** Both transcripts: `<` only recorded, `>` only here. */
function show({ golden, other }) {
  const cut = (line) => (o.full || line.length <= 300 ? line : `${line.slice(0, 299)}…`);
  for (const [mark, left, right] of sideBySide(golden?.lines ?? ['(not recorded)'], other?.lines ?? ['(not run)'])) {
    if (mark === ' ') console.log(`    ${cut(left)}`);
    if (mark === '<' || mark === '|') console.log(`  < ${cut(left)}`);
    if (mark === '>' || mark === '|') console.log(`  > ${cut(right)}`);
  }
}

/** The last lines of a stream, as they come. */
function keepLast(stream) {
  const lines = [];
  createInterface({ input: stream }).on('line', (line) => { if (lines.push(line) > 30) lines.shift(); });
  return lines;
}

/** The promise's value, or an error when it does not come in time; `late` is called first. */
async function within(promise, milliseconds, late) {
  const ending = new AbortController();
  const timeout = delay(milliseconds, null, { signal: ending.signal }).then(() => {
    late();
    throw new Error(`nothing within ${milliseconds} ms`);
  });
  timeout.catch(() => {});
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    ending.abort();
  }
}

async function freePort() {
  for (let attempt = 0; attempt < 100; attempt++) {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address();
    probe.close();
    await once(probe, 'close');
    if (port > HIGHEST_REFUSED_PORT) return port;
  }
  throw new Error('no free port');
}
