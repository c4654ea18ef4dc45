import assert from 'node:assert/strict';
import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../lib/daemon.ts';
import { onLoop } from '../lib/loop-file-system.ts';
import { execOk } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const MIB = 2 ** 20;
const FILE_MIB = 60;

for (const type of ['xfs', 'btrfs'] as const) {
  test(
    `${type}: a snapshot and a clone share the blocks of the volume, and go their own ways`,
    requires('root', 'docker-client', 'busybox', type),
    async (t) => {
      const daemon = await startDaemon(t, { furnish: onLoop(type) });
      const inVolume = (name: string, script: string): Promise<string> =>
        daemon.dockerOk('run', '--rm', '-v', `${name}:/v`, 'busybox', 'sh', '-c', script);
      const used = async (): Promise<number> => {
        await execOk(['sync', '-f', daemon.dataRoot]);
        const { blocks, bfree, bsize } = await statfs(daemon.dataRoot);
        return (blocks - bfree) * bsize;
      };
      await inVolume('data', `dd if=/dev/urandom of=/v/f bs=1M count=${FILE_MIB} 2> /dev/null`);
      const before = await used();
      await daemon.wherryOk('volume', 'snapshot', 'data', 'frozen');
      await daemon.wherryOk('volume', 'clone', 'data', 'twin');
      const grown = (await used()) - before;
      assert.ok(grown < (FILE_MIB / 4) * MIB, `${grown} bytes for two copies of ${FILE_MIB} MiB`);
      const sums = (name: string): Promise<string> => inVolume(name, 'sha256sum < /v/f');
      const whole = await sums('data');
      assert.deepEqual([await sums('frozen'), await sums('twin')], [whole, whole]);
      await inVolume('twin', 'echo changed > /v/f');
      assert.deepEqual([await sums('data'), await sums('frozen')], [whole, whole]);
      const twin = join(daemon.dataRoot, 'volumes/twin/_data/f');
      assert.equal(await readFile(twin, 'utf8'), 'changed\n');
    },
  );
}
