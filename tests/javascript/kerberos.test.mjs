// The example kerberos with a real KDC: curl identifies the client, and carries the requests of the official one.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { AbortError, HttpClient, HttpResponse, HttpTransportType, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { Kdc, REALM, run } from './kdc.mjs';
import { freePort, PATIENCE, Server, within } from './support.mjs';

if (process.env.EXAMPLES) process.env.KERBEROS_SERVER = join(process.env.EXAMPLES, 'kerberos');

const NEGOTIATE = ['--negotiate', '-u', ':'];

/** The answer to a request that curl sends: status, headers and body. */
async function curl(env, url, args = [], input = undefined, signal = undefined) {
  const { code, stdout, stderr } = await run('curl', ['-sS', '-i', '--max-time', '20', ...args, url], { env, input, signal });
  assert.equal(code, 0, stderr);
  const answers = stdout.split(/(?=^HTTP\/1\.1 )/m).map((answer) => {
    const [head, ...body] = answer.split('\r\n\r\n');
    const [first, ...lines] = head.split('\r\n');
    const headers = lines.map((line) => /^([^:]+): (.*)$/.exec(line)).map(([, name, value]) => [name.toLowerCase(), value]);
    return { status: Number(first.split(' ')[1]), headers, body: body.join('\r\n\r\n') };
  });
  return { ...answers.at(-1), answers };
}

const header = (answer, wanted) => answer.headers.filter(([name]) => name === wanted).map(([, value]) => value);

/** The official client's requests, sent by curl as somebody with these tickets. */
class CurlClient extends HttpClient {
  constructor(env) {
    super();
    this.env = env;
  }

  async send({ method, url, content, headers, abortSignal }) {
    const aborting = new AbortController();
    if (abortSignal) abortSignal.onabort = () => aborting.abort();
    const lines = Object.entries(headers ?? {}).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const body = content === undefined || content === '' ? [] : ['--data-binary', '@-'];
    const args = [...NEGOTIATE, '-X', method, ...lines, ...body];
    const answer = await curl(this.env, url, args, content, aborting.signal)
      .catch((err) => { throw aborting.signal.aborted ? new AbortError() : err; });
    if (answer.status >= 400) throw Object.assign(new Error(`status ${answer.status}`), { statusCode: answer.status });
    return new HttpResponse(answer.status, '', answer.body);
  }

  getCookieString() {
    return '';
  }
}

function connectionOf(server, env) {
  return new HubConnectionBuilder()
    .withUrl(`${server.url}/whoami`, {
      transport: HttpTransportType.LongPolling,
      httpClient: new CurlClient(env),
    })
    .configureLogging(LogLevel.None)
    .build();
}

