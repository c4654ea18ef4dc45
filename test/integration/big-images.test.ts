import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import { dockerArchive, layer } from '../lib/image-archives.ts';
import { eventually } from '../lib/process.ts';
import { loadImage } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';
import type { Member } from '../lib/tarball.ts';

const LAYERS = 100;
const FILES = Number(env['WHERRY_TEST_FILES'] ?? 20_000);

const SHELL: readonly Member[] = [
  { name: 'bin/' },
  { name: 'bin/busybox', data: readFileSync('/bin/busybox'), mode: 0o755 },
  ...['sh', 'cat', 'find', 'wc', 'sort', 'xargs', 'sha256sum', 'ls'].map((name): Member => ({
    name: `bin/${name}`,
    type: '2',
    linkName: 'busybox',
  })),
];

/** From here on VmHWM counts anew. */
const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5');

const peakMb = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

daemonSuite('big images', (daemon) => {
  const run = (image: string, script: string): Promise<string> =>
    daemon().dockerOk('run', '--rm', '--network', 'none', image, 'sh', '-c', script);

  test(`an image of ${LAYERS} layers, each of which changes what the one below has`, async () => {
    // Layer n adds a file, writes over another, takes away what layer n - 2 added, and every tenth hides a directory.
    const layers = Array.from({ length: LAYERS }, (_, n): Member[] => [
      ...(n === 0 ? SHELL : []),
      { name: `d/f${n}`, data: `${n}` },
      { name: 'top', data: `layer ${n}` },
      { name: `old/o${n}`, data: '' },
      ...(n >= 2 ? [{ name: `d/.wh.f${n - 2}` }] : []),
      ...(n % 10 === 5 ? [{ name: 'old/.wh..wh..opq' }] : []),
    ]);
    const archive = dockerArchive(
      { layers: layers.map((members) => layer(...members)), tags: ['many:1'], config: { Cmd: ['sh'] } },
      'gzip',
    );
    forgetPeak(daemon().pid);
    await loadImage(daemon().socket, archive);
    const peak = peakMb(daemon().pid);
    const seen = await run('many:1', 'cat /top; echo; ls /d; ls /old');
    const last = LAYERS - 1;
    const left = ['o95', 'o96', 'o97', 'o98', 'o99'];
    assert.deepEqual(seen.split('\n'), [`layer ${last}`, `f${last - 1}`, `f${last}`, ...left]);
    const ids = await daemon().dockerOk('image', 'inspect', '-f', '{{len .RootFS.Layers}}', 'many:1');
    assert.equal(ids, String(LAYERS));
    await daemon().dockerOk('rmi', 'many:1');
    assert.ok(peak < 350, `the daemon took ${peak} MB`);
  });

  test(`an image of ${FILES} small files`, async () => {
    const files = Array.from({ length: FILES }, (_, n): Member[] => [
      ...(n % 100 === 0 ? [{ name: `s/${n / 100}/`, mode: 0o755 }] : []),
      {
        name: `s/${Math.floor(n / 100)}/f${n}`,
        data: `${n}-`.repeat(1 + (n % 200)),
        mode: 0o640,
        uid: n % 3,
      },
    ]).flat();
    const expected = files
      .filter(({ data }) => data !== undefined)
      .map(
        ({ name, data }) =>
          `${createHash('sha256')
            .update(data as string)
            .digest('hex')}  ${name}\n`,
      );
    const archive = dockerArchive({ layers: [layer(...SHELL, ...files)], tags: ['small:1'] });
    forgetPeak(daemon().pid);
    await loadImage(daemon().socket, archive);
    const peak = peakMb(daemon().pid);
    const sums = await run('small:1', 'find s -type f | sort | xargs sha256sum | sha256sum');
    // As `sort` has them: by bytes.
    const sorted = expected.toSorted((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1));
    assert.equal(sums.slice(0, 64), createHash('sha256').update(sorted.join('')).digest('hex'));
    assert.equal(await run('small:1', 'find s -type d | wc -l'), String(1 + Math.ceil(FILES / 100)));
    await daemon().dockerOk('rmi', 'small:1');
    assert.ok(peak < 350, `the daemon took ${peak} MB`);
    const trash = join(daemon().dataRoot, 'snapshots', 't');
    await eventually('the layer is gone', async () => readdirSync(trash).length === 0, 60_000);
  });
});
