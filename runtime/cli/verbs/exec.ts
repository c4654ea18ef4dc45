import { readFileSync } from 'node:fs';
import { invalidArgument } from '../../../common/errors.ts';
import { bool, int, list, text } from '../../../common/flags/flag.ts';
import { writePidFile } from '../../container/create.ts';
import { exec } from '../../container/exec.ts';
import { loadRecord } from '../../container/state-directory.ts';
import { closeConsole, openConsole } from '../../container/terminal.ts';
import { inheritProcess } from '../../process/inherit.ts';
import type { Capabilities, Process } from '../../spec.ts';
import { validateProcess } from '../../validate/config.ts';
import { prepareToStand, standFor } from '../foreground.ts';
import { parse } from '../load-config.ts';
import { preservedFds } from '../preserved-fds.ts';
import { sendPidfd } from '../pidfd-socket.ts';
import { verb } from '../verb.ts';

const flags = {
  'console-socket': text('Unix socket that receives the master of the process’s terminal'),
  cwd: text('Current working directory in the container'),
  env: list('Set an environment variable', { short: 'e' }),
  tty: bool('Allocate a terminal', { short: 't' }),
  user: text('User as UID[:GID]', { short: 'u' }),
  'additional-gids': list('Additional group', { short: 'g' }),
  process: text('Path to the process document (process.json)', { short: 'p' }),
  detach: bool('Detach from the process', { short: 'd' }),
  'pid-file': text('File to write the process id to'),
  'process-label': text('SELinux label of the process'),
  apparmor: text('AppArmor profile of the process'),
  'no-new-privs': bool('Set no_new_privs for the process'),
  cap: list('Add a capability to the process', { short: 'c' }),
  'preserve-fds': int('Number of file descriptors beyond stdio to pass to the process'),
  cgroup: list('Run in this sub-cgroup: [controller:]path'),
  'ignore-paused': bool('Run also in a paused container'),
  'pidfd-socket': text('Unix socket that receives a pidfd of the process'),
  'no-subreaper': bool('Do not become the parent of processes that the container orphans', { hidden: true }),
};

type Given = Parameters<Parameters<typeof verb<typeof flags>>[0]['run']>[0];

export const entry = verb({
  usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  flags,
  arity: [1, Number.POSITIVE_INFINITY],
  stopsAtArgument: true,
  failureCode: 255,
  run: async (given) => {
    const { settings, flags: values, args } = given;
    const [id = ''] = args;
    const record = loadRecord(settings.root, id);
    const asked = validateProcess(processOf(given, record.spec.process));
    asked.warnings.forEach(settings.warn);
    const fds = preservedFds(values['preserve-fds'], asked.process);
    const console = openConsole({
      terminal: fds.process.terminal === true,
      detached: values.detach,
      consoleSocket: values['console-socket'] || undefined,
    });
    if (!values.detach) prepareToStand();
    const pid = await exec(settings, record, {
      process: fds.process,
      console,
      preserveFds: fds.count,
      ignorePaused: values['ignore-paused'],
      subCgroups: values.cgroup,
      onPid: (started) => {
        if (values['pid-file'] !== '') writePidFile(values['pid-file'], started);
      },
    });
    closeConsole(console);
    sendPidfd(values['pidfd-socket'], pid);
    return values.detach ? 0 : standFor(pid, console);
  },
});

/** `--process`, or the container's own process with what the flags say. */
function processOf({ flags: values, changed, args }: Given, base: Process): Process {
  if (values.process !== '')
    return inheritProcess(parse(readFileSync(values.process, 'utf8'), values.process) as Process, base);
  const [, ...command] = args;
  if (command.length === 0) throw invalidArgument('process args cannot be empty');
  const { consoleSize: _, ...inherited } = base;
  return {
    ...inherited,
    args: command,
    terminal: values.tty,
    env: [...(base.env ?? []), ...values.env],
    user: userOf(values.user, values['additional-gids'], base),
    ...(values.cwd === '' ? {} : { cwd: values.cwd }),
    ...(values.apparmor === '' ? {} : { apparmorProfile: values.apparmor }),
    ...(values['process-label'] === '' ? {} : { selinuxLabel: values['process-label'] }),
    ...(changed.has('no-new-privs') ? { noNewPrivileges: values['no-new-privs'] } : {}),
    ...(values.cap.length === 0 ? {} : { capabilities: withCapabilities(values.cap, base) }),
  };
}

function userOf(text_: string, gids: readonly string[], base: Process): Process['user'] {
  const additionalGids = [...(base.user.additionalGids ?? []), ...gids.map((gid) => idOf(gid, 'gid'))];
  if (text_ === '') return { ...base.user, additionalGids };
  const [uid = '', gid] = text_.split(':');
  return {
    ...base.user,
    additionalGids,
    uid: idOf(uid, 'uid'),
    ...(gid === undefined ? {} : { gid: idOf(gid, 'gid') }),
  };
}

function idOf(given: string, kind: string): number {
  const number = /^\d+$/.test(given) ? Number(given) : Number.NaN;
  if (number <= 0xffff_fffe) return number;
  throw invalidArgument(`parsing ${given} as int for ${kind} failed: invalid syntax`);
}

/** Ambient ones only where some are inheritable already, as in runc: without those they can't be. */
function withCapabilities(added: readonly string[], { capabilities = {} }: Process): Capabilities {
  const { inheritable = [], ambient = [], bounding = [], effective = [], permitted = [] } = capabilities;
  const plus = (list_: readonly string[]): string[] => [...new Set([...list_, ...added])];
  return {
    bounding: plus(bounding),
    effective: plus(effective),
    permitted: plus(permitted),
    inheritable,
    ambient: inheritable.length > 0 ? plus(ambient) : ambient,
  };
}
