// A network that is cut again and again, at places that look random and are the same each time.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Carries connections to a server, and cuts each that has become a socket after some bytes more, each way. */
export class CuttingProxy {
  #sockets = new Set();
  #seed;
  cuts = 0;

  constructor(port, seed) {
    this.#seed = seed;
    this.server = createServer((client) => this.#carry(client, connect(port, '127.0.0.1')));
  }

  async start() {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  stop() {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
  }

  #carry(client, server) {
    // The client opens a socket again once, so it has to become one.
    let left = { up: Infinity, down: Infinity };
    const cut = () => { client.destroy(); server.destroy(); };
    const carry = (from, to, way) => {
      from.setNoDelay(true);
      this.#sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => { this.#sockets.delete(from); cut(); });
      from.on('data', (bytes) => {
        to.write(bytes.subarray(0, Math.min(bytes.length, left[way])));
        left[way] -= bytes.length;
        if (left[way] <= 0) {
          if (!from.destroyed) this.cuts += 1;
          to.end();
          from.destroy();
        }
        if (way === 'down' && left.down === Infinity && bytes.includes('HTTP/1.1 101')) {
          left = { up: this.#upTo(2500), down: this.#upTo(2500) };
        }
      });
    };
    carry(client, server, 'up');
    carry(server, client, 'down');
  }

  /** A number that looks random, and is the same each time. */
  #upTo(highest) {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return 1 + (this.#seed % highest);
  }
}
