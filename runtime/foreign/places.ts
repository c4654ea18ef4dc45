import { Label, type PlanBuilder } from '../plan/builder.ts';
import { AT_FDCWD, MOVE_MOUNT_F_EMPTY_PATH } from '../plan/constants.ts';
import type { Slot } from '../plan/types.ts';
import { changeMount } from '../rootfs/filesystem.ts';
import { cloneSource, parseMount } from '../rootfs/parse.ts';
import { mapIds, type Source } from '../rootfs/sources.ts';
import { isPlaced } from './bundle-spec.ts';
import { makeFile } from './command.ts';
import { placeOf, type ForeignLaunch } from './contract.ts';

const AT_REMOVEDIR = 0x200;

/** In the runtime's mount namespace: mounts in the bundle what it is told to bind from there. */
export function placeSources(
  plan: PlanBuilder,
  { spec, bundle, borrowed = [] }: ForeignLaunch,
  sources: ReadonlyMap<number, Source>,
): void {
  spec.mounts.forEach((mount, index) => {
    if (!isPlaced(mount, borrowed)) return;
    const parsed = parseMount(mount);
    const source = sources.get(index);
    const clone = source?.mount ?? cloneSource(plan, parsed);
    if (source?.userNamespace !== undefined)
      mapIds(plan, clone, { parsed, userNamespace: source.userNamespace });
    const { setAll: set, clearAll: clear } = parsed.options;
    changeMount(plan, clone, { label: parsed.label, set, clear, recursive: true });
    attach(plan, clone, { path: placeOf(bundle, index), label: parsed.label });
  });
}

/** What it is only the kernel knows: it refuses a file on a directory. */
function attach(
  plan: PlanBuilder,
  mount: Slot,
  { path, label }: { readonly path: string; readonly label: string },
): void {
  const [isFile, done] = [new Label(), new Label()];
  const args = [mount, '', AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH] as const;
  plan.call(label, 'mkdirat', [AT_FDCWD, path, 0o700]);
  plan.call(label, 'move_mount', args, { ignore: ['EINVAL'], onIgnored: isFile, onOk: done });
  plan.here(isFile);
  plan.call(label, 'unlinkat', [AT_FDCWD, path, AT_REMOVEDIR]);
  makeFile(plan, path);
  plan.call(label, 'move_mount', args);
  plan.here(done);
}
