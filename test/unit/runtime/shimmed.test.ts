import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { makeCtx } from '../../../common/ctx.ts';
import { silentLog } from '../../../common/log.ts';
import type { ExecRequest, MonitorConfig } from '../../../runtime/contract.ts';
import { buildExecPlan } from '../../../runtime/exec.ts';
import { buildLaunchPlan } from '../../../runtime/launch.ts';
import type { Plan } from '../../../runtime/plan/types.ts';
import type { Process, Spec } from '../../../runtime/spec.ts';
import type { Exit, Shim } from '../../../shim/contract.ts';
import { createShimLauncher } from '../../../shim/launcher.ts';
import { requires } from '../../lib/requires.ts';
import { DEFAULT_MONITOR, dockerSpec, makeBench, type Bench } from './container.ts';

const launcher = createShimLauncher();
const ctx = makeCtx(silentLog).within(60_000);

interface Launched {
  readonly shim: Shim;
  readonly exit: Promise<Exit>;
  readonly end: () => Promise<void>;
  /** All that was written, once it has ended. */
  readonly output: () => Promise<string>;
}

async function monitorIn(bench: Bench, name: string, tty: boolean): Promise<MonitorConfig> {
  const directory = join(bench.directory, name);
  await mkdir(directory);
  const log = { path: join(directory, 'log'), maxBytes: 1 << 20, maxFiles: 1, attrs: undefined };
  const consoleSize = tty ? { rows: 30, columns: 90 } : undefined;
  return { ...DEFAULT_MONITOR, id: name, directory, tty, log, consoleSize };
}

async function launch(monitor: MonitorConfig, plan: Plan): Promise<Launched> {
  const exit = Promise.withResolvers<Exit>();
  const shim = await launcher.launch(ctx, {
    id: monitor.id,
    directory: monitor.directory,
    plan,
    attach: [],
    hooks: {
      onExit: exit.resolve,
      onDetach: () => {},
      onLogError: () => {},
      onLost: () => exit.reject(new Error('lost')),
    },
  });
  const output = async (): Promise<string> => {
    await exit.promise;
    const lines = (await readFile(monitor.log?.path ?? '', 'utf8')).trim().split('\n');
    return lines.map((line) => (JSON.parse(line) as { log: string }).log).join('');
  };
  const end = async (): Promise<void> => {
    await shim.signal(ctx, 9).catch(() => {});
    await exit.promise.catch(() => {});
    shim.close();
  };
  return { shim, exit: exit.promise, output, end };
}

async function start(
  t: TestContext,
  script: string,
  change: (spec: Spec) => void = () => {},
): Promise<Launched & { bench: Bench }> {
  const launched: Launched[] = [];
  // Before the directories go: hooks run in the order in which they are given.
  t.after(() => launched[0]?.end());
  const bench = await makeBench(t, dockerSpec(script, change));
  const { request } = bench;
  const monitor = await monitorIn(bench, 'c', request.spec.process.terminal === true);
  const container = await launch(monitor, buildLaunchPlan({ ...request, keeper: { kind: 'shim', monitor } }));
  launched.push(container);
  return { bench, ...container };
}

let execs = 0;

async function exec(
  container: Launched & { bench: Bench },
  change: Partial<Process> & { readonly script: string },
): Promise<Launched> {
  const { request } = container.bench;
  const { script, ...process } = change;
  const monitor = await monitorIn(container.bench, `e${(execs += 1)}`, process.terminal === true);
  const execRequest: ExecRequest = {
    id: monitor.id,
    pid: container.shim.pid,
    spec: request.spec,
    process: { ...request.spec.process, terminal: false, args: ['sh', '-c', script], ...process },
    keeper: { kind: 'shim', monitor },
    seccomp: request.seccomp,
    cgroups: request.cgroups,
  };
  return launch(monitor, buildExecPlan(execRequest));
}

const needs = requires('root', 'busybox', 'overlay');

describe('a terminal', needs, () => {
  test('is the own devpts, the controlling one, of the right size and owner', async (t) => {
    const script =
      'tty; stat -c %u:%a $(tty); echo x > /dev/tty; echo y > /dev/console; stty size; ls -l /proc/1/fd; true';
    const container = await start(t, script, (spec) => {
      spec.process.terminal = true;
      spec.process.consoleSize = { height: 30, width: 90 };
      spec.process.user = { uid: 1000, gid: 1000 };
      spec.process.capabilities = { bounding: [] };
    });
    const output = (await container.output()).replaceAll('\r', '');
    assert.match(output, /^\/dev\/pts\/0\n1000:620\nx\ny\n/);
    assert.equal((await container.exit).code, 0);
  });

  test('can be had by an exec too', async (t) => {
    const container = await start(t, 'sleep 60');
    const { output } = await exec(container, { script: 'tty; echo x > /dev/tty', terminal: true });
    assert.equal((await output()).replaceAll('\r', ''), '/dev/pts/0\nx\n');
  });
});

describe('an exec', needs, () => {
  test('shares every namespace, the root and the cgroups of its container', async (t) => {
    const container = await start(t, 'sleep 60');
    const script =
      'for n in cgroup ipc mnt net pid uts; do readlink /proc/1/ns/$n; readlink /proc/self/ns/$n; done; cat /proc/self/cgroup; ls /proc/self/fd | wc -l';
    const lines = (await (await exec(container, { script })).output()).split('\n');
    for (let pair = 0; pair < 12; pair += 2) assert.equal(lines[pair], lines[pair + 1]);
    assert.ok(
      lines.slice(12, -2).every((line) => line.endsWith(':/')),
      lines.join('\n'),
    );
    const host = await readFile(`/proc/${container.shim.pid}/cgroup`, 'utf8');
    assert.match(host, /^0::\/wherry-test/m, 'the version 2 hierarchy is joined as well');
  });

  test('inherits no capability, and runs under the filter', async (t) => {
    const container = await start(t, 'sleep 60');
    const { output } = await exec(container, {
      script: 'grep -E "CapInh|CapEff|Seccomp:" /proc/self/status',
    });
    assert.equal(await output(), 'CapInh:\t0000000000000000\nCapEff:\t00000000a80425fb\nSeccomp:\t2\n');
  });

  test('takes a user, a directory and an environment of its own', async (t) => {
    const container = await start(t, 'sleep 60');
    const { output } = await exec(container, {
      script: 'id -u; pwd; echo $X',
      user: { uid: 7, gid: 7 },
      cwd: '/etc',
      env: ['PATH=/bin', 'X=y'],
    });
    assert.equal(await output(), '7\n/etc\ny\n');
  });

  for (const [name, change, expected] of [
    ['an unknown program', { args: ['nonesuch'] }, /^exec: "nonesuch": executable file not found in \$PATH$/],
    [
      'a missing directory',
      { cwd: '/none' },
      /^chdir to cwd \("\/none"\) set in config.json failed: no such file or directory$/,
    ],
    ['a descriptor as directory', { cwd: '/proc/self/fd/9' }, /^chdir to cwd/],
  ] as const) {
    test(`${name} fails in the words of docker`, async (t) => {
      const container = await start(t, 'sleep 60');
      const { args, ...rest } = { args: undefined, ...change };
      const wanted = { script: 'true', ...rest, ...(args === undefined ? {} : { args: [...args] }) };
      await assert.rejects(exec(container, wanted), { message: expected });
    });
  }
});
