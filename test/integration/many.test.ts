import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { PATIENCE } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

const LOOP = 100;
const MOST_ROUNDS = 4;
const MOST_KIB = 12 * 1024;
const AT_ONCE = 64;

daemonSuite('many', (daemon) => {
  const pssKib = async (): Promise<number> => {
    const rollup = await readFile(`/proc/${daemon().pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1]);
  };
  const runOnce = async (index: number): Promise<void> => {
    const flags = ['run', '--rm', '-e', `N=${index}`, 'busybox', 'sh', '-c', 'echo $N; exit $((N % 5))'];
    const result = await daemon().docker(...flags);
    assert.deepEqual(result, { code: index % 5, stdout: `${index}\n`, stderr: '' });
  };

  test(
    "runs in a loop leave nothing, and the daemon's memory flat",
    { timeout: 240_000 * PATIENCE },
    async () => {
      const round = async (): Promise<number> => {
        for (let index = 0; index < LOOP; index++) await runOnce(index);
        return pssKib();
      };
      // What leaks grows in each round; the heap of a busy machine in one or the other.
      const sizes = [await round(), await round()];
      const grown = (): number => (sizes.at(-1) ?? 0) - (sizes.at(-2) ?? 0);
      while (grown() >= MOST_KIB && sizes.length < MOST_ROUNDS) sizes.push(await round());
      assert.ok(grown() < MOST_KIB, `after every ${LOOP} runs the daemon had ${sizes.join(', ')} KiB`);
      assert.deepEqual(await daemon().leftovers(), []);
    },
  );

  test(`${AT_ONCE} at once`, { timeout: 120_000 }, async () => {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => runOnce(index)));
    assert.deepEqual(await daemon().leftovers(), []);
  });

  test(`${AT_ONCE} side by side, and removed at once`, { timeout: 120_000 }, async () => {
    const ids = await Promise.all(
      Array.from({ length: AT_ONCE }, () => daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000')),
    );
    const list = (await daemon().dockerOk('ps', '-q', '--no-trunc')).split('\n');
    assert.deepEqual(list.toSorted(), ids.toSorted());
    await daemon().dockerOk('rm', '-f', ...ids);
    assert.deepEqual(await daemon().leftovers(), []);
  });
});
