import { renderFlags } from '../../common/flags/help.ts';
import { globalFlags } from './global-flags.ts';
import { verbs } from './verbs.ts';

const COLUMNS = 100;

/** The help page of a verb, or of all. */
export async function helpText(name: string | undefined): Promise<string> {
  const entry = name === undefined || !Object.hasOwn(verbs, name) ? undefined : verbs[name];
  if (entry === undefined) return rootHelp();
  const { usage, flags } = await entry.load();
  const options = Object.keys(flags).length === 0 ? '' : `\n\nOptions:\n${renderFlags(flags, COLUMNS)}`;
  return `Usage:  wherry-runtime ${name} ${usage}\n\n${entry.summary}${options}\n`;
}

function rootHelp(): string {
  const width = Math.max(...Object.keys(verbs).map((name) => name.length)) + 2;
  const lines = Object.entries(verbs).map(([name, { summary }]) => `  ${name.padEnd(width)}${summary}`);
  return `Usage:  wherry-runtime [OPTIONS] VERB [ARG...]

Runs OCI bundles (runtime-spec 1.2) with runc's verbs and flags

Verbs:
${lines.join('\n')}

Options:
${renderFlags(globalFlags, COLUMNS)}
`;
}