describe('a hub in a Kerberos domain', () => {
  let kdc;
  let server;
  let keytab;
  let ann;

  const startServer = async (env) => {
    const known = { ...process.env };
    Object.assign(process.env, kdc.env, { PATH: known.PATH }, env);
    try {
      const started = await Server.start('KERBEROS_SERVER', (port) => [`127.0.0.1:${port}`]);
      // The name that its key is for.
      started.url = started.url.replace('127.0.0.1', 'localhost');
      return started;
    } finally {
      for (const name of Object.keys({ ...kdc.env, ...env })) {
        if (known[name] === undefined) delete process.env[name];
        else process.env[name] = known[name];
      }
    }
  };

  before(async () => {
    kdc = await Kdc.start(await freePort());
    await kdc.addPerson('ann', 'a-password');
    keytab = await kdc.addService('HTTP/localhost', 'server.keytab');
    ann = await kdc.signIn('ann', 'a-password');
    server = await startServer({ KRB5_KTNAME: keytab });
  });

  after(async () => {
    await server?.stop();
    await kdc?.stop();
  });

  const negotiate = () => `${server.url}/whoami/negotiate?negotiateVersion=1`;

  test('asks for a token, and identifies itself to whoever brings one', async () => {
    const asked = await curl(kdc.env, negotiate(), ['-X', 'POST']);
    assert.equal(asked.status, 401);
    assert.deepEqual(header(asked, 'www-authenticate'), ['Negotiate']);
    assert.equal(asked.body, '');

    const known = await curl(ann, negotiate(), [...NEGOTIATE, '-X', 'POST']);
    assert.equal(known.status, 200);
    assert.match(header(known, 'www-authenticate')[0], /^Negotiate [A-Za-z0-9+/]+=*$/);
    assert.ok(JSON.parse(known.body).connectionToken);

    assert.equal((await curl(kdc.env, `${server.url}/me`)).status, 401);
    const page = await curl(ann, `${server.url}/me`, NEGOTIATE);
    assert.equal(page.body, `ann@${REALM}`);
    assert.match(header(page, 'www-authenticate')[0], /^Negotiate ./);
  });

  test('knows the name of the user in every request of the official client over long polling', async () => {
    const connection = connectionOf(server, ann);
    await within(connection.start(), 'the start of a connection');
    assert.equal(await within(connection.invoke('WhoAmI'), 'the completion of WhoAmI'), `ann@${REALM}`);
    await connection.stop();
  });

  test('knows it over Server-Sent Events', async () => {
    const { connectionToken } = JSON.parse((await curl(ann, negotiate(), [...NEGOTIATE, '-X', 'POST'])).body);
    const url = `${server.url}/whoami?id=${encodeURIComponent(connectionToken)}`;
    const events = spawn('curl', ['-sSN', '--max-time', '30', ...NEGOTIATE, '-H', 'Accept: text/event-stream', url], {
      env: { ...process.env, ...ann },
    });
    const lines = createInterface({ input: events.stdout })[Symbol.asyncIterator]();
    const record = async () => {
      for (;;) {
        const { value } = await within(lines.next(), 'an event');
        if (value.startsWith('data: {')) return JSON.parse(value.slice(6).replace('\x1e', ''));
      }
    };
    const begun = await within(lines.next(), 'the beginning of the events');
    assert.match(begun.value, /^:?/);
    const send = (message) => curl(ann, url, [...NEGOTIATE, '--data-binary', '@-'], `${JSON.stringify(message)}\x1e`);
    await send({ protocol: 'json', version: 1 });
    await send({ type: 1, invocationId: '1', target: 'WhoAmI', arguments: [] });
    let completion;
    do completion = await record(); while (completion.type !== 3);
    assert.equal(completion.result, `ann@${REALM}`);
    const ended = once(events, 'exit');
    events.kill();
    await ended;
  });

  test('lets nobody in who has no ticket, or one that has expired', async () => {
    const stranger = await curl(kdc.tickets('nobody'), negotiate(), [...NEGOTIATE, '-X', 'POST']);
    assert.equal(stranger.status, 401);
    const short = { ...ann, KRB5CCNAME: `FILE:${join(kdc.folder, 'short')}` };
    await kdc.must('kinit', ['-l', '3s', 'ann'], { env: short, input: 'a-password\n' });
    const connect = async () => (await curl(short, negotiate(), [...NEGOTIATE, '-X', 'POST'])).status;
    assert.equal(await connect(), 200);
    const until = Date.now() + PATIENCE;
    let status;
    do status = await connect(); while (status === 200 && Date.now() < until);
    assert.equal(status, 401);
  });

  test('k09: takes a token once, and junk never', async () => {
    const { stderr } = await run('curl', ['-sv', ...NEGOTIATE, '-X', 'POST', negotiate()], { env: ann });
    const token = /^> Authorization: (Negotiate .+?)\r?$/m.exec(stderr)[1];
    const again = await curl(kdc.env, negotiate(), ['-X', 'POST', '-H', `Authorization: ${token}`]);
    assert.equal(again.status, 401, 'somebody has listened and sends the token of another once more');
    for (const junk of ['bm9uc2Vuc2U=', 'YIIBjunk', '!', '', `${token.slice(10, -8)}AAAAAAAA`]) {
      const answer = await curl(kdc.env, negotiate(), ['-X', 'POST', '-H', `Authorization: Negotiate ${junk}`]);
      assert.ok([400, 401].includes(answer.status), `${junk}: ${answer.status}`);
    }
    const unreadable = await curl(kdc.env, negotiate(), ['-X', 'POST', '-H', 'Authorization: Negotiate !']);
    assert.equal(unreadable.status, 400);
  });

  test('lets nobody in with a ticket for a key it does not have', async () => {
    await kdc.addService('HTTP/elsewhere', 'other.keytab');
    const other = await startServer({ KRB5_KTNAME: join(kdc.folder, 'other.keytab') });
    try {
      const refused = await curl(ann, `${other.url}/whoami/negotiate`, [...NEGOTIATE, '-X', 'POST']);
      assert.equal(refused.status, 401);
    } finally {
      await other.stop();
    }
    await assert.rejects(startServer({ KRB5_KTNAME: join(kdc.folder, 'no.keytab') }), /no keys for Kerberos/);
  });
});
