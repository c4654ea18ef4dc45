import type { Ctx } from '../../../common/ctx.ts';
import { internal, messageOf } from '../../../common/errors.ts';
import { applyResources } from '../../../runtime/cgroup/live/update.ts';
import type { Resources } from '../../../runtime/spec.ts';
import { cgroupOf } from './cgroup.ts';
import type { TaskRef } from './contract.ts';
import { findTask } from './find.ts';
import type { TaskParts } from './parts.ts';

/** Tasks.update: of what lives; nothing is written down. */
export async function updateTask(
  parts: TaskParts,
  _ctx: Ctx,
  { ref, resources }: { readonly ref: TaskRef; readonly resources: Resources },
): Promise<void> {
  const place = cgroupOf(parts.core, await findTask(parts, ref));
  if (place === undefined) throw internal('the container has no cgroup of its own: unknown');
  try {
    const { devices: _devices, ...limits } = resources;
    await applyResources({ ...place, resources: limits });
  } catch (error) {
    throw internal(`OCI runtime update failed: ${messageOf(error)}: unknown`, { cause: error });
  }
}
