import {
  aliasesOf,
  anonymousVolumes,
  type Fields,
  type Made,
  mapOf,
  numberOf,
  objectsOf,
  optional,
  repeat,
  textOf,
  textsOf,
} from './facts.ts';

/** Flags for volumes, mounts, ports and networks. */
export const placeWords = (made: Made): string[] => [
  ...storageWords(made),
  ...portWords(made),
  ...networkWords(made),
];

function storageWords(made: Made): string[] {
  const { HostConfig: host } = made;
  return [
    ...repeat('--volume', [...textsOf(host, 'Binds'), ...anonymousVolumes(made)]),
    ...repeat(
      '--mount',
      objectsOf(host, 'Mounts').map((mount) => mountText(mount)),
    ),
    ...repeat(
      '--tmpfs',
      Object.entries(mapOf(host, 'Tmpfs')).map(([path, options]) =>
        options === '' ? path : `${path}:${options}`,
      ),
    ),
    ...repeat('--volumes-from', textsOf(host, 'VolumesFrom')),
    ...optional('--volume-driver', textOf(host, 'VolumeDriver')),
  ];
}

function mountText(mount: Fields): string {
  const part = (name: string): Fields => (mount[name] ?? {}) as Fields;
  const [bind, volume, tmpfs] = [part('BindOptions'), part('VolumeOptions'), part('TmpfsOptions')];
  const driver = (volume['DriverConfig'] ?? {}) as Fields;
  const value = (key: string, text: string | number): string[] =>
    text === '' || text === 0 ? [] : [`${key}=${text}`];
  return [
    ...value('type', textOf(mount, 'Type')),
    ...value('source', textOf(mount, 'Source')),
    ...value('target', textOf(mount, 'Target')),
    ...(mount['ReadOnly'] === true ? ['readonly'] : []),
    ...value('bind-propagation', textOf(bind, 'Propagation')),
    ...(volume['NoCopy'] === true ? ['volume-nocopy'] : []),
    ...value('volume-subpath', textOf(volume, 'Subpath')),
    ...value('volume-driver', textOf(driver, 'Name')),
    ...Object.entries(mapOf(driver, 'Options')).map(([name, text]) => `volume-opt=${name}=${text}`),
    ...Object.entries(mapOf(volume, 'Labels')).map(([name, text]) => `volume-label=${name}=${text}`),
    ...value('tmpfs-size', numberOf(tmpfs, 'SizeBytes')),
    ...value('tmpfs-mode', numberOf(tmpfs, 'Mode') === 0 ? '' : numberOf(tmpfs, 'Mode').toString(8)),
  ].join(',');
}

function portWords({ Config, HostConfig: host, image }: Made): string[] {
  const bindings = (host['PortBindings'] ?? {}) as Readonly<Record<string, readonly Fields[] | null>>;
  const published = Object.entries(bindings).flatMap(([port, places]) =>
    (places ?? []).map((place) => {
      const [ip, hostPort] = [textOf(place, 'HostIp'), textOf(place, 'HostPort')];
      const address = ip.includes(':') ? `[${ip}]` : ip;
      return ip === '' ? `${hostPort}:${port}` : `${address}:${hostPort}:${port}`;
    }),
  );
  const exposed = Object.keys(mapOf(Config, 'ExposedPorts')).filter(
    (port) => !Object.hasOwn(bindings, port) && !Object.hasOwn(mapOf(image, 'ExposedPorts'), port),
  );
  return [
    ...repeat('--publish', published),
    ...(host['PublishAllPorts'] === true ? ['--publish-all'] : []),
    ...repeat('--expose', exposed),
  ];
}

/** The network that the container was made with comes first. */
function networkWords(made: Made): string[] {
  const { HostConfig: host, Networks } = made;
  const mode = textOf(host, 'NetworkMode');
  const isPlain = ['', 'default', 'bridge'].includes(mode);
  const names = [mode, ...Object.keys(Networks).filter((name) => name !== mode)].filter(
    (name) => name !== '',
  );
  const others =
    isPlain || mode === 'host' || mode === 'none' || mode.startsWith('container:') ? [mode] : names;
  const links = textsOf(host, 'Links').map((link) => {
    const [target = '', alias = ''] = link.split(':');
    return `${target.replace(/^\//, '')}:${alias.split('/').at(-1)}`;
  });
  return [
    ...repeat(
      '--network',
      others
        .filter((name) => !['', 'default'].includes(name))
        .map((name) => networkText(made, name, Networks[name])),
    ),
    ...repeat('--link', links),
  ];
}

const csvField = (field: string): string => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);

function networkText(made: Made, name: string, endpoint: Fields = {}): string {
  const ipam = (endpoint['IPAMConfig'] ?? {}) as Fields;
  const options = [
    ...aliasesOf(made, endpoint).map((alias) => `alias=${alias}`),
    ...optional('ip', textOf(ipam, 'IPv4Address'))
      .slice(1)
      .map((ip) => `ip=${ip}`),
    ...optional('ip6', textOf(ipam, 'IPv6Address'))
      .slice(1)
      .map((ip) => `ip6=${ip}`),
    ...textsOf(ipam, 'LinkLocalIPs').map((ip) => `link-local-ip=${ip}`),
    ...Object.entries(mapOf(endpoint, 'DriverOpts')).map(([key, value]) => `driver-opt=${key}=${value}`),
    ...optional('gw', numberOf(endpoint, 'GwPriority'))
      .slice(1)
      .map((priority) => `gw-priority=${priority}`),
  ];
  return options.length === 0 ? name : [`name=${name}`, ...options].map((field) => csvField(field)).join(',');
}
