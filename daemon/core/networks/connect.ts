import type { Ctx } from '../../../common/ctx.ts';
import { internal, invalidArgument, messageOf, WherryError } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { deleteLink } from '../../../native/netlink/link.ts';
import { deleteDefaultRoute } from '../../../native/netlink/route.ts';
import type { ConnectRequest } from './contract.ts';
import { checkConfinable, confine, unconfine } from './confine.ts';
import { sysctlsOf } from './endpoint-sysctls.ts';
import { place } from './endpoint.ts';
import { attachOne, isCni } from './furnish.ts';
import { addressesOf } from './forget-connections.ts';
import { addressSteps, chooseGateways, routeStep, type Gateways } from './interface.ts';
import type { InsideStep } from './kernel-jobs.ts';
import { findNetwork } from './network-list.ts';
import { portOf } from './port-of.ts';
import { attachment, creation, startToSend, type Step } from './port.ts';
import { freeInterfaceName, giveBack, putSandbox, tell, type State } from './state.ts';
import type { Endpoint, OwnSandbox } from './types.ts';

/** Networks.connect: the row, then the kernel's side in the running namespace. */
export async function connect(
  ctx: Ctx,
  state: State,
  { containerId, ...request }: ConnectRequest & { readonly containerId: string },
): Promise<Endpoint> {
  using _lock = await state.locks.acquire(containerId);
  ctx.check();
  const sandbox = ownSandbox(state, containerId);
  const network = findNetwork(state.networks.values(), request.network);
  const { view } = network;
  if (sandbox.endpoints.some(({ networkId }) => networkId === view.id)) {
    throw new WherryError(
      'permission-denied',
      `endpoint with name ${request.names.name} already exists in network ${view.name}`,
    );
  }
  if (sandbox.egress !== undefined) checkConfinable(state, network);
  const { settings, names } = request;
  const endpoint = place({
    containerId,
    network,
    settings,
    names,
    beside: sandbox.endpoints,
    hostInterface: freeInterfaceName(state, new Set()),
  });
  const endpoints = [...sandbox.endpoints, endpoint];
  let joined = endpoint;
  try {
    putSandbox(state, { ...sandbox, endpoints });
    await failpoint('network.connect.row');
    confine(state, { ...sandbox, endpoints: [endpoint] });
    joined = await join(ctx, state, { before: sandbox, endpoint, request });
    await failpoint('network.connect.device');
  } catch (error) {
    await undoConnect(ctx, state, [endpoint, request.pid]).catch((failure: unknown) =>
      ctx.log.error('Cannot undo a connection to a network', {
        container: containerId,
        error: messageOf(failure),
      }),
    );
    putSandbox(state, sandbox);
    unconfine(ctx, state, { ...sandbox, endpoints: [endpoint] });
    giveBack(state, endpoint);
    throw error;
  }
  tell(state, { containerId, networkIds: [view.id] });
  return joined;
}

interface Joining {
  readonly before: OwnSandbox;
  readonly endpoint: Endpoint;
  readonly request: ConnectRequest;
}

/** The endpoint as it is then. */
async function join(ctx: Ctx, state: State, { before, endpoint, request }: Joining): Promise<Endpoint> {
  const { pid } = request;
  if (!isCni(endpoint)) {
    const steps = joining(state, before.endpoints, [endpoint, pid]);
    await state.kernel.run({ kind: 'inside', pid, steps });
    return endpoint;
  }
  await state.cni.holdOf(before.containerId, pid);
  const ports = await request.publish?.({ ...before, endpoints: [...before.endpoints, endpoint] });
  const joined = await attachOne(ctx, state, [endpoint, ports]);
  const endpoints = [...before.endpoints, joined];
  putSandbox(state, { ...before, endpoints });
  const steps = gatewayChange(state, chooseGateways(before.endpoints), chooseGateways(endpoints));
  await state.kernel.run({
    kind: 'inside',
    pid,
    steps: [...steps, ...backInFront(state, endpoints, joined)],
  });
  return joined;
}

/** The route of the one that joined is in front of the others': that of the one which shall have it goes before it again. */
function backInFront(state: State, endpoints: readonly Endpoint[], joined: Endpoint): InsideStep[] {
  const { ipv4 } = chooseGateways(endpoints);
  if (ipv4 === undefined || ipv4 === joined || joined.defaultRoutes?.includes(4) !== true) return [];
  return moveRoute(state, [undefined, ipv4.gateway], [ipv4, ipv4.gateway]);
}

