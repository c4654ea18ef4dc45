import type { Core } from '../core.ts';
import { onContainer } from '../operations/on-container.ts';
import { connectContainer } from './connect.ts';
import type { NetworkVerbs } from './contract.ts';
import { disconnectContainer } from './disconnect.ts';
import { isPredefined } from '../networks/network-list.ts';
import type { NetworkView } from '../networks/types.ts';

/** The verbs of contract.ts. */
export function makeNetworkVerbs(core: Core): NetworkVerbs {
  const { networks } = core;
  const announce = (action: string, { id, name, driver }: NetworkView): void =>
    core.events.publish({ type: 'network', action, actorId: id, attributes: { name, type: driver } });
  const verbs: NetworkVerbs = {
    list: () => networks.list(),
    get: (reference) => networks.get(reference),
    create: async (ctx, request) => {
      const what = { name: 'create', subject: { kind: 'network', id: request.name } } as const;
      const network = await core.operations.run(ctx, what, (own) => networks.create(own, request));
      announce('create', network);
      return network;
    },
    remove: async (ctx, reference) => {
      const what = { name: 'remove', subject: { kind: 'network', id: reference } } as const;
      announce('destroy', await core.operations.run(ctx, what, (own) => networks.remove(own, reference)));
    },
    connect: (ctx, reference, request) =>
      onContainer(core, { ctx, name: 'connect', reference: request.container }, (own) =>
        connectContainer(core, own, { reference, ...request }),
      ),
    disconnect: (ctx, reference, request) =>
      onContainer(core, { ctx, name: 'disconnect', reference: request.container }, (own) =>
        disconnectContainer(core, own, { reference, ...request }),
      ),
    prune: async (ctx, isWanted) => {
      const unused = networks
        .list()
        .filter(
          (each) =>
            !isPredefined(each.name) && each.configOnly !== true && !verbs.isUsed(each) && isWanted(each),
        );
      for (const { id } of unused) await verbs.remove(ctx, id);
      core.events.publish({ type: 'network', action: 'prune', actorId: '', attributes: { reclaimed: '0' } });
      return unused.map(({ name }) => name);
    },
    check: (ctx, reference) => networks.checkMembers(ctx, reference),
    askReadiness: (reference) => networks.askReadiness(reference),
    readinessOf: ({ id }) => networks.readinessOf(id),
    isUsed: ({ id, name }) =>
      networks.endpointsIn(id).length > 0 ||
      [...core.table.all()].some(
        ({ view }) => view.sandbox === undefined && Object.hasOwn(view.config.networks, name),
      ),
  };
  return verbs;
}
