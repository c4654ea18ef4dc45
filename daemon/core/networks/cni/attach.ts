import type { Ctx } from '../../../../common/ctx.ts';
import { internal, invalidArgument, messageOf, type WherryError } from '../../../../common/errors.ts';
import { failpoint } from '../../../../common/failpoints.ts';
import type { Endpoint } from '../types.ts';
import { addressesOf, wishesOf } from './capabilities.ts';
import { addAll, declares, type NetworkCall } from '../../../../common/cni/chain.ts';
import { collected } from './collect.ts';
import type { Attachment, AttachRequest, Given } from './contract.ts';
import { deleteOne, retryLater } from './detach.ts';
import { networkCall } from './load.ts';
import { requireReady } from './readiness.ts';
import { givenBy } from './result.ts';
import { attachmentsOf, putAttachment, type CniState } from './state.ts';

/** Cni.attach: the row, ADD, the row with its result. */
export async function attach(ctx: Ctx, state: CniState, request: AttachRequest): Promise<Endpoint> {
  const { endpoint } = request;
  using _lock = await state.locks.acquire(endpoint.containerId);
  ctx.check();
  for (const old of attachmentsOf(state, endpoint.containerId))
    if (old.networkId === endpoint.networkId || old.interfaceName === endpoint.interfaceName)
      await deleteOne(state, old);
  const network = { id: endpoint.networkId, options: request.options };
  const call = await networkCall(state, network);
  const attachment = attachmentFor(state, request, call);
  checkWishes(attachment);
  await requireReady(state, call);
  await collected(state, call.chain.name);
  putAttachment(state, attachment);
  try {
    return await add(state, attachment, endpoint);
  } catch (error) {
    await takeBack(ctx, state, attachment);
    throw error;
  }
}

function attachmentFor(
  state: CniState,
  { endpoint, options, ports }: AttachRequest,
  { chain, timeoutMs }: NetworkCall,
): Attachment {
  const { containerId, networkId, networkName, interfaceName, settings, dnsNames } = endpoint;
  return {
    containerId,
    networkId,
    networkName,
    interfaceName,
    netns: state.held.path(containerId),
    ...wishesOf({ chain, networkOptions: options, settings, dnsNames, ports }),
    chain,
    timeoutMs,
    result: undefined,
  };
}

/** What would be ignored without a word. */
function checkWishes({ capabilities, chain, networkName }: Attachment): void {
  const needed = ['portMappings', 'bandwidth'].filter((name) => Object.hasOwn(capabilities, name));
  const lacking = needed.find((name) => !declares(chain, name));
  if (lacking === undefined) return;
  const what = lacking === 'portMappings' ? 'publishes no ports' : 'limits no bandwidth';
  throw invalidArgument(
    `the CNI network "${networkName}" ${what}: no plugin of "${chain.name}" has the capability "${lacking}"`,
  );
}

async function add(state: CniState, attachment: Attachment, endpoint: Endpoint): Promise<Endpoint> {
  const { pluginDirectories } = state.config;
  await failpoint('network.cni.add');
  const result = await addAll({ attachment, pluginDirectories, netns: attachment.netns });
  await failpoint('network.cni.added');
  const given = givenBy(result, attachment.interfaceName);
  const problem = broken(endpoint, given);
  if (problem !== undefined) throw problem;
  const { netns, interfaceName: name } = attachment;
  const interfaceIndex = await state.kernel.run({ kind: 'index-inside', netns, name });
  putAttachment(state, { ...attachment, result });
  await failpoint('network.cni.row');
  return { ...endpoint, ...given, interfaceIndex };
}

/** An address that was asked for and not given. */
function broken({ settings, networkName }: Endpoint, given: Given): WherryError | undefined {
  const wrong = addressesOf(settings).find(
    (address) => ![given.ipAddress, given.ipv6Address].includes(address.toLowerCase()),
  );
  const got = [given.ipAddress, given.ipv6Address].filter((each) => each !== '').join(' and ') || 'none';
  if (wrong !== undefined)
    return internal(`the CNI network "${networkName}" gave the address ${got}, asked for was ${wrong}`);
  const mac = settings.macAddress?.toLowerCase().replaceAll('-', ':');
  if (mac === undefined || given.macAddress === '' || given.macAddress === mac) return undefined;
  return internal(`the CNI network "${networkName}" gave the MAC ${given.macAddress}, asked for was ${mac}`);
}

async function takeBack(ctx: Ctx, state: CniState, attachment: Attachment): Promise<void> {
  try {
    await deleteOne(state, attachment);
  } catch (error) {
    const { containerId: container, networkName: network } = attachment;
    ctx.log.error('Cannot take a failed CNI attachment away', {
      container,
      network,
      error: messageOf(error),
    });
    retryLater(ctx, state, { attachment });
  }
}
