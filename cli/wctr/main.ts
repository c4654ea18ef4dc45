import { codeOf, messageOf } from '../../common/errors.ts';
import { parseFlags } from '../../common/flags/parse.ts';
import { BROKEN_PIPE_STATUS, print, printError } from '../output.ts';
import { find, type Entry, type Group } from './command.ts';
import { root } from './commands.ts';
import { globalFlags } from './global-flags.ts';
import { longFlags } from './long-flags.ts';

/** Of a command that is not there, as with ctr. */
const UNKNOWN_STATUS = 3;

interface Place {
  /** As the user may repeat it: `wctr images ls`. */
  readonly path: string;
  readonly entry: Entry | Group;
  /** Words behind the name. */
  readonly words: readonly string[];
  /** Of groups above that have flags of their own. */
  readonly inherited: Readonly<Record<string, unknown>>;
}

async function main(words: readonly string[]): Promise<number> {
  let debug = false;
  try {
    const global = parseFlags(globalFlags, longFlags(globalFlags, words), true);
    debug = global.values.debug;
    if (global.values.version) return await showVersion();
    if (global.help) return await showGroup({ path: 'wctr', entry: root, words: [], inherited: {} });
    return await dispatch({ path: 'wctr', entry: root, words: global.args, inherited: {} }, global.values);
  } catch (error) {
    if (codeOf(error) === 'canceled') return BROKEN_PIPE_STATUS;
    const { textOf } = await import('../containerd/errors.ts');
    printError(`wctr: ${textOf(error)}\n`);
    if (debug && error instanceof Error) printError(`${error.stack ?? ''}\n`);
    return 1;
  }
}

type Globals = ReturnType<typeof parseFlags<typeof globalFlags>>['values'];

async function dispatch(place: Place, globals: Globals): Promise<number> {
  const { entry, path } = place;
  if ('load' in entry) return call({ ...place, entry }, globals);
  const flags = entry.flags ?? {};
  const { values, args, help } = parseFlags(flags, longFlags(flags, place.words), true);
  const [name, ...rest] = args;
  if (help || name === undefined || name === 'help' || name === 'h') return showGroup(place);
  const found = find(entry.commands, name);
  if (found === undefined) {
    printError(`No help topic for '${name}'\n`);
    return UNKNOWN_STATUS;
  }
  const inherited = { ...place.inherited, ...values };
  return dispatch({ path: `${path} ${found.name}`, entry: found.entry, words: rest, inherited }, globals);
}

async function call(
  { path, entry, words, inherited }: Place & { readonly entry: Entry },
  globals: Globals,
): Promise<number> {
  const [command, { openContainerd }, { commandHelp }] = await Promise.all([
    entry.load(),
    import('../containerd/client.ts'),
    import('./help.ts'),
  ]);
  const page = commandHelp(path, entry, command);
  const given = readFlags(() => parseFlags(command.flags, longFlags(command.flags, words), true), page);
  if (given.help) {
    print(page);
    return 0;
  }
  const { values, changed, args } = given;
  const containerd = openContainerd({
    address: globals.address,
    namespace: globals.namespace,
    connectTimeoutMs: globals['connect-timeout'],
    timeoutMs: globals.timeout,
  });
  const ofGroups = Object.entries(inherited).filter(([name]) => !changed.has(name));
  const flags = { ...values, ...Object.fromEntries(ofGroups) };
  return command.run({ flags, changed, args, containerd, help: page });
}

/** What a command's flags refuse is told with its help page. */
function readFlags<T>(read: () => T, page: string): T {
  try {
    return read();
  } catch (error) {
    print(`Incorrect Usage: ${messageOf(error)}\n\n${page}\n`);
    throw error;
  }
}

async function showVersion(): Promise<number> {
  const { VERSION } = await import('../../common/version.ts');
  print(`wctr version ${VERSION}\n`);
  return 0;
}

async function showGroup({ path, entry }: Place): Promise<number> {
  const { groupHelp } = await import('./help.ts');
  print(groupHelp(path, entry as Group));
  return 0;
}

/** What still holds the event loop, the connection for one, is nobody's concern any more. */
void main(process.argv.slice(2)).then((status) => process.exit(status));
