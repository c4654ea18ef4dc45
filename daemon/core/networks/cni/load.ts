import { negotiate, settle, type NetworkCall } from '../../../../common/cni/chain.ts';
import { findList, readList } from '../../../../common/cni/conflist.ts';
import type { Chain } from '../../../../common/cni/contract.ts';
import type { CniNetwork } from './contract.ts';
import { parseCniOptions } from './options.ts';
import type { CniState } from './state.ts';

type Options = CniNetwork['options'];

/** Cni.load. */
export async function load({ config }: CniState, options: Options): Promise<Chain> {
  const { pluginDirectories } = config;
  return negotiate(await listOf(config, options), {
    pluginDirectories,
    timeoutMs: timeoutOf(config, options),
  });
}

/** For calls of a network's plugins: the list as it is now. */
export async function networkCall(
  { config }: CniState,
  { id: networkId, options }: CniNetwork,
): Promise<NetworkCall> {
  const { pluginDirectories } = config;
  const [timeoutMs, list] = [timeoutOf(config, options), await listOf(config, options)];
  const chain = await settle(list, { pluginDirectories, timeoutMs });
  return { chain, networkId, pluginDirectories, timeoutMs };
}

function listOf(config: CniState['config'], options: Options) {
  const { conflist, name } = parseCniOptions(options);
  return conflist === undefined ? findList(name, config) : readList(conflist);
}

const timeoutOf = (config: CniState['config'], options: Options): number =>
  parseCniOptions(options).timeoutMs ?? config.timeoutMs;
