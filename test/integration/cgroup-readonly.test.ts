import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readCgroupLayout } from '../../runtime/cgroup/layout.ts';
import { remove } from '../../runtime/cgroup/live/processes.ts';
import { defaultSpec } from '../../runtime/default-spec.ts';
import type { Spec } from '../../runtime/spec.ts';
import { CGROUP_ATTACK } from '../lib/cgroups.ts';
import { findProgram, requires } from '../lib/requires.ts';

const RUNTIME = fileURLToPath(new URL('../../bin/wherry-runtime', import.meta.url));
const IDS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

/** A container of busybox whose root is uid 100000 of the host. */
async function runMapped(t: TestContext, change: (spec: Spec) => void): Promise<string[]> {
  const directory = await mkdtemp('/tmp/wcg-');
  const id = `wherry-test-${process.pid}-${Math.floor(performance.now())}`;
  const cgroupsPath = `/${id}`;
  t.after(async () => {
    spawnSync(RUNTIME, ['--root', join(directory, 'state'), 'delete', '--force', id]);
    await remove({ layout: await readCgroupLayout(), path: cgroupsPath });
    await rm(directory, { recursive: true, force: true });
  });
  await chmod(directory, 0o755);
  const bin = join(directory, 'rootfs/bin');
  await mkdir(bin, { recursive: true });
  for (const name of ['proc', 'sys', 'dev']) await mkdir(join(directory, 'rootfs', name));
  await cp(findProgram('busybox') ?? '', join(bin, 'busybox'));
  for (const name of ['sh', 'mkdir', 'rmdir', 'mount', 'echo']) await symlink('busybox', join(bin, name));
  const spec = defaultSpec({
    capabilities: ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE'],
    privileged: false,
    ownNetwork: true,
    cpus: 2,
    shmSizeBytes: 1 << 20,
  });
  spec.process.args = ['sh', '-c', CGROUP_ATTACK];
  spec.process.env = ['PATH=/bin'];
  spec.root = { path: 'rootfs' };
  spec.linux = { ...spec.linux, cgroupsPath, uidMappings: IDS, gidMappings: IDS };
  spec.linux.namespaces.push({ type: 'user' });
  change(spec);
  await writeFile(join(directory, 'config.json'), JSON.stringify(spec));
  const ran = spawnSync(RUNTIME, ['--root', join(directory, 'state'), 'run', '--bundle', directory, id], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  assert.equal(ran.stderr, '');
  return ran.stdout.trim().split('\n');
}

/** Threat row 9, CVE-2023-25809: root of a user namespace has no power over the mounts that were made for it. */
describe("a user namespace's root can't write its cgroups", requires('root', 'busybox'), () => {
  for (const [name, change] of [
    ['with a cgroup namespace of its own', () => {}],
    [
      "in the host's cgroup namespace",
      (spec: Spec) => {
        spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== 'cgroup');
      },
    ],
  ] as const)
    test(name, async (t) => {
      const answers = await runMapped(t, change);
      assert.ok(answers.length >= 5);
      assert.deepEqual(new Set(answers), new Set(['refused']));
    });
});
