import { conflict } from '../../../common/errors.ts';
import type { Core } from '../core.ts';
import type { BridgeNetwork } from '../networks/contract.ts';
import { tableName } from '../networks/firewall.ts';
import { isLoopback } from '../networks/outside.ts';
import { ROUTED, type PublishedPort } from '../ports/contract.ts';
import { PROTOCOL_NUMBERS } from '../ports/rules.ts';
import type { PortReach, Reach } from './contract.ts';
import type { Packet } from './packet.ts';
import { readHostFacts, type HostFacts } from './read.ts';
import { walkBase, type Exception, type Outcome } from './walk.ts';

/**
 * Says of each published port of a running container who gets to it and what decides that: our own rules, and those of the host as the
 * kernel has them now, walked for the first packet of a connection. The answers' way is not walked. Where CNI plugins translate,
 * their rules are those of the host. Throws `not-found`, and `conflict` for one that does not run.
 */
export async function explainPorts(core: Core, reference: string): Promise<readonly PortReach[]> {
  const { id, view } = core.table.find(reference);
  if (view.state.kind !== 'running' && view.state.kind !== 'paused')
    throw conflict(`container ${id} is not running: none of its ports is published`);
  const destination = destinationOf(core, id) ?? carriedDestination(core, id);
  if (destination === undefined) return [];
  const { bridgeName, respectHost } = core.config.publishing;
  const table = tableName(bridgeName);
  // Ours let what is published pass by its map, and know nothing of what plugins translate.
  using facts = await readHostFacts(destination.carrier === undefined ? table : undefined);
  const bridges = core.networks.bridges();
  return core.ports.of(id).map((port) => explain({ port, destination, bridges, facts, respectHost, table }));
}

/** Where packets for a port are led. */
interface Destination {
  readonly ipAddress: string;
  readonly ipv6Address: string;
  /** The host's device that leads there; undefined: any. */
  readonly link: string | undefined;
  /** By our own maps: which of our bridges that is. */
  readonly bridge?: BridgeNetwork;
  /** By plugins: `plugin "portmap" of the CNI network "front"`. */
  readonly carrier?: string;
}

function destinationOf(core: Core, id: string): Destination | undefined {
  const target = core.ports.target(id);
  const bridge = target === undefined ? undefined : core.networks.bridgeOf(target.networkId);
  return target === undefined || bridge === undefined
    ? undefined
    : { ...target, link: bridge.bridgeName, bridge };
}

function carriedDestination(core: Core, id: string): Destination | undefined {
  const networkId = core.ports.through(id)?.networkId;
  const endpoint = core.networks.sandboxOf(id)?.endpoints.find((each) => each.networkId === networkId);
  const carrier = endpoint === undefined ? undefined : core.networks.carrierOf(endpoint);
  if (endpoint === undefined || carrier === undefined) return undefined;
  const { ipAddress, ipv6Address, networkName } = endpoint;
  const named = `plugin "${carrier.plugin}" of the CNI network "${networkName}"`;
  return { ipAddress, ipv6Address, link: carrier.link, carrier: named };
}

interface Situation {
  readonly port: PublishedPort;
  readonly destination: Destination;
  readonly bridges: readonly BridgeNetwork[];
  readonly facts: HostFacts;
  readonly respectHost: boolean;
  readonly table: string;
}

function explain(situation: Situation): PortReach {
  const { port, facts, bridges, destination } = situation;
  const { containerPort, protocol, hostIp, hostPort } = port;
  const isRouted = hostPort === ROUTED;
  const address = isRouted ? insideOf(situation) : hostIp;
  const shown = `${address.includes(':') ? `[${address}]` : address}:${isRouted ? containerPort : hostPort}`;
  const others = bridges.filter((each) => each !== destination.bridge && !each.internal);
  return {
    port: `${containerPort}/${protocol}`,
    at: shown,
    lan: closedToOthers(situation) ?? walkIn(situation, undefined),
    containers: closedToOthers(situation) ?? walkIn(situation, (others[0] ?? destination.bridge)?.bridgeName),
    networks: bridges.map((each) => ({ network: each.name, ...fromNetwork(situation, each) })),
    host: closedToAll(situation) ?? walkOut(situation),
    notes: facts.notes,
  };
}

