import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { WherryError } from '../../common/errors.ts';
import { AT_FDCWD } from '../../native/sys/files.ts';
import { removeTreeAt } from '../../native/sys/remove-tree.ts';
import { measureTree } from '../../image/layers/measure.ts';
import { settle } from '../../image/layers/settle.ts';
import { unpack } from '../../image/workers/unpack.ts';
import { randomLayer } from '../lib/random-layer.ts';
import { seededRandom, type Random } from '../lib/random.ts';
import { requires } from '../lib/requires.ts';
import { tarball } from '../lib/tarball.ts';

/**
 * Archives that look random, each from a seed that a failure names: WHERRY_FUZZ_SEED=n tries that one alone, WHERRY_FUZZ_SECONDS=n
 * goes on for longer. Whatever comes: nothing outside of the target changes, what is refused leaves nothing, no descriptor is lost.
 */
const FIRST_SEED = 20_261_121;
const seconds = Number(env['WHERRY_FUZZ_SECONDS'] ?? 8);
const only = env['WHERRY_FUZZ_SEED'];

test('whatever a layer holds, nothing outside of it changes', requires('root'), async (t) => {
  const base = mkdtempSync('/tmp/fuzz-layers-');
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const canary = makeCanary(base);
  const before = fingerprint(canary);
  const counts = { unpacked: 0, refused: 0 };
  const end = performance.now() + seconds * 1000;
  let below: string | undefined;
  for (let seed = Number(only ?? FIRST_SEED); performance.now() < end; seed += 1) {
    const random = seededRandom(seed);
    const archive = damaged(random, randomArchive(random, canary));
    const target = join(base, `l${seed}`);
    const wasOpen = openDescriptors();
    try {
      const whole = await attempt({ base, archive: archive.bytes, diffId: archive.diffId, target, below });
      counts[whole ? 'unpacked' : 'refused'] += 1;
      assert.equal(fingerprint(canary), before, 'the host was touched');
      await closedAgain(wasOpen);
      assert.equal(existsSync(target), whole, 'what was refused is left, or what was not is gone');
    } catch (error) {
      throw new Error(`WHERRY_FUZZ_SEED=${seed} fails`, { cause: error });
    }
    if (whole(target)) {
      if (below !== undefined) removeTreeAt(AT_FDCWD, below);
      below = target;
    }
    if (only !== undefined) return;
  }
  t.diagnostic(`${counts.unpacked} unpacked, ${counts.refused} refused`);
  assert.ok(counts.unpacked > 5 && counts.refused > 5, JSON.stringify(counts));
});

const whole = (target: string): boolean => existsSync(target);

interface Attempt {
  readonly base: string;
  readonly archive: Uint8Array;
  readonly diffId: string;
  readonly target: string;
  readonly below: string | undefined;
}

/** Whether the layer could be unpacked. */
async function attempt({ base, archive, diffId, target, below }: Attempt): Promise<boolean> {
  const blob = join(base, 'blob');
  writeFileSync(blob, archive);
  try {
    const layer = await unpack({ kind: 'unpack', blob, target, diffId }, new AbortController().signal);
    const { implied, impliesRoot } = layer;
    settle({ directory: target, lowers: below === undefined ? [] : [below], implied, impliesRoot });
    assert.equal(measureTree(target).entryCount, layer.entryCount);
    return true;
  } catch (error) {
    if (!(error instanceof WherryError) || error.code !== 'invalid-argument') throw error;
    return false;
  }
}

function randomArchive(random: Random, canary: string): Buffer {
  return tarball(randomLayer(random, [canary, join(canary, 'secret'), join(canary, 'directory')]));
}

/** Sometimes compressed, sometimes with bytes changed, cut, doubled or moved; the digest is that of what the archive really holds. */
function damaged(random: Random, tar: Buffer): { bytes: Uint8Array; diffId: string } {
  const bytes = Buffer.from(tar);
  if (random.once(8)) {
    for (let count = 1 + random.below(4); count > 0; count -= 1) {
      bytes[random.below(bytes.byteLength)] = random.below(256);
    }
  }
  const length = random.once(20) ? random.below(bytes.byteLength) : bytes.byteLength;
  const content = random.once(15)
    ? Buffer.concat([bytes.subarray(0, length), bytes])
    : bytes.subarray(0, length);
  const diffId = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const squeezed = random.pick([
    () => content,
    () => gzipSync(content, { level: 1 }),
    () => zstdCompressSync(content),
  ])();
  if (random.once(15)) squeezed[random.below(squeezed.byteLength)] = random.below(256);
  return { bytes: squeezed, diffId };
}

function makeCanary(base: string): string {
  const canary = join(base, 'canary');
  mkdirSync(join(canary, 'directory'), { recursive: true });
  writeFileSync(join(canary, 'secret'), 'untouched');
  writeFileSync(join(canary, 'directory', 'file'), 'untouched');
  symlinkSync('secret', join(canary, 'link'));
  return canary;
}

/** All that can be seen of a tree but the times of access, which reading it changes. */
function fingerprint(path: string): string {
  const { mode, uid, gid, mtimeNs, ctimeNs, ino, nlink, size } = lstatSync(path, { bigint: true });
  const own = [path, mode, uid, gid, mtimeNs, ctimeNs, ino, nlink, size].join(' ');
  const isDirectory = (Number(mode) & 0o170000) === 0o040000;
  const isFile = (Number(mode) & 0o170000) === 0o100000;
  const content = isFile ? readFileSync(path, 'latin1') : '';
  const inner = isDirectory ? readdirSync(path).sort() : [];
  return [own, content, ...inner.map((name) => fingerprint(join(path, name)))].join('\n');
}

/** A stream that was destroyed closes its file a moment later. */
async function closedAgain(count: number): Promise<void> {
  for (let turn = 0; openDescriptors() > count && turn < 1000; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.ok(openDescriptors() <= count, 'a descriptor was lost');
}

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;
