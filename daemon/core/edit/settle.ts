import type { Ctx } from '../../../common/ctx.ts';
import { invalidArgument } from '../../../common/errors.ts';
import { missingBind } from '../../../runtime/rootfs/binds.ts';
import { mergeUpdate } from '../containers/update.ts';
import { validateRequest } from '../containers/validate.ts';
import type { Container, ContainerEdit } from '../contract.ts';
import type { Core } from '../core.ts';
import { checkAtCreate, HEALTH_LABELS, mergeHealthcheck } from '../health/check.ts';
import { planMounts } from '../plan/mounts.ts';
import { settleMountsFor, type WantedVolume } from '../volumes/mount-points.ts';

export interface SettledEdit {
  /** As the container would be shown. */
  readonly view: Container;
  /** Those of its volumes that do not exist yet. */
  readonly made: readonly WantedVolume[];
  readonly warnings: readonly string[];
}

interface Edited {
  readonly before: Container;
  readonly change: ContainerEdit;
}

/** The container as it will be, checked by what checks a create. Makes nothing. */
export async function settleEdit(core: Core, ctx: Ctx, { before, change }: Edited): Promise<SettledEdit> {
  const { warnings, host } = mergeUpdate(core, before, change.update);
  const { config: old } = before;
  const labels = change.labels ?? old.labels;
  const config: Container['config'] = {
    ...old,
    labels,
    env: change.env ?? old.env,
    healthcheck: change.healthcheck ?? healthcheckBy(old, labels),
    exposedPorts: change.exposedPorts ?? old.exposedPorts,
    volumes: change.mounts?.volumes ?? old.volumes,
    host: {
      ...host,
      portBindings: change.portBindings ?? host.portBindings,
      ...change.mounts?.host,
      raw: { ...host.raw, ...change.raw },
    },
  };
  // What a name space donor has set is not the request's.
  const exposedPorts = change.exposedPorts ?? {};
  validateRequest({ ...config, hostname: '', domainname: '', exposedPorts }, core.host);
  const unchecked = checkAtCreate(config, change.healthcheck);
  const { mounts, made } = await settleMounts(core, ctx, {
    before,
    config,
    changed: change.mounts !== undefined,
  });
  return { view: { ...before, config, mounts }, made, warnings: [...warnings, ...unchecked] };
}

/** A label may say how health is checked. */
function healthcheckBy(
  { labels: before, healthcheck, imageConfig }: Container['config'],
  labels: Container['config']['labels'],
): Container['config']['healthcheck'] {
  if (HEALTH_LABELS.every((name) => before[name] === labels[name])) return healthcheck;
  return mergeHealthcheck(undefined, imageConfig, labels);
}

interface ToMount {
  readonly before: Container;
  readonly config: Container['config'];
  readonly changed: boolean;
}

/** Anonymous volumes stay where they are. */
async function settleMounts(
  core: Core,
  ctx: Ctx,
  { before, config, changed }: ToMount,
): Promise<{ readonly mounts: Container['mounts']; readonly made: readonly WantedVolume[] }> {
  if (!changed) return { mounts: before.mounts, made: [] };
  const { mounts, volumes } = settleMountsFor(core, config, before.mounts);
  const planned = await planMounts(core, ctx, { view: { ...before, config, mounts }, volumes });
  const missing = planned.find(({ source }) => source === 'missing');
  if (missing !== undefined) throw invalidArgument(missingBind(missing.point.source));
  const isMade = new Set(planned.filter(({ source }) => source === 'made').map(({ point }) => point.name));
  return { mounts, made: volumes.filter(({ name }) => isMade.has(name)) };
}
