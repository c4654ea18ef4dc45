import { mkdtemp, readFile, readdir, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeAuthority } from '../lib/certificates.ts';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { eventually, exec } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const TIMES = 20;

/** Connections, in the daemon's network namespace; whatever becomes of them, the client is gone afterwards. */
const CLIENT = `
import { connect } from 'node:tls';
import { connect as plain } from 'node:net';
const [how, ca, cert, key] = process.argv.slice(1);
const { readFileSync } = await import('node:fs');
const at = { host: '127.0.0.1', port: 2376 };
const pair = cert === '' ? {} : { cert: readFileSync(cert), key: readFileSync(key) };
const visit = () => new Promise((resolve) => {
  if (how === 'plain') {
    const socket = plain(at, () => socket.write('GET /_ping HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'));
    socket.on('error', resolve).on('close', resolve).resume();
    return;
  }
  if (how === 'silent') {
    const socket = plain(at, () => socket.destroy());
    socket.on('close', resolve);
    return;
  }
  const socket = connect({ ...at, ...pair, ca: readFileSync(ca), rejectUnauthorized: true });
  socket.on('secureConnect', () => socket.write('GET /_ping HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n'));
  socket.on('error', resolve).on('close', resolve).resume();
});
await Promise.all(Array.from({ length: ${TIMES} }, visit));
`;

describe('sockets of TLS clients', requires('root', 'busybox', 'nftables', 'overlay', 'unshare'), () => {
  let directory = '';
  let daemon: Daemon;
  let authority = '';
  let other = '';
  let known = { cert: '', key: '' };

  before(async () => {
    directory = await mkdtemp('/tmp/w-tls-');
    const ours = await makeAuthority(directory);
    const server = await ours.issue('server', 'serverAuth');
    known = await ours.issue('known', 'clientAuth');
    authority = ours.ca;
    other = (await makeAuthority(directory, 'other')).ca;
    daemon = await startDaemon(undefined, {
      args: [
        ...['-H', 'tcp://127.0.0.1', '--tlsverify', '--tlscacert', ours.ca],
        ...['--tlscert', server.cert, '--tlskey', server.key],
      ],
    });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const visit = (how: string, ca: string, pair: { cert: string; key: string }): Promise<unknown> =>
    exec(
      [
        ...[
          'nsenter',
          `--net=/proc/${daemon.netnsPid}/ns/net`,
          '--',
          process.execPath,
          '--input-type=module',
        ],
        ...['-e', CLIENT, how, ca, pair.cert, pair.key],
      ],
      { timeoutMs: 20_000 },
    );

  async function sockets(): Promise<number> {
    const tables = ['tcp', 'tcp6'].map((name) => readFile(`/proc/${daemon.pid}/net/${name}`, 'utf8'));
    const lines = (await Promise.all(tables)).join('\n').split('\n');
    const ofPort = lines.filter((line) => / [0-9A-F]+:0948 [0-9A-F]+:[0-9A-F]{4} (?!0A)/.test(line));
    const inodes = new Set(ofPort.map((line) => line.trim().split(/\s+/)[9]));
    const fds = `/proc/${daemon.pid}/fd`;
    const links = await Promise.all(
      (await readdir(fds)).map((fd) => readlink(join(fds, fd)).catch(() => '')),
    );
    return links.filter((link) => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1])).length;
  }

  for (const [what, how, ca, pair] of [
    ['one that is served', 'tls', () => authority, () => known],
    ['one that rejects our certificate', 'tls', () => other, () => known],
    ['one without a certificate', 'tls', () => authority, () => ({ cert: '', key: '' })],
    ['one that does not speak TLS', 'plain', () => authority, () => known],
    ['one that says nothing', 'silent', () => authority, () => known],
  ] as const) {
    test(`${what} leaves none open`, async () => {
      await visit(how, ca(), pair());
      await eventually('all are closed', async () => (await sockets()) === 0, 15_000);
    });
  }
});
