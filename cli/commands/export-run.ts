import { bool } from '../../common/flags/flag.ts';
import { checkArity, defineCommand } from '../command.ts';
import { commandWords, configWords, quote } from '../export-run/config-words.ts';
import { type Made, readMade, textsOf } from '../export-run/facts.ts';
import { hostWords } from '../export-run/host-words.ts';
import { placeWords } from '../export-run/place-words.ts';
import type { Daemon } from '../http/daemon.ts';
import { print, printError } from '../output.ts';

/** Prints the command that makes a container like this one: what its image says by itself is left out. */
export const exportRun = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: {
    compose: bool('Print a compose file for the containers, with their networks and volumes'),
    create: bool('Print a create instead of a run'),
  },
  arity: [1],
  run: async ({ daemon, flags, args, path }) => {
    if (flags.compose) return printCompose(daemon, args);
    checkArity(path, { ...exportRun, arity: [1, 1] }, args);
    const [name = ''] = args;
    const made = await readMade(daemon, name);
    for (const note of notes(made)) printError(`WARNING: ${note}\n`);
    const { flag, command } = commandWords(made);
    const words = [
      ...['wherry', ...(flags.create ? ['create'] : ['run', '--detach']), '--name', made.Name.slice(1)],
      ...[...configWords(made), ...hostWords(made.HostConfig), ...placeWords(made), ...flag],
      ...[String(made.Config['Image']), ...command],
    ];
    print(`${words.map((word) => quote(word)).join(' ')}\n`);
    return 0;
  },
});

async function printCompose(daemon: Daemon, names: readonly string[]): Promise<number> {
  const { composeFile } = await import('../export-run/compose/document.ts');
  const containers = await Promise.all(names.map((name) => readMade(daemon, name)));
  const { text, notes: unsaid } = await composeFile(daemon, containers);
  for (const note of unsaid) printError(`WARNING: ${note}\n`);
  print(text);
  return 0;
}

/** What a flag can't say. */
function notes({ HostConfig, image }: Made): string[] {
  const has = (name: string): boolean => textsOf(HostConfig, name).length > 0;
  return [
    ...(Object.keys(image).length === 0 ? ['the image is gone: what it said itself is printed too'] : []),
    ...(has('DeviceRequests') ? ['requests for devices (--gpus) are left out'] : []),
    ...(textsOf(HostConfig, 'SecurityOpt').some((option) => option.startsWith('seccomp={'))
      ? ['the seccomp profile is left out: --security-opt seccomp=FILE takes it from a file']
      : []),
  ];
}
