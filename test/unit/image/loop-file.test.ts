import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeLoopFile, mountLoopFile } from '../../../image/loop-file.ts';
import { loopFilesBelow } from '../../lib/loop-devices.ts';
import { requires } from '../../lib/requires.ts';

const MIB = 2 ** 20;
const pathOf = (fd: number): string => `/proc/self/fd/${fd}`;

test(
  'a loop file has what was asked for, little more, and is a hole at first',
  requires('root', 'loop-files'),
  async (t) => {
    for (const mib of [1, 4, 10, 100, 129, 500, 5000, 100 * 1024]) {
      const directory = mkdtempSync(join(tmpdir(), 'wherry-loop-'));
      t.after(() => rmSync(directory, { recursive: true }));
      for (const [name, mode] of [
        ['u', 0o711],
        ['w', 0o700],
      ] as const)
        mkdirSync(join(directory, name), { mode });
      const wanted = { sizeBytes: mib * MIB, below: ['u', 'w'] };
      await makeLoopFile(directory, wanted);
      const file = join(directory, 'loop');
      const { ino } = statSync(file);
      await makeLoopFile(directory, wanted);
      assert.equal(statSync(file).ino, ino, 'twice is once');
      assert.deepEqual(readdirSync(directory), ['loop']);
      assert.ok(statSync(file).blocks * 512 < 2 * MIB);
      const [one, two] = [mountLoopFile(directory), mountLoopFile(directory)] as const;
      try {
        assert.equal((await loopFilesBelow(directory)).length, 1);
        const { bavail, bsize } = statfsSync(pathOf(one));
        const leastMib = Math.max(4, mib);
        assert.ok(bavail * bsize >= leastMib * MIB, `${mib}: ${bavail * bsize}`);
        assert.ok(bavail * bsize <= leastMib * MIB * 1.001 + MIB / 2, `${mib}: ${bavail * bsize}`);
        assert.equal(statSync(join(pathOf(one), 'u')).mode & 0o777, 0o711);
        mkdirSync(join(pathOf(one), 'w/made'));
        assert.ok(existsSync(join(pathOf(two), 'w/made')));
      } finally {
        closeSync(one);
        closeSync(two);
      }
      assert.deepEqual(await loopFilesBelow(directory), []);
    }
  },
);
