import { readFile } from 'node:fs/promises';

/** What /proc says of one process (man 5 proc_pid_stat, proc_pid_status). Times in seconds, sizes in bytes. */
export interface ProcessFacts {
  readonly pid: number;
  readonly comm: string;
  /** Empty for what has none, such as a zombie. */
  readonly args: readonly string[];
  readonly state: string;
  readonly ppid: number;
  readonly pgid: number;
  readonly sid: number;
  readonly ttyNumber: number;
  readonly foreground: number;
  readonly cpuS: number;
  /** Of the host's boot. */
  readonly startedS: number;
  readonly priority: number;
  readonly nice: number;
  readonly threads: number;
  readonly processor: number;
  readonly virtualBytes: number;
  readonly residentBytes: number;
  readonly lockedBytes: number;
  /** Real, effective. */
  readonly uids: readonly [number, number];
  readonly gids: readonly [number, number];
}

/** USER_HZ is 100 on every machine that we run on (man 7 time). */
const TICKS_PER_S = 100;

/** Undefined for one that has ended. */
export async function readProcess(pid: number): Promise<ProcessFacts | undefined> {
  try {
    const [stat, status, cmdline] = await Promise.all(
      ['stat', 'status', 'cmdline'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')),
    );
    return parseProcess(pid, { stat: stat ?? '', status: status ?? '', cmdline: cmdline ?? '' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

interface Texts {
  readonly stat: string;
  readonly status: string;
  readonly cmdline: string;
}

export function parseProcess(pid: number, { stat, status, cmdline }: Texts): ProcessFacts {
  // A command's name may hold anything, parentheses and blanks too.
  const end = stat.lastIndexOf(')');
  const [state = '?', ...rest] = stat.slice(end + 2).split(' ');
  // The manual's field 4 is the first of the rest.
  const field = (number: number): number => Number(rest[number - 4] ?? 0);
  const line = (key: string): number[] =>
    (new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '').split(/\s+/).map((word) => Number(word));
  const [uid = 0, euid = 0] = line('Uid');
  const [gid = 0, egid = 0] = line('Gid');
  const kilobytes = (key: string): number => (line(key)[0] || 0) * 1024;
  return {
    pid,
    comm: stat.slice(stat.indexOf('(') + 1, end),
    args: cmdline === '' ? [] : cmdline.replace(/\0+$/, '').split('\0'),
    state,
    ppid: field(4),
    pgid: field(5),
    sid: field(6),
    ttyNumber: field(7),
    foreground: field(8),
    cpuS: (field(14) + field(15)) / TICKS_PER_S,
    startedS: field(22) / TICKS_PER_S,
    priority: field(18),
    nice: field(19),
    threads: field(20),
    processor: field(39),
    virtualBytes: field(23),
    residentBytes: kilobytes('VmRSS'),
    lockedBytes: kilobytes('VmLck'),
    uids: [uid, euid],
    gids: [gid, egid],
  };
}
