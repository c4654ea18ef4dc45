import type { Ctx } from '../../../common/ctx.ts';
import { conflict, invalidArgument } from '../../../common/errors.ts';
import { announceNetwork } from '../containers/announce.ts';
import { sandboxView } from '../containers/begin-run.ts';
import { joinedBy } from '../containers/join-networks.ts';
import { publishAgain, publishBefore } from '../containers/publish.ts';
import { changeNameFiles } from '../containers/name-files.ts';
import { lockContainer } from '../containers/lock.ts';
import type { Entry } from '../containers/table.ts';
import type { Core } from '../core.ts';
import {
  NO_SETTINGS,
  type Endpoint,
  type NetworkView,
  type PortsThrough,
  type Sandbox,
} from '../networks/types.ts';
import type { Connection } from './contract.ts';

/** NetworkVerbs.connect: live first, then what the container keeps. */
export async function connectContainer(
  core: Core,
  ctx: Ctx,
  { reference, container, settings }: Connection & { readonly reference: string },
): Promise<void> {
  const network = core.networks.get(reference);
  const entry = core.table.find(container);
  using _lock = await lockContainer(core, ctx, entry.id);
  const { state, config, name } = entry.view;
  if (state.kind === 'removing' || state.kind === 'dead') {
    throw conflict(
      `container ${entry.id} is marked for removal and cannot be connected or disconnected to the network ${network.name}`,
    );
  }
  checkModes(entry, network);
  core.networks.check(network.id, settings);
  const isRunning = state.kind === 'running' || state.kind === 'paused';
  let joined: Endpoint | undefined;
  if (isRunning) {
    const names = { name, hostname: config.hostname };
    const publish = (sandbox: Sandbox): Promise<PortsThrough | undefined> =>
      publishBefore(core, ctx, { view: entry.view, sandbox });
    const request = { network: network.id, settings, names, pid: state.pid, publish };
    joined = await core.networks.connect(ctx, entry.id, request);
    await core.dns.serve({ id: entry.id, pid: state.pid });
    await publishAgain(core, ctx, entry.view);
    core.table.publish(entry, sandboxView(core, entry.id));
    announceNetwork(core, 'connect', joined);
  } else if (Object.hasOwn(config.networks, network.name) && settings === NO_SETTINGS) {
    return;
  }
  // On its own it had no network; from now on it has this one.
  const { none: _none, ...others } = config.networks;
  core.table.reconfigure(entry, { ...config, networks: { ...others, [network.name]: settings } });
  if (joined !== undefined) await changeNameFiles(core, ctx, { view: entry.view, joined });
}

/** What docker refuses, in its words. */
function checkModes({ view }: Entry, { name }: NetworkView): void {
  const { networkMode } = view.config.host;
  if (joinedBy(networkMode) !== undefined) {
    throw invalidArgument(
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  }
  if ((networkMode === 'host') !== (name === 'host')) {
    throw invalidArgument(
      'cannot connect container to host network - container must be created in host network mode',
    );
  }
  const isNone = Object.hasOwn(view.config.networks, 'none');
  if (name === 'none' || (isNone && view.sandbox !== undefined)) {
    throw invalidArgument(
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  }
}
