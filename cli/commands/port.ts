import { invalidArgument } from '../../common/errors.ts';
import { bool, text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { toJson } from '../format/json.ts';
import { print } from '../output.ts';
import { explainPorts, type PortReach } from '../port/explain.ts';
import { containerPath } from './each.ts';

interface Binding {
  readonly HostIp: string;
  readonly HostPort: string;
}

export const port = defineCommand({
  usage: '[OPTIONS] CONTAINER [PRIVATE_PORT[/PROTO]]',
  flags: {
    explain: bool('Say who gets to each published port, and which rule of the host decides it'),
    format: text("With --explain: print it with 'json'"),
  },
  arity: [1, 2],
  run: async ({ daemon, flags, args: [name = '', wanted] }) => {
    if (!['', 'json'].includes(flags.format)) throw invalidArgument(`unknown format: "${flags.format}"`);
    if (flags.explain) {
      const path = `/wherry/containers/${encodeURIComponent(name)}/ports`;
      const explained = await daemon.send({ method: 'GET', path });
      const all = JSON.parse(await explained.text()) as PortReach[];
      const key = wanted === undefined ? undefined : readPort(wanted);
      const chosen = all.filter(({ Port }) => key === undefined || Port === key);
      print(flags.format === 'json' ? `${toJson(chosen)}\n` : explainPorts(chosen));
      return 0;
    }
    const answer = await daemon.send({ method: 'GET', path: containerPath(name, '/json') });
    const { NetworkSettings } = JSON.parse(await answer.text()) as {
      NetworkSettings: { readonly Ports: Readonly<Record<string, Binding[] | null>> | null };
    };
    const ports = Object.entries(NetworkSettings.Ports ?? {});
    if (wanted === undefined) {
      const lines = ports.flatMap(([inside, bindings]) =>
        (bindings ?? []).map((binding) => `${inside} -> ${addressOf(binding)}\n`),
      );
      print(lines.toSorted(byNumber).join(''));
      return 0;
    }
    const key = readPort(wanted);
    const bindings = ports.find(([inside]) => inside === key)?.[1] ?? [];
    if (bindings.length === 0) {
      throw invalidArgument(`Error: No public port '${key}' published for ${name}`);
    }
    print(bindings.map((binding) => `${addressOf(binding)}\n`).join(''));
    return 0;
  },
});

const addressOf = ({ HostIp, HostPort }: Binding): string =>
  HostIp.includes(':') ? `[${HostIp}]:${HostPort}` : `${HostIp}:${HostPort}`;

const byNumber = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

function readPort(given: string): string {
  const [number = '', protocol = 'tcp'] = given.split('/');
  if (!/^\d+$/.test(number) || Number(number) > 65_535) {
    throw invalidArgument(`Error: invalid port (${number}): value must be between 0 and 65535`);
  }
  return `${Number(number)}/${protocol || 'tcp'}`;
}
