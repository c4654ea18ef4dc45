import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { busyboxArchive } from '../lib/busybox.ts';
import { exec, execOk } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { clients, daemonSuite } from '../lib/suite.ts';

daemonSuite('images', (daemon) => {
  const id = (): Promise<string> => daemon().dockerOk('inspect', '-f', '{{.Id}}', 'busybox');

  for (const client of clients) {
    for (const [packing, pack] of [
      ['plain', (data: Uint8Array) => data],
      ['gzip', (data: Uint8Array) => gzipSync(data)],
      ['zstd', (data: Uint8Array) => zstdCompressSync(data)],
    ] as const) {
      test(`${client}: load ${packing}`, async () => {
        const input = pack(await busyboxArchive());
        const result = await exec(daemon().argv(client, 'load'), { input });
        assert.deepEqual([result.code, result.stdout], [0, 'Loaded image: busybox:latest\n'], result.stderr);
      });
    }

    test(`${client}: load -i, and a file that is no image`, async () => {
      const file = join(daemon().directory, 'x.tar');
      await writeFile(file, await busyboxArchive());
      assert.equal(await daemon().runOk(client, 'load', '-i', file), 'Loaded image: busybox:latest');
      await writeFile(file, 'this is not a tar archive');
      const broken = await daemon().run(client, 'load', '-i', file);
      assert.equal(broken.code, 1);
      assert.notEqual(broken.stderr, '');
    });

    test(`${client}: images`, async () => {
      const [header = '', line = ''] = (await daemon().runOk(client, 'images')).split('\n');
      assert.match(header, /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/);
      const short = (await id()).slice('sha256:'.length, 'sha256:'.length + 12);
      assert.match(line, new RegExp(`^busybox +latest +${short} +.* ago +[0-9.]+[kM]B$`));
      assert.equal(await daemon().runOk(client, 'images', '-q'), short);
      assert.equal(await daemon().runOk(client, 'images', '-q', '--no-trunc'), await id());
      assert.equal(await daemon().runOk(client, 'images', '-q', 'nosuch'), '');
    });

    test(`${client}: tag gives a further name, rmi takes it`, async () => {
      await daemon().runOk(client, 'tag', 'busybox', 'localhost:5000/a/b:1');
      const format = '{{.Repository}}:{{.Tag}}';
      const listed = await daemon().runOk(client, 'images', '--format', format);
      assert.deepEqual(listed.split('\n').toSorted(), ['busybox:latest', 'localhost:5000/a/b:1']);
      await daemon().dockerOk('run', '--rm', 'localhost:5000/a/b:1', 'true');
      assert.equal(
        await daemon().runOk(client, 'rmi', 'localhost:5000/a/b:1'),
        'Untagged: localhost:5000/a/b:1',
      );
      const malformed = await daemon().run(client, 'tag', 'busybox', 'some/UPPER');
      assert.equal(malformed.code, 1);
      assert.match(malformed.stderr, /must be lowercase/);
    });

    test(`${client}: rmi refuses what a container uses, and deletes what none does`, async () => {
      const container = await daemon().dockerOk('create', 'busybox', 'true');
      const used = await daemon().run(client, 'rmi', 'busybox');
      assert.equal(used.code, 1);
      assert.match(used.stderr, /conflict: unable to remove repository reference "busybox" \(must force\)/);
      assert.match(
        used.stderr,
        new RegExp(`container ${container.slice(0, 12)} is using its referenced image`),
      );
      await daemon().dockerOk('rm', container);
      const before = await id();
      const lines = (await daemon().runOk(client, 'rmi', 'busybox')).split('\n');
      assert.equal(lines[0], 'Untagged: busybox:latest');
      assert.ok(lines.includes(`Deleted: ${before}`), lines.join('\n'));
      const gone = await daemon().run(client, 'rmi', 'busybox');
      assert.equal(gone.code, 1);
      assert.match(gone.stderr, /No such image: busybox/);
      await exec(daemon().argv('docker', 'load'), { input: await busyboxArchive() });
      assert.equal(await id(), before);
    });

    test(`${client}: inspect by name, tag, id and prefix is one image`, async () => {
      const full = await id();
      for (const reference of [
        'busybox',
        'busybox:latest',
        'docker.io/library/busybox',
        full,
        full.slice(7, 20),
      ]) {
        assert.equal(await daemon().runOk(client, 'inspect', '-f', '{{.Id}}', reference), full, reference);
      }
    });
  }

  test('an OCI layout that skopeo wrote', requires('skopeo'), async () => {
    const { directory } = daemon();
    const [layout, archive, tar] = ['oci', 'busybox.tar', 'oci.tar'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(archive, await busyboxArchive());
    await execOk(['skopeo', 'copy', '--insecure-policy', `docker-archive:${archive}`, `oci:${layout}:oci:1`]);
    await execOk(['tar', 'cf', tar, '-C', layout, '.']);
    const loaded = await daemon().dockerOk('load', '-i', tar);
    const [, reference = ''] = /^Loaded image(?: ID)?: (.*)$/.exec(loaded) ?? [];
    assert.equal(
      await daemon().dockerOk('run', '--rm', reference, 'echo', 'from the layout'),
      'from the layout',
    );
    await daemon().dockerOk('rmi', reference);
  });
});
