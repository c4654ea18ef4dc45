import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { Rootfs } from '../../../runtime/contract.ts';
import { buildLaunchPlan } from '../../../runtime/launch.ts';
import type { Plan, SyscallStep } from '../../../runtime/plan/types.ts';
import { requires } from '../../lib/requires.ts';
import { dockerSpec, makeBench, pureRequest, runPlan } from './container.ts';

type Overlay = Extract<Rootfs, { kind: 'overlay' }>;

const planOf = (rootfs: Partial<Overlay>): Plan => {
  const request = pureRequest(dockerSpec('true'));
  const base = { kind: 'overlay', lower: ['/v/s/l/2'], upper: '/v/s/w/3/u', work: '/v/s/w/3/w' } as const;
  return buildLaunchPlan({ ...request, rootfs: { ...base, volatile: false, ...rootfs } });
};

const callsOf = (plan: Plan, name: string): SyscallStep[] =>
  plan.steps.filter((step): step is SyscallStep => step.op === 'syscall' && step.name === name);

/** The text that an argument points to. */
function textOf(plan: Plan, step: SyscallStep | undefined, index: number): string {
  const arg = step?.args[index];
  if (arg?.kind !== 'blob') throw new Error(`argument ${index} is no text`);
  const { blob } = plan;
  return Buffer.from(blob.subarray(arg.offset, blob.indexOf(0, arg.offset))).toString();
}

/** Has the plan take the way of an older kernel: there the first `fsconfig` is refused. */
function refused(plan: Plan): Plan {
  const steps = plan.steps.map((step) =>
    step.op === 'syscall' && step.label.includes('lowerdir+')
      ? { ...step, args: [{ kind: 'immediate', value: -1n }, ...step.args.slice(1)] as const }
      : step,
  );
  const ignoring = steps.map((step) =>
    step.op === 'syscall' && step.ignore.includes('EINVAL') ? { ...step, ignore: ['EINVAL', 'EBADF'] } : step,
  );
  return { ...plan, steps: ignoring };
}

describe('the overlay for kernels without lowerdir+', () => {
  const mountOf = (rootfs: Partial<Overlay>): { base: string; options: string } => {
    const plan = planOf(rootfs);
    const [mount] = callsOf(plan, 'mount');
    const enter = callsOf(plan, 'chdir')[0];
    return { base: textOf(plan, enter, 0), options: textOf(plan, mount, 4) };
  };

  test('is mounted with paths that are relative to what they share', () => {
    assert.deepEqual(mountOf({ lower: ['/v/s/l/2', '/v/s/l/1'], volatile: true }), {
      base: '/v/s',
      options: 'lowerdir=l/2:l/1,upperdir=w/3/u,workdir=w/3/w,redirect_dir=off,metacopy=off,volatile',
    });
  });

  test('keeps characters that part options and layers', () => {
    const { options } = mountOf({ lower: ['/v/s/a:b', String.raw`/v/s/c,d\e`] });
    assert.equal(options.split(',upperdir')[0], String.raw`lowerdir=a\:b:c\,d\\e`);
  });

  test('has room for as many layers as docker allows, below any data root', () => {
    const deep = `/${'directory/'.repeat(20)}s`;
    const lower = Array.from({ length: 128 }, (_, n) => `${deep}/l/${10_000 + n}`);
    const { base, options } = mountOf({ lower, upper: `${deep}/w/1/u`, work: `${deep}/w/1/w` });
    assert.equal(base, deep);
    assert.ok(options.length < 4096);
  });

  test('is refused by name, never cut, where the layers need more than a page', () => {
    const plan = planOf({ lower: Array.from({ length: 400 }, (_, n) => `/v/s/l/${'n'.repeat(20)}${n}`) });
    assert.deepEqual(callsOf(plan, 'mount'), []);
    assert.ok(plan.steps.some((step) => step.op === 'fail' && /400 layers.*Linux 6\.7/.test(step.label)));
  });

  test('is where every invalid parameter of the new way leads', () => {
    const plan = planOf({ lower: ['/v/s/l/2', '/v/s/l/1'] });
    const configs = callsOf(plan, 'fsconfig').filter(({ label }) => label.startsWith('mount "overlay"'));
    const fallback = plan.steps.findIndex((step) => step.label === 'enter "/v/s"');
    assert.deepEqual(
      configs.map(({ ignore, nextIgnored }) => [ignore, nextIgnored]),
      configs.map(() => [['EINVAL'], fallback]),
    );
    assert.equal(configs.length, 8);
  });
});

/** Layers of a bench: `count` of them, each with a file of its number, on top of the one with the programs. */
async function layered(t: TestContext, { count, name }: { count: number; name: string }): Promise<Overlay> {
  const bench = await makeBench(t, dockerSpec('true'));
  const { rootfs } = bench.request;
  assert.ok(rootfs.kind === 'overlay');
  const root = await mkdtemp(join(bench.directory, 'o'));
  const layers = Array.from({ length: count }, (_, n) => join(root, `${name}${n}`));
  for (const [n, layer] of layers.entries()) {
    await mkdir(layer);
    await writeFile(join(layer, `f${n}`), String(n));
    await writeFile(join(layer, 'top'), String(n));
  }
  return { ...rootfs, lower: [...layers.toReversed(), ...rootfs.lower] };
}

describe('both ways of mounting an overlay make the same root', requires('root', 'overlay'), () => {
  const ways = { 'this kernel chooses': (plan: Plan) => plan, 'without lowerdir+': refused };
  for (const [way, changed] of Object.entries(ways)) {
    for (const name of ['layer', 'a:b,c\\d']) {
      test(`${way}, ${name}`, async (t) => {
        const spec = dockerSpec('cat top f0 f7; echo written > /new; grep -c " / / " /proc/self/mountinfo');
        const bench = await makeBench(t, spec);
        const rootfs = await layered(t, { count: 8, name });
        const own = { ...rootfs, upper: bench.upper, work: join(bench.directory, 'w') };
        const ran = await runPlan(bench, changed(buildLaunchPlan({ ...bench.request, rootfs: own })));
        assert.equal(ran.failure, undefined);
        assert.equal(ran.stdout, '7071\n');
        assert.equal(await readFile(join(bench.upper, 'new'), 'utf8'), 'written\n');
      });
    }
  }

  test('with 120 layers', async (t) => {
    const bench = await makeBench(t, dockerSpec('cat top; echo; ls | grep -c ^f'));
    const rootfs = await layered(t, { count: 120, name: 'l' });
    const own = { ...rootfs, upper: bench.upper, work: join(bench.directory, 'w') };
    for (const changed of Object.values(ways)) {
      const ran = await runPlan(bench, changed(buildLaunchPlan({ ...bench.request, rootfs: own })));
      assert.deepEqual([ran.failure, ran.stdout], [undefined, '119\n120\n']);
    }
  });

  test('a directory that is not there is reported, by either', async (t) => {
    const bench = await makeBench(t, dockerSpec('true'));
    const { rootfs } = bench.request;
    const gone = { ...rootfs, work: join(bench.directory, 'gone') } as Overlay;
    const plan = buildLaunchPlan({ ...bench.request, rootfs: gone });
    for (const changed of Object.values(ways)) {
      const { failure } = await runPlan(bench, changed(plan));
      assert.match(failure ?? '', /Cannot mount "overlay".*ENOENT/);
    }
  });
});
