import { isIP } from 'node:net';
import { invalidArgument } from '../../common/errors.ts';

export interface PublishFlags {
  readonly expose: readonly string[];
  readonly publish: readonly string[];
  readonly 'publish-all': boolean;
}

interface Binding {
  readonly HostIp: string;
  readonly HostPort: string;
}

/** What the API is told of ports: those that are exposed, and where each is published. */
export interface PortParts {
  readonly exposed: Readonly<Record<string, object>>;
  readonly bindings: Readonly<Record<string, readonly Binding[]>>;
}

/** Reads `--expose` and `--publish`. Throws `invalid-argument` with the texts of docker's client. */
export function readPorts({ expose, publish }: PublishFlags): PortParts {
  const exposed: Record<string, object> = {};
  const bindings: Record<string, Binding[]> = {};
  for (const given of publish) {
    for (const { key, binding } of parsePublish(shortForm(given))) {
      exposed[key] = {};
      (bindings[key] ??= []).push(binding);
    }
  }
  for (const given of expose) for (const key of parseExpose(given)) exposed[key] = {};
  return { exposed, bindings };
}

/** `published=8080,target=80,protocol=tcp` as `8080:80/tcp`. */
function shortForm(given: string): string {
  if (!given.includes('=')) return given;
  const fields = new Map(
    given.split(',').map((pair) => {
      const cut = pair.indexOf('=');
      return [pair.slice(0, cut).toLowerCase(), pair.slice(cut + 1)] as const;
    }),
  );
  for (const [key, value] of fields) {
    if (!['published', 'target', 'protocol', 'mode'].includes(key) || key === '') {
      throw invalidArgument(`invalid field key ${key}`);
    }
    if (key === 'mode' && value !== 'ingress' && value !== 'host') {
      throw invalidArgument(`invalid publish mode value (${value}): must be either 'ingress' or 'host'`);
    }
  }
  return `${fields.get('published') ?? ''}:${fields.get('target') ?? ''}/${fields.get('protocol') ?? 'tcp'}`;
}

interface Range {
  readonly first: number;
  readonly last: number;
}

function parsePublish(given: string): { key: string; binding: Binding }[] {
  const [address, protocol] = splitProtocol(given);
  const [, ip = '', hostPort = '', containerPort = ''] =
    /^(?:(?:(\[[^\]]*\]|[^:]*|.*:.*):)?([^:]*):)?([^:]*)$/.exec(address) ?? [];
  if (containerPort === '') throw invalidArgument(`no port specified: ${given}<empty>`);
  const hostIp = ip.replace(/^\[(.*)\]$/, '$1');
  if (hostIp !== '' && isIP(hostIp) === 0) throw invalidArgument(`invalid IP address: ${hostIp}`);
  const inside = parseRange(containerPort);
  if (inside === undefined) throw invalidArgument(`invalid containerPort: ${containerPort}`);
  const outside = hostPort === '' ? undefined : parseRange(hostPort);
  if (hostPort !== '' && outside === undefined) throw invalidArgument(`invalid hostPort: ${hostPort}`);
  const count = inside.last - inside.first;
  const isSpread = outside !== undefined && outside.last - outside.first === count;
  if (outside !== undefined && !isSpread && count > 0) {
    throw invalidArgument(
      `invalid ranges specified for container and host Ports: ${containerPort} and ${hostPort}`,
    );
  }
  return Array.from({ length: count + 1 }, (_, index) => ({
    key: `${inside.first + index}/${protocol}`,
    // One port inside for a range outside: the daemon chooses a free one of them.
    binding: { HostIp: hostIp, HostPort: isSpread ? String(outside.first + index) : hostPort },
  }));
}

function parseExpose(given: string): string[] {
  if (given.includes(':')) throw invalidArgument(`invalid port format for --expose: ${given}`);
  const [ports, protocol] = splitProtocol(given);
  const range = parseRange(ports);
  if (range === undefined) {
    throw invalidArgument(`invalid range format for --expose: ${ports}, error: invalid port`);
  }
  const count = range.last - range.first + 1;
  return Array.from({ length: count }, (_, index) => `${range.first + index}/${protocol}`);
}

function splitProtocol(given: string): [ports: string, protocol: string] {
  const cut = given.lastIndexOf('/');
  if (cut < 0) return [given, 'tcp'];
  const protocol = given.slice(cut + 1).toLowerCase() || 'tcp';
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw invalidArgument(`invalid proto: ${protocol}`);
  return [given.slice(0, cut), protocol];
}

function parseRange(text: string): Range | undefined {
  const [, start = '', end = start] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const range = { first: Number(start), last: Number(end) };
  return start === '' || range.last < range.first || range.last > 65_535 ? undefined : range;
}
