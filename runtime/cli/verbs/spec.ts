import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { conflict } from '../../../common/errors.ts';
import { bool, text } from '../../../common/flags/flag.ts';
import { isUnified } from '../../cgroup/layout.ts';
import { launchPlan, newRecord } from '../../container/create.ts';
import type { Settings } from '../../container/contract.ts';
import { formatPlan } from '../../plan/format.ts';
import { templateText } from '../../template-spec.ts';
import { loadBundle } from '../load-config.ts';
import { print } from '../output.ts';
import { verb } from '../verb.ts';

const CONFIG = 'config.json';

export const entry = verb({
  usage: '[OPTIONS] [CONTAINER]',
  flags: {
    bundle: text('Path to the root of the bundle directory', { short: 'b', shown: 'the current directory' }),
    rootless: bool('Write a configuration for a caller who is not root'),
    plan: bool('Print the steps that creating the bundle’s container takes, and take none'),
  },
  arity: [0, 1],
  run: ({ settings, flags: { bundle, rootless, plan }, args: [id = 'container'] }) => {
    if (plan) print(planOf(settings, { bundle, id }));
    else writeTemplate(settings, { bundle, rootless });
    return 0;
  },
});

function planOf(
  settings: Settings,
  { bundle, id }: { readonly bundle: string; readonly id: string },
): string {
  const loaded = loadBundle(settings, { bundle, config: '' });
  const record = newRecord(settings, { id, ...loaded, noNewKeyring: false });
  return formatPlan(launchPlan(settings, record, { preserveFds: 0, noPivot: false, waits: true }));
}

function writeTemplate(
  { layout }: Settings,
  { bundle, rootless }: { readonly bundle: string; readonly rootless: boolean },
): void {
  const document = templateText({
    rootless,
    isUnified: isUnified(layout),
    cpus: cpus().length,
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
  });
  try {
    writeFileSync(join(bundle === '' ? '.' : bundle, CONFIG), document, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw conflict(`File ${CONFIG} exists. Remove it first`);
  }
}
