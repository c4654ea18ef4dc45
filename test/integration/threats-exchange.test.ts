import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildCopyPlan } from '../../runtime/copy.ts';
import { buildLaunchPlan } from '../../runtime/launch.ts';
import type { Mount } from '../../runtime/spec.ts';
import { buildExchanger, makeCanary, SECRET, setTrap, trapIn, type Trap } from '../lib/exchange-at.ts';
import { fingerprint } from '../lib/fingerprint.ts';
import { exec } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { dockerSpec, makeBench, runPlan, type Bench } from '../unit/runtime/container.ts';
import { bind, mount } from '../unit/runtime/rootfs-bench.ts';

/**
 * Rows 3, 8, 16 and 17 of threats.md without luck: a directory of a volume and a link to the host change places just before each system
 * call in turn of what resolves, makes, mounts, reads or writes there.
 */
const host = requires('root', 'busybox', 'overlay', 'compiler');

const STORY = fileURLToPath(new URL('../lib/exchange-story.ts', import.meta.url));

/** Inside what is exchanged, each of another way through the plan. The container has the volume where the host has it. */
const MOUNTS: readonly (readonly [what: string, made: (trap: Trap) => Mount])[] = [
  ['a file system', ({ bait }) => mount('tmpfs', bait, 'mode=755')],
  ['a file system with the mode of what it hides', ({ bait }) => mount('tmpfs', `${bait}/in`)],
  ['one that takes over what is there', ({ bait }) => mount('tmpfs', `${bait}/up`, 'tmpcopyup')],
  ['one where nothing is yet', ({ bait }) => mount('tmpfs', `${bait}/made/deep`, 'mode=755')],
  ['a directory', ({ bait, volume }) => bind(volume, `${bait}/deep`)],
  ['a file where nothing is yet', ({ bait }) => bind('/etc/hostname', `${bait}/new`)],
  ['a part of the volume', ({ volume }) => ({ ...bind(volume, '/part'), subpath: 'bait/in' })],
];
/** The root, /proc, the volume, and the one in question. */
const ALL_MOUNTS = 4;
/** How many mounts it has, and all that it could have of the host. */
const SCRIPT = 'wc -l < /proc/self/mountinfo; cat /part/* */* */*/* */*/*/* 2>/dev/null; true';
/** A runaway would have more. */
const MAX_CALLS = 2000;

/** Runs it with the names exchanged at each call, until none is left: the last time they are not. Returns all results. */
async function everywhere<T>(
  directory: string,
  run: (before: readonly string[]) => Promise<T>,
): Promise<readonly T[]> {
  const trap = trapIn(directory);
  makeCanary(trap);
  const exchanger = buildExchanger(directory);
  const canary = fingerprint(trap.canary);
  const results: T[] = [];
  for (let call = 1; call < MAX_CALLS; call += 1) {
    const wasExchanged = setTrap(trap, 'absolute');
    const result = await run(exchanger(trap, call));
    assert.doesNotMatch(JSON.stringify(result), new RegExp(SECRET), `exchanged at call ${call}`);
    assert.equal(fingerprint(trap.canary), canary, `exchanged at call ${call}`);
    results.push(result);
    if (!wasExchanged()) return results;
  }
  return assert.fail('there are always more');
}

/** As little as there can be beside the volume: every call is one start. */
async function makeLeanBench(t: TestContext): Promise<Bench> {
  const bench = await makeBench(t, dockerSpec(SCRIPT));
  const { spec } = bench.request;
  spec.mounts = spec.mounts.filter(({ destination }) => destination === '/proc');
  Object.assign(spec.linux, { maskedPaths: [], readonlyPaths: [], devices: [], resources: {} });
  return { ...bench, request: { ...bench.request, cgroups: { hierarchies: [], unified: undefined } } };
}

describe('3, 8: a mount target that becomes a link in the middle of a start', host, () => {
  for (const [what, made] of MOUNTS) {
    test(what, async (t) => {
      const bench = await makeLeanBench(t);
      const trap = trapIn(bench.directory);
      bench.request.spec.mounts.push(bind(trap.volume, trap.volume), made(trap));
      bench.request.spec.process.cwd = trap.volume;
      const ran = await everywhere(bench.directory, (before) => {
        for (const name of ['u', 'w']) {
          const path = join(bench.directory, name);
          rmSync(path, { recursive: true });
          mkdirSync(path);
        }
        return runPlan(bench, buildLaunchPlan(bench.request), before);
      });
      const started = ran.filter(({ failure }) => failure === undefined);
      const mounts = new Set(started.map(({ stdout }) => stdout.split('\n')[0]));
      assert.deepEqual(mounts, new Set([String(ALL_MOUNTS)]), 'what was mounted is in the root');
      assert.equal(ran.at(-1)?.failure, undefined);
      t.diagnostic(`${started.length} of ${ran.length} started`);
    });
  }
});

describe('3, 16: a volume that is copied while a directory in it becomes a link', host, () => {
  test('as a whole', async (t) => {
    const bench = await makeBench(t, dockerSpec('true'));
    const { volume } = trapIn(bench.directory);
    const [to, stagingDir] = ['copy', 's'].map((name) => join(bench.directory, name)) as [string, string];
    const request = { id: 'copy', directory: bench.directory, stagingDir };
    const plan = buildCopyPlan({ ...request, from: { directory: volume }, to: { source: to } });
    const ran = await everywhere(bench.directory, async (before) => {
      rmSync(to, { recursive: true, force: true });
      mkdirSync(to);
      const { failure } = await runPlan(bench, plan, before);
      const { stdout } = await exec(['grep', '-rh', '', to]);
      return { failure, stdout };
    });
    assert.deepEqual(ran.at(-1), { failure: undefined, stdout: 'inside\n'.repeat(4) });
    t.diagnostic(`${ran.length} copies`);
  });
});

describe('3, 8, 16, 17: an archive that goes in or out while its directory becomes a link', host, () => {
  test('in no copy that is there', async (t) => {
    const directory = await mkdtemp('/tmp/wx-');
    t.after(() => rm(directory, { recursive: true, force: true }));
    const trap = trapIn(directory);
    makeCanary(trap);
    const story = [execPath, '--disable-warning=ExperimentalWarning', STORY];
    const { code, stdout, stderr } = await exec([...buildExchanger(directory)(trap, 0), ...story, directory]);
    assert.equal(code, 0, stderr);
    for (const line of stdout.trim().split('\n')) t.diagnostic(line);
  });
});
