// A hub that knows nothing but the address of an identity provider, with the provider that the example oidc brings along.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { HttpTransportType, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { APPLICATION, machineToken, RESOURCE, signingKey, startProvider } from '../../examples/oidc/provider.mjs';
import { PATIENCE, Server, within } from './support.mjs';

if (process.env.EXAMPLES) process.env.OIDC_SERVER = join(process.env.EXAMPLES, 'oidc');

/** Ready when the server, which knows this address and no more, listens. */
const start = (issuer) => Server.start('OIDC_SERVER', (port) => [`127.0.0.1:${port}`, issuer]);

/** Who the hub says that the owner of the token is. */
async function whoAmI(server, token, transport = HttpTransportType.WebSockets) {
  const connection = new HubConnectionBuilder()
    .withUrl(`${server.url}/whoami`, { transport, accessTokenFactory: () => token })
    .configureLogging(LogLevel.None)
    .build();
  await within(connection.start(), 'the start of a connection');
  try {
    return await within(connection.invoke('WhoAmI'), 'the completion of WhoAmI');
  } finally {
    await connection.stop();
  }
}

const refused = (promise) => assert.rejects(promise, /401/);

/** Signs in as a person does in a browser: authorization code, PKCE, the provider's pages. */
async function personToken(issuer, name) {
  const cookies = new Map();
  async function go(url, form) {
    const response = await fetch(url, {
      method: form ? 'POST' : 'GET',
      body: form && new URLSearchParams(form),
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([key, value]) => `${key}=${value}`).join('; ') },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, key, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      cookies.set(key, value);
    }
    return response;
  }
  const verifier = 'a-verifier-of-at-least-forty-three-characters-for-pkce';
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  const query = new URLSearchParams({
    client_id: APPLICATION.client_id,
    redirect_uri: APPLICATION.redirect_uri,
    response_type: 'code',
    scope: 'openid chat',
    resource: RESOURCE,
    code_challenge: Buffer.from(digest).toString('base64url'),
    code_challenge_method: 'S256',
  });
  let place = `${issuer}/auth?${query}`;
  while (!place.startsWith(APPLICATION.redirect_uri)) {
    let response = await go(place);
    if (response.status === 200) {
      const prompt = /name="prompt" value="(\w+)"/.exec(await response.text())[1];
      response = await go(place, prompt === 'login' ? { prompt, login: name, password: 'x' } : { prompt });
    }
    place = new URL(response.headers.get('location'), issuer).href;
  }
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: APPLICATION.client_id,
      redirect_uri: APPLICATION.redirect_uri,
      code: new URL(place).searchParams.get('code'),
      code_verifier: verifier,
    }),
  });
  return (await response.json()).access_token;
}

const key = { first: signingKey('first'), second: signingKey('second') };

