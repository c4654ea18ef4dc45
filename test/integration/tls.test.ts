import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { env } from 'node:process';
import { after, before, describe, test } from 'node:test';
import { makeAuthority } from '../lib/certificates.ts';
import { built } from '../lib/clients.ts';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { exec, start, type Result } from '../lib/process.ts';
import { findProgram, requires } from '../lib/requires.ts';

describe('TLS on TCP', requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare'), () => {
  let directory = '';
  let daemon: Daemon;
  /** What each client shows. */
  const flags = new Map<'known' | 'stranger' | 'nobody', readonly string[]>();

  before(async () => {
    directory = await mkdtemp('/tmp/w-tls-');
    const ours = await makeAuthority(directory);
    const server = await ours.issue('server', 'serverAuth');
    const known = await ours.issue('known', 'clientAuth');
    const stranger = await (await makeAuthority(directory, 'other')).issue('stranger', 'clientAuth');
    const show = (pair: { cert: string; key: string }): string[] => [
      ...['--tlsverify', '--tlscacert', ours.ca, '--tlscert', pair.cert, '--tlskey', pair.key],
    ];
    flags.set('known', show(known)).set('stranger', show(stranger));
    flags.set('nobody', ['--tlsverify', '--tlscacert', ours.ca, '--tlscert', '', '--tlskey', '']);
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

  const argv = (who: 'known' | 'stranger' | 'nobody', ...args: string[]): string[] => [
    ...['nsenter', `--net=/proc/${daemon.netnsPid}/ns/net`, '--', findProgram('docker') ?? 'docker'],
    ...[...(flags.get(who) ?? []), '-H', 'tcp://127.0.0.1:2376', ...args],
  ];
  const wherry = (who: 'known' | 'stranger' | 'nobody', ...args: string[]): string[] =>
    argv(who, ...args).map((word) => (word === (findProgram('docker') ?? 'docker') ? built('wherry') : word));
  const docker = (who: 'known' | 'stranger' | 'nobody', ...args: string[]): Promise<Result> =>
    exec(argv(who, ...args), { timeoutMs: 60_000 });

  test('a client with a certificate runs containers, streams and half-closes included', async () => {
    const hello = await docker(
      'known',
      'run',
      '--rm',
      'busybox',
      'sh',
      '-c',
      'echo out; echo err >&2; exit 7',
    );
    assert.deepEqual([hello.stdout, hello.stderr, hello.code], ['out\n', 'err\n', 7]);
    const client = start(argv('known', 'run', '--rm', '-i', 'busybox', 'md5sum'), { stdio: 'pipe' });
    client.stdin?.end(Buffer.alloc(3_000_000, 'x'));
    let sum = '';
    for await (const chunk of client.stdout ?? []) sum += String(chunk);
    assert.match(sum, /^8e32e22642bddc89698e25a4e9bf528b /);
    const started = await docker('known', 'run', '-d', '--name', 'box', 'busybox', 'sleep', '300');
    assert.equal(started.code, 0, started.stderr);
    const big = await docker('known', 'exec', 'box', 'sh', '-c', 'yes 0123456789 | head -c 2000000');
    assert.equal(big.stdout.length, 2_000_000);
    const gone = await docker('known', 'exec', 'none', 'true');
    assert.match(gone.stderr, /No such container: none/);
    await docker('known', 'rm', '-f', 'box');
    assert.deepEqual(await daemon.leftovers(), []);
  });

  test('so does our own command line, also by a context', async () => {
    const run = (...args: string[]): Promise<Result> =>
      exec(args, { env: { ...env, DOCKER_CONFIG: directory } });
    const hello = await run(...wherry('known', 'run', '--rm', 'busybox', 'sh', '-c', 'echo out; exit 7'));
    assert.deepEqual([hello.stdout, hello.stderr, hello.code], ['out\n', '', 7]);
    for (const who of ['stranger', 'nobody'] as const) {
      const refused = await run(...wherry(who, 'ps'));
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /certificate|tls|closed the connection/i);
    }
    const [, , ca = '', , cert = '', , key = ''] = flags.get('known') ?? [];
    const host = 'tcp://127.0.0.1:2376';
    const endpoint = `host=${host},ca=${ca},cert=${cert},key=${key}`;
    const made = await run(built('wherry'), 'context', 'create', 'secure', '--docker', endpoint);
    assert.equal(made.code, 0, made.stderr);
    const enter = ['nsenter', `--net=/proc/${daemon.netnsPid}/ns/net`, '--'];
    for (const program of [built('wherry'), findProgram('docker') ?? 'docker']) {
      const listed = await run(...enter, program, '-c', 'secure', 'ps', '-q');
      assert.deepEqual([listed.stdout, listed.stderr, listed.code], ['', '', 0]);
    }
    // The certificate is another authority's.
    await rm(`${directory}/contexts`, { recursive: true });
    const bad = `host=${host},ca=${directory}/other.pem,cert=${cert},key=${key}`;
    await run(built('wherry'), 'context', 'create', 'secure', '--docker', bad);
    assert.match(
      (await run(...enter, built('wherry'), '-c', 'secure', 'ps')).stderr,
      /error during connect: tls/,
    );
    await run(built('wherry'), 'context', 'update', 'secure', '--docker', `${bad},skip-tls-verify=1`);
    assert.equal((await run(...enter, built('wherry'), '-c', 'secure', 'ps')).code, 0);
  });

  test('nobody else does', async () => {
    for (const who of ['stranger', 'nobody'] as const) {
      const refused = await docker(who, 'ps');
      assert.notEqual(refused.code, 0, who);
      assert.match(refused.stderr, /certificate|tls/i);
    }
    const plain = await exec([
      ...['nsenter', `--net=/proc/${daemon.netnsPid}/ns/net`, '--', findProgram('docker') ?? 'docker'],
      ...['-H', 'tcp://127.0.0.1:2376', 'ps'],
    ]);
    assert.notEqual(plain.code, 0);
  });
});
