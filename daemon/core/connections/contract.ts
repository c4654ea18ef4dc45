import type { Ctx } from '../../../common/ctx.ts';
import type { Checked, Readiness } from '../networks/cni/contract.ts';
import type { NetworkRequest } from '../networks/contract.ts';
import type { EndpointSettings, NetworkView } from '../networks/types.ts';

/** Networks as the engine's doors see them: the list, and verbs that publish docker's events. */
export interface NetworkVerbs {
  list(): readonly NetworkView[];
  /** By name, id or unique id prefix. Throws `not-found` `network x not found`. */
  get(reference: string): NetworkView;
  /** Publishes `create`. Throws as Networks.create. */
  create(ctx: Ctx, request: NetworkRequest): Promise<NetworkView>;
  /** Publishes `destroy`. Throws as Networks.remove. */
  remove(ctx: Ctx, reference: string): Promise<void>;
  /** Joins a container: now if it runs, and at each start. Publishes `connect` if it runs. */
  connect(ctx: Ctx, reference: string, request: Connection): Promise<void>;
  /** With `force` also an endpoint whose container is gone. Publishes `disconnect` if it runs. */
  disconnect(
    ctx: Ctx,
    reference: string,
    request: { readonly container: string; readonly force: boolean },
  ): Promise<void>;
  /** Removes the unused ones among those that the test lets pass; their names. */
  prune(ctx: Ctx, isWanted: (network: NetworkView) => boolean): Promise<string[]>;
  /** CHECK of the containers in a CNI network; empty for others. Throws `not-found`. */
  check(ctx: Ctx, reference: string): Promise<readonly Checked[]>;
  /** STATUS of a CNI network's plugins, now; undefined where they have none, and for others. Throws `not-found`, and for a list that can't be read. */
  askReadiness(reference: string): Promise<Readiness | undefined>;
  /** The last answer. */
  readinessOf(network: NetworkView): Readiness | undefined;
  /** Whether some container is in it, running or not. */
  isUsed(network: NetworkView): boolean;
}

export interface Connection {
  readonly container: string;
  readonly settings: EndpointSettings;
}
