import type { Ctx } from '../../../common/ctx.ts';
import type { NamedSnapshots } from '../../../image/namespaces/contract.ts';
import type { Core } from '../core.ts';

/** The verbs on snapshots that change something, each as an operation. */
export function notedSnapshots({ namespaced: { snapshots }, operations }: Core): NamedSnapshots {
  const note = <T>(
    ctx: Ctx,
    [name, namespace, key]: readonly [string, string, string],
    work: (own: Ctx) => Promise<T>,
  ): Promise<T> =>
    operations.run(ctx, { name, subject: { kind: 'snapshot', id: `${namespace}/${key}` } }, work);
  return {
    list: (namespace) => snapshots.list(namespace),
    stat: (namespace, key) => snapshots.stat(namespace, key),
    update: (namespace, change, paths) => snapshots.update(namespace, change, paths),
    mounts: (namespace, key) => snapshots.mounts(namespace, key),
    usage: (ctx, namespace, key) => snapshots.usage(ctx, namespace, key),
    prepare: (ctx, scope, snapshot) =>
      note(ctx, ['prepare', scope.namespace, snapshot.key], (own) => snapshots.prepare(own, scope, snapshot)),
    view: (ctx, scope, snapshot) =>
      note(ctx, ['view', scope.namespace, snapshot.key], (own) => snapshots.view(own, scope, snapshot)),
    commit: (ctx, scope, snapshot) =>
      note(ctx, ['commit', scope.namespace, snapshot.key], (own) => snapshots.commit(own, scope, snapshot)),
    remove: (ctx, namespace, key) =>
      note(ctx, ['remove', namespace, key], (own) => snapshots.remove(own, namespace, key)),
  };
}
