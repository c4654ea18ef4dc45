import assert from 'node:assert/strict';
import { readFile, rmdir, writeFile } from 'node:fs/promises';
import { kill } from 'node:process';
import { test } from 'node:test';
import type { Daemon } from '../lib/daemon.ts';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

interface Examined {
  readonly reports: readonly {
    readonly layer: string;
    readonly answer: {
      readonly kind: string;
      readonly text?: string;
      readonly said?: { readonly pid?: number };
    };
  }[];
  readonly differences: readonly string[];
}

/** Long enough for this machine, short enough to be waited for. */
const DEADLINE = '3s';

async function examine(daemon: Daemon, name: string): Promise<Examined & { readonly code: number }> {
  const roots = ['--exec-root', daemon.execRoot, '--data-root', daemon.dataRoot, '--timeout', DEADLINE];
  const { code, stdout, stderr } = await daemon.wherry('doctor', '--format', 'json', ...roots, name);
  assert.equal(stderr, '');
  return { ...(JSON.parse(stdout) as Examined), code };
}

const kindOf = ({ reports }: Examined, layer: string): string | undefined =>
  reports.find((each) => each.layer === layer)?.answer.kind;

async function started(
  daemon: Daemon,
): Promise<{ readonly pid: number; readonly shim: number; readonly id: string }> {
  const id = await daemon.dockerOk('run', '-d', '--name', 'patient', 'busybox', 'sleep', '1000');
  const pid = Number(await daemon.dockerOk('inspect', '-f', '{{.State.Pid}}', id));
  const [, parent = ''] = /^PPid:\s*(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return { id, pid, shim: Number(parent) };
}

/** The layers below a container are asked, each by itself, and who does not answer is named. */
daemonSuite('wherry doctor', (daemon) => {
  test('all agree: running, paused, ended', async () => {
    const d = daemon();
    const { pid } = await started(d);
    const healthy = await examine(d, 'patient');
    assert.deepEqual([healthy.code, healthy.differences], [0, []]);
    assert.equal(healthy.reports.length, 5);
    for (const layer of ['REST', 'shim', 'runtime state', 'kernel']) {
      const said = healthy.reports.find((each) => each.layer === layer)?.answer.said;
      assert.equal(said?.pid, pid, layer);
    }
    await d.dockerOk('pause', 'patient');
    assert.deepEqual((await examine(d, 'patient')).differences, []);
    await d.dockerOk('unpause', 'patient');
    await d.dockerOk('kill', 'patient');
    assert.deepEqual((await examine(d, 'patient')).differences, []);
    const { stdout } = await d.wherry(
      'doctor',
      '--exec-root',
      d.execRoot,
      '--data-root',
      d.dataRoot,
      'patient',
    );
    assert.match(stdout, /All layers that know of it agree\./);
    assert.match(stdout, /REST +curl -s --unix-socket /);
    assert.equal(
      (await d.wherry('doctor', '--exec-root', d.execRoot, '--data-root', d.dataRoot, 'nobody')).code,
      1,
    );
  });

  test('a stopped shim is named, and the rest still answers', async () => {
    const d = daemon();
    const { shim } = await started(d);
    kill(shim, 'SIGSTOP');
    try {
      const found = await examine(d, 'patient');
      assert.equal(found.code, 1);
      assert.equal(kindOf(found, 'shim'), 'silent');
      assert.equal(kindOf(found, 'kernel'), 'said');
      assert.match(
        found.differences.join('\n'),
        new RegExp(`process ${shim} is stopped: kill -CONT ${shim}`),
      );
    } finally {
      kill(shim, 'SIGCONT');
    }
    assert.equal((await examine(d, 'patient')).code, 0);
  });

  test('a stopped daemon, and one that was killed', async () => {
    const d = daemon();
    const { id, pid } = await started(d);
    kill(d.pid, 'SIGSTOP');
    try {
      const found = await examine(d, 'patient');
      assert.deepEqual(
        [found.code, kindOf(found, 'REST'), kindOf(found, 'containerd API')],
        [1, 'silent', 'silent'],
      );
      assert.deepEqual([kindOf(found, 'shim'), kindOf(found, 'runtime state')], ['said', 'said']);
      assert.match(
        found.differences.join('\n'),
        new RegExp(`REST does not answer: .*process ${d.pid} is stopped`),
      );
    } finally {
      kill(d.pid, 'SIGCONT');
    }
    await d.kill9();
    try {
      const found = await examine(d, id.slice(0, 12));
      assert.deepEqual([found.code, kindOf(found, 'REST'), kindOf(found, 'shim')], [1, 'down', 'said']);
      assert.equal(found.reports.find(({ layer }) => layer === 'kernel')?.answer.said?.pid, pid);
    } finally {
      await d.restart();
    }
    assert.equal((await examine(d, 'patient')).code, 0);
  });

  test("a frozen cgroup that the daemon did not freeze, and a process that left its container's", async () => {
    const d = daemon();
    const { pid } = await started(d);
    const cgroups = await readFile(`/proc/${pid}/cgroup`, 'utf8');
    const [, freezer = ''] = /^\d+:freezer:(.*)$/m.exec(cgroups) ?? [];
    if (freezer === '') return;
    const state = `/sys/fs/cgroup/freezer${freezer}/freezer.state`;
    await writeFile(state, 'FROZEN');
    try {
      const found = await examine(d, 'patient');
      assert.equal(found.code, 1);
      assert.match(found.differences.join('\n'), /whether it is paused: REST says no.*kernel says yes/);
    } finally {
      await writeFile(state, 'THAWED');
    }
    await writeFile('/sys/fs/cgroup/pids/tasks', String(pid));
    const [, pids = ''] = /^\d+:pids:(.*)$/m.exec(cgroups) ?? [];
    await eventually('its cgroup can go', async () => {
      await rmdir(`/sys/fs/cgroup/pids${pids}`);
      return true;
    });
    const found = await examine(d, 'patient');
    assert.equal(found.code, 1);
    assert.match(found.differences.join('\n'), /the process is in \/ of pids, and not in /);
  });

  test('a process that was killed behind a stopped shim', async () => {
    const d = daemon();
    const { pid, shim } = await started(d);
    kill(shim, 'SIGSTOP');
    try {
      kill(pid, 'SIGKILL');
      const found = await eventually('the kernel has it ended', async () => {
        const now = await examine(d, 'patient');
        return now.differences.some((each) => each.startsWith('whether it runs')) ? now : undefined;
      });
      assert.match(found.differences.join('\n'), /whether it runs: REST says yes, .*kernel says no/);
    } finally {
      kill(shim, 'SIGCONT');
    }
    await eventually('all know it', async () => (await examine(d, 'patient')).code === 0);
  });
});
