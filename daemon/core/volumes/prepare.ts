import type { Ctx } from '../../../common/ctx.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import { copyUp } from './copy-up.ts';
import { ANONYMOUS_LABEL } from './contract.ts';
import { createVolume } from './create.ts';
import type { WantedVolume } from './mount-points.ts';
import { removeVolume } from './remove.ts';

/** Makes the volumes of a container that do not exist. Its row refers to them by now: a crash leaves none without an owner. */
export async function makeVolumesFor(core: Core, ctx: Ctx, wanted: readonly WantedVolume[]): Promise<void> {
  for (const { name, anonymous, driver, options, labels } of wanted) {
    const own = anonymous ? { ...labels, [ANONYMOUS_LABEL]: '' } : labels;
    await createVolume(core.volumeParts, ctx, { name, driver, options, labels: own });
  }
}

/** Fills the empty ones with what the image has in their place. */
export async function fillVolumesOf(core: Core, ctx: Ctx, view: Container): Promise<void> {
  for (const point of view.mounts) {
    if (point.type !== 'volume' || !point.copyUp || point.subpath !== '') continue;
    await failpoint('volume.fill.begin');
    await copyUp(core, ctx, { view, point });
  }
}

/** With the container go the volumes that were made for it without a name; one that another container has by now stays. */
export async function removeAnonymousVolumes(core: Core, ctx: Ctx, view: Container): Promise<void> {
  for (const { type, name, anonymous } of view.mounts) {
    if (type !== 'volume' || !anonymous || core.volumeParts.users(name).some((id) => id !== view.id))
      continue;
    try {
      await removeVolume(core.volumeParts, ctx, { name, force: true, except: view.id });
    } catch (error) {
      core.ctx.log.warn('An anonymous volume stays', { container: view.id, volume: name, error });
    }
  }
}
