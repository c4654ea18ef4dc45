import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { settle } from '../../image/layers/settle.ts';
import type { UnpackedLayer } from '../../image/workers/jobs.ts';
import { unpack } from '../../image/workers/unpack.ts';
import { tarball, type Member } from './tarball.ts';

const never = new AbortController().signal;

export interface Bench {
  /** Outside of every layer; must stay as it is. */
  readonly canary: string;
  readonly apply: (members: readonly Member[], lowers?: readonly string[]) => Promise<string>;
  readonly applied: (members: readonly Member[], lowers?: readonly string[]) => Promise<UnpackedLayer>;
  /** What a container would see, as `find` prints it. */
  readonly merged: (layers: readonly string[]) => string[];
}

/** Layers of `/tmp/unpack-X/l<n>` beside a canary that hostile names aim at. */
export function bench(t: TestContext): Bench {
  const base = mkdtempSync('/tmp/unpack-');
  const canary = join(base, 'canary');
  mkdirSync(canary);
  writeFileSync(join(canary, 'secret'), 'untouched');
  const before = fingerprint(canary);
  t.after(() => {
    const after = fingerprint(canary);
    rmSync(base, { recursive: true, force: true });
    assert.equal(after, before, 'the host was touched');
  });
  let count = 0;
  const applyTo = async (
    members: readonly Member[],
    lowers: readonly string[] = [],
  ): Promise<[string, UnpackedLayer]> => {
    const tar = tarball(members);
    const blob = join(base, `b${(count += 1)}`);
    const target = join(base, `l${count}`);
    writeFileSync(blob, tar);
    const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
    try {
      const layer = await unpack({ kind: 'unpack', blob, target, diffId }, never);
      settle({ directory: target, lowers, implied: layer.implied, impliesRoot: layer.impliesRoot });
      return [target, layer];
    } catch (error) {
      assert.equal(existsSync(target), false, 'a failed layer is left');
      throw error;
    }
  };
  return {
    canary,
    apply: async (members, lowers) => (await applyTo(members, lowers))[0],
    applied: async (members, lowers) => (await applyTo(members, lowers))[1],
    merged: (layers) => findInOverlay(layers),
  };
}

const fingerprint = (path: string): string =>
  execFileSync('sh', ['-c', `find ${path} -printf '%P %y %m %u %g %s %T@ %l\n' | sort; cat ${path}/secret`], {
    encoding: 'utf8',
  });

/** Mounts in a namespace of its own, so that nothing stays mounted. */
function findInOverlay(layers: readonly string[]): string[] {
  const mountpoint = mkdtempSync('/tmp/merged-');
  const lower = layers.length > 1 ? layers.join(':') : `${layers[0]}:${mountpoint}`;
  const script = `mount -t overlay overlay -o lowerdir=${lower} ${mountpoint} && cd ${mountpoint} && find . -mindepth 1 -printf '%P %y %l\\n' | sort`;
  try {
    const out = execFileSync('unshare', ['-m', 'sh', '-ec', script], { encoding: 'utf8' });
    return out
      .trim()
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  } finally {
    rmSync(mountpoint, { recursive: true });
  }
}
