import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, internal, messageOf, WherryError } from '../../../common/errors.ts';
import { byGatewayPriority } from './interface.ts';
import { putSandbox, type State } from './state.ts';
import type { Endpoint, OwnSandbox, PortsThrough, Sandbox } from './types.ts';

/** Networks.furnish. */
export async function furnish(
  ctx: Ctx,
  state: State,
  { containerId, ports }: { readonly containerId: string; readonly ports: PortsThrough | undefined },
): Promise<Sandbox> {
  const sandbox = state.sandboxes.get(containerId);
  if (sandbox === undefined) throw internal(`The container ${containerId} has no network namespace`);
  if (sandbox.kind !== 'own' || !sandbox.endpoints.some(isCni)) return sandbox;
  try {
    await state.cni.hold(containerId);
    return await furnishAll(ctx, state, [sandbox, ports]);
  } catch (error) {
    const text = `failed to set up container networking: ${messageOf(error)}`;
    throw new WherryError(codeOf(error), text, { cause: error });
  }
}

export const isCni = ({ driver }: Endpoint): boolean => driver === 'cni';

/** The one that shall have the default route comes last: the kernel puts its route before the others'. */
async function furnishAll(
  ctx: Ctx,
  state: State,
  [before, ports]: readonly [OwnSandbox, PortsThrough | undefined],
): Promise<Sandbox> {
  let sandbox = before;
  for (const endpoint of byGatewayPriority(before.endpoints.filter(isCni)).toReversed()) {
    const furnished = await attachOne(ctx, state, [endpoint, ports]);
    const { endpoints } = sandbox;
    sandbox = { ...sandbox, endpoints: endpoints.map((each) => (each === endpoint ? furnished : each)) };
    putSandbox(state, sandbox);
  }
  return sandbox;
}

export function attachOne(
  ctx: Ctx,
  { cni, networks }: State,
  [endpoint, through]: readonly [Endpoint, PortsThrough | undefined],
): Promise<Endpoint> {
  const { networkId } = endpoint;
  const ports = through?.networkId === networkId ? through.ports : [];
  return cni.attach(ctx, { endpoint, options: networks.get(networkId)?.view.options ?? {}, ports });
}
