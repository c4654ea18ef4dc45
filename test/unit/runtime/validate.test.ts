import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { validateConfig, validateProcess, validateResources } from '../../../runtime/validate/config.ts';
import { config, linux, namespaces, processWith, REFUSED } from './validate-cases.ts';

let bundle = '';
before(async () => {
  bundle = await mkdtemp('/tmp/wv-');
  await mkdir(join(bundle, 'rootfs'));
  await writeFile(join(bundle, 'file'), '');
});
after(() => rm(bundle, { recursive: true, force: true }));

const validate = (value: unknown, rootless = false): ReturnType<typeof validateConfig> =>
  validateConfig(value, { bundle, rootless });

describe('a configuration is read', () => {
  test('absent lists are filled, and nothing else', () => {
    const { spec, warnings } = validate({
      ociVersion: '1.0.0',
      process: { args: ['sh'], cwd: '/' },
      root: { path: 'rootfs' },
    });
    assert.deepEqual(spec, {
      ociVersion: '1.0.0',
      process: { user: { uid: 0, gid: 0 }, args: ['sh'], cwd: '/' },
      root: { path: 'rootfs' },
      mounts: [],
      linux: { namespaces: [] },
    });
    assert.deepEqual(warnings, []);
  });

  test('null is absent, and what is unknown is left out', () => {
    const { spec } = validate(
      config({ mounts: null, hooks: null, windows: {}, extra: 1, annotations: { a: 'b', __proto__: null } }),
    );
    assert.deepEqual(Object.keys(spec).toSorted(), [
      'annotations',
      'linux',
      'mounts',
      'ociVersion',
      'process',
      'root',
    ]);
    assert.deepEqual(spec.mounts, []);
  });

  test('a property named __proto__ stays a property', () => {
    const { spec } = validate(
      JSON.parse(JSON.stringify(config()).replace('{', '{"annotations":{"__proto__":"x"},')),
    );
    assert.deepEqual(Object.entries(spec.annotations ?? {}), [['__proto__', 'x']]);
  });

  test('the largest numbers are read as what JSON makes of them', () => {
    const rlimits = [{ type: 'RLIMIT_CORE', soft: 2 ** 64, hard: 2 ** 64 }];
    assert.deepEqual(validate(processWith({ rlimits })).spec.process.rlimits, rlimits);
  });

  test('a number that JSON would round stays what it is where every digit counts', () => {
    const value = 2n ** 64n - 1n;
    const rule = { names: ['a'], action: 'SCMP_ACT_LOG', args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }] };
    const { spec } = validate(
      linux({
        seccomp: { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] },
        resources: { cpu: { shares: value } },
      }),
    );
    assert.deepEqual(spec.linux.seccomp?.syscalls?.[0]?.args?.[0]?.value, value);
    assert.equal(spec.linux.resources?.cpu?.shares, 2 ** 64);
  });

  for (const version of ['1.0.0', '1.0.2-dev', '1.3.0', '1.99.0', '1.0.0-rc5+x'])
    test(`version ${version}`, () =>
      assert.equal(validate(config({ ociVersion: version })).spec.ociVersion, version));

  test('a seccomp profile that says nothing is none', () => {
    assert.equal(
      validate(linux({ seccomp: { defaultAction: '', syscalls: [] } })).spec.linux.seccomp,
      undefined,
    );
  });
});

describe('warnings are for the log', () => {
  for (const [name, value, warning] of [
    [
      'relative destination',
      config({ mounts: [{ destination: 'tmp', type: 'tmpfs' }] }),
      /tmp is not absolute/,
    ],
    ['kernel memory', linux({ resources: { memory: { kernel: 1 } } }), /Kernel memory settings are ignored/],
    ['personality flags', linux({ personality: { domain: 'LINUX', flags: ['X'] } }), /personality flags: X/],
  ] as const)
    test(name, () => {
      const { warnings } = validate(value);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? '', warning);
    });
});

