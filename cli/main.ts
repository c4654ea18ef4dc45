import { codeOf, invalidArgument, messageOf } from '../common/errors.ts';
import { type Client, type Command, type Entries, type Entry, type Group, checkArity } from './command.ts';
import { commands, groups } from './commands.ts';
import type { Flags, Values } from '../common/flags/flag.ts';
import { parseFlags, type Parsed } from '../common/flags/parse.ts';
import { globalFlags } from './global-flags.ts';
import { chooseDaemon } from './connection/choose.ts';
import { readConfigFile, type ConfigFile } from './registry/config-file.ts';
import { settingOf } from './settings.ts';
import { BROKEN_PIPE_STATUS, print, printError } from './output.ts';

/** Of `--log-level`, as docker takes them. */
const LEVELS = new Set(['debug', 'info', 'warn', 'warning', 'error', 'fatal', 'panic', 'trace']);

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
  if (!LEVELS.has(global.values['log-level'])) {
    throw invalidArgument(`Unable to parse logging level: ${global.values['log-level']}`);
  }
  const config = readSettings();
  const client: Client = {
    config,
    choice: chooseDaemon(global, config.content),
    tables: { commands, groups },
  };
  const entry = find(commands, name);
  if (entry !== undefined) return call({ path: `wherry ${name}`, entry, words: rest, client });
  const group = Object.hasOwn(groups, name) ? groups[name] : undefined;
  if (group !== undefined) return callInGroup({ path: `wherry ${name}`, group, words: rest, client });
  const { refuseCommand } = await import('./refuse-command.ts');
  throw refuseCommand([name]);
}

/** Settings that can't be read don't keep anybody from working, as with docker. */
function readSettings(): ConfigFile {
  try {
    return readConfigFile();
  } catch (error) {
    printError(`WARNING: Error loading config file: ${messageOf(error)}\n`);
    return { path: '', content: {} };
  }
}

const find = (entries: Entries, name: string): Entry | undefined =>
  Object.hasOwn(entries, name) ? entries[name] : undefined;

interface GroupCall {
  readonly path: string;
  readonly group: Group;
  readonly words: readonly string[];
  readonly client: Client;
}

async function callInGroup({ path, group, words, client }: GroupCall): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined || name === '--help' || name === '-h') {
    const { groupHelp } = await import('./help.ts');
    print(groupHelp(path, group));
    return 0;
  }
  const entry = find(group.commands, name);
  if (entry === undefined) {
    const { refuseCommand } = await import('./refuse-command.ts');
    throw refuseCommand([...path.split(' ').slice(1), name]);
  }
  return call({ path: `${path} ${name}`, entry, words: rest, client });
}

interface EntryCall {
  readonly path: string;
  readonly entry: Entry;
  readonly words: readonly string[];
  readonly client: Client;
}

async function call({ path, entry, words, client }: EntryCall): Promise<number> {
  const [command, { openDaemon }] = await Promise.all([entry.load(), import('./http/daemon.ts')]);
  const given = parsed(path, command.usage, () =>
    parseFlags(command.flags, words, command.stopsAtArgument === true),
  );
  if (given === undefined) return USAGE_STATUS;
  const { changed, args, help } = given;
  if (help) return showHelp(path, entry, command);
  checkArity(path, command, args);
  return command.run({
    path,
    flags: withSettings(given, client),
    changed,
    args,
    daemon: openDaemon(() => client.choice.endpoint()),
    client,
  });
}

/** Keys that detach may be set for good. */
function withSettings({ values, changed }: Parsed<Flags>, client: Client): Values<Flags> {
  const name = 'detach-keys';
  if (!Object.hasOwn(values, name) || changed.has(name)) return values;
  return { ...values, [name]: settingOf(client, 'detachKeys') };
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
