import type { Ctx } from '../../../common/ctx.ts';
import { internal, invalidArgument } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { Egress } from '../egress/contract.ts';
import { checkConfinable, confine, unconfine } from './confine.ts';
import type { ReserveRequest } from './contract.ts';
import { place } from './endpoint.ts';
import { findNetwork } from './network-list.ts';
import { forget, freeInterfaceName, giveBack, networkIdsOf, putSandbox, tell, type State } from './state.ts';
import type { Endpoint, OwnSandbox, Sandbox } from './types.ts';

/** Networks.reserve. */
export async function reserve(ctx: Ctx, state: State, reservation: Reservation): Promise<Sandbox> {
  const { containerId } = reservation;
  ctx.check();
  if (!state.reconciled) throw internal('The networks are used before they were reconciled');
  drop(ctx, state, containerId);
  const sandbox = wantedSandbox(state, reservation);
  try {
    putSandbox(state, sandbox);
    await failpoint('network.reserve');
    confine(state, sandbox);
    await failpoint('network.confine');
  } catch (error) {
    drop(ctx, state, containerId);
    for (const endpoint of sandbox.endpoints) giveBack(state, endpoint);
    throw error;
  }
  tell(state, { containerId, networkIds: networkIdsOf(sandbox) });
  return sandbox;
}

interface Reservation {
  readonly containerId: string;
  readonly request: ReserveRequest;
}

const wantedSandbox = (state: State, { containerId, request }: Reservation): Sandbox =>
  request.kind === 'container'
    ? { kind: 'container', containerId, joinedId: request.joinedId, endpoints: [] }
    : sandboxOf(containerId, placeAll(state, containerId, request), request.egress);

/** Networks.preview: taken and given back before anybody else can ask, and the turn is where it was. */
export function preview(state: State, reservation: Reservation): Sandbox {
  const pools = [...state.networks.values()].flatMap((network) => network.pools);
  const marks = pools.map((pool) => pool.mark());
  try {
    const sandbox = wantedSandbox(state, reservation);
    for (const endpoint of sandbox.endpoints) giveBack(state, endpoint);
    return sandbox;
  } finally {
    for (const mark of marks) mark[Symbol.dispose]();
  }
}

/** Gives back what an earlier one had. */
function drop(ctx: Ctx, state: State, containerId: string): void {
  const before = forget(state, containerId);
  if (before !== undefined) unconfine(ctx, state, before);
}

function sandboxOf(
  containerId: string,
  endpoints: readonly Endpoint[],
  egress: Egress | undefined,
): OwnSandbox {
  const alone = endpoints.find(({ driver }) => driver === 'null' || driver === 'host');
  const kind = alone === undefined ? 'own' : alone.driver === 'host' ? 'host' : 'none';
  return { kind, containerId, endpoints, ...(egress === undefined ? {} : { egress }) };
}

/** Plugins have the kernel choose indexes, from the lowest on. */
const FIRST_INDEX_BESIDE_CNI = 512;

/** All, or none. */
function placeAll(
  state: State,
  containerId: string,
  { networks, names, egress }: Extract<ReserveRequest, { kind: 'networks' }>,
): Endpoint[] {
  const placed: Endpoint[] = [];
  try {
    const hasCni = networks.some(
      ({ network }) => findNetwork(state.networks.values(), network).view.driver === 'cni',
    );
    for (const { network: reference, settings, before } of networks) {
      const network = findNetwork(state.networks.values(), reference);
      const { driver } = network.view;
      if (egress !== undefined) checkConfinable(state, network);
      if ((driver === 'host' || driver === 'null') && networks.length > 1) {
        throw invalidArgument(
          `conflicting options: cannot attach both user-defined and non-user-defined network-modes`,
        );
      }
      const hostInterface = freeInterfaceName(state, new Set(placed.map((each) => each.hostInterface)));
      placed.push(
        place({
          containerId,
          network,
          settings,
          before,
          names,
          beside: placed,
          hostInterface,
          ...(hasCni ? { firstIndex: FIRST_INDEX_BESIDE_CNI } : {}),
        }),
      );
    }
  } catch (error) {
    for (const endpoint of placed) giveBack(state, endpoint);
    throw error;
  }
  return placed;
}
