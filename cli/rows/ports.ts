export interface Port {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

interface Group {
  readonly prefix: string;
  readonly type: string;
  readonly first: number;
  last: number;
}

/** Ports as `ps` shows them: `0.0.0.0:80->9090/tcp, 9988/tcp`, neighbours as a range. */
export function showPorts(ports: readonly Port[]): string {
  const groups: Group[] = [];
  const mapped: string[] = [];
  for (const port of [...ports].sort(comparePorts)) {
    const { IP = '', PrivatePort, PublicPort, Type } = port;
    const host = IP.includes(':') ? `[${IP}]` : IP;
    if (IP !== '' && PublicPort !== PrivatePort) {
      mapped.push(`${host}:${PublicPort}->${PrivatePort}/${Type}`);
      continue;
    }
    const group = groups.findLast(({ prefix, type }) => prefix === host && type === Type);
    if (group !== undefined && group.last + 1 === PrivatePort) group.last = PrivatePort;
    else groups.push({ prefix: host, type: Type, first: PrivatePort, last: PrivatePort });
  }
  return [...groups.map((group) => showGroup(group)), ...mapped].join(', ');
}

function showGroup({ prefix, type, first, last }: Group): string {
  const range = first === last ? String(first) : `${first}-${last}`;
  return prefix === '' ? `${range}/${type}` : `${prefix}:${range}->${range}/${type}`;
}

function comparePorts(a: Port, b: Port): number {
  return (
    a.PrivatePort - b.PrivatePort ||
    (a.IP ?? '').localeCompare(b.IP ?? '') ||
    (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
    a.Type.localeCompare(b.Type)
  );
}
