import { conflict, invalidArgument } from '../../../common/errors.ts';
import type { Core } from '../core.ts';
import type { BridgeNetwork } from '../networks/contract.ts';
import { tableName } from '../networks/firewall.ts';
import { isLoopback } from '../networks/outside.ts';
import { ROUTED, type PublishedPort, type PublishedTarget } from '../ports/contract.ts';
import { PROTOCOL_NUMBERS } from '../ports/rules.ts';
import type { PortReach, Reach } from './contract.ts';
import type { Packet } from './packet.ts';
import { readHostFacts, type HostFacts } from './read.ts';
import { walkBase, type Exception, type Outcome } from './walk.ts';

/**
 * Says of each published port of a running container who gets to it and what decides that: our own rules, and those of the host as the
 * kernel has them now, walked for the first packet of a connection. The answers' way is not
 * walked. Throws `not-found`, `conflict` for one that does not run, and `invalid-argument` for one whose ports are not ours.
 */
export async function explainPorts(core: Core, reference: string): Promise<readonly PortReach[]> {
  const { id, view } = core.table.find(reference);
  if (view.state.kind !== 'running' && view.state.kind !== 'paused')
    throw conflict(`container ${id} is not running: none of its ports is published`);
  if (core.ports.through(id) !== undefined)
    throw invalidArgument(
      'the ports of a CNI network are translated by its plugins: their rules are not known',
    );
  const target = core.ports.target(id);
  const bridge = target === undefined ? undefined : core.networks.bridgeOf(target.networkId);
  if (target === undefined || bridge === undefined) return [];
  const { bridgeName, respectHost } = core.config.publishing;
  using facts = await readHostFacts(tableName(bridgeName));
  const bridges = core.networks.bridges().map((each) => each.bridgeName);
  const table = tableName(bridgeName);
  return core.ports
    .of(id)
    .map((port) => explain({ port, target, bridge, bridges, facts, respectHost, table }));
}

interface Situation {
  readonly port: PublishedPort;
  readonly target: PublishedTarget;
  readonly bridge: BridgeNetwork;
  readonly bridges: readonly string[];
  readonly facts: HostFacts;
  readonly respectHost: boolean;
  readonly table: string;
}

function explain(situation: Situation): PortReach {
  const { port, facts } = situation;
  const { containerPort, protocol, hostIp, hostPort } = port;
  const isRouted = hostPort === ROUTED;
  const address = isRouted ? insideOf(situation) : hostIp;
  const shown = `${address.includes(':') ? `[${address}]` : address}:${isRouted ? containerPort : hostPort}`;
  return {
    port: `${containerPort}/${protocol}`,
    at: shown,
    lan: closedToOthers(situation) ?? walkIn(situation, undefined),
    containers: closedToOthers(situation) ?? walkIn(situation, neighbourBridge(situation)),
    host: closedToAll(situation) ?? walkOut(situation),
    notes: facts.notes,
  };
}

const familyOf = ({ port }: Situation): 4 | 6 => (port.hostIp.includes(':') ? 6 : 4);
const insideOf = ({ target, ...situation }: Situation): string =>
  familyOf({ target, ...situation }) === 4 ? target.ipAddress : target.ipv6Address;
const neighbourBridge = ({ bridge, bridges }: Situation): string =>
  bridges.find((name) => name !== bridge.bridgeName) ?? bridge.bridgeName;

const closed = (by: string): Reach => ({ verdict: 'closed', by, unless: [] });
const ANY = ['0.0.0.0', '::'];

function closedToAll({ port: { hostIp, hostPort }, facts }: Situation): Reach | undefined {
  const isHere =
    hostPort === ROUTED || ANY.includes(hostIp) || isLoopback(hostIp) || facts.addresses.has(hostIp);
  return isHere ? undefined : closed(`the host has no address ${hostIp}`);
}

function closedToOthers(situation: Situation): Reach | undefined {
  const { port, facts, table } = situation;
  if (port.hostPort !== ROUTED && isLoopback(port.hostIp))
    return closed(`table inet ${table}, chain loopback`);
  const family = familyOf(situation);
  if (!facts.forwarding[family])
    return closed(family === 4 ? 'net.ipv4.ip_forward is 0' : 'net.ipv6.conf.all.forwarding is 0');
  return closedToAll(situation);
}

/** From outside: before the translation, in the host's input chains if they are respected, and as it is forwarded. */
function walkIn(situation: Situation, incoming: string | undefined): Reach {
  const { port, bridge, bridges, respectHost } = situation;
  const inside = packetOf(situation, {
    incoming,
    notFrom: incoming === undefined ? ['lo', ...bridges] : [],
    outgoing: bridge.bridgeName,
  });
  if (port.hostPort === ROUTED) return combine(situation, [...walkHook(situation, 'forward', inside)]);
  const outside = {
    ...inside,
    destination: ANY.includes(port.hostIp) ? undefined : port.hostIp,
    port: port.hostPort,
    outgoing: undefined,
    translated: false,
  };
  return combine(situation, [
    ...walkHook(situation, 'prerouting', outside),
    ...(respectHost ? walkHook(situation, 'input', outside) : []),
    ...walkHook(situation, 'forward', inside),
  ]);
}

function walkOut(situation: Situation): Reach {
  const packet = packetOf(situation, { incoming: '', notFrom: [], outgoing: situation.bridge.bridgeName });
  return combine(situation, walkHook(situation, 'output', packet));
}

const packetOf = (
  situation: Situation,
  links: Pick<Packet, 'incoming' | 'notFrom' | 'outgoing'>,
): Packet => ({
  ...links,
  family: familyOf(situation),
  protocol: PROTOCOL_NUMBERS[situation.port.protocol],
  destination: insideOf(situation),
  port: situation.port.containerPort,
  translated: situation.port.hostPort !== ROUTED,
});

function walkHook({ facts: { ruleset } }: Situation, hook: string, packet: Packet): Outcome[] {
  const families = ['inet', packet.family === 4 ? 'ip' : 'ip6'];
  return ruleset.chains
    .filter(({ base, family }) => base?.hook === hook && families.includes(family))
    .toSorted((a, b) => (a.base?.priority ?? 0) - (b.base?.priority ?? 0))
    .map((chain) => walkBase(ruleset, chain, packet));
}

/** A drop of any chain is final; an accept is for that chain alone. */
function combine({ port, table }: Situation, outcomes: readonly Outcome[]): Reach {
  const mayDrop: Exception[] = [];
  for (const { verdict, by, unless } of outcomes) {
    if (verdict === 'drop') {
      const accepting = unless.filter((each) => each.verdict === 'accept');
      return { verdict: accepting.length > 0 ? 'some' : 'closed', by, unless: accepting };
    }
    mayDrop.push(...unless.filter((each) => each.verdict === 'drop'));
  }
  const family = port.hostIp.includes(':') ? 6 : 4;
  const map = port.hostPort === ROUTED ? 'open' : ANY.includes(port.hostIp) ? 'any' : 'at';
  const by = `table inet ${table}, map ${map}${family}`;
  return { verdict: mayDrop.length > 0 ? 'some' : 'open', by, unless: mayDrop };
}
