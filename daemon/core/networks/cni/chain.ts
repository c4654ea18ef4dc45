import { invalidArgument, messageOf } from '../../../../common/errors.ts';
import { atLeast } from './conflist.ts';
import type { Attachment, Chain, CniResult, PluginConfig } from './contract.ts';
import { callPlugin, failure, type Command } from './plugin.ts';

/** The verbs of the specification over a whole chain. */
interface Call {
  readonly attachment: Attachment;
  readonly pluginDirectories: readonly string[];
  /** '' when the network namespace is gone. */
  readonly netns: string;
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
  const failures: string[] = [];
  for (const plugin of chain.plugins.toReversed()) {
    try {
      await callOne('DEL', call, [plugin, atLeast(chain.cniVersion, '0.4.0') ? result : undefined]);
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  if (failures.length > 0) throw new Error(failures.join('; '));
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
  { attachment, pluginDirectories, netns }: Call,
  [plugin, prevResult]: readonly [PluginConfig, CniResult | undefined],
): Promise<unknown> {
  const { containerId, interfaceName, args, chain, capabilities, timeoutMs } = attachment;
  return callPlugin({
    command,
    type: plugin.type,
    pluginDirectories,
    environment: { CONTAINERID: containerId, NETNS: netns, IFNAME: interfaceName, ARGS: args },
    input: inputOf(chain, plugin, { capabilities, prevResult }),
    timeoutMs,
  });
}

/** The specification's "execution configuration". */
export function inputOf(
  { name, cniVersion }: Chain,
  { capabilities: declared, ...plugin }: PluginConfig,
  given: Pick<Attachment, 'capabilities'> & { readonly prevResult: CniResult | undefined },
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
export const declares = ({ plugins }: Chain, capability: string): boolean =>
  plugins.some(({ capabilities }) => declaredBy(capabilities).includes(capability));

/** VERSION: whether every plugin is there and knows the list's version. */
export async function checkVersions(
  { plugins, cniVersion }: Chain,
  options: { readonly pluginDirectories: readonly string[]; readonly timeoutMs: number },
): Promise<void> {
  for (const { type } of plugins) {
    const call = { ...options, command: 'VERSION', type, environment: {}, input: { cniVersion } } as const;
    const answer = await callPlugin(call).catch((error: unknown) => {
      throw invalidArgument(messageOf(error), { cause: error });
    });
    const known = (answer as { supportedVersions?: unknown } | undefined)?.supportedVersions;
    if (!Array.isArray(known) || !known.includes(cniVersion)) {
      const versions = Array.isArray(known) ? known.join(', ') : 'none';
      throw invalidArgument(
        `plugin type="${type}" does not support the CNI version ${cniVersion} of its list, but ${versions}`,
      );
    }
  }
}
