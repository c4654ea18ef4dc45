import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultSpec } from '../../../runtime/default-spec.ts';
import { stringifyExact } from '../../../runtime/exact-json.ts';
import { bundleSpec } from '../../../runtime/foreign/bundle-spec.ts';
import { buildForeignPlan } from '../../../runtime/foreign/launch.ts';
import type { ForeignLaunch } from '../../../runtime/foreign/contract.ts';
import { formatPlan } from '../../../runtime/plan/format.ts';
import type { Mount, Spec } from '../../../runtime/spec.ts';

const bind = (destination: string, options: string[], more: Partial<Mount> = {}): Mount => ({
  ...{ destination, type: 'bind', source: '/host', options },
  ...more,
});

function specWith(mounts: Mount[], change: (spec: Spec) => void = () => {}): Spec {
  const base = { capabilities: [], privileged: false, shmSizeBytes: 1, cpus: 1 };
  const spec = { ...defaultSpec({ ...base, ownNetwork: true }), mounts };
  change(spec);
  return spec;
}

const written = (spec: Spec): Spec =>
  JSON.parse(
    stringifyExact(
      bundleSpec({
        ...{ spec, bundle: '/b', stagingDir: '/staging', seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } },
        borrowed: [{ destination: '/dev/shm', pid: 7 }],
      }),
    ),
  ) as Spec;

test('a bundle names by path what the launch makes', () => {
  const { root, ociVersion, linux } = written(specWith([]));
  assert.deepEqual([root.path, ociVersion], ['/staging', '1.0.2']);
  assert.deepEqual(
    linux.namespaces.find(({ type }) => type === 'network'),
    { type: 'network', path: '/b/netns' },
  );
  assert.equal(linux.seccomp?.defaultAction, 'SCMP_ACT_ALLOW');
});

test('a network namespace that is joined stays what it is', () => {
  const joined = { type: 'network', path: '/proc/9/ns/net' } as const;
  const { linux } = written(specWith([], (spec) => (spec.linux.namespaces = [joined])));
  assert.deepEqual(linux.namespaces, [joined]);
});

test('binds that runtimes differ in are mounted for them', () => {
  const ids = [{ containerID: 0, hostID: 1, size: 1 }];
  const { mounts } = written(
    specWith([
      bind('/plain', ['rbind', 'ro']),
      bind('/part', ['rbind', 'rprivate'], { subpath: 'x' }),
      bind('/tree', ['rbind', 'rro', 'rslave']),
      bind('/ids', ['rbind', 'idmap'], { uidMappings: ids, gidMappings: ids }),
      bind('/dev/shm', ['bind']),
    ]),
  );
  assert.deepEqual(mounts, [
    bind('/plain', ['rbind', 'ro']),
    bind('/part', ['rbind', 'rprivate'], { source: '/b/mount-1' }),
    bind('/tree', ['rbind', 'ro', 'rslave'], { source: '/b/mount-2' }),
    bind('/ids', ['rbind'], { source: '/b/mount-3' }),
    bind('/dev/shm', ['bind'], { source: '/b/mount-4' }),
  ]);
});

test('no limit is the largest number', () => {
  const rlimits = [{ type: 'RLIMIT_CORE', soft: -1, hard: -1 }];
  const text = stringifyExact(
    bundleSpec({
      spec: specWith([], (spec) => (spec.process.rlimits = rlimits)),
      ...{ bundle: '/b', stagingDir: '/s', seccomp: undefined },
    }),
  );
  assert.match(text, /"soft":18446744073709551615,"hard":18446744073709551615/);
});

test('the plan creates, adopts, takes a terminal, and only then starts', () => {
  const request: ForeignLaunch = {
    ...{ id: 'x', spec: specWith([]), bundle: '/b', stagingDir: '/staging', network: undefined, env: [] },
    runtime: { path: '/runtime', args: ['--own'] },
    rootfs: { kind: 'directory', path: '/root' },
    monitor: {
      ...{ id: 'x', directory: '/d', tty: true, consoleSize: undefined, stdin: 'none', log: undefined },
      ...{ drainMs: 0, oomFile: undefined },
    },
  };
  const lines = formatPlan(buildForeignPlan(request)).split('\n');
  const at = (text: string): number => lines.findIndex((line) => line.includes(text));
  const order = [
    "listen for the runtime's terminal",
    'make a network namespace',
    'make a mount namespace',
    "go back to the host's network namespace",
    'mount the root',
    'fork/exec /runtime',
    'have the runtime create',
    "become the parent of the runtime's process",
    'hand the terminal over',
    'have the runtime start',
  ].map(at);
  assert.ok(!order.includes(-1), String(order));
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
});
