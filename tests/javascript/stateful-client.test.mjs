// The official JavaScript client with stateful reconnect, against examples/contract, through a network that is cut.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HttpTransportType, HubConnectionBuilder, JsonHubProtocol, LogLevel } from '@microsoft/signalr';
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack';
import { CuttingProxy } from './cutting-proxy.mjs';
import { Server, within } from './support.mjs';

let server;
before(async () => { server = await Server.start('CONTRACT_SERVER', (port) => ['--urls', `http://127.0.0.1:${port}`, '--workers', '2']); });
after(async () => { await server?.stop(); });

for (const protocol of [new JsonHubProtocol(), new MessagePackHubProtocol()]) test(`nothing is lost and nothing comes twice through a network that is cut: ${protocol.name}`, async (t) => {
  const proxy = new CuttingProxy(server.port, 7);
  const url = await proxy.start();
  t.after(() => proxy.stop());
  const ends = [];
  const messages = [];
  const connection = new HubConnectionBuilder()
    .withUrl(`${url}/hubs/test`, { transport: HttpTransportType.WebSockets })
    .withHubProtocol(protocol)
    .withStatefulReconnect()
    .configureLogging(LogLevel.None)
    .build();
  connection.onclose((err) => ends.push(`closed: ${err}`));
  connection.onreconnecting((err) => ends.push(`reconnecting: ${err}`));
  connection.on('Message', (text) => messages.push(text));
  await within(connection.start(), 'the start');
  t.after(() => connection.stop());
  const id = await connection.invoke('ConnectionId');

  const numbers = Array.from({ length: 400 }, (_, number) => String(number));
  const streamed = [];
  const stream = new Promise((resolve, reject) => {
    connection.stream('Count', 200, 5).subscribe({ next: (item) => streamed.push(item), complete: resolve, error: reject });
  });
  for (let at = 0; at < numbers.length; at += 8) {
    const some = numbers.slice(at, at + 8);
    const answers = await within(Promise.all(some.map((number) => connection.invoke('Echo', number))), `the answers to ${some}`);
    assert.deepEqual(answers, some);
    for (const number of some) await connection.send('SendCaller', number);
  }
  await within(stream, 'the end of the stream');
  // What was sent before it has come, or will not.
  assert.equal(await within(connection.invoke('ConnectionId'), 'the id'), id);
  assert.deepEqual(messages, numbers);
  assert.deepEqual(streamed, Array.from({ length: 200 }, (_, item) => item));
  assert.deepEqual(ends, []);
  assert.ok(proxy.cuts >= 10, `only ${proxy.cuts} cuts`);
});
