import type { Ctx } from '../../../common/ctx.ts';
import { pace } from '../../../common/pace.ts';
import type { Endpoint, Sandbox } from '../networks/types.ts';
import { keyOf, samePorts } from './bindings.ts';
import { ROUTED, type PortBinding, type PublishedPort } from './contract.ts';
import type { State } from './state.ts';

const ANY_V4 = '0.0.0.0';
const ANY_V6 = '::';

/** Which of the published ports bindings still want, and which bindings have none. */
export async function keepFitting(
  state: State,
  endpoint: Endpoint,
  {
    bindings,
    ports,
  }: { readonly bindings: readonly PortBinding[]; readonly ports: readonly PublishedPort[] },
): Promise<{ readonly kept: ReadonlySet<PublishedPort>; readonly missing: readonly PortBinding[] }> {
  const kept = new Set<PublishedPort>();
  const missing: PortBinding[] = [];
  const byContainerPort = Map.groupBy(ports, keyOf);
  const breathe = pace();
  for (const group of samePorts(bindings)) {
    const { translated, routes } = addressesOf(state, endpoint, group);
    await breathe();
    const fitting = findFitting(
      (byContainerPort.get(keyOf(group[0])) ?? []).filter((port) => !kept.has(port)),
      group[0],
      [...translated, ...routes],
    );
    if (fitting === undefined) missing.push(...group);
    else for (const port of fitting) kept.add(port);
  }
  return { kept, missing };
}

/** One port of the host, at all of the addresses. */
function findFitting(
  ours: readonly PublishedPort[],
  { hostPorts }: PortBinding,
  hostIps: readonly string[],
): readonly PublishedPort[] | undefined {
  const fits = ({ hostPort }: PublishedPort): boolean =>
    hostPort === ROUTED ||
    hostPorts === undefined ||
    (hostPort >= hostPorts.first && hostPort <= hostPorts.last);
  for (const { hostPort } of ours.filter(fits)) {
    const found = hostIps.map((hostIp) =>
      ours.find((port) => port.hostIp === hostIp && [hostPort, ROUTED].includes(port.hostPort)),
    );
    const whole = found.filter((port) => port !== undefined);
    if (whole.length === hostIps.length) return whole;
  }
  return undefined;
}

/** Holds a port of the host for each binding; all, or none. The event loop goes on meanwhile. */
export async function choose(
  ctx: Ctx,
  state: State,
  { endpoint, bindings }: { readonly endpoint: Endpoint; readonly bindings: readonly PortBinding[] },
): Promise<PublishedPort[]> {
  const choosing = chooseEach(state, endpoint, bindings);
  const breathe = pace();
  for (;;) {
    const next = choosing.next();
    if (next.done === true) return next.value;
    await breathe();
    if (ctx.signal.aborted) choosing.throw(ctx.signal.reason);
  }
}

export function chooseNow(
  state: State,
  endpoint: Endpoint,
  bindings: readonly PortBinding[],
): PublishedPort[] {
  const choosing = chooseEach(state, endpoint, bindings);
  for (;;) {
    const next = choosing.next();
    if (next.done === true) return next.value;
  }
}

function* chooseEach(
  state: State,
  endpoint: Endpoint,
  bindings: readonly PortBinding[],
): Generator<undefined, PublishedPort[]> {
  const ports: PublishedPort[] = [];
  try {
    for (const group of samePorts(bindings)) {
      const [binding] = group;
      const { translated: hostIps, routes } = addressesOf(state, endpoint, group);
      ports.push(...routes.map((hostIp) => routed(binding, hostIp)));
      if (hostIps.length > 0)
        ports.push(...state.holds.take({ binding, hostIps, target: endpoint.ipAddress }));
      yield;
    }
    return ports;
  } catch (error) {
    state.holds.release(ports);
    throw error;
  }
}

/** Docker: the network that has the default gateway. */
export function outwardEndpoint({ options }: State, { endpoints }: Sandbox): Endpoint | undefined {
  return endpoints
    .filter(
      ({ driver, networkId }) =>
        driver === 'cni' || (driver === 'bridge' && options.networks.bridgeOf(networkId)?.internal === false),
    )
    .toSorted((a, b) => b.settings.gatewayPriority - a.settings.gatewayPriority)[0];
}

/** IPv6 only where the container has an address: what would translate between the two is a process. */
function hostIpsOf(
  { options }: State,
  { networkId, ipAddress, ipv6Address, driver }: Endpoint,
  { hostIp }: PortBinding,
): string[] {
  if (driver === 'cni') return [hostIp === '' ? ANY_V4 : hostIp];
  const wanted = hostIp === '' ? (options.networks.bridgeOf(networkId)?.hostBinding ?? ANY_V4) : hostIp;
  const all = hostIp === '' && wanted === ANY_V4 ? [ANY_V4, ANY_V6] : [wanted];
  return all.filter((ip) => (ip.includes(':') ? ipv6Address : ipAddress) !== '');
}

/** Nothing is translated to it: the port is opened on the container's own address. */
function isRouted({ options }: State, { networkId }: Endpoint, hostIp: string): boolean {
  const bridge = options.networks.bridgeOf(networkId);
  return (hostIp.includes(':') ? bridge?.gatewayMode6 : bridge?.gatewayMode4) === 'routed';
}

const routed = ({ containerPort, protocol }: PortBinding, hostIp: string): PublishedPort => ({
  containerPort,
  protocol,
  hostIp,
  hostPort: ROUTED,
});

/** What bindings of one port ask for: addresses of the host that are translated, and of those that are routed docker's one a family. */
function addressesOf(
  state: State,
  endpoint: Endpoint,
  bindings: readonly PortBinding[],
): { readonly translated: readonly string[]; readonly routes: readonly string[] } {
  const [translated, others]: [string[], string[]] = [[], []];
  for (const hostIp of bindings.flatMap((each) => hostIpsOf(state, endpoint, each)))
    (isRouted(state, endpoint, hostIp) ? others : translated).push(hostIp);
  return { translated, routes: [...new Set(others.map((ip) => (ip.includes(':') ? ANY_V6 : ANY_V4)))] };
}
