import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { dockerArchive, layer, type ImageParts } from '../lib/image-archives.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { loadImage, rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';
import { tarball, type Member } from '../lib/tarball.ts';

/** Rows of threats.md about images. Each fails when the protection that it names is taken out. */

const MB = 1 << 20;

/** A directory of the host that images aim at; compared at the end of the test. */
function makeCanary(t: TestContext): string {
  const canary = mkdtempSync('/tmp/canary-');
  mkdirSync(join(canary, 'directory'));
  writeFileSync(join(canary, 'secret'), 'untouched');
  const before = fingerprint(canary);
  t.after(() => {
    const after = fingerprint(canary);
    rmSync(canary, { recursive: true, force: true });
    assert.deepEqual(after, before, 'the host was touched');
  });
  return canary;
}

function fingerprint(path: string): string[] {
  const { mode, uid, gid, ino, nlink, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
  const inner = (mode & 0o170000n) === 0o040000n ? readdirSync(path).sort() : [];
  const own = [path, mode, uid, gid, ino, nlink, size, mtimeNs, ctimeNs].join(' ');
  return [own, ...inner.flatMap((name) => fingerprint(join(path, name)))];
}

const SHELL: readonly Member[] = [
  { name: 'bin/' },
  { name: 'bin/busybox', data: readFileSync('/bin/busybox'), mode: 0o755 },
  ...['sh', 'pwd', 'ls', 'cat'].map((name): Member => ({
    name: `bin/${name}`,
    type: '2',
    linkName: 'busybox',
  })),
];

const image = (tag: string, layers: readonly (readonly Member[])[], config: object = {}): ImageParts => ({
  layers: layers.map((members) => layer(...members)),
  tags: [tag],
  config: { Cmd: ['/bin/sh'], ...config },
});

daemonSuite('15: layers that lead out', (daemon) => {
  const outs = (canary: string): readonly Member[][] => [
    [{ name: `../../../../../../../../../..${canary}/secret`, data: 'owned' }],
    [
      { name: 'l', type: '2', linkName: canary },
      { name: 'x', type: '1', linkName: 'l/secret' },
    ],
    [{ name: 'x', type: '1', linkName: `../../../../../../..${canary}/secret` }],
  ];
  test('are refused, and leave nothing', async (t) => {
    const canary = makeCanary(t);
    for (const members of outs(canary)) {
      const archive = dockerArchive(image('bad:1', [SHELL, members]));
      await assert.rejects(loadImage(daemon().socket, archive), /invalid layer/);
    }
  });

  test('through a link of a layer below stay inside, and a file may replace such a link', async (t) => {
    const canary = makeCanary(t);
    const links: Member[] = [
      { name: 'out', type: '2', linkName: canary },
      { name: 'file', type: '2', linkName: `${canary}/secret` },
    ];
    const through: Member[] = [
      { name: 'out/secret', data: 'inside' },
      { name: 'out/.wh.directory' },
      { name: 'file', data: 'a file now' },
    ];
    await loadImage(daemon().socket, dockerArchive(image('links:1', [SHELL, links, through])));
    const run = ['run', '--rm', '--network', 'none', 'links:1'];
    assert.equal(await daemon().dockerOk(...run, 'cat', '/file', '/out/secret'), 'a file nowinside');
    await daemon().dockerOk('rmi', 'links:1');
  });
});

daemonSuite('20: VOLUME and WORKDIR behind links', (daemon) => {
  test('are made in the container, or nowhere', async (t) => {
    const canary = makeCanary(t);
    const links: Member[] = [
      { name: 'absolute', type: '2', linkName: canary },
      { name: 'up', type: '2', linkName: `../../../../../../../../../..${canary}` },
      { name: 'proc-root', type: '2', linkName: `/proc/1/root${canary}` },
      { name: 'twice', type: '2', linkName: 'absolute/directory' },
    ];
    const below = ['absolute', 'up', 'proc-root', 'twice'];
    for (const link of below) {
      const config = {
        WorkingDir: `/${link}/work/deep`,
        User: '1000:1000',
        Volumes: Object.fromEntries(below.map((name) => [`/${name}/volume`, {}])),
      };
      const tag = `row20:${link}`;
      await loadImage(daemon().socket, dockerArchive(image(tag, [[...SHELL, ...links]], config)));
      const result = await daemon().docker('run', '--rm', '--network', 'none', tag, 'pwd');
      if (result.code === 0) assert.match(result.stdout, /\/work\/deep\n$/);
      assert.deepEqual(readdirSync(canary).sort(), ['directory', 'secret']);
      const created = await daemon().dockerOk('create', '--network', 'none', '-w', `/${link}/other`, tag);
      await daemon().docker('start', created);
      await daemon().dockerOk('rm', '-f', '-v', created);
      await daemon().dockerOk('rmi', tag);
    }
  });
});

daemonSuite('23: archives that grow', (daemon) => {
  test('take bounded memory, and stop with their client', async () => {
    // A file of 64 GB: a header, and zeros in gzip members of 64 MB, which are some kilobytes each.
    const header = tarball([{ name: 'zeros', size: 64 * 1024 * MB }]).subarray(0, 512);
    const zeros = gzipSync(Buffer.alloc(64 * MB), { level: 1 });
    const bomb = Buffer.concat([gzipSync(header), ...Array.from({ length: 1024 }, () => zeros)]);
    const config = JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}`] },
    });
    const archive = tarball([
      { name: 'config.json', data: config },
      { name: 'layer.tar', data: bomb },
      {
        name: 'manifest.json',
        data: JSON.stringify([{ Config: 'config.json', RepoTags: ['bomb:1'], Layers: ['layer.tar'] }]),
      },
    ]);
    const path = join(daemon().directory, 'bomb.tar');
    writeFileSync(path, archive);
    const layers = join(daemon().dataRoot, 'snapshots', 'l');
    const known = readdirSync(layers);
    const client = daemon().spawn('docker', 'load', '-i', path);
    const written = (): number => {
      const fresh = readdirSync(layers).find((name) => !known.includes(name));
      if (fresh === undefined) return 0;
      return lstatSync(join(layers, fresh, 'zeros'), { throwIfNoEntry: false })?.size ?? 0;
    };
    await eventually('a gigabyte is written', async () => written() > 1024 * MB);
    const peak = residentMb(daemon().pid, 'VmHWM');
    client.kill('SIGKILL');
    await eventually('the layer is gone', async () => {
      return readdirSync(layers).length === known.length && readdirSync(join(layers, '..', 't')).length === 0;
    });
    rmSync(path);
    assert.ok(peak < 450, `the daemon took ${peak} MB`);
    assert.match(
      await daemon().dockerOk('run', '--rm', '--network', 'none', 'busybox', 'echo', 'alive'),
      /alive/,
    );
  });

  test('a name of a megabyte and a header of a gigabyte are refused', async () => {
    const answers = [
      [{ name: 'x', type: 'x', size: 1 << 30 }],
      [{ name: 'd/'.repeat(500_000), data: '' }],
      [
        {
          name: 'f',
          pax: {
            'GNU.sparse.major': '1',
            'GNU.sparse.minor': '0',
            'GNU.sparse.realsize': '9007199254740991',
          },
        },
      ],
    ].map(async (members) => {
      const body = dockerArchive(image('bad:2', [members]));
      const answer = await rest(daemon().socket, 'POST', { path: '/images/load?quiet=1', body });
      assert.match(answer.text, /invalid (tar header|layer)/);
    });
    await Promise.all(answers);
  });
});

function residentMb(pid: number, key: 'VmHWM' | 'VmRSS'): number {
  const line = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1024;
}

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Runs a story with an image store of its own in a process of its own, which `wrap` starts in a poor world. */
async function poor(t: TestContext, wrap: readonly string[], story: string): Promise<string> {
  const root = mkdtempSync('/tmp/poor-');
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'data'));
  const parts: ImageParts = {
    layers: [
      layer({ name: 'small', data: 'a' }),
      layer(...Array.from({ length: 16 }, (_, index): Member => ({ name: `f${index}`, data: noise(index) }))),
    ],
    tags: ['big:1'],
  };
  writeFileSync(join(root, 'big.tar'), dockerArchive(parts, 'gzip'));
  writeFileSync(
    join(root, 'small.tar'),
    dockerArchive({ layers: parts.layers.slice(0, 1), tags: ['small:1'] }),
  );
  const script = `
    import assert from 'node:assert/strict';
    import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
    import { Readable } from 'node:stream';
    import { openDatabase } from '${at('../../common/sqlite.ts')}';
    import { makeCtx } from '${at('../../common/ctx.ts')}';
    import { silentLog } from '${at('../../common/log.ts')}';
    import { openImageStore } from '${at('../../image/store.ts')}';
    const data = '${root}/data';
    const store = await openImageStore({ dataRoot: data, db: openDatabase(data + '/meta.db'), log: silentLog });
    const archives = new Map(['big.tar', 'small.tar'].map((name) => [name, readFileSync('${root}/' + name)]));
    const load = (name) => store.images.load(makeCtx(silentLog), Readable.from([archives.get(name)]), () => {});
    const names = (path) => readdirSync(data + '/' + path);
    const nothing = () => assert.deepEqual(
      ['content/blobs/sha256', 'content/ingest', 'snapshots/l'].map((path) => names(path).length), [0, 0, 0]);
    ${story}
    await store.close();
    console.log('well');`;
  const [command = '', ...before] = wrap.map((word) => word.replaceAll('ROOT', root));
  const child = spawn(command, [...before, process.execPath, '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => child.once('close', resolve));
  return Buffer.concat(chunks).toString();
}

/** A megabyte that no compression makes smaller, so that blobs and layers need the same. */
const noise = (seed: number): Buffer =>
  createHash('shake256', { outputLength: MB }).update(String(seed)).digest();

describe('35: what a machine may lack while an image comes in', requires('root', 'unshare'), () => {
  const disk = (mb: number): string[] => [
    ...['unshare', '-m', 'sh', '-ec', `mount -t tmpfs -o size=${mb}m tmpfs ROOT/data; exec "$@"`, 'sh'],
  ];
  for (const [mb, where] of [
    [8, 'for the archive'],
    [26, 'for the layers'],
  ] as const) {
    test(`no space ${where}: a clear error, nothing left, and the next image loads`, async (t) => {
      const story = `
        await assert.rejects(load('big.tar'), /no space left on device/i);
        nothing();
        await load('small.tar');
        await assert.rejects(load('big.tar'), /no space left on device/i);
        assert.deepEqual(store.images.list().flatMap(({ tags }) => tags), ['small:1']);`;
      assert.equal(await poor(t, disk(mb), story), 'well\n');
    });
  }

  test('no descriptors: a clear error, nothing left, and the next image loads', async (t) => {
    const story = `
      await load('small.tar');
      await store.images.remove(makeCtx(silentLog), 'small:1', { force: true, users: () => [] });
      for (let left = 0; left < 12; left += 2) {
        const taken = [];
        try { for (;;) taken.push(openSync('/dev/null')); } catch {}
        for (const fd of taken.splice(0, left)) closeSync(fd);
        await load('big.tar').then(
          () => store.images.remove(makeCtx(silentLog), 'big:1', { force: true, users: () => [] }),
          (error) => assert.match(error.message, /EMFILE|too many open files/i));
        for (const fd of taken) closeSync(fd);
      }
      // The next that comes in takes away what could not be removed without descriptors.
      await load('small.tar');
      await store.images.remove(makeCtx(silentLog), 'small:1', { force: true, users: () => [] });
      nothing();
      await load('big.tar');
      assert.deepEqual(names('snapshots/l').length, 2);`;
    assert.equal(await poor(t, ['prlimit', '--nofile=96:96'], story), 'well\n');
  });
});
