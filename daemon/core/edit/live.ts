import type { Ctx } from '../../../common/ctx.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { changePorts } from '../containers/publish.ts';
import { isUp } from '../containers/state.ts';
import type { Entry } from '../containers/table.ts';
import { applyLimits, shortenPause } from '../containers/update.ts';
import type { ContainerEdit } from '../contract.ts';
import type { Core } from '../core.ts';
import type { SettledEdit } from './settle.ts';

/**
 * What needs no new start. The kernel first, then the row: a daemon that dies in between has the next one go by the row, also for
 * ports (`recoverPorts`).
 */
export async function editLive(core: Core, ctx: Ctx, { entry, settled, change }: LiveEdit): Promise<void> {
  const { config } = entry.view;
  if (isUp(entry.view.state)) {
    await applyLimits(core, entry, { from: config.host.resources, change: change.update });
    await failpoint('container.edit.limits');
    await changePorts(core, ctx, settled.view);
    await failpoint('container.edit.ports');
  }
  core.table.reconfigure(entry, settled.view.config);
  core.table.publish(entry, { ports: core.ports.of(entry.id) });
  shortenPause(core, entry);
  await watchAgain(core, entry, config.healthcheck);
}

interface LiveEdit {
  readonly entry: Entry;
  readonly settled: SettledEdit;
  readonly change: ContainerEdit;
}

async function watchAgain(core: Core, entry: Entry, before: unknown): Promise<void> {
  const { healthcheck } = entry.view.config;
  if (entry.run === undefined || before === healthcheck) return;
  await core.health.rest(entry);
  if (healthcheck === undefined || healthcheck.test[0] === 'NONE') {
    core.health.forget(entry);
    core.table.publish(entry, { health: undefined });
  } else core.health.begin(entry);
}