/** Its containers ask the host, whose firewall lets what comes from an internal bridge no further, nor what would turn back to members that are apart. */
function fromNetwork(situation: Situation, source: BridgeNetwork): Reach {
  const { destination, table, port } = situation;
  const chain = `table inet ${table}, chain networks`;
  const isOwn = source.name === destination.bridge?.name;
  const walked = (): Reach => closedToOthers(situation) ?? walkIn(situation, source.bridgeName);
  if (isOwn && port.hostPort === ROUTED) return walked();
  if (isOwn && !source.icc) return closed(`${chain}: containers of "${source.name}" are kept apart`);
  if (source.internal) return closed(`${chain}: "${source.name}" is internal`);
  return walked();
}

const familyOf = ({ port }: Situation): 4 | 6 => (port.hostIp.includes(':') ? 6 : 4);
const insideOf = (situation: Situation): string => {
  const { ipAddress, ipv6Address } = situation.destination;
  return familyOf(situation) === 4 ? ipAddress : ipv6Address;
};

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
  const { port, destination, bridges, respectHost } = situation;
  const inside = packetOf(situation, {
    incoming,
    notFrom: incoming === undefined ? ['lo', ...bridges.map(({ bridgeName }) => bridgeName)] : [],
    outgoing: destination.link,
  });
  if (port.hostPort === ROUTED) return combine(situation, [...walkHook(situation, 'forward', inside)]);
  const outside = beforeTranslation(situation, inside);
  return combine(situation, [
    ...walkHook(situation, 'prerouting', outside),
    ...(respectHost && destination.carrier === undefined ? walkHook(situation, 'input', outside) : []),
    ...walkHook(situation, 'forward', inside),
  ]);
}

const beforeTranslation = ({ port }: Situation, packet: Packet): Packet => ({
  ...packet,
  destination: ANY.includes(port.hostIp) ? undefined : port.hostIp,
  port: port.hostPort,
  outgoing: undefined,
  translated: false,
});

/** What plugins are to have made must be found; ours is by a map whose elements are our own rows. */
function walkOut(situation: Situation): Reach {
  const packet = packetOf(situation, { incoming: '', notFrom: [], outgoing: situation.destination.link });
  const before = walkHook(situation, 'output', beforeTranslation(situation, packet));
  return combine(
    situation,
    situation.destination.carrier === undefined ? walkHook(situation, 'output', packet) : before,
  );
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

/** What our own chains do before the translation is said by `closedToOthers`. */
function walkHook({ facts: { ruleset }, table }: Situation, hook: string, packet: Packet): Outcome[] {
  const families = ['inet', packet.family === 4 ? 'ip' : 'ip6'];
  return ruleset.chains
    .filter(({ base, family }) => base?.hook === hook && families.includes(family))
    .filter((chain) => hook !== 'prerouting' || chain.table !== table)
    .toSorted((a, b) => (a.base?.priority ?? 0) - (b.base?.priority ?? 0))
    .map((chain) => walkBase(ruleset, chain, packet));
}

/** A drop of any chain is final; an accept is for that chain alone; and of what plugins translate some rule must be there. */
function combine({ port, table, destination }: Situation, outcomes: readonly Outcome[]): Reach {
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
  const [translation] = outcomes.flatMap(({ translations = [] }) => translations);
  if (destination.carrier !== undefined && translation === undefined)
    return closed(`no rule of ${destination.carrier} leads there`);
  const by =
    destination.carrier === undefined
      ? `table inet ${table}, map ${map}${family}`
      : `${destination.carrier}: ${translation}`;
  return { verdict: mayDrop.length > 0 ? 'some' : 'open', by, unless: mayDrop };
}
