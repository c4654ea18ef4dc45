import assert from 'node:assert/strict';
import { chmod, chown, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import { sha256 } from '../../image/digest.ts';
import { fingerprint } from '../lib/fingerprint.ts';
import { exec, start } from '../lib/process.ts';
import { findProgram } from '../lib/requires.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';
import { tarball, type Member } from '../lib/tarball.ts';

/** Rows 3, 8 and 20 of threats.md: what a container writes into a volume, or an image into itself, never leads to the host. */
const ASKED = env['WHERRY_TEST_STARTS'];
const STARTS = Number(ASKED ?? 200);
/** On a machine that is slow, fewer, unless a number is asked for. */
const ENOUGH_MS = ASKED === undefined ? 8_000 : Infinity;

/** Exchanges two names for ever, as fast as a shell can: a directory, and a link to where the canary is on the host. */
const racer = (canary: string): string =>
  [
    'mkdir -p /v/real/in; cd /v',
    `while :; do mv -T target swap; ln -s ${canary} target; rm -f target; mv -T swap target; mkdir -p target/in; done 2>/dev/null`,
  ].join('; ');

daemonSuite('volumes: threats', (daemon) => {
  const canary = (): string => join(daemon().directory, 'canary');

  async function makeCanary(): Promise<string> {
    await mkdir(join(canary(), 'in'), { recursive: true });
    await writeFile(join(canary(), 'secret'), 'secret');
    await chmod(canary(), 0o700);
    await chown(join(canary(), 'secret'), 12, 34);
    return fingerprint(canary());
  }

  test('row 3, row 8: two containers share a volume and exchange names while a third is started into it', async (t) => {
    const before = await makeCanary();
    const path = canary();
    await daemon().dockerOk('volume', 'create', 'raced');
    await daemon().dockerOk('volume', 'create', 'inner');
    for (const name of ['one', 'two']) {
      await daemon().dockerOk(
        'run',
        '-d',
        '--name',
        name,
        '-v',
        'raced:/v',
        'busybox',
        'sh',
        '-c',
        racer(path),
      );
    }
    // A volume and a tmpfs inside what they exchange, and a part of the volume by its name.
    const mounts = [
      { Type: 'volume', Source: 'raced', Target: '/v' },
      { Type: 'volume', Source: 'inner', Target: '/v/target/in' },
      { Type: 'tmpfs', Target: '/v/target/made/deep' },
    ];
    const part = [{ Type: 'volume', Source: 'raced', Target: '/p', VolumeOptions: { Subpath: 'target' } }];
    let started = 0;
    const until = performance.now() + ENOUGH_MS;
    for (let index = 0; index < STARTS && performance.now() < until; index += 1) {
      const body = {
        Image: 'busybox',
        Cmd: ['sh', '-c', 'ls /p/secret /v/target/in/secret'],
        NetworkDisabled: false,
        HostConfig: { NetworkMode: 'none', Mounts: index % 2 === 0 ? mounts : part },
      };
      const { Id } = (await rest(daemon().socket, 'POST', { path: '/containers/create', body })).json<{
        Id: string;
      }>();
      const { status } = await rest(daemon().socket, 'POST', { path: `/containers/${Id}/start` });
      if (status === 204) {
        started += 1;
        const code = await rest(daemon().socket, 'POST', { path: `/containers/${Id}/wait` });
        assert.notEqual(code.json<{ StatusCode: number }>().StatusCode, 0, 'it sees the host');
        const logs = await rest(daemon().socket, 'GET', { path: `/containers/${Id}/logs?stdout=1` });
        assert.doesNotMatch(logs.text, /secret/);
      }
      await rest(daemon().socket, 'DELETE', { path: `/containers/${Id}?force=1` });
    }
    assert.ok(started > 0, 'none of them was ever started');
    t.diagnostic(`${started} of ${STARTS} started`);
    await daemon().dockerOk('rm', '-f', 'one', 'two');
    assert.equal(fingerprint(path), before);
    await daemon().dockerOk('volume', 'rm', 'raced', 'inner');
  });

  test('row 20: VOLUME and WORKDIR through a link of the image neither read nor change the host', async () => {
    const before = await makeCanary();
    const path = canary();
    await loadImage({
      name: 'linked:1',
      entries: [
        { name: 'data', type: '2', linkName: path },
        { name: 'up', type: '2', linkName: `../../../../../..${path}` },
        { name: 'work', type: '2', linkName: path },
      ],
      config: { Volumes: { '/data': {}, '/up/in': {} }, WorkingDir: '/work/made' },
    });
    const id = await daemon().dockerOk(
      'create',
      '-v',
      'named:/data/in',
      'linked:1',
      '/bin/busybox',
      'ls',
      '-R',
      '/data/',
    );
    for (const name of await readdir(join(daemon().dataRoot, 'volumes'))) {
      const data = join(daemon().dataRoot, 'volumes', name, '_data');
      assert.deepEqual(await readdir(data), [], `${name} has something of the host`);
      assert.equal((await lstat(data)).mode & 0o7777, 0o755);
    }
    await daemon().docker('start', '-a', id);
    assert.doesNotMatch(await daemon().dockerOk('logs', id), /secret/);
    assert.equal(fingerprint(path), before);
    await daemon().dockerOk('rm', '-v', id);
    await daemon().dockerOk('volume', 'rm', 'named');
    await daemon().dockerOk('rmi', 'linked:1');
  });

  test('a path that goes up is found while others rename: the kernel gives up then, and is asked again', async (t) => {
    const [from, to] = ['r1', 'r2'].map((name) => join(daemon().directory, name));
    await loadImage({
      name: 'linked:1',
      entries: [{ name: 'up', type: '2', linkName: '../../../../../../../../../../../../srv' }],
      config: { Volumes: { '/up/in': {} } },
    });
    const code =
      'const [, a, b] = process.argv; fs.writeFileSync(a, ""); for (;;) { fs.renameSync(a, b); fs.renameSync(b, a); }';
    const renaming = start([process.execPath, '-e', code, from ?? '', to ?? '']);
    t.after(() => renaming.kill('SIGKILL'));
    const ids: string[] = [];
    for (let round = 0; round < 40; round += 1)
      ids.push(await daemon().dockerOk('create', 'linked:1', '/bin/busybox', 'true'));
    await daemon().dockerOk('rm', '-v', ...ids);
    await daemon().dockerOk('rmi', 'linked:1');
  });

  test('what is too deep for a path is removed with its volume', async () => {
    const deeper =
      'd=0123456789012345678901234567890123456789; i=0; while [ $i -lt 150 ]; do mkdir $d; cd $d; i=$((i+1)); done';
    await daemon().dockerOk(
      'run',
      '--rm',
      '-v',
      'deep:/d',
      'busybox',
      'sh',
      '-c',
      `cd /d; ${deeper}; echo x > f`,
    );
    await daemon().dockerOk('system', 'df');
    await daemon().dockerOk('volume', 'rm', 'deep');
    assert.deepEqual(await readdir(join(daemon().dataRoot, 'volumes')), []);
  });

  test('row 20: a link inside the image is followed inside the image', async () => {
    await loadImage({
      name: 'inside:1',
      entries: [
        { name: 'real/', uid: 7, gid: 8, mode: 0o750 },
        { name: 'real/f', data: Buffer.from('mine'), uid: 9 },
        { name: 'data', type: '2', linkName: '/real' },
      ],
      config: { Volumes: { '/data': {} } },
    });
    const out = await daemon().dockerOk(
      'run',
      '--rm',
      'inside:1',
      '/bin/busybox',
      'stat',
      '-c',
      '%u:%g %a',
      '/real',
      '/real/f',
    );
    assert.equal(out, '7:8 750\n9:0 644');
    await daemon().dockerOk('rmi', 'inside:1');
  });

  interface TestImage {
    readonly name: string;
    readonly entries: readonly Member[];
    readonly config: object;
  }

  /** With busybox in it. */
  async function loadImage({ name, entries, config }: TestImage): Promise<void> {
    const busybox = await readFile(findProgram('busybox') ?? '');
    const layer = tarball([{ name: 'bin/busybox', mode: 0o755, data: busybox }, ...entries]);
    const image = {
      architecture: 'amd64',
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: [sha256(layer)] },
    };
    const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }];
    const archive = tarball([
      { name: 'layer.tar', data: layer },
      { name: 'config.json', data: Buffer.from(JSON.stringify(image)) },
      { name: 'manifest.json', data: Buffer.from(JSON.stringify(manifest)) },
    ]);
    const { code, stderr } = await exec(daemon().argv('docker', 'load'), { input: archive });
    assert.equal(code, 0, stderr);
  }
});
