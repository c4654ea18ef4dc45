import { conflict } from '../../common/errors.ts';
import { applyResources, mergeResources } from '../cgroup/live/update.ts';
import type { Resources } from '../spec.ts';
import type { ContainerRecord, Settings } from './contract.ts';
import { saveRecord } from './state-directory.ts';
import { statusOf } from './status.ts';

/**
 * Changes limits of a container: those that `update` (validated) names, the others stay. What holds then is kept in its state. Throws
 * `conflict` in runc's words for one that does not run. Under the container's lock.
 */
export async function updateContainer(
  settings: Settings,
  record: ContainerRecord,
  update: Resources,
): Promise<void> {
  const { cgroups, spec } = record;
  if (statusOf(settings, record) === 'stopped') throw conflict('container not running');
  if (cgroups === undefined) throw conflict('cannot update a container without cgroups');
  const { merged, change } = mergeResources(spec.linux.resources ?? {}, update);
  if (cgroups.unit !== undefined) {
    const { connectSystemd } = await import('../cgroup/systemd/units.ts');
    const systemd = await connectSystemd({ isRootless: settings.rootless });
    try {
      await systemd.update({
        unit: cgroups.unit,
        layout: cgroups.layout,
        resources: change,
        warn: settings.warn,
      });
    } finally {
      systemd.close();
    }
  }
  await applyResources({ ...cgroups, resources: change });
  saveRecord(settings.root, { ...record, spec: { ...spec, linux: { ...spec.linux, resources: merged } } });
}
