import { posix } from 'node:path';
import { invalidArgument } from '../../common/errors.ts';
import type { ResolvedCgroups, SystemdUnit } from './contract.ts';
import type { CgroupLayout } from './layout.ts';
import type { OwnCgroups } from './own.ts';

/** `cgroupsPath` as the steps use it: `/wherry/<id>`. Throws `invalid-argument` for one that is relative, the root, or has `..`. */
export function checkCgroupsPath(path: string): string {
  const names = path.split('/').slice(1);
  const sound =
    path.startsWith('/') &&
    names.length > 0 &&
    names.every((name) => name !== '' && name !== '.' && name !== '..');
  if (!sound)
    throw invalidArgument(
      `invalid cgroupsPath "${path}": it must be absolute, without empty, "." or ".." parts`,
    );
  return path;
}

/** `/a`, `/a/b` for `/a/b`. */
export function levelsOf(path: string): string[] {
  const names = path.split('/').slice(1);
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`);
}

export interface CgroupRequest {
  readonly layout: CgroupLayout;
  /** Of the specification; absent or empty is the default. */
  readonly cgroupsPath: string | undefined;
  readonly id: string;
  readonly ownPaths: OwnCgroups;
  readonly driver: 'cgroupfs' | 'systemd';
}

/**
 * What a configuration's `cgroupsPath` means, as runc takes it.
 *
 * cgroupfs: an absolute path is below each hierarchy's root, and `..` does not lead above it. A relative one, or the container's
 * id when there is none, is below the caller's own cgroups; since those differ from hierarchy to hierarchy, the returned layout
 * is one whose mount points are the caller's own directories. Version 2 takes the directory beside the caller, which has
 * processes and so can't hand controllers down.
 *
 * systemd: `slice:prefix:name`, by default `system.slice:runc:<id>`. Throws `invalid-argument` for any other form.
 */
export function resolveCgroupsPath(request: CgroupRequest): ResolvedCgroups {
  const { layout, id, driver } = request;
  const asked = request.cgroupsPath ?? '';
  if (driver === 'systemd') return resolveUnit(layout, asked, id);
  const path = checkCgroupsPath(posix.resolve('/', asked === '' ? id : asked));
  return {
    layout: asked.startsWith('/') ? layout : ownLayout(layout, request.ownPaths),
    path,
    unit: undefined,
  };
}

function ownLayout(layout: CgroupLayout, own: OwnCgroups): CgroupLayout {
  return {
    ...layout,
    hierarchies: layout.hierarchies.map((hierarchy) => ({
      ...hierarchy,
      mountPoint: below(hierarchy.mountPoint, hierarchy.root, own.get(hierarchy.controllers[0] ?? '')),
      name: hierarchy.name ?? posix.basename(hierarchy.mountPoint),
    })),
    unified:
      layout.unified === undefined
        ? undefined
        : below(layout.unified, layout.unifiedRoot, posix.dirname(own.get('') ?? '/')),
  };
}

/** Where a path of a hierarchy is when only `root` of it is mounted; what is not below that can't be reached. */
function below(mountPoint: string, root = '/', path = '/'): string {
  const relative = posix.relative(root, path);
  return relative === '' || relative.startsWith('..') ? mountPoint : `${mountPoint}/${relative}`;
}

function resolveUnit(layout: CgroupLayout, asked: string, id: string): ResolvedCgroups {
  const parts = asked === '' ? ['', 'runc', id] : asked.split(':');
  const [slice = '', prefix = '', name = ''] = parts;
  if (parts.length !== 3) {
    throw invalidArgument(
      `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "${asked}" instead`,
    );
  }
  const unit: SystemdUnit = {
    name: name.endsWith('.slice') ? name : `${prefix}-${name}.scope`,
    slice: slice === '' ? 'system.slice' : slice,
  };
  if (unit.name.includes('/')) throw invalidArgument(`invalid unit name: ${unit.name}`);
  const parent = expandSlice(unit.slice);
  return { layout, path: checkCgroupsPath(`${parent === '/' ? '' : parent}/${unit.name}`), unit };
}

/** `/a.slice/a-b.slice` for `a-b.slice`: systemd keeps a slice below those that its name names. */
export function expandSlice(slice: string): string {
  const name = slice.endsWith('.slice') ? slice.slice(0, -'.slice'.length) : '';
  if (name === '-') return '/';
  const parts = name.split('-');
  if (slice.includes('/') || parts.includes('')) throw invalidArgument(`invalid slice name: ${slice}`);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('-')}.slice`).join('');
}
