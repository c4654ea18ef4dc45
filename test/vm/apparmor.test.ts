import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { buildLaunchPlan } from '../../runtime/launch.ts';
import { ended, exec, execOk, start } from '../lib/process.ts';
import { findProgram, requires } from '../lib/requires.ts';
import { at } from '../../scripts/lib/paths.ts';
import { dockerSpec, makeBench, runPlan, type Ran } from '../unit/runtime/container.ts';

const PROFILE = `wherry-test-${process.pid}`;
const TEXT = `
profile ${PROFILE} flags=(attach_disconnected,mediate_deleted) {
  file,
  capability,
  network,
  signal,
  unix,
  deny /etc/secret r,
}
`;

const parser = (...flags: string[]): Promise<string> =>
  execOk([findProgram('apparmor_parser') ?? '', '--skip-cache', ...flags], { input: TEXT });

describe('an AppArmor profile', requires('root', 'busybox', 'overlay', 'apparmor'), () => {
  before(() => parser('--replace'));
  after(() => parser('--remove'));

  const SCRIPT = 'cat /proc/self/attr/current; cat /etc/secret';
  const run = async (t: TestContext, profile: string | undefined): Promise<Ran> => {
    const bench = await makeBench(
      t,
      dockerSpec(SCRIPT, (spec) => {
        if (profile !== undefined) spec.process.apparmorProfile = profile;
      }),
    );
    await writeFile(join(bench.lower, 'etc/secret'), 'told\n');
    return runPlan(bench, buildLaunchPlan(bench.request));
  };

  test('confines the process', async (t) => {
    const { stdout, stderr, failure } = await run(t, PROFILE);
    assert.equal(failure, undefined);
    assert.equal(stdout, `${PROFILE} (enforce)\n`);
    assert.match(stderr, /secret'?: Permission denied/);
  });

  for (const none of [undefined, '', 'unconfined']) {
    test(`is none with ${none === undefined ? 'no name' : `"${none}"`}`, async (t) => {
      assert.equal((await run(t, none)).stdout, 'unconfined\ntold\n');
    });
  }

  test('that is not loaded is an error that names it', async (t) => {
    const { code, stdout, failure } = await run(t, 'nonesuch');
    assert.notEqual(code, 0);
    assert.equal(stdout, '');
    assert.match(failure ?? '', /apparmor profile "nonesuch".*ENOENT/);
  });

  test('confines what is run and executed by the command line', async (t) => {
    const bench = await makeBench(t, dockerSpec('sleep 600'));
    await writeFile(join(bench.lower, 'etc/secret'), 'told\n');
    const bundle = join(bench.directory, 'bundle');
    await mkdir(bundle);
    const { spec } = bench.request;
    const config = {
      ...spec,
      ociVersion: '1.2.0',
      root: { path: bench.lower },
      process: { ...spec.process, apparmorProfile: PROFILE },
    };
    await writeFile(join(bundle, 'config.json'), JSON.stringify(config));
    const runtime = [at('bin/wherry-runtime'), '--root', join(bench.directory, 'state')];
    const id = `apparmor-${process.pid}`;
    // Not with pipes: the container would keep them open.
    const started = start([...runtime, 'run', '--detach', '--bundle', bundle, id], { stdio: 'ignore' });
    assert.equal(await ended(started), 0);
    t.after(() => execOk([...runtime, 'delete', '--force', id]));
    const { stdout, stderr } = await exec([...runtime, 'exec', id, 'sh', '-c', SCRIPT]);
    assert.equal(stdout, `${PROFILE} (enforce)\n`);
    assert.match(stderr, /secret'?: Permission denied/);
  });
});
