import { codeOf, invalidArgument } from '../../common/errors.ts';
import type { Values } from '../../common/flags/flag.ts';
import type { PlanBody } from '../../daemon/api/docker/wire/plan.ts';
import { toJson } from '../format/json.ts';
import type { Daemon } from '../http/daemon.ts';
import { print, printError } from '../output.ts';
import { showPlan } from '../plan/show.ts';
import type { CreateBody } from './config.ts';
import { startFailureStatus } from './exit-status.ts';
import type { CreateFlags } from './flags.ts';
import type { planFlags } from './plan-flags.ts';

type Flags = Values<CreateFlags & typeof planFlags>;

/**
 * Prints the plan of a container; what a start would fail for goes to stderr. Returns the exit code that `run` would have, of `create`
 * 0. Throws what create would be refused with.
 */
export async function dryRun(
  daemon: Daemon,
  flags: Flags,
  { body, starts }: { readonly body: CreateBody; readonly starts: boolean },
): Promise<number> {
  if (!['', 'json'].includes(flags.format)) throw invalidArgument(`unknown format: "${flags.format}"`);
  const query = { name: flags.name || undefined, platform: flags.platform || undefined, pull: flags.pull };
  const path = '/wherry/containers/plan';
  const answer = await daemon.send({ method: 'POST', path, query, json: body }).catch((error: unknown) => {
    throw codeOf(error) === 'not-found' && /page not found/.test(String(error))
      ? invalidArgument('the daemon is not a wherryd: it has no plans')
      : error;
  });
  const plan = JSON.parse(await answer.text()) as PlanBody;
  for (const warning of plan.Warnings) printError(`WARNING: ${warning}\n`);
  for (const { Message } of plan.Problems) printError(`PROBLEM: ${Message}\n`);
  print(flags.format === 'json' ? `${toJson(plan)}\n` : showPlan(plan, { pull: flags.pull }));
  const [first] = plan.Problems;
  return first === undefined || !starts ? 0 : startFailureStatus(new Error(first.Message));
}
