import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  createReadStream,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pipeline } from 'node:stream/promises';
import type { Image } from '../../../image/images.ts';
import { archiveFromDirectory, busyboxArchive, debianArchive } from '../../lib/image-archives.ts';
import { testStore, type TestStore } from '../../lib/image-store.ts';
import { requires } from '../../lib/requires.ts';

const sh = (script: string, cwd: string): string =>
  execFileSync('sh', ['-ec', script], { cwd, encoding: 'utf8' });

function scratch(t: TestContext): string {
  const path = mkdtempSync('/tmp/interop-');
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function loadFile(store: TestStore, path: string): Promise<Image> {
  const [image] = await store.images.load(
    store.ctx,
    createReadStream(path),
    (text) => void store.said.push(text),
  );
  assert.ok(image !== undefined);
  return image;
}

const conversions: readonly [what: string, script: string, said: string | undefined][] = [
  [
    'a docker archive',
    'skopeo copy -q docker-archive:in.tar docker-archive:out.tar:busybox:copy',
    'Loaded image: busybox:copy\n',
  ],
  [
    'an OCI archive',
    'skopeo copy -q docker-archive:in.tar oci-archive:out.tar:localhost/busybox:oci',
    'Loaded image: localhost/busybox:oci\n',
  ],
  [
    'an OCI layout',
    'skopeo copy -q docker-archive:in.tar oci:layout:latest; tar -C layout -cf out.tar .',
    undefined,
  ],
  [
    'an OCI layout in zstd',
    'skopeo copy -q --dest-compress-format zstd docker-archive:in.tar oci:layout:latest; tar -C layout -czf out.tar .',
    undefined,
  ],
  [
    'a docker v2s2 manifest in a layout',
    'skopeo copy -q --format v2s2 docker-archive:in.tar dir:d; skopeo copy -q dir:d oci:layout:x; tar -C layout -cf out.tar blobs index.json oci-layout',
    undefined,
  ],
];

for (const [what, script, said] of conversions) {
  test(`skopeo's copy as ${what} holds the same layers`, requires('root', 'skopeo', 'busybox'), async (t) => {
    const work = scratch(t);
    writeFileSync(join(work, 'in.tar'), await busyboxArchive());
    const store = await testStore(t);
    const original = await loadFile(store, join(work, 'in.tar'));
    store.said.length = 0;
    sh(script, work);
    const copy = await loadFile(store, join(work, 'out.tar'));
    assert.deepEqual(copy.diffIds, original.diffIds);
    assert.deepEqual(copy.config, original.config);
    assert.deepEqual(store.said, [said ?? `Loaded image ID: ${copy.id}\n`]);
  });
}

test(
  'what umoci unpacks and repacks is unpacked the same here',
  requires('root', 'umoci', 'overlay', 'unshare'),
  async (t) => {
    const work = scratch(t);
    sh(
      `umoci init --layout l; umoci new --image l:a; umoci unpack --image l:a one
     mkdir -p one/rootfs/etc/keep one/rootfs/gone one/rootfs/tmp; chmod 1777 one/rootfs/tmp; echo a > one/rootfs/etc/a; echo b > one/rootfs/gone/b
     ln -s a one/rootfs/etc/link; ln one/rootfs/etc/a one/rootfs/etc/hard; mkfifo one/rootfs/pipe; chown 12:34 one/rootfs/etc/keep
     umoci repack --image l:a one; umoci unpack --image l:a two
     rm -r two/rootfs/gone two/rootfs/etc/link; echo file > two/rootfs/etc/link; echo c > two/rootfs/tmp/c
     umoci repack --image l:b two; umoci unpack --image l:b three
     umoci rm --image l:a; tar -C l -cf out.tar .`,
      work,
    );
    const store = await testStore(t);
    const image = await loadFile(store, join(work, 'out.tar'));
    assert.equal(image.diffIds.length, 2);
    const { lower } = await store.snapshots.prepare(store.ctx, 'c', image.topChain);
    const list = `find . -mindepth 1 -printf '%P %y %m %U %G %n %T@ %l\\n' | sort`;
    const here = join(work, 'merged');
    mkdirSync(here);
    const mounted = execFileSync(
      'unshare',
      [
        '-m',
        'sh',
        '-ec',
        `mount -t overlay overlay -o lowerdir=${lower.join(':')} ${here}; cd ${here}; ${list}`,
      ],
      { encoding: 'utf8' },
    );
    // Overlayfs counts links of directories in its own way.
    const plain = (text: string): string => text.replace(/^(\S+ d \S+ \S+ \S+) \d+/gm, '$1');
    assert.equal(plain(mounted), plain(sh(list, join(work, 'three/rootfs'))));
  },
);

test('a directory comes back as it was', requires('root'), async (t) => {
  const work = scratch(t);
  sh(
    `mkdir -p in/a/b; echo x > in/a/x; chmod 4711 in/a/x; chown 1000:65534 in/a/b; ln in/a/x in/hard; ln -s /nowhere in/dangling; mknod in/dev c 1 5
     touch -d '2001-02-03 04:05:06.789012345' in/a/x; setfattr -n user.note -v hello in/a 2>/dev/null || true; truncate -s 3M in/big`,
    work,
  );
  const store = await testStore(t);
  const archive = join(work, 'out.tar');
  await pipeline(
    await archiveFromDirectory(join(work, 'in'), { tags: ['dir:1'] }),
    createWriteStream(archive),
  );
  const { lower } = await store.snapshots.prepare(store.ctx, 'c', (await loadFile(store, archive)).topChain);
  const list = `find . -mindepth 1 -printf '%P %y %m %U %G %n %s %T@ %l\\n' | sort; sha256sum a/x big`;
  assert.equal(sh(list, lower[0] ?? ''), sh(list, join(work, 'in')));
});

test('Debian from debootstrap is unpacked file by file', requires('root', 'debootstrap'), async (t) => {
  const store = await testStore(t);
  const archive = await debianArchive();
  const image = await loadFile(store, archive);
  const { lower } = await store.snapshots.prepare(store.ctx, 'c', image.topChain);
  const root = lower[0] ?? '';
  assert.match(readFileSync(join(root, 'etc/os-release'), 'utf8'), /bookworm/);
  const work = scratch(t);
  sh(
    `mkdir expected; tar -xOf ${archive} layer.tar | tar -C expected --xattrs --xattrs-include='*' --numeric-owner -xpf -`,
    work,
  );
  const list = `find . -mindepth 1 -printf '%P %y %m %U %G %n %T@ %l\\n' | sort`;
  assert.equal(sh(list, root), sh(list, join(work, 'expected')));
  const sums = `find . -type f -print0 | sort -z | xargs -0 sha256sum`;
  assert.equal(sh(sums, root), sh(sums, join(work, 'expected')));
});
