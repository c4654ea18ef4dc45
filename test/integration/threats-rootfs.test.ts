import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { defaultSpec } from '../../runtime/default-spec.ts';
import type { Mount, Spec } from '../../runtime/spec.ts';
import { requires } from '../lib/requires.ts';
import { dockerSpec, makeBench, runPlan, type Bench, type Ran } from '../unit/runtime/container.ts';
import { exchange } from '../unit/runtime/rootfs-bench.ts';

/** Rows of threats.md about what is done in a container's root. Each fails when the protection that it names is taken out. */

const host = requires('root', 'busybox', 'overlay');

const bind = (source: string, destination: string, ...options: string[]): Mount => ({
  type: 'bind',
  source,
  destination,
  options: ['rbind', ...options],
});

interface Trap {
  readonly bench: Bench;
  /** A directory of the host that a container has as /vol. */
  readonly volume: string;
  /** A directory of the host that no container has. */
  readonly canary: string;
}

/** A volume with a directory `bait` and a link `hook` to the canary. */
async function makeTrap(t: TestContext, script: string, change?: (spec: Spec) => void): Promise<Trap> {
  const bench = await makeBench(t, dockerSpec(script, change));
  const [volume, canary] = [join(bench.directory, 'volume'), join(bench.directory, 'canary')];
  for (const path of [join(volume, 'bait'), canary]) mkdirSync(path, { recursive: true });
  symlinkSync(canary, join(volume, 'hook'));
  bench.request.spec.mounts.push(bind(volume, '/vol'));
  return { bench, volume, canary };
}

/** Runs it so often while the two names are exchanged. */
async function race(
  { bench, volume }: Trap,
  times: number,
  each: (spec: Spec, turn: number) => void,
): Promise<Ran[]> {
  const { spec } = bench.request;
  const stop = await exchange(join(volume, 'bait'), join(volume, 'hook'));
  const all: Ran[] = [];
  try {
    for (let turn = 0; turn < times; turn += 1) {
      const mounts = [...spec.mounts];
      const turned = { ...spec, mounts };
      each(turned, turn);
      all.push(await runPlan({ ...bench, request: { ...bench.request, spec: turned } }));
    }
  } finally {
    assert.ok((await stop()) > times, 'the names were exchanged');
  }
  return all;
}

describe('3: a mount target that is swapped for a link', host, () => {
  const script = 'grep -c " - tmpfs caught" /proc/self/mountinfo';
  const caught: Mount = { type: 'tmpfs', source: 'caught', destination: '/vol/bait' };

  test('that always is one leads to a place inside', async (t) => {
    const trap = await makeTrap(t, script);
    rmSync(join(trap.volume, 'bait'), { recursive: true });
    renameSync(join(trap.volume, 'hook'), join(trap.volume, 'bait'));
    trap.bench.request.spec.mounts.push(caught);
    const { failure, stdout } = await runPlan(trap.bench);
    assert.equal(failure, undefined);
    assert.equal(stdout, '1\n');
    assert.deepEqual(readdirSync(trap.canary), []);
    assert.ok(lstatSync(join(trap.bench.upper, trap.canary)).isDirectory(), 'made in the root');
  });

  test('in a race is mounted on inside, or not at all', async (t) => {
    const trap = await makeTrap(t, script);
    const ran = await race(trap, 150, (spec) => spec.mounts.push(caught));
    const through = ran.filter(({ failure }) => failure === undefined);
    for (const { stdout } of through) assert.equal(stdout, '1\n');
    assert.ok(through.length > 0);
  });
});

