import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, CreateRequest, HostOptions } from '../../../daemon/core/contract.ts';
import { pointMount } from '../../../daemon/core/spec/mounts.ts';
import {
  checkLocalName,
  checkLocalOptions,
  hostToResolve,
  mountOf,
  withAddress,
} from '../../../daemon/core/volumes/local-options.ts';
import { settleMounts, type SettledMounts } from '../../../daemon/core/volumes/mount-points.ts';
import { createSizes } from '../../../daemon/core/volumes/sizes.ts';
import { buildCopyPlan } from '../../../runtime/copy.ts';
import { makeCtx } from '../../../common/ctx.ts';
import { silentLog } from '../../../common/log.ts';
import { exampleContainer, exampleRequest } from '../../lib/examples.ts';

test("names of local volumes, in docker's words", () => {
  for (const name of ['ab', 'a.b-c_d', '0x', 'a'.repeat(255)]) checkLocalName(name);
  assert.throws(() => checkLocalName('a'), {
    message: 'volume name is too short, names should be at least two alphanumeric characters',
  });
  for (const name of ['.a', '-a', 'a/b', 'a b', '../x', 'a\n', 'ä1']) {
    assert.throws(() => checkLocalName(name), {
      code: 'invalid-argument',
      message:
        `"${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. ` +
        'If you intended to pass a host directory, use absolute path',
    });
  }
});

test('options of the local driver', () => {
  checkLocalOptions({ type: 'nfs', device: ':/x', o: 'addr=h' });
  for (const size of ['0', '1g']) checkLocalOptions({ size });
  const wrong: [Record<string, string>, string][] = [
    [{ color: 'red' }, 'invalid option: "color"'],
    [{ device: '/x' }, 'missing required option: "type"'],
    [{ type: 'none' }, 'missing required option: "device"'],
    [{ o: 'bind' }, 'missing required option: "device"'],
    [
      { size: '1g', type: 'tmpfs', device: 'tmpfs' },
      'quota size requested but no quota support: it is what "tmpfs" has',
    ],
    [{ size: 'much' }, "invalid size: 'much'"],
  ];
  for (const [options, message] of wrong) assert.throws(() => checkLocalOptions(options), { message });
});

test('words of mount(8) become flags, the rest is data', () => {
  assert.equal(mountOf({}), undefined);
  assert.deepEqual(mountOf({ type: 'none', device: '/x', o: 'bind,ro,rw' }), {
    type: 'none',
    device: '/x',
    flags: 4096,
    data: '',
  });
  assert.deepEqual(mountOf({ type: 'tmpfs', device: 'tmpfs', o: 'size=1m,nosuid,nodev,uid=5' }), {
    type: 'tmpfs',
    device: 'tmpfs',
    flags: 6,
    data: 'size=1m,uid=5',
  });
  assert.equal(mountOf({ type: 'none', device: '/x', o: 'rbind' })?.flags, 4096 | 16384);
});

test('the host of an NFS volume is looked up, an address is not', () => {
  assert.equal(hostToResolve({ type: 'nfs', device: ':/x', o: 'rw,addr=files,nolock' }), 'files');
  for (const o of ['addr=10.0.0.1', 'addr=fd00::1', 'rw'])
    assert.equal(hostToResolve({ type: 'nfs4', o }), undefined);
  assert.equal(hostToResolve({ type: 'ext4', o: 'addr=x' }), undefined);
  assert.equal(withAddress({ o: 'rw,addr=files,nolock' }, '10.0.0.1')['o'], 'rw,addr=10.0.0.1,nolock');
});

const use = { readOnly: false, mode: '', noCopy: false, subpath: '', driver: '', options: {}, labels: {} };
const bind = { source: '/host', readOnly: false, propagation: 'rprivate', mode: '', createSource: true };

function settle(
  host: Partial<HostOptions>,
  { config = {}, from = exampleContainer() }: { config?: Partial<CreateRequest>; from?: Container } = {},
): SettledMounts {
  const request = { ...exampleRequest(), ...config, host: { ...exampleRequest().host, ...host } };
  return settleMounts(request, {
    container: () => from,
    driverOf: (name) => (name === 'remote' ? 'plug' : undefined),
    localPath: (name) => `/v/${name}`,
    imageId: (name) => `sha256:${name}`,
  });
}

