import type { Ctx } from '../../../common/ctx.ts';
import { messageOf, WherryError, codeOf } from '../../../common/errors.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import type { PortsThrough, Sandbox } from '../networks/types.ts';
import { parseBindings } from '../ports/bindings.ts';
import type { PortBinding, PublishedPort } from '../ports/contract.ts';

/** Publishes what the container asks for, wherever its sandbox leads. Throws docker's text, which names the endpoint. */
export async function publishPorts(core: Core, ctx: Ctx, { view, sandbox }: Published): Promise<void> {
  const bindings = bindingsOf(view);
  if (bindings.length === 0) return;
  try {
    await core.ports.publish(ctx, sandbox, bindings);
  } catch (error) {
    throw notPublished({ view, sandbox }, error);
  }
}

/** Publishes what a running container asks for now in place of what it asked for before; what stays, stays untouched. */
export async function changePorts(core: Core, ctx: Ctx, view: Container): Promise<void> {
  const sandbox = core.networks.sandboxOf(view.id);
  if (sandbox === undefined) return;
  try {
    await core.ports.change(ctx, sandbox, bindingsOf(view));
  } catch (error) {
    throw notPublished({ view, sandbox }, error);
  }
}

/** What `publishPorts` would publish now. Holds nothing; throws as it does. */
export function previewPorts(core: Core, { view, sandbox }: Published): readonly PublishedPort[] {
  try {
    return core.ports.preview(sandbox, bindingsOf(view));
  } catch (error) {
    throw notPublished({ view, sandbox }, error);
  }
}

function bindingsOf({ config }: Container): readonly PortBinding[] {
  const { host, exposedPorts } = config;
  const exposed = Object.keys(exposedPorts);
  return parseBindings({ bindings: host.portBindings, publishAll: host.publishAllPorts, exposed });
}

function notPublished({ view, sandbox }: Published, error: unknown): WherryError {
  const [endpoint] = sandbox.endpoints;
  return new WherryError(
    codeOf(error),
    `failed to set up container networking: driver failed programming external connectivity on endpoint ${view.name} (${endpoint?.endpointId ?? ''}): ${messageOf(error)}`,
    { cause: error },
  );
}

interface Published {
  readonly view: Container;
  readonly sandbox: Sandbox;
}

/** A running container joined or left a network: another one may lead outside now. */
export async function publishAgain(core: Core, ctx: Ctx, view: Container): Promise<void> {
  const sandbox = core.networks.sandboxOf(view.id);
  if (sandbox === undefined) return;
  const through = core.ports.through(view.id)?.networkId;
  // Plugins were told of the ports when the container joined, and are not told again.
  if (sandbox.endpoints.some(({ networkId }) => networkId === through)) return;
  await core.ports.withdraw(ctx, view.id);
  if (sandbox.kind === 'container') return;
  const endpoints = sandbox.endpoints.filter(({ driver }) => driver !== 'cni');
  await publishPorts(core, ctx, { view, sandbox: { ...sandbox, endpoints } });
}

/** Before a running container's CNI network is joined: whether its plugins lead to the ports from now on. */
export async function publishBefore(
  core: Core,
  ctx: Ctx,
  published: Published,
): Promise<PortsThrough | undefined> {
  if (core.ports.of(published.view.id).length > 0) return undefined;
  await publishPorts(core, ctx, published);
  return core.ports.through(published.view.id);
}
