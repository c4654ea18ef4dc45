import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Spec } from '../../../runtime/spec.ts';
import { CGROUP_ATTACK } from '../../lib/cgroups.ts';
import { requires } from '../../lib/requires.ts';
import { run } from './container.ts';

const attack = async (t: TestContext, change: (spec: Spec) => void = () => {}): Promise<string[]> => {
  const { stdout, failure } = await run(t, CGROUP_ATTACK, change);
  assert.equal(failure, undefined);
  return stdout.trim().split('\n');
};

const without = (spec: Spec, kind: string): void => {
  spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== kind);
};

/** Threat row 9, CVE-2023-25809; with a user namespace it is tested on the command line (test/integration). */
describe("a container's cgroups can't be written from inside", requires('root', 'busybox'), () => {
  for (const [name, change] of [
    ['with a cgroup namespace of its own', () => {}],
    ["in the host's cgroup namespace", (spec: Spec) => without(spec, 'cgroup')],
    [
      'with all capabilities over what is read-only',
      (spec: Spec) => {
        const all = ['CAP_DAC_OVERRIDE', 'CAP_CHOWN', 'CAP_FOWNER'];
        spec.process.capabilities = { bounding: all, effective: all, permitted: all };
      },
    ],
  ] as const)
    test(name, async (t) => {
      const answers = await attack(t, change);
      assert.ok(answers.length >= 5);
      assert.deepEqual(new Set(answers), new Set(['refused']));
    });

  test('and the attempts above work where the mount is writable', async (t) => {
    const answers = await attack(t, (spec) => {
      const mount = spec.mounts.find(({ type }) => type === 'cgroup');
      assert.ok(mount);
      mount.options = (mount.options ?? []).filter((option) => option !== 'ro');
    });
    assert.ok(answers.some((answer) => answer.startsWith('could: mkdir')));
  });
});
