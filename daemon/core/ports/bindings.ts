import { isIP } from 'node:net';
import { invalidArgument } from '../../../common/errors.ts';
import { PROTOCOLS, type PortBinding } from './contract.ts';

export interface PortSettings {
  /** `{"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}`. */
  readonly bindings: Readonly<Record<string, readonly HostBinding[] | null>>;
  readonly publishAll: boolean;
  /** `80/tcp`, `8000-8010/udp`. */
  readonly exposed: readonly string[];
}

interface HostBinding {
  readonly HostIp?: string | undefined;
  readonly HostPort?: string | undefined;
}

/** What docker's HostConfig asks for; those of the same ports in the order of their numbers. Throws `invalid-argument` in docker's words. */
export function parseBindings({ bindings, publishAll, exposed }: PortSettings): readonly PortBinding[] {
  const result: PortBinding[] = [];
  for (const [spec, hosts] of Object.entries(bindings)) {
    for (const port of containerPorts(spec)) {
      const list = hosts === null || hosts.length === 0 ? [{}] : hosts;
      for (const host of list) result.push({ ...port, ...hostOf(host) });
    }
  }
  if (publishAll) {
    const has = new Set(result.map((port) => keyOf(port)));
    for (const port of exposed.flatMap(containerPorts)) {
      if (!has.has(keyOf(port))) result.push({ ...port, hostIp: '', hostPorts: undefined });
    }
  }
  return result.toSorted((a, b) => a.containerPort - b.containerPort || a.protocol.localeCompare(b.protocol));
}

type ContainerPort = Pick<PortBinding, 'containerPort' | 'protocol'>;

export const keyOf = ({ containerPort, protocol }: ContainerPort): string => `${containerPort}/${protocol}`;

/** `80`, `80/tcp`, `8000-8010/udp`. */
export function containerPorts(spec: string): readonly ContainerPort[] {
  const [range = '', name = 'tcp', ...rest] = spec.split('/');
  const protocol = PROTOCOLS.find((each) => each === name.toLowerCase());
  if (protocol === undefined || rest.length > 0)
    throw invalidArgument(`invalid port specification: "${spec}"`);
  const { first, last } = parseRange(range, spec);
  return Array.from({ length: last - first + 1 }, (_unused, index) => ({
    containerPort: first + index,
    protocol,
  }));
}

function hostOf({
  HostIp: hostIp = '',
  HostPort: port = '',
}: HostBinding): Pick<PortBinding, 'hostIp' | 'hostPorts'> {
  if (hostIp !== '' && isIP(hostIp) === 0) throw invalidArgument(`invalid IP address: ${hostIp}`);
  if (port === '' || port === '0') return { hostIp, hostPorts: undefined };
  return { hostIp, hostPorts: parseRange(port, port) };
}

const MAX_PORT = 65_535;

function parseRange(text: string, spec: string): { readonly first: number; readonly last: number } {
  const [, low = '', high = low] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(low), Number(high)];
  if (low === '' || first > last || last > MAX_PORT)
    throw invalidArgument(`invalid port specification: "${spec}"`);
  return { first, last };
}

type Group = readonly [PortBinding, ...PortBinding[]];

/** Docker's order: ports that are named before those of a range, which may hold them. What differs in its address alone gets one port. */
export function samePorts(bindings: readonly PortBinding[]): Group[] {
  const groups = new Map<string, [PortBinding, ...PortBinding[]]>();
  for (const binding of bindings) {
    const { first, last } = binding.hostPorts ?? { first: 0, last: 0 };
    const key = `${keyOf(binding)} ${first}-${last}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [binding]);
    else group.push(binding);
  }
  const isNamed = ({ hostPorts }: PortBinding): boolean =>
    hostPorts?.first === hostPorts?.last && hostPorts !== undefined;
  return [...groups.values()].toSorted(([a], [b]) => Number(isNamed(b)) - Number(isNamed(a)));
}
