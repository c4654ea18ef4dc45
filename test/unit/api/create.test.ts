import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateRequest } from '../../../daemon/core/contract.ts';
import { fakeDoor, type FakeDaemon } from '../../lib/fake-daemon.ts';

/** What the docker client 28.2.2 sends for `docker run --rm busybox echo hello`. */
const FROM_CLIENT = JSON.parse(
  '{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":true,"AttachStderr":true,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":["echo","hello"],"Image":"busybox","Volumes":{},"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":{},"HostConfig":{"Binds":null,"ContainerIDFile":"","LogConfig":{"Type":"","Config":{}},"NetworkMode":"default","PortBindings":{},"RestartPolicy":{"Name":"no","MaximumRetryCount":0},"AutoRemove":true,"VolumeDriver":"","VolumesFrom":null,"ConsoleSize":[0,0],"CapAdd":null,"CapDrop":null,"CgroupnsMode":"","Dns":[],"DnsOptions":[],"DnsSearch":[],"ExtraHosts":null,"GroupAdd":null,"IpcMode":"","Cgroup":"","Links":null,"OomScoreAdj":0,"PidMode":"","Privileged":false,"PublishAllPorts":false,"ReadonlyRootfs":false,"SecurityOpt":null,"UTSMode":"","UsernsMode":"","ShmSize":0,"Isolation":"","CpuShares":0,"Memory":0,"NanoCpus":0,"CgroupParent":"","BlkioWeight":0,"BlkioWeightDevice":[],"BlkioDeviceReadBps":[],"BlkioDeviceWriteBps":[],"BlkioDeviceReadIOps":[],"BlkioDeviceWriteIOps":[],"CpuPeriod":0,"CpuQuota":0,"CpuRealtimePeriod":0,"CpuRealtimeRuntime":0,"CpusetCpus":"","CpusetMems":"","Devices":[],"DeviceCgroupRules":null,"DeviceRequests":null,"MemoryReservation":0,"MemorySwap":0,"MemorySwappiness":-1,"OomKillDisable":false,"PidsLimit":0,"Ulimits":[],"CpuCount":0,"CpuPercent":0,"IOMaximumIOps":0,"IOMaximumBandwidth":0,"MaskedPaths":null,"ReadonlyPaths":null},"NetworkingConfig":{"EndpointsConfig":{"default":{"IPAMConfig":null,"Links":null,"Aliases":null,"MacAddress":"","DriverOpts":null,"GwPriority":0,"NetworkID":"","EndpointID":"","Gateway":"","IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"DNSNames":null}}}}',
) as Record<string, unknown>;

async function create({ app, engine }: FakeDaemon, body: object, url = '/v1.51/containers/create') {
  const answer = await app.inject({ method: 'POST', url, payload: body });
  const call = engine.calls.findLast(({ name }) => name === 'create');
  return { answer, request: call?.args[0] as CreateRequest };
}

async function door(t: Parameters<typeof fakeDoor>[0]): Promise<FakeDaemon> {
  const daemon = await fakeDoor(t);
  daemon.engine.addImage();
  return daemon;
}

test("what docker run sends becomes a request with the daemon's defaults", async (t) => {
  const { answer, request } = await create(await door(t), FROM_CLIENT, '/v1.51/containers/create?name=/web');
  assert.equal(answer.statusCode, 201);
  assert.deepEqual(Object.keys(answer.json()), ['Id', 'Warnings']);
  assert.deepEqual(answer.json().Warnings, []);
  assert.equal(request.name, 'web');
  assert.deepEqual(request.cmd, ['echo', 'hello']);
  assert.equal(request.entrypoint, undefined);
  assert.equal(request.host.networkMode, 'bridge');
  assert.equal(request.host.autoRemove, true);
  assert.equal(request.host.shmSizeBytes, 67_108_864);
  assert.equal(request.host.logDriver, 'json-file');
  assert.deepEqual(request.host.logOptions, { 'max-size': '20m' });
  assert.deepEqual(request.host.ulimits, [{ name: 'nofile', soft: 1024, hard: 4096 }]);
  assert.equal(request.host.resources.memorySwappiness, undefined);
  assert.equal(request.host.resources.pidsLimit, undefined);
});

test("inspect's HostConfig has every field of docker's, filled in", async (t) => {
  const { request } = await create(await door(t), FROM_CLIENT);
  const sent = Object.keys(FROM_CLIENT['HostConfig'] as object);
  const { raw } = request.host;
  assert.deepEqual(
    sent.filter((key) => !Object.hasOwn(raw, key)),
    [],
  );
  assert.equal(raw['NetworkMode'], 'bridge');
  assert.equal(raw['IpcMode'], 'private');
  assert.equal(raw['CgroupnsMode'], 'private');
  assert.equal(raw['PidsLimit'], null);
  assert.equal(raw['MemorySwappiness'], null);
  assert.equal(raw['Binds'], null);
  assert.deepEqual(raw['Dns'], []);
  assert.deepEqual(raw['LogConfig'], { Type: 'json-file', Config: { 'max-size': '20m' } });
});

