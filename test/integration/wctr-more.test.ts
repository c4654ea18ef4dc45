import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { requires } from '../lib/requires.ts';
import { IMAGE, PAIRS } from '../lib/wctr.ts';

const NEEDS = requires('root', 'containerd', 'ctr', 'unshare', 'busybox');

for (const [daemon, start] of Object.entries(PAIRS))
  /** Commands and flags that are rarely called. */
  describe(`more of wctr beside ctr, against ${daemon}`, NEEDS, () => {
    test('a user namespace owns its files, or the snapshotter is told of it', async (t) => {
      const { same, archive } = await start(t);
      const map = '--uidmap 0:100000:65536 --gidmap 0:200000:65536';
      for (const command of [
        `images import ${archive}`,
        `run --rm ${map} ${IMAGE} c1 stat -c %u:%g:%a /bin/busybox /tmp /bin/sh`,
        `run --rm ${map} ${IMAGE} c1 cat /proc/self/uid_map`,
        `run -d --remap-labels ${map} ${IMAGE} c2 sleep 1000`,
        'snapshots info c2',
        't rm -f c2',
        'c rm c2',
      ])
        await same(command);
    });

    test('specs, and what is taken for the sake of scripts', async (t) => {
      const { same, archive, wctr, bench } = await start(t);
      for (const command of [
        'oci spec',
        `images import ${archive}`,
        'content active -t 5s --root /none',
        'content edit --validate json sha256:00',
        'snapshots unpack sha256:00',
      ])
        await same(command);
      const chain = (await wctr('snapshots', 'ls')).stdout.split('\n').find((line) => /sha256/.test(line));
      const parent = chain?.split(' ')[0] ?? '';
      await same(`snapshots prepare made ${parent}`);
      const diff = await wctr('snapshots', 'diff', '--keep', '--label', 'a=b', 'made');
      assert.equal(diff.code, 0, diff.stderr);
      assert.match((await wctr('content', 'ls')).stdout, /a=b/);
      await using server = createServer((request, response) => response.end(`profile of ${request.url}`));
      const socket = join(bench.directory, 'debug.sock');
      await once(server.listen(socket), 'listening');
      for (const command of ['heap', 'goroutines', 'block', 'threadcreate', 'trace -s 1s', 'profile'])
        await same(`pprof -d ${socket} ${command}`);
    });
  });
