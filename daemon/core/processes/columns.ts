import type { ProcessFacts } from './process.ts';
import { clockTime, elapsedTime, shortTime, startTime } from './times.ts';

/** What columns need besides the process itself. */
export interface Surroundings {
  readonly nowMs: number;
  /** Seconds since the host's boot. */
  readonly uptimeS: number;
  readonly memoryBytes: number;
  /** The host's name for a user or group; the number where it has none. */
  readonly userName: (uid: number) => string;
  readonly groupName: (gid: number) => string;
}

export interface Column {
  readonly title: string;
  readonly show: (process: ProcessFacts, host: Surroundings) => string;
}

type Show = Column['show'];

const column = (title: string, show: Show): Column => ({ title, show });
const number = (title: string, of: (process: ProcessFacts) => number): Column =>
  column(title, (process) => String(of(process)));

const cpuPercent = (process: ProcessFacts, { uptimeS }: Surroundings): number => {
  const elapsedS = uptimeS - process.startedS;
  return elapsedS <= 0 ? 0 : (process.cpuS / elapsedS) * 100;
};

const user =
  (which: 0 | 1): Show =>
  ({ uids }, { userName }) =>
    fitted(userName(uids[which]));
const group =
  (which: 0 | 1): Show =>
  ({ gids }, { groupName }) =>
    fitted(groupName(gids[which]));

const NAME_WIDTH = 8;
/** ps marks a name that it had to cut. */
const fitted = (name: string): string =>
  name.length <= NAME_WIDTH ? name : `${name.slice(0, NAME_WIDTH - 1)}+`;

const startedMs = ({ startedS }: ProcessFacts, { nowMs, uptimeS }: Surroundings): number =>
  nowMs - (uptimeS - startedS) * 1000;

const startColumn = (title: string): Column =>
  column(title, (process, host) => startTime(startedMs(process, host), host.nowMs));

/** The arguments; the name in brackets where there are none, as for what has ended. */
const commandLine: Show = ({ args, comm, state }) => {
  if (state === 'Z') return `[${comm}] <defunct>`;
  return args.length === 0
    ? `[${comm}]`
    : args
        .join(' ')
        .replaceAll(/[\n\t]/g, ' ')
        .trim();
};

const commandName: Show = ({ comm, state }) => (state === 'Z' ? `${comm} <defunct>` : comm);

const PTS_MAJORS: readonly [number, number] = [136, 143];

/** The kernel's Documentation/admin-guide/devices.txt. */
const terminal: Show = ({ ttyNumber }) => {
  if (ttyNumber === 0) return '?';
  const major = (ttyNumber >> 8) & 0xfff;
  const minor = (ttyNumber & 0xff) | ((ttyNumber >> 12) & 0xfff00);
  if (major >= PTS_MAJORS[0] && major <= PTS_MAJORS[1]) return `pts/${(major - PTS_MAJORS[0]) * 256 + minor}`;
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
  return major === 5 && minor === 1 ? 'console' : '?';
};

/** man 1 ps, "PROCESS STATE CODES". */
const longState: Show = ({ state, nice, lockedBytes, sid, pid, threads, foreground, pgid }) =>
  [
    state,
    nice < 0 ? '<' : nice > 0 ? 'N' : '',
    lockedBytes > 0 ? 'L' : '',
    sid === pid ? 's' : '',
    threads > 1 ? 'l' : '',
    foreground === pgid ? '+' : '',
  ].join('');

const percentOfMemory: Show = ({ residentBytes }, { memoryBytes }) =>
  Math.min(99.9, Math.floor((residentBytes / memoryBytes) * 1000) / 10).toFixed(1);

const percentOfCpu: Show = (process, host) => (Math.floor(cpuPercent(process, host) * 10) / 10).toFixed(1);

const SESSION = (title: string): Column => number(title, ({ sid }) => sid);

/** man 1 ps, "STANDARD FORMAT SPECIFIERS", with ps's headings. A heading or value of several words would be torn by clients. */
export const COLUMNS: Readonly<Record<string, Column>> = {
  pid: number('PID', ({ pid }) => pid),
  ppid: number('PPID', ({ ppid }) => ppid),
  pgid: number('PGID', ({ pgid }) => pgid),
  pgrp: number('PGRP', ({ pgid }) => pgid),
  sid: SESSION('SID'),
  sess: SESSION('SESS'),
  session: SESSION('SESS'),
  uid: number('UID', ({ uids }) => uids[1]),
  euid: number('EUID', ({ uids }) => uids[1]),
  ruid: number('RUID', ({ uids }) => uids[0]),
  gid: number('GID', ({ gids }) => gids[1]),
  egid: number('EGID', ({ gids }) => gids[1]),
  rgid: number('RGID', ({ gids }) => gids[0]),
  user: column('USER', user(1)),
  uname: column('USER', user(1)),
  euser: column('EUSER', user(1)),
  ruser: column('RUSER', user(0)),
  group: column('GROUP', group(1)),
  egroup: column('EGROUP', group(1)),
  rgroup: column('RGROUP', group(0)),
  comm: column('COMMAND', commandName),
  ucomm: column('COMMAND', commandName),
  ucmd: column('CMD', commandName),
  args: column('COMMAND', commandLine),
  command: column('COMMAND', commandLine),
  cmd: column('CMD', commandLine),
  '%cpu': column('%CPU', percentOfCpu),
  pcpu: column('%CPU', percentOfCpu),
  /** Ours: for who measures between two looks. */
  cpums: number('CPUMS', ({ cpuS }) => Math.round(cpuS * 1000)),
  c: column('C', (process, host) => String(Math.min(99, Math.floor(cpuPercent(process, host))))),
  '%mem': column('%MEM', percentOfMemory),
  pmem: column('%MEM', percentOfMemory),
  vsz: number('VSZ', ({ virtualBytes }) => Math.floor(virtualBytes / 1024)),
  vsize: number('VSZ', ({ virtualBytes }) => Math.floor(virtualBytes / 1024)),
  rss: number('RSS', ({ residentBytes }) => residentBytes / 1024),
  rssize: number('RSS', ({ residentBytes }) => residentBytes / 1024),
  rsz: number('RSZ', ({ residentBytes }) => residentBytes / 1024),
  tty: column('TT', terminal),
  tt: column('TT', terminal),
  tname: column('TTY', terminal),
  s: column('S', ({ state }) => state),
  state: column('S', ({ state }) => state),
  stat: column('STAT', longState),
  start_time: startColumn('START'),
  stime: startColumn('STIME'),
  etime: column('ELAPSED', ({ startedS }, { uptimeS }) => elapsedTime(uptimeS - startedS)),
  etimes: column('ELAPSED', ({ startedS }, { uptimeS }) => String(Math.floor(uptimeS - startedS))),
  time: column('TIME', ({ cpuS }) => clockTime(cpuS)),
  cputime: column('TIME', ({ cpuS }) => clockTime(cpuS)),
  bsdtime: column('TIME', ({ cpuS }) => shortTime(cpuS)),
  ni: number('NI', ({ nice }) => nice),
  nice: number('NI', ({ nice }) => nice),
  pri: number('PRI', ({ priority }) => 39 - priority),
  nlwp: number('NLWP', ({ threads }) => threads),
  thcount: number('THCNT', ({ threads }) => threads),
  psr: number('PSR', ({ processor }) => processor),
};
