// An identity provider to try things out with: everybody may sign in under any name, with any password.
//
// `node provider.mjs 3000` serves it at http://127.0.0.1:3000; the tests start it from here, with keys of their own.

import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import Provider from 'oidc-provider';

/** What the tokens are for: the hub server. */
export const RESOURCE = 'urn:example:chat';
export const AUDIENCE = 'chat';

/** A program, which has a secret of its own, and an application that people use. */
export const MACHINE = { client_id: 'machine', client_secret: 'for trying out only' };
export const APPLICATION = { client_id: 'application', redirect_uri: 'http://127.0.0.1:4000/signed-in' };

/** A key for RS256 with this id. */
export function signingKey(kid) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };
}

/** Serves the provider: `keys`, the first of which signs; `tls`, a certificate and its key, for HTTPS. */
export async function startProvider({ port = 0, keys, tls, lifetime = 600 }) {
  const server = tls ? createSecureServer(tls) : createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration(keys, lifetime));
  const asked = [];
  const answer = provider.callback();
  server.on('request', (request, response) => {
    asked.push(new URL(request.url, issuer).pathname);
    // Nobody is to keep a connection to a provider that is stopped and started again.
    response.setHeader('connection', 'close');
    answer(request, response);
  });
  return {
    issuer,
    port: server.address().port,
    /** The paths that were asked for, in their order. */
    asked,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function configuration(keys, lifetime) {
  return {
    jwks: { keys },
    clients: [
      {
        ...MACHINE,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: APPLICATION.client_id,
        redirect_uris: [APPLICATION.redirect_uri],
        application_type: 'native',
        token_endpoint_auth_method: 'none',
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          audience: AUDIENCE,
          scope: 'chat',
          accessTokenFormat: 'jwt',
          accessTokenTTL: lifetime,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    // Becomes the name of the user, as it is in the tokens of many providers.
    extraTokenClaims: (_context, token) => ({ unique_name: token.accountId ?? token.clientId }),
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    scopes: ['openid', 'chat'],
    cookies: { keys: ['for trying out only'] },
    ttl: { AccessToken: lifetime, IdToken: lifetime, ClientCredentials: lifetime, Grant: 3600, Interaction: 3600, Session: 3600 },
  };
}

/** A token for the program itself. */
export async function machineToken(issuer) {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${basic(MACHINE.client_id, MACHINE.client_secret)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'chat', resource: RESOURCE }),
  });
  return accessToken(response);
}

function basic(name, password) {
  return Buffer.from(`${encodeURIComponent(name)}:${encodeURIComponent(password)}`).toString('base64');
}

async function accessToken(response) {
  const answer = await response.json();
  if (!response.ok) throw new Error(`no token: ${JSON.stringify(answer)}`);
  return answer.access_token;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const provider = await startProvider({ port: Number(process.argv[2] ?? 3000), keys: [signingKey('first')] });
  console.log(`the identity provider is ${provider.issuer}`);
}
