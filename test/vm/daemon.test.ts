import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeAtOnce } from '../lib/limits-at-once.ts';
import { onLoop } from '../lib/loop-file-system.ts';
import { quotaStories } from '../lib/quotas.ts';
import { daemonSuite } from '../lib/suite.ts';

/** What CI asks of the daemon on such a host; the whole of test/integration runs there by `make test-vm`. */
daemonSuite(
  'the daemon with cgroup v2 and an older kernel',
  (daemon) => {
    test('runs a container with its limits, on the bridge, under a filter', async () => {
      const script =
        'cd /sys/fs/cgroup; cat memory.max cpu.max pids.max; grep Seccomp: /proc/self/status; ip route | grep -c default';
      const limits = ['-m', '64m', '--cpus', '0.5', '--pids-limit', '77'];
      const out = await daemon().dockerOk('run', '--rm', ...limits, 'busybox', 'sh', '-c', script);
      assert.equal(out, `${64 << 20}\n50000 100000\n77\nSeccomp:\t2\n1`);
    });

    test('has a process killed for its memory, and says so', async () => {
      const hog = ['sh', '-c', 'head -c 200m /dev/zero | tail'];
      const { code } = await daemon().docker('run', '--name', 'hog', '-m', '20m', 'busybox', ...hog);
      assert.equal(code, 137);
      assert.equal(await daemon().dockerOk('inspect', '-f', '{{.State.OOMKilled}}', 'hog'), 'true');
    });

    test('lets a container at the devices of the list only', async () => {
      const script = 'mknod /tmp/disk b 254 0 && cat /tmp/disk; echo x > /dev/null && echo written';
      const { stdout, stderr } = await daemon().docker('run', '--rm', 'busybox', 'sh', '-c', script);
      assert.equal(stdout, 'written\n');
      assert.match(stderr, /Operation not permitted/);
    });

    test('runs an exec in the cgroup of its container', async () => {
      const id = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
      const shown = await daemon().dockerOk('exec', id, 'cat', '/proc/self/cgroup');
      assert.equal(shown, '0::/');
    });

    test('has each limit at once that a running container is given, and at its next start', async () => {
      assert.deepEqual(await judgeAtOnce(daemon().socket), []);
    });

    quotaStories(daemon);
  },
  { needs: ['cgroup-v2', 'ext4-projects'], furnish: onLoop('ext4-projects') },
);
