import { join } from 'node:path';
import { makeCtx, type Ctx } from '../../../common/ctx.ts';
import { WherryError } from '../../../common/errors.ts';
import { silentLog } from '../../../common/log.ts';
import { connectShim } from '../../../shim/connection.ts';
import type { Exit, Shim } from '../../../shim/contract.ts';
import { readExitFile } from '../../../shim/exit-file.ts';
import type { ShimEvent } from '../../../shim/frames.ts';
import { liveShim } from '../../../shim/live.ts';
import type { Place } from './find.ts';

export type Answer =
  | {
      readonly kind: 'live';
      readonly shim: Shim;
      readonly startedAtNs: bigint;
      readonly ended: Promise<void>;
    }
  | { readonly kind: 'exited'; readonly exit: Exit }
  /** Neither listens nor left a record. */
  | { readonly kind: 'gone' };

/** Long enough for a busy machine; a shim that is stopped never answers. */
const DEADLINE_MS = 5000;

export const within = (timeoutMs = DEADLINE_MS): Ctx => makeCtx(silentLog, AbortSignal.timeout(timeoutMs));

/** Asks a shim itself. Throws `deadline-exceeded` when it takes the connection and says nothing. */
export async function askShim({ id, directory }: Place): Promise<Answer> {
  const recorded = await readExitFile(directory);
  if (recorded !== undefined) return { kind: 'exited', exit: recorded };
  const { signal } = within();
  const connection = await connectShim(join(directory, 'sock'), signal);
  if (connection === undefined) return { kind: 'gone' };
  const { promise, resolve, reject } = Promise.withResolvers<ShimEvent | undefined>();
  signal.addEventListener('abort', () =>
    reject(
      new WherryError(
        'deadline-exceeded',
        `the shim of ${id} takes the connection and does not answer: is it stopped?`,
      ),
    ),
  );
  connection.listen({
    onEvent: (event) => {
      connection.listen(undefined);
      resolve(event);
    },
    onClose: () => resolve(undefined),
  });
  const event = await promise;
  if (event?.kind === 'exited') return { kind: 'exited', exit: event.exit };
  if (event?.kind !== 'started') return { kind: 'gone' };
  const ended = Promise.withResolvers<void>();
  const hooks = {
    onExit: () => ended.resolve(),
    onDetach: () => ended.resolve(),
    onLogError: () => undefined,
    onLost: () => ended.resolve(),
  };
  const shim = liveShim(connection, { ...event, earlier: [] }, hooks);
  return { kind: 'live', shim, startedAtNs: event.startedAtNs, ended: ended.promise };
}
