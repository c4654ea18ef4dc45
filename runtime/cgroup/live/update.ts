import { constants } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { internal, invalidArgument } from '../../../common/errors.ts';
import { PlanBuilder } from '../../plan/builder.ts';
import type { Plan } from '../../plan/types.ts';
import type { Resources } from '../../spec.ts';
import type { CgroupLimits, CgroupPlace, Write } from '../contract.ts';
import { limitCgroups } from '../limits.ts';
import { placeOf } from '../layout.ts';
import { placeWrites } from '../writes.ts';
import { codeOfErrno } from './files.ts';
import { readCount } from './numbers.ts';

/** Changes the limits of a living container, devices too: a plan of writes alone. */
export function updatePlan(limits: CgroupLimits): Plan {
  const plan = new PlanBuilder();
  limitCgroups(plan, { ...limits, fresh: false });
  plan.end();
  return plan.build();
}

/**
 * Changes the limits of a living container by writing its files, all but those of devices, as `runc update`. Throws
 * `invalid-argument` in runc's words for a memory limit that is below what is used. What was written before stays.
 */
export async function applyResources({ layout, path, resources }: CgroupLimits): Promise<void> {
  await checkUsage({ layout, path }, resources);
  for (const { mountPoint, writes } of placeWrites({ layout, resources }, false))
    for (const write of writes) await apply(`${mountPoint}${path}`, write);
}

async function apply(directory: string, write: Write): Promise<void> {
  const { file, text, ignoreOpen = [], ignoreWrite = [], otherwise } = write;
  try {
    await writeFile(`${directory}/${file}`, text, { flag: constants.O_WRONLY });
  } catch (error) {
    const code = codeOfErrno(error);
    if (code === 'ENOENT' && otherwise !== undefined) await apply(directory, otherwise);
    else if (!ignoreOpen.includes(code) && !ignoreWrite.includes(code))
      throw await explain(directory, { write, error });
  }
}

async function explain(
  directory: string,
  { write, error }: { readonly write: Write; readonly error: unknown },
): Promise<Error> {
  const { file, text } = write;
  const code = codeOfErrno(error);
  if (file !== 'memory.limit_in_bytes' || code !== 'EBUSY')
    return internal(`Cannot write "${text}" to ${file}: ${code}`, { cause: error });
  const usage = (await readCount(`${directory}/memory.usage_in_bytes`)) ?? 0;
  const peak = (await readCount(`${directory}/memory.max_usage_in_bytes`)) ?? 0;
  return invalidArgument(
    `unable to set memory limit to ${text} (current usage: ${usage}, peak usage: ${peak})`,
    { cause: error },
  );
}

/** Version 2 would kill processes until the rest fits. */
async function checkUsage({ layout, path }: CgroupPlace, { memory }: Resources): Promise<void> {
  const at = placeOf(layout, { v1: 'memory', v2: 'memory' });
  if (memory?.checkBeforeUpdate !== true || at?.version !== 2) return;
  const usage = await readCount(`${at.mountPoint}${path}/memory.current`);
  if (usage === undefined) return;
  for (const [what, value = 0] of [
    ['memory+swap', memory.swap],
    ['memory', memory.limit],
  ] as const) {
    if (value > 0 && value <= usage)
      throw invalidArgument(`rejecting ${what} limit ${value} <= usage ${usage}`);
  }
}

/**
 * What an update means: `merged` is what holds from now on, to be kept; `change` is what is to be written now. Values that count
 * together only (memory with swap, quota with period) are completed by those that held before.
 */
export function mergeResources(
  base: Resources,
  update: Resources,
): { readonly merged: Resources; readonly change: Resources } {
  const memory = { ...base.memory, ...without(update.memory) };
  // Unlimited memory without a word on swap is unlimited swap.
  if (update.memory?.limit === -1 && update.memory.swap === undefined) memory.swap = 0;
  const cpu = { ...base.cpu, ...without(update.cpu) };
  const { devices: _, ...rest } = update;
  const merged: Resources = {
    ...base,
    ...without(rest),
    ...(update.memory === undefined ? {} : { memory }),
    ...(update.cpu === undefined ? {} : { cpu }),
    ...(update.blockIO === undefined ? {} : { blockIO: { ...base.blockIO, ...without(update.blockIO) } }),
  };
  const { limit, swap } = memory;
  const together = update.memory?.limit !== undefined || update.memory?.swap !== undefined;
  const shares = update.cpu?.quota !== undefined || update.cpu?.period !== undefined;
  const change: Resources = {
    ...without(rest),
    ...(update.memory === undefined
      ? {}
      : { memory: { ...update.memory, ...(together ? without({ limit, swap }) : {}) } }),
    ...(update.cpu === undefined
      ? {}
      : { cpu: { ...update.cpu, ...(shares ? without({ quota: cpu.quota, period: cpu.period }) : {}) } }),
  };
  return { merged, change };
}

/** Only what is set. */
const without = <T extends object>(value: T | undefined): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(
    Object.entries(value ?? {}).filter(([, each]) => each !== undefined && each !== null),
  ) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
