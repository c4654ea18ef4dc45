import type { Ctx } from '../../../common/ctx.ts';
import { invalidArgument, WherryError } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { newId } from '../../../common/ids.ts';
import { Undo } from '../../../common/undo.ts';
import { connectNetlink } from '../../../native/netlink/connection.ts';
import { formatTime, realTimeNs } from '../time.ts';
import { networksBeside } from './bridge.ts';
import { checkConfig, describeConfig, withConfig } from './config-networks.ts';
import type { NetworkRequest } from './contract.ts';
import { planIpam, poolsOf, subnetsOf } from './ipam.ts';
import { bringUp, putRules } from './kernel-side.ts';
import { modeOf } from './port.ts';
import { bridgeNameOf, networkOf } from './network.ts';
import { isPredefined } from './network-list.ts';
import { parseOptions } from './options.ts';
import type { State } from './state.ts';
import type { NetworkView } from './types.ts';

/** Networks.create. */
export async function createNetwork(ctx: Ctx, state: State, asked: NetworkRequest): Promise<NetworkView> {
  using _lock = await state.locks.acquire('networks');
  ctx.check();
  checkName(state, asked);
  checkConfig(asked);
  if (asked.configOnly === true) return keepConfig(state, asked);
  const request = withConfig(asked, state.networks.values());
  checkDriver(request);
  if (request.driver === 'cni') await checkCni(state, request);
  const view = describe(state, request);
  const network = networkOf(view);
  checkBridge(state, bridgeNameOf(network), view);
  await using undo = new Undo();
  state.store.putNetwork(view);
  state.networks.set(view.id, network);
  undo.defer(() => {
    state.networks.delete(view.id);
    state.store.deleteNetwork(view.id);
  });
  await failpoint('network.create.row');
  undo.defer(async () => {
    state.networks.delete(view.id);
    if (view.driver === 'bridge')
      await state.kernel.run({ kind: 'delete-link', name: bridgeNameOf(network) });
    await putRules(state);
  });
  await bringUp(state, network);
  await failpoint('network.create.device');
  await putRules(state);
  await failpoint('network.create.rules');
  undo.commit();
  return view;
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** Nothing of it is the kernel's. */
function keepConfig(state: State, request: NetworkRequest): NetworkView {
  const view = describeConfig(request, { id: newId(), createdAt: formatTime(realTimeNs()) });
  state.store.putNetwork(view);
  state.networks.set(view.id, networkOf(view));
  return view;
}

function checkName(state: State, { name }: NetworkRequest): void {
  if (isPredefined(name) || name === 'default' || name === 'nat') {
    throw new WherryError('permission-denied', `operation is not permitted on predefined ${name} network `);
  }
  if (!NAME.test(name)) {
    throw invalidArgument(
      name.trim() === ''
        ? 'invalid network name: name is empty'
        : `invalid network name: ${name}: only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed`,
    );
  }
  if ([...state.networks.values()].some(({ view }) => view.name === name)) {
    throw new WherryError('already-exists', `network with name ${name} already exists`);
  }
}

function checkDriver({ driver, options, enableIPv4, enableIPv6 }: NetworkRequest): void {
  if (driver === 'host' || driver === 'null') {
    throw new WherryError('permission-denied', `only one instance of "${driver}" network is allowed`);
  }
  const parsed = parseOptions(driver, options);
  if (driver === 'macvlan' || driver === 'ipvlan') modeOf(driver, parsed.mode);
  if ((driver === 'macvlan' || driver === 'ipvlan') && parsed.parent === undefined) {
    throw invalidArgument(`the ${driver} driver needs the option "parent": an interface of the host`);
  }
  if (!enableIPv4 && !enableIPv6) throw invalidArgument('IPv4 or IPv6 must be enabled');
}

/** The list is read anew for each container; what is wrong with it now is told now. */
async function checkCni(state: State, { ipam, internal, options }: NetworkRequest): Promise<void> {
  const [config] = ipam;
  if (config !== undefined)
    throw invalidArgument(
      `the cni driver takes no subnet (${config.subnet ?? config.gateway ?? 'IPAM.Config'}): addresses are the affair of the list's plugins`,
    );
  if (internal)
    throw invalidArgument(
      'the cni driver takes no --internal: whether a way leads out is the affair of the plugins',
    );
  await state.cni.load(options);
}

function checkBridge(state: State, bridge: string, { id, driver }: NetworkView): void {
  if (driver !== 'bridge') return;
  for (const other of state.networks.values()) {
    if (other.view.id !== id && other.view.driver === 'bridge' && bridgeNameOf(other) === bridge) {
      throw new WherryError(
        'permission-denied',
        `cannot create network ${id} (${bridge}): conflicts with network ${other.view.id} (${bridge}): networks have same bridge name`,
      );
    }
  }
}

function describe(state: State, request: NetworkRequest): NetworkView {
  const { ipam: _asked, configOnly: _never, namesScope: _scope, ...rest } = request;
  const networks = [...state.networks.values()];
  const identity = networks.find(({ isDefaultBridge }) => isDefaultBridge)?.view.id ?? '';
  if (request.driver === 'cni')
    return { ...rest, id: newId(), createdAt: formatTime(realTimeNs()), ipam: [] };
  const ipam = planIpam(request, {
    taken: subnetsOf(networks.map(({ view }) => view)),
    hostTaken: hostSubnets(networks.map(({ linkIndex }) => linkIndex)),
    pools: poolsOf(state.options.config.addressPools, identity),
  });
  return { ...rest, id: newId(), createdAt: formatTime(realTimeNs()), ipam };
}

/** Dumps take no lock that anybody waits for: they are answered at once. */
function hostSubnets(own: readonly number[]) {
  using route = connectNetlink('route');
  return networksBeside(route, new Set(own));
}
