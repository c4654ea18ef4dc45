import type { Line } from '../step.ts';

/** One mount a container: dockerd tells several in no order. */
const ONE: Readonly<Record<string, object>> = {
  bind: { Binds: ['/tmp:/b'] },
  'bind-ro': { Binds: ['/tmp:/b:ro'] },
  'bind-words': { Binds: ['/tmp:/b:ro,z,rslave'] },
  'bind-shared': { Binds: ['/proc:/b:rshared'] },
  'bind-path': { Binds: ['/tmp/../tmp:/b/../c/'] },
  'bind-nocopy': { Binds: ['/tmp:/b:nocopy'] },
  'bind-wrong': { Binds: ['/tmp:/b:wrong'] },
  'bind-root': { Binds: ['/tmp:/'] },
  'bind-relative': { Binds: ['tmp/x:/b'] },
  'bind-colons': { Binds: ['/a:/b:ro:x'] },
  'bind-empty': { Binds: [''] },
  'bind-twice': { Binds: ['/tmp:/b', '/proc:/b'] },
  volume: { Binds: ['mv:/v'] },
  'volume-ro': { Binds: ['mv:/v:ro'] },
  'volume-nocopy': { Binds: ['mv:/v:nocopy'] },
  'volume-slave': { Binds: ['mv:/v:rslave'] },
  'mount-bind': { Mounts: [{ Type: 'bind', Source: '/tmp', Target: '/b' }] },
  'mount-bind-ro': { Mounts: [{ Type: 'bind', Source: '/tmp', Target: '/b', ReadOnly: true }] },
  'mount-bind-options': {
    Mounts: [
      {
        Type: 'bind',
        Source: '/tmp',
        Target: '/b/',
        Consistency: 'cached',
        BindOptions: { Propagation: 'rslave', NonRecursive: true },
      },
    ],
  },
  'mount-bind-none': { Mounts: [{ Type: 'bind', Source: '/tmp/none/at/all', Target: '/b' }] },
  'mount-bind-wrong': { Mounts: [{ Type: 'bind', Source: '/tmp', Target: '/b', VolumeOptions: {} }] },
  'mount-bind-way': {
    Mounts: [{ Type: 'bind', Source: '/tmp', Target: '/b', BindOptions: { Propagation: 'sideways' } }],
  },
  'mount-bind-relative': { Mounts: [{ Type: 'bind', Source: 'tmp', Target: '/b' }] },
  'mount-bind-nowhere': { Mounts: [{ Type: 'bind', Source: '/tmp' }] },
  'mount-bind-nothing': { Mounts: [{ Type: 'bind', Target: '/b' }] },
  'mount-volume': { Mounts: [{ Type: 'volume', Source: 'mv', Target: '/v' }] },
  'mount-volume-made': {
    Mounts: [
      {
        Type: 'volume',
        Source: 'made',
        Target: '/v',
        ReadOnly: true,
        VolumeOptions: { NoCopy: true, Labels: { a: 'b' }, DriverConfig: { Name: 'local' } },
      },
    ],
  },
  'mount-volume-options': {
    Mounts: [
      {
        Type: 'volume',
        Source: 'memory',
        Target: '/v',
        VolumeOptions: { DriverConfig: { Name: 'local', Options: { type: 'tmpfs', device: 'tmpfs' } } },
      },
    ],
  },
  'mount-volume-anonymous': { Mounts: [{ Type: 'volume', Target: '/v' }] },
  'mount-volume-driver': {
    Mounts: [
      { Type: 'volume', Source: 'nope', Target: '/v', VolumeOptions: { DriverConfig: { Name: 'nope' } } },
    ],
  },
  'mount-volume-root': { Mounts: [{ Type: 'volume', Source: 'mv', Target: '/' }] },
  'mount-volume-wrong': { Mounts: [{ Type: 'volume', Source: 'mv', Target: '/v', BindOptions: {} }] },
  'mount-tmpfs': { Mounts: [{ Type: 'tmpfs', Target: '/t' }] },
  'mount-tmpfs-options': {
    Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o700 } }],
  },
  'mount-tmpfs-source': { Mounts: [{ Type: 'tmpfs', Source: 'x', Target: '/t' }] },
  'mount-kind': { Mounts: [{ Type: 'floppy', Source: 'x', Target: '/t' }] },
  tmpfs: { Tmpfs: { '/t': 'size=1m,mode=700' } },
  'tmpfs-wrong': { Tmpfs: { '/t': 'colour=red' } },
  'tmpfs-relative': { Tmpfs: { t: '' } },
  'volume-driver': { VolumeDriver: 'local', Binds: ['driven:/v'] },
};

/** `Mounts` and `HostConfig` of each, and what is refused. */
export const MOUNTS: readonly Line[] = [
  ...Object.entries(ONE).flatMap(([name, HostConfig]): Line[] => [
    [`POST /containers/create?name=m-${name}`, { Image: 'busybox', HostConfig }],
    `GET /containers/m-${name}/json`,
  ]),
  ['POST /containers/create?name=m-image', { Image: 'busybox', Volumes: { '/i': {} }, HostConfig: {} }],
  'GET /containers/m-image/json',
  [
    'POST /containers/create?name=m-from',
    { Image: 'busybox', HostConfig: { VolumesFrom: ['m-mount-volume-made:ro'] } },
  ],
  'GET /containers/m-from/json',
  ['POST /containers/create?name=m-nobody', { Image: 'busybox', HostConfig: { VolumesFrom: ['nobody'] } }],
  [
    'POST /containers/create?name=m-from-wrong',
    { Image: 'busybox', HostConfig: { VolumesFrom: ['m-bind:x'] } },
  ],
  'GET /volumes/made',
  'GET /volumes/memory',
  ...[...Object.keys(ONE), 'image', 'from'].map((name): Line => `DELETE /containers/m-${name}?v=1&force=1`),
  ...['mv', 'made', 'memory', 'driven'].map((name): Line => `DELETE /volumes/${name}`),
];
