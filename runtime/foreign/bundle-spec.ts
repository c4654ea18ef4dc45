import type { BorrowedMount } from '../contract.ts';
import { isMapped, parseMount } from '../rootfs/parse.ts';
import type { Mount, Process, Spec } from '../spec.ts';
import { bundleFiles, placeOf, type ForeignSpec } from './contract.ts';

/** What the runtimes of today know: crun refuses what does not begin with 1.0. */
const OCI_VERSION = '1.0.2';
const UNLIMITED = 2n ** 64n - 1n;

/**
 * The config.json for another runtime. What the launch has made by then is named by path: the root, the network namespace, mounts
 * that are no bind of a path of the host. Pure.
 */
export function bundleSpec({ spec, bundle, stagingDir, borrowed = [], seccomp }: ForeignSpec): object {
  return {
    ...spec,
    ociVersion: OCI_VERSION,
    root: { ...spec.root, path: stagingDir },
    process: bundleProcess(spec.process),
    mounts: spec.mounts.map((mount, index) =>
      isPlaced(mount, borrowed) ? plainBind(mount, placeOf(bundle, index)) : mount,
    ),
    linux: {
      ...spec.linux,
      namespaces: spec.linux.namespaces.map((namespace) =>
        isOwnNetwork(namespace) ? { ...namespace, path: `${bundle}/${bundleFiles.network}` } : namespace,
      ),
      ...(seccomp === undefined ? {} : { seccomp }),
    },
  };
}

export const isOwnNetwork = ({ type, path = '' }: Spec['linux']['namespaces'][number]): boolean =>
  type === 'network' && path === '';

/**
 * Whether a runtime could not make it itself: part of a directory that others write to, mapped ids, another container's, read-only as a
 * whole tree (runc since 1.1, crun 1.8 not of a file).
 */
export function isPlaced(mount: Mount, borrowed: readonly BorrowedMount[]): boolean {
  const parsed = parseMount(mount);
  const isForeign = borrowed.some(({ destination }) => destination === parsed.destination);
  const isTree = parsed.options.setAll !== 0 || parsed.options.clearAll !== 0;
  return isForeign || mount.subpath !== undefined || isTree || isMapped(parsed);
}

function plainBind(mount: Mount, source: string): Mount {
  const { subpath: _subpath, uidMappings: _uids, gidMappings: _gids, options = [], ...rest } = mount;
  const plain = options.filter((option) => !/^r?idmap$/.test(option));
  return { ...rest, source, options: plain.map((option) => (option === 'rro' ? 'ro' : option)) };
}

/** In the specification's types no limit is the largest number. */
export function bundleProcess({ rlimits = [], ...process }: Process): object {
  const amount = (value: number): number | bigint => (value < 0 ? UNLIMITED : value);
  return {
    ...process,
    rlimits: rlimits.map(({ type, soft, hard }) => ({ type, soft: amount(soft), hard: amount(hard) })),
  };
}
