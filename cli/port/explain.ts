import { alignColumns } from '../format/table.ts';

/** One element of `GET /wherry/containers/{id}/ports`. */
export interface PortReach {
  readonly Port: string;
  readonly At: string;
  readonly Lan: Reach;
  readonly Containers: Reach;
  readonly Networks: readonly (Reach & { readonly Network: string })[];
  readonly Host: Reach;
  readonly Notes: readonly string[];
}

interface Reach {
  readonly Verdict: 'open' | 'some' | 'closed';
  readonly By: string;
  readonly Unless: readonly { readonly Verdict: 'accept' | 'drop'; readonly By: string }[];
}

const AUDIENCES = [
  ['other machines', 'Lan'],
  ['other networks', 'Containers'],
  ['this host', 'Host'],
] as const;

const WORDS = { open: 'yes', some: 'some', closed: 'no' } as const;

/** A line for each port and each audience, networks only where they fare otherwise than others; then the notes. */
export function explainPorts(ports: readonly PortReach[]): string {
  const lines = ports.flatMap((port) => {
    const unlike = port.Networks.filter(({ Verdict }) => Verdict !== port.Containers.Verdict);
    const line = (who: string, { Verdict, By, Unless }: Reach): string =>
      [port.Port, port.At, who, WORDS[Verdict], reason(By, Unless)].join('\t');
    return [
      ...AUDIENCES.map(([who, name]) => line(who, port[name])),
      ...unlike.map((each) => line(`network ${each.Network}`, each)),
    ];
  });
  const table = alignColumns(['PORT\tPUBLISHED AT\tFOR\tREACHED\tDECIDED BY', ...lines].join('\n'), {
    minimum: 8,
    padding: 3,
  });
  const notes = new Set(ports.flatMap(({ Notes }) => Notes));
  return `${table}\n${[...notes].map((note) => `Note: ${note}\n`).join('')}`;
}

const reason = (by: string, unless: Reach['Unless']): string =>
  [by, ...unless.map((each) => `unless ${each.By}: ${each.Verdict}`)].join('; ');
