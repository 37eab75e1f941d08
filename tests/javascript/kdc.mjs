// A Kerberos domain of its own: a KDC on the loopback address, everything else in a temporary directory.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { within } from './support.mjs';

export const REALM = 'EXAMPLE.TEST';

/** Runs a program to its end; what it wrote, and how it ended. */
export function run(program, args, { env, input, signal } = {}) {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { env: { ...process.env, ...env }, maxBuffer: 1 << 22, signal }, (err, stdout, stderr) => {
      if (err && typeof err.code !== 'number') reject(err);
      else resolve({ code: err?.code ?? 0, stdout, stderr });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
  });
}

export class Kdc {
  #child;

  static async start(port) {
    const kdc = new Kdc();
    kdc.folder = await mkdtemp(join(tmpdir(), 'kdc-'));
    const at = (name) => join(kdc.folder, name);
    kdc.env = {
      KRB5_CONFIG: at('krb5.conf'),
      KRB5_KDC_PROFILE: at('kdc.conf'),
      KRB5RCACHEDIR: kdc.folder,
      // Debian keeps the KDC's programs where only root looks for programs.
      PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
    };
    await writeFile(at('krb5.conf'), `[libdefaults]
      default_realm = ${REALM}
      dns_lookup_kdc = false
      dns_lookup_realm = false
      dns_canonicalize_hostname = false
      rdns = false
      udp_preference_limit = 1
      # By how many seconds clocks may differ, and so how long a ticket is good beyond its end.
      clockskew = 1
      [realms]
      ${REALM} = {
        kdc = 127.0.0.1:${port}
      }
      [domain_realm]
      localhost = ${REALM}
      [logging]
      kdc = STDERR
      `.replace(/^ +/gm, ''));
    await writeFile(at('kdc.conf'), `[kdcdefaults]
      kdc_listen = 127.0.0.1:${port}
      kdc_tcp_listen = 127.0.0.1:${port}
      [realms]
      ${REALM} = {
        database_name = ${at('principal')}
        key_stash_file = ${at('stash')}
      }
      `.replace(/^ +/gm, ''));
    await kdc.must('kdb5_util', ['create', '-s', '-P', 'for tests only', '-r', REALM]);
    kdc.#child = spawn('krb5kdc', ['-n'], { env: { ...process.env, ...kdc.env }, stdio: ['ignore', 'ignore', 'pipe'] });
    const ready = new Promise((resolve, reject) => {
      createInterface({ input: kdc.#child.stderr }).on('line', (line) => line.includes('commencing operation') && resolve());
      kdc.#child.once('error', reject);
      kdc.#child.once('exit', (code) => reject(new Error(`krb5kdc ended with ${code}`)));
    });
    await within(ready, 'the KDC');
    return kdc;
  }

  async must(program, args, options) {
    const ended = await run(program, args, { env: this.env, ...options });
    if (ended.code !== 0) throw new Error(`${program}: ${ended.stderr || ended.stdout}`);
    return ended.stdout;
  }

  /** Adds somebody with a password. */
  addPerson(name, password) {
    return this.must('kadmin.local', ['-q', `addprinc -pw ${password} ${name}`]);
  }

  /** Adds a service, or gives it a new key; its keytab. */
  async addService(name, keytab) {
    const file = join(this.folder, keytab);
    await this.must('kadmin.local', ['-q', `addprinc -randkey ${name}`]);
    await this.must('kadmin.local', ['-q', `ktadd -k ${file} ${name}`]);
    return file;
  }

  /** Where the tickets of somebody who has none yet are. */
  tickets(name) {
    return { ...this.env, KRB5CCNAME: `FILE:${join(this.folder, `${name}.tickets`)}` };
  }

  /** The same of somebody who has typed his password. */
  async signIn(name, password, options = []) {
    const env = this.tickets(name);
    const ended = await run('kinit', [...options, name], { env, input: `${password}\n` });
    if (ended.code !== 0) throw new Error(`kinit: ${ended.stderr}`);
    return env;
  }

  async stop() {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await within(ended, 'the end of the KDC');
    await rm(this.folder, { recursive: true });
  }
}
