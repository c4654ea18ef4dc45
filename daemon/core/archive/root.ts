import type { Ctx } from '../../../common/ctx.ts';
import { conflict } from '../../../common/errors.ts';
import { newId } from '../../../common/ids.ts';
import { Undo } from '../../../common/undo.ts';
import type { CopyBind, CopyMount, CopyRoot } from '../../../image/copy/contract.ts';
import type { Container } from '../contract.ts';
import type { Entry } from '../containers/table.ts';
import type { Core } from '../core.ts';
import { makeMounts, pointMount } from '../spec/mounts.ts';
import { loopsOf, mountVolumes, unmountVolumes, type Mounted } from '../volumes/mounting.ts';

/** Where a container's files are found until it is disposed. */
export interface OpenedRoot extends AsyncDisposable {
  readonly root: CopyRoot;
}

/**
 * For a container that does not run, the drivers of its volumes are asked to mount them, as for a start, and let go of them in the end.
 * Throws `conflict` for a container that is going.
 */
export async function openCopyRoot(
  core: Core,
  ctx: Ctx,
  { entry: { id, view, run }, writable }: { readonly entry: Entry; readonly writable: boolean },
): Promise<OpenedRoot> {
  const { kind } = view.state;
  if (kind === 'removing') throw conflict(`container ${id} is being removed`);
  if (kind === 'dead') throw conflict(`container ${id} is dead`);
  if (run !== undefined) {
    return { root: { kind: 'process', pid: run.shim.pid, id }, [Symbol.asyncDispose]: async () => {} };
  }
  // It may start meanwhile: that is another one's.
  const holder = newId();
  await using undo = new Undo();
  undo.defer(() => unmountVolumes(core, view, holder));
  const mounted = await mountVolumes(core, ctx, { view, holder });
  undo.commit();
  let closed: Promise<void> | undefined;
  return {
    root: {
      kind: 'stopped',
      staging: core.paths.staging,
      overlay: view.overlay,
      writable,
      readOnlyRoot: view.config.host.readonlyRootfs,
      mounts: [...loopsOf(view, mounted).map(atLoop), ...mountsOf(mounted)],
      binds: bindsOf(view, mounted),
    },
    [Symbol.asyncDispose]: () => (closed ??= unmountVolumes(core, view, holder)),
  };
}

const atLoop = (at: string): CopyMount => ({ at, what: { kind: 'loop' } });

const mountsOf = ({ hostSide, borrowed, points }: Mounted): readonly CopyMount[] => [
  ...hostSide,
  ...borrowed.flatMap(({ destination, from = destination, pid }): CopyMount[] => {
    const at = points.find((point) => point.destination === destination)?.source;
    return at === undefined ? [] : [{ at, what: { kind: 'borrowed', pid, from } }];
  }),
];

/** What a start would bind; the rest of its mounts is made anew each time, and empty before. */
function bindsOf(view: Container, mounted: Mounted): readonly CopyBind[] {
  const { hostsPath: hosts, hostnamePath: hostname, resolvConfPath: resolvConf, config } = view;
  const points = mounted.points.map((point) => pointMount(point, { uid: 0, gid: 0 }));
  const mounts = makeMounts([], config.host, { points, files: { hosts, hostname, resolvConf } });
  return mounts.flatMap(({ type, source, subpath = '', destination, options = [] }) =>
    type === 'bind' && source !== undefined
      ? [
          {
            source,
            subpath,
            destination,
            readOnly: options.some((option) => option === 'ro' || option === 'rro'),
          },
        ]
      : [],
  );
}
