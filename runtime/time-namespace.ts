import type { PlanBuilder } from './plan/builder.ts';
import { CLONE_NEW } from './plan/constants.ts';
import { writeFile } from './plan/paths.ts';
import type { Spec } from './spec.ts';

/**
 * A time namespace is made for children, and its offsets stand before the first of them (man 7 time_namespaces): so the parent
 * makes it.
 */
export function makeTimeNamespace(plan: PlanBuilder, { linux }: Spec): void {
  plan.call('make a time namespace', 'unshare', [CLONE_NEW.time]);
  const text = Object.entries(linux.timeOffsets ?? {})
    .map(([clock, { secs = 0, nanosecs = 0 }]) => `${clock} ${secs} ${nanosecs}\n`)
    .join('');
  if (text === '') return;
  const label = `set the time offsets ${JSON.stringify(text)}`;
  writeFile(plan, '/proc/self/timens_offsets', { text, label });
}
