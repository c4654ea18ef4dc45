import { defineCommand } from '../command.ts';
import { difference, readEditable, type Edit } from '../edit/editable.ts';
import { editFlags, editOf } from '../edit/flags.ts';
import type { Daemon } from '../http/daemon.ts';
import { print, printError } from '../output.ts';
import { containerPath } from './each.ts';

/** Changes what a container was made with; without flags in an editor. */
export const edit = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  flags: editFlags,
  arity: [1, 1],
  run: async ({ daemon, flags, changed, args: [name = ''] }) => {
    const before = await readEditable(daemon, name);
    const dryRun = flags['dry-run'];
    const apply = (after: Edit): Promise<void> =>
      send(daemon, { name, dryRun, edit: difference(before, after) });
    if ([...changed].some((flag) => flag !== 'dry-run')) {
      await apply(editOf(before, flags, changed));
      return 0;
    }
    const { editInEditor } = await import('../edit/editor.ts');
    if (!(await editInEditor(before, apply))) print('nothing is changed\n');
    return 0;
  },
});

interface Result {
  readonly Live: readonly string[];
  readonly Anew: readonly string[];
  readonly Restarted: boolean;
  readonly Warnings: readonly string[];
}

async function send(
  daemon: Daemon,
  { name, edit, dryRun }: { readonly name: string; readonly edit: Edit; readonly dryRun: boolean },
): Promise<void> {
  const answer = await daemon.send({
    method: 'POST',
    path: `/wherry${containerPath(name, '/edit')}`,
    query: { dryRun: dryRun ? 1 : undefined },
    json: edit,
  });
  const result = JSON.parse(await answer.text()) as Result;
  for (const warning of result.Warnings) printError(`WARNING: ${warning}\n`);
  print(describe(result, dryRun));
}

function describe({ Live, Anew, Restarted }: Result, dryRun: boolean): string {
  const would = dryRun ? 'would be ' : '';
  if (Live.length + Anew.length === 0) return 'nothing is changed\n';
  const how = Restarted
    ? `${would}stopped and started anew, with its id, name, addresses, volumes and files`
    : `${would}changed for its next start`;
  const live = Live.length === 0 ? '' : `${would}changed: ${Live.join(', ')}\n`;
  return Anew.length === 0 ? live : `${live}${would}changed: ${Anew.join(', ')} (${how})\n`;
}
