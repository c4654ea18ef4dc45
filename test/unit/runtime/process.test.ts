import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PlanBuilder } from '../../../runtime/plan/builder.ts';
import { formatPlan } from '../../../runtime/plan/format.ts';
import { openProcSelf, writeProcSelf } from '../../../runtime/plan/proc.ts';
import { buildLaunchPlan } from '../../../runtime/launch.ts';
import { cpuMask } from '../../../runtime/process/affinity.ts';
import { inheritProcess } from '../../../runtime/process/inherit.ts';
import type { Process, Spec } from '../../../runtime/spec.ts';
import { requires } from '../../lib/requires.ts';
import { dockerSpec, makeBench, pureRequest, run, runPlan } from './container.ts';

/** Labels of a launch plan's steps. */
function stepsOf(change: (spec: Spec) => void): string[] {
  const plan = buildLaunchPlan(pureRequest(dockerSpec('true', change)));
  return plan.steps.map(({ label }) => label);
}

const before = (steps: readonly string[], first: RegExp, second: RegExp): void => {
  const [a, b] = [first, second].map((pattern) => steps.findIndex((label) => pattern.test(label))) as [
    number,
    number,
  ];
  assert.ok(a >= 0 && b >= 0 && a < b, `${String(first)} at ${a}, ${String(second)} at ${b}`);
};

describe('a list of cpus', () => {
  for (const [list, bits] of [
    ['0', [0]],
    ['0-3,5', [0, 1, 2, 3, 5]],
    [' 1 , ,64-65', [1, 64, 65]],
    ['8191', [8191]],
  ] as const) {
    test(`"${list}"`, () => {
      const mask = cpuMask(list) ?? assert.fail('no mask');
      const found = [...mask].flatMap((byte, index) =>
        [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte >> bit) & 1).map((bit) => 8 * index + bit),
      );
      assert.deepEqual(found, bits);
      assert.equal(mask.byteLength % 8, 0);
    });
  }

  test('nothing is no mask', () => {
    for (const list of ['', ' ', ',,']) assert.equal(cpuMask(list), undefined);
  });

  for (const list of ['a', '-1', '3-1', '1-', '0x1', '8192', '1.5', '0-99999999999']) {
    test(`"${list}" is refused`, () => assert.throws(() => cpuMask(list), { code: 'invalid-argument' }));
  }
});

describe('the order in which a process is made', () => {
  const all = stepsOf(({ process, linux }) => {
    process.apparmorProfile = 'p';
    process.selinuxLabel = 'l';
    process.scheduler = { policy: 'SCHED_BATCH' };
    process.ioPriority = { class: 'IOPRIO_CLASS_BE', priority: 4 };
    linux.personality = { domain: 'LINUX32' };
    process.rlimits = [{ type: 'RLIMIT_CORE', soft: 0, hard: 0 }];
  });
  for (const [first, second] of [
    [/^set key label "l"/, /^set key label ""/],
    [/^start a session/, /^apply apparmor profile "p"/],
    [/^leave the CPU affinity/, /^set scheduler SCHED_BATCH/],
    [/^set io priority IOPRIO_CLASS_BE 4/, /^drop CAP_SYS_ADMIN/],
    [/^set RLIMIT_CORE to 0:0/, /^drop CAP_SYS_ADMIN/],
    [/^set process label "l"/, /^become user/],
    [/^set personality LINUX32/, /^close on exec/],
    [/^chdir to cwd/, /^set groups/],
    [/^become user/, /^look whether the directory is entered/],
    [/^look whether the directory is entered/, /^set capabilities/],
    [/^set capabilities/, /^exec /],
  ] as const) {
    test(`${first.source} comes before ${second.source}`, () => before(all, first, second));
  }

  test('a filter is loaded after all that it might refuse', () => {
    const request = pureRequest(dockerSpec('true'));
    const seccomp = { program: new Uint8Array(8), flags: 0 };
    const labels = buildLaunchPlan({ ...request, seccomp }).steps.map(({ label }) => label);
    before(labels, /^close on exec/, /^load the seccomp filter/);
    before(labels, /^load the seccomp filter/, /^become user/);
  });

  test('with no_new_privs it comes last', () => {
    const spec = dockerSpec('true', ({ process }) => (process.noNewPrivileges = true));
    const seccomp = { program: new Uint8Array(8), flags: 0 };
    const labels = buildLaunchPlan({ ...pureRequest(spec), seccomp }).steps.map(({ label }) => label);
    before(labels, /^set no_new_privs/, /^become user/);
    before(labels, /^look at "\/usr\/bin\/sh"/, /^load the seccomp filter/);
    assert.match(labels[labels.indexOf('load the seccomp filter') + 1] ?? '', /^exec \/usr\/bin\/sh/);
  });
});

describe('attributes that are none are refused', () => {
  for (const [name, change, message] of [
    [
      'policy',
      (spec: Spec) => (spec.process.scheduler = { policy: 'SCHED_X' as 'SCHED_RR' }),
      /policy: SCHED_X/,
    ],
    [
      'flag',
      (spec: Spec) => (spec.process.scheduler = { policy: 'SCHED_RR', flags: ['SCHED_FLAG_X'] }),
      /invalid scheduler flag: SCHED_FLAG_X/,
    ],
    [
      'io class',
      (spec: Spec) => (spec.process.ioPriority = { class: 'IOPRIO_CLASS_X' as 'IOPRIO_CLASS_RT' }),
      /invalid io priority class: IOPRIO_CLASS_X/,
    ],
    [
      'personality',
      (spec: Spec) => (spec.linux.personality = { domain: 'BSD' as 'LINUX' }),
      /invalid personality domain BSD/,
    ],
    [
      'limit',
      (spec: Spec) => (spec.process.rlimits = [{ type: 'RLIMIT_X', soft: 0, hard: 0 }]),
      /wrong rlimit value: RLIMIT_X/,
    ],
  ] as const) {
    test(name, () => assert.throws(() => stepsOf((spec) => void change(spec)), message));
  }
});