function ownSandbox(state: State, containerId: string): OwnSandbox {
  const sandbox = state.sandboxes.get(containerId);
  if (sandbox === undefined) throw internal(`The container ${containerId} has no network namespace`);
  if (sandbox.kind === 'container') {
    throw invalidArgument(
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  }
  if (sandbox.kind === 'host') {
    throw invalidArgument(
      'cannot connect container to host network - container cannot be disconnected from host network or connected to any other',
    );
  }
  if (sandbox.kind === 'none') {
    throw invalidArgument(
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  }
  return sandbox;
}

function joining(
  state: State,
  before: readonly Endpoint[],
  [endpoint, pid]: readonly [Endpoint, number],
): InsideStep[] {
  const port = portOf(state, endpoint);
  const host = (step: { readonly action: string; readonly message: Buffer }): InsideStep => ({
    at: 'host',
    ...step,
  });
  return [
    host(creation(endpoint, port, pid)),
    ...sysctlsOf(endpoint).map((sysctl): InsideStep => ({ at: 'sysctl', ...sysctl })),
    ...attachment(endpoint, port).map(host),
    ...(port.kind === 'bridge' ? [host(startToSend(endpoint.hostInterface))] : []),
    { at: 'inside', ...startToSend(endpoint.interfaceName) },
    ...addressSteps(endpoint).map((step): InsideStep => ({ at: 'inside', ...step })),
    ...gatewayChange(state, chooseGateways(before), chooseGateways([...before, endpoint])),
  ];
}

/** The default routes of both families, where another endpoint has them now. */
function gatewayChange(state: State, from: Gateways, to: Gateways): InsideStep[] {
  return [
    ...moveRoute(state, [from.ipv4, from.ipv4?.gateway], [to.ipv4, to.ipv4?.gateway]),
    ...moveRoute(state, [from.ipv6, from.ipv6?.ipv6Gateway], [to.ipv6, to.ipv6?.ipv6Gateway]),
  ];
}

type Way = readonly [endpoint: Endpoint | undefined, gateway: string | undefined];

function moveRoute(state: State, [from, before]: Way, [to, gateway]: Way): InsideStep[] {
  if (from?.endpointId === to?.endpointId) return [];
  return [
    ...(before === undefined || from?.driver === 'cni'
      ? []
      : [
          {
            at: 'inside',
            action: `remove the default route by ${before}`,
            message: deleteDefaultRoute(before),
            ignore: ['ESRCH', 'ENETUNREACH'],
          } as const,
        ]),
    ...(to === undefined || gateway === undefined
      ? []
      : [{ at: 'inside', ...routeTo(state, to, gateway), ignore: ['EEXIST'] } as const]),
  ];
}

/** In front of what CNI's plugins have made. */
const routeTo = (state: State, to: Endpoint, gateway: string): Step =>
  routeStep(to, gateway, { port: isCni(to) ? undefined : portOf(state, to), beside: hasCni(state, to) });

const hasCni = ({ sandboxes }: State, { containerId }: Endpoint): boolean =>
  sandboxes.get(containerId)?.endpoints.some(isCni) ?? false;

/** The host's end takes the other along; what has none is deleted inside. */
async function undoConnect(
  ctx: Ctx,
  state: State,
  [endpoint, pid]: readonly [Endpoint, number],
): Promise<void> {
  const { hostInterface, interfaceIndex, interfaceName } = endpoint;
  if (isCni(endpoint)) await state.cni.detach(ctx, endpoint);
  else if (hostInterface !== '') await state.kernel.run({ kind: 'delete-link', name: hostInterface });
  else {
    const action = `delete "${interfaceName}"`;
    const step: InsideStep = {
      at: 'inside',
      action,
      message: deleteLink(interfaceIndex),
      ignore: ['ENODEV'],
    };
    await state.kernel.run({ kind: 'inside', pid, steps: [step] });
  }
}

/** Networks.disconnect: the kernel's side, then the row. */
export async function disconnect(
  ctx: Ctx,
  state: State,
  {
    containerId,
    networkId,
    pid,
  }: { readonly containerId: string; readonly networkId: string; readonly pid: number | undefined },
): Promise<Endpoint | undefined> {
  using _lock = await state.locks.acquire(containerId);
  ctx.check();
  const sandbox = state.sandboxes.get(containerId);
  const endpoint = sandbox?.endpoints.find((each) => each.networkId === networkId);
  if (sandbox === undefined || sandbox.kind === 'container' || endpoint === undefined) return undefined;
  const rest = sandbox.endpoints.filter((each) => each !== endpoint);
  await failpoint('network.disconnect.device');
  if (pid !== undefined) {
    await undoConnect(ctx, state, [endpoint, pid]);
    const steps = gatewayChange(state, chooseGateways(sandbox.endpoints), chooseGateways(rest));
    await state.kernel.run({ kind: 'inside', pid, steps });
  }
  await failpoint('network.disconnect.row');
  putSandbox(state, { ...sandbox, endpoints: rest });
  unconfine(ctx, state, { ...sandbox, endpoints: [endpoint] });
  giveBack(state, endpoint);
  void state.forgetConnections({ ctx: ctx.detached(), addresses: addressesOf(endpoint), udpPorts: [] });
  tell(state, { containerId, networkIds: [networkId] });
  return endpoint;
}
