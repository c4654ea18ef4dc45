import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
  type BigIntStats,
} from 'node:fs';
import { join } from 'node:path';
import { env, execPath } from 'node:process';
import { test } from 'node:test';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { compareTrees } from '../../../../image/layers/compare.ts';
import { settle } from '../../../../image/layers/settle.ts';
import { layerTar, mergedTar } from '../../../../image/roots/layer-tar.ts';
import { listChanges } from '../../../../image/roots/list-changes.ts';
import { unpack } from '../../../../image/workers/unpack.ts';
import { isErrno } from '../../../../native/sys/files.ts';
import { exec } from '../../../lib/process.ts';
import { seededRandom } from '../../../lib/random.ts';
import { requires } from '../../../lib/requires.ts';
import { tarball } from '../../../lib/tarball.ts';
import { changeTree, randomMembers } from './random-tree.ts';

/** The first that the reference has wrong is 114: GNU tar makes two devices of one with two names. */
const SEEDS = 16;
const never = new AbortController().signal;

/** Mounts need a namespace of their own, so that nothing stays mounted: the test is a process behind unshare. */
if (env['WHERRY_ROUND_TRIP'] === undefined) {
  test(
    'random changes in an overlay survive as a layer, as an archive and as a list',
    requires('root', 'overlay', 'unshare'),
    async () => {
      const argv = [
        'unshare',
        '--mount',
        '--propagation',
        'private',
        execPath,
        fileURLToPath(import.meta.url),
      ];
      const { code, stdout, stderr } = await exec(argv, { env: { ...env, WHERRY_ROUND_TRIP: '1' } });
      assert.equal(code, 0, `${stdout}${stderr}`);
    },
  );
} else {
  const first = Number(env['WHERRY_SEED'] ?? 1);
  const last = env['WHERRY_SEED'] === undefined ? SEEDS : first;
  for (let seed = first; seed <= last; seed += 1) {
    try {
      await roundTrip(seed);
    } catch (error) {
      console.error(`With WHERRY_SEED=${seed}:`, error);
      process.exitCode = 1;
    }
  }
}

async function roundTrip(seed: number): Promise<void> {
  const base = mkdtempSync('/tmp/roots-');
  const mounts: string[] = [];
  const overlay = (name: string, options: string): string => {
    const target = join(base, name);
    mkdirSync(target);
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, target]);
    mounts.push(target);
    return target;
  };
  try {
    const random = seededRandom(seed);
    const first = randomMembers(random, []);
    const lowest = await unpackTar(base, 'l1', { tar: tarball(first), lowers: [] });
    const middle = await unpackTar(base, 'l2', {
      tar: tarball(randomMembers(random, first)),
      lowers: [lowest],
    });
    const lowers = [middle, lowest];
    const [upper, work] = [join(base, 'u'), join(base, 'w')];
    for (const path of [upper, work]) mkdirSync(path);
    const before = overlay('before', `lowerdir=${lowers.join(':')}`);
    const merged = overlay('merged', `lowerdir=${lowers.join(':')},upperdir=${upper},workdir=${work}`);
    changeTree(random, merged, 60);

    const tar = Buffer.concat([...layerTar(upper, lowers)]);
    assert.equal(Buffer.compare(tar, Buffer.concat([...layerTar(upper, lowers)])), 0, 'not the same twice');
    const layer = await unpackTar(base, 'l3', { tar, lowers });
    const again = overlay('again', `lowerdir=${[layer, ...lowers].join(':')}`);
    const trees = { timeless: [''], unchecked: [] };
    assert.equal(compareTrees({ left: again, right: merged, ...trees }, never), undefined, 'layer');

    const whole = Buffer.concat([...mergedTar([upper, ...lowers])]);
    const exported = await unpackTar(base, 'exported', { tar: whole, lowers: [] });
    const copy = join(base, 'copy');
    mkdirSync(copy);
    const pipe = `tar --xattrs --xattrs-include='*' --format=posix -C ${merged} -cf - . | tar --xattrs --xattrs-include='*' -C ${copy} -xpf -`;
    execFileSync('sh', ['-ec', pipe]);
    // The root itself is not in an archive.
    assert.equal(
      compareTrees({ left: exported, right: copy, timeless: [''], unchecked: [''] }, never),
      undefined,
      'export',
    );

    const found = listChanges(upper, lowers).map(({ path, kind }) => `${kind} ${path}`);
    assert.deepEqual(found.sort(), differences(before, merged, '').sort());
  } finally {
    for (const target of mounts.reverse()) execFileSync('umount', [target]);
    rmSync(base, { recursive: true, force: true });
  }
}

/** As the store does it. */
async function unpackTar(
  base: string,
  name: string,
  { tar, lowers }: { tar: Uint8Array; lowers: readonly string[] },
): Promise<string> {
  const [blob, target] = [join(base, `${name}.tar`), join(base, name)];
  writeFileSync(blob, tar);
  const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
  const { implied, impliesRoot } = await unpack({ kind: 'unpack', blob, target, diffId }, never);
  settle({ directory: target, lowers, implied, impliesRoot });
  return target;
}

/** Docker's way to say how two trees differ, on the trees themselves (moby archive/changes.go). */
function differences(before: string, after: string, path: string): string[] {
  const list = (root: string): string[] => {
    if (statusOf(root + path)?.isDirectory() !== true) return [];
    return readdirSync(Buffer.from(root + path, 'latin1'), { encoding: 'buffer' }).map((name) =>
      name.toString('latin1'),
    );
  };
  const [old, now] = [list(before), list(after)];
  const shown = (name: string): string => Buffer.from(`${path}/${name}`, 'latin1').toString();
  const found = old.filter((name) => !now.includes(name)).map((name) => `deleted ${shown(name)}`);
  for (const name of now) {
    const inside = differences(before, after, `${path}/${name}`);
    const kind = kindOf(before, after, `${path}/${name}`) ?? (inside.length > 0 ? 'modified' : undefined);
    if (kind !== undefined) found.push(`${kind} ${shown(name)}`);
    if (statusOf(`${after}${path}/${name}`)?.isDirectory() === true) found.push(...inside);
  }
  return found;
}

function kindOf(before: string, after: string, path: string): 'added' | 'modified' | undefined {
  const [a, b] = [before, after].map((root) => statusOf(root + path));
  if (a === undefined) return 'added';
  if (b === undefined) return undefined;
  const same = a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && a.rdev === b.rdev;
  const isSameFile = b.isDirectory() || (a.size === b.size && a.mtimeNs === b.mtimeNs);
  return same && isSameFile ? undefined : 'modified';
}

function statusOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(Buffer.from(path, 'latin1'), { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (isErrno(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}
