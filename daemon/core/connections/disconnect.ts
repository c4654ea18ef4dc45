import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, conflict, invalidArgument, WherryError } from '../../../common/errors.ts';
import { announceNetwork } from '../containers/announce.ts';
import { sandboxView } from '../containers/begin-run.ts';
import { publishAgain } from '../containers/publish.ts';
import { changeNameFiles } from '../containers/name-files.ts';
import { lockContainer } from '../containers/lock.ts';
import type { Entry } from '../containers/table.ts';
import type { Core } from '../core.ts';
import type { Endpoint, NetworkView } from '../networks/types.ts';

export interface Disconnection {
  readonly reference: string;
  readonly container: string;
  readonly force: boolean;
}

/** NetworkVerbs.disconnect: live first, then what the container keeps. */
export async function disconnectContainer(core: Core, ctx: Ctx, request: Disconnection): Promise<void> {
  const network = core.networks.get(request.reference);
  const entry = findEntry(core, request);
  if (entry === undefined) {
    await dropForgotten(core, ctx, [network, request.container]);
    return;
  }
  using _lock = await lockContainer(core, ctx, entry.id);
  const { state, config } = entry.view;
  if (config.host.networkMode === 'host' && network.name === 'host') {
    throw invalidArgument('container cannot be disconnected from host network or connected to host network');
  }
  if (state.kind === 'removing' || state.kind === 'dead') {
    throw conflict(
      `container ${entry.id} is marked for removal and cannot be connected or disconnected to the network ${network.name}`,
    );
  }
  const isRunning = state.kind === 'running' || state.kind === 'paused';
  if (!Object.hasOwn(config.networks, network.name) && !isRunning) throw notConnected(entry.id, network);
  let left: Endpoint | undefined;
  if (isRunning) {
    left = await core.networks.disconnect(ctx, entry.id, { networkId: network.id, pid: state.pid });
    if (left === undefined) throw notConnected(entry.id, network);
    await publishAgain(core, ctx, entry.view);
    core.table.publish(entry, sandboxView(core, entry.id));
    announceNetwork(core, 'disconnect', left);
  }
  const { [network.name]: _gone, ...networks } = config.networks;
  core.table.reconfigure(entry, { ...config, networks });
  if (left !== undefined) await changeNameFiles(core, ctx, { view: entry.view, left });
}

const notConnected = (id: string, { name }: NetworkView): WherryError =>
  new WherryError('permission-denied', `container ${id} is not connected to network ${name}`);

function findEntry(core: Core, { container, force }: Disconnection): Entry | undefined {
  try {
    return core.table.find(container);
  } catch (error) {
    if (force && codeOf(error) === 'not-found') return undefined;
    throw error;
  }
}

/** An endpoint that a container left behind which nobody knows any more. */
async function dropForgotten(
  core: Core,
  ctx: Ctx,
  [network, name]: readonly [NetworkView, string],
): Promise<void> {
  const endpoint = core.networks
    .endpointsIn(network.id)
    .find(({ dnsNames, containerId }) => dnsNames.includes(name) || containerId === name);
  if (endpoint === undefined) {
    throw new WherryError('permission-denied', `endpoint ${name} not found`);
  }
  await core.networks.disconnect(ctx, endpoint.containerId, { networkId: network.id, pid: undefined });
}
