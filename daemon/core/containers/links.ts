import { conflict, invalidArgument, messageOf } from '../../../common/errors.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import { splitLink } from '../networks/names.ts';
import type { Entry } from './table.ts';

/** Docker's `--link` on the default bridge: names in hosts, and what the other has in the environment. */
interface Link {
  readonly alias: string;
  readonly view: Container;
  readonly address: string;
}

/** Throws in docker's words for a container that is not there. */
export function checkLinks(core: Core, links: readonly string[]): void {
  for (const link of links) find(core, link);
}

function find(core: Core, link: string): Entry {
  try {
    return core.table.find(splitLink(link).target);
  } catch (error) {
    throw invalidArgument(`could not get container for ${splitLink(link).target}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Throws `conflict` for one that does not run. */
function linksOf(core: Core, { name, config }: Container): Link[] {
  if (config.host.networkMode !== 'bridge') return [];
  return config.host.links.map((link) => {
    const { alias } = splitLink(link);
    const { view } = find(core, link);
    const endpoint = view.sandbox?.endpoints.find(({ networkName }) => networkName === 'bridge');
    if (endpoint === undefined) {
      throw conflict(`Cannot link to a non running container: /${view.name} AS /${name}/${alias}`);
    }
    return { alias, view, address: endpoint.ipAddress };
  });
}

export const linkedHosts = (
  core: Core,
  view: Container,
): readonly { readonly address: string; readonly names: readonly string[] }[] =>
  linksOf(core, view).map(({ alias, view: other, address }) => ({
    address,
    names: [...new Set([alias, other.config.hostname, other.name])],
  }));

/** `DB_PORT_5432_TCP_ADDR=172.17.0.2` and the like. */
const linkedEnvironment = (core: Core, view: Container): string[] =>
  linksOf(core, view).flatMap((link) => environmentOf(view.name, link));

/** The container with the variables that its links add: its own win. */
export function withLinks(core: Core, view: Container): Container {
  const added = linkedEnvironment(core, view);
  if (added.length === 0) return view;
  return { ...view, config: { ...view.config, env: [...added, ...view.config.env] } };
}

const OWN_VARIABLES = ['HOME', 'PATH'];

function environmentOf(ownName: string, { alias, view, address }: Link): string[] {
  const prefix = alias.replaceAll('-', '_').toUpperCase();
  const ports = Object.keys(view.config.exposedPorts)
    .map((port) => port.split('/'))
    .map(([number = '', protocol = 'tcp']) => ({ number, protocol }))
    .sort((a, b) => Number(a.number) - Number(b.number));
  const [first] = ports;
  return [
    ...(first === undefined ? [] : [`${prefix}_PORT=${first.protocol}://${address}:${first.number}`]),
    ...ports.flatMap(({ number, protocol }) => {
      const name = `${prefix}_PORT_${number}_${protocol.toUpperCase()}`;
      return [
        `${name}=${protocol}://${address}:${number}`,
        `${name}_ADDR=${address}`,
        `${name}_PORT=${number}`,
        `${name}_PROTO=${protocol}`,
      ];
    }),
    `${prefix}_NAME=/${ownName}/${alias}`,
    ...view.config.env
      .filter((variable) => variable.includes('=') && !OWN_VARIABLES.includes(variable.split('=')[0] ?? ''))
      .map((variable) => `${prefix}_ENV_${variable}`),
  ];
}
