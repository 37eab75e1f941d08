// A server with few open files: what it keeps to cut off clients that do not read is not at the cost of other clients.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpTransportType, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { Server, freePort, within } from './support.mjs';

const LIMIT = 256;
/** More than half of the limit, with room for what the server has open besides; nearly all where a WebSocket is one file. */
const CLIENTS = { HttpServer: 160, HubHttpServer: 220 };

for (const [served, count] of Object.entries(CLIENTS)) test(`a ${served} with room for its clients has room for them all`, async () => {
  const program = process.env.CONTRACT_SERVER;
  assert.ok(program, 'CONTRACT_SERVER must be the path of the built example; ./.ci/test builds it and sets this');
  const options = served === 'HttpServer' ? ['--http-server', '1'] : [];
  const limited = `ulimit -n ${LIMIT} && exec "$0" "$@"`;
  const server = new Server('/bin/sh', await freePort(), (port) => ['-c', limited, program, '--urls', `http://127.0.0.1:${port}`, ...options]);
  await server.start();
  const clients = Array.from({ length: count }, () => new HubConnectionBuilder()
    .withUrl(`${server.url}/hubs/test`, { skipNegotiation: true, transport: HttpTransportType.WebSockets })
    .configureLogging(LogLevel.None)
    .build());
  try {
    // One after another: of many at once, the server would take all before it looked at the first.
    for (const [index, client] of clients.entries()) await within(client.start(), `connection ${index}`);
    for (const client of clients) assert.equal(await within(client.invoke('Echo', 'hello'), 'an answer'), 'hello');
  } finally {
    await Promise.all(clients.map((client) => client.stop()));
    await server.stop();
  }
});
