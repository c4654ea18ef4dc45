import { invalidArgument, messageOf } from '../errors.ts';
import { atLeast, highest, type List } from './conflist.ts';
import type { Chain, CniResult, Place, PluginConfig } from './contract.ts';
import { callPlugin, failure, type Command } from './plugin.ts';

/** Of the environment of plugins that are called for a network: its id. */
export const NETWORK_VARIABLE = 'WHERRY_NETWORK';

/** The verbs of the specification over a whole chain. */
interface Call {
  readonly attachment: Place;
  readonly pluginDirectories: readonly string[];
  /** '' when the network namespace is gone. */
  readonly netns: string;
  /** Ends the plugin that works and calls no other. */
  readonly signal?: AbortSignal;
}

/** ADD: in order, each with the result of the one before. Returns the last one's. */
export async function addAll(call: Call): Promise<CniResult> {
  const { chain } = call.attachment;
  let result: CniResult | undefined;
  for (const plugin of chain.plugins) {
    const answer = await callOne('ADD', call, [plugin, result]);
    if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
      throw failure({ type: plugin.type, command: 'ADD' }, 'it answered with no result');
    result = { ...answer, cniVersion: chain.cniVersion };
  }
  return result ?? {};
}

/** DEL: in reverse, all of them whatever one says; they take what is gone for done. Throws what went wrong. */
export async function deleteAll(call: Call): Promise<void> {
  const { chain, result } = call.attachment;
  await eachOf(chain.plugins.toReversed(), (plugin) =>
    callOne('DEL', call, [plugin, atLeast(chain.cniVersion, '0.4.0') ? result : undefined]),
  );
}

export const canCheck = ({ cniVersion, disableCheck }: Chain): boolean =>
  !disableCheck && atLeast(cniVersion, '0.4.0');

/** CHECK: in order, each with the last result. Throws the first plugin's words. */
export async function checkAll(call: Call): Promise<void> {
  for (const plugin of call.attachment.chain.plugins)
    await callOne('CHECK', call, [plugin, call.attachment.result]);
}

function callOne(
  command: Command,
  { attachment, pluginDirectories, netns, signal }: Call,
  [plugin, prevResult]: readonly [PluginConfig, CniResult | undefined],
): Promise<unknown> {
  const { containerId, interfaceName, args, chain, capabilities, timeoutMs } = attachment;
  return callPlugin({
    command,
    type: plugin.type,
    pluginDirectories,
    environment: {
      CNI_CONTAINERID: containerId,
      CNI_NETNS: netns,
      CNI_IFNAME: interfaceName,
      CNI_ARGS: args,
    },
    input: inputOf(chain, plugin, { capabilities, prevResult }),
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  });
}

/** The specification's "execution configuration". */
export function inputOf(
  { name, cniVersion }: Chain,
  { capabilities: declared, ...plugin }: PluginConfig,
  given: Pick<Place, 'capabilities'> & { readonly prevResult: CniResult | undefined },
): object {
  const asked = declaredBy(declared).filter((each) => Object.hasOwn(given.capabilities, each));
  const runtimeConfig = Object.fromEntries(asked.map((each) => [each, given.capabilities[each]]));
  return {
    ...plugin,
    name,
    cniVersion,
    ...(asked.length === 0
      ? {}
      : { runtimeConfig: { ...objectOf(plugin['runtimeConfig']), ...runtimeConfig } }),
    ...(given.prevResult === undefined ? {} : { prevResult: given.prevResult }),
  };
}

const objectOf = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});

const declaredBy = (declared: unknown): string[] =>
  Object.entries(objectOf(declared)).flatMap(([name, wanted]) => (wanted === true ? [name] : []));

/** Whether some plugin of it takes this from the runtime. */
export const declares = ({ plugins }: Pick<Chain, 'plugins'>, capability: string): boolean =>
  plugins.some(({ capabilities }) => declaredBy(capabilities).includes(capability));

