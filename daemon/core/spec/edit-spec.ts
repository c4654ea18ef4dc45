import { posix } from 'node:path';
import type { Device, Hook, HookPoint, Hooks, Mount, Spec } from '../../../runtime/spec.ts';
import { NO_EDITS, type DeviceEdits, type PlacedHook } from '../cdi/contract.ts';
import { overrideEnv } from '../containers/merge.ts';

/** The specification with what devices of the Container Device Interface bring. Pure. */
export function editSpec(spec: Spec, edits: DeviceEdits): Spec {
  if (edits === NO_EDITS) return spec;
  const { process, linux } = spec;
  const made = new Set(edits.devices.map(({ path }) => path));
  const user = process.user;
  return {
    ...spec,
    process: {
      ...process,
      env: overrideEnv(process.env ?? [], edits.env),
      user: {
        ...user,
        additionalGids: [...new Set([...(user.additionalGids ?? []), ...edits.additionalGids])],
      },
    },
    mounts: editMounts(spec.mounts, edits.mounts),
    ...(edits.hooks.length === 0 ? {} : { hooks: addHooks(spec.hooks, edits.hooks) }),
    linux: {
      ...linux,
      devices: [
        ...(linux.devices ?? []).filter(({ path }) => !made.has(path)),
        ...edits.devices.map((device) => ({ ...ownerOf(user), ...device })),
      ],
      resources: {
        ...linux.resources,
        devices: [...(linux.resources?.devices ?? []), ...edits.rules],
      },
    },
  };
}

/** Root is what a device belongs to anyway. */
const ownerOf = ({ uid, gid }: Spec['process']['user']): Pick<Device, 'uid' | 'gid'> => ({
  ...(uid === 0 ? {} : { uid }),
  ...(gid === 0 ? {} : { gid }),
});

function addHooks(before: Hooks = {}, added: readonly PlacedHook[]): Hooks {
  const points = Map.groupBy(added, ({ point }) => point);
  const after = [...points].map(([point, placed]): [HookPoint, Hook[]] => [
    point,
    [...(before[point] ?? []), ...placed.map(({ hook }) => hook)],
  ]);
  return { ...before, ...Object.fromEntries(after) };
}

/** Behind all others, so that none hides them; shallow ones first. */
function editMounts(mounts: readonly Mount[], added: readonly Mount[]): Mount[] {
  const paths = new Set(added.map(({ destination }) => posix.normalize(destination)));
  const depth = ({ destination }: Mount): number => destination.split('/').filter(Boolean).length;
  return [
    ...mounts.filter(({ destination }) => !paths.has(posix.normalize(destination))),
    ...added.toSorted((a, b) => depth(a) - depth(b)),
  ];
}
