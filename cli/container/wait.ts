import { messageOf } from '../../common/errors.ts';
import type { Daemon } from '../http/daemon.ts';
import { printError } from '../output.ts';

/** What the client ends with when the daemon can't tell how the container ended. */
const UNKNOWN_STATUS = 125;

/**
 * Subscribes to the end of a container: resolves when the daemon listens, to a promise of the exit code. To be called
 * before the container starts, so that no end is missed.
 */
export async function subscribeExit(
  daemon: Daemon,
  id: string,
  condition: 'next-exit' | 'removed' | 'not-running',
): Promise<{ readonly status: Promise<number> }> {
  const answer = await daemon.send({ method: 'POST', path: `/containers/${id}/wait`, query: { condition } });
  return { status: answer.text().then(readStatus, unknown) };
}

interface WaitAnswer {
  readonly StatusCode: number;
  readonly Error?: { readonly Message?: string } | null;
}

function readStatus(text: string): number {
  const { StatusCode, Error } = JSON.parse(text) as WaitAnswer;
  if (Error?.Message === undefined || Error.Message === '') return StatusCode;
  printError(`Error waiting for container: ${Error.Message}\n`);
  return UNKNOWN_STATUS;
}

function unknown(error: unknown): number {
  printError(`error waiting for container: ${messageOf(error)}\n`);
  return UNKNOWN_STATUS;
}