describe('a hub that knows the address of an identity provider', () => {
  let provider;
  let server;

  beforeEach(async () => {
    provider = await startProvider({ keys: [key.first] });
    server = await start(provider.issuer);
  });

  afterEach(async () => {
    await server.stop();
    await provider.stop();
  });

  const fetches = () => provider.asked.filter((path) => path === '/jwks').length;

  test('lets a program in with the token it was given, over every transport', async () => {
    const token = await machineToken(provider.issuer);
    for (const transport of [
      HttpTransportType.WebSockets,
      HttpTransportType.ServerSentEvents,
      HttpTransportType.LongPolling,
    ]) {
      assert.equal(await whoAmI(server, token, transport), 'machine');
    }
    assert.equal(fetches(), 1, 'all workers share what one has fetched');
  });

  test('lets a person in who has signed in on the pages of the provider', async () => {
    assert.equal(await whoAmI(server, await personToken(provider.issuer, 'ann')), 'ann');
  });

  test('lets nobody in with a token of another provider, or a changed one', async () => {
    const other = await startProvider({ keys: [{ ...key.second, kid: 'first' }] });
    try {
      await refused(whoAmI(server, await machineToken(other.issuer)));
    } finally {
      await other.stop();
    }
    const [header, payload, signature] = (await machineToken(provider.issuer)).split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url'));
    const changed = Buffer.from(JSON.stringify({ ...claims, sub: 'admin' })).toString('base64url');
    await refused(whoAmI(server, `${header}.${changed}.${signature}`));
  });

  test('t11, t14: a new key counts from the first token that it signs, and the old one goes on for a while', async () => {
    const old = await machineToken(provider.issuer);
    const connection = new HubConnectionBuilder()
      .withUrl(`${server.url}/whoami`, { transport: HttpTransportType.LongPolling, accessTokenFactory: () => old })
      .configureLogging(LogLevel.None)
      .build();
    await within(connection.start(), 'the start of a connection');
    try {
      const { port } = provider;
      await provider.stop();
      provider = await startProvider({ port, keys: [key.second] });

      assert.equal(await whoAmI(server, await machineToken(provider.issuer)), 'machine');
      assert.equal(fetches(), 1, 'one look at the new keys');
      assert.equal(await connection.invoke('WhoAmI'), 'machine', 'polls with the old token go on');
      assert.equal(await whoAmI(server, old), 'machine', 'as do new connections');
    } finally {
      await connection.stop();
    }
  });

  test('t12: tokens with unknown keys do not make it ask again and again', async () => {
    const [, payload, signature] = (await machineToken(provider.issuer)).split('.');
    for (let n = 0; n < 20; n += 1) {
      const header = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'at+jwt', kid: `x${n}` })).toString('base64url');
      await refused(whoAmI(server, `${header}.${payload}.${signature}`));
    }
    assert.equal(fetches(), 2, 'by itself, and for the first unknown key');
    assert.equal(await whoAmI(server, await machineToken(provider.issuer)), 'machine');
  });

  test('t15: goes on with the keys at hand when the provider is gone', async () => {
    const token = await machineToken(provider.issuer);
    assert.equal(await whoAmI(server, token), 'machine');
    await provider.stop();
    assert.equal(await whoAmI(server, token), 'machine');
    provider = await startProvider({ port: provider.port, keys: [key.first] });
  });

  test('t15: starts without the provider, refuses, and lets in when it is there', async () => {
    const token = await machineToken(provider.issuer);
    const { port, issuer } = provider;
    await provider.stop();
    await server.stop();
    server = await start(issuer);
    await refused(whoAmI(server, token));
    provider = await startProvider({ port, keys: [key.first] });
    const until = Date.now() + PATIENCE;
    const tryAgain = () => whoAmI(server, token).catch((err) => (Date.now() < until ? tryAgain() : Promise.reject(err)));
    assert.equal(await tryAgain(), 'machine');
    assert.ok(fetches() <= 2, 'the waits between its attempts are kept');
  });
});

describe('over HTTPS', () => {
  const file = (name) => fileURLToPath(new URL(`../keys/${name}`, import.meta.url));
  const tls = { cert: readFileSync(file('tls_certificate.pem')), key: readFileSync(file('tls_private.pem')) };
  let provider;

  before(async () => {
    provider = await startProvider({ keys: [key.first], tls });
    // For the test's own requests; the server decides for itself.
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  });

  after(async () => {
    await provider.stop();
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    delete process.env.SSL_CERT_FILE;
  });

  test('a provider is trusted if its certificate is', async () => {
    const token = await machineToken(provider.issuer);
    for (const [authorities, isTrusted] of [['tls_authority.pem', true], ['tls_other_authority.pem', false]]) {
      process.env.SSL_CERT_FILE = file(authorities);
      const server = await start(provider.issuer);
      try {
        if (isTrusted) assert.equal(await whoAmI(server, token), 'machine');
        else await refused(whoAmI(server, token));
      } finally {
        await server.stop();
      }
    }
  });
});
