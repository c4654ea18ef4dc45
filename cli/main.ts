import { codeOf, invalidArgument, messageOf } from '../common/errors.ts';
import { type Command, checkArity } from './command.ts';
import { commands, type Entries, type Entry, groups } from './commands.ts';
import { parseFlags } from '../common/flags/parse.ts';
import { globalFlags } from './global-flags.ts';
import { DEFAULT_HOST } from './http/address.ts';
import { BROKEN_PIPE_STATUS, print, printError } from './output.ts';

/** Docker's exit code for flags that can't be read. */
const USAGE_STATUS = 125;

async function main(words: readonly string[]): Promise<number> {
  try {
    return await dispatch(words);
  } catch (error) {
    if (codeOf(error) === 'canceled') return BROKEN_PIPE_STATUS;
    printError(`${messageOf(error)}\n`);
    return 1;
  }
}

async function dispatch(words: readonly string[]): Promise<number> {
  const global = parsed('wherry', '[OPTIONS] COMMAND [ARG...]', () => parseFlags(globalFlags, words, true));
  if (global === undefined) return USAGE_STATUS;
  if (global.values.version) {
    const { VERSION } = await import('../common/version.ts');
    print(`Wherry version ${VERSION}\n`);
    return 0;
  }
  const [name, ...rest] = global.args[0] === 'help' ? [...global.args.slice(1), '--help'] : global.args;
  if (global.help || name === undefined || name === '--help') return showRootHelp();
  if (global.values.config !== '') process.env['DOCKER_CONFIG'] = global.values.config;
  const host = hostOf(global.values.host);
  const entry = find(commands, name);
  if (entry !== undefined) return call({ path: `wherry ${name}`, entry, words: rest, host });
  const group = Object.hasOwn(groups, name) ? groups[name] : undefined;
  if (group === undefined) {
    throw invalidArgument(
      `wherry: unknown command: wherry ${name}\n\nRun 'wherry --help' for more information`,
    );
  }
  return callInGroup({ path: `wherry ${name}`, group, words: rest, host });
}

/** `-H` and then the environment: our own variable first, so that both engines can be used side by side. */
function hostOf(given: readonly string[]): string {
  const [first, ...more] = given;
  if (more.length > 0) throw invalidArgument('Specify only one -H');
  return first || process.env['WHERRY_HOST'] || process.env['DOCKER_HOST'] || DEFAULT_HOST;
}

const find = (entries: Entries, name: string): Entry | undefined =>
  Object.hasOwn(entries, name) ? entries[name] : undefined;

interface GroupCall {
  readonly path: string;
  readonly group: { readonly summary: string; readonly commands: Entries };
  readonly words: readonly string[];
  readonly host: string;
}

async function callInGroup({ path, group, words, host }: GroupCall): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined || name === '--help' || name === '-h') {
    const { groupHelp } = await import('./help.ts');
    print(groupHelp(path, group));
    return 0;
  }
  const entry = find(group.commands, name);
  if (entry === undefined) {
    throw invalidArgument(
      `wherry: unknown command: ${path} ${name}\n\nUsage:  ${path}\n\nRun '${path} --help' for more information`,
    );
  }
  return call({ path: `${path} ${name}`, entry, words: rest, host });
}

interface EntryCall {
  readonly path: string;
  readonly entry: Entry;
  readonly words: readonly string[];
  readonly host: string;
}

async function call({ path, entry, words, host }: EntryCall): Promise<number> {
  const [command, { openDaemon }] = await Promise.all([entry.load(), import('./http/daemon.ts')]);
  const given = parsed(path, command.usage, () =>
    parseFlags(command.flags, words, command.stopsAtArgument === true),
  );
  if (given === undefined) return USAGE_STATUS;
  const { values, changed, args, help } = given;
  if (help) return showHelp(path, entry, command);
  checkArity(path, command, args);
  return command.run({ path, flags: values, changed, args, daemon: openDaemon(host) });
}

async function showHelp(path: string, entry: Entry, command: Command): Promise<number> {
  const { commandHelp } = await import('./help.ts');
  print(commandHelp(path, entry, command));
  return 0;
}

async function showRootHelp(): Promise<number> {
  const { rootHelp } = await import('./help.ts');
  print(rootHelp());
  return 0;
}

/** Runs a parser of flags; what it refuses is told with the usage, as docker does, and the result is undefined. */
function parsed<T>(path: string, usage: string, parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    printError(`${messageOf(error)}

Usage:  ${path} ${usage}

Run '${path} --help' for more information
`);
    return undefined;
  }
}

/**
 * Finds the command, loads its file and nothing else, and ends with its exit code. The process is ended on purpose: what
 * still holds the event loop, a half-read stdin for instance, is nobody's concern any more.
 */
void main(process.argv.slice(2)).then((status) => process.exit(status));