test('one field, and what it becomes', async (t) => {
  const daemon = await door(t);
  const cases: [host: object, expected: (request: CreateRequest) => unknown, value: unknown][] = [
    [{ Memory: 67_108_864 }, (r) => r.host.raw['MemorySwap'], 134_217_728],
    [{ MemorySwap: -1 }, (r) => r.host.resources.memorySwapBytes, -1],
    [{ PidsLimit: -1 }, (r) => r.host.resources.pidsLimit, undefined],
    [{ PidsLimit: 7 }, (r) => r.host.resources.pidsLimit, 7],
    [{ memory: 9_000_000 }, (r) => r.host.resources.memoryBytes, 9_000_000],
    [{ NetworkMode: 'none' }, (r) => r.host.networkMode, 'none'],
    [{ Tmpfs: { '/t': 'size=1m' } }, (r) => r.host.tmpfs, { '/t': 'size=1m' }],
    [
      { Devices: [{ PathOnHost: '/dev/null' }] },
      (r) => r.host.resources.devices,
      [{ host: '/dev/null', container: '/dev/null', access: 'rwm' }],
    ],
    [
      { Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 4096, Mode: 0o1777 } }] },
      (r) => r.host.tmpfs,
      { '/t': 'mode=1777,size=4096' },
    ],
    [
      { Ulimits: [{ Name: 'nofile', Soft: 5, Hard: 6 }] },
      (r) => r.host.ulimits,
      [{ name: 'nofile', soft: 5, hard: 6 }],
    ],
  ];
  for (const [host, expected, value] of cases) {
    const { answer, request } = await create(daemon, {
      Image: 'busybox',
      HostConfig: { NetworkMode: 'none', ...host },
    });
    assert.equal(answer.statusCode, 201, answer.body);
    assert.deepEqual(expected(request), value, JSON.stringify(host));
  }
});

test('binds are read as docker reads them', async (t) => {
  const daemon = await door(t);
  const bind = {
    source: '/a',
    destination: '/b',
    readOnly: false,
    propagation: 'rprivate',
    mode: '',
    createSource: true,
  };
  const good: [object, object][] = [
    [{ Binds: ['/a:/b'] }, bind],
    [{ Binds: ['/a/:/b/:ro'] }, { ...bind, readOnly: true, mode: 'ro' }],
    [{ Binds: ['/a:/b:rslave,z'] }, { ...bind, propagation: 'rslave', mode: 'rslave,z' }],
    [{ Mounts: [{ Type: 'bind', Source: '/a', Target: '/b' }] }, { ...bind, createSource: false }],
    [
      {
        Mounts: [
          {
            Type: 'bind',
            Source: '/a',
            Target: '/b',
            ReadOnly: true,
            BindOptions: { CreateMountpoint: true },
          },
        ],
      },
      { ...bind, readOnly: true },
    ],
  ];
  for (const [host, expected] of good) {
    const { request } = await create(daemon, { Image: 'busybox', HostConfig: host });
    assert.deepEqual(request.host.binds, [expected]);
  }
  const bad: [object, number, string][] = [
    [{ Binds: ['/a:ro'] }, 400, "invalid volume specification: '/a:ro'"],
    [
      { Binds: ['data:/b:rslave'] },
      400,
      `invalid volume specification: 'data:/b:rslave': invalid mount config for type "volume": field BindOptions must not be specified`,
    ],
    [
      { Binds: ['/a:/b:nocopy'] },
      400,
      `invalid volume specification: '/a:/b:nocopy': invalid mount config for type "bind": field VolumeOptions must not be specified`,
    ],
    [{ Binds: ['/a:/b:xx'] }, 400, 'invalid mode: xx'],
    [{ Binds: ['/a:/b:ro,rw'] }, 400, 'invalid mode: ro,rw'],
    [
      { Binds: ['/a:b'] },
      400,
      "invalid volume specification: '/a:b': invalid mount path: 'b' mount path must be absolute",
    ],
    [
      { Binds: ['/a:/'] },
      400,
      "invalid volume specification: '/a:/': invalid specification: destination can't be '/'",
    ],
    [
      { Mounts: [{ Type: 'bind', Target: '/b' }] },
      400,
      'invalid mount config for type "bind": field Source must not be empty',
    ],
    [
      { Mounts: [{ Type: 'odd', Target: '/b' }] },
      400,
      'invalid mount config for type "odd": mount type unknown',
    ],
    [
      { Mounts: [{ Type: 'volume', Target: '/b', ReadOnly: true }] },
      400,
      'invalid mount config for type "volume": must not set ReadOnly mode when using anonymous volumes',
    ],
    [
      { Mounts: [{ Type: 'volume', Source: 'v', Target: '/b', VolumeOptions: { Subpath: '../x' } }] },
      400,
      'invalid mount config for type "volume": subpath must be a relative path within the volume',
    ],
    [
      { Mounts: [{ Type: 'volume', Source: 'v', Target: '/b', BindOptions: {} }] },
      400,
      'BindOptions must not be specified on mount type "volume"',
    ],
    [
      { Mounts: [{ Type: 'image', Target: '/b' }] },
      400,
      'invalid mount config for type "image": field Source must not be empty',
    ],
    [
      {
        Mounts: [{ Type: 'bind', Source: '/a', Target: '/b', BindOptions: { ReadOnlyForceRecursive: true } }],
      },
      400,
      'invalid mount config for type "bind": mount must be ReadOnly to use ReadOnlyForceRecursive',
    ],
  ];
  for (const [host, status, message] of bad) {
    const { answer } = await create(daemon, { Image: 'busybox', HostConfig: host });
    assert.deepEqual([answer.statusCode, answer.json()], [status, { message }]);
  }
});

