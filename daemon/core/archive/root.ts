import { conflict } from '../../../common/errors.ts';
import type { CopyBind, CopyRoot } from '../../../image/copy/contract.ts';
import type { Entry } from '../containers/table.ts';
import type { Core } from '../core.ts';
import { makeMounts, pointMount } from '../spec/mounts.ts';

/** Where a container's files are found at this moment. Throws `conflict` for one that is going. */
export function copyRoot(
  core: Core,
  { id, view, run }: Entry,
  options: { readonly writable: boolean },
): CopyRoot {
  const { kind } = view.state;
  if (kind === 'removing') throw conflict(`container ${id} is being removed`);
  if (kind === 'dead') throw conflict(`container ${id} is dead`);
  if (run !== undefined) return { kind: 'process', pid: run.shim.pid, id };
  const { host } = view.config;
  return {
    kind: 'stopped',
    staging: core.paths.staging,
    overlay: view.overlay,
    writable: options.writable,
    readOnlyRoot: host.readonlyRootfs,
    binds: bindsOf({ view }),
  };
}

/** What a start would bind; the rest of its mounts is made anew each time, and empty before. */
function bindsOf({ view }: Pick<Entry, 'view'>): readonly CopyBind[] {
  const { hostsPath: hosts, hostnamePath: hostname, resolvConfPath: resolvConf, config } = view;
  // What a start mounts on the host's side first, an image or a file system, is not there now, nor is a part of a volume.
  const points = view.mounts
    .filter(({ type, source, subpath }) => type !== 'image' && source !== '' && subpath === '')
    .map((point) => pointMount(point, { uid: 0, gid: 0 }));
  const mounts = makeMounts([], config.host, { points, files: { hosts, hostname, resolvConf } });
  return mounts.flatMap(({ type, source, destination, options = [] }) =>
    type === 'bind' && source !== undefined
      ? [{ source, destination, readOnly: options.some((option) => option === 'ro' || option === 'rro') }]
      : [],
  );
}
