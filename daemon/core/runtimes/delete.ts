import { failpoint } from '../../../common/failpoints.ts';
import { cgroupPathOf, killCgroup } from '../cgroups.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import { bundleOf, foreignContainer, readRuntime } from './bundle.ts';
import { runVerb } from './verb.ts';

/**
 * Has another runtime forget a container whose run is over; nothing for one of our own. A runtime that fails is logged: its state lies
 * in the bundle, which goes, and its cgroup is removed by the caller.
 */
export async function deleteFromRuntime(core: Core, view: Container): Promise<void> {
  const { id } = view;
  const runtime = await readRuntime(bundleOf(core.paths, id));
  if (runtime === undefined) return;
  await killCgroup(core.host.cgroups, cgroupPathOf(core, view));
  try {
    await failpoint('runtime.delete');
    await runVerb(core, foreignContainer(core.paths, id, runtime), { verb: ['delete', '--force', id] });
  } catch (error) {
    core.ctx.log.warn('A runtime did not delete its container', {
      container: id,
      runtime: runtime.path,
      error,
    });
  }
}
