import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { sha256 } from '../../image/digest.ts';
import { startDaemon } from '../lib/daemon.ts';
import { openBench } from '../lib/dropin.ts';
import { eventually, type Result } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

/** The daemon dies, or fails, at each step that a namespace's contents and snapshots take: what is there can be gone on with, or removed. */
const FAILPOINTS = [
  'ingest.commit',
  'snapshot.prepare',
  'snapshot.commit',
  'snapshot.removed',
  'namespaces.forgotten',
] as const;

const DATA = Buffer.alloc(100_000, 'x');
const DIGEST = sha256(DATA);
const INGEST = ['content', 'ingest', '--expected-digest', DIGEST, '--expected-size', `${DATA.length}`, 'ref'];
/** A lease that goes takes what nothing leads to with it. */
const COLLECT = [
  ['leases', 'create', '--id', 'now'],
  ['leases', 'rm', '--sync', 'now'],
];

describe("what containerd's API stores", requires('root', 'ctr', 'unshare'), () => {
  for (const action of ['kill', 'error'] as const) {
    test(`the daemon meets ${action} at every step, and nothing is left`, async (t) => {
      await using bench = await openBench();
      const daemon = await startDaemon(t, { busybox: false });
      const address = join(daemon.execRoot, 'containerd.sock');
      const data = join(bench.directory, 'data');
      await writeFile(data, DATA);
      // To go on behind what is there, ctr seeks in its input.
      const ctr = (args: readonly string[]): Promise<Result> =>
        bench.run(['sh', '-c', `exec ctr -a ${address} -n n ${args.join(' ')} < ${data}`]);
      const livesOnce = async (): Promise<number> => {
        const steps = [
          INGEST,
          ['snapshots', 'prepare', 'work'],
          ['snapshots', 'commit', 'done', 'work'],
          ['snapshots', 'rm', 'done'],
          ...COLLECT,
        ];
        let failed = 0;
        for (const step of steps) failed += (await ctr(step)).code === 0 ? 0 : 1;
        return failed;
      };
      for (const failpoint of FAILPOINTS) {
        await daemon.kill9();
        await daemon.restart({ failpoint: `${failpoint}=${action}` });
        assert.ok((await livesOnce()) > 0, `${failpoint} was met`);
        if (action === 'kill') assert.equal(daemon.isAlive(), false, `${failpoint} has killed`);
        await daemon.kill9();
        await daemon.restart();
        // What was written of it before is not written again.
        assert.match((await ctr(INGEST)).stderr, /^$|already exists/, failpoint);
        assert.equal((await ctr(['content', 'get', DIGEST])).stdout, DATA.toString(), failpoint);
        await ctr(['snapshots', 'rm', 'work', 'done']);
        for (const step of COLLECT) await ctr(step);
        await eventually(`nothing is left of ${failpoint}`, async () => {
          const left = await daemon.leftovers();
          if (left.length > 0) console.log(failpoint, left);
          return left.length === 0;
        });
      }
    });
  }
});