test("docker's order decides about a destination", () => {
  const from = {
    ...exampleContainer(),
    mounts: settle({
      volumes: [
        { ...use, name: 'a', destination: '/d' },
        { ...use, name: 'b', destination: '/e' },
      ],
    }).mounts,
  };
  const { mounts, volumes } = settle(
    { volumesFrom: ['other:ro'], binds: [{ ...bind, destination: '/d' }] },
    { from, config: { volumes: { '/e/': {}, '/f': {} } } },
  );
  assert.deepEqual(
    mounts.map(({ type, destination, rw, anonymous }) => [type, destination, rw, anonymous]),
    [
      ['bind', '/d', true, false],
      ['volume', '/e', false, false],
      ['volume', '/f', true, true],
    ],
  );
  assert.deepEqual(
    volumes.map(({ anonymous }) => anonymous),
    [true],
  );
  assert.match(mounts[2]?.name ?? '', /^[0-9a-f]{64}$/);
});

test('a mount point is given once', () => {
  const twice = [
    { ...use, name: 'a', destination: '/d' },
    { ...use, name: 'b', destination: '/d' },
  ];
  assert.throws(() => settle({ volumes: twice }), { message: 'Duplicate mount point: /d' });
  assert.throws(() => settle({ volumes: twice.slice(1), tmpfs: { '/d/': '' } }), {
    message: 'Duplicate mount point: /d',
  });
  assert.deepEqual(settle({ tmpfs: { '/d': '' } }, { config: { volumes: { '/d': {} } } }).mounts, []);
});

test('what inspect shows of a volume', () => {
  const [local, remote] = settle({
    volumes: [
      { ...use, name: 'a', destination: '/a' },
      { ...use, name: 'remote', destination: '/r' },
    ],
  }).mounts;
  assert.deepEqual([local?.mode, local?.driver, local?.source], ['z', 'local', '/v/a']);
  assert.deepEqual([remote?.mode, remote?.driver, remote?.source], ['', 'plug', '']);
});

for (const spec of ['', ':ro', 'x:rx']) {
  test(`--volumes-from "${spec}" is refused`, () => {
    assert.throws(() => settle({ volumesFrom: [spec] }), { code: 'invalid-argument' });
  });
}

test('mounts in the words of the runtime', () => {
  const options = (change: object): readonly string[] | undefined => {
    const [point] = settle({ binds: [{ ...bind, destination: '/d', ...change }] }).mounts;
    return point === undefined ? undefined : pointMount(point, { uid: 5, gid: 5 }).options;
  };
  assert.deepEqual(options({}), ['rbind', 'rprivate']);
  assert.deepEqual(options({ readOnly: true }), ['rbind', 'rro', 'rprivate']);
  assert.deepEqual(options({ readOnly: true, readOnlyTree: 'top' }), ['rbind', 'ro', 'rprivate']);
  assert.deepEqual(options({ readOnly: true, nonRecursive: true }), ['bind', 'ro', 'rprivate']);
});

test('two ids take each other’s place, every other keeps its own', () => {
  const [point] = settle({ binds: [{ ...bind, destination: '/d', idmap: true }] }).mounts;
  assert.ok(point !== undefined);
  const { uidMappings = [], gidMappings } = pointMount(
    { ...point, owner: { uid: 1000, gid: 7 } },
    { uid: 5, gid: 7 },
  );
  const mapped = (id: number): number | undefined => {
    const range = uidMappings.find(({ containerID, size }) => id >= containerID && id < containerID + size);
    return range === undefined ? undefined : range.hostID + id - range.containerID;
  };
  assert.deepEqual([0, 4, 5, 6, 999, 1000, 1001].map(mapped), [0, 4, 1000, 6, 999, 5, 1001]);
  assert.deepEqual(gidMappings, [{ containerID: 0, hostID: 0, size: 2 ** 32 - 1 }]);
});

test('one walk serves all who ask for a size meanwhile', async () => {
  const walked: string[] = [];
  const sizes = createSizes(async (_ctx, name) => walked.push(name));
  const ctx = makeCtx(silentLog);
  const found = await Promise.all(['v', 'v', 'w'].map((name) => sizes.of(ctx, name)));
  assert.deepEqual(found, [1, 1, 2]);
  assert.deepEqual(walked, ['v', 'w']);
});

test('the plan of a copy: a mount namespace first, and the target only if it is empty', () => {
  const { steps } = buildCopyPlan({
    id: 'x',
    directory: '/shim',
    from: { layers: ['/upper', '/lower'], path: '/data' },
    to: { source: '/volume', mount: { type: 'none', device: '/x', flags: 4096, data: '' } },
    stagingDir: '/staging',
  });
  const labels = steps.map(({ label }) => label);
  const order = [
    'make a mount namespace',
    'error while mounting volume',
    'look whether the volume is empty',
    'copy to "/volume"',
  ];
  const places = order.map((start) => labels.findIndex((label) => label.startsWith(start)));
  assert.ok(!places.includes(-1), labels.join('\n'));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
});