describe('a configuration is refused', () => {
  for (const [name, value, start] of REFUSED)
    test(name, () => {
      assert.throws(
        () => validate(value),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'invalid-argument');
          assert.equal(error.message.slice(0, start.length), start);
          return true;
        },
      );
    });

  test('every problem is told at once, those that runc has first', () => {
    assert.throws(
      () =>
        validate(
          config({
            ociVersion: 1,
            hostname: 'a',
            process: { args: ['a'], cwd: '/', user: { uid: -1 } },
            mounts: [{ destination: '/a', options: 'ro' }],
          }),
        ),
      {
        message:
          'unable to set hostname without a private UTS namespace (hostname); ' +
          'ociVersion: 1 is not a string; ' +
          'process.user.uid: -1 is not an integer from 0 to 4294967294; ' +
          'mounts[0].options: "ro" is not an array',
      },
    );
  });

  test('a thousand problems make no message of a thousand', () => {
    assert.throws(
      () => validate(processWith({ args: Array(1000).fill(1) })),
      /process\.args\[19\].*; and 980 more$/,
    );
  });
});

describe('what the kernel lacks is refused', () => {
  const noAppArmor = !existsSync('/sys/kernel/security/apparmor');
  test('a profile without AppArmor', { skip: !noAppArmor }, () => {
    assert.throws(() => validate(processWith({ apparmorProfile: 'x' })), {
      message: /^apparmor: config provided but apparmor not supported/,
    });
  });
  test('a label without SELinux', { skip: existsSync('/sys/fs/selinux/enforce') }, () => {
    assert.throws(() => validate(processWith({ selinuxLabel: 'x' })), {
      message: /^selinux label is specified in config, but selinux is disabled or not supported/,
    });
  });
  test('a share of the cache without RDT', { skip: existsSync('/sys/fs/resctrl/info') }, () => {
    assert.throws(() => validate(linux({ intelRdt: { closID: 'a' } })), {
      message: /^intelRdt is specified in config, but Intel RDT is not enabled/,
    });
  });
});

describe('a caller who is not root', () => {
  const mapped = {
    namespaces: namespaces('mount', 'user'),
    uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
  };
  test('has a user namespace', () => {
    assert.throws(() => validate(config(), true), {
      message: /^rootless container requires user namespaces/,
    });
    validate(config({ linux: mapped }), true);
  });
  test('has one with mappings', () => {
    assert.throws(() => validate(config({ linux: { ...mapped, gidMappings: [] } }), true), {
      message: /rootless containers requires at least one GID mapping/,
    });
  });
  test('mounts for owners that are mapped', () => {
    const mounts = [{ destination: '/dev/pts', type: 'devpts', options: ['gid=5'] }];
    assert.throws(() => validate(config({ linux: mapped, mounts }), true), {
      message: /cannot specify gid=5 mount option for rootless container/,
    });
    validate(config({ linux: mapped, mounts: [{ ...mounts[0], options: ['gid=0'] }] }), true);
  });
});

describe('documents of their own', () => {
  test('a process', () => {
    assert.equal(validateProcess({ args: ['a'], cwd: '/' }).process.user.uid, 0);
    assert.throws(() => validateProcess({ args: ['a'] }), {
      message: /^Cwd property must not be empty \(process.cwd\)/,
    });
    assert.throws(() => validateProcess(null), { message: 'process property must not be empty' });
  });
  test('resources', () => {
    assert.deepEqual(validateResources({ memory: { limit: 5, swap: null }, cpu: {} }).resources, {
      memory: { limit: 5 },
      cpu: {},
    });
    assert.throws(() => validateResources({ pids: { limit: '5' } }), {
      message: 'resources.pids.limit: "5" is not an integer from -9223372036854776000 to 9223372036854776000',
    });
    assert.throws(() => validateResources([]), { message: 'resources: an array is not an object' });
  });
});
