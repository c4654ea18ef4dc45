import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readKernelLimits } from '../../../daemon/core/kernel-limits.ts';

const NONE = { blkioWeight: false, blkioWeightDevice: false, readBps: false };

/** Files of a cgroup below the root, and what the host can limit of block devices. */
const CASES = [
  [['io.stat', 'io.weight', 'io.max'], { ...NONE, blkioWeight: true, readBps: true }],
  [['io.stat', 'io.bfq.weight'], { ...NONE, blkioWeight: true, blkioWeightDevice: true }],
  [['io.stat'], NONE],
  // Nobody has handed the controller down yet: then it is believed to have all.
  [['memory.max'], { blkioWeight: true, blkioWeightDevice: true, readBps: true }],
] as const;

for (const [files, limits] of CASES) {
  test(`version 2 with ${files.join(', ')}`, async (t) => {
    const unified = await mkdtemp(join(tmpdir(), 'wherry-test-limits-'));
    t.after(() => rm(unified, { recursive: true }));
    await mkdir(join(unified, 'init.scope'));
    for (const file of files) await writeFile(join(unified, 'init.scope', file), '');
    const found = await readKernelLimits({ unified, unifiedControllers: ['io'], hierarchies: [] });
    const { blkioWeight, blkioWeightDevice, readBps } = found;
    assert.deepEqual({ blkioWeight, blkioWeightDevice, readBps }, limits);
  });
}
