import { readlinkSync } from 'node:fs';
import { addAll, deleteAll, settle } from '../../../common/cni/chain.ts';
import { firstList } from '../../../common/cni/conflist.ts';
import { CNI_DEFAULTS, type Chain, type Place } from '../../../common/cni/contract.ts';
import { logLine } from '../log-line.ts';
import { forgetResult, keepResult, placeIn } from './results.ts';

/** ADD for a task that is made and not started. A failure, and a signal that ends this program meanwhile, take back what was done. */
export type Join = (containerId: string, pid: number) => Promise<void>;

/** Reads the host's default network. Throws where none is configured, or a plugin does not know the version of its list. */
export async function defaultNetwork(): Promise<Join> {
  const chain = await settle(await firstList(CNI_DEFAULTS), CNI_DEFAULTS);
  return (containerId, pid) => joinNetwork(chain, containerId, pid);
}

async function joinNetwork(chain: Chain, containerId: string, pid: number): Promise<void> {
  const netns = `/proc/${pid}/ns/net`;
  if (readlinkSync(netns) === readlinkSync('/proc/self/ns/net'))
    throw new Error('--cni: the container has no network namespace of its own');
  using interruption = onInterruption();
  const { signal } = interruption;
  const place = placeIn(chain, containerId);
  try {
    const { pluginDirectories } = CNI_DEFAULTS;
    const result = await addAll({ attachment: place, pluginDirectories, netns, signal });
    await keepResult({ ...place, result });
    signal.throwIfAborted();
  } catch (error) {
    await leave(place, netns);
    throw error;
  }
}

/** DEL; `netns`: where there still is one. What fails is told, and what is noted of the place stays for another try. */
export async function leave(place: Place, netns = ''): Promise<void> {
  try {
    await deleteAll({ attachment: place, pluginDirectories: CNI_DEFAULTS.pluginDirectories, netns });
    forgetResult(place);
  } catch (error) {
    logLine('error', `failed to remove ${place.containerId} from the network ${place.chain.name}`, error);
  }
}

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Signals that would end this program, as an abort. */
function onInterruption(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const abort = (name: NodeJS.Signals): void => controller.abort(new Error(`interrupted by ${name}`));
  for (const name of ENDING) process.on(name, abort);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of ENDING) process.off(name, abort);
    },
  };
}