describe('4: a masked path through a replaced /dev/null', host, () => {
  const script = `stat -c %t:%T /proc/keys; echo h > /proc/sysrq-trigger; echo 1 > /proc/sys/kernel/panic; cat /proc/keys`;

  function assertMasked({ stdout, stderr, failure }: Ran): void {
    assert.equal(failure, undefined);
    assert.equal(stdout, '1:3\n');
    // Some kernels have no sysrq-trigger.
    assert.match(
      stderr,
      /sysrq-trigger: (?:Read-only file system|nonexistent)[^]*panic: Read-only file system/,
    );
  }

  for (const [what, make] of [
    ['a file', (path: string) => writeFileSync(path, 'evil')],
    ['a link to /proc/sysrq-trigger', (path: string) => symlinkSync('/proc/sysrq-trigger', path)],
    ['a link to /proc/sys', (path: string) => symlinkSync('/proc/sys', path)],
  ] as const) {
    test(`by ${what}`, async (t) => {
      const bench = await makeBench(t, dockerSpec(script));
      const dev = join(bench.directory, 'dev');
      mkdirSync(dev);
      make(join(dev, 'null'));
      const { spec } = bench.request;
      spec.mounts = spec.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
      spec.mounts.push(bind(dev, '/dev'));
      assertMasked(await runPlan(bench));
    });
  }

  test('in a race', async (t) => {
    const bench = await makeBench(t, dockerSpec(script));
    const dev = join(bench.directory, 'dev');
    mkdirSync(dev);
    writeFileSync(join(dev, 'null'), 'evil');
    symlinkSync('/proc/sysrq-trigger', join(dev, 'hook'));
    const { spec } = bench.request;
    spec.mounts = spec.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
    spec.mounts.push(bind(dev, '/dev'));
    const stop = await exchange(join(dev, 'null'), join(dev, 'hook'));
    try {
      for (let turn = 0; turn < 50; turn += 1) assertMasked(await runPlan(bench));
    } finally {
      await stop();
    }
  });
});

describe('5: /dev/console onto another terminal', host, () => {
  const withTerminal = (spec: Spec): void => {
    spec.process.terminal = true;
  };

  for (const target of ['pts/0', '/proc/sysrq-trigger', '/etc/passwd']) {
    test(`by a link to ${target}`, async (t) => {
      const bench = await makeBench(t, dockerSpec('true', withTerminal));
      const dev = join(bench.directory, 'dev');
      mkdirSync(join(dev, 'pts'), { recursive: true });
      symlinkSync(target, join(dev, 'console'));
      const { spec } = bench.request;
      spec.mounts = spec.mounts.map((mount) => (mount.destination === '/dev' ? bind(dev, '/dev') : mount));
      const { failure } = await runPlan(bench);
      assert.equal(failure, 'Cannot bind the terminal to "/dev/console": ELOOP');
    });
  }

  test('by a false multiplexer', async (t) => {
    const bench = await makeBench(t, dockerSpec('true', withTerminal));
    mkdirSync(join(bench.lower, 'dev/pts'), { recursive: true });
    writeFileSync(join(bench.lower, 'dev/pts/ptmx'), '');
    const { spec } = bench.request;
    spec.mounts = spec.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
    assert.equal((await runPlan(bench)).failure, 'Cannot open a terminal: ENOTTY');
  });
});

describe('6: writes to a false procfs', host, () => {
  test('nothing but a procfs is mounted at /proc', async (t) => {
    const bench = await makeBench(t, dockerSpec('true'));
    const { spec } = bench.request;
    spec.mounts = spec.mounts.filter(({ destination }) => destination !== '/proc');
    mkdirSync(join(bench.directory, 'false/sys/net'), { recursive: true });
    spec.mounts.push(bind(join(bench.directory, 'false'), '/proc'));
    assert.match(
      (await runPlan(bench)).failure ?? '',
      /"\/proc" cannot be mounted because it is not of type proc/,
    );
  });

  test('nor over a part of it, by whatever way', async (t) => {
    for (const [link, target] of [
      ['way', '/proc/sys'],
      ['deep', '../../proc/self/attr'],
    ] as const) {
      const bench = await makeBench(t, dockerSpec('true'));
      symlinkSync(target, join(bench.lower, link));
      for (const type of ['tmpfs', 'bind'] as const) {
        const mount = { type, source: '/etc', destination: `/${link}` };
        const spec = { ...bench.request.spec, mounts: [...bench.request.spec.mounts, mount] };
        const { failure } = await runPlan({ ...bench, request: { ...bench.request, spec } });
        assert.equal(failure, `"/${link}" cannot be mounted because it is inside /proc`);
      }
    }
  });

  test('a race does not get in between', async (t) => {
    const trap = await makeTrap(t, 'cat /proc/sys/kernel/hostname');
    const { volume, bench } = trap;
    rmSync(join(volume, 'hook'));
    symlinkSync('/proc/sys', join(volume, 'hook'));
    bench.request.spec.hostname = 'true-one';
    const ran = await race(trap, 80, (spec) => spec.mounts.push(bind('/etc', '/vol/bait')));
    for (const { failure, stdout } of ran) if (failure === undefined) assert.equal(stdout, 'true-one\n');
    assert.ok(ran.some(({ failure }) => failure?.includes('inside /proc') === true));
  });

  test('sysctls are not written into directories of the image', async (t) => {
    const bench = await makeBench(t, dockerSpec('true'));
    const { spec } = bench.request;
    spec.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
    spec.mounts = spec.mounts.filter(({ destination }) => destination !== '/proc');
    mkdirSync(join(bench.lower, 'proc/sys/net/ipv4'), { recursive: true });
    writeFileSync(join(bench.lower, 'proc/sys/net/ipv4/ip_forward'), '');
    assert.match((await runPlan(bench)).failure ?? '', /is no procfs: EPERM/);
  });
});