/** Called for a network, not for a container in it. */
export interface NetworkCall {
  readonly chain: Chain;
  readonly networkId: string;
  readonly pluginDirectories: readonly string[];
  readonly timeoutMs: number;
}

/** Whether its plugins have STATUS and GC. */
export const hasNetworkVerbs = ({ cniVersion }: Chain): boolean => atLeast(cniVersion, '1.1.0');

/** STATUS: in order. Throws the words of the first plugin that can take no container. */
export async function statusOfAll(call: NetworkCall): Promise<void> {
  for (const plugin of call.chain.plugins) await callForNetwork('STATUS', call, [plugin, {}]);
}

/** GC: in order, all of them whatever one says. What is not among `valid` goes. Throws what went wrong. */
export async function collectAll(
  call: NetworkCall,
  valid: readonly Pick<Place, 'containerId' | 'interfaceName'>[],
): Promise<void> {
  const attachments = valid.map(({ containerId, interfaceName }) => ({
    containerID: containerId,
    ifname: interfaceName,
  }));
  await eachOf(call.chain.plugins, (plugin) =>
    callForNetwork('GC', call, [plugin, { 'cni.dev/valid-attachments': attachments }]),
  );
}

function callForNetwork(
  command: 'STATUS' | 'GC',
  { chain, networkId, pluginDirectories, timeoutMs }: NetworkCall,
  [plugin, more]: readonly [PluginConfig, object],
): Promise<unknown> {
  return callPlugin({
    command,
    type: plugin.type,
    pluginDirectories,
    // No parameters of the specification: by this a daemon finds what the one before started.
    environment: { [NETWORK_VARIABLE]: networkId },
    input: { ...inputOf(chain, plugin, { capabilities: {}, prevResult: undefined }), ...more },
    timeoutMs,
  });
}

async function eachOf(
  plugins: readonly PluginConfig[],
  act: (plugin: PluginConfig) => Promise<unknown>,
): Promise<void> {
  const failures: string[] = [];
  for (const plugin of plugins) {
    try {
      await act(plugin);
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  if (failures.length > 0) throw new Error(failures.join('; '));
}

/** A list in the version that is spoken with its plugins; one that offers one version is taken at its word, without asking them. */
export async function settle(
  list: List,
  options: Pick<NetworkCall, 'pluginDirectories' | 'timeoutMs'>,
): Promise<Chain> {
  const { versions, ...rest } = list;
  return versions.length > 1 ? negotiate(list, options) : { ...rest, cniVersion: highest(versions) };
}

/** VERSION: the list in the highest of its versions that every plugin knows. Throws where one is not there, or knows none. */
export async function negotiate(
  { versions, ...list }: List,
  options: Pick<NetworkCall, 'pluginDirectories' | 'timeoutMs'>,
): Promise<Chain> {
  let left = versions;
  for (const { type } of list.plugins) {
    const known = await versionsOf(type, { ...options, cniVersion: left.at(-1) ?? '' });
    const common = left.filter((each) => known.includes(each));
    if (common.length === 0)
      throw invalidArgument(
        `plugin type="${type}" does not support the CNI version ${left.join(' or ')} of its list, but ${known.join(', ') || 'none'}`,
      );
    left = common;
  }
  return { ...list, cniVersion: highest(left) };
}

async function versionsOf(
  type: string,
  { cniVersion, ...options }: Pick<NetworkCall, 'pluginDirectories' | 'timeoutMs'> & { cniVersion: string },
): Promise<readonly unknown[]> {
  const call = { ...options, command: 'VERSION', type, environment: {}, input: { cniVersion } } as const;
  const answer = await callPlugin(call).catch((error: unknown) => {
    throw invalidArgument(messageOf(error), { cause: error });
  });
  const known = (answer as { supportedVersions?: unknown } | undefined)?.supportedVersions;
  return Array.isArray(known) ? known : [];
}
