import { resolve } from 'node:path';
import { messageOf } from '../../common/errors.ts';
import { parseFlags } from '../../common/flags/parse.ts';
import { endProcess } from '../../native/sys/wait.ts';
import { readCgroupLayoutNow } from '../cgroup/layout.ts';
import type { Settings } from '../container/contract.ts';
import { globalFlags } from './global-flags.ts';
import { openLog, type Log } from './log.ts';
import { print, printError } from './output.ts';
import type { Verb } from './verb.ts';
import { verbs } from './verbs.ts';

/** The exit code of a failure, unless the verb has another. */
const FAILURE = 1;

async function main(words: readonly string[]): Promise<number> {
  const global = read(() => parseFlags(globalFlags, words, true));
  if (global === undefined) return FAILURE;
  const { values, args } = global;
  if (values.version) return showVersion();
  const [name, ...rest] = args;
  if (global.help || name === undefined || name === 'help') return showHelp(rest[0]);
  const load = Object.hasOwn(verbs, name) ? verbs[name]?.load : undefined;
  if (load === undefined) {
    printError(`No help topic for '${name}'\n`);
    return 3;
  }
  const log = read(() => openLog({ path: values.log, format: values['log-format'], debug: values.debug }));
  if (log === undefined) return FAILURE;
  const verb = await load();
  try {
    return await call(name, verb, { words: rest, settings: settingsOf(values, log) });
  } catch (error) {
    log.error(messageOf(error));
    return verb.failureCode ?? FAILURE;
  }
}

async function call(
  name: string,
  verb: Verb,
  { words, settings }: { readonly words: readonly string[]; readonly settings: Settings },
): Promise<number> {
  const { values, changed, args, help } = parseFlags(verb.flags, words, verb.stopsAtArgument === true);
  if (help) return showHelp(name);
  const [least, most] = verb.arity;
  if (args.length < least || args.length > most) {
    const wanted =
      least === most
        ? `exactly ${least}`
        : args.length < least
          ? `a minimum of ${least}`
          : `a maximum of ${most}`;
    throw new Error(`wherry-runtime: "${name}" requires ${wanted} argument(s)`);
  }
  return verb.run({ settings, flags: values, changed, args });
}

function settingsOf(values: ReturnType<typeof parseFlags<typeof globalFlags>>['values'], log: Log): Settings {
  return {
    root: resolve(values.root),
    driver: values['systemd-cgroup'] ? 'systemd' : values['cgroup-manager'],
    layout: readCgroupLayoutNow(),
    rootless: values.rootless === 'true' || (values.rootless === 'auto' && process.getuid?.() !== 0),
    warn: log.warn,
  };
}

async function showVersion(): Promise<number> {
  const { versionText } = await import('./version.ts');
  print(versionText());
  return 0;
}

async function showHelp(name: string | undefined): Promise<number> {
  const { helpText } = await import('./help.ts');
  print(await helpText(name));
  return 0;
}

/** What the global flags don't allow is told with where to read more: there is no log yet. */
function read<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    printError(`Incorrect Usage: ${messageOf(error)}\n\nRun 'wherry-runtime --help' for more information\n`);
    return undefined;
  }
}

/** The process is ended on purpose, and at once: what holds the event loop or V8's threads is nobody's concern any more. */
void main(process.argv.slice(2)).then((status) => endProcess(status));