test('volumes are read as docker reads them', async (t) => {
  const daemon = await door(t);
  const volume = {
    name: 'data',
    destination: '/b',
    readOnly: false,
    mode: '',
    noCopy: false,
    subpath: '',
    driver: '',
    options: {},
    labels: {},
  };
  const cases: [object, object][] = [
    [{ Binds: ['data:/b'] }, volume],
    [{ Binds: ['/b'] }, { ...volume, name: '' }],
    [{ Binds: ['data:/b:ro,nocopy'] }, { ...volume, readOnly: true, noCopy: true, mode: 'ro,nocopy' }],
    [
      { Binds: ['data:/b'], VolumeDriver: 'nfs' },
      { ...volume, driver: 'nfs' },
    ],
    [{ Mounts: [{ Type: 'volume', Target: '/b' }] }, { ...volume, name: '' }],
    [
      {
        Mounts: [
          {
            Type: 'volume',
            Source: 'data',
            Target: '/b',
            VolumeOptions: {
              NoCopy: true,
              Subpath: 'a/../b',
              Labels: { k: 'v' },
              DriverConfig: { Name: 'local', Options: { type: 'tmpfs' } },
            },
          },
        ],
      },
      {
        ...volume,
        noCopy: true,
        subpath: 'b',
        labels: { k: 'v' },
        driver: 'local',
        options: { type: 'tmpfs' },
      },
    ],
  ];
  for (const [host, expected] of cases) {
    const { request } = await create(daemon, { Image: 'busybox', HostConfig: host });
    assert.deepEqual(request.host.volumes, [expected]);
  }
});

test('a body that is none is refused', async (t) => {
  const { app } = await door(t);
  const send = (payload: string, type: string | undefined) =>
    app.inject({
      method: 'POST',
      url: '/containers/create',
      payload,
      headers: type === undefined ? {} : { 'content-type': type },
    });
  const cases: [payload: string, type: string | undefined, message: RegExp][] = [
    ['{}', 'text/plain', /^unsupported Content-Type header \(text\/plain\): must be 'application\/json'$/],
    ['', 'application/json', /^invalid JSON: got EOF while reading request body$/],
    ['{', 'application/json', /^invalid JSON: /],
    ['{"Tty":"yes"}', 'application/json', /^invalid JSON: Tty must be boolean$/],
    [
      '{"HostConfig":{"Memory":1.5}}',
      'application/json',
      /^invalid JSON: HostConfig.Memory must be integer$/,
    ],
  ];
  for (const [payload, type, message] of cases) {
    const answer = await send(payload, type);
    assert.equal(answer.statusCode, 400, payload);
    assert.match(answer.json().message, message);
  }
});

test('what a version did not have yet is left out', async (t) => {
  const daemon = await door(t);
  const body = { Image: 'busybox', HostConfig: { AutoRemove: true, ConsoleSize: [24, 80] } };
  const at = async (version: string) =>
    (await create(daemon, body, `/v${version}/containers/create`)).request;
  assert.equal((await at('1.24')).host.autoRemove, false);
  assert.equal((await at('1.25')).host.autoRemove, true);
  assert.equal((await at('1.39')).host.raw['IpcMode'], 'shareable');
  assert.equal((await at('1.41')).consoleSize, undefined);
  assert.deepEqual((await at('1.42')).consoleSize, { rows: 24, columns: 80 });
});

test('an empty word clears the entry point', async (t) => {
  const daemon = await door(t);
  assert.deepEqual((await create(daemon, { Image: 'busybox', Entrypoint: [''] })).request.entrypoint, []);
  assert.deepEqual((await create(daemon, { Image: 'busybox', Entrypoint: 'sh' })).request.entrypoint, ['sh']);
});

test('a missing image is what makes a client pull', async (t) => {
  const { answer } = await create(await fakeDoor(t), { Image: 'nope' });
  assert.deepEqual([answer.statusCode, answer.json()], [404, { message: 'No such image: nope:latest' }]);
});
