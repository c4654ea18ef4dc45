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
  for (let fd = 3; fd < 3 + preserved + listening; fd += 1) checkOpen(fd);
  const env = listening === 0 ? [] : [`LISTEN_FDS=${listening}`, 'LISTEN_PID=1'];
  return {
    count: preserved + listening,
    process: env.length === 0 ? process_ : { ...process_, env: [...(process_.env ?? []), ...env] },
  };
}

/** The launcher (scripts/build/launchers.ts) names those that were open before Node opened its own, which are nobody else's. */
function checkOpen(fd: number): void {
  const open = process.env['WHERRY_OPEN_FDS'] ?? '';
  if (!open.includes(`,${fd},`)) throw invalidArgument(`unable to stat preserved-fd ${fd}: it is not open`);
}
