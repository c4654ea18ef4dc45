import {
  aliasesOf,
  anonymousVolumes,
  type Fields,
  type Made,
  mapOf,
  numberOf,
  objectsOf,
  textOf,
  textsOf,
} from '../facts.ts';
import { withoutEmpty } from './fields.ts';

/** Services by the names and ids of their containers. */
export type Names = ReadonlyMap<string, string>;

interface Part {
  readonly fields: Fields;
  /** Networks or volumes that the file has to define. */
  readonly names: readonly string[];
}

/** The network mode, or the networks with their addresses. */
export function networksOf(made: Made, names: Names): Part {
  const { HostConfig: host, Networks } = made;
  const mode = textOf(host, 'NetworkMode');
  const joined = joinedService(mode, names);
  if (joined !== undefined) return { fields: { network_mode: joined }, names: [] };
  if (['', 'default', 'bridge', 'host', 'none'].includes(mode)) {
    const links = textsOf(host, 'Links').map((link) => link.replaceAll(/(^|:)\/(?:[^/:]*\/)?/g, '$1'));
    return {
      fields: { network_mode: mode === 'default' ? 'bridge' : mode, external_links: links },
      names: [],
    };
  }
  const all = [mode, ...Object.keys(Networks).filter((name) => name !== mode)];
  const networks = Object.fromEntries(all.map((name) => [name, endpointOf(made, Networks[name])]));
  return { fields: { networks }, names: all };
}

function endpointOf(made: Made, endpoint: Fields = {}): Fields | null {
  const ipam = (endpoint['IPAMConfig'] ?? {}) as Fields;
  const fields = withoutEmpty({
    aliases: aliasesOf(made, endpoint),
    ipv4_address: textOf(ipam, 'IPv4Address'),
    ipv6_address: textOf(ipam, 'IPv6Address'),
    link_local_ips: ipam['LinkLocalIPs'],
  });
  return Object.keys(fields).length === 0 ? null : fields;
}

/** `service:x` where the other is in the file, too. */
function joinedService(mode: string, names: Names): string | undefined {
  const [, other] = /^container:(.*)$/.exec(mode) ?? [];
  if (other === undefined) return undefined;
  const service = names.get(other);
  return service === undefined ? mode : `service:${service}`;
}

/** Namespaces that are shared, and whose volumes are. */
export function placeOf({ HostConfig: host }: Made, names: Names): Fields {
  const ipc = textOf(host, 'IpcMode');
  return {
    ipc: ipc === 'private' ? undefined : (joinedService(ipc, names) ?? ipc),
    pid: textOf(host, 'PidMode'),
    volumes_from: textsOf(host, 'VolumesFrom').map((from) => {
      const [name = '', ...mode] = from.split(':');
      const service = names.get(name.replace(/^\//, ''));
      return [...(service === undefined ? ['container', name] : [service]), ...mode].join(':');
    }),
  };
}

export function portsOf({ Config, HostConfig: host, image }: Made): Fields {
  const bindings = (host['PortBindings'] ?? {}) as Readonly<Record<string, readonly Fields[] | null>>;
  const ports = Object.entries(bindings).flatMap(([port, places]) =>
    (places ?? []).map((place) => {
      const [ip, hostPort] = [textOf(place, 'HostIp'), textOf(place, 'HostPort')];
      const address = ip.includes(':') ? `[${ip}]` : ip;
      const outside = ip === '' ? hostPort : `${address}:${hostPort}`;
      return outside === '' ? port : `${outside}:${port}`;
    }),
  );
  const exposed = Object.keys(mapOf(Config, 'ExposedPorts')).filter(
    (port) => !Object.hasOwn(bindings, port) && !Object.hasOwn(mapOf(image, 'ExposedPorts'), port),
  );
  return { ports, expose: exposed };
}

export function storageOf(made: Made): Part {
  const { HostConfig: host } = made;
  const binds = textsOf(host, 'Binds');
  const mounts = objectsOf(host, 'Mounts');
  const named = [
    ...binds.map((bind) => bind.split(':')[0] ?? ''),
    ...mounts.filter((mount) => mount['Type'] === 'volume').map((mount) => textOf(mount, 'Source')),
  ];
  return {
    fields: {
      volumes: [...binds, ...anonymousVolumes(made), ...mounts.map((mount) => mountOf(mount))],
      tmpfs: Object.entries(mapOf(host, 'Tmpfs')).map(([path, options]) =>
        options === '' ? path : `${path}:${options}`,
      ),
    },
    names: [...new Set(named)].filter((name) => name !== '' && !name.startsWith('/')),
  };
}

function mountOf(mount: Fields): Fields {
  const part = (name: string): Fields => (mount[name] ?? {}) as Fields;
  return withoutEmpty({
    type: mount['Type'],
    source: mount['Source'],
    target: mount['Target'],
    read_only: mount['ReadOnly'] === true || undefined,
    bind: withoutEmpty({ propagation: part('BindOptions')['Propagation'] }),
    volume: withoutEmpty({ nocopy: part('VolumeOptions')['NoCopy'] === true || undefined }),
    tmpfs: withoutEmpty({ size: numberOf(part('TmpfsOptions'), 'SizeBytes') || undefined }),
  });
}

const CONDITIONS: Readonly<Record<string, string>> = {
  started: 'service_started',
  healthy: 'service_healthy',
  completed: 'service_completed_successfully',
};

/** Of our dependencies those on containers of the file; the label says all of them, to our daemon. */
export function dependsOn({ Config }: Made, names: Names): Fields {
  const after = mapOf(Config, 'Labels')['wherry.after'] ?? '';
  const wanted = after.split(',').map((each) => each.trim().split(':'));
  return Object.fromEntries(
    wanted.flatMap(([name = '', how = 'started']) => {
      const service = names.get(name);
      return service === undefined ? [] : [[service, { condition: CONDITIONS[how] ?? 'service_started' }]];
    }),
  );
}
