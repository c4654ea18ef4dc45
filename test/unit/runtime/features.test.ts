import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { featuresDocument, kernelFacts } from '../../../runtime/features/document.ts';
import { MOUNT_OPTIONS } from '../../../runtime/rootfs/options.ts';
import { templateSpec, templateText } from '../../../runtime/template-spec.ts';
import { validateConfig } from '../../../runtime/validate/config.ts';

interface Features {
  readonly mountOptions: readonly string[];
  readonly hooks: readonly string[];
  readonly linux: {
    readonly namespaces: readonly string[];
    readonly capabilities: readonly string[];
    readonly seccomp: Readonly<
      Record<'actions' | 'operators' | 'archs' | 'knownFlags' | 'supportedFlags', readonly string[]>
    >;
    readonly memoryPolicy: { readonly modes: readonly string[]; readonly flags: readonly string[] };
  };
}

const documentOf = (facts = kernelFacts()): Features =>
  JSON.parse(JSON.stringify(featuresDocument(facts))) as Features;

const around = { isUnified: false, cpus: 2, uid: 1000, gid: 100 };

describe('the document of features', () => {
  test('has the shape that tools read', () => {
    const { mountOptions, linux, ...rest } = documentOf();
    assert.deepEqual(rest, {
      ociVersionMin: '1.0.0',
      ociVersionMax: '1.3.0',
      hooks: ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'],
      annotations: { 'org.opencontainers.runc.checkpoint.enabled': 'false' },
      potentiallyUnsafeConfigAnnotations: ['org.systemd.property.'],
    });
    assert.deepEqual(mountOptions, MOUNT_OPTIONS);
    // containerd and moby ask for recursive read-only mounts.
    assert.ok(mountOptions.includes('rro'));
    assert.deepEqual(linux.namespaces, ['cgroup', 'ipc', 'mount', 'network', 'pid', 'time', 'user', 'uts']);
  });

  test('capabilities are those of the kernel', () => {
    assert.equal(
      documentOf({ lastCapability: 37, release: '5.4.0' }).linux.capabilities.at(-1),
      'CAP_AUDIT_READ',
    );
    assert.ok(documentOf().linux.capabilities.length <= kernelFacts().lastCapability + 1);
  });

  test('a flag that the kernel lacks is known and not supported', () => {
    const late = 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV';
    for (const [release, isSupported] of [
      ['5.18.9', false],
      ['5.19.0-rc1', true],
      ['6.1.0', true],
    ] as const) {
      const { knownFlags, supportedFlags } = documentOf({ lastCapability: 40, release }).linux.seccomp;
      assert.ok(knownFlags.includes(late));
      assert.equal(supportedFlags.includes(late), isSupported);
    }
  });

  test('what it lists, a configuration may have', () => {
    const { linux, hooks } = documentOf();
    const { seccomp, memoryPolicy } = linux;
    const user = linux.namespaces.includes('user') ? [{ containerID: 0, hostID: 0, size: 1 }] : [];
    const rules = seccomp.actions
      .filter((action) => action !== 'SCMP_ACT_NOTIFY')
      .map((action) => ({
        names: ['a'],
        action,
        args: seccomp.operators.map((op) => ({ index: 0, value: 1, op })),
      }));
    for (const mode of memoryPolicy.modes)
      validateConfig(
        {
          ociVersion: '1.3.0',
          process: { args: ['a'], cwd: '/', capabilities: { bounding: linux.capabilities } },
          root: { path: '/' },
          hooks: Object.fromEntries(hooks.map((point) => [point, [{ path: '/bin/true' }]])),
          linux: {
            namespaces: linux.namespaces.map((type) => ({ type })),
            uidMappings: user,
            gidMappings: user,
            memoryPolicy: { mode, flags: memoryPolicy.flags },
            seccomp: {
              defaultAction: 'SCMP_ACT_ALLOW',
              architectures: seccomp.archs,
              flags: seccomp.knownFlags,
              syscalls: rules,
            },
          },
        },
        { bundle: '/', rootless: false },
      );
  });
});

describe('the template of a configuration', () => {
  for (const rootless of [false, true])
    test(`is sound, ${rootless ? 'also for a caller who is not root' : 'for root'}`, async (t) => {
      const bundle = await mkdtemp('/tmp/wf-');
      t.after(() => rm(bundle, { recursive: true, force: true }));
      await mkdir(join(bundle, 'rootfs'));
      const text = templateText({ ...around, rootless });
      assert.match(text, /^\{\n\t"ociVersion": /);
      const { spec, warnings } = validateConfig(JSON.parse(text), { bundle, rootless });
      assert.deepEqual(spec, JSON.parse(text));
      assert.deepEqual(warnings, []);
    });

  test('hides what tells of the host (threat row 29)', () => {
    const masked = templateSpec({ ...around, rootless: false }).linux.maskedPaths ?? [];
    for (const path of [
      '/proc/interrupts',
      '/proc/kcore',
      '/proc/keys',
      '/sys/devices/virtual/powercap',
      '/sys/devices/system/cpu/cpu1/thermal_throttle',
      '/sys/firmware',
    ])
      assert.ok(masked.includes(path), path);
  });

  test('gives a caller who is not root a user namespace and neither network nor limits', () => {
    const { linux, mounts } = templateSpec({ ...around, rootless: true });
    assert.deepEqual(
      linux.namespaces.map(({ type }) => type),
      ['pid', 'ipc', 'uts', 'mount', 'user'],
    );
    assert.deepEqual(linux.uidMappings, [{ containerID: 0, hostID: 1000, size: 1 }]);
    assert.deepEqual(linux.gidMappings, [{ containerID: 0, hostID: 100, size: 1 }]);
    assert.equal(linux.resources, undefined);
    assert.deepEqual(mounts.find(({ destination }) => destination === '/sys')?.options?.[0], 'rbind');
    assert.ok(mounts.every(({ options = [] }) => !options.includes('gid=5')));
  });

  test('has a cgroup namespace where all cgroups are of version 2', () => {
    const { linux } = templateSpec({ ...around, rootless: false, isUnified: true });
    assert.ok(linux.namespaces.some(({ type }) => type === 'cgroup'));
  });
});