describe('writes to the procfs of a process', () => {
  test('go through its checked directory, beneath it and through no link', () => {
    const plan = new PlanBuilder();
    const directory = openProcSelf(plan);
    writeProcSelf(plan, directory, { name: 'attr/exec', text: 'x', label: 'write a label' });
    plan.end();
    const text = formatPlan(plan.build());
    assert.match(text, /openat\(-100, "\/proc\/self"/);
    assert.match(text, /expect @\d+/);
    assert.match(text, /openat2\(#0, "attr\/exec"/);
  });
});

describe('attributes of a process', requires('root', 'busybox', 'overlay'), () => {
  /** A field of the process's own files in the procfs of its container. */
  const show = 'cat /proc/self/sched /proc/self/personality /proc/self/oom_score_adj';

  test('scheduler, personality, oom score, affinity', async (t) => {
    const { stdout, failure } = await run(t, `${show}; grep Cpus_allowed_list /proc/self/status`, (spec) => {
      spec.process.scheduler = { policy: 'SCHED_BATCH', nice: 5 };
      spec.linux.personality = { domain: 'LINUX32' };
      spec.process.oomScoreAdj = 321;
    });
    assert.equal(failure, undefined);
    assert.match(stdout, /^policy\s+: +3$/m);
    assert.match(stdout, /^prio\s+: +125$/m);
    assert.match(stdout, /^00000008\n321\nCpus_allowed_list:/m);
  });

  test('a real-time scheduler', async (t) => {
    const bench = await makeBench(t, dockerSpec('cat /proc/self/sched'));
    const { spec } = bench.request;
    spec.process.scheduler = { policy: 'SCHED_RR', priority: 7 };
    // A fresh cgroup of version 1 has no real-time share.
    const { cgroupsPath: _, ...linux } = spec.linux;
    const { stdout, failure } = await runPlan({
      ...bench,
      request: { ...bench.request, spec: { ...spec, linux } },
    });
    if (failure !== undefined) return t.skip(failure);
    assert.match(stdout, /^policy\s+: +2$/m);
    assert.match(stdout, /^prio\s+: +92$/m);
  });

  test('io priority', async (t) => {
    const bench = await makeBench(t, dockerSpec(''));
    bench.request.spec.process.args = ['busybox', 'ionice', '-p', '1'];
    bench.request.spec.process.ioPriority = { class: 'IOPRIO_CLASS_BE', priority: 3 };
    assert.match((await runPlan(bench)).stdout, /best-effort: prio 3/);
  });

  test('its directory is entered before its user changes', async (t) => {
    const bench = await makeBench(t, dockerSpec('readlink /proc/self/cwd; id -u; ls'));
    await mkdir(join(bench.lower, 'secret'), { mode: 0o700 });
    bench.request.spec.process.cwd = '/secret';
    bench.request.spec.process.user = { uid: 1000, gid: 1000 };
    bench.request.spec.process.capabilities = {};
    const { stdout, stderr, failure } = await runPlan(bench);
    assert.equal(failure, undefined);
    assert.equal(stdout, '/secret\n1000\n');
    assert.match(stderr, /Permission denied/);
  });

  test("it is not in its caller's session keyring", async (t) => {
    const own = /_ses\.test/;
    const { stdout } = await run(t, 'cat /proc/keys', (spec) => {
      spec.linux.maskedPaths = [];
    });
    if (stdout === '') return t.skip('the kernel has no /proc/keys');
    assert.match(stdout, own);
    assert.match(stdout, /3f1b0000/, 'searchable by its user, so that a further process finds it');
    assert.doesNotMatch(await readFile('/proc/keys', 'utf8').catch(() => ''), /I------.*_ses\.test/);
  });
});

describe('a further process', () => {
  const first: Process = {
    args: ['sleep'],
    cwd: '/first',
    env: ['A=1'],
    terminal: true,
    user: { uid: 1, gid: 2, umask: 0o27, additionalGids: [3] },
    capabilities: { bounding: ['CAP_KILL'] },
    noNewPrivileges: true,
    apparmorProfile: 'a',
    selinuxLabel: 's',
    rlimits: [{ type: 'RLIMIT_CORE', soft: 0, hard: 0 }],
    ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 4 },
    scheduler: { policy: 'SCHED_BATCH' },
    execCPUAffinity: { initial: '0' },
  };

  test('has of the first one what it does not say itself', () => {
    const document = JSON.parse('{"args":["x"],"cwd":"/","apparmorProfile":"","rlimits":[]}') as Process;
    const { args: _, cwd: __, env: ___, terminal: ____, user: _____, ...inherited } = first;
    assert.deepEqual(inheritProcess(document, first), {
      ...inherited,
      args: ['x'],
      cwd: '/',
      user: { uid: 0, gid: 0, umask: 0o27 },
    });
  });

  test('keeps what it says', () => {
    const own: Process = {
      ...first,
      args: ['y'],
      user: { uid: 5, gid: 6, umask: 0 },
      noNewPrivileges: false,
      scheduler: { policy: 'SCHED_IDLE' },
      capabilities: {},
    };
    assert.deepEqual(inheritProcess(own, first), own);
  });
});