describe('7: /dev is a link', host, () => {
  test('to a directory outside: what is made stays inside', async (t) => {
    const bench = await makeBench(t, dockerSpec('ls /inside'));
    const canary = join(bench.directory, 'canary');
    for (const path of [canary, join(bench.lower, canary)]) mkdirSync(path, { recursive: true });
    symlinkSync(canary, join(bench.lower, 'dev'));
    symlinkSync(canary, join(bench.lower, 'inside'));
    const { failure, stdout } = await runPlan(bench);
    assert.equal(failure, undefined);
    assert.match(stdout, /urandom/);
    assert.deepEqual(readdirSync(canary), []);
  });

  test('without a mount there the start fails', async (t) => {
    const bench = await makeBench(t, dockerSpec('true'));
    symlinkSync('/etc', join(bench.lower, 'dev'));
    const { spec } = bench.request;
    spec.mounts = spec.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
    assert.match(
      (await runPlan(bench)).failure ?? '',
      /"\/dev" must be mounted on ordinary directory: ELOOP/,
    );
    assert.ok(!readdirSync(bench.upper).includes('etc'), 'nothing is made where it leads');
  });
});

describe('8: directories that are made in a race', host, () => {
  test('never appear on the host', async (t) => {
    const trap = await makeTrap(t, 'true');
    const ran = await race(trap, 150, (spec, turn) => {
      const destination = `/vol/bait/${turn}/deep`;
      if (turn % 2 === 0) spec.mounts.push({ type: 'tmpfs', source: 'tmpfs', destination });
      else spec.mounts.push(bind('/etc/hostname', destination));
      spec.process = { ...spec.process, cwd: `/vol/bait/cwd-${turn}` };
    });
    assert.deepEqual(readdirSync(trap.canary), []);
    assert.ok(ran.some(({ failure }) => failure === undefined));
  });
});

describe('29: side channels', host, () => {
  /** moby, daemon/pkg/oci/defaults.go. */
  const DOCKER =
    `/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi
    /proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware
    /sys/devices/system/cpu/cpu0/thermal_throttle /sys/devices/system/cpu/cpu1/thermal_throttle`.split(/\s+/);

  test("the mask list is docker's", () => {
    const spec = defaultSpec({
      capabilities: [],
      privileged: false,
      shmSizeBytes: 0,
      ownNetwork: true,
      cpus: 2,
    });
    assert.deepEqual(spec.linux.maskedPaths, DOCKER);
    assert.deepEqual(
      spec.linux.readonlyPaths,
      ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'].map((name) => `/proc/${name}`),
    );
  });

  test('what is masked is empty, and can not be written', async (t) => {
    const script = `for p in ${DOCKER.join(' ')}; do
      if [ -d $p ]; then ls -A $p; touch $p/x; elif [ -e $p ]; then cat $p; fi; done 2>&1 | grep -v Read-only
      echo 1 > /proc/irq/default_smp_affinity`;
    const { stdout, stderr, failure } = await runPlan(await makeBench(t, dockerSpec(script)));
    assert.equal(failure, undefined);
    assert.equal(stdout, '');
    assert.match(stderr, /default_smp_affinity: Read-only file system/);
  });
});
