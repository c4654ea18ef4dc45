import { invalidArgument } from '../../common/errors.ts';
import type { Process } from '../spec.ts';

/**
 * `--preserve-fds`, and the sockets of systemd's activation, which come first (man 3 sd_listen_fds): LISTEN_PID is the container's
 * own first process. Throws `invalid-argument` for a descriptor that is not open.
 */
export function preservedFds(
  asked: number | undefined,
  process_: Process,
): { readonly count: number; readonly process: Process } {
  const preserved = asked ?? 0;
  if (preserved < 0) throw invalidArgument(`preserve-fds must not be negative: ${preserved}`);
  const listening = Number(process.env['LISTEN_FDS'] ?? 0) || 0;
  const end = 3 + listening + preserved;
  for (let fd = 3 + listening; fd < end; fd += 1) if (!isOpen(fd)) throw notOpen(fd);
  // Who promises sockets and brings none gets none: at their numbers there is something of Node's now.
  const last = Array.from({ length: listening }, (_, index) => 3 + index).find((fd) => !isOpen(fd)) ?? end;
  const env = listening === 0 ? [] : [`LISTEN_FDS=${listening}`, 'LISTEN_PID=1'];
  return {
    count: last - 3,
    process: env.length === 0 ? process_ : { ...process_, env: [...(process_.env ?? []), ...env] },
  };
}

/** The launcher (scripts/build/launchers.ts) names those that were open before Node opened its own, which are nobody else's. */
const isOpen = (fd: number): boolean => (process.env['WHERRY_OPEN_FDS'] ?? '').includes(`,${fd},`);

const notOpen = (fd: number): Error => invalidArgument(`unable to stat preserved-fd ${fd}: it is not open`);
